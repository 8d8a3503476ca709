//! `ftPayItemCase`: `xxPP` in the low 16 bits (contract 5.4).

use super::PayItemCase;

named!(
    /// The means of payment `PP`.
    PayMeans: u8 {
        Unknown = 0x00, "unknown";
        Cash = 0x01, "cash";
        NonCash = 0x02, "non-cash";
        CrossedCheque = 0x03, "crossed cheque";
        DebitCard = 0x04, "debit card";
        CreditCard = 0x05, "credit card";
        Voucher = 0x06, "voucher";
        Online = 0x07, "online";
        LoyaltyCard = 0x08, "loyalty or customer card";
        AccountsReceivable = 0x09, "accounts receivable";
        SepaTransfer = 0x0A, "SEPA transfer";
        OtherBankTransfer = 0x0B, "other bank transfer";
        CashTransfer = 0x0C, "transfer to cashbook, vault, owner or employee";
        InternalConsumption = 0x0D, "internal or material consumption";
        Grant = 0x0E, "grant";
        TicketRestaurant = 0x0F, "ticket restaurant";
    }
);

/// A global flag of a pay item case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PayFlag(u16);

impl PayFlag {
    /// Void of a payment.
    pub const VOID: Self = Self(0x0001);
    /// Return or refund of a payment.
    pub const REFUND: Self = Self(0x0002);
    /// Reserved by the interface.
    pub const RESERVED: Self = Self(0x0004);
    /// Down-payment.
    pub const DOWN_PAYMENT: Self = Self(0x0008);
    /// Foreign currency: the case data names symbol and amount.
    pub const FOREIGN_CURRENCY: Self = Self(0x0010);
    /// Change.
    pub const CHANGE: Self = Self(0x0020);
    /// Tip (a negative amount).
    pub const TIP: Self = Self(0x0040);
    /// Digital or electronic.
    pub const ELECTRONIC: Self = Self(0x0080);
    /// The amount was verified through an interface.
    pub const AMOUNT_VERIFIED: Self = Self(0x0100);
    /// Answer with this payment in the receipt response.
    pub const IN_RESPONSE: Self = Self(0x4000);
    /// Show among the charge items.
    pub const SHOW_IN_CHARGE_ITEMS: Self = Self(0x8000);

    /// The bit, as in bits 16–31.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }
}

impl PayItemCase {
    /// The byte `PP`.
    #[must_use]
    pub const fn means_byte(self) -> u8 {
        (self.0 & 0xFF) as u8
    }

    /// The means of payment, when `PP` is one of the table.
    #[must_use]
    pub const fn means(self) -> Option<PayMeans> {
        PayMeans::from_bits(self.means_byte())
    }

    /// Whether the flag is set.
    #[must_use]
    pub const fn has(self, flag: PayFlag) -> bool {
        self.global_flags() & flag.0 != 0
    }

    /// The same word with the flag set.
    #[must_use]
    pub const fn with(self, flag: PayFlag) -> Self {
        self.with_global_flags(self.global_flags() | flag.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_payments_come_apart() {
        let card = PayItemCase(35_184_397_254_661);
        assert_eq!((card.country(), card.version(), card.means()), (None, 2, Some(PayMeans::CreditCard)));
        assert!(card.has(PayFlag::ELECTRONIC) && card.has(PayFlag::AMOUNT_VERIFIED) && !card.has(PayFlag::TIP));
        assert_eq!(card.with(PayFlag::TIP), PayItemCase(35_184_401_448_965));
        assert_eq!(PayItemCase(0x10).means(), None);
    }
}
