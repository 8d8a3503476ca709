//! The persistent index over sled 0.34.
//!
//! Folder: see [`StoreFolder`]; the mark of an orderly close names the checkpoint.
//!
//! Keys begin with a letter; numbers are big-endian, a position is segment and offset (8 bytes). Operations and receipt references
//! are in sorted runs (`s`, `f`, `ml`: see `runs`); besides them:
//!
//! | key | value |
//! |---|---|
//! | `a` cash box (16) row (6), every [`ANCHOR_ROWS`](super::ANCHOR_ROWS)th row | position |
//! | `h` cash box (16) | row (8) position hash (32) |
//! | `c` cash box (16) | configuration |
//! | `q` queue (16) | cash box (16) |
//! | `u` cash box (16) | nothing: the cash box has operations that were accepted and have not ended |
//! | `mc` | number (8) position hash (32): everything up to here is in the store |
//! | `mw` | the same of the last record that the store was told of: what it knows to exist |
//! | `mp` | number of the record up to which everything was in the store before the last write |
//! | `mv` | version of this format |
//!
//! What is applied stays in memory (a [`MemoryIndex`]) until [`SledOptions::gathered_records_max`] have gathered; then it is written
//! together: a run, heads, rows, configurations, a flush to the operating system, and only then the list of runs with `mc`.
//!
//! sled is not safe against power cuts, may refuse to open a file after one flipped byte, and may panic on one. So every call
//! is guarded, a store that failed once is never used again, and an unclean stop is followed by a check of all runs and a replay with
//! a margin.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use kassette_model::{CashBoxId, OperationId, QueueId};
use parking_lot::Mutex;

use super::memory::those_set;
use super::runs::{LIST_KEY, RunSet, operation_key, receipt_key};
use super::sled_bytes::{
    checkpoint_bytes, head_bytes, head_from, key, numbered_from, position_bytes, position_from, row_bytes, row_from,
};
use super::{Checkpoint, Handle, HeadEntry, Index, IndexEntry, IndexError, MemoryIndex};
use crate::Position;
use crate::sled_files::{StoreFolder, boot_id};

/// Also stands for the crate that makes the filters: another version of it may set other bits (`runs::tests`).
const FORMAT_VERSION: u8 = 3;
const CHECKPOINT: &[u8] = b"mc";
const WITNESS: &[u8] = b"mw";
const PREVIOUS: &[u8] = b"mp";
const VERSION: &[u8] = b"mv";
/// Keys in one batch of sled: larger ones are slower and take gigabytes of memory (measured).
const BATCH_KEYS: usize = 64;

/// How the sled store is opened.
#[derive(Debug, Clone)]
pub struct SledOptions {
    /// Cache of pages, in bytes. sled takes about three times as much.
    pub cache_bytes: u64,
    /// Interval in which sled writes back by itself, in milliseconds.
    pub flush_every_ms: u64,
    /// Records that gather in memory, about 150 bytes each, before they are written; also bounds what a replay reads again.
    pub gathered_records_max: u64,
    /// Memory that the filters of operations and receipt references may take, in bytes; about 2.5 bytes a record. Beyond it a new
    /// operation costs a look into sled.
    pub filter_bytes_max: u64,
    /// After an unclean stop: how many records before the checkpoint are applied again at least.
    pub replay_margin_records: u64,
    /// Names the present run of the machine; `None` when that cannot be told.
    pub boot_id: Option<String>,
}

impl Default for SledOptions {
    fn default() -> Self {
        Self {
            cache_bytes: 64 << 20,
            flush_every_ms: 500,
            gathered_records_max: 16_384,
            filter_bytes_max: 256 << 20,
            replay_margin_records: 16_384,
            boot_id: boot_id(),
        }
    }
}

