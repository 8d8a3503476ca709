//! Drawing: where each thing on the paper stands.

use super::tape::{Align, Fragment, Item, Line, Style, Symbology};
use crate::code::symbol;
use crate::escpos::bitmap::Bitmap;
use crate::escpos::profile::Profile;
use crate::escpos::qr;
use crate::escpos::render::symbol::drawn;
use crate::font::{self, CELL_HEIGHT_DOTS, CELL_WIDTH_DOTS, Glyph};
use crate::receipt::{self, Code};

/// Dots of a character of the font, across and down.
const WIDTH_DOTS: u32 = CELL_WIDTH_DOTS as u32;
const HEIGHT_DOTS: u32 = CELL_HEIGHT_DOTS as u32;

/// White paper at each side, in dots.
const MARGIN_DOTS: u32 = 16;
/// White paper above and below.
const EDGE_DOTS: u32 = 24;
/// Paper that a cut takes in a picture.
const CUT_DOTS: u32 = 24;
/// Paper of a line of text that says what is not drawn.
const NOTE_DOTS: u32 = 30;

/// Draws items one below the other; without a picture it only measures.
pub(super) struct Painter {
    to: Option<Bitmap>,
    paper_dots: u32,
    y: u32,
}

impl Painter {
    /// Rows that the items take.
    pub(super) fn measure(items: &[Item], profile: &Profile) -> u32 {
        let mut painter = Self { to: None, paper_dots: paper_dots(profile), y: EDGE_DOTS };
        items.iter().for_each(|item| painter.item(item));
        painter.y.saturating_add(EDGE_DOTS)
    }

    /// The picture.
    pub(super) fn draw(items: &[Item], profile: &Profile, height_dots: u32) -> Bitmap {
        let paper_dots = paper_dots(profile);
        let to = Some(Bitmap::white(paper_dots + 2 * MARGIN_DOTS, height_dots));
        let mut painter = Self { to, paper_dots, y: EDGE_DOTS };
        items.iter().for_each(|item| painter.item(item));
        painter.to.unwrap_or_else(|| Bitmap::white(1, 1))
    }

    fn item(&mut self, item: &Item) {
        match item {
            Item::Line(line) => self.line(line),
            Item::Feed { dots } => self.feed(*dots),
            Item::Picture { align, dots } => {
                let x = self.left(*align, dots.width_dots());
                self.bitmap(dots, x, 1);
                self.feed(dots.height_dots());
            }
            Item::Qr { align, payload, module_dots, level } => match qr::modules(payload, *level) {
                Some(modules) => {
                    let scale = u32::from(*module_dots).max(1);
                    let x = self.left(*align, modules.width_dots() * scale);
                    self.bitmap(&modules, x, scale);
                    self.feed(modules.height_dots() * scale);
                }
                None => self.note("[QR: too long]", *align),
            },
            Item::Code { align, symbology, data, module_dots, .. } => {
                match picture_of(*symbology, data, *module_dots) {
                    Some(dots) => {
                        let x = self.left(*align, dots.width_dots());
                        self.bitmap(&dots, x, 1);
                        self.feed(dots.height_dots());
                    }
                    None => self.note(&format!("[{symbology:?} {}]", String::from_utf8_lossy(data)), *align),
                }
            }
            Item::Cut { .. } => {
                let (y, width) = (self.y + CUT_DOTS / 2, self.paper_dots + 2 * MARGIN_DOTS);
                if let Some(to) = &mut self.to {
                    for x in (0..width).step_by(16) {
                        to.fill(x, y, 8, 1, true);
                    }
                }
                self.feed(CUT_DOTS);
            }
            Item::Drawer { .. } | Item::Beep | Item::Unknown(_) => {}
        }
    }

    fn feed(&mut self, dots: u32) {
        self.y = self.y.saturating_add(dots);
    }

    fn left(&self, align: Align, width_dots: u32) -> u32 {
        let room = self.paper_dots.saturating_sub(width_dots);
        MARGIN_DOTS
            + match align {
                Align::Left => 0,
                Align::Centre => room / 2,
                Align::Right => room,
            }
    }

    fn bitmap(&mut self, dots: &Bitmap, x: u32, scale: u32) {
        let y = self.y;
        if let Some(to) = &mut self.to {
            to.draw(dots, x, y, scale, scale);
        }
    }

