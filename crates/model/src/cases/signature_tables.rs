//! The numbers `sss` of a signature type, by country (contract 5.6).

use super::{Country, SignatureType};

macro_rules! signatures {
    ($(#[$doc:meta])* $name:ident, $country:expr, { $($body:tt)* }) => {
        named!($(#[$doc])* $name: u16 { $($body)* });

        impl $name {
            /// The signature type of version 2 with this number, uncategorised and without flags.
            #[must_use]
            pub const fn kind(self) -> SignatureType {
                SignatureType::v2($country).with_low16(self.bits())
            }
        }
    };
}

named!(
    /// Every country. `Exx` and `Fxx` are details of errors and failures.
    SignatureGeneric: u16 {
        Notification = 0x000, "notification";
        Compliance = 0x001, "primary compliance signature";
    }
);

signatures!(
    /// Austria.
    SignatureAt, Country::AT, {
        Notification = 0x000, "notification";
        Rksv = 0x001, "RKSV signature";
        DailyOperation = 0x002, "daily operation, notification and archiving";
        FinanzOnline = 0x003, "FinanzOnline notification";
    }
);

signatures!(
    /// Germany.
    SignatureDe, Country::DE, {
        KassenSichV = 0x001, "KassenSichV QR code";
        Archiving = 0x002, "archiving";
        Notification = 0x003, "notification";
        StartResult = 0x010, "start transaction result";
        FinishPayload = 0x011, "finish transaction payload";
        FinishResult = 0x012, "finish transaction result";
        QrVersion = 0x013, "QR code version";
        PosSerial = 0x014, "POS serial number";
        ProcessType = 0x015, "process type";
        ProcessData = 0x016, "process data";
        TransactionNumber = 0x017, "transaction number";
        SignatureCounter = 0x018, "signature counter";
        StartTime = 0x019, "start time";
        LogTime = 0x01A, "log time";
        Algorithm = 0x01B, "signature algorithm";
        LogTimeFormat = 0x01C, "log time format";
        Signature = 0x01D, "signature";
        PublicKey = 0x01E, "public key";
        ProcessStart = 0x01F, "process start";
        UpdatePayload = 0x020, "update transaction payload";
        UpdateResult = 0x021, "update transaction result";
        CertificationId = 0x022, "certification id";
        TseSerial = 0x023, "TSE serial number";
    }
);

signatures!(
    /// France.
    SignatureFr, Country::FR, {
        Jwt = 0x001, "JWT";
        ShiftTotals = 0x010, "shift totals";
        DayTotals = 0x011, "day totals";
        MonthTotals = 0x012, "month totals";
        YearTotals = 0x013, "year totals";
        ArchiveTotals = 0x014, "archive totals";
        PerpetualTotals = 0x015, "perpetual totals";
    }
);

signatures!(
    /// Italy.
    SignatureIt, Country::IT, {
        Primary = 0x001, "primary signature";
        DocumentTypeHeader = 0x002, "document type header";
        RtSerial = 0x010, "RT serial number";
        ZNumber = 0x011, "Z number";
        DocumentNumber = 0x012, "document number";
        DocumentMoment = 0x013, "document moment";
        DocumentType = 0x014, "document type";
        LotteryId = 0x015, "lottery id";
        CustomerId = 0x016, "customer id";
        ShaMetadata = 0x017, "SHA metadata";
        Amount = 0x018, "amount";
        ReferenceZNumber = 0x020, "reference Z number";
        ReferenceDocumentNumber = 0x021, "reference document number";
        ReferenceDocumentMoment = 0x022, "reference document moment";
    }
);

signatures!(
    /// Spain. Start and stop are `1001` and `1002`: information with flag archiving.
    SignatureEs, Country::ES, {
        Url = 0x001, "URL or QR code; initial operation as information";
        Nif = 0x002, "NIF; out of operation as information";
        Signature = 0x003, "signature";
        Huella = 0x004, "huella";
    }
);

signatures!(
    /// Greece.
    SignatureGr, Country::GR, {
        PosReceipt = 0x001, "POS receipt";
        StartOrStop = 0x003, "initial operation or out of operation";
        MydataXml = 0x010, "myDATA XML";
        ProviderSignature = 0x011, "provider signature";
        UniqueDocumentIdentifier = 0x012, "unique document identifier";
        Uid = 0x013, "uid";
        Mark = 0x014, "mark";
        AuthenticationCode = 0x015, "authentication code";
        TransmissionFailure = 0x016, "transmission failure";
        MultipleConnectedMarks = 0x017, "multiple connected marks";
        OrderReceipt = 0x018, "order receipt";
        GenericInformation = 0x019, "generic information";
        QrCode = 0x01A, "QR code";
        Handwritten = 0x01B, "handwritten";
    }
);

signatures!(
    /// Portugal. Start and stop are `1001` and `1002`: information with flag archiving.
    SignaturePt, Country::PT, {
        PosReceipt = 0x001, "POS receipt QR code; initial operation as information";
        OutOfOperation = 0x002, "out of operation as information";
        Atcud = 0x010, "ATCUD";
        Hash = 0x012, "hash";
        HashPrint = 0x013, "hash as printed";
        CertificationNumber = 0x014, "certification number";
        CreditNoteReference = 0x015, "credit note reference";
        AdditionalText = 0x016, "additional text";
    }
);

signatures!(
    /// Belgium. Start and stop are `1001` and `1002`: information with flag archiving.
    SignatureBe, Country::BE, {
        PosReceipt = 0x001, "POS receipt QR code; initial operation as information";
        OutOfOperation = 0x002, "out of operation as information";
        Information = 0x010, "information";
    }
);

named!(
    /// The European Union without a market of its own. The prefix of these is that of Spain, as the interface has it.
    SignatureEu: u16 {
        InitialOperation = 0x001, "initial operation as information";
        OutOfOperation = 0x002, "out of operation as information";
    }
);

signatures!(
    /// Montenegro: numbers of version 0.
    SignatureMe, Country::ME, {
        One = 0x001, "1";
        Two = 0x002, "2";
        Three = 0x003, "3";
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_tables() {
        assert_eq!(SignatureAt::FinanzOnline.kind().0, 0x4154_2000_0000_0003);
        assert_eq!(SignatureDe::TseSerial.kind().0, 0x4445_2000_0000_0023);
        assert_eq!(SignatureGr::from_bits(0x01B), Some(SignatureGr::Handwritten));
        assert_eq!(SignatureIt::from_bits(0x019), None);
        assert_eq!(SignatureFr::PerpetualTotals.name(), "perpetual totals");
    }
}
