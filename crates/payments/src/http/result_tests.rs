//! What an app may tell, and what is refused.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]

use kassette_model::QueueId;
use kassette_model::cases::PayItemCase;
use kassette_model::payment::PayResponse;
use kassette_wire::pay::{case_data, payment_origin, plain_item, write_response};

use super::*;

fn parse(body: &str) -> Result<AppResult, Findings> {
    AppTold::parse(body.as_bytes(), &Limits::default()).map(|told| told.result)
}

/// The result of `body` for a payment of 18.40: its state, or the pointer of its first finding.
#[track_caller]
fn check(action: PayAction, body: &str, wanted: &str) {
    let result = parse(body).and_then(|result| result.check(action, "18.40".parse().unwrap()).map(|()| result.state()));
    let found = match &result {
        Ok(state) => *state,
        Err(findings) => findings.findings[0].pointer.as_str(),
    };
    assert_eq!(found, wanted, "{body}");
}

#[test]
fn amounts_go_with_the_request_or_nothing_is_taken() {
    use PayAction::{Cancel, Payment, Refund};
    for (body, wanted) in [
        (r#"{"state":"done","paid":18.40}"#, "done"),
        (r#"{"State":"DONE","paid":"18.4","tip":0}"#, "done"),
        (r#"{"state":"done","paid":0.01}"#, "done"),
        (r#"{"state":"done","paid":20.40,"tip":2}"#, "done"),
        (r#"{"state":"done","paid":18.4000}"#, "done"),
        (r#"{"state":"done","paid":10,"tip":2}"#, "done"),
        (r#"{"state":"done","paid":20.41,"tip":2}"#, "/paid"),
        (r#"{"state":"done","paid":18.41}"#, "/paid"),
        (r#"{"state":"done","paid":18.405}"#, "/paid"),
        (r#"{"state":"done","paid":0}"#, "/paid"),
        (r#"{"state":"done","paid":-1}"#, "/paid"),
        (r#"{"state":"done"}"#, "/paid"),
        (r#"{"state":"done","paid":2,"tip":2}"#, "/paid"),
        (r#"{"state":"done","paid":18.40,"tip":-1}"#, "/tip"),
        (r#"{"state":"done","paid":18.40,"tip":0.001}"#, "/tip"),
        (r#"{"state":"done","paid":1e400}"#, "/paid"),
        (r#"{"state":"done","paid":true}"#, "/paid"),
        (r#"{"state":"failed","paid":18.40}"#, "/paid"),
        (r#"{"state":"failed","paid":0}"#, "failed"),
        (r#"{"state":"unknown"}"#, "unknown"),
        (r#"{"state":"approved"}"#, "/state"),
        ("{}", "/state"),
        ("[]", ""),
        (r#"{"state":"done","paid":1,"receipt":"x"}"#, "/receipt"),
        (r#"{"state":"done","paid":1,"receipt":[1]}"#, "/receipt/0"),
    ] {
        check(Payment, body, wanted);
    }
    for action in [Cancel, Refund] {
        check(action, r#"{"state":"done","paid":18.40}"#, "done");
        check(action, r#"{"state":"done","paid":18.40,"tip":1}"#, "/tip");
    }
    let lines = vec![r#""x""#; 201].join(",");
    check(Payment, &format!(r#"{{"state":"done","paid":1,"receipt":[{lines}]}}"#), "/receipt");
    check(Payment, &format!(r#"{{"state":"done","paid":1,"reference":"{}"}}"#, "7".repeat(65)), "/reference");
}

#[test]
fn words_that_are_not_known_do_not_keep_a_payment_from_being_told() {
    let AppResult::Done(done) = parse(r#"{"state":"done","paid":1,"means":"Credit-Card","track2":"x"}"#).unwrap()
    else {
        panic!("not done");
    };
    assert_eq!(done.means, PayMeans::CreditCard);
    let AppResult::Done(done) = parse(r#"{"state":"done","paid":1,"means":"shells"}"#).unwrap() else { panic!() };
    assert_eq!(done.means, PayMeans::Unknown);
    for (body, kind, title) in [
        (r#"{"state":"failed"}"#, RefusalKind::Declined, "DECLINED"),
        (r#"{"state":"failed","reason":"timed-out"}"#, RefusalKind::TimedOut, "TIMED OUT"),
        (r#"{"state":"failed","reason":"cancelled","error":"Guest left"}"#, RefusalKind::Cancelled, "Guest left"),
        (r#"{"state":"failed","reason":"moon","error":" "}"#, RefusalKind::Declined, "DECLINED"),
    ] {
        let Some(PaymentOutcome::Refused(refusal)) = parse(body).unwrap().outcome() else { panic!("{body}") };
        assert_eq!((refusal.kind, refusal.title.as_ref()), (kind, title));
        assert!(!refusal.detail.is_empty());
    }
    let unknown = parse(r#"{"state":"unknown","error":"E7","errorDetails":"no line"}"#).unwrap();
    assert_eq!((unknown.outcome(), unknown.summary().as_str()), (None, "the app does not know: E7: no line"));
}

/// A repeat is compared with what is kept, after any restart.
#[test]
fn what_is_kept_in_the_answer_is_the_result_again() {
    for body in [
        r#"{"state":"done","paid":20.40,"tip":2.00,"means":"debit-card","receipt":["A","B"],"reference":"77"}"#,
        r#"{"state":"done","paid":1}"#,
    ] {
        let AppResult::Done(done) = parse(body).unwrap() else { panic!("{body}") };
        let Some(PaymentOutcome::Approved(approval)) = AppResult::Done(done.clone()).outcome() else { panic!() };
        let data = case_data(super::super::NAME, "phone", PayAction::Payment, &approval.exchange, &approval.lines);
        let origin = payment_origin(&data);
        assert_eq!(origin.map(|origin| origin.receipt_number), done.reference);
        let mut item = plain_item("Card", approval.paid);
        item.case = PayItemCase(1);
        item.case_data = Some(data);
        let response = PayResponse {
            protocol: "use_auto".to_owned(),
            action: PayAction::Payment,
            queue_id: QueueId::from_bytes([1; 16]),
            items: vec![item],
        };
        let mut answer = Vec::new();
        write_response(&response, &mut answer);
        assert_eq!(Done::of_answer(&answer).as_ref(), Some(&done));
    }
    assert_eq!(Done::of_answer(b"{}"), None);
}
