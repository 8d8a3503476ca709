//! `ReceiptResponse`: the answer to `POST /sign`.

use kassette_model::cases::State;
use kassette_model::{CashBoxId, QueueId, QueueItemId, ReceiptResponse};
use uuid::Uuid;

use crate::date;
use crate::fields::{Fields, Nullable, Reader};
use crate::items;
use crate::json::write::{Object, string};
use crate::json::{self, Json, Limits};
use crate::problem::{Code, Findings};

/// Appends an answer: exact names, required members always, the others only when they are set.
pub fn write_response(response: &ReceiptResponse, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    object.uuid("ftQueueID", response.queue_id.uuid());
    object.uuid("ftQueueItemID", response.queue_item_id.uuid());
    object.unsigned("ftQueueRow", response.queue_row);
    object.string("ftCashBoxIdentification", &response.cash_box_identification);
    object.uuid("ftCashBoxID", response.cash_box_id.uuid());
    object.string_if("cbTerminalID", response.terminal_id.as_deref());
    object.string("cbReceiptReference", &response.receipt_reference);
    object.string("ftReceiptIdentification", &response.receipt_identification);
    object.moment("ftReceiptMoment", response.receipt_moment);
    write_lines(&mut object, "ftReceiptHeader", &response.header);
    if !response.charge_items.is_empty() {
        object.array("ftChargeItems", &response.charge_items, items::write_charge_item);
    }
    write_lines(&mut object, "ftChargeLines", &response.charge_lines);
    if !response.pay_items.is_empty() {
        object.array("ftPayItems", &response.pay_items, items::write_pay_item);
    }
    write_lines(&mut object, "ftPayLines", &response.pay_lines);
    object.array("ftSignatures", &response.signatures, items::write_signature_item);
    write_lines(&mut object, "ftReceiptFooter", &response.footer);
    object.unsigned("ftState", response.state.0);
    if let Some(data) = &response.state_data {
        object.free("ftStateData", data);
    }
    object.end();
}

fn write_lines(object: &mut Object<'_>, name: &'static str, lines: &[String]) {
    if !lines.is_empty() {
        object.array(name, lines, |out, line| string(out, line));
    }
}

/// Reads an answer: one of ours from the journal, or a copy that a client sends.
///
/// Members that this version does not know are dropped; missing ones get their defaults, except the two ids.
///
/// # Errors
/// When the body is not JSON, passes a limit, or has a member of the wrong form; every finding has a pointer.
pub fn parse_response(body: &[u8], limits: &Limits) -> Result<ReceiptResponse, Findings> {
    response_from_json(&json::parse(body, limits)?, limits)
}

/// The same from JSON that was read already, for an answer inside another body.
///
/// # Errors
/// When a member has the wrong form or an id is missing; every finding has a pointer.
pub fn response_from_json(value: &Json<'_>, limits: &Limits) -> Result<ReceiptResponse, Findings> {
    // Signature data and printed lines are ours and may be longer than what a till may send.
    let limits = Limits { string_chars_max: usize::MAX, ..*limits };
    let mut reader = Reader::new(&limits);
    let response = reader.fields(value).map(|fields| read(&mut reader, fields));
    reader.finish(response)
}

fn read(reader: &mut Reader<'_>, mut fields: Fields<'_, '_>) -> ReceiptResponse {
    let f = &mut fields;
    ReceiptResponse {
        queue_id: QueueId::from_uuid(required_guid(reader, f, "ftQueueID")),
        queue_item_id: QueueItemId::from_uuid(required_guid(reader, f, "ftQueueItemID")),
        queue_row: reader.case(f, "ftQueueRow"),
        cash_box_identification: reader.text(f, "ftCashBoxIdentification").unwrap_or_default(),
        cash_box_id: CashBoxId::from_uuid(reader.guid(f, "ftCashBoxID").unwrap_or_default()),
        terminal_id: reader.text(f, "cbTerminalID"),
        receipt_reference: reader.text(f, "cbReceiptReference").unwrap_or_default(),
        receipt_identification: reader.text(f, "ftReceiptIdentification").unwrap_or_default(),
        // A client that leaves defaults out leaves out the first moment of .NET.
        receipt_moment: reader
            .moment(f, "ftReceiptMoment", Nullable::No)
            .or_else(|| date::from_ticks(0))
            .unwrap_or_default(),
        header: reader.texts(f, "ftReceiptHeader"),
        charge_items: reader
            .items(f, "ftChargeItems", false, |reader, fields| items::read_charge_item(reader, fields, 0)),
        charge_lines: reader.texts(f, "ftChargeLines"),
        pay_items: reader.items(f, "ftPayItems", false, |reader, fields| items::read_pay_item(reader, fields, 0)),
        pay_lines: reader.texts(f, "ftPayLines"),
        signatures: reader.items(f, "ftSignatures", false, items::read_signature_item),
        footer: reader.texts(f, "ftReceiptFooter"),
        state: State(reader.case(f, "ftState")),
        state_data: reader.free(f, "ftStateData"),
    }
}

/// A GUID that must be there; nil is a value here (an answer for which nothing was stored).
fn required_guid(reader: &mut Reader<'_>, fields: &mut Fields<'_, '_>, name: &'static str) -> Uuid {
    let findings = reader.count();
    reader.guid(fields, name).unwrap_or_else(|| {
        if reader.count() == findings {
            reader.report(Code::BodyInvalid, "value-missing", Some(name), "must not be missing");
        }
        Uuid::nil()
    })
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
