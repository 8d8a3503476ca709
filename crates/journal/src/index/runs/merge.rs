//! Merging runs of one size class into one, a bounded step at a time, so that applying records never waits long.

use std::collections::VecDeque;

use super::super::Handle;
use super::super::IndexError;
use super::Entry;
use super::block::FILTER_PART_WORDS;
use super::run::{Run, RunWriter, Written};

/// Blocks read from an input at once.
const READ_BLOCKS: usize = 8;

struct Cursor {
    run: Run,
    read: VecDeque<Entry>,
    /// The last entry read: the next block begins behind it.
    after: Option<Entry>,
    ended: bool,
}

impl Cursor {
    fn front(&mut self, handle: &Handle) -> Result<Option<Entry>, IndexError> {
        if self.read.is_empty() && !self.ended {
            let read = self.run.blocks_after(handle, self.after.as_ref(), READ_BLOCKS)?;
            self.ended = read.is_empty();
            self.after = read.last().copied().or(self.after);
            self.read = read.into();
        }
        Ok(self.read.front().copied())
    }
}

/// A merge on its way.
pub(crate) struct Merge {
    inputs: Vec<Cursor>,
    writer: RunWriter,
}

impl Merge {
    /// Of `runs` into the new run `id`.
    pub(crate) fn new(runs: &[Run], id: u64, filter_bytes_max: u64) -> Self {
        let entries = runs.iter().fold(0_u64, |sum, run| sum.saturating_add(run.entries));
        let inputs =
            runs.iter().map(|run| Cursor { run: *run, read: VecDeque::new(), after: None, ended: false }).collect();
        Self { inputs, writer: RunWriter::new(id, entries, filter_bytes_max) }
    }

    pub(crate) fn inputs(&self) -> impl Iterator<Item = u64> + '_ {
        self.inputs.iter().map(|cursor| cursor.run.id)
    }

    /// Moves entries, at most `budget`, which is counted down; true when all are moved and the filter is written.
    pub(crate) fn step(&mut self, handle: &Handle, budget: &mut u64) -> Result<bool, IndexError> {
        while *budget > 0 {
            let mut least: Option<(usize, Entry)> = None;
            for (at, cursor) in self.inputs.iter_mut().enumerate() {
                if let Some(front) = cursor.front(handle)?
                    && least.is_none_or(|(_, least)| front < least)
                {
                    least = Some((at, front));
                }
            }
            let Some((at, entry)) = least else {
                if self.writer.end_some(handle)? {
                    return Ok(true);
                }
                *budget = budget.saturating_sub(FILTER_PART_WORDS as u64);
                continue;
            };
            if let Some(cursor) = self.inputs.get_mut(at) {
                cursor.read.pop_front();
            }
            self.writer.push(handle, entry)?;
            *budget = budget.saturating_sub(1);
        }
        Ok(false)
    }

    pub(crate) fn finish(self) -> Written {
        self.writer.written()
    }
}
