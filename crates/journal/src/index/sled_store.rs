//! The persistent index over sled 0.34.
//!
//! Folder: `sled-<n>` holds a store, the highest `n` is the one in use; `clean` is written after an orderly close and names the
//! checkpoint; `boot` names the run of the machine in which the folder was opened last. Everything may
//! be deleted at any time while the server is stopped.
//!
//! Keys begin with a letter; numbers are big-endian, a position is segment and offset (8 bytes):
//!
//! | key | value |
//! |---|---|
//! | `o` cash box (16) operation (16) | position |
//! | `r` reference key (8) row (6) | position |
//! | `a` cash box (16) row (6), every [`ANCHOR_ROWS`]th row | position |
//! | `h` cash box (16) | row (8) position hash (32) |
//! | `c` cash box (16) | configuration |
//! | `q` queue (16) | cash box (16) |
//! | `mc`, `mh` | number (8) position hash (32): applied up to here; heads written up to here |
//! | `mv` | version of this format |
//!
//! sled is not safe against power cuts, may refuse to open a file after one flipped byte, and may panic on one. So every call
//! is guarded, a store that failed once is never used again, and an unclean stop is followed by a replay with a margin.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kassette_model::{CashBoxId, OperationId, QueueId};
use parking_lot::{Mutex, RwLock};

use super::boot::{boot_id, is_same_boot, note_boot};
use super::sled_bytes::{
    checkpoint_bytes, head_bytes, head_from, key, numbered_from, position_bytes, position_from, row_bytes, row_from,
};
use super::sled_check;
use super::{ANCHOR_ROWS, Checkpoint, HeadEntry, Index, IndexEntry, IndexError};
use crate::Position;

const FORMAT_VERSION: u8 = 1;
const CHECKPOINT: &[u8] = b"mc";
const HEAD_CHECKPOINT: &[u8] = b"mh";
const VERSION: &[u8] = b"mv";
const CLEAN_FILE: &str = "clean";
const FOLDER_PREFIX: &str = "sled-";
/// Keys in one batch of sled: larger ones are slower and take gigabytes of memory (measured).
const BATCH_KEYS: usize = 64;

/// How often, and with what pause, a locked store is looked at again: two seconds in all.
const LOCK_TRIES: u32 = 400;
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// How the sled store is opened.
#[derive(Debug, Clone)]
pub struct SledOptions {
    /// Cache of pages, in bytes. sled takes about three times as much.
    pub cache_bytes: u64,
    /// Interval in which sled writes back by itself, in milliseconds.
    pub flush_every_ms: u64,
    /// Records after which heads are written; also bounds what a replay reads again.
    pub head_flush_records: u64,
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
            head_flush_records: 16_384,
            replay_margin_records: 16_384,
            boot_id: boot_id(),
        }
    }
}

/// [`Index`] over sled.
pub struct SledIndex {
    /// Taken out only by `drop`.
    db: Option<sled::Db>,
    folder: PathBuf,
    store: PathBuf,
    options: SledOptions,
    replay_first: u64,
    /// After a failure or a close every call is refused.
    refused: AtomicBool,
    failed: AtomicBool,
    /// Closed in order: sealed when dropped.
    closed: AtomicBool,
    /// Heads not yet written, newer than those in the store.
    heads: RwLock<HashMap<CashBoxId, HeadEntry>>,
    progress: Mutex<Progress>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    applied: Option<Checkpoint>,
    /// Records applied since heads were written.
    since_heads: u64,
}

impl std::fmt::Debug for SledIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SledIndex").field("store", &self.store).finish_non_exhaustive()
    }
}

