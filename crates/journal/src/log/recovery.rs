//! Opening a log: what is there, what is torn, what is damaged.

use std::sync::Arc;

use kassette_stdx::{Clock, Entropy};

use crate::index::{Checkpoint, Index};
use crate::log::check::{Asked, KnownLast, Last, LogCheck};
use crate::log::files::LogFiles;
use crate::log::frame::FrameHead;
use crate::log::pass::{GoOn, Part, PassEnd, pass};
use crate::log::preallocate::{fill_with_zeros, make_spare};
use crate::log::scan::{Found, SegmentScan};
use crate::log::segment::{
    HEADER_BLOCK_BYTES, SPARE_NAME, SPARE_UNFINISHED_NAME, SegmentHeader, io_error, list_segments, segment_name,
};
use crate::log::state::{LogEnd, LogState};
use crate::log::storage::SegmentFile;
use crate::log::writer::{WriterStart, begin_segment};
use crate::options::JournalOptions;
use crate::{Damage, JournalError, Position};

/// An open log, before its threads are started.
pub struct Recovered {
    /// Where the writer goes on.
    pub start: WriterStart,
    /// What is known of the log, with its damages.
    pub state: Arc<LogState>,
    /// What was cut off.
    pub cut: Option<Damage>,
    /// The index knows acknowledged records that the log does not have and that no torn tail explains: cash boxes are refused, and
    /// the index is kept as it is, as the only witness.
    pub index_is_witness: bool,
    /// Up to here nothing was read yet: work for the scrubber.
    pub unread_to: Option<Position>,
    /// Records in the log.
    pub records: u64,
    /// A spare segment found in the folder.
    pub spare: Option<Arc<dyn SegmentFile>>,
}

/// Tells how far opening has come: bytes done and bytes in all.
pub type Progress<'a> = dyn FnMut(u64, u64) + 'a;

/// Opens the log of `files`: makes a first segment in an empty folder, reads it from the index's checkpoint (whole when it is
/// small or there is none), cuts a torn tail and names all damage.
///
/// # Errors
/// When a segment is missing or its header unreadable, the format is newer, or the device fails.
pub fn recover(
    files: &LogFiles,
    index: Option<&dyn Index>,
    options: &JournalOptions,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    progress: &mut Progress<'_>,
) -> Result<Recovered, JournalError> {
    let storage = files.storage();
    let numbers = list_segments(&**storage)?;
    let mut damages = Vec::new();
    for number in &numbers {
        let (header, damage) = SegmentHeader::read(&*files.file(*number)?, *number)?;
        damages.extend(damage);
        if let Some(other) = files.headers().first().filter(|first| first.log_id != header.log_id) {
            return Err(JournalError::Format(format!(
                "{} and {} belong to different journals",
                segment_name(other.segment),
                segment_name(*number)
            )));
        }
        files.add(header);
    }
    let spare = find_spare(files, options)?;
    let Some(last_header) = files.headers().last().copied() else {
        return create(files, options, clock, entropy, spare);
    };

    let checkpoint = index.and_then(|index| index.checkpoint().ok().flatten());
    let log_bytes: u64 = files.headers().iter().map(|header| u64::from(header.bytes)).sum();
    let from = checkpoint.filter(|_| log_bytes > options.open_scan_bytes_max).and_then(|at| start_at(files, &at));
    let mut check = match &from {
        None => LogCheck::from_start(),
        Some((_, head, number)) => LogCheck::after(*number, head, known_last(files, index)),
    };
    let start = from.map(|(after, _, _)| after);
    let (mut done_bytes, unread_bytes) = (0_u64, start.map_or(0, |start| bytes_before(files, start)));
    let end = pass(files, Part { from: start, until: None }, &mut check, &mut |_| Ok(()), &mut |bytes, _| {
        done_bytes = done_bytes.saturating_add(bytes);
        progress(done_bytes, log_bytes.saturating_sub(unread_bytes));
        GoOn::Yes
    })?;

    let writable = storage
        .open(&segment_name(last_header.segment), true)
        .map_err(|source| io_error("open for writing", last_header.segment, source))?;
    let position = end.tail.as_ref().map_or(end.position, |tail| tail.position);
    clean_tail(&*writable, &last_header, position, end.tail.is_some())?;

    let last_number = check.next_number().saturating_sub(1);
    let ahead = checkpoint.filter(|checkpoint| checkpoint.number > last_number);
    let state = LogState::new(LogEnd { number: last_number, position });
    let mut cut = end.tail.as_ref().map(|tail| cut_report(tail.position, tail.records_lost, &tail.reason));
    let witness = match (ahead, index) {
        (Some(ahead), Some(index)) => judge_ahead(&mut check, index, &ahead, &end, options, &mut cut),
        _ => false,
    };
    attribute_holes(&mut check, index, &state);
    for damage in damages.into_iter().chain(std::mem::take(&mut check.damages)) {
        state.add_damage(damage);
    }
    if let Some(cut) = &cut {
        tracing::warn!(segment = cut.segment, offset = cut.offset, reason = %cut.reason, "the journal was cut");
    }
    let start_of_next = WriterStart {
        header: last_header,
        file: writable,
        offset: position.offset,
        next_number: check.next_number(),
        next_batch: check.next_batch(),
        sealed: check.sealed() || check.next_batch() == 1,
    };
    Ok(Recovered {
        start: start_of_next,
        state: Arc::new(state),
        cut,
        index_is_witness: witness,
        unread_to: start,
        records: check.records,
        spare,
    })
}

