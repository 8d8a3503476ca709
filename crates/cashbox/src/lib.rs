//! One cash box as a pure state machine.
//!
//! Purpose: admit operations (the idempotency contract), number receipts, let the market decide, make the record and the answer.
//! Owns: [`CashBox`], [`Configuration`], what a request and an answer are below HTTP, the queue chain (contract 6.2), the messages
//! owed for changes of state (3.3), the general rules for receipts (6.1), and [`reading`]: what the journal's records look like to a
//! client.
//! Invariants: no clock, no disk, no socket, no randomness of its own: all facts are arguments; a step either commits whole or
//! changes nothing; the head in memory is what the next record links to, durable or not.
//! Not here: threads, waiting, the journal (`actors`, `journal`), rules of a country (`markets`), the rules
//! `PreviousReceiptIsVoided` and `VoidAlreadyExists` of contract 6.1 (nothing finds the receipts that refer to another).

mod accept;
mod admission;
mod cash_box;
mod configuration;
mod configuration_v1;
mod echo;
mod operation;
mod pay;
mod queue_chain;
pub mod reading;
mod seed;
mod sign;
mod states;
mod terminals;

pub use accept::accepted_request;
pub use cash_box::{CashBox, Identity};
pub use configuration::{Configuration, ConfigurationError, TokenEntry, UnitEntry};
pub use operation::{
    Accepted, Admission, Answer, Ask, AskAnswer, Begun, Commit, Effect, Facts, PaymentTold, Request, Step,
    StoredReceipt,
};
pub use pay::refusal_problem;
pub use terminals::TerminalEntry;
