//! Operation items (contract 2.3).

use std::borrow::Cow;

use kassette_model::QueueId;
use kassette_record::{RecordError, SealedRecord, moment};
use kassette_wire::operation::OperationItem;

/// Appends the operation item of a record; `false`, and nothing is written, when the record answers no operation. An erased
/// request comes out as an empty string, an erased response is left out.
///
/// # Errors
/// When the record cannot be read.
pub fn write_operation_item(record: &SealedRecord, queue: QueueId, out: &mut Vec<u8>) -> Result<bool, RecordError> {
    let (opened, bodies) = record.open()?;
    let details = opened.details;
    let time_stamp = details.time();
    let Some(operation) = details.operation else { return Ok(false) };
    let mut headers: Vec<(Cow<'_, str>, Vec<Cow<'_, str>>)> = Vec::with_capacity(operation.headers.len());
    for (name, value) in &operation.headers {
        match headers.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, values)) => values.push(Cow::Borrowed(value)),
            None => headers.push((Cow::Borrowed(name), vec![Cow::Borrowed(value)])),
        }
    }
    let item = OperationItem {
        operation_id: operation.id,
        queue_id: queue,
        pos_system_id: operation.pos_system,
        terminal_id: operation.terminal.as_deref().map(Cow::Borrowed),
        method: Cow::Borrowed(&operation.method),
        path: Cow::Borrowed(&operation.path),
        request_headers: headers,
        request: String::from_utf8_lossy(bodies.request().unwrap_or_default()),
        response: bodies.response().map(String::from_utf8_lossy),
        response_code: operation.state.is_final().then_some(operation.status),
        last_state: operation.state,
        time_stamp,
        created: moment(operation.admitted_ns),
    };
    kassette_wire::operation::write_operation_item(&item, out);
    Ok(true)
}
