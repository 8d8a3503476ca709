//! The log: segments of frames, one writer, recovery, reading.
//!
//! Purpose: keep records durable in one order, with one sync for all that wait.
//! Owns: the format of [`segment`] and [`frame`], the writer thread, preallocation, recovery, the scrubber.
//! Invariants: a completion says `Ok` only after a sync that covers its record; a failed write or sync ends the writer; nothing
//! but the torn end of the last unsealed batch is ever overwritten.
//! Not here: finding records (`index`), what a record means (`record`).

pub mod check;
pub mod files;
pub mod for_index;
pub mod frame;
pub mod inbox;
pub mod pass;
pub mod preallocate;
pub mod recovery;
pub mod scan;
pub mod scrub;
pub mod segment;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
pub(crate) mod simulated;
pub mod state;
pub mod storage;
pub mod walk;
pub mod writer;
