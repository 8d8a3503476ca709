//! Every record of the log in its order, from a place on: for whoever follows the log as a whole.

use std::sync::Arc;

use kassette_record::{RecordError, SealedRecord, v1};

use crate::log::files::LogFiles;
use crate::log::frame::{BodiesState, FRAME_ALIGN, FrameKind};
use crate::log::scan::{Found, ScannedFrame, SegmentScan};
use crate::log::segment::{HEADER_BLOCK_BYTES, SegmentHeader};
use crate::log::state::{LogEnd, LogState};
use crate::{Damage, JournalError, Position};

/// How far the times of records may be out of the order of the log: an operation gets its time when it begins and its place when it
/// ends, and a clock may be set back.
pub const TIMES_OUT_OF_ORDER_NS: i64 = 3_600_000_000_000;

/// Reads the records at or after a place, up to the end of the log when it was made. Holds no lock between two items.
pub struct LogWalk {
    files: Arc<LogFiles>,
    state: Arc<LogState>,
    segments: std::vec::IntoIter<SegmentHeader>,
    scan: Option<SegmentScan>,
    place: Position,
    from: Option<Position>,
    end: LogEnd,
    /// Number of the next record, once that is known.
    expected: Option<u64>,
    /// Bad bytes were met: that records are missing there has been said.
    in_hole: bool,
    /// The frame behind missing records.
    waiting: Option<ScannedFrame>,
    ended: bool,
}

impl LogWalk {
    /// A walk from `from`, or from the beginning.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when the log ends before `from`.
    pub fn new(files: Arc<LogFiles>, state: Arc<LogState>, from: Option<Position>) -> Result<Self, JournalError> {
        let end = state.end();
        if let Some(from) = from.filter(|from| *from > end.position) {
            let reason =
                format!("the log ends before, at segment {}, offset {}", end.position.segment, end.position.offset);
            return Err(missing(from, reason));
        }
        let mut segments = files.headers();
        segments.retain(|header| from.is_none_or(|from| header.segment >= from.segment));
        let place = Position { segment: 0, offset: 0 };
        Ok(Self {
            files,
            state,
            segments: segments.into_iter(),
            scan: None,
            place,
            from,
            end,
            expected: from.is_none().then_some(1),
            in_hole: false,
            waiting: None,
            ended: false,
        })
    }

    /// One thing of the log: `Ok(None)` when it is nothing that is given out.
    fn step(&mut self) -> Result<Option<(Position, SealedRecord)>, JournalError> {
        if let Some(frame) = self.waiting.take() {
            return self.record(frame);
        }
        let Some(scan) = &mut self.scan else { return self.next_segment().map(|()| None) };
        self.place.offset = scan.offset();
        if self.place >= self.end.position {
            self.ended = true;
            return self.reaches(self.end.number.saturating_add(1)).map(|()| None);
        }
        match scan.read_next().inspect_err(|_| self.scan = None)? {
            Found::End { offset } => {
                self.place.offset = offset;
                self.scan = None;
            }
            Found::Bad(bad) => {
                self.in_hole = true;
                if self.is_wanted(bad.position) {
                    return Err(missing(bad.position, bad.reason));
                }
            }
            Found::Frame(frame) => {
                let seal = frame.head.kind == FrameKind::Seal;
                let first = if seal { frame.head.number.saturating_add(1) } else { frame.head.number };
                self.place = frame.position;
                let reached = self.reaches(first);
                if seal {
                    return reached.map(|()| None);
                }
                if reached.is_err() {
                    self.waiting = Some(frame);
                    return reached.map(|()| None);
                }
                return self.record(frame);
            }
        }
        Ok(None)
    }

    fn is_wanted(&self, position: Position) -> bool {
        self.from.is_none_or(|from| position >= from)
    }

    fn next_segment(&mut self) -> Result<(), JournalError> {
        let Some(header) = self.segments.next() else {
            self.ended = true;
            return self.reaches(self.end.number.saturating_add(1));
        };
        let start = self.from.filter(|from| from.segment == header.segment).map(|from| from.offset);
        // A place right behind a record is looked for from that record on.
        let start = start.map_or(0, |offset| offset / FRAME_ALIGN as u32 * FRAME_ALIGN as u32);
        let reached = if start <= HEADER_BLOCK_BYTES { self.reaches(header.first_record) } else { Ok(()) };
        self.place = Position { segment: header.segment, offset: start };
        self.in_hole = false;
        self.scan = Some(SegmentScan::new(self.files.file(header.segment)?, header, start)?);
        reached
    }

