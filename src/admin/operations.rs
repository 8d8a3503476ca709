//! Operations of a cash box: shown, listed, waited for. They are read from the journal, past the cash box.

use std::future::Future;
use std::time::Duration;

use kassette_actors::Rejected;
use kassette_cashbox::reading::state_object;
use kassette_model::{CashBoxId, OperationId, OperationState};
use kassette_record::{Details, RecordError, SealedRecord, moment};
use tokio::time::Instant;

use super::cash_boxes::{configuration, head};
use super::context::Context;
use super::execute::Output;
use super::failure::Failure;
use super::reply::{OperationDetails, OperationSummary, Reply};

/// Longest list, in operations.
pub const LIST_MAX: u64 = 10_000;
/// Longest wait, in ms.
pub const WAIT_MAX_MS: u64 = 86_400_000;
/// Rows of the journal that are read at a time while listing.
const LIST_ROWS: u64 = 256;
/// How often an operation is looked at whose execution cannot begin now; others are waited for without looking.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

pub(super) fn show(context: &Context, cash_box: CashBoxId, operation: OperationId) -> Result<Reply, Failure> {
    configuration(context, cash_box)?;
    match find(context, cash_box, operation)? {
        Some(details) => Ok(Reply::Operation(Box::new(details))),
        None => Err(unknown(cash_box, operation)),
    }
}

fn unknown(cash_box: CashBoxId, operation: OperationId) -> Failure {
    Failure::not_found(format!("cash box {cash_box} has no operation {operation}"))
}

fn unreadable(error: &RecordError) -> Failure {
    Failure::fault(format!("a record cannot be read: {error}"))
}

fn find(context: &Context, cash_box: CashBoxId, operation: OperationId) -> Result<Option<OperationDetails>, Failure> {
    let Some(record) = context.gateway.journal().operation(cash_box, operation)? else { return Ok(None) };
    let queue = configuration(context, cash_box)?.queue;
    let state = state_object(&record, queue).map_err(|error| unreadable(&error))?;
    let details = kassette_record::v1::read_details(&record.header).map_err(|error| unreadable(&error))?;
    let (Some(summary), Some(state)) = (summary(&record, &details), state) else { return Ok(None) };
    let Some(answered) = details.operation else { return Ok(None) };
    Ok(Some(OperationDetails {
        summary,
        cash_box,
        queue,
        method: answered.method,
        path: answered.path,
        admitted: moment(answered.admitted_ns).to_string(),
        lifetime_ms: answered.lifetime_ms,
        pos_system: answered.pos_system.map(|id| id.to_string()),
        terminal: answered.terminal,
        queue_item: state.queue_item_id.map(|id| id.to_string()),
        receipt: details.sign.map(|sign| sign.identification),
        message: state.state_message,
    }))
}

/// What a record says of its operation; `None` when it belongs to none.
fn summary(record: &SealedRecord, details: &Details) -> Option<OperationSummary> {
    let answered = details.operation.as_ref()?;
    Some(OperationSummary {
        operation: answered.id,
        kind: answered.kind.name().to_owned(),
        state: answered.state.name().to_owned(),
        status: answered.state.is_final().then_some(answered.status),
        time: details.time().to_string(),
        journal_row: record.row,
    })
}

/// Newest first: read in pieces from the end, so that a short list costs little however long the journal is.
pub(super) fn list(
    context: &Context,
    cash_box: CashBoxId,
    state: Option<&str>,
    limit: u64,
    output: &mut dyn Output,
) -> Result<Reply, Failure> {
    configuration(context, cash_box)?;
    let wanted = state
        .map(|name| {
            OperationState::parse(name)
                .ok_or_else(|| Failure::usage(format!("{name:?} is not a state of an operation")))
        })
        .transpose()?;
    if limit > LIST_MAX {
        return Err(Failure::usage(format!("at most {LIST_MAX} operations are listed")));
    }
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let (_, last_row, _) = head(context, cash_box)?;
    let mut operations = Vec::new();
    let mut end = last_row;
    while end > 0 && operations.len() < most {
        let first = end.saturating_sub(LIST_ROWS.saturating_sub(1)).max(1);
        for found in piece(context, cash_box, first, end, wanted)?.into_iter().rev() {
            // An earlier record of an operation tells what is no longer so.
            let newest = context.gateway.journal().operation(cash_box, found.operation)?;
            if newest.is_none_or(|newest| newest.row == found.journal_row) {
                operations.push(found);
            }
            if operations.len() >= most {
                break;
            }
        }
        end = first.saturating_sub(1);
        let told = output.progress(last_row.saturating_sub(end), last_row);
        told.map_err(|error| Failure::fault(format!("nobody listens any more: {error}")))?;
    }
    Ok(Reply::Operations { cash_box, operations })
}

/// What the records of these rows say of their operations, oldest first.
fn piece(
    context: &Context,
    cash_box: CashBoxId,
    first: u64,
    last: u64,
    wanted: Option<OperationState>,
) -> Result<Vec<OperationSummary>, Failure> {
    let mut found = Vec::new();
    for record in context.gateway.journal().stream(cash_box, first)? {
        let record = record?;
        if record.row > last {
            break;
        }
        let details = kassette_record::v1::read_details(&record.header).map_err(|error| unreadable(&error))?;
        let is_wanted = |state| wanted.is_none_or(|wanted| wanted == state);
        if details.operation.as_ref().is_some_and(|operation| is_wanted(operation.state)) {
            found.extend(summary(&record, &details));
        }
    }
    Ok(found)
}

/// Parks until the operation has ended, the time is over, or `gone` says that nobody listens any more.
pub(super) async fn wait(
    context: &Context,
    cash_box: CashBoxId,
    operation: OperationId,
    timeout_ms: u64,
    gone: impl Future<Output = ()>,
) -> Result<Reply, Failure> {
    configuration(context, cash_box)?;
    let deadline = Instant::now() + Duration::from_millis(timeout_ms.min(WAIT_MAX_MS));
    tokio::select! {
        waited = until(context, cash_box, operation, deadline) => waited,
        () = gone => Err(Failure::fault("nobody listens any more")),
    }
}

async fn until(
    context: &Context,
    cash_box: CashBoxId,
    operation: OperationId,
    deadline: Instant,
) -> Result<Reply, Failure> {
    let mut watched = false;
    loop {
        match find(context, cash_box, operation)? {
            Some(details) if details.summary.is_over() || Instant::now() >= deadline => {
                return Ok(Reply::Operation(Box::new(details)));
            }
            Some(_) if watched => tokio::time::sleep_until(deadline.min(Instant::now() + LOOK_AGAIN)).await,
            Some(_) => {}
            // One that was just begun may not be durable yet: its cash box knows, and is asked once.
            None if watched => return Err(unknown(cash_box, operation)),
            None => {}
        }
        let left = deadline.saturating_duration_since(Instant::now());
        match context.gateway.watch(cash_box, operation, left).await {
            // Its cash box may be starting anew.
            Ok(()) | Err(Rejected::Busy { .. }) => watched = true,
            Err(rejected) => return Err(rejected.into()),
        }
    }
}
