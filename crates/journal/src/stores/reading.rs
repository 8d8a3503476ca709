//! Finding rows of one cash box in the log: from an anchor of the index backwards along the links.

use std::sync::Arc;

use kassette_model::CashBoxId;
use kassette_record::SealedRecord;

use crate::index::Indexer;
use crate::log::files::{LogFiles, ReadFrame};
use crate::log::state::LogState;
use crate::{Damage, JournalError, Position};

/// Rows fetched together by a stream.
pub(super) const STREAM_BLOCK_ROWS: u64 = 64;
/// Bytes of records that a stream keeps while it looks for the start of a block; further ones are read a second time.
pub(super) const STREAM_KEEP_BYTES: usize = 1024 * 1024;

/// Reads records through the index. Cheap to clone; holds no lock between two calls.
#[derive(Clone)]
pub(super) struct Reading {
    pub(super) files: Arc<LogFiles>,
    pub(super) indexer: Arc<Indexer>,
    pub(super) state: Arc<LogState>,
}

impl Reading {
    /// The record at a position that the index gave for `cash_box`. What cannot be read there is damage of that cash box.
    pub(super) fn at(
        &self,
        cash_box: CashBoxId,
        row: Option<u64>,
        position: Position,
    ) -> Result<ReadFrame, JournalError> {
        self.look_at(cash_box, row, position).inspect_err(|error| {
            if let JournalError::Damaged(damage) = error {
                self.state.add_damage(damage.clone());
            }
        })
    }

    /// The record at a position that somebody kept beside the log. What cannot be read there need not be damage of the log: the
    /// index tells, whose word alone can refuse a cash box.
    pub(super) fn at_or_row(
        &self,
        cash_box: CashBoxId,
        row: u64,
        position: Position,
    ) -> Result<SealedRecord, JournalError> {
        let damage = match self.look_at(cash_box, Some(row), position) {
            Err(JournalError::Damaged(damage)) => damage,
            other => return other.map(|read| read.record),
        };
        let found = self.row(cash_box, row)?;
        if found.is_some() {
            tracing::warn!(%damage, "a record lies elsewhere than it was looked for");
        }
        found.ok_or(JournalError::Damaged(damage))
    }

    fn look_at(&self, cash_box: CashBoxId, row: Option<u64>, position: Position) -> Result<ReadFrame, JournalError> {
        let damage = |reason: String| Damage {
            segment: position.segment,
            offset: position.offset,
            cash_box: Some(cash_box),
            row,
            reason,
        };
        let read = match self.files.read(position) {
            Err(JournalError::Damaged(found)) => Err(damage(found.reason)),
            Ok(read) if read.record.cash_box != cash_box => {
                Err(damage(format!("a record of cash box {} stands here", read.record.cash_box)))
            }
            Ok(read) if row.is_some_and(|row| row != read.record.row) => {
                Err(damage(format!("row {} stands here", read.record.row)))
            }
            other => return other,
        };
        read.map_err(JournalError::Damaged)
    }

    /// Walks back from the nearest anchor at or after `last` down to `first`; `visit` gets every record from `last` down.
    /// `false` when the cash box has no record at or after `last`.
    fn walk(
        &self,
        cash_box: CashBoxId,
        first: u64,
        last: u64,
        visit: &mut dyn FnMut(ReadFrame, Position),
    ) -> Result<bool, JournalError> {
        let Some((row, position)) = self.indexer.anchor(cash_box, last)? else { return Ok(false) };
        let mut at = Some((row, position));
        while let Some((row, position)) = at.filter(|(row, _)| *row >= first) {
            let read = self.at(cash_box, Some(row), position)?;
            at = read.previous.map(|previous| (row.saturating_sub(1), previous));
            if row <= last {
                visit(read, position);
            }
        }
        Ok(true)
    }

    #[cfg(test)]
    #[allow(clippy::unwrap_used, reason = "a test may stop")]
    pub(super) fn position_of(&self, cash_box: CashBoxId, row: u64) -> Position {
        let mut found = None;
        self.walk(cash_box, row, row, &mut |_, position| found = Some(position)).unwrap();
        found.unwrap()
    }

    /// The record at a row.
    pub(super) fn row(&self, cash_box: CashBoxId, row: u64) -> Result<Option<SealedRecord>, JournalError> {
        let mut found = None;
        if row > 0 {
            self.walk(cash_box, row, row, &mut |read, _| found = Some(read.record))?;
        }
        Ok(found)
    }
}

/// Rows of one cash box in order, read in blocks.
pub(super) struct Rows {
    pub(super) reading: Reading,
    pub(super) cash_box: CashBoxId,
    pub(super) next: u64,
    pub(super) last: u64,
    /// The block at hand, last row first.
    block: Vec<(u64, Position, Option<SealedRecord>)>,
    failed: bool,
}

impl Rows {
    pub(super) fn new(reading: Reading, cash_box: CashBoxId, first: u64, last: u64) -> Self {
        Self { reading, cash_box, next: first.max(1), last, block: Vec::new(), failed: false }
    }

    fn fill(&mut self) -> Result<(), JournalError> {
        let end = self.next.saturating_add(STREAM_BLOCK_ROWS - 1).min(self.last);
        let mut kept_bytes = 0_usize;
        let block = &mut self.block;
        self.reading.walk(self.cash_box, self.next, end, &mut |read, position| {
            let bytes = read.record.header.len().saturating_add(read.record.bodies.len());
            kept_bytes = kept_bytes.saturating_add(bytes);
            let row = read.record.row;
            block.push((row, position, (kept_bytes <= STREAM_KEEP_BYTES).then_some(read.record)));
        })?;
        Ok(())
    }

    fn step(&mut self) -> Result<Option<SealedRecord>, JournalError> {
        if self.next > self.last {
            return Ok(None);
        }
        if self.block.is_empty() {
            self.fill()?;
        }
        let Some((row, position, record)) = self.block.pop() else {
            return Err(JournalError::Damaged(Damage {
                segment: 0,
                offset: 0,
                cash_box: Some(self.cash_box),
                row: Some(self.next),
                reason: "the index does not know this row".to_owned(),
            }));
        };
        self.next = row.saturating_add(1);
        match record {
            Some(record) => Ok(Some(record)),
            None => Ok(Some(self.reading.at(self.cash_box, Some(row), position)?.record)),
        }
    }
}

impl Iterator for Rows {
    type Item = Result<SealedRecord, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let step = self.step().transpose();
        self.failed = matches!(step, Some(Err(_)));
        step
    }
}
