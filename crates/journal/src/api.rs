//! What every journal store promises. One contract suite (`contract`) is run over all of them.

use std::fmt;

use kassette_model::{CashBoxId, OperationId, QueueId};
use kassette_record::{Hash, SealedRecord};

/// Where a record lies: segment number and byte offset in it. Only meaningful to the store that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Segment number, from 1.
    pub segment: u32,
    /// Byte offset of the frame in the segment.
    pub offset: u32,
}

impl Position {
    /// The place right behind the record here: no record lies between. [`Journal::log`] reads on from there.
    #[must_use]
    pub const fn behind(self) -> Self {
        Self { segment: self.segment, offset: self.offset.saturating_add(1) }
    }
}

/// Called exactly once from a thread of the store, in the order of the appends of one cash box: `Ok` when the record is
/// durable. Those with `Ok` come in the order of their positions, over all cash boxes. Must be short and must not call the journal.
pub type Completion = Box<dyn FnOnce(Result<Position, AppendError>) + Send + 'static>;

/// Why a record was not appended. After any of these the record is not in the journal (or, for `Poisoned`, nobody may say
/// whether it is: the process must restart and look).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The queue of the writer is full: come back soon.
    #[error("the queue of the journal writer is full")]
    Busy,
    /// The record does not follow the last one of its cash box (an earlier append failed): restore the cash box.
    #[error("the record of row {row} does not follow row {last} of its cash box")]
    Unlinked {
        /// Row of the record.
        row: u64,
        /// Last row in the journal.
        last: u64,
    },
    /// No space on the device. Nothing was written; it may be tried again when space returns.
    #[error("no space left for the journal: {0}")]
    NoSpace(String),
    /// A write or sync failed. No further append until restart.
    #[error("the journal stopped after a failed write or sync: {0}")]
    Poisoned(String),
    /// The record is larger than a segment can hold.
    #[error("a record of {bytes} bytes is larger than the limit of {limit_bytes}")]
    TooLarge {
        /// Size of the record.
        bytes: usize,
        /// `record_bytes_max`.
        limit_bytes: usize,
    },
    /// This cash box is touched by damage and refused until an operator decides.
    #[error("the journal of this cash box is damaged: {0}")]
    Damaged(String),
    /// The journal is being closed.
    #[error("the journal is closed")]
    Closed,
}

/// Why the journal could not be read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The device failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, with the file.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Bytes are not what was written.
    #[error("{0}")]
    Damaged(Damage),
    /// The folder is used by another process.
    #[error("{0} is in use by another process")]
    Locked(String),
    /// The folder holds a format that this program does not know.
    #[error("{0}")]
    Format(String),
    /// The index is being rebuilt and cannot say yet whether something exists.
    #[error("the index is being rebuilt: {0}")]
    IndexBusy(String),
    /// The journal is closed.
    #[error("the journal is closed")]
    Closed,
}

