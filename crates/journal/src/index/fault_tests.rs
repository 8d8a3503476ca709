//! The index loses its store in every way; the answers stay right, or are "busy", never a wrong "absent".
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kassette_stdx::FakeClock;

use super::fixture::{
    Draft, FailingIndex, FakeLog, Faults, cash_box, check_answers, operation, start_failing, start_sled,
    start_sled_with,
};
use super::*;

fn clock() -> Arc<FakeClock> {
    Arc::new(FakeClock::at(1_000))
}

const REOPEN: Duration = Duration::from_millis(30_000);

#[test]
fn a_failed_store_is_replaced_by_memory_and_later_by_a_fresh_one() {
    for working_applies in [0, 1, 7] {
        let (log, faults, clock) = (FakeLog::salted(0), Faults::none(), clock());
        faults.applies_left.store(working_applies, Ordering::SeqCst);
        let indexer =
            start_failing(&log, &faults, &clock, IndexerOptions { apply_records_max: 64, ..IndexerOptions::default() });
        indexer.enqueue(log.append_mixed(700));
        check_positive(&indexer, &log);
        indexer.wait_idle();
        let reason = "planted at apply".to_owned();
        assert_eq!(indexer.state(), IndexState::MemoryOnly { since_unix_ns: 1_000, reason });
        check_answers!(indexer, log.entries());

        // Still failing: memory goes on answering, also for what comes meanwhile.
        clock.advance(REOPEN);
        indexer.enqueue(log.append_mixed(50));
        indexer.wait_idle();
        assert!(matches!(indexer.state(), IndexState::MemoryOnly { since_unix_ns: 1_000, .. }));
        check_answers!(indexer, log.entries());

        faults.applies_left.store(u64::MAX, Ordering::SeqCst);
        indexer.wait_idle();
        assert!(matches!(indexer.state(), IndexState::MemoryOnly { .. }), "not before its time");
        clock.advance(REOPEN);
        indexer.wait_idle();
        assert_eq!(indexer.state(), IndexState::Ok);
        indexer.enqueue(log.append_mixed(50));
        check_answers!(indexer, log.entries());
        indexer.wait_idle();
        check_answers!(indexer, log.entries());
        assert_eq!(indexer.lag(), 0);
    }
}

/// What was enqueued is found at once, whatever the state.
fn check_positive(indexer: &Indexer, log: &FakeLog) {
    let entries = log.entries();
    for entry in entries.iter().rev().take(300) {
        if let Some(operation) = entry.operation {
            // Busy is allowed, absent or older is not.
            if let Ok(found) = indexer.operation(entry.cash_box, operation) {
                assert!(found >= Some(entry.position), "record {}", entry.number);
            }
        }
    }
}

#[test]
fn a_failed_lookup_is_busy_and_the_store_is_replaced() {
    let (log, faults, clock) = (FakeLog::salted(0), Faults::none(), clock());
    let indexer = start_failing(&log, &faults, &clock, IndexerOptions::default());
    indexer.enqueue(log.append_mixed(200));
    indexer.wait_idle();
    assert_eq!(indexer.state(), IndexState::Ok);
    faults.lookups_fail.store(true, Ordering::SeqCst);
    assert_eq!(indexer.head(cash_box(1)), Err(IndexBusy("planted at look-up".to_owned())));
    indexer.wait_idle();
    assert!(matches!(indexer.state(), IndexState::MemoryOnly { .. }));
    check_answers!(indexer, log.entries());
}

