//! Cash boxes as actors: order, durability before the answer, failure and restoration. Time is a fake clock, the journal is in
//! memory and can be held; nothing sleeps.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a test may stop")]

mod accepted;
mod callbacks;
mod env;
mod failures;
mod idempotency;
mod life;
mod lifetimes;
mod payment_apps;
mod payments;
mod postponed;
mod receiver;
