//! Drawing the rows of a page. The unit is a dot, an eighth of a millimetre; the page scales it to points.

use std::sync::LazyLock;

use krilla::geom::{PathBuilder, Point, Rect};
use krilla::surface::Surface;
use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::{FontRef, MetadataProvider};

use crate::code::{DOTS_PER_MM, LINEAR_HEIGHT_MM, MODULE_DOTS_MIN, Symbol, module_dots};
use crate::font;
use crate::layout::{Line, Row, Size};
use crate::printable::columns_of;
use crate::raster::Width;
use crate::receipt::{Code, Logo};

/// Advance of a glyph of DejaVu Sans Mono in ems: 1233 of 2048 units.
const ADVANCE_EM: f32 = 0.602_050_8;
/// The em at which a glyph is 12 dots wide.
const EM_DOTS: f32 = 19.931_873;
/// Dots of a line of text.
const LINE_DOTS: u32 = 27;
/// Dots from the top of a line to the line that letters stand on.
const BASELINE_DOTS: u32 = 19;
/// Dots of a gap, of a row with a rule, and from its top to the rule.
const GAP_DOTS: u32 = 14;
const RULE_ROW_DOTS: u32 = 16;
const RULE_TOP_DOTS: u32 = 7;

/// The two weights, with what tells which characters they have.
pub(super) struct Fonts {
    regular: Face,
    bold: Face,
}

struct Face {
    font: Font,
    characters: FontRef<'static>,
}

impl Fonts {
    /// The embedded fonts; `None` if they could not be read, which a test excludes.
    pub(super) fn get() -> Option<&'static Self> {
        static FONTS: LazyLock<Option<Fonts>> = LazyLock::new(|| {
            let face = |file: &'static [u8]| {
                Some(Face { font: Font::new(file.into(), 0)?, characters: FontRef::new(file).ok()? })
            };
            Some(Fonts { regular: face(font::MONO)?, bold: face(font::MONO_BOLD)? })
        });
        FONTS.as_ref()
    }
}

impl Face {
    /// The glyph of a character, or the one that stands for characters without.
    fn glyph(&self, character: char) -> GlyphId {
        let map = self.characters.charmap();
        let missing = || map.map(char::REPLACEMENT_CHARACTER).or_else(|| map.map('?'));
        GlyphId::new(map.map(character).or_else(missing).map_or(0, |glyph| glyph.to_u32()))
    }
}

/// Height of a row.
pub(super) fn row_height_dots(row: &Row<'_>, width: Width) -> u32 {
    let scale = width.scale();
    match row {
        Row::Text(line) if line.size == Size::Double => 2 * LINE_DOTS * scale,
        Row::Text(_) => LINE_DOTS * scale,
        Row::Gap => GAP_DOTS * scale,
        Row::Rule => RULE_ROW_DOTS * scale,
        Row::Logo(logo) => u32::from(logo.height_dots()) * scale,
        Row::Code(code, symbol) => {
            let (_, down, quiet) = code_dots(code, symbol, width);
            symbol.height() * down + 2 * quiet
        }
    }
}

/// Dots of a module across and down, and of the quiet zone above and below.
fn code_dots(code: &Code, symbol: &Symbol, width: Width) -> (u32, u32, u32) {
    let dots = module_dots(code, symbol, width.dots()).unwrap_or(MODULE_DOTS_MIN);
    if symbol.is_linear() {
        (dots, LINEAR_HEIGHT_MM * DOTS_PER_MM * width.scale(), 0)
    } else {
        (dots, dots, symbol.quiet() * dots)
    }
}

/// A page under way.
pub(super) struct Sheet<'s, 'p> {
    surface: &'s mut Surface<'p>,
    fonts: &'s Fonts,
    width: Width,
    y: u32,
}

