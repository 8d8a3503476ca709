//! What fails alone, what comes back, and what waits for an operator.

use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Waker};
use std::time::Duration;

use kassette_actors::{Executed, Gateway, NodeOptions, Rejected};
use kassette_cashbox::Configuration;
use kassette_journal::MemoryFault;
use kassette_model::OperationKind;

use crate::env::{cash_box, check, numbers, receipt, request};

/// A node in which the next `left` calls of cash box 1 panic.
pub(crate) fn planted(left: &Arc<AtomicU32>) -> NodeOptions {
    let left = Arc::clone(left);
    NodeOptions {
        before_execute: Some(Arc::new(move |id, _| {
            let panics = id == cash_box(1) && left.load(Ordering::SeqCst) > 0;
            if panics {
                left.fetch_sub(1, Ordering::SeqCst);
                panic!("planted");
            }
        })),
        ..NodeOptions::default()
    }
}

#[test]
fn a_panic_restarts_that_box_alone_and_nothing_is_lost() {
    let left = Arc::new(AtomicU32::new(0));
    check(planted(&left), |env| async move {
        env.cash_box(1).await;
        env.cash_box(2).await;
        let first = env.sale(1, 7).await.unwrap();
        let before = env.gateway.status().restarts;
        left.store(1, Ordering::SeqCst);
        assert_eq!(env.sale(1, 8).await, Err(Rejected::Busy { retry_after_s: 1 }));
        assert!(env.sale(2, 8).await.unwrap().first, "the other cash box serves");
        let retried = env.sale(1, 8).await.unwrap();
        assert_eq!((retried.first, numbers(&retried).0), (true, 3), "no number was burnt");
        assert_eq!(env.sale(1, 7).await.unwrap().answer, first.answer);
        assert_eq!(env.gateway.status().restarts, before + 1);
        env
    });
}

#[test]
fn the_fourth_panic_within_ten_seconds_quarantines_that_box_until_it_is_resumed() {
    let left = Arc::new(AtomicU32::new(0));
    check(planted(&left), |env| async move {
        env.cash_box(1).await;
        env.cash_box(2).await;
        left.store(4, Ordering::SeqCst);
        for operation in 10..14 {
            assert!(matches!(env.sale(1, operation).await, Err(Rejected::Busy { .. })));
        }
        let refused = env.sale(1, 14).await;
        assert_eq!(refused, Err(Rejected::Quarantined { reason: "planted".to_owned() }));
        assert_eq!(env.gateway.status().quarantined, [(cash_box(1), "planted".to_owned())]);
        assert!(env.sale(2, 14).await.unwrap().first);
        env.gateway.resume(cash_box(1)).await.unwrap();
        assert!(env.gateway.status().quarantined.is_empty());
        assert_eq!(numbers(&env.sale(1, 14).await.unwrap()).0, 2);
        env
    });
}

#[test]
fn panics_that_are_spread_out_do_not_quarantine() {
    let left = Arc::new(AtomicU32::new(0));
    check(planted(&left), |env| async move {
        env.cash_box(1).await;
        for operation in 10..20 {
            left.store(1, Ordering::SeqCst);
            let before = env.gateway.status();
            assert!(matches!(env.sale(1, operation).await, Err(Rejected::Busy { .. })));
            // The caller hears of the failure before the directory does, which takes the time.
            while env.gateway.status().restarts == before.restarts && env.gateway.status().quarantined.is_empty() {
                tokio::task::yield_now().await;
            }
            env.clock.advance(Duration::from_secs(4));
        }
        assert!(env.sale(1, 30).await.unwrap().first);
        env
    });
}

#[test]
fn a_restarted_box_waits_for_the_records_of_its_predecessor() {
    let left = Arc::new(AtomicU32::new(0));
    check(planted(&left), |env| async move {
        env.cash_box(1).await;
        env.journal.hold();
        let on_its_way = env.begin(1, 7);
        env.queued(1).await;
        left.store(1, Ordering::SeqCst);
        assert!(env.sale(1, 8).await.is_err());
        // The barrier of the restart is queued behind the record; the call below is parked.
        env.queued(2).await;
        let parked = env.begin(1, 9);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(env.journal.queued(), 2, "nothing may follow before the old records are dealt with");
        env.journal.release();
        assert_eq!(numbers(&on_its_way.await.unwrap().unwrap()).0, 2);
        assert_eq!(numbers(&parked.await.unwrap().unwrap()).0, 3, "the restored box follows that record");
        env
    });
}

#[test]
fn a_full_device_refuses_clearly_burns_no_number_and_recovers() {
    check(NodeOptions::default(), |env| async move {
        env.cash_box(1).await;
        env.journal.hold();
        env.journal.set_fault(Some(MemoryFault::NoSpace));
        let calls: Vec<_> = (10..15).map(|operation| env.begin(1, operation)).collect();
        env.queued(5).await;
        env.journal.release();
        for call in calls {
            // Those behind the first were only unlinked by its failure: they are told the reason, not the consequence.
            assert!(matches!(call.await.unwrap(), Err(Rejected::NoSpace(_))));
        }
        env.journal.set_fault(None);
        let resumed = env.sale(1, 10).await.unwrap();
        assert_eq!((resumed.first, numbers(&resumed)), (true, (2, "ft1#2".to_owned())));
        env
    });
}

#[test]
fn a_poisoned_journal_is_told_to_every_caller() {
    check(NodeOptions::default(), |env| async move {
        env.cash_box(1).await;
        env.journal.set_fault(Some(MemoryFault::Poisoned));
        for operation in 10..12 {
            assert!(matches!(env.sale(1, operation).await, Err(Rejected::Poisoned(_))));
        }
        env
    });
}

