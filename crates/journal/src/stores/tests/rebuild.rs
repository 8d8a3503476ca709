//! An index that is made again while the journal runs must not take damaged records for absent ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kassette_model::{CashBoxId, OperationId, QueueId};
use kassette_stdx::{FakeClock, SeededEntropy};

use super::{chain_at, rows, small};
use crate::contract::{Chain, append};
use crate::index::{Checkpoint, HeadEntry, Index, IndexEntry, IndexError, MemoryIndex};
use crate::log::frame::FRAME_HEAD_BYTES;
use crate::log::segment::segment_name;
use crate::log::simulated::SimulatedStorage;
use crate::stores::embedded::IndexPlace;
use crate::{EmbeddedJournal, Journal, JournalError, JournalOptions};

/// An index that outlives its journal, as one on a disk does, and fails when it is told to.
#[derive(Clone)]
struct Kept {
    index: Arc<MemoryIndex>,
    fails: Arc<AtomicBool>,
}

impl Kept {
    fn ask(&self) -> Result<&MemoryIndex, IndexError> {
        if self.fails.load(Ordering::SeqCst) { Err(IndexError("told to fail".to_owned())) } else { Ok(&self.index) }
    }
}

impl Index for Kept {
    fn apply(&self, entries: &[IndexEntry]) -> Result<(), IndexError> {
        self.ask()?.apply(entries)
    }
    fn checkpoint(&self) -> Result<Option<Checkpoint>, IndexError> {
        self.ask()?.checkpoint()
    }
    fn operation(&self, cash_box: CashBoxId, operation: OperationId) -> Result<Option<crate::Position>, IndexError> {
        self.ask()?.operation(cash_box, operation)
    }
    fn anchor(&self, cash_box: CashBoxId, row: u64) -> Result<Option<(u64, crate::Position)>, IndexError> {
        self.ask()?.anchor(cash_box, row)
    }
    fn receipts(&self, cash_box: CashBoxId, key: u64, limit: usize) -> Result<Vec<crate::Position>, IndexError> {
        self.ask()?.receipts(cash_box, key, limit)
    }
    fn head(&self, cash_box: CashBoxId) -> Result<Option<HeadEntry>, IndexError> {
        self.ask()?.head(cash_box)
    }
    fn configuration(&self, cash_box: CashBoxId) -> Result<Option<Vec<u8>>, IndexError> {
        self.ask()?.configuration(cash_box)
    }
    fn cash_box_of(&self, queue: QueueId) -> Result<Option<CashBoxId>, IndexError> {
        self.ask()?.cash_box_of(queue)
    }
    fn cash_boxes(&self, after: Option<CashBoxId>, limit: usize) -> Result<Vec<CashBoxId>, IndexError> {
        self.ask()?.cash_boxes(after, limit)
    }
    fn unfinished(&self, after: Option<CashBoxId>, limit: usize) -> Result<Vec<CashBoxId>, IndexError> {
        self.ask()?.unfinished(after, limit)
    }
    fn flush(&self) -> Result<(), IndexError> {
        self.ask()?.flush()
    }
}

fn open(storage: &SimulatedStorage, kept: &Kept) -> EmbeddedJournal {
    // Nothing old is read at opening, and the scrubber does not come to it.
    let options =
        JournalOptions { open_scan_bytes_max: 0, scrub_pause_ms: 3_600_000, scrub_chunk_bytes: 4096, ..small() };
    EmbeddedJournal::assemble(
        Arc::new(storage.clone()),
        None,
        IndexPlace { opened: Ok(Box::new(kept.clone())), fresh: IndexPlace::memory().fresh },
        options,
        Arc::new(FakeClock::at(1_700_000_000_000_000_000)),
        &SeededEntropy::new(1),
        &mut |_| {},
    )
    .unwrap()
}

/// Two cash boxes with 60 rows each and one with a single row after them; damages row 20 of the first by `damage`, makes the index
/// fail and be made again, and asks for its operation.
fn after_rebuild(damage: impl Fn(&mut [u8]), check: impl Fn(&EmbeddedJournal)) {
    let storage = SimulatedStorage::default();
    let kept = Kept { index: Arc::default(), fails: Arc::default() };
    let journal = open(&storage, &kept);
    let (mut one, mut two) = (Chain::new(1), Chain::new(2));
    let mut place = None;
    for row in 1..=60 {
        let position = append(&journal, one.next()).unwrap();
        place = if row == 20 { Some(position) } else { place };
        append(&journal, two.next()).unwrap();
    }
    journal.wait_for_index();
    journal.close();

    let place = place.unwrap();
    let name = segment_name(place.segment);
    let mut bytes = storage.file(&name);
    damage(&mut bytes[place.offset as usize..]);
    storage.set_file(&name, bytes);
    let journal = open(&storage, &kept);
    assert_eq!(journal.status().damages, [], "nothing old was read");
    kept.fails.store(true, Ordering::SeqCst);
    assert!(journal.head(two.cash_box).is_err(), "the failure is noticed");
    journal.wait_for_index();
    append(&journal, two.next()).unwrap();
    assert!(journal.status().index.is_none_or(|state| !state.contains("unavailable")));
    let operation = journal.operation(one.cash_box, one.operation(20));
    assert!(matches!(operation, Err(JournalError::Damaged(_))), "{operation:?}");
    assert!(append(&journal, chain_at(1, 60).next()).is_err());
    assert!(!journal.status().damages.is_empty());
    check(&journal);
}

#[test]
fn a_damaged_header_is_not_absent() {
    after_rebuild(
        |frame| frame[FRAME_HEAD_BYTES + 140] ^= 1,
        |journal| {
            assert_eq!(rows(journal, 2), 61);
            append(journal, chain_at(2, 61).next()).unwrap();
            append(journal, Chain::new(9).next()).unwrap();
        },
    );
}

#[test]
fn an_overwritten_frame_is_not_absent() {
    after_rebuild(
        |frame| frame[..300].fill(0xee),
        |journal| {
            assert_eq!(rows(journal, 2), 61);
            append(journal, chain_at(2, 61).next()).unwrap();
        },
    );
}
