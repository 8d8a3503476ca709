//! The segments of one log for reading: open files, headers, frames by position.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use kassette_record::SealedRecord;
use parking_lot::{Mutex, RwLock};

use crate::index::Checkpoint;
use crate::log::frame::{BodiesState, FRAME_HEAD_BYTES, FrameHead, FrameKind, Place};
use crate::log::segment::{SegmentHeader, io_error, segment_name};
use crate::log::storage::{SegmentFile, Storage};
use crate::{Damage, JournalError, Position};

/// Bytes read at first for a frame; most frames fit.
const FIRST_READ_BYTES: usize = 8 * 1024;

/// The segments of one log. Reading takes no lock while the device is asked.
pub struct LogFiles {
    storage: Arc<dyn Storage>,
    headers: RwLock<BTreeMap<u32, SegmentHeader>>,
    open: Mutex<OpenFiles>,
}

struct OpenFiles {
    files: HashMap<u32, (Arc<dyn SegmentFile>, u64)>,
    uses: u64,
    files_max: usize,
}

/// A record read back, with the place of the one before it.
#[derive(Debug, Clone)]
pub struct ReadFrame {
    /// The record.
    pub record: SealedRecord,
    /// Position of the previous record of the same cash box.
    pub previous: Option<Position>,
    /// Record number.
    pub number: u64,
}

impl LogFiles {
    /// Files of `storage`, at most `files_max` of them held open.
    #[must_use]
    pub fn new(storage: Arc<dyn Storage>, files_max: usize) -> Self {
        let open = Mutex::new(OpenFiles { files: HashMap::new(), uses: 0, files_max });
        Self { storage, headers: RwLock::new(BTreeMap::new()), open }
    }

    /// The storage.
    #[must_use]
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    /// Makes a segment known.
    pub fn add(&self, header: SegmentHeader) {
        self.headers.write().insert(header.segment, header);
    }

    /// Header of a known segment.
    #[must_use]
    pub fn header(&self, segment: u32) -> Option<SegmentHeader> {
        self.headers.read().get(&segment).copied()
    }

    /// Headers of all known segments in order.
    #[must_use]
    pub fn headers(&self) -> Vec<SegmentHeader> {
        self.headers.read().values().copied().collect()
    }

    /// The open file of a segment.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn file(&self, segment: u32) -> Result<Arc<dyn SegmentFile>, JournalError> {
        let mut open = self.open.lock();
        open.uses = open.uses.saturating_add(1);
        let uses = open.uses;
        if let Some((file, used)) = open.files.get_mut(&segment) {
            *used = uses;
            return Ok(Arc::clone(file));
        }
        let file =
            self.storage.open(&segment_name(segment), false).map_err(|source| io_error("open", segment, source))?;
        if open.files.len() >= open.files_max
            && let Some(oldest) = open.files.iter().min_by_key(|(_, (_, used))| *used).map(|(segment, _)| *segment)
        {
            open.files.remove(&oldest);
        }
        open.files.insert(segment, (Arc::clone(&file), uses));
        Ok(file)
    }

    /// Whether the log has exactly the record of a checkpoint (number, position and hash), whole.
    #[must_use]
    pub fn has(&self, checkpoint: &Checkpoint) -> bool {
        self.read(checkpoint.position)
            .is_ok_and(|read| read.number == checkpoint.number && read.record.hash == checkpoint.hash)
    }

    /// Reads the record at a position and checks both checksums.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when there is no good record; [`JournalError::Io`] when the device fails.
    pub fn read(&self, position: Position) -> Result<ReadFrame, JournalError> {
        let damaged = |cash_box, row, reason: String| {
            JournalError::Damaged(Damage { segment: position.segment, offset: position.offset, cash_box, row, reason })
        };
        let header = self
            .header(position.segment)
            .ok_or_else(|| damaged(None, None, format!("the file {} is missing", segment_name(position.segment))))?;
        let file = self.file(position.segment)?;
        let read = |target: &mut [u8]| {
            file.read_at(target, u64::from(position.offset))
                .map_err(|source| io_error("read", position.segment, source))
        };
        let mut frame = vec![0; FIRST_READ_BYTES];
        let count = read(&mut frame)?;
        frame.truncate(count);
        let head = FrameHead::peek(frame.get(..FRAME_HEAD_BYTES).unwrap_or_default())
            .filter(|head| head.kind == FrameKind::Record && head.total_bytes() <= header.bytes as usize)
            .ok_or_else(|| damaged(None, None, "not the start of a record".to_owned()))?;
        let total = head.total_bytes();
        if total > frame.len() {
            frame.resize(total, 0);
            let count = read(&mut frame)?;
            frame.truncate(count);
        }
        let place = Place { log_id: header.log_id, position };
        let record_header = head
            .header(place, &frame)
            .ok_or_else(|| damaged(None, None, "checksum of the frame head and record header".to_owned()))?;
        let (bodies, state) = head.bodies(&frame);
        let record = SealedRecord::read(record_header.to_vec(), bodies.to_vec())
            .map_err(|error| damaged(None, None, error.to_string()))?;
        if state == BodiesState::Bad {
            return Err(damaged(Some(record.cash_box), Some(record.row), "checksum of the bodies".to_owned()));
        }
        Ok(ReadFrame { record, previous: head.previous, number: head.number })
    }
}
