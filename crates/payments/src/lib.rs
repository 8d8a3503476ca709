//! The protocols of payment terminals, without input and output.
//!
//! Purpose: the bytes that a cash register and a payment terminal exchange, in both directions, and what they mean.
//! Owns: [`zvt`].
//! Invariants: everything is a function of bytes and of a monotonic time that is passed in; no sequence of bytes makes
//!   anything here panic or grow without a bound; track data of a card is never printed, and not kept where it is
//!   told as such.
//! Not here: sockets, serial ports, threads and clocks (actors), whether a payment was made and when to ask the
//!   terminal again (the payment's state machine), receipts.

pub mod zvt;
