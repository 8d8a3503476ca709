//! `ftChargeItemCase`: `NNSV` in the low 16 bits: nature of VAT, service, VAT category (contract 5.3).

use super::ChargeItemCase;

named!(
    /// The VAT category `V`.
    VatCategory: u8 {
        Unknown = 0, "unknown";
        Discounted1 = 1, "discounted 1";
        Discounted2 = 2, "discounted 2";
        Normal = 3, "normal";
        SuperReduced1 = 4, "super reduced 1";
        SuperReduced2 = 5, "super reduced 2";
        Parking = 6, "parking";
        Zero = 7, "zero";
        NotTaxable = 8, "not taxable";
    }
);

impl VatCategory {
    /// The letter that printed receipts show for it.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Unknown => 'G',
            Self::Discounted1 => 'B',
            Self::Discounted2 => 'C',
            Self::Normal => 'A',
            Self::SuperReduced1 => 'D',
            Self::SuperReduced2 => 'E',
            Self::Parking => 'F',
            Self::Zero => 'H',
            Self::NotTaxable => 'I',
        }
    }
}

named!(
    /// The kind of service `S`.
    ChargeService: u8 {
        Unknown = 0x0, "unknown";
        Delivery = 0x1, "delivery of goods";
        OtherService = 0x2, "other service";
        Tip = 0x3, "tip (of the owner with V 0 to 7, of an employee with V 8)";
        Voucher = 0x4, "voucher (single-use with V 0 to 7, multi-use with V 8; sale positive, redemption negative)";
        CatalogueService = 0x5, "catalogue service";
        NotOwnSales = 0x6, "agency, not own sales";
        OwnConsumption = 0x7, "own consumption";
        Grant = 0x8, "grant";
        Receivable = 0x9, "receivable";
        CashTransfer = 0xA, "cash transfer (V 8 only)";
        SuperSpecificTax = 0xF, "super specific tax";
    }
);

named!(
    /// The nature of VAT: the first digit of `NN`. The second one is the country's.
    VatNature: u8 {
        Usual = 0x0, "usual VAT applies";
        NotTaxable = 0x1, "not taxable";
        NotSubject = 0x2, "not subject";
        Exempt = 0x3, "exempt";
        MarginScheme = 0x4, "margin scheme";
        ReverseCharge = 0x5, "reverse charge";
        PaidInOtherEuCountry = 0x6, "VAT paid in another EU country";
        Distribution = 0x7, "VAT distribution (ventilazione)";
        Excluded = 0x8, "excluded";
    }
);

/// A global flag of a charge item case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChargeFlag(u16);

impl ChargeFlag {
    /// Void of an item.
    pub const VOID: Self = Self(0x0001);
    /// Return or refund of an item.
    pub const REFUND: Self = Self(0x0002);
    /// Discount or extra.
    pub const DISCOUNT_OR_EXTRA: Self = Self(0x0004);
    /// Down-payment.
    pub const DOWN_PAYMENT: Self = Self(0x0008);
    /// Returnable (a deposit).
    pub const RETURNABLE: Self = Self(0x0010);
    /// Take-away.
    pub const TAKE_AWAY: Self = Self(0x0020);
    /// Answer with this item in the receipt response.
    pub const IN_RESPONSE: Self = Self(0x4000);
    /// Show among the payments.
    pub const SHOW_IN_PAYMENTS: Self = Self(0x8000);

    /// The bit, as in bits 16–31.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }
}

impl ChargeItemCase {
    /// The nibble `V`.
    #[must_use]
    pub const fn vat_nibble(self) -> u8 {
        (self.0 & 0xF) as u8
    }

    /// The VAT category, when `V` is one of the table.
    #[must_use]
    pub const fn vat(self) -> Option<VatCategory> {
        VatCategory::from_bits(self.vat_nibble())
    }

    /// The nibble `S`.
    #[must_use]
    pub const fn service_nibble(self) -> u8 {
        ((self.0 >> 4) & 0xF) as u8
    }

    /// The kind of service, when `S` is one of the table.
    #[must_use]
    pub const fn service(self) -> Option<ChargeService> {
        ChargeService::from_bits(self.service_nibble())
    }

    /// The byte `NN` with the country's digit.
    #[must_use]
    pub const fn nature_byte(self) -> u8 {
        ((self.0 >> 8) & 0xFF) as u8
    }

    /// The nature of VAT, when the first digit of `NN` is one of the table.
    #[must_use]
    pub const fn nature(self) -> Option<VatNature> {
        VatNature::from_bits(self.nature_byte() >> 4)
    }

    /// Whether the flag is set.
    #[must_use]
    pub const fn has(self, flag: ChargeFlag) -> bool {
        self.global_flags() & flag.0 != 0
    }

    /// The same word with the flag set.
    #[must_use]
    pub const fn with(self, flag: ChargeFlag) -> Self {
        self.with_global_flags(self.global_flags() | flag.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_items_come_apart() {
        let espresso = ChargeItemCase(35_184_372_088_851);
        assert_eq!(espresso.vat(), Some(VatCategory::Normal));
        assert_eq!(espresso.service(), Some(ChargeService::Delivery));
        let strudel = ChargeItemCase(35_184_372_088_849);
        assert_eq!((strudel.vat(), strudel.version()), (Some(VatCategory::Discounted1), 2));
    }

    #[test]
    fn nature_service_category_and_flags_are_separate() {
        let item = ChargeItemCase(0x4954_2000_0009_5138);
        assert_eq!(item.nature(), Some(VatNature::ReverseCharge));
        assert_eq!(item.nature_byte(), 0x51);
        assert_eq!(item.service(), Some(ChargeService::Tip));
        assert_eq!(item.vat().map(VatCategory::letter), Some('I'));
        assert!(item.has(ChargeFlag::VOID) && item.has(ChargeFlag::DOWN_PAYMENT) && !item.has(ChargeFlag::REFUND));
        assert_eq!((ChargeItemCase(0xB9).service(), ChargeItemCase(0xB9).vat()), (None, None));
        assert_eq!(ChargeItemCase(0).with(ChargeFlag::TAKE_AWAY).0, 0x20_0000);
    }
}
