//! The stores behind the [`crate::Journal`] trait, one file each.
//!
//! Purpose: the same promises kept in different ways: on disk, in memory for tests, not at all for benches.
//! Owns: [`EmbeddedJournal`], [`MemoryJournal`], [`NullJournal`].
//! Invariants: all but the last pass the same contract suite.
//! Not here: the byte form of the log (`log`), looking things up (`index`).

mod crash;
mod embedded;
mod memory;
mod null;
mod reading;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may stop")]
mod tests;

pub(crate) use embedded::LOCK_NAME;
pub use embedded::{EmbeddedJournal, OpenProgress, reindex};
pub use memory::{MemoryFault, MemoryJournal};
pub use null::NullJournal;
