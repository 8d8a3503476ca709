//! The verifier that shares no code with the signer, `docs/verify/verify_dep7.py`, run over exports made here.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::register::{MONTH, Register, SALE, START, TRAINING, VOID, YEAR, ZERO, charge, closed_unit, pay, unit};

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/verify/verify_dep7.py")
}

/// Whether Python and its `cryptography` are here; their absence is a failure under `KASSETTE_CI=1`.
fn python_is_here() -> bool {
    let here = Command::new("python3")
        .args(["-c", "import cryptography"])
        .output()
        .is_ok_and(|output| output.status.success());
    assert!(here || std::env::var("KASSETTE_CI").as_deref() != Ok("1"), "python3 with cryptography is missing");
    if !here {
        eprintln!("left out: python3 with cryptography is missing");
    }
    here
}

fn run(dep: &str, crypto: &str, extra: &[&str]) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let (dep_file, crypto_file) = (folder.path().join("dep.json"), folder.path().join("crypto.json"));
    std::fs::write(&dep_file, dep).unwrap();
    std::fs::write(&crypto_file, crypto).unwrap();
    let output = Command::new("python3").arg(script()).arg(dep_file).arg(crypto_file).args(extra).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

/// A mixed year: all rates, void, training, outage and recovery, monthly and yearly receipts, two units.
fn year(units: Vec<crate::register::Unit>) -> Register {
    let mut register = Register::with_units("{}", units);
    register.zero(START);
    for month in 3..=12 {
        register.at(&format!("2026-{month:02}-20T10:00:00Z"));
        for cents in 0..20 {
            let rate = ["20", "10", "13", "0", "19", "4.9"][cents % 6];
            register.sign(SALE, vec![charge(&format!("{month}.{cents:02}"), rate, 0)], vec![pay("1", 0)]).unwrap();
        }
        register.sale(SALE | VOID, "-1.10");
        register.sale(SALE | TRAINING, "100");
        for number in 0..register.units.len() {
            register.works(number, false);
            register.sale(SALE, "2.20");
        }
        register.works(0, true).zero(ZERO);
        for number in 0..register.units.len() {
            register.works(number, true);
        }
        register.zero(if month == 12 { YEAR } else { MONTH });
    }
    register
}

#[test]
fn it_accepts_our_exports_and_refuses_damaged_ones() {
    if !python_is_here() {
        return;
    }
    for units in [vec![unit(0)], vec![unit(0), unit(1)], vec![closed_unit(0, "U:ATU12345678-K0")]] {
        let register = year(units);
        let report = register.verified();
        assert!(report.receipts > 200 && report.outages >= 10);
        let (dep, crypto) = (register.export(1, 0), register.crypto_material());
        let (good, said) = run(&dep, &crypto, &[]);
        assert!(good, "{said}");
        assert!(said.contains(&format!("receipts     {} ", report.receipts)), "{said}");
        let euro = report.turnover_cents;
        assert!(said.contains(&format!("turnover     {},{:02} EUR (decrypted", euro / 100, euro % 100)), "{said}");

        // a part of it, only with its option
        let jws = dep.split('"').filter(|text| text.starts_with("eyJ")).collect::<Vec<_>>();
        let part = |list: &[&str]| {
            let list = serde_json::to_string(list).unwrap();
            format!(r#"{{"Belege-Gruppe":[{{"Signaturzertifikat":"","Belege-kompakt":{list}}}]}}"#)
        };
        assert!(run(&part(&jws[40..]), &crypto, &["--part"]).0);
        assert!(!run(&part(&jws[40..]), &crypto, &[]).0);
        let (good, said) = run(&part(&[&jws[..60], &jws[61..]].concat()), &crypto, &[]);
        assert!(!good && said.contains("receipt 61 of"), "{said}");
        let mut swapped = jws.clone();
        swapped.swap(70, 71);
        assert!(!run(&part(&swapped), &crypto, &[]).0);
    }
}
