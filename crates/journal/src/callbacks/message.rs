//! Messages as the stores keep them. Their URL and their text are not here: they follow from the record.

use kassette_model::{CashBoxId, OperationId};

use crate::Position;

/// Attempts of a message that are kept, the newest; older ones are only counted.
pub const ATTEMPTS_KEPT_MAX: usize = 64;
/// Longest name of an outcome, in bytes; what is longer is cut.
pub const OUTCOME_BYTES_MAX: usize = 32;
/// Longest detail of an attempt, in bytes; what is longer is cut.
pub const DETAIL_BYTES_MAX: usize = 512;

/// Order of messages: that of the log, and of the promises in one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessagePlace {
    /// Where the record lies.
    pub position: Position,
    /// Which promise of the record, from 0.
    pub index: u8,
}

/// A message that is to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenMessage {
    /// Stands for scheme, host and port of the URL; the caller makes it.
    pub target: u64,
    /// Where its promise stands.
    pub place: MessagePlace,
    /// Whose message.
    pub cash_box: CashBoxId,
    /// What it tells about.
    pub operation: OperationId,
    /// Journal row of the record.
    pub row: u64,
    /// Number among the messages of the operation, from 1.
    pub sequence: u32,
    /// When it was promised, nanoseconds since the Unix epoch.
    pub made_ns: i64,
    /// When the time for its retries began: when it was promised, or opened again.
    pub since_ns: i64,
    /// Not to be tried before, nanoseconds since the Unix epoch.
    pub due_ns: i64,
    /// The last attempts, newest last, at most [`ATTEMPTS_KEPT_MAX`].
    pub attempts: Vec<Attempt>,
    /// All attempts.
    pub attempt_count: u32,
}

/// One attempt to deliver a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// When it began, nanoseconds since the Unix epoch.
    pub at_ns: i64,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
    /// How it ended: a short name such as `acknowledged` or `timeout`, at most [`OUTCOME_BYTES_MAX`].
    pub outcome: String,
    /// HTTP status, when there was an answer; not 0.
    pub status: Option<u16>,
    /// More about it, at most [`DETAIL_BYTES_MAX`].
    pub detail: Option<String>,
}

/// How a message ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// The receiver has it.
    Acknowledged,
    /// The receiver wants no more.
    Gone,
    /// Given up.
    DeadLetter,
}

/// A message that is not tried any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledMessage {
    /// The message with its attempts.
    pub message: OpenMessage,
    /// How it ended.
    pub ending: Ending,
    /// When, nanoseconds since the Unix epoch.
    pub settled_ns: i64,
}

/// A message and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageState {
    /// To be delivered.
    Open(OpenMessage),
    /// Ended.
    Settled(SettledMessage),
}

/// What came of attempts at one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// To be tried again: with another `due_ns` and more attempts.
    Open(OpenMessage),
    /// Ended.
    Settled(SettledMessage),
}

/// Which messages are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ListFilter {
    /// Of one cash box only.
    pub cash_box: Option<CashBoxId>,
    /// In which state.
    pub kind: ListKind,
}

/// States that are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum ListKind {
    /// All.
    #[default]
    All,
    /// Those to be delivered.
    Open,
    /// Those given up.
    DeadLetters,
}

impl OpenMessage {
    /// Counts and keeps an attempt.
    pub fn add_attempt(&mut self, attempt: Attempt) {
        self.attempts.push(attempt);
        self.attempt_count = self.attempt_count.saturating_add(1);
        self.bound();
    }

    /// Cuts what is beyond the limits, as every store does with what it is given.
    pub(super) fn bound(&mut self) {
        let old = self.attempts.len().saturating_sub(ATTEMPTS_KEPT_MAX);
        self.attempts.drain(..old);
        for attempt in &mut self.attempts {
            cut(&mut attempt.outcome, OUTCOME_BYTES_MAX);
            if let Some(detail) = &mut attempt.detail {
                cut(detail, DETAIL_BYTES_MAX);
            }
            attempt.status = attempt.status.filter(|status| *status != 0);
        }
    }
}

impl MessageState {
    /// The message itself.
    #[must_use]
    pub const fn message(&self) -> &OpenMessage {
        match self {
            Self::Open(message) => message,
            Self::Settled(settled) => &settled.message,
        }
    }
}

fn cut(text: &mut String, bytes_max: usize) {
    text.truncate(text.floor_char_boundary(bytes_max));
}
