//! The languages of a receipt: words, amounts and dates, one file each.
//!
//! Purpose: write the same receipt for readers of different languages.
//! Owns: [`Language`] and its table, [`Words`], the formats of amounts, quantities, dates.
//! Invariants: a language is data: it cannot lack a word, because [`Words`] has no optional one; no text that a law demands stands here.
//! Not here: what a law wants to be said word for word (`receipt::market`), which language a shop wants (edge).

mod de;
mod en;
mod es;
mod fr;
mod number;
mod pt;
mod words;

pub use number::NumberFormat;
pub use words::Words;

use kassette_model::cases::Country;

/// A language that receipts can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    /// German.
    De,
    /// English.
    En,
    /// Spanish.
    Es,
    /// French.
    Fr,
    /// Portuguese.
    Pt,
}

impl Language {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::De, Self::En, Self::Es, Self::Fr, Self::Pt];

    /// Its tag (BCP 47).
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::De => "de",
            Self::En => "en",
            Self::Es => "es",
            Self::Fr => "fr",
            Self::Pt => "pt",
        }
    }

    /// The language of a tag such as `de` or `de-AT`; `None` when there are no words for it.
    #[must_use]
    pub fn parse(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        Self::ALL.iter().copied().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// What receipts of a country are written in when nobody asks for another language.
    #[must_use]
    pub const fn of_country(country: Country) -> Self {
        match &country.0 {
            b"AT" | b"DE" => Self::De,
            b"ES" => Self::Es,
            b"FR" => Self::Fr,
            b"PT" => Self::Pt,
            _ => Self::En,
        }
    }

    /// Its words.
    #[must_use]
    pub const fn words(self) -> &'static Words {
        match self {
            Self::De => &de::WORDS,
            Self::En => &en::WORDS,
            Self::Es => &es::WORDS,
            Self::Fr => &fr::WORDS,
            Self::Pt => &pt::WORDS,
        }
    }

    /// How it writes numbers.
    #[must_use]
    pub const fn numbers(self) -> &'static NumberFormat {
        match self {
            Self::De => &de::NUMBERS,
            Self::En => &en::NUMBERS,
            Self::Es => &es::NUMBERS,
            Self::Fr => &fr::NUMBERS,
            Self::Pt => &pt::NUMBERS,
        }
    }

    /// How it writes a date and a time, as a pattern of `strftime`.
    #[must_use]
    pub const fn date_pattern(self) -> &'static str {
        match self {
            Self::De => "%d.%m.%Y %H:%M:%S",
            Self::En => "%Y-%m-%d %H:%M:%S",
            Self::Es | Self::Fr => "%d/%m/%Y %H:%M:%S",
            Self::Pt => "%d-%m-%Y %H:%M:%S",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_every_word() {
        for language in Language::ALL {
            for (name, text) in language.words().all() {
                assert!(!text.trim().is_empty(), "{language:?} lacks {name}");
                assert_eq!(text, crate::Printable::new(text).as_str(), "{language:?} {name}");
                // A printer without Unicode has them in code page 858 or 1252.
                let printable = text.chars().all(|character| u32::from(character) < 0x100 || character == '€');
                assert!(printable, "{language:?} {name}: {text}");
            }
        }
    }

    #[test]
    fn no_language_borrows_its_sentences_from_another() {
        let sentences = |language: Language| {
            let words = language.words();
            [
                words.mark_sandbox,
                words.mark_failed,
                words.mark_training,
                words.receipt_number,
                words.date,
                words.payment_cash,
            ]
        };
        for (index, one) in Language::ALL.iter().enumerate() {
            for other in Language::ALL.iter().skip(index + 1) {
                for (left, right) in sentences(*one).iter().zip(sentences(*other)) {
                    assert_ne!(*left, right, "{one:?} and {other:?}");
                }
            }
        }
    }

    #[test]
    fn a_tag_names_a_language() {
        assert_eq!(Language::parse("de-AT"), Some(Language::De));
        assert_eq!(Language::parse("PT_BR"), Some(Language::Pt));
        assert_eq!((Language::parse("ja"), Language::parse("")), (None, None));
        assert_eq!(Language::of_country(Country::FR), Language::Fr);
        assert_eq!(Language::of_country(Country::BE), Language::En);
    }
}
