//! `ftReceiptCase`: `txcc` in the low 16 bits, `t` the kind (contract 5.2).

use super::ReceiptCase;

named!(
    /// The type nibble `t` of a receipt case.
    ReceiptKind: u8 {
        Receipt = 0, "receipt";
        Invoice = 1, "invoice";
        DailyOperations = 2, "daily operations";
        Log = 3, "log";
        Lifecycle = 4, "lifecycle";
    }
);

named!(
    /// The cases of version 2 (contract 5.2).
    ReceiptName: u16 {
        Unknown = 0x0000, "unknown (treated as POS receipt)";
        PosReceipt = 0x0001, "POS receipt";
        PaymentTransfer = 0x0002, "payment transfer";
        PosReceiptWithoutObligation = 0x0003, "POS receipt without obligation";
        ECommerce = 0x0004, "e-commerce";
        DeliveryNote = 0x0005, "delivery note";
        TableCheck = 0x0006, "table check, note or interim bill";
        ProFormaInvoice = 0x0007, "pro forma invoice";
        InvoiceUnknown = 0x1000, "invoice, unknown or simplified";
        InvoiceB2C = 0x1001, "invoice B2C";
        InvoiceB2B = 0x1002, "invoice B2B";
        InvoiceB2G = 0x1003, "invoice B2G";
        ZeroReceipt = 0x2000, "zero receipt";
        OneReceipt = 0x2001, "one receipt (reserved)";
        ShiftClosing = 0x2010, "shift closing";
        DailyClosing = 0x2011, "daily closing";
        MonthlyClosing = 0x2012, "monthly closing";
        YearlyClosing = 0x2013, "yearly closing";
        ProtocolUnspecified = 0x3000, "protocol, unspecified";
        ProtocolTechnicalEvent = 0x3001, "protocol, technical event";
        ProtocolAuditEvent = 0x3002, "protocol, audit or accounting event";
        InternalUsage = 0x3003, "internal usage or material consumption";
        Order = 0x3004, "order";
        Pay = 0x3005, "pay (log)";
        Copy = 0x3010, "copy or reprint";
        Archive = 0x3011, "archive";
        QueueStart = 0x4001, "queue start (initial operation)";
        QueueStop = 0x4002, "queue stop (out of operation)";
        InitiateScuSwitch = 0x4011, "initiate SCU switch";
        FinishScuSwitch = 0x4012, "finish SCU switch";
        StartMigration = 0x4021, "start migration";
        StopMigration = 0x4022, "stop migration";
    }
);

/// A global flag of a receipt case: a bit, and the cases in which it has this meaning.
///
/// The same bit means different things for different kinds of receipts; [`ReceiptCase::has`] looks at both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReceiptFlag {
    bit: u16,
    scope: Scope,
}

/// The receipt cases to which a flag belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Scope {
    All,
    Sales,
    Invoices,
    Zero,
    Lifecycle,
}

impl ReceiptFlag {
    /// Signed late: the receipt was made while the middleware could not be reached.
    pub const LATE_SIGNING: Self = Self { bit: 0x0001, scope: Scope::All };
    /// Training: no turnover.
    pub const TRAINING: Self = Self { bit: 0x0002, scope: Scope::All };
    /// Void of an earlier receipt.
    pub const VOID: Self = Self { bit: 0x0004, scope: Scope::Sales };
    /// Was written by hand first.
    pub const HANDWRITTEN: Self = Self { bit: 0x0008, scope: Scope::Sales };
    /// The issuer is a small business.
    pub const ISSUER_IS_SMALL_BUSINESS: Self = Self { bit: 0x0010, scope: Scope::Sales };
    /// The receiver is a business.
    pub const RECEIVER_IS_BUSINESS: Self = Self { bit: 0x0020, scope: Scope::Sales };
    /// The receiver is known.
    pub const RECEIVER_IS_KNOWN: Self = Self { bit: 0x0040, scope: Scope::Sales };
    /// Sale in a foreign country.
    pub const SALE_IN_FOREIGN_COUNTRY: Self = Self { bit: 0x0080, scope: Scope::Sales };
    /// Return or refund.
    pub const REFUND: Self = Self { bit: 0x0100, scope: Scope::Sales };
    /// Invoice is only processed or delivered.
    pub const DELIVERY_ONLY: Self = Self { bit: 0x0200, scope: Scope::Invoices };
    /// Invoice has transport information.
    pub const TRANSPORT_INFORMATION: Self = Self { bit: 0x0400, scope: Scope::Invoices };
    /// Items are grouped by their position number.
    pub const GROUP_BY_POSITION: Self = Self { bit: 0x0800, scope: Scope::All };
    /// Receipt request: fetch the stored answer. On a zero receipt it can mean [`Self::ZERO_DIRECT_SCU`] (10.19).
    pub const RECEIPT_REQUEST: Self = Self { bit: 0x8000, scope: Scope::All };
    /// Zero receipt: give extra information about the signing unit.
    pub const ZERO_SCU_INFORMATION: Self = Self { bit: 0x0010, scope: Scope::Zero };
    /// Zero receipt: force the connection to, or download from, the signing unit.
    pub const ZERO_FORCE_SCU: Self = Self { bit: 0x0020, scope: Scope::Zero };
    /// Zero receipt: leave the signing unit alone.
    pub const ZERO_BYPASS_SCU: Self = Self { bit: 0x0040, scope: Scope::Zero };
    /// Zero receipt: self test of the signing unit.
    pub const ZERO_SCU_SELF_TEST: Self = Self { bit: 0x0080, scope: Scope::Zero };
    /// Zero receipt: update the master data.
    pub const ZERO_MASTER_DATA_UPDATE: Self = Self { bit: 0x0100, scope: Scope::Zero };
    /// Zero receipt: talk to the signing unit directly; only with the payload in `ftReceiptCaseData` (10.19).
    pub const ZERO_DIRECT_SCU: Self = Self { bit: 0x8000, scope: Scope::Zero };
    /// Lifecycle: only register or deregister the queue.
    pub const LIFECYCLE_REGISTRATION_ONLY: Self = Self { bit: 0x0010, scope: Scope::Lifecycle };
    /// Lifecycle: go on although the signing unit cannot be reached.
    pub const LIFECYCLE_BYPASS_FAILED_SCU: Self = Self { bit: 0x0020, scope: Scope::Lifecycle };