/// [`Index`] over sled.
pub struct SledIndex {
    handle: Handle,
    place: StoreFolder,
    options: SledOptions,
    replay_first: u64,
    /// Closed in order: sealed when dropped.
    closed: AtomicBool,
    /// Applied and not yet written, newer than what is in the store.
    gathered: MemoryIndex,
    runs: RunSet,
    /// Cash boxes that stand under `u`. Few at any time.
    unfinished: Mutex<BTreeMap<CashBoxId, bool>>,
    progress: Mutex<Progress>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    applied: Option<Checkpoint>,
    /// Told of before it was opened: not below `applied`.
    told: Option<Checkpoint>,
    /// Records in `gathered`.
    gathered: u64,
    /// Number of the last record that is in the store itself.
    written: u64,
}

impl std::fmt::Debug for SledIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SledIndex").field("place", &self.place).finish_non_exhaustive()
    }
}

impl SledIndex {
    /// Opens the store in `folder`, or makes an empty one when there is none. One process at a time (the journal's lock).
    ///
    /// # Errors
    /// When it cannot be opened, is damaged or of another format: use [`SledIndex::fresh`].
    pub fn open(folder: &Path, options: SledOptions) -> Result<Self, IndexError> {
        let place = StoreFolder::find(folder, options.boot_id.as_deref())?;
        Self::open_store(place, options)
    }

