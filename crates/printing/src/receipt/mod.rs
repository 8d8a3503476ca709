//! The receipt as a person reads it: the one model that every rendering shows.
//!
//! Purpose: say once what stands on a receipt, in which order and in which words.
//! Owns: [`Receipt`] and its parts, [`compose`], which makes it from request and answer.
//! Invariants: every text is [`crate::Printable`], so no rendering has to distrust it; amounts stay decimal; only the payload of a
//! code is kept byte for byte, as it was signed.
//! Not here: widths, fonts and pages (the renderings), whether a receipt may be issued (edge, core).

mod code;
mod compose;
mod free;
mod items;
mod market;
mod merchant;
mod model;
mod payments;
mod signatures;
mod titles;
mod vat;

pub use code::{Code, Symbology};
pub use compose::{ComposeError, ITEMS_MAX, Source, compose};
pub use merchant::{Logo, LogoError, Merchant};
pub use model::{
    Content, Copy, Currency, Fact, Item, Mark, MarkLine, Medium, Notice, Payment, PaymentKind, Receipt, Shown,
    Signature, VatRow,
};
