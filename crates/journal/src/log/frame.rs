//! A frame: one record, or the seal of an orderly stop, with its checksums.

use crate::Position;

/// First four bytes of a frame.
pub const FRAME_MAGIC: [u8; 4] = *b"KFR\x01";
/// Length of the frame head, with its checksum.
pub const FRAME_HEAD_BYTES: usize = 52;
/// Frames start at multiples of this.
pub const FRAME_ALIGN: usize = 8;

const HEAD_CRC_AT: usize = 48;
const KIND_RECORD: u16 = 1;
const KIND_SEAL: u16 = 2;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// A record.
    Record,
    /// The log was stopped in order; every batch before it is durable and complete.
    Seal,
}

/// Head of a frame. Frames stand one after the other from offset 4096 of a segment, each starting at a multiple of 8; after the
/// last one come zeros. All integers are little-endian.
///
/// | offset | bytes | field |
/// |---|---|---|
/// | 0 | 4 | `KFR` and 1 |
/// | 4 | 2 | kind: 1 record, 2 seal |
/// | 6 | 2 | zero |
/// | 8 | 4 | length H of the record header |
/// | 12 | 4 | length B of the bodies |
/// | 16 | 8 | batch number, from 1, over the whole log: all frames made durable by one sync |
/// | 24 | 8 | record number, from 1, over the whole log; in a seal the number of the last record |
/// | 32 | 4 | place of the frame in its batch, from 0 |
/// | 36 | 4 | frames in the batch |
/// | 40 | 4 | segment of the previous record of the same cash box, 0 when there is none |
/// | 44 | 4 | offset of that record |
/// | 48 | 4 | CRC-32C of log id (16), segment number (4), offset of this frame (4), bytes 0 to 47, and the record header |
/// | 52 | H | record header, see the record format |
/// | 52+H | 4 | CRC-32C of the rest of the frame |
/// | 56+H | B | bodies, see the record format |
/// | 56+H+B | 0–7 | zeros up to a multiple of 8 |
///
/// The link to the previous record is physical, for reading backwards; the hash chain does not cover it.
///
/// Everything from the second checksum to the end may be replaced by zeros at the end of the retention of the bodies (only in a
/// batch that has a later one, because a torn write of the last batch may look the same); no other byte ever changes.
/// Position and log id are part of the first checksum, so that a frame that stands in the wrong place is not taken for a good
/// one, and nobody who can put bytes into a body can forge a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHead {
    /// What it holds.
    pub kind: FrameKind,
    /// Length of the record header.
    pub header_bytes: u32,
    /// Length of the bodies.
    pub bodies_bytes: u32,
    /// Batch number.
    pub batch: u64,
    /// Record number.
    pub number: u64,
    /// Place in the batch, from 0.
    pub batch_place: u32,
    /// Frames in the batch.
    pub batch_frames: u32,
    /// Previous record of the same cash box.
    pub previous: Option<Position>,
}

/// Where a frame stands, as far as its checksum knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Id of the log.
    pub log_id: [u8; 16],
    /// Segment and offset.
    pub position: Position,
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    at.checked_add(N).and_then(|end| bytes.get(at..end)).and_then(|part| part.try_into().ok()).unwrap_or([0; N])
}

fn head_crc(place: Place, head: &[u8], header: &[u8]) -> u32 {
    let crc = crc32c::crc32c(&place.log_id);
    let crc = crc32c::crc32c_append(crc, &place.position.segment.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, &place.position.offset.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, head);
    crc32c::crc32c_append(crc, header)
}

/// Length of a whole frame with the given parts, a multiple of 8. Saturates; callers limit the parts.
#[must_use]
pub fn frame_bytes(header_bytes: usize, bodies_bytes: usize) -> usize {
    let bare = FRAME_HEAD_BYTES.saturating_add(header_bytes).saturating_add(4).saturating_add(bodies_bytes);
    bare.checked_next_multiple_of(FRAME_ALIGN).unwrap_or(usize::MAX)
}