    fn note(&mut self, text: &str, align: Align) {
        let shown: String = text.chars().take(usize::try_from(self.paper_dots / WIDTH_DOTS).unwrap_or(0)).collect();
        let width_dots = u32::try_from(shown.chars().count()).unwrap_or(0) * WIDTH_DOTS;
        let fragment = Fragment::Text { x_dots: 0, style: Style::default(), text: shown, spacing_dots: 0 };
        self.line(&Line { align, fragments: vec![fragment], feed_dots: NOTE_DOTS, width_dots });
    }

    fn line(&mut self, line: &Line) {
        let left = self.left(line.align, line.width_dots);
        let y = self.y;
        if let Some(to) = &mut self.to {
            // Characters of one line stand on one base line.
            let height = |fragment: &Fragment| match fragment {
                Fragment::Text { style, .. } => style.font.height_dots() * u32::from(style.height),
                Fragment::Picture { dots, .. } => dots.height_dots(),
            };
            let highest = line.fragments.iter().map(height).max().unwrap_or(0);
            for fragment in &line.fragments {
                let top = y + highest - height(fragment);
                match fragment {
                    Fragment::Text { x_dots, style, text, spacing_dots } => {
                        characters(to, left.saturating_add(*x_dots), top, text, *style, *spacing_dots);
                    }
                    Fragment::Picture { x_dots, dots } => to.draw(dots, left.saturating_add(*x_dots), top, 1, 1),
                }
            }
        }
        self.feed(line.feed_dots);
    }
}

fn paper_dots(profile: &Profile) -> u32 {
    u32::from(profile.dots.max(profile.text_dots()))
}

fn characters(to: &mut Bitmap, x: u32, y: u32, text: &str, style: Style, spacing_dots: u32) {
    let (across, down) = (u32::from(style.width), u32::from(style.height));
    let (wide, high) = (style.font.width_dots(), style.font.height_dots());
    let step = super::line::width_dots(style, spacing_dots);
    let font = if style.bold { font::Bitmap::bold() } else { font::Bitmap::regular() };
    let mut left = x;
    for char in text.chars() {
        let glyph = font.glyph(char);
        for (row, column) in (0..high).flat_map(|row| (0..wide).map(move |column| (row, column))) {
            if is_black(glyph, style, column, row, wide, high) != style.inverse {
                to.fill(left + column * across, y + row * down, across, down, true);
            }
        }
        if style.underline {
            to.fill(left, y + (high - 1) * down, step, down, true);
        }
        left = left.saturating_add(step);
        if left >= to.width_dots() {
            return;
        }
    }
}

/// A dot of a character in a cell of this size: the glyph's dots that fall together there.
fn is_black(glyph: &Glyph, style: Style, column: u32, row: u32, wide: u32, high: u32) -> bool {
    let (column, row) = if style.upside_down { (wide - 1 - column, high - 1 - row) } else { (column, row) };
    let columns = column * WIDTH_DOTS / wide..(column + 1) * WIDTH_DOTS / wide;
    let mut rows = row * HEIGHT_DOTS / high..(row + 1) * HEIGHT_DOTS / high;
    let dot = |x: u32, y: u32| glyph.get(y as usize).is_some_and(|row| row & (0x800 >> x) != 0);
    rows.any(|y| columns.clone().any(|x| dot(x, y)))
}

/// The picture of a code, where it is known how to draw it.
fn picture_of(symbology: Symbology, data: &[u8], module_dots: u8) -> Option<Bitmap> {
    let text = std::str::from_utf8(data).ok()?;
    let (symbology, payload) = match symbology {
        Symbology::UpcA => (receipt::Symbology::UpcA, text.to_owned()),
        Symbology::Ean13 => (receipt::Symbology::Ean13, text.to_owned()),
        Symbology::Ean8 => (receipt::Symbology::Ean8, text.to_owned()),
        Symbology::Code39 => (receipt::Symbology::Code39, text.to_owned()),
        // Set B only: the others have their own ways to write what they say.
        Symbology::Code128 => (receipt::Symbology::Code128, text.strip_prefix("{B")?.replace("{{", "{")),
        Symbology::Pdf417 => (receipt::Symbology::Pdf417, text.to_owned()),
        Symbology::Aztec => (receipt::Symbology::Aztec, text.to_owned()),
        Symbology::DataMatrix => (receipt::Symbology::DataMatrix, text.to_owned()),
        _ => return None,
    };
    let symbol = symbol(&Code::new(symbology, payload)).ok()?;
    Some(drawn(&symbol, u32::from(module_dots)))
}
