//! Operations and receipt references in the sled store: sorted runs of fixed-size entries instead of a key each.
//!
//! Purpose: a look-up key a record costs sled 10 to 20 µs each, random keys most of all; written a few thousand at a time, sorted,
//! in blocks of 128, they cost well under a microsecond.
//! Owns: entries and their keys, blocks in sled, the runs with their filters, merging of runs behind the hot path.
//! Invariants: a run is named in the list of runs only after all its blocks are with the operating system; it never changes
//! afterwards; merging replaces runs by one with the same entries; a filter never says "absent" for an entry of its run.
//! Not here: which records are covered (the checkpoint), heads, rows and configurations (`sled_store`).

mod block;
mod merge;
mod run;
mod set;

#[cfg(test)]
mod tests;

pub(super) use block::LIST_KEY;
pub(super) use set::RunSet;

use kassette_model::{CashBoxId, OperationId};
use sha2::{Digest as _, Sha256};

use crate::Position;

/// A look-up key and where its record lies. Ordered by the key, then by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) key: u128,
    pub(super) position: Position,
}

/// Set in the keys of receipt references, clear in those of operations.
const RECEIPT: u128 = 1 << 127;
/// Bits below the reference key: room for the row.
const ROW_BITS: u32 = 63;

/// Key of an operation: 127 bits of a hash, so that nobody can choose an id that meets one of another cash box.
pub(super) fn operation_key(cash_box: CashBoxId, operation: OperationId) -> u128 {
    let digest = Sha256::new().chain_update(cash_box.bytes()).chain_update(operation.bytes()).finalize();
    let first = digest.first_chunk::<16>().copied().unwrap_or_default();
    u128::from_be_bytes(first) >> 1
}

/// Key of a sign record: all with one reference key stand together, in the order of their rows.
pub(super) fn receipt_key(reference_key: u64, row: u64) -> u128 {
    RECEIPT | u128::from(reference_key) << ROW_BITS | u128::from(row & (u64::MAX >> 1))
}

/// What a filter keeps of a key: the same for every row of one reference.
const fn filter_hash(key: u128) -> u64 {
    #[expect(clippy::cast_possible_truncation, reason = "the top bit tells operations from receipts and is left out")]
    let hash = (key >> ROW_BITS) as u64;
    hash
}
