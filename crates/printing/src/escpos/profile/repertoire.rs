//! Text in characters that a printer has.

use deunicode::deunicode_char;

use super::model::Profile;
use crate::escpos::CodePage;

/// Stands for what no letters of the printer can say.
const UNKNOWN: char = '?';

/// The characters of a printer: those of all its code pages together.
#[derive(Debug, Clone, Copy)]
pub struct Repertoire<'a> {
    pages: &'a [(u8, &'static CodePage)],
}

impl<'a> Repertoire<'a> {
    /// Those of a printer.
    #[must_use]
    pub fn of(profile: &'a Profile) -> Self {
        Self { pages: &profile.code_pages }
    }

    /// Whether the printer has a character, and each of it takes one column.
    fn has(&self, char: char) -> bool {
        matches!(char, ' '..='~')
            || !is_unprintable(char) && self.pages.iter().any(|(_, page)| page.encode(char).is_some())
    }

    /// Text in characters that the printer has: each takes one column, none is a control character, none changes the direction of others.
    ///
    /// Every kind of white space, line breaks too, becomes a blank; control and format characters vanish; what the printer does not have is
    /// written in other letters, and what cannot be is a question mark.
    #[must_use]
    pub fn printable(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for char in text.chars() {
            if self.has(char) {
                out.push(char);
            } else if char.is_whitespace() {
                out.push(' ');
            } else if !is_invisible(char) {
                match deunicode_char(char) {
                    Some(letters) => out.extend(letters.chars().filter(|letter| matches!(letter, ' '..='~'))),
                    None => out.push(UNKNOWN),
                }
            }
        }
        out
    }
}

/// Characters that code pages have and paper has not: white space other than the blank, joiners and marks of direction, letters that are
/// written from right to left (a printer would write them the other way round), and marks that belong on the letter before.
const fn is_unprintable(char: char) -> bool {
    is_invisible(char)
        || matches!(char, '\u{A0}' | '\u{2000}'..='\u{200A}' | '\u{590}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFF}')
        || matches!(char, '\u{300}'..='\u{36F}' | '\u{E31}' | '\u{E34}'..='\u{E3A}' | '\u{E47}'..='\u{E4E}')
}

/// Characters that leave nothing on paper: controls, soft hyphens, zero widths, marks of direction, variation selectors, tags.
const fn is_invisible(char: char) -> bool {
    matches!(char, '\0'..='\u{8}' | '\u{E}'..='\u{1F}' | '\u{7F}'..='\u{84}' | '\u{86}'..='\u{9F}' | '\u{AD}' | '\u{61C}' | '\u{180E}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
        | '\u{FFF0}'..='\u{FFFB}' | '\u{1F3FB}'..='\u{1F3FF}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Pages that printers have right, with all letters of western Europe and the euro: of two pages that will do, these are taken.
const TRUSTED: [&str; 4] = ["CP437", "CP858", "CP1252", "CP850"];

/// Writes text of a repertoire in bytes, with as few changes of the code page as it needs.
#[derive(Debug)]
pub struct TextEncoder {
    /// In the order in which they are tried.
    pages: Vec<(u8, &'static CodePage)>,
    current: Option<(u8, &'static CodePage)>,
}

impl TextEncoder {
    /// Behind a reset; the first text chooses its page, since not every printer is reset to its first one.
    #[must_use]
    pub fn new(profile: &Profile) -> Self {
        let mut pages = profile.code_pages.clone();
        let trust = |page: &CodePage| TRUSTED.iter().position(|name| *name == page.name()).unwrap_or(TRUSTED.len());
        // The sort is stable: pages of equal trust stay in the order of their numbers.
        pages.sort_by_key(|(_, page)| trust(page));
        Self { pages, current: None }
    }

    /// Writes text. What is not of the printer's [`Repertoire`] is a question mark; no control byte is ever written but `ESC t`.
    pub fn write(&mut self, text: &str, out: &mut Vec<u8>) {
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let page = self.page_for(rest);
            if self.current.is_none_or(|(number, _)| number != page.0) {
                out.extend([0x1B, b't', page.0]);
                self.current = Some(page);
            }
            let taken = encodes(page.1, rest).max(first.len_utf8());
            let (now, later) = rest.split_at_checked(taken).unwrap_or((rest, ""));
            // Where no page has the character, this is one character long.
            out.extend(now.chars().map(|char| page.1.encode(char).unwrap_or(b'?')));
            rest = later;
        }
    }

    /// The page that encodes most of the beginning; the one that is chosen already when it does as well.
    fn page_for(&self, text: &str) -> (u8, &'static CodePage) {
        let pages = self.current.iter().chain(&self.pages);
        let mut best: Option<((u8, &'static CodePage), usize)> = None;
        for page in pages {
            let length = encodes(page.1, text);
            if best.is_none_or(|(_, longest)| length > longest) {
                best = Some((*page, length));
            }
            if length == text.len() {
                break;
            }
        }
        best.map_or_else(|| (0, fallback()), |(page, _)| page)
    }
}

/// Bytes of the beginning of a text that a page encodes.
fn encodes(page: &CodePage, text: &str) -> usize {
    text.char_indices().find(|(_, char)| page.encode(*char).is_none()).map_or(text.len(), |(at, _)| at)
}

/// What a printer has that knows of no code page.
fn fallback() -> &'static CodePage {
    static ASCII: std::sync::LazyLock<&CodePage> = std::sync::LazyLock::new(|| {
        crate::escpos::code_page("CP437").unwrap_or_else(|| unreachable!("it is in the table"))
    });
    &ASCII
}

#[cfg(test)]
#[path = "repertoire_tests.rs"]
mod tests;
