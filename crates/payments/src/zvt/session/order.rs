//! What is to be paid, and how far it had come.

use std::time::Duration;

use kassette_model::payment::PayAction;

use super::transaction::Baseline;

/// One payment, refund or cancellation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// What is done.
    pub action: PayAction,
    /// How much, in cents; never 0.
    pub amount_cents: u64,
    /// For a cancellation the receipt number that the terminal gave to the payment; without it the money goes back as a refund.
    pub receipt_number: Option<u16>,
}

/// How far an interrupted payment had come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// What the terminal had told last before the payment was sent.
    pub baseline: Baseline,
    /// How long ago it was sent.
    pub since_sent: Duration,
    /// The amount that the terminal told while it was paid, in cents, when that was heard.
    pub told_cents: Option<u64>,
}
