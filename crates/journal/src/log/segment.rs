//! A segment: a preallocated file of frames behind a header block.

use crate::log::storage::{SegmentFile, Storage};
use crate::{Damage, JournalError};

/// Version of the format of segments and frames.
pub const FORMAT_VERSION: u32 = 1;
/// First bytes of each copy of the header.
pub const SEGMENT_MAGIC: [u8; 8] = *b"KASSETTE";
/// Length of the header block, after which the first frame stands. A block of its own, so that no write of a frame can tear it.
pub const HEADER_BLOCK_BYTES: u32 = 4096;
/// Name of the file that is zeroed ahead for the next segment.
pub const SPARE_NAME: &str = "spare.kst";
/// Name of the spare while it is being zeroed.
pub const SPARE_UNFINISHED_NAME: &str = "spare.new";

const COPY_BYTES: usize = 2048;
const CRC_AT: usize = COPY_BYTES - 4;

/// Header block of a segment, 4096 bytes: the same copy of 2048 bytes twice, so that a damaged one is named and the segment
/// can still be read. All integers little-endian.
///
/// | offset in a copy | bytes | field |
/// |---|---|---|
/// | 0 | 8 | `KASSETTE` |
/// | 8 | 4 | format version = 1; magic, version and checksum keep their places in every version |
/// | 12 | 4 | segment number, from 1 |
/// | 16 | 16 | log id: random, the same in all segments of a folder |
/// | 32 | 8 | number of the first record that this segment can hold |
/// | 40 | 8 | number of the first batch that this segment can hold |
/// | 48 | 8 | created, nanoseconds since the Unix epoch, signed |
/// | 56 | 8 | size of the segment file in bytes |
/// | 64 | 1980 | zeros |
/// | 2044 | 4 | CRC-32C of bytes 0 to 2043 |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Segment number, from 1.
    pub segment: u32,
    /// Random id of the log; enters the checksum of every frame, so that no frame of another log, and no bytes of a body, can
    /// pass for a frame of this one.
    pub log_id: [u8; 16],
    /// Number of the first record that this segment can hold.
    pub first_record: u64,
    /// Number of the first batch that this segment can hold.
    pub first_batch: u64,
    /// When it was created, nanoseconds since the Unix epoch.
    pub created_ns: i64,
    /// Size of the file in bytes.
    pub bytes: u32,
}

/// File name of a segment.
#[must_use]
pub fn segment_name(segment: u32) -> String {
    format!("segment-{segment:08}.kst")
}

/// Reads [`segment_name`].
#[must_use]
pub fn segment_number(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("segment-")?.strip_suffix(".kst")?;
    if digits.len() != 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|number| *number > 0)
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    at.checked_add(N).and_then(|end| bytes.get(at..end)).and_then(|part| part.try_into().ok()).unwrap_or([0; N])
}

impl SegmentHeader {
    /// The header block.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut copy = Vec::with_capacity(COPY_BYTES);
        copy.extend_from_slice(&SEGMENT_MAGIC);
        copy.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        copy.extend_from_slice(&self.segment.to_le_bytes());
        copy.extend_from_slice(&self.log_id);
        copy.extend_from_slice(&self.first_record.to_le_bytes());
        copy.extend_from_slice(&self.first_batch.to_le_bytes());
        copy.extend_from_slice(&self.created_ns.to_le_bytes());
        copy.extend_from_slice(&u64::from(self.bytes).to_le_bytes());
        copy.resize(CRC_AT, 0);
        let crc = crc32c::crc32c(&copy);
        copy.extend_from_slice(&crc.to_le_bytes());
        let mut block = copy.clone();
        block.extend_from_slice(&copy);
        block
    }

    fn decode_copy(copy: &[u8]) -> Option<Self> {
        if copy.len() != COPY_BYTES || crc32c::crc32c(copy.get(..CRC_AT)?) != u32::from_le_bytes(field(copy, CRC_AT)) {
            return None;
        }
        if field::<8>(copy, 0) != SEGMENT_MAGIC || u32::from_le_bytes(field(copy, 8)) != FORMAT_VERSION {
            return None;
        }
        Some(Self {
            segment: u32::from_le_bytes(field(copy, 12)),
            log_id: field(copy, 16),
            first_record: u64::from_le_bytes(field(copy, 32)),
            first_batch: u64::from_le_bytes(field(copy, 40)),
            created_ns: i64::from_le_bytes(field(copy, 48)),
            bytes: u32::try_from(u64::from_le_bytes(field(copy, 56))).ok()?,
        })
    }

    /// Reads a header block of the segment `segment`; the second part names a damaged copy when only one of them is whole.
    ///
    /// # Errors
    /// [`JournalError::Format`] for a newer version, [`JournalError::Damaged`] when no copy is whole.
    pub fn decode(block: &[u8], segment: u32) -> Result<(Self, Option<Damage>), JournalError> {
        let (first, second) = block.split_at_checked(COPY_BYTES).unwrap_or((block, &[]));
        let damage = |offset: usize, reason: &str| Damage {
            segment,
            offset: u32::try_from(offset).unwrap_or(u32::MAX),
            cash_box: None,
            row: None,
            reason: reason.to_owned(),
        };
        let (header, named) = match (Self::decode_copy(first), Self::decode_copy(second)) {
            (Some(header), Some(copy)) if header == copy => (header, None),
            (Some(_), Some(_)) => {
                return Err(JournalError::Damaged(damage(0, "the two copies of the segment header differ")));
            }
            (Some(header), None) => {
                (header, Some(damage(COPY_BYTES, "second copy of the segment header: checksum does not match")))
            }
            (None, Some(header)) => {
                (header, Some(damage(0, "first copy of the segment header: checksum does not match")))
            }
            (None, None) => {
                let newer = [first, second].into_iter().find_map(|copy| {
                    let whole = copy.len() == COPY_BYTES
                        && crc32c::crc32c(copy.get(..CRC_AT)?) == u32::from_le_bytes(field(copy, CRC_AT))
                        && field::<8>(copy, 0) == SEGMENT_MAGIC;
                    whole.then(|| u32::from_le_bytes(field(copy, 8)))
                });
                return Err(match newer {
                    Some(version) => JournalError::Format(format!(
                        "{} is of journal format version {version}, this program knows version {FORMAT_VERSION}: use the \
                         program that wrote it, or a newer one",
                        segment_name(segment)
                    )),
                    None => JournalError::Damaged(damage(0, "segment header: neither copy can be read")),
                });
            }
        };
        if header.segment != segment {
            let reason = format!("the file {} holds segment {}", segment_name(segment), header.segment);
            return Err(JournalError::Damaged(damage(0, &reason)));
        }
        Ok((header, named))
    }

    /// Reads the header of an open segment.
    ///
    /// # Errors
    /// As [`SegmentHeader::decode`], or when the device fails.
    pub fn read(file: &dyn SegmentFile, segment: u32) -> Result<(Self, Option<Damage>), JournalError> {
        let mut block = vec![0; HEADER_BLOCK_BYTES as usize];
        file.read_at(&mut block, 0).map_err(|source| io_error("read the header of", segment, source))?;
        Self::decode(&block, segment)
    }
}

