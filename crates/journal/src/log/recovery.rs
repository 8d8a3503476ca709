//! Opening a log: what is there, what is torn, what is damaged.

use std::sync::Arc;

use kassette_stdx::{Clock, Entropy};

use crate::index::{Checkpoint, Index};
use crate::log::check::{Asked, Hole, KnownLast, Last, LogCheck};
use crate::log::files::LogFiles;
use crate::log::frame::{FRAME_ALIGN, FrameHead};
use crate::log::pass::{GoOn, Part, pass};
use crate::log::preallocate::{fill_with_zeros, make_spare};
use crate::log::scan::{Found, SCAN_CHUNK_BYTES, SegmentScan};
use crate::log::segment::{
    HEADER_BLOCK_BYTES, SPARE_NAME, SPARE_UNFINISHED_NAME, SegmentHeader, io_error, list_segments, segment_name,
};
use crate::log::state::{LogEnd, LogState};
use crate::log::storage::{SegmentFile, is_no_space};
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
    /// Records are lost whose cash boxes the log alone does not tell, and the index does not fit the log any more: it is kept as
    /// it is, as the only witness.
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
    let spare = find_spare(files, options, &mut damages)?;
    let Some(last_header) = files.headers().last().copied() else {
        return create(files, options, clock, entropy, spare);
    };

    let checkpoint = index.and_then(|index| index.checkpoint().ok().flatten());
    let told = index.and_then(|index| index.told().ok().flatten());
    let log_bytes: u64 = files.headers().iter().map(|header| u64::from(header.bytes)).sum();
    let from = checkpoint.filter(|_| log_bytes > options.open_scan_bytes_max).and_then(|at| start_at(files, &at));
    let mut check = match &from {
        None => LogCheck::from_start(),
        Some((_, head, number)) => LogCheck::after(*number, head, known_last(files, index)),
    };
    // The index is told of records only after their sync: what it knows is never a torn tail.
    check.knows(told.map_or(0, |told| told.number));
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
    let position = match &end.tail {
        _ if check.keeps_end() => after_last_byte(&*writable, &last_header, end.position)?,
        Some(tail) => tail.position,
        None => end.position,
    };
    if end.tail.is_some() {
        save_cut(files, &*writable, &last_header, position)?;
    }
    clean_tail(&*writable, &last_header, position, end.tail.is_some())?;
    // Likewise the name of a segment that was just begun.
    storage
        .sync_names()
        .map_err(|source| JournalError::Io { what: "sync the names in the journal folder".to_owned(), source })?;

    let last_number = check.next_number().saturating_sub(1);
    let state = LogState::new(LogEnd { number: last_number, position });
    let cut = end.tail.as_ref().map(|tail| cut_report(tail.position, tail.records_lost, &tail.reason));
    let witness = told.is_some_and(|told| {
        let untold = |hole: &Hole| hole.missing > hole.attributed && hole.first_number <= told.number;
        check.holes.iter().any(untold) && !files.has(&told)
    });
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

/// An empty spare of the right size is used, anything else without records removed. One that holds records of the next segment
/// is that segment, whose name a power cut took back: it gets its name again and is made known.
fn find_spare(
    files: &LogFiles,
    options: &JournalOptions,
    damages: &mut Vec<Damage>,
) -> Result<Option<Arc<dyn SegmentFile>>, JournalError> {
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
    let bytes = spare.bytes().map_err(failed)?;
    let mut block = vec![0; HEADER_BLOCK_BYTES as usize];
    let count = spare.read_at(&mut block, 0).map_err(failed)?;
    if block.iter().all(|byte| *byte == 0) {
        if bytes == u64::from(options.segment_bytes) && count == block.len() {
            return Ok(Some(spare));
        }
    } else if has_bytes(&*spare, bytes).map_err(failed)? {
        adopt_spare(files, &block, damages)?;
        return Ok(None);
    }
    // Nothing was written behind the header: the stop came between writing and naming it.
    storage.remove(SPARE_NAME).map_err(failed)?;
    Ok(None)
}

/// Whether anything stands behind the header block.
fn has_bytes(file: &dyn SegmentFile, bytes: u64) -> std::io::Result<bool> {
    let mut found = false;
    for_each_chunk(file, u64::from(HEADER_BLOCK_BYTES), bytes, &mut |chunk, _| {
        found = found || chunk.iter().any(|byte| *byte != 0);
        Ok(())
    })?;
    Ok(found)
}

