//! How far the callbacks have come that records promise.
//!
//! Purpose: know over restarts which promises of the log were taken over, which messages are still to be delivered, and how the
//! others ended.
//! Owns: the [`CallbackStore`] trait with its contract suite, its stores ([`SledCallbacks`], [`MemoryCallbacks`]).
//! Invariants: `taken` never runs ahead of the messages before it, also when the process is killed; what cannot be read is an error,
//! never silently empty; a lost store costs deliveries that are made twice, never a message.
//! Not here: what is sent and when it is tried again (`webhooks`), who sends it (actors), the promises themselves (the log).

use kassette_model::{CashBoxId, OperationId};

use crate::Position;

mod bytes;
mod ledger;
mod memory;
mod message;
mod settled;
mod settled_to;
mod sled_store;

#[cfg(test)]
mod contract;
#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod measure;
#[cfg(test)]
mod model_tests;

pub use memory::MemoryCallbacks;
pub use message::{
    ATTEMPTS_KEPT_MAX, Attempt, Change, DETAIL_BYTES_MAX, Ending, ListFilter, ListKind, MessagePlace, MessageState,
    OUTCOME_BYTES_MAX, OpenMessage, SettledMessage,
};
pub use sled_store::{CallbackOptions, SledCallbacks};

/// The store of callbacks cannot be used any more (closed, damaged, device full), or was called against its contract. After a failure
/// of a persistent store every later call fails too: make a fresh one and take the promises of the last days again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("callbacks: {0}")]
pub struct CallbackError(pub String);

impl From<String> for CallbackError {
    fn from(reason: String) -> Self {
        Self(reason)
    }
}

/// How many messages there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MessageCounts {
    /// Still to be delivered.
    pub open: u64,
    /// Given up, and not yet forgotten.
    pub dead_letters: u64,
}

/// Open and settled messages. All methods are safe to call from any thread and may block on the disk.
pub trait CallbackStore: Send + Sync + 'static {
    /// Before this place of the log every promise was taken. `None` for a fresh store: nothing was, and the caller chooses where
    /// to begin; [`CallbackStore::settled_to`] may spare it a part.
    ///
    /// # Errors
    /// When the store failed.
    fn taken(&self) -> Result<Option<Position>, CallbackError>;

    /// Before this place of the log every message was settled, as of the last [`CallbackStore::flush`]. A persistent store keeps it
    /// outside of what may be damaged, so that a fresh one still tells it. Compare with the end of the log before use.
    ///
    /// # Errors
    /// When the store failed.
    fn settled_to(&self) -> Result<Option<Position>, CallbackError>;

    /// These messages are open, and every promise before `up_to` was taken. Messages that lie before [`CallbackStore::taken`] were taken
    /// before and are left alone, so that taking twice changes nothing. May be done in several steps in the order of the log, each
    /// atomic together with the place up to which it goes.
    ///
    /// # Errors
    /// When a message lies at or after `up_to`, or the store failed.
    fn take(&self, up_to: Position, messages: &[OpenMessage]) -> Result<(), CallbackError>;

    /// What came of attempts. Changes of messages that are not open are left alone. When the process is killed meanwhile, each message
    /// is as it was or as it is to be; one that was to be settled may then be both, and counts as open.
    ///
    /// # Errors
    /// When the store failed.
    fn tried(&self, changes: &[Change]) -> Result<(), CallbackError>;

    /// A settled message is to be delivered again, from `now_ns` on: its attempts stay, the time for its retries begins anew. Gives
    /// `false` when it is not among the settled ones as given (forgotten, or reopened already).
    ///
    /// # Errors
    /// When the store failed.
    fn reopen(&self, settled: &SettledMessage, now_ns: i64) -> Result<bool, CallbackError>;

    /// Open messages of one target behind `after`, in order of their places, at most `limit`.
    ///
    /// # Errors
    /// When the store failed.
    fn window(&self, target: u64, after: Option<MessagePlace>, limit: usize)
    -> Result<Vec<OpenMessage>, CallbackError>;

    /// Targets that have open messages, ascending.
    ///
    /// # Errors
    /// When the store failed.
    fn targets(&self) -> Result<Vec<u64>, CallbackError>;

    /// All messages of one operation in order of their places. Reads the settled messages of the cash box, and all open ones when
    /// it has any.
    ///
    /// # Errors
    /// When the store failed.
    fn of_operation(&self, cash_box: CashBoxId, operation: OperationId) -> Result<Vec<MessageState>, CallbackError>;

    /// Messages for the operator, at most `limit`: the open ones first, newest place first, then the settled ones, last settled first.
    ///
    /// # Errors
    /// When the store failed.
    fn list(&self, filter: &ListFilter, limit: usize) -> Result<Vec<MessageState>, CallbackError>;

    /// How many messages there are. Cheap.
    ///
    /// # Errors
    /// When the store failed.
    fn counts(&self) -> Result<MessageCounts, CallbackError>;

    /// Forgets messages that were settled before `settled_ns` (nanoseconds since the Unix epoch), by whole days (UTC): what was
    /// settled on the same day stays.
    ///
    /// # Errors
    /// When the store failed.
    fn forget_before(&self, settled_ns: i64) -> Result<(), CallbackError>;

    /// Hands everything to the operating system, and notes how far all is settled. To be called every few seconds: it may sync a small
    /// file.
    ///
    /// # Errors
    /// When the store failed.
    fn flush(&self) -> Result<(), CallbackError>;

    /// Orderly end. Nothing may be changed afterwards.
    ///
    /// # Errors
    /// When the store failed.
    fn close(&self) -> Result<(), CallbackError> {
        self.flush()
    }
}
