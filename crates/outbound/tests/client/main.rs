//! The client against receivers that mean harm. No test opens a socket to an address that is not loopback: everything else
//! goes through a connector that records what it was asked to dial.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a test may stop")]

mod fixtures;
mod forbidden;
mod hostile;
mod kept;
mod loopback;
mod requests;
mod streams;
mod tls;
