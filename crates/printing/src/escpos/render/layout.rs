//! The rows of a receipt on a sheet: what all renderings have in common, in characters that the printer has.

use super::sheet::{Look, Sheet, Size};
use crate::Receipt;
use crate::code::MODULE_DOTS_MIN;
use crate::escpos::Bitmap;
use crate::layout::{self, Paper, Row};
use crate::printable;
use crate::receipt::Medium;

/// Lays a receipt out on a sheet.
pub fn lay_out(receipt: &Receipt, sheet: &mut dyn Sheet) {
    let paper = Paper::new(sheet.columns(), Medium::Paper, sheet.dots() / MODULE_DOTS_MIN);
    for row in layout::lay_out(receipt, paper) {
        match row {
            Row::Text(line) => {
                let size = match line.size {
                    layout::Size::Normal => Size::Normal,
                    layout::Size::Double => Size::Large,
                };
                let look = Look { centred: false, size, bold: line.bold };
                let shown = sheet.printable(&line.text);
                for line in fitted(&shown, printable::columns(&line.text), sheet.columns() / size.columns()) {
                    sheet.line(look, &line);
                }
            }
            Row::Rule => {
                let line = "-".repeat(paper.columns());
                sheet.line(Look::PLAIN, &line);
            }
            Row::Gap => sheet.gap(),
            Row::Logo(logo) => {
                let (width, height) = (u32::from(logo.width_dots()), u32::from(logo.height_dots()));
                sheet.picture(&Bitmap::of_rows(width, height, logo.bits()));
            }
            Row::Code(code, symbol) => {
                if !sheet.code(code, &symbol) {
                    // What no machine can read from here is there for people, and for those who type it.
                    let shown = sheet.printable(&code.text());
                    for line in chopped(&shown, sheet.columns()) {
                        sheet.line(Look::PLAIN, &line);
                    }
                }
            }
        }
    }
}

/// A laid out line in other letters: as wide as it was, `columns`, when blanks between its parts can make up for the difference; what has
/// no room in `columns_max` goes on in a line of its own.
fn fitted(text: &str, columns: usize, columns_max: usize) -> Vec<String> {
    let mut chars: Vec<char> = text.trim_end().chars().collect();
    if let Some((from, length)) = longest_gap(&chars) {
        if chars.len() > columns {
            // One blank of the gap stays.
            let spare = (chars.len() - columns).min(length - 1);
            chars.drain(from..from + spare);
        } else if from > 0 {
            // A gap at the beginning only places the text: it needs not be what it was.
            let missing = columns.saturating_sub(chars.len());
            chars.splice(from..from, std::iter::repeat_n(' ', missing));
        }
    }
    if chars.is_empty() {
        return vec![String::new()];
    }
    chars.chunks(columns_max.max(1)).map(|line| line.iter().collect()).collect()
}

/// The longest run of at least two blanks: where it begins, and how long it is. The last of equal ones, which stands before an amount.
fn longest_gap(chars: &[char]) -> Option<(usize, usize)> {
    let (mut longest, mut from) = (None, 0);
    for (at, char) in chars.iter().enumerate() {
        if *char != ' ' {
            from = at + 1;
        } else if at + 1 - from >= longest.map_or(2, |(_, length)| length) {
            longest = Some((from, at + 1 - from));
        }
    }
    longest
}

/// A text in pieces of so many characters, wherever they end: it is compared letter by letter.
fn chopped(text: &str, columns: usize) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    chars.chunks(columns.max(1)).map(|line| line.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_stay_where_they_were() {
        let check = |text: &str, columns, columns_max, lines: &[&str]| {
            assert_eq!(fitted(text, columns, columns_max), lines, "{text}");
        };
        // "Summe  1,20 €" with EUR for its sign.
        check("Summe     1,20 EUR", 16, 16, &["Summe   1,20 EUR"]);
        // Two letters for one, and one for two columns.
        check("Oel  1,20", 8, 8, &["Oel 1,20"]);
        check("Niu  1,20", 10, 10, &["Niu   1,20"]);
        check("   middle", 9, 12, &["   middle"]);
        check("abcdefgh", 6, 6, &["abcdef", "gh"]);
        check("", 0, 6, &[""]);
        assert_eq!(chopped("abcde", 2), ["ab", "cd", "e"]);
    }
}
