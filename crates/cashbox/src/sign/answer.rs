//! From a decision to the answer and its record (contract 4.5, 6.1, 6.2).

use std::fmt::Write as _;

use kassette_markets::{Action, Outcome};
use kassette_model::cases::{SignatureFormat, SignatureType, State};
use kassette_model::{
    Environment, FreeJson, Moment, OperationState, QueueItemId, ReceiptRequest, ReceiptResponse, SignatureItem,
};
use kassette_record::{ActionJournal, MarketStamp, ReceiptJournal, SignFacts, reference_key, unix_ns};
use kassette_stdx::encoding::base64;
use kassette_wire::date::ticks;
use kassette_wire::json::write::{Object, array};
use kassette_wire::problem::Finding;
use kassette_wire::sign::write_response;
use serde_json::value::RawValue;

use super::{Decided, receipt_moment};
use crate::CashBox;
use crate::cash_box::{After, Told, bug};
use crate::operation::{Answer, Facts, Request, Step};
use crate::queue_chain::Link;
use crate::seed::{derive_bytes, derive_uuid};

/// Low half of `ftState`: error. Replaces every flag (contract 5.7).
pub(super) const ERROR: u64 = 0xEEEE_EEEE;
/// Low half of `ftState`: nothing was done.
pub(super) const FAIL: u64 = 0xFFFF_FFFF;
/// The version nibble of every `ftState` of ours (contract 10.1).
const STATE_VERSION: u64 = 2;
/// `ftSignatureFormat`: text.
const FORMAT_TEXT: SignatureFormat = SignatureFormat(1);
/// Low bits of the `ftSignatureType` of a failure.
const TYPE_FAILURE: u64 = 0x3000;
/// What a sandbox receipt must show (contract 1.4).
const SANDBOX_CAPTION: &str = "S A N D B O X";

/// A failure to make the record; a bug.
type Failed = String;

pub(super) fn finish(
    cash_box: &mut CashBox,
    request: &Request,
    facts: &Facts,
    receipt: ReceiptRequest,
    decided: Decided,
) -> Step {
    match decided {
        Decided::Receipt { outcome, stamp, references } => {
            match receipt_parts(cash_box, request, facts, receipt, *outcome, stamp, references) {
                Ok((answer, told, after)) => cash_box.commit(request, facts, answer, told, Some(after)),
                Err(error) => bug(&error),
            }
        }
        Decided::Replayed { body, row } => {
            let message = format!("The stored answer of journal row {row} was given out again.");
            replayed(cash_box, request, facts, body, message)
        }
        Decided::NothingFound => {
            let body = nothing_found(cash_box, facts, receipt);
            replayed(cash_box, request, facts, body, "No stored receipt was found.".to_owned())
        }
    }
}

/// The answer to a receipt request: no queue row, but the operation is kept like every other.
fn replayed(cash_box: &mut CashBox, request: &Request, facts: &Facts, body: Vec<u8>, message: String) -> Step {
    let action = ActionJournal {
        id: derive_uuid(&facts.seed, "action-0"),
        priority: 0,
        kind: "ReceiptRequest".to_owned(),
        message,
        data_json: None,
    };
    let answer = Answer { status: 201, state: OperationState::Done, body };
    cash_box.commit(request, facts, answer, Told { actions: vec![action], ..Told::default() }, None)
}

/// Contract 10.4: an answer that no client takes for a receipt.
fn nothing_found(cash_box: &CashBox, facts: &Facts, receipt: ReceiptRequest) -> Vec<u8> {
    let signature = failure(
        cash_box,
        "ReceiptNotFound",
        format!("no stored receipt matches cbReceiptReference {:?} and its items", receipt.reference),
    );
    let response = ReceiptResponse {
        queue_item_id: QueueItemId::from_bytes([0; 16]),
        queue_row: 0,
        receipt_identification: String::new(),
        state: state(cash_box, FAIL),
        signatures: vec![signature],
        ..blank(cash_box, receipt, receipt_moment(cash_box, facts))
    };
    written(&response)
}

