//! `POST /pay`: what is to be paid, and what was (contract 4.4).

use kassette_model::QueueId;
use kassette_model::payment::{PayAction, PayRequest, PayResponse, ProviderExchange, SettledAs, Settlement};
use kassette_model::{Decimal, FreeJson, PayItem};

use crate::fields::{EUR, Fields, Nullable, Reader};
use crate::items;
use crate::json::write::{Object, string};
use crate::json::{self, Json, Limits};
use crate::problem::{Code, Findings};

/// What a client that leaves `Protocol` out means: the first of the list, which selects nothing.
const NO_PROTOCOL: &str = "none";
/// Protocols in the order of their ordinals (contract 5.8).
const PROTOCOLS: [&str; 14] = [
    NO_PROTOCOL,
    "use_auto",
    "use_first",
    "gp_softpos_gptom",
    "bluecode",
    "gp_mpas",
    "payone_softpos_wpi",
    "viva_eft_pos_instore",
    "hobex_softpos_posit",
    "hobexecr",
    "softpayio",
    "shift4",
    "test",
    "test_result_handler_throws_exception",
];

/// Reads the body of `POST /pay` with every tolerance of contract 4.0.
///
/// # Errors
/// When the body is not JSON, passes a limit, or lacks or misspells a member; every finding has a pointer.
pub fn parse_request(body: &[u8], limits: &Limits) -> Result<PayRequest, Findings> {
    let value = json::parse(body, limits)?;
    let mut reader = Reader::new(limits);
    let request = reader.fields(&value).and_then(|fields| read_request(&mut reader, fields));
    reader.finish(request)
}

fn read_request(reader: &mut Reader<'_>, mut fields: Fields<'_, '_>) -> Option<PayRequest> {
    let f = &mut fields;
    let action = read_action(reader, f);
    let protocol = read_protocol(reader, f);
    let item = match reader.any(f, "cbPayItem") {
        Some(member) => reader.inside(&member.name, |reader| {
            reader.fields(&member.value).map(|fields| items::read_pay_item(reader, fields, 0))
        }),
        None => {
            reader.report(Code::BodyInvalid, "value-missing", Some("cbPayItem"), "must not be missing");
            None
        }
    };
    let terminal_id = reader.text(f, "cbTerminalID").filter(|id| !id.is_empty());
    Some(PayRequest { action: action?, protocol: protocol?, item: item?, terminal_id, unknown: fields.unknown() })
}

fn read_action(reader: &mut Reader<'_>, fields: &mut Fields<'_, '_>) -> Option<PayAction> {
    let Some(member) = reader.any(fields, "Action") else { return Some(PayAction::Payment) };
    let action = match &member.value {
        Json::String(text) => PayAction::parse(text.trim()),
        Json::Number(text) => ordinal(text, &PayAction::ALL).copied(),
        _ => None,
    };
    if action.is_none() {
        let known = PayAction::ALL.map(PayAction::name).join(", ");
        let message = format!("must be one of {known}");
        reader.report(Code::BodyInvalid, "value-unknown", Some(&member.name), message);
    }
    action
}

fn read_protocol(reader: &mut Reader<'_>, fields: &mut Fields<'_, '_>) -> Option<String> {
    let Some(member) = reader.any(fields, "Protocol") else { return Some(NO_PROTOCOL.to_owned()) };
    let protocol = match &member.value {
        Json::String(text) if text.trim().is_empty() => Some(NO_PROTOCOL.to_owned()),
        Json::String(text) => Some(text.as_ref().to_owned()),
        Json::Number(text) => ordinal(text, &PROTOCOLS).map(|name| (*name).to_owned()),
        _ => None,
    };
    if protocol.is_none() {
        let message = format!("must be the name of a protocol, or its number from 0 to {}", PROTOCOLS.len() - 1);
        reader.report(Code::BodyInvalid, "value-unknown", Some(&member.name), message);
    }
    protocol
}

fn ordinal<'t, T>(text: &str, table: &'t [T]) -> Option<&'t T> {
    text.parse().ok().and_then(|place: usize| table.get(place))
}

/// Appends an answer.
pub fn write_response(response: &PayResponse, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    object.string("Protocol", &response.protocol);
    object.string("Action", response.action.name());
    object.uuid("ftQueueID", response.queue_id.uuid());
    object.array("ftPayItems", &response.items, items::write_pay_item);
    object.end();
}

/// Reads an answer, one of ours from the journal.
///
/// # Errors
/// When it is not JSON or has a member of the wrong form.
pub fn parse_response(body: &[u8], limits: &Limits) -> Result<PayResponse, Findings> {
    let limits = Limits { string_chars_max: usize::MAX, ..*limits };
    let value = json::parse(body, &limits)?;
    let mut reader = Reader::new(&limits);
    let response = reader.fields(&value).and_then(|mut fields| {
        let f = &mut fields;
        let action = read_action(&mut reader, f);
        let protocol = read_protocol(&mut reader, f);
        Some(PayResponse {
            protocol: protocol?,
            action: action?,
            queue_id: QueueId::from_uuid(reader.guid(f, "ftQueueID").unwrap_or_default()),
            items: reader.items(f, "ftPayItems", true, |reader, fields| items::read_pay_item(reader, fields, 0)),
        })
    });
    reader.finish(response)
}

