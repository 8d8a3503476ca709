//! A look at the files of a sled 0.34 store before sled opens them.
//!
//! What sled wrote before its last snapshot is guarded by checksums whenever it is read. What it wrote since is different: when
//! opening, sled takes a message with a bad checksum for the end of that segment and goes on with the next one, so that keys are
//! lost without a word (measured: one flipped byte in a few hundred after a kill). For an index that is a wrong "absent", for a
//! callback a promise broken. So all messages since the snapshot are checked here first. Only the last segments may be torn. What
//! an index held there is applied again, because the replay begins before the last write of the store, and at least its margin
//! before the end; a store of callbacks is compared with the sum of its open messages.
//!
//! Segment of 512 KiB: checksum (4, inverted), log number (8) and stable number (8), both inverted but for the sign; then messages.
//! Message: checksum (4, inverted; over the body, then the rest of the head), kind (1), length, segment number, page (each of
//! variable length), body.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// `segment_size` of sled; its default, which this crate never changes.
const SEGMENT_BYTES: usize = 512 * 1024;
const SEGMENT_HEAD_BYTES: usize = 20;
/// A message begins only where this many bytes are left in its segment.
const MESSAGE_HEAD_BYTES_MAX: usize = 32;
/// The newest segments, which a stop may have torn: 1.5 MiB. Runs in them are checked by their checksums besides.
const TORN_SEGMENTS_MAX: u64 = 3;

const KIND_CAP: u8 = 2;
const KIND_LAST: u8 = 11;

/// Checks the store in `store`; `Some` says what is damaged. A store that does not exist is whole.
pub(crate) fn damage(store: &Path) -> io::Result<Option<String>> {
    let file = match File::open(store.join("db")) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let bytes = file.metadata()?.len();
    let segment_bytes = SEGMENT_BYTES as u64;
    let first = snapshot_number(store)? / segment_bytes;
    let mut since = Vec::new();
    for place in 0..bytes.div_ceil(segment_bytes) {
        let offset = place.saturating_mul(segment_bytes);
        let mut head = [0; SEGMENT_HEAD_BYTES];
        read_up_to(&file, &mut head, offset)?;
        if head == [0; SEGMENT_HEAD_BYTES] {
            continue;
        }
        match segment_number(&head) {
            Some(number) if number >= first => since.push((number, offset)),
            Some(_) => {}
            None => return Ok(Some(format!("the head of the segment at {offset}"))),
        }
    }
    let newest = since.iter().map(|(number, _)| *number).max().unwrap_or(0);
    let mut segment = vec![0; SEGMENT_BYTES];
    for (number, offset) in since {
        if number.saturating_add(TORN_SEGMENTS_MAX) > newest {
            continue;
        }
        segment.fill(0);
        read_up_to(&file, &mut segment, offset)?;
        if let Some(at) = bad_message(&segment, number) {
            return Ok(Some(format!("the message at {offset} + {at}")));
        }
    }
    Ok(None)
}

/// Log number up to which the newest snapshot goes, from its name; 0 when there is none.
fn snapshot_number(store: &Path) -> io::Result<u64> {
    let mut newest = 0;
    for entry in fs::read_dir(store)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("snap."));
        newest = newest.max(number.and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or(0));
    }
    Ok(newest)
}

