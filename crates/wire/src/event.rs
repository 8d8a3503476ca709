//! Live events (contract 3.3, the same bodies as callbacks): kinds, ids, bodies, and the query that asks for them.

use std::fmt;

use kassette_model::{Moment, OperationId, QueueId, QueueItemId};

use crate::journal::percent_decoded;
use crate::json::write::Object;
use crate::operation::{StateObject, write_state_object};
use crate::problem::{Code, Finding, Problem};

/// Which event: the first one of a record is number 1. The last event a subscriber has seen, too: `0.0` before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EventId {
    /// Journal row of the record.
    pub row: u64,
    /// Number of the event within the record, from 1; 0 before its first.
    pub number: u32,
}

impl EventId {
    /// Reads `<row>.<number>`, decimal digits only.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (row, number) = text.split_once('.')?;
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        (digits(row) && digits(number)).then_some(())?;
        Some(Self { row: row.parse().ok()?, number: number.parse().ok()? })
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.row, self.number)
    }
}

/// What an event is about; the name stands in the field `event`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// The state of an operation changed.
    Operation,
    /// A sign request was accepted, and its receipt stands.
    Receipt,
    /// A device of the cash box changed its state.
    Device,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Operation, Self::Receipt, Self::Device];

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operation => "operation",
            Self::Receipt => "receipt",
            Self::Device => "device",
        }
    }

    /// Reads [`EventKind::name`], letters in any case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Operation => 1,
            Self::Receipt => 2,
            Self::Device => 4,
        }
    }
}

/// A set of kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventKinds(u8);

impl EventKinds {
    /// None.
    pub const NONE: Self = Self(0);
    /// Every kind.
    pub const ALL: Self = Self(7);

    /// The same set and this kind.
    #[must_use]
    pub const fn with(self, kind: EventKind) -> Self {
        Self(self.0 | kind.bit())
    }

    /// Whether the kind is in it.
    #[must_use]
    pub const fn contains(self, kind: EventKind) -> bool {
        self.0 & kind.bit() != 0
    }
}

/// A receipt that stands, also one that was refused fiscally: then `ftState` ends in `EEEE_EEEE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptEvent {
    /// `ftQueueID`.
    pub queue_id: QueueId,
    /// `ftQueueItemID`.
    pub queue_item_id: QueueItemId,
    /// `ftQueueRow`.
    pub queue_row: u64,
    /// `ftReceiptIdentification`.
    pub receipt_identification: String,
    /// `ftReceiptMoment`.
    pub receipt_moment: Moment,
    /// `cbReceiptReference`; `None` when the bodies were erased.
    pub receipt_reference: Option<String>,
    /// `ftReceiptCase`, completed with country and version.
    pub receipt_case: u64,
    /// `ftState`.
    pub state: u64,
    /// `OperationID`; `None` on a record of no operation.
    pub operation_id: Option<OperationId>,
}

/// Appends a receipt event; members without a value are `null`.
pub fn write_receipt_event(event: &ReceiptEvent, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    object.uuid("ftQueueID", event.queue_id.uuid());
    object.uuid("ftQueueItemID", event.queue_item_id.uuid());
    object.unsigned("ftQueueRow", event.queue_row);
    object.string("ftReceiptIdentification", &event.receipt_identification);
    object.moment("ftReceiptMoment", event.receipt_moment);
    object.string_or_null("cbReceiptReference", event.receipt_reference.as_deref());
    object.unsigned("ftReceiptCase", event.receipt_case);
    object.unsigned("ftState", event.state);
    match event.operation_id {
        Some(id) => object.uuid("OperationID", id.uuid()),
        None => object.null("OperationID"),
    }
    object.end();
}

/// What changed at a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceState {
    /// It went out of service.
    Down,
    /// It is back.
    Up,
    /// Another one took over.
    Switched,
}

impl DeviceState {
    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Up => "up",
            Self::Switched => "switched",
        }
    }
}

/// A device changed its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceEvent {
    /// `Device`: which kind of device, such as `scu`.
    pub device: &'static str,
    /// `State`.
    pub state: DeviceState,
    /// `QueueID`.
    pub queue_id: QueueId,
    /// `OperationID`: the operation that met it; `None` on a record of no operation.
    pub operation_id: Option<OperationId>,
    /// `Message`: for people, as the action journal has it.
    pub message: String,
    /// `TimeStamp`.
    pub time_stamp: Moment,
}

/// Appends a device event; members without a value are `null`.
pub fn write_device_event(event: &DeviceEvent, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    object.string("Device", event.device);
    object.string("State", event.state.name());
    object.uuid("QueueID", event.queue_id.uuid());
    match event.operation_id {
        Some(id) => object.uuid("OperationID", id.uuid()),
        None => object.null("OperationID"),
    }
    object.string("Message", &event.message);
    object.moment("TimeStamp", event.time_stamp);
    object.end();
}

