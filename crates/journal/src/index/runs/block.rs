//! Blocks of entries as bytes, and the keys under which sled keeps them.
//!
//! | key | value |
//! |---|---|
//! | `s` run (8) first entry (24) | entries, 24 bytes each: key (16), position (8), ascending |
//! | `f` run (8) part (4) | words of the filter of the run, 8 bytes each, little-endian |
//! | `ml` | the runs, 28 bytes each: number (8), entries (8), blocks (4), checksum over all blocks (4), words of the filter (4) |

use super::super::sled_bytes::{key, position_bytes, position_from};
use super::Entry;
use crate::Position;

/// Entries in one block, at most.
pub(crate) const BLOCK_ENTRIES: usize = 128;
/// Bytes of an entry.
pub(crate) const ENTRY_BYTES: usize = 24;
/// Words of a filter under one key.
pub(crate) const FILTER_PART_WORDS: usize = 512;
/// Key of the list of runs.
pub(crate) const LIST_KEY: &[u8] = b"ml";

/// Length of a block's key.
pub(crate) const BLOCK_KEY_BYTES: usize = 33;

pub(crate) fn entry_bytes(entry: &Entry) -> [u8; ENTRY_BYTES] {
    let mut bytes = [0; ENTRY_BYTES];
    let all = entry.key.to_be_bytes().into_iter().chain(position_bytes(entry.position));
    for (place, byte) in bytes.iter_mut().zip(all) {
        *place = byte;
    }
    bytes
}

pub(crate) fn entry_from(bytes: &[u8]) -> Option<Entry> {
    let (key, position) = bytes.split_first_chunk::<16>()?;
    let position = position_from(position.try_into().ok()?);
    Some(Entry { key: u128::from_be_bytes(*key), position })
}

pub(crate) fn block_key(run: u64, first: &Entry) -> [u8; BLOCK_KEY_BYTES] {
    key(b's', &[&run.to_be_bytes(), &entry_bytes(first)])
}

/// Run of a block's key.
pub(crate) fn run_of(key: &[u8]) -> Option<u64> {
    key.get(1..9).and_then(|bytes| Some(u64::from_be_bytes(bytes.try_into().ok()?)))
}

pub(crate) fn filter_key(run: u64, part: u32) -> [u8; 13] {
    key(b'f', &[&run.to_be_bytes(), &part.to_be_bytes()])
}

/// The lowest and the highest entry that can be.
pub(crate) const FIRST: Entry = Entry { key: 0, position: Position { segment: 0, offset: 0 } };
pub(crate) const LAST: Entry = Entry { key: u128::MAX, position: Position { segment: u32::MAX, offset: u32::MAX } };

/// Entries of a block; `None` when it is malformed or not ascending.
pub(crate) fn entries(bytes: &[u8]) -> Option<Vec<Entry>> {
    if bytes.is_empty() || !bytes.len().is_multiple_of(ENTRY_BYTES) {
        return None;
    }
    let entries: Vec<Entry> = bytes.chunks_exact(ENTRY_BYTES).map(entry_from).collect::<Option<_>>()?;
    entries.is_sorted_by(|one, other| one < other).then_some(entries)
}
