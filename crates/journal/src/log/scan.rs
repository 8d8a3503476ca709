//! Reading the frames of one segment from front to back, going on after bad bytes.

use std::sync::Arc;

use crate::JournalError;
use crate::Position;
use crate::log::frame::{BodiesState, FRAME_ALIGN, FRAME_HEAD_BYTES, FRAME_MAGIC, FrameHead, Place, frame_bytes};
use crate::log::segment::{HEADER_BLOCK_BYTES, SegmentHeader, io_error};
use crate::log::storage::SegmentFile;

/// Bytes read at once.
pub const SCAN_CHUNK_BYTES: usize = 256 * 1024;
/// Longest record header that is written, and that is believed where a frame is looked for after bad bytes: what looks like the
/// start of a frame there may be the content of a body.
pub const RECORD_HEADER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A frame whose head and record header are good.
#[derive(Debug, Clone)]
pub struct ScannedFrame {
    /// Where it stands.
    pub position: Position,
    /// Its head.
    pub head: FrameHead,
    /// Record header.
    pub header: Vec<u8>,
    /// Bodies, whatever their state.
    pub bodies: Vec<u8>,
    /// Whether the bodies are whole.
    pub bodies_state: BodiesState,
}

/// Bytes that are not a good frame.
#[derive(Debug, Clone)]
pub struct BadBytes {
    /// Where they start.
    pub position: Position,
    /// What is wrong with them.
    pub reason: String,
    /// What would be the record header, unchecked; only good as a hint.
    pub hint: Option<Vec<u8>>,
    /// The frame head, unchecked; only good as a hint.
    pub head_hint: Option<FrameHead>,
}

/// What stands next in a segment.
#[derive(Debug, Clone)]
pub enum Found {
    /// A frame.
    Frame(ScannedFrame),
    /// Bytes that are not a good frame; the next good one, if any, follows.
    Bad(BadBytes),
    /// Only zeros follow from `offset`, apart from what a `Bad` right before named.
    End {
        /// Where the next frame would be written.
        offset: u32,
    },
}

/// Reads one segment.
pub struct SegmentScan {
    file: Arc<dyn SegmentFile>,
    header: SegmentHeader,
    offset: usize,
    end: usize,
    buffer: Vec<u8>,
    base: usize,
    read_bytes: u64,
}

fn position(segment: u32, offset: usize) -> Position {
    Position { segment, offset: u32::try_from(offset).unwrap_or(u32::MAX) }
}

impl SegmentScan {
    /// Starts at `offset`, which must be where a frame may stand.
    ///
    /// # Errors
    /// When the length of the file cannot be read.
    pub fn new(file: Arc<dyn SegmentFile>, header: SegmentHeader, offset: u32) -> Result<Self, JournalError> {
        let bytes = file.bytes().map_err(|source| io_error("read the length of", header.segment, source))?;
        let end = usize::try_from(bytes.min(u64::from(header.bytes))).unwrap_or(usize::MAX);
        let offset = offset.max(HEADER_BLOCK_BYTES) as usize;
        Ok(Self { file, header, offset, end, buffer: Vec::new(), base: 0, read_bytes: 0 })
    }

    /// Where it stands now.
    #[must_use]
    pub fn offset(&self) -> u32 {
        u32::try_from(self.offset).unwrap_or(u32::MAX)
    }

    /// Bytes read from the file so far.
    #[must_use]
    pub const fn read_bytes(&self) -> u64 {
        self.read_bytes
    }

    /// The bytes from `at`, at most `wanted` of them (fewer at the end of the file).
    fn bytes(&mut self, at: usize, wanted: usize) -> Result<&[u8], JournalError> {
        let wanted_end = at.saturating_add(wanted).min(self.end);
        if at < self.base || wanted_end > self.base.saturating_add(self.buffer.len()) {
            // Twice a large wish, so that many overlapping ones do not read the same bytes each time.
            let wish = wanted_end.saturating_sub(at).saturating_mul(2).max(SCAN_CHUNK_BYTES);
            let length = wish.min(self.end.saturating_sub(at));
            self.buffer.resize(length, 0);
            let count = self
                .file
                .read_at(&mut self.buffer, at as u64)
                .map_err(|source| io_error("read", self.header.segment, source))?;
            self.buffer.truncate(count);
            self.base = at;
            self.read_bytes = self.read_bytes.saturating_add(count as u64);
        }
        let start = at.saturating_sub(self.base).min(self.buffer.len());
        let end = wanted_end.saturating_sub(self.base).clamp(start, self.buffer.len());
        Ok(self.buffer.get(start..end).unwrap_or_default())
    }

