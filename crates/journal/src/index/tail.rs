//! Entries that are durable in the log but not yet applied to the store, findable at once.
//!
//! Split by cash box into shards with a lock each, so that readers hardly ever wait for the writer of the log.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;

use kassette_model::{CashBoxId, OperationId, QueueId};
use parking_lot::RwLock;

use super::{HeadEntry, IndexEntry};
use crate::Position;

/// Number of shards; a power of two.
const SHARDS: usize = 16;

/// The part of the index that is not yet applied.
#[derive(Debug)]
pub(super) struct Tail {
    shards: [RwLock<Shard>; SHARDS],
    registry: RwLock<Registry>,
}

#[derive(Debug, Default)]
struct Shard {
    /// Rows of each cash box that has any, ascending.
    rows: HashMap<CashBoxId, VecDeque<TailRow>>,
    /// Newest record of an operation, with its number.
    operations: HashMap<(CashBoxId, OperationId), (u64, Position)>,
    /// Sign records by reference key, oldest first.
    receipts: HashMap<(CashBoxId, u64), VecDeque<(u64, Position)>>,
}

#[derive(Debug, Clone, Copy)]
struct TailRow {
    number: u64,
    head: HeadEntry,
    unfinished: bool,
}

#[derive(Debug, Default)]
struct Registry {
    configurations: BTreeMap<CashBoxId, (u64, Vec<u8>)>,
    queues: HashMap<QueueId, (u64, CashBoxId)>,
}

impl Tail {
    pub(super) fn new() -> Self {
        Self { shards: std::array::from_fn(|_| RwLock::default()), registry: RwLock::default() }
    }

    fn shard(&self, cash_box: CashBoxId) -> &RwLock<Shard> {
        let folded = cash_box.bytes().iter().fold(0_u8, |sum, byte| sum ^ byte);
        let folded = usize::from(folded ^ (folded >> 4)) % SHARDS;
        #[expect(clippy::indexing_slicing, reason = "the remainder is below the number of shards")]
        &self.shards[folded]
    }

    /// Makes an entry findable.
    pub(super) fn insert(&self, entry: &IndexEntry) {
        if let Some((queue, configuration)) = &entry.configured {
            let mut registry = self.registry.write();
            registry.configurations.insert(entry.cash_box, (entry.number, configuration.clone()));
            registry.queues.insert(*queue, (entry.number, entry.cash_box));
        }
        let head = HeadEntry { row: entry.row, hash: entry.hash, position: entry.position };
        let mut shard = self.shard(entry.cash_box).write();
        if let Some(operation) = entry.operation {
            shard.operations.insert((entry.cash_box, operation), (entry.number, entry.position));
        }
        if let Some(key) = entry.reference_key {
            shard.receipts.entry((entry.cash_box, key)).or_default().push_back((entry.number, entry.position));
        }
        shard.rows.entry(entry.cash_box).or_default().push_back(TailRow {
            number: entry.number,
            head,
            unfinished: entry.unfinished,
        });
    }

    /// Forgets an entry that the store has now, or that may be answered as busy. Entries go in the order they came.
    pub(super) fn remove(&self, entry: &IndexEntry) {
        let mut shard = self.shard(entry.cash_box).write();
        if let Some(rows) = shard.rows.get_mut(&entry.cash_box) {
            while rows.front().is_some_and(|row| row.number <= entry.number) {
                rows.pop_front();
            }
            if rows.is_empty() {
                shard.rows.remove(&entry.cash_box);
            }
        }
        if let Some(operation) = entry.operation {
            let key = (entry.cash_box, operation);
            if shard.operations.get(&key).is_some_and(|(number, _)| *number <= entry.number) {
                shard.operations.remove(&key);
            }
        }
        if let Some(reference_key) = entry.reference_key {
            let key = (entry.cash_box, reference_key);
            if let Some(receipts) = shard.receipts.get_mut(&key) {
                while receipts.front().is_some_and(|(number, _)| *number <= entry.number) {
                    receipts.pop_front();
                }
                if receipts.is_empty() {
                    shard.receipts.remove(&key);
                }
            }
        }
        drop(shard);
        if let Some((queue, _)) = &entry.configured {
            let mut registry = self.registry.write();
            if registry.configurations.get(&entry.cash_box).is_some_and(|(number, _)| *number <= entry.number) {
                registry.configurations.remove(&entry.cash_box);
            }
            if registry.queues.get(queue).is_some_and(|(number, _)| *number <= entry.number) {
                registry.queues.remove(queue);
            }
        }
    }

    pub(super) fn operation(&self, cash_box: CashBoxId, operation: OperationId) -> Option<Position> {
        self.shard(cash_box).read().operations.get(&(cash_box, operation)).map(|(_, position)| *position)
    }

    /// The first row at or after `row`.
    pub(super) fn anchor(&self, cash_box: CashBoxId, row: u64) -> Option<(u64, Position)> {
        let shard = self.shard(cash_box).read();
        let rows = shard.rows.get(&cash_box)?;
        let at = rows.partition_point(|known| known.head.row < row);
        rows.get(at).map(|known| (known.head.row, known.head.position))
    }

    /// Newest first.
    pub(super) fn receipts(&self, cash_box: CashBoxId, reference_key: u64, limit: usize) -> Vec<Position> {
        let shard = self.shard(cash_box).read();
        let Some(receipts) = shard.receipts.get(&(cash_box, reference_key)) else { return Vec::new() };
        receipts.iter().rev().take(limit).map(|(_, position)| *position).collect()
    }

    pub(super) fn head(&self, cash_box: CashBoxId) -> Option<HeadEntry> {
        self.shard(cash_box).read().rows.get(&cash_box).and_then(|rows| rows.back()).map(|row| row.head)
    }

    /// Of the cash boxes here, whether they have operations that have not ended.
    pub(super) fn unfinished(&self) -> BTreeMap<CashBoxId, bool> {
        let mut found = BTreeMap::new();
        for shard in &self.shards {
            let shard = shard.read();
            found.extend(shard.rows.iter().filter_map(|(id, rows)| Some((*id, rows.back()?.unfinished))));
        }
        found
    }

    pub(super) fn configuration(&self, cash_box: CashBoxId) -> Option<Vec<u8>> {
        self.registry.read().configurations.get(&cash_box).map(|(_, configuration)| configuration.clone())
    }

    pub(super) fn cash_box_of(&self, queue: QueueId) -> Option<CashBoxId> {
        self.registry.read().queues.get(&queue).map(|(_, cash_box)| *cash_box)
    }

    pub(super) fn cash_boxes(&self, after: Option<CashBoxId>, limit: usize) -> Vec<CashBoxId> {
        let first = after.map_or(Bound::Unbounded, Bound::Excluded);
        let registry = self.registry.read();
        registry.configurations.range((first, Bound::Unbounded)).take(limit).map(|(id, _)| *id).collect()
    }
}
