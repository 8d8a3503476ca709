//! Passes over the log: whole, from a record on, or up to a record.

use std::sync::Arc;

use kassette_record::SealedRecord;

use crate::index::{Checkpoint, EntryScan, IndexEntry, LogSource};
use crate::log::check::{Accepted, LogCheck, Tail};
use crate::log::files::LogFiles;
use crate::log::frame::FrameKind;
use crate::log::scan::{Found, SegmentScan};
use crate::log::segment::SegmentHeader;
use crate::log::state::LogState;
use crate::log::writer::index_entry;
use crate::{JournalError, Position};

/// How a pass went on after a part of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoOn {
    /// Read further.
    Yes,
    /// Stop here.
    No,
}

/// What a pass found at the end of the log.
#[derive(Debug, Clone)]
pub struct PassEnd {
    /// Where the next frame goes when nothing is cut.
    pub position: Position,
    /// What is not whole at the end.
    pub tail: Option<Tail>,
    /// Whether the pass was stopped before the end.
    pub stopped: bool,
}

/// The part of the log that a pass reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Part {
    /// First frame; the beginning of the log when absent.
    pub from: Option<Position>,
    /// First frame that is not read any more; the end of the log when absent. Must be durable: what is before it can then not be
    /// a torn tail, nor be just being written.
    pub until: Option<Position>,
}

/// Reads all frames of a part through `check`. `go_on` is told the number of bytes read since it was last asked.
///
/// # Errors
/// When the device fails, a format is not known, or `accept` fails.
pub fn pass(
    files: &LogFiles,
    part: Part,
    check: &mut LogCheck<'_>,
    accept: &mut dyn FnMut(Accepted<'_>) -> Result<(), JournalError>,
    go_on: &mut dyn FnMut(u64, Position) -> GoOn,
) -> Result<PassEnd, JournalError> {
    let Part { from, until } = part;
    let headers: Vec<SegmentHeader> =
        files.headers().into_iter().filter(|header| from.is_none_or(|from| header.segment >= from.segment)).collect();
    let mut end_of_previous = None;
    let mut end = Position { segment: 0, offset: 0 };
    for header in headers {
        let start = from.filter(|from| from.segment == header.segment).map(|from| from.offset);
        if start.is_none() {
            check.segment(&header, end_of_previous, accept)?;
        }
        let mut scan = SegmentScan::new(files.file(header.segment)?, header, start.unwrap_or(0))?;
        let mut told_bytes = 0;
        loop {
            let place = Position { segment: header.segment, offset: scan.offset() };
            if until.is_some_and(|until| place >= until) {
                check.settle(accept)?;
                return Ok(PassEnd { position: place, tail: None, stopped: true });
            }
            if scan.read_bytes() > told_bytes {
                let bytes = scan.read_bytes().saturating_sub(told_bytes);
                told_bytes = scan.read_bytes();
                if go_on(bytes, place) == GoOn::No {
                    return Ok(PassEnd { position: place, tail: None, stopped: true });
                }
            }
            match scan.read_next()? {
                Found::Frame(frame) => check.frame(frame, accept)?,
                Found::Bad(bad) => check.bad(bad),
                Found::End { offset } => {
                    end = Position { segment: header.segment, offset };
                    end_of_previous = Some(end);
                    break;
                }
            }
        }
    }
    let tail = check.end(end, accept)?;
    Ok(PassEnd { position: end, tail, stopped: false })
}

/// The log as the index reads it.
pub struct LogForIndex {
    /// The segments.
    pub files: Arc<LogFiles>,
    /// How far it is durable.
    pub state: Arc<LogState>,
}

impl LogSource for LogForIndex {
    fn last_number(&self) -> u64 {
        self.state.end().number
    }

    fn fits(&self, checkpoint: &Checkpoint) -> bool {
        checkpoint.number <= self.state.end().number
            && self
                .files
                .read(checkpoint.position)
                .is_ok_and(|read| read.number == checkpoint.number && read.record.hash == checkpoint.hash)
    }

    fn scan(&self, first_number: u64) -> EntryScan {
        let last_number = self.state.end().number;
        let headers = self.files.headers();
        // The last segment that begins at or before the record wanted.
        let start = headers.iter().rposition(|header| header.first_record <= first_number).unwrap_or(0);
        let segments: Vec<SegmentHeader> = headers.into_iter().skip(start).collect();
        Box::new(Entries {
            files: Arc::clone(&self.files),
            segments: segments.into_iter(),
            scan: None,
            next_number: first_number,
            last_number,
        })
    }
}

struct Entries {
    files: Arc<LogFiles>,
    segments: std::vec::IntoIter<SegmentHeader>,
    scan: Option<SegmentScan>,
    next_number: u64,
    last_number: u64,
}

impl Entries {
    fn step(&mut self) -> Result<Option<IndexEntry>, JournalError> {
        while self.next_number <= self.last_number {
            let Some(scan) = &mut self.scan else {
                let Some(header) = self.segments.next() else { return Ok(None) };
                self.scan = Some(SegmentScan::new(self.files.file(header.segment)?, header, 0)?);
                continue;
            };
            match scan.read_next()? {
                Found::Frame(frame)
                    if frame.head.kind == FrameKind::Record && frame.head.number >= self.next_number =>
                {
                    if frame.head.number > self.last_number {
                        return Ok(None);
                    }
                    self.next_number = frame.head.number.saturating_add(1);
                    // A header that cannot be read was named as damage by the pass at opening.
                    if let Ok(record) = SealedRecord::read(frame.header, Vec::new()) {
                        return Ok(Some(index_entry(&record, frame.head.number, frame.position)));
                    }
                }
                Found::Frame(_) | Found::Bad(_) => {}
                Found::End { .. } => self.scan = None,
            }
        }
        Ok(None)
    }
}

impl Iterator for Entries {
    type Item = Result<IndexEntry, String>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step().map_err(|error| error.to_string()).transpose();
        if matches!(step, Some(Err(_))) {
            // Not again: the reader may be blocked by the same place for ever.
            self.next_number = u64::MAX;
            self.last_number = 0;
        }
        step
    }
}
