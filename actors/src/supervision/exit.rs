//! Why a child is gone.

use std::any::Any;
use std::fmt;

/// Why a child is gone. A failure that was to be expected (a port unplugged) is a value, [`Exit::Failed`], so that
/// [`Exit::Panic`] stays what it is: a bug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// It ended by itself and gave no reason.
    Normal,
    /// It ended with a reason, or was taken for failed by its supervisor (no start in time, no answer to a ping).
    Failed(String),
    /// It panicked, or its factory did; with the panic's message.
    Panic(String),
    /// Its supervisor asked it to end.
    Shutdown,
}

impl Exit {
    /// Whether a [`Restart::Transient`](super::Restart::Transient) child is started again after it.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::Panic(_))
    }

    /// The exit that a caught panic stands for.
    pub(super) fn from_panic(payload: &(dyn Any + Send)) -> Self {
        let message = payload
            .downcast_ref::<&'static str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic whose payload is no text".to_owned());
        Self::Panic(message)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal => f.write_str("ended by itself"),
            Self::Failed(reason) => write!(f, "failed: {reason}"),
            Self::Panic(message) => write!(f, "panic: {message}"),
            Self::Shutdown => f.write_str("stopped by its supervisor"),
        }
    }
}
