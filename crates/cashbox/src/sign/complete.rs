//! Completing a receipt from headers and queue, and whether its case can be read at all.

use kassette_model::{PosSystemId, ReceiptRequest};
use kassette_wire::problem::{Code, Finding, Findings};

use crate::cash_box::Identity;

/// What the headers say of the sender.
#[derive(Clone, Copy)]
pub(crate) struct Sender<'a> {
    pub(crate) pos_system: Option<PosSystemId>,
    pub(crate) terminal: Option<&'a str>,
}

/// Compares ids of the body with those of headers and queue, and fills in what the body leaves out (contract 4.5, 10.26,
/// 10.27); then puts the queue's country into every case without one.
///
/// # Errors
/// When body and headers contradict each other; the code is that of the first contradiction.
pub(crate) fn fill(receipt: &mut ReceiptRequest, identity: &Identity, sender: Sender<'_>) -> Result<(), Findings> {
    let mut wrong: Vec<(Code, Finding)> = Vec::new();
    let mut report = |code: Code, pointer: &str, message: String| {
        wrong.push((code, Finding::new(code.code(), pointer, message)));
    };
    match receipt.cash_box_id {
        Some(id) if id != identity.cash_box => {
            report(
                Code::CashBoxMismatch,
                "/ftCashBoxID",
                format!("{id} is not the cash box of the header x-cashbox-id"),
            );
        }
        _ => receipt.cash_box_id = Some(identity.cash_box),
    }
    match (receipt.pos_system_id, sender.pos_system) {
        (Some(body), Some(header)) if body != header => {
            let message = format!("{body} is not {header} of the header x-possystem-id");
            report(Code::PosSystemMismatch, "/ftPosSystemId", message);
        }
        (None, header) => receipt.pos_system_id = header,
        _ => {}
    }
    match (receipt.terminal_id.as_deref().filter(|id| !id.is_empty()), sender.terminal) {
        (Some(body), Some(header)) if body != header => {
            let message = format!("{body:?} is not {header:?} of the header x-terminal-id");
            report(Code::TerminalMismatch, "/cbTerminalID", message);
        }
        (None, header) => receipt.terminal_id = header.map(str::to_owned),
        _ => {}
    }
    match receipt.queue_id {
        Some(id) if id != identity.queue => {
            let message = format!("{id} is not {}, the queue of this cash box", identity.queue);
            report(Code::QueueMismatch, "/ftQueueID", message);
        }
        _ => receipt.queue_id = Some(identity.queue),
    }
    if let Some((code, _)) = wrong.first() {
        return Err(Findings { code: *code, findings: wrong.into_iter().map(|(_, finding)| finding).collect() });
    }
    fill_country(receipt, identity);
    Ok(())
}

fn fill_country(receipt: &mut ReceiptRequest, identity: &Identity) {
    let country = identity.market;
    if receipt.case.country().is_none() {
        receipt.case = receipt.case.with_country(country);
    }
    for item in &mut receipt.charge_items {
        if item.case.country().is_none() {
            item.case = item.case.with_country(country);
        }
    }
    for item in &mut receipt.pay_items {
        if item.case.country().is_none() {
            item.case = item.case.with_country(country);
        }
    }
}

/// Version nibbles of `ftReceiptCase` that are read (contract 10.1): 2 is this version, 0 the one before, 8 the one before with
/// its receipt-request flag.
const VERSIONS: [u8; 3] = [0, 2, 8];

/// Whether country and version of the receipt case can be read in this queue.
///
/// # Errors
/// With a finding for each that cannot.
pub(crate) fn check_case(receipt: &ReceiptRequest, identity: &Identity) -> Result<(), Vec<Finding>> {
    let mut findings = Vec::new();
    if let Some(country) = receipt.case.country().filter(|country| *country != identity.market) {
        let message =
            format!("ftReceiptCase {} is of country {country}, the queue is of {}", receipt.case, identity.market);
        findings.push(Finding::new("ReceiptCaseCountryMismatch", "/ftReceiptCase", message));
    }
    let version = receipt.case.version();
    if !VERSIONS.contains(&version) {
        let message = format!("ftReceiptCase {}: version {version} is not supported, 2 is", receipt.case);
        findings.push(Finding::new("ReceiptCaseVersionNotSupported", "/ftReceiptCase", message));
    }
    if findings.is_empty() { Ok(()) } else { Err(findings) }
}
