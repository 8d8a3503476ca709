//! What a layout may ask of a medium with columns.

use crate::code::Symbol;
use crate::escpos::Bitmap;
use crate::receipt::Code;

/// How large characters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Size {
    /// One column, one line.
    #[default]
    Normal,
    /// Two columns, twice as high.
    Large,
}

impl Size {
    /// Columns of a character.
    #[must_use]
    pub const fn columns(self) -> usize {
        match self {
            Self::Normal => 1,
            Self::Large => 2,
        }
    }
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Look {
    /// In the middle of the paper; else its blanks place it.
    pub centred: bool,
    /// How large.
    pub size: Size,
    /// Bold.
    pub bold: bool,
}

impl Look {
    /// As everything that is not said to be otherwise.
    pub const PLAIN: Self = Self { centred: false, size: Size::Normal, bold: false };
    /// Large and bold, in the middle.
    pub const LOUD: Self = Self { centred: true, size: Size::Large, bold: true };
}

/// A medium with columns: paper, or what a test compares it with.
pub trait Sheet {
    /// Columns of a line.
    fn columns(&self) -> usize;
    /// Dots that a code may be wide, quiet zone included; 0 where there are no codes.
    fn dots(&self) -> u32;
    /// Text as the medium can show it: each character takes one column.
    fn printable(&self, text: &str) -> String;
    /// A line. It is [`Sheet::printable`] and has room.
    fn line(&mut self, look: Look, text: &str);
    /// A code in the middle; tells whether the medium can show it. It is text otherwise, which is the layout's to say.
    fn code(&mut self, code: &Code, symbol: &Symbol) -> bool;
    /// A picture in the middle, if the medium can show it.
    fn picture(&mut self, dots: &Bitmap);
    /// Half a blank line.
    fn gap(&mut self);
}
