//! What the terminal is doing, for the display: codes of `04 FF` (PA00P015, chapter 3).

use std::borrow::Cow;

/// A code of an intermediate status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IntermediateCode(pub u8);

/// Code, English, German.
type Row = (u8, &'static str, &'static str);

/// The codes that have words of their own.
const ROWS: &[Row] = &[
    (0x04, "waiting for the host", "Antwort des Hosts wird erwartet"),
    (0x05, "automatic reversal", "automatischer Storno"),
    (0x0A, "please insert card", "Karte bitte stecken"),
    (0x0E, "please wait", "bitte warten"),
    (0x17, "please wait", "bitte warten"),
    (0xFF, "see the text of the terminal", "siehe Text des Terminals"),
];

/// Codes from here to [`WITH_CARD_LAST`] say the same as those 40 (hexadecimal) lower, and: remove the card.
const WITH_CARD_FIRST: u8 = 0x41;
/// The last of them.
const WITH_CARD_LAST: u8 = 0x5F;
/// By how much they are higher.
const WITH_CARD: u8 = 0x40;

impl IntermediateCode {
    /// `04`: from here on the outcome may be known at the host only.
    pub const WAITING_FOR_HOST: Self = Self(0x04);
    /// `05`: the terminal takes a payment back by itself.
    pub const AUTO_REVERSAL: Self = Self(0x05);
    /// `0A`.
    pub const INSERT_CARD: Self = Self(0x0A);
    /// `17`.
    pub const PLEASE_WAIT: Self = Self(0x17);
    /// `FF`: the words come in TLV 24.
    pub const SEE_TEXT: Self = Self(0xFF);

    /// Whether it also asks to remove the card.
    #[must_use]
    pub fn asks_to_remove_card(self) -> bool {
        matches!(self.0, WITH_CARD_FIRST..=WITH_CARD_LAST)
    }

    /// The code without the request to remove the card.
    #[must_use]
    pub fn without_card(self) -> Self {
        if self.asks_to_remove_card() { Self(self.0 - WITH_CARD) } else { self }
    }

    /// Whether the host has been asked: a failure after this leaves the outcome unknown.
    #[must_use]
    pub fn involves_host(self) -> bool {
        matches!(self.without_card(), Self::WAITING_FOR_HOST | Self::AUTO_REVERSAL)
    }

    fn row(self) -> Option<&'static Row> {
        ROWS.iter().find(|row| row.0 == self.without_card().0)
    }

    /// What it says, in English.
    #[must_use]
    pub fn english(self) -> Cow<'static, str> {
        let text = match self.row() {
            Some(row) => Cow::Borrowed(row.1),
            None => Cow::Owned(format!("please wait ({:02X})", self.0)),
        };
        if self.asks_to_remove_card() { Cow::Owned(format!("{text}, please remove card")) } else { text }
    }

    /// What it says, in German.
    #[must_use]
    pub fn german(self) -> Cow<'static, str> {
        let text = match self.row() {
            Some(row) => Cow::Borrowed(row.2),
            None => Cow::Owned(format!("bitte warten ({:02X})", self.0)),
        };
        if self.asks_to_remove_card() { Cow::Owned(format!("{text}, Karte bitte entnehmen")) } else { text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_says_something() {
        for (code, english, german) in [
            (0x0A, "please insert card", "Karte bitte stecken"),
            (
                0x44,
                "waiting for the host, please remove card",
                "Antwort des Hosts wird erwartet, Karte bitte entnehmen",
            ),
            (0xC7, "please wait (C7)", "bitte warten (C7)"),
        ] {
            assert_eq!(IntermediateCode(code).english(), english);
            assert_eq!(IntermediateCode(code).german(), german);
        }
    }

    #[test]
    fn the_host_is_involved_with_and_without_the_card() {
        let involved: Vec<u8> = (0..=u8::MAX).filter(|code| IntermediateCode(*code).involves_host()).collect();
        assert_eq!(involved, [0x04, 0x05, 0x44, 0x45]);
    }
}
