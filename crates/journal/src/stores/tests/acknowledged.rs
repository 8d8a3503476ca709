//! Records that the index knows were durable: damage to them is never taken for a torn end, even without a seal.

use std::path::Path;
use std::sync::Arc;

use kassette_stdx::{FakeClock, SeededEntropy};

use super::{append_batch, chain_at, rows, small, used};
use crate::contract::{Chain, append};
use crate::index::{Index, IndexError, LogSource, MemoryIndex};
use crate::log::files::LogFiles;
use crate::log::for_index::LogForIndex;
use crate::log::segment::{SegmentHeader, segment_name};
use crate::log::simulated::SimulatedStorage;
use crate::log::state::{LogEnd, LogState};
use crate::stores::embedded::IndexPlace;
use crate::{AppendError, EmbeddedJournal, IndexKind, Journal, JournalError, JournalOptions, Position};

/// Five rows of cash box 1 between two of cash box 2, not sealed; gives where the last record, of cash box 1, starts.
fn write(journal: &EmbeddedJournal) -> u32 {
    let (mut one, mut two) = (Chain::new(1), Chain::new(2));
    append(journal, two.next()).unwrap();
    for _ in 0..4 {
        append(journal, one.next()).unwrap();
    }
    append(journal, two.next()).unwrap();
    append(journal, one.next()).unwrap().offset
}

/// Opens a simulated folder with an index in memory that has everything up to record `number`.
fn open_with_index(storage: &SimulatedStorage, index: Option<MemoryIndex>) -> EmbeddedJournal {
    let opened = index.map_or_else(
        || Ok(Box::new(MemoryIndex::default()) as Box<dyn Index>),
        |index| Ok::<_, IndexError>(Box::new(index) as Box<dyn Index>),
    );
    EmbeddedJournal::assemble(
        Arc::new(storage.clone()),
        None,
        IndexPlace { opened, fresh: IndexPlace::memory().fresh },
        small(),
        Arc::new(FakeClock::at(1_700_000_000_000_000_000)),
        &SeededEntropy::new(1),
        &mut |_| {},
    )
    .unwrap()
}

fn index_of(storage: &SimulatedStorage, number: u64) -> MemoryIndex {
    let files = Arc::new(LogFiles::new(Arc::new(storage.clone()), 4));
    files.add(SegmentHeader::read(&*files.file(1).unwrap(), 1).unwrap().0);
    let end = LogEnd { number, position: Position { segment: 1, offset: u32::MAX } };
    let log = LogForIndex { files, state: Arc::new(LogState::new(end)) };
    let entries: Vec<_> = log.scan(1).map(Result::unwrap).filter(|entry| entry.number <= number).collect();
    assert_eq!(entries.len() as u64, number);
    let index = MemoryIndex::default();
    index.apply(&entries).unwrap();
    index
}

/// Cash box 1 is refused in every way, cash box 2 goes on.
fn refuses_only_the_first(journal: &EmbeddedJournal, rows_of_two: u64, what: &str) {
    let one = Chain::new(1);
    let status = journal.status();
    assert_eq!(status.cut, None, "{what}");
    assert!(!status.damages.is_empty(), "{what}");
    assert!(matches!(journal.head(one.cash_box), Err(JournalError::Damaged(_))), "{what}: {status:?}");
    let operation = journal.operation(one.cash_box, one.operation(5));
    assert!(matches!(operation, Err(JournalError::Damaged(_))), "{what}: {operation:?}");
    for count in [4, 5] {
        let again = append(journal, chain_at(1, count).next());
        assert!(matches!(again, Err(AppendError::Damaged(_))), "{what}: {again:?}");
    }
    assert_eq!(rows(journal, 2), rows_of_two, "{what}");
    append(journal, chain_at(2, rows_of_two).next()).unwrap_or_else(|error| panic!("{what}: {error}: {status:?}"));
}

#[test]
fn every_flipped_byte_of_an_indexed_last_batch_is_damage() {
    let written = SimulatedStorage::default();
    let journal = open_with_index(&written, None);
    let start = write(&journal) as usize;
    let killed = written.after_kill();
    drop(journal);
    let name = segment_name(1);
    let whole = killed.file(&name);
    assert!(used(&whole) - start > 300);
    for at in start..used(&whole) {
        let storage = killed.after_kill();
        let mut bytes = whole.clone();
        bytes[at] ^= 0x04;
        storage.set_file(&name, bytes.clone());
        let journal = open_with_index(&storage, Some(index_of(&killed, 7)));
        refuses_only_the_first(&journal, 2, &format!("flip at {at}"));
        let kept = storage.file(&name);
        assert!(kept[start..used(&bytes)] == bytes[start..used(&bytes)], "flip at {at}: the evidence stays");
        if at % 8 == 0 {
            // The log itself remembers, also without an index.
            let storage = storage.after_kill();
            drop(journal);
            refuses_only_the_first(&open_with_index(&storage, None), 3, &format!("again, flip at {at}"));
        }
    }
}