/// Whether the bodies of a frame could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodiesState {
    /// Checksum fits.
    Whole,
    /// All zeros with their checksum: erased, or never written.
    Zeroed,
    /// Checksum does not fit.
    Bad,
}

impl FrameHead {
    /// Length of the whole frame.
    #[must_use]
    pub fn total_bytes(&self) -> usize {
        frame_bytes(self.header_bytes as usize, self.bodies_bytes as usize)
    }

    fn encode(&self) -> [u8; HEAD_CRC_AT] {
        let mut head = [0; HEAD_CRC_AT];
        let kind = match self.kind {
            FrameKind::Record => KIND_RECORD,
            FrameKind::Seal => KIND_SEAL,
        };
        let previous = self.previous.unwrap_or(Position { segment: 0, offset: 0 });
        let fields: [&[u8]; 11] = [
            &FRAME_MAGIC,
            &kind.to_le_bytes(),
            &[0, 0],
            &self.header_bytes.to_le_bytes(),
            &self.bodies_bytes.to_le_bytes(),
            &self.batch.to_le_bytes(),
            &self.number.to_le_bytes(),
            &self.batch_place.to_le_bytes(),
            &self.batch_frames.to_le_bytes(),
            &previous.segment.to_le_bytes(),
            &previous.offset.to_le_bytes(),
        ];
        for (to, from) in head.iter_mut().zip(fields.into_iter().flatten()) {
            *to = *from;
        }
        head
    }

    /// Appends the whole frame to `out`.
    pub fn write(&self, place: Place, header: &[u8], bodies: &[u8], out: &mut Vec<u8>) {
        let head = self.encode();
        let end = out.len().saturating_add(self.total_bytes());
        out.extend_from_slice(&head);
        out.extend_from_slice(&head_crc(place, &head, header).to_le_bytes());
        out.extend_from_slice(header);
        let padding = end.saturating_sub(out.len()).saturating_sub(4).saturating_sub(bodies.len()).min(FRAME_ALIGN);
        let zeros = [0; FRAME_ALIGN];
        let zeros = zeros.get(..padding).unwrap_or_default();
        out.extend_from_slice(&crc32c::crc32c_append(crc32c::crc32c(bodies), zeros).to_le_bytes());
        out.extend_from_slice(bodies);
        out.extend_from_slice(zeros);
    }

    /// Reads a head without its checksum: enough to know how many bytes to read. `None` when these bytes cannot be a head.
    #[must_use]
    pub fn peek(bytes: &[u8]) -> Option<Self> {
        let head = bytes.get(..FRAME_HEAD_BYTES)?;
        if field::<4>(head, 0) != FRAME_MAGIC || field::<2>(head, 6) != [0, 0] {
            return None;
        }
        let kind = match u16::from_le_bytes(field(head, 4)) {
            KIND_RECORD => FrameKind::Record,
            KIND_SEAL => FrameKind::Seal,
            _ => return None,
        };
        let previous =
            Position { segment: u32::from_le_bytes(field(head, 40)), offset: u32::from_le_bytes(field(head, 44)) };
        Some(Self {
            kind,
            header_bytes: u32::from_le_bytes(field(head, 8)),
            bodies_bytes: u32::from_le_bytes(field(head, 12)),
            batch: u64::from_le_bytes(field(head, 16)),
            number: u64::from_le_bytes(field(head, 24)),
            batch_place: u32::from_le_bytes(field(head, 32)),
            batch_frames: u32::from_le_bytes(field(head, 36)),
            previous: (previous.segment != 0).then_some(previous),
        })
    }

