//! The receipt as plain text, for terminals and messages.
//!
//! Purpose: a receipt where there is nothing but characters of a fixed pitch.
//! Owns: [`FORMAT`], [`render`], codes in half blocks.
//! Invariants: no control character but the line feed, and, when colours are asked for, the sequences that this module writes itself; what
//! a till sent can never become one.
//! Not here: what stands in which row (`layout`).

use crate::code::Symbol;
use crate::format::{Format, Options, RenderError};
use crate::layout::{Line, Paper, Row, lay_out};
use crate::receipt::{Medium, Receipt};

/// Its registration.
pub const FORMAT: Format =
    Format { name: "text", media_type: "text/plain", extension: "txt", has_width: true, render: rendered };

/// Black on white whatever the colours of the terminal: a scanner needs it so.
const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
const BOLD: &str = "\x1b[1m";
const PLAIN: &str = "\x1b[0m";
/// Columns that a code may take in a file, which no terminal limits.
const CODE_COLUMNS: usize = 120;
/// Rows of half blocks for bars.
const LINEAR_LINES: u32 = 4;

/// How it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Characters only.
    Plain,
    /// With sequences of a terminal: bold, codes black on white.
    Terminal,
}

fn rendered(receipt: &Receipt, options: &Options) -> Result<Vec<u8>, RenderError> {
    Ok(render(receipt, options.width.columns(), CODE_COLUMNS, Style::Plain).into_bytes())
}

/// Writes a receipt in lines of at most `columns` characters (20 to 64). A code may be wider than the text, up to `code_columns`, which is
/// what the terminal has: one that does not fit is there as its text, because half of a code is of no use.
#[must_use]
pub fn render(receipt: &Receipt, columns: usize, code_columns: usize, style: Style) -> String {
    let modules_max = u32::try_from(code_columns).unwrap_or(u32::MAX);
    let paper = Paper::new(columns, Medium::Screen, modules_max).with_one_size();
    let mut out = String::with_capacity(8 * 1024);
    for row in lay_out(receipt, paper) {
        match row {
            Row::Text(line) => text(&mut out, &line, style),
            Row::Rule => {
                out.extend(std::iter::repeat_n('-', paper.columns()));
                out.push('\n');
            }
            Row::Gap => out.push('\n'),
            Row::Logo(_) => {}
            Row::Code(_, symbol) => code(&mut out, &symbol, paper.columns(), style),
        }
    }
    out
}

fn text(out: &mut String, line: &Line, style: Style) {
    let is_bold = line.bold && style == Style::Terminal;
    if is_bold {
        out.push_str(BOLD);
    }
    out.push_str(line.text.trim_end());
    if is_bold {
        out.push_str(PLAIN);
    }
    out.push('\n');
}

/// Two rows of modules in a line of characters, with the quiet zone; in the middle when it is narrower than the text.
fn code(out: &mut String, symbol: &Symbol, columns: usize, style: Style) {
    let quiet = symbol.quiet();
    let (across, down) = (symbol.width() + 2 * quiet, symbol.height() + 2 * quiet);
    let before = columns.saturating_sub(across as usize) / 2;
    let lines = if symbol.is_linear() { LINEAR_LINES } else { down.div_ceil(2) };
    let is_dark = |x: u32, y: u32| {
        let y = if symbol.is_linear() { 0 } else { y.wrapping_sub(quiet) };
        symbol.is_dark(x.wrapping_sub(quiet), y)
    };
    for line in 0..lines {
        out.extend(std::iter::repeat_n(' ', before));
        if style == Style::Terminal {
            out.push_str(BLACK_ON_WHITE);
        }
        for x in 0..across {
            out.push(match (is_dark(x, 2 * line), is_dark(x, 2 * line + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        if style == Style::Terminal {
            out.push_str(PLAIN);
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_a_till_sent_never_commands_a_terminal(receipt in testing::hostile_receipt(), columns in 0_usize..90) {
            let plain = render(&receipt, columns, columns, Style::Plain);
            let commands = |page: &str| page.chars().any(|character| character.is_control() && character != '\n');
            prop_assert!(!commands(&plain));
            let mut coloured = render(&receipt, columns, columns, Style::Terminal);
            for own in [BLACK_ON_WHITE, BOLD, PLAIN] {
                coloured = coloured.replace(own, "");
            }
            prop_assert!(!commands(&coloured));
        }
    }
}
