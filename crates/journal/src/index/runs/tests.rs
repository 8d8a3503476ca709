#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::block::{FIRST, LAST, block_key, filter_key};
use super::run::RunWriter;
use super::*;
use crate::index::Handle;

fn db() -> sled::Db {
    sled::Config::new().temporary(true).open().unwrap()
}

fn at(number: u32) -> Position {
    Position { segment: number / 1_000, offset: number % 1_000 }
}

fn receipt(reference: u64, row: u32) -> Entry {
    Entry { key: receipt_key(reference, u64::from(row)), position: at(row) }
}

fn write(handle: &Handle, set: &RunSet, entries: &BTreeSet<Entry>) {
    let mut writer = set.writer(entries.len() as u64);
    entries.iter().for_each(|entry| writer.push(handle, *entry).unwrap());
    while !writer.end_some(handle).unwrap() {}
    let found = writer.written();
    let list = set.list_with(0, Some(&found.0), &[]);
    handle.run("list", |db| db.insert(LIST_KEY, list)).unwrap();
    set.replace(found, &[]);
}

/// Every reference that was written, and one that was not, against the entries themselves.
fn check(handle: &Handle, set: &RunSet, all: &BTreeSet<Entry>) {
    for reference in 0..12 {
        let range = (receipt_key(reference, 0), receipt_key(reference, u64::MAX));
        let mut wanted: Vec<Entry> = all.iter().filter(|e| (range.0..=range.1).contains(&e.key)).copied().collect();
        wanted.sort_by_key(|entry| std::cmp::Reverse(entry.position));
        for limit in [1, 3, 100_000] {
            let found = set.newest(handle, range, limit).unwrap();
            assert_eq!(found, wanted[..limit.min(wanted.len())], "reference {reference}, limit {limit}");
        }
    }
    for entry in all.iter().step_by(7) {
        assert_eq!(set.newest(handle, (entry.key, entry.key), 1).unwrap(), [*entry]);
    }
}

