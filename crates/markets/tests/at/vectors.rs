//! The authority's demo register: its exports must verify, damaged ones must not, and its scenarios must give its sums.

use std::fs;
use std::path::PathBuf;

use kassette_markets::at::dep::{DepReport, verify_dep};
use kassette_markets::at::{jws_of_qr, qr_of_jws};
use serde_json::Value;

use crate::register::{Register, SALE, START, TRAINING, V2, VOID, ZERO, charge, closed_unit, fields, pay, verify};

/// The folder of foreign data; `None` when it is not there, which is a failure under `KASSETTE_CI=1`.
fn vectors() -> Option<PathBuf> {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    let folder = std::env::var_os("KASSETTE_VECTORS").map_or(default, PathBuf::from);
    if folder.join("at").is_dir() {
        return Some(folder.join("at"));
    }
    assert_ne!(std::env::var("KASSETTE_CI").as_deref(), Ok("1"), "no test data in {}", folder.display());
    eprintln!("left out: no test data in {}", folder.display());
    None
}

fn read(path: PathBuf) -> String {
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn generated(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for kind in ["open-8byte", "closed-8byte"] {
        for scenario in fs::read_dir(folder.join("bmf-generated").join(kind)).unwrap() {
            found.push(scenario.unwrap().path());
        }
    }
    found.sort();
    found
}

fn report(folder: &std::path::Path) -> DepReport {
    let crypto = read(folder.join("cryptographicMaterialContainer.json"));
    verify_dep(&read(folder.join("dep-export.json")), Some(&crypto), &verify)
        .unwrap_or_else(|findings| panic!("{}: {findings:?}", folder.display()))
}

#[test]
fn every_generated_export_verifies() {
    let Some(folder) = vectors() else { return };
    let generated = generated(&folder);
    assert!(generated.len() >= 6);
    for scenario in generated {
        let report = report(&scenario);
        assert!(report.receipts >= 80 && report.outages > 0 && report.reversals > 0 && report.trainings > 0);
        assert!(report.counter_checked);
    }
}

#[test]
fn damaged_exports_are_refused() {
    let Some(folder) = vectors() else { return };
    let crypto =
        read(folder.join("bmf-generated/closed-8byte/TESTSUITE_TEST_SZENARIO_1/cryptographicMaterialContainer.json"));
    for (name, receipt, reason) in
        [("dep-bad-signature.json", 5, "signature is wrong"), ("dep-missing-receipt.json", 6, "chain is broken")]
    {
        let dep = read(folder.join("negative").join(name));
        let findings = verify_dep(&dep, Some(&crypto), &verify).unwrap_err();
        assert_eq!(findings[0].receipt, Some(receipt), "{name}");
        assert!(findings[0].reason.contains(reason), "{name}: {}", findings[0]);
    }
}

#[test]
fn the_forms_of_the_code_follow_from_each_other() {
    let Some(folder) = vectors() else { return };
    for scenario in generated(&folder) {
        let dep: Value = serde_json::from_str(&read(scenario.join("dep-export.json"))).unwrap();
        let qr: Value = serde_json::from_str(&read(scenario.join("qr-code-rep.json"))).unwrap();
        let jws = dep["Belege-Gruppe"][0]["Belege-kompakt"].as_array().unwrap();
        let qr = qr.as_array().unwrap();
        assert_eq!(jws.len(), qr.len());
        for (jws, qr) in jws.iter().zip(qr) {
            let (jws, qr) = (jws.as_str().unwrap(), qr.as_str().unwrap());
            assert_eq!(qr_of_jws(jws).unwrap(), qr);
            assert_eq!(jws_of_qr(qr).unwrap(), jws);
        }
    }
}

/// The demo register's scenarios driven through the rules: same fields, same outages, same turnover.
#[test]
fn the_scenarios_give_the_same_receipts() {
    let Some(folder) = vectors() else { return };
    for scenario in 1..=4 {
        let name = format!("TESTSUITE_TEST_SZENARIO_{scenario}");
        let input: Value = serde_json::from_str(&read(folder.join(format!("bmf-scenarios/{name}.json")))).unwrap();
        let register = run(&input);
        let ours = register.verified();
        assert_eq!(ours.receipts, input["cashBoxInstructionList"].as_array().unwrap().len());
        let theirs = folder.join("bmf-generated/closed-8byte").join(&name);
        if theirs.is_dir() {
            assert_eq!(ours, report(&theirs), "{name}");
        }
    }
}

fn run(input: &Value) -> Register {
    let company = input["companyID"].as_str().unwrap();
    let devices: Vec<_> = (0..3).map(|number| closed_unit(number, &format!("{company}-K{number}"))).collect();
    let mut register = Register::with_units(r#"{"sign_all":true}"#, devices.clone());
    register.kassen_id = input["cashBoxId"].as_str().unwrap().into();
    for receipt in input["cashBoxInstructionList"].as_array().unwrap() {
        let device = usize::try_from(receipt["usedSignatureDevice"].as_u64().unwrap()).unwrap();
        let damaged = receipt["signatureDeviceDamaged"].as_bool().unwrap();
        register.units = vec![devices[device].clone()];
        register.works(0, !damaged);
        let local: jiff::civil::DateTime = receipt["dateToUse"].as_str().unwrap().parse().unwrap();
        register.now = local.in_tz("Europe/Vienna").unwrap().timestamp();
        let sets = &receipt["simplifiedReceipt"];
        let amounts = ["taxSetNormal", "taxSetErmaessigt1", "taxSetErmaessigt2", "taxSetNull", "taxSetBesonders"]
            .map(|set| sets[set].to_string());
        let items = || {
            let rates = ["20", "10", "13", "0", "19"];
            let charges = amounts.iter().zip(rates).map(|(amount, rate)| charge(amount, rate, 0)).collect();
            (charges, vec![pay("1", V2 | 1)])
        };
        let kind = receipt["typeOfReceipt"].as_str().unwrap();
        let (case, (charges, pays)) = match kind {
            "START_BELEG" => (START, (vec![], vec![])),
            "NULL_BELEG" => (ZERO, (vec![], vec![])),
            "STANDARD_BELEG" => (SALE, items()),
            "STORNO_BELEG" => (SALE | VOID, items()),
            "TRAINING_BELEG" => (SALE | TRAINING, items()),
            other => panic!("{other}"),
        };
        let outcome = register.sign(case, charges, pays).unwrap();
        let fields = fields(&outcome);
        assert_eq!(fields[4], receipt["dateToUse"].as_str().unwrap());
        let printed =
            fields[5..10].iter().map(|amount| amount.replace(',', ".").parse::<kassette_model::Decimal>().unwrap());
        let expected = amounts.iter().map(|amount| amount.parse::<kassette_model::Decimal>().unwrap());
        assert!(printed.eq(expected), "{fields:?} {amounts:?}");
        let outage = outcome.signatures[0].caption.as_deref() != Some("[compliance]");
        assert_eq!(outage, damaged, "{}", receipt["receiptIdentifier"]);
    }
    register
}
