//! The live events that a record stands for.

use kassette_markets::{UNIT_BACK, UNIT_FAILED, UNIT_SWITCHED};
use kassette_model::QueueId;
use kassette_record::{Details, Erasable, RecordError, SealedRecord, SignFacts, moment};
use kassette_wire::event::{DeviceEvent, DeviceState, Event, ReceiptEvent};
use kassette_wire::sign::parse_response;

use super::state_object::changes_in;
use crate::sign::STORED_LIMITS;

/// `Device` of signature creation units.
const SIGNATURE_UNIT: &str = "scu";

/// Every event of a record, in the order of their numbers: changes of the operation's state, the receipt, devices. What a number
/// stands for never changes: a subscriber may come back to it after years.
///
/// # Errors
/// When the record cannot be read.
pub fn events(record: &SealedRecord, queue: QueueId) -> Result<Vec<Event>, RecordError> {
    let (opened, bodies) = record.open()?;
    let details = &opened.details;
    let mut events: Vec<Event> = changes_in(details, &bodies, queue).into_iter().map(Event::Operation).collect();
    events.extend(details.sign.as_ref().map(|sign| Event::Receipt(receipt(details, sign, &bodies, queue))));
    events.extend(devices(details, queue).map(Event::Device));
    Ok(events)
}

fn receipt(details: &Details, sign: &SignFacts, bodies: &Erasable, queue: QueueId) -> ReceiptEvent {
    // The answer repeats the reference of the request, and is always in a form that reads.
    let answer = bodies.response().and_then(|body| parse_response(body, &STORED_LIMITS).ok());
    ReceiptEvent {
        queue_id: queue,
        queue_item_id: sign.queue_item,
        queue_row: sign.queue_row,
        receipt_identification: sign.identification.clone(),
        receipt_moment: moment(sign.receipt_moment_ns),
        receipt_reference: answer.map(|answer| answer.receipt_reference),
        receipt_case: sign.receipt_case,
        state: sign.state,
        operation_id: details.operation.as_ref().map(|operation| operation.id),
    }
}

/// A market notes what became of its signature units in the action journal of the record that met it, so that one record tells it
/// all: nothing before it needs to be read.
fn devices(details: &Details, queue: QueueId) -> impl Iterator<Item = DeviceEvent> {
    details.actions.iter().filter_map(move |action| {
        let state = match action.kind.as_str() {
            UNIT_FAILED => DeviceState::Down,
            UNIT_BACK => DeviceState::Up,
            UNIT_SWITCHED => DeviceState::Switched,
            _ => return None,
        };
        Some(DeviceEvent {
            device: SIGNATURE_UNIT,
            state,
            queue_id: queue,
            operation_id: details.operation.as_ref().map(|operation| operation.id),
            message: action.message.clone(),
            time_stamp: details.time(),
        })
    })
}
