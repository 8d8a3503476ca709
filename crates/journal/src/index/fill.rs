//! Filling a store from the log, step by step.

use std::sync::Arc;

use super::indexer::{EntryScan, RebuildSource};
use super::{Index, IndexEntry, IndexError};

/// Entries applied, and entries read from the log, in one step; so that neither keeps the other waiting for long.
pub(super) const STEP_RECORDS: usize = 1_024;

/// A store and up to where this thread applied the log to it.
pub(super) struct Store {
    pub(super) index: Arc<dyn Index>,
    /// Number of the last record applied.
    pub(super) applied: u64,
    pub(super) persistent: bool,
}

/// A store that is being filled from the log.
pub(super) struct Fill {
    pub(super) store: Store,
    scan: Option<EntryScan>,
    /// Read from the scan but beyond what was to be applied.
    ahead: Option<IndexEntry>,
}

impl Fill {
    pub(super) fn new(store: Store) -> Self {
        Self { store, scan: None, ahead: None }
    }

    /// Reads and applies at most [`STEP_RECORDS`] records up to the number `target`.
    pub(super) fn step(
        &mut self,
        target: u64,
        source: &RebuildSource,
        apply_records_max: usize,
    ) -> Result<(), IndexError> {
        let mut read = 0;
        while read < STEP_RECORDS && self.store.applied < target {
            let mut entries = Vec::with_capacity(apply_records_max);
            let ended = self.read(&mut entries, apply_records_max, target, source)?;
            self.store.index.apply(&entries)?;
            if let Some(last) = entries.last() {
                self.store.applied = last.number;
            }
            if ended {
                // What is missing up to there is damaged in the log.
                self.store.applied = self.store.applied.max(target);
            }
            read = read.saturating_add(entries.len().max(1));
        }
        Ok(())
    }

    /// Reads the next entries up to `target`; true when there are no more of them.
    fn read(
        &mut self,
        entries: &mut Vec<IndexEntry>,
        limit: usize,
        target: u64,
        source: &RebuildSource,
    ) -> Result<bool, IndexError> {
        while entries.len() < limit {
            let next = match self.ahead.take() {
                Some(entry) => Some(entry),
                None => {
                    let newest = entries.last().map_or(self.store.applied, |entry| entry.number);
                    let begun = self.scan.is_some();
                    let scan = self.scan.get_or_insert_with(|| source.log.scan(newest.saturating_add(1)));
                    match scan.next() {
                        Some(entry) => Some(entry.map_err(IndexError)?),
                        None if begun && newest < target => {
                            // It ended where the log ended when it began; a new one sees what came since.
                            self.scan = None;
                            if entries.is_empty() { continue } else { return Ok(false) }
                        }
                        None => None,
                    }
                }
            };
            match next {
                Some(entry) if entry.number > target => {
                    self.ahead = Some(entry);
                    return Ok(true);
                }
                Some(entry) => entries.push(entry),
                None => {
                    self.scan = None;
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}
