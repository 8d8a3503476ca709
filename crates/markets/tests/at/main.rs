//! Austria, driven through the market's own interface as the core drives it, with signatures that are really made.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    unreachable_pub,
    missing_docs,
    reason = "a test may stop, and shows why"
)]

mod days;
mod exports;
mod independent;
mod lifecycle;
mod outage;
mod receipts;
mod register;
mod vectors;
