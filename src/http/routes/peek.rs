//! `GET /PeekJournalItem/{queueId}/{storageType}[/{id}]` (contract 7.3): reads that never wait.

use std::collections::HashSet;
use std::io::Write;

use actix_web::HttpResponse;
use kassette_cashbox::reading::{Entries, JournalArray, write_operation_item};
use kassette_journal::Journal;
use kassette_model::{QueueId, QueueItemId};
use kassette_record::v1::read_fixed;
use kassette_record::{RecordKind, SealedRecord};
use kassette_wire::journal::JournalRequest;
use kassette_wire::json::{self, Limits};

use super::Call;
use super::operation_item::{caller, item, not_found};
use crate::http::answer::JSON;
use crate::http::auth::Caller;
use crate::http::export::{self, Failure, Prepared};
use crate::http::openapi::{Common, OperationItem, ReadProblems, examples};

/// What can be read so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Storage {
    OperationItem,
    Entries(Entries, &'static str),
}

impl Storage {
    fn parse(name: &str) -> Option<Self> {
        [
            ("OperationItem", Self::OperationItem),
            ("QueueItem", Self::Entries(Entries::QueueItems, "ftQueueItemId")),
            ("ReceiptJournal", Self::Entries(Entries::Receipts, "ftReceiptJournalId")),
            ("ActionJournal", Self::Entries(Entries::Actions, "ftActionJournalId")),
        ]
        .into_iter()
        .find_map(|(known, storage)| known.eq_ignore_ascii_case(name).then_some(storage))
    }
}

/// The caller and what it asks for; its queue must be its own.
fn asked(call: &Call) -> Result<(Caller, Storage), Box<HttpResponse>> {
    let caller = caller(call)?;
    let own = QueueId::parse(call.parameter(0)) == Some(caller.queue());
    match Storage::parse(call.parameter(1)) {
        Some(storage) if own => Ok((caller, storage)),
        _ => Err(Box::new(not_found())),
    }
}

/// Lists all items of a kind
///
/// Streamed in the order of the journal. `storageType` is `OperationItem`, `QueueItem`, `ReceiptJournal` or `ActionJournal`, in
/// any letter case.
#[utoipa::path(
    get,
    path = "/PeekJournalItem/{queueId}/{storageType}",
    tag = "journal",
    operation_id = "peekJournalItems",
    params(
        Common,
        ("queueId" = uuid::Uuid, Path, description = "Queue of the caller's cash box"),
        ("storageType" = String, Path, description = "Kind of item", example = "OperationItem"),
    ),
    responses(
        (status = 200, description = "All items", body = Vec<OperationItem>, content_type = "application/json",
            example = json!([examples::operation_item()])),
        ReadProblems,
    ),
    security(("cashbox_id" = [], "access_token" = []))
)]
pub(crate) async fn peek_items(call: Call) -> HttpResponse {
    let (caller, storage) = match asked(&call) {
        Ok(asked) => asked,
        Err(response) => return *response,
    };
    let journal = std::sync::Arc::clone(call.edge.gateway.journal());
    let (cash_box, queue) = (caller.cash_box(), caller.queue());
    export::respond(&call.edge, call.request.headers(), move || {
        // Opened here, so that a journal that cannot be read is told before the first byte.
        drop(journal.stream(cash_box, 1)?);
        Ok(Prepared {
            content_type: JSON,
            zip_entry: None,
            produce: Box::new(move |out| match storage {
                Storage::OperationItem => operation_items(journal.as_ref(), cash_box, queue, out),
                Storage::Entries(entries, _) => array(
                    journal.as_ref(),
                    cash_box,
                    JournalArray::new(entries, queue, &JournalRequest::default()),
                    out,
                ),
            }),
        })
    })
    .await
}

/// For an intent record the newest record of its operation: an accepted operation has several records, and is one item.
fn newest_of_intent(journal: &dyn Journal, record: &SealedRecord) -> Result<Option<SealedRecord>, Failure> {
    let (RecordKind::Intent, Some(operation)) = (read_fixed(&record.header)?.kind, record.operation) else {
        return Ok(None);
    };
    Ok(journal.operation(record.cash_box, operation)?.filter(|newest| newest.row > record.row))
}

