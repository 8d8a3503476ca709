//! Payments: where they go, what each step leaves in the journal, and how they end.

use kassette_cashbox::reading::state_changes;
use kassette_cashbox::{Admission, Answer, Facts, PaymentTold, Request, Step, TerminalEntry, accepted_request};
use kassette_model::cases::PayMeans;
use kassette_model::payment::{
    Approval, PaymentOutcome, PaymentRefusal, PaymentState, ProviderExchange, RefusalKind, SettledAs, TerminalAddress,
};
use kassette_model::{Environment, OperationKind};
use kassette_record::{RecordKind, SealedRecord};
use serde_json::{Value, json};

use super::env::{TestEnv, configuration, low, request, sale};
use super::settle::settled;

pub(crate) const CARD: &str =
    r#"{"Action":"payment","Protocol":"use_auto","cbPayItem":{"Description":"Card","Amount":18.40}}"#;

pub(crate) fn approved(paid: &str, tip: &str) -> PaymentTold {
    let approval = Approval {
        paid: paid.parse().unwrap(),
        tip: tip.parse().unwrap(),
        means: PayMeans::CreditCard,
        lines: vec!["APPROVED".to_owned()],
        exchange: ProviderExchange { protocol_version: "1.0.0".into(), request: None, response: None },
    };
    PaymentTold::Ended { outcome: PaymentOutcome::Approved(approval), reason: None }
}

fn refused(kind: RefusalKind, title: &'static str) -> PaymentTold {
    let refusal = PaymentRefusal { kind, title: title.into(), detail: "the provider's words".into() };
    PaymentTold::Ended { outcome: PaymentOutcome::Refused(refusal), reason: None }
}

pub(crate) fn doubt() -> PaymentTold {
    PaymentTold::Doubt { reason: "the line broke".to_owned() }
}

pub(crate) fn pay(number: u64, body: &str) -> Request {
    request(OperationKind::Pay, number, body)
}

/// Accepts, and steps.
#[track_caller]
pub(crate) fn begin(env: &mut TestEnv, call: &Request) -> Step {
    assert_eq!(env.admit(call), Admission::Fresh);
    let facts = env.facts();
    let accepted = env.core.accept(call, &facts).unwrap();
    env.pending.push(accepted.record);
    let step = env.apply(call);
    if let Step::Commit(commit) = &step {
        assert_eq!(env.core.payment(call.id).map(|payment| payment.state), None);
        assert_eq!(commit.answer.status, 400);
    }
    step
}

/// Tells a step: its record, and the answer when it has one.
#[track_caller]
pub(crate) fn tell(env: &mut TestEnv, call: &Request, told: PaymentTold) -> (SealedRecord, Option<Answer>) {
    let facts = env.facts();
    let (record, answer) = match env.core.payment_told(call, told, &facts) {
        Step::Progress(record) => (*record, None),
        Step::Commit(commit) => (commit.record, Some(commit.answer)),
        other => panic!("{other:?}"),
    };
    env.pending.push(record.clone());
    env.settle();
    (record, answer)
}

pub(crate) fn state_of(record: &SealedRecord) -> PaymentState {
    record.open().unwrap().0.details.payment.unwrap().state
}

fn kind_of(record: &SealedRecord) -> RecordKind {
    record.open().unwrap().0.kind
}

fn changes(env: &TestEnv, record: &SealedRecord) -> String {
    let changes = state_changes(record, env.configuration.queue).unwrap();
    changes.iter().map(|one| format!("{}{}", one.state, one.sequence.unwrap())).collect::<Vec<_>>().join(" ")
}

