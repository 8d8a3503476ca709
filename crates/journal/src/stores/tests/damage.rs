//! Damage before a later batch or a seal: named, and only the cash boxes it touches are refused.

use std::sync::Arc;

use super::{chain_at, open, rows, small, used};
use crate::contract::{Chain, append, append_all};
use crate::log::files::LogFiles;
use crate::log::frame::FRAME_HEAD_BYTES;
use crate::log::scan::{Found, SegmentScan};
use crate::log::segment::{HEADER_BLOCK_BYTES, SegmentHeader, segment_name};
use crate::log::simulated::SimulatedStorage;
use crate::{AppendError, Journal, JournalError, JournalOptions};

const BOXES: u32 = 3;
const ROWS: u64 = 4;

/// A small sealed journal: three cash boxes with four rows each, every record a batch of its own.
fn sealed() -> SimulatedStorage {
    let storage = SimulatedStorage::default();
    let journal = open(&storage, small()).unwrap();
    let mut chains: Vec<_> = (0..BOXES).map(Chain::new).collect();
    for _ in 0..ROWS {
        for chain in &mut chains {
            append(&journal, chain.next()).unwrap();
        }
    }
    journal.close();
    storage
}

#[test]
fn every_byte_in_use_of_a_sealed_journal_flipped() {
    let sealed = sealed();
    let name = segment_name(1);
    let whole = sealed.file(&name);
    let end = used(&whole).next_multiple_of(8);
    let mut refused_alone = 0;
    let header_block = (0..HEADER_BLOCK_BYTES as usize).step_by(31);
    for at in header_block.chain(HEADER_BLOCK_BYTES as usize..end) {
        let storage = sealed.after_kill();
        let mut bytes = whole.clone();
        bytes[at] ^= 0x20;
        storage.set_file(&name, bytes);
        let journal = open(&storage, small()).unwrap_or_else(|error| panic!("flip at {at}: {error}"));
        let status = journal.status();
        let named = status.damages.iter().chain(&status.cut);
        let places: Vec<_> = named.map(|damage| (damage.segment, damage.offset as usize)).collect();
        assert!(!places.is_empty(), "flip at {at} is not detected");
        // The first named place is the frame (or copy of the header block) that holds the byte.
        let (segment, offset) = places[0];
        assert!(segment == 1 && offset <= at && at - offset < 2048, "flip at {at} is named as {places:?}");

        let refused: Vec<u32> = (0..BOXES).filter(|seed| journal.head(Chain::new(*seed).cash_box).is_err()).collect();
        assert!(refused.len() <= 1, "flip at {at} refuses {refused:?}: {status:?}");
        let in_records = at >= HEADER_BLOCK_BYTES as usize && at < end - FRAME_HEAD_BYTES - 4;
        assert_eq!(refused.len() == 1, in_records, "flip at {at} refuses {refused:?}: {status:?}");
        refused_alone += refused.len();
        for seed in 0..BOXES {
            let chain = chain_at(seed, ROWS);
            let result = append(&journal, chain.clone().next());
            if refused.contains(&seed) {
                assert!(matches!(result, Err(AppendError::Damaged(_))), "flip at {at}: {result:?}");
                let error = journal.operation(chain.cash_box, chain.operation(2)).unwrap_err();
                assert!(matches!(error, JournalError::Damaged(_)));
            } else {
                assert!(result.is_ok(), "flip at {at}: cash box {seed}: {result:?}");
                assert_eq!(rows(&journal, seed), ROWS + 1, "flip at {at}");
            }
        }
    }
    assert!(refused_alone > 1000);
}

#[test]
fn damage_before_the_last_batch_of_a_killed_journal_does_not_cut_it() {
    let storage = SimulatedStorage::default();
    let journal = open(&storage, small()).unwrap();
    let (mut one, mut two) = (Chain::new(1), Chain::new(2));
    append_all(&journal, vec![one.next(), two.next()]);
    let lost = append(&journal, one.next()).unwrap();
    append(&journal, two.next()).unwrap();
    let killed = storage.after_kill();
    drop(journal);
    let name = segment_name(1);
    let mut bytes = killed.file(&name);
    bytes[lost.offset as usize + FRAME_HEAD_BYTES + 80] ^= 1;
    killed.set_file(&name, bytes);
    let journal = open(&killed, small()).unwrap();
    assert_eq!(journal.status().cut, None);
    assert_eq!(rows(&journal, 2), 2);
    assert!(journal.head(one.cash_box).is_err());
}

