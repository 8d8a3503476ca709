//! What may be shown of a text that somebody else wrote.

use std::fmt;

use unicode_width::UnicodeWidthChar;

/// Most marks that stand on one character: enough for every written language, too few to paint over the lines around it.
const MARKS_OF_CHARACTER_MAX: u8 = 3;

/// A text of one line that can be shown anywhere.
///
/// Invariants: no control character (C0, C1, DEL), no line or paragraph separator, nothing that changes the direction of other text
/// (bidi controls), nothing invisible that could hide a difference (zero-width characters, tags), no private use and no
/// non-character; at most three marks on one character; no blanks at its ends. What was there is dropped, or a blank or U+FFFD where it
/// separated or stood for something.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Printable(Box<str>);

impl Printable {
    /// Takes over what can be shown of `text`, as one line.
    #[must_use]
    pub fn new(text: &str) -> Self {
        if text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
            return Self(text.trim_ascii().into());
        }
        let mut shown = String::with_capacity(text.len());
        let (mut marks, mut has_begun) = (0, false);
        for character in text.chars() {
            match fate(character) {
                Fate::Drop => {}
                Fate::Blank => shown.push(' '),
                Fate::Replace => shown.push(char::REPLACEMENT_CHARACTER),
                Fate::Keep if character.width() == Some(0) => {
                    marks += 1;
                    // A mark without a character before it would join with what a rendering puts there.
                    if marks <= MARKS_OF_CHARACTER_MAX && has_begun {
                        shown.push(character);
                    }
                    continue;
                }
                Fate::Keep => shown.push(character),
            }
            marks = 0;
            has_begun |= shown.chars().next_back().is_some_and(|last| !last.is_whitespace());
        }
        Self(shown.trim().into())
    }

    /// The lines of a text, each as [`Self::new`] takes it; an empty line stays when others follow it.
    #[must_use]
    pub fn lines(text: &str) -> Vec<Self> {
        let breaks = |character| matches!(character, '\n' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}');
        let joined = text.replace("\r\n", "\n").replace('\r', "\n");
        let mut lines: Vec<Self> = joined.split(breaks).map(Self::new).collect();
        while lines.last().is_some_and(|line| line.is_empty()) {
            lines.pop();
        }
        lines
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing can be shown.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Printable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Printable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl std::ops::Deref for Printable {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Printable {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

/// What becomes of a character.
enum Fate {
    Keep,
    Drop,
    Blank,
    Replace,
}

fn fate(character: char) -> Fate {
    match character {
        '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{115f}' | '\u{1160}'
        | '\u{3164}' => Fate::Blank,
        _ if character.is_control() => Fate::Drop,
        // Soft hyphen, grapheme joiner, bidi controls, zero-width characters, interlinear marks, byte order mark, selectors, tags.
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{180b}'..='\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' => Fate::Drop,
        '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}' => Fate::Drop,
        '\u{1d173}'..='\u{1d17a}' => Fate::Drop,
        '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' => Fate::Replace,
        '\u{fdd0}'..='\u{fdef}' => Fate::Replace,
        _ if u32::from(character) & 0xFFFE == 0xFFFE => Fate::Replace,
        _ => Fate::Keep,
    }
}

/// How many columns of a fixed pitch a text takes; a character that such a font has no place for takes one.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.chars().fold(0, |sum, character| sum.saturating_add(columns_of(character)))
}

/// How many columns of a fixed pitch a character takes.
#[must_use]
pub fn columns_of(character: char) -> usize {
    character.width().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, shown: &str) {
        assert_eq!(Printable::new(text).as_str(), shown, "{text:?}");
    }

    #[test]
    fn what_is_harmless_stays() {
        for text in ["Espresso", "Käse & Brot <2 €>", "Φέτα", "חלב", "牛乳", "naïve", "a\u{301}"] {
            check(text, text);
        }
    }

    #[test]
    fn commands_and_tricks_go() {
        check("Tea\x1b[2J\x1b@ 1", "Tea[2J@ 1");
        check("\x1dV\x41\x10\x04\x01", "VA");
        check("a\u{9b}31mb", "a31mb");
        check("abc\u{202e}fed\u{2069}", "abcfed");
        check("p\u{200b}a\u{200d}y\u{feff}\u{ad}\u{e0041}", "pay");
        check("👩\u{200d}👩", "👩👩");
        check("one\ttwo\r\nthree\u{2028}four", "one two  three four");
        check("\u{e000}\u{ffff}\u{fdd0}", "\u{fffd}\u{fffd}\u{fffd}");
        check(&format!("a{}b", "\u{301}".repeat(50)), "a\u{301}\u{301}\u{301}b");
        check("\u{301}x", "x");
        check(" \u{a4b}x", "x");
        check("  \u{a0}x \n", "x");
    }

    #[test]
    fn a_text_of_several_lines_comes_apart() {
        let lines: Vec<String> = Printable::lines("a\r\nb\r\rc\u{85}d\n\n").iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["a", "b", "", "c", "d"]);
        assert_eq!(Printable::lines(""), []);
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!((columns("Käse"), columns("牛乳"), columns("a\u{301}")), (4, 4, 1));
    }

    proptest! {
        #[test]
        fn nothing_that_commands_gets_through(text in any::<String>()) {
            let shown = Printable::new(&text);
            let is_free = shown.chars().all(|character| matches!(fate(character), Fate::Keep) || character == '\u{fffd}');
            prop_assert!(is_free, "{shown:?}");
            prop_assert_eq!(Printable::new(&shown), shown.clone());
            prop_assert_eq!(shown.trim(), shown.as_str());
        }
    }
}