/// A payment that was begun and sent, ended by `told`: its answer, parsed.
#[track_caller]
fn check(body: &str, told: PaymentTold) -> (u16, Value) {
    let mut env = TestEnv::started();
    let call = pay(1, body);
    let Step::Begin(begun) = begin(&mut env, &call) else { panic!("not begun") };
    assert_eq!(begun.payment.state, PaymentState::Intent);
    env.settle();
    let (sent, _) = tell(&mut env, &call, PaymentTold::Sending { baseline: None });
    assert_eq!((state_of(&sent), sent.operation), (PaymentState::Sent, None));
    let (record, answer) = tell(&mut env, &call, told);
    let answer = answer.unwrap();
    assert_eq!((kind_of(&record), state_of(&record)), (RecordKind::Operation, PaymentState::Ended));
    assert_eq!(env.admit(&call), Admission::Done(answer.clone()), "it is replayed byte for byte");
    assert!(env.core.payments().is_empty() && env.core.unfinished().is_empty());
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

#[test]
fn the_answer_is_that_of_the_contract() {
    let (status, body) = check(CARD, approved("18.40", "0"));
    assert_eq!(status, 201);
    assert_eq!((&body["Protocol"], &body["Action"]), (&json!("use_auto"), &json!("payment")));
    assert_eq!(body["ftQueueID"], super::env::QUEUE);
    let items = body["ftPayItems"].as_array().unwrap();
    assert_eq!(items.len(), 1);
    // Contract 4.4: credit card, electronic, amount verified; with the country of the queue.
    assert_eq!(items[0]["ftPayItemCase"], json!(0x4154_0000_0000_0000_u64 | 35_184_397_254_661));
    assert_eq!((&items[0]["Amount"], &items[0]["Description"]), (&json!(18.40), &json!("Card")));
    assert!(items[0]["ftPayItemId"].as_str().is_some_and(|id| id.len() == 36));
    assert!(items[0]["Moment"].as_str().is_some_and(|moment| moment.starts_with("2026-03-04T")));
    assert_eq!(
        items[0]["ftPayItemCaseData"],
        json!({"Provider": {"Protocol": "test", "Action": "payment", "ProtocolVersion": "1.0.0"}, "Receipt": ["APPROVED"]})
    );
}

#[test]
fn a_tip_is_a_second_item_and_the_sum_is_what_was_asked_for() {
    let (_, body) = check(CARD, approved("20.40", "2.00"));
    let items = body["ftPayItems"].as_array().unwrap();
    assert_eq!((&items[0]["Amount"], &items[1]["Amount"]), (&json!(20.40), &json!(-2.00)));
    assert_eq!(items[1]["ftPayItemCase"], json!(0x4154_0000_0000_0000_u64 | 35_184_401_448_965));
    assert!(items[1].get("ftPayItemCaseData").is_none());
}

#[test]
fn a_part_may_be_approved() {
    let (status, body) = check(CARD, approved("10", "0"));
    assert_eq!((status, &body["ftPayItems"][0]["Amount"]), (201, &json!(10)));
}

#[test]
fn money_back_is_negative_whatever_the_sign_of_the_request() {
    for (amount, action, flag) in [("-18.40", "refund", 2_u64), ("18.40", "refund", 2), ("-18.40", "cancel", 1)] {
        let body = CARD.replace("payment", action).replace("18.40", amount);
        let (_, answer) = check(&body, approved("18.40", "0"));
        let item = &answer["ftPayItems"][0];
        assert_eq!((&item["Amount"], &answer["Action"]), (&json!(-18.40), &json!(action)));
        assert_eq!(item["ftPayItemCase"].as_u64().unwrap() >> 16 & 0xF, flag);
    }
}

#[test]
fn what_the_till_says_of_its_pay_item_stays_with_it() {
    let body = r#"{"Protocol":"TEST","cbPayItem":{"Description":"Meal","Amount":"5","MoneyGroup":"g","Note":{"a":1},
        "ftPayItemCaseData":{"old":true},"Quantity":3}}"#;
    let (_, answer) = check(body, approved("5", "0"));
    let item = &answer["ftPayItems"][0];
    assert_eq!(
        (&item["MoneyGroup"], &item["Note"], &answer["Protocol"]),
        (&json!("g"), &json!({"a": 1}), &json!("TEST"))
    );
    assert!(item.get("Quantity").is_none() && item["ftPayItemCaseData"].get("old").is_none());
}

#[test]
fn no_money_is_a_stored_problem_with_the_words_of_the_provider() {
    for (kind, status, code) in [
        (RefusalKind::Declined, 400, "payment-declined"),
        (RefusalKind::Cancelled, 400, "payment-cancelled"),
        (RefusalKind::TimedOut, 400, "payment-timed-out"),
        (RefusalKind::Unreachable, 502, "terminal-unreachable"),
        (RefusalKind::NotCharged, 502, "payment-not-charged"),
    ] {
        let (seen, problem) = check(CARD, refused(kind, "NO MONEY"));
        assert_eq!((seen, &problem["code"], &problem["title"]), (status, &json!(code), &json!("NO MONEY")));
        assert_eq!((&problem["stored"], &problem["retry"]), (&json!(true), &json!("new-id")));
    }
}

