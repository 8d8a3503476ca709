//! How long the value of each bitmap (BMP) is (PA00P015, chapter on bitmaps).

/// The form of a bitmap's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Length {
    /// Always so many bytes.
    Fixed(usize),
    /// Two bytes `Fx Fy` tell the number `xy`.
    Llvar,
    /// Three bytes `Fx Fy Fz` tell the number `xyz`.
    Lllvar,
    /// A BER length: the TLV container.
    Ber,
}

impl Length {
    /// How many `F` bytes tell the length.
    pub(super) fn f_bytes(self) -> usize {
        match self {
            Self::Llvar => 2,
            Self::Lllvar => 3,
            Self::Fixed(_) | Self::Ber => 0,
        }
    }

    /// Whether a value of so many bytes can be told.
    pub(super) fn admits(self, bytes: usize) -> bool {
        match self {
            Self::Fixed(fixed) => bytes == fixed,
            Self::Llvar => bytes <= 99,
            Self::Lllvar => bytes <= 999,
            Self::Ber => bytes <= super::apdu::DATA_BYTES_MAX,
        }
    }
}

/// The length of every bitmap of revision 13.08 and of the extensions that terminals send; `None` for a byte that opens
/// none. A length for each, whatever it means: a decoder that stops at an unknown one loses the receipt number behind it.
#[must_use]
pub fn length_of(bmp: u8) -> Option<Length> {
    let length = match bmp {
        0x01..=0x03 | 0x05 | 0x19 | 0x27 | 0x72..=0x75 | 0x8A | 0x8C | 0xA0 | 0xD0 | 0xD2 | 0xD3 => Length::Fixed(1),
        0xE0 | 0xE9 | 0xEA | 0xF0 | 0xF9..=0xFD => Length::Fixed(1),
        0x0D | 0x0E | 0x17 | 0x3A | 0x49 | 0x87 => Length::Fixed(2),
        0x0B | 0x0C | 0x37 | 0x3D | 0x88 | 0xAA => Length::Fixed(3),
        0x29 | 0x70 | 0x71 => Length::Fixed(4),
        0xBA => Length::Fixed(5),
        0x04 => Length::Fixed(6),
        0x3B | 0xEB => Length::Fixed(8),
        0x2A => Length::Fixed(15),
        0x22 | 0x23 | 0x2D | 0x4C | 0x8B | 0xA7 | 0xD1 | 0xE1..=0xE8 | 0xF1..=0xF8 => Length::Llvar,
        0x24 | 0x2E | 0x3C | 0x60 | 0x9A | 0xAF => Length::Lllvar,
        0x06 => Length::Ber,
        _ => return None,
    };
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The counts of PA00P015 13.08: so many bitmaps of each form.
    #[test]
    fn every_bitmap_has_its_length() {
        let count = |wanted| (0..=u8::MAX).filter(|bmp| length_of(*bmp) == Some(wanted)).count();
        for (length, bitmaps) in [
            (Length::Fixed(1), 25),
            (Length::Fixed(2), 6),
            (Length::Fixed(3), 6),
            (Length::Fixed(4), 3),
            (Length::Fixed(5), 1),
            (Length::Fixed(6), 1),
            (Length::Fixed(8), 2),
            (Length::Fixed(15), 1),
            (Length::Llvar, 23),
            (Length::Lllvar, 6),
            (Length::Ber, 1),
        ] {
            assert_eq!(count(length), bitmaps, "{length:?}");
        }
        assert_eq!(length_of(0x88), Some(Length::Fixed(3)));
        assert_eq!(length_of(0x00), None);
    }
}