/// How a device at a line stands: a terminal or a printer of the cash box. It is told and not recorded: the event has no id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingEvent<'a> {
    /// `Device`: which kind of device, such as `terminal`.
    pub device: &'static str,
    /// `Name` within the cash box.
    pub name: &'a str,
    /// `State`: `starting`, `ready`, `busy`, `restarting` or `down`.
    pub state: &'static str,
    /// `QueueID`.
    pub queue_id: QueueId,
    /// `OperationID`: what it works on.
    pub operation_id: Option<OperationId>,
    /// `Message`: why it cannot be used, for people.
    pub message: Option<&'a str>,
    /// `TimeStamp`: since when it stands so.
    pub time_stamp: Moment,
}

/// Appends a standing event; members without a value are `null`.
pub fn write_standing_event(event: &StandingEvent<'_>, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    object.string("Device", event.device);
    object.string("Name", event.name);
    object.string("State", event.state);
    object.uuid("QueueID", event.queue_id.uuid());
    match event.operation_id {
        Some(id) => object.uuid("OperationID", id.uuid()),
        None => object.null("OperationID"),
    }
    object.string_or_null("Message", event.message);
    object.moment("TimeStamp", event.time_stamp);
    object.end();
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// [`EventKind::Operation`]; the body is that of the callback message.
    Operation(StateObject),
    /// [`EventKind::Receipt`].
    Receipt(ReceiptEvent),
    /// [`EventKind::Device`].
    Device(DeviceEvent),
}

impl Event {
    /// What it is about.
    #[must_use]
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::Operation(_) => EventKind::Operation,
            Self::Receipt(_) => EventKind::Receipt,
            Self::Device(_) => EventKind::Device,
        }
    }
}

/// Appends the body of an event: JSON in one line.
pub fn write_event(event: &Event, out: &mut Vec<u8>) {
    match event {
        Event::Operation(state) => write_state_object(state, out),
        Event::Receipt(receipt) => write_receipt_event(receipt, out),
        Event::Device(device) => write_device_event(device, out),
    }
}

/// What a subscriber asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventsRequest {
    /// `kind`; every kind when it is not given.
    pub kinds: EventKinds,
    /// `after`: the last event that was seen.
    pub after: Option<EventId>,
}

/// Reads `kind=a,b&after=17.2`, with or without the `?`. Names in any case; others are ignored; `kind` may stand several times.
///
/// # Errors
/// The problem with the place: an unknown kind with the list of those that are known, or an `after` that is no id.
pub fn parse_events_query(query: &str) -> Result<EventsRequest, Box<Problem>> {
    let mut request = EventsRequest { kinds: EventKinds::NONE, after: None };
    for pair in query.strip_prefix('?').unwrap_or(query).split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let is_kind = name.eq_ignore_ascii_case("kind");
        if !is_kind && !name.eq_ignore_ascii_case("after") {
            continue;
        }
        let value = percent_decoded(value).unwrap_or_default();
        if is_kind {
            for name in value.split(',').map(str::trim) {
                let kind = EventKind::parse(name).ok_or_else(|| unknown_kind(name))?;
                request.kinds = request.kinds.with(kind);
            }
        } else {
            let id = EventId::parse(value.trim()).ok_or_else(|| event_id_problem("/after", EVENT_ID_EXPECTED))?;
            request.after = Some(id);
        }
    }
    if request.kinds == EventKinds::NONE {
        request.kinds = EventKinds::ALL;
    }
    Ok(request)
}

/// What an id of an event looks like.
pub const EVENT_ID_EXPECTED: &str =
    "must be <row>.<number> as the stream gave it, such as 17.2, or 0.0 for the beginning";

/// The problem of an event id that cannot be gone on from; `pointer` names where it stood.
#[must_use]
pub fn event_id_problem(pointer: &str, message: &str) -> Box<Problem> {
    let name = pointer.trim_start_matches('/');
    let finding = Finding::new(Code::HeaderInvalid.code(), pointer, message.to_owned());
    Box::new(Problem::new(Code::HeaderInvalid, format!("{name} {message}")).with_findings(vec![finding]))
}

