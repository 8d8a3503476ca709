//! What an operation is and which states it goes through.
//!
//! Purpose: the kinds of operations, their states, and the one table of how a state changes.
//! Owns: [`OperationKind`], [`OperationState`], [`transition`] with [`path`] and [`diagram`].
//! Invariants: a state changes only along [`TRANSITIONS`]; an end never changes, but that something done can be delivered.
//! Not here: what an operation does (`cashbox`), who waits for it (`actors`).

use std::fmt;

mod transition;

pub use transition::{
    ImpossibleTransition, OperationEvent, Progress, TRANSITIONS, diagram, events_to, path, path_between, transition,
};

/// The kinds of operations that are idempotent by `x-operation-id` (contract 2.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperationKind {
    /// `POST /echo`: health check and reset.
    Echo,
    /// `POST /cart`.
    Cart,
    /// `POST /order`.
    Order,
    /// `POST /pay`.
    Pay,
    /// `POST /sign`.
    Sign,
    /// `POST /issue`.
    Issue,
}

impl OperationKind {
    /// The lower-case path segment, which is also the kind in the fingerprint.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Cart => "cart",
            Self::Order => "order",
            Self::Pay => "pay",
            Self::Sign => "sign",
            Self::Issue => "issue",
        }
    }

    /// Reads [`OperationKind::name`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Echo, Self::Cart, Self::Order, Self::Pay, Self::Sign, Self::Issue]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// Life of an operation as `x-operation-state` and `LastState` show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperationState {
    /// Accepted, not yet started.
    Pending,
    /// Being executed.
    Processing,
    /// Finished with success; the answer is stored.
    Done,
    /// Finished without success; the answer is stored.
    Failed,
    /// An outside act may or may not have happened; an enquiry will settle it.
    Unknown,
    /// Finished with success, and what it issued has reached its receiver; the answer is that of `Done`.
    Delivered,
}

impl OperationState {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Processing, Self::Done, Self::Failed, Self::Unknown, Self::Delivered];

    /// Lower-case, as on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Delivered => "delivered",
        }
    }

    /// Whether the operation has ended: its answer is stored and never changes.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Delivered)
    }

    /// Reads [`OperationState::name`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

impl fmt::Display for OperationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for OperationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