fn cut_report(position: Position, records_lost: u64, reason: &str) -> Damage {
    let records = if records_lost == 1 { "record" } else { "records" };
    Damage {
        segment: position.segment,
        offset: position.offset,
        cash_box: None,
        row: None,
        reason: format!("the last batch is not whole, {records_lost} {records} cut off: {reason}"),
    }
}

/// A spare of the right size is used, anything else removed.
fn find_spare(files: &LogFiles, options: &JournalOptions) -> Result<Option<Arc<dyn SegmentFile>>, JournalError> {
    let storage = files.storage();
    let failed = |source| JournalError::Io { what: "look for a spare segment".to_owned(), source };
    let names = storage.names().map_err(failed)?;
    if names.iter().any(|name| name == SPARE_UNFINISHED_NAME) {
        storage.remove(SPARE_UNFINISHED_NAME).map_err(failed)?;
    }
    if !names.iter().any(|name| name == SPARE_NAME) {
        return Ok(None);
    }
    let spare = storage.open(SPARE_NAME, true).map_err(failed)?;
    // Its first block may hold a header already when the stop came between writing and naming it.
    let fits = spare.bytes().map_err(failed)? == u64::from(options.segment_bytes);
    let mut block = vec![0; HEADER_BLOCK_BYTES as usize];
    let empty =
        fits && spare.read_at(&mut block, 0).map_err(failed)? == block.len() && block.iter().all(|byte| *byte == 0);
    if empty {
        return Ok(Some(spare));
    }
    storage.remove(SPARE_NAME).map_err(failed)?;
    Ok(None)
}

