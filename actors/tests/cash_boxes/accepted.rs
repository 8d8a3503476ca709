//! Operations whose callers do not wait: accepted durably, executed in any case, also after a crash.

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
            // The end is lost, as by a crash between the two records.
            env.journal.set_fault(Some(kassette_journal::MemoryFault::NoSpace));
            env.journal.release();
            turns().await;
            env.journal.set_fault(None);
            assert_eq!(env.journal.unfinished().unwrap(), [cash_box(1)]);
            if by_a_call {
                let ended = env.sale(1, 7).await.unwrap();
                assert_eq!((ended.first, ended.answer.status), (false, 201), "executed once, from the stored request");
            } else {
                assert_eq!(env.gateway.go_on(), Ok(1));
                let id = request(OperationKind::Sign, 7, Vec::new()).id;
                env.gateway.watch(cash_box(1), id, Duration::from_secs(60)).await.unwrap();
            }
            assert_eq!(env.journal.unfinished().unwrap(), []);
            assert_eq!(env.gateway.go_on(), Ok(0));
            assert_eq!(numbers(&env.sale(1, 7).await.unwrap()).0, 2);
            assert_eq!(numbers(&env.sale(1, 8).await.unwrap()).0, 3, "it has one number");
            env
        });
    }
}