#[test]
fn beyond_the_memory_limit_the_index_is_not_ready_but_takes_entries() {
    let (log, faults, clock) = (FakeLog::salted(0), Faults::none(), clock());
    let options =
        IndexerOptions { memory_index_records_max: 100, index_lag_records_max: 64, ..IndexerOptions::default() };
    let indexer = start_failing(&log, &faults, &clock, options);
    indexer.enqueue(log.append_mixed(90));
    indexer.wait_idle();
    faults.opening_fails.store(true, Ordering::SeqCst);
    faults.lookups_fail.store(true, Ordering::SeqCst);
    assert!(indexer.head(cash_box(1)).is_err());
    indexer.wait_idle();
    assert!(indexer.state().is_ready(), "90 records fit");
    indexer.enqueue(log.append_mixed(200));
    indexer.wait_idle();
    assert!(matches!(indexer.state(), IndexState::Unavailable { .. }), "{:?}", indexer.state());
    assert!(indexer.operation(cash_box(1), operation(3)).is_err(), "busy, not absent");

    // The writer is not held up, the tail stays small, and its newest records are found.
    let newest = log.append(Draft { cash_box: 5, operation: Some(9_999), ..Draft::default() });
    indexer.enqueue(log.append_mixed(0));
    indexer.enqueue(vec![newest.clone()]);
    indexer.wait_for_room();
    indexer.wait_idle();
    assert!(indexer.lag() <= 64);
    assert_eq!(indexer.operation(cash_box(5), operation(9_999)), Ok(Some(newest.position)));
    assert_eq!(indexer.head(cash_box(5)).unwrap().unwrap().position, newest.position);

    faults.opening_fails.store(false, Ordering::SeqCst);
    faults.lookups_fail.store(false, Ordering::SeqCst);
    clock.advance(REOPEN);
    indexer.wait_idle();
    assert_eq!(indexer.state(), IndexState::Ok);
    check_answers!(indexer, log.entries());
}

#[test]
fn an_unreadable_log_makes_it_unavailable_until_it_can_be_read() {
    let (log, faults, clock) = (FakeLog::salted(0), Faults::none(), clock());
    let indexer = start_failing(&log, &faults, &clock, IndexerOptions::default());
    indexer.enqueue(log.append_mixed(300));
    indexer.wait_idle();
    log.unreadable.store(true, Ordering::SeqCst);
    faults.applies_left.store(0, Ordering::SeqCst);
    indexer.enqueue(log.append_mixed(10));
    indexer.wait_idle();
    assert!(matches!(indexer.state(), IndexState::Unavailable { .. }));
    let old = &log.entries()[0];
    assert!(indexer.operation(old.cash_box, old.operation.unwrap()).is_err());
    log.unreadable.store(false, Ordering::SeqCst);
    clock.advance(REOPEN);
    indexer.wait_idle();
    assert!(
        matches!(indexer.state(), IndexState::MemoryOnly { .. }),
        "a fresh store still fails: {:?}",
        indexer.state()
    );
    check_answers!(indexer, log.entries());
}

#[test]
fn records_not_handed_over_are_fetched_from_the_log() {
    let (log, faults, clock) = (FakeLog::salted(0), Faults::none(), clock());
    let indexer = start_failing(&log, &faults, &clock, IndexerOptions::default());
    indexer.enqueue(log.append_mixed(100));
    log.append_mixed(5);
    let after = log.append_mixed(100);
    indexer.enqueue(after);
    indexer.wait_idle();
    assert!(matches!(indexer.state(), IndexState::MemoryOnly { .. }));
    check_answers!(indexer, log.entries());
}

#[test]
fn a_long_gap_at_opening_is_filled_behind_and_a_short_one_at_once() {
    let (log, faults, clock) = (FakeLog::salted(0), Faults::none(), clock());
    log.append_mixed(2_500);
    let options = IndexerOptions { index_lag_records_max: 3_000, ..IndexerOptions::default() };
    let indexer = start_failing(&log, &faults, &clock, options.clone());
    assert_eq!(indexer.state(), IndexState::Ok, "ready when start returns");
    check_answers!(indexer, log.entries());
    indexer.close();
    assert!(indexer.head(cash_box(1)).is_err());

    let indexer =
        start_failing(&log, &faults, &clock, IndexerOptions { index_lag_records_max: 2_000, ..options.clone() });
    indexer.enqueue(log.append_mixed(100));
    check_positive(&indexer, &log);
    indexer.wait_idle();
    assert_eq!(indexer.state(), IndexState::Ok);
    check_answers!(indexer, log.entries());
    assert_eq!(faults.applies_left.load(Ordering::SeqCst), u64::MAX);
}

