//! Payments at the dummy provider: time, repeats, restarts; every end exactly once.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kassette_actors::{Accepted, BeforeExecute, Executed, NodeOptions, Rejected};
use kassette_cashbox::Request;
use kassette_journal::Journal as _;
use kassette_model::payment::PaymentState;
use kassette_model::{OperationKind, OperationState};
use kassette_stdx::FakeClock;
use tokio::task::JoinHandle;

use crate::env::{Env, cash_box, check, request};

fn payment(operation: u64, amount: &str) -> Request {
    let body = format!(
        r#"{{"Action":"payment","Protocol":"use_auto","cbPayItem":{{"Description":"Card","Amount":{amount}}}}}"#
    );
    request(OperationKind::Pay, operation, body.into_bytes())
}

async fn pay(env: &Env, operation: u64, amount: &str) -> Executed {
    env.gateway.execute(cash_box(1), payment(operation, amount), Duration::from_secs(60)).await.unwrap()
}

/// A call that waits.
fn waiting(env: &Env, operation: u64, amount: &str) -> JoinHandle<Result<Executed, Rejected>> {
    let (gateway, call) = (env.gateway.clone(), payment(operation, amount));
    actix::spawn(async move { gateway.execute(cash_box(1), call, Duration::from_secs(60)).await })
}

/// How the payment stands in the journal; `None` when it has ended or never began.
fn state(env: &Env, operation: u64) -> Option<PaymentState> {
    let head = env.journal.head(cash_box(1)).unwrap().unwrap();
    let payments = kassette_record::v1::read_details(&head.record.header).unwrap().head.payments;
    let id = payment(operation, "1").id;
    payments.as_slice().iter().find(|payment| payment.operation == id).map(|payment| payment.state)
}

async fn until_sent(env: &Env, operation: u64) {
    while state(env, operation) != Some(PaymentState::Sent) {
        tokio::task::yield_now().await;
    }
}

async fn advance(env: &Env, by: Duration) {
    env.clock.advance(by);
    env.gateway.look_at_payments().await;
}

/// How many records of payments there are, by state.
fn records(env: &Env) -> Vec<PaymentState> {
    let stream = env.journal.stream(cash_box(1), 1).unwrap();
    let payments = stream.filter_map(|record| record.unwrap().open().unwrap().0.details.payment);
    payments.map(|payment| payment.state).collect()
}

#[test]
fn a_payment_is_made_once_and_given_again() {
    check(NodeOptions::default(), |env| async move {
        env.cash_box(1).await;
        let paid = pay(&env, 7, "18.40").await;
        assert_eq!((paid.answer.status, paid.first), (201, true));
        let again = pay(&env, 7, "18.40").await;
        assert_eq!((&again.answer, again.first), (&paid.answer, false));
        assert_eq!(records(&env), [PaymentState::Intent, PaymentState::Sent, PaymentState::Ended]);
        let other = env.gateway.execute(cash_box(1), payment(7, "18.41"), Duration::from_secs(60)).await;
        assert!(matches!(other, Err(Rejected::Conflict(_))), "{other:?}");
        let declined = pay(&env, 8, "30000.10").await;
        assert_eq!(
            (declined.answer.status, declined.answer.state, declined.first),
            (400, OperationState::Failed, true)
        );
        assert_eq!(env.sale(1, 9).await.unwrap().answer.status, 201);
        env
    });
}

#[test]
fn everybody_waits_for_the_same_end_and_receipts_do_not() {
    check(NodeOptions::default(), |env| async move {
        env.cash_box(1).await;
        let first = waiting(&env, 7, "30000.60");
        until_sent(&env, 7).await;
        let repeat = waiting(&env, 7, "30000.60");
        // Meanwhile the till signs, and pays at the same provider.
        assert_eq!(env.sale(1, 8).await.unwrap().answer.status, 201);
        assert_eq!(pay(&env, 9, "5").await.answer.status, 201);
        advance(&env, Duration::from_secs(59)).await;
        assert_eq!(env.sale(1, 10).await.unwrap().answer.status, 201);
        assert!(!first.is_finished() && !repeat.is_finished());
        advance(&env, Duration::from_secs(1)).await;
        let (first, repeat) = (first.await.unwrap().unwrap(), repeat.await.unwrap().unwrap());
        assert_eq!((first.answer.status, first.first, repeat.first), (201, true, false));
        assert_eq!(first.answer, repeat.answer);
        env
    });
}

