//! Verification of a folder without opening it: reads only, also while a server writes to it.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use kassette_record::{SealedRecord, v1};

use crate::log::check::{Accepted, LogCheck};
use crate::log::files::LogFiles;
use crate::log::frame::{BodiesState, FrameKind};
use crate::log::pass::{GoOn, Part, pass};
use crate::log::scan::{BadBytes, Found, SegmentScan};
use crate::log::segment::{HEADER_BLOCK_BYTES, SegmentHeader, list_segments};
use crate::log::storage::FolderStorage;
use crate::stores::LOCK_NAME;
use crate::{Damage, JournalError, Position};

/// Bad records kept by name; further ones are counted.
pub const BAD_RECORDS_MAX: usize = 1000;
/// Segments held open.
const OPEN_SEGMENTS_MAX: usize = 8;

/// What verification found.
#[derive(Debug, Clone, Default)]
pub struct VerifyReport {
    /// Segments read.
    pub segments: u32,
    /// Records read.
    pub records: u64,
    /// Cash boxes met.
    pub cash_boxes: u64,
    /// Records whose bodies were erased.
    pub erased: u64,
    /// Bad places in order of the log, at most [`BAD_RECORDS_MAX`]; the first is the first bad record.
    pub bad: Vec<Damage>,
    /// Number of bad places.
    pub bad_count: u64,
    /// Whether the log ends with the seal of an orderly stop.
    pub sealed: bool,
    /// An end that is not whole while a server has the folder: a batch being written just now. When nobody has it, the end was
    /// torn by a crash (the next start cuts it and says so) or damaged, which cannot be told apart: then it is in `bad`.
    pub tail: Option<Damage>,
}

impl VerifyReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        self.bad_count == 0
    }

    fn add(&mut self, damage: Damage) {
        self.bad_count = self.bad_count.saturating_add(1);
        if self.bad.len() < BAD_RECORDS_MAX {
            self.bad.push(damage);
        }
    }
}

/// Gets every record in order of the log and says what is wrong with it by rules that the journal does not know.
pub type RecordVisitor<'a> = dyn FnMut(&SealedRecord, Position) -> Result<(), String> + 'a;

/// Checks frames, record numbers, the chain of every cash box and the hashes of the bodies of the journal in `folder`, and has
/// `visitor` check every record. `progress` is told bytes done and in all. Writes nothing.
///
/// # Errors
/// When a segment is missing or unreadable, the format is newer, or the device fails. What is wrong with records is in the
/// report instead.
pub fn verify_folder(
    folder: &Path,
    visitor: &mut RecordVisitor<'_>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<VerifyReport, JournalError> {
    let storage = Arc::new(FolderStorage::new(folder));
    let numbers = list_segments(&*storage)?;
    let files = LogFiles::new(storage, OPEN_SEGMENTS_MAX);
    let mut report =
        VerifyReport { segments: u32::try_from(numbers.len()).unwrap_or(u32::MAX), ..VerifyReport::default() };
    let mut total_bytes = 0_u64;
    let mut last = None;
    for number in numbers {
        let (header, damage) = SegmentHeader::read(&*files.file(number)?, number)?;
        damage.into_iter().for_each(|damage| report.add(damage));
        total_bytes = total_bytes.saturating_add(u64::from(header.bytes));
        files.add(header);
        last = Some(header);
    }
    let Some(last) = last else {
        return Err(JournalError::Io {
            what: format!("verify {}", folder.display()),
            source: std::io::Error::new(ErrorKind::NotFound, "no journal here"),
        });
    };
    let mut end = settled_end(&files, last)?;
    let idle = end.tail.is_some() && nobody_has(folder)?;
    if idle {
        // A server may have finished its batch and stopped meanwhile.
        end = settled_end(&files, last)?;
    }
    report.sealed = end.sealed && end.tail.is_none();
    let torn = end.tail.map(|bad| Damage {
        segment: bad.position.segment,
        offset: bad.position.offset,
        cash_box: None,
        row: None,
        reason: format!("the end is not whole: {}", bad.reason),
    });

    let mut check = LogCheck::from_start();
    let mut wrong = Vec::new();
    let mut more_wrong = 0_u64;
    let mut erased = 0_u64;
    let mut done_bytes = 0_u64;
    let part = Part { from: None, until: Some(end.position) };
    pass(
        &files,
        part,
        &mut check,
        &mut |accepted| {
            if accepted.bodies_state == BodiesState::Zeroed {
                erased = erased.saturating_add(1);
            }
            if let Err(reason) = check_record(&accepted, visitor) {
                if wrong.len() >= BAD_RECORDS_MAX {
                    more_wrong = more_wrong.saturating_add(1);
                    return Ok(());
                }
                wrong.push(Damage {
                    segment: accepted.position.segment,
                    offset: accepted.position.offset,
                    cash_box: Some(accepted.fixed.cash_box),
                    row: Some(accepted.fixed.row),
                    reason,
                });
            }
            Ok(())
        },
        &mut |bytes, _| {
            done_bytes = done_bytes.saturating_add(bytes);
            progress(done_bytes, total_bytes);
            GoOn::Yes
        },
    )?;
    report.records = check.records;
    report.cash_boxes = check.cash_boxes() as u64;
    report.erased = erased;
    wrong.append(&mut check.damages);
    wrong.sort_by_key(|damage| (damage.segment, damage.offset, damage.row));
    wrong.into_iter().for_each(|damage| report.add(damage));
    report.bad_count = report.bad_count.saturating_add(more_wrong).saturating_add(check.damages_unnamed);
    match torn {
        Some(torn) if idle => report.add(torn),
        other => report.tail = other,
    }
    progress(total_bytes, total_bytes);
    Ok(report)
}

