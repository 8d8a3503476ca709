//! Rows, and how they are put together.

use super::{Paper, wrap};
use crate::code::Symbol;
use crate::printable::columns;
use crate::receipt::{Code, Logo, Receipt};

/// How large the characters of a line are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Size {
    /// One cell.
    Normal,
    /// Two cells wide and two high.
    Double,
}

/// A line of characters of a fixed pitch.
///
/// Invariant: its columns, doubled for double size, are at most those of the paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What stands in it, from the left edge; blanks place it.
    pub text: String,
    /// Whether it is bold.
    pub bold: bool,
    /// How large it is.
    pub size: Size,
}

/// A row of a receipt.
#[derive(Debug, Clone, PartialEq)]
pub enum Row<'a> {
    /// Characters.
    Text(Line),
    /// A line across the paper.
    Rule,
    /// Half a line of nothing.
    Gap,
    /// The logo, in the middle.
    Logo(&'a Logo),
    /// A code, in the middle.
    Code(&'a Code, Symbol),
}

/// Rows under way.
pub(super) struct Page<'a> {
    pub(super) receipt: &'a Receipt,
    pub(super) paper: Paper,
    pub(super) columns: usize,
    rows: Vec<Row<'a>>,
}

impl<'a> Page<'a> {
    pub(super) fn new(receipt: &'a Receipt, paper: Paper) -> Self {
        Self { receipt, paper, columns: paper.columns, rows: Vec::with_capacity(64) }
    }

    /// The rows, without gaps and rules at the ends.
    pub(super) fn into_rows(mut self) -> Vec<Row<'a>> {
        while matches!(self.rows.last(), Some(Row::Gap | Row::Rule)) {
            self.rows.pop();
        }
        self.rows
    }

    pub(super) fn row(&mut self, row: Row<'a>) {
        self.rows.push(row);
    }

    /// A gap, unless there is one or nothing above it.
    pub(super) fn gap(&mut self) {
        if !matches!(self.rows.last(), None | Some(Row::Gap | Row::Rule)) {
            self.rows.push(Row::Gap);
        }
    }

    /// A rule, unless there is one or nothing above it.
    pub(super) fn rule(&mut self) {
        if matches!(self.rows.last(), Some(Row::Gap)) {
            self.rows.pop();
        }
        if !matches!(self.rows.last(), None | Some(Row::Rule)) {
            self.rows.push(Row::Rule);
        }
    }

    fn text(&mut self, text: String, bold: bool, size: Size) {
        self.rows.push(Row::Text(Line { text, bold, size }));
    }

    /// Lines from the left edge; an empty text is an empty line.
    pub(super) fn left(&mut self, text: &str) {
        self.indented(text, 0);
    }

    /// Lines that begin after `indent` blanks.
    pub(super) fn indented(&mut self, text: &str, indent: usize) {
        if text.is_empty() {
            self.text(String::new(), false, Size::Normal);
        }
        for line in wrap(text, self.columns.saturating_sub(indent).max(2)) {
            self.text(format!("{:indent$}{line}", ""), false, Size::Normal);
        }
    }

    /// Lines in the middle.
    pub(super) fn centred(&mut self, text: &str, bold: bool) {
        for line in wrap(text, self.columns) {
            let before = self.columns.saturating_sub(columns(&line)) / 2;
            self.text(format!("{:before$}{line}", ""), bold, Size::Normal);
        }
    }

    /// Large lines in the middle.
    pub(super) fn large(&mut self, text: &str) {
        if self.paper.one_size {
            return self.centred(text, true);
        }
        let half = self.columns / 2;
        for line in wrap(text, half) {
            let before = half.saturating_sub(columns(&line)) / 2;
            self.text(format!("{:before$}{line}", ""), true, Size::Double);
        }
    }

    /// A label at the left edge, a value at the right one; the value has lines of its own when it does not fit.
    pub(super) fn pair(&mut self, label: &str, value: &str) {
        self.pair_in(label, value, 0, false);
    }

    /// The same, after `indent` blanks, and bold or not. The label is broken into lines, the value stands in the last one; a value that
    /// leaves the label less than half of the width has lines of its own.
    pub(super) fn pair_in(&mut self, label: &str, value: &str, indent: usize, bold: bool) {
        let room = self.columns.saturating_sub(indent);
        let value_width = columns(value);
        let label_width = columns(label);
        let beside = label_width + 1 + value_width <= room || (value_width + 1) * 2 <= room;
        if !beside {
            for line in wrap(label, room.max(2)) {
                self.text(format!("{:indent$}{line}", ""), bold, Size::Normal);
            }
            for line in wrap(value, self.columns) {
                let before = self.columns.saturating_sub(columns(&line));
                self.text(format!("{:before$}{line}", ""), bold, Size::Normal);
            }
            return;
        }
        let mut lines = wrap(label, room.saturating_sub(value_width + 1).max(2));
        let last = lines.pop().unwrap_or_default();
        for line in lines {
            self.text(format!("{:indent$}{line}", ""), bold, Size::Normal);
        }
        let between = room.saturating_sub(columns(&last) + value_width);
        self.text(format!("{:indent$}{last}{:between$}{value}", "", ""), bold, Size::Normal);
    }

    /// A pair in double size when it fits, else bold.
    pub(super) fn large_pair(&mut self, label: &str, value: &str) {
        let half = self.columns / 2;
        let width = columns(label) + columns(value);
        if width < half && !self.paper.one_size {
            let between = half - width;
            self.text(format!("{label}{:between$}{value}", ""), true, Size::Double);
        } else {
            self.pair_in(label, value, 0, true);
        }
    }

    /// Cells of equal weight in one line, the first to the left and the others to the right; `None` when they do not fit.
    pub(super) fn cells(&mut self, cells: &[String], widths: &[usize]) -> Option<()> {
        let sum: usize = widths.iter().sum();
        let between = self.columns.checked_sub(sum)?.checked_div(widths.len().checked_sub(1)?)?;
        if between == 0 {
            return None;
        }
        let mut line = String::with_capacity(self.columns);
        // What the gaps do not share evenly goes into the first one.
        let mut rest = self.columns - sum - between * (widths.len() - 1);
        for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
            let pad = width.saturating_sub(columns(cell));
            if index == 0 {
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', pad));
            } else {
                line.extend(std::iter::repeat_n(' ', between + rest + pad));
                line.push_str(cell);
                rest = 0;
            }
        }
        self.text(line, false, Size::Normal);
        Some(())
    }
}
