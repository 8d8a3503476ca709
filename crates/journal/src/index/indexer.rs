//! The index as the journal uses it: what is not yet applied first, then the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use kassette_model::{CashBoxId, OperationId, QueueId};
use kassette_stdx::Clock;
use parking_lot::{Condvar, Mutex, RwLock};

use super::tail::Tail;
use super::worker::Worker;
use super::{Checkpoint, HeadEntry, Index, IndexEntry, IndexError};
use crate::Position;

/// Limits and intervals of an [`Indexer`].
#[derive(Debug, Clone)]
pub struct IndexerOptions {
    /// Records in the log but not in the store above which the writer is told to wait.
    pub index_lag_records_max: u64,
    /// Records applied in one call of the store.
    pub apply_records_max: usize,
    /// How long entries may gather before they are applied, in milliseconds; they are findable meanwhile.
    pub apply_delay_ms: u64,
    /// Gathered entries above which they are applied without that delay.
    pub apply_wake_records: usize,
    /// How long applied records may wait for [`Index::flush`], which writes what has gathered, in milliseconds.
    pub head_flush_ms: u64,
    /// After a failure: how often a fresh persistent store is tried, in milliseconds.
    pub reopen_ms: u64,
    /// Records above which the store in memory is not used; until a persistent one works again the index is not ready.
    pub memory_index_records_max: u64,
}

impl Default for IndexerOptions {
    fn default() -> Self {
        Self {
            index_lag_records_max: 65_536,
            apply_records_max: 256,
            apply_delay_ms: 20,
            apply_wake_records: 1_024,
            head_flush_ms: 5_000,
            reopen_ms: 30_000,
            memory_index_records_max: 20_000_000,
        }
    }
}

/// Entries in order of their numbers; an error says why the log cannot be read on.
pub type EntryScan = Box<dyn Iterator<Item = Result<IndexEntry, String>> + Send>;

/// The log as the index needs it to be filled again.
pub trait LogSource: Send + Sync + 'static {
    /// Number of the last record in the log; asked once, by [`Indexer::start`], before anything is enqueued. 0 when empty.
    fn last_number(&self) -> u64;

    /// Whether the log has exactly this record (number, position and hash); otherwise the store is not of this log.
    fn fits(&self, checkpoint: &Checkpoint) -> bool;

    /// Reads the log from the record `first_number` on, at least to the last record that was enqueued at the time of the call.
    /// Damaged records are left out, so that numbers may be missing, but they always ascend. The iterator is used on another
    /// thread and may live long; it must hold no lock of the writer between two items.
    fn scan(&self, first_number: u64) -> EntryScan;
}

/// Opens an empty persistent store in place of whatever was there.
pub type FreshIndex = Box<dyn Fn() -> Result<Box<dyn Index>, IndexError> + Send + Sync>;

/// From what an index is made again.
pub struct RebuildSource {
    /// The log.
    pub log: Arc<dyn LogSource>,
    /// Opens an empty persistent store.
    pub fresh: FreshIndex,
}

impl std::fmt::Debug for RebuildSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RebuildSource")
    }
}

/// How the index stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexState {
    /// The persistent store answers.
    Ok,
    /// A store is being filled from the log. What is not found in the newest records is answered as busy.
    Rebuilding {
        /// Records applied.
        done: u64,
        /// Records to apply.
        total: u64,
    },
    /// The persistent store failed; a store in memory answers, and a fresh persistent one is tried at intervals.
    MemoryOnly {
        /// When it failed: nanoseconds since the Unix epoch.
        since_unix_ns: i64,
        /// Why it failed.
        reason: String,
    },
    /// No store can be filled at the moment (not ready); tried again at intervals.
    Unavailable {
        /// Since when: nanoseconds since the Unix epoch.
        since_unix_ns: i64,
        /// Why.
        reason: String,
    },
}

impl IndexState {
    /// Whether every look-up has an answer.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        matches!(self, Self::Ok | Self::MemoryOnly { .. })
    }
}

/// The index cannot say at the moment whether something exists. Never to be taken for "absent".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the index cannot answer now: {0}")]
pub struct IndexBusy(pub String);

/// What [`Indexer::enqueue`] reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pressure {
    /// Records not yet in the store.
    pub lag_records: u64,
    /// The lag is over `index_lag_records_max`: call [`Indexer::wait_for_room`] before the next batch.
    pub over: bool,
}

/// The store that answers, with the number of its life.
#[derive(Clone)]
pub(super) struct Serving {
    pub(super) index: Option<Arc<dyn Index>>,
    pub(super) generation: u64,
}

/// What is handed to the thread.
#[derive(Default)]
pub(super) struct Inbox {
    pub(super) entries: Vec<IndexEntry>,
    /// A look-up on the store of this generation failed.
    pub(super) failed: Option<(u64, IndexError)>,
    /// Somebody waits for the thread to have nothing to do: number of the wish.
    pub(super) wanted_idle: u64,
    /// The last wish that was fulfilled.
    pub(super) reached_idle: u64,
    pub(super) closing: bool,
    /// The thread has ended.
    pub(super) stopped: bool,
    /// The thread sleeps without a reason to wake soon.
    pub(super) asleep: bool,
}