impl SledIndex {
    /// Opens the store in `folder`, or makes an empty one when there is none. One process at a time (the journal's lock).
    ///
    /// # Errors
    /// When it cannot be opened, is damaged or of another format: use [`SledIndex::fresh`].
    pub fn open(folder: &Path, options: SledOptions) -> Result<Self, IndexError> {
        fs::create_dir_all(folder).map_err(|error| failure("make the folder", &error))?;
        let clean = take_clean_mark(folder).map_err(|error| failure("read the mark of an orderly close", &error))?;
        let found = generations(folder).map_err(|error| failure("list the folder", &error))?;
        let now = options.boot_id.as_deref();
        let trusted = clean.is_some() || is_same_boot(folder, now);
        // An untrusted store goes before the note of this run is made: a crash in between must not make it look trusted.
        found.iter().rev().skip(usize::from(trusted)).for_each(|old| delete(&store_folder(folder, *old)));
        note_boot(folder, now).map_err(|error| failure("note the run of the machine", &error))?;
        if !trusted && !found.is_empty() {
            return Err(IndexError(
                "the machine was started anew without an orderly close; made again from the log".to_owned(),
            ));
        }
        match found.last() {
            Some(newest) => Self::open_store(folder, *newest, options, clean.as_deref()),
            None => Self::open_store(folder, 1, options, None),
        }
    }