fn operation_items(
    journal: &dyn Journal,
    cash_box: kassette_model::CashBoxId,
    queue: QueueId,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut buffer = vec![b'['];
    let mut any = false;
    let mut told = HashSet::new();
    for record in journal.stream(cash_box, 1)? {
        let mut record = record?;
        if record.operation.is_some_and(|operation| told.contains(&operation)) {
            if read_fixed(&record.header)?.kind == RecordKind::Operation {
                // Its last record: it need not be remembered any longer.
                record.operation.map(|operation| told.remove(&operation));
            }
            continue;
        }
        if let Some(newest) = newest_of_intent(journal, &record)? {
            // Its own place in the list is passed over, if the list goes as far.
            told.extend(newest.operation);
            record = newest;
        }
        if any {
            buffer.push(b',');
        }
        if write_operation_item(&record, queue, &mut buffer)? {
            any = true;
        } else if any {
            buffer.pop();
        }
        out.write_all(&buffer)?;
        buffer.clear();
    }
    buffer.push(b']');
    out.write_all(&buffer)?;
    Ok(())
}

/// Writes a journal array of a cash box.
pub(super) fn array(
    journal: &dyn Journal,
    cash_box: kassette_model::CashBoxId,
    mut array: JournalArray,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut buffer = Vec::new();
    array.begin(&mut buffer);
    for record in journal.stream(cash_box, 1)? {
        let more = array.record(&record?, &mut buffer)?;
        out.write_all(&buffer)?;
        buffer.clear();
        if !more {
            break;
        }
    }
    array.end(&mut buffer);
    out.write_all(&buffer)?;
    Ok(())
}

/// Reads one item
#[utoipa::path(
    get,
    path = "/PeekJournalItem/{queueId}/{storageType}/{id}",
    tag = "journal",
    operation_id = "peekJournalItem",
    params(
        Common,
        ("queueId" = uuid::Uuid, Path, description = "Queue of the caller's cash box"),
        ("storageType" = String, Path, description = "Kind of item", example = "OperationItem"),
        ("id" = uuid::Uuid, Path, description = "Id of the item"),
    ),
    responses(
        (status = 200, description = "The item", body = OperationItem, content_type = "application/json",
            example = json!(examples::operation_item())),
        ReadProblems,
    ),
    security(("cashbox_id" = [], "access_token" = []))
)]
pub(crate) async fn peek_item(call: Call) -> HttpResponse {
    let (caller, storage) = match asked(&call) {
        Ok(asked) => asked,
        Err(response) => return *response,
    };
    let Storage::Entries(entries, id_name) = storage else { return item(&call.edge, &caller, call.parameter(2)) };
    let Some(id) = QueueItemId::parse(call.parameter(2)) else { return not_found() };
    let journal = std::sync::Arc::clone(call.edge.gateway.journal());
    let (cash_box, queue) = (caller.cash_box(), caller.queue());
    export::respond(&call.edge, call.request.headers(), move || {
        let found = match (entries, id.journal_row()) {
            // The id of a queue item carries its row; the others are looked for.
            (Entries::QueueItems, None) => None,
            (Entries::QueueItems, Some(row)) => match journal.row(cash_box, row)? {
                Some(record) => entry(&record, entries, queue, id_name, id)?,
                None => None,
            },
            _ => {
                let mut found = None;
                for record in journal.stream(cash_box, 1)? {
                    found = entry(&record?, entries, queue, id_name, id)?;
                    if found.is_some() {
                        break;
                    }
                }
                found
            }
        };
        let Some(body) = found else {
            let refusal = kassette_wire::problem::Problem::new(
                kassette_wire::problem::Code::NotFound,
                "nothing is known under this id",
            );
            return Err(Failure::Refused(Box::new(refusal)));
        };
        Ok(Prepared {
            content_type: JSON,
            zip_entry: None,
            produce: Box::new(move |out| Ok(out.write_all(body.as_bytes())?)),
        })
    })
    .await
}

/// The entry of a record whose member `id_name` is `id`.
fn entry(
    record: &SealedRecord,
    entries: Entries,
    queue: QueueId,
    id_name: &str,
    id: QueueItemId,
) -> Result<Option<String>, Failure> {
    let mut array = JournalArray::new(entries, queue, &JournalRequest::default());
    let mut body = Vec::new();
    array.begin(&mut body);
    array.record(record, &mut body)?;
    array.end(&mut body);
    let limits = Limits { depth_max: 512, array_items_max: usize::MAX, string_chars_max: usize::MAX };
    let Ok(json::Json::Array(items)) = json::parse(&body, &limits) else { return Ok(None) };
    let wanted = id.to_string();
    let position =
        items.iter().position(|item| item.get(id_name).and_then(json::Json::as_str) == Some(wanted.as_str()));
    let Some(position) = position else { return Ok(None) };
    // The entries of one record are few: cut out the text of the one that was asked for.
    let text = String::from_utf8_lossy(&body).into_owned();
    let raw: Vec<&serde_json::value::RawValue> = serde_json::from_str(&text).unwrap_or_default();
    Ok(raw.get(position).map(|one| one.get().to_owned()))
}
