//! The log as the index reads it to be filled again.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use kassette_record::SealedRecord;

use crate::index::{Checkpoint, EntryScan, IndexEntry, LogSource};
use crate::log::check::{Accepted, Asked, Last, LogCheck};
use crate::log::files::LogFiles;
use crate::log::scan::{Found, SegmentScan};
use crate::log::segment::SegmentHeader;
use crate::log::state::{LogEnd, LogState};
use crate::log::writer::index_entry;
use crate::{Damage, JournalError, Position};

/// The log as the index reads it.
pub struct LogForIndex {
    /// The segments.
    pub files: Arc<LogFiles>,
    /// How far it is durable; damage met while reading is named there.
    pub state: Arc<LogState>,
}

impl LogSource for LogForIndex {
    fn last_number(&self) -> u64 {
        self.state.end().number
    }

    fn fits(&self, checkpoint: &Checkpoint) -> bool {
        checkpoint.number <= self.state.end().number && self.files.has(checkpoint)
    }

    fn scan(&self, first_number: u64) -> EntryScan {
        let end = self.state.end();
        let headers = self.files.headers();
        // The last segment that begins at or before the record wanted.
        let start = headers.iter().rposition(|header| header.first_record <= first_number).unwrap_or(0);
        let check = match headers.get(start) {
            Some(first) if start > 0 => LogCheck::from_segment(first, last_by_link(Arc::clone(&self.files))),
            _ => LogCheck::from_start(),
        };
        let segments: Vec<SegmentHeader> = headers.into_iter().skip(start).collect();
        Box::new(Entries {
            files: Arc::clone(&self.files),
            state: Arc::clone(&self.state),
            segments: segments.into_iter(),
            scan: None,
            check,
            place: Position { segment: 0, offset: 0 },
            first_number,
            end,
            ready: VecDeque::new(),
            found: HashSet::new(),
            holes_seen: 0,
            ended: false,
        })
    }
}

/// The record that a link backwards leads to.
fn last_by_link(files: Arc<LogFiles>) -> crate::log::check::KnownLast<'static> {
    Box::new(move |cash_box, asked| match asked {
        Asked::Linked(Some(previous)) => match files.read(previous)? {
            read if read.record.cash_box == cash_box => {
                Ok(Some(Last { row: read.record.row, hash: Some(read.record.hash), position: previous }))
            }
            _ => Err(JournalError::Damaged(Damage {
                segment: previous.segment,
                offset: previous.offset,
                cash_box: Some(cash_box),
                row: None,
                reason: "a link backwards leads to another cash box".to_owned(),
            })),
        },
        Asked::Linked(None) | Asked::BadAt(_) => Ok(None),
    })
}

/// Entries up to where the log was durable when the scan began. A record that cannot be read has no entry and would look absent:
/// so whoever it may have belonged to is refused before any later entry is given out.
struct Entries {
    files: Arc<LogFiles>,
    state: Arc<LogState>,
    segments: std::vec::IntoIter<SegmentHeader>,
    scan: Option<SegmentScan>,
    check: LogCheck<'static>,
    place: Position,
    first_number: u64,
    end: LogEnd,
    ready: VecDeque<IndexEntry>,
    /// Holes that this scan was the first to meet.
    found: HashSet<Position>,
    holes_seen: usize,
    ended: bool,
}

impl Entries {
    fn step(&mut self) -> Result<(), JournalError> {
        let (ready, state, first_number) = (&mut self.ready, &*self.state, self.first_number);
        let accept = &mut |accepted: Accepted<'_>| {
            if accepted.head.number >= first_number {
                match SealedRecord::read(accepted.header.to_vec(), Vec::new()) {
                    Ok(record) => ready.push_back(index_entry(&record, accepted.head.number, accepted.position)),
                    Err(error) => state.add_damage(Damage {
                        segment: accepted.position.segment,
                        offset: accepted.position.offset,
                        cash_box: Some(accepted.fixed.cash_box),
                        row: Some(accepted.fixed.row),
                        reason: error.to_string(),
                    }),
                }
            }
            Ok(())
        };
        if let Some(scan) = &mut self.scan {
            self.place.offset = scan.offset();
            if self.place < self.end.position {
                match scan.read_next()? {
                    Found::Frame(frame) => self.check.frame(frame, accept)?,
                    Found::Bad(bad) => self.check.bad(bad),
                    Found::End { offset } => {
                        self.place.offset = offset;
                        self.scan = None;
                    }
                }
                return Ok(());
            }
        } else if let Some(header) = self.segments.next() {
            let end_of_previous = (self.place.segment > 0).then_some(self.place);
            self.check.segment(&header, end_of_previous, accept)?;
            self.scan = Some(SegmentScan::new(self.files.file(header.segment)?, header, 0)?);
            self.place.segment = header.segment;
            return Ok(());
        }
        // All of it was durable, so that nothing is a torn write.
        self.check.knows(self.end.number);
        self.check.end(self.place, accept)?;
        self.ended = true;
        Ok(())
    }

    /// Names what was found; whoever may be touched by a hole is refused until its cash box is told.
    fn report(&mut self) {
        for (at, hole) in self.check.holes.iter().enumerate() {
            if at >= self.holes_seen && self.state.meets_hole(hole.position) {
                self.found.insert(hole.position);
            }
            if self.found.contains(&hole.position) {
                self.state.hold_unproven(hole);
            }
        }
        self.holes_seen = self.check.holes.len();
        for damage in std::mem::take(&mut self.check.damages) {
            self.state.add_damage(damage);
        }
    }
}

impl Iterator for Entries {
    type Item = Result<IndexEntry, String>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() && !self.ended {
            let step = self.step();
            self.report();
            if let Err(error) = step {
                // Not again: the reader may be blocked by the same place for ever.
                self.ended = true;
                self.ready.clear();
                return Some(Err(error.to_string()));
            }
        }
        self.ready.pop_front().map(Ok)
    }
}
