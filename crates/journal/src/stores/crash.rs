//! An index that can be left behind as a crash leaves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kassette_model::{CashBoxId, OperationId, QueueId};

use crate::Position;
use crate::index::{Checkpoint, HeadEntry, Index, IndexEntry, IndexError};

/// Passes everything on until the journal is abandoned; from then on nothing is written any more: no records, no heads, and no
/// mark of an orderly close.
pub(super) struct CrashIndex {
    index: Box<dyn Index>,
    crashed: Arc<AtomicBool>,
}

impl CrashIndex {
    /// `crashed` is set by whoever abandons the journal.
    pub(super) fn wrap(index: Box<dyn Index>, crashed: &Arc<AtomicBool>) -> Box<dyn Index> {
        Box::new(Self { index, crashed: Arc::clone(crashed) })
    }

    fn write(&self, call: impl FnOnce(&dyn Index) -> Result<(), IndexError>) -> Result<(), IndexError> {
        if self.crashed.load(Ordering::Acquire) { Ok(()) } else { call(&*self.index) }
    }
}

impl Index for CrashIndex {
    fn apply(&self, entries: &[IndexEntry]) -> Result<(), IndexError> {
        self.write(|index| index.apply(entries))
    }

    fn checkpoint(&self) -> Result<Option<Checkpoint>, IndexError> {
        self.index.checkpoint()
    }

    fn told(&self) -> Result<Option<Checkpoint>, IndexError> {
        self.index.told()
    }

    fn operation(&self, cash_box: CashBoxId, operation: OperationId) -> Result<Option<Position>, IndexError> {
        self.index.operation(cash_box, operation)
    }

    fn anchor(&self, cash_box: CashBoxId, row: u64) -> Result<Option<(u64, Position)>, IndexError> {
        self.index.anchor(cash_box, row)
    }

    fn receipts(&self, cash_box: CashBoxId, reference_key: u64, limit: usize) -> Result<Vec<Position>, IndexError> {
        self.index.receipts(cash_box, reference_key, limit)
    }

    fn head(&self, cash_box: CashBoxId) -> Result<Option<HeadEntry>, IndexError> {
        self.index.head(cash_box)
    }

    fn configuration(&self, cash_box: CashBoxId) -> Result<Option<Vec<u8>>, IndexError> {
        self.index.configuration(cash_box)
    }

    fn cash_box_of(&self, queue: QueueId) -> Result<Option<CashBoxId>, IndexError> {
        self.index.cash_box_of(queue)
    }

    fn cash_boxes(&self, after: Option<CashBoxId>, limit: usize) -> Result<Vec<CashBoxId>, IndexError> {
        self.index.cash_boxes(after, limit)
    }

    fn unfinished(&self, after: Option<CashBoxId>, limit: usize) -> Result<Vec<CashBoxId>, IndexError> {
        self.index.unfinished(after, limit)
    }

    fn flush(&self) -> Result<(), IndexError> {
        self.write(|index| index.flush())
    }

    fn replay_first(&self) -> Result<u64, IndexError> {
        self.index.replay_first()
    }

    fn close(&self) -> Result<(), IndexError> {
        self.write(|index| index.close())
    }
}
