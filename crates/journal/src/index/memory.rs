//! The index in memory: for tests, and for the time in which the persistent one is out of order.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use kassette_model::{CashBoxId, OperationId, QueueId};
use parking_lot::RwLock;

use super::runs::{Entry, operation_key, receipt_key};
use super::{ANCHOR_ROWS, Checkpoint, HeadEntry, Index, IndexEntry, IndexError};
use crate::Position;

/// Keeps everything in memory: about 50 bytes for a record with an operation, 40 more for a sign record.
#[derive(Debug, Default)]
pub struct MemoryIndex {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    checkpoint: Option<Checkpoint>,
    boxes: HashMap<CashBoxId, BoxEntry>,
    /// The cash box by its short number, so that a key has 20 bytes instead of 32.
    operations: HashMap<(u32, OperationId), Position>,
    /// Reference key, cash box, row.
    receipts: BTreeMap<(u64, u32, u64), Position>,
    configurations: BTreeMap<CashBoxId, Vec<u8>>,
    queues: BTreeMap<QueueId, CashBoxId>,
}

#[derive(Debug)]
struct BoxEntry {
    short: u32,
    head: HeadEntry,
    /// Every [`ANCHOR_ROWS`]th row, ascending.
    anchors: Vec<(u64, Position)>,
    unfinished: bool,
}

impl Inner {
    fn apply(&mut self, entry: &IndexEntry) -> Result<(), IndexError> {
        let next = u32::try_from(self.boxes.len()).map_err(|_| IndexError("more than 2^32 cash boxes".to_owned()))?;
        let head = HeadEntry { row: entry.row, hash: entry.hash, position: entry.position };
        let known = self.boxes.entry(entry.cash_box).or_insert_with(|| BoxEntry {
            short: next,
            head,
            anchors: Vec::new(),
            unfinished: false,
        });
        known.head = head;
        known.unfinished = entry.unfinished;
        if entry.row.is_multiple_of(ANCHOR_ROWS) {
            match known.anchors.binary_search_by_key(&entry.row, |(row, _)| *row) {
                Ok(at) => {
                    if let Some(anchor) = known.anchors.get_mut(at) {
                        anchor.1 = entry.position;
                    }
                }
                Err(at) => known.anchors.insert(at, (entry.row, entry.position)),
            }
        }
        let short = known.short;
        if let Some(operation) = entry.operation {
            self.operations.insert((short, operation), entry.position);
        }
        if let Some(key) = entry.reference_key {
            self.receipts.insert((key, short, entry.row), entry.position);
        }
        if let Some((queue, configuration)) = &entry.configured {
            self.configurations.insert(entry.cash_box, configuration.clone());
            self.queues.insert(*queue, entry.cash_box);
        }
        self.checkpoint = Some(Checkpoint { number: entry.number, position: entry.position, hash: entry.hash });
        Ok(())
    }
}

/// The cash boxes after `after` that are set.
pub(super) fn those_set(all: &BTreeMap<CashBoxId, bool>, after: Option<CashBoxId>, limit: usize) -> Vec<CashBoxId> {
    let first = after.map_or(Bound::Unbounded, Bound::Excluded);
    all.range((first, Bound::Unbounded)).filter(|(_, set)| **set).take(limit).map(|(id, _)| *id).collect()
}

/// Everything in a [`MemoryIndex`], as a persistent store keeps it.
pub(super) struct Contents {
    /// Operations and receipt references, ascending.
    pub(super) entries: Vec<Entry>,
    pub(super) heads: Vec<(CashBoxId, HeadEntry)>,
    pub(super) anchors: Vec<(CashBoxId, u64, Position)>,
    pub(super) configurations: BTreeMap<CashBoxId, Vec<u8>>,
    pub(super) queues: BTreeMap<QueueId, CashBoxId>,
    /// Of every cash box, whether it has operations that have not ended.
    pub(super) unfinished: BTreeMap<CashBoxId, bool>,
}

impl MemoryIndex {
    /// Of every cash box, whether it has operations that have not ended.
    pub(super) fn unfinished_boxes(&self) -> BTreeMap<CashBoxId, bool> {
        self.inner.read().boxes.iter().map(|(id, known)| (*id, known.unfinished)).collect()
    }

