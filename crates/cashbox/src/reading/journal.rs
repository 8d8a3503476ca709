//! Journal types 0001, 0002 and 0003 (contract 7.2): arrays of entries, element by element, nulls included.

use kassette_model::cases::ReceiptCase;
use kassette_model::{QueueId, ReceiptResponse};
use kassette_record::{Details, Erasable, RecordError, SealedRecord, SignFacts, moment};
use kassette_stdx::encoding::base64;
use kassette_wire::date::ticks;
use kassette_wire::journal::JournalRequest;
use kassette_wire::json::write::Object;
use kassette_wire::sign::parse_response;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::window::{Verdict, Window};
use crate::sign::STORED_LIMITS;

/// `ftQueueTimeout` of an operation without a lifetime, in ms (contract 10.22).
const QUEUE_TIMEOUT_DEFAULT_MS: u64 = 15_000;

/// Which journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entries {
    /// 0001: what happened to the queue.
    Actions,
    /// 0002: the queue chain.
    Receipts,
    /// 0003: every accepted sign request with its answer.
    QueueItems,
}

impl Entries {
    /// By the low word of `ftJournalType`, of those without a country.
    #[must_use]
    pub const fn of_type(number: u16) -> Option<Self> {
        match number {
            0x0001 => Some(Self::Actions),
            0x0002 => Some(Self::Receipts),
            0x0003 => Some(Self::QueueItems),
            _ => None,
        }
    }
}

/// A JSON array of journal entries, written record by record: `begin`, each record in order of its row, `end`.
#[derive(Debug, Clone)]
pub struct JournalArray {
    entries: Entries,
    queue: QueueId,
    window: Window,
    first: bool,
}

impl JournalArray {
    /// An array of these entries of this queue, as far as the request's `From` and `To` take them.
    #[must_use]
    pub const fn new(entries: Entries, queue: QueueId, request: &JournalRequest) -> Self {
        Self { entries, queue, window: Window::new(request), first: true }
    }

    /// Appends what stands before the first entry.
    pub fn begin(&self, out: &mut Vec<u8>) {
        out.push(b'[');
    }

    /// Appends the entries of one record; gives whether further records can have any.
    ///
    /// # Errors
    /// When the record cannot be read; nothing was appended.
    pub fn record(&mut self, record: &SealedRecord, out: &mut Vec<u8>) -> Result<bool, RecordError> {
        if self.window.is_full() {
            return Ok(false);
        }
        let (opened, bodies) = record.open()?;
        let details = opened.details;
        let stamp = ticks(details.time());
        match self.entries {
            Entries::Actions => {
                for index in 0..details.actions.len() {
                    if self.take(stamp, out) {
                        write_action(&details, index, self.queue, stamp, out);
                    }
                }
            }
            Entries::Receipts => {
                if let Some(sign) = details.sign.as_ref().filter(|sign| sign.receipt_journal.is_some())
                    && self.take(stamp, out)
                {
                    write_receipt(sign, self.queue, stamp, out);
                }
            }
            Entries::QueueItems => {
                if let Some(sign) = &details.sign
                    && self.take(stamp, out)
                {
                    write_queue_item(&details, sign, &bodies, self.queue, stamp, out);
                }
            }
        }
        Ok(!self.window.is_full())
    }

    /// Appends what stands after the last entry.
    pub fn end(&self, out: &mut Vec<u8>) {
        out.push(b']');
    }

    fn take(&mut self, stamp: i64, out: &mut Vec<u8>) -> bool {
        let take = self.window.judge(stamp) == Verdict::Take;
        if take && !std::mem::replace(&mut self.first, false) {
            out.push(b',');
        }
        take
    }
}

fn queue_item_id(details: &Details) -> Uuid {
    details.sign.as_ref().map_or(Uuid::nil(), |sign| sign.queue_item.uuid())
}

