//! Random days, random batches, reopened at random points: the answers equal a walk through the log.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kassette_stdx::FakeClock;
use proptest::prelude::*;

use super::fixture::{Draft, FakeLog, Faults, check_answers, start_failing, start_sled, unfinished_in};
use super::*;

#[derive(Debug, Clone)]
enum Act {
    Append(Vec<Draft>),
    Idle,
    /// Orderly close and reopening.
    Reopen,
    Check,
    /// The store fails at the next apply but this many.
    Fail(u64),
    Repair,
}

fn draft() -> impl Strategy<Value = Draft> {
    (
        0_u8..4,
        proptest::option::of(0_u64..60),
        proptest::option::of(0_u64..10),
        proptest::bool::weighted(0.1),
        any::<bool>(),
    )
        .prop_map(|(cash_box, operation, reference, configured, unfinished)| Draft {
            cash_box,
            operation,
            reference,
            configured,
            unfinished,
        })
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => proptest::collection::vec(draft(), 1..80).prop_map(Act::Append),
        2 => Just(Act::Idle),
        1 => Just(Act::Reopen),
        2 => Just(Act::Check),
        1 => (0_u64..3).prop_map(Act::Fail),
        1 => Just(Act::Repair),
    ]
}

fn options(index_lag_records_max: u64) -> IndexerOptions {
    IndexerOptions { apply_records_max: 7, index_lag_records_max, ..IndexerOptions::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn over_sled(acts in proptest::collection::vec(act(), 1..25), lag in prop_oneof![Just(30_u64), Just(65_536)]) {
        let folder = tempfile::tempdir().unwrap();
        let log = FakeLog::salted(0);
        let mut indexer = start_sled(&log, folder.path(), options(lag));
        for act in acts {
            match act {
                Act::Append(drafts) => {
                    indexer.enqueue(drafts.into_iter().map(|draft| log.append(draft)).collect());
                }
                Act::Idle => indexer.wait_idle(),
                Act::Reopen => {
                    drop(indexer);
                    indexer = start_sled(&log, folder.path(), options(lag));
                    indexer.wait_idle();
                }
                Act::Check => {
                    check_answers!(indexer, log.entries());
                    prop_assert_eq!(indexer.unfinished().unwrap(), unfinished_in(&log.entries()));
                }
                Act::Fail(_) => {
                    // As a kill leaves it: the mark of an orderly close is missing.
                    drop(indexer);
                    let _ = std::fs::remove_file(folder.path().join("clean"));
                    indexer = start_sled(&log, folder.path(), options(lag));
                    indexer.wait_idle();
                }
                Act::Repair => {}
            }
        }
        check_answers!(indexer, log.entries());
        indexer.wait_idle();
        check_answers!(indexer, log.entries());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn over_a_store_with_faults(acts in proptest::collection::vec(act(), 1..40)) {
        let (log, faults, clock) = (FakeLog::salted(0), Faults::none(), Arc::new(FakeClock::at(0)));
        let indexer = start_failing(&log, &faults, &clock, options(65_536));
        for act in acts {
            match act {
                Act::Append(drafts) => {
                    indexer.enqueue(drafts.into_iter().map(|draft| log.append(draft)).collect());
                }
                Act::Idle => indexer.wait_idle(),
                Act::Reopen => clock.advance(Duration::from_secs(30)),
                Act::Check => {
                    // Between a failure and the rebuilt store answers may be busy; after waiting none is.
                    indexer.wait_idle();
                    prop_assert!(indexer.state().is_ready());
                    check_answers!(indexer, log.entries());
                }
                Act::Fail(after) => faults.applies_left.store(after, Ordering::SeqCst),
                Act::Repair => faults.applies_left.store(u64::MAX, Ordering::SeqCst),
            }
        }
        faults.applies_left.store(u64::MAX, Ordering::SeqCst);
        indexer.wait_idle();
        clock.advance(Duration::from_secs(60));
        indexer.wait_idle();
        prop_assert_eq!(indexer.state(), IndexState::Ok);
        check_answers!(indexer, log.entries());
    }
}