    /// The record header in the bytes of a whole frame, when head and header have the right checksum.
    #[must_use]
    pub fn header<'a>(&self, place: Place, frame: &'a [u8]) -> Option<&'a [u8]> {
        let end = FRAME_HEAD_BYTES.checked_add(self.header_bytes as usize)?;
        let header = frame.get(FRAME_HEAD_BYTES..end)?;
        let wanted = u32::from_le_bytes(field(frame, HEAD_CRC_AT));
        (head_crc(place, frame.get(..HEAD_CRC_AT)?, header) == wanted).then_some(header)
    }

    /// The bodies in the bytes of a whole frame and whether they are whole.
    #[must_use]
    pub fn bodies<'a>(&self, frame: &'a [u8]) -> (&'a [u8], BodiesState) {
        let crc_at = FRAME_HEAD_BYTES.saturating_add(self.header_bytes as usize);
        let start = crc_at.saturating_add(4);
        let end = start.saturating_add(self.bodies_bytes as usize);
        let (Some(bodies), Some(rest)) = (frame.get(start..end), frame.get(start..self.total_bytes())) else {
            return (&[], BodiesState::Bad);
        };
        let wanted = u32::from_le_bytes(field(frame, crc_at));
        let state = if crc32c::crc32c(rest) == wanted {
            BodiesState::Whole
        } else if wanted == 0 && rest.iter().all(|byte| *byte == 0) {
            BodiesState::Zeroed
        } else {
            BodiesState::Bad
        };
        (bodies, state)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(header: usize, bodies: usize) -> FrameHead {
        FrameHead {
            kind: FrameKind::Record,
            header_bytes: header as u32,
            bodies_bytes: bodies as u32,
            batch: 3,
            number: 17,
            batch_place: 1,
            batch_frames: 4,
            previous: Some(Position { segment: 1, offset: 4096 }),
        }
    }

    const PLACE: Place = Place { log_id: [7; 16], position: Position { segment: 2, offset: 8192 } };

    proptest! {
        #[test]
        fn a_frame_is_read_back_and_any_flip_is_found(
            header in proptest::collection::vec(any::<u8>(), 0..300),
            bodies in proptest::collection::vec(any::<u8>(), 0..300),
            flip in any::<proptest::sample::Index>(),
            bit in 0_u8..8,
        ) {
            let head = head(header.len(), bodies.len());
            let mut frame = Vec::new();
            head.write(PLACE, &header, &bodies, &mut frame);
            prop_assert_eq!(frame.len(), head.total_bytes());
            prop_assert_eq!(frame.len() % FRAME_ALIGN, 0);
            prop_assert_eq!(FrameHead::peek(&frame), Some(head));
            prop_assert_eq!(head.header(PLACE, &frame), Some(header.as_slice()));
            prop_assert_eq!(head.bodies(&frame), (bodies.as_slice(), BodiesState::Whole));

            frame[flip.index(head.total_bytes())] ^= 1 << bit;
            let good = FrameHead::peek(&frame)
                .filter(|read| read.total_bytes() == frame.len())
                .is_some_and(|read| read.header(PLACE, &frame).is_some() && read.bodies(&frame).1 != BodiesState::Bad);
            prop_assert!(!good);
        }
    }

    #[test]
    fn a_frame_in_another_place_is_not_good() {
        let mut frame = Vec::new();
        head(3, 2).write(PLACE, b"abc", b"de", &mut frame);
        let elsewhere = Place { position: Position { segment: 2, offset: 8200 }, ..PLACE };
        assert!(head(3, 2).header(elsewhere, &frame).is_none());
        let another_log = Place { log_id: [8; 16], ..PLACE };
        assert!(head(3, 2).header(another_log, &frame).is_none());
    }

    #[test]
    fn zeroed_bodies_leave_the_header_good() {
        let mut frame = Vec::new();
        head(3, 20).write(PLACE, b"abc", &[5; 20], &mut frame);
        frame[FRAME_HEAD_BYTES + 3..].fill(0);
        assert_eq!(head(3, 20).header(PLACE, &frame), Some(b"abc".as_slice()));
        assert_eq!(head(3, 20).bodies(&frame), ([0; 20].as_slice(), BodiesState::Zeroed));
    }
}
