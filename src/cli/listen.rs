//! `kassette listen`: the events of a cash box on the terminal, or posted on as its callbacks.

mod forward;
mod shown;
mod stream;

use std::time::Duration;

use kassette_model::CashBoxId;
use kassette_outbound::{Client, Limits, Policy, StreamEvent};
use kassette_stdx::{Entropy, SystemEntropy};
use kassette_wire::event::{EventId, EventKind, EventKinds};

use super::session::Session;
use super::stopping::StopSignals;
use crate::admin::Failure;
use forward::Forward;
use stream::{Ended, Source, Stream};

/// Shortest and longest wait before the server is called again, in milliseconds. The wait doubles with each call that fails.
const BACK_OFF_MS: (u64, u64) = (500, 15_000);

/// Arguments of `listen`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The access token and the callback secret come from the environment and never from the command line.\n\
                        Only operation events are forwarded: they are the callbacks, with the same bytes, id and signature."
)]
pub(super) struct Listen {
    /// Where the interface is served, such as http://127.0.0.1:8080/v2
    #[arg(long, env = "KASSETTE_URL", value_name = "URL")]
    url: String,
    /// Id of the cash box
    #[arg(long, env = "KASSETTE_CASHBOX_ID", value_name = "ID")]
    cashbox: CashBoxId,
    /// Environment variable that holds the access token
    #[arg(long, value_name = "NAME", default_value = "KASSETTE_ACCESS_TOKEN")]
    token_env: String,
    /// Post each operation event to this URL, signed as a callback; any address may be named
    #[arg(long, value_name = "URL")]
    forward_to: Option<String>,
    /// Environment variable that holds the callback secret, or several separated by blanks
    #[arg(long, value_name = "NAME", default_value = "KASSETTE_CALLBACK_SECRET")]
    secret_env: String,
    /// Only these kinds: operation, receipt, device
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kind)]
    kind: Vec<EventKind>,
    /// Go on behind this event, such as 17.2; 0.0 from the beginning
    #[arg(long, value_name = "ID", value_parser = event_id)]
    after: Option<EventId>,
    /// End after so many events
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

fn kind(text: &str) -> Result<EventKind, String> {
    let known = EventKind::ALL.map(EventKind::name).join(", ");
    EventKind::parse(text).ok_or_else(|| format!("no such kind; known are {known}"))
}

fn event_id(text: &str) -> Result<EventId, String> {
    EventId::parse(text).ok_or_else(|| kassette_wire::event::EVENT_ID_EXPECTED.to_owned())
}

/// A secret of the environment.
fn secret_text(name: &str, what: &str) -> Result<String, Failure> {
    std::env::var(name).ok().filter(|text| !text.trim().is_empty()).ok_or_else(|| {
        Failure::usage(format!("{what} is taken from the environment: set {name}, or name another variable"))
    })
}

impl Listen {
    pub(super) fn run(self, session: &Session) -> Result<(), Failure> {
        let token = secret_text(&self.token_env, "the access token")?;
        let kinds = self.kind.iter().fold(EventKinds::NONE, |set, kind| set.with(*kind));
        let policy = Policy { limits: Limits { call_timeout_ms: 10_000, ..Limits::default() }, ..Policy::operator() };
        let client = Client::system(policy, &[]).map_err(|error| Failure::fault(error.to_string()))?;
        let forward = match &self.forward_to {
            Some(url) => {
                if !self.kind.is_empty() && !kinds.contains(EventKind::Operation) {
                    return Err(Failure::usage("--forward-to posts operation events: --kind has to name them, too"));
                }
                let secrets = secret_text(&self.secret_env, "the callback secret")?;
                Some(Forward::new(client.clone(), url, self.cashbox, &secrets)?)
            }
            None => None,
        };
        let source = Source::new(client, &self.url, self.cashbox, token, &self.kind)?;
        let listening = Listening { session, forward, source, last: self.after, left: self.count, failures: 0 };
        actix_web::rt::System::new().block_on(async {
            let mut signals = StopSignals::catch()?;
            tokio::select! {
                ended = listening.run() => ended,
                () = signals.next() => Ok(()),
            }
        })
    }
}

