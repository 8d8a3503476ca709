//! Payments at the dummy provider: time, repeats, restarts, settling by hand; every end exactly once.

use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use kassette_actors::{Accepted, BeforeExecute, Executed, NodeOptions, Rejected};
use kassette_cashbox::{CashBox, Configuration, Facts, PaymentTold, Request, Step, accepted_request};
use kassette_journal::{Journal as _, MemoryJournal};
use kassette_model::payment::{PaymentState, SettledAs, Settlement};
use kassette_model::{OperationKind, OperationState};
use kassette_stdx::FakeClock;
use tokio::task::JoinHandle;

use crate::env::{Env, cash_box, check, request, secrets};

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

/// Writes the step of a payment that a terminal would have told: the dummy provider is never in doubt.
fn tell(journal: &MemoryJournal, operation: u64, told: PaymentTold) {
    let id = payment(operation, "1").id;
    let configuration = journal.configuration(cash_box(1)).unwrap().unwrap();
    let configuration = Configuration::from_json(&configuration).unwrap();
    let last = journal.head(cash_box(1)).unwrap().unwrap().record;
    let details = kassette_record::v1::read_details(&last.header).unwrap();
    let facts = Facts {
        now: details.time(),
        admitted: details.time(),
        seed: [3; 32],
        answers: Vec::new(),
        terminals: Vec::new(),
    };
    let keys = secrets(&configuration).unwrap();
    let mut core = CashBox::restore(&configuration, keys, details.head, last.row, last.hash).unwrap();
    let open = core.unfinished().iter().find(|open| open.id == id).copied().unwrap();
    let intent = journal.row(cash_box(1), open.row).unwrap().unwrap();
    let (call, _) = accepted_request(&intent).unwrap();
    let Step::Progress(record) = core.payment_told(&call, told, &facts) else { panic!("no step") };
    let (done, durable) = mpsc::channel();
    let appended = journal.append(*record, Box::new(move |result| done.send(result.map(|_| ())).unwrap()));
    assert!(appended.is_ok());
    durable.recv().unwrap().unwrap();
}

fn doubt() -> PaymentTold {
    PaymentTold::Doubt { reason: "the line broke".to_owned() }
}

fn contradiction() -> PaymentTold {
    PaymentTold::Contradiction { reason: "another amount".to_owned() }
}

/// A payment whose provider says nothing for a minute, told these steps while the node was stopped.
async fn told(env: Env, steps: Vec<PaymentTold>) -> Env {
    env.cash_box(1).await;
    drop(waiting(&env, 7, "30000.60"));
    until_sent(&env, 7).await;
    let between = |journal: &MemoryJournal| steps.into_iter().for_each(|told| tell(journal, 7, told));
    let env = env.restarted_after(between).await;
    env.gateway.go_on().unwrap();
    env
}

/// Settles; the code of the refusal.
async fn settle(env: &Env, operation: u64, outcome: SettledAs, by: &str) -> Result<(), String> {
    let settlement = Settlement { outcome, by: by.to_owned(), reason: "slip 0042".to_owned() };
    match env.gateway.settle_payment(cash_box(1), payment(operation, "1").id, settlement).await {
        Ok(()) => Ok(()),
        Err(Rejected::Refused(problem)) => Err(problem.code.code().to_owned()),
        Err(other) => panic!("{other:?}"),
    }
}

const PAID: SettledAs = SettledAs::Paid { amount: None };

#[test]
fn an_operator_ends_a_payment_in_doubt_and_whoever_waits_gets_the_end() {
    check(NodeOptions::default(), |env| async move {
        let env = told(env, vec![doubt()]).await;
        assert_eq!(state(&env, 7), Some(PaymentState::Unknown));
        let repeat = waiting(&env, 7, "30000.60");
        assert_eq!(settle(&env, 7, PAID, "").await, Err("body-invalid".to_owned()));
        assert_eq!(settle(&env, 7, SettledAs::AskAgain, "Anna").await, Err("payment-state-conflict".to_owned()));
        settle(&env, 7, PAID, "Anna").await.unwrap();
        let ended = repeat.await.unwrap().unwrap();
        assert_eq!((ended.answer.status, ended.answer.state), (201, OperationState::Done));
        assert!(String::from_utf8_lossy(&ended.answer.body).contains("SETTLED BY HAND"));
        assert_eq!(settle(&env, 7, SettledAs::NotPaid, "Anna").await, Err("payment-state-conflict".to_owned()));
        // The provider comes too late, and changes nothing.
        let before = records(&env);
        assert_eq!(before.last(), Some(&PaymentState::Ended));
        advance(&env, Duration::from_secs(60)).await;
        assert_eq!(env.sale(1, 8).await.unwrap().answer.status, 201);
        assert_eq!(records(&env), before);
        assert_eq!(pay(&env, 7, "30000.60").await.answer, ended.answer);
        // It takes payments again.
        assert_eq!(pay(&env, 9, "5").await.answer.status, 201);
        env
    });
}

#[test]
fn a_payment_that_needs_an_operator_is_asked_again_or_was_not_made() {
    check(NodeOptions::default(), |env| async move {
        let env = told(env, vec![doubt(), contradiction()]).await;
        assert_eq!(state(&env, 7), Some(PaymentState::NeedsOperator));
        settle(&env, 7, SettledAs::AskAgain, "Anna").await.unwrap();
        assert_eq!(state(&env, 7), Some(PaymentState::Unknown));
        let env = env.restarted_after(|journal| tell(journal, 7, contradiction())).await;
        settle(&env, 7, SettledAs::NotPaid, "Anna").await.unwrap();
        assert_eq!(state(&env, 7), None);
        let ended = pay(&env, 7, "30000.60").await;
        assert_eq!((ended.answer.status, ended.answer.state), (502, OperationState::Failed));
        env
    });
}

#[test]
fn only_a_payment_that_is_under_way_is_settled() {
    check(NodeOptions::default(), |env| async move {
        env.cash_box(1).await;
        assert_eq!(pay(&env, 7, "5").await.answer.status, 201);
        assert_eq!(env.sale(1, 8).await.unwrap().answer.status, 201);
        for (operation, code) in [(7, "payment-state-conflict"), (8, "not-found"), (9, "not-found")] {
            assert_eq!(settle(&env, operation, PAID, "Anna").await, Err(code.to_owned()), "{operation}");
        }
        drop(waiting(&env, 10, "30000.60"));
        until_sent(&env, 10).await;
        assert_eq!(settle(&env, 10, PAID, "Anna").await, Err("payment-state-conflict".to_owned()));
        advance(&env, Duration::from_secs(60)).await;
        assert_eq!(pay(&env, 10, "30000.60").await.answer.status, 201);
        env
    });
}