    /// Makes an empty store and deletes any other in `folder`. A store that was given up may still be open meanwhile.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn fresh(folder: &Path, options: SledOptions) -> Result<Self, IndexError> {
        let place = StoreFolder::fresh(folder, options.boot_id.as_deref())?;
        Self::open_store(place, options)
    }

    fn open_store(place: StoreFolder, options: SledOptions) -> Result<Self, IndexError> {
        let handle = Handle::new(place.open(config(&options))?);
        match handle.run("read its version", |db| db.get(VERSION))?.as_deref() {
            Some([FORMAT_VERSION]) => {}
            None if handle.run("look for keys", |db| db.first())?.is_none() => {
                handle.run("write its version", |db| db.insert(VERSION, &[FORMAT_VERSION]))?;
            }
            other => return Err(handle.fail(&format!("the format {other:?} is unknown"))),
        }
        let applied = read_checkpoint(&handle, CHECKPOINT)?;
        let witness = read_checkpoint(&handle, WITNESS)?;
        let applied_to = applied.map_or(0, |checkpoint| checkpoint.number);
        let told = witness.filter(|witness| witness.number > applied_to).or(applied);
        let closed_in_order =
            applied.is_some_and(|checkpoint| place.clean() == Some(checkpoint_bytes(&checkpoint).as_slice()));
        // What an unclean stop may have damaged without a trace is in the newest files of sled: the last write, whole, at least.
        let previous = handle.run("read a checkpoint", |db| db.get(PREVIOUS))?;
        let previous =
            previous.and_then(|bytes| Some(u64::from_be_bytes(bytes.as_ref().try_into().ok()?))).unwrap_or(0);
        let after = if closed_in_order {
            applied_to
        } else {
            applied_to.saturating_sub(options.replay_margin_records).min(previous)
        };
        let unfinished = read_unfinished(&handle)?;
        let runs = RunSet::open(&handle, options.filter_bytes_max, applied_to, !closed_in_order)?;
        Ok(Self {
            handle,
            place,
            options,
            replay_first: after.saturating_add(1),
            closed: AtomicBool::new(false),
            gathered: MemoryIndex::default(),
            runs,
            unfinished: Mutex::new(unfinished),
            progress: Mutex::new(Progress { applied, told, gathered: 0, written: applied_to }),
        })
    }

    fn run<T>(&self, what: &str, call: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<T, IndexError> {
        self.handle.run(what, call)
    }

    fn fail(&self, reason: &str) -> IndexError {
        self.handle.fail(reason)
    }

    /// Whether answers from memory may be given: not after a failure or a close.
    fn gathered(&self) -> Result<&MemoryIndex, IndexError> {
        if self.handle.is_refused() {
            self.run("look", |_| Ok(())).map(|()| &self.gathered)
        } else {
            Ok(&self.gathered)
        }
    }

    fn written_head(&self, cash_box: CashBoxId) -> Result<Option<HeadEntry>, IndexError> {
        let key = key::<17>(b'h', &[&cash_box.bytes()]);
        let Some(bytes) = self.run("read a head", |db| db.get(key))? else { return Ok(None) };
        head_from(&bytes).map(Some).ok_or_else(|| self.fail("a head is malformed"))
    }

    fn position_in(&self, bytes: &[u8]) -> Result<Position, IndexError> {
        bytes.try_into().map(position_from).map_err(|_| self.fail("a position is malformed"))
    }

    /// Writes what is only in memory.
    fn write_gathered(&self, progress: &mut Progress) -> Result<(), IndexError> {
        let Some(applied) = progress.applied.filter(|_| progress.gathered > 0) else { return Ok(()) };
        let contents = self.gathered.contents();
        let mut writer = self.runs.writer(contents.entries.len() as u64);
        for entry in &contents.entries {
            writer.push(&self.handle, *entry)?;
        }
        let mut small = Vec::with_capacity(contents.heads.len());
        for (cash_box, head) in &contents.heads {
            small.push((key::<17>(b'h', &[&cash_box.bytes()]).to_vec(), head_bytes(head)));
        }
        for (cash_box, row, position) in &contents.anchors {
            let key = key::<23>(b'a', &[&cash_box.bytes(), &row_bytes(*row)]);
            small.push((key.to_vec(), position_bytes(*position).to_vec()));
        }
        for (cash_box, configuration) in contents.configurations {
            small.push((key::<17>(b'c', &[&cash_box.bytes()]).to_vec(), configuration));
        }
        for (queue, cash_box) in contents.queues {
            small.push((key::<17>(b'q', &[&queue.bytes()]).to_vec(), cash_box.bytes().to_vec()));
        }
        let mut unfinished = self.unfinished.lock().clone();
        let mut gone = sled::Batch::default();
        for (cash_box, is_unfinished) in contents.unfinished {
            let key = key::<17>(b'u', &[&cash_box.bytes()]);
            if is_unfinished {
                small.push((key.to_vec(), Vec::new()));
                unfinished.insert(cash_box, true);
            } else if unfinished.remove(&cash_box).is_some() {
                gone.remove(&key);
            }
        }
        for some in small.chunks(BATCH_KEYS) {
            let mut batch = sled::Batch::default();
            some.iter().for_each(|(key, value)| batch.insert(key.as_slice(), value.as_slice()));
            self.run("write heads and rows", |db| db.apply_batch(batch))?;
        }
        self.run("write what has ended", |db| db.apply_batch(gone))?;
        let mut batch = sled::Batch::default();
        batch.insert(CHECKPOINT, checkpoint_bytes(&applied).as_slice());
        batch.insert(PREVIOUS, &progress.written.to_be_bytes());
        while !writer.end_some(&self.handle)? {}
        let run = Some(writer.written()).filter(|_| !contents.entries.is_empty());
        batch.insert(LIST_KEY, self.runs.list_with(applied.number, run.as_ref().map(|(run, _)| run), &[]));
        // Important: a process that is killed behind this line leaves all of it, before it nothing that counts.
        self.run("flush", |db| db.flush())?;
        self.run("write the checkpoint", |db| db.apply_batch(batch))?;
        self.runs.set_covers(applied.number);
        if let Some(run) = run {
            self.runs.replace(run, &[]);
        }
        *self.unfinished.lock() = unfinished;
        // Readers ask the memory first, so there is no moment in which neither has it.
        self.gathered.clear();
        progress.gathered = 0;
        progress.written = applied.number;
        Ok(())
    }
}

