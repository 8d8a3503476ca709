//! The receipt as an SVG picture.
//!
//! Purpose: a picture that is sharp at any size, with text that can be selected.
//! Owns: [`FORMAT`], [`render`], paths of codes ([`path`]).
//! Invariants: no script, no style, no reference to anything outside; whole numbers only; one unit is a dot (an eighth of a millimetre).
//! Not here: what stands in which row (`layout`).

mod path;

pub(crate) use path::logo as logo_path;
pub use path::path;

use std::fmt::Write;

use crate::code::{DOTS_PER_MM, LINEAR_HEIGHT_MM, MODULE_DOTS_MIN, Symbol, module_dots};
use crate::font::{CELL_HEIGHT_DOTS, CELL_WIDTH_DOTS};
use crate::format::{Format, Options, RenderError};
use crate::layout::{Line, Paper, Row, Size, lay_out};
use crate::printable::columns;
use crate::raster::Width;
use crate::receipt::{Code, Logo, Medium, Receipt};

/// Its registration.
pub const FORMAT: Format =
    Format { name: "svg", media_type: "image/svg+xml", extension: "svg", has_width: true, render: rendered };

/// Height of a line of text.
const LINE: u32 = CELL_HEIGHT_DOTS as u32 + 4;
/// From the top of a cell to the line that letters stand on.
const BASELINE: u32 = 19;
/// Size at which common fonts of a fixed pitch have cells of the right width.
const FONT_SIZE: u32 = 20;
const GAP: u32 = 14;
const EDGE: u32 = 24;

fn rendered(receipt: &Receipt, options: &Options) -> Result<Vec<u8>, RenderError> {
    Ok(render(receipt, options.width).into_bytes())
}

/// Draws a receipt.
#[must_use]
pub fn render(receipt: &Receipt, width: Width) -> String {
    let rows = lay_out(receipt, Paper::new(width.columns(), Medium::Paper, width.dots() / MODULE_DOTS_MIN));
    let mut canvas = Canvas { width, y: EDGE * width.scale(), body: String::with_capacity(16 * 1024) };
    for row in &rows {
        canvas.row(row);
    }
    let (across, down) = (width.dots(), canvas.y + EDGE * width.scale());
    let mut page = String::with_capacity(canvas.body.len() + 512);
    _ = write!(
        page,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}mm\" height=\"{}mm\" \
         viewBox=\"0 0 {across} {down}\" role=\"img\" xml:lang=\"{}\">",
        width.mm(),
        down.div_ceil(DOTS_PER_MM),
        receipt.language.tag(),
    );
    page.push_str("<title>");
    escape(&mut page, &receipt.title);
    page.push_str("</title>");
    _ = write!(page, "<path fill=\"#fff\" d=\"M0 0h{across}v{down}H0z\"/>");
    _ = write!(
        page,
        "<g fill=\"#000\" font-family=\"DejaVu Sans Mono,Consolas,Menlo,monospace\" font-size=\"{}\">",
        FONT_SIZE * width.scale()
    );
    page.push_str(&canvas.body);
    page.push_str("</g></svg>\n");
    page
}

struct Canvas {
    width: Width,
    y: u32,
    body: String,
}

impl Canvas {
    fn row(&mut self, row: &Row<'_>) {
        let scale = self.width.scale();
        match row {
            Row::Text(line) => self.line(line),
            Row::Gap => self.y += GAP * scale,
            Row::Rule => {
                let left = self.width.margin_dots();
                let across = self.width.dots() - 2 * left;
                _ = write!(self.body, "<path d=\"M{left} {}h{across}v{}h-{across}z\"/>", self.y + 7 * scale, 2 * scale);
                self.y += 16 * scale;
            }
            Row::Logo(logo) => self.logo(logo),
            Row::Code(code, symbol) => self.code(code, symbol),
        }
    }

    /// Each word has a place of its own, so that a font of another pitch moves no column.
    fn line(&mut self, line: &Line) {
        let scale = self.width.scale() * if line.size == Size::Double { 2 } else { 1 };
        let cell = u32::from(CELL_WIDTH_DOTS) * scale;
        let y = self.y + BASELINE * scale;
        let mut column = 0;
        // Words that are one blank apart stay together.
        for part in line.text.split("  ") {
            let blanks = u32::try_from(part.len() - part.trim_start_matches(' ').len()).unwrap_or(0);
            let words = part.trim_matches(' ');
            let wide = u32::try_from(columns(words)).unwrap_or(0);
            if wide > 0 {
                let x = self.width.margin_dots() + (column + blanks) * cell;
                _ = write!(self.body, "<text x=\"{x}\" y=\"{y}\"");
                if line.bold {
                    self.body.push_str(" font-weight=\"bold\"");
                }
                if line.size == Size::Double {
                    _ = write!(self.body, " font-size=\"{}\"", FONT_SIZE * scale);
                }
                _ = write!(self.body, " textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\">", wide * cell);
                escape(&mut self.body, words);
                self.body.push_str("</text>");
            }
            column += u32::try_from(columns(part)).unwrap_or(0) + 2;
        }
        self.y += if line.size == Size::Double { LINE * scale - 4 * self.width.scale() } else { LINE * scale };
    }

    fn logo(&mut self, logo: &Logo) {
        let scale = self.width.scale();
        let left = self.width.dots().saturating_sub(u32::from(logo.width_dots()) * scale) / 2;
        _ = write!(self.body, "<path shape-rendering=\"crispEdges\" transform=\"translate({left} {})", self.y);
        if scale > 1 {
            _ = write!(self.body, " scale({scale})");
        }
        self.body.push_str("\" d=\"");
        path::logo(&mut self.body, logo);
        self.body.push_str("\"/>");
        self.y += u32::from(logo.height_dots()) * scale;
    }

    fn code(&mut self, code: &Code, symbol: &Symbol) {
        let dots = module_dots(code, symbol, self.width.dots()).unwrap_or(MODULE_DOTS_MIN);
        let (quiet, down) = if symbol.is_linear() {
            (0, LINEAR_HEIGHT_MM * DOTS_PER_MM * self.width.scale())
        } else {
            (symbol.quiet() * dots, dots)
        };
        let left = self.width.dots().saturating_sub(symbol.width() * dots) / 2;
        let transform = format!("translate({left} {}) scale({dots} {down})", self.y + quiet);
        _ = write!(
            self.body,
            "<path shape-rendering=\"crispEdges\" transform=\"{transform}\" d=\"{}\"/>",
            path(symbol)
        );
        self.y += 2 * quiet + symbol.height() * down;
    }
}

/// Writes text between tags.
fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
#[path = "svg_tests.rs"]
mod tests;
