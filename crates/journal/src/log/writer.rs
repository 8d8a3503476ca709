//! The one thread that appends: drains the queue, checks links, writes one batch, syncs once, tells everyone.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use kassette_model::CashBoxId;
use kassette_record::{Hash, SealedRecord};
use kassette_stdx::Clock;

use crate::index::{IndexEntry, Indexer};
use crate::log::files::LogFiles;
use crate::log::frame::{FrameHead, FrameKind, Place, frame_bytes};
use crate::log::inbox::{Command, Ending, Inbox, Waiting};
use crate::log::preallocate::Preallocator;
use crate::log::scan::RECORD_HEADER_BYTES_MAX;
use crate::log::segment::{HEADER_BLOCK_BYTES, SPARE_NAME, SegmentHeader, segment_name};
use crate::log::state::{LogEnd, LogState};
use crate::log::storage::{SegmentFile, is_no_space};
use crate::options::JournalOptions;
use crate::{AppendError, JournalError, Link, Position};

/// The next segment is asked for when this part of the present one is used, so that it can be made without haste.
const SPARE_WANTED_AT: u32 = 8;
/// Pages of the kernel's cache; a smaller unit would do no harm, only less good.
const PAGE_BYTES: usize = 4096;

/// Where the writer goes on.
pub struct WriterStart {
    /// Header of the last segment.
    pub header: SegmentHeader,
    /// The last segment, writable.
    pub file: Arc<dyn SegmentFile>,
    /// Offset of the next frame.
    pub offset: u32,
    /// Number of the next record.
    pub next_number: u64,
    /// Number of the next batch.
    pub next_batch: u64,
    /// Whether the log ends with a seal (or is empty).
    pub sealed: bool,
}

/// What the writer shares with others.
pub struct WriterParts {
    /// Its queue.
    pub inbox: Arc<Inbox>,
    /// The segments.
    pub files: Arc<LogFiles>,
    /// What is known of the log.
    pub state: Arc<LogState>,
    /// Who is told of durable records.
    pub indexer: Arc<Indexer>,
    /// Who makes the next segment.
    pub preallocator: Preallocator,
    /// Limits.
    pub options: JournalOptions,
    /// For the creation time of a segment.
    pub clock: Arc<dyn Clock>,
}

/// Last record of a cash box as the writer knows it, with its place for the link backwards.
#[derive(Clone, Copy)]
struct LastWritten {
    link: Link,
    position: Option<Position>,
}

/// A record with its place in the batch, or why it gets none; both wait, so that completions keep the order of the appends.
struct Queued {
    waiting: Waiting,
    place: Result<Placed, AppendError>,
}

#[derive(Clone, Copy)]
struct Placed {
    position: Position,
    previous: Option<Position>,
}

struct Writer {
    parts: WriterParts,
    /// Taken from the queue and not handled yet; here, so that a panic does not drop them before it is known that the log stopped.
    commands: VecDeque<Command>,
    /// The record for which room is being made; here for the same reason.
    at_hand: Option<Waiting>,
    header: SegmentHeader,
    file: Arc<dyn SegmentFile>,
    offset: u32,
    next_number: u64,
    next_batch: u64,
    sealed: bool,
    last: HashMap<CashBoxId, LastWritten>,
    batch: Vec<Queued>,
    batch_records: usize,
    batch_bytes: usize,
    forgotten: Vec<CashBoxId>,
    buffer: Vec<u8>,
    /// Set while the commands of one take are handled, once no segment could be made.
    full: Option<String>,
}

/// A write or sync failed: nothing more may be appended.
struct Stopped;

/// Starts the thread.
///
/// # Errors
/// When there is no thread.
pub fn start(parts: WriterParts, start: WriterStart) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("journal-writer".to_owned()).spawn(move || {
        let (inbox, state) = (Arc::clone(&parts.inbox), Arc::clone(&parts.state));
        let mut writer = Writer {
            parts,
            commands: VecDeque::new(),
            at_hand: None,
            header: start.header,
            file: start.file,
            offset: start.offset,
            next_number: start.next_number,
            next_batch: start.next_batch,
            sealed: start.sealed,
            last: HashMap::new(),
            batch: Vec::new(),
            batch_records: 0,
            batch_bytes: 0,
            forgotten: Vec::new(),
            buffer: Vec::new(),
            full: None,
        };
        let ended = catch_unwind(AssertUnwindSafe(|| writer.run()));
        let error = if matches!(ended, Ok(Ok(()))) {
            state.stop("the journal is closed");
            AppendError::Closed
        } else {
            state.stop("the journal writer panicked");
            let reason = state.stopped().unwrap_or_default();
            tracing::error!(%reason, "the journal writer stopped");
            AppendError::Poisoned(reason)
        };
        // First nobody may append, then everyone who waits is told.
        inbox.refuse(error.clone());
        writer.tell(&error);
        inbox.drain(error);
    })
}

