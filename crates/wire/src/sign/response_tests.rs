#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

use kassette_model::cases::{SignatureFormat, SignatureType};
use kassette_model::{FreeJson, SignatureItem};

use super::*;

const DOCUMENTED: &str = concat!(
    r#"{"ftQueueID":"3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02","ftQueueItemID":"c9a5b0de-2d55-4d0c-8f6e-7f6b1f1c3a44","#,
    r#""ftQueueRow":17,"ftCashBoxIdentification":"TILL-0007","ftCashBoxID":"0d0f6f0e-6a53-4a63-8f2b-1b7a0a0f7a10","#,
    r#""cbTerminalID":"bar-2","cbReceiptReference":"R-2026-000815","ftReceiptIdentification":"ft10#17","#,
    r#""ftReceiptMoment":"2026-03-04T10:15:34.8123456Z","#,
    r#""ftSignatures":[{"ftSignatureFormat":3,"ftSignatureType":4707422694881099777,"Caption":"[compliance]","Data":"_R1-AT100_…"}],"#,
    r#""ftState":4707422694881099776}"#
);

fn parse(body: &str) -> Result<ReceiptResponse, Findings> {
    parse_response(body.as_bytes(), &Limits::default())
}

fn written(response: &ReceiptResponse) -> String {
    let mut out = Vec::new();
    write_response(response, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn the_documented_answer_is_written_byte_for_byte() {
    let response = parse(DOCUMENTED).unwrap();
    assert!(response.signatures[0].kind.is_compliance());
    assert_eq!(written(&response), DOCUMENTED);
}

#[test]
fn optional_members_are_written_when_they_are_set() {
    let mut response = parse(DOCUMENTED).unwrap();
    response.terminal_id = None;
    response.header = vec!["Käse & Co".to_owned()];
    response.footer = vec!["Danke".to_owned(), String::new()];
    response.charge_lines = vec!["c".to_owned()];
    response.pay_lines = vec!["p".to_owned()];
    response.signatures = vec![SignatureItem {
        id: Some(Uuid::nil()),
        format: SignatureFormat(0),
        kind: SignatureType(0),
        caption: Some(String::new()),
        data: String::new(),
    }];
    response.state_data = Some(FreeJson(r#"{"Findings":[]}"#.to_owned()));
    let text = written(&response);
    assert!(!text.contains("cbTerminalID"), "{text}");
    for part in [
        r#""ftReceiptHeader":["Käse & Co"],"ftChargeLines":["c"],"ftPayLines":["p"],"ftSignatures":["#,
        r#"[{"ftSignatureItemId":"00000000-0000-0000-0000-000000000000","ftSignatureFormat":0,"ftSignatureType":0,"Caption":"","Data":""}]"#,
        r#""ftReceiptFooter":["Danke",""],"ftState":4707422694881099776,"ftStateData":{"Findings":[]}}"#,
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(parse(&text), Ok(response));
}

#[test]
fn signatures_are_always_there() {
    let mut response = parse(DOCUMENTED).unwrap();
    response.signatures.clear();
    assert!(written(&response).contains(r#""ftSignatures":[]"#));
}

#[test]
fn a_copy_that_leaves_defaults_out_reads() {
    let response = parse(
        r#"{"ftQueueID":"3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02","ftQueueItemID":"00000000-0000-0000-0000-000000000000",
            "ftSignatures":[{"Data":"x"}],"Other":1}"#,
    )
    .unwrap();
    assert!(response.queue_item_id.is_nil());
    assert_eq!((response.queue_row, response.state.0, response.signatures[0].kind.0), (0, 0, 0));
    assert_eq!(date::format(response.receipt_moment), "0001-01-01T00:00:00Z");
}

#[test]
fn a_missing_id_is_named() {
    for (body, pointer) in [
        ("{}", "/ftQueueID"),
        (r#"{"ftQueueID":"x"}"#, "/ftQueueID"),
        (r#"{"ftQueueID":"3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02"}"#, "/ftQueueItemID"),
    ] {
        assert_eq!(parse(body).unwrap_err().findings[0].pointer, pointer, "{body}");
    }
}
