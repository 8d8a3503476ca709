//! Server-sent events of a cash box, read from its journal: what is sent live and what is sent after a break take the same way.
//!
//! A task per stream waits for new records, has them read on a blocking thread in batches, and hands each batch over through a bounded
//! channel. A client that reads slowly holds up its own task and nothing else; one that does not read at all is left after
//! `limits.export_stall_ms`, and finds everything in the journal when it comes back.
//!
//! How terminals stand is in no journal: a stream begins with it and is told each change, and these events have no id.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpResponse, rt};
use bytes::Bytes;
use kassette_actors::{DeviceStatus, DeviceWatch, Subscription};
use kassette_cashbox::reading::events;
use kassette_journal::Journal;
use kassette_model::{CashBoxId, QueueId};
use kassette_record::moment;
use kassette_wire::event::{
    EVENT_ID_EXPECTED, EventId, EventKind, EventKinds, EventsRequest, StandingEvent, event_id_problem, write_event,
    write_standing_event,
};
use kassette_wire::problem::{Code, Problem};
use tokio::sync::mpsc::{self, Sender};
use tokio::time::Instant;

use super::answer;
use super::auth::{Caller, Pass};
use super::edge::Edge;
use super::export::Failure;
use super::problem;

/// Where a client goes on after a break.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Tells reverse proxies that know it to pass each event on at once.
const NO_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// How long a client should wait before it comes back after a break, in milliseconds; the field `retry`.
const RETRY_MS: u64 = 2_000;
/// Pieces of a stream that wait for the client to read: what is ahead of them is in the journal.
const PIECES_MAX: usize = 1;

/// `Last-Event-ID`; empty counts as absent.
///
/// # Errors
/// The problem that names the header.
pub(crate) fn last_event_id(headers: &HeaderMap) -> Result<Option<EventId>, Box<Problem>> {
    let mut found = None;
    for value in headers.get_all(LAST_EVENT_ID).filter(|value| !value.as_bytes().trim_ascii().is_empty()) {
        let id = value.to_str().ok().and_then(|text| EventId::parse(text.trim()));
        let id = id.ok_or_else(|| event_id_problem("/last-event-id", EVENT_ID_EXPECTED))?;
        if found.replace(id).is_some_and(|before| before != id) {
            let detail = "header last-event-id was sent more than once with different values";
            return Err(Box::new(Problem::new(Code::HeaderConflict, detail)));
        }
    }
    Ok(found)
}

/// Opens a stream. `place` names where `asked.after` stood.
pub(crate) fn open(
    edge: &Arc<Edge>,
    caller: &Caller,
    pass: Pass,
    asked: EventsRequest,
    place: &'static str,
) -> HttpResponse {
    // Before the head is read: what becomes durable afterwards is told.
    let subscription = match edge.gateway.subscribe(caller.cash_box()) {
        Ok(subscription) => subscription,
        Err(rejected) => return answer::refused(rejected),
    };
    let size = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    let reader = Reader {
        journal: Arc::clone(edge.gateway.journal()),
        cash_box: caller.cash_box(),
        queue: caller.queue(),
        kinds: asked.kinds,
        batch_rows_max: size(edge.events.batch_rows_max),
        batch_bytes: size(edge.limits.export_chunk_bytes),
    };
    let newest = match reader.newest() {
        Ok(newest) => newest,
        Err(failure) => return problem::response(&failure.into_problem()),
    };
    if let Some(after) = asked.after.filter(|after| after.row > newest.row) {
        let message = format!("{after} is no event of this cash box: its newest one is {newest}");
        return problem::response(&event_id_problem(place, &message));
    }
    let begin = asked.after.unwrap_or(newest);
    let (sender, mut pieces) = mpsc::channel(PIECES_MAX);
    let feed = Feed {
        devices: edge.gateway.watch_devices(caller.cash_box()),
        edge: Arc::clone(edge),
        pass,
        reader: Arc::new(reader),
        subscription,
        newest_row: newest.row,
        next_row: begin.row.max(1),
        seen: begin,
        told: begin,
        sender,
    };
    drop(rt::spawn(feed.run()));

    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8")))
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .insert_header((NO_BUFFERING, HeaderValue::from_static("no")))
        // A stream that ended leaves no connection behind that would hold up a stop.
        .force_close()
        .streaming(futures_util::stream::poll_fn(move |context| pieces.poll_recv(context)))
}

