//! One attempt: the message from its record, signed, posted.

use std::sync::Arc;

use bytes::Bytes;
use kassette_cashbox::reading::state_changes;
use kassette_journal::callbacks::{Attempt, OpenMessage};
use kassette_outbound::{BodyEnd, CallFailure, Target};
use kassette_record::{SealedRecord, moment};
use kassette_webhooks::{FailureKind, Message, Outcome, parse_retry_after};

use super::CallbackParts;
use crate::node::Shared;

/// How an attempt went.
pub(super) enum Sent {
    /// It was made.
    Tried {
        attempt: Attempt,
        outcome: Outcome,
        /// What the receiver asked for, in seconds.
        retry_after_s: Option<u64>,
    },
    /// It could not be made for a reason of our own: later again, and it does not count.
    NotNow(String),
    /// It can never be made.
    Never(String),
}

/// What is posted for a message.
struct Prepared {
    url: String,
    message: Message,
}

/// Makes an attempt. Ends within the time-out of the client.
pub(super) async fn send(shared: Arc<Shared>, parts: Arc<CallbackParts>, message: OpenMessage) -> Sent {
    let at_ns = shared.clock.unix_ns();
    let prepared = match prepare(&shared, &message) {
        Ok(prepared) => prepared,
        Err(sent) => return sent,
    };
    let secrets = match parts.secrets.secrets(message.cash_box) {
        Ok(secrets) => secrets,
        Err(reason) => return Sent::NotNow(format!("the secret of the cash box: {reason}")),
    };
    let begun = shared.clock.monotonic();
    let (outcome, detail, asked) = match Target::parse(&prepared.url, parts.client.policy()) {
        Err(error) => (Outcome::Failed(FailureKind::AddressRefused), Some(error.to_string()), None),
        Ok(target) => {
            let headers = prepared.message.headers(&secrets, at_ns.div_euclid(1_000_000_000));
            let body = Bytes::copy_from_slice(prepared.message.body());
            match parts.client.post(&target, &headers, body).await {
                Ok(answer) => {
                    let detail = (answer.body_end != BodyEnd::Complete)
                        .then(|| format!("the answer's body: {:?} after {} bytes", answer.body_end, answer.body_bytes));
                    (Outcome::of_status(answer.status), detail, answer.retry_after)
                }
                Err(failure) => (Outcome::Failed(kind(&failure)), Some(failure.to_string()), None),
            }
        }
    };
    let took = shared.clock.monotonic().saturating_sub(begun);
    let now = moment(shared.clock.unix_ns());
    Sent::Tried {
        attempt: Attempt {
            at_ns,
            duration_ms: u32::try_from(took.as_millis()).unwrap_or(u32::MAX),
            outcome: outcome.name().to_owned(),
            status: outcome.status(),
            detail,
        },
        outcome,
        retry_after_s: asked.and_then(|value| parse_retry_after(&value, now)),
    }
}

const fn kind(failure: &CallFailure) -> FailureKind {
    match failure {
        CallFailure::Resolve(_) => FailureKind::Resolve,
        CallFailure::AddressRefused(_) => FailureKind::AddressRefused,
        CallFailure::Connect(_) => FailureKind::Connect,
        CallFailure::Tls(_) => FailureKind::Tls,
        CallFailure::Timeout(_) => FailureKind::Timeout,
        CallFailure::Protocol(_) => FailureKind::Protocol,
    }
}

fn prepare(shared: &Shared, message: &OpenMessage) -> Result<Prepared, Sent> {
    let unreadable = |error: &dyn std::fmt::Display| Sent::NotNow(format!("row {}: {error}", message.row));
    let record =
        shared.journal.at(message.cash_box, message.row, message.place.position).map_err(|error| match error {
            kassette_journal::JournalError::Damaged(damage) => Sent::Never(damage.to_string()),
            error => unreadable(&error),
        })?;
    let profile = shared.profiles.get(shared.journal.as_ref(), message.cash_box).map_err(|error| unreadable(&error))?;
    let Some(profile) = profile else { return Err(Sent::Never("its cash box is not known".to_owned())) };
    let state = state_changes(&record, profile.queue).map_err(|error| Sent::Never(error.to_string()))?;
    let sequence = u64::from(message.sequence);
    let state = state.into_iter().find(|change| change.sequence == Some(sequence));
    match (state, url(&record, message.sequence)) {
        (Some(state), Some(url)) => Ok(Prepared { url, message: Message::new(message.cash_box, sequence, state) }),
        _ => Err(Sent::Never(format!("row {} promises no message {sequence}", message.row))),
    }
}

/// Where the message with this number goes.
pub(super) fn url(record: &SealedRecord, sequence: u32) -> Option<String> {
    record.promises.iter().find(|promise| promise.sequence == sequence).map(|promise| promise.url.clone())
}