/// Whether no process has the journal open. Only reads; the lock is let go at once.
fn nobody_has(folder: &Path) -> Result<bool, JournalError> {
    let failed = |source| JournalError::Io { what: format!("look at the lock of {}", folder.display()), source };
    let file = match File::open(folder.join(LOCK_NAME)) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(failed(error)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

fn check_record(accepted: &Accepted<'_>, visitor: &mut RecordVisitor<'_>) -> Result<(), String> {
    if accepted.bodies_state == BodiesState::Bad {
        // Named by the pass already.
        return Ok(());
    }
    v1::read_bodies(accepted.fixed, accepted.bodies).map_err(|error| error.to_string())?;
    let record =
        SealedRecord::read(accepted.header.to_vec(), accepted.bodies.to_vec()).map_err(|error| error.to_string())?;
    visitor(&record, accepted.position)
}

struct SettledEnd {
    position: Position,
    sealed: bool,
    tail: Option<BadBytes>,
}

/// The end of the last whole batch of the last segment. What stands before it does not change any more, whatever a server does
/// meanwhile; so bytes that were bad because they were just being written are looked at again.
fn settled_end(files: &LogFiles, header: SegmentHeader) -> Result<SettledEnd, JournalError> {
    let file = files.file(header.segment)?;
    let mut scan = SegmentScan::new(Arc::clone(&file), header, 0)?;
    let start = Position { segment: header.segment, offset: HEADER_BLOCK_BYTES };
    let mut end = SettledEnd { position: start, sealed: false, tail: None };
    let mut whole = true;
    loop {
        match scan.read_next()? {
            Found::Frame(frame) => {
                whole = frame.head.batch_place.saturating_add(1) == frame.head.batch_frames;
                end.sealed = frame.head.kind == FrameKind::Seal;
                if whole {
                    end.position.offset = scan.offset();
                    end.tail = None;
                }
            }
            Found::Bad(bad) => {
                let mut again = SegmentScan::new(Arc::clone(&file), header, bad.position.offset)?;
                match again.read_next()? {
                    Found::Frame(_) => scan = SegmentScan::new(Arc::clone(&file), header, bad.position.offset)?,
                    Found::Bad(_) | Found::End { .. } => {
                        end.tail.get_or_insert(bad);
                    }
                }
            }
            Found::End { offset } => {
                if !whole && end.tail.is_none() {
                    end.tail = Some(BadBytes {
                        position: Position { segment: header.segment, offset },
                        reason: "the last batch ends before its last record".to_owned(),
                        hint: None,
                        head_hint: None,
                    });
                }
                return Ok(end);
            }
        }
    }
}
