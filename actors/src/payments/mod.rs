//! Payments on their way: from a durable intent to the provider, and back.
//!
//! Purpose: let the provider of each payment make it, and tell the cash box every step before the next one is done.
//! Owns: what is on its way ([`PaymentOrders`]), the desk that gives each payment an actor ([`PaymentDesk`]), the actors of the providers
//! (`dummy`, `app`, `terminal` for one at a line), the way in for an operator who settles one by hand (`settle`).
//! Invariants: a payment is on its way once, however often it is handed in; the provider goes on only after what it told is durable; an
//! actor that fails is replaced by one that knows only what was durable.
//! Not here: the states of a payment (`model::payment`), what a provider says (`payments` crate), the records (`cashbox`).

mod app;
mod desk;
mod dummy;
mod orders;
mod settle;
mod terminal;

pub(crate) use app::AppPickup;
pub use app::AppTerminal;
pub(crate) use desk::{LookAtPayments, PaymentDesk};
pub(crate) use orders::PaymentOrders;