pub(super) struct Shared {
    pub(super) options: IndexerOptions,
    pub(super) tail: Tail,
    pub(super) serving: RwLock<Serving>,
    pub(super) state: Mutex<IndexState>,
    pub(super) lag_records: AtomicU64,
    pub(super) inbox: Mutex<Inbox>,
    /// Wakes the thread.
    pub(super) wake: Condvar,
    /// Wakes those who wait for the thread.
    pub(super) progress: Condvar,
}

impl Shared {
    fn ask<T>(&self, question: impl FnOnce(&dyn Index) -> Result<T, IndexError>) -> Result<T, IndexBusy> {
        let Serving { index, generation } = self.serving.read().clone();
        let Some(index) = index else { return Err(self.busy()) };
        question(&*index).map_err(|error| {
            let busy = IndexBusy(error.0.clone());
            let mut inbox = self.inbox.lock();
            inbox.failed.get_or_insert((generation, error));
            self.wake.notify_one();
            busy
        })
    }

    fn busy(&self) -> IndexBusy {
        IndexBusy(match &*self.state.lock() {
            IndexState::Rebuilding { done, total } => format!("{done} of {total} records read"),
            IndexState::MemoryOnly { reason, .. } | IndexState::Unavailable { reason, .. } => reason.clone(),
            IndexState::Ok => "closed".to_owned(),
        })
    }
}

/// Fills a store behind the hot path and answers from both. All methods may be called from any thread; [`Indexer::enqueue`]
/// only from one, the writer of the log.
pub struct Indexer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl std::fmt::Debug for Indexer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Indexer").field("state", &self.state()).field("lag_records", &self.lag()).finish()
    }
}

impl Indexer {
    /// Starts the thread. `opened` is the persistent store as it was found, or why it could not be opened; then, or when its
    /// checkpoint is not of this log, a fresh one is made. Records after the checkpoint are read here when they are at most
    /// `index_lag_records_max`; otherwise behind, and the state says so.
    #[must_use]
    pub fn start(
        opened: Result<Box<dyn Index>, IndexError>,
        options: IndexerOptions,
        source: RebuildSource,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let shared = Arc::new(Shared {
            options,
            tail: Tail::new(),
            serving: RwLock::new(Serving { index: None, generation: 0 }),
            state: Mutex::new(IndexState::Rebuilding { done: 0, total: 0 }),
            lag_records: AtomicU64::new(0),
            inbox: Mutex::new(Inbox::default()),
            wake: Condvar::new(),
            progress: Condvar::new(),
        });
        let worker = Worker::open(Arc::clone(&shared), opened, source, clock);
        let spawned = std::thread::Builder::new().name("indexer".to_owned()).spawn(move || worker.run_guarded());
        let thread = match spawned {
            Ok(thread) => Some(thread),
            Err(error) => {
                shared.stop(&format!("no thread for the index: {error}"));
                None
            }
        };
        Self { shared, thread: Mutex::new(thread) }
    }

    /// Takes entries of records that have just become durable, in order of their numbers and without gaps. When it returns
    /// they are found. Never waits for a store and never loses an entry.
    pub fn enqueue(&self, entries: Vec<IndexEntry>) -> Pressure {
        let shared = &*self.shared;
        let count = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        for entry in &entries {
            shared.tail.insert(entry);
        }
        let mut inbox = shared.inbox.lock();
        if inbox.stopped {
            return Pressure { lag_records: 0, over: false };
        }
        // Counted under the lock, before the thread can take them and count them down.
        let lag_records = shared.lag_records.fetch_add(count, Ordering::Relaxed).saturating_add(count);
        if inbox.entries.is_empty() {
            inbox.entries = entries;
        } else {
            inbox.entries.extend(entries);
        }
        if inbox.asleep || inbox.entries.len() >= shared.options.apply_wake_records {
            inbox.asleep = false;
            shared.wake.notify_one();
        }
        Pressure { lag_records, over: lag_records > shared.options.index_lag_records_max }
    }

    /// Waits until the lag is at most `index_lag_records_max` (or the thread has ended). For the writer of the log.
    pub fn wait_for_room(&self) {
        let mut inbox = self.shared.inbox.lock();
        while !inbox.stopped && self.lag() > self.shared.options.index_lag_records_max {
            self.shared.wake.notify_one();
            // The thread counts down without the lock, so a signal could be missed; look again after a while.
            self.shared.progress.wait_for(&mut inbox, Duration::from_millis(10));
        }
    }

    /// Records in the log that are not in the store yet.
    #[must_use]
    pub fn lag(&self) -> u64 {
        self.shared.lag_records.load(Ordering::Relaxed)
    }

    /// How the index stands.
    #[must_use]
    pub fn state(&self) -> IndexState {
        self.shared.state.lock().clone()
    }

