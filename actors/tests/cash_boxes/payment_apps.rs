//! Payments at apps that fetch them: time, restarts at each step, repeats; nothing is charged without a word of the server, and nothing
//! ends without a word of the app.

use std::time::Duration;

use kassette_actors::{AppTerminal, Executed, NodeOptions, Rejected};
use kassette_cashbox::{Request, TerminalEntry};
use kassette_journal::Journal as _;
use kassette_model::payment::{PaymentState, SettledAs, Settlement, TerminalAddress};
use kassette_model::{OperationKind, OperationState};
use kassette_payments::http::{Acceptance, AppRequest, AppTold};
use kassette_wire::Limits;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::env::{Env, cash_box, check, request};

const BAR: &str = "bar";
const DONE: &str = r#"{"state":"done","paid":18.40,"means":"debit-card","receipt":["PAID"],"reference":"77"}"#;
const FAILED: &str = r#"{"state":"failed","error":"No money","errorDetails":"the card says so"}"#;
const UNKNOWN: &str = r#"{"state":"unknown","error":"no line"}"#;

fn payment(operation: u64) -> Request {
    let body = r#"{"Protocol":"http","cbPayItem":{"Description":"Table 7","Amount":18.40}}"#;
    request(OperationKind::Pay, operation, body.as_bytes().to_vec())
}

async fn with_terminals(env: &Env) {
    let mut configuration = env.configuration(1);
    configuration.terminals = [BAR, "hall"]
        .into_iter()
        .map(|name| TerminalEntry {
            name: name.to_owned(),
            provider: "http".to_owned(),
            address: TerminalAddress::App,
            terminal_id: (name != BAR).then(|| name.to_owned()),
            password: 0,
        })
        .collect();
    env.gateway.configure(configuration).await.unwrap();
}

/// A call of the till, which waits.
fn pay(env: &Env, operation: u64) -> JoinHandle<Result<Executed, Rejected>> {
    let (gateway, call) = (env.gateway.clone(), payment(operation));
    actix::spawn(async move { gateway.execute(cash_box(1), call, Duration::from_secs(60)).await })
}

fn bar(env: &Env) -> AppTerminal {
    env.gateway.app_terminal(cash_box(1), BAR).unwrap()
}

/// What the app of the terminal is to do now.
async fn offered(env: &Env) -> Option<(AppRequest, u64)> {
    bar(env).next(Duration::ZERO).await.unwrap()
}

/// Waits for what the app of the terminal is to do.
async fn next(env: &Env) -> (AppRequest, u64) {
    bar(env).next(Duration::from_secs(60)).await.unwrap().expect("a request")
}

async fn accept(env: &Env, operation: u64, app: &str) -> Result<u64, Rejected> {
    let acceptance = Acceptance { app: app.to_owned() };
    bar(env).accept(payment(operation).id, acceptance).await
}

async fn tell(env: &Env, operation: u64, body: &str) -> Result<(), Rejected> {
    let result = AppTold::parse(body.as_bytes(), &Limits::default()).unwrap();
    bar(env).tell(payment(operation).id, result).await
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Rejected>, status: u16) {
    match result {
        Err(Rejected::Refused(problem)) => assert_eq!(problem.status(), status, "{problem:?}"),
        other => panic!("{other:?}"),
    }
}

fn state(env: &Env, operation: u64) -> Option<PaymentState> {
    let head = env.journal.head(cash_box(1)).unwrap().unwrap();
    let payments = kassette_record::v1::read_details(&head.record.header).unwrap().head.payments;
    let id = payment(operation).id;
    payments.as_slice().iter().find(|payment| payment.operation == id).map(|payment| payment.state)
}

async fn until(env: &Env, operation: u64, wanted: Option<PaymentState>) {
    while state(env, operation) != wanted {
        tokio::task::yield_now().await;
    }
}

