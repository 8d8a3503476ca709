//! Posting operation events on, as the callbacks that they are.

use bytes::Bytes;
use kassette_model::CashBoxId;
use kassette_outbound::{Client, Target};
use kassette_stdx::{Clock as _, SystemClock};
use kassette_webhooks::{Message, Outcome, Secret};

use super::with_jitter;
use crate::admin::Failure;

/// Waits after the first, second, third … attempt that failed, in milliseconds; after the last one the event is given up.
const RETRY_MS: [u64; 4] = [500, 1_000, 2_000, 4_000];
/// Nanoseconds of a second.
const SECOND_NS: i64 = 1_000_000_000;

/// A receiver.
pub(super) struct Forward {
    client: Client,
    target: Target,
    cash_box: CashBoxId,
    secrets: Vec<Secret>,
}

impl Forward {
    /// `secrets`: one or several, separated by white space.
    pub(super) fn new(client: Client, url: &str, cash_box: CashBoxId, secrets: &str) -> Result<Self, Failure> {
        let target = Target::parse(url, client.policy())
            .map_err(|error| Failure::usage(format!("--forward-to {url}: {error}")))?;
        let secrets: Result<Vec<Secret>, _> = secrets.split_whitespace().map(Secret::parse).collect();
        let secrets = secrets.map_err(|error| Failure::usage(error.to_string()))?;
        Ok(Self { client, target, cash_box, secrets })
    }

    /// Posts one event until the receiver has it or the attempts are over; `say` is told of each. The next event waits meanwhile, so that
    /// the order is kept.
    pub(super) async fn deliver(&self, body: &str, say: impl Fn(&str)) {
        let message = match Message::of_body(self.cash_box, body.as_bytes().to_vec()) {
            Ok(message) => message,
            Err(error) => return say(&format!("not forwarded: {error}")),
        };
        let clock = SystemClock::default();
        for wait_ms in RETRY_MS.into_iter().map(Some).chain([None]) {
            let headers = message.headers(&self.secrets, clock.unix_ns() / SECOND_NS);
            let body = Bytes::copy_from_slice(message.body());
            let outcome = match self.client.post(&self.target, &headers, body).await {
                Ok(answer) => match Outcome::of_status(answer.status) {
                    Outcome::Acknowledged { status } => return say(&format!("forwarded: {status}")),
                    Outcome::Gone => return say("forwarded: 410, the receiver wants no more of it"),
                    other => other.to_string(),
                },
                Err(failure) => failure.to_string(),
            };
            match wait_ms {
                Some(wait_ms) => {
                    let wait = with_jitter(wait_ms);
                    say(&format!("not taken ({outcome}); again in {wait:.1?}"));
                    tokio::time::sleep(wait).await;
                }
                None => {
                    say(&format!("given up ({outcome}) after {} attempts; going on", RETRY_MS.len().saturating_add(1)))
                }
            }
        }
    }
}
