//! Payments in doubt that an operator settles: which, how they end, and what an auditor finds.

use kassette_cashbox::reading::{Entries, JournalArray};
use kassette_cashbox::{Answer, PaymentTold, Request, Step};
use kassette_model::payment::{PaymentState, SettledAs, Settlement};
use kassette_record::SealedRecord;
use kassette_wire::journal::JournalRequest;
use serde_json::{Value, json};

use super::env::TestEnv;
use super::pay::{CARD, approved, begin, doubt, pay, state_of, tell};

const BY: &str = "Anna Berger";
const REASON: &str = "slip 0042 of the terminal";

pub(crate) fn settled(outcome: SettledAs) -> PaymentTold {
    PaymentTold::Settled(Box::new(Settlement { outcome, by: BY.to_owned(), reason: REASON.to_owned() }))
}

fn paid(amount: Option<&str>) -> SettledAs {
    SettledAs::Paid { amount: amount.map(|amount| amount.parse().unwrap()) }
}

/// A payment that stands so.
fn payment_that_is(state: PaymentState, body: &str) -> (TestEnv, Request) {
    let mut env = TestEnv::started();
    let call = pay(1, body);
    begin(&mut env, &call);
    env.settle();
    let contradiction = PaymentTold::Contradiction { reason: "the terminal tells of another amount".to_owned() };
    for told in [PaymentTold::Sending { baseline: None }, doubt(), contradiction] {
        if env.core.payment(call.id).unwrap().state != state {
            tell(&mut env, &call, told);
        }
    }
    assert_eq!(env.core.payment(call.id).unwrap().state, state);
    (env, call)
}

/// The whole action journal, as journal type 0001 shows it.
fn action_journal(env: &TestEnv) -> Vec<Value> {
    let mut array = JournalArray::new(Entries::Actions, env.configuration.queue, &JournalRequest::default());
    let mut out = Vec::new();
    array.begin(&mut out);
    for record in &env.journal {
        array.record(record, &mut out).unwrap();
    }
    array.end(&mut out);
    serde_json::from_slice::<Value>(&out).unwrap().as_array().unwrap().clone()
}

/// Settles: the record, and what it was answered.
#[track_caller]
fn check(state: PaymentState, body: &str, outcome: SettledAs) -> (TestEnv, SealedRecord, Option<(u16, Value)>) {
    let (mut env, call) = payment_that_is(state, body);
    let before = action_journal(&env).len();
    let (record, answer) = tell(&mut env, &call, settled(outcome));
    let actions = action_journal(&env);
    assert_eq!(actions.len(), before + 1, "one entry");
    let parsed = |answer: Answer| (answer.status, serde_json::from_slice(&answer.body).unwrap());
    (env, record, answer.map(parsed))
}

#[test]
fn who_settled_a_payment_stands_in_the_action_journal() {
    let (env, record, answer) = check(PaymentState::Unknown, CARD, paid(None));
    let (status, body) = answer.unwrap();
    assert_eq!((status, state_of(&record)), (201, PaymentState::Ended));
    let item = &body["ftPayItems"][0];
    assert_eq!(item["Amount"], json!(18.40));
    assert_eq!(item["ftPayItemCaseData"]["Receipt"], json!(["SETTLED BY HAND", "EUR 18.40"]));
    let reason = record.open().unwrap().0.details.payment.unwrap().reason.unwrap();
    assert_eq!(reason, "settled as paid by Anna Berger: slip 0042 of the terminal");
    let entry = action_journal(&env).pop().unwrap();
    assert_eq!((&entry["Type"], &entry["Priority"]), (&json!("PaymentSettledByHand"), &json!(0)));
    assert_eq!(
        entry["Message"],
        json!("Anna Berger settled as paid the payment of 18.40 EUR that was unknown: slip 0042 of the terminal")
    );
    let mut data: Value = serde_json::from_str(entry["DataJson"].as_str().unwrap()).unwrap();
    let members = data.as_object_mut().unwrap();
    for moment in ["Moment", "Began"] {
        assert!(members.remove(moment).unwrap().as_str().unwrap().starts_with("2026-03-04T10:15:3"), "{moment}");
    }
    assert_eq!(
        data,
        json!({"OperationId": pay(1, CARD).id.to_string(), "Outcome": "paid", "PaidAmount": 18.40, "By": BY, "Reason": REASON,
            "Provider": "test", "Action": "payment", "Amount": 18.40, "Currency": "EUR", "State": "unknown",
            "StateReason": "the line broke"})
    );
}

