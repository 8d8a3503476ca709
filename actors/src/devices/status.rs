//! What an operator sees of a device.

use kassette_model::{CashBoxId, OperationId};

/// How a device stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceState {
    /// Its line is being opened, or it is asked for the first time.
    Starting,
    /// It is idle.
    Ready,
    /// It works on the operation of [`DeviceStatus::operation`].
    Busy,
    /// It failed and is started again soon.
    Restarting,
    /// It failed too often and is tried again slowly.
    Down,
}

impl DeviceState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Starting, Self::Ready, Self::Busy, Self::Restarting, Self::Down];

    /// Lower-case, as operators and `/readyz` see it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Busy => "busy",
            Self::Restarting => "restarting",
            Self::Down => "down",
        }
    }

    /// Whether it cannot be used now, and not because it has work.
    #[must_use]
    pub const fn is_out(self) -> bool {
        matches!(self, Self::Restarting | Self::Down)
    }
}

/// A device as its supervisor and its own actors see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceStatus {
    /// Whose it is.
    pub cash_box: CashBoxId,
    /// Its name within the cash box.
    pub name: String,
    /// Which provider speaks with it.
    pub provider: String,
    /// Its line, as text.
    pub address: String,
    /// How it stands.
    pub state: DeviceState,
    /// Since when, nanoseconds since the Unix epoch, UTC.
    pub since_unix_ns: i64,
    /// When it is tried again, if that is planned, nanoseconds since the Unix epoch, UTC.
    pub next_try_unix_ns: Option<i64>,
    /// How often it was started again since the start of the server.
    pub restarts: u64,
    /// Why it last failed.
    pub last_error: Option<String>,
    /// The last transaction that it told of, in the words of its provider.
    pub last_told: Option<String>,
    /// What it works on.
    pub operation: Option<OperationId>,
}

impl DeviceStatus {
    /// Why it cannot be used now; `None` for one that can, whatever it failed with before.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.last_error.as_deref().filter(|_| self.state.is_out())
    }
}
