//! The state of an operation (contract 3.2).

use kassette_model::{OperationState, QueueId};
use kassette_record::{Erasable, RecordError, SealedRecord};
use kassette_wire::operation::StateObject;

/// The state object of the operation that a record belongs to; `None` when it belongs to none. `StateMessage` is the detail of the
/// problem that a failed one ended with.
///
/// # Errors
/// When the record cannot be read.
pub fn state_object(record: &SealedRecord, queue: QueueId) -> Result<Option<StateObject>, RecordError> {
    let (opened, bodies) = record.open()?;
    let time_stamp = opened.details.time();
    let Some(operation) = opened.details.operation else { return Ok(None) };
    let state_message = if operation.state == OperationState::Failed { detail(&bodies) } else { None };
    Ok(Some(StateObject {
        operation_id: operation.id,
        queue_id: queue,
        queue_item_id: opened.details.sign.map(|sign| sign.queue_item),
        state: operation.state,
        state_message,
        state_data: None,
        time_stamp,
        sequence: None,
    }))
}

fn detail(bodies: &Erasable) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Problem {
        detail: String,
    }
    serde_json::from_slice::<Problem>(bodies.response()?).ok().map(|problem| problem.detail)
}
