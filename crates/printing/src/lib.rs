//! Receipts for people: one model, and everything that shows it.
//!
//! Purpose: turn a signed receipt into what stands on paper or on a screen.
//! Owns: [`receipt`] (the model and [`compose`], which makes it), [`language`] (words, amounts and dates of five languages),
//! [`text`] (what may be shown of a text), [`samples`].
//! Invariants: no clock, no file, no socket: everything is a function of its arguments; what a till sends is shown, never interpreted; a
//! rendering reads the model only, so all of them say the same.
//! Not here: printers and lines (`actors`), the endpoints and the states of a delivery (edge, core), what the law says about numbers and
//! signatures (`markets`).

pub mod language;
pub mod receipt;
pub mod samples;
pub mod text;

pub use language::Language;
pub use receipt::{ComposeError, Receipt, Source, compose};
pub use text::Printable;
