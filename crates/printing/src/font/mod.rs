//! The fonts that are part of the program.
//!
//! Purpose: a receipt looks the same everywhere, with no font installed anywhere.
//! Owns: [`Bitmap`] (Terminus Font, 12 x 24 dots, for pictures: the cell of a printer's font A), the files of DejaVu Sans Mono for
//! documents.
//! Invariants: a character without a glyph is shown as a glyph for that, never left out; the files are those of the Debian packages,
//! byte for byte, with their licences beside them (`fonts/`, NOTICE).
//! Not here: who uses which size (the renderings).

mod bitmap;

pub use bitmap::{Bitmap, CELL_HEIGHT_DOTS, CELL_WIDTH_DOTS, FontError, Glyph};

/// DejaVu Sans Mono, as a TrueType file.
pub(crate) const MONO: &[u8] = include_bytes!("../../fonts/DejaVuSansMono.ttf");
/// DejaVu Sans Mono Bold, as a TrueType file.
pub(crate) const MONO_BOLD: &[u8] = include_bytes!("../../fonts/DejaVuSansMono-Bold.ttf");
