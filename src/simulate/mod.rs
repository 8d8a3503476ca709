//! Devices that are played on real lines.
//!
//! Purpose: a payment terminal to try with and to test with, behind a TCP port or the device file of a pseudo terminal.
//! Owns: [`SimulatedTerminal`] (the handle: starts, pulls the line, shows the ledger), its lines, the ledger as a file ([`Judgement`]).
//! Invariants: nothing is called, the terminal only waits to be; a thread of its own per terminal, which has ended when the handle is gone;
//!   the file of the ledger says what the ledger says before a byte of it goes out.
//! Not here: what a terminal says and does (`payments::zvt::simulator`), how it is told to people (`cli`).

mod driver;
mod event;
mod judgement;
mod line;
mod pty;
mod tcp;
mod terminal;

pub use event::{EntryShown, Event};
pub use judgement::Judgement;
pub use terminal::{Place, Settings, SimulateError, SimulatedTerminal, Watch};

#[cfg(test)]
mod tests;