    /// Reads the frame at `at`, or says why there is none.
    fn frame(&mut self, at: usize) -> Result<Result<ScannedFrame, BadBytes>, JournalError> {
        let place = Place { log_id: self.header.log_id, position: position(self.header.segment, at) };
        let bad = |reason: &str, hint: Option<Vec<u8>>, head_hint| BadBytes {
            position: place.position,
            reason: reason.to_owned(),
            hint,
            head_hint,
        };
        let start = self.bytes(at, FRAME_HEAD_BYTES)?;
        let Some(head) = FrameHead::peek(start) else {
            let zeros = start.get(..4).is_some_and(|magic| magic.iter().all(|byte| *byte == 0));
            // What stands there may still be a record with a damaged head: its header then starts after 52 bytes.
            let hint = self.bytes(at.saturating_add(FRAME_HEAD_BYTES), 4096)?.to_vec();
            let reason = if zeros { "zeros where a frame should start" } else { "not the start of a frame" };
            return Ok(Err(bad(reason, Some(hint), None)));
        };
        let total = head.total_bytes();
        let hint_bytes = (head.header_bytes as usize).min(64 * 1024);
        if total > self.end.saturating_sub(at) {
            let hint = self.bytes(at.saturating_add(FRAME_HEAD_BYTES), hint_bytes)?.to_vec();
            return Ok(Err(bad("the frame is longer than the segment", Some(hint), Some(head))));
        }
        let frame = self.bytes(at, total)?;
        let Some(header) = head.header(place, frame) else {
            let hint = self.bytes(at.saturating_add(FRAME_HEAD_BYTES), hint_bytes)?.to_vec();
            return Ok(Err(bad("checksum of the frame head and record header", Some(hint), Some(head))));
        };
        let (bodies, bodies_state) = head.bodies(frame);
        Ok(Ok(ScannedFrame {
            position: place.position,
            head,
            header: header.to_vec(),
            bodies: bodies.to_vec(),
            bodies_state,
        }))
    }

    /// Whether a good frame stands at `at`: lengths that can be, and the checksum of head and record header.
    fn is_frame(&mut self, at: usize) -> Result<bool, JournalError> {
        let place = Place { log_id: self.header.log_id, position: position(self.header.segment, at) };
        let Some(head) = FrameHead::peek(self.bytes(at, FRAME_HEAD_BYTES)?) else { return Ok(false) };
        let header_bytes = head.header_bytes as usize;
        let possible = header_bytes <= RECORD_HEADER_BYTES_MAX
            && head.total_bytes() <= self.end.saturating_sub(at)
            && head.batch >= self.header.first_batch
            && head.batch_place < head.batch_frames
            && head.previous.is_none_or(|previous| previous < place.position);
        if !possible {
            return Ok(false);
        }
        let start = self.bytes(at, FRAME_HEAD_BYTES.saturating_add(header_bytes))?;
        Ok(head.header(place, start).is_some())
    }

    /// Finds the next good frame after the bad bytes at `from`: its offset, and whether anything but zeros stands between.
    fn resynchronise(&mut self, from: usize) -> Result<(Option<usize>, bool), JournalError> {
        let mut dirty = false;
        let mut at = from;
        while at < self.end {
            let chunk = self.bytes(at, SCAN_CHUNK_BYTES)?;
            if chunk.is_empty() {
                break;
            }
            let length = chunk.len();
            let zeros = chunk.iter().all(|byte| *byte == 0);
            let mut candidates = Vec::new();
            if !zeros {
                dirty = true;
                for (index, word) in chunk.chunks(FRAME_ALIGN).enumerate() {
                    if word.starts_with(&FRAME_MAGIC) {
                        candidates.push(at.saturating_add(index.saturating_mul(FRAME_ALIGN)));
                    }
                }
            }
            for candidate in candidates {
                if candidate > from && self.is_frame(candidate)? {
                    return Ok((Some(candidate), dirty));
                }
            }
            at = at.saturating_add(length);
        }
        Ok((None, dirty))
    }

    /// What is too short for a frame: nothing but zeros, or the start of a frame in a file that was cut.
    fn rest(&mut self) -> Result<Found, JournalError> {
        let at = self.offset;
        let length = self.end.saturating_sub(at);
        if self.bytes(at, length)?.iter().all(|byte| *byte == 0) {
            return Ok(Found::End { offset: self.offset() });
        }
        self.end = at;
        Ok(Found::Bad(BadBytes {
            position: position(self.header.segment, at),
            reason: "the segment ends within a frame head".to_owned(),
            hint: None,
            head_hint: None,
        }))
    }

    /// The next thing. After `End` it gives `End` again.
    ///
    /// # Errors
    /// When the device fails.
    pub fn read_next(&mut self) -> Result<Found, JournalError> {
        if self.end.saturating_sub(self.offset) < frame_bytes(0, 0) {
            return self.rest();
        }
        let at = self.offset;
        match self.frame(at)? {
            Ok(frame) => {
                self.offset = at.saturating_add(frame.head.total_bytes());
                Ok(Found::Frame(frame))
            }
            Err(bad) => match self.resynchronise(at)? {
                (Some(next), _) => {
                    self.offset = next;
                    Ok(Found::Bad(bad))
                }
                (None, true) => {
                    // The next call is to say `End` with the offset of the bad bytes: that is where writing may go on.
                    self.end = at;
                    Ok(Found::Bad(bad))
                }
                (None, false) => Ok(Found::End { offset: self.offset() }),
            },
        }
    }
}