/// An error of the device, with the file.
pub(crate) fn io_error(what: &str, segment: u32, source: std::io::Error) -> JournalError {
    JournalError::Io { what: format!("{what} {}", segment_name(segment)), source }
}

/// Numbers of the segments in a folder, ascending and without a gap.
///
/// # Errors
/// [`JournalError::Damaged`] names the first missing segment; [`JournalError::Io`] when the folder cannot be read.
pub fn list_segments(storage: &dyn Storage) -> Result<Vec<u32>, JournalError> {
    let names =
        storage.names().map_err(|source| JournalError::Io { what: "list the journal folder".to_owned(), source })?;
    let mut numbers: Vec<u32> = names.iter().filter_map(|name| segment_number(name)).collect();
    numbers.sort_unstable();
    for (wanted, found) in (1_u32..).zip(&numbers) {
        if *found != wanted {
            return Err(JournalError::Damaged(Damage {
                segment: wanted,
                offset: 0,
                cash_box: None,
                row: None,
                reason: format!("the file {} is missing", segment_name(wanted)),
            }));
        }
    }
    Ok(numbers)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests {
    use super::*;

    fn header() -> SegmentHeader {
        SegmentHeader { segment: 7, log_id: [9; 16], first_record: 100, first_batch: 12, created_ns: -5, bytes: 65536 }
    }

    #[test]
    fn a_header_block_is_read_back() {
        let block = header().encode();
        assert_eq!(block.len(), HEADER_BLOCK_BYTES as usize);
        assert_eq!(SegmentHeader::decode(&block, 7).unwrap(), (header(), None));
    }

    #[test]
    fn every_flipped_byte_is_named_and_the_other_copy_used() {
        let block = header().encode();
        for at in 0..block.len() {
            let mut flipped = block.clone();
            flipped[at] ^= 0x40;
            let (read, damage) = SegmentHeader::decode(&flipped, 7).unwrap();
            assert_eq!(read, header(), "byte {at}");
            assert_eq!(damage.unwrap().offset as usize, at / COPY_BYTES * COPY_BYTES, "byte {at}");
        }
    }

    #[test]
    fn a_newer_version_is_refused_with_its_number() {
        let mut block = header().encode();
        for start in [0, COPY_BYTES] {
            block[start + 8] = 2;
            let crc = crc32c::crc32c(&block[start..start + CRC_AT]);
            block[start + CRC_AT..start + COPY_BYTES].copy_from_slice(&crc.to_le_bytes());
        }
        let error = SegmentHeader::decode(&block, 7).unwrap_err();
        assert!(matches!(&error, JournalError::Format(text) if text.contains("version 2")), "{error}");
    }

    #[test]
    fn a_segment_under_another_name_is_refused() {
        assert!(matches!(SegmentHeader::decode(&header().encode(), 8), Err(JournalError::Damaged(_))));
        assert_eq!(segment_number(&segment_name(42)), Some(42));
        assert_eq!(segment_number("segment-1.kst"), None);
        assert_eq!(segment_number("segment-0000000a.kst"), None);
    }
}