#[derive(Debug, Clone)]
enum Act {
    /// A run of so many entries.
    Write(u32),
    GoOn(u64),
    /// As a kill leaves it.
    Reopen,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![4 => (1_u32..600).prop_map(Act::Write), 3 => (0_u64..40).prop_map(Act::GoOn), 1 => Just(Act::Reopen)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn answers_equal_what_was_written(acts in proptest::collection::vec(act(), 1..40), filter_bytes_max in 0_u64..4_000) {
        let db = db();
        let mut handle = Handle::new(db.clone());
        let mut set = RunSet::open(&handle, filter_bytes_max, 0, true).unwrap();
        let (mut all, mut row) = (BTreeSet::new(), 0);
        for act in acts {
            match act {
                Act::Write(count) => {
                    // One in ten was written before, as after a replay.
                    let entries: BTreeSet<Entry> =
                        (0..count).map(|n| receipt(u64::from(n * n % 11), row + n - (count / 10).min(row))).collect();
                    row += count;
                    write(&handle, &set, &entries);
                    all.extend(entries);
                }
                Act::GoOn(records) => set.go_on(&handle, records).unwrap(),
                Act::Reopen => {
                    handle = Handle::new(db.clone());
                    set = RunSet::open(&handle, filter_bytes_max, 0, true).unwrap();
                }
            }
            check(&handle, &set, &all);
        }
        // With enough time there are few runs, and sled has nothing else.
        (0..2_000).for_each(|_| set.go_on(&handle, 100).unwrap());
        check(&handle, &set, &all);
        prop_assert!(set.len() <= 3 * 8, "{} runs", set.len());
        let read: usize = db.range(block_key(0, &FIRST)..=block_key(u64::MAX, &LAST)).count();
        let listed: u32 = set.blocks();
        prop_assert_eq!(read, listed as usize);
    }
}

#[test]
fn an_opening_finds_a_missing_block_and_a_changed_one() {
    let db = db();
    let handle = Handle::new(db.clone());
    let set = RunSet::open(&handle, 1 << 20, 0, true).unwrap();
    let entries: BTreeSet<Entry> = (0..1_000).map(|row| receipt(3, row)).collect();
    write(&handle, &set, &entries);
    let open = || RunSet::open(&Handle::new(db.clone()), 1 << 20, 0, true).map(|_| ()).map_err(|error| error.0);
    assert_eq!(open(), Ok(()));

    let (key, block) = db.range(block_key(0, &FIRST)..=block_key(0, &LAST)).nth(2).unwrap().unwrap();
    let mut changed = block.to_vec();
    changed[20] ^= 1;
    db.insert(&key, changed).unwrap();
    assert!(open().unwrap_err().contains("not whole"));
    db.insert(&key, &block).unwrap();
    assert_eq!(open(), Ok(()));
    db.remove(&key).unwrap();
    assert!(open().unwrap_err().contains("not whole"));
}

#[test]
fn a_list_of_another_checkpoint_is_refused() {
    let db = db();
    let handle = Handle::new(db.clone());
    let set = RunSet::open(&handle, 1 << 20, 0, true).unwrap();
    write(&handle, &set, &(0..10).map(|row| receipt(3, row)).collect());
    let refused = RunSet::open(&Handle::new(db.clone()), 1 << 20, 1, true).map(|_| ()).unwrap_err();
    assert!(refused.0.contains("checkpoint"), "{refused}");
}

/// A till with little to do: each record is a run of its own, and there is one step for each.
#[test]
fn what_is_merged_away_does_not_pile_up_at_a_low_rate() {
    let db = db();
    let handle = Handle::new(db.clone());
    let set = RunSet::open(&handle, 1 << 20, 0, true).unwrap();
    let mut all = BTreeSet::new();
    for row in 0..3_000 {
        let entry = receipt(u64::from(row) % 11, row);
        write(&handle, &set, &BTreeSet::from([entry]));
        all.insert(entry);
        set.go_on(&handle, 1).unwrap();
        assert!(set.to_remove() <= 8, "{} runs to remove after {row} records", set.to_remove());
        assert!(set.len() <= 3 * 8, "{} runs after {row} records", set.len());
    }
    check(&handle, &set, &all);
}

#[test]
fn a_run_that_nobody_lists_is_removed() {
    let db = db();
    let handle = Handle::new(db.clone());
    let set = RunSet::open(&handle, 1 << 20, 0, true).unwrap();
    let entries: BTreeSet<Entry> = (0..1_000).map(|row| receipt(1, row)).collect();
    write(&handle, &set, &entries);
    // A stop in the middle of the next one.
    let mut writer = set.writer(1_000);
    entries.iter().for_each(|entry| writer.push(&handle, *entry).unwrap());
    let set = RunSet::open(&handle, 1 << 20, 0, true).unwrap();
    assert!(set.next_id() >= 2, "its number is not used again");
    (0..20).for_each(|_| set.go_on(&handle, 1).unwrap());
    assert_eq!(db.range(block_key(1, &FIRST)..=block_key(1, &LAST)).count(), 0);
    assert_eq!(db.range(filter_key(1, 0)..=filter_key(1, u32::MAX)).count(), 0);
    check(&handle, &set, &entries);
}

/// Filters are kept over restarts, so their bits are part of the format: raise the format's version when this fails.
#[test]
fn the_bits_of_a_filter_stay() {
    let db = db();
    let handle = Handle::new(db.clone());
    let mut writer = RunWriter::new(0, 100, 1 << 20);
    for row in 0..100_u32 {
        let key = operation_key(CashBoxId::from_bytes([1; 16]), OperationId::from_bytes(u128::from(row).to_be_bytes()));
        // Ascending keys are wanted; a filter does not care.
        writer.push(&handle, Entry { key: key >> 20 | u128::from(row) << 107, position: at(row) }).unwrap();
    }
    while !writer.end_some(&handle).unwrap() {}
    let (run, filter) = writer.written();
    let bytes: Vec<u8> = filter.unwrap().as_slice().iter().flat_map(|word| word.to_le_bytes()).collect();
    assert_eq!((run.filter_words, crc32c::crc32c(&bytes)), (16, 3_641_955_266));
}

#[test]
fn keys_keep_cash_boxes_and_domains_apart() {
    let (one, two) = (CashBoxId::from_bytes([1; 16]), CashBoxId::from_bytes([2; 16]));
    let operation = OperationId::from_bytes([1; 16]);
    assert_ne!(operation_key(one, operation), operation_key(two, operation));
    assert_eq!(operation_key(one, operation) & RECEIPT, 0);
    assert!(receipt_key(4, u64::MAX) < receipt_key(5, 0));
}
