//! `ftState`: `CCCC_vlll_gggg_gggg`, a global part of 32 bits (contract 5.7).

use super::{Country, State};

named!(
    /// The global flags of a state.
    StateFlag: u32 {
        OutOfOperation = 0x0001, "the queue is not started or is stopped";
        ScuTemporaryOutOfService = 0x0002, "the signing unit is temporarily out of service";
        LateSigning = 0x0008, "late signing mode";
        MessagePending = 0x0040, "a message is pending";
        DailyClosingDue = 0x0100, "a daily closing is due";
        MonthlyClosingDue = 0x0200, "a monthly closing is due";
        YearlyClosingDue = 0x0400, "a yearly closing is due";
    }
);

named!(
    /// What Austria sets beside them. Each is a bit of version 0 and a bit of version 2 together, because clients are
    /// told to test the former (contract 5.7, "Austria, ours"). The number is the whole low 44 bits.
    StateFlagAt: u64 {
        ScuPermanentlyOutOfService = 0x0001_0000_0004, "the signing unit has been out of service for 48 hours";
        MonthlyReceiptDue = 0x0000_0000_0210, "a monthly receipt is due";
        YearlyReceiptDue = 0x0000_0000_0420, "a yearly receipt is due";
        BackupScuInUse = 0x0002_0000_0080, "a backup signing unit is in use";
    }
);

impl State {
    /// Global part of an error: the receipt was refused, and stands in the journal.
    pub const ERROR: u32 = 0xEEEE_EEEE;
    /// Global part of a fail: nothing was stored.
    pub const FAIL: u32 = 0xFFFF_FFFF;

    /// Ready: the country and version nibble 2.
    #[must_use]
    pub const fn ready(country: Country) -> Self {
        Self::v2(country)
    }

    /// The same state as an error; the global part is replaced, flags do not remain.
    #[must_use]
    pub const fn error(self) -> Self {
        Self((self.0 & 0xFFFF_FFFF_0000_0000) | Self::ERROR as u64)
    }

    /// The same state as a fail; the global part is replaced, flags do not remain.
    #[must_use]
    pub const fn fail(self) -> Self {
        Self((self.0 & 0xFFFF_FFFF_0000_0000) | Self::FAIL as u64)
    }

    /// Whether it is an error.
    #[must_use]
    pub const fn is_error(self) -> bool {
        self.low32() == Self::ERROR
    }

    /// Whether it is a fail.
    #[must_use]
    pub const fn is_fail(self) -> bool {
        self.low32() == Self::FAIL
    }

    /// Whether the flag is set; never on an error or a fail, whose bits are not flags.
    #[must_use]
    pub const fn has(self, flag: StateFlag) -> bool {
        !self.is_error() && !self.is_fail() && self.low32() & flag.bits() != 0
    }

    /// Whether both bits of the Austrian flag are set; never on an error or a fail.
    #[must_use]
    pub const fn has_at(self, flag: StateFlagAt) -> bool {
        !self.is_error() && !self.is_fail() && self.0 & flag.bits() == flag.bits()
    }

    /// The same state with the flag; an error or a fail stays as it is.
    #[must_use]
    pub const fn with(self, flag: StateFlag) -> Self {
        if self.is_error() || self.is_fail() { self } else { Self(self.0 | flag.bits() as u64) }
    }

    /// The same state with both bits of the Austrian flag; an error or a fail stays as it is.
    #[must_use]
    pub const fn with_at(self, flag: StateFlagAt) -> Self {
        if self.is_error() || self.is_fail() { self } else { Self(self.0 | flag.bits()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_state_is_ready() {
        assert_eq!(State::ready(Country::AT), State(4_707_422_694_881_099_776));
    }

    #[test]
    fn error_and_fail_replace_the_flags() {
        let state = State::ready(Country::AT).with(StateFlag::LateSigning).with_at(StateFlagAt::BackupScuInUse);
        assert_eq!(state.0, 0x4154_2002_0000_0088);
        assert!(state.has(StateFlag::LateSigning) && state.has_at(StateFlagAt::BackupScuInUse));
        let error = state.error();
        assert_eq!(error.0, 0x4154_2002_EEEE_EEEE);
        assert!(error.is_error() && !error.is_fail() && !error.has(StateFlag::LateSigning));
        assert_eq!(error.with(StateFlag::OutOfOperation), error);
        let fail = State::ready(Country::AT).fail();
        assert_eq!(fail.0, 0x4154_2000_FFFF_FFFF);
        assert!(fail.is_fail() && !fail.has(StateFlag::OutOfOperation));
    }

    #[test]
    fn austria_sets_the_old_bit_with_the_new_one() {
        let ready = State::ready(Country::AT);
        for (flag, expected) in [
            (StateFlagAt::ScuPermanentlyOutOfService, 0x4154_2001_0000_0004),
            (StateFlagAt::MonthlyReceiptDue, 0x4154_2000_0000_0210),
            (StateFlagAt::YearlyReceiptDue, 0x4154_2000_0000_0420),
            (StateFlagAt::BackupScuInUse, 0x4154_2002_0000_0080),
        ] {
            assert_eq!(ready.with_at(flag).0, expected, "{}", flag.name());
        }
        assert!(ready.with_at(StateFlagAt::YearlyReceiptDue).has(StateFlag::YearlyClosingDue));
    }
}