    /// Waits until the thread has nothing to do at the present time of its clock: everything applied, no store being filled,
    /// no interval passed. For tests and for an orderly look at the figures.
    pub fn wait_idle(&self) {
        let mut inbox = self.shared.inbox.lock();
        inbox.wanted_idle = inbox.wanted_idle.saturating_add(1);
        let wish = inbox.wanted_idle;
        self.shared.wake.notify_one();
        while !inbox.stopped && inbox.reached_idle < wish {
            self.shared.progress.wait(&mut inbox);
        }
    }

    /// Applies everything, writes what has gathered, flushes and marks the store as closed in order; ends the thread. Later look-ups are
    /// answered as busy.
    pub fn close(&self) {
        {
            let mut inbox = self.shared.inbox.lock();
            inbox.closing = true;
            self.shared.wake.notify_one();
        }
        if let Some(thread) = self.thread.lock().take() {
            // The thread catches its own panics.
            let _ = thread.join();
        }
    }

    /// Newest record of an operation.
    ///
    /// # Errors
    /// When it cannot be said now.
    pub fn operation(&self, cash_box: CashBoxId, operation: OperationId) -> Result<Option<Position>, IndexBusy> {
        match self.shared.tail.operation(cash_box, operation) {
            Some(position) => Ok(Some(position)),
            None => self.shared.ask(|index| index.operation(cash_box, operation)),
        }
    }

    /// A known record at or after `row`, the nearest one; `None` when the cash box has none.
    ///
    /// # Errors
    /// When it cannot be said now.
    pub fn anchor(&self, cash_box: CashBoxId, row: u64) -> Result<Option<(u64, Position)>, IndexBusy> {
        let newer = self.shared.tail.anchor(cash_box, row);
        if newer.is_some_and(|(found, _)| found == row) {
            return Ok(newer);
        }
        match self.shared.ask(|index| index.anchor(cash_box, row)) {
            Ok(older) => Ok(older.into_iter().chain(newer).min_by_key(|(found, _)| *found)),
            Err(busy) => newer.map(Some).ok_or(busy),
        }
    }

    /// Positions of sign records by reference key, newest first.
    ///
    /// # Errors
    /// When it cannot be said now.
    pub fn receipts(&self, cash_box: CashBoxId, reference_key: u64, limit: usize) -> Result<Vec<Position>, IndexBusy> {
        let mut found = self.shared.tail.receipts(cash_box, reference_key, limit);
        if found.len() < limit {
            found.extend(self.shared.ask(|index| index.receipts(cash_box, reference_key, limit))?);
            // Entries may have been applied between the two look-ups and then are in both. Positions ascend with the log.
            found.sort_unstable_by(|one, other| other.cmp(one));
            found.dedup();
            found.truncate(limit);
        }
        Ok(found)
    }

    /// Last record of a cash box.
    ///
    /// # Errors
    /// When it cannot be said now.
    pub fn head(&self, cash_box: CashBoxId) -> Result<Option<HeadEntry>, IndexBusy> {
        match self.shared.tail.head(cash_box) {
            Some(head) => Ok(Some(head)),
            None => self.shared.ask(|index| index.head(cash_box)),
        }
    }

    /// Configuration in force.
    ///
    /// # Errors
    /// When it cannot be said now.
    pub fn configuration(&self, cash_box: CashBoxId) -> Result<Option<Vec<u8>>, IndexBusy> {
        match self.shared.tail.configuration(cash_box) {
            Some(configuration) => Ok(Some(configuration)),
            None => self.shared.ask(|index| index.configuration(cash_box)),
        }
    }

    /// Cash box of a queue.
    ///
    /// # Errors
    /// When it cannot be said now.
    pub fn cash_box_of(&self, queue: QueueId) -> Result<Option<CashBoxId>, IndexBusy> {
        match self.shared.tail.cash_box_of(queue) {
            Some(cash_box) => Ok(Some(cash_box)),
            None => self.shared.ask(|index| index.cash_box_of(queue)),
        }
    }

    /// All cash boxes with operations that were accepted and have not ended.
    ///
    /// # Errors
    /// When it cannot be said now.
    pub fn unfinished(&self) -> Result<Vec<CashBoxId>, IndexBusy> {
        // The tail first: what is applied in between is then in both, and the tail's word is not older than what it had.
        let newer = self.shared.tail.unfinished();
        let older = self.shared.ask(|index| index.unfinished(None, usize::MAX))?;
        let mut all: std::collections::BTreeMap<CashBoxId, bool> = older.into_iter().map(|id| (id, true)).collect();
        all.extend(newer);
        Ok(all.into_iter().filter(|(_, unfinished)| *unfinished).map(|(id, _)| id).collect())
    }

    /// Cash boxes after `after` in order of their bytes.
    ///
    /// # Errors
    /// When it cannot be said now.
    pub fn cash_boxes(&self, after: Option<CashBoxId>, limit: usize) -> Result<Vec<CashBoxId>, IndexBusy> {
        let mut found = self.shared.tail.cash_boxes(after, limit);
        found.extend(self.shared.ask(|index| index.cash_boxes(after, limit))?);
        found.sort_unstable();
        found.dedup();
        found.truncate(limit);
        Ok(found)
    }
}

impl Drop for Indexer {
    fn drop(&mut self) {
        self.close();
    }
}