#[test]
fn damage_is_still_named_after_more_was_appended() {
    let storage = sealed();
    let name = segment_name(1);
    let mut bytes = storage.file(&name);
    bytes[HEADER_BLOCK_BYTES as usize + FRAME_HEAD_BYTES + 10] ^= 1;
    storage.set_file(&name, bytes);
    for round in 0..3 {
        let journal = open(&storage, small()).unwrap();
        let refused = Chain::new(0);
        assert!(matches!(journal.head(refused.cash_box), Err(JournalError::Damaged(_))), "round {round}");
        assert_eq!(append(&journal, chain_at(1, ROWS + round).next()).map(|_| ()), Ok(()));
        journal.close();
    }
}

#[test]
fn a_run_of_lost_frames_refuses_exactly_those_it_touches() {
    let storage = SimulatedStorage::default();
    let journal = open(&storage, small()).unwrap();
    let mut chains: Vec<_> = (0..4).map(Chain::new).collect();
    let mut positions = Vec::new();
    for row in 0..6 {
        for chain in chains.iter_mut().take(if row == 5 { 3 } else { 4 }) {
            positions.push(append(&journal, chain.next()).unwrap());
        }
    }
    journal.close();
    let name = segment_name(1);
    let mut bytes = storage.file(&name);
    // Row 3 of the first two cash boxes is overwritten, heads and all.
    bytes[positions[8].offset as usize..positions[10].offset as usize].fill(0xff);
    storage.set_file(&name, bytes);
    let journal = open(&storage, small()).unwrap();
    let refused: Vec<_> = (0..4).map(|seed| journal.head(Chain::new(seed).cash_box).is_err()).collect();
    assert_eq!(refused, [true, true, false, false], "{:?}", journal.status().damages);
    let damages = journal.status().damages;
    assert!(damages.iter().any(|damage| damage.cash_box == Some(Chain::new(0).cash_box) && damage.row == Some(3)));
    assert!(damages.iter().all(|damage| damage.segment == 1 && damage.offset == positions[8].offset), "{damages:?}");
}

#[test]
fn when_nothing_tells_whose_record_is_lost_the_unproven_are_refused() {
    let storage = SimulatedStorage::default();
    let journal = open(&storage, small()).unwrap();
    let (mut idle, mut busy, mut lost) = (Chain::new(1), Chain::new(2), Chain::new(3));
    append_all(&journal, vec![idle.next(), busy.next(), lost.next()]);
    let last = append(&journal, lost.next()).unwrap();
    let next = append(&journal, busy.next()).unwrap();
    journal.close();
    let name = segment_name(1);
    let mut bytes = storage.file(&name);
    bytes[last.offset as usize..next.offset as usize].fill(0xee);
    storage.set_file(&name, bytes);
    let journal = open(&storage, small()).unwrap();
    // The last record of cash box 3 is gone without a trace; cash box 1 cannot prove that it was not its own.
    assert!(journal.head(lost.cash_box).is_err());
    assert!(journal.head(idle.cash_box).is_err());
    assert_eq!(append(&journal, busy.next()).map(|_| ()), Ok(()));
    let unknown = append(&journal, Chain::new(9).next());
    assert!(matches!(unknown, Err(AppendError::Damaged(_))), "the lost record may have been its first: {unknown:?}");
    assert!(journal.operation(Chain::new(9).cash_box, Chain::new(9).operation(1)).is_err());
}

