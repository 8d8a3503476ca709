//! Forged exports: each breaks one rule and keeps all others, signatures included (the check of a signature says yes).

use super::*;
use crate::at::chain::ChainValue;
use crate::at::code::{Amounts, Code, Jws, OUTAGE_TEXT};
use crate::at::counter;

const KEY: [u8; 32] = [9; 32];

/// One receipt of a forged export.
#[derive(Clone)]
struct Forged {
    kassen_id: &'static str,
    mark: &'static str,
    number: String,
    time: &'static str,
    cents: i64,
    counter: CounterField,
    bytes: u8,
    signed: bool,
}

fn sale(number: usize, cents: i64) -> Forged {
    Forged {
        kassen_id: "K1",
        mark: "AT1",
        number: format!("ft{number:X}#{number}"),
        time: "2026-03-04T11:15:34",
        cents,
        counter: CounterField::Encrypted(vec![]),
        bytes: 8,
        signed: true,
    }
}

fn unsigned(number: usize, cents: i64) -> Forged {
    Forged { signed: false, ..sale(number, cents) }
}

/// Chains and counts the receipts properly.
fn dep(receipts: &[Forged]) -> String {
    let mut turnover = 0;
    let mut chain = ChainValue::first(receipts[0].kassen_id);
    let mut list = vec![];
    for receipt in receipts {
        if receipt.counter != CounterField::Training {
            turnover += receipt.cents;
        }
        let counter = match &receipt.counter {
            CounterField::Encrypted(_) => {
                let cipher = counter::encrypt(&KEY, receipt.kassen_id, &receipt.number, turnover, receipt.bytes);
                CounterField::Encrypted(cipher.unwrap())
            }
            marker => marker.clone(),
        };
        let code = Code {
            algorithm: format!("R1-{}", receipt.mark),
            kassen_id: receipt.kassen_id.into(),
            number: receipt.number.clone(),
            time: receipt.time.into(),
            amounts: Amounts { normal: receipt.cents, ..Amounts::default() },
            counter,
            key: "1f".into(),
            chain: chain.text(),
        };
        let signature = if receipt.signed { vec![1; 64] } else { OUTAGE_TEXT.as_bytes().to_vec() };
        let jws = Jws::of(code.text(), signature).compact();
        chain = ChainValue::after(&jws);
        list.push(jws);
    }
    let (list, split) = (serde_json::to_string(&list).unwrap(), r#"{"Signaturzertifikat":"","Belege-kompakt":[]}"#);
    format!(r#"{{"Belege-Gruppe":[{{"Signatur- bzw. Siegelzertifikat":"","Belege-kompakt":{list},"x":1}},{split}]}}"#)
}

fn verify(receipts: &[Forged]) -> Result<DepReport, Vec<DepFinding>> {
    let key = kassette_stdx::encoding::base64(&KEY);
    let entry = r#"{"id":"1f","signatureDeviceType":"PUBLIC_KEY","signatureCertificateOrPublicKey":"AAAA"}"#;
    let crypto = format!(r#"{{"base64AESKey":"{key}","certificateOrPublicKeyMap":{{"1f":{entry}}}}}"#);
    verify_dep(&dep(receipts), Some(&crypto), &|_, _, _| true)
}

fn check(receipts: &[Forged], at: usize, reason: &str) {
    let findings = verify(receipts).unwrap_err();
    let [finding] = findings.as_slice() else { panic!("{findings:?}") };
    assert_eq!(finding.receipt, Some(at), "{finding}");
    assert!(finding.reason.contains(reason), "{finding}");
}

#[test]
fn a_good_one() {
    let training = Forged { counter: CounterField::Training, ..sale(3, 50) };
    let reversal = Forged { counter: CounterField::Reversal, ..sale(4, -20) };
    let report = verify(&[sale(1, 0), sale(2, 120), training, reversal, unsigned(5, 7)]).unwrap();
    assert_eq!(
        report,
        DepReport {
            kassen_id: "K1".into(),
            receipts: 5,
            outages: 1,
            trainings: 1,
            reversals: 1,
            turnover_cents: 107,
            counter_checked: true,
            outage_open: true,
        }
    );
}

#[test]
fn the_first_one_is_a_signed_start_receipt() {
    check(&[sale(1, 5)], 1, "start receipt");
    check(&[unsigned(1, 0)], 1, "start receipt");
    check(&[Forged { counter: CounterField::Training, ..sale(1, 0) }], 1, "start receipt");
}

#[test]
fn numbers_registers_systems_and_times() {
    check(&[sale(1, 0), sale(2, 5), sale(2, 5)], 3, "occurs twice");
    check(&[sale(1, 0), Forged { kassen_id: "K2", ..sale(2, 5) }], 2, "another register");
    check(&[sale(1, 0), Forged { mark: "AT0", ..sale(2, 5) }], 2, "mixed");
    check(&[sale(1, 0), Forged { time: "2026-03-04T11:15:33", ..sale(2, 5) }], 2, "time goes back");
    check(&[sale(1, 0), Forged { bytes: 5, ..sale(2, 5) }], 2, "length of the turnover counter changes");
}

/// The collective receipt is the first or the second one after the last unsigned one.
#[test]
fn an_outage_is_closed_in_time() {
    let training = |number| Forged { counter: CounterField::Training, ..sale(number, 0) };
    assert!(!verify(&[sale(1, 0), unsigned(2, 5), sale(3, 0), sale(4, 5)]).unwrap().outage_open);
    assert!(!verify(&[sale(1, 0), unsigned(2, 5), sale(3, 5), sale(4, 0)]).unwrap().outage_open);
    assert!(verify(&[sale(1, 0), unsigned(2, 5), sale(3, 5)]).unwrap().outage_open);
    assert!(verify(&[sale(1, 0), unsigned(2, 5), sale(3, 5), unsigned(4, 5)]).unwrap().outage_open);
    check(&[sale(1, 0), unsigned(2, 5), sale(3, 5), sale(4, 5)], 4, "not closed");
    check(&[sale(1, 0), unsigned(2, 5), training(3), training(4)], 4, "not closed");
}

#[test]
fn files_that_are_no_export() {
    for file in ["", "{}", r#"{"Belege-Gruppe":[]}"#, r#"{"Belege-Gruppe":[{"Belege-kompakt":[]}]}"#] {
        let findings = verify_dep(file, None, &|_, _, _| true).unwrap_err();
        assert_eq!(findings[0].receipt, None, "{file}");
    }
    let dep = dep(&[sale(1, 0)]);
    assert!(verify_dep(&dep, None, &|_, _, _| true).unwrap_err()[0].reason.contains("no certificate"));
    assert!(verify_dep(&dep, Some("{}"), &|_, _, _| true).unwrap_err()[0].reason.contains("crypto material"));
}
