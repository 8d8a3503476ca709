//! Payment providers, without a wire: what is said to a terminal, and what its answers mean.
//!
//! Purpose: one folder or file for each provider; whoever owns a line or a clock drives it.
//! Owns: [`test`] (the dummy provider of the sandbox), [`zvt`] (payment terminals).
//! Invariants: no clock, no socket, no thread: everything is a function of bytes and of a monotonic time that is passed
//!   in; no sequence of bytes makes anything here panic or grow without a bound; track data of a card is never printed,
//!   and not kept where it is told as such.
//! Not here: the states of a payment (`model::payment`), sockets, serial ports and time-outs (`actors`), receipts.

pub mod test;
pub mod zvt;
