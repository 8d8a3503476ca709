//! Exports and what their verification notices.

use kassette_markets::Market as _;
use kassette_markets::at::Austria;
use kassette_markets::at::dep::verify_dep;
use serde_json::Value;

use crate::register::{Register, SALE, START, Stored, TRAINING, V2, VOID, ZERO, charge, closed_unit, unit, verify};

fn day() -> Register {
    let mut register = Register::started();
    for amount in ["1", "2.5", "-0.5", "10"] {
        register.sale(SALE, amount);
    }
    register.works(0, false).sale(SALE, "7");
    register.works(0, true).zero(ZERO);
    register.sale(SALE | VOID, "-10");
    register.sale(SALE | TRAINING, "10");
    register.sign(V2 | 0x3000, vec![charge("1", "20", 0)], vec![]).unwrap();
    register
}

#[test]
fn one_unit_gives_one_group_with_its_certificate() {
    let register = day();
    let text = register.export(1, 0);
    assert_eq!(text, register.export(2, 2));
    assert_eq!(text, register.export(2, 0));
    assert!(text.starts_with(r#"{"Belege-Gruppe":[{"Signaturzertifikat":"MII"#), "{text}");
    let dep: Value = serde_json::from_str(&text).unwrap();
    let groups = dep["Belege-Gruppe"].as_array().unwrap();
    assert_eq!(groups.len(), 1);
    assert_eq!(groups[0]["Belege-kompakt"].as_array().unwrap().len(), 9);
    assert_eq!(groups[0]["Kassen-ID"], "TILL-0007");
    // the certificate in the export is enough for the signatures
    assert!(!verify_dep(&text, None, &verify).unwrap().counter_checked);
    assert_eq!(register.verified().turnover_cents, 1000);
}

#[test]
fn several_units_give_one_group_without_and_one_empty_group_with_each_certificate() {
    let mut register = Register::with_units("{}", vec![unit(0), unit(1)]);
    register.zero(START);
    register.works(0, false).sale(SALE, "1");
    let text = register.export(1, 0);
    let dep: Value = serde_json::from_str(&text).unwrap();
    let groups = dep["Belege-Gruppe"].as_array().unwrap();
    let shape: Vec<_> = groups
        .iter()
        .map(|group| (group["Signaturzertifikat"] != "", group["Belege-kompakt"].as_array().unwrap().len()))
        .collect();
    assert_eq!(shape, [(false, 2), (true, 0), (true, 0)]);
    assert_eq!(verify_dep(&text, None, &verify).unwrap().receipts, 2);
    register.verified();
}

#[test]
fn a_closed_system_has_no_certificates() {
    let name = "U:ATU12345678-K0";
    let mut register = Register::with_units("{}", vec![closed_unit(0, name)]);
    register.zero(START);
    let text = register.export(1, 0);
    assert!(text.starts_with(r#"{"Belege-Gruppe":[{"Signaturzertifikat":"","Zertifizierungsstellen":[],"#));
    assert!(verify_dep(&text, None, &verify).unwrap_err()[0].reason.contains(name));
    register.verified();
    let crypto: Value = serde_json::from_str(&register.crypto_material()).unwrap();
    assert_eq!(crypto["certificateOrPublicKeyMap"][name]["signatureDeviceType"], "PUBLIC_KEY");
    assert_eq!(crypto["certificateOrPublicKeyMap"][name]["id"], name);
}

#[test]
fn every_other_type_is_the_status() {
    let register = day();
    for (journal_type, version) in [(0, 0), (0, 2), (1, 2), (3, 0), (3, 2), (0x99, 2), (0xFFFF, 0)] {
        let status: Value = serde_json::from_str(&register.export(journal_type, version)).unwrap();
        assert_eq!(status["QueueATList"][0]["CashBoxIdentification"], "TILL-0007");
        assert_eq!(status["QueueATList"][0]["ftCashTotalizer"], "10.00");
        assert_eq!(status["QueueATList"][0]["ftCashNumerator"], 9);
    }
    let units = register.materials();
    assert_eq!(kassette_markets::at::crypto_material(&register.context(&units, false)), None);
}

/// What the stored receipts' verifier says of a day after `change`.
fn check(change: impl FnOnce(&mut Vec<Stored>), row: u64, reason: &str) {
    let mut register = day();
    change(&mut register.stored);
    let units = register.materials();
    let mut verifier = Austria.verifier(&register.context(&units, true), &verify);
    let error = register.signed().find_map(|signed| verifier.receipt(&signed).err());
    let error = error.unwrap_or_else(|| panic!("not noticed: {reason}"));
    assert_eq!(error.row, row, "{error}");
    assert!(error.reason.contains(reason), "{error}");
}

fn edit_note(stored: &mut Stored, from: &str, to: &str) {
    let note = stored.note.as_ref().unwrap().get().replacen(from, to, 1);
    assert_ne!(note, stored.note.as_ref().unwrap().get());
    stored.note = Some(serde_json::value::RawValue::from_string(note).unwrap());
}

#[test]
fn damage_is_noticed_and_named() {
    check(|stored| drop(stored.remove(2)), 3, "the chain is broken");
    check(|stored| stored.swap(1, 2), 2, "the chain is broken");
    check(|stored| stored[3].note = None, 4, "missing");
    check(|stored| drop(stored.remove(0)), 1, "not a signed start receipt");
    check(|stored| edit_note(&mut stored[2], r#""key":"f01""#, r#""key":"f02""#), 3, "do not match");
    check(|stored| edit_note(&mut stored[2], r#""unit":"#, r#""other":"#), 3, "do not match");
    let copy = |stored: &mut Vec<Stored>| stored[2].note = stored[1].note.clone();
    check(copy, 3, "the chain is broken");
    let renumber = |stored: &mut Vec<Stored>| {
        stored[2].details.sign.as_mut().unwrap().identification = "ft9#3".into();
    };
    check(renumber, 3, "is not");
    let signature = |stored: &mut Vec<Stored>| {
        let note: Value = serde_json::from_str(stored[4].note.as_ref().unwrap().get()).unwrap();
        let jws = note["jws"].as_str().unwrap().to_owned();
        let (rest, _) = jws.rsplit_once('.').unwrap();
        edit_note(&mut stored[4], &jws, &format!("{rest}.{}", "A".repeat(86)));
    };
    check(signature, 5, "the signature is wrong");
}

/// A register with another key: the counter cannot be decrypted to the sum of the amounts.
#[test]
fn a_wrong_counter_key_is_noticed() {
    let mut register = day();
    register.secrets = Austria.secrets(&Austria.new_secrets(&[43; 64])).unwrap();
    let crypto = register.crypto_material();
    let findings = verify_dep(&register.export(1, 0), Some(&crypto), &verify).unwrap_err();
    assert_eq!(findings[0].receipt, Some(1));
    assert!(findings[0].reason.contains("turnover counter"));
}
