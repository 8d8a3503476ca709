//! What every store promises; one suite, run over all of them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

use super::fixture::{Draft, FakeLog, cash_box, check_answers, operation, small_sled, unfinished_in};
use super::*;

/// Runs the suite; `make` gives an empty store.
fn check(mut make: impl FnMut() -> Box<dyn Index>) {
    empty(&*make());
    answers_equal_the_log(&*make());
    applying_again_changes_nothing(&*make());
    one_operation_id_in_two_boxes(&*make());
    rows_are_found_at_or_after(&*make());
    big_configurations_and_none_of_anything(&*make());
}

fn empty(index: &dyn Index) {
    assert_eq!(index.checkpoint().unwrap(), None);
    assert_eq!(index.replay_first().unwrap(), 1);
    check_answers!(index, []);
    index.apply(&[]).unwrap();
    assert_eq!(index.checkpoint().unwrap(), None);
}

fn answers_equal_the_log(index: &dyn Index) {
    let log = FakeLog::default();
    for size in [1, 63, 64, 65, 1, 500, 700] {
        let entries = log.append_mixed(size);
        index.apply(&entries).unwrap();
        let last = entries.last().unwrap();
        let checkpoint = Checkpoint { number: last.number, position: last.position, hash: last.hash };
        assert_eq!(index.checkpoint().unwrap(), Some(checkpoint));
        check_answers!(index, log.entries());
        check_unfinished(index, &log.entries());
    }
    index.flush().unwrap();
    check_answers!(index, log.entries());
    check_unfinished(index, &log.entries());
}

fn check_unfinished(index: &dyn Index, entries: &[IndexEntry]) {
    let wanted = unfinished_in(entries);
    assert_eq!(index.unfinished(None, usize::MAX).unwrap(), wanted);
    for (at, id) in wanted.iter().enumerate() {
        assert_eq!(
            index.unfinished(Some(*id), 1).unwrap(),
            wanted[at + 1..].iter().take(1).copied().collect::<Vec<_>>()
        );
    }
}

fn applying_again_changes_nothing(index: &dyn Index) {
    let log = FakeLog::default();
    let entries = log.append_mixed(400);
    index.apply(&entries).unwrap();
    index.flush().unwrap();
    let before = index.checkpoint().unwrap();
    for first in [0, 150, 399] {
        index.apply(&entries[first..]).unwrap();
        assert_eq!(index.checkpoint().unwrap(), before);
        check_answers!(index, entries);
    }
}

fn one_operation_id_in_two_boxes(index: &dyn Index) {
    let log = FakeLog::default();
    let one = log.append(Draft { cash_box: 1, operation: Some(5), ..Draft::default() });
    let two = log.append(Draft { cash_box: 2, operation: Some(5), ..Draft::default() });
    index.apply(&log.entries()).unwrap();
    assert_eq!(index.operation(cash_box(1), operation(5)).unwrap(), Some(one.position));
    assert_eq!(index.operation(cash_box(2), operation(5)).unwrap(), Some(two.position));
    assert_eq!(index.operation(cash_box(3), operation(5)).unwrap(), None);
}

fn rows_are_found_at_or_after(index: &dyn Index) {
    let log = FakeLog::default();
    for _ in 0..200 {
        log.append(Draft { cash_box: 1, ..Draft::default() });
        log.append(Draft { cash_box: 2, ..Draft::default() });
    }
    let entries = log.entries();
    index.apply(&entries).unwrap();
    for (row, expected) in [(0, 64), (1, 64), (64, 64), (65, 128), (192, 192), (193, 200), (200, 200)] {
        let (found, position) = index.anchor(cash_box(2), row).unwrap().unwrap();
        assert_eq!(found, expected, "row {row}");
        let record = entries.iter().find(|entry| entry.cash_box == cash_box(2) && entry.row == found).unwrap();
        assert_eq!(position, record.position);
    }
    assert_eq!(index.anchor(cash_box(2), 201).unwrap(), None);
}

fn big_configurations_and_none_of_anything(index: &dyn Index) {
    let log = FakeLog::default();
    let mut entry = log.append(Draft { cash_box: 3, configured: true, ..Draft::default() });
    let big = vec![b'x'; 1 << 20];
    entry.configured.as_mut().unwrap().1.clone_from(&big);
    index.apply(&[entry]).unwrap();
    assert_eq!(index.configuration(cash_box(3)).unwrap(), Some(big));
    assert_eq!(index.cash_boxes(None, 0).unwrap(), []);
    assert_eq!(index.head(cash_box(3)).unwrap().unwrap().row, 1);
}

#[test]
fn memory_keeps_the_contract() {
    check(|| Box::new(MemoryIndex::default()));
}

#[test]
fn sled_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let mut stores = 0;
    check(|| {
        stores += 1;
        Box::new(SledIndex::open(&folder.path().join(stores.to_string()), small_sled()).unwrap())
    });
}

#[test]
fn sled_reopened_after_a_close_replays_nothing_and_after_a_stop_the_margin() {
    let folder = tempfile::tempdir().unwrap();
    let log = FakeLog::default();
    let entries = log.append_mixed(1_000);
    let open = || SledIndex::open(folder.path(), small_sled()).unwrap();

    let index = open();
    index.apply(&entries[..900]).unwrap();
    index.close().unwrap();
    assert!(index.head(cash_box(0)).is_err_and(|error| error.0.contains("closed")));
    drop(index);

    let index = open();
    assert_eq!(index.replay_first().unwrap(), 901);
    check_answers!(&index, entries[..900]);
    check_unfinished(&index, &entries[..900]);
    index.apply(&entries[900..]).unwrap();
    // Dropped without a close: what was still gathered in memory is not in the store, but that it exists is.
    drop(index);

    let index = open();
    assert_eq!(index.told().unwrap().unwrap().number, 1_000);
    assert_eq!(index.checkpoint().unwrap().unwrap().number, 900);
    // Written at once: everything that came with it is applied again, which is more than the margin of 100.
    assert_eq!(index.replay_first().unwrap(), 1);
    index.apply(&entries[..850]).unwrap();
    assert_eq!(index.told().unwrap().unwrap().number, 1_000, "what it was told of once stays known");
    drop(index);
    let index = open();
    assert_eq!(index.told().unwrap().unwrap().number, 1_000, "also after another stop");
    let first = usize::try_from(index.replay_first().unwrap()).unwrap() - 1;
    index.apply(&entries[first..]).unwrap();
    check_answers!(&index, entries);
    index.flush().unwrap();
    index.apply(&entries[999..]).unwrap();
    index.flush().unwrap();
    drop(index);
    let index = open();
    assert_eq!(index.checkpoint().unwrap().unwrap().number, 1_000);
    assert_eq!(index.replay_first().unwrap(), 901, "the margin");
}

#[test]
fn a_fresh_sled_store_takes_the_place_of_an_open_one() {
    let folder = tempfile::tempdir().unwrap();
    let log = FakeLog::default();
    let entries = log.append_mixed(100);
    let old = SledIndex::open(folder.path(), small_sled()).unwrap();
    old.apply(&entries).unwrap();
    let fresh = SledIndex::fresh(folder.path(), small_sled()).unwrap();
    assert_eq!(fresh.checkpoint().unwrap(), None);
    fresh.apply(&entries[..50]).unwrap();
    drop(old);
    check_answers!(&fresh, entries[..50]);
    fresh.close().unwrap();
    drop(fresh);
    let again = SledIndex::open(folder.path(), small_sled()).unwrap();
    assert_eq!(again.replay_first().unwrap(), 51);
    check_answers!(&again, entries[..50]);
}
