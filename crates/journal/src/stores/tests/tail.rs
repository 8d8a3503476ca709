//! The torn end: every cut of the last batch, power cuts at any sync.

use std::sync::Arc;
use std::sync::Mutex;

use kassette_stdx::SeededEntropy;

use super::{append_batch, chain_at, goes_on, open, rows, small, used};
use crate::contract::{Chain, append};
use crate::log::segment::{SPARE_NAME, segment_name};
use crate::log::simulated::{Fault, SimulatedStorage};
use crate::log::storage::Storage;
use crate::{Journal, Position};

/// A journal that was killed after 1 + 1 + 3 records: two batches of one record and one of three. Gives where the last batch starts.
fn killed() -> (SimulatedStorage, u32) {
    let storage = SimulatedStorage::default();
    let journal = open(&storage, small()).unwrap();
    let mut chain = Chain::new(1);
    append(&journal, chain.next()).unwrap();
    let second = chain.next();
    let batch = vec![chain.next(), chain.next(), chain.next()];
    append_batch(&journal, &storage, second, batch);
    let killed = storage.after_kill();
    let start = journal.position_of(chain.cash_box, 3);
    drop(journal);
    (killed, start.offset)
}

#[test]
fn the_last_batch_cut_at_every_byte() {
    let (killed, start) = killed();
    let name = segment_name(1);
    let whole = killed.file(&name);
    let end = used(&whole).next_multiple_of(8);
    assert!(end > start as usize + 300);
    for cut in start as usize..=end {
        for shorter in [true, false] {
            let storage = killed.after_kill();
            let mut bytes = whole[..cut].to_vec();
            if !shorter {
                bytes.resize(whole.len(), 0);
            }
            storage.set_file(&name, bytes);
            let journal = open(&storage, small()).unwrap();
            let status = journal.status();
            assert_eq!(status.damages, [], "cut at {cut}");
            let kept = rows(&journal, 1);
            assert!(kept >= 2, "cut at {cut}: earlier batches stand");
            let whole_again = kept == 5;
            let nothing_left = cut == start as usize;
            assert_eq!(status.cut.is_none(), whole_again || nothing_left, "cut at {cut}: {status:?}");
            if let Some(report) = status.cut {
                assert_eq!(report.segment, 1);
                assert!(
                    report.offset >= start && report.offset as usize <= cut.next_multiple_of(8),
                    "cut at {cut}: {report}"
                );
                let lost = 5 - kept;
                let records = if lost == 1 { "1 record cut off".to_owned() } else { format!("{lost} records cut off") };
                // Before the whole of the first head is there, nothing tells how large the batch was.
                if cut >= start as usize + 56 {
                    assert!(report.reason.contains(&records), "cut at {cut}: {report}");
                }
            }
            goes_on(journal, &storage, small(), 1, kept);
        }
    }
}

#[test]
fn a_flip_in_an_unsealed_last_batch_is_cut_and_reported() {
    let (killed, start) = killed();
    let name = segment_name(1);
    let whole = killed.file(&name);
    for at in start as usize..used(&whole) {
        let storage = killed.after_kill();
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        storage.set_file(&name, bytes);
        let journal = open(&storage, small()).unwrap();
        let status = journal.status();
        let kept = rows(&journal, 1);
        assert!((2..5).contains(&kept), "flip at {at}");
        let report = status.cut.unwrap_or_else(|| panic!("flip at {at} is reported"));
        assert!(report.reason.contains("cut off"), "{report}");
        assert_eq!(status.damages, []);
        goes_on(journal, &storage, small(), 1, kept);
    }
}

#[test]
fn erased_looking_bodies_at_the_end_were_never_written() {
    let (killed, _) = killed();
    let name = segment_name(1);
    let mut bytes = killed.file(&name);
    let last = used(&bytes);
    let body = bytes.windows(10).rposition(|part| part == b"{\"row\":5}\x7b").unwrap();
    // Checksum and salts stand before the body: 4 + 40 bytes.
    bytes[body - 44..last].fill(0);
    killed.set_file(&name, bytes);
    let journal = open(&killed, small()).unwrap();
    assert_eq!(rows(&journal, 1), 4);
    assert!(journal.status().cut.is_some());
}

