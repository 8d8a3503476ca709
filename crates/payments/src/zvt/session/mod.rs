//! The dialogue of the register with a terminal: one payment at a time, and after any doubt questions only.
//!
//! Purpose: say the right thing at the right time to a terminal, and tell what a payment has come to.
//! Owns: [`Session`] (one connection: registration, one payment or one settling after another), [`Transaction`] and [`Baseline`] (what a
//! terminal told last), [`Order`], [`Stage`].
//! Invariants: an authorisation is sent only after its driver said that this is durable, and once; a result is acknowledged only after
//! the driver said that it is durable; whatever breaks after the first byte of an authorisation is a doubt, never an end; a doubt ends by
//! two equal answers of an idle terminal, or by a refusal that it tells.
//! Not here: sockets, clocks, records (whoever drives it), when a lost connection is made again.

mod asking;
mod dialogue;
mod judge;
mod order;
mod outcome;
mod transaction;

pub use dialogue::{Session, SessionEvent, SessionOptions};
pub use order::{Order, Stage};
pub use transaction::{Baseline, Transaction};
