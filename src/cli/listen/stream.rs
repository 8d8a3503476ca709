//! The stream of a server: opened, read, and told apart how it ends.

use std::time::Duration;

use kassette_model::CashBoxId;
use kassette_outbound::{Client, EventReader, StreamEvent, Streaming, Target};
use kassette_wire::event::{EventId, EventKind};

use crate::admin::Failure;

/// Silence after which the connection counts as broken, in milliseconds: several heartbeats of any sensible server.
const IDLE_MS: u64 = 120_000;
/// Longest event that is read, in bytes.
const EVENT_BYTES_MAX: usize = 1_048_576;
/// Most bytes of a problem document that are read.
const PROBLEM_BYTES_MAX: usize = 65_536;
/// Longest wait that a server can ask for, in seconds.
const RETRY_AFTER_MAX_S: u64 = 300;

/// Why there are no more events now.
pub(super) enum Ended {
    /// To be tried again, not before `at_least` has passed.
    Again { reason: String, at_least: Duration },
    /// No later call would be answered otherwise.
    Refused(Failure),
}

impl Ended {
    fn again(reason: String) -> Self {
        Self::Again { reason, at_least: Duration::ZERO }
    }
}

/// A server and who asks it.
pub(super) struct Source {
    client: Client,
    target: Target,
    cash_box: CashBoxId,
    token: String,
}

impl Source {
    pub(super) fn new(
        client: Client,
        url: &str,
        cash_box: CashBoxId,
        token: String,
        kinds: &[EventKind],
    ) -> Result<Self, Failure> {
        let kinds: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
        let query = if kinds.is_empty() { String::new() } else { format!("?kind={}", kinds.join(",")) };
        let target = Target::parse(&format!("{}/events{query}", url.trim_end_matches('/')), client.policy())
            .map_err(|error| Failure::usage(format!("--url {url}: {error}")))?;
        Ok(Self { client, target, cash_box, token })
    }

    pub(super) const fn cash_box(&self) -> CashBoxId {
        self.cash_box
    }

    /// Opens the stream behind `last`, or from now on.
    pub(super) async fn open(&self, last: Option<EventId>) -> Result<Stream, Ended> {
        let mut headers = vec![
            ("accept", "text/event-stream".to_owned()),
            ("x-cashbox-id", self.cash_box.to_string()),
            ("x-cashbox-accesstoken", self.token.clone()),
        ];
        headers.extend(last.map(|id| ("last-event-id", id.to_string())));
        let called = self.client.get(&self.target, &headers, IDLE_MS).await;
        let mut answer = called.map_err(|failure| Ended::again(format!("the server cannot be reached ({failure})")))?;
        if answer.status() != 200 {
            return Err(refused(&mut answer).await);
        }
        if !answer.content_type().is_some_and(|kind| kind.starts_with("text/event-stream")) {
            return Err(Ended::Refused(Failure::refused("what is served there is no stream of events")));
        }
        Ok(Stream { answer, reader: EventReader::new(EVENT_BYTES_MAX) })
    }
}

/// What a refusal means: a busy server is asked again, wrong credentials stay wrong.
async fn refused(answer: &mut Streaming) -> Ended {
    let status = answer.status();
    let wait_s = answer.retry_after().and_then(|text| text.trim().parse().ok()).unwrap_or(1).min(RETRY_AFTER_MAX_S);
    let text = answer.text(PROBLEM_BYTES_MAX).await;
    let detail = serde_json::from_str::<serde_json::Value>(&text)
        .ok()
        .and_then(|problem| problem.get("detail")?.as_str().map(str::to_owned))
        .unwrap_or_else(|| "no reason was given".to_owned());
    let reason = format!("the server answered {status}: {detail}");
    match status {
        429 | 500.. => Ended::Again { reason, at_least: Duration::from_secs(wait_s) },
        _ => Ended::Refused(Failure::refused(reason)),
    }
}

/// An open stream.
pub(super) struct Stream {
    answer: Streaming,
    reader: EventReader,
}

impl Stream {
    /// The next block.
    pub(super) async fn next(&mut self) -> Result<StreamEvent, Ended> {
        loop {
            if let Some(event) = self.reader.next_event() {
                return Ok(event);
            }
            let piece = match self.answer.piece().await {
                Ok(Some(piece)) => piece,
                Ok(None) => return Err(Ended::again("the server ended the stream".to_owned())),
                Err(failure) => return Err(Ended::again(failure.to_string())),
            };
            self.reader.push(&piece).map_err(|error| Ended::Refused(Failure::fault(error.to_string())))?;
        }
    }
}
