//! Payment providers, without a wire: what is said to a terminal, and what its answers mean.
//!
//! Purpose: one folder or file for each provider; whoever owns a line or a clock drives it.
//! Owns: [`test`] (the dummy provider of the sandbox).
//! Invariants: no clock, no socket, no thread: the same input gives the same output.
//! Not here: the states of a payment (`model::payment`), lines and time-outs (`actors`).

pub mod test;