/// The first segment of an empty folder.
fn create(
    files: &LogFiles,
    options: &JournalOptions,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    spare: Option<Arc<dyn SegmentFile>>,
) -> Result<Recovered, JournalError> {
    let failed = |source| JournalError::Io { what: format!("create {}", segment_name(1)), source };
    if spare.is_some() {
        // A spare without a segment: the folder was tampered with or its first opening was cut short. Nothing is lost.
        files.storage().remove(SPARE_NAME).map_err(failed)?;
    }
    let file = make_spare(&**files.storage(), u64::from(options.first_segment_bytes)).map_err(failed)?;
    let mut log_id = [0; 16];
    entropy.fill(&mut log_id);
    let header = SegmentHeader {
        segment: 1,
        log_id,
        first_record: 1,
        first_batch: 1,
        created_ns: clock.unix_ns(),
        bytes: options.first_segment_bytes,
    };
    begin_segment(files, &*file, &header).map_err(failed)?;
    let position = Position { segment: 1, offset: HEADER_BLOCK_BYTES };
    Ok(Recovered {
        start: WriterStart { header, file, offset: HEADER_BLOCK_BYTES, next_number: 1, next_batch: 1, sealed: true },
        state: Arc::new(LogState::new(LogEnd { number: 0, position })),
        cut: None,
        index_is_witness: false,
        unread_to: None,
        records: 0,
        spare: None,
    })
}

/// The place right after the record of a checkpoint, when the log has that record.
fn start_at(files: &LogFiles, checkpoint: &Checkpoint) -> Option<(Position, FrameHead, u64)> {
    let header = files.header(checkpoint.position.segment)?;
    let file = files.file(header.segment).ok()?;
    let mut scan = SegmentScan::new(file, header, checkpoint.position.offset).ok()?;
    match scan.read_next().ok()? {
        Found::Frame(frame)
            if frame.position == checkpoint.position
                && frame.head.number == checkpoint.number
                && kassette_record::Hash::of(&frame.header) == checkpoint.hash =>
        {
            Some((Position { segment: header.segment, offset: scan.offset() }, frame.head, checkpoint.number))
        }
        _ => None,
    }
}

fn known_last<'a>(files: &'a LogFiles, index: Option<&'a dyn Index>) -> KnownLast<'a> {
    Box::new(move |cash_box, asked| match asked {
        Asked::Linked(None) => Ok(None),
        Asked::Linked(Some(previous)) => match files.read(previous) {
            Ok(read) if read.record.cash_box == cash_box => {
                Ok(Some(Last { row: read.record.row, hash: Some(read.record.hash), position: previous }))
            }
            Ok(_) => Err(JournalError::Damaged(Damage {
                segment: previous.segment,
                offset: previous.offset,
                cash_box: Some(cash_box),
                row: None,
                reason: "a link backwards leads to another cash box".to_owned(),
            })),
            Err(error) => Err(error),
        },
        Asked::BadAt(position) => {
            let head = index.and_then(|index| index.head(cash_box).ok().flatten());
            Ok(head.filter(|head| head.position < position).map(|head| Last {
                row: head.row,
                hash: Some(head.hash),
                position: head.position,
            }))
        }
    })
}

fn bytes_before(files: &LogFiles, position: Position) -> u64 {
    files
        .headers()
        .iter()
        .take_while(|header| header.segment < position.segment)
        .map(|header| u64::from(header.bytes))
        .sum::<u64>()
        .saturating_add(u64::from(position.offset))
}

/// Makes the rest of the last segment zeros again and durable, before anything is appended there.
fn clean_tail(file: &dyn SegmentFile, header: &SegmentHeader, from: Position, dirty: bool) -> Result<(), JournalError> {
    let failed = |source| io_error("clean the end of", header.segment, source);
    let bytes = u64::from(header.bytes);
    let found = file.bytes().map_err(failed)?;
    if dirty {
        let mut at = u64::from(from.offset);
        let mut chunk = vec![0; 256 * 1024];
        while at < found.min(bytes) {
            let wanted = usize::try_from(found.min(bytes).saturating_sub(at)).unwrap_or(chunk.len()).min(chunk.len());
            let part = chunk.get_mut(..wanted).unwrap_or_default();
            let count = file.read_at(part, at).map_err(failed)?;
            let part = part.get_mut(..count).unwrap_or_default();
            if part.is_empty() {
                break;
            }
            if part.iter().any(|byte| *byte != 0) {
                part.fill(0);
                file.write_all_at(part, at).map_err(failed)?;
            }
            at = at.saturating_add(count as u64);
        }
    }
    if found < bytes {
        fill_with_zeros(file, found, bytes).map_err(failed)?;
    }
    if dirty || found < bytes {
        file.sync_all().map_err(failed)?;
    }
    Ok(())
}

