//! The core of a cash box over the Austrian market, without any actor.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, unreachable_pub, reason = "tests")]

mod admission;
mod configuration;
mod echo;
mod env;
mod events;
mod hostile;
mod pay;
mod reading;
mod receipt_request;
mod references;
mod restore;
mod settle;
mod sign;
mod states;
mod terminals;
mod validation;
