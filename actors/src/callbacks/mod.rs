//! Callbacks: from a promise in a durable record to its delivery (contract 3.3).
//!
//! Purpose: deliver every promised message at least once, in order for each operation, without a receiver ever being felt by a till.
//! Owns: the hand-over from the writer (`Intake`), the order and the caps of deliveries (`queues`), the actor that takes, sends and
//! notes (`CallbackDispatcher`), the operator's view ([`Callbacks`]).
//! Invariants: a message is written to the store before it is sent, and the store's place in the log never runs ahead of it, so that a
//! kill costs at most a second delivery with the same `webhook-id`; memory is bounded by windows, what does not fit waits in the store
//! or in the log; one target has one queue and one cap, and a target that does not answer gets one call at a time.
//! Not here: signature and retry plan (`webhooks`), connections and the address guard (`outbound`), the store (`journal`).

mod catch_up;
mod delivery;
mod dispatcher;
mod intake;
mod operator;
mod queues;
mod target_queue;

use std::sync::Arc;

use kassette_journal::callbacks::{CallbackError, CallbackStore};
use kassette_model::CashBoxId;
use kassette_outbound::Client;
use kassette_webhooks::{RetryOptions, Secret};

pub(crate) use dispatcher::CallbackDispatcher;
pub(crate) use intake::{Intake, Owed};
pub(crate) use operator::CallbackDesk;
pub use operator::{CallbackStatus, Callbacks, Resent};

/// Where the secrets of cash boxes come from.
pub trait CallbackSecrets: Send + Sync + 'static {
    /// The valid secrets of a cash box, newest first; at least one.
    ///
    /// # Errors
    /// Why they cannot be had now, for the log.
    fn secrets(&self, cash_box: CashBoxId) -> Result<Vec<Secret>, String>;
}

/// Opens the store; a fresh, empty one when asked for.
pub type OpenCallbackStore = Arc<dyn Fn(bool) -> Result<Arc<dyn CallbackStore>, CallbackError> + Send + Sync>;

/// What the dispatcher works with. Without it promises are made and kept in the journal, and nothing is sent.
#[derive(Clone)]
pub struct CallbackParts {
    /// Sends, behind the address guard.
    pub client: Client,
    /// Signs.
    pub secrets: Arc<dyn CallbackSecrets>,
    /// Keeps how far it has come.
    pub store: OpenCallbackStore,
    /// Limits.
    pub options: CallbackLimits,
}

/// Limits of the dispatcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackLimits {
    /// When a message is tried again, and when no more.
    pub retry: RetryOptions,
    /// Calls at the same time, over all targets.
    pub calls_max: usize,
    /// Calls at the same time to one target (scheme, host and port) that answers; one that does not has one.
    pub calls_per_target_max: usize,
    /// Messages of one target in memory; the others wait in the store.
    pub target_window_messages_max: usize,
    /// Messages of all targets in memory.
    pub window_messages_max: usize,
    /// Promises that wait to be taken over; beyond it they are read from the log instead.
    pub intake_messages_max: usize,
    /// How long settled messages are kept for the operator, in milliseconds.
    pub history_keep_ms: u64,
    /// How long to wait before a store that failed is made anew, in milliseconds.
    pub reopen_ms: u64,
}

impl Default for CallbackLimits {
    fn default() -> Self {
        Self {
            retry: RetryOptions::default(),
            calls_max: 256,
            calls_per_target_max: 8,
            target_window_messages_max: 4_096,
            window_messages_max: 65_536,
            intake_messages_max: 65_536,
            history_keep_ms: 604_800_000,
            reopen_ms: 30_000,
        }
    }
}
