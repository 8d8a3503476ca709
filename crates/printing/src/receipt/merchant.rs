//! Who issues the receipt.

use crate::Printable;

/// The business as it stands at the head of its receipts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Merchant {
    /// Name of the business (AT: BAO § 132a (3) 1; DE: § 6 KassenSichV: full name).
    pub name: Printable,
    /// Address, line by line.
    pub address: Vec<Printable>,
    /// Tax numbers with their labels, in the order in which they are shown, such as `("UID", "ATU12345678")`.
    pub tax_ids: Vec<(Printable, Printable)>,
    /// Telephone, web page and the like, line by line.
    pub contact: Vec<Printable>,
    /// Picture at the very top.
    pub logo: Option<Logo>,
}

/// A picture of one bit for each dot, printed at 8 dots/mm.
///
/// Invariant: `bits` has exactly as many bytes as width and height ask for, each row padded to a byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    width_dots: u16,
    height_dots: u16,
    bits: Box<[u8]>,
    description: Printable,
}

/// Why a picture cannot be a logo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LogoError {
    /// A side is 0 or too long.
    #[error("a logo has 1 to 384 dots across and 1 to 192 down, not {width} x {height}")]
    Size {
        /// Dots across.
        width: u16,
        /// Dots down.
        height: u16,
    },
    /// The bytes do not fit the sides.
    #[error("a logo of this size has {expected} bytes, not {found}")]
    Bytes {
        /// Bytes that the sides ask for.
        expected: usize,
        /// Bytes that were given.
        found: usize,
    },
}

impl Logo {
    /// Most dots across: the narrowest paper (48 mm printable).
    pub const WIDTH_DOTS_MAX: u16 = 384;
    /// Most dots down (24 mm).
    pub const HEIGHT_DOTS_MAX: u16 = 192;

    /// A logo from its dots: rows from the top, eight dots a byte, the leftmost in the highest bit, 1 is black. `description` is what a
    /// page says of it to those who do not see it.
    ///
    /// # Errors
    /// When a side is out of range or the bytes do not fit.
    pub fn new(width_dots: u16, height_dots: u16, bits: Vec<u8>, description: &str) -> Result<Self, LogoError> {
        if !(1..=Self::WIDTH_DOTS_MAX).contains(&width_dots) || !(1..=Self::HEIGHT_DOTS_MAX).contains(&height_dots) {
            return Err(LogoError::Size { width: width_dots, height: height_dots });
        }
        let expected = usize::from(width_dots.div_ceil(8)) * usize::from(height_dots);
        if bits.len() != expected {
            return Err(LogoError::Bytes { expected, found: bits.len() });
        }
        Ok(Self { width_dots, height_dots, bits: bits.into(), description: Printable::new(description) })
    }

    /// Dots across.
    #[must_use]
    pub const fn width_dots(&self) -> u16 {
        self.width_dots
    }

    /// Dots down.
    #[must_use]
    pub const fn height_dots(&self) -> u16 {
        self.height_dots
    }

    /// Rows from the top, eight dots a byte, the leftmost in the highest bit, 1 is black.
    #[must_use]
    pub fn bits(&self) -> &[u8] {
        &self.bits
    }

    /// What it shows, in words.
    #[must_use]
    pub const fn description(&self) -> &Printable {
        &self.description
    }

    /// Whether the dot is black; outside of the picture it is not.
    #[must_use]
    pub fn is_black(&self, x: u16, y: u16) -> bool {
        if x >= self.width_dots || y >= self.height_dots {
            return false;
        }
        let row = usize::from(self.width_dots.div_ceil(8)) * usize::from(y);
        self.bits.get(row + usize::from(x / 8)).is_some_and(|byte| byte & (0x80 >> (x % 8)) != 0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn a_logo_fits_the_narrowest_paper() {
        let logo = Logo::new(9, 2, vec![0x80, 0x80, 0x01, 0x00], "K").unwrap();
        assert!(logo.is_black(0, 0) && logo.is_black(8, 0) && logo.is_black(7, 1));
        assert!(!logo.is_black(1, 0) && !logo.is_black(9, 0) && !logo.is_black(0, 2));
        assert_eq!(Logo::new(0, 1, vec![], ""), Err(LogoError::Size { width: 0, height: 1 }));
        assert_eq!(Logo::new(8, 2, vec![0], ""), Err(LogoError::Bytes { expected: 2, found: 1 }));
        assert!(Logo::new(385, 1, vec![0; 49], "").is_err());
    }
}