    /// Makes an empty store and deletes any other in `folder`. A store that was given up may still be open meanwhile.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn fresh(folder: &Path, options: SledOptions) -> Result<Self, IndexError> {
        fs::create_dir_all(folder).map_err(|error| failure("make the folder", &error))?;
        take_clean_mark(folder).map_err(|error| failure("remove the mark of an orderly close", &error))?;
        let now = options.boot_id.as_deref();
        note_boot(folder, now).map_err(|error| failure("note the run of the machine", &error))?;
        let found = generations(folder).map_err(|error| failure("list the folder", &error))?;
        found.iter().for_each(|old| delete(&store_folder(folder, *old)));
        let next = found.last().map_or(1, |newest| newest.saturating_add(1));
        Self::open_store(folder, next, options, None)
    }

    fn open_store(
        folder: &Path,
        generation: u64,
        options: SledOptions,
        clean: Option<&[u8]>,
    ) -> Result<Self, IndexError> {
        let store = store_folder(folder, generation);
        let config = config(&store, &options);
        wait_for_lock(&store);
        if let Some(place) = sled_check::damage(&store).map_err(|error| failure("check the files", &error))? {
            return Err(IndexError(format!("sled's files are damaged: {place}")));
        }
        let db = guarded("open", || config.open())?;
        let mut index = Self {
            db: Some(db),
            folder: folder.to_path_buf(),
            store,
            options,
            replay_first: 1,
            refused: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            heads: RwLock::default(),
            progress: Mutex::default(),
        };
        match index.run("read its version", |db| db.get(VERSION))?.as_deref() {
            Some([FORMAT_VERSION]) => {}
            None if index.run("look for keys", |db| db.first())?.is_none() => {
                index.run("write its version", |db| db.insert(VERSION, &[FORMAT_VERSION]))?;
            }
            other => return Err(index.fail(&format!("the format {other:?} is unknown"))),
        }
        let applied = index.read_checkpoint(CHECKPOINT)?;
        let heads_to = index.read_checkpoint(HEAD_CHECKPOINT)?.map_or(0, |checkpoint| checkpoint.number);
        let applied_to = applied.map_or(0, |checkpoint| checkpoint.number);
        let closed_in_order = applied.is_some_and(|checkpoint| clean == Some(checkpoint_bytes(&checkpoint).as_slice()));
        let margin = if closed_in_order { 0 } else { index.options.replay_margin_records };
        index.replay_first = applied_to.saturating_sub(margin).min(heads_to).saturating_add(1);
        index.progress.lock().applied = applied;
        Ok(index)
    }

    fn read_checkpoint(&self, key: &[u8]) -> Result<Option<Checkpoint>, IndexError> {
        let Some(bytes) = self.run("read a checkpoint", |db| db.get(key))? else { return Ok(None) };
        let read = numbered_from(&bytes).map(|(number, position, hash)| Checkpoint { number, position, hash });
        read.map(Some).ok_or_else(|| self.fail("a checkpoint is malformed"))
    }

    /// One guarded call. After a failure no further one is made.
    fn run<T>(&self, what: &str, call: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<T, IndexError> {
        let db = self.db.as_ref().filter(|_| !self.refused.load(Ordering::Acquire));
        let db = db.ok_or_else(|| IndexError("the store is closed or has failed".to_owned()))?;
        guarded(what, || call(db)).inspect_err(|_| {
            self.refused.store(true, Ordering::Release);
            self.failed.store(true, Ordering::Release);
        })
    }

    fn fail(&self, reason: &str) -> IndexError {
        self.refused.store(true, Ordering::Release);
        self.failed.store(true, Ordering::Release);
        IndexError(reason.to_owned())
    }

    fn position(&self, key: &[u8]) -> Result<Option<Position>, IndexError> {
        let found = self.run("read a key", |db| db.get(key))?;
        found.map(|bytes| self.position_in(&bytes)).transpose()
    }

    fn position_in(&self, bytes: &[u8]) -> Result<Position, IndexError> {
        bytes.try_into().map(position_from).map_err(|_| self.fail("a position is malformed"))
    }

    /// Writes the heads that are only in memory, and up to where they go.
    fn write_heads(&self, progress: &mut Progress) -> Result<(), IndexError> {
        let Some(applied) = progress.applied else { return Ok(()) };
        let waiting: Vec<(CashBoxId, HeadEntry)> =
            self.heads.read().iter().map(|(cash_box, head)| (*cash_box, *head)).collect();
        for some in waiting.chunks(BATCH_KEYS) {
            let mut batch = sled::Batch::default();
            for (cash_box, head) in some {
                batch.insert(&key::<17>(b'h', &[&cash_box.bytes()]), head_bytes(head).as_slice());
            }
            self.run("write heads", |db| db.apply_batch(batch))?;
        }
        self.run("write the checkpoint of the heads", |db| {
            db.insert(HEAD_CHECKPOINT, checkpoint_bytes(&applied).as_slice())
        })?;
        // Applying waits for the same lock, so none has changed meanwhile.
        self.heads.write().clear();
        progress.since_heads = 0;
        Ok(())
    }

    fn apply_one(batch: &mut sled::Batch, entry: &IndexEntry) -> usize {
        let mut keys = 0_usize;
        let position = position_bytes(entry.position);
        let cash_box = entry.cash_box.bytes();
        let mut put = |key: &[u8], value: &[u8]| {
            batch.insert(key, value);
            keys = keys.saturating_add(1);
        };
        if let Some(operation) = entry.operation {
            put(&key::<33>(b'o', &[&cash_box, &operation.bytes()]), &position);
        }
        if let Some(reference_key) = entry.reference_key {
            put(&key::<15>(b'r', &[&reference_key.to_be_bytes(), &row_bytes(entry.row)]), &position);
        }
        if entry.row.is_multiple_of(ANCHOR_ROWS) {
            put(&key::<23>(b'a', &[&cash_box, &row_bytes(entry.row)]), &position);
        }
        if let Some((queue, configuration)) = &entry.configured {
            put(&key::<17>(b'c', &[&cash_box]), configuration);
            put(&key::<17>(b'q', &[&queue.bytes()]), &cash_box);
        }
        keys
    }

    fn apply_batch(&self, mut batch: sled::Batch, entries: &[IndexEntry]) -> Result<(), IndexError> {
        let Some(last) = entries.last() else { return Ok(()) };
        let applied = Checkpoint { number: last.number, position: last.position, hash: last.hash };
        batch.insert(CHECKPOINT, checkpoint_bytes(&applied).as_slice());
        let mut progress = self.progress.lock();
        {
            let mut heads = self.heads.write();
            for entry in entries {
                let head = HeadEntry { row: entry.row, hash: entry.hash, position: entry.position };
                heads.insert(entry.cash_box, head);
            }
        }
        self.run("apply records", |db| db.apply_batch(batch))?;
        progress.applied = Some(applied);
        progress.since_heads = progress.since_heads.saturating_add(u64::try_from(entries.len()).unwrap_or(u64::MAX));
        if progress.since_heads >= self.options.head_flush_records {
            self.write_heads(&mut progress)?;
        }
        Ok(())
    }
}

impl Index for SledIndex {
    fn apply(&self, entries: &[IndexEntry]) -> Result<(), IndexError> {
        let mut rest = entries;
        while !rest.is_empty() {
            let mut batch = sled::Batch::default();
            let mut keys = 0_usize;
            let mut taken = 0_usize;
            for entry in rest {
                keys = keys.saturating_add(Self::apply_one(&mut batch, entry));
                taken = taken.saturating_add(1);
                if keys >= BATCH_KEYS {
                    break;
                }
            }
            let (now, later) = rest.split_at(taken);
            self.apply_batch(batch, now)?;
            rest = later;
        }
        Ok(())
    }

