//! From a payload to modules.

use fast_qr::{ECL, QRBuilder};
use rxing::common::BitMatrix;
use rxing::{BarcodeFormat, EncodeHints, MultiFormatWriter, Writer};

use crate::receipt::{Code, Symbology};

/// Longest payload in bytes: what the largest QR code has room for.
pub const PAYLOAD_BYTES_MAX: usize = 2953;
/// Longest payload of a bar code in bytes: more fits no paper.
const LINEAR_BYTES_MAX: usize = 80;

/// Why there is no symbol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// The payload is too long for the kind of code.
    #[error("{bytes} bytes do not fit a code of the kind {}", .symbology.name())]
    TooLong {
        /// The kind.
        symbology: Symbology,
        /// Length of the payload.
        bytes: usize,
    },
    /// The payload has characters that the kind of code has not, a wrong length, or a wrong check digit.
    #[error("this payload cannot stand in a code of the kind {}", .symbology.name())]
    Unsuitable {
        /// The kind.
        symbology: Symbology,
    },
}

/// Modules of a symbol, without its quiet zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    width: u32,
    height: u32,
    quiet: u32,
    linear: bool,
    dark: Box<[bool]>,
}

impl Symbol {
    /// Modules across, without the quiet zone.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Modules down, without the quiet zone; 1 for bars.
    #[must_use]
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// Light modules that it needs on each side.
    #[must_use]
    pub const fn quiet(&self) -> u32 {
        self.quiet
    }

    /// Whether it is a row of bars.
    #[must_use]
    pub const fn is_linear(&self) -> bool {
        self.linear
    }

    /// Whether a module is dark; outside of the symbol none is.
    #[must_use]
    pub fn is_dark(&self, x: u32, y: u32) -> bool {
        x < self.width && y < self.height && self.dark.get((y * self.width + x) as usize).copied().unwrap_or(false)
    }

    /// Runs of dark modules of a row: where each begins, and how long it is.
    pub fn runs(&self, y: u32) -> impl Iterator<Item = (u32, u32)> {
        let begin = (y as usize).saturating_mul(self.width as usize);
        let row = self.dark.get(begin..begin.saturating_add(self.width as usize)).unwrap_or_default();
        let mut x = 0;
        // Each step takes a light run, then the dark one behind it.
        std::iter::from_fn(move || {
            let rest = row.get(x..)?;
            let light = rest.iter().position(|dark| *dark)?;
            let dark = rest.get(light..)?.iter().position(|dark| !dark).unwrap_or(rest.len() - light);
            let begin = x + light;
            x = begin + dark;
            Some((u32::try_from(begin).ok()?, u32::try_from(dark).ok()?))
        })
    }
}

/// Makes the symbol of a code.
///
/// # Errors
/// When the payload does not fit, or the kind of code cannot have it.
pub fn symbol(code: &Code) -> Result<Symbol, CodeError> {
    let (symbology, bytes) = (code.symbology, code.payload.len());
    let bytes_max = if symbology.is_linear() { LINEAR_BYTES_MAX } else { PAYLOAD_BYTES_MAX };
    if bytes > bytes_max {
        return Err(CodeError::TooLong { symbology, bytes });
    }
    if !is_suitable(symbology, &code.payload) {
        return Err(CodeError::Unsuitable { symbology });
    }
    match symbology {
        Symbology::Qr => qr(code),
        _ => other(code),
    }
}

/// What is checked before an encoder sees it.
fn is_suitable(symbology: Symbology, payload: &str) -> bool {
    let digits = payload.bytes().all(|byte| byte.is_ascii_digit());
    match symbology {
        Symbology::Qr => true,
        // Their encoders work in Latin 1 unless told otherwise; what we print in them is ASCII or nothing.
        Symbology::Aztec | Symbology::DataMatrix | Symbology::Pdf417 => !payload.is_empty() && payload.is_ascii(),
        Symbology::Code128 => !payload.is_empty() && payload.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
        Symbology::Code39 => {
            let own = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"-. $/+%".contains(&byte);
            !payload.is_empty() && payload.bytes().all(own)
        }
        Symbology::Ean8 => digits && payload.len() == 8 && has_check_digit(payload),
        Symbology::Ean13 => digits && payload.len() == 13 && has_check_digit(payload),
        Symbology::UpcA => digits && payload.len() == 12 && has_check_digit(payload),
    }
}

/// GS1: weights 3 and 1 from the digit before the last one.
fn has_check_digit(digits: &str) -> bool {
    let weighted = digits.bytes().rev().zip([1, 3].into_iter().cycle());
    let sum: u32 = weighted.map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    sum.is_multiple_of(10)
}

fn qr(code: &Code) -> Result<Symbol, CodeError> {
    let payload = code.payload.as_bytes();
    let build = |level: ECL| QRBuilder::new(payload).ecl(level).build();
    // Level M as the laws of Spain and Portugal ask for; L when only that has room.
    let made = build(ECL::M).or_else(|_| build(ECL::L));
    let made = made.map_err(|_| CodeError::TooLong { symbology: code.symbology, bytes: payload.len() })?;
    let width = u32::try_from(made.size).unwrap_or(0);
    let dark = made.data.iter().take(made.size * made.size).map(|module| module.value()).collect();
    Ok(Symbol { width, height: width, quiet: 4, linear: false, dark })
}

