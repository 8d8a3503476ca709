//! The authority's own test data: certificates, public keys and receipts that its demonstration software made.
//!
//! The data is not part of this repository. `KASSETTE_VECTORS` names its folder (default: `../shared/vectors` beside the
//! workspace); where it is absent the test says so, or fails when `KASSETTE_CI=1`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may stop and say why")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kassette_signing::{VerifyingKey, parse_certificate};
use kassette_stdx::encoding::{base64_decode, base64url_decode};
use serde_json::Value;

fn scenarios(kind: &str) -> Vec<PathBuf> {
    let root = std::env::var_os("KASSETTE_VECTORS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"), PathBuf::from);
    let folder = root.join("at/bmf-generated").join(kind);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        let missing = format!("{} is not there: the authority's vectors were left out", folder.display());
        assert!(std::env::var("KASSETTE_CI").as_deref() != Ok("1"), "{missing}");
        println!("{missing}");
        return Vec::new();
    };
    let mut found: Vec<_> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    found.sort();
    assert!(!found.is_empty(), "{} is empty", folder.display());
    found
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The signers of a scenario by the id under which the authority lists them.
fn signers(scenario: &Path) -> BTreeMap<String, Vec<u8>> {
    let container = read(&scenario.join("cryptographicMaterialContainer.json"));
    let map = container.get("certificateOrPublicKeyMap").unwrap().as_object().unwrap();
    assert!(!map.is_empty());
    let der = |entry: &Value| base64_decode(entry.get("signatureCertificateOrPublicKey").unwrap().as_str().unwrap());
    map.iter().map(|(id, entry)| (id.clone(), der(entry).unwrap())).collect()
}

/// Verifies every signed receipt of the scenario's export with the key that the receipt names; gives their number.
fn check_receipts(scenario: &Path, signers: &BTreeMap<String, Vec<u8>>) -> usize {
    let keys: BTreeMap<_, _> =
        signers.iter().map(|(id, der)| (id.as_str(), VerifyingKey::from_spki_or_certificate(der).unwrap())).collect();
    let export = read(&scenario.join("dep-export.json"));
    let mut verified = 0;
    for group in export.get("Belege-Gruppe").unwrap().as_array().unwrap() {
        for jws in group.get("Belege-kompakt").unwrap().as_array().unwrap() {
            let (signed, signature) = jws.as_str().unwrap().rsplit_once('.').unwrap();
            let code = String::from_utf8(base64url_decode(signed.split_once('.').unwrap().1).unwrap()).unwrap();
            let key = keys.get(code.split('_').nth(11).unwrap()).unwrap();
            // An outage text stands in place of a signature when the unit was out of order; it is not 64 bytes long.
            if let Ok(signature) = <[u8; 64]>::try_from(base64url_decode(signature).unwrap()) {
                assert!(key.verifies(signed.as_bytes(), &signature), "{}: {code}", scenario.display());
                verified += 1;
            }
        }
    }
    verified
}

#[test]
fn serial_numbers_and_signatures_of_open_systems_are_read_as_the_authority_reads_them() {
    for scenario in scenarios("open-8byte") {
        let signers = signers(&scenario);
        for (id, der) in &signers {
            assert_eq!(&parse_certificate(der).unwrap().serial_hex, id, "{}", scenario.display());
        }
        assert!(check_receipts(&scenario, &signers) > 0, "{}", scenario.display());
    }
}

#[test]
fn public_keys_and_signatures_of_closed_systems_are_read() {
    for scenario in scenarios("closed-8byte") {
        let signers = signers(&scenario);
        assert!(check_receipts(&scenario, &signers) > 0, "{}", scenario.display());
    }
}