    fn checkpoint(&self) -> Result<Option<Checkpoint>, IndexError> {
        Ok(self.progress.lock().applied)
    }

    fn operation(&self, cash_box: CashBoxId, operation: OperationId) -> Result<Option<Position>, IndexError> {
        self.position(&key::<33>(b'o', &[&cash_box.bytes(), &operation.bytes()]))
    }

    fn anchor(&self, cash_box: CashBoxId, row: u64) -> Result<Option<(u64, Position)>, IndexError> {
        let first = key::<23>(b'a', &[&cash_box.bytes(), &row_bytes(row)]);
        let last = key::<23>(b'a', &[&cash_box.bytes(), &[0xff; 6]]);
        let range = first.as_slice()..=last.as_slice();
        match self.run("look for a row", |db| db.range(range).next().transpose())? {
            Some((found, position)) => {
                let row = found.last_chunk::<6>().map(|row| row_from(*row));
                let row = row.ok_or_else(|| self.fail("the key of a row is malformed"))?;
                Ok(Some((row, self.position_in(&position)?)))
            }
            None => {
                let head = self.head(cash_box)?.filter(|head| head.row >= row);
                Ok(head.map(|head| (head.row, head.position)))
            }
        }
    }

    fn receipts(&self, _cash_box: CashBoxId, reference_key: u64, limit: usize) -> Result<Vec<Position>, IndexError> {
        let first = key::<15>(b'r', &[&reference_key.to_be_bytes(), &[0; 6]]);
        let last = key::<15>(b'r', &[&reference_key.to_be_bytes(), &[0xff; 6]]);
        let range = first.as_slice()..=last.as_slice();
        let found = self.run("look for receipts", |db| {
            db.range(range).rev().take(limit).map(|item| item.map(|(_, value)| value)).collect::<sled::Result<Vec<_>>>()
        })?;
        found.iter().map(|value| self.position_in(value)).collect()
    }

    fn head(&self, cash_box: CashBoxId) -> Result<Option<HeadEntry>, IndexError> {
        let waiting = self.heads.read().get(&cash_box).copied();
        if waiting.is_some() {
            return Ok(waiting);
        }
        let key = key::<17>(b'h', &[&cash_box.bytes()]);
        let Some(bytes) = self.run("read a head", |db| db.get(key))? else { return Ok(None) };
        head_from(&bytes).map(Some).ok_or_else(|| self.fail("a head is malformed"))
    }

    fn configuration(&self, cash_box: CashBoxId) -> Result<Option<Vec<u8>>, IndexError> {
        let key = key::<17>(b'c', &[&cash_box.bytes()]);
        Ok(self.run("read a configuration", |db| db.get(key))?.map(|value| value.to_vec()))
    }

    fn cash_box_of(&self, queue: QueueId) -> Result<Option<CashBoxId>, IndexError> {
        let key = key::<17>(b'q', &[&queue.bytes()]);
        let Some(bytes) = self.run("read a queue", |db| db.get(key))? else { return Ok(None) };
        let id = <[u8; 16]>::try_from(&*bytes).map_err(|_| self.fail("a queue is malformed"))?;
        Ok(Some(CashBoxId::from_bytes(id)))
    }

    fn cash_boxes(&self, after: Option<CashBoxId>, limit: usize) -> Result<Vec<CashBoxId>, IndexError> {
        // The id itself is excluded by one byte more behind it.
        let first = after.map_or_else(|| vec![b'c'], |id| key::<18>(b'c', &[&id.bytes(), &[0]]).to_vec());
        let end = vec![b'c' + 1];
        let found = self.run("list cash boxes", |db| {
            db.range(first..end).take(limit).map(|item| item.map(|(key, _)| key)).collect::<sled::Result<Vec<_>>>()
        })?;
        let id = |key: &sled::IVec| key.last_chunk::<16>().map(|id| CashBoxId::from_bytes(*id));
        found.iter().map(id).collect::<Option<_>>().ok_or_else(|| self.fail("the key of a cash box is malformed"))
    }

