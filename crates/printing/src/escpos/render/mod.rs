//! From a receipt to the bytes of a print job.
//!
//! Purpose: print a receipt on a printer of a profile, and nothing else than the receipt.
//! Owns: [`render`]; [`Job`] (bytes, and the places where a driver may pause); [`Sheet`] (what a layout may ask for) and [`lay_out`] (the
//!   rows of [`crate::layout`] in letters that the printer has); [`JobWriter`] (a sheet that writes ESC/POS).
//! Invariants: text never becomes a command: it is written in bytes of a code page, none of them a control byte; a picture has no bytes
//!   that a printer takes for a real-time command; a code that a printer has not is a picture, and what cannot be a picture is text.
//! Not here: when a job is printed (`session`), what stands on a receipt (`receipt`).

mod bar_code;
mod job;
mod layout;
mod picture;
mod receipt;
mod sheet;
pub(in crate::escpos) mod symbol;
mod writer;

pub use job::{JOB_BYTES_MAX, Job, PIECE_BYTES_MAX};
pub use layout::lay_out;
pub use receipt::{RenderError, RenderOptions, render};
pub use sheet::{Look, Sheet, Size};
pub use writer::JobWriter;

#[cfg(test)]
mod tests;