#[test]
fn the_writer_is_told_to_wait_and_goes_on() {
    let (log, faults, clock) = (FakeLog::salted(0), Faults::none(), clock());
    let options = IndexerOptions { index_lag_records_max: 100, ..IndexerOptions::default() };
    let indexer = start_failing(&log, &faults, &clock, options);
    let pressure = indexer.enqueue(log.append_mixed(99));
    assert!(!pressure.over && pressure.lag_records <= 99);
    let pressure = indexer.enqueue(log.append_mixed(5_000));
    assert!(pressure.lag_records > 100 && pressure.over);
    indexer.wait_for_room();
    assert!(indexer.lag() <= 100);
    indexer.wait_idle();
    check_answers!(indexer, log.entries());
}

#[test]
fn heads_are_flushed_at_their_interval() {
    let folder = tempfile::tempdir().unwrap();
    let log = FakeLog::salted(0);
    let clock = clock();
    let opened = SledIndex::open(folder.path(), fixture::small_sled()).unwrap();
    let source = RebuildSource {
        log: Arc::clone(&log) as Arc<dyn LogSource>,
        fresh: Box::new(|| Err(IndexError("not wanted".to_owned()))),
    };
    let timer = Arc::clone(&clock) as Arc<dyn kassette_stdx::Clock>;
    let indexer = Indexer::start(Ok(Box::new(opened)), IndexerOptions::default(), source, timer);
    indexer.enqueue(log.append_mixed(20));
    indexer.wait_idle();
    clock.advance(Duration::from_secs(5));
    indexer.wait_idle();
    indexer.enqueue(log.append_mixed(20));
    indexer.wait_idle();
    // A copy is what a kill would leave. sled has not written the second part back.
    let copy = tempfile::tempdir().unwrap();
    copy_folder(folder.path(), copy.path());
    let after =
        SledIndex::open(copy.path(), SledOptions { replay_margin_records: 0, ..fixture::small_sled() }).unwrap();
    assert!(after.checkpoint().unwrap().unwrap().number >= 20);
    assert_eq!(after.replay_first().unwrap(), 1, "the last write, whole");
    for n in 0..7 {
        assert!(after.head(cash_box(n)).unwrap().is_some());
    }
}

#[test]
fn a_store_of_another_log_or_of_a_longer_one_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let log = FakeLog::salted(1);
    let indexer = start_sled(&log, folder.path(), IndexerOptions::default());
    indexer.enqueue(log.append_mixed(500));
    indexer.close();
    drop(indexer);

    let other = FakeLog::salted(2);
    other.append_mixed(600);
    let indexer = start_sled(&other, folder.path(), IndexerOptions::default());
    indexer.wait_idle();
    check_answers!(indexer, other.entries());
    drop(indexer);

    other.cut(250);
    let indexer = start_sled(&other, folder.path(), IndexerOptions::default());
    indexer.wait_idle();
    assert_eq!(indexer.state(), IndexState::Ok);
    check_answers!(indexer, other.entries());
}

#[test]
fn a_deleted_folder_costs_time_only() {
    let folder = tempfile::tempdir().unwrap();
    let log = FakeLog::salted(0);
    let indexer = start_sled(&log, folder.path(), IndexerOptions::default());
    indexer.enqueue(log.append_mixed(3_000));
    drop(indexer);
    fs::remove_dir_all(folder.path()).unwrap();
    // Once read at once, once behind.
    for index_lag_records_max in [65_536, 100] {
        let options = IndexerOptions { index_lag_records_max, ..IndexerOptions::default() };
        let indexer = start_sled(&log, folder.path(), options);
        indexer.wait_idle();
        assert_eq!(indexer.state(), IndexState::Ok);
        check_answers!(indexer, log.entries());
        drop(indexer);
        fs::remove_dir_all(folder.path()).unwrap();
    }
}