struct Listening<'s> {
    session: &'s Session,
    forward: Option<Forward>,
    source: Source,
    /// The last event that was dealt with: what comes after it comes again after a break.
    last: Option<EventId>,
    /// Events until the end, when there is one.
    left: Option<u64>,
    /// Calls that failed in a row.
    failures: u32,
}

impl Listening<'_> {
    async fn run(mut self) -> Result<(), Failure> {
        loop {
            let ended = match self.source.open(self.last).await {
                Ok(stream) => match self.follow(stream).await {
                    Some(ended) => ended,
                    None => return Ok(()),
                },
                Err(ended) => ended,
            };
            let (reason, at_least) = match ended {
                Ended::Refused(failure) => return Err(failure),
                Ended::Again { reason, at_least } => (reason, at_least),
            };
            let wait = back_off(self.failures).max(at_least);
            self.failures = self.failures.saturating_add(1);
            let from = self.last.map_or_else(String::new, |id| format!(", going on behind {id}"));
            self.session.console.note(&format!("{reason}; again in {:.1?}{from}", wait));
            tokio::time::sleep(wait).await;
        }
    }

    /// Deals with events until the stream ends; `None` when as many came as were wanted, or nobody reads what is shown.
    async fn follow(&mut self, mut stream: Stream) -> Option<Ended> {
        loop {
            let event = match stream.next().await {
                Ok(event) => event,
                Err(ended) => return Some(ended),
            };
            self.failures = 0;
            let id = EventId::parse(&event.id);
            if self.last.is_none() && id.is_some() && event.data.is_none() {
                self.session.console.note(&format!("listening to cash box {} from now on", self.source.cash_box()));
            }
            if event.data.is_some() && !self.deal_with(&event).await {
                return None;
            }
            self.last = id.or(self.last);
            if event.data.is_some() {
                self.left = self.left.map(|left| left.saturating_sub(1));
                if self.left == Some(0) {
                    return None;
                }
            }
        }
    }

    /// Shows an event and posts it on; `false` when nobody reads what is shown.
    async fn deal_with(&self, event: &StreamEvent) -> bool {
        let console = &self.session.console;
        let data = event.data.as_deref().unwrap_or_default();
        if !console.is_read(&if console.is_json() { shown::json(event, data) } else { shown::line(event, data) }) {
            return false;
        }
        if let Some(forward) = self.forward.as_ref().filter(|_| event.kind == EventKind::Operation.name()) {
            forward.deliver(data, |text| console.note(&format!("  {} {text}", event.id))).await;
        }
        true
    }
}

/// The wait after so many failures, with up to a half more by chance: many listeners do not come back in one moment.
fn back_off(failures: u32) -> Duration {
    let (shortest_ms, longest_ms) = BACK_OFF_MS;
    let wait_ms = shortest_ms.saturating_mul(1_u64.checked_shl(failures.min(16)).unwrap_or(u64::MAX)).min(longest_ms);
    with_jitter(wait_ms)
}

fn with_jitter(wait_ms: u64) -> Duration {
    let mut random = [0; 8];
    SystemEntropy.fill(&mut random);
    let more_ms = u64::from_le_bytes(random).checked_rem(wait_ms / 2 + 1).unwrap_or(0);
    Duration::from_millis(wait_ms.saturating_add(more_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit() {
        for (failures, least_ms) in [(0, 500), (1, 1_000), (4, 8_000), (5, 15_000), (u32::MAX, 15_000)] {
            let wait = back_off(failures);
            let band = Duration::from_millis(least_ms)..=Duration::from_millis(least_ms + least_ms / 2);
            assert!(band.contains(&wait), "{failures}: {wait:?}");
        }
    }
}
