//! The journal of one node: the segment log of a folder with an index beside it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use kassette_model::{CashBoxId, OperationId, QueueId};
use kassette_record::SealedRecord;
use kassette_stdx::{Clock, Entropy, SystemClock, SystemEntropy};
use parking_lot::Mutex;

use super::crash::CrashIndex;
use super::reading::{Reading, Rows};
use crate::index::{FreshIndex, Index, IndexError, IndexState, Indexer, MemoryIndex, RebuildSource, SledIndex};
use crate::log::files::LogFiles;
use crate::log::for_index::LogForIndex;
use crate::log::inbox::{Barrier, Ending, Inbox};
use crate::log::preallocate::Preallocator;
use crate::log::recovery::{Recovered, recover};
use crate::log::scrub::Scrubber;
use crate::log::state::LogState;
use crate::log::storage::{FolderStorage, Storage};
use crate::log::walk::{LogWalk, place_at};
use crate::log::writer::{self, WriterParts};
use crate::options::{IndexKind, JournalOptions};
use crate::{
    AppendError, Completion, Damage, Journal, JournalError, JournalStatus, LogStream, Position, RecordStream,
    StoredHead,
};

/// Name of the lock file in the folder.
pub(crate) const LOCK_NAME: &str = "lock";
/// Name of the folder of the index in the folder.
const INDEX_FOLDER: &str = "index";

/// How far opening has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenProgress {
    /// The log is being read and checked.
    Log {
        /// Bytes read.
        done_bytes: u64,
        /// Bytes to read, about.
        total_bytes: u64,
    },
    /// The index is being filled from the log.
    Index {
        /// Records done.
        done: u64,
        /// Records in all.
        total: u64,
    },
}

/// The journal in a folder: `segment-*.kst`, `spare.kst`, `lock` and `index/`.
pub struct EmbeddedJournal {
    reading: Reading,
    inbox: Arc<Inbox>,
    cut: Option<Damage>,
    crashed: Arc<AtomicBool>,
    threads: Mutex<Threads>,
}

#[derive(Default)]
struct Threads {
    writer: Option<JoinHandle<()>>,
    scrubber: Option<Scrubber>,
    lock: Option<File>,
}

impl std::fmt::Debug for EmbeddedJournal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedJournal").field("end", &self.reading.state.end()).finish_non_exhaustive()
    }
}

/// Where an index comes from: how it is opened, and how a fresh one is made.
pub(crate) struct IndexPlace {
    pub(crate) opened: Result<Box<dyn Index>, IndexError>,
    pub(crate) fresh: FreshIndex,
}

impl IndexPlace {
    fn new(folder: PathBuf, options: &JournalOptions) -> Self {
        let sled = options.sled();
        match options.index {
            IndexKind::Sled => Self {
                opened: SledIndex::open(&folder, sled.clone()).map(|index| Box::new(index) as Box<dyn Index>),
                fresh: Box::new(move || {
                    SledIndex::fresh(&folder, sled.clone()).map(|index| Box::new(index) as Box<dyn Index>)
                }),
            },
            IndexKind::Memory => Self::memory(),
        }
    }

    pub(crate) fn memory() -> Self {
        Self {
            opened: Ok(Box::new(MemoryIndex::default())),
            fresh: Box::new(|| Ok(Box::new(MemoryIndex::default()) as Box<dyn Index>)),
        }
    }
}

impl EmbeddedJournal {
    /// Opens the journal in `folder`, which is made when it does not exist.
    ///
    /// # Errors
    /// [`JournalError::Locked`] when another process has it, [`JournalError::Format`] for a newer format,
    /// [`JournalError::Damaged`] when a segment is missing or its header unreadable, [`JournalError::Io`] when the device fails.
    pub fn open(folder: &Path, options: JournalOptions) -> Result<Self, JournalError> {
        Self::open_with(folder, options, &mut |_| {})
    }

