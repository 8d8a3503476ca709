//! Operations whose callers do not wait: accepted durably, executed in any case, also after a crash.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use kassette_actors::{Accepted, NodeOptions, Rejected};
use kassette_journal::Journal as _;
use kassette_model::OperationKind;

use crate::env::{Env, cash_box, check, numbers, receipt, request};

const SALE: u64 = 0x4154_2000_0000_0001;

/// Starts an asynchronous sale.
fn accept(env: &Env, operation: u64, wait: Duration) -> tokio::task::JoinHandle<Result<Accepted, Rejected>> {
    let gateway = env.gateway.clone();
    let call = request(OperationKind::Sign, operation, receipt(&format!("R-{operation}"), SALE));
    actix::spawn(async move { gateway.accept(cash_box(1), call, wait).await })
}

async fn turns() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[test]
fn nobody_is_told_accepted_before_the_intent_is_durable_and_both_ways_share_the_operation() {
    check(NodeOptions::default(), |env| async move {
        env.cash_box(1).await;
        env.journal.hold();
        let call = accept(&env, 7, Duration::ZERO);
        // Intent and end are both on their way.
        env.queued(2).await;
        assert!(!call.is_finished(), "nothing is durable yet");
        let sync = env.begin(1, 7);
        turns().await;
        assert!(env.journal.release_one());
        assert_eq!(call.await.unwrap(), Ok(Accepted::Running { first: true }), "the intent is durable, the end is not");
        assert_eq!(accept(&env, 7, Duration::ZERO).await.unwrap(), Ok(Accepted::Running { first: false }));
        assert!(!sync.is_finished());
        let unfinished = env.journal.unfinished().unwrap();
        assert_eq!(unfinished, [cash_box(1)]);
        env.journal.release();
        let ended = sync.await.unwrap().unwrap();
        assert_eq!((ended.first, ended.answer.status), (false, 201));
        let again = accept(&env, 7, Duration::ZERO).await.unwrap();
        assert_eq!(again, Ok(Accepted::Ended(ended)));
        assert_eq!(env.journal.unfinished().unwrap(), []);
        assert_eq!(numbers(&env.sale(1, 8).await.unwrap()).0, 3, "start, this one, the next");
        env
    });
}

#[test]
fn a_call_that_waits_gets_the_end_itself() {
    check(NodeOptions::default(), |env| async move {
        env.cash_box(1).await;
        let ended = accept(&env, 7, Duration::from_secs(60)).await.unwrap().unwrap();
        let Accepted::Ended(executed) = ended else { panic!("{ended:?}") };
        assert_eq!((executed.first, executed.answer.status), (true, 201));
        let other =
            env.gateway.accept(cash_box(1), request(OperationKind::Sign, 7, receipt("other", SALE)), Duration::ZERO);
        assert!(matches!(other.await, Err(Rejected::Conflict(_))));
        env
    });
}

/// Yields until nothing is unfinished.
async fn all_ended(env: &Env) {
    while !env.journal.unfinished().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
}

#[test]
fn what_was_accepted_is_executed_although_its_cash_box_failed_and_nobody_asks() {
    check(NodeOptions::default(), |env| async move {
        env.cash_box(1).await;
        env.journal.hold();
        let call = accept(&env, 7, Duration::ZERO);
        env.queued(2).await;
        assert!(env.journal.release_one());
        assert_eq!(call.await.unwrap(), Ok(Accepted::Running { first: true }));
        env.journal.set_fault(Some(kassette_journal::MemoryFault::NoSpace));
        assert!(env.journal.release_one());
        env.journal.set_fault(None);
        env.journal.release();
        all_ended(&env).await;
        assert_eq!(numbers(&env.sale(1, 7).await.unwrap()).0, 2);
        env
    });
}

