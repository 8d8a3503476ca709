//! The receipt as a PDF document, one page as long as the receipt.
//!
//! Purpose: a document that can be kept: text that can be searched and copied, fonts inside, made after PDF/A-2u.
//! Owns: [`FORMAT`], [`render`].
//! Invariants: nothing outside of the file is needed to show it; the same receipt gives the same bytes; a receipt that is longer than
//! [`PAGE_HEIGHT_DOTS_MAX`] has several pages, each with its number and, in Portugal, the ATCUD.
//! Not here: what stands in which row (`layout`).

mod document;
mod sheet;

pub use document::{PAGE_HEIGHT_DOTS_MAX, render};

use crate::format::{Format, Options, RenderError};
use crate::receipt::Receipt;

/// Its registration.
pub const FORMAT: Format =
    Format { name: "pdf", media_type: "application/pdf", extension: "pdf", has_width: true, render: rendered };

fn rendered(receipt: &Receipt, options: &Options) -> Result<Vec<u8>, RenderError> {
    render(receipt, options.width)
}
