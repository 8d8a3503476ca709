//! How a call to a cash box ends, as the edge sees it.

use kassette_cashbox::Answer;
use kassette_journal::{AppendError, JournalError};
use kassette_wire::problem::Problem;

/// An operation that has its final answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// The answer, the same bytes each time.
    pub answer: Answer,
    /// Whether this call executed it (201) or found it finished (200).
    pub first: bool,
}

/// How an operation stands whose caller wanted to be told when it is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// Durably accepted, not ended yet.
    Running {
        /// Whether this call accepted it.
        first: bool,
    },
    /// Ended.
    Ended(Executed),
}

/// Why a call has no answer of the operation itself. None of these is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejected {
    /// Same operation id, other body or kind.
    Conflict(Box<Problem>),
    /// The cash box cannot take this call.
    Refused(Box<Problem>),
    /// The first call still runs and the wait is over.
    StillRunning,
    /// Too much is waiting already.
    Busy {
        /// When to come back.
        retry_after_s: u32,
    },
    /// As many wait as may: for events, of the node or of the cash box; or for the payments of a terminal.
    TooManySubscribers {
        /// When to come back.
        retry_after_s: u32,
    },
    /// The cash box failed too often and waits for an operator.
    Quarantined {
        /// What failed last.
        reason: String,
    },
    /// The journal of this cash box is damaged.
    Damaged(String),
    /// No space on the device.
    NoSpace(String),
    /// The journal stopped; the process must be restarted.
    Poisoned(String),
    /// The server is stopping.
    Stopping,
    /// There is no such cash box.
    UnknownCashBox,
    /// A bug or an unreadable disk; the log says more.
    Fault(String),
}

/// When a caller that found a queue full should come back.
pub(crate) const BUSY_RETRY_AFTER_S: u32 = 1;

impl From<AppendError> for Rejected {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Busy | AppendError::Unlinked { .. } => Self::Busy { retry_after_s: BUSY_RETRY_AFTER_S },
            AppendError::NoSpace(text) => Self::NoSpace(text),
            AppendError::Poisoned(text) => Self::Poisoned(text),
            AppendError::Damaged(text) => Self::Damaged(text),
            AppendError::Closed => Self::Stopping,
            error @ AppendError::TooLarge { .. } => Self::Fault(error.to_string()),
        }
    }
}

impl From<JournalError> for Rejected {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::IndexBusy(_) => Self::Busy { retry_after_s: BUSY_RETRY_AFTER_S },
            JournalError::Damaged(damage) => Self::Damaged(damage.to_string()),
            JournalError::Closed => Self::Stopping,
            other => Self::Fault(other.to_string()),
        }
    }
}
