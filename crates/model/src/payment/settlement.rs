//! What an operator says of a payment of which nobody knows whether money has moved.

use std::fmt;

use crate::Decimal;

/// How it is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettledAs {
    /// Money has moved.
    Paid {
        /// How much in all, the tip included; what was asked for when nothing else is said.
        amount: Option<Decimal>,
    },
    /// No money has moved.
    NotPaid,
    /// It is not settled: the terminal is to be asked again.
    AskAgain,
}

impl SettledAs {
    /// All names, for messages.
    pub const NAMES: [&str; 3] = ["paid", "not-paid", "ask-again"];

    /// Lower-case, as on the wire and in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Paid { .. } => "paid",
            Self::NotPaid => "not-paid",
            Self::AskAgain => "ask-again",
        }
    }

    /// Reads [`SettledAs::name`]; a payment that was made is so of the amount that was asked for.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Paid { amount: None }, Self::NotPaid, Self::AskAgain].into_iter().find(|known| known.name() == name)
    }
}

impl fmt::Display for SettledAs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The word of an operator, with what the journal keeps of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// How it is settled.
    pub outcome: SettledAs,
    /// Who says so.
    pub by: String,
    /// Why: what was looked at.
    pub reason: String,
}

impl Settlement {
    /// Most characters of `by`.
    pub const BY_CHARS_MAX: usize = 100;
    /// Most characters of `reason`.
    pub const REASON_CHARS_MAX: usize = 500;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_a_name_that_reads_back() {
        for name in SettledAs::NAMES {
            assert_eq!(SettledAs::parse(name).map(SettledAs::name), Some(name));
        }
        assert_eq!(SettledAs::parse("Paid"), None);
    }
}
