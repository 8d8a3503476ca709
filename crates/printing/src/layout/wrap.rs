//! Breaking a text into lines.

use crate::printable::columns_of;

/// The lines of a text, each at most `columns` wide: broken at blanks, and inside a word that is wider than a line. A character that is
/// wider than a line has one of its own, which is the only line that may be too wide.
#[must_use]
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    // What fits stays as it is: the blanks inside may be columns of somebody else, such as those of a terminal's slip.
    if !text.is_empty() && crate::printable::columns(text) <= columns {
        return vec![text.to_owned()];
    }
    let mut lines = Vec::new();
    let (mut line, mut width) = (String::new(), 0_usize);
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let word_width = crate::printable::columns(word);
        if width > 0 && width + 1 + word_width <= columns {
            line.push(' ');
            line.push_str(word);
            width += 1 + word_width;
            continue;
        }
        if width > 0 {
            lines.push(std::mem::take(&mut line));
            width = 0;
        }
        for character in word.chars() {
            let own = columns_of(character);
            if width > 0 && width + own > columns {
                lines.push(std::mem::take(&mut line));
                width = 0;
            }
            line.push(character);
            width += own;
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Printable;
    use crate::printable;

    #[track_caller]
    fn check(text: &str, columns: usize, lines: &[&str]) {
        assert_eq!(wrap(text, columns), lines);
    }

    #[test]
    fn lines_break_at_blanks_and_inside_long_words() {
        check("Apfelstrudel mit Sauce", 16, &["Apfelstrudel mit", "Sauce"]);
        check("Apfelstrudel", 5, &["Apfel", "strud", "el"]);
        check("a Apfelstrudel b", 5, &["a", "Apfel", "strud", "el b"]);
        check("牛乳牛乳", 5, &["牛乳", "牛乳"]);
        check("", 5, &[]);
        check("a   b", 5, &["a   b"]);
        check("a   bc", 5, &["a bc"]);
        check("1\u{a0}234 x", 5, &["1\u{a0}234", "x"]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_is_too_wide(text in "\\PC{0,200}", columns in 2_usize..64) {
            let text = Printable::new(&text);
            let lines = wrap(&text, columns);
            prop_assert!(lines.iter().all(|line| printable::columns(line) <= columns));
            let without_blanks = |text: &str| text.chars().filter(|character| *character != ' ').collect::<String>();
            prop_assert_eq!(without_blanks(&lines.concat()), without_blanks(&text));
        }
    }
}