fn unknown_kind(name: &str) -> Box<Problem> {
    let known = EventKind::ALL.map(EventKind::name).join(", ");
    let message = format!("{name:?} is no kind of event; known are {known}");
    let finding = Finding::new("value-unknown", "/kind", message.clone());
    Box::new(Problem::new(Code::BodyInvalid, message).with_findings(vec![finding]).without_storing())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;
    use crate::date;

    fn written(event: &Event) -> String {
        let mut out = Vec::new();
        write_event(event, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_id_reads_back_and_nothing_else_is_one() {
        for id in [EventId::default(), EventId { row: 17, number: 2 }, EventId { row: u64::MAX, number: u32::MAX }] {
            assert_eq!(EventId::parse(&id.to_string()), Some(id));
        }
        for text in ["", "17", "17.", ".2", "+1.2", "1.-2", "1.2.3", " 1.2", "1.2 ", "18446744073709551616.0", "x.y"] {
            assert_eq!(EventId::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn bodies_are_known_answers() {
        let queue_id = QueueId::parse("3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02").unwrap();
        let operation_id = OperationId::parse("7b0c2e2a-6f4e-4a0e-9a56-0a3c7f6a9c11").unwrap();
        let receipt = ReceiptEvent {
            queue_id,
            queue_item_id: QueueItemId::parse("c9a5b0de-2d55-4d0c-8f6e-7f6b1f1c3a44").unwrap(),
            queue_row: 12,
            receipt_identification: "ftB#12".to_owned(),
            receipt_moment: date::parse("2026-03-04T10:15:30.125Z").unwrap(),
            receipt_reference: Some("R-\"1\"".to_owned()),
            receipt_case: 0x4154_2000_0000_0001,
            state: 0x4154_2000_0000_0000,
            operation_id: Some(operation_id),
        };
        assert_eq!(
            written(&Event::Receipt(receipt.clone())),
            concat!(
                r#"{"ftQueueID":"3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02","ftQueueItemID":"c9a5b0de-2d55-4d0c-8f6e-7f6b1f1c3a44","#,
                r#""ftQueueRow":12,"ftReceiptIdentification":"ftB#12","ftReceiptMoment":"2026-03-04T10:15:30.125Z","#,
                r#""cbReceiptReference":"R-\"1\"","ftReceiptCase":4707422694881099777,"ftState":4707422694881099776,"#,
                r#""OperationID":"7b0c2e2a-6f4e-4a0e-9a56-0a3c7f6a9c11"}"#
            )
        );
        let bare = written(&Event::Receipt(ReceiptEvent { receipt_reference: None, operation_id: None, ..receipt }));
        assert!(bare.contains(r#""cbReceiptReference":null"#) && bare.ends_with(r#""OperationID":null}"#));
        let standing = StandingEvent {
            device: "terminal",
            name: "bar",
            state: "restarting",
            queue_id,
            operation_id: None,
            message: Some("the line is gone"),
            time_stamp: date::parse("2026-03-04T10:15:30Z").unwrap(),
        };
        let mut out = Vec::new();
        write_standing_event(&standing, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            concat!(
                r#"{"Device":"terminal","Name":"bar","State":"restarting","QueueID":"3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02","#,
                r#""OperationID":null,"Message":"the line is gone","TimeStamp":"2026-03-04T10:15:30Z"}"#
            )
        );
        let device = DeviceEvent {
            device: "scu",
            state: DeviceState::Down,
            queue_id,
            operation_id: Some(operation_id),
            message: "unplugged".to_owned(),
            time_stamp: date::parse("2026-03-04T10:15:30Z").unwrap(),
        };
        assert_eq!(
            written(&Event::Device(device)),
            concat!(
                r#"{"Device":"scu","State":"down","QueueID":"3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02","#,
                r#""OperationID":"7b0c2e2a-6f4e-4a0e-9a56-0a3c7f6a9c11","Message":"unplugged","TimeStamp":"2026-03-04T10:15:30Z"}"#
            )
        );
    }

    #[test]
    fn a_query_chooses_kinds_and_where_to_go_on() {
        let kinds = |list: &[EventKind]| list.iter().fold(EventKinds::NONE, |set, kind| set.with(*kind));
        let after = |row, number| Some(EventId { row, number });
        for (query, expected, id) in [
            ("", EventKinds::ALL, None),
            ("?other=1&after=17.2", EventKinds::ALL, after(17, 2)),
            ("kind=receipt&AFTER=0.0", kinds(&[EventKind::Receipt]), after(0, 0)),
            ("kind=operation%2CDevice", kinds(&[EventKind::Operation, EventKind::Device]), None),
            ("kind=receipt&kind=device", kinds(&[EventKind::Receipt, EventKind::Device]), None),
        ] {
            assert_eq!(parse_events_query(query).unwrap(), EventsRequest { kinds: expected, after: id }, "{query}");
        }
        for (query, code, pointer) in [
            ("kind=receipts", "body-invalid", "/kind"),
            ("kind=", "body-invalid", "/kind"),
            ("kind=operation,", "body-invalid", "/kind"),
            ("after=17", "header-invalid", "/after"),
            ("after=%zz", "header-invalid", "/after"),
            ("after=", "header-invalid", "/after"),
        ] {
            let problem = parse_events_query(query).unwrap_err();
            assert_eq!(problem.code.code(), code, "{query}");
            assert_eq!(problem.findings.first().unwrap().pointer, pointer, "{query}");
        }
        assert!(parse_events_query("kind=x").unwrap_err().detail.contains("operation, receipt, device"));
    }
}
