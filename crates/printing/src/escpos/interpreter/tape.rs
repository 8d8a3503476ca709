//! What is on the paper.

use crate::escpos::bitmap::Bitmap;
use crate::escpos::qr::QrLevel;

/// Most bytes of memory that a tape takes; what is printed beyond it is counted and left out.
pub const TAPE_BYTES_MAX: usize = 64 << 20;
/// About what an item takes beside its text.
const ITEM_BYTES: usize = 96;

/// Where a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Align {
    /// At the left.
    #[default]
    Left,
    /// In the middle.
    Centre,
    /// At the right.
    Right,
}

/// The printer's fonts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Font {
    /// 12 dots wide, 24 high.
    #[default]
    A,
    /// 9 dots wide, 17 high.
    B,
}

impl Font {
    /// Dots across.
    #[must_use]
    pub const fn width_dots(self) -> u32 {
        match self {
            Self::A => 12,
            Self::B => 9,
        }
    }

    /// Dots from top to bottom.
    #[must_use]
    pub const fn height_dots(self) -> u32 {
        match self {
            Self::A => 24,
            Self::B => 17,
        }
    }
}

/// How characters look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Style {
    /// The font.
    pub font: Font,
    /// Bold.
    pub bold: bool,
    /// Underlined.
    pub underline: bool,
    /// White on black.
    pub inverse: bool,
    /// Turned by 90 degrees.
    pub turned: bool,
    /// Printed upside down.
    pub upside_down: bool,
    /// Times as wide, 1 to 8.
    pub width: u8,
    /// Times as high, 1 to 8.
    pub height: u8,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            font: Font::A,
            bold: false,
            underline: false,
            inverse: false,
            turned: false,
            upside_down: false,
            width: 1,
            height: 1,
        }
    }
}

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fragment {
    /// Characters of one style, `x_dots` from the left of the printing area.
    Text {
        /// Where it begins.
        x_dots: u32,
        /// How it looks.
        style: Style,
        /// Characters.
        text: String,
        /// Blank dots behind each character.
        spacing_dots: u32,
    },
    /// A picture in the line.
    Picture {
        /// Where it begins.
        x_dots: u32,
        /// Its dots.
        dots: Bitmap,
    },
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// Where it stands.
    pub align: Align,
    /// Its parts, in the order in which they were printed.
    pub fragments: Vec<Fragment>,
    /// Paper that it takes.
    pub feed_dots: u32,
    /// Dots that it is wide.
    pub width_dots: u32,
}

impl Line {
    /// Its characters, one after the other.
    #[must_use]
    pub fn text(&self) -> String {
        let texts = self.fragments.iter().filter_map(|fragment| match fragment {
            Fragment::Text { text, .. } => Some(text.as_str()),
            Fragment::Picture { .. } => None,
        });
        texts.collect()
    }
}

/// Bar codes and other codes that the printer draws itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Symbology {
    /// `GS k`, UPC-A.
    UpcA,
    /// `GS k`, UPC-E.
    UpcE,
    /// `GS k`, EAN-13.
    Ean13,
    /// `GS k`, EAN-8.
    Ean8,
    /// `GS k`, code 39.
    Code39,
    /// `GS k`, interleaved 2 of 5.
    Itf,
    /// `GS k`, codabar.
    Codabar,
    /// `GS k`, code 93.
    Code93,
    /// `GS k`, code 128; its data has the code sets as `{A`, `{B`, `{C`.
    Code128,
    /// `GS k`, another one.
    Other(u8),
    /// `GS ( k`, PDF417.
    Pdf417,
    /// `GS ( k`, `MaxiCode`.
    MaxiCode,
    /// `GS ( k`, Aztec.
    Aztec,
    /// `GS ( k`, Data Matrix.
    DataMatrix,
}