/// Reads what there is; the rest of `bytes` stays as it is.
fn read_up_to(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    let mut done = 0;
    while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset.saturating_add(done as u64)) {
            Ok(0) => break,
            Ok(count) => done = done.saturating_add(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Number of a segment in the log, or `None` when its head is damaged.
fn segment_number(head: &[u8; SEGMENT_HEAD_BYTES]) -> Option<u64> {
    let (checksum, numbers) = head.split_first_chunk::<4>()?;
    if crc32fast::hash(numbers) != !u32::from_le_bytes(*checksum) {
        return None;
    }
    let number = u64::from_le_bytes(*numbers.first_chunk::<8>()?) ^ (u64::MAX >> 1);
    Some(number / SEGMENT_BYTES as u64)
}

/// Offset of the first message that is damaged, if any.
fn bad_message(segment: &[u8], segment_number: u64) -> Option<usize> {
    let mut at = SEGMENT_HEAD_BYTES;
    while at.saturating_add(MESSAGE_HEAD_BYTES_MAX) <= segment.len() {
        match message(segment.get(at..).unwrap_or_default(), segment_number) {
            Some((KIND_CAP, _)) => return None,
            Some((_, bytes)) => at = at.saturating_add(bytes),
            None => return Some(at),
        }
    }
    None
}

/// Kind and whole length of the message at the beginning of `bytes`, or `None` when it is damaged.
fn message(bytes: &[u8], segment_number: u64) -> Option<(u8, usize)> {
    let (checksum, rest) = bytes.split_first_chunk::<4>()?;
    let (kind, rest) = rest.split_first()?;
    let (length, rest) = variable(rest)?;
    let (number, rest) = variable(rest)?;
    let (_page, rest) = variable(rest)?;
    let head = bytes.len().saturating_sub(rest.len());
    let body = rest.get(..usize::try_from(length).ok()?)?;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(body);
    hasher.update(bytes.get(4..head)?);
    let whole = hasher.finalize() == !u32::from_le_bytes(*checksum);
    let known = (1..=KIND_LAST).contains(kind) && number == segment_number;
    (whole && known).then(|| (*kind, head.saturating_add(body.len())))
}

/// A number of 1 to 9 bytes.
fn variable(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let long = u64::from(*first);
    match first {
        0..=240 => Some((long, rest)),
        241..=248 => {
            let (low, rest) = rest.split_first()?;
            let high = long.saturating_sub(241).saturating_mul(256);
            Some((high.saturating_add(240).saturating_add(u64::from(*low)), rest))
        }
        249 => {
            let ([high, low], rest) = rest.split_first_chunk::<2>()?;
            Some((u64::from(u16::from_be_bytes([*high, *low])).saturating_add(2_288), rest))
        }
        _ => {
            let count = usize::from(*first).saturating_sub(247);
            let (low, rest) = rest.split_at_checked(count)?;
            let mut number = [0; 8];
            number.iter_mut().zip(low).for_each(|(place, byte)| *place = *byte);
            Some((u64::from_le_bytes(number), rest))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests {
    use std::os::unix::fs::FileExt as _;

    use super::*;

    /// A store of several segments as a kill leaves it: a copy of the files while sled has them open.
    fn killed(keys: u64) -> tempfile::TempDir {
        let live = tempfile::tempdir().unwrap();
        let db = sled::Config::new().path(live.path()).flush_every_ms(None).open().unwrap();
        for n in 0..keys {
            db.insert(n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes(), vec![7; 100]).unwrap();
        }
        db.flush().unwrap();
        let copy = tempfile::tempdir().unwrap();
        for name in ["db", "conf"] {
            fs::copy(live.path().join(name), copy.path().join(name)).unwrap();
        }
        copy
    }

    #[test]
    fn a_killed_store_is_whole_and_every_byte_of_an_older_segment_is_guarded() {
        let store = killed(40_000);
        assert_eq!(damage(store.path()).unwrap(), None);
        let file = File::options().read(true).write(true).open(store.path().join("db")).unwrap();
        let segments = file.metadata().unwrap().len() / SEGMENT_BYTES as u64;
        assert!(segments > 2 * TORN_SEGMENTS_MAX, "{segments}");
        for place in 0..600_u64 {
            // In the first segment, all bytes of its head and the first messages, then spread.
            let at = if place < 300 { place } else { place * 1_700 % SEGMENT_BYTES as u64 };
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_all_at(&[byte[0] ^ (1 << (place % 8))], at).unwrap();
            let mut segment = vec![0; SEGMENT_BYTES];
            file.read_exact_at(&mut segment, 0).unwrap();
            let capped = at > 300 && bad_message(&segment, 0).is_none();
            assert!(damage(store.path()).unwrap().is_some() || capped, "byte {at}");
            file.write_all_at(&byte, at).unwrap();
        }
        assert_eq!(damage(store.path()).unwrap(), None);
    }

    #[test]
    fn a_store_that_is_not_there_is_whole() {
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(damage(empty.path()).unwrap(), None);
        assert_eq!(damage(&empty.path().join("none")).unwrap(), None);
    }

    #[test]
    fn numbers_of_variable_length() {
        for (bytes, number) in [
            (vec![240], 240),
            (vec![241, 0], 240),
            (vec![248, 255], 2_287),
            (vec![249, 0, 0], 2_288),
            (vec![249, 255, 255], 67_823),
            (vec![250, 1, 2, 3], 0x03_02_01),
            (vec![255, 1, 0, 0, 0, 0, 0, 0, 0x80], 0x8000_0000_0000_0001),
        ] {
            assert_eq!(variable(&bytes), Some((number, &[][..])), "{bytes:?}");
            assert_eq!(variable(&bytes[..bytes.len() - 1]), None);
        }
    }
}
