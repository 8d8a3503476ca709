//! The log and its stores: the only crate below the edge that writes to a disk.
//!
//! Purpose: make records durable in order, find them again, and say plainly when something is wrong.
//! Owns: the [`Journal`] trait with its contract suite, the embedded segment log, the in-memory journal, the index, the journal
//! export and offline verification.
//! Invariants: nothing is acknowledged before it is durable; the log is the truth and the index can be rebuilt from it; a failed
//! sync stops the writer for good; only the tail of the last unsealed batch may ever be cut, and the cut is reported.
//! Not here: what a record means (`record`, `cashbox`), keys and exports of a market (the edge).

mod api;
pub mod callbacks;
pub mod contract;
pub mod export;
pub mod index;
pub mod log;
mod options;
mod sled_files;
mod stores;
pub mod verify;

pub use api::{
    AppendError, Completion, Damage, Journal, JournalError, JournalStatus, Link, LogStream, Position, RecordStream,
    StoredHead,
};
pub use options::{IndexKind, JournalOptions, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN};
pub use stores::{EmbeddedJournal, MemoryFault, MemoryJournal, NullJournal, OpenProgress, reindex};
