//! Code pages: what bytes 80 to FF are.

use std::sync::OnceLock;

/// One line for each page: its name, a tab, 128 characters. Made by `generate/code_pages.py`.
const TABLE: &str = include_str!("data/code_pages.txt");
/// Stands in the table where a page has no character.
const NONE: char = char::REPLACEMENT_CHARACTER;

/// What bytes 80 to FF are; below they are ASCII in every page.
#[derive(Debug, PartialEq, Eq)]
pub struct CodePage {
    name: &'static str,
    upper: Vec<char>,
    /// Characters that are not ASCII, in rising order, with their bytes.
    bytes: Vec<(char, u8)>,
}

impl CodePage {
    fn parse(line: &'static str) -> Option<Self> {
        let (name, characters) = line.split_once('\t')?;
        let upper: Vec<char> = characters.chars().collect();
        let known = (0x80..=0xFF_u8).zip(&upper).filter(|(_, char)| **char != NONE && !char.is_ascii());
        let mut bytes: Vec<(char, u8)> = known.map(|(byte, char)| (*char, byte)).collect();
        // Where a page has a character twice, the lower byte is taken.
        bytes.sort_unstable();
        bytes.dedup_by_key(|(char, _)| *char);
        Some(Self { name, upper, bytes })
    }

    /// Its name in the printer database, as `CP858`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The character of a byte; none for control bytes and where the page has a gap.
    #[must_use]
    pub fn decode(&self, byte: u8) -> Option<char> {
        match byte {
            0x20..=0x7E => Some(char::from(byte)),
            0x80.. => self.upper.get(usize::from(byte & 0x7F)).copied().filter(|char| *char != NONE),
            _ => None,
        }
    }

    /// The byte of a character: never a control byte.
    #[must_use]
    pub fn encode(&self, char: char) -> Option<u8> {
        if matches!(char, ' '..='~') {
            return u8::try_from(char).ok();
        }
        let at = self.bytes.binary_search_by_key(&char, |(known, _)| *known).ok()?;
        self.bytes.get(at).map(|(_, byte)| *byte)
    }
}

/// All pages that are known.
pub fn code_pages() -> &'static [CodePage] {
    static PAGES: OnceLock<Vec<CodePage>> = OnceLock::new();
    PAGES.get_or_init(|| TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(CodePage::parse).collect())
}

/// A page by its name.
#[must_use]
pub fn code_page(name: &str) -> Option<&'static CodePage> {
    code_pages().iter().find(|page| page.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that are known from the tables of the standards.
    #[test]
    fn known_bytes() {
        for (page, byte, char) in [
            ("CP437", 0x80, 'Ç'),
            ("CP437", 0xE1, 'ß'),
            ("CP437", 0xDA, '┌'),
            ("CP850", 0xD5, 'ı'),
            ("CP858", 0xD5, '€'),
            ("CP1252", 0x80, '€'),
            ("CP1252", 0xA9, '©'),
            ("CP852", 0xA8, 'Ę'),
            ("CP737", 0x80, 'Α'),
            ("CP1253", 0xE1, 'α'),
            ("CP866", 0x80, 'А'),
            ("CP860", 0x84, 'ã'),
            ("CP865", 0x9D, 'Ø'),
            ("ISO_8859-15", 0xA4, '€'),
        ] {
            let found = code_page(page).map(|page| (page.decode(byte), page.encode(char)));
            assert_eq!(found, Some((Some(char), Some(byte))), "{page} {byte:02X}");
        }
    }

    #[test]
    fn every_page_is_whole_and_never_gives_a_control_byte() {
        assert!(code_pages().len() > 40, "the pages are found");
        for page in code_pages() {
            assert_eq!(page.upper.len(), 128, "{}", page.name);
            for byte in 0..=0xFF_u8 {
                let char = page.decode(byte);
                assert!(char.is_none_or(|char| !char.is_control()), "{} {byte:02X}", page.name);
                assert!(byte >= 0x20 && byte != 0x7F || char.is_none(), "{} {byte:02X}", page.name);
            }
            for char in ('\0'..='\u{FFFF}').chain('\u{1F300}'..'\u{1F700}') {
                let Some(byte) = page.encode(char) else { continue };
                assert!(byte >= 0x20 && byte != 0x7F, "{} {char:?}", page.name);
                assert_eq!(page.decode(byte), Some(char), "{} {char:?}", page.name);
            }
        }
    }
}