/// A fiscal refusal (contract 6.1): a queue row and nothing else changes.
pub(super) fn refuse(
    cash_box: &mut CashBox,
    request: &Request,
    facts: &Facts,
    receipt: ReceiptRequest,
    findings: &[Finding],
) -> Step {
    let moment = receipt_moment(cash_box, facts);
    let mut signatures: Vec<SignatureItem> =
        findings.iter().map(|finding| failure(cash_box, &finding.code, finding.message.clone())).collect();
    signatures.extend(sandbox_marker(cash_box));
    let mut data = Vec::with_capacity(256);
    let mut object = Object::begin(&mut data);
    array(object.name("Findings"), findings, |out, finding| finding.write(out));
    object.end();
    let stamp = cash_box.market.stamp(receipt.moment);
    let mut sign = sign_facts(cash_box, facts, &receipt, moment);
    let response = ReceiptResponse {
        queue_item_id: sign.queue_item,
        queue_row: sign.queue_row,
        receipt_identification: identification(cash_box, ""),
        state: state(cash_box, ERROR),
        signatures,
        state_data: String::from_utf8(data).ok().map(FreeJson),
        ..blank(cash_box, receipt, moment)
    };
    sign.state = response.state.0;
    let answer = Answer { status: 201, state: OperationState::Done, body: written(&response) };
    sign.identification = response.receipt_identification;
    let mut head = cash_box.head.clone();
    head.queue_row = sign.queue_row;
    head.receipt_moment_ns = sign.receipt_moment_ns;
    let told = Told { sign: Some(sign), market: Some(stamp), ..Told::default() };
    cash_box.commit(request, facts, answer, told, Some(After { head, state: None }))
}

fn receipt_parts(
    cash_box: &CashBox,
    request: &Request,
    facts: &Facts,
    receipt: ReceiptRequest,
    outcome: Outcome,
    stamp: MarketStamp,
    references: Option<FreeJson>,
) -> Result<(Answer, Told, After), Failed> {
    let moment = receipt_moment(cash_box, facts);
    let total = receipt.total();
    let mut sign = sign_facts(cash_box, facts, &receipt, moment);
    let mut signatures = outcome.signatures;
    signatures.extend(sandbox_marker(cash_box));
    let response = ReceiptResponse {
        queue_item_id: sign.queue_item,
        queue_row: sign.queue_row,
        receipt_identification: identification(cash_box, &outcome.identification),
        header: outcome.header,
        signatures,
        footer: outcome.footer,
        state: state(cash_box, outcome.state_bits),
        state_data: state_data(references, &outcome.state_data),
        ..blank(cash_box, receipt, moment)
    };
    let body = written(&response);
    sign.state = response.state.0;
    sign.identification = response.receipt_identification;
    sign.market = match outcome.note {
        None => None,
        Some(note) => Some(RawValue::from_string(note.into()).map_err(|error| format!("the market's note: {error}"))?),
    };
    let mut head = cash_box.head.clone();
    head.phase = outcome.phase;
    head.queue_row = sign.queue_row;
    head.numerator = head.numerator.checked_add(1).ok_or("the receipt numerator has no further number")?;
    head.receipt_moment_ns = sign.receipt_moment_ns;
    let id = derive_uuid(&facts.seed, "receipt-journal");
    let hash = Link {
        previous: head.queue_hash,
        id,
        ticks: ticks(moment),
        number: head.numerator,
        request: &request.body,
        response: &body,
    }
    .hash();
    head.queue_hash = Some(hash);
    let hash = base64(&hash.0);
    sign.receipt_journal = Some(ReceiptJournal { id, number: head.numerator, total: total.to_string(), hash });
    let told =
        Told { sign: Some(sign), market: Some(stamp), actions: actions(facts, outcome.actions), ..Told::default() };
    let answer = Answer { status: 201, state: OperationState::Done, body };
    Ok((answer, told, After { head, state: Some(outcome.state) }))
}