fn other(code: &Code) -> Result<Symbol, CodeError> {
    let symbology = code.symbology;
    let (format, quiet) = match symbology {
        Symbology::Qr => (BarcodeFormat::QR_CODE, 4),
        Symbology::Aztec => (BarcodeFormat::AZTEC, 1),
        Symbology::DataMatrix => (BarcodeFormat::DATA_MATRIX, 2),
        Symbology::Pdf417 => (BarcodeFormat::PDF_417, 2),
        Symbology::Code128 => (BarcodeFormat::CODE_128, 10),
        Symbology::Code39 => (BarcodeFormat::CODE_39, 10),
        Symbology::Ean8 => (BarcodeFormat::EAN_8, 7),
        Symbology::Ean13 => (BarcodeFormat::EAN_13, 11),
        Symbology::UpcA => (BarcodeFormat::UPC_A, 9),
    };
    let hints = EncodeHints { Margin: Some("0".to_owned()), ..EncodeHints::default() };
    let matrix = MultiFormatWriter
        .encode_with_hints(&code.payload, &format, 0, 0, &hints)
        .map_err(|_| CodeError::TooLong { symbology, bytes: code.payload.len() })?;
    trimmed(&matrix, quiet, symbology).ok_or(CodeError::Unsuitable { symbology })
}

/// The dark part of a picture of modules.
fn trimmed(matrix: &BitMatrix, quiet: u32, symbology: Symbology) -> Option<Symbol> {
    let [left, top, width, height] = matrix.getEnclosingRectangle()?;
    let linear = symbology.is_linear();
    let height = if linear { 1 } else { height };
    let dark: Box<[bool]> =
        (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| matrix.get(left + x, top + y)).collect();
    Some(Symbol { width, height, quiet, linear, dark })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a QR symbol back with a decoder that shares no code with the encoder.
    fn read_back(symbol: &Symbol) -> String {
        let scale = 4;
        let side = ((symbol.width() + 2 * symbol.quiet()) * scale) as usize;
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(side, side, |x, y| {
            let module = |dots: usize| (u32::try_from(dots).unwrap() / scale).wrapping_sub(symbol.quiet());
            if symbol.is_dark(module(x), module(y)) { 0 } else { 255 }
        });
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1);
        grids.into_iter().next().unwrap().decode().unwrap().1
    }

    #[track_caller]
    fn check(symbology: Symbology, payload: &str, size: Result<(u32, u32), CodeError>) {
        let made = symbol(&Code::new(symbology, payload)).map(|symbol| (symbol.width(), symbol.height()));
        assert_eq!(made, size, "{payload}");
    }

    #[test]
    fn a_qr_code_reads_back_to_its_payload() {
        for payload in
            ["_R1-AT100_TILL-0007_ft10#17", "https://prewww2.aeat.es/x?a=1&b=ñ", "A:1*B:2", "1", "\u{1F600}\n\0"]
        {
            let made = symbol(&Code::new(Symbology::Qr, payload)).unwrap();
            assert_eq!(read_back(&made), payload);
        }
    }

    #[test]
    fn each_kind_has_its_size() {
        check(Symbology::Qr, "A", Ok((21, 21)));
        // Code 128: start, data, check (11 modules each), stop 13. Digits come in pairs.
        check(Symbology::Code128, "ABC", Ok((11 * 5 + 13, 1)));
        check(Symbology::Ean13, "4006381333931", Ok((95, 1)));
        check(Symbology::UpcA, "036000291452", Ok((95, 1)));
        check(Symbology::Ean8, "96385074", Ok((67, 1)));
        // Code 39: thirteen modules for each character and two asterisks, without the last gap.
        check(Symbology::Code39, "A1", Ok((13 * 4 - 1, 1)));
        check(Symbology::DataMatrix, "123456", Ok((10, 10)));
        check(Symbology::Aztec, "A", Ok((15, 15)));
        assert!(symbol(&Code::new(Symbology::Pdf417, "A")).is_ok_and(|symbol| symbol.height() > 1));
    }

    #[test]
    fn what_cannot_be_encoded_is_an_error() {
        let unsuitable = |symbology| Err(CodeError::Unsuitable { symbology });
        check(Symbology::Ean13, "4006381333932", unsuitable(Symbology::Ean13));
        check(Symbology::Ean8, "9638507", unsuitable(Symbology::Ean8));
        check(Symbology::Code39, "a", unsuitable(Symbology::Code39));
        check(Symbology::Code128, "ä", unsuitable(Symbology::Code128));
        check(Symbology::Aztec, "", unsuitable(Symbology::Aztec));
        let long = "x".repeat(2954);
        check(Symbology::Qr, &long, Err(CodeError::TooLong { symbology: Symbology::Qr, bytes: 2954 }));
        check(Symbology::Code128, &long, Err(CodeError::TooLong { symbology: Symbology::Code128, bytes: 2954 }));
        assert!(symbol(&Code::new(Symbology::Qr, "x".repeat(2953))).is_ok());
    }

    #[test]
    fn runs_are_the_dark_modules_of_a_row() {
        let made = symbol(&Code::new(Symbology::Qr, "A")).unwrap();
        let first: Vec<(u32, u32)> = made.runs(0).collect();
        assert_eq!((first.first(), first.last()), (Some(&(0, 7)), Some(&(14, 7))));
        let dark = (0..21).flat_map(|y| made.runs(y).map(|(_, length)| length)).sum::<u32>();
        assert_eq!(dark, (0..441).map(|index| u32::from(made.is_dark(index % 21, index / 21))).sum());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_payload_makes_an_encoder_panic(payload in "\\PC{0,60}", ascii in "[ -~]{0,400}", digits in "[0-9]{0,14}") {
            for symbology in Symbology::ALL {
                for payload in [&payload, &ascii, &digits] {
                    drop(symbol(&Code::new(*symbology, payload.as_str())));
                }
            }
        }

        #[test]
        fn every_payload_of_a_qr_code_reads_back(payload in "\\PC{1,200}") {
            let made = symbol(&Code::new(Symbology::Qr, payload.as_str())).unwrap();
            prop_assert_eq!(read_back(&made), payload);
        }
    }
}