impl Writer {
    fn run(&mut self) -> Result<(), Stopped> {
        loop {
            let (commands, ending) = self.parts.inbox.take();
            self.commands = commands.into();
            if ending == Some(Ending::Abandon) {
                return Ok(());
            }
            self.full = None;
            while let Some(command) = self.commands.pop_front() {
                match command {
                    Command::Append(waiting) => self.take_record(waiting)?,
                    Command::Barrier(barrier) => {
                        self.flush()?;
                        drop(barrier);
                    }
                    Command::Forget(cash_box) => self.forgotten.push(cash_box),
                }
            }
            self.flush()?;
            if ending == Some(Ending::Close) {
                return self.seal();
            }
        }
    }

    fn take_record(&mut self, waiting: Waiting) -> Result<(), Stopped> {
        let bytes = waiting.bytes();
        let header_bytes = waiting.record.header.len();
        for (bytes, limit_bytes) in
            [(bytes, self.parts.options.record_bytes_max), (header_bytes, RECORD_HEADER_BYTES_MAX)]
        {
            if bytes > limit_bytes {
                self.refuse(waiting, AppendError::TooLarge { bytes, limit_bytes });
                return Ok(());
            }
        }
        let last = match self.last_of(waiting.record.cash_box) {
            Ok(last) => last,
            Err(error) => {
                self.refuse(waiting, error);
                return Ok(());
            }
        };
        if waiting.record.follows(last.link.row, last.link.hash).is_err() {
            let row = waiting.record.row;
            self.refuse(waiting, AppendError::Unlinked { row, last: last.link.row });
            return Ok(());
        }
        let frame = frame_bytes(waiting.record.header.len(), waiting.record.bodies.len());
        let (cash_box, row, hash) = (waiting.record.cash_box, waiting.record.row, waiting.record.hash);
        self.at_hand = Some(waiting);
        let room = self.make_room(frame)?;
        let Some(waiting) = self.at_hand.take() else { return Ok(()) };
        if let Err(reason) = room {
            self.refuse(waiting, AppendError::NoSpace(reason));
            return Ok(());
        }
        let offset = self.offset.saturating_add(u32::try_from(self.batch_bytes).unwrap_or(u32::MAX));
        let position = Position { segment: self.header.segment, offset };
        self.last.insert(cash_box, LastWritten { link: Link { row, hash }, position: Some(position) });
        self.batch.push(Queued { waiting, place: Ok(Placed { position, previous: last.position }) });
        self.batch_records = self.batch_records.saturating_add(1);
        self.batch_bytes = self.batch_bytes.saturating_add(frame);
        Ok(())
    }

    /// Writes the batch or begins a segment until a frame fits. `Ok(Err(_))` when there is no space for a segment.
    fn make_room(&mut self, frame: usize) -> Result<Result<(), String>, Stopped> {
        let full_batch = self.batch_records >= self.parts.options.batch_records_max
            || self.batch_bytes.saturating_add(frame) > self.parts.options.batch_bytes_max;
        if self.batch_records > 0 && full_batch {
            self.flush()?;
        }
        if self.fits(frame) {
            return Ok(Ok(()));
        }
        self.flush()?;
        self.roll()
    }

    /// Tells everyone who waits, in order, how it ended.
    fn tell(mut self, error: &AppendError) {
        for Queued { waiting, place } in std::mem::take(&mut self.batch) {
            waiting.complete(Err(place.err().unwrap_or_else(|| error.clone())));
        }
        if let Some(waiting) = self.at_hand.take() {
            waiting.complete(Err(error.clone()));
        }
        for command in std::mem::take(&mut self.commands) {
            if let Command::Append(waiting) = command {
                waiting.complete(Err(error.clone()));
            }
        }
    }

