//! `GET /healthz` and `/readyz`: whether the process lives, and whether it takes work.

use std::collections::BTreeSet;

use actix_web::{HttpResponse, rt};
use kassette_actors::DeviceStatus;
use kassette_actors::callbacks::CallbackStatus;
use kassette_wire::Finding;
use kassette_wire::json::write::{Object, string};
use kassette_wire::problem::{Code, Problem};

use super::Call;
use crate::http::answer::JSON;
use crate::http::edge::Edge;
use crate::http::openapi::{Health, NotReady, Readiness};
use crate::http::problem;

/// Tells that the process answers
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "operation",
    operation_id = "healthz",
    responses((status = 200, description = "The process answers", body = Health, content_type = "application/json",
        example = json!({"status": "ok", "environment": "sandbox"})))
)]
pub(crate) async fn healthz(call: Call) -> HttpResponse {
    let mut body = Vec::with_capacity(64);
    let mut object = Object::begin(&mut body);
    object.string("status", "ok");
    object.string("environment", call.edge.environment.name());
    object.end();
    HttpResponse::Ok().content_type(JSON).body(body)
}

/// Tells whether the server takes work
///
/// `warnings` do not make it unready: a full disk is told to the till by 507, and reads go on; callbacks that cannot be sent do not
/// hold up a receipt.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operation",
    operation_id = "readyz",
    responses(
        (status = 200, description = "It does", body = Readiness, content_type = "application/json",
            example = json!({"ready": true, "environment": "sandbox", "warnings": []})),
        NotReady,
    )
)]
pub(crate) async fn readyz(call: Call) -> HttpResponse {
    let (reasons, mut warnings) = standing(&call.edge);
    warnings.extend(callbacks(&call.edge).await);
    if let Some((code, _)) = reasons.first() {
        let text: Vec<&str> = reasons.iter().map(|(_, reason)| reason.as_str()).collect();
        let findings = reasons.iter().map(|(code, reason)| Finding::new(code.code(), "", reason.clone())).collect();
        return problem::response(&Problem::new(*code, text.join("; ")).with_findings(findings));
    }
    let mut body = Vec::with_capacity(128);
    let mut object = Object::begin(&mut body);
    object.boolean("ready", true);
    object.string("environment", call.edge.environment.name());
    object.array("warnings", &warnings, |out, warning| string(out, warning));
    object.end();
    HttpResponse::Ok().content_type(JSON).body(body)
}

/// What an operator should know of callbacks. Receipts are signed whatever becomes of them.
async fn callbacks(edge: &Edge) -> Vec<String> {
    let Some(callbacks) = edge.gateway.callbacks().cloned() else { return Vec::new() };
    // It may wait for the disk.
    match rt::task::spawn_blocking(move || callbacks.status()).await {
        Ok(CallbackStatus { problem: Some(problem), .. }) => vec![format!("callbacks are not sent: {problem}")],
        Ok(CallbackStatus { dead_letters: 0, .. }) => Vec::new(),
        Ok(status) => vec![format!("{} callbacks were given up and wait for the operator", status.dead_letters)],
        Err(_) => vec!["callbacks: how they stand cannot be told".to_owned()],
    }
}

/// Why the server takes no work, and what else an operator should know. Nothing of a single cash box is told here but the names of
/// devices that are out.
fn standing(edge: &Edge) -> (Vec<(Code, String)>, Vec<String>) {
    let (mut reasons, mut warnings) = (Vec::new(), Vec::new());
    if edge.readiness.is_stopping() {
        reasons.push((Code::ShuttingDown, "the server is shutting down".to_owned()));
    }
    let journal = edge.gateway.journal().status();
    if let Some(reason) = &journal.stopped {
        tracing::warn!(reason, "not ready");
        reasons.push((Code::JournalPoisoned, "the journal takes no more records; restart the server".to_owned()));
    }
    if journal.no_space.is_some() {
        warnings.push("there is no space left for the journal".to_owned());
    }
    if let Some(index) = &journal.index {
        warnings.push(format!("the index is not in order: {index}"));
    }
    if !journal.damages.is_empty() {
        warnings.push(format!("the journal is damaged in {} places", journal.damages.len()));
    }
    if let Some(cut) = &journal.cut {
        warnings.push(format!("the last start cut the journal at segment {}, offset {}", cut.segment, cut.offset));
    }
    let node = edge.gateway.status();
    if !node.outages.is_empty() {
        let cash_boxes = node.outages.iter().map(|outage| outage.cash_box).collect::<BTreeSet<_>>().len();
        warnings.push(format!("signature creation units of {cash_boxes} cash boxes cannot be opened"));
    }
    let quarantined = node.quarantined.len();
    if quarantined > 0 {
        warnings.push(format!("{quarantined} cash boxes are in quarantine"));
    }
    warnings.extend(devices(&edge.gateway.devices()));
    (reasons, warnings)
}

/// Devices named in a list of warnings; the others are counted.
const DEVICES_NAMED_MAX: usize = 10;

/// Names the devices that are out, but not whose they are or where.
fn devices(all: &[DeviceStatus]) -> Vec<String> {
    let out: Vec<&DeviceStatus> = all.iter().filter(|device| device.state.is_out()).collect();
    let named =
        out.iter().take(DEVICES_NAMED_MAX).map(|device| format!("terminal {} is {}", device.name, device.state.name()));
    let more = out.len().saturating_sub(DEVICES_NAMED_MAX);
    named.chain((more > 0).then(|| format!("{more} more terminals are out of service"))).collect()
}
