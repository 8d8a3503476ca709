//! What every pass over the log checks: batches, record numbers, and the chain of every cash box.
//!
//! One machine for recovery, the scrubber, reindexing and offline verification; they differ in what they do with the records
//! and in where they start and end.

use std::collections::{HashMap, HashSet};

use kassette_model::CashBoxId;
use kassette_record::{Hash, RecordError, v1};

use crate::log::frame::{BodiesState, FrameHead, FrameKind};
use crate::log::scan::{BadBytes, ScannedFrame};
use crate::log::segment::SegmentHeader;
use crate::log::state::DAMAGES_MAX;
use crate::{Damage, JournalError, Position};

/// A record that belongs to the log: its frame is good (perhaps not its bodies) and no torn batch.
pub struct Accepted<'a> {
    /// Where it stands.
    pub position: Position,
    /// Head of the frame.
    pub head: &'a FrameHead,
    /// Fixed fields of the record.
    pub fixed: &'a v1::Fixed,
    /// Hash of the record.
    pub hash: Hash,
    /// Record header.
    pub header: &'a [u8],
    /// Bodies.
    pub bodies: &'a [u8],
    /// Whether the bodies are whole.
    pub bodies_state: BodiesState,
}

/// Last record of a cash box as far as the pass has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Last {
    /// Row.
    pub row: u64,
    /// Hash; `None` when the record is known to exist but could not be read.
    pub hash: Option<Hash>,
    /// Position.
    pub position: Position,
}

/// A place where records are missing or cannot be read.
#[derive(Debug, Clone)]
pub struct Hole {
    /// Where it starts.
    pub position: Position,
    /// What was found there.
    pub reason: String,
    /// Number of the first record missing there.
    pub first_number: u64,
    /// Records missing there.
    pub missing: u64,
    /// Of them those whose cash box is known.
    pub attributed: u64,
}

/// Cash box, row and link of a record header whose other bytes may be damaged.
fn legible(header: &[u8]) -> Option<(CashBoxId, u64, Hash)> {
    let cash_box = CashBoxId::from_bytes(header.get(8..24)?.try_into().ok()?);
    let row = u64::from_le_bytes(header.get(24..32)?.try_into().ok()?);
    Some((cash_box, row, Hash(header.get(32..64)?.try_into().ok()?)))
}

/// What was cut, or would be, because the last batch is not whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// Where the log ends from now on.
    pub position: Position,
    /// Records that were dropped, as far as can be told.
    pub records_lost: u64,
    /// What was found there.
    pub reason: String,
}

enum Item {
    Frame(ScannedFrame),
    Bad(BadBytes),
}

/// Tells the last record of a cash box that the pass has not met yet, when it does not start at the beginning: from the link
/// backwards of the frame at hand, or, for bad bytes, from elsewhere.
pub type KnownLast<'a> = Box<dyn Fn(CashBoxId, Asked) -> Result<Option<Last>, JournalError> + Send + 'a>;

/// What is known when [`KnownLast`] is asked.
#[derive(Debug, Clone, Copy)]
pub enum Asked {
    /// A good frame links back to this position.
    Linked(Option<Position>),
    /// Bad bytes at this position.
    BadAt(Position),
}

/// State of a pass.
pub struct LogCheck<'a> {
    heads: HashMap<CashBoxId, Last>,
    known_last: Option<KnownLast<'a>>,
    expected_number: u64,
    batch: u64,
    pending: Vec<Item>,
    pending_last: Option<FrameHead>,
    sealed: bool,
    open_hole: Option<usize>,
    /// Up to here records are known from elsewhere to have been durable.
    known_number: u64,
    keeps_end: bool,
    damaged: HashSet<CashBoxId>,
    /// Places where records are missing.
    pub holes: Vec<Hole>,
    /// What is wrong, in order; beyond [`DAMAGES_MAX`] only the first of each cash box.
    pub damages: Vec<Damage>,
    /// Damages that were left out there.
    pub damages_unnamed: u64,
    /// Records accepted.
    pub records: u64,
}

