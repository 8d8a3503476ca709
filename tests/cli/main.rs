//! The program as an operator meets it: the built binary, real folders, a real socket.
//!
//! `KASSETTE_CI=1` makes a missing Python or Python package a failure; without it those checks are left out with a note.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may stop"
)]

mod bench;
mod callbacks;
mod cash_boxes;
mod demo;
#[path = "../api/doubt.rs"]
mod doubt;
mod exports;
mod listen;
mod operations;
mod payments;
mod receiver;
mod register;
mod serving;
mod simulate;
mod terminals;
mod units;
mod usage;