fn read_unfinished(handle: &Handle) -> Result<BTreeMap<CashBoxId, bool>, IndexError> {
    let keys = handle.run("read what has not ended", |db| {
        db.scan_prefix(b"u").map(|item| item.map(|(key, _)| key)).collect::<sled::Result<Vec<_>>>()
    })?;
    let id = |key: &sled::IVec| key.last_chunk::<16>().map(|id| (CashBoxId::from_bytes(*id), true));
    keys.iter().map(id).collect::<Option<_>>().ok_or_else(|| handle.fail("the key of a cash box is malformed"))
}

fn read_checkpoint(handle: &Handle, key: &[u8]) -> Result<Option<Checkpoint>, IndexError> {
    let Some(bytes) = handle.run("read a checkpoint", |db| db.get(key))? else { return Ok(None) };
    let read = numbered_from(&bytes).map(|(number, position, hash)| Checkpoint { number, position, hash });
    read.map(Some).ok_or_else(|| handle.fail("a checkpoint is malformed"))
}

impl Index for SledIndex {
    fn apply(&self, entries: &[IndexEntry]) -> Result<(), IndexError> {
        let Some(last) = entries.last() else { return Ok(()) };
        let applied = Checkpoint { number: last.number, position: last.position, hash: last.hash };
        let mut progress = self.progress.lock();
        // During a replay it was told of more before.
        if progress.told.is_none_or(|told| told.number < applied.number) {
            self.run("note the last record", |db| db.insert(WITNESS, checkpoint_bytes(&applied).as_slice()))?;
            progress.told = Some(applied);
        }
        self.gathered.apply(entries)?;
        progress.applied = Some(applied);
        let count = entries.len() as u64;
        progress.gathered = progress.gathered.saturating_add(count);
        if progress.gathered >= self.options.gathered_records_max {
            self.write_gathered(&mut progress)?;
        }
        self.runs.go_on(&self.handle, count)
    }

    fn checkpoint(&self) -> Result<Option<Checkpoint>, IndexError> {
        Ok(self.progress.lock().applied)
    }

    fn told(&self) -> Result<Option<Checkpoint>, IndexError> {
        Ok(self.progress.lock().told)
    }

    fn operation(&self, cash_box: CashBoxId, operation: OperationId) -> Result<Option<Position>, IndexError> {
        let gathered = self.gathered()?.operation(cash_box, operation)?;
        if gathered.is_some() {
            return Ok(gathered);
        }
        let key = operation_key(cash_box, operation);
        Ok(self.runs.newest(&self.handle, (key, key), 1)?.first().map(|entry| entry.position))
    }

    fn anchor(&self, cash_box: CashBoxId, row: u64) -> Result<Option<(u64, Position)>, IndexError> {
        let gathered = self.gathered()?.anchor(cash_box, row)?;
        let first = key::<23>(b'a', &[&cash_box.bytes(), &row_bytes(row)]);
        let last = key::<23>(b'a', &[&cash_box.bytes(), &[0xff; 6]]);
        let range = first.as_slice()..=last.as_slice();
        let written = match self.run("look for a row", |db| db.range(range).next().transpose())? {
            Some((found, position)) => {
                let row = found.last_chunk::<6>().map(|row| row_from(*row));
                let row = row.ok_or_else(|| self.fail("the key of a row is malformed"))?;
                Some((row, self.position_in(&position)?))
            }
            None => self.written_head(cash_box)?.filter(|head| head.row >= row).map(|head| (head.row, head.position)),
        };
        Ok(gathered.into_iter().chain(written).min_by_key(|(found, _)| *found))
    }

    fn receipts(&self, cash_box: CashBoxId, reference_key: u64, limit: usize) -> Result<Vec<Position>, IndexError> {
        let mut found = self.gathered()?.receipts(cash_box, reference_key, limit)?;
        if found.len() < limit {
            let range = (receipt_key(reference_key, 0), receipt_key(reference_key, u64::MAX));
            found.extend(self.runs.newest(&self.handle, range, limit)?.iter().map(|entry| entry.position));
            // A record that was applied again is in both.
            found.sort_unstable_by(|one, other| other.cmp(one));
            found.dedup();
            found.truncate(limit);
        }
        Ok(found)
    }

