//! A receipt as rows of a fixed pitch: what paper, pictures, documents and terminals have in common.
//!
//! Purpose: decide once what stands in which row, so that all of them look alike.
//! Owns: [`lay_out`], [`Row`], [`Paper`], breaking of lines.
//! Invariants: no row is wider than the paper; no amount is cut; the same receipt and paper give the same rows.
//! Not here: dots, points and bytes (the renderings).

mod page;
mod parts;
mod wrap;

pub use page::{Line, Row, Size};
pub use wrap::wrap;

use kassette_model::cases::SignaturePosition;

use crate::receipt::{Medium, Receipt};
use page::Page;

/// Fewest columns that a receipt can be laid out in.
pub const COLUMNS_MIN: usize = 20;
/// Most columns that a receipt is laid out in; wider paper has margins.
pub const COLUMNS_MAX: usize = 64;

/// What a receipt is laid out for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paper {
    columns: usize,
    medium: Medium,
    modules_max: u32,
    one_size: bool,
}

impl Paper {
    /// Paper of this many columns, brought into [`COLUMNS_MIN`] to [`COLUMNS_MAX`]. A code is shown when it has at most `modules_max`
    /// modules across, quiet zone included; otherwise its text is.
    #[must_use]
    pub fn new(columns: usize, medium: Medium, modules_max: u32) -> Self {
        Self { columns: columns.clamp(COLUMNS_MIN, COLUMNS_MAX), medium, modules_max, one_size: false }
    }

    /// The same paper for something that has characters of one size only.
    #[must_use]
    pub const fn with_one_size(self) -> Self {
        Self { one_size: true, ..self }
    }

    /// Its columns.
    #[must_use]
    pub const fn columns(&self) -> usize {
        self.columns
    }
}

/// Lays the receipt out.
#[must_use]
pub fn lay_out(receipt: &Receipt, paper: Paper) -> Vec<Row<'_>> {
    let mut page = Page::new(receipt, paper);
    page.place(SignaturePosition::BeforeHeader);
    page.marks();
    page.merchant();
    page.facts();
    page.place(SignaturePosition::AfterHeader);
    page.items();
    page.place(SignaturePosition::AfterChargeItems);
    page.total();
    page.place(SignaturePosition::AfterTotal);
    page.payments();
    page.place(SignaturePosition::AfterPayItems);
    page.footer();
    page.place(SignaturePosition::AfterFooter);
    page.marks();
    page.into_rows()
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