#[test]
fn a_repeat_is_told_that_it_runs_and_comes_back() {
    check(NodeOptions::default(), |env| async move {
        env.cash_box(1).await;
        let accepted = env.gateway.accept(cash_box(1), payment(7, "30000.70"), Duration::ZERO).await.unwrap();
        assert_eq!(accepted, Accepted::Running { first: true });
        until_sent(&env, 7).await;
        let early = env.gateway.execute(cash_box(1), payment(7, "30000.70"), Duration::ZERO).await;
        assert_eq!(early, Err(Rejected::StillRunning));
        advance(&env, Duration::from_secs(180)).await;
        assert_eq!(pay(&env, 7, "30000.70").await.answer.status, 201);
        env
    });
}

#[test]
fn a_restart_and_a_reset_lose_nothing_and_pay_nothing_twice() {
    check(NodeOptions::default(), |env| async move {
        env.cash_box(1).await;
        drop(waiting(&env, 7, "30000.60"));
        until_sent(&env, 7).await;
        env.clock.advance(Duration::from_secs(20));
        env.gateway.reset(cash_box(1)).await.unwrap();
        let env = env.restarted(NodeOptions::default()).await;
        assert_eq!(env.gateway.go_on().unwrap(), 1);
        assert_eq!(env.sale(1, 8).await.unwrap().answer.status, 201);
        assert_eq!(state(&env, 7), Some(PaymentState::Sent));
        // What had passed before the restart counts.
        advance(&env, Duration::from_secs(39)).await;
        assert_eq!(env.sale(1, 9).await.unwrap().answer.status, 201);
        assert_eq!(state(&env, 7), Some(PaymentState::Sent));
        let repeat = waiting(&env, 7, "30000.60");
        advance(&env, Duration::from_secs(1)).await;
        assert_eq!(repeat.await.unwrap().unwrap().answer.status, 201);
        assert_eq!(records(&env), [PaymentState::Intent, PaymentState::Sent, PaymentState::Ended]);
        let env = env.restarted(NodeOptions::default()).await;
        assert_eq!(env.gateway.go_on().unwrap(), 0);
        assert!(!pay(&env, 7, "30000.60").await.first);
        env
    });
}

#[test]
fn an_overdue_payment_never_begins() {
    let clock = Arc::new(OnceLock::<Arc<FakeClock>>::new());
    let inside = Arc::clone(&clock);
    // Time passes between the arrival of a payment and its turn.
    let before_execute: BeforeExecute = Arc::new(move |_, call: &Request| {
        if let (OperationKind::Pay, Some(clock)) = (call.kind, inside.get()) {
            clock.advance(Duration::from_millis(500));
        }
    });
    check(NodeOptions { before_execute: Some(before_execute), ..NodeOptions::default() }, |env| async move {
        env.cash_box(1).await;
        clock.set(Arc::clone(&env.clock)).unwrap();
        let late = Request { lifetime_ms: Some(499), ..payment(7, "10") };
        let ended = env.gateway.execute(cash_box(1), late, Duration::from_secs(60)).await.unwrap();
        assert_eq!((ended.answer.status, ended.answer.state), (408, OperationState::Failed));
        assert_eq!(records(&env), []);
        let in_time = Request { lifetime_ms: Some(501), ..payment(8, "10") };
        let ended = env.gateway.execute(cash_box(1), in_time, Duration::from_secs(60)).await.unwrap();
        assert_eq!(ended.answer.status, 201);
        env
    });
}