    /// The log goes on with record `number`: fails when records before it are missing and that has not been said.
    fn reaches(&mut self, number: u64) -> Result<(), JournalError> {
        let lost = self.expected.map_or(0, |expected| number.saturating_sub(expected));
        self.expected = self.expected.max(Some(number));
        let said = std::mem::take(&mut self.in_hole);
        if lost == 0 || said {
            return Ok(());
        }
        Err(missing(self.place, format!("{lost} records are missing before this place")))
    }

    fn record(&mut self, frame: ScannedFrame) -> Result<Option<(Position, SealedRecord)>, JournalError> {
        let (position, number) = (frame.position, frame.head.number);
        if self.expected.is_some_and(|expected| number < expected) {
            return Err(missing(position, format!("record number {number} appears again")));
        }
        self.expected = Some(number.saturating_add(1));
        if !self.is_wanted(position) {
            return Ok(None);
        }
        match read(frame) {
            Ok(record) => Ok(Some((position, record))),
            Err(damage) => {
                // Whose record it is stands in a header with a good checksum.
                self.state.add_damage(damage.clone());
                Err(JournalError::Damaged(damage))
            }
        }
    }
}

impl Iterator for LogWalk {
    type Item = Result<(Position, SealedRecord), JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended || self.waiting.is_some() {
            if let Some(item) = self.step().transpose() {
                return Some(item);
            }
        }
        None
    }
}

fn missing(position: Position, reason: String) -> JournalError {
    JournalError::Damaged(Damage {
        segment: position.segment,
        offset: position.offset,
        cash_box: None,
        row: None,
        reason,
    })
}

fn read(frame: ScannedFrame) -> Result<SealedRecord, Damage> {
    let ScannedFrame { position, header, bodies, bodies_state, .. } = frame;
    let fixed = v1::read_fixed(&header).ok();
    let damage = |reason: String| Damage {
        segment: position.segment,
        offset: position.offset,
        cash_box: fixed.map(|fixed| fixed.cash_box),
        row: fixed.map(|fixed| fixed.row),
        reason,
    };
    if bodies_state == BodiesState::Bad {
        return Err(damage("checksum of the bodies".to_owned()));
    }
    SealedRecord::read(header, bodies).map_err(|error: RecordError| damage(error.to_string()))
}

/// A place such that every record made at or after `time_ns` lies at or after it: the beginning of a segment, `None` for that of the
/// log. Looks at the first record of each segment, from the oldest on, because after a clock was set back the times do not ascend. A
/// segment in which it was set back is read whole. Records may be out of order by [`TIMES_OUT_OF_ORDER_NS`]; a clock that was further
/// ahead for less than a segment is not seen.
///
/// # Errors
/// When the device fails.
pub fn place_at(files: &LogFiles, time_ns: i64) -> Result<Option<Position>, JournalError> {
    let time_ns = time_ns.saturating_sub(TIMES_OUT_OF_ORDER_NS);
    let mut before: Option<(SegmentHeader, i64)> = None;
    for header in files.headers() {
        let Some(first_ns) = times_ns(files, header)?.next().transpose()? else { continue };
        if let Some((before, _)) = before.filter(|(_, before_ns)| first_ns < *before_ns) {
            let mut times_ns = times_ns(files, before)?;
            if times_ns.try_fold(i64::MIN, |latest, time_ns| time_ns.map(|time_ns| latest.max(time_ns)))? >= time_ns {
                break;
            }
        }
        if first_ns >= time_ns {
            break;
        }
        before = Some((header, first_ns));
    }
    let place = before.map(|(header, _)| Position { segment: header.segment, offset: HEADER_BLOCK_BYTES });
    Ok(place.filter(|place| place.segment > 1))
}

/// When the records of a segment were made, of all that can be read.
fn times_ns(
    files: &LogFiles,
    header: SegmentHeader,
) -> Result<impl Iterator<Item = Result<i64, JournalError>>, JournalError> {
    let mut scan = SegmentScan::new(files.file(header.segment)?, header, 0)?;
    let mut ended = false;
    Ok(std::iter::from_fn(move || {
        while !ended {
            match scan.read_next() {
                Ok(Found::Frame(frame)) if frame.head.kind == FrameKind::Record => {
                    if let Ok(details) = v1::read_details(&frame.header) {
                        return Some(Ok(details.time_ns));
                    }
                }
                Ok(Found::Frame(_) | Found::Bad(_)) => {}
                Ok(Found::End { .. }) => ended = true,
                Err(error) => {
                    ended = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }))
}
