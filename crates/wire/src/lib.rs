//! The public JSON contract.
//!
//! Purpose: turn bodies of the POS System API v2 into the model and answers into bodies (contract 1.9, 2.3, 3.2, 4,
//! 7.1).
//! Owns: [`Reader`] (members of an object, for bodies that are kept elsewhere), [`json`], [`date`], [`echo`], [`event`], [`sign`],
//! [`pay`], [`journal`], [`operation`], [`problem`].
//! Invariants: every tolerance is on the way in, none on the way out; no digit is lost in either direction; a refusal
//! names the place; no input panics.
//! Not here: headers and routes (the edge), rules of a country (`markets`), what is on disk (`record`).

pub mod date;
pub mod echo;
pub mod event;
mod fields;
mod items;
pub mod journal;
pub mod json;
mod number;
pub mod operation;
pub mod pay;
pub mod problem;
pub mod sign;

pub use fields::{Fields, Nullable, Reader};
pub use json::Limits;
pub use problem::{Finding, Findings};