impl<'a> LogCheck<'a> {
    /// A pass from the beginning of the log.
    #[must_use]
    pub fn from_start() -> Self {
        Self {
            heads: HashMap::new(),
            known_last: None,
            expected_number: 1,
            batch: 0,
            pending: Vec::new(),
            pending_last: None,
            sealed: false,
            open_hole: None,
            known_number: 0,
            keeps_end: false,
            damaged: HashSet::new(),
            damages_unnamed: 0,
            holes: Vec::new(),
            damages: Vec::new(),
            records: 0,
        }
    }

    /// A pass that goes on after record `number` of batch `batch`; `known_last` tells the last record of a cash box there.
    #[must_use]
    pub fn after(number: u64, head: &FrameHead, known_last: KnownLast<'a>) -> Self {
        Self {
            known_last: Some(known_last),
            expected_number: number.saturating_add(1),
            batch: head.batch,
            pending_last: Some(*head),
            records: number,
            ..Self::from_start()
        }
    }

    /// A pass from the beginning of a segment that is not the first; `known_last` tells the last record of a cash box there.
    #[must_use]
    pub fn from_segment(header: &SegmentHeader, known_last: KnownLast<'a>) -> Self {
        Self {
            known_last: Some(known_last),
            expected_number: header.first_record,
            batch: header.first_batch.saturating_sub(1),
            records: header.first_record.saturating_sub(1),
            ..Self::from_start()
        }
    }

    fn last(&self, cash_box: CashBoxId, asked: Asked) -> Result<Option<Last>, JournalError> {
        match (self.heads.get(&cash_box), &self.known_last) {
            (Some(last), _) => Ok(Some(*last)),
            (None, Some(known)) => known(cash_box, asked),
            (None, None) => Ok(None),
        }
    }

    /// Last record of a cash box that this pass has met.
    #[must_use]
    pub fn met(&self, cash_box: CashBoxId) -> Option<Last> {
        self.heads.get(&cash_box).copied()
    }

