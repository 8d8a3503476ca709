//! What became of a command: result codes in `04 0F` (BMP 27) and `06 1E` (PA00P015, chapter on error messages).

use std::borrow::Cow;

/// A result code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResultCode(pub u8);

/// What a result means for the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResultClass {
    /// The terminal has done it.
    Approved,
    /// Definite: no money moved.
    Declined,
    /// Definite: no money moved, and it is worth another try after somebody has done something.
    NotPossible,
    /// The terminal does not know what the host did, or the code is not known: ask, do not assume.
    Unknown,
}

use ResultClass::{Approved, Declined, NotPossible, Unknown};

/// Code, class, English, German.
type Row = (u8, ResultClass, &'static str, &'static str);

/// The codes from 64 on and 00; 01 to 63 are the host's.
const ROWS: &[Row] = &[
    (0x00, Approved, "no error", "kein Fehler"),
    (0x64, Declined, "card not readable", "Karte nicht lesbar"),
    (0x6A, NotPossible, "turnover store of the terminal is full", "Umsatzspeicher des Terminals ist voll"),
    (0x6B, NotPossible, "register not registered at the terminal", "Kasse am Terminal nicht angemeldet"),
    (0x6C, Declined, "aborted by key or time-out", "Abbruch durch Taste oder Zeitablauf"),
    (0x6F, NotPossible, "wrong currency", "falsche Währung"),
    (0x71, Declined, "credit not sufficient", "Guthaben nicht ausreichend"),
    (0x77, NotPossible, "end of day not possible", "Kassenschnitt nicht möglich"),
    (0x78, Declined, "card expired", "Karte abgelaufen"),
    (0x7A, Declined, "card not known", "Karte unbekannt"),
    (0x7D, Unknown, "communication error", "Kommunikationsfehler"),
    (0x83, NotPossible, "function not possible", "Funktion nicht möglich"),
    (0x9A, NotPossible, "protocol error", "Protokollfehler"),
    (0x9B, Unknown, "line to the host disturbed", "Leitung zum Host gestört"),
    (0x9C, NotPossible, "terminal busy, please wait", "Terminal beschäftigt, bitte warten"),
    (0xA0, Unknown, "no connection to the host", "keine Verbindung zum Host"),
    (0xA1, Unknown, "no connection to the host", "keine Verbindung zum Host"),
    (0xA3, Unknown, "no connection to the host", "keine Verbindung zum Host"),
    (0xB1, NotPossible, "memory of the terminal is full", "Speicher des Terminals ist voll"),
    (0xB2, NotPossible, "journal of the terminal is full", "Journal des Terminals ist voll"),
    (0xB4, NotPossible, "already reversed", "bereits storniert"),
    (0xB5, NotPossible, "reversal not possible", "Storno nicht möglich"),
    (0xB8, NotPossible, "open pre-authorisations", "offene Vorautorisierungen"),
    (0xC2, NotPossible, "diagnosis needed", "Diagnose erforderlich"),
    (0xC3, NotPossible, "amount too high", "Betrag zu hoch"),
    (0xC5, NotPossible, "payment method not supported", "Zahlungsart nicht unterstützt"),
    (0xC6, NotPossible, "currency not supported", "Währung nicht unterstützt"),
    (0xC8, NotPossible, "amount too small", "Betrag zu klein"),
    (0xCC, NotPossible, "printer not ready", "Drucker nicht bereit"),
    (0xDC, NotPossible, "card still in the terminal", "Karte steckt noch im Terminal"),
    (0xE4, NotPossible, "activation needed", "Freischaltung erforderlich"),
    (0xF0, NotPossible, "end of day still open", "Kassenschnitt noch offen"),
    (0xFA, NotPossible, "clearing error", "Clearing-Fehler"),
    (0xFF, Unknown, "system error", "Systemfehler"),
];

impl ResultCode {
    /// `00`.
    pub const OK: Self = Self(0x00);
    /// `6C`: by a key of the terminal, or nobody came in time.
    pub const ABORTED: Self = Self(0x6C);
    /// `83`.
    pub const NOT_POSSIBLE: Self = Self(0x83);
    /// `B4`: to a reversal: somebody was faster.
    pub const ALREADY_REVERSED: Self = Self(0xB4);
    /// `B5`: to a reversal: only a refund helps.
    pub const REVERSAL_NOT_POSSIBLE: Self = Self(0xB5);

    fn row(self) -> Option<&'static Row> {
        ROWS.iter().find(|row| row.0 == self.0)
    }

    fn is_of_host(self) -> bool {
        matches!(self.0, 0x01..=0x63)
    }

    /// What it means for the money.
    ///
    /// Codes of a broken line are [`ResultClass::Unknown`] whenever they come: whether the host had already been asked
    /// is the dialogue's knowledge, and asking the terminal once too often does no harm.
    #[must_use]
    pub fn class(self) -> ResultClass {
        match self.row() {
            Some(row) => row.1,
            None if self.is_of_host() => Declined,
            None => Unknown,
        }
    }

    /// What it says, in English. A refusal of the host has its own words in BMP 3C or TLV 1F17.
    #[must_use]
    pub fn english(self) -> Cow<'static, str> {
        match self.row() {
            Some(row) => Cow::Borrowed(row.2),
            None if self.is_of_host() => Cow::Owned(format!("declined by the host ({:02X})", self.0)),
            None => Cow::Owned(format!("unknown result ({:02X})", self.0)),
        }
    }

    /// What it says, in German.
    #[must_use]
    pub fn german(self) -> Cow<'static, str> {
        match self.row() {
            Some(row) => Cow::Borrowed(row.3),
            None if self.is_of_host() => Cow::Owned(format!("vom Host abgelehnt ({:02X})", self.0)),
            None => Cow::Owned(format!("unbekanntes Ergebnis ({:02X})", self.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_zero_is_approved() {
        for code in 0..=u8::MAX {
            assert_eq!(ResultCode(code).class() == Approved, code == 0, "{code:02X}");
            assert!(!ResultCode(code).english().is_empty() && !ResultCode(code).german().is_empty());
        }
    }

    #[test]
    fn each_code_stands_once_and_in_order() {
        assert!(ROWS.is_sorted_by(|one, next| one.0 < next.0));
    }

    #[test]
    fn the_classes_of_the_dialogue() {
        for (code, class) in [
            (0x05, Declined),
            (0x63, Declined),
            (0x6C, Declined),
            (0x83, NotPossible),
            (0xB4, NotPossible),
            (0x7D, Unknown),
            (0x9B, Unknown),
            (0xA0, Unknown),
            (0xFF, Unknown),
            // Of no revision: it may be a new word for anything.
            (0xEE, Unknown),
        ] {
            assert_eq!(ResultCode(code).class(), class, "{code:02X}");
        }
        assert_eq!(ResultCode(0x05).english(), "declined by the host (05)");
        assert_eq!(ResultCode(0x6F).german(), "falsche Währung");
    }
}
