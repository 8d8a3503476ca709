//! Receipts that the terminal has made: lines (`06 D1`) and blocks (`06 D3`) (PA00P015, chapter 3).

use super::charset::decode_text;
use super::tlv::{Container, Tag};

/// For whom a receipt is (TLV 1F07).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReceiptKind {
    /// 01.
    Merchant,
    /// 02.
    Customer,
    /// 03.
    Administration,
    /// Any other.
    Other(u8),
}

impl ReceiptKind {
    /// The kind that a container tells.
    #[must_use]
    pub fn of(container: &Container) -> Option<Self> {
        container.bytes(&[Tag::RECEIPT_KIND])?.first().map(|kind| match kind {
            1 => Self::Merchant,
            2 => Self::Customer,
            3 => Self::Administration,
            other => Self::Other(*other),
        })
    }
}

/// One line of a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrintedLine {
    /// How it looks.
    pub attribute: u8,
    /// What it says.
    pub text: String,
}

impl PrintedLine {
    /// Attribute of empty lines: their number is the text of a `06 D1`.
    pub const LINE_FEEDS: u8 = 0xFF;

    /// Whether the line is in the middle.
    #[must_use]
    pub fn is_centred(&self) -> bool {
        self.has(0x40)
    }

    /// Whether its letters are twice as wide.
    #[must_use]
    pub fn is_double_width(&self) -> bool {
        self.has(0x20)
    }

    /// Whether its letters are twice as high.
    #[must_use]
    pub fn is_double_height(&self) -> bool {
        self.has(0x10)
    }

    /// By how many characters it begins further right, unless it is in the middle.
    #[must_use]
    pub fn indent_chars(&self) -> u8 {
        if ends_receipt(self.attribute) { 0 } else { self.attribute & 0x0F }
    }

    fn has(&self, bit: u8) -> bool {
        !ends_receipt(self.attribute) && self.attribute & bit != 0
    }
}

/// Whether an attribute says that the receipt ends here: the highest bit, but not alone.
pub(super) fn ends_receipt(attribute: u8) -> bool {
    attribute > 0x80
}

/// The lines of a block. An attribute holds for the lines behind it.
pub(super) fn block_lines(container: &Container) -> Vec<PrintedLine> {
    let mut lines = Vec::new();
    let mut attribute = 0;
    let charset = container.charset();
    for element in container.find(&[Tag::PRINT_TEXTS]).map_or(&[][..], |texts| texts.as_elements()) {
        let Some(bytes) = element.as_bytes() else { continue };
        match element.tag() {
            Tag::ATTRIBUTE => attribute = bytes.first().copied().unwrap_or(0),
            Tag::TEXT => lines.push(PrintedLine { attribute, text: decode_text(bytes, charset) }),
            _ => {}
        }
    }
    lines
}

/// Whether a block is the last one of its receipt.
pub(super) fn block_ends_receipt(container: &Container) -> bool {
    let texts = container.find(&[Tag::PRINT_TEXTS]).map_or(&[][..], |texts| texts.as_elements());
    let attributes = texts.iter().filter(|element| element.tag() == Tag::ATTRIBUTE);
    attributes.filter_map(|element| element.as_bytes()?.first()).any(|attribute| ends_receipt(*attribute))
}
