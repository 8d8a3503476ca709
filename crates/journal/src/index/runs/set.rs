//! All runs of a store: the list of them, look-ups over all, and when they are merged.

use std::collections::VecDeque;

use fastbloom::BloomFilter;
use parking_lot::{Mutex, RwLock};
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::Handle;
use super::super::IndexError;
use super::block::{FIRST, LIST_KEY, block_key, run_of};
use super::merge::Merge;
use super::run::{Run, RunWriter, Written};
use super::{Entry, filter_hash};

/// Runs of one size class above which they are merged.
const MERGED_RUNS: usize = 4;
/// Entries that may be moved by merges for each record applied: twice what a store of a billion records needs, when runs are full.
const MOVED_PER_RECORD: u64 = 32;
/// Entries that may be moved in each step in any case: with little to do runs are small, and merging them again costs more for each.
const MOVED_AT_LEAST: u64 = 4_096;
/// Batches of keys removed in one step: a written run and its share of the merges leave fewer.
const REMOVED_BATCHES: usize = 16;

struct Listed {
    run: Run,
    /// `None` when filters take `filter_bytes_max` already: the run is then always looked into.
    filter: Option<BloomFilter>,
}

#[derive(Default)]
struct Background {
    next_id: u64,
    merges: Vec<Merge>,
    /// Runs that were merged away and are still in sled.
    removed: VecDeque<u64>,
}

/// The runs of one store. Look-ups from any thread; everything else from one.
pub(crate) struct RunSet {
    listed: RwLock<Vec<Listed>>,
    background: Mutex<Background>,
    /// Number of the last record whose keys are in the runs; stands in the list.
    covers: AtomicU64,
    filter_bytes_max: u64,
}

impl RunSet {
    /// Reads the list. Runs that nobody lists are removed: a stop came before they were whole, or before they were gone.
    ///
    /// # Errors
    /// When sled fails, when the list is not the one that belongs to the checkpoint `covers`, or, with `check`, when a run is not
    /// as the list says.
    pub(crate) fn open(handle: &Handle, filter_bytes_max: u64, covers: u64, check: bool) -> Result<Self, IndexError> {
        let list = handle.run("read the list of runs", |db| db.get(LIST_KEY))?;
        let list = list.as_deref().unwrap_or(&[0; 8]);
        let Some((number, list)) = list.split_first_chunk::<8>() else {
            return Err(handle.fail("the list of runs is malformed"));
        };
        if u64::from_be_bytes(*number) != covers {
            return Err(handle.fail("the list of runs is not the one of the checkpoint"));
        }
        if !list.len().is_multiple_of(Run::BYTES) {
            return Err(handle.fail("the list of runs is malformed"));
        }
        let runs: Option<Vec<Run>> = list.chunks_exact(Run::BYTES).map(Run::from_bytes).collect();
        let mut runs = runs.ok_or_else(|| handle.fail("the list of runs is malformed"))?;
        // The small ones first: they are met most often for their size.
        runs.sort_unstable_by_key(|run| run.entries);
        let set = Self {
            listed: RwLock::default(),
            background: Mutex::default(),
            covers: AtomicU64::new(covers),
            filter_bytes_max,
        };
        for run in &runs {
            if check && !run.is_whole(handle)? {
                return Err(handle.fail(&format!("run {} of the index is not whole", run.id)));
            }
            let filter = if set.has_room_for(run) { run.filter(handle)? } else { None };
            set.listed.write().push(Listed { run: *run, filter });
        }
        let mut next = 0;
        let (mut next_id, mut removed) = (0, VecDeque::new());
        while let Some(id) = first_from(handle, next)? {
            if runs.iter().all(|run| run.id != id) {
                removed.push_back(id);
            }
            next_id = id.saturating_add(1);
            next = next_id;
        }
        let listed_next = runs.iter().map(|run| run.id.saturating_add(1)).max().unwrap_or(0);
        *set.background.lock() = Background { next_id: next_id.max(listed_next), merges: Vec::new(), removed };
        Ok(set)
    }

    fn has_room_for(&self, run: &Run) -> bool {
        let used: u64 = self
            .listed
            .read()
            .iter()
            .filter(|listed| listed.filter.is_some())
            .fold(0, |sum, listed| sum.saturating_add(u64::from(listed.run.filter_words)));
        used.saturating_add(u64::from(run.filter_words)).saturating_mul(8) <= self.filter_bytes_max
    }

    /// Number of the run to write next.
    pub(crate) fn next_id(&self) -> u64 {
        let mut background = self.background.lock();
        let id = background.next_id;
        background.next_id = id.saturating_add(1);
        id
    }

    /// A writer for a run of at most `entries_max` entries.
    pub(crate) fn writer(&self, entries_max: u64) -> RunWriter {
        RunWriter::new(self.next_id(), entries_max, self.filter_bytes_max)
    }

    /// The list with `new` and without `gone`, as it is to be written: the number of the last record that it covers, the runs.
    pub(crate) fn list_with(&self, covers: u64, new: Option<&Run>, gone: &[u64]) -> Vec<u8> {
        let listed = self.listed.read();
        let kept = listed.iter().map(|listed| listed.run).filter(|run| !gone.contains(&run.id));
        let runs = kept.chain(new.copied()).flat_map(Run::to_bytes);
        covers.to_be_bytes().into_iter().chain(runs).collect()
    }

