//! The whole receipt, band by band.

use super::{Band, Width};
use crate::code::{DOTS_PER_MM, LINEAR_HEIGHT_MM, MODULE_DOTS_MIN, Symbol, module_dots};
use crate::font::{Bitmap, CELL_HEIGHT_DOTS, CELL_WIDTH_DOTS};
use crate::layout::{Line, Paper, Row, Size, lay_out};
use crate::printable::columns_of;
use crate::receipt::{Code, Logo, Medium, Receipt};

/// Highest picture in dots: 125 metres of paper.
pub const HEIGHT_DOTS_MAX: u32 = 1_000_000;
/// Dots between two lines of text.
const LEADING_DOTS: u32 = 4;
/// Dots of a gap.
const GAP_DOTS: u32 = 14;
/// Dots above, below and of a rule.
const RULE_DOTS: (u32, u32) = (7, 2);
/// Dots above the first row and below the last one.
const EDGE_DOTS: u32 = 24;

/// Why there is no picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// It would be too high.
    #[error("a picture of {height_dots} dots is higher than the {HEIGHT_DOTS_MAX} that one may have")]
    TooHigh {
        /// Dots down.
        height_dots: u64,
    },
}

/// A receipt laid out for its width.
#[derive(Debug)]
pub struct Picture<'a> {
    rows: Vec<Row<'a>>,
    width: Width,
    height_dots: u32,
}

impl<'a> Picture<'a> {
    /// Lays a receipt out for paper of this width.
    ///
    /// # Errors
    /// When it would be higher than [`HEIGHT_DOTS_MAX`].
    pub fn new(receipt: &'a Receipt, width: Width) -> Result<Self, PictureError> {
        let modules_max = width.dots() / MODULE_DOTS_MIN;
        let rows = lay_out(receipt, Paper::new(width.columns(), Medium::Paper, modules_max));
        let heights = rows.iter().map(|row| u64::from(height_dots(row, width)));
        let height_dots = heights.sum::<u64>() + 2 * u64::from(EDGE_DOTS * width.scale());
        match u32::try_from(height_dots) {
            Ok(height_dots) if height_dots <= HEIGHT_DOTS_MAX => Ok(Self { rows, width, height_dots }),
            _ => Err(PictureError::TooHigh { height_dots }),
        }
    }

    /// Dots across.
    #[must_use]
    pub const fn width_dots(&self) -> u32 {
        self.width.dots()
    }

    /// Dots down.
    #[must_use]
    pub const fn height_dots(&self) -> u32 {
        self.height_dots
    }

    /// The bands from the top to the bottom; together they are as high as the picture.
    pub fn bands(&self) -> impl Iterator<Item = Band> {
        let edge = || Band::new(self.width.dots(), EDGE_DOTS * self.width.scale());
        let rows = self.rows.iter().map(|row| band(row, self.width));
        std::iter::once_with(edge).chain(rows).chain(std::iter::once_with(edge))
    }
}

fn height_dots(row: &Row<'_>, width: Width) -> u32 {
    let scale = width.scale();
    match row {
        Row::Text(line) => {
            let cells = if line.size == Size::Double { 2 } else { 1 };
            (u32::from(CELL_HEIGHT_DOTS) * cells + LEADING_DOTS) * scale
        }
        Row::Gap => GAP_DOTS * scale,
        Row::Rule => (2 * RULE_DOTS.0 + RULE_DOTS.1) * scale,
        Row::Logo(logo) => u32::from(logo.height_dots()) * scale,
        Row::Code(code, symbol) => {
            let (dots, quiet) = code_dots(code, symbol, width);
            code_height_dots(symbol, dots, width) + 2 * quiet
        }
    }
}

/// Dots of a module, and of the quiet zone above and below; the layout has made sure that it fits.
fn code_dots(code: &Code, symbol: &Symbol, width: Width) -> (u32, u32) {
    let dots = module_dots(code, symbol, width.dots()).unwrap_or(MODULE_DOTS_MIN);
    (dots, if symbol.is_linear() { 0 } else { symbol.quiet() * dots })
}

