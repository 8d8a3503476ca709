//! A payment terminal that is not one: the terminal's side of ZVT, with a script of what goes wrong.
//!
//! Purpose: play the terminal in tests and at a desk, with every fault that leaves the outcome of a payment in doubt.
//! Owns: [`Terminal`] (bytes in, bytes out); [`Script`] (what happens to the next payments); [`Ledger`] (what was really
//!   charged).
//! Invariants: no clock, no socket, no thread: the same bytes at the same times give the same bytes and the same ledger;
//!   the ledger forgets nothing, whatever happens to the line or to the power; no bytes make it panic.
//! Not here: sockets and pseudo terminals (`kassette simulate terminal`), the register's side.

mod commands;
mod ledger;
mod process;
mod script;
mod session;
mod terminal;
mod words;

pub use ledger::{Entry, EntryState, Ledger, TransactionKind};
pub use script::{Behaviour, Flavour, LineLoss, Script, ScriptError};
pub use terminal::Terminal;

#[cfg(test)]
mod register_for_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_cuts;
