//! One command under way: what is still to be done, and what is waited for.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::{Apdu, Message, ResultCode};
use super::ledger::TransactionKind;
use super::script::Behaviour;

/// What a command does with money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// A card pays.
    Pay {
        /// What the register asked for.
        amount_cents: u64,
    },
    /// The host refuses a payment.
    Decline {
        /// What the register asked for.
        amount_cents: u64,
        /// With which result.
        code: ResultCode,
    },
    /// A card gets money.
    Refund {
        /// How much.
        amount_cents: u64,
    },
    /// A payment is taken back.
    Reverse {
        /// Its place in the ledger.
        place: usize,
    },
}

impl Deed {
    pub(super) fn kind(self) -> TransactionKind {
        match self {
            Self::Pay { .. } | Self::Decline { .. } => TransactionKind::Payment,
            Self::Refund { .. } => TransactionKind::Refund,
            Self::Reverse { .. } => TransactionKind::Reversal,
        }
    }
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Let so many milliseconds pass.
    Pause(u64),
    /// Say something, and wait for the answer until T3.
    Tell(Message),
    /// Say it only to a register that wants intermediate states.
    Hint(Message),
    /// From here on it is too late for an abort.
    AskHost,
    /// Money moves, or not.
    Do(Deed),
    /// Tell the result of the entry at this place, and wait for the decision.
    Result(usize),
}

/// What a process waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waiting {
    /// Nothing.
    No,
    /// The end of a pause.
    Pause {
        /// When.
        until: Duration,
    },
    /// An answer to a message.
    Answer {
        /// T3.
        until: Duration,
    },
    /// The answer to a result.
    Decision {
        /// When the terminal decides for itself.
        until: Duration,
    },
    /// The register asked to be told again (`84 9C`).
    Again {
        /// When.
        at: Duration,
    },
}

impl Waiting {
    pub(super) fn deadline(self) -> Option<Duration> {
        match self {
            Self::No => None,
            Self::Pause { until } | Self::Answer { until } | Self::Decision { until } | Self::Again { at: until } => {
                Some(until)
            }
        }
    }
}

/// A command under way.
#[derive(Debug)]
pub(super) struct Process {
    /// What the register said.
    pub(super) command: Apdu,
    /// What happens, when it is a payment.
    pub(super) behaviour: Behaviour,
    pub(super) steps: VecDeque<Step>,
    pub(super) waiting: Waiting,
    /// Too late for an abort.
    pub(super) host_asked: bool,
    /// The entry that moved money and is not decided.
    pub(super) undecided: Option<usize>,
    /// The entry of this process, decided or not.
    pub(super) entry: Option<usize>,
    /// There is nobody to talk to any more.
    pub(super) mute: bool,
    /// How long the register may take to decide, in milliseconds.
    pub(super) decision_ms: u64,
}

impl Process {
    pub(super) fn new(command: Apdu, steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            command,
            behaviour: Behaviour::Approve,
            steps: steps.into_iter().collect(),
            waiting: Waiting::No,
            host_asked: false,
            undecided: None,
            entry: None,
            mute: false,
            decision_ms: super::session::DECISION_MS,
        }
    }

    /// These steps take the place of all that were to come.
    pub(super) fn replace(&mut self, steps: impl IntoIterator<Item = Step>) {
        self.steps = steps.into_iter().collect();
    }
}