fn code_height_dots(symbol: &Symbol, dots: u32, width: Width) -> u32 {
    if symbol.is_linear() { LINEAR_HEIGHT_MM * DOTS_PER_MM * width.scale() } else { symbol.height() * dots }
}

fn band(row: &Row<'_>, width: Width) -> Band {
    let mut band = Band::new(width.dots(), height_dots(row, width));
    match row {
        Row::Text(line) => draw_line(&mut band, line, width),
        Row::Gap => {}
        Row::Rule => {
            let (left, scale) = (width.margin_dots(), width.scale());
            band.fill(left, RULE_DOTS.0 * scale, width.dots() - 2 * left, RULE_DOTS.1 * scale);
        }
        Row::Logo(logo) => draw_logo(&mut band, logo, width),
        Row::Code(code, symbol) => draw_code(&mut band, code, symbol, width),
    }
    band
}

fn draw_line(band: &mut Band, line: &Line, width: Width) {
    let font = if line.bold { Bitmap::bold() } else { Bitmap::regular() };
    let scale = width.scale() * if line.size == Size::Double { 2 } else { 1 };
    let cell = u32::from(CELL_WIDTH_DOTS) * scale;
    let mut x = width.margin_dots();
    for character in line.text.chars() {
        // A mark that joins the character before it is drawn over it.
        let columns = u32::try_from(columns_of(character)).unwrap_or(1);
        let glyph = font.glyph(character);
        match columns {
            0 => {
                if let Some(mark) = font.get(character) {
                    band.glyph(mark, x.saturating_sub(cell), 0, scale, scale);
                }
            }
            1 => band.glyph(glyph, x, 0, scale, scale),
            _ => band.glyph(glyph, x + cell / 2, 0, scale, scale),
        }
        x = x.saturating_add(columns * cell);
    }
}

fn draw_logo(band: &mut Band, logo: &Logo, width: Width) {
    let scale = width.scale();
    let left = width.dots().saturating_sub(u32::from(logo.width_dots()) * scale) / 2;
    for y in 0..logo.height_dots() {
        for x in (0..logo.width_dots()).filter(|x| logo.is_black(*x, y)) {
            band.fill(left + u32::from(x) * scale, u32::from(y) * scale, scale, scale);
        }
    }
}

fn draw_code(band: &mut Band, code: &Code, symbol: &Symbol, width: Width) {
    let (dots, top) = code_dots(code, symbol, width);
    let left = width.dots().saturating_sub(symbol.width() * dots) / 2;
    let height = if symbol.is_linear() { code_height_dots(symbol, dots, width) } else { dots };
    for y in 0..symbol.height() {
        for (begin, length) in symbol.runs(y) {
            band.fill(left + begin * dots, top + y * dots, length * dots, height);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing;

    #[test]
    fn a_mark_is_drawn_over_its_character() {
        let dots = |text: &str| {
            let line = Line { text: text.to_owned(), bold: false, size: Size::Normal };
            let band = band(&Row::Text(line), Width::USUAL);
            band.rows().flatten().map(|byte| byte.count_ones()).sum::<u32>()
        };
        // A combining mark takes no column, whether the font has it or not.
        assert!(dots("a\u{301}b") >= dots("ab"));
        assert_eq!(dots("牛"), dots("\u{fffd}"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn hostile_receipts_have_bands_of_the_height_that_was_promised(receipt in testing::hostile_receipt(), mm in 0_u16..220) {
            let picture = Picture::new(&receipt, Width::from_mm(mm)).unwrap();
            let height: u32 = picture.bands().map(|band| band.height_dots()).sum();
            prop_assert_eq!(height, picture.height_dots());
            prop_assert!(picture.bands().all(|band| band.width_dots() == picture.width_dots()));
        }
    }
}
