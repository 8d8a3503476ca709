//! What an operator sees of callbacks and may do about them.

use std::sync::Arc;

use kassette_journal::callbacks::{CallbackError, CallbackStore, ListFilter, MessageCounts, MessageState};
use kassette_model::{CashBoxId, OperationId};
use parking_lot::RwLock;

use super::CallbackDispatcher;
use super::dispatcher::{Hurry, LookNow};
use crate::supervision::ChildRef;

/// How callbacks stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallbackStatus {
    /// Messages still to be delivered.
    pub open: u64,
    /// Messages given up and not yet forgotten.
    pub dead_letters: u64,
    /// Calls that are being made.
    pub sending: usize,
    /// Whether promises are still being read from the log, so that there may be more than is told here.
    pub catching_up: bool,
    /// Why nothing is sent, if so.
    pub problem: Option<String>,
}

/// The problem while there is no dispatcher.
const NOT_RUNNING: &str = "the dispatcher is not running";

#[derive(Default)]
struct Desk {
    store: Option<Arc<dyn CallbackStore>>,
    problem: Option<String>,
    sending: usize,
    catching_up: bool,
}

/// What the dispatcher shows; outlives its restarts.
pub(crate) struct CallbackDesk(RwLock<Desk>);

impl CallbackDesk {
    /// Before the dispatcher has opened its store.
    pub(crate) fn new() -> Self {
        Self(RwLock::new(Desk { problem: Some(NOT_RUNNING.to_owned()), ..Desk::default() }))
    }

    pub(super) fn opened(&self, store: Arc<dyn CallbackStore>) {
        *self.0.write() = Desk { store: Some(store), catching_up: true, ..Desk::default() };
    }

    pub(super) fn failed(&self, problem: String) {
        *self.0.write() = Desk { problem: Some(problem), ..Desk::default() };
    }

    pub(super) fn closed(&self) {
        let mut desk = self.0.write();
        desk.store = None;
        desk.sending = 0;
        desk.problem.get_or_insert_with(|| NOT_RUNNING.to_owned());
    }

    pub(super) fn sending(&self, calls: usize) {
        self.0.write().sending = calls;
    }

    pub(super) fn catching_up(&self, catching_up: bool) {
        self.0.write().catching_up = catching_up;
    }

    fn store(&self) -> Result<Arc<dyn CallbackStore>, CallbackError> {
        let desk = self.0.read();
        desk.store.clone().ok_or_else(|| CallbackError(desk.problem.clone().unwrap_or_else(|| NOT_RUNNING.to_owned())))
    }
}

/// What came of a wish to send messages again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Resent {
    /// Messages that had ended and are to be delivered again.
    pub reopened: usize,
    /// Messages that were waiting for their next attempt, which is made now.
    pub hurried: usize,
}

/// The handle of the operator. The methods read the disk: call them from a thread that may wait.
#[derive(Clone)]
pub struct Callbacks {
    desk: Arc<CallbackDesk>,
    dispatcher: ChildRef<CallbackDispatcher>,
}

impl Callbacks {
    pub(crate) fn new(desk: Arc<CallbackDesk>, dispatcher: ChildRef<CallbackDispatcher>) -> Self {
        Self { desk, dispatcher }
    }

    /// How callbacks stand.
    #[must_use]
    pub fn status(&self) -> CallbackStatus {
        let (store, problem, sending, catching_up) = {
            let desk = self.desk.0.read();
            (desk.store.clone(), desk.problem.clone(), desk.sending, desk.catching_up)
        };
        match store.map(|store| store.counts()) {
            Some(Ok(counts)) => {
                let MessageCounts { open, dead_letters } = counts;
                CallbackStatus { open, dead_letters, sending, catching_up, problem: None }
            }
            Some(Err(error)) => CallbackStatus { problem: Some(error.to_string()), ..CallbackStatus::default() },
            None => CallbackStatus { problem, ..CallbackStatus::default() },
        }
    }

    /// Messages in the order of [`CallbackStore::list`].
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub fn list(&self, filter: &ListFilter, limit: usize) -> Result<Vec<MessageState>, CallbackError> {
        self.desk.store()?.list(filter, limit)
    }

    /// The messages of one operation, in order.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub fn of_operation(
        &self,
        cash_box: CashBoxId,
        operation: OperationId,
    ) -> Result<Vec<MessageState>, CallbackError> {
        self.desk.store()?.of_operation(cash_box, operation)
    }

    /// Looks for messages that are due now, instead of when the alarm goes off; gives when that is done. For tests, whose clock does not
    /// set off alarms.
    pub async fn look_now(&self) {
        if let Ok(dispatcher) = self.dispatcher.get() {
            let _gone = dispatcher.send(LookNow).await;
        }
    }

    /// Sends messages of an operation again, all of them or the one with this number: also such as were acknowledged. Each carries the
    /// same `webhook-id` and body as before.
    ///
    /// # Errors
    /// When the store cannot be read or written now.
    pub fn resend(
        &self,
        cash_box: CashBoxId,
        operation: OperationId,
        sequence: Option<u32>,
        now_ns: i64,
    ) -> Result<Resent, CallbackError> {
        let store = self.desk.store()?;
        let dispatcher = self.dispatcher.get().map_err(|down| CallbackError(down.to_string()))?;
        let mut resent = Resent::default();
        let known = store.of_operation(cash_box, operation)?;
        let wanted = known.into_iter().filter(|one| sequence.is_none_or(|wanted| one.message().sequence == wanted));
        for state in wanted {
            let message = match state {
                MessageState::Open(message) => {
                    resent.hurried = resent.hurried.saturating_add(1);
                    message
                }
                MessageState::Settled(settled) => {
                    if !store.reopen(&settled, now_ns)? {
                        continue;
                    }
                    resent.reopened = resent.reopened.saturating_add(1);
                    let mut message = settled.message;
                    (message.since_ns, message.due_ns) = (now_ns, now_ns);
                    message
                }
            };
            dispatcher.do_send(Hurry(message));
        }
        Ok(resent)
    }
}
