//! How wide a picture is, and how it is divided into columns.

use crate::code::DOTS_PER_MM;
use crate::font::CELL_WIDTH_DOTS;
use crate::layout::{COLUMNS_MAX, COLUMNS_MIN};

/// The printable width of paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Width {
    mm: u16,
}

impl Width {
    /// The narrowest that a receipt is legible on, in millimetres.
    pub const MM_MIN: u16 = 32;
    /// The widest, in millimetres: beyond A4 nobody prints receipts.
    pub const MM_MAX: u16 = 210;
    /// The usual one: 80 mm.
    pub const USUAL: Self = Self { mm: 80 };

    /// A width in millimetres, brought into [`Self::MM_MIN`] to [`Self::MM_MAX`].
    #[must_use]
    pub fn from_mm(mm: u16) -> Self {
        Self { mm: mm.clamp(Self::MM_MIN, Self::MM_MAX) }
    }

    /// Millimetres.
    #[must_use]
    pub const fn mm(self) -> u16 {
        self.mm
    }

    /// Dots across the picture.
    #[must_use]
    pub const fn dots(self) -> u32 {
        self.mm as u32 * DOTS_PER_MM
    }

    /// Dots of a dot: wide paper has larger characters.
    #[must_use]
    pub(crate) fn scale(self) -> u32 {
        let widest = COLUMNS_MAX as u32 * u32::from(CELL_WIDTH_DOTS);
        self.dots().div_ceil(widest).max(1)
    }

    /// Columns of characters: 48 on 80 mm, 46 on 72 mm, 30 on 48 mm; at the sides there are at least four dots.
    #[must_use]
    pub fn columns(self) -> usize {
        let cell = u32::from(CELL_WIDTH_DOTS) * self.scale();
        let fits = (self.dots() - 8) / cell;
        // 80 mm have two columns of margin on either side, as printers of that width have: their heads are 72 mm.
        let fits = if (48..=56).contains(&fits) { 48 } else { fits };
        (fits as usize).clamp(COLUMNS_MIN, COLUMNS_MAX)
    }

    /// Dots from the left edge to the first column.
    #[must_use]
    pub fn margin_dots(self) -> u32 {
        let columns = u32::try_from(self.columns()).unwrap_or(0);
        self.dots().saturating_sub(columns * u32::from(CELL_WIDTH_DOTS) * self.scale()) / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(mm: u16, dots: u32, columns: usize, margin_dots: u32) {
        let width = Width::from_mm(mm);
        assert_eq!((width.dots(), width.columns(), width.margin_dots()), (dots, columns, margin_dots), "{mm} mm");
    }

    #[test]
    fn widths_have_their_columns() {
        check(80, 640, 48, 32);
        check(72, 576, 47, 6);
        check(58, 464, 38, 4);
        check(48, 384, 31, 6);
        check(0, 256, 20, 8);
        check(210, 1680, 46, 12);
        for mm in 0..300 {
            let width = Width::from_mm(mm);
            let cells = width.columns() as u32 * 12 * width.scale();
            assert!(cells + 2 * width.margin_dots() <= width.dots(), "{mm} mm");
        }
    }
}
