//! Receipts for people: one model, and everything that shows it.
//!
//! Purpose: turn a signed receipt into what stands on paper or on a screen.
//! Owns: [`receipt`] (the model and [`compose`], which makes it), [`language`] (words, amounts and dates of five languages), [`printable`]
//! (what may be shown of a text), [`samples`]; what renderings have in common: [`code`], [`layout`], [`font`], [`raster`]; and the
//! renderings, one folder and one line of [`FORMATS`] each; [`escpos`] (print jobs, printers and what they print).
//! Invariants: no clock, no file, no socket: everything is a function of its arguments; what a till sends is shown, never interpreted; a
//! rendering reads the model only, so all of them say the same.
//! Not here: printers and lines (`actors`), the endpoints and the states of a delivery (edge, core), what the law says about numbers and
//! signatures (`markets`).

pub mod code;
pub mod escpos;
pub mod font;
mod format;
pub mod html;
pub mod json;
pub mod language;
pub mod layout;
pub mod pdf;
pub mod png;
pub mod printable;
pub mod raster;
pub mod receipt;
pub mod samples;
pub mod svg;
#[cfg(test)]
mod testing;
pub mod text;

pub use format::{FORMATS, Format, Options, RenderError, format};
pub use language::Language;
pub use printable::Printable;
pub use receipt::{ComposeError, Receipt, Source, compose};
