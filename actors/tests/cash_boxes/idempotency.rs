//! One operation id, one effect, one answer.

use std::time::Duration;

use kassette_actors::{NodeOptions, Rejected};
use kassette_model::OperationKind;

use crate::env::{cash_box, check, numbers, receipt, request};

#[test]
fn sixty_four_racing_calls_make_one_receipt() {
    check(NodeOptions::default(), |env| async move {
        env.cash_box(1).await;
        env.journal.hold();
        let calls: Vec<_> = (0..64).map(|_| env.begin(1, 7)).collect();
        env.queued(1).await;
        env.journal.release();
        let mut first = 0;
        let mut bodies = Vec::new();
        for call in calls {
            let executed = call.await.unwrap().unwrap();
            first += usize::from(executed.first);
            bodies.push(executed.answer.body);
        }
        assert_eq!(first, 1);
        bodies.dedup();
        assert_eq!(bodies.len(), 1, "every call gets the same bytes");
        assert_eq!(numbers(&env.sale(1, 8).await.unwrap()).0, 3, "start, one receipt, this one");
        env
    });
}

#[test]
fn a_repeat_that_finds_the_first_running_waits_no_longer_than_it_may() {
    check(NodeOptions::default(), |env| async move {
        let id = env.cash_box(1).await;
        env.journal.hold();
        let first = env.begin(1, 7);
        env.queued(1).await;
        let body = receipt("R-7", 0x4154_2000_0000_0001);
        let repeat = env.gateway.execute(id, request(OperationKind::Sign, 7, body), Duration::ZERO).await;
        assert_eq!(repeat, Err(Rejected::StillRunning));
        env.journal.release();
        assert!(first.await.unwrap().unwrap().first, "the first call waits until its operation ends");
        env
    });
}

#[test]
fn another_body_or_kind_under_the_same_id_is_a_conflict() {
    check(NodeOptions::default(), |env| async move {
        let id = env.cash_box(1).await;
        let first = env.sale(1, 7).await.unwrap();
        let other = env.execute(1, 7, receipt("R-8", 0x4154_2000_0000_0001)).await;
        assert!(matches!(other, Err(Rejected::Conflict(_))), "{other:?}");
        let kind = request(OperationKind::Echo, 7, br#"{"Message":"x"}"#.to_vec());
        let other = env.gateway.execute(id, kind, Duration::ZERO).await;
        assert!(matches!(other, Err(Rejected::Conflict(_))), "{other:?}");
        let again = env.sale(1, 7).await.unwrap();
        assert_eq!((again.first, again.answer), (false, first.answer));
        env
    });
}

#[test]
fn the_same_id_of_another_cash_box_is_another_operation() {
    check(NodeOptions::default(), |env| async move {
        env.cash_box(1).await;
        env.cash_box(2).await;
        assert!(env.sale(1, 7).await.unwrap().first);
        assert!(env.sale(2, 7).await.unwrap().first);
        assert_eq!(env.gateway.configuration(cash_box(1)).unwrap().unwrap().identification, "TILL-1");
        env
    });
}

#[test]
fn nobody_is_answered_before_the_record_is_durable_and_a_box_does_not_wait_for_the_disk() {
    check(NodeOptions::default(), |env| async move {
        env.cash_box(1).await;
        env.journal.hold();
        let calls: Vec<_> = (10..20).map(|operation| env.begin(1, operation)).collect();
        // Ten records of one cash box are on their way at once: it did not wait for any of them.
        env.queued(10).await;
        assert!(calls.iter().all(|call| !call.is_finished()), "an answer left before its record was durable");
        env.journal.release();
        let mut rows = Vec::new();
        for call in calls {
            rows.push(numbers(&call.await.unwrap().unwrap()).0);
        }
        rows.sort_unstable();
        assert_eq!(rows, (2..12).collect::<Vec<_>>());
        env
    });
}