fn records(env: &Env) -> Vec<PaymentState> {
    let stream = env.journal.stream(cash_box(1), 1).unwrap();
    stream.filter_map(|record| record.unwrap().open().unwrap().0.details.payment).map(|payment| payment.state).collect()
}

async fn advance(env: &Env, by_ms: u64) {
    env.clock.advance(Duration::from_millis(by_ms));
    env.gateway.look_at_payments().await;
}

/// The answer of the till's call: status, and the code or `paid`.
async fn answer(env: &Env, operation: u64) -> (u16, String) {
    let executed = env.gateway.execute(cash_box(1), payment(operation), Duration::from_secs(60)).await.unwrap();
    let body: Value = serde_json::from_slice(&executed.answer.body).unwrap();
    (executed.answer.status, body["code"].as_str().unwrap_or("paid").to_owned())
}

async fn restarted(env: Env) -> Env {
    let env = env.restarted(NodeOptions::default()).await;
    env.gateway.go_on().unwrap();
    env
}

#[test]
fn an_app_accepts_and_pays_and_a_repeat_of_everything_changes_nothing() {
    check(NodeOptions::default(), |env| async move {
        with_terminals(&env).await;
        assert!(offered(&env).await.is_none());
        let till = pay(&env, 7);
        let (asked, remaining_ms) = next(&env).await;
        assert_eq!((asked.operation, asked.ask, remaining_ms), (payment(7).id, false, 10_000));
        assert_eq!((asked.amount.to_string().as_str(), asked.description.as_str()), ("18.40", "Table 7"));
        refused(tell(&env, 7, DONE).await, 409);
        env.clock.advance(Duration::from_millis(9_999));
        assert_eq!(accept(&env, 7, "phone").await, Ok(180_000));
        assert_eq!(state(&env, 7), Some(PaymentState::Sent), "durable before the app hears of it");
        assert!(offered(&env).await.is_none(), "taken");
        env.clock.advance(Duration::from_secs(1));
        assert_eq!(accept(&env, 7, "phone").await, Ok(179_000));
        refused(accept(&env, 7, "tablet").await, 409);
        refused(tell(&env, 7, r#"{"state":"done","paid":18.41}"#).await, 400);
        assert_eq!(state(&env, 7), Some(PaymentState::Sent));
        assert_eq!(tell(&env, 7, DONE).await, Ok(()));
        assert_eq!(state(&env, 7), None, "durable before the app hears of it");
        let paid = till.await.unwrap().unwrap();
        assert_eq!((paid.answer.status, paid.answer.state), (201, OperationState::Done));
        let body: Value = serde_json::from_slice(&paid.answer.body).unwrap();
        let data = &body["ftPayItems"][0]["ftPayItemCaseData"];
        assert_eq!((&data["Provider"]["Protocol"], &data["Receipt"][0]), (&"http".into(), &"PAID".into()));
        let steps = [PaymentState::Intent, PaymentState::Sent, PaymentState::Result, PaymentState::Ended];
        assert_eq!(records(&env), steps);
        let env = restarted(env).await;
        for repeat in [DONE, &DONE.replace("18.40", "18.4")] {
            assert_eq!(tell(&env, 7, repeat).await, Ok(()));
        }
        for other in [FAILED, UNKNOWN, &DONE.replace("18.40", "18.39"), &DONE.replace("PAID", "paid")] {
            refused(tell(&env, 7, other).await, 409);
        }
        refused(accept(&env, 7, "phone").await, 409);
        assert_eq!(records(&env).len(), 4);
        env
    });
}

#[test]
fn a_failure_has_the_words_of_the_app() {
    check(NodeOptions::default(), |env| async move {
        with_terminals(&env).await;
        let till = pay(&env, 7);
        next(&env).await;
        accept(&env, 7, "phone").await.unwrap();
        assert_eq!(tell(&env, 7, FAILED).await, Ok(()));
        let ended = till.await.unwrap().unwrap();
        let problem: Value = serde_json::from_slice(&ended.answer.body).unwrap();
        assert_eq!((ended.answer.status, &problem["title"]), (400, &"No money".into()));
        assert_eq!((&problem["code"], &problem["detail"]), (&"payment-declined".into(), &"the card says so".into()));
        assert_eq!(tell(&env, 7, FAILED).await, Ok(()));
        refused(tell(&env, 7, &FAILED.replace("No money", "Other")).await, 409);
        refused(tell(&env, 7, DONE).await, 409);
        env
    });
}

#[test]
fn a_payment_that_nobody_accepts_in_time_ends_and_is_charged_by_nobody() {
    check(NodeOptions::default(), |env| async move {
        with_terminals(&env).await;
        let till = pay(&env, 7);
        next(&env).await;
        // The clock has passed, and nobody has looked yet: the acceptance finds it out.
        env.clock.advance(Duration::from_millis(10_000));
        assert!(offered(&env).await.is_none());
        refused(accept(&env, 7, "phone").await, 409);
        let ended = till.await.unwrap().unwrap();
        assert_eq!((ended.answer.status, ended.answer.state), (502, OperationState::Failed));
        assert_eq!(answer(&env, 7).await, (502, "terminal-unreachable".to_owned()));
        refused(tell(&env, 7, DONE).await, 409);
        assert_eq!(records(&env), [PaymentState::Intent, PaymentState::Ended]);
        // The next one is as any other.
        let till = pay(&env, 8);
        assert_eq!(next(&env).await.0.operation, payment(8).id);
        advance(&env, 9_999).await;
        accept(&env, 8, "phone").await.unwrap();
        tell(&env, 8, DONE).await.unwrap();
        assert_eq!(till.await.unwrap().unwrap().answer.status, 201);
        env
    });
}

#[test]
fn an_app_that_says_nothing_leaves_a_doubt_until_it_is_asked() {
    check(NodeOptions::default(), |env| async move {
        with_terminals(&env).await;
        drop(pay(&env, 7));
        next(&env).await;
        accept(&env, 7, "phone").await.unwrap();
        advance(&env, 179_999).await;
        assert_eq!(state(&env, 7), Some(PaymentState::Sent));
        advance(&env, 1).await;
        until(&env, 7, Some(PaymentState::Unknown)).await;
        // Its terminal takes no other payment meanwhile; another one does.
        assert_eq!(answer(&env, 8).await, (400, "terminal-unsettled".to_owned()));
        let (asked, _) = next(&env).await;
        assert_eq!((asked.operation, asked.ask, asked.accepted_by.as_deref()), (payment(7).id, true, Some("phone")));
        refused(accept(&env, 7, "phone").await, 409);
        // It does not know, and is asked again after a while.
        assert_eq!(tell(&env, 7, UNKNOWN).await, Ok(()));
        assert!(offered(&env).await.is_none());
        advance(&env, 9_999).await;
        assert!(offered(&env).await.is_none());
        advance(&env, 1).await;
        assert!(offered(&env).await.is_some_and(|(asked, _)| asked.ask));
        assert_eq!(tell(&env, 7, DONE).await, Ok(()));
        assert_eq!(answer(&env, 7).await, (201, "paid".to_owned()));
        assert!(offered(&env).await.is_none());
        let steps = [PaymentState::Intent, PaymentState::Sent, PaymentState::Unknown, PaymentState::Ended];
        assert_eq!(records(&env), steps);
        env
    });
}

#[test]
fn a_payment_that_an_operator_ended_is_asked_about_no_more() {
    check(NodeOptions::default(), |env| async move {
        with_terminals(&env).await;
        drop(pay(&env, 7));
        next(&env).await;
        accept(&env, 7, "phone").await.unwrap();
        tell(&env, 7, UNKNOWN).await.unwrap();
        advance(&env, 10_000).await;
        assert!(offered(&env).await.is_some_and(|(asked, _)| asked.ask));
        let settle = |outcome| {
            let settlement = Settlement { outcome, by: "Ada".to_owned(), reason: "slip 0042".to_owned() };
            env.gateway.settle_payment(cash_box(1), payment(7).id, settlement)
        };
        settle(SettledAs::NotPaid).await.unwrap();
        while offered(&env).await.is_some() {
            tokio::task::yield_now().await;
        }
        refused(tell(&env, 7, DONE).await, 409);
        // The terminal is free, and its next payment is the only one that its app sees.
        let till = pay(&env, 8);
        let (asked, _) = next(&env).await;
        assert_eq!((asked.operation, asked.ask), (payment(8).id, false));
        accept(&env, 8, "phone").await.unwrap();
        tell(&env, 8, DONE).await.unwrap();
        assert_eq!(till.await.unwrap().unwrap().answer.status, 201);
        env
    });
}

#[test]
fn an_app_may_say_that_it_does_not_know() {
    check(NodeOptions::default(), |env| async move {
        with_terminals(&env).await;
        drop(pay(&env, 7));
        next(&env).await;
        accept(&env, 7, "phone").await.unwrap();
        for _ in 0..2 {
            assert_eq!(tell(&env, 7, UNKNOWN).await, Ok(()));
            assert_eq!(state(&env, 7), Some(PaymentState::Unknown));
            assert!(offered(&env).await.is_none(), "not asked at once");
        }
        assert_eq!(tell(&env, 7, FAILED).await, Ok(()));
        assert_eq!(answer(&env, 7).await, (400, "payment-declined".to_owned()));
        assert_eq!(records(&env).len(), 4, "what it said twice was kept once");
        env
    });
}

#[test]
fn a_restart_at_each_step_charges_nothing_twice_and_forgets_nothing() {
    check(NodeOptions::default(), |env| async move {
        with_terminals(&env).await;
        // Offered, and not accepted.
        drop(pay(&env, 7));
        next(&env).await;
        let env = restarted(env).await;
        until(&env, 7, None).await;
        assert_eq!(answer(&env, 7).await, (502, "payment-not-charged".to_owned()));
        refused(accept(&env, 7, "phone").await, 409);
        // Accepted.
        drop(pay(&env, 8));
        next(&env).await;
        accept(&env, 8, "phone").await.unwrap();
        let env = restarted(env).await;
        until(&env, 8, Some(PaymentState::Unknown)).await;
        let (asked, _) = next(&env).await;
        assert_eq!((asked.operation, asked.ask, asked.accepted_by.as_deref()), (payment(8).id, true, Some("phone")));
        assert_eq!(asked.description, "Table 7");
        // In doubt.
        let env = restarted(env).await;
        assert!(next(&env).await.0.ask);
        refused(accept(&env, 8, "phone").await, 409);
        assert_eq!(tell(&env, 8, DONE).await, Ok(()));
        assert_eq!(answer(&env, 8).await, (201, "paid".to_owned()));
        let env = restarted(env).await;
        assert_eq!(tell(&env, 8, DONE).await, Ok(()));
        assert!(offered(&env).await.is_none());
        env
    });
}

#[test]
fn a_reset_of_the_cash_box_changes_nothing() {
    check(NodeOptions::default(), |env| async move {
        with_terminals(&env).await;
        let till = pay(&env, 7);
        next(&env).await;
        env.gateway.reset(cash_box(1)).await.unwrap();
        env.gateway.go_on().unwrap();
        assert_eq!(accept(&env, 7, "phone").await, Ok(180_000));
        env.gateway.reset(cash_box(1)).await.unwrap();
        assert_eq!(accept(&env, 7, "phone").await, Ok(180_000));
        assert_eq!(tell(&env, 7, DONE).await, Ok(()));
        assert_eq!(till.await.unwrap().unwrap().answer.status, 201);
        env
    });
}

#[test]
fn what_the_journal_does_not_keep_was_not_said() {
    check(NodeOptions::default(), |env| async move {
        with_terminals(&env).await;
        // The till's call ends with the cash box that cannot go on; its repeat hears of the end.
        drop(pay(&env, 7));
        next(&env).await;
        env.journal.set_fault(Some(kassette_journal::MemoryFault::NoSpace));
        assert!(matches!(accept(&env, 7, "phone").await, Err(Rejected::NoSpace(_))));
        assert_eq!(state(&env, 7), Some(PaymentState::Intent));
        env.journal.set_fault(None);
        assert!(accept(&env, 7, "tablet").await.is_ok(), "nobody had it");
        env.journal.set_fault(Some(kassette_journal::MemoryFault::NoSpace));
        assert!(matches!(tell(&env, 7, DONE).await, Err(Rejected::NoSpace(_))));
        env.journal.set_fault(None);
        assert_eq!(tell(&env, 7, DONE).await, Ok(()));
        assert_eq!(answer(&env, 7).await, (201, "paid".to_owned()));
        env
    });
}

#[test]
fn a_terminal_has_one_payment_and_an_app_sees_only_its_own() {
    check(NodeOptions::default(), |env| async move {
        with_terminals(&env).await;
        env.gateway.configure(env.configuration(2)).await.unwrap();
        let till = pay(&env, 7);
        next(&env).await;
        assert_eq!(answer(&env, 8).await, (400, "terminal-busy".to_owned()));
        let hall = env.gateway.app_terminal(cash_box(1), "hall").unwrap();
        assert_eq!(hall.next(Duration::ZERO).await, Ok(None));
        refused(hall.accept(payment(7).id, Acceptance { app: "phone".to_owned() }).await, 404);
        let result = AppTold::parse(DONE.as_bytes(), &Limits::default()).unwrap();
        refused(hall.tell(payment(7).id, result).await, 404);
        for (number, terminal) in [(1, "garden"), (1, ""), (2, BAR)] {
            refused(env.gateway.app_terminal(cash_box(number), terminal).map(drop), 404);
        }
        refused(accept(&env, 99, "phone").await, 404);
        accept(&env, 7, "phone").await.unwrap();
        tell(&env, 7, DONE).await.unwrap();
        assert_eq!(till.await.unwrap().unwrap().answer.status, 201);
        env
    });
}

#[test]
fn two_apps_at_one_terminal_are_told_and_one_gets_it() {
    check(NodeOptions::default(), |env| async move {
        with_terminals(&env).await;
        let wait = || {
            let terminal = bar(&env);
            actix::spawn(async move { terminal.next(Duration::from_secs(60)).await })
        };
        let (one, two) = (wait(), wait());
        let till = pay(&env, 7);
        let asked = [one.await.unwrap().unwrap().unwrap().0, two.await.unwrap().unwrap().unwrap().0];
        assert!(asked.iter().all(|asked| asked.operation == payment(7).id));
        let accepted = [accept(&env, 7, "one").await, accept(&env, 7, "two").await];
        assert_eq!(accepted.iter().filter(|accepted| accepted.is_ok()).count(), 1);
        // Whoever says who it is, tells only of its own.
        let (winner, loser) = if accepted[0].is_ok() { ("one", "two") } else { ("two", "one") };
        let named = |app: &str| DONE.replacen('{', &format!("{{\"app\":\"{app}\","), 1);
        refused(tell(&env, 7, &named(loser)).await, 409);
        assert_eq!(state(&env, 7), Some(PaymentState::Sent), "nothing was changed");
        tell(&env, 7, &named(winner)).await.unwrap();
        assert_eq!(till.await.unwrap().unwrap().answer.status, 201);
        // Four may wait.
        let mut full: Vec<_> = (0..5).map(|_| wait()).collect();
        while !full.iter().any(JoinHandle::is_finished) {
            tokio::task::yield_now().await;
        }
        let over = full.iter().position(JoinHandle::is_finished).unwrap();
        assert!(matches!(full.remove(over).await.unwrap(), Err(Rejected::TooManySubscribers { .. })));
        full.iter().for_each(JoinHandle::abort);
        env
    });
}
