//! How a terminal stands, as its own actors know it; it outlives them.

use std::sync::Arc;

use kassette_model::OperationId;
use kassette_stdx::Clock;
use tokio::sync::watch;

use super::status::DeviceState;

/// What stands on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) state: DeviceState,
    pub(crate) since_unix_ns: i64,
    pub(crate) operation: Option<OperationId>,
    /// What the terminal told last, in the words of its provider.
    pub(crate) last_told: Option<String>,
    /// Counts the lives of the terminal's session, so that who waits for the next one does not take the last one for it.
    pub(crate) life: u64,
}

/// Written by the session of a terminal, read by everybody.
pub(crate) struct Board {
    clock: Arc<dyn Clock>,
    standing: watch::Sender<Standing>,
}

impl Board {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let since_unix_ns = clock.unix_ns();
        let first = Standing { state: DeviceState::Starting, since_unix_ns, operation: None, last_told: None, life: 0 };
        Self { clock, standing: watch::Sender::new(first) }
    }

    /// A new session begins.
    pub(crate) fn begins(&self) {
        self.put(DeviceState::Starting, None, None, true);
    }

    /// The terminal is idle, and told this last.
    pub(crate) fn ready(&self, last_told: Option<String>) {
        self.put(DeviceState::Ready, None, last_told, false);
    }

    /// It works on an operation.
    pub(crate) fn busy(&self, operation: OperationId) {
        self.put(DeviceState::Busy, Some(operation), None, false);
    }

    fn put(&self, state: DeviceState, operation: Option<OperationId>, last_told: Option<String>, begins: bool) {
        let now_ns = self.clock.unix_ns();
        self.standing.send_modify(|standing| {
            if standing.state != state {
                (standing.state, standing.since_unix_ns) = (state, now_ns);
            }
            standing.operation = operation;
            if begins {
                standing.life = standing.life.saturating_add(1);
                standing.last_told = None;
            }
            if last_told.is_some() {
                standing.last_told = last_told;
            }
        });
    }

    pub(crate) fn now(&self) -> Standing {
        self.standing.borrow().clone()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }
}