fn adopt_spare(files: &LogFiles, block: &[u8], damages: &mut Vec<Damage>) -> Result<(), JournalError> {
    let headers = files.headers();
    let next = headers.last().map_or(1, |last| last.segment.saturating_add(1));
    let fits = SegmentHeader::decode(block, next)
        .ok()
        .filter(|(header, _)| headers.first().is_none_or(|first| first.log_id == header.log_id));
    let Some((header, damage)) = fits else {
        return Err(JournalError::Damaged(Damage {
            segment: next,
            offset: 0,
            cash_box: None,
            row: None,
            reason: format!(
                "{SPARE_NAME} is not empty and is not {}: move it out of the folder, and keep it",
                segment_name(next)
            ),
        }));
    };
    let name = segment_name(next);
    tracing::warn!(segment = next, "{SPARE_NAME} holds records and gets its name back");
    let storage = files.storage();
    storage
        .rename(SPARE_NAME, &name)
        .and_then(|()| storage.sync_names())
        .map_err(|source| io_error("name", next, source))?;
    damages.extend(damage);
    files.add(header);
    Ok(())
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
    let file = make_spare(&**files.storage(), u64::from(options.first_segment_bytes), &|_| ()).map_err(failed)?;
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

/// Where writing can go on behind everything that is not zero from `from` on.
fn after_last_byte(file: &dyn SegmentFile, header: &SegmentHeader, from: Position) -> Result<Position, JournalError> {
    let mut last = u64::from(from.offset);
    for_each_chunk(file, u64::from(from.offset), u64::from(header.bytes), &mut |chunk, at| {
        if let Some(found) = chunk.iter().rposition(|byte| *byte != 0) {
            last = at.saturating_add(found as u64).saturating_add(1);
        }
        Ok(())
    })
    .map_err(|source| io_error("read", header.segment, source))?;
    let offset = last.next_multiple_of(FRAME_ALIGN as u64).min(u64::from(header.bytes));
    Ok(Position { offset: u32::try_from(offset).unwrap_or(header.bytes), ..from })
}

/// Reads a file from offset `from` to `end`, or as far as it goes, in chunks; `visit` gets each with its offset.
fn for_each_chunk(
    file: &dyn SegmentFile,
    from: u64,
    end: u64,
    visit: &mut dyn FnMut(&mut [u8], u64) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let mut at = from;
    let mut chunk = vec![0; SCAN_CHUNK_BYTES];
    while at < end {
        let wanted = usize::try_from(end.saturating_sub(at)).unwrap_or(chunk.len()).min(chunk.len());
        let count = file.read_at(chunk.get_mut(..wanted).unwrap_or_default(), at)?;
        if count == 0 {
            break;
        }
        visit(chunk.get_mut(..count).unwrap_or_default(), at)?;
        at = at.saturating_add(count as u64);
    }
    Ok(())
}

/// Keeps what is about to be cut from `from` on in a file of its own, durable before anything is overwritten. Without space for
/// it the cut is made all the same: nothing in it was known to anyone.
fn save_cut(
    files: &LogFiles,
    file: &dyn SegmentFile,
    header: &SegmentHeader,
    from: Position,
) -> Result<(), JournalError> {
    let end = after_last_byte(file, header, from)?.offset;
    if end <= from.offset {
        return Ok(());
    }
    let storage = files.storage();
    let stem = format!("cut-{:08}-{}", from.segment, from.offset);
    let mut saved = String::new();
    let mut save = || {
        let names = storage.names()?;
        let mut candidates =
            std::iter::once(format!("{stem}.bin")).chain((2_u32..).map(|number| format!("{stem}-{number}.bin")));
        saved = candidates.find(|name| !names.contains(name)).unwrap_or_default();
        let copy = storage.create(&saved)?;
        for_each_chunk(file, u64::from(from.offset), u64::from(end), &mut |chunk, at| {
            copy.write_all_at(chunk, at.saturating_sub(u64::from(from.offset)))
        })?;
        copy.sync_all()?;
        storage.sync_names()
    };
    match save() {
        Ok(()) => tracing::warn!(file = %saved, "what is cut off the journal is kept in a file"),
        Err(error) if is_no_space(&error) => {
            let _ = storage.remove(&saved);
            tracing::error!(%error, "no space to keep what is cut off the journal");
        }
        Err(source) => return Err(JournalError::Io { what: format!("write {saved}"), source }),
    }
    Ok(())
}

/// Makes the rest of the last segment zeros again, before anything is appended there, and all of it durable: a process that was
/// killed may have written what it had not synced yet, and what is answered from now on must not be lost.
fn clean_tail(file: &dyn SegmentFile, header: &SegmentHeader, from: Position, dirty: bool) -> Result<(), JournalError> {
    let failed = |source| io_error("clean the end of", header.segment, source);
    let bytes = u64::from(header.bytes);
    let found = file.bytes().map_err(failed)?;
    if dirty {
        let clean = for_each_chunk(file, u64::from(from.offset), bytes, &mut |chunk, at| {
            if chunk.iter().all(|byte| *byte == 0) {
                return Ok(());
            }
            chunk.fill(0);
            file.write_all_at(chunk, at)
        });
        clean.map_err(failed)?;
    }
    if found < bytes {
        fill_with_zeros(file, found, bytes).map_err(failed)?;
    }
    file.sync_all().map_err(failed)
}

/// Finds the cash boxes of records that are missing and could not be told so far: by their heads in the index; and when that
/// does not tell either, whoever has no record after the hole is refused, because nothing proves that it lost none.
fn attribute_holes(check: &mut LogCheck<'_>, index: Option<&dyn Index>, state: &LogState) {
    let open = |check: &LogCheck<'_>| check.holes.iter().any(|hole| hole.missing > hole.attributed);
    if let Some(index) = index.filter(|_| open(check) && check.is_whole()) {
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
                    let reason = format!(
                        "rows {first} to {} are missing: acknowledged records that only the index still knows",
                        head.row
                    );
                    check.attribute_row(*cash_box, first, rows, place, reason);
                }
            }
            after = cash_boxes.last().copied();
            if after.is_none() {
                break;
            }
        }
    }
    for hole in &check.holes {
        state.meets_hole(hole.position);
        state.hold_unproven(hole);
    }
}