#[test]
fn a_full_mailbox_is_an_answer_at_once() {
    let options = NodeOptions { mailbox_messages_max: 4, ..NodeOptions::default() };
    check(options, |env| async move {
        env.cash_box(1).await;
        env.journal.hold();
        let calls: Vec<_> = (10..14).map(|operation| env.begin(1, operation)).collect();
        env.queued(4).await;
        assert_eq!(env.sale(1, 20).await, Err(Rejected::Busy { retry_after_s: 1 }));
        env.journal.release();
        for call in calls {
            assert!(call.await.unwrap().unwrap().first);
        }
        assert!(env.sale(1, 20).await.unwrap().first);
        env
    });
}

#[test]
fn a_quarantined_box_can_be_configured_and_stays_in_quarantine() {
    let left = Arc::new(AtomicU32::new(0));
    check(planted(&left), |env| async move {
        env.cash_box(1).await;
        left.store(4, Ordering::SeqCst);
        for operation in 10..14 {
            assert!(matches!(env.sale(1, operation).await, Err(Rejected::Busy { .. })));
        }
        for disabled in [true, false] {
            let configuration = Configuration { disabled, ..env.configuration(1) };
            env.gateway.configure(configuration).await.unwrap();
            assert_eq!(env.gateway.profile(cash_box(1)).unwrap().unwrap().disabled, disabled);
            assert!(matches!(env.sale(1, 14).await, Err(Rejected::Quarantined { .. })));
            assert!(matches!(env.gateway.reset(cash_box(1)).await, Err(Rejected::Quarantined { .. })));
            assert_eq!(env.gateway.status().quarantined, [(cash_box(1), "planted".to_owned())]);
            // Idle, it leaves memory; the quarantine does not leave with it.
            env.clock.advance(Duration::from_secs(3_600));
            env.gateway.passivate().await.unwrap();
            assert_eq!(env.gateway.status().active_cash_boxes, 0);
        }
        env.gateway.resume(cash_box(1)).await.unwrap();
        assert_eq!(numbers(&env.sale(1, 14).await.unwrap()).0, 2);
        env
    });
}

#[test]
fn a_resumed_or_configured_box_waits_for_the_records_of_its_predecessor() {
    let left = Arc::new(AtomicU32::new(0));
    check(planted(&left), |env| async move {
        env.cash_box(1).await;
        left.store(3, Ordering::SeqCst);
        for operation in 10..13 {
            assert!(matches!(env.sale(1, operation).await, Err(Rejected::Busy { .. })));
        }
        // It runs again; otherwise its restart would wait for the held journal.
        assert_eq!(numbers(&env.sale(1, 6).await.unwrap()).0, 2);
        env.journal.hold();
        let on_its_way = env.begin(1, 7);
        env.queued(1).await;
        left.store(1, Ordering::SeqCst);
        assert!(env.sale(1, 13).await.is_err());
        // The caller hears of the failure before the directory does.
        while env.gateway.status().quarantined.is_empty() {
            tokio::task::yield_now().await;
        }
        let (gateway, configuration) = (env.gateway.clone(), env.configuration(1));
        let configured = actix::spawn(async move { gateway.configure(configuration).await });
        env.queued(2).await;
        env.gateway.resume(cash_box(1)).await.unwrap();
        let parked = env.begin(1, 9);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(env.journal.queued(), 2, "nothing may follow before the old records are dealt with");
        env.journal.release();
        assert_eq!(numbers(&on_its_way.await.unwrap().unwrap()).0, 3);
        configured.await.unwrap().unwrap();
        assert_eq!(numbers(&parked.await.unwrap().unwrap()).0, 4);
        env
    });
}

#[test]
fn a_call_that_overtakes_the_end_of_its_box_is_parked_and_not_lost() {
    type Call = Pin<Box<dyn Future<Output = Result<Executed, Rejected>> + Send>>;
    let gateway = Arc::new(OnceLock::<Gateway>::new());
    let overtaking = Arc::new(Mutex::new(None::<Call>));
    let (inside, kept) = (Arc::clone(&gateway), Arc::clone(&overtaking));
    let options = NodeOptions {
        before_execute: Some(Arc::new(move |id, failing| {
            let Some(gateway) = inside.get() else { return };
            if kept.lock().unwrap().is_some() {
                return;
            }
            // Sent to the directory before the failing box can tell it about its end.
            let sale = request(OperationKind::Sign, 8, receipt("R-8", 0x4154_2000_0000_0001));
            assert_ne!(sale.id, failing.id);
            let gateway = gateway.clone();
            let mut call: Call = Box::pin(async move { gateway.execute(id, sale, Duration::from_secs(60)).await });
            assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            *kept.lock().unwrap() = Some(call);
            panic!("planted");
        })),
        ..NodeOptions::default()
    };
    check(options, |env| async move {
        env.cash_box(1).await;
        let before = env.gateway.status().restarts;
        assert!(gateway.set(env.gateway.clone()).is_ok());
        assert!(matches!(env.sale(1, 7).await, Err(Rejected::Busy { .. })));
        let call = overtaking.lock().unwrap().replace(Box::pin(std::future::pending())).unwrap();
        assert_eq!(numbers(&call.await.unwrap()).0, 2);
        assert_eq!(env.gateway.status().restarts, before + 1, "the failure is counted all the same");
        assert_eq!(env.gateway.status().active_cash_boxes, 1);
        env
    });
}