    fn refuse(&mut self, waiting: Waiting, error: AppendError) {
        self.batch.push(Queued { waiting, place: Err(error) });
    }

    /// Whether a frame fits after the batch, with room for a seal.
    fn fits(&self, frame: usize) -> bool {
        let end = (self.offset as usize)
            .saturating_add(self.batch_bytes)
            .saturating_add(frame)
            .saturating_add(frame_bytes(0, 0));
        end <= self.header.bytes as usize
    }

    fn last_of(&self, cash_box: CashBoxId) -> Result<LastWritten, AppendError> {
        let damaged = |damage: crate::Damage| AppendError::Damaged(damage.to_string());
        if let Some(last) = self.last.get(&cash_box) {
            return self.parts.state.refusal(cash_box).map_or(Ok(*last), |damage| Err(damaged(damage)));
        }
        // The index cannot say now: the record is not lost, its sender may come again.
        let head = self.parts.indexer.head(cash_box).map_err(|_| AppendError::Busy)?;
        if let Some(damage) = self.parts.state.refusal_at(cash_box, head.map(|head| head.position)) {
            return Err(damaged(damage));
        }
        Ok(head.map_or(LastWritten { link: Link { row: 0, hash: Hash::ZERO }, position: None }, |head| LastWritten {
            link: Link { row: head.row, hash: head.hash },
            position: Some(head.position),
        }))
    }

    /// Writes the batch, syncs once, tells the index, then everyone in order.
    fn flush(&mut self) -> Result<(), Stopped> {
        let mut pressure_over = false;
        if self.batch_records > 0 {
            let entries = self.encode();
            if let Err(reason) = self.write_buffer("batch") {
                let batch = std::mem::take(&mut self.batch);
                for Queued { waiting, place } in batch {
                    waiting.complete(Err(place.err().unwrap_or_else(|| AppendError::Poisoned(reason.clone()))));
                }
                return Err(Stopped);
            }
            self.next_number = self.next_number.saturating_add(entries.len() as u64);
            self.next_batch = self.next_batch.saturating_add(1);
            self.sealed = false;
            self.batch_bytes = 0;
            self.batch_records = 0;
            let position = Position { segment: self.header.segment, offset: self.offset };
            self.parts.state.set_end(LogEnd { number: self.next_number.saturating_sub(1), position });
            pressure_over = self.parts.indexer.enqueue(entries).over;
        }
        for Queued { waiting, place } in std::mem::take(&mut self.batch) {
            waiting.complete(place.map(|placed| placed.position));
        }
        if self.offset > self.header.bytes / SPARE_WANTED_AT {
            self.parts.preallocator.request();
        }
        if pressure_over {
            self.parts.indexer.wait_for_room();
        }
        for cash_box in self.forgotten.drain(..) {
            self.last.remove(&cash_box);
        }
        Ok(())
    }

    /// Puts the frames of the batch into the buffer; gives what the index is to know of them.
    fn encode(&mut self) -> Vec<IndexEntry> {
        let frames = u32::try_from(self.batch_records).unwrap_or(u32::MAX);
        let mut entries = Vec::with_capacity(self.batch_records);
        self.buffer.clear();
        for (queued, placed) in self.batch.iter().filter_map(|queued| Some((queued, queued.place.as_ref().ok()?))) {
            let record = &queued.waiting.record;
            let head = FrameHead {
                kind: FrameKind::Record,
                header_bytes: u32::try_from(record.header.len()).unwrap_or(u32::MAX),
                bodies_bytes: u32::try_from(record.bodies.len()).unwrap_or(u32::MAX),
                batch: self.next_batch,
                number: self.next_number.saturating_add(entries.len() as u64),
                batch_place: u32::try_from(entries.len()).unwrap_or(u32::MAX),
                batch_frames: frames,
                previous: placed.previous,
            };
            let place = Place { log_id: self.header.log_id, position: placed.position };
            head.write(place, &record.header, &record.bodies, &mut self.buffer);
            entries.push(index_entry(record, head.number, placed.position));
        }
        entries
    }