#[test]
fn a_store_left_open_when_the_machine_lost_power_is_never_asked() {
    let (folder, unclean) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let log = FakeLog::salted(0);
    let indexer = start_sled(&log, folder.path(), IndexerOptions::default());
    indexer.enqueue(log.append_mixed(3_000));
    indexer.wait_idle();
    copy_folder(folder.path(), unclean.path());
    drop(indexer);

    let other_run = SledOptions { boot_id: Some("the next run".to_owned()), ..fixture::small_sled() };
    let refused = SledIndex::open(unclean.path(), other_run.clone()).unwrap_err();
    assert!(refused.0.contains("started anew"), "{refused}");
    let again = SledIndex::open(unclean.path(), other_run.clone()).unwrap();
    assert_eq!(
        again.checkpoint().unwrap(),
        None,
        "what was left is gone, also if the program ends before it is made again"
    );
    let closed = SledIndex::open(folder.path(), other_run).unwrap();
    assert_eq!(closed.checkpoint().unwrap().unwrap().number, 3_000, "an orderly close outlives the machine");
}

#[test]
fn a_close_in_the_middle_of_a_rebuild_is_gone_on_from_later() {
    let log = FakeLog::salted(0);
    log.append_mixed(5_000);
    let folder = tempfile::tempdir().unwrap();
    let options = IndexerOptions { index_lag_records_max: 100, ..IndexerOptions::default() };
    drop(start_sled(&log, folder.path(), options.clone()));
    let indexer = start_sled(&log, folder.path(), options);
    indexer.wait_idle();
    assert_eq!(indexer.state(), IndexState::Ok);
    check_answers!(indexer, log.entries());
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            files(&entry.path(), found);
        } else if entry.metadata().unwrap().len() > 0 {
            found.push(entry.path());
        }
    }
}

/// Flips bytes of a store at rest at `places` places of each file and opens it.
fn flip(orderly: bool, places: usize) {
    let log = FakeLog::salted(0);
    let whole = tempfile::tempdir().unwrap();
    let indexer = start_sled(&log, whole.path(), IndexerOptions::default());
    indexer.enqueue(log.append_mixed(12_000));
    indexer.wait_idle();
    let killed = tempfile::tempdir().unwrap();
    if orderly {
        indexer.close();
        drop(indexer);
        copy_folder(whole.path(), killed.path());
    } else {
        copy_folder(whole.path(), killed.path());
        drop(indexer);
    }
    // In proportion to the real figures: the margin covers what may be torn.
    let sled = SledOptions { replay_margin_records: 6_000, ..fixture::small_sled() };
    let mut found = Vec::new();
    files(killed.path(), &mut found);
    found.sort();
    let mut trials = 0;
    for file in &found {
        let name = file.strip_prefix(killed.path()).unwrap();
        let bytes = fs::read(file).unwrap();
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(bytes.len(), |at| at + 1);
        let places = if name.ends_with("db") { places } else { places / 4 };
        for place in 0..places.min(used) {
            let damaged = tempfile::tempdir().unwrap();
            copy_folder(killed.path(), damaged.path());
            let at = place * used / places.min(used);
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (place % 8);
            fs::write(damaged.path().join(name), changed).unwrap();

            let indexer = start_sled_with(&log, damaged.path(), IndexerOptions::default(), sled.clone());
            indexer.wait_idle();
            // A look-up may meet the damage: that is busy, and then the answers come from a new store.
            for entry in &log.entries() {
                if let Some(operation) = entry.operation {
                    match indexer.operation(entry.cash_box, operation) {
                        Ok(found) => assert!(found >= Some(entry.position), "{name:?} {at}: record {}", entry.number),
                        Err(_) => indexer.wait_idle(),
                    }
                }
                let key = entry.reference_key.unwrap_or_default();
                let busy = indexer.receipts(entry.cash_box, key, 1_000).is_err()
                    || indexer.anchor(entry.cash_box, entry.row).is_err()
                    || indexer.head(entry.cash_box).is_err()
                    || indexer.configuration(entry.cash_box).is_err()
                    || indexer.cash_boxes(None, 100).is_err();
                if busy {
                    indexer.wait_idle();
                }
            }
            trials += 1;
            assert!(indexer.state().is_ready(), "{name:?} {at}");
            check_answers!(indexer, log.entries());
        }
    }
    assert!(trials >= places, "{trials}");
}

#[test]
fn flipped_bytes_after_an_orderly_close() {
    flip(true, 40);
}

