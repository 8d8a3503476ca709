//! The API suite: a whole server per test, spoken to over TCP, over every journal store.
//!
//! Purpose: the facts of contract 1, 2, 4, 7 and 9.1 as a till sees them.
//! Invariants: nothing here reaches into the server except to start it; every refusal is checked to be a problem document.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, reason = "a test may stop")]

mod asynchronous;
mod client;
mod credentials;
mod documentation;
mod doubt;
mod events;
mod facts;
mod failures;
mod hostile;
mod idempotency;
mod isolation;
mod journals;
mod logs;
mod operations;
mod paths;
mod payment_app;
mod payments;
mod server;
mod terminals;
