//! Bytes of keys and values in the sled store (the table is in `sled_store`).

use kassette_record::Hash;

use super::{Checkpoint, HeadEntry};
use crate::Position;

/// A key of exactly `N` bytes: the letter and the parts.
pub(super) fn key<const N: usize>(letter: u8, parts: &[&[u8]]) -> [u8; N] {
    let mut bytes = [0; N];
    let all = std::iter::once(letter).chain(parts.iter().flat_map(|part| part.iter().copied()));
    for (place, byte) in bytes.iter_mut().zip(all) {
        *place = byte;
    }
    bytes
}

pub(super) const fn row_bytes(row: u64) -> [u8; 6] {
    let [_, _, a, b, c, d, e, f] = row.to_be_bytes();
    [a, b, c, d, e, f]
}

pub(super) const fn row_from([a, b, c, d, e, f]: [u8; 6]) -> u64 {
    u64::from_be_bytes([0, 0, a, b, c, d, e, f])
}

pub(super) const fn position_bytes(position: Position) -> [u8; 8] {
    let [a, b, c, d] = position.segment.to_be_bytes();
    let [e, f, g, h] = position.offset.to_be_bytes();
    [a, b, c, d, e, f, g, h]
}

pub(super) const fn position_from([a, b, c, d, e, f, g, h]: [u8; 8]) -> Position {
    Position { segment: u32::from_be_bytes([a, b, c, d]), offset: u32::from_be_bytes([e, f, g, h]) }
}

/// 48 bytes: a number, a position, a hash.
pub(super) fn numbered(number: u64, position: Position, hash: Hash) -> Vec<u8> {
    [number.to_be_bytes().as_slice(), &position_bytes(position), &hash.0].concat()
}

pub(super) fn checkpoint_bytes(checkpoint: &Checkpoint) -> Vec<u8> {
    numbered(checkpoint.number, checkpoint.position, checkpoint.hash)
}

pub(super) fn head_bytes(head: &HeadEntry) -> Vec<u8> {
    numbered(head.row, head.position, head.hash)
}

/// Number or row, position, hash.
pub(super) fn numbered_from(bytes: &[u8]) -> Option<(u64, Position, Hash)> {
    let (number, rest) = bytes.split_first_chunk::<8>()?;
    let (position, hash) = rest.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*number), position_from(*position), Hash(hash.try_into().ok()?)))
}

pub(super) fn head_from(bytes: &[u8]) -> Option<HeadEntry> {
    numbered_from(bytes).map(|(row, position, hash)| HeadEntry { row, hash, position })
}