/// One damaged place, named as exactly as it can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Segment number.
    pub segment: u32,
    /// Byte offset in the segment.
    pub offset: u32,
    /// Cash box, when the header could still be read.
    pub cash_box: Option<CashBoxId>,
    /// Journal row, when the header could still be read.
    pub row: Option<u64>,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "segment {}, offset {}", self.segment, self.offset)?;
        if let Some(cash_box) = self.cash_box {
            write!(f, ", cash box {cash_box}")?;
        }
        if let Some(row) = self.row {
            write!(f, ", row {row}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// The last durable record of a cash box.
#[derive(Debug, Clone)]
pub struct StoredHead {
    /// The record.
    pub record: SealedRecord,
    /// Where it lies.
    pub position: Position,
}

/// How the journal stands; for `readyz`, logs and tests.
#[derive(Debug, Clone, Default)]
pub struct JournalStatus {
    /// Why no further append is possible, if so (poisoned or closed).
    pub stopped: Option<String>,
    /// Set while the device has no space.
    pub no_space: Option<String>,
    /// Records appended but not yet in the index.
    pub index_lag_records: u64,
    /// State of the index when it is not in order (being rebuilt, in memory only).
    pub index: Option<String>,
    /// Known damage.
    pub damages: Vec<Damage>,
    /// What recovery cut off at opening.
    pub cut: Option<Damage>,
    /// Records in the journal, as far as known.
    pub records: u64,
}

/// Records of one cash box in order of their rows.
pub type RecordStream<'a> = Box<dyn Iterator<Item = Result<SealedRecord, JournalError>> + Send + 'a>;

/// Records of all cash boxes in the order of the log, each with its place.
pub type LogStream<'a> = Box<dyn Iterator<Item = Result<(Position, SealedRecord), JournalError>> + Send + 'a>;

/// A store of records. Nothing above may assume that a cash box can only live in this process.
///
/// All methods are safe to call from any thread. Reads see every record whose completion was called with `Ok`.
pub trait Journal: Send + Sync + 'static {
    /// Queues `record`; `done` is called when it is durable or refused. Appends of one cash box keep their order. Never blocks
    /// on the disk.
    ///
    /// # Errors
    /// Gives the record's completion back unused, with the reason, when it could not even be queued.
    fn append(&self, record: SealedRecord, done: Completion) -> Result<(), (AppendError, Completion)>;

    /// Calls `done` after every append queued before it has had its completion called.
    fn barrier(&self, done: Box<dyn FnOnce() + Send + 'static>);

    /// The last durable record of a cash box, or `None` when it has none.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    fn head(&self, cash_box: CashBoxId) -> Result<Option<StoredHead>, JournalError>;

    /// The record with the newest state of an operation.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    fn operation(&self, cash_box: CashBoxId, operation: OperationId) -> Result<Option<SealedRecord>, JournalError>;

    /// The record at a row.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    fn row(&self, cash_box: CashBoxId, row: u64) -> Result<Option<SealedRecord>, JournalError>;

    /// Sign records whose reference key is `reference_key` (see `kassette_record::reference_key`), newest first, at most
    /// `limit`. May contain records of another reference with the same key: compare.
    ///
    /// # Errors
    /// When one cannot be read, or is damaged.
    fn receipts(
        &self,
        cash_box: CashBoxId,
        reference_key: u64,
        limit: usize,
    ) -> Result<Vec<SealedRecord>, JournalError>;

    /// Records from `first_row` to the head at the time of the call; reads lazily and holds no lock meanwhile.
    ///
    /// # Errors
    /// When the start cannot be found.
    fn stream(&self, cash_box: CashBoxId, first_row: u64) -> Result<RecordStream<'_>, JournalError>;

    /// Where the log ends: everything before it is durable and readable, and every later record gets a place at or after it.
    /// Completions of records before it may still be about to be called; [`Journal::barrier`] tells when all were.
    fn end(&self) -> Position;

    /// The record `row` of a cash box, which lies at `position` as its completion said. When it does not lie there, because whoever
    /// kept the position has lost it, it is looked for by its row.
    ///
    /// # Errors
    /// When it cannot be read, is damaged or does not exist.
    fn at(&self, cash_box: CashBoxId, row: u64, position: Position) -> Result<SealedRecord, JournalError>;

    /// All records at or after `from` (what [`Journal::end`], [`Journal::place_at`], a completion or [`Position::behind`] gave; the
    /// beginning when `None`) in the order of the log, up to its end at the time of the call; reads lazily and holds no lock
    /// meanwhile.
    ///
    /// A damaged place is given out once, as [`JournalError::Damaged`], and reading goes on behind it. After [`JournalError::Io`]
    /// the rest of that segment is left out: what is there may be readable at another time.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when the log ends before `from`.
    fn log(&self, from: Option<Position>) -> Result<LogStream<'_>, JournalError>;

    /// A place of the log such that every record made at or after `time_ns` (its details say when, in nanoseconds since the Unix
    /// epoch) lies at or after it; may be earlier than necessary. `None` is the beginning.
    ///
    /// # Errors
    /// When the device fails.
    fn place_at(&self, time_ns: i64) -> Result<Option<Position>, JournalError>;

    /// Configuration in force of a cash box (the JSON of its last configured record), or `None` when there is no such cash box.
    ///
    /// # Errors
    /// When it cannot be read.
    fn configuration(&self, cash_box: CashBoxId) -> Result<Option<Vec<u8>>, JournalError>;

    /// Cash box of a queue.
    ///
    /// # Errors
    /// When it cannot be read.
    fn cash_box_of(&self, queue: QueueId) -> Result<Option<CashBoxId>, JournalError>;

    /// Ids of cash boxes after `after` in order of their bytes, at most `limit`.
    ///
    /// # Errors
    /// When the registry cannot be read.
    fn cash_boxes(&self, after: Option<CashBoxId>, limit: usize) -> Result<Vec<CashBoxId>, JournalError>;

    /// Cash boxes with operations that were accepted and have not ended; they are few. One too many may be among them.
    ///
    /// # Errors
    /// When it cannot be said now.
    fn unfinished(&self) -> Result<Vec<CashBoxId>, JournalError>;

    /// Tells the store that a cash box was passivated, so that it may drop what it keeps in memory for it.
    fn forget(&self, cash_box: CashBoxId);

    /// How the journal stands.
    fn status(&self) -> JournalStatus;

    /// Flushes, seals the log, stops the threads. Later appends are refused with [`AppendError::Closed`].
    fn close(&self);
}

/// Hash and row of a head, as the writer checks links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Last row.
    pub row: u64,
    /// Hash of that record.
    pub hash: Hash,
}
