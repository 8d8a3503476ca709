//! What must be told to `FinanzOnline`: as an entry of the action journal and as an item on the receipt (contract 5.6).
//! The key of the turnover counter is never part of it; who reports takes it from the crypto material.

use kassette_model::SignatureItem;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Case;
use crate::Action;
use crate::at::signatures;
use crate::at::state::Failed;

/// Prefix of `Type`: the signature type of version 0 for `FinanzOnline` messages.
const TYPE_PREFIX: &str = "0x4154000000000003";
/// Messages that somebody has to act upon.
const PRIORITY_TO_DO: i32 = -1;

/// What a message says of the register; the members stand in this order.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Data<'a> {
    cash_box_id: String,
    queue_id: String,
    cash_box_identification: &'a str,
    moment: String,
    #[serde(rename = "DEPValue", skip_serializing_if = "Option::is_none")]
    dep_value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_start_receipt: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_stop_receipt: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_since: Option<String>,
}

/// The signature item's content.
#[derive(Serialize)]
struct Message<'a> {
    #[serde(rename = "ActionJournalId")]
    id: uuid::Uuid,
    #[serde(rename = "Type")]
    kind: &'a str,
    #[serde(rename = "Data")]
    data: &'a Data<'a>,
}

fn json(value: &impl Serialize) -> String {
    #[expect(clippy::expect_used, reason = "texts and truth values have a JSON form")]
    serde_json::to_string(value).expect("a message can be written")
}

fn notice(case: &Case<'_>, name: &str, message: String, data: &Data<'_>) -> (Vec<SignatureItem>, Vec<Action>) {
    let id = id_of(case, name);
    let kind = format!("{TYPE_PREFIX}-{name}");
    let items = if case.settings.finanz_online {
        vec![signatures::finanz_online(&message, json(&Message { id, kind: &kind, data }))]
    } else {
        Vec::new()
    };
    let action = Action { id: Some(id), priority: PRIORITY_TO_DO, kind, message, data_json: Some(json(data)) };
    (items, vec![action])
}

/// The id of a notice follows from the receipt and its name, so that a step repeated gives the same.
fn id_of(case: &Case<'_>, name: &str) -> uuid::Uuid {
    let digest: [u8; 32] = Sha256::new()
        .chain_update(case.input.queue.queue.bytes())
        .chain_update(case.input.queue.numerator.to_be_bytes())
        .chain_update(case.input.moment.as_nanosecond().to_be_bytes())
        .chain_update(name)
        .finalize()
        .into();
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = digest;
    uuid::Uuid::new_v8([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p])
}

fn register<'a>(case: &Case<'a>) -> Data<'a> {
    Data {
        cash_box_id: case.input.queue.cash_box.to_string(),
        queue_id: case.input.queue.queue.to_string(),
        cash_box_identification: case.input.queue.identification,
        moment: case.input.moment.to_string(),
        dep_value: None,
        is_start_receipt: None,
        is_stop_receipt: None,
        failed_since: None,
    }
}

/// The register starts: it is to be registered.
pub(super) fn activate(case: &Case<'_>, jws: &str) -> (Vec<SignatureItem>, Vec<Action>) {
    let data = Data { dep_value: Some(jws), is_start_receipt: Some(true), ..register(case) };
    let queue = case.input.queue.queue;
    notice(case, "FonActivateQueue", format!("Inbetriebnahme der Registrierkasse {queue} nach RKSV melden"), &data)
}

/// The register stops: it is to be deregistered.
pub(super) fn deactivate(case: &Case<'_>, jws: &str) -> (Vec<SignatureItem>, Vec<Action>) {
    let data = Data { dep_value: Some(jws), is_stop_receipt: Some(true), ..register(case) };
    let queue = case.input.queue.queue;
    notice(case, "FonDeactivateQueue", format!("Außerbetriebnahme der Registrierkasse {queue} nach RKSV melden"), &data)
}

/// Start, stop and yearly receipts are to be verified.
pub(super) fn verify(case: &Case<'_>, jws: &str) -> (Vec<SignatureItem>, Vec<Action>) {
    let data = Data { dep_value: Some(jws), ..register(case) };
    notice(case, "FonVerifySignature", "Signatur des Belegs mit FinanzOnline prüfen".into(), &data)
}

fn outage<'a>(case: &Case<'a>, failed: &Failed) -> Data<'a> {
    let since = kassette_model::Moment::from_second(failed.since_s).unwrap_or(case.input.moment);
    Data { failed_since: Some(since.to_string()), ..register(case) }
}

/// 48 hours without a signature unit: its outage is to be reported.
pub(super) fn long_outage(case: &Case<'_>, failed: &Failed) -> (Vec<SignatureItem>, Vec<Action>) {
    let message = "Ausfall der Signaturerstellungseinheit seit mehr als 48 Stunden melden".into();
    notice(case, "FonDeactivateSCU", message, &outage(case, failed))
}

/// The end of a reported outage is to be reported, too.
pub(super) fn outage_over(case: &Case<'_>, failed: &Failed) -> (Vec<SignatureItem>, Vec<Action>) {
    let message = "Ende des gemeldeten Ausfalls der Signaturerstellungseinheit melden".into();
    notice(case, "FonActivateSCU", message, &outage(case, failed))
}