    /// [`EmbeddedJournal::open`] with a report of how far it has come.
    ///
    /// # Errors
    /// As [`EmbeddedJournal::open`].
    pub fn open_with(
        folder: &Path,
        options: JournalOptions,
        progress: &mut dyn FnMut(OpenProgress),
    ) -> Result<Self, JournalError> {
        let lock = lock_folder(folder)?;
        let index = IndexPlace::new(folder.join(INDEX_FOLDER), &options);
        let storage: Arc<dyn Storage> = Arc::new(FolderStorage::new(folder));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        Self::assemble(storage, Some(lock), index, options, clock, &SystemEntropy, progress)
    }

    pub(crate) fn assemble(
        storage: Arc<dyn Storage>,
        lock: Option<File>,
        index: IndexPlace,
        options: JournalOptions,
        clock: Arc<dyn Clock>,
        entropy: &dyn Entropy,
        progress: &mut dyn FnMut(OpenProgress),
    ) -> Result<Self, JournalError> {
        let options = options.normalised();
        let files = Arc::new(LogFiles::new(Arc::clone(&storage), options.open_segments_max));
        let opened = index.opened.as_deref().ok();
        let recovered = recover(&files, opened, &options, &*clock, entropy, &mut |done_bytes, total_bytes| {
            progress(OpenProgress::Log { done_bytes, total_bytes });
        })?;
        let Recovered { start, state, cut, index_is_witness, unread_to, records, spare } = recovered;
        tracing::info!(records, segment = start.header.segment, offset = start.offset, "journal opened");

        let (opened, fresh): (_, FreshIndex) = if index_is_witness {
            let reason = "it knows records that the log does not have; it is kept as evidence until it is deleted";
            (Err(IndexError(reason.to_owned())), Box::new(move || Err(IndexError(reason.to_owned()))))
        } else {
            (index.opened, index.fresh)
        };
        let crashed = Arc::new(AtomicBool::new(false));
        let opened = opened.map(|index| CrashIndex::wrap(index, &crashed));
        let told = Arc::clone(&crashed);
        let fresh: FreshIndex = Box::new(move || Ok(CrashIndex::wrap(fresh()?, &told)));
        let log = Arc::new(LogForIndex { files: Arc::clone(&files), state: Arc::clone(&state) });
        let source = RebuildSource { log, fresh };
        let indexer = Arc::new(Indexer::start(opened, options.indexer(), source, Arc::clone(&clock)));
        while let IndexState::Rebuilding { done, total } = indexer.state() {
            progress(OpenProgress::Index { done, total });
            std::thread::sleep(Duration::from_millis(5));
        }

        let no_thread = |source| JournalError::Io { what: "start a thread of the journal".to_owned(), source };
        let retry = Duration::from_millis(options.preallocate_retry_ms);
        let bytes = u64::from(options.segment_bytes);
        let preallocator = Preallocator::start(storage, bytes, spare, retry, Arc::clone(&state)).map_err(no_thread)?;
        let scrubber = match unread_to {
            Some(until) => {
                Some(Scrubber::start(Arc::clone(&files), Arc::clone(&state), until, &options).map_err(no_thread)?)
            }
            None => None,
        };
        let inbox = Arc::new(Inbox::new(options.queue_records_max, options.queue_bytes_max));
        let parts = WriterParts {
            inbox: Arc::clone(&inbox),
            files: Arc::clone(&files),
            state: Arc::clone(&state),
            indexer: Arc::clone(&indexer),
            preallocator,
            options,
            clock,
        };
        let writer = writer::start(parts, start).map_err(no_thread)?;
        Ok(Self {
            reading: Reading { files, indexer, state },
            inbox,
            cut,
            crashed,
            threads: Mutex::new(Threads { writer: Some(writer), scrubber, lock }),
        })
    }

    /// Stops without writing what is queued, without a seal and without closing the index in order, as a crash would. Only for
    /// tests and benches of recovery.
    pub fn abandon(&self) {
        self.crashed.store(true, Ordering::Release);
        self.stop(Ending::Abandon);
    }

    /// Waits until the index has everything that is durable. For tests and reindexing.
    pub fn wait_for_index(&self) {
        self.reading.indexer.wait_idle();
    }

