//! The words of the field, without any wire format.
//!
//! Purpose: the types every other crate speaks: ids, moments, money, cases, receipts, operations.
//! Owns: [`ids`], [`cases`], [`receipt`], [`response`], [`operation`], [`payment`].
//! Invariants: money is decimal, never a float; a case is a `u64` whose parts have names; time is UTC.
//! Not here: JSON names and tolerances (`wire`), what is on disk (`record`), rules of a country (`markets`).

pub mod cases;
pub mod ids;
pub mod operation;
pub mod payment;
pub mod receipt;
pub mod response;

pub use ids::{CashBoxId, OperationId, PosSystemId, QueueId, QueueItemId, UnitId};
/// A point in time, UTC inside.
pub use jiff::Timestamp as Moment;
pub use operation::{OperationEvent, OperationKind, OperationState, Progress};
pub use receipt::{ChargeItem, FreeJson, PayItem, PreviousReceipts, ReceiptRequest};
pub use response::{ReceiptResponse, SignatureItem};
/// Money and quantities: up to 28 significant digits, never binary.
pub use rust_decimal::Decimal;

/// Server environment. The two are separate to the byte: own folder, own keys, own listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Environment {
    /// For trying out: receipts carry a marker on every copy.
    Sandbox,
    /// For real receipts.
    Production,
}

impl Environment {
    /// `sandbox` or `production`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Production => "production",
        }
    }

    /// Reads [`Environment::name`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "sandbox" => Some(Self::Sandbox),
            "production" => Some(Self::Production),
            _ => None,
        }
    }
}
