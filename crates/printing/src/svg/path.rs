//! Dots as a path.

use crate::code::Symbol;
use crate::receipt::Logo;

/// The dark modules of a symbol as the data of a path; a module is one unit, the quiet zone is not in it.
#[must_use]
pub fn path(symbol: &Symbol) -> String {
    let mut out = String::with_capacity(symbol.height() as usize * symbol.width() as usize * 3);
    for y in 0..symbol.height() {
        row(&mut out, y, symbol.runs(y));
    }
    out
}

pub(crate) fn logo(out: &mut String, logo: &Logo) {
    for y in 0..logo.height_dots() {
        let mut x = 0;
        let runs = std::iter::from_fn(move || {
            while x < logo.width_dots() && !logo.is_black(x, y) {
                x += 1;
            }
            let begin = x;
            while logo.is_black(x, y) {
                x += 1;
            }
            (x > begin).then(|| (u32::from(begin), u32::from(x - begin)))
        });
        row(out, u32::from(y), runs);
    }
}

/// The runs of a row as one bar each, placed relative to the run before.
fn row(out: &mut String, y: u32, runs: impl Iterator<Item = (u32, u32)>) {
    let mut at = None;
    for (begin, length) in runs {
        match at {
            None => {
                out.push('M');
                number(out, begin);
                out.push(' ');
                number(out, y);
            }
            Some(at) => {
                out.push('m');
                number(out, begin - at);
                out.push_str(" 0");
            }
        }
        out.push('h');
        number(out, length);
        out.push_str("v1h-");
        number(out, length);
        out.push('z');
        // A closed figure ends where it began.
        at = Some(begin);
    }
}

/// A code has thousands of numbers, most of them of one digit: going through the formatter is a third of the time of a page.
fn number(out: &mut String, number: u32) {
    if number >= 10 {
        self::number(out, number / 10);
    }
    out.push(char::from_digit(number % 10, 10).unwrap_or('0'));
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;
    use crate::code::symbol;
    use crate::receipt::{Code, Symbology};

    #[test]
    fn a_path_has_a_bar_for_each_run() {
        let made = symbol(&Code::new(Symbology::Qr, "A")).unwrap();
        let path = path(&made);
        assert!(path.starts_with("M0 0h7v1h-7z"), "{path}");
        let runs: usize = (0..21).map(|y| made.runs(y).count()).sum();
        assert_eq!(path.matches('z').count(), runs);
    }
}