    /// Commands that the writer has not taken yet.
    #[cfg(test)]
    pub(super) fn queued(&self) -> usize {
        self.inbox.commands()
    }

    /// Where a row near the head lies.
    #[cfg(test)]
    pub(super) fn position_of(&self, cash_box: CashBoxId, row: u64) -> Position {
        self.reading.position_of(cash_box, row)
    }

    fn stop(&self, ending: Ending) {
        self.inbox.end(ending);
        let mut threads = self.threads.lock();
        if let Some(writer) = threads.writer.take() {
            // A panic there has poisoned the journal already.
            let _ = writer.join();
        }
        threads.scrubber = None;
        self.reading.indexer.close();
        // Released last: another process may open the folder only when nothing here writes any more.
        threads.lock = None;
    }

    /// Fails when the cash box is refused because of damage.
    fn admit(&self, cash_box: CashBoxId) -> Result<(), JournalError> {
        let head = if self.state().has_unproven() { self.reading.indexer.head(cash_box)? } else { None };
        self.state().admit(cash_box, head.map(|head| head.position))
    }

    fn state(&self) -> &LogState {
        &self.reading.state
    }
}

impl Drop for EmbeddedJournal {
    fn drop(&mut self) {
        self.stop(Ending::Close);
    }
}

fn lock_folder(folder: &Path) -> Result<File, JournalError> {
    let failed = |source| JournalError::Io { what: format!("lock {}", folder.display()), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let path = folder.join(LOCK_NAME);
    let file = File::options().create(true).truncate(false).write(true).open(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(JournalError::Locked(folder.display().to_string())),
        Err(std::fs::TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Deletes the index of the journal in `folder` and makes it again from the log. Gives the number of records.
///
/// # Errors
/// As [`EmbeddedJournal::open`]; [`JournalError::IndexBusy`] when the index could not be made.
pub fn reindex(
    folder: &Path,
    options: JournalOptions,
    progress: &mut dyn FnMut(OpenProgress),
) -> Result<u64, JournalError> {
    {
        let _lock = lock_folder(folder)?;
        let index = folder.join(INDEX_FOLDER);
        if index.exists() {
            std::fs::remove_dir_all(&index)
                .map_err(|source| JournalError::Io { what: format!("delete {}", index.display()), source })?;
        }
    }
    let journal = EmbeddedJournal::open_with(folder, options, progress)?;
    let total = journal.state().end().number;
    // The thread counts down what opening handed to it.
    loop {
        let lag = journal.reading.indexer.lag();
        progress(OpenProgress::Index { done: total.saturating_sub(lag), total });
        match journal.reading.indexer.state() {
            IndexState::Ok if lag == 0 => break,
            IndexState::Ok | IndexState::Rebuilding { .. } => std::thread::sleep(Duration::from_millis(5)),
            other => return Err(JournalError::IndexBusy(describe(&other).unwrap_or_default())),
        }
    }
    journal.wait_for_index();
    let records = journal.status().records;
    journal.close();
    Ok(records)
}

fn describe(state: &IndexState) -> Option<String> {
    match state {
        IndexState::Ok => None,
        IndexState::Rebuilding { done, total } => Some(format!("being rebuilt: {done} of {total} records")),
        IndexState::MemoryOnly { reason, .. } => Some(format!("in memory only: {reason}")),
        IndexState::Unavailable { reason, .. } => Some(format!("unavailable: {reason}")),
    }
}

impl Journal for EmbeddedJournal {
    fn append(&self, record: SealedRecord, done: Completion) -> Result<(), (AppendError, Completion)> {
        self.inbox.append(record, done)
    }

    fn barrier(&self, done: Box<dyn FnOnce() + Send + 'static>) {
        self.inbox.barrier(Barrier::new(done));
    }

    fn head(&self, cash_box: CashBoxId) -> Result<Option<StoredHead>, JournalError> {
        if let Some(damage) = self.state().refusal(cash_box) {
            return Err(JournalError::Damaged(damage));
        }
        let head = self.reading.indexer.head(cash_box)?;
        self.state().admit(cash_box, head.map(|head| head.position))?;
        let Some(head) = head else { return Ok(None) };
        let read = self.reading.at(cash_box, Some(head.row), head.position)?;
        Ok(Some(StoredHead { record: read.record, position: head.position }))
    }

    fn operation(&self, cash_box: CashBoxId, operation: OperationId) -> Result<Option<SealedRecord>, JournalError> {
        self.admit(cash_box)?;
        let Some(position) = self.reading.indexer.operation(cash_box, operation)? else { return Ok(None) };
        let read = self.reading.at(cash_box, None, position)?;
        if read.record.operation == Some(operation) {
            return Ok(Some(read.record));
        }
        // The key is exact, so this is not "absent": a second execution of the operation would be the worst answer.
        let damage = Damage {
            segment: position.segment,
            offset: position.offset,
            cash_box: Some(cash_box),
            row: Some(read.record.row),
            reason: format!("the index says operation {operation}, another one stands here"),
        };
        self.state().add_damage(damage.clone());
        Err(JournalError::Damaged(damage))
    }

    fn row(&self, cash_box: CashBoxId, row: u64) -> Result<Option<SealedRecord>, JournalError> {
        self.reading.row(cash_box, row)
    }

    fn receipts(
        &self,
        cash_box: CashBoxId,
        reference_key: u64,
        limit: usize,
    ) -> Result<Vec<SealedRecord>, JournalError> {
        self.admit(cash_box)?;
        let mut records = Vec::new();
        for position in self.reading.indexer.receipts(cash_box, reference_key, limit)? {
            let read = self.reading.files.read(position)?;
            // The key is 64 bits of a hash: another cash box may have the same.
            if read.record.cash_box == cash_box && read.record.reference_key == Some(reference_key) {
                records.push(read.record);
            }
        }
        Ok(records)
    }

    fn stream(&self, cash_box: CashBoxId, first_row: u64) -> Result<RecordStream<'_>, JournalError> {
        let last = self.reading.indexer.head(cash_box)?.map_or(0, |head| head.row);
        Ok(Box::new(Rows::new(self.reading.clone(), cash_box, first_row, last)))
    }

    fn end(&self) -> Position {
        self.state().end().position
    }

    fn at(&self, cash_box: CashBoxId, row: u64, position: Position) -> Result<SealedRecord, JournalError> {
        self.reading.at_or_row(cash_box, row, position)
    }

    fn log(&self, from: Option<Position>) -> Result<LogStream<'_>, JournalError> {
        let Reading { files, state, .. } = &self.reading;
        Ok(Box::new(LogWalk::new(Arc::clone(files), Arc::clone(state), from)?))
    }

    fn place_at(&self, time_ns: i64) -> Result<Option<Position>, JournalError> {
        place_at(&self.reading.files, time_ns)
    }

    fn configuration(&self, cash_box: CashBoxId) -> Result<Option<Vec<u8>>, JournalError> {
        Ok(self.reading.indexer.configuration(cash_box)?)
    }

    fn cash_box_of(&self, queue: QueueId) -> Result<Option<CashBoxId>, JournalError> {
        Ok(self.reading.indexer.cash_box_of(queue)?)
    }

    fn cash_boxes(&self, after: Option<CashBoxId>, limit: usize) -> Result<Vec<CashBoxId>, JournalError> {
        Ok(self.reading.indexer.cash_boxes(after, limit)?)
    }

    fn unfinished(&self) -> Result<Vec<CashBoxId>, JournalError> {
        Ok(self.reading.indexer.unfinished()?)
    }

    fn forget(&self, cash_box: CashBoxId) {
        self.inbox.forget(cash_box);
    }

    fn status(&self) -> JournalStatus {
        let state = self.state();
        JournalStatus {
            stopped: state.stopped(),
            no_space: state.no_space(),
            index_lag_records: self.reading.indexer.lag(),
            index: describe(&self.reading.indexer.state()),
            damages: state.damages(),
            cut: self.cut.clone(),
            records: state.end().number,
        }
    }

    fn close(&self) {
        self.stop(Ending::Close);
    }
}