#[test]
fn power_cuts_lose_nothing_that_was_acknowledged() {
    for seed in 0..60 {
        let random = SeededEntropy::new(seed);
        let mut storage = SimulatedStorage::default();
        let acknowledged: Arc<Mutex<[u64; 3]>> = Arc::new(Mutex::new([0; 3]));
        for round in 0..4 {
            let journal = open(&storage, small()).unwrap_or_else(|error| panic!("seed {seed}, round {round}: {error}"));
            let status = journal.status();
            assert_eq!(status.damages, [], "seed {seed}, round {round}");
            let acked = *acknowledged.lock().unwrap();
            let mut chains = Vec::new();
            for (index, acked) in acked.iter().enumerate() {
                let found = rows(&journal, index as u32);
                assert!(found >= *acked, "seed {seed}, round {round}: {acked} acknowledged, {found} found");
                chains.push(chain_at(index as u32, found));
                acknowledged.lock().unwrap()[index] = found;
            }
            for _ in 0..random.next_u64() % 120 {
                let index = (random.next_u64() % 3) as usize;
                let record = chains[index].next();
                let (row, acknowledged) = (record.row, Arc::clone(&acknowledged));
                let queued = journal.append(
                    record,
                    Box::new(move |result: Result<Position, _>| {
                        if result.is_ok() {
                            acknowledged.lock().unwrap()[index] = row;
                        }
                    }),
                );
                assert!(queued.is_ok());
            }
            // The cut comes at any moment of the writer's work.
            for _ in 0..random.next_u64() % 2000 {
                std::hint::spin_loop();
            }
            // Whoever was told before the cut must be found after it.
            let before = *acknowledged.lock().unwrap();
            let after = storage.after_power_cut(&random);
            journal.abandon();
            *acknowledged.lock().unwrap() = before;
            storage = after;
        }
    }
}

#[test]
fn what_an_opening_accepts_is_durable() {
    // The process is killed at any operation of the writer; the next one answers from what it finds; then power is cut.
    let mut number = 1;
    loop {
        let storage = SimulatedStorage::default();
        storage.fail_at(number, Fault::Error(std::io::ErrorKind::Other));
        if let Ok(journal) = open(&storage, small()) {
            let mut chain = Chain::new(1);
            while chain.row < 60 && append(&journal, chain.next_with(vec![b'x'; 1500], Vec::new())).is_ok() {}
            journal.abandon();
        }
        let met = storage.fault_met();
        let restarted = storage.after_kill_unsynced();
        let journal = open(&restarted, small()).unwrap_or_else(|error| panic!("killed at {number}: {error}"));
        let seen = journal.head(Chain::new(1).cash_box).unwrap().map_or(0, |head| head.record.row);
        let records = journal.status().records;
        let after = restarted.after_worst_power_cut();
        journal.abandon();
        let journal = open(&after, small()).unwrap_or_else(|error| panic!("killed at {number}: {error}"));
        let found = journal.head(Chain::new(1).cash_box).unwrap().map_or(0, |head| head.record.row);
        assert_eq!((found, journal.status().records), (seen, records), "killed at {number}");
        assert_eq!(journal.status().damages, [], "killed at {number}");
        if !met {
            assert_eq!(seen, 60);
            break;
        }
        number += 1;
    }
    assert!(number > 100, "{number} operations were covered");
}

#[test]
fn a_spare_that_holds_records_is_the_next_segment() {
    let storage = SimulatedStorage::default();
    let journal = open(&storage, small()).unwrap();
    let mut chain = Chain::new(1);
    while append(&journal, chain.next()).unwrap().segment == 1 {}
    append(&journal, chain.next()).unwrap();
    let killed = storage.after_kill();
    drop(journal);
    // The folder lost the new name of the second segment.
    killed.rename(&segment_name(2), SPARE_NAME).unwrap();
    let journal = open(&killed.after_kill(), small()).unwrap();
    assert_eq!(rows(&journal, 1), chain.row);
    append(&journal, chain.clone().next()).unwrap();

    // With a header that cannot be read, it is not thrown away.
    let mut bytes = killed.file(SPARE_NAME);
    bytes[20] ^= 1;
    bytes[2048 + 20] ^= 1;
    killed.set_file(SPARE_NAME, bytes);
    let error = open(&killed, small()).unwrap_err();
    assert!(error.to_string().contains(SPARE_NAME), "{error}");

    // The first segment likewise.
    let storage = SimulatedStorage::default();
    let journal = open(&storage, small()).unwrap();
    append(&journal, Chain::new(1).next()).unwrap();
    let killed = storage.after_kill();
    drop(journal);
    killed.rename(&segment_name(1), SPARE_NAME).unwrap();
    assert_eq!(rows(&open(&killed, small()).unwrap(), 1), 1);
}