    /// Whether every record was met from the first on.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.known_last.is_none()
    }

    /// Cash boxes seen.
    #[must_use]
    pub fn cash_boxes(&self) -> usize {
        self.heads.len()
    }

    /// Number of the next record.
    #[must_use]
    pub const fn next_number(&self) -> u64 {
        self.expected_number
    }

    /// Number of the next batch.
    #[must_use]
    pub const fn next_batch(&self) -> u64 {
        self.batch.saturating_add(1)
    }

    /// Records up to this number are known to have been durable: none of them, nor its batch, can be a torn tail.
    pub const fn knows(&mut self, number: u64) {
        self.known_number = number;
    }

    /// Whether records at the end of the log are damaged or missing that were durable: nothing there may be overwritten.
    #[must_use]
    pub const fn keeps_end(&self) -> bool {
        self.keeps_end
    }

    /// Whether the last thing in the log is the seal of an orderly stop.
    #[must_use]
    pub const fn sealed(&self) -> bool {
        self.sealed
    }

    /// A segment begins. Everything before it was durable before it was made, so nothing before it can be a torn tail.
    ///
    /// # Errors
    /// What `accept` gives.
    pub fn segment(
        &mut self,
        header: &SegmentHeader,
        end_of_previous: Option<Position>,
        accept: &mut dyn FnMut(Accepted<'_>) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        self.commit_pending(accept)?;
        let place = end_of_previous.unwrap_or(Position { segment: header.segment, offset: 0 });
        if header.first_record > self.expected_number {
            self.missing_before(header.first_record, place, "the segment ends before its records do");
        }
        if header.first_batch > self.next_batch() {
            if header.first_record <= self.expected_number && self.open_hole.is_none() {
                self.damage(place, None, None, "a batch or seal at the end of the segment is missing".to_owned());
            }
            self.batch = header.first_batch.saturating_sub(1);
        }
        self.open_hole = None;
        Ok(())
    }

    /// A good frame.
    ///
    /// # Errors
    /// What `accept` gives; a record version that is not known.
    pub fn frame(
        &mut self,
        frame: ScannedFrame,
        accept: &mut dyn FnMut(Accepted<'_>) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let head = frame.head;
        if head.batch > self.batch {
            // Bad bytes at the end of what is pending belong to this batch when exactly its first frames are missing there.
            let own = head.batch == self.next_batch()
                && head.batch_place > 0
                && head.number.saturating_sub(u64::from(head.batch_place)) == self.pending_next_number();
            let trailing = self.pending.iter().rposition(|item| matches!(item, Item::Frame(_)));
            let keep_from = if own { trailing.map_or(0, |at| at.saturating_add(1)) } else { self.pending.len() };
            let carried = self.pending.split_off(keep_from.min(self.pending.len()));
            let lost_seal = head.batch > self.next_batch() && head.number == self.pending_next_number();
            self.commit_pending(accept)?;
            if lost_seal && self.open_hole.is_none() {
                self.damage(frame.position, None, None, "a batch before this frame is missing".to_owned());
            }
            self.pending = carried;
            self.batch = head.batch;
        }
        self.sealed = false;
        self.pending_last = Some(head);
        let seal = head.kind == FrameKind::Seal;
        self.pending.push(Item::Frame(frame));
        if seal {
            self.commit_pending(accept)?;
            self.sealed = true;
        }
        Ok(())
    }

    /// Bytes that are not a good frame.
    pub fn bad(&mut self, bad: BadBytes) {
        self.sealed = false;
        self.pending.push(Item::Bad(bad));
    }

    /// The pass ends before the end of the log: everything so far is followed by more.
    ///
    /// # Errors
    /// What `accept` gives.
    pub fn settle(
        &mut self,
        accept: &mut dyn FnMut(Accepted<'_>) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        self.commit_pending(accept)
    }

    fn pending_next_number(&self) -> u64 {
        self.pending
            .iter()
            .rev()
            .find_map(|item| match item {
                Item::Frame(frame) if frame.head.kind == FrameKind::Record => Some(frame.head.number.saturating_add(1)),
                _ => None,
            })
            .unwrap_or(self.expected_number)
    }

    /// The number up to which everything was durable: what is known from elsewhere, to the end of its batch when anything of the
    /// rest is there, because a batch is durable as a whole. (Nothing is there when the batch was torn and cut at an earlier
    /// opening.)
    fn durable_number(&self) -> u64 {
        let known = |head: &FrameHead| head.kind == FrameKind::Record && head.number <= self.known_number;
        let good = self.pending.iter().filter_map(|item| match item {
            Item::Frame(frame) => Some(frame.head),
            Item::Bad(_) => None,
        });
        let Some(batch) = good.chain(self.pending_last).filter(known).max_by_key(|head| head.number) else {
            return self.known_number;
        };
        let first = batch.number.saturating_sub(u64::from(batch.batch_place));
        let last = first.saturating_add(u64::from(batch.batch_frames)).saturating_sub(1);
        let rest =
            |head: FrameHead| head.batch == batch.batch && head.number > self.known_number && head.number <= last;
        let mut heads = self.pending.iter().filter_map(|item| match item {
            Item::Frame(frame) => Some(frame.head),
            Item::Bad(bad) => bad.head_hint,
        });
        if heads.any(rest) { last.max(self.known_number) } else { self.known_number }
    }

    /// The end of the log when records up to `durable` were durable and not all of them are whole: that is damage. It stays
    /// where it is, so that every later opening finds it again.
    fn end_with_damage(
        &mut self,
        end: Position,
        durable: u64,
        accept: &mut dyn FnMut(Accepted<'_>) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        for item in &mut self.pending {
            if let Item::Frame(frame) = item
                && frame.bodies_state == BodiesState::Zeroed
            {
                // Nothing is erased in the last batch.
                frame.bodies_state = BodiesState::Bad;
            }
        }
        self.commit_pending(accept)?;
        let lost = durable.saturating_add(1).saturating_sub(self.expected_number);
        if lost > 0 {
            let place = self.open_hole.and_then(|index| self.holes.get(index)).map_or(end, |hole| hole.position);
            let reason = "the index knows acknowledged records that the log no longer has";
            let open = self.open_hole.is_some();
            self.missing_before(durable.saturating_add(1), end, reason);
            if open {
                self.damage(place, None, None, format!("{reason}: {lost} records are missing"));
            }
        }
        self.open_hole = None;
        self.keeps_end = true;
        Ok(())
    }

    /// The log ends at `end` of its last segment: whatever is not whole in the last batch is a torn tail, unless it is known
    /// ([`LogCheck::knows`]) to have been durable.
    ///
    /// # Errors
    /// What `accept` gives.
    pub fn end(
        &mut self,
        end: Position,
        accept: &mut dyn FnMut(Accepted<'_>) -> Result<(), JournalError>,
    ) -> Result<Option<Tail>, JournalError> {
        let bad_at = self.pending.iter().position(|item| match item {
            Item::Bad(_) => true,
            // Zeros look like erased bodies, but nothing is erased in the last batch: they were never written.
            Item::Frame(frame) => frame.bodies_state != BodiesState::Whole,
        });
        // A good frame with a number that does not follow is missing something before it.
        let gap_at = self.first_gap();
        let cut_at = match (bad_at, gap_at) {
            (Some(bad), Some(gap)) => Some(bad.min(gap)),
            (bad, gap) => bad.or(gap),
        };
        let whole_to = self.pending.get(..cut_at.unwrap_or(self.pending.len())).unwrap_or_default().iter().rev();
        let whole_to = whole_to
            .filter_map(|item| match item {
                Item::Frame(frame) if frame.head.kind == FrameKind::Record => Some(frame.head.number),
                _ => None,
            })
            .next()
            .unwrap_or(self.expected_number.saturating_sub(1));
        let durable = self.durable_number();
        if durable > whole_to {
            self.end_with_damage(end, durable, accept)?;
            return Ok(None);
        }
        let frames_whole = self.pending_last.filter(|head| head.kind == FrameKind::Record);
        let batch_frames = frames_whole.map(|head| u64::from(head.batch_frames));
        let Some(cut_at) = cut_at else {
            self.commit_pending(accept)?;
            let short = frames_whole.map_or(0, |head| {
                u64::from(head.batch_frames).saturating_sub(u64::from(head.batch_place).saturating_add(1))
            });
            if short == 0 || self.sealed {
                return Ok(None);
            }
            let reason = "the last batch ends before its last record".to_owned();
            return Ok(Some(Tail { position: end, records_lost: short, reason }));
        };
        let dropped = self.pending.split_off(cut_at);
        let kept_in_batch = self
            .pending
            .iter()
            .filter(|item| matches!(item, Item::Frame(frame) if frame.head.batch == self.batch))
            .count() as u64;
        let good_dropped = dropped.iter().find_map(|item| match item {
            Item::Frame(frame) => Some(frame.head),
            Item::Bad(_) => None,
        });
        let last_kept = self.pending.iter().rev().find_map(|item| match item {
            Item::Frame(frame) => Some(frame.head),
            Item::Bad(_) => None,
        });
        // How many were lost: exactly, when a good frame tells the size of the torn batch; else from the unchecked head.
        let batch_is_torn =
            |head: FrameHead| u64::from(head.batch_place).saturating_add(1) < u64::from(head.batch_frames);
        let records_lost = match (good_dropped, last_kept.or(self.pending_last)) {
            (Some(head), _) if head.kind == FrameKind::Record => {
                u64::from(head.batch_frames).saturating_sub(kept_in_batch)
            }
            (_, Some(head)) if head.kind == FrameKind::Record && batch_is_torn(head) => {
                batch_frames.unwrap_or(1).saturating_sub(u64::from(head.batch_place).saturating_add(1))
            }
            _ => dropped
                .iter()
                .find_map(|item| match item {
                    Item::Bad(bad) => bad
                        .head_hint
                        .map(|head| u64::from(head.batch_frames))
                        .filter(|frames| (1..=100_000).contains(frames)),
                    Item::Frame(_) => None,
                })
                .unwrap_or(dropped.len() as u64),
        };
        let (position, reason) = match dropped.first() {
            Some(Item::Bad(bad)) => (bad.position, bad.reason.clone()),
            Some(Item::Frame(frame)) if frame.bodies_state == BodiesState::Whole => {
                (frame.position, "a record before it is missing".to_owned())
            }
            Some(Item::Frame(frame)) => (frame.position, "checksum of the bodies".to_owned()),
            None => (end, String::new()),
        };
        if kept_in_batch == 0 && good_dropped.is_some() {
            // Nothing of the torn batch is left: its number is used again.
            self.batch = self.batch.saturating_sub(1);
        }
        self.commit_pending(accept)?;
        Ok(Some(Tail { position, records_lost, reason }))
    }

    fn first_gap(&self) -> Option<usize> {
        let mut expected = None;
        for (index, item) in self.pending.iter().enumerate() {
            if let Item::Frame(frame) = item {
                // What is missing before the first record of this batch was in earlier batches: damage, not a torn write.
                let first = frame.head.number.saturating_sub(u64::from(frame.head.batch_place));
                let expected = expected.get_or_insert(first.max(self.expected_number));
                if frame.head.kind == FrameKind::Record && frame.head.number != *expected {
                    return Some(index);
                }
                *expected = expected.saturating_add(1);
            }
        }
        None
    }

    /// What is pending stays: a later batch, a seal or the end of a segment follows, or it is whole.
    fn commit_pending(
        &mut self,
        accept: &mut dyn FnMut(Accepted<'_>) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        for item in std::mem::take(&mut self.pending) {
            match item {
                Item::Bad(bad) => self.hole(bad)?,
                Item::Frame(frame) => self.accept(&frame, accept)?,
            }
        }
        Ok(())
    }

    fn damage(&mut self, position: Position, cash_box: Option<CashBoxId>, row: Option<u64>, reason: String) {
        let Position { segment, offset } = position;
        self.add_damage(Damage { segment, offset, cash_box, row, reason });
    }

    fn add_damage(&mut self, damage: Damage) {
        let first_of_cash_box = damage.cash_box.is_some_and(|cash_box| self.damaged.insert(cash_box));
        if self.damages.len() < DAMAGES_MAX || first_of_cash_box {
            self.damages.push(damage);
        } else {
            self.damages_unnamed = self.damages_unnamed.saturating_add(1);
        }
    }

    fn hole(&mut self, bad: BadBytes) -> Result<(), JournalError> {
        let mut hole = Hole {
            position: bad.position,
            reason: bad.reason.clone(),
            first_number: self.expected_number,
            missing: 0,
            attributed: 0,
        };
        let told = self.told(&bad)?;
        self.damage(hole.position, told.map(|told| told.0), told.map(|told| told.1), hole.reason.clone());
        if let Some((cash_box, row)) = told {
            hole.attributed = 1;
            self.heads.insert(cash_box, Last { row, hash: None, position: hole.position });
        }
        self.open_hole = Some(self.holes.len());
        self.holes.push(hole);
        Ok(())
    }

    /// Cash box and row of bad bytes, as far as they can still be told. A header names its cash box only if its link is the hash
    /// of that cash box's last record, and a frame head only if its link backwards leads to such a record: no accident produces
    /// either. A header of row 1 names a cash box that nobody knows.
    fn told(&self, bad: &BadBytes) -> Result<Option<(CashBoxId, u64)>, JournalError> {
        if let Some((cash_box, row, previous)) = bad.hint.as_deref().and_then(legible) {
            let last = self.last(cash_box, Asked::BadAt(bad.position))?;
            let follows =
                last.map_or(row == 1, |last| row == last.row.saturating_add(1) && last.hash == Some(previous));
            if follows {
                return Ok(Some((cash_box, row)));
            }
        }
        let linked = bad.head_hint.and_then(|head| head.previous);
        let found = linked.and_then(|linked| self.heads.iter().find(|(_, last)| last.position == linked));
        Ok(found.map(|(cash_box, last)| (*cash_box, last.row.saturating_add(1))))
    }

    /// Records from the expected number up to `number` (not included) are missing before `position`.
    fn missing_before(&mut self, number: u64, position: Position, reason: &str) {
        let missing = number.saturating_sub(self.expected_number);
        match self.open_hole.and_then(|index| self.holes.get_mut(index)) {
            Some(hole) => hole.missing = hole.missing.saturating_add(missing),
            None => {
                self.damage(position, None, None, format!("{reason}: {missing} records are missing"));
                self.open_hole = Some(self.holes.len());
                self.holes.push(Hole {
                    position,
                    reason: reason.to_owned(),
                    first_number: self.expected_number,
                    missing,
                    attributed: 0,
                });
            }
        }
        self.expected_number = number;
    }

    fn accept(
        &mut self,
        frame: &ScannedFrame,
        accept: &mut dyn FnMut(Accepted<'_>) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let number = frame.head.number;
        if frame.head.kind == FrameKind::Seal {
            if number.saturating_add(1) > self.expected_number {
                self.missing_before(number.saturating_add(1), frame.position, "records before the seal");
            }
            self.open_hole = None;
            if frame.bodies_state == BodiesState::Bad {
                self.damage(frame.position, None, None, "checksum of the seal".to_owned());
            }
            return Ok(());
        }
        if number < self.expected_number {
            self.damage(frame.position, None, None, format!("record number {number} appears again"));
            return Ok(());
        }
        if number > self.expected_number {
            self.missing_before(number, frame.position, "record numbers");
        }
        self.open_hole = None;
        self.expected_number = number.saturating_add(1);
        self.records = self.records.saturating_add(1);
        let fixed = match v1::read_fixed(&frame.header) {
            Ok(fixed) => fixed,
            Err(RecordError::Version(version)) => {
                return Err(JournalError::Format(format!(
                    "record version {version} at segment {}, offset {} is not known to this program: use a newer one",
                    frame.position.segment, frame.position.offset
                )));
            }
            Err(error) => {
                let reason = error.to_string();
                self.damage(frame.position, None, None, reason.clone());
                let (first_number, missing) = (number, 1);
                self.holes.push(Hole { position: frame.position, reason, first_number, missing, attributed: 0 });
                return Ok(());
            }
        };
        let hash = Hash::of(&frame.header);
        self.check_link(frame.position, frame.head.previous, &fixed)?;
        if frame.bodies_state == BodiesState::Bad {
            self.damage(frame.position, Some(fixed.cash_box), Some(fixed.row), "checksum of the bodies".to_owned());
        }
        self.heads.insert(fixed.cash_box, Last { row: fixed.row, hash: Some(hash), position: frame.position });
        accept(Accepted {
            position: frame.position,
            head: &frame.head,
            fixed: &fixed,
            hash,
            header: &frame.header,
            bodies: &frame.bodies,
            bodies_state: frame.bodies_state,
        })
    }

    fn check_link(
        &mut self,
        position: Position,
        previous: Option<Position>,
        fixed: &v1::Fixed,
    ) -> Result<(), JournalError> {
        let last = match self.last(fixed.cash_box, Asked::Linked(previous)) {
            Ok(last) => last,
            Err(JournalError::Damaged(damage)) => {
                self.add_damage(Damage { cash_box: Some(fixed.cash_box), ..damage });
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let (last_row, last_hash) = last.map_or((0, Some(Hash::ZERO)), |last| (last.row, last.hash));
        let (cash_box, wanted) = (Some(fixed.cash_box), last_row.saturating_add(1));
        if fixed.row < wanted {
            self.damage(position, cash_box, Some(fixed.row), format!("row {} where row {wanted} should be", fixed.row));
        } else if fixed.row == wanted {
            if last_hash.is_some_and(|hash| hash != fixed.previous) {
                let reason = "the link is not the hash of the record before".to_owned();
                self.damage(position, cash_box, Some(fixed.row), reason);
            }
        } else {
            self.rows_missing(fixed.cash_box, last.map(|last| last.position), last_row, fixed.row, position);
        }
        Ok(())
    }

    /// Rows after `last_row` and before `row` of a cash box are gone: they were in the holes between.
    fn rows_missing(
        &mut self,
        cash_box: CashBoxId,
        after: Option<Position>,
        last_row: u64,
        row: u64,
        before: Position,
    ) {
        let mut missing = row.saturating_sub(last_row).saturating_sub(1);
        let first_missing = last_row.saturating_add(1);
        let mut place = before;
        for hole in &mut self.holes {
            let between = hole.position < before && after.is_none_or(|after| hole.position >= after);
            let free = hole.missing.saturating_sub(hole.attributed).min(missing);
            if between && free > 0 {
                if place == before {
                    place = hole.position;
                }
                hole.attributed = hole.attributed.saturating_add(free);
                missing = missing.saturating_sub(free);
            }
        }
        let reason = format!("rows {first_missing} to {} are missing", row.saturating_sub(1));
        self.damage(place, Some(cash_box), Some(first_missing), reason);
    }

    /// Names a cash box whose record `row` is known from elsewhere to be missing.
    pub fn attribute_row(&mut self, cash_box: CashBoxId, row: u64, rows: u64, place: Position, reason: String) {
        let mut rows = rows;
        for hole in &mut self.holes {
            let free = hole.missing.saturating_sub(hole.attributed).min(rows);
            hole.attributed = hole.attributed.saturating_add(free);
            rows = rows.saturating_sub(free);
        }
        self.damage(place, Some(cash_box), Some(row), reason);
    }
}