/// Reads the body of a settlement by hand. A member that is not known is refused: an amount that is spelled wrong would be overlooked.
///
/// # Errors
/// When the body is not JSON, passes a limit, or lacks or misspells a member; every finding has a pointer.
pub fn parse_settlement(body: &[u8], limits: &Limits) -> Result<Settlement, Findings> {
    let value = json::parse(body, limits)?;
    let mut reader = Reader::new(limits);
    let settlement = reader.fields(&value).and_then(|fields| read_settlement(&mut reader, fields));
    reader.finish(settlement)
}

fn read_settlement(reader: &mut Reader<'_>, mut fields: Fields<'_, '_>) -> Option<Settlement> {
    let f = &mut fields;
    let name = reader.required_text(f, "outcome");
    let outcome = SettledAs::parse(&name);
    if outcome.is_none() && !name.is_empty() {
        let message = format!("must be one of {}", SettledAs::NAMES.join(", "));
        reader.report(Code::BodyInvalid, "value-unknown", Some("outcome"), message);
    }
    let paid = reader.decimal(f, "paidAmount", 0, Nullable::Yes);
    let (reason, by) = (reader.required_text(f, "reason"), reader.required_text(f, "by"));
    for (name, _) in fields.unknown() {
        reader.report(Code::BodyInvalid, "value-unknown", Some(&name), "is not a member of a settlement");
    }
    let outcome = match (outcome?, paid) {
        (SettledAs::Paid { .. }, amount) => SettledAs::Paid { amount },
        (other, None) => other,
        (other, Some(_)) => {
            let message = format!("belongs to the outcome paid, not to {other}");
            reader.report(Code::BodyInvalid, "value-unexpected", Some("paidAmount"), message);
            other
        }
    };
    Some(Settlement { outcome, by, reason })
}

/// `ftPayItemCaseData` of a payment that a provider made (contract 4.4): who made it, what was said, and the receipt's lines.
#[must_use]
pub fn case_data(
    provider: &str,
    terminal: &str,
    action: PayAction,
    exchange: &ProviderExchange,
    lines: &[String],
) -> FreeJson {
    let mut out = Vec::with_capacity(256);
    let mut object = Object::begin(&mut out);
    let mut inner = Object::begin(object.name("Provider"));
    inner.string("Protocol", provider);
    inner.string_if(TERMINAL, Some(terminal).filter(|name| !name.is_empty()));
    inner.string("Action", action.name());
    inner.string("ProtocolVersion", &exchange.protocol_version);
    if let Some(request) = &exchange.request {
        inner.free("ProtocolRequest", request);
    }
    if let Some(response) = &exchange.response {
        inner.free("ProtocolResponse", response);
    }
    inner.end();
    object.array("Receipt", lines, |out, line| string(out, line));
    object.end();
    FreeJson(String::from_utf8_lossy(&out).into_owned())
}

/// Where a payment was made, out of the `ftPayItemCaseData` that [`case_data`] made of its answer: what a cancellation of it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentOrigin {
    /// Which provider.
    pub provider: String,
    /// Which of its terminals; empty when it said none.
    pub terminal: String,
    /// The number that the terminal gave to it.
    pub receipt_number: String,
}

/// See [`PaymentOrigin`]; `None` when there is no number, or something else stands there.
#[must_use]
pub fn payment_origin(case_data: &FreeJson) -> Option<PaymentOrigin> {
    let value = json::parse(case_data.0.as_bytes(), &Limits::default()).ok()?;
    let provider = value.get("Provider")?;
    let text = |name| provider.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    let receipt_number = match provider.get("ProtocolResponse")?.get(RECEIPT_NUMBER)? {
        Json::String(text) => text.as_ref().to_owned(),
        Json::Number(text) => (*text).to_owned(),
        _ => return None,
    };
    Some(PaymentOrigin { provider: text("Protocol"), terminal: text(TERMINAL), receipt_number })
}

/// Name of the terminal in `Provider`.
const TERMINAL: &str = "Terminal";

/// Name of the number in `ProtocolResponse`.
pub const RECEIPT_NUMBER: &str = "ReceiptNumber";

/// A pay item with nothing but what is said here.
#[must_use]
pub fn plain_item(description: &str, amount: Decimal) -> PayItem {
    PayItem {
        id: None,
        quantity: Decimal::ONE,
        description: description.to_owned(),
        amount,
        case: kassette_model::cases::PayItemCase(0),
        case_data: None,
        moment: None,
        position: Decimal::ZERO,
        account_number: None,
        cost_center: None,
        money_group: None,
        money_number: None,
        money_barcode: None,
        currency: EUR.to_owned(),
        unknown: Vec::new(),
    }
}

#[cfg(test)]
#[path = "pay_tests.rs"]
mod tests;