    /// The list was written with this number.
    pub(crate) fn set_covers(&self, covers: u64) {
        self.covers.store(covers, Ordering::Release);
    }

    /// The list on disk has changed: look-ups see the new run, and the old ones no longer.
    pub(crate) fn replace(&self, (run, filter): Written, gone: &[u64]) {
        let mut listed = self.listed.write();
        listed.retain(|listed| !gone.contains(&listed.run.id));
        listed.push(Listed { run, filter });
        drop(listed);
        self.bound_filters();
    }

    fn bound_filters(&self) {
        let mut listed = self.listed.write();
        listed.sort_unstable_by_key(|listed| listed.run.entries);
        let mut bytes = 0_u64;
        for listed in listed.iter_mut() {
            bytes = bytes.saturating_add(u64::from(listed.run.filter_words).saturating_mul(8));
            if bytes > self.filter_bytes_max {
                listed.filter = None;
            }
        }
    }

    /// Entries from `first` to `last` whose keys differ in the row only, the newest first, at most `limit`.
    ///
    /// # Errors
    /// When sled fails or a block is malformed.
    pub(crate) fn newest(
        &self,
        handle: &Handle,
        (first, last): (u128, u128),
        limit: usize,
    ) -> Result<Vec<Entry>, IndexError> {
        let hash = filter_hash(first);
        let mut found = Vec::new();
        // Held over the look-up: a run that is merged away is taken out of sled only afterwards.
        let listed = self.listed.read();
        for run in listed.iter().filter(|run| run.filter.as_ref().is_none_or(|filter| filter.contains_hash(hash))) {
            run.run.newest(handle, (first, last), limit, &mut found)?;
        }
        drop(listed);
        found.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.position));
        found.dedup();
        found.truncate(limit);
        Ok(found)
    }

    /// Goes on merging and removing, as much as `records` newly applied ones allow.
    ///
    /// # Errors
    /// When sled fails or a block is malformed.
    pub(crate) fn go_on(&self, handle: &Handle, records: u64) -> Result<(), IndexError> {
        let mut background = self.background.lock();
        self.begin_merges(&mut background);
        let mut budget = records.saturating_mul(MOVED_PER_RECORD).max(MOVED_AT_LEAST);
        let mut at = 0;
        // Of several the one begun last first: it has the smallest runs, of which new ones come soonest.
        while budget > 0 && at < background.merges.len() {
            let last = background.merges.len().saturating_sub(1).saturating_sub(at);
            let Some(merge) = background.merges.get_mut(last) else { break };
            if merge.step(handle, &mut budget)? {
                let merge = background.merges.remove(last);
                let gone: Vec<u64> = merge.inputs().collect();
                let found = merge.finish();
                self.switch(handle, found, &gone)?;
                background.removed.extend(gone);
            } else {
                at = at.saturating_add(1);
            }
        }
        for _ in 0..REMOVED_BATCHES {
            let Some(id) = background.removed.front().copied() else { break };
            if Run::remove_some(handle, id)? {
                background.removed.pop_front();
            }
        }
        Ok(())
    }

    /// Makes a finished merge known. Only the list that names it makes it part of the index, so its blocks must be with the
    /// operating system before: a process that is killed then finds either all of it or the old ones.
    fn switch(&self, handle: &Handle, found: Written, gone: &[u64]) -> Result<(), IndexError> {
        let list = self.list_with(self.covers.load(Ordering::Acquire), Some(&found.0), gone);
        handle.run("flush a merged run", |db| db.flush())?;
        handle.run("write the list of runs", |db| db.insert(LIST_KEY, list))?;
        handle.run("flush the list of runs", |db| db.flush())?;
        self.replace(found, gone);
        Ok(())
    }

    fn begin_merges(&self, background: &mut Background) {
        let busy: Vec<u64> = background.merges.iter().flat_map(Merge::inputs).collect();
        let free: Vec<Run> = {
            let listed = self.listed.read();
            listed.iter().map(|listed| listed.run).filter(|run| !busy.contains(&run.id)).collect()
        };
        let classes = free.iter().map(Run::class).max().map_or(0, |class| class.saturating_add(1));
        for class in (0..classes).rev() {
            let same: Vec<Run> = free.iter().filter(|run| run.class() == class).copied().collect();
            if same.len() >= MERGED_RUNS {
                let id = background.next_id;
                background.next_id = id.saturating_add(1);
                background.merges.push(Merge::new(&same, id, self.filter_bytes_max));
            }
        }
    }

    /// Blocks of all runs.
    #[cfg(test)]
    pub(crate) fn blocks(&self) -> u32 {
        self.listed.read().iter().map(|listed| listed.run.blocks).sum()
    }

    /// Runs that were merged away and are still in sled.
    #[cfg(test)]
    pub(crate) fn to_remove(&self) -> usize {
        self.background.lock().removed.len()
    }

    /// Runs at present.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.listed.read().len()
    }
}

/// The first run at or after `id` of which sled has a block.
fn first_from(handle: &Handle, id: u64) -> Result<Option<u64>, IndexError> {
    let found = handle
        .run("look for runs", |db| db.range(block_key(id, &FIRST).to_vec()..vec![b's' + 1]).next().transpose())?;
    found.map(|(key, _)| run_of(&key).ok_or_else(|| handle.fail("the key of a block is malformed"))).transpose()
}