fn write_action(details: &Details, index: usize, queue: QueueId, stamp: i64, out: &mut Vec<u8>) {
    let Some(action) = details.actions.get(index) else { return };
    let mut object = Object::begin(out);
    object.uuid("ftActionJournalId", action.id);
    object.uuid("ftQueueId", queue.uuid());
    object.uuid("ftQueueItemId", queue_item_id(details));
    object.moment("Moment", details.time());
    object.signed("Priority", i64::from(action.priority));
    object.string("Type", &action.kind);
    object.string("Message", &action.message);
    object.null("DataBase64");
    object.string_or_null("DataJson", action.data_json.as_deref());
    object.signed("TimeStamp", stamp);
    object.end();
}

fn write_receipt(sign: &SignFacts, queue: QueueId, stamp: i64, out: &mut Vec<u8>) {
    let Some(entry) = &sign.receipt_journal else { return };
    let mut object = Object::begin(out);
    object.uuid("ftReceiptJournalId", entry.id);
    object.moment("ftReceiptMoment", moment(sign.receipt_moment_ns));
    object.unsigned("ftReceiptNumber", entry.number);
    // Written by this program as plain decimal text.
    object.name("ftReceiptTotal").extend_from_slice(entry.total.as_bytes());
    object.uuid("ftQueueId", queue.uuid());
    object.uuid("ftQueueItemId", sign.queue_item.uuid());
    object.string("ftReceiptHash", &entry.hash);
    object.signed("TimeStamp", stamp);
    object.end();
}

fn write_queue_item(
    details: &Details,
    sign: &SignFacts,
    bodies: &Erasable,
    queue: QueueId,
    stamp: i64,
    out: &mut Vec<u8>,
) {
    let (request, response) = (bodies.request(), bodies.response());
    let answer: Option<ReceiptResponse> = response.and_then(|body| parse_response(body, &STORED_LIMITS).ok());
    let operation = details.operation.as_ref();
    let done = details.time();
    let case = ReceiptCase(sign.receipt_case);
    let mut object = Object::begin(out);
    object.uuid("ftQueueItemId", sign.queue_item.uuid());
    object.uuid("ftQueueId", queue.uuid());
    object.unsigned("ftQueueRow", sign.queue_row);
    object.moment("ftQueueMoment", operation.map_or(done, |operation| moment(operation.admitted_ns)));
    let timeout_ms = operation.and_then(|operation| operation.lifetime_ms).unwrap_or(QUEUE_TIMEOUT_DEFAULT_MS);
    object.unsigned("ftQueueTimeout", timeout_ms);
    object.moment("ftWorkMoment", done);
    object.moment("ftDoneMoment", done);
    object.moment("cbReceiptMoment", moment(sign.cb_receipt_moment_ns));
    object.string_or_null("cbTerminalID", answer.as_ref().and_then(|answer| answer.terminal_id.as_deref()));
    object.string_or_null("cbReceiptReference", answer.as_ref().map(|answer| answer.receipt_reference.as_str()));
    match case.country() {
        Some(country) => object.string("country", &country.to_string()),
        None => object.null("country"),
    }
    object.string("version", if case.version() == 2 { "v2" } else { "v0" });
    write_body(&mut object, "request", "requestHash", request);
    write_body(&mut object, "response", "responseHash", response);
    object.signed("TimeStamp", stamp);
    match &details.market {
        Some(market) => object.string("ProcessingVersion", &market.rules),
        None => object.null("ProcessingVersion"),
    }
    object.end();
}

/// The body as text and base64(SHA-256), or two nulls.
fn write_body(object: &mut Object<'_>, name: &'static str, hash_name: &'static str, body: Option<&[u8]>) {
    match body {
        Some(body) => {
            object.string(name, &String::from_utf8_lossy(body));
            object.string(hash_name, &base64(&Sha256::digest(body)));
        }
        None => {
            object.null(name);
            object.null(hash_name);
        }
    }
}