#[test]
fn flipped_bytes_after_a_kill() {
    flip(false, 40);
}

#[test]
fn an_opening_that_fails_twice_ends_in_memory() {
    let (log, faults, clock) = (FakeLog::salted(0), Faults::none(), clock());
    log.append_mixed(1_500);
    faults.opening_fails.store(true, Ordering::SeqCst);
    let for_fresh = Arc::clone(&faults);
    let source = RebuildSource {
        log: Arc::clone(&log) as Arc<dyn LogSource>,
        fresh: Box::new(move || {
            if for_fresh.opening_fails.load(Ordering::SeqCst) {
                return Err(IndexError("no room".to_owned()));
            }
            Ok(FailingIndex::boxed(&for_fresh))
        }),
    };
    let timer = Arc::clone(&clock) as Arc<dyn kassette_stdx::Clock>;
    let opened = Err(IndexError("damaged".to_owned()));
    let indexer = Indexer::start(opened, IndexerOptions::default(), source, timer);
    indexer.wait_idle();
    assert_eq!(indexer.state(), IndexState::MemoryOnly { since_unix_ns: 1_000, reason: "no room".to_owned() });
    check_answers!(indexer, log.entries());
    faults.opening_fails.store(false, Ordering::SeqCst);
    clock.advance(REOPEN);
    indexer.wait_idle();
    assert_eq!(indexer.state(), IndexState::Ok);
    check_answers!(indexer, log.entries());
}

/// Run by hand or by a script on a device of 16 MiB: `mount -t tmpfs -o size=16m tmpfs $KASSETTE_SMALL_DEVICE`.
#[test]
#[ignore = "needs a small device in KASSETTE_SMALL_DEVICE"]
fn a_full_device_ends_in_memory_and_room_brings_the_store_back() {
    let device = PathBuf::from(std::env::var("KASSETTE_SMALL_DEVICE").unwrap());
    let folder = device.join("index");
    let log = FakeLog::salted(0);
    let clock = clock();
    let opened = SledIndex::open(&folder, fixture::small_sled()).map(|index| Box::new(index) as Box<dyn Index>);
    let for_fresh = folder.clone();
    let source = RebuildSource {
        log: Arc::clone(&log) as Arc<dyn LogSource>,
        fresh: Box::new(move || {
            SledIndex::fresh(&for_fresh, fixture::small_sled()).map(|index| Box::new(index) as Box<dyn Index>)
        }),
    };
    let timer = Arc::clone(&clock) as Arc<dyn kassette_stdx::Clock>;
    let indexer = Indexer::start(opened, IndexerOptions::default(), source, timer);
    indexer.enqueue(log.append_mixed(3_000));
    indexer.wait_idle();
    assert_eq!(indexer.state(), IndexState::Ok);
    // The log grows and takes the rest of the device.
    let filler = device.join("filler");
    let mut file = fs::File::create(&filler).unwrap();
    while std::io::Write::write_all(&mut file, &[1; 4096]).is_ok() {}
    let mut parts = 0;
    while indexer.state() == IndexState::Ok {
        parts += 1;
        assert!(parts < 200, "the store never noticed");
        indexer.enqueue(log.append_mixed(1_000));
        indexer.wait_idle();
        clock.advance(Duration::from_secs(5));
        indexer.wait_idle();
    }
    assert!(matches!(indexer.state(), IndexState::MemoryOnly { .. }), "{:?}", indexer.state());
    check_answers!(indexer, log.entries());
    clock.advance(REOPEN);
    indexer.wait_idle();
    check_answers!(indexer, log.entries());
    fs::remove_file(&filler).unwrap();
    drop(file);
    clock.advance(REOPEN);
    indexer.wait_idle();
    assert_eq!(indexer.state(), IndexState::Ok);
    check_answers!(indexer, log.entries());
    indexer.enqueue(log.append_mixed(1_000));
    indexer.close();
    drop(indexer);
    assert_eq!(SledIndex::open(&folder, fixture::small_sled()).unwrap().replay_first().unwrap(), log.last_number() + 1);
}
