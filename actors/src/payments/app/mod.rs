//! Payments at apps that fetch their requests (provider `http`).
//!
//! Purpose: let an app take the payment of its terminal, and keep what it tells.
//! Owns: where apps wait and payments are found ([`AppPickup`]), the actor of one payment ([`AppPayment`]), the calls of the edge
//! ([`AppTerminal`]).
//! Invariants: an app is told that it may charge only after that is durable, and only one app is; a payment that nobody was allowed to
//! charge ends as not charged, every other one ends by the word of an app; who waits is parked and woken, never polled.
//! Not here: the bodies (`payments::http`), credentials (the edge), the records of the steps (`cashbox`).

mod calls;
mod payment;
mod pickup;

pub use calls::AppTerminal;
pub(super) use payment::AppPayment;
pub(crate) use pickup::AppPickup;
