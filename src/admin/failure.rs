//! Why a command was not done, in a form that crosses the socket and becomes an exit code.

use std::fmt;

use kassette_actors::Rejected;
use kassette_cashbox::ConfigurationError;
use kassette_journal::JournalError;
use serde::{Deserialize, Serialize};

use crate::keys::KeyError;

/// What kind of failure; each has its exit code (docs/operations.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The command line or a value in it is wrong: exit code 2.
    Usage,
    /// No such cash box, unit, folder or file: exit code 3.
    NotFound,
    /// Understood and refused: exit code 4.
    Refused,
    /// The folder is used by another process that does not answer: exit code 5.
    Locked,
    /// The disk, a key or this program failed: exit code 6.
    Fault,
}

/// A failure with a text for the operator. It never holds a token, a passphrase or key material.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind.
    pub kind: FailureKind,
    /// What happened and, where there is one, the way out.
    pub message: String,
}

impl Failure {
    /// A failure of this kind.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// [`FailureKind::NotFound`].
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(FailureKind::NotFound, message)
    }

    /// [`FailureKind::Refused`].
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Refused, message)
    }

    /// [`FailureKind::Usage`].
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Usage, message)
    }

    /// [`FailureKind::Fault`].
    pub fn fault(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Fault, message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        let kind = match &error {
            KeyError::NoUnit(_) => FailureKind::NotFound,
            KeyError::OtherEnvironment { .. } | KeyError::SandboxUnit(_) | KeyError::Switch { .. } => {
                FailureKind::Refused
            }
            KeyError::PassphraseEnvName(_) => FailureKind::Usage,
            KeyError::File { .. }
            | KeyError::Damaged { .. }
            | KeyError::Unit { .. }
            | KeyError::PassphraseEnv { .. }
            | KeyError::OtherKey(_)
            | KeyError::NoSecret(_) => FailureKind::Fault,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        let kind = match &error {
            JournalError::Locked(_) => FailureKind::Locked,
            JournalError::IndexBusy(_) => FailureKind::Refused,
            JournalError::Io { .. } | JournalError::Damaged(_) | JournalError::Format(_) | JournalError::Closed => {
                FailureKind::Fault
            }
        };
        Self::new(kind, error.to_string())
    }
}

impl From<ConfigurationError> for Failure {
    fn from(error: ConfigurationError) -> Self {
        Self::refused(error.to_string())
    }
}

impl From<Rejected> for Failure {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::Conflict(problem) | Rejected::Refused(problem) => Self::refused(problem.detail),
            Rejected::UnknownCashBox => Self::not_found("there is no such cash box"),
            Rejected::StillRunning => Self::refused("the operation still runs; try again"),
            Rejected::Busy { retry_after_s } => {
                Self::refused(format!("too much is waiting already; try again in {retry_after_s} s"))
            }
            Rejected::TooManySubscribers { retry_after_s } => {
                Self::refused(format!("as many as allowed wait for events; try again in {retry_after_s} s"))
            }
            Rejected::Stopping => Self::refused("the server is stopping"),
            Rejected::Quarantined { reason } => {
                Self::refused(format!("the cash box is in quarantine ({reason}); `kassette cashbox resume` lifts it"))
            }
            Rejected::Damaged(text) => Self::fault(format!("the journal is damaged: {text}")),
            Rejected::NoSpace(text) => Self::fault(format!("no space on the device: {text}")),
            Rejected::Poisoned(text) => Self::fault(format!("the journal stopped, restart the server: {text}")),
            Rejected::Fault(text) => Self::fault(text),
        }
    }
}
