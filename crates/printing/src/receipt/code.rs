//! Codes that a machine reads from a receipt.

use kassette_model::cases::SignatureForm;

use crate::Printable;

/// The kind of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Symbology {
    /// QR code (ISO/IEC 18004), error correction level M.
    Qr,
    /// Aztec code.
    Aztec,
    /// Data Matrix.
    DataMatrix,
    /// PDF417.
    Pdf417,
    /// Code 128.
    Code128,
    /// Code 39.
    Code39,
    /// EAN-8.
    Ean8,
    /// EAN-13.
    Ean13,
    /// UPC-A.
    UpcA,
}

impl Symbology {
    /// All kinds.
    pub const ALL: &'static [Self] = &[
        Self::Qr,
        Self::Aztec,
        Self::DataMatrix,
        Self::Pdf417,
        Self::Code128,
        Self::Code39,
        Self::Ean8,
        Self::Ean13,
        Self::UpcA,
    ];

    /// The kind that a signature format asks for (contract 5.5); `None` for text and links.
    #[must_use]
    pub const fn of(form: SignatureForm) -> Option<Self> {
        match form {
            SignatureForm::QrCode => Some(Self::Qr),
            SignatureForm::Aztec => Some(Self::Aztec),
            SignatureForm::DataMatrix => Some(Self::DataMatrix),
            SignatureForm::Pdf417 => Some(Self::Pdf417),
            SignatureForm::Code128 => Some(Self::Code128),
            SignatureForm::Code39 => Some(Self::Code39),
            SignatureForm::Ean8 => Some(Self::Ean8),
            SignatureForm::Ean13 => Some(Self::Ean13),
            SignatureForm::UpcA => Some(Self::UpcA),
            SignatureForm::Unknown
            | SignatureForm::Text
            | SignatureForm::Link
            | SignatureForm::OcrA
            | SignatureForm::Base64 => None,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Qr => "QR",
            Self::Aztec => "Aztec",
            Self::DataMatrix => "Data Matrix",
            Self::Pdf417 => "PDF417",
            Self::Code128 => "Code 128",
            Self::Code39 => "Code 39",
            Self::Ean8 => "EAN-8",
            Self::Ean13 => "EAN-13",
            Self::UpcA => "UPC-A",
        }
    }

    /// Whether it is a line of bars, whose height carries nothing.
    #[must_use]
    pub const fn is_linear(self) -> bool {
        matches!(self, Self::Code128 | Self::Code39 | Self::Ean8 | Self::Ean13 | Self::UpcA)
    }
}

/// A code: what it says, and how large it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// The kind.
    pub symbology: Symbology,
    /// What a reader must read, byte for byte.
    pub payload: String,
    /// Least width of the symbol without its quiet zone, in millimetres; 0 when no rule asks for one.
    pub width_mm_min: u16,
    /// Largest width of the symbol without its quiet zone, in millimetres; 0 when no rule limits it.
    pub width_mm_max: u16,
}

impl Code {
    /// A code for which no rule says how large it is.
    #[must_use]
    pub fn new(symbology: Symbology, payload: impl Into<String>) -> Self {
        Self { symbology, payload: payload.into(), width_mm_min: 0, width_mm_max: 0 }
    }

    /// The payload as text for people.
    #[must_use]
    pub fn text(&self) -> Printable {
        Printable::new(&self.payload)
    }
}
