//! Finding records again: derived from the log, rebuildable at any time.
//!
//! Purpose: from an operation id, a row, a receipt reference or a queue to the position of a record.
//! Owns: the [`Index`] trait with its contract suite, the stores ([`SledIndex`], [`MemoryIndex`]), the [`Indexer`] thread that
//! fills them behind the hot path and keeps the part that is not yet applied in memory.
//! Invariants: what is durable in the log is found, whether applied or not; a store never says "absent" for a record below its
//! checkpoint; losing a store costs time, never data.
//! Not here: the log itself, reading of frames.

use kassette_model::{CashBoxId, OperationId, QueueId};
use kassette_record::Hash;

use crate::Position;

mod fill;
mod indexer;
mod memory;
mod runs;
mod sled_bytes;
mod sled_store;
mod tail;
mod worker;

#[cfg(test)]
mod contract;
#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod measure;
#[cfg(test)]
mod model_tests;

pub use indexer::{
    EntryScan, FreshIndex, IndexBusy, IndexState, Indexer, IndexerOptions, LogSource, Pressure, RebuildSource,
};
pub use memory::MemoryIndex;
pub use sled_store::{SledIndex, SledOptions};

/// Every how many rows of a cash box a store keeps a (row → position), besides the head: finding any row takes at most this
/// many steps back along the chain of the cash box.
pub const ANCHOR_ROWS: u64 = 64;

/// What the index keeps of one record; made by the writer after the record is durable.
#[derive(Debug, Clone)]
pub struct IndexEntry {
    /// Whose record.
    pub cash_box: CashBoxId,
    /// Journal row.
    pub row: u64,
    /// Hash of the record.
    pub hash: Hash,
    /// Where it lies.
    pub position: Position,
    /// Number of the record in the whole log, from 1.
    pub number: u64,
    /// Operation answered by it.
    pub operation: Option<OperationId>,
    /// Receipt reference key.
    pub reference_key: Option<u64>,
    /// Configuration set by it.
    pub configured: Option<(QueueId, Vec<u8>)>,
    /// Whether the cash box has operations then that were accepted and have not ended.
    pub unfinished: bool,
}

/// Up to where the log is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// Number of the last applied record.
    pub number: u64,
    /// Position of that record.
    pub position: Position,
    /// Hash of that record; an index of another log does not fit.
    pub hash: Hash,
}

/// Last record of a cash box as the index knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadEntry {
    /// Row.
    pub row: u64,
    /// Hash.
    pub hash: Hash,
    /// Position.
    pub position: Position,
}

/// The index cannot be used any more (closed, damaged, device full): close and rebuild it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("index: {0}")]
pub struct IndexError(pub String);

impl From<String> for IndexError {
    fn from(reason: String) -> Self {
        Self(reason)
    }
}

/// The open sled store of the index.
type Handle = crate::sled_files::Handle<IndexError>;

/// A store of look-up keys. Every answer is a hint that the caller checks against the record itself.
pub trait Index: Send + Sync + 'static {
    /// Applies entries in order of their numbers. May be done in several steps in that order, each atomic together with the
    /// checkpoint up to which it goes. Applying entries again that were applied before is allowed.
    ///
    /// # Errors
    /// When the store failed; it must not be used again.
    fn apply(&self, entries: &[IndexEntry]) -> Result<(), IndexError>;

    /// Up to where entries were applied.
    ///
    /// # Errors
    /// When the store failed.
    fn checkpoint(&self) -> Result<Option<Checkpoint>, IndexError>;

    /// The last record that the store was ever told of, which is durable in the log for certain. Not below the checkpoint; above
    /// it when the store kept back what it was told and was stopped.
    ///
    /// # Errors
    /// When the store failed.
    fn told(&self) -> Result<Option<Checkpoint>, IndexError> {
        self.checkpoint()
    }

    /// Newest record of an operation.
    ///
    /// # Errors
    /// When the store failed.
    fn operation(&self, cash_box: CashBoxId, operation: OperationId) -> Result<Option<Position>, IndexError>;

    /// A known record of the cash box at or after `row`, the nearest one.
    ///
    /// # Errors
    /// When the store failed.
    fn anchor(&self, cash_box: CashBoxId, row: u64) -> Result<Option<(u64, Position)>, IndexError>;

    /// Positions of sign records by reference key, newest first, at most `limit`.
    ///
    /// # Errors
    /// When the store failed.
    fn receipts(&self, cash_box: CashBoxId, reference_key: u64, limit: usize) -> Result<Vec<Position>, IndexError>;

    /// Last record of a cash box.
    ///
    /// # Errors
    /// When the store failed.
    fn head(&self, cash_box: CashBoxId) -> Result<Option<HeadEntry>, IndexError>;

    /// Configuration in force.
    ///
    /// # Errors
    /// When the store failed.
    fn configuration(&self, cash_box: CashBoxId) -> Result<Option<Vec<u8>>, IndexError>;

    /// Cash box of a queue.
    ///
    /// # Errors
    /// When the store failed.
    fn cash_box_of(&self, queue: QueueId) -> Result<Option<CashBoxId>, IndexError>;

    /// Cash boxes after `after` in order of their bytes.
    ///
    /// # Errors
    /// When the store failed.
    fn cash_boxes(&self, after: Option<CashBoxId>, limit: usize) -> Result<Vec<CashBoxId>, IndexError>;

    /// Cash boxes after `after`, in order of their bytes, whose last record leaves operations that have not ended.
    ///
    /// # Errors
    /// When the store failed.
    fn unfinished(&self, after: Option<CashBoxId>, limit: usize) -> Result<Vec<CashBoxId>, IndexError>;

    /// Makes what was applied last over a restart as far as the store can.
    ///
    /// # Errors
    /// When the store failed.
    fn flush(&self) -> Result<(), IndexError>;

    /// Number of the first record that must be applied again after opening. Not above `checkpoint + 1`; lower when the store
    /// kept something back or may have lost something (an unclean stop). Applying records again changes nothing.
    ///
    /// # Errors
    /// When the store failed.
    fn replay_first(&self) -> Result<u64, IndexError> {
        Ok(self.checkpoint()?.map_or(1, |checkpoint| checkpoint.number.saturating_add(1)))
    }

    /// Orderly end: everything applied is written, and the next opening need not replay. Nothing may be applied afterwards.
    ///
    /// # Errors
    /// When the store failed; the next opening then replays.
    fn close(&self) -> Result<(), IndexError> {
        self.flush()
    }
}
