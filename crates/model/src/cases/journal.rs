//! `ftJournalType`: `tjjj` in the low 16 bits (contract 7.2).

use super::JournalType;

named!(
    /// The journals that every market has; they have no country.
    JournalName: u16 {
        VersionInformation = 0x0000, "version information";
        ActionJournal = 0x0001, "action journal";
        ReceiptJournal = 0x0002, "receipt journal";
        QueueItem = 0x0003, "queue items";
        Configuration = 0x00FF, "configuration";
    }
);

impl JournalType {
    /// Flag 0001: the stream is a ZIP archive with one entry.
    const ZIP: u16 = 0x0001;

    /// The number `tjjj`. Whether it is a journal of all markets or of one depends on the country.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.low16()
    }

    /// The journal, when no country is set and the number is one of the table; the version nibble is ignored.
    #[must_use]
    pub const fn name(self) -> Option<JournalName> {
        if self.country().is_some() { None } else { JournalName::from_bits(self.low16()) }
    }

    /// Whether a ZIP archive is asked for.
    #[must_use]
    pub const fn is_zip(self) -> bool {
        self.global_flags() & Self::ZIP != 0
    }
}

#[cfg(test)]
mod tests {
    use super::super::Country;
    use super::*;

    #[test]
    fn a_journal_of_a_country_is_not_a_general_one() {
        assert_eq!(JournalType(0x0000_2000_0000_0001).name(), Some(JournalName::ActionJournal));
        let rksv = JournalType(0x4154_0000_0001_0001);
        assert_eq!((rksv.name(), rksv.country(), rksv.number()), (None, Some(Country::AT), 1));
        assert!(rksv.is_zip());
        assert_eq!(JournalType(0x00FE).name(), None);
    }
}