    /// The bit, as in bits 16–31.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.bit
    }
}

impl ReceiptCase {
    /// `ftState` and cases of version 0 and 1 carry the receipt request in the version nibble (contract 5.2).
    pub const V0_RECEIPT_REQUEST: u64 = 0x0000_8000_0000_0000;

    /// The low 16 bits: kind and case.
    #[must_use]
    pub const fn case(self) -> u16 {
        self.low16()
    }

    /// The type nibble, bits 12–15.
    #[must_use]
    pub const fn type_nibble(self) -> u8 {
        (self.low16() >> 12) as u8
    }

    /// The kind, when the type nibble is one of the table.
    #[must_use]
    pub const fn kind(self) -> Option<ReceiptKind> {
        ReceiptKind::from_bits(self.type_nibble())
    }

    /// The entry of the version 2 table, when there is one. Meaningless for a word of version 0.
    #[must_use]
    pub const fn name(self) -> Option<ReceiptName> {
        ReceiptName::from_bits(self.low16())
    }

    /// Whether the flag is set and has its meaning for this kind of receipt.
    #[must_use]
    pub const fn has(self, flag: ReceiptFlag) -> bool {
        let belongs = match flag.scope {
            Scope::All => true,
            Scope::Sales => matches!(self.kind(), Some(ReceiptKind::Receipt | ReceiptKind::Invoice)),
            Scope::Invoices => matches!(self.kind(), Some(ReceiptKind::Invoice)),
            Scope::Zero => self.low16() == ReceiptName::ZeroReceipt.bits(),
            Scope::Lifecycle => matches!(self.kind(), Some(ReceiptKind::Lifecycle)),
        };
        belongs && self.global_flags() & flag.bit != 0
    }

    /// The same word with the flag set.
    #[must_use]
    pub const fn with(self, flag: ReceiptFlag) -> Self {
        self.with_global_flags(self.global_flags() | flag.bit)
    }

    /// The same word without the flag's bit.
    #[must_use]
    pub const fn without(self, flag: ReceiptFlag) -> Self {
        self.with_global_flags(self.global_flags() & !flag.bit)
    }

    /// Whether the stored answer is asked for: flag 8000, or version nibble 8 (contract 5.2, 10.1).
    #[must_use]
    pub const fn is_receipt_request(self) -> bool {
        self.has(ReceiptFlag::RECEIPT_REQUEST) || self.version() == 8
    }
}

#[cfg(test)]
mod tests {
    use super::super::Country;
    use super::*;

    #[test]
    fn the_documented_receipt_comes_apart() {
        let case = ReceiptCase(35_184_372_088_833);
        assert_eq!((case.country(), case.version(), case.case()), (None, 2, 1));
        assert_eq!(case.name(), Some(ReceiptName::PosReceipt));
        let completed = case.completed(Country::AT);
        assert_eq!(completed.to_string(), "0x4154200000000001");
        assert_eq!(completed.completed(Country::DE), completed);
    }

    #[test]
    fn a_flag_has_its_meaning_only_where_it_belongs() {
        let refund = ReceiptCase(0x4154_2000_0100_0001);
        assert!(refund.has(ReceiptFlag::REFUND) && !refund.has(ReceiptFlag::ZERO_MASTER_DATA_UPDATE));
        let zero = refund.with_low16(0x2000);
        assert!(!zero.has(ReceiptFlag::REFUND) && zero.has(ReceiptFlag::ZERO_MASTER_DATA_UPDATE));
        let void = ReceiptCase::v2(Country::AT).with_low16(0x1001).with(ReceiptFlag::VOID);
        assert_eq!(void.0, 0x4154_2000_0004_1001);
        assert!(void.has(ReceiptFlag::VOID) && !void.without(ReceiptFlag::VOID).has(ReceiptFlag::VOID));
    }

    #[test]
    fn a_receipt_request_has_two_spellings() {
        assert!(ReceiptCase(0x4154_2000_8000_0001).is_receipt_request());
        assert!(ReceiptCase(0x4154_0000_0000_0001 | ReceiptCase::V0_RECEIPT_REQUEST).is_receipt_request());
        assert!(!ReceiptCase(0x4154_2000_0000_0001).is_receipt_request());
    }

    #[test]
    fn kinds_follow_the_type_nibble() {
        for name in ReceiptName::ALL {
            let case = ReceiptCase::v2(Country::AT).with_low16(name.bits());
            assert_eq!(case.name(), Some(*name));
            assert_eq!(case.kind().map(ReceiptKind::bits), Some(case.type_nibble()));
        }
        assert_eq!(ReceiptName::ALL.len(), 32);
        assert_eq!(ReceiptCase(0x5000).kind(), None);
    }
}
