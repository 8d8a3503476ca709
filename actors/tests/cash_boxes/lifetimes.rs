//! An operation that cannot start within its lifetime fails for good; one that has started is never cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use kassette_actors::{Accepted, Executed, NodeOptions, Rejected};
use kassette_model::{OperationKind, OperationState};

use crate::env::{Env, cash_box, check, numbers, receipt, request};
use crate::failures::planted;

/// Parks a sale with `lifetime_ms` behind a restart of its cash box for `wait`; gives what it ended with.
async fn parked(env: &Env, left: &AtomicU32, lifetime_ms: Option<u64>, wait: Duration, accept: bool) -> Executed {
    let id = env.cash_box(1).await;
    env.journal.hold();
    let on_its_way = env.begin(1, 7);
    env.queued(1).await;
    left.store(1, Ordering::SeqCst);
    assert!(env.sale(1, 8).await.is_err());
    env.queued(2).await;
    let mut late = request(OperationKind::Sign, 9, receipt("R-9", 0x4154_2000_0000_0001));
    late.lifetime_ms = lifetime_ms;
    let gateway = env.gateway.clone();
    let call = actix::spawn(async move {
        let most = Duration::from_secs(60);
        if !accept {
            return gateway.execute(id, late, most).await;
        }
        match gateway.accept(id, late, most).await? {
            Accepted::Ended(executed) => Ok(executed),
            Accepted::Running { .. } => Err(Rejected::StillRunning),
        }
    });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    env.clock.advance(wait);
    env.journal.release();
    assert!(on_its_way.await.unwrap().unwrap().first, "what was executed before is not touched");
    call.await.unwrap().unwrap()
}

#[test]
fn what_waits_longer_than_its_lifetime_fails_with_408_and_stays_failed() {
    for (lifetime_ms, wait_ms, expires, accept) in [
        (None, 15_000, false, false),
        (None, 15_001, true, false),
        (Some(100), 100, false, false),
        (Some(100), 101, true, false),
        (Some(60_000), 59_999, false, false),
        // The limit below is 100,000 ms.
        (Some(u64::MAX), 100_001, true, false),
        // What was never accepted has no intent record, and ends in the same way.
        (Some(100), 100, false, true),
        (Some(100), 101, true, true),
    ] {
        let left = Arc::new(AtomicU32::new(0));
        let options = NodeOptions { lifetime_max_ms: 100_000, ..planted(&left) };
        check(options, |env| async move {
            let ended = parked(&env, &left, lifetime_ms, Duration::from_millis(wait_ms), accept).await;
            let case = format!("lifetime {lifetime_ms:?}, waited {wait_ms} ms");
            // Nothing was accepted by a call whose operation had expired.
            let first = !(accept && expires);
            assert_eq!((ended.first, ended.answer.status), (first, if expires { 408 } else { 201 }), "{case}");
            if expires {
                assert_eq!(ended.answer.state, OperationState::Failed);
                let problem: serde_json::Value = serde_json::from_slice(&ended.answer.body).unwrap();
                assert_eq!((&problem["code"], &problem["stored"]), (&"operation-expired".into(), &true.into()));
                let again = env.sale(1, 9).await.unwrap();
                assert_eq!((again.first, &again.answer), (false, &ended.answer), "stored and replayed");
                assert_eq!(numbers(&env.sale(1, 10).await.unwrap()).0, 3, "no number was burnt");
            }
            env
        });
    }
}

#[test]
fn what_has_started_is_never_cut() {
    check(NodeOptions::default(), |env| async move {
        env.cash_box(1).await;
        env.journal.hold();
        let call = env.begin(1, 7);
        env.queued(1).await;
        env.clock.advance(Duration::from_secs(3_600));
        let id = cash_box(1);
        let repeat = request(OperationKind::Sign, 7, receipt("R-7", 0x4154_2000_0000_0001));
        let (gateway, repeat) = (env.gateway.clone(), repeat);
        let waiting = actix::spawn(async move { gateway.execute(id, repeat, Duration::from_secs(60)).await });
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        env.clock.advance(Duration::from_secs(3_600));
        env.journal.release();
        assert_eq!(call.await.unwrap().unwrap().answer.status, 201);
        assert_eq!(waiting.await.unwrap().unwrap().answer.status, 201, "nor is who waits for it");
        env
    });
}