#[test]
fn what_cannot_be_paid_never_begins() {
    for (body, code, pointer) in [
        ("{", "json-malformed", Some("")),
        (&CARD.replace("18.40", "0"), "body-invalid", Some("/cbPayItem/Amount")),
        (&CARD.replace("18.40", "-1"), "body-invalid", Some("/cbPayItem/Amount")),
        (&CARD.replace("18.40", "1.001"), "body-invalid", Some("/cbPayItem/Amount")),
        (&CARD.replace("18.40", "10000000000"), "body-invalid", Some("/cbPayItem/Amount")),
        (&CARD.replace("use_auto", "gp_mpas"), "payment-provider-unknown", Some("/Protocol")),
        (r#"{"cbPayItem":{"Description":"Card","Amount":1}}"#, "payment-provider-unknown", Some("/Protocol")),
    ] {
        let mut env = TestEnv::started();
        let Step::Commit(commit) = begin(&mut env, &pay(1, body)) else { panic!("{body}") };
        let problem: Value = serde_json::from_slice(&commit.answer.body).unwrap();
        assert_eq!(problem["code"], code, "{body}");
        assert_eq!(problem["findings"][0]["pointer"].as_str(), pointer, "{body}");
        env.settle();
        assert!(env.core.unfinished().is_empty());
    }
    let mut env = TestEnv::started();
    let call =
        Request { terminal: Some("bar-1".to_owned()), ..pay(1, &CARD.replacen('{', r#"{"cbTerminalID":"bar-2","#, 1)) };
    let Step::Commit(commit) = begin(&mut env, &call) else { panic!("two terminals") };
    assert!(String::from_utf8_lossy(&commit.answer.body).contains("terminal-mismatch"));
}

#[test]
fn production_has_no_dummy_provider() {
    let mut production = configuration();
    production.environment = Environment::Production;
    production.units[0].sandbox = false;
    let mut env = TestEnv::new(production);
    for protocol in ["use_auto", "use_first", "test"] {
        let call = env.fresh(OperationKind::Pay, &CARD.replace("use_auto", protocol));
        let Step::Commit(commit) = begin(&mut env, &call) else { panic!("{protocol}") };
        assert!(String::from_utf8_lossy(&commit.answer.body).contains("payment-provider-unknown"));
        env.settle();
    }
}

#[test]
fn every_step_is_in_the_journal_and_restores_the_payment_as_it_stood() {
    let mut env = TestEnv::started();
    let call = Request { callback: Some("https://till.example/hook".to_owned()), ..pay(1, CARD) };
    let Step::Begin(begun) = begin(&mut env, &call) else { panic!("not begun") };
    let record = begun.record.unwrap();
    assert_eq!((kind_of(&record), changes(&env, &record).as_str()), (RecordKind::Intent, "processing2"));
    assert_eq!(record.promises.len(), 1);
    assert_eq!(env.admit(&call), Admission::Running);
    env.settle();
    for (told, state, kind, change) in [
        (PaymentTold::Sending { baseline: None }, PaymentState::Sent, RecordKind::Intent, ""),
        (
            PaymentTold::Result { reason: "approved, not acknowledged".to_owned() },
            PaymentState::Result,
            RecordKind::Outcome,
            "",
        ),
        (doubt(), PaymentState::Unknown, RecordKind::Outcome, "unknown3"),
        (
            PaymentTold::Contradiction { reason: "another amount".to_owned() },
            PaymentState::NeedsOperator,
            RecordKind::Outcome,
            "",
        ),
        (settled(SettledAs::AskAgain), PaymentState::Unknown, RecordKind::Outcome, ""),
    ] {
        let (record, answer) = tell(&mut env, &call, told);
        assert_eq!((state_of(&record), kind_of(&record), answer), (state, kind, None));
        assert_eq!(changes(&env, &record), change);
        assert_eq!(record.promises.len(), usize::from(!change.is_empty()));
        // As after a kill: the payment stands where the last durable record left it, and is not begun again.
        let mut restored = env.restored();
        assert_eq!(restored.payment(call.id).unwrap().state, state);
        let stored = env.stored(call.id).unwrap();
        assert_eq!(env.admit(&call), Admission::Accepted);
        assert_eq!(restored.admit(&call, Some(stored)), Admission::Accepted);
        let open = restored.unfinished()[0];
        let intent = env.journal.iter().find(|record| record.row == open.row).unwrap();
        let (stored_call, _) = accepted_request(intent).unwrap();
        assert_eq!(stored_call.body, call.body);
        let facts = env.facts();
        match restored.step(&stored_call, &facts) {
            Step::Begin(again) => assert!(again.record.is_none() && again.payment.state == state),
            other => panic!("{other:?}"),
        }
    }
    // What was sent never ends by being given up.
    let facts = env.facts();
    assert!(matches!(env.core.give_up(&call, &facts), Step::Refuse(_)));
    let (record, answer) = tell(&mut env, &call, approved("18.40", "0"));
    assert_eq!((changes(&env, &record).as_str(), answer.unwrap().status), ("done4", 201));
}

#[test]
fn a_step_that_the_table_does_not_have_changes_nothing() {
    let mut env = TestEnv::started();
    let call = pay(1, CARD);
    begin(&mut env, &call);
    env.settle();
    let link = env.core.link();
    let facts = env.facts();
    for told in [doubt(), settled(SettledAs::AskAgain), PaymentTold::Result { reason: String::new() }] {
        assert!(matches!(env.core.payment_told(&call, told, &facts), Step::Refuse(_)));
    }
    assert!(matches!(env.core.payment_told(&pay(2, CARD), doubt(), &facts), Step::Refuse(_)));
    assert_eq!((env.core.link(), env.core.payment(call.id).unwrap().state), (link, PaymentState::Intent));
    tell(&mut env, &call, PaymentTold::Sending { baseline: None });
    let facts = env.facts();
    assert!(
        matches!(env.core.payment_told(&call, PaymentTold::Sending { baseline: None }, &facts), Step::Refuse(_)),
        "never sent twice"
    );
}

#[test]
fn a_terminal_with_an_unsettled_payment_takes_no_other_but_receipts_go_on() {
    let mut env = TestEnv::started();
    let first = pay(1, CARD);
    begin(&mut env, &first);
    env.settle();
    tell(&mut env, &first, PaymentTold::Sending { baseline: None });
    tell(&mut env, &first, doubt());
    let Step::Commit(commit) = begin(&mut env, &pay(2, CARD)) else { panic!("a second payment") };
    let problem: Value = serde_json::from_slice(&commit.answer.body).unwrap();
    assert_eq!((commit.answer.status, &problem["code"]), (400, &json!("terminal-unsettled")));
    assert!(problem["detail"].as_str().unwrap().contains(&first.id.to_string()));
    env.settle();
    let (answer, body) = env.sign(&sale("R-1"));
    assert_eq!((answer.status, low(&body)), (201, 0));
    tell(&mut env, &first, refused(RefusalKind::NotCharged, "NOT CHARGED"));
    assert!(matches!(begin(&mut env, &pay(3, CARD)), Step::Begin(_)), "settled, it takes payments again");
}

#[test]
fn a_terminal_makes_one_payment_at_a_time() {
    let mut env = TestEnv::started();
    let terminals = ["bar", "hall"].map(|name| TerminalEntry {
        name: name.to_owned(),
        provider: "http".to_owned(),
        address: TerminalAddress::App,
        terminal_id: Some(name.to_owned()),
        password: 0,
    });
    let at = |number: u64, terminal: &str| {
        let body = CARD.replace("use_auto", "http").replacen('{', &format!(r#"{{"cbTerminalID":"{terminal}","#), 1);
        pay(number, &body)
    };
    let decide = |env: &mut TestEnv, call: &Request| {
        let facts = env.facts();
        env.pending.push(env.core.accept(call, &facts).unwrap().record);
        let facts = Facts { terminals: terminals.to_vec(), ..env.facts() };
        let step = env.core.step(call, &facts);
        match &step {
            Step::Begin(begun) => env.pending.extend(begun.record.clone()),
            Step::Commit(commit) => env.pending.push(commit.record.clone()),
            other => panic!("{other:?}"),
        }
        env.settle();
        step
    };
    let first = at(1, "bar");
    assert!(matches!(decide(&mut env, &first), Step::Begin(_)));
    for told in
        [None, Some(PaymentTold::Sending { baseline: None }), Some(PaymentTold::Result { reason: String::new() })]
    {
        if let Some(told) = told {
            tell(&mut env, &first, told);
        }
        let number = u64::try_from(env.journal.len()).unwrap();
        let Step::Commit(commit) = decide(&mut env, &at(number, "bar")) else { panic!("a second payment") };
        let problem: Value = serde_json::from_slice(&commit.answer.body).unwrap();
        assert_eq!((commit.answer.status, &problem["code"]), (400, &json!("terminal-busy")));
        assert!(problem["detail"].as_str().unwrap().contains(&first.id.to_string()));
    }
    let other = at(1000, "hall");
    assert!(matches!(decide(&mut env, &other), Step::Begin(_)), "another terminal is free");
    tell(&mut env, &first, approved("18.40", "0"));
    assert!(matches!(decide(&mut env, &at(1001, "bar")), Step::Begin(_)));
}

#[test]
fn what_was_paid_goes_into_a_receipt_as_it_is() {
    let mut env = TestEnv::started();
    let (_, paid) = check(&CARD.replace("18.40", "30"), approved("32", "2"));
    let mut receipt: Value = serde_json::from_str(&sale("R-1")).unwrap();
    receipt["cbPayItems"] = paid["ftPayItems"].clone();
    let (answer, body) = env.sign(&receipt.to_string());
    assert_eq!((answer.status, low(&body)), (201, 0), "{body}");
}

#[test]
fn the_same_facts_give_the_same_records() {
    let play = || {
        let mut env = TestEnv::started();
        let call = pay(1, CARD);
        begin(&mut env, &call);
        env.settle();
        tell(&mut env, &call, PaymentTold::Sending { baseline: None });
        tell(&mut env, &call, approved("18.40", "0"));
        env.core.link()
    };
    assert_eq!(play(), play());
}