#[test]
fn it_can_have_been_another_amount_and_more_is_a_tip() {
    let amounts = |outcome| {
        let (_, _, answer) = check(PaymentState::NeedsOperator, CARD, outcome);
        let items = answer.unwrap().1["ftPayItems"].as_array().unwrap().clone();
        items.iter().map(|item| item["Amount"].as_f64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(amounts(paid(None)), [18.40]);
    assert_eq!(amounts(paid(Some("10.00"))), [10.0]);
    assert_eq!(amounts(paid(Some("20.00"))), [20.0, -1.6]);
}

#[test]
fn not_paid_is_a_stored_refusal_and_frees_the_terminal() {
    let (mut env, record, answer) = check(PaymentState::NeedsOperator, CARD, SettledAs::NotPaid);
    let (status, problem) = answer.unwrap();
    assert_eq!((status, &problem["code"], &problem["stored"]), (502, &json!("payment-not-charged"), &json!(true)));
    assert_eq!(state_of(&record), PaymentState::Ended);
    let entry = action_journal(&env).pop().unwrap();
    assert!(entry["Message"].as_str().unwrap().contains("that was needs-operator"), "{entry}");
    assert!(!entry["DataJson"].as_str().unwrap().contains("PaidAmount"));
    assert!(matches!(begin(&mut env, &pay(3, CARD)), Step::Begin(_)));
}

#[test]
fn a_terminal_that_is_asked_again_leaves_an_entry_too() {
    let (mut env, record, answer) = check(PaymentState::NeedsOperator, CARD, SettledAs::AskAgain);
    assert_eq!((state_of(&record), record.operation, answer), (PaymentState::Unknown, None, None));
    let entry = action_journal(&env).pop().unwrap();
    assert_eq!(entry["Type"], json!("PaymentAskedAgain"));
    let restored = env.restored();
    assert_eq!(
        restored.payment(pay(1, CARD).id).unwrap().reason.as_deref(),
        Some("asked again by Anna Berger: slip 0042 of the terminal")
    );
    // What the terminal says then ends it, without another entry.
    let (_, answer) = tell(&mut env, &pay(1, CARD), approved("18.40", "0"));
    assert_eq!(answer.unwrap().status, 201);
    assert_eq!(action_journal(&env).pop().unwrap()["Type"], json!("PaymentAskedAgain"));
}

/// Refused with this code, and nothing has changed.
#[track_caller]
fn refused(state: PaymentState, body: &str, told: PaymentTold, code: &str, pointer: Option<&str>) {
    let (mut env, call) = payment_that_is(state, body);
    let (link, facts) = (env.core.link(), env.facts());
    let Step::Refuse(problem) = env.core.payment_told(&call, told, &facts) else { panic!("not refused") };
    assert_eq!((problem.code.code(), problem.stored), (code, false), "{}", problem.detail);
    assert_eq!(problem.findings.first().map(|finding| finding.pointer.as_str()), pointer);
    assert_eq!((env.core.link(), env.core.payment(call.id).unwrap().state), (link, state));
}

#[test]
fn what_is_not_in_doubt_is_not_settled() {
    for state in [PaymentState::Intent, PaymentState::Sent] {
        for outcome in [paid(None), SettledAs::NotPaid, SettledAs::AskAgain] {
            refused(state, CARD, settled(outcome), "payment-state-conflict", None);
        }
    }
    refused(PaymentState::Unknown, CARD, settled(SettledAs::AskAgain), "payment-state-conflict", None);
}

#[test]
fn a_settlement_says_who_why_and_an_amount_that_can_be() {
    let unknown = PaymentState::Unknown;
    for amount in ["0", "-1", "1.001", "10000000000.00"] {
        refused(unknown, CARD, settled(paid(Some(amount))), "body-invalid", Some("/paidAmount"));
    }
    let refund = CARD.replace("payment", "refund");
    refused(unknown, &refund, settled(paid(Some("18.41"))), "body-invalid", Some("/paidAmount"));
    for (by, reason, pointer) in [("", REASON, "/by"), (BY, "  ", "/reason"), ("a\nb", REASON, "/by")] {
        let settlement = Settlement { outcome: SettledAs::NotPaid, by: by.to_owned(), reason: reason.to_owned() };
        refused(unknown, CARD, PaymentTold::Settled(Box::new(settlement)), "body-invalid", Some(pointer));
    }
    let long = "x".repeat(Settlement::REASON_CHARS_MAX + 1);
    let settlement = Settlement { outcome: SettledAs::NotPaid, by: BY.to_owned(), reason: long };
    refused(unknown, CARD, PaymentTold::Settled(Box::new(settlement)), "body-invalid", Some("/reason"));
}
