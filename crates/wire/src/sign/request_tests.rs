#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

use kassette_model::{Decimal, FreeJson};

use super::*;

fn now() -> Moment {
    date::parse("2026-03-04T12:00:00.12345678Z").unwrap()
}

fn parse(body: &str) -> Result<ReceiptRequest, Findings> {
    parse_request(body.as_bytes(), &Limits::default(), now())
}

/// A body with these members beside the required ones.
fn with(members: &str) -> String {
    format!(r#"{{"cbReceiptReference":"R1","cbChargeItems":[],"cbPayItems":[],{members}}}"#)
}

/// A body with one charge item with these members.
fn with_item(members: &str) -> String {
    format!(r#"{{"cbReceiptReference":"R1","cbPayItems":[],"cbChargeItems":[{{"Description":"d",{members}}}]}}"#)
}

fn written(request: &ReceiptRequest) -> String {
    let mut out = Vec::new();
    write_request(request, &mut out);
    String::from_utf8(out).unwrap()
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[track_caller]
fn check_refused(body: &str, code: Code, pointer: &str) {
    let refused = parse(body).unwrap_err();
    let first = &refused.findings[0];
    assert_eq!((refused.code, first.pointer.as_str()), (code, pointer), "{body}: {first:?}");
    assert!(!first.message.is_empty());
}

const DOCUMENTED: &str = r#"{"cbTerminalID":"bar-2","cbReceiptReference":"R-2026-000815","cbReceiptMoment":"2026-03-04T10:15:34Z",
 "ftReceiptCase":35184372088833,
 "cbChargeItems":[{"Quantity":2,"Description":"Espresso","Amount":6.40,"VATRate":20,"ftChargeItemCase":35184372088851},
                  {"Quantity":1,"Description":"Strudel","Amount":12.00,"VATRate":10,"ftChargeItemCase":35184372088849}],
 "cbPayItems":[{"Description":"Card","Amount":18.40,"ftPayItemCase":35184397254661}]}"#;

#[test]
fn the_documented_receipt_reads_and_is_written_with_all_digits() {
    let request = parse(DOCUMENTED).unwrap();
    assert_eq!(request.total(), decimal("18.40"));
    assert_eq!(request.terminal_id.as_deref(), Some("bar-2"));
    assert_eq!(request.currency, "EUR");
    assert_eq!(
        written(&request),
        concat!(
            r#"{"cbTerminalID":"bar-2","cbReceiptReference":"R-2026-000815","cbReceiptMoment":"2026-03-04T10:15:34Z","#,
            r#""cbChargeItems":[{"Quantity":2,"Description":"Espresso","Amount":6.40,"VATRate":20,"ftChargeItemCase":35184372088851},"#,
            r#"{"Quantity":1,"Description":"Strudel","Amount":12.00,"VATRate":10,"ftChargeItemCase":35184372088849}],"#,
            r#""cbPayItems":[{"Description":"Card","Amount":18.40,"ftPayItemCase":35184397254661}],"ftReceiptCase":35184372088833}"#
        )
    );
}

#[test]
fn what_a_client_leaves_out_has_its_default() {
    let request =
        parse(r#"{"cbReceiptReference":"","cbChargeItems":[{"Description":""}],"cbPayItems":[{"Description":"x"}]}"#)
            .unwrap();
    assert_eq!(date::format(request.moment), "2026-03-04T12:00:00.1234567Z");
    let item = &request.charge_items[0];
    assert_eq!(
        (item.quantity, item.amount, item.vat_rate, item.case.0),
        (Decimal::ONE, Decimal::ZERO, Decimal::ZERO, 0)
    );
    let pay = &request.pay_items[0];
    assert_eq!(
        (pay.quantity, pay.amount, pay.moment, pay.currency.as_str()),
        (Decimal::ONE, Decimal::ZERO, None, "EUR")
    );
    assert!(written(&request).ends_with(r#""cbPayItems":[{"Description":"x","Amount":0}],"ftReceiptCase":0}"#));
}

#[test]
fn names_are_read_in_any_case_and_written_in_one() {
    let request = parse(&with(
        r#""cbTerminalId":"t","ftPosSystemID":"{3F5D5B9E-20C1-47B1-9B1E-6F0F1A5D8E02}","FTQUEUEID":"3f5d5b9e20c147b19b1e6f0f1a5d8e02","currency":"chf""#,
    ))
    .unwrap();
    let text = written(&request);
    assert!(text.contains(r#""cbTerminalID":"t""#) && text.contains(r#""Currency":"CHF""#), "{text}");
    assert!(text.contains(r#""ftPosSystemId":"3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02""#), "{text}");
    assert!(text.contains(r#""ftQueueID":"3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02""#), "{text}");
}

#[test]
fn nil_and_empty_ids_are_absent() {
    let request = parse(&with(
        r#""ftCashBoxID":"00000000-0000-0000-0000-000000000000","ftPosSystemId":null,"ftQueueID":"","cbTerminalID":"""#,
    ))
    .unwrap();
    assert_eq!((request.cash_box_id, request.pos_system_id, request.queue_id), (None, None, None));
    assert_eq!(request.terminal_id, None);
    let pay = r#"{"cbReceiptReference":"R","cbChargeItems":[],"cbPayItems":[{"Description":"x","ftPayItemId":""}]}"#;
    assert_eq!(parse(pay).unwrap().pay_items[0].id, None);
}

#[test]
fn a_case_is_a_number_or_a_string() {
    for text in
        ["5139205309155246081", r#""5139205309155246081""#, r#""0x4752200000000001""#, r#""0x4752_2000_0000_0001""#]
    {
        let request = parse(&with(&format!(r#""ftReceiptCase":{text}"#))).unwrap();
        assert_eq!(request.case.0, 0x4752_2000_0000_0001, "{text}");
        assert!(written(&request).contains(r#""ftReceiptCase":5139205309155246081"#));
    }
    let request = parse(&with(r#""ftReceiptCase":18446744073709551615"#)).unwrap();
    assert_eq!(request.case.0, u64::MAX);
}

#[test]
fn the_items_multiplier_comes_before_the_receipts_and_never_both() {
    let body = r#"{"cbReceiptReference":"R","DecimalPrecisionMultiplier":100,"cbReceiptAmount":1840,
      "cbChargeItems":[{"Description":"a","Amount":640,"VATRate":2000,"Quantity":200,"UnitPrice":320},
                       {"Description":"b","Amount":1200000,"VATRate":"100000","DecimalPrecisionMultiplier":10000},
                       {"Description":"c","Amount":5,"DecimalPrecisionMultiplier":1}],
      "cbPayItems":[{"Description":"Card","Amount":1840}]}"#;
    let request = parse(body).unwrap();
    let amounts: Vec<String> = request.charge_items.iter().map(|item| item.amount.to_string()).collect();
    assert_eq!(amounts, ["6.40", "120.0000", "0.05"]);
    let first = &request.charge_items[0];
    assert_eq!((first.vat_rate, first.quantity), (decimal("20"), decimal("2")));
    assert_eq!(first.unit_price, Some(decimal("3.2")));
    // A quantity that was not sent is one, whatever the multiplier.
    assert_eq!(request.charge_items[2].quantity, Decimal::ONE);
    assert_eq!(request.pay_items[0].amount, decimal("18.40"));
    assert_eq!(request.receipt_amount, Some(decimal("18.40")));
    let text = written(&request);
    assert!(!text.contains("DecimalPrecisionMultiplier"), "{text}");
    check_refused(&with(r#""DecimalPrecisionMultiplier":10"#), Code::BodyInvalid, "/DecimalPrecisionMultiplier");
}

#[test]
fn previous_receipts_are_one_or_a_group() {
    let previous = |text: &str| parse(&with(&format!(r#""cbPreviousReceiptReference":{text}"#))).unwrap().previous;
    assert_eq!(previous("null"), PreviousReceipts::None);
    assert_eq!(previous(r#""""#), PreviousReceipts::None);
    assert_eq!(previous(r#""R0""#), PreviousReceipts::One("R0".to_owned()));
    assert_eq!(previous(r#"["R0"]"#), PreviousReceipts::Group(vec!["R0".to_owned()]));
    check_refused(&with(r#""cbPreviousReceiptReference":["a",1]"#), Code::BodyInvalid, "/cbPreviousReceiptReference/1");
    check_refused(&with(r#""cbPreviousReceiptReference":7"#), Code::BodyInvalid, "/cbPreviousReceiptReference");
}

#[test]
fn free_members_keep_their_text_and_unknown_ones_stay() {
    let request = parse(&with(
        r#""cbUser":"{\"id\":1}","cbCustomer": { "Vat" : 1e400, "n": 0.10000000000000000000000000000000001 },"cbArea":null,
           "ftReceiptCaseData":"","New":[1, 2],"cbSettlement":false"#,
    ))
    .unwrap();
    assert_eq!(request.user, Some(FreeJson(r#""{\"id\":1}""#.to_owned())));
    assert_eq!(
        request.customer,
        Some(FreeJson(r#"{ "Vat" : 1e400, "n": 0.10000000000000000000000000000000001 }"#.to_owned()))
    );
    assert_eq!((request.area.as_ref(), request.case_data.as_ref()), (None, None));
    assert_eq!(request.unknown, vec![("New".to_owned(), FreeJson("[1, 2]".to_owned()))]);
    assert!(written(&request).ends_with(r#""cbSettlement":false,"New":[1, 2]}"#));
    assert_eq!(parse(&written(&request)), Ok(request));
}

#[test]
fn an_object_may_have_more_members_than_the_contract_names() {
    let many: Vec<String> = (0..200).map(|index| format!(r#""Extra{index}":{index}"#)).collect();
    let request = parse(&with(&format!(r#"{},"ftReceiptCase":7"#, many.join(",")))).unwrap();
    assert_eq!((request.case.0, request.unknown.len()), (7, 200));
    assert_eq!(request.unknown[199], ("Extra199".to_owned(), FreeJson("199".to_owned())));
    assert_eq!(parse(&written(&request)), Ok(request));
    check_refused(&with(&format!(r#"{},"EXTRA7":7"#, many.join(","))), Code::JsonDuplicateName, "/EXTRA7");
}

#[test]
fn missing_and_null_members_are_named() {
    let refused = parse(r#"{"cbPayItems":null,"cbChargeItems":[{"Amount":1},{"Description":null},null]}"#).unwrap_err();
    let pointers: Vec<&str> = refused.findings.iter().map(|finding| finding.pointer.as_str()).collect();
    assert_eq!(
        pointers,
        [
            "/cbReceiptReference",
            "/cbChargeItems/0/Description",
            "/cbChargeItems/1/Description",
            "/cbChargeItems/2",
            "/cbPayItems",
        ]
    );
    assert_eq!(refused.code, Code::BodyInvalid);
    check_refused(&with_item(r#""Amount":null"#), Code::BodyInvalid, "/cbChargeItems/0/Amount");
    check_refused(&with(r#""ftReceiptCase":null"#), Code::BodyInvalid, "/ftReceiptCase");
    assert_eq!(
        parse(&with_item(r#""VATAmount":null,"Moment":null,"Unit":null"#)).unwrap().charge_items[0].vat_amount,
        None
    );
}

#[test]
fn the_pointer_has_the_name_as_it_was_sent() {
    check_refused(&with_item(r#""aMOUNT":"x""#), Code::BodyInvalid, "/cbChargeItems/0/aMOUNT");
    check_refused(&with_item(r#""a/b~c":1,"A/B~C":2"#), Code::JsonDuplicateName, "/cbChargeItems/0/A~1B~0C");
}

#[test]
fn numbers_that_cannot_be_kept_are_refused_with_their_place() {
    for text in ["1e400", "1e28", "1e-29", "1234567890123456789012345678901234567890", r#""1e400""#] {
        check_refused(&with_item(&format!(r#""Amount":{text}"#)), Code::NumberOutOfRange, "/cbChargeItems/0/Amount");
    }
    for text in [r#""NaN""#, r#""""#, "true", "[]", r#""1,5""#] {
        check_refused(&with_item(&format!(r#""Amount":{text}"#)), Code::BodyInvalid, "/cbChargeItems/0/Amount");
    }
    for text in ["18446744073709551616", "-1", r#""0x10000000000000000""#] {
        check_refused(&with(&format!(r#""ftReceiptCase":{text}"#)), Code::NumberOutOfRange, "/ftReceiptCase");
    }
    for text in ["1.5", "1e3", r#""AT""#, "{}"] {
        check_refused(&with(&format!(r#""ftReceiptCase":{text}"#)), Code::BodyInvalid, "/ftReceiptCase");
    }
}

#[test]
fn wrong_types_are_refused_with_their_place() {
    for (members, pointer) in [
        (r#""cbTerminalID":7"#, "/cbTerminalID"),
        (r#""cbReceiptMoment":"soon""#, "/cbReceiptMoment"),
        (r#""cbReceiptMoment":1772619334812"#, "/cbReceiptMoment"),
        (r#""cbReceiptMoment":null"#, "/cbReceiptMoment"),
        (r#""ftQueueID":"not-a-guid""#, "/ftQueueID"),
        (r#""Currency":1"#, "/Currency"),
        (r#""Currency":"€""#, "/Currency"),
    ] {
        check_refused(&with(members), Code::BodyInvalid, pointer);
    }
    for body in ["[]", "null", "1", r#""x""#] {
        check_refused(body, Code::BodyInvalid, "");
    }
    check_refused("", Code::JsonMalformed, "");
    check_refused(
        r#"{"cbReceiptReference":"R","cbChargeItems":{},"cbPayItems":[]}"#,
        Code::BodyInvalid,
        "/cbChargeItems",
    );
    assert_eq!(parse(&with(r#""Currency":0"#)).unwrap().currency, "EUR");
}

#[test]
fn a_string_may_have_1023_characters() {
    let text = "ä".repeat(1023);
    assert_eq!(parse(&with(&format!(r#""cbTerminalID":"{text}""#))).unwrap().terminal_id, Some(text.clone()));
    check_refused(&with(&format!(r#""cbTerminalID":"{text}x""#)), Code::BodyInvalid, "/cbTerminalID");
    check_refused(
        &with(&format!(r#""cbPreviousReceiptReference":["a","{text}x"]"#)),
        Code::BodyInvalid,
        "/cbPreviousReceiptReference/1",
    );
    // Free JSON has no such limit.
    assert!(parse(&with(&format!(r#""cbUser":"{text}{text}""#))).is_ok());
}

#[test]
fn the_findings_of_one_answer_are_bounded() {
    let items = vec!["{}"; 5000].join(",");
    let refused =
        parse(&format!(r#"{{"cbReceiptReference":"R","cbPayItems":[],"cbChargeItems":[{items}]}}"#)).unwrap_err();
    assert_eq!(refused.findings.len(), Findings::MAX);
}
