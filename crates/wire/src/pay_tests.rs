//! Known bodies of `POST /pay`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

use super::*;

fn read(body: &str) -> PayRequest {
    parse_request(body.as_bytes(), &Limits::default()).unwrap()
}

/// Code, pointer of the first finding.
fn check_refused(body: &str, code: Code, pointer: &str) {
    let findings = parse_request(body.as_bytes(), &Limits::default()).unwrap_err();
    assert_eq!((findings.code, findings.findings[0].pointer.as_str()), (code, pointer), "{body}");
}

#[test]
fn the_example_of_the_contract_is_read() {
    let request = read(
        r#"{"Action":"payment","Protocol":"use_auto","cbPayItem":{"Description":"Card","Amount":18.40},"cbTerminalID":"bar-2"}"#,
    );
    assert_eq!((request.action, request.protocol.as_str()), (PayAction::Payment, "use_auto"));
    assert_eq!((request.item.description.as_str(), request.item.amount), ("Card", Decimal::new(1_840, 2)));
    assert_eq!(request.terminal_id.as_deref(), Some("bar-2"));
}

#[test]
fn enumerations_come_as_names_in_any_case_as_numbers_or_not_at_all() {
    let item = r#""cbPayItem":{"Description":"Card","Amount":1}"#;
    for (members, action, protocol) in [
        (r#""Action":"PAYMENT","Protocol":"Use_Auto","#, PayAction::Payment, "Use_Auto"),
        (r#""action":"Refund","protocol":"gp_softpos_gptom","#, PayAction::Refund, "gp_softpos_gptom"),
        (r#""Action":1,"Protocol":12,"#, PayAction::Cancel, "test"),
        (r#""Action":2,"Protocol":1,"#, PayAction::Refund, "use_auto"),
        ("", PayAction::Payment, "none"),
        (r#""Action":null,"Protocol":"","cbTerminalID":"","#, PayAction::Payment, "none"),
        (r#""Protocol":"something_new","cbTerminalId":null,"#, PayAction::Payment, "something_new"),
    ] {
        let request = read(&format!("{{{members}{item}}}"));
        assert_eq!(
            (request.action, request.protocol.as_str(), request.terminal_id),
            (action, protocol, None),
            "{members}"
        );
    }
}

#[test]
fn what_cannot_be_paid_is_refused_with_its_place() {
    let item = r#""cbPayItem":{"Description":"Card","Amount":1}"#;
    check_refused(&format!(r#"{{"Action":"pre_authorization",{item}}}"#), Code::BodyInvalid, "/Action");
    check_refused(&format!(r#"{{"Action":3,{item}}}"#), Code::BodyInvalid, "/Action");
    check_refused(&format!(r#"{{"Protocol":14,{item}}}"#), Code::BodyInvalid, "/Protocol");
    check_refused(&format!(r#"{{"Protocol":true,{item}}}"#), Code::BodyInvalid, "/Protocol");
    check_refused(r#"{"Action":"payment"}"#, Code::BodyInvalid, "/cbPayItem");
    check_refused(r#"{"cbPayItem":[]}"#, Code::BodyInvalid, "/cbPayItem");
    check_refused(r#"{"cbPayItem":{"Amount":1}}"#, Code::BodyInvalid, "/cbPayItem/Description");
    check_refused(r#"{"cbPayItem":{"Description":"Card","Amount":"x"}}"#, Code::BodyInvalid, "/cbPayItem/Amount");
    check_refused(&format!(r#"{{{item},{item}}}"#), Code::JsonDuplicateName, "/cbPayItem");
    check_refused("", Code::JsonMalformed, "");
}

#[test]
fn an_answer_is_written_as_in_the_contract_and_read_again() {
    let exchange = ProviderExchange { protocol_version: "1.0.0".into(), request: None, response: None };
    let mut item = plain_item("Card", Decimal::new(1_840, 2));
    item.case_data = Some(case_data("test", "", PayAction::Payment, &exchange, &["APPROVED".to_owned()]));
    let response = PayResponse {
        protocol: "use_auto".to_owned(),
        action: PayAction::Payment,
        queue_id: QueueId::from_uuid(uuid::uuid!("3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02")),
        items: vec![item],
    };
    let mut body = Vec::new();
    write_response(&response, &mut body);
    assert_eq!(
        String::from_utf8(body.clone()).unwrap(),
        concat!(
            r#"{"Protocol":"use_auto","Action":"payment","ftQueueID":"3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02","#,
            r#""ftPayItems":[{"Description":"Card","Amount":18.40,"#,
            r#""ftPayItemCaseData":{"Provider":{"Protocol":"test","Action":"payment","ProtocolVersion":"1.0.0"},"#,
            r#""Receipt":["APPROVED"]}}]}"#
        )
    );
    assert_eq!(parse_response(&body, &Limits::default()).unwrap(), response);
}

#[test]
fn a_settlement_is_read_strictly() {
    use kassette_model::payment::SettledAs;

    let read = |body: &str| parse_settlement(body.as_bytes(), &Limits::default());
    let settlement = read(r#"{"Outcome":"paid","paidAmount":18.40,"reason":"slip 0042","by":"Anna"}"#).unwrap();
    assert_eq!(settlement.outcome, SettledAs::Paid { amount: Some("18.40".parse().unwrap()) });
    assert_eq!((settlement.reason.as_str(), settlement.by.as_str()), ("slip 0042", "Anna"));
    for (name, outcome) in [
        ("paid", SettledAs::Paid { amount: None }),
        ("not-paid", SettledAs::NotPaid),
        ("ask-again", SettledAs::AskAgain),
    ] {
        let body = format!(r#"{{"outcome":"{name}","paidAmount":null,"reason":"r","by":"b"}}"#);
        assert_eq!(read(&body).map(|read| read.outcome), Ok(outcome));
    }
    for (body, pointers) in [
        ("{}", &["/outcome", "/reason", "/by"][..]),
        (r#"{"outcome":"Paid","reason":"r","by":"b"}"#, &["/outcome"]),
        (r#"{"outcome":"ask-again","paidAmount":1,"reason":"r","by":"b"}"#, &["/paidAmount"]),
        (r#"{"outcome":"paid","amount":1,"reason":"r","by":"b"}"#, &["/amount"]),
        ("[]", &[""]),
    ] {
        let found: Vec<String> = read(body).unwrap_err().findings.into_iter().map(|one| one.pointer).collect();
        assert_eq!(found, pointers, "{body}");
    }
}
