//! Passes over the log: whole, from a record on, or up to a record.

use crate::log::check::{Accepted, LogCheck, Tail};
use crate::log::files::LogFiles;
use crate::log::scan::{Found, SegmentScan};
use crate::log::segment::SegmentHeader;
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