/// Reads events of one cash box.
struct Reader {
    journal: Arc<dyn Journal>,
    cash_box: CashBoxId,
    queue: QueueId,
    kinds: EventKinds,
    batch_rows_max: usize,
    /// A batch ends with the record that makes it as long.
    batch_bytes: usize,
}

/// Events that were read together.
struct Batch {
    text: Vec<u8>,
    /// The last event of the last record that was read, asked for or not.
    seen: EventId,
    rows: usize,
}

impl Reader {
    /// The last event of the newest record.
    fn newest(&self) -> Result<EventId, Failure> {
        let Some(head) = self.journal.head(self.cash_box)? else { return Ok(EventId::default()) };
        Ok(EventId { row: head.record.row, number: number(events(&head.record, self.queue)?.len()) })
    }

    /// The events after `seen` in the records from `first_row` on. Blocks on the disk.
    fn batch(&self, first_row: u64, seen: EventId) -> Result<Batch, Failure> {
        let mut batch = Batch { text: Vec::new(), seen, rows: 0 };
        for record in self.journal.stream(self.cash_box, first_row)?.take(self.batch_rows_max) {
            let record = record?;
            let all = events(&record, self.queue)?;
            for (number, event) in (1_u32..).zip(&all) {
                let id = EventId { row: record.row, number };
                if id > seen && self.kinds.contains(event.kind()) {
                    write(id, event, &mut batch.text);
                }
            }
            batch.seen = EventId { row: record.row, number: number(all.len()) };
            batch.rows = batch.rows.saturating_add(1);
            if batch.text.len() >= self.batch_bytes {
                break;
            }
        }
        Ok(batch)
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Appends one event with its fields.
fn write(id: EventId, event: &kassette_wire::event::Event, out: &mut Vec<u8>) {
    let mut body = Vec::with_capacity(384);
    write_event(event, &mut body);
    out.extend_from_slice(format!("id: {id}\n").as_bytes());
    fields(event.kind(), &body, out);
}

/// Appends how a device stands.
fn write_standing(status: &DeviceStatus, queue: QueueId, out: &mut Vec<u8>) {
    let mut body = Vec::with_capacity(256);
    let event = StandingEvent {
        device: "terminal",
        name: &status.name,
        state: status.state.name(),
        queue_id: queue,
        operation_id: status.operation,
        message: status.failure(),
        time_stamp: moment(status.since_unix_ns),
    };
    write_standing_event(&event, &mut body);
    fields(EventKind::Device, &body, out);
}

fn fields(kind: EventKind, body: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("event: {}\n", kind.name()).as_bytes());
    for line in body.split(|byte| *byte == b'\n') {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out.push(b'\n');
}

/// Why a stream ends; its client may come back and goes on where it was.
struct Ended;

/// One stream.
struct Feed {
    edge: Arc<Edge>,
    pass: Pass,
    reader: Arc<Reader>,
    subscription: Subscription,
    devices: DeviceWatch,
    /// Newest row at the beginning.
    newest_row: u64,
    /// The record that is read next: at first that of the last event seen, which may have more.
    next_row: u64,
    /// Up to where the journal was read.
    seen: EventId,
    /// The last id that the client was sent.
    told: EventId,
    sender: Sender<io::Result<Bytes>>,
}

impl Feed {
    async fn run(mut self) {
        let period = Duration::from_millis(self.edge.events.heartbeat_ms);
        let begin =
            format!(": live events; go on after a break with Last-Event-ID\nretry: {RETRY_MS}\nid: {}\n\n", self.seen);
        if self.offer(begin.into_bytes()).await.is_err() {
            return;
        }
        let mut beat = Instant::now() + period;
        loop {
            if self.tell_devices().await.is_err() {
                return;
            }
            if Instant::now() >= beat {
                if self.heartbeat().await.is_err() {
                    return;
                }
                beat = Instant::now() + period;
            }
            if self.newest_row.max(self.subscription.newest_row()) >= self.next_row {
                if self.read().await.is_err() {
                    return;
                }
                continue;
            }
            tokio::select! {
                () = self.subscription.beyond(self.next_row.saturating_sub(1)) => {}
                () = self.devices.changed() => {}
                () = tokio::time::sleep_until(beat) => {}
                () = self.edge.readiness.stopped() => return,
                () = self.sender.closed() => return,
            }
        }
    }

    /// Tells that the connection lives and how far the journal was read, so that a client for whom there is nothing does not have it read
    /// again after a break.
    async fn heartbeat(&mut self) -> Result<(), Ended> {
        self.check()?;
        let moved = if self.seen == self.told { String::new() } else { format!("id: {}\n", self.seen) };
        self.told = self.seen;
        self.offer(format!(": heartbeat\n{moved}\n").into_bytes()).await
    }

    /// Tells how those devices stand of which that was not told yet.
    async fn tell_devices(&mut self) -> Result<(), Ended> {
        if !self.reader.kinds.contains(EventKind::Device) {
            return Ok(());
        }
        let mut text = Vec::new();
        for status in self.devices.news() {
            write_standing(&status, self.reader.queue, &mut text);
        }
        if text.is_empty() {
            return Ok(());
        }
        self.check()?;
        self.offer(text).await
    }

    /// Reads one batch and sends what is in it.
    async fn read(&mut self) -> Result<(), Ended> {
        let (reader, next_row, seen) = (Arc::clone(&self.reader), self.next_row, self.seen);
        let read = rt::task::spawn_blocking(move || reader.batch(next_row, seen)).await;
        let batch = match read {
            Ok(Ok(batch)) => batch,
            Ok(Err(failure)) => return Err(self.broken(&failure.to_string()).await),
            Err(error) => return Err(self.broken(&error.to_string()).await),
        };
        if batch.rows == 0 {
            return Err(self.broken("a record that is durable cannot be found").await);
        }
        self.next_row = batch.seen.row.saturating_add(1);
        self.seen = self.seen.max(batch.seen);
        if batch.text.is_empty() {
            return if self.edge.readiness.is_stopping() || self.sender.is_closed() { Err(Ended) } else { Ok(()) };
        }
        self.check()?;
        self.told = self.seen;
        self.offer(batch.text).await
    }

    /// Whether the credentials still hold.
    fn check(&self) -> Result<(), Ended> {
        if self.pass.holds(&self.edge) {
            return Ok(());
        }
        tracing::info!(cash_box = %self.reader.cash_box, "a stream of events ends: its credentials are not valid any more");
        Err(Ended)
    }

    /// Breaks off, so that the client sees that this is no ordinary end.
    async fn broken(&self, reason: &str) -> Ended {
        tracing::warn!(cash_box = %self.reader.cash_box, reason, "a stream of events was broken off");
        let stall = Duration::from_millis(self.edge.limits.export_stall_ms);
        let broken = Err(io::Error::other("the stream of events was broken off"));
        drop(tokio::time::timeout(stall, self.sender.send(broken)).await);
        Ended
    }

    /// Hands a piece over, as soon as the client has read what is before it.
    async fn offer(&self, piece: Vec<u8>) -> Result<(), Ended> {
        let stall = Duration::from_millis(self.edge.limits.export_stall_ms);
        tokio::select! {
            // In this order: a place that is free is taken also while the server stops.
            biased;
            sent = tokio::time::timeout(stall, self.sender.send(Ok(Bytes::from(piece)))) => match sent {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) => Err(Ended),
                Err(_) => {
                    tracing::info!(cash_box = %self.reader.cash_box, "a stream of events ends: its client does not read");
                    Err(Ended)
                }
            },
            () = self.edge.readiness.stopped() => Err(Ended),
        }
    }
}