    fn head(&self, cash_box: CashBoxId) -> Result<Option<HeadEntry>, IndexError> {
        match self.gathered()?.head(cash_box)? {
            Some(head) => Ok(Some(head)),
            None => self.written_head(cash_box),
        }
    }

    fn configuration(&self, cash_box: CashBoxId) -> Result<Option<Vec<u8>>, IndexError> {
        let gathered = self.gathered()?.configuration(cash_box)?;
        if gathered.is_some() {
            return Ok(gathered);
        }
        let key = key::<17>(b'c', &[&cash_box.bytes()]);
        Ok(self.run("read a configuration", |db| db.get(key))?.map(|value| value.to_vec()))
    }

    fn cash_box_of(&self, queue: QueueId) -> Result<Option<CashBoxId>, IndexError> {
        let gathered = self.gathered()?.cash_box_of(queue)?;
        if gathered.is_some() {
            return Ok(gathered);
        }
        let key = key::<17>(b'q', &[&queue.bytes()]);
        let Some(bytes) = self.run("read a queue", |db| db.get(key))? else { return Ok(None) };
        let id = <[u8; 16]>::try_from(&*bytes).map_err(|_| self.fail("a queue is malformed"))?;
        Ok(Some(CashBoxId::from_bytes(id)))
    }

    fn cash_boxes(&self, after: Option<CashBoxId>, limit: usize) -> Result<Vec<CashBoxId>, IndexError> {
        let mut all = self.gathered()?.cash_boxes(after, limit)?;
        // The id itself is excluded by one byte more behind it.
        let first = after.map_or_else(|| vec![b'c'], |id| key::<18>(b'c', &[&id.bytes(), &[0]]).to_vec());
        let end = vec![b'c' + 1];
        let found = self.run("list cash boxes", |db| {
            db.range(first..end).take(limit).map(|item| item.map(|(key, _)| key)).collect::<sled::Result<Vec<_>>>()
        })?;
        for key in &found {
            let id = key.last_chunk::<16>().map(|id| CashBoxId::from_bytes(*id));
            all.push(id.ok_or_else(|| self.fail("the key of a cash box is malformed"))?);
        }
        all.sort_unstable();
        all.dedup();
        all.truncate(limit);
        Ok(all)
    }

    fn unfinished(&self, after: Option<CashBoxId>, limit: usize) -> Result<Vec<CashBoxId>, IndexError> {
        let gathered = self.gathered()?.unfinished_boxes();
        let mut all = self.unfinished.lock().clone();
        all.extend(gathered);
        Ok(those_set(&all, after, limit))
    }

    fn flush(&self) -> Result<(), IndexError> {
        self.write_gathered(&mut self.progress.lock())?;
        self.run("flush", |db| db.flush())?;
        Ok(())
    }

    fn replay_first(&self) -> Result<u64, IndexError> {
        Ok(self.replay_first)
    }

    fn close(&self) -> Result<(), IndexError> {
        self.flush()?;
        self.handle.refuse();
        self.closed.store(true, Ordering::Release);
        Ok(())
    }
}

impl SledIndex {
    fn seal(&self) -> Result<(), String> {
        let applied = self.progress.lock().applied;
        self.place.seal(config(&self.options), applied.as_ref().map(checkpoint_bytes).as_deref())
    }
}

impl Drop for SledIndex {
    fn drop(&mut self) {
        let ended = self.handle.release();
        if self.handle.has_failed() {
            self.place.delete();
        } else if let Err(error) = ended.and_then(|()| if *self.closed.get_mut() { self.seal() } else { Ok(()) }) {
            tracing::warn!(%error, "the index was not closed in order; the next opening reads the end of the log again");
        }
    }
}

fn config(options: &SledOptions) -> sled::Config {
    sled::Config::new()
        .cache_capacity(options.cache_bytes)
        .mode(sled::Mode::LowSpace)
        .flush_every_ms(Some(options.flush_every_ms.max(1)))
}
