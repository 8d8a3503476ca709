//! `ftSignatureFormat` and `ftSignatureType` (contract 5.5, 5.6).

use super::{SignatureFormat, SignatureGeneric, SignatureType};

named!(
    /// How a signature item is shown: the low 16 bits of its format.
    SignatureForm: u16 {
        Unknown = 0x0, "unknown";
        Text = 0x1, "text";
        Link = 0x2, "link";
        QrCode = 0x3, "QR code";
        Code128 = 0x4, "Code 128";
        OcrA = 0x5, "OCR-A";
        Pdf417 = 0x6, "PDF417";
        DataMatrix = 0x7, "DataMatrix";
        Aztec = 0x8, "Aztec";
        Ean8 = 0x9, "EAN-8";
        Ean13 = 0xA, "EAN-13";
        UpcA = 0xB, "UPC-A";
        Code39 = 0xC, "Code 39";
        Base64 = 0xD, "Base64";
    }
);

named!(
    /// Where a signature item is shown: bits 16–18 of its format.
    SignaturePosition: u8 {
        AfterPayItems = 0, "after the pay items, before the footer";
        AfterHeader = 1, "after the header";
        AfterChargeItems = 2, "after the charge items";
        AfterTotal = 3, "after total and tax";
        AfterFooter = 4, "after the footer";
        BeforeHeader = 5, "before the header";
    }
);

impl SignatureFormat {
    /// How it is shown, when the number is one of the table.
    #[must_use]
    pub const fn form(self) -> Option<SignatureForm> {
        SignatureForm::from_bits(self.low16())
    }

    /// Where it is shown, when the number is one of the table.
    #[must_use]
    pub const fn position(self) -> Option<SignaturePosition> {
        SignaturePosition::from_bits((self.global_flags() & 0x7) as u8)
    }

    /// A format.
    #[must_use]
    pub const fn of(form: SignatureForm, position: SignaturePosition) -> Self {
        Self(((position.bits() as u64) << 16) | form.bits() as u64)
    }
}

named!(
    /// The category `t` of a signature type.
    SignatureCategory: u8 {
        Uncategorised = 0, "uncategorised";
        Information = 1, "information";
        Alert = 2, "alert";
        Failure = 3, "failure";
    }
);

/// A global flag of a signature type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SignatureFlag(u16);

impl SignatureFlag {
    /// Must be archived.
    pub const ARCHIVING_REQUIRED: Self = Self(0x0001);
    /// Need not be shown.
    pub const VISUALISATION_OPTIONAL: Self = Self(0x0010);
    /// Must not be shown.
    pub const DO_NOT_VISUALISE: Self = Self(0x0020);
    /// On printed receipts only.
    pub const PRINTED_ONLY: Self = Self(0x0040);
    /// On digital receipts only.
    pub const DIGITAL_ONLY: Self = Self(0x0080);

    /// The bit, as in bits 16–31.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }
}

impl SignatureType {
    /// The category nibble, when it is one of the table.
    #[must_use]
    pub const fn category(self) -> Option<SignatureCategory> {
        SignatureCategory::from_bits((self.low16() >> 12) as u8)
    }

    /// The number `sss`, to be read with the table of the country.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.low16() & 0x0FFF
    }

    /// Whether it is the signature that the law asks for: `sss` 001, uncategorised.
    #[must_use]
    pub const fn is_compliance(self) -> bool {
        self.low16() == SignatureGeneric::Compliance.bits()
    }

    /// Whether it is a failure.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self.category(), Some(SignatureCategory::Failure))
    }

    /// Whether the flag is set.
    #[must_use]
    pub const fn has(self, flag: SignatureFlag) -> bool {
        self.global_flags() & flag.0 != 0
    }

    /// The same word with the flag set.
    #[must_use]
    pub const fn with(self, flag: SignatureFlag) -> Self {
        self.with_global_flags(self.global_flags() | flag.0)
    }

    /// The same word with another category.
    #[must_use]
    pub const fn with_category(self, category: SignatureCategory) -> Self {
        self.with_low16((self.low16() & 0x0FFF) | ((category.bits() as u16) << 12))
    }

    /// The failure signature `CCCC_2000_0000_3000` (contract 6.1).
    #[must_use]
    pub const fn failure(country: super::Country) -> Self {
        Self::v2(country).with_category(SignatureCategory::Failure)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Country, SignatureAt};
    use super::*;

    #[test]
    fn the_documented_signature_comes_apart() {
        let kind = SignatureType(4_707_422_694_881_099_777);
        assert_eq!((kind.country(), kind.version()), (Some(Country::AT), 2));
        assert!(kind.is_compliance() && !kind.is_failure());
        assert_eq!(SignatureAt::from_bits(kind.number()), Some(SignatureAt::Rksv));
        assert_eq!(SignatureAt::Rksv.kind(), kind);
    }

    #[test]
    fn a_failure_is_a_category() {
        let failure = SignatureType::failure(Country::AT);
        assert_eq!(failure.0, 0x4154_2000_0000_3000);
        assert!(failure.is_failure());
        let start = SignatureType::v2(Country::PT)
            .with_low16(1)
            .with_category(SignatureCategory::Information)
            .with(SignatureFlag::ARCHIVING_REQUIRED);
        assert_eq!(start.0, 0x5054_2000_0001_1001);
        assert!(start.has(SignatureFlag::ARCHIVING_REQUIRED) && !start.has(SignatureFlag::DIGITAL_ONLY));
    }

    #[test]
    fn a_format_has_a_form_and_a_position() {
        let format = SignatureFormat::of(SignatureForm::QrCode, SignaturePosition::AfterFooter);
        assert_eq!(format.0, 0x4_0003);
        assert_eq!(format.form(), Some(SignatureForm::QrCode));
        assert_eq!(format.position(), Some(SignaturePosition::AfterFooter));
        assert_eq!(SignatureFormat(3).position(), Some(SignaturePosition::AfterPayItems));
        assert_eq!((SignatureFormat(0xE).form(), SignatureFormat(0x7_0001).position()), (None, None));
    }
}