    pub(super) fn contents(&self) -> Contents {
        let inner = self.inner.read();
        let by_short: HashMap<u32, CashBoxId> = inner.boxes.iter().map(|(id, known)| (known.short, *id)).collect();
        let operations = inner.operations.iter().filter_map(|((short, operation), position)| {
            Some(Entry { key: operation_key(*by_short.get(short)?, *operation), position: *position })
        });
        let receipts = inner.receipts.iter().map(|((reference_key, _, row), position)| Entry {
            key: receipt_key(*reference_key, *row),
            position: *position,
        });
        let mut entries: Vec<Entry> = operations.chain(receipts).collect();
        entries.sort_unstable();
        let anchors = inner
            .boxes
            .iter()
            .flat_map(|(id, known)| known.anchors.iter().map(|(row, position)| (*id, *row, *position)));
        Contents {
            entries,
            heads: inner.boxes.iter().map(|(id, known)| (*id, known.head)).collect(),
            anchors: anchors.collect(),
            configurations: inner.configurations.clone(),
            queues: inner.queues.clone(),
            unfinished: inner.boxes.iter().map(|(id, known)| (*id, known.unfinished)).collect(),
        }
    }

    pub(super) fn clear(&self) {
        *self.inner.write() = Inner::default();
    }
}

impl Index for MemoryIndex {
    fn apply(&self, entries: &[IndexEntry]) -> Result<(), IndexError> {
        let mut inner = self.inner.write();
        entries.iter().try_for_each(|entry| inner.apply(entry))
    }

    fn checkpoint(&self) -> Result<Option<Checkpoint>, IndexError> {
        Ok(self.inner.read().checkpoint)
    }

    fn operation(&self, cash_box: CashBoxId, operation: OperationId) -> Result<Option<Position>, IndexError> {
        let inner = self.inner.read();
        let short = inner.boxes.get(&cash_box).map(|known| known.short);
        Ok(short.and_then(|short| inner.operations.get(&(short, operation)).copied()))
    }

    fn anchor(&self, cash_box: CashBoxId, row: u64) -> Result<Option<(u64, Position)>, IndexError> {
        let inner = self.inner.read();
        let Some(known) = inner.boxes.get(&cash_box) else { return Ok(None) };
        let at = known.anchors.partition_point(|(anchor, _)| *anchor < row);
        let head = (known.head.row >= row).then_some((known.head.row, known.head.position));
        Ok(known.anchors.get(at).copied().or(head))
    }

    fn receipts(&self, cash_box: CashBoxId, reference_key: u64, limit: usize) -> Result<Vec<Position>, IndexError> {
        let inner = self.inner.read();
        let Some(known) = inner.boxes.get(&cash_box) else { return Ok(Vec::new()) };
        let rows = (reference_key, known.short, 0)..=(reference_key, known.short, u64::MAX);
        Ok(inner.receipts.range(rows).rev().take(limit).map(|(_, position)| *position).collect())
    }

    fn head(&self, cash_box: CashBoxId) -> Result<Option<HeadEntry>, IndexError> {
        Ok(self.inner.read().boxes.get(&cash_box).map(|known| known.head))
    }

    fn configuration(&self, cash_box: CashBoxId) -> Result<Option<Vec<u8>>, IndexError> {
        Ok(self.inner.read().configurations.get(&cash_box).cloned())
    }

    fn cash_box_of(&self, queue: QueueId) -> Result<Option<CashBoxId>, IndexError> {
        Ok(self.inner.read().queues.get(&queue).copied())
    }

    fn cash_boxes(&self, after: Option<CashBoxId>, limit: usize) -> Result<Vec<CashBoxId>, IndexError> {
        let first = after.map_or(Bound::Unbounded, Bound::Excluded);
        let inner = self.inner.read();
        Ok(inner.configurations.range((first, Bound::Unbounded)).take(limit).map(|(id, _)| *id).collect())
    }

    fn unfinished(&self, after: Option<CashBoxId>, limit: usize) -> Result<Vec<CashBoxId>, IndexError> {
        Ok(those_set(&self.unfinished_boxes(), after, limit))
    }

    fn flush(&self) -> Result<(), IndexError> {
        Ok(())
    }
}