#[test]
fn an_indexed_record_that_is_zeroed_or_cut_off_is_damage() {
    let written = SimulatedStorage::default();
    let journal = open_with_index(&written, None);
    let start = write(&journal) as usize;
    let killed = written.after_kill();
    drop(journal);
    let name = segment_name(1);
    let whole = killed.file(&name);
    for from in [start, start + 20, start + 60, start + 300] {
        for shorter in [true, false] {
            let storage = killed.after_kill();
            let mut bytes = whole[..from].to_vec();
            if !shorter {
                bytes.resize(whole.len(), 0);
            }
            storage.set_file(&name, bytes);
            let what = format!("from {from}, shorter {shorter}");
            refuses_only_the_first(&open_with_index(&storage, Some(index_of(&killed, 7))), 2, &what);
        }
    }
}

#[test]
fn a_torn_batch_behind_what_the_index_knows_is_cut_and_kept_in_a_file() {
    let written = SimulatedStorage::default();
    let journal = open_with_index(&written, None);
    let start = write(&journal) as usize;
    let killed = written.after_kill();
    drop(journal);
    let name = segment_name(1);
    let mut bytes = killed.file(&name);
    let end = used(&bytes).next_multiple_of(8);
    bytes[start + 100] ^= 1;
    let torn = bytes[start..end].to_vec();
    killed.set_file(&name, bytes);
    let index = index_of(&killed, 6);
    let journal = open_with_index(&killed, Some(index));
    let status = journal.status();
    assert_eq!(status.damages, []);
    assert_eq!(status.cut.map(|cut| cut.offset as usize), Some(start));
    assert_eq!(rows(&journal, 1), 4);
    assert!(killed.file(&format!("cut-00000001-{start}.bin")) == torn);
    append(&journal, chain_at(1, 4).next()).unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn a_flip_after_a_kill_never_renumbers_what_sled_knows() {
    let folder = tempfile::tempdir().unwrap();
    let options = JournalOptions { index: IndexKind::Sled, ..small() };
    let killed = folder.path().join("killed");
    let journal = EmbeddedJournal::open(&killed, options.clone()).unwrap();
    let start = write(&journal) as usize;
    journal.wait_for_index();
    journal.abandon();
    drop(journal);
    let whole = std::fs::read(killed.join(segment_name(1))).unwrap();
    for at in (start..used(&whole)).step_by(29) {
        let case = folder.path().join(at.to_string());
        copy(&killed, &case);
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        std::fs::write(case.join(segment_name(1)), bytes).unwrap();
        for round in 0..3 {
            let journal = EmbeddedJournal::open(&case, options.clone()).unwrap();
            refuses_only_the_first(&journal, 2 + round, &format!("flip at {at}, round {round}"));
            journal.wait_for_index();
            if round == 1 { journal.close() } else { journal.abandon() }
        }
    }
    // All of it gone: the index is the only witness, and whose record it was may be untold; nobody loses a record silently.
    let case = folder.path().join("gone");
    copy(&killed, &case);
    let mut bytes = whole.clone();
    bytes[start..].fill(0);
    std::fs::write(case.join(segment_name(1)), bytes).unwrap();
    for _ in 0..2 {
        let journal = EmbeddedJournal::open(&case, options.clone()).unwrap();
        let one = Chain::new(1);
        assert!(matches!(journal.operation(one.cash_box, one.operation(5)), Err(JournalError::Damaged(_))));
        assert!(matches!(append(&journal, chain_at(1, 4).next()), Err(AppendError::Damaged(_))));
        journal.abandon();
    }
}

#[test]
fn what_was_left_of_a_torn_batch_is_not_damage_at_the_next_opening() {
    let storage = SimulatedStorage::default();
    let journal = open_with_index(&storage, None);
    let mut one = Chain::new(1);
    let first = one.next();
    append_batch(&journal, &storage, first, vec![one.next(), one.next(), one.next()]);
    let last = journal.position_of(one.cash_box, 4).offset as usize;
    let middle = journal.position_of(one.cash_box, 3).offset as usize;
    let killed = storage.after_kill();
    drop(journal);
    let name = segment_name(1);
    let mut bytes = killed.file(&name);
    let whole = bytes.clone();
    bytes[last..].fill(0);
    killed.set_file(&name, bytes.clone());
    drop(open_with_index(&killed.after_kill(), None));
    // Record 3 of 4 was kept and is in the index; then the next batch is torn as well.
    let index = || index_of(&killed, 3);
    for torn in [false, true] {
        let again = killed.after_kill();
        if torn {
            bytes[last..last + 64].fill(0x77);
            again.set_file(&name, bytes.clone());
        }
        let journal = open_with_index(&again, Some(index()));
        let status = journal.status();
        assert_eq!(status.damages, [], "torn {torn}");
        assert_eq!(rows(&journal, 1), 3);
        append(&journal, chain_at(1, 3).next()).unwrap();
    }
    // A batch that the index has half was durable as a whole.
    let half = killed.after_kill();
    let mut bytes = whole;
    bytes[middle + 100] ^= 1;
    half.set_file(&name, bytes);
    let journal = open_with_index(&half, Some(index_of(&killed, 2)));
    assert!(journal.head(one.cash_box).is_err());
    assert_eq!(journal.status().cut, None);
}
