//! Activation on demand, passivation, reset, configuration.

use std::sync::atomic::Ordering;
use std::time::Duration;

use kassette_actors::{NodeOptions, Rejected};
use kassette_model::OperationKind;

use crate::env::{cash_box, check, numbers, request};

#[test]
fn an_idle_cash_box_leaves_memory_and_comes_back_where_it_was() {
    check(NodeOptions::default(), |env| async move {
        env.cash_box(1).await;
        env.sale(1, 7).await.unwrap();
        env.clock.advance(Duration::from_secs(599));
        env.gateway.passivate().await.unwrap();
        assert_eq!(env.gateway.status().active_cash_boxes, 1);
        env.clock.advance(Duration::from_secs(2));
        env.gateway.passivate().await.unwrap();
        assert_eq!(env.gateway.status().active_cash_boxes, 0);
        assert_eq!(env.journal.forgotten(), [cash_box(1)]);
        assert_eq!(numbers(&env.sale(1, 8).await.unwrap()), (3, "ft2#3".to_owned()));
        env
    });
}

#[test]
fn a_busy_cash_box_is_not_passivated() {
    check(NodeOptions::default(), |env| async move {
        env.cash_box(1).await;
        env.journal.hold();
        let call = env.begin(1, 7);
        env.queued(1).await;
        env.clock.advance(Duration::from_secs(3600));
        env.gateway.passivate().await.unwrap();
        assert_eq!(env.gateway.status().active_cash_boxes, 1);
        env.journal.release();
        assert!(call.await.unwrap().unwrap().first);
        env
    });
}

#[test]
fn an_echo_without_a_message_resets_the_box_and_is_answered() {
    check(NodeOptions::default(), |env| async move {
        let id = env.cash_box(1).await;
        env.sale(1, 7).await.unwrap();
        let opened = env.vault.opened.load(Ordering::SeqCst);
        let plain = request(OperationKind::Echo, 50, br#"{"Message":"hello"}"#.to_vec());
        env.gateway.execute(id, plain, Duration::ZERO).await.unwrap();
        env.sale(1, 8).await.unwrap();
        assert_eq!(env.vault.opened.load(Ordering::SeqCst), opened, "a message is no reset");
        let reset = request(OperationKind::Echo, 51, b"{}".to_vec());
        let answer = env.gateway.execute(id, reset, Duration::ZERO).await.unwrap().answer;
        assert_eq!(answer.status, 201);
        assert_eq!(numbers(&env.sale(1, 9).await.unwrap()).0, 4);
        assert_eq!(env.vault.opened.load(Ordering::SeqCst), opened + 1, "restored with fresh state");
        env
    });
}

#[test]
fn a_change_of_configuration_is_in_force_at_once_and_after_a_reset() {
    check(NodeOptions::default(), |env| async move {
        let id = env.cash_box(1).await;
        let mut changed = env.configuration(1);
        changed.disabled = true;
        env.gateway.configure(changed).await.unwrap();
        assert!(env.gateway.profile(id).unwrap().unwrap().disabled);
        let mut wrong = env.configuration(1);
        wrong.identification = "OTHER".to_owned();
        let refused = env.gateway.configure(wrong).await;
        assert!(matches!(refused, Err(Rejected::Refused(_))), "{refused:?}");
        env.gateway.reset(id).await.unwrap();
        assert!(env.gateway.profile(id).unwrap().unwrap().disabled);
        env
    });
}

#[test]
fn a_cash_box_that_does_not_exist_is_unknown() {
    check(NodeOptions::default(), |env| async move {
        assert_eq!(env.sale(9, 1).await, Err(Rejected::UnknownCashBox));
        assert!(env.gateway.profile(cash_box(9)).unwrap().is_none());
        env
    });
}
