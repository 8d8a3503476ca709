//! The line that is being printed.

use super::tape::{Fragment, Line, Style};
use crate::escpos::bitmap::Bitmap;

/// Distance of tab stops after a reset, in characters of font A.
const TAB_COLUMNS: u32 = 8;

/// A line that was begun.
#[derive(Debug, Default)]
pub(super) struct Begun {
    line: Line,
    x_dots: u32,
    height_dots: u32,
}

impl Begun {
    pub(super) fn is_empty(&self) -> bool {
        self.line.fragments.is_empty()
    }

    pub(super) const fn x_dots(&self) -> u32 {
        self.x_dots
    }

    pub(super) const fn move_to(&mut self, x_dots: u32) {
        self.x_dots = x_dots;
    }

    /// To the next tab stop: one of the list, or every eighth column.
    pub(super) fn tab(&mut self, stops: Option<&[u8]>) {
        let column = Style::default().font.width_dots();
        self.x_dots = match stops {
            Some(stops) => {
                let stops = stops.iter().map(|stop| u32::from(*stop) * column);
                stops.into_iter().find(|stop| *stop > self.x_dots).unwrap_or(self.x_dots)
            }
            None => (self.x_dots / (TAB_COLUMNS * column) + 1) * TAB_COLUMNS * column,
        };
    }

    /// Whether so many dots more fit into a line that is this wide. The first character always does.
    pub(super) fn has_room(&self, dots: u32, line_dots: u32) -> bool {
        self.is_empty() || self.x_dots.saturating_add(dots) <= line_dots
    }

    pub(super) fn character(&mut self, char: char, style: Style, spacing_dots: u32) {
        let at = self.x_dots;
        self.x_dots = at.saturating_add(width_dots(style, spacing_dots));
        self.height_dots = self.height_dots.max(style.font.height_dots() * u32::from(style.height));
        self.line.width_dots = self.line.width_dots.max(self.x_dots);
        if let Some(Fragment::Text { x_dots, style: last, text, spacing_dots: spacing }) =
            self.line.fragments.last_mut()
            && *last == style
            && *spacing == spacing_dots
        {
            let count = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
            if x_dots.saturating_add(count.saturating_mul(width_dots(style, spacing_dots))) == at {
                text.push(char);
                return;
            }
        }
        self.line.fragments.push(Fragment::Text { x_dots: at, style, text: char.to_string(), spacing_dots });
    }

    pub(super) fn picture(&mut self, dots: Bitmap) {
        self.height_dots = self.height_dots.max(dots.height_dots());
        let x_dots = self.x_dots;
        self.x_dots = x_dots.saturating_add(dots.width_dots());
        self.line.width_dots = self.line.width_dots.max(self.x_dots);
        self.line.fragments.push(Fragment::Picture { x_dots, dots });
    }

    /// Ends the line; it takes at least so much paper.
    pub(super) fn end(&mut self, line: Line, feed_dots: u32) -> Line {
        let begun = std::mem::take(self);
        Line { align: line.align, feed_dots: feed_dots.max(begun.height_dots), ..begun.line }
    }
}

/// Dots that a character takes.
pub(super) fn width_dots(style: Style, spacing_dots: u32) -> u32 {
    (style.font.width_dots() + spacing_dots) * u32::from(style.width)
}
