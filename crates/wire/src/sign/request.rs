//! `ReceiptRequest`: the body of `POST /sign`.

use kassette_model::cases::ReceiptCase;
use kassette_model::{CashBoxId, Moment, PosSystemId, PreviousReceipts, QueueId, ReceiptRequest};
use uuid::Uuid;

use crate::date;
use crate::fields::{Fields, Nullable, Reader};
use crate::items;
use crate::json::write::{Object, array, string};
use crate::json::{self, Json, Limits};
use crate::problem::{Code, Findings};

/// Reads the body of `POST /sign` with every tolerance of contract 4.0; `now` stands in for a missing
/// `cbReceiptMoment`.
///
/// # Errors
/// When the body is not JSON, passes a limit, or lacks or misspells a member; every finding has a pointer.
pub fn parse_request(body: &[u8], limits: &Limits, now: Moment) -> Result<ReceiptRequest, Findings> {
    request_from_json(&json::parse(body, limits)?, limits, now)
}

/// The same from JSON that was read already, for a request inside another body.
///
/// # Errors
/// When a member is missing, null or of the wrong form; every finding has a pointer.
pub fn request_from_json(value: &Json<'_>, limits: &Limits, now: Moment) -> Result<ReceiptRequest, Findings> {
    let mut reader = Reader::new(limits);
    let request = reader.fields(value).map(|fields| read(&mut reader, fields, now));
    reader.finish(request)
}

fn read(reader: &mut Reader<'_>, mut fields: Fields<'_, '_>, now: Moment) -> ReceiptRequest {
    let f = &mut fields;
    let places = reader.multiplier_places(f);
    ReceiptRequest {
        reference: reader.required_text(f, "cbReceiptReference"),
        moment: reader.moment(f, "cbReceiptMoment", Nullable::No).unwrap_or_else(|| date::to_tick(now)),
        charge_items: reader
            .items(f, "cbChargeItems", true, |reader, fields| items::read_charge_item(reader, fields, places)),
        pay_items: reader.items(f, "cbPayItems", true, |reader, fields| items::read_pay_item(reader, fields, places)),
        case: ReceiptCase(reader.case(f, "ftReceiptCase")),
        terminal_id: reader.text(f, "cbTerminalID").filter(|id| !id.is_empty()),
        cash_box_id: not_nil(reader.guid(f, "ftCashBoxID")).map(CashBoxId::from_uuid),
        pos_system_id: not_nil(reader.guid(f, "ftPosSystemId")).map(PosSystemId::from_uuid),
        queue_id: not_nil(reader.guid(f, "ftQueueID")).map(QueueId::from_uuid),
        previous: read_previous(reader, f),
        receipt_amount: reader.decimal(f, "cbReceiptAmount", places, Nullable::Yes),
        user: reader.free(f, "cbUser"),
        area: reader.free(f, "cbArea"),
        customer: reader.free(f, "cbCustomer"),
        settlement: reader.free(f, "cbSettlement"),
        // The v1 habit of sending an empty string is tolerated and ignored.
        case_data: reader.free(f, "ftReceiptCaseData").filter(|data| data.0 != r#""""#),
        currency: reader.currency(f),
        unknown: fields.unknown(),
    }
}

/// A nil GUID means absent: a documented sample sends it so.
fn not_nil(id: Option<Uuid>) -> Option<Uuid> {
    id.filter(|id| !id.is_nil())
}

fn read_previous(reader: &mut Reader<'_>, fields: &mut Fields<'_, '_>) -> PreviousReceipts {
    let Some(member) = reader.any(fields, "cbPreviousReceiptReference") else { return PreviousReceipts::None };
    match &member.value {
        Json::String(text) if text.is_empty() => PreviousReceipts::None,
        Json::Array(items) if items.is_empty() => PreviousReceipts::None,
        Json::Array(items) => PreviousReceipts::Group(reader.text_items(&member.name, items)),
        one @ Json::String(_) => match reader.text_items(&member.name, std::slice::from_ref(one)).pop() {
            Some(reference) => PreviousReceipts::One(reference),
            None => PreviousReceipts::None,
        },
        other => {
            let message = format!("must be a string or an array of strings, not {}", other.type_name());
            reader.report(Code::BodyInvalid, "value-type", Some(&member.name), message);
            PreviousReceipts::None
        }
    }
}

/// Appends a request: exact names, defaults left out, unknown members behind the others.
pub fn write_request(request: &ReceiptRequest, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    object.string_if("cbTerminalID", request.terminal_id.as_deref());
    object.string("cbReceiptReference", &request.reference);
    object.moment("cbReceiptMoment", request.moment);
    object.array("cbChargeItems", &request.charge_items, items::write_charge_item);
    object.array("cbPayItems", &request.pay_items, items::write_pay_item);
    if let Some(id) = request.cash_box_id {
        object.uuid("ftCashBoxID", id.uuid());
    }
    if let Some(id) = request.pos_system_id {
        object.uuid("ftPosSystemId", id.uuid());
    }
    object.unsigned("ftReceiptCase", request.case.0);
    if let Some(data) = &request.case_data {
        object.free("ftReceiptCaseData", data);
    }
    if let Some(id) = request.queue_id {
        object.uuid("ftQueueID", id.uuid());
    }
    match &request.previous {
        PreviousReceipts::None => {}
        PreviousReceipts::One(reference) => object.string("cbPreviousReceiptReference", reference),
        PreviousReceipts::Group(references) => {
            array(object.name("cbPreviousReceiptReference"), references, |out, reference| string(out, reference));
        }
    }
    if let Some(amount) = request.receipt_amount {
        object.decimal("cbReceiptAmount", amount);
    }
    let free = [
        ("cbUser", &request.user),
        ("cbArea", &request.area),
        ("cbCustomer", &request.customer),
        ("cbSettlement", &request.settlement),
    ];
    for (name, value) in free {
        if let Some(value) = value {
            object.free(name, value);
        }
    }
    items::write_tail(&mut object, &request.currency, &request.unknown);
    object.end();
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
