//! `cbPreviousReceiptReference` (contract 6.6).

use kassette_model::{FreeJson, PreviousReceipts, ReceiptRequest};
use kassette_record::{Erasable, SealedRecord};
use kassette_wire::json::write::{Object, array};
use kassette_wire::problem::Finding;
use kassette_wire::sign::{parse_response, write_request, write_response};

use super::replay::{Stored, is_error_state};
use super::rules::{is_partial_refund, is_refund, is_void};
use super::{Halt, Lookup, REFERENCE_RECORDS_MAX, STORED_LIMITS};
use crate::CashBox;

/// Most references of one receipt.
const REFERENCES_MAX: usize = 100;
const POINTER: &str = "/cbPreviousReceiptReference";
/// The one market whose rules let a refund refer to several receipts.
const GROUP_REFUND_COUNTRY: [u8; 2] = *b"GR";

/// A void or refund takes back one receipt, so it refers to one.
///
/// # Errors
/// With the finding for the kind of receipt.
pub(super) fn check_groups(receipt: &ReceiptRequest) -> Result<(), Vec<Finding>> {
    let PreviousReceipts::Group(references) = &receipt.previous else { return Ok(()) };
    if references.len() > REFERENCES_MAX {
        let message = format!("{} references, at most {REFERENCES_MAX} are accepted", references.len());
        return Err(vec![Finding::new("PreviousReceiptReferencesTooMany", POINTER, message)]);
    }
    if receipt.case.country().is_some_and(|country| country.0 == GROUP_REFUND_COUNTRY) {
        return Ok(());
    }
    let (code, what) = if is_void(receipt) {
        ("VoidGroupReferenceNotSupported", "a void")
    } else if is_refund(receipt) {
        ("RefundGroupReferenceNotSupported", "a refund")
    } else if is_partial_refund(receipt) {
        ("PartialRefundGroupReferenceNotSupported", "a partial refund")
    } else {
        return Ok(());
    };
    let message = format!("{what} refers to one receipt, as a string, not to a list");
    Err(vec![Finding::new(code, POINTER, message)])
}

/// Finds every receipt that is referred to, and gives `ftPreviousReceiptReference`; `None` without a reference.
pub(super) fn resolve(receipt: &ReceiptRequest, lookup: &mut Lookup<'_>) -> Result<Option<FreeJson>, Halt> {
    let (references, group) = match &receipt.previous {
        PreviousReceipts::None => return Ok(None),
        PreviousReceipts::One(reference) => (std::slice::from_ref(reference), false),
        PreviousReceipts::Group(references) => (references.as_slice(), true),
    };
    let mut pairs: Vec<Pair> = Vec::with_capacity(references.len());
    let mut findings = Vec::new();
    for (index, reference) in references.iter().enumerate() {
        let records = lookup.receipts(reference)?;
        let overflow = records.len() >= REFERENCE_RECORDS_MAX;
        let mut matches: Vec<Pair> =
            records.into_iter().filter_map(|record| finished(lookup.cash_box, record, reference)).collect();
        let pointer = if group { format!("{POINTER}/{index}") } else { POINTER.to_owned() };
        match (matches.pop(), matches.len()) {
            (None, _) => findings.push(Finding::new(
                "PreviousReceiptNotFound",
                pointer,
                format!("no finished receipt has cbReceiptReference {reference:?}"),
            )),
            (Some(pair), 0) if !overflow => pairs.push(pair),
            (Some(_), more) => findings.push(Finding::new(
                "PreviousReceiptAmbiguous",
                pointer,
                format!(
                    "{}{} finished receipts have cbReceiptReference {reference:?}, exactly one is needed",
                    more.saturating_add(1),
                    if overflow { " or more" } else { "" }
                ),
            )),
        }
    }
    if !findings.is_empty() {
        return Err(Halt::Findings(findings));
    }
    let mut text = Vec::with_capacity(512);
    array(&mut text, &pairs, |out, pair| {
        let mut object = Object::begin(out);
        object.free("ReceiptRequest", &pair.request);
        object.free("ReceiptResponse", &pair.response);
        object.end();
    });
    Ok(String::from_utf8(text).ok().map(FreeJson))
}

struct Pair {
    request: FreeJson,
    response: FreeJson,
}

/// A stored receipt with this reference that did not end in an error state; its bodies are null when they were erased.
fn finished(cash_box: &CashBox, record: &SealedRecord, reference: &str) -> Option<Pair> {
    let null = || FreeJson("null".to_owned());
    let Some(stored) = Stored::open(cash_box, record) else {
        let (opened, bodies) = record.open().ok()?;
        let sign = opened.details.sign?;
        let gone = matches!(bodies, Erasable::Erased) && !is_error_state(sign.state);
        return gone.then(|| Pair { request: null(), response: null() });
    };
    if stored.is_error() || stored.receipt.reference != reference {
        return None;
    }
    let mut response = parse_response(&stored.response, &STORED_LIMITS).ok()?;
    response.state_data = None;
    let (mut request_text, mut response_text) = (Vec::new(), Vec::new());
    write_request(&stored.receipt, &mut request_text);
    write_response(&response, &mut response_text);
    Some(Pair {
        request: FreeJson(String::from_utf8(request_text).ok()?),
        response: FreeJson(String::from_utf8(response_text).ok()?),
    })
}