/// What is known of a receipt before its answer is written.
fn sign_facts(cash_box: &CashBox, facts: &Facts, receipt: &ReceiptRequest, moment: Moment) -> SignFacts {
    let journal_row = cash_box.row.saturating_add(1);
    SignFacts {
        queue_row: cash_box.head.queue_row.saturating_add(1),
        queue_item: QueueItemId::for_row(journal_row, derive_bytes(&facts.seed, "queue-item")),
        reference_key: reference_key(cash_box.identity.cash_box, &receipt.reference),
        cb_receipt_moment_ns: unix_ns(receipt.moment),
        receipt_moment_ns: unix_ns(moment),
        receipt_case: receipt.case.0,
        state: 0,
        identification: String::new(),
        receipt_journal: None,
        market: None,
    }
}

/// `ft`, the numerator before this receipt in upper-case hexadecimal, `#`, the market's part.
fn identification(cash_box: &CashBox, market_part: &str) -> String {
    let mut text = String::with_capacity(24);
    let written = write!(text, "ft{:X}#{market_part}", cash_box.head.numerator);
    debug_assert!(written.is_ok(), "a String takes every write");
    text
}

fn state(cash_box: &CashBox, bits: u64) -> State {
    State(u64::from(cash_box.identity.market.bits()) << 48 | STATE_VERSION << 44 | (bits & 0x0FFF_FFFF_FFFF))
}

fn failure(cash_box: &CashBox, code: &str, message: String) -> SignatureItem {
    SignatureItem {
        id: None,
        format: FORMAT_TEXT,
        kind: SignatureType(state(cash_box, TYPE_FAILURE).0),
        caption: Some(format!("[Error] {code}")),
        data: message,
    }
}

fn sandbox_marker(cash_box: &CashBox) -> Option<SignatureItem> {
    (cash_box.identity.environment == Environment::Sandbox).then(|| SignatureItem {
        id: None,
        format: FORMAT_TEXT,
        kind: SignatureType(0),
        caption: Some(SANDBOX_CAPTION.to_owned()),
        data: cash_box.identity.queue.to_string(),
    })
}

/// The members of an answer that depend on nothing but queue and request.
fn blank(cash_box: &CashBox, receipt: ReceiptRequest, moment: Moment) -> ReceiptResponse {
    ReceiptResponse {
        queue_id: cash_box.identity.queue,
        queue_item_id: QueueItemId::from_bytes([0; 16]),
        queue_row: 0,
        cash_box_identification: cash_box.identity.identification.clone(),
        cash_box_id: cash_box.identity.cash_box,
        terminal_id: receipt.terminal_id,
        receipt_reference: receipt.reference,
        receipt_identification: String::new(),
        receipt_moment: moment,
        header: Vec::new(),
        charge_items: Vec::new(),
        charge_lines: Vec::new(),
        pay_items: Vec::new(),
        pay_lines: Vec::new(),
        signatures: Vec::new(),
        footer: Vec::new(),
        state: State(0),
        state_data: None,
    }
}

fn written(response: &ReceiptResponse) -> Vec<u8> {
    let mut body = Vec::with_capacity(1536);
    write_response(response, &mut body);
    body
}

/// `ftStateData`: the receipts referred to, then the market's members.
fn state_data(references: Option<FreeJson>, market: &[(String, FreeJson)]) -> Option<FreeJson> {
    if references.is_none() && market.is_empty() {
        return None;
    }
    let mut data = Vec::with_capacity(512);
    let mut object = Object::begin(&mut data);
    if let Some(references) = &references {
        object.free("ftPreviousReceiptReference", references);
    }
    for (name, value) in market {
        object.foreign_name(name).extend_from_slice(value.0.as_bytes());
    }
    object.end();
    String::from_utf8(data).ok().map(FreeJson)
}

fn actions(facts: &Facts, actions: Vec<Action>) -> Vec<ActionJournal> {
    actions
        .into_iter()
        .enumerate()
        .map(|(index, action)| ActionJournal {
            id: action.id.unwrap_or_else(|| derive_uuid(&facts.seed, &format!("action-{index}"))),
            priority: action.priority,
            kind: action.kind,
            message: action.message,
            data_json: action.data_json,
        })
        .collect()
}