    /// Writes the buffer at the end of the log and syncs. Whole pages are written, with the zeros that stand there already: the kernel
    /// need not read a page that it does not have. A failure ends the writer: what the device holds now is unknown.
    fn write_buffer(&mut self, what: &str) -> Result<(), String> {
        let bytes = self.buffer.len();
        let end = (self.offset as usize).saturating_add(bytes);
        let page_end = end.next_multiple_of(PAGE_BYTES).min(self.header.bytes as usize);
        self.buffer.resize(bytes.saturating_add(page_end.saturating_sub(end)), 0);
        let written = self.file.write_all_at(&self.buffer, u64::from(self.offset)).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            let name = segment_name(self.header.segment);
            let reason =
                format!("write or sync of {what} {} at {name}, offset {}: {error}", self.next_batch, self.offset);
            self.stop(&reason);
            return Err(reason);
        }
        self.offset = self.offset.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        Ok(())
    }

    fn stop(&self, reason: &str) {
        // First the state, so that everyone who is told `Poisoned` also sees it there.
        self.parts.state.stop(reason);
        self.parts.inbox.refuse(AppendError::Poisoned(reason.to_owned()));
    }

    /// Goes on in a new segment. `Ok(Err(_))` when there is no space for it: nothing was written.
    fn roll(&mut self) -> Result<Result<(), String>, Stopped> {
        if let Some(reason) = &self.full {
            return Ok(Err(reason.clone()));
        }
        let file = match self.parts.preallocator.take() {
            Ok(file) => file,
            Err(error) if is_no_space(&error) => {
                self.full = Some(error.to_string());
                return Ok(Err(error.to_string()));
            }
            Err(error) => {
                self.stop(&format!("create {}: {error}", segment_name(self.header.segment.saturating_add(1))));
                return Err(Stopped);
            }
        };
        self.parts.state.set_no_space(None);
        let header = SegmentHeader {
            segment: self.header.segment.saturating_add(1),
            log_id: self.header.log_id,
            first_record: self.next_number,
            first_batch: self.next_batch,
            created_ns: self.parts.clock.unix_ns(),
            bytes: self.parts.options.segment_bytes,
        };
        if let Err(error) = begin_segment(&self.parts.files, &*file, &header) {
            self.stop(&format!("begin {}: {error}", segment_name(header.segment)));
            return Err(Stopped);
        }
        self.header = header;
        self.file = file;
        self.offset = HEADER_BLOCK_BYTES;
        Ok(Ok(()))
    }

    /// Writes the seal of an orderly stop, unless the log already ends with one.
    fn seal(&mut self) -> Result<(), Stopped> {
        // Damage that reaches to the end of the segment leaves no room for it; the next segment then tells as much.
        if self.sealed || !self.fits(0) {
            return Ok(());
        }
        let position = Position { segment: self.header.segment, offset: self.offset };
        let head = FrameHead {
            kind: FrameKind::Seal,
            header_bytes: 0,
            bodies_bytes: 0,
            batch: self.next_batch,
            number: self.next_number.saturating_sub(1),
            batch_place: 0,
            batch_frames: 1,
            previous: None,
        };
        self.buffer.clear();
        head.write(Place { log_id: self.header.log_id, position }, &[], &[], &mut self.buffer);
        self.write_buffer("seal").map_err(|_| Stopped)?;
        self.sealed = true;
        Ok(())
    }
}

/// Gives a zeroed spare its header and its name, all durable before the first frame.
///
/// # Errors
/// When the device fails.
pub fn begin_segment(files: &LogFiles, file: &dyn SegmentFile, header: &SegmentHeader) -> std::io::Result<()> {
    file.write_all_at(&header.encode(), 0)?;
    file.sync_all()?;
    files.storage().rename(SPARE_NAME, &segment_name(header.segment))?;
    // Important: without this the name may be gone after a power cut, and the records with it.
    files.storage().sync_names()?;
    files.add(*header);
    Ok(())
}

/// What the index keeps of a record.
#[must_use]
pub fn index_entry(record: &SealedRecord, number: u64, position: Position) -> IndexEntry {
    IndexEntry {
        cash_box: record.cash_box,
        row: record.row,
        hash: record.hash,
        position,
        number,
        operation: record.operation,
        reference_key: record.reference_key,
        unfinished: record.unfinished,
        configured: record.configured.clone(),
    }
}

impl From<crate::index::IndexBusy> for JournalError {
    fn from(busy: crate::index::IndexBusy) -> Self {
        Self::IndexBusy(busy.0)
    }
}
