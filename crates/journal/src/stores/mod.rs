//! The stores behind the [`crate::Journal`] trait, one file each.
//!
//! Purpose: the same promises kept in different ways: on disk, in memory for tests, not at all for benches.
//! Owns: [`EmbeddedJournal`], [`MemoryJournal`], [`NullJournal`].
//! Invariants: all but the last pass the same contract suite.
//! Not here: the byte form of the log (`log`), looking things up (`index`).

use kassette_model::CashBoxId;

use crate::{Damage, JournalError, Position};

mod crash;
mod embedded;
mod memory;
mod null;
mod reading;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may stop")]
mod tests;

pub(crate) use embedded::LOCK_NAME;
/// Place of the `number`th record (from 1) of a store without files.
fn counted(number: u64) -> Position {
    let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
    Position { segment: u32::from_be_bytes([a, b, c, d]).saturating_add(1), offset: u32::from_be_bytes([e, f, g, h]) }
}

/// A record that was looked for is not there.
fn not_there(cash_box: CashBoxId, row: u64, position: Position, reason: &str) -> JournalError {
    let Position { segment, offset } = position;
    JournalError::Damaged(Damage {
        segment,
        offset,
        cash_box: Some(cash_box),
        row: Some(row),
        reason: reason.to_owned(),
    })
}

pub use embedded::{EmbeddedJournal, OpenProgress, reindex};
pub use memory::{MemoryFault, MemoryJournal};
pub use null::NullJournal;