#[test]
fn an_accepted_operation_whose_execution_fails_each_time_ends_as_failed_and_nothing_else_suffers() {
    let seen = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&seen);
    let bad = request(OperationKind::Sign, 7, Vec::new()).id;
    let options = NodeOptions {
        before_execute: Some(Arc::new(move |_, request: &kassette_cashbox::Request| {
            // The first time it comes it is only accepted.
            assert!(request.id != bad || counted.fetch_add(1, Ordering::SeqCst) == 0, "planted");
        })),
        ..NodeOptions::default()
    };
    check(options, |env| async move {
        env.cash_box(1).await;
        assert_eq!(accept(&env, 7, Duration::ZERO).await.unwrap(), Ok(Accepted::Running { first: true }));
        all_ended(&env).await;
        assert_eq!(seen.load(Ordering::SeqCst), 2, "accepted, and tried once");
        let stored = env.journal.operation(cash_box(1), bad).unwrap().unwrap();
        let details = kassette_record::v1::read_details(&stored.header).unwrap();
        assert_eq!(details.operation.unwrap().status, 408, "abandoned");
        assert_eq!(numbers(&env.sale(1, 8).await.unwrap()).0, 2, "no number was burnt");
        env
    });
}

#[test]
fn a_repeat_that_nothing_durable_stands_behind_waits_for_it() {
    check(NodeOptions::default(), |env| async move {
        env.cash_box(1).await;
        env.journal.hold();
        let sync = env.begin(1, 7);
        env.queued(1).await;
        let repeat = accept(&env, 7, Duration::ZERO);
        turns().await;
        assert!(!repeat.is_finished(), "nothing may be told yet");
        env.journal.release();
        assert!(matches!(repeat.await.unwrap(), Ok(Accepted::Ended(executed)) if !executed.first));
        assert!(sync.await.unwrap().unwrap().first);
        env
    });
}

#[test]
fn more_than_may_be_open_is_refused() {
    check(NodeOptions { open_operations_max: 1, ..NodeOptions::default() }, |env| async move {
        env.cash_box(1).await;
        env.journal.hold();
        let one = accept(&env, 7, Duration::ZERO);
        env.queued(2).await;
        // Its end is decided, so it is not open any more, durable or not.
        let two = accept(&env, 8, Duration::ZERO);
        env.queued(4).await;
        env.journal.release();
        assert!(one.await.unwrap().is_ok() && two.await.unwrap().is_ok());
        env
    });
    check(NodeOptions { open_operations_max: 0, ..NodeOptions::default() }, |env| async move {
        env.cash_box(1).await;
        assert!(matches!(accept(&env, 7, Duration::ZERO).await.unwrap(), Err(Rejected::Busy { .. })));
        assert!(env.sale(1, 7).await.unwrap().first, "it was not accepted, and its id is fresh");
        env
    });
}

#[test]
fn what_was_accepted_is_executed_after_a_restart_by_whoever_comes_first() {
    for by_a_call in [false, true] {
        check(NodeOptions::default(), |env| async move {
            env.cash_box(1).await;
            env.journal.hold();
            let call = accept(&env, 7, Duration::ZERO);
            env.queued(2).await;
            assert!(env.journal.release_one());
            assert_eq!(call.await.unwrap(), Ok(Accepted::Running { first: true }));
            // The end is lost, as by a crash between the two records; the restart of the cash box is still on its way.
            env.journal.set_fault(Some(kassette_journal::MemoryFault::NoSpace));
            assert!(env.journal.release_one());
            env.journal.set_fault(None);
            assert_eq!(env.journal.unfinished().unwrap(), [cash_box(1)]);
            env.journal.release();
            if by_a_call {
                let ended = env.sale(1, 7).await.unwrap();
                assert_eq!((ended.first, ended.answer.status), (false, 201), "executed once, from the stored request");
            } else {
                assert!(env.gateway.go_on().is_ok());
                all_ended(&env).await;
            }
            assert_eq!(env.journal.unfinished().unwrap(), []);
            assert_eq!(env.gateway.go_on(), Ok(0));
            assert_eq!(numbers(&env.sale(1, 7).await.unwrap()).0, 2);
            assert_eq!(numbers(&env.sale(1, 8).await.unwrap()).0, 3, "it has one number");
            env
        });
    }
}
