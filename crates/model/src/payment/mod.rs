//! What a payment is, and how it goes through doubt to an end that nobody has to guess.
//!
//! Purpose: the request and the answer of `POST /pay` below JSON, and the one table of how a payment changes.
//! Owns: [`PayAction`], [`PayRequest`], [`PayResponse`], [`PaymentState`] with [`step`] and [`diagram`], [`PaymentOutcome`],
//! [`TerminalAddress`], [`Settlement`].
//! Invariants: a payment changes only along [`STEPS`]; nothing is sent to a terminal in a state of before [`PaymentState::Sent`]; an
//! end never changes.
//! Not here: protocols of terminals (`payments`), the record of a payment (`record`), who asks the terminal (`actors`).

use std::borrow::Cow;
use std::fmt;

use crate::cases::PayMeans;
use crate::{Decimal, FreeJson, PayItem, QueueId};

mod settlement;
mod step;
mod terminal;

pub use settlement::{SettledAs, Settlement};
pub use step::{ImpossibleStep, PaymentState, PaymentStep, STEPS, diagram, step};
pub use terminal::{NoTerminalAddress, TerminalAddress};

/// What a payment does (contract 5.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayAction {
    /// Money from the customer.
    Payment,
    /// Takes an earlier payment back, before it was booked where the provider can.
    Cancel,
    /// Money to the customer.
    Refund,
}

impl PayAction {
    /// All of them, in the order of their ordinals.
    pub const ALL: [Self; 3] = [Self::Payment, Self::Cancel, Self::Refund];

    /// Lower-case, as on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Cancel => "cancel",
            Self::Refund => "refund",
        }
    }

    /// Reads [`PayAction::name`] in any case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for PayAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The body of `POST /pay` (contract 4.4).
#[derive(Debug, Clone, PartialEq)]
pub struct PayRequest {
    /// `Action`; a payment when absent, which is the client's default.
    pub action: PayAction,
    /// `Protocol` as sent; `none` when absent.
    pub protocol: String,
    /// `cbPayItem`.
    pub item: PayItem,
    /// `cbTerminalID`; an empty one counts as absent.
    pub terminal_id: Option<String>,
    /// Members this version does not know, name and value, in their order.
    pub unknown: Vec<(String, FreeJson)>,
}

/// The answer to `POST /pay` (contract 4.4).
#[derive(Debug, Clone, PartialEq)]
pub struct PayResponse {
    /// The protocol that was asked for, as it was written.
    pub protocol: String,
    /// The action that was asked for.
    pub action: PayAction,
    /// Queue of the cash box.
    pub queue_id: QueueId,
    /// What was paid, to be put into a receipt as it is.
    pub items: Vec<PayItem>,
}

/// How a payment ended, as its provider tells.
#[derive(Debug, Clone, PartialEq)]
pub enum PaymentOutcome {
    /// Money has moved.
    Approved(Approval),
    /// It is certain that none has moved.
    Refused(PaymentRefusal),
}

/// An approved payment. Amounts are never negative; the direction is that of the action.
#[derive(Debug, Clone, PartialEq)]
pub struct Approval {
    /// What was paid in all, the tip included; may be less than what was asked for.
    pub paid: Decimal,
    /// The part of it that is a tip.
    pub tip: Decimal,
    /// Means of payment, when the provider tells.
    pub means: PayMeans,
    /// Lines for the customer's receipt.
    pub lines: Vec<String>,
    /// What the provider was asked and what it answered, as far as they may be kept.
    pub exchange: ProviderExchange,
}

/// What is kept of the talk with a provider (`Provider` of `ftPayItemCaseData`, contract 4.4).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProviderExchange {
    /// Version of its protocol.
    pub protocol_version: Cow<'static, str>,
    /// `ProtocolRequest`.
    pub request: Option<FreeJson>,
    /// `ProtocolResponse`.
    pub response: Option<FreeJson>,
}

/// Why no money has moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// Refused by the provider, the card or the issuer.
    Declined,
    /// Cancelled at the terminal or by the till.
    Cancelled,
    /// Nobody paid in time.
    TimedOut,
    /// The terminal cannot be reached, and nothing of this payment was sent to it.
    Unreachable,
    /// Something went wrong in the middle, and the terminal has said that it charged nothing.
    NotCharged,
}

impl RefusalKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Declined, Self::Cancelled, Self::TimedOut, Self::Unreachable, Self::NotCharged];

    /// Lower-case, as in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Declined => "declined",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed-out",
            Self::Unreachable => "unreachable",
            Self::NotCharged => "not-charged",
        }
    }
}

/// A payment that moved no money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentRefusal {
    /// Why.
    pub kind: RefusalKind,
    /// The provider's own short text: the `title` of the problem.
    pub title: Cow<'static, str>,
    /// What it says more.
    pub detail: Cow<'static, str>,
}