/// The index has records that the log does not. It is only told of durable records, so they were acknowledged and are lost.
/// When no more than one batch can be gone it may be the torn tail (`false`); otherwise the cash boxes are refused (`true`).
fn judge_ahead(
    check: &mut LogCheck<'_>,
    index: &dyn Index,
    ahead: &Checkpoint,
    end: &PassEnd,
    options: &JournalOptions,
    cut: &mut Option<Damage>,
) -> bool {
    let lost = ahead.number.saturating_sub(check.next_number().saturating_sub(1));
    let reason = format!("the index knows {lost} acknowledged records that the log no longer has");
    let place = end.tail.as_ref().map_or(end.position, |tail| tail.position);
    if !check.sealed() && lost <= options.batch_records_max as u64 {
        let report = cut.get_or_insert_with(|| cut_report(place, lost, "nothing of it is left"));
        report.reason = format!("{}; {reason}", report.reason);
        return false;
    }
    let mut after = None;
    let mut named = false;
    while let Ok(cash_boxes) = index.cash_boxes(after, 1000) {
        for cash_box in &cash_boxes {
            let row = check.met(*cash_box).map_or(0, |last| last.row);
            let head = index.head(*cash_box).ok().flatten();
            if let Some(head) = head.filter(|head| check.is_whole() && head.row > row) {
                let rows = head.row.saturating_sub(row);
                check.attribute_row(*cash_box, row.saturating_add(1), rows, place, reason.clone());
                named = true;
            }
        }
        after = cash_boxes.last().copied();
        if after.is_none() {
            break;
        }
    }
    if !named {
        check.damages.push(Damage { segment: place.segment, offset: place.offset, cash_box: None, row: None, reason });
    }
    true
}

/// Finds the cash boxes of records that are missing and could not be told so far: by their heads in the index; and when that
/// does not tell either, whoever has no record after the hole is refused, because nothing proves that it lost none.
fn attribute_holes(check: &mut LogCheck<'_>, index: Option<&dyn Index>, state: &LogState) {
    let open = |check: &LogCheck<'_>| check.holes.iter().any(|hole| hole.missing > hole.attributed);
    if !open(check) {
        return;
    }
    if let Some(index) = index.filter(|_| check.is_whole()) {
        let mut after = None;
        while let Ok(cash_boxes) = index.cash_boxes(after, 1000) {
            for cash_box in &cash_boxes {
                let met = check.met(*cash_box);
                let row = met.map_or(0, |last| last.row);
                let Some(head) = index.head(*cash_box).ok().flatten().filter(|head| head.row > row) else { continue };
                let place = check
                    .holes
                    .iter()
                    .find(|hole| hole.missing > hole.attributed && met.is_none_or(|met| hole.position > met.position))
                    .map(|hole| hole.position);
                if let Some(place) = place {
                    let rows = head.row.saturating_sub(row);
                    let first = row.saturating_add(1);
                    let reason = format!("rows {first} to {} are missing, the index knows them", head.row);
                    check.attribute_row(*cash_box, first, rows, place, reason);
                }
            }
            after = cash_boxes.last().copied();
            if after.is_none() {
                break;
            }
        }
    }
    for hole in check.holes.iter().filter(|hole| hole.missing > hole.attributed) {
        let damage = Damage {
            segment: hole.position.segment,
            offset: hole.position.offset,
            cash_box: None,
            row: None,
            reason: format!(
                "{} records are missing from number {} on and nothing tells their cash boxes: {}",
                hole.missing.saturating_sub(hole.attributed),
                hole.first_number,
                hole.reason
            ),
        };
        state.add_unproven(hole.position, damage.clone());
        state.add_damage(damage);
    }
}