impl<'s, 'p> Sheet<'s, 'p> {
    pub(super) fn new(surface: &'s mut Surface<'p>, fonts: &'s Fonts, width: Width, top_dots: u32) -> Self {
        Self { surface, fonts, width, y: top_dots }
    }

    pub(super) fn row(&mut self, row: &Row<'_>) {
        match row {
            Row::Text(line) => self.line(line),
            Row::Gap => {}
            Row::Rule => {
                let (left, scale) = (self.width.margin_dots(), self.width.scale());
                let bar = (left, self.y + RULE_TOP_DOTS * scale, self.width.dots() - 2 * left, 2 * scale);
                self.bars(std::iter::once(bar));
            }
            Row::Logo(logo) => self.logo(logo),
            Row::Code(code, symbol) => self.code(code, symbol),
        }
        self.y += row_height_dots(row, self.width);
    }

    /// A line at the foot of a page.
    pub(super) fn foot(&mut self, text: &str) {
        self.row(&Row::Text(Line { text: text.to_owned(), bold: false, size: Size::Normal }));
    }

    #[expect(clippy::float_arithmetic, reason = "the place of a glyph is no money")]
    fn line(&mut self, line: &Line) {
        if line.text.trim().is_empty() {
            return;
        }
        let double = line.size == Size::Double;
        let scale = self.width.scale() * if double { 2 } else { 1 };
        let face = if line.bold { &self.fonts.bold } else { &self.fonts.regular };
        let glyphs: Vec<KrillaGlyph> = line
            .text
            .char_indices()
            .map(|(begin, character)| {
                let range = begin..begin + character.len_utf8();
                // A mark is drawn over the character before it.
                let (advance, offset) = match columns_of(character) {
                    0 => (0.0, -ADVANCE_EM),
                    1 => (ADVANCE_EM, 0.0),
                    _ => (2.0 * ADVANCE_EM, 0.0),
                };
                KrillaGlyph::new(face.glyph(character), advance, offset, 0.0, 0.0, range, None)
            })
            .collect();
        let at = Point::from_xy(number(self.width.margin_dots()), number(self.y + BASELINE_DOTS * scale));
        self.surface.draw_glyphs(at, &glyphs, face.font.clone(), &line.text, EM_DOTS * number(scale), false);
    }

    fn logo(&mut self, logo: &Logo) {
        let scale = self.width.scale();
        let left = self.width.dots().saturating_sub(u32::from(logo.width_dots()) * scale) / 2;
        let top = self.y;
        let dots = (0..logo.height_dots()).flat_map(|y| (0..logo.width_dots()).map(move |x| (x, y)));
        let black = dots.filter(|(x, y)| logo.is_black(*x, *y));
        self.bars(black.map(|(x, y)| (left + u32::from(x) * scale, top + u32::from(y) * scale, scale, scale)));
    }

    fn code(&mut self, code: &Code, symbol: &Symbol) {
        let (across, down, quiet) = code_dots(code, symbol, self.width);
        let left = self.width.dots().saturating_sub(symbol.width() * across) / 2;
        let top = self.y + quiet;
        let bar = |y: u32| move |(begin, length)| (left + begin * across, top + y * down, length * across, down);
        self.bars((0..symbol.height()).flat_map(|y| symbol.runs(y).map(bar(y))));
    }

    /// Black rectangles: left, top, width, height.
    fn bars(&mut self, bars: impl Iterator<Item = (u32, u32, u32, u32)>) {
        let mut path = PathBuilder::new();
        for (x, y, width, height) in bars {
            if let Some(rect) = Rect::from_xywh(number(x), number(y), number(width), number(height)) {
                path.push_rect(rect);
            }
        }
        if let Some(path) = path.finish() {
            self.surface.draw_path(&path);
        }
    }
}

/// A number of dots as the encoder takes it.
#[expect(clippy::cast_precision_loss, reason = "dots of a page are far below 2^24")]
fn number(dots: u32) -> f32 {
    dots as f32
}
