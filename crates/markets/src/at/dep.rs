//! The DEP7 export as a file, checked by itself: `{"Belege-Gruppe":[…]}` (RKSV Anlage).

use std::collections::{BTreeMap, HashSet};

use kassette_stdx::encoding::base64_decode;
use serde::Deserialize;

use super::checker::Checker;
use super::code::CounterField;
use super::keys::Keys;
use crate::VerifySignature;

#[derive(Deserialize)]
struct Dep {
    #[serde(rename = "Belege-Gruppe")]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(rename = "Signaturzertifikat", alias = "Signatur- bzw. Siegelzertifikat", default)]
    certificate: String,
    #[serde(rename = "Belege-kompakt")]
    receipts: Vec<String>,
}

#[derive(Deserialize)]
struct CryptoMaterial {
    #[serde(rename = "base64AESKey")]
    key: String,
    #[serde(rename = "certificateOrPublicKeyMap", default)]
    keys: BTreeMap<String, KeyEntry>,
}

#[derive(Deserialize)]
struct KeyEntry {
    #[serde(rename = "signatureDeviceType")]
    kind: String,
    #[serde(rename = "signatureCertificateOrPublicKey")]
    der: String,
}

/// What a good export holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepReport {
    /// Kassen-ID.
    pub kassen_id: String,
    /// All receipts.
    pub receipts: usize,
    /// Those with the outage text instead of a signature.
    pub outages: usize,
    /// Training receipts.
    pub trainings: usize,
    /// Reversals.
    pub reversals: usize,
    /// Turnover by the printed amounts, cents; equal to the counter when its key was given.
    pub turnover_cents: i128,
    /// Whether the counter was decrypted and compared.
    pub counter_checked: bool,
    /// The export ends in an outage.
    pub outage_open: bool,
}

/// What is wrong with an export.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", receipt.map(|at| format!("receipt {at}: ")).unwrap_or_default())]
pub struct DepFinding {
    /// Which receipt, from 1, through all groups; `None` when the file itself is wrong.
    pub receipt: Option<usize>,
    /// What is wrong.
    pub reason: String,
}

impl DepFinding {
    fn file(reason: String) -> Vec<Self> {
        vec![Self { receipt: None, reason }]
    }
}

/// Checks a whole export from its start receipt on: form, chain, signatures, unique numbers, time, one register, the rule of
/// the collective receipt, and with the crypto material also the turnover counter.
///
/// # Errors
/// The first receipt that is wrong: what follows a broken chain proves nothing.
pub fn verify_dep(
    dep_json: &str,
    crypto_material_json: Option<&str>,
    verify: VerifySignature<'_>,
) -> Result<DepReport, Vec<DepFinding>> {
    let dep: Dep = serde_json::from_str(dep_json).map_err(|e| DepFinding::file(format!("not a DEP7 export: {e}")))?;
    let mut keys = Keys::default();
    let counter_key = crypto_material_json
        .map(|json| read_material(json, &mut keys))
        .transpose()
        .map_err(|reason| DepFinding::file(format!("the crypto material cannot be read: {reason}")))?;
    for group in dep.groups.iter().filter(|group| !group.certificate.is_empty()) {
        let added = base64_decode(&group.certificate).ok_or_else(|| "a certificate is not base64".to_owned());
        added.and_then(|der| keys.add_certificate(&der)).map_err(DepFinding::file)?;
    }
    let mut checker = Checker::new(verify, counter_key);
    let mut numbers = HashSet::new();
    let mut report = DepReport {
        kassen_id: String::new(),
        receipts: 0,
        outages: 0,
        trainings: 0,
        reversals: 0,
        turnover_cents: 0,
        counter_checked: counter_key.is_some(),
        outage_open: false,
    };
    for compact in dep.groups.iter().flat_map(|group| &group.receipts) {
        report.receipts += 1;
        let wrong = |reason: String| vec![DepFinding { receipt: Some(report.receipts), reason }];
        let checked = checker.receipt(compact, &keys).map_err(wrong)?;
        report.outages += usize::from(checked.outage);
        report.trainings += usize::from(checked.code.counter == CounterField::Training);
        report.reversals += usize::from(checked.code.counter == CounterField::Reversal);
        if !numbers.insert(checked.code.number.clone()) {
            let reason = format!("the number {:?} occurs twice", checked.code.number);
            return Err(vec![DepFinding { receipt: Some(report.receipts), reason }]);
        }
    }
    if report.receipts == 0 {
        return Err(DepFinding::file("the export holds no receipt".into()));
    }
    checker.kassen_id().clone_into(&mut report.kassen_id);
    report.turnover_cents = checker.turnover_cents();
    report.outage_open = checker.outage_is_open();
    Ok(report)
}

/// Reads the crypto material file; returns the key of the turnover counter.
fn read_material(json: &str, keys: &mut Keys) -> Result<[u8; 32], String> {
    let material: CryptoMaterial = serde_json::from_str(json).map_err(|e| e.to_string())?;
    for (id, entry) in &material.keys {
        let der = base64_decode(&entry.der).ok_or_else(|| format!("{id}: not base64"))?;
        let spki = match entry.kind.as_str() {
            "CERTIFICATE" => super::keys::serial_and_key(&der)?.1,
            "PUBLIC_KEY" => der,
            kind => return Err(format!("{id}: signatureDeviceType {kind:?} is unknown")),
        };
        keys.add_public_key(id, spki);
    }
    let key = base64_decode(&material.key).and_then(|key| key.try_into().ok());
    key.ok_or_else(|| "base64AESKey is not base64 of 32 bytes".into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
#[path = "dep_tests.rs"]
mod tests;
