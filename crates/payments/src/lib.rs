//! Payment providers, without a wire: what is said to a terminal, and what its answers mean.
//!
//! Purpose: one folder or file for each provider; whoever owns a line or a clock drives it.
//! Owns: [`PROVIDERS`] (one line each), [`dummy`] (the dummy provider of the sandbox), [`http`] (payment apps that fetch their requests),
//! [`zvt`] (terminals at a serial or network line).
//! Invariants: no clock, no socket, no thread: everything is a function of bytes and of a monotonic time that is passed in; no sequence of
//! bytes makes anything here panic or grow without a bound; track data of a card is neither kept nor printed.
//! Not here: the states of a payment (`model::payment`), lines, sockets and time-outs (`actors`), receipts.

pub mod dummy;
pub mod http;
mod provider;
pub mod zvt;

pub use provider::{Line, PROVIDERS, Provider, provider};