/// What is on the paper, from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A line.
    Line(Line),
    /// Blank paper.
    Feed {
        /// How much.
        dots: u32,
    },
    /// A picture.
    Picture {
        /// Where it stands.
        align: Align,
        /// Its dots.
        dots: Bitmap,
    },
    /// A QR code that the printer drew.
    Qr {
        /// Where it stands.
        align: Align,
        /// What it says.
        payload: Vec<u8>,
        /// Dots of a module.
        module_dots: u8,
        /// Error correction.
        level: QrLevel,
    },
    /// A bar code or another code that the printer drew.
    Code {
        /// Where it stands.
        align: Align,
        /// Which one.
        symbology: Symbology,
        /// What it says.
        data: Vec<u8>,
        /// Its height.
        height_dots: u32,
        /// Dots of a module.
        module_dots: u8,
        /// Its text stands above or below.
        text: bool,
    },
    /// The paper was cut.
    Cut {
        /// A bridge was left.
        partial: bool,
    },
    /// A drawer was opened.
    Drawer {
        /// Pin of the connector, 2 or 5.
        pin: u8,
    },
    /// It beeped.
    Beep,
    /// A command that no printer is known to have, with its first bytes.
    Unknown(Vec<u8>),
}

impl Item {
    fn bytes(&self) -> usize {
        let inside = match self {
            Self::Line(line) => line
                .fragments
                .iter()
                .map(|fragment| match fragment {
                    Fragment::Text { text, .. } => text.len() + ITEM_BYTES,
                    Fragment::Picture { dots, .. } => dots.rows().len() + ITEM_BYTES,
                })
                .sum(),
            Self::Picture { dots, .. } => dots.rows().len(),
            Self::Qr { payload, .. } => payload.len(),
            Self::Code { data, .. } => data.len(),
            Self::Unknown(bytes) => bytes.len(),
            Self::Feed { .. } | Self::Cut { .. } | Self::Drawer { .. } | Self::Beep => 0,
        };
        inside + ITEM_BYTES
    }

    /// Paper that it takes, where that does not depend on how it is drawn.
    pub(super) fn feed_dots(&self) -> u32 {
        match self {
            Self::Line(line) => line.feed_dots,
            Self::Feed { dots } => *dots,
            Self::Picture { dots, .. } => dots.height_dots(),
            Self::Code { height_dots, .. } => *height_dots,
            // A code of middle size.
            Self::Qr { module_dots, .. } => u32::from(*module_dots).saturating_mul(45),
            Self::Cut { .. } | Self::Drawer { .. } | Self::Beep | Self::Unknown(_) => 0,
        }
    }
}

/// A strip of paper.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tape {
    items: Vec<Item>,
    bytes: usize,
    /// Items that found no room on it.
    pub lost: u64,
}

impl Tape {
    /// What is on it, from the top.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Whether nothing was printed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.items.is_empty() && self.lost == 0
    }

    pub(super) fn push(&mut self, item: Item) {
        // Blank paper behind blank paper is one piece of it.
        if let (Some(Item::Feed { dots }), Item::Feed { dots: more }) = (self.items.last_mut(), &item) {
            *dots = dots.saturating_add(*more);
            return;
        }
        let bytes = self.bytes.saturating_add(item.bytes());
        if bytes > TAPE_BYTES_MAX {
            self.lost = self.lost.saturating_add(1);
            return;
        }
        self.bytes = bytes;
        self.items.push(item);
    }

    /// The receipts on it: each ends with a cut, the last one perhaps without.
    pub fn receipts(&self) -> impl Iterator<Item = &[Item]> {
        self.items.split_inclusive(|item| matches!(item, Item::Cut { .. }))
    }

    /// The payloads of the QR codes that the printer drew itself.
    pub fn qr_payloads(&self) -> impl Iterator<Item = &[u8]> {
        self.items.iter().filter_map(|item| match item {
            Item::Qr { payload, .. } => Some(payload.as_slice()),
            _ => None,
        })
    }
}
