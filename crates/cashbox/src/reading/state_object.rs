//! The state of an operation (contract 3.2), and the changes that led to it (3.3).

use kassette_model::operation::path_between;
use kassette_model::{OperationState, Progress, QueueId};
use kassette_record::{Answered, Details, Erasable, RecordError, SealedRecord};
use kassette_wire::operation::StateObject;

/// The state object of the operation that a record belongs to; `None` when it belongs to none. `StateMessage` is the detail of the
/// problem that a failed one ended with.
///
/// # Errors
/// When the record cannot be read.
pub fn state_object(record: &SealedRecord, queue: QueueId) -> Result<Option<StateObject>, RecordError> {
    Ok(state_changes(record, queue)?.pop().map(|last| StateObject { sequence: None, ..last }))
}

/// Every change of the state of its operation that a record makes, in order, each with its `Sequence`: what callbacks and events say.
/// Empty when the record belongs to no operation.
///
/// # Errors
/// When the record cannot be read.
pub fn state_changes(record: &SealedRecord, queue: QueueId) -> Result<Vec<StateObject>, RecordError> {
    let (opened, bodies) = record.open()?;
    Ok(changes_in(&opened.details, &bodies, queue))
}

/// [`state_changes`] of a record that was opened.
pub(super) fn changes_in(details: &Details, bodies: &Erasable, queue: QueueId) -> Vec<StateObject> {
    let Some(operation) = &details.operation else { return Vec::new() };
    let queue_item = details.sign.as_ref().map(|sign| sign.queue_item);
    let changes = changes(operation).into_iter().map(|change| StateObject {
        operation_id: operation.id,
        queue_id: queue,
        // There is none before the receipt stands.
        queue_item_id: queue_item.filter(|_| change.state.is_final()),
        state: change.state,
        state_message: if change.state == OperationState::Failed { detail(bodies) } else { None },
        state_data: None,
        time_stamp: details.time(),
        sequence: Some(u64::from(change.sequence)),
    });
    changes.collect()
}

fn changes(operation: &Answered) -> Vec<Progress> {
    path_between(operation.before, Progress { state: operation.state, sequence: operation.sequence })
}

fn detail(bodies: &Erasable) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Problem {
        detail: String,
    }
    serde_json::from_slice::<Problem>(bodies.response()?).ok().map(|problem| problem.detail)
}