    fn flush(&self) -> Result<(), IndexError> {
        self.write_heads(&mut self.progress.lock())?;
        self.run("flush", |db| db.flush())?;
        Ok(())
    }

    fn replay_first(&self) -> Result<u64, IndexError> {
        Ok(self.replay_first)
    }

    fn close(&self) -> Result<(), IndexError> {
        self.flush()?;
        self.refused.store(true, Ordering::Release);
        self.closed.store(true, Ordering::Release);
        Ok(())
    }
}

impl SledIndex {
    /// After an orderly close, when sled has let go: opens it once more, because only then sled writes a snapshot. With it the next
    /// opening is ten times faster, and damage at rest is noticed when it is read.
    fn seal(&self) -> Result<(), IndexError> {
        wait_for_lock(&self.store);
        guarded("write a snapshot", || config(&self.store, &self.options).open().map(drop))?;
        wait_for_lock(&self.store);
        let applied = self.progress.lock().applied;
        let written = || {
            // sled's own flush does not wait for the device.
            File::open(self.store.join("db"))?.sync_all()?;
            File::open(&self.store)?.sync_all()?;
            if let Some(applied) = applied {
                write_clean_mark(&self.folder, &checkpoint_bytes(&applied))?;
            }
            io::Result::Ok(())
        };
        written().map_err(|error| failure("mark the orderly close", &error))
    }
}

impl Drop for SledIndex {
    fn drop(&mut self) {
        let db = self.db.take();
        // sled flushes and syncs here, and panics when it cannot.
        let ended = guarded("close", || {
            drop(db);
            Ok(())
        });
        if *self.failed.get_mut() {
            delete(&self.store);
        } else if let Err(error) = ended.and_then(|()| if *self.closed.get_mut() { self.seal() } else { Ok(()) }) {
            tracing::warn!(%error, "the index was not closed in order; the next opening reads the end of the log again");
        }
    }
}

/// sled's own threads may hold the lock of a store for some milliseconds after it was dropped, so a reopening in the same process
/// looks a few times. When it stays locked, sled says so.
fn wait_for_lock(store: &Path) {
    let Ok(file) = File::open(store.join("db")) else { return };
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Err(fs::TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            // Released again when the file is closed.
            _ => return,
        }
    }
}

/// Deletes a store that must not be opened again. When that fails it only takes space: a newer one has a higher number.
fn delete(store: &Path) {
    match fs::remove_dir_all(store) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, store = %store.display(), "an index that is given up could not be deleted");
        }
        _ => {}
    }
}

fn failure(what: &str, error: &dyn std::fmt::Display) -> IndexError {
    IndexError(format!("could not {what}: {error}"))
}

/// Runs a call of sled, which may panic.
fn guarded<T>(what: &str, call: impl FnOnce() -> sled::Result<T>) -> Result<T, IndexError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(failure(what, &error)),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no text");
            Err(failure(what, &format_args!("sled panicked: {text}")))
        }
    }
}

fn config(store: &Path, options: &SledOptions) -> sled::Config {
    sled::Config::new()
        .path(store)
        .cache_capacity(options.cache_bytes)
        .mode(sled::Mode::LowSpace)
        .flush_every_ms(Some(options.flush_every_ms.max(1)))
}

fn store_folder(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("{FOLDER_PREFIX}{generation}"))
}

/// Numbers of the stores in the folder, ascending.
fn generations(folder: &Path) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number: Option<u64> =
            name.to_str().and_then(|name| name.strip_prefix(FOLDER_PREFIX)).and_then(|n| n.parse().ok());
        found.extend(number);
    }
    found.sort_unstable();
    Ok(found)
}

/// Reads and removes the mark, so that only an orderly close makes one again.
fn take_clean_mark(folder: &Path) -> io::Result<Option<Vec<u8>>> {
    let path = folder.join(CLEAN_FILE);
    let mark = match fs::read(&path) {
        Ok(mark) => mark,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    fs::remove_file(&path)?;
    File::open(folder)?.sync_all()?;
    Ok(Some(mark))
}

fn write_clean_mark(folder: &Path, mark: &[u8]) -> io::Result<()> {
    let mut file = File::create(folder.join(CLEAN_FILE))?;
    file.write_all(mark)?;
    file.sync_all()?;
    File::open(folder)?.sync_all()
}