#[test]
fn a_cut_in_an_earlier_segment_is_damage() {
    let storage = SimulatedStorage::default();
    let journal = open(&storage, small()).unwrap();
    let mut chain = Chain::new(1);
    let mut last_of_first = None;
    loop {
        let position = append(&journal, chain.next()).unwrap();
        if position.segment > 1 {
            break;
        }
        last_of_first = Some(position);
    }
    let killed = storage.after_kill();
    let last = last_of_first.unwrap();
    let mut bytes = killed.file(&segment_name(1));
    bytes[last.offset as usize..].fill(0);
    killed.set_file(&segment_name(1), bytes);
    let journal = open(&killed, small()).unwrap();
    let damages = journal.status().damages;
    assert_eq!((damages[0].segment, damages[0].offset), (1, last.offset), "{damages:?}");
    assert!(journal.head(chain.cash_box).is_err());
    assert_eq!(journal.status().cut, None);
}

#[test]
fn a_sealed_journal_cut_behind_its_index_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let options = JournalOptions { batch_records_max: 2, ..small() };
    let journal = crate::EmbeddedJournal::open(folder.path(), options.clone()).unwrap();
    let (mut one, mut two) = (Chain::new(1), Chain::new(2));
    append(&journal, two.next()).unwrap();
    append(&journal, one.next()).unwrap();
    let from = append(&journal, one.next()).unwrap();
    for _ in 0..20 {
        append(&journal, one.next()).unwrap();
    }
    journal.close();
    let path = folder.path().join(segment_name(1));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[from.offset as usize..].fill(0);
    std::fs::write(&path, bytes).unwrap();
    for _ in 0..2 {
        let journal = crate::EmbeddedJournal::open(folder.path(), options.clone()).unwrap();
        let error = journal.head(one.cash_box).unwrap_err();
        assert!(error.to_string().contains("acknowledged records"), "{error}");
        assert_eq!(rows(&journal, 2), 1);
        journal.abandon();
    }
    // The operator accepts the loss by deleting the index.
    std::fs::remove_dir_all(folder.path().join("index")).unwrap();
    let journal = crate::EmbeddedJournal::open(folder.path(), options).unwrap();
    assert_eq!(rows(&journal, 1), 1);
    assert!(append(&journal, chain_at(1, 1).next()).is_ok());
}

#[test]
fn fake_frames_in_a_body_do_not_make_the_search_slow() {
    let storage = SimulatedStorage::default();
    let options = JournalOptions { segment_bytes: 1024 * 1024, first_segment_bytes: 1024 * 1024, ..small() };
    let journal = open(&storage, options.clone()).unwrap();
    let (mut one, mut two) = (Chain::new(1), Chain::new(2));
    append_all(&journal, vec![one.next(), two.next()]);
    // 16 bytes that look like the start of a frame of several hundred kilobytes, over and over, at each of the eight alignments.
    let mut body = Vec::new();
    for shift in 0..8 {
        body.extend(std::iter::repeat_n(0xaa, shift));
        for _ in 0..4096 {
            body.extend_from_slice(b"KFR\x01\x01\0\0\0");
            body.extend_from_slice(&300_000_u32.to_le_bytes());
            body.extend_from_slice(&100_000_u32.to_le_bytes());
        }
    }
    let damaged = append(&journal, one.next_with(body, Vec::new())).unwrap();
    append(&journal, two.next()).unwrap();
    journal.close();
    let name = segment_name(1);
    let mut bytes = storage.file(&name);
    bytes[damaged.offset as usize + FRAME_HEAD_BYTES + 10] ^= 1;
    let length = bytes.len() as u64;
    storage.set_file(&name, bytes);

    let files = LogFiles::new(Arc::new(storage.clone()), 4);
    let header = SegmentHeader::read(&*files.file(1).unwrap(), 1).unwrap().0;
    let mut scan = SegmentScan::new(files.file(1).unwrap(), header, 0).unwrap();
    while !matches!(scan.read_next().unwrap(), Found::End { .. }) {}
    assert!(scan.read_bytes() < 8 * length, "{} bytes read of a segment of {length}", scan.read_bytes());
    let journal = open(&storage, options).unwrap();
    assert_eq!(rows(&journal, 2), 2);
    assert!(journal.head(one.cash_box).is_err());
}
