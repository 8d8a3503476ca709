#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

use kassette_model::Moment;
use kassette_wire::Limits;

use super::*;

const REQUEST: &str = r#"{"cbReceiptReference":"r-1","cbChargeItems":[
    {"Quantity":2,"Description":"Melange","Amount":9.80,"VATRate":20},
    {"Quantity":1,"Description":"Apfelstrudel","Amount":5.90,"VATRate":10},
    {"Quantity":0.5,"Description":"A very long description that does not fit the paper","Amount":-1.005,"VATRate":4.9}],
    "cbPayItems":[{"Description":"Bar","Amount":14.70}],"ftReceiptCase":"0x4154200000000001"}"#;

fn answer(caption: &str, code: &str) -> ReceiptResponse {
    let body = serde_json::json!({
        "ftQueueID": "22222222-2222-2222-2222-222222222222",
        "ftQueueItemID": "33333333-3333-8333-8333-333333333333",
        "ftQueueRow": 2,
        "ftCashBoxIdentification": "DEMO-0001",
        "ftReceiptIdentification": "ft1#2",
        "ftReceiptMoment": "2026-07-01T10:00:05Z",
        "ftSignatures": [
            {"ftSignatureFormat": 3, "ftSignatureType": 0x4154_2000_0000_0001_u64, "Caption": caption, "Data": code},
            {"ftSignatureFormat": 1, "ftSignatureType": 0x4154_2000_0000_0002_u64, "Caption": "Sammelbeleg", "Data": "Von ft3#4 bis ft5#6"},
            {"ftSignatureFormat": 1, "ftSignatureType": 0x4154_2000_0000_0000_u64, "Caption": "S A N D B O X", "Data": "22222222"},
            {"ftSignatureFormat": 8, "ftSignatureType": 0x4154_2000_0000_0003_u64, "Caption": "FON", "Data": "{}"},
            {"ftSignatureFormat": 1, "ftSignatureType": 0x4154_2000_0020_0000_u64, "Caption": "hidden", "Data": "hidden"}
        ],
        "ftState": 0x4154_2000_0000_0000_u64,
    });
    kassette_wire::sign::parse_response(body.to_string().as_bytes(), &Limits::default()).unwrap()
}

fn shown(caption: &str, colour: bool) -> String {
    let request =
        kassette_wire::sign::parse_request(REQUEST.as_bytes(), &Limits::default(), Moment::UNIX_EPOCH).unwrap();
    picture(&request, &answer(caption, "_R1-AT100_DEMO-0001_ft1#2_2026-07-01T12:00:05"), colour).unwrap()
}

/// `UPDATE_GOLDEN=1` writes the file anew.
#[test]
fn the_receipt_looks_as_it_did() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/cli/demo/receipt.golden.txt");
    let made = shown("[compliance]", false);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap();
    assert_eq!(made, golden, "the receipt changed; look at it and run with UPDATE_GOLDEN=1");
}

#[test]
fn what_the_law_asks_for_stands_on_it() {
    let text = shown("Sicherheitseinrichtung ausgefallen", false);
    for part in [
        "SANDBOX - not fiscally valid",
        "01.07.2026 12:00:05",
        "DEMO-0001",
        "ft1#2",
        "2 x Melange",
        "9,80 A",
        "-1,01 D",
        "Summe EUR",
        "Sicherheitseinrichtung ausgefallen",
        "Sammelbeleg: Von ft3#4 bis ft5#6",
        "S A N D B O X",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains("hidden") && !text.contains("FON"));
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn tax_and_amounts_are_rounded_once_and_half_away_from_zero() {
    let decimal = |text: &str| text.parse::<Decimal>().unwrap();
    assert_eq!(tax(decimal("13.40"), decimal("20")), decimal("2.23"));
    assert_eq!(tax(decimal("5.90"), decimal("10")), decimal("0.54"));
    assert_eq!(tax(decimal("1"), decimal("-100")), Decimal::ZERO);
    assert_eq!(amount(decimal("-1.005")), "-1,01");
    assert_eq!(amount(decimal("1234")), "1234,00");
}

#[test]
fn a_coloured_code_is_black_on_white_on_every_line() {
    let text = shown("[compliance]", true);
    let painted = text.lines().filter(|line| line.starts_with(BLACK_ON_WHITE) && line.ends_with(PLAIN)).count();
    assert!(painted > 15, "{text}");
    assert!(!shown("[compliance]", false).contains('\x1b'));
}
