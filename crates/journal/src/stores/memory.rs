//! A journal in memory, for tests of everything above: nothing is kept, and it can be told to fail or to wait.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::thread::JoinHandle;

use kassette_model::{CashBoxId, OperationId, QueueId};
use kassette_record::{Hash, SealedRecord, v1};
use parking_lot::{Condvar, Mutex};

use super::{counted, not_there};
use crate::log::inbox::{Barrier, Waiting};
use crate::{
    AppendError, Completion, Damage, Journal, JournalError, JournalStatus, LogStream, Position, RecordStream,
    StoredHead,
};

/// Records that may wait; more are refused as `Busy`, as in the embedded journal.
const QUEUE_RECORDS_MAX: usize = 4096;

/// How appends fail until told otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemoryFault {
    /// `append` gives the completion back with [`AppendError::Busy`].
    Busy,
    /// The completion gets [`AppendError::NoSpace`].
    NoSpace,
    /// The completion gets [`AppendError::Poisoned`], and so does everything after it for good.
    Poisoned,
}

#[expect(clippy::large_enum_variant, reason = "nearly all are appends")]
enum Task {
    Append(Waiting),
    /// Dropping it calls it.
    Barrier {
        _barrier: Barrier,
    },
}

#[derive(Default)]
struct Inner {
    records: HashMap<CashBoxId, Vec<SealedRecord>>,
    operations: HashMap<(CashBoxId, OperationId), usize>,
    /// Cash box and row of every record in the order of the log.
    log: Vec<(CashBoxId, u64)>,
    /// What stands there cannot be read.
    damaged: HashMap<Position, String>,
    configurations: BTreeMap<CashBoxId, Vec<u8>>,
    queues: HashMap<QueueId, CashBoxId>,
    refused: HashMap<CashBoxId, Damage>,
    tasks: VecDeque<Task>,
    /// A task has been taken and its completion is being called.
    busy: bool,
    fault: Option<MemoryFault>,
    /// Receipts cannot be looked up, as while an index is made again.
    receipts_busy: bool,
    holding: bool,
    stopped: Option<AppendError>,
    count: u64,
    forgotten: Vec<CashBoxId>,
}

struct Shared {
    inner: Mutex<Inner>,
    changed: Condvar,
}

/// See the module. All switches act on what is processed from then on.
pub struct MemoryJournal {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    inline: bool,
}

impl std::fmt::Debug for MemoryJournal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryJournal").field("records", &self.shared.inner.lock().count).finish_non_exhaustive()
    }
}

impl Default for MemoryJournal {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryJournal {
    /// Completions are called from a thread of its own, as the embedded journal does.
    #[must_use]
    #[expect(clippy::expect_used, reason = "for tests only: without a thread nothing can be tested")]
    pub fn new() -> Self {
        let shared = Arc::new(Shared { inner: Mutex::new(Inner::default()), changed: Condvar::new() });
        let work = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("memory-journal".to_owned())
            .spawn(move || {
                loop {
                    {
                        let mut inner = work.inner.lock();
                        while !inner.runnable() && inner.stopped != Some(AppendError::Closed) {
                            work.changed.wait(&mut inner);
                        }
                        if !inner.runnable() {
                            return;
                        }
                    }
                    work.step();
                }
            })
            .expect("a thread for the journal in memory");
        Self { shared, thread: Mutex::new(Some(thread)), inline: false }
    }

    /// Completions are called before `append` returns (or, while held, by [`MemoryJournal::release`]), on the caller's thread:
    /// for tests of pure code without threads.
    #[must_use]
    pub fn inline() -> Self {
        let shared = Arc::new(Shared { inner: Mutex::new(Inner::default()), changed: Condvar::new() });
        Self { shared, thread: Mutex::new(None), inline: true }
    }

    /// Makes appends fail from now on, or work again. `Poisoned` cannot be taken back once an append has met it.
    pub fn set_fault(&self, fault: Option<MemoryFault>) {
        self.shared.inner.lock().fault = fault;
    }

    /// Makes look-ups of receipts fail as while an index is made again, or work.
    pub fn set_receipts_busy(&self, busy: bool) {
        self.shared.inner.lock().receipts_busy = busy;
    }

    /// Keeps appends queued: no completion is called and nothing becomes readable until [`MemoryJournal::release`].
    pub fn hold(&self) {
        self.shared.inner.lock().holding = true;
    }

    /// Ends [`MemoryJournal::hold`] and lets everything queued go.
    pub fn release(&self) {
        self.shared.inner.lock().holding = false;
        self.go();
    }

    /// Lets exactly one queued append or barrier go and stays holding. `false` when nothing was queued.
    pub fn release_one(&self) -> bool {
        self.shared.step_one(true)
    }

    /// Appends and barriers queued at the moment.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.shared.inner.lock().tasks.len()
    }

    /// Refuses a cash box as damaged.
    pub fn refuse(&self, damage: Damage) {
        if let Some(cash_box) = damage.cash_box {
            self.shared.inner.lock().refused.insert(cash_box, damage);
        }
    }

    /// Makes what stands at a place unreadable for [`Journal::at`] and [`Journal::log`].
    pub fn damage(&self, position: Position, reason: &str) {
        self.shared.inner.lock().damaged.insert(position, reason.to_owned());
    }

    /// Cash boxes that were passed to [`Journal::forget`], in order.
    #[must_use]
    pub fn forgotten(&self) -> Vec<CashBoxId> {
        self.shared.inner.lock().forgotten.clone()
    }

    fn go(&self) {
        self.shared.changed.notify_all();
        if self.inline {
            while self.shared.step() {}
        }
    }

    fn queue(&self, task: Task) {
        self.shared.inner.lock().tasks.push_back(task);
        self.go();
    }
}

impl Inner {
    fn runnable(&self) -> bool {
        !self.tasks.is_empty() && !self.holding
    }

    fn apply(&mut self, record: &SealedRecord) -> Result<Position, AppendError> {
        if let Some(error) = &self.stopped
            && *error != AppendError::Closed
        {
            return Err(error.clone());
        }
        match &self.fault {
            Some(MemoryFault::NoSpace) => return Err(AppendError::NoSpace("told to fail".to_owned())),
            Some(MemoryFault::Poisoned) => {
                let error = AppendError::Poisoned("told to fail".to_owned());
                self.stopped = Some(error.clone());
                return Err(error);
            }
            Some(MemoryFault::Busy) | None => {}
        }
        if let Some(damage) = self.refused.get(&record.cash_box) {
            return Err(AppendError::Damaged(damage.to_string()));
        }
        let rows = self.records.entry(record.cash_box).or_default();
        let (last, hash) = rows.last().map_or((0, Hash::ZERO), |last| (last.row, last.hash));
        if record.follows(last, hash).is_err() {
            return Err(AppendError::Unlinked { row: record.row, last });
        }
        if let Some(operation) = record.operation {
            self.operations.insert((record.cash_box, operation), rows.len());
        }
        if let Some((queue, configuration)) = &record.configured {
            self.configurations.insert(record.cash_box, configuration.clone());
            self.queues.insert(*queue, record.cash_box);
        }
        rows.push(record.clone());
        self.log.push((record.cash_box, record.row));
        self.count = self.count.saturating_add(1);
        Ok(counted(self.count))
    }
}

impl Inner {
    fn record(&self, cash_box: CashBoxId, row: u64) -> Option<&SealedRecord> {
        let at = usize::try_from(row.checked_sub(1)?).ok()?;
        self.records.get(&cash_box)?.get(at)
    }

    /// The record at a position, which is that of `row` of `cash_box`.
    fn read(&self, cash_box: CashBoxId, row: u64, position: Position) -> Result<SealedRecord, JournalError> {
        if let Some(reason) = self.damaged.get(&position) {
            return Err(not_there(cash_box, row, position, reason));
        }
        let record = self.record(cash_box, row).cloned();
        record.ok_or_else(|| not_there(cash_box, row, position, "there is no such record"))
    }

    /// Place of the record that stands there in `log`; the end behind the last.
    fn place(at: usize) -> Position {
        counted((at as u64).saturating_add(1))
    }
}

impl Shared {
    fn step(&self) -> bool {
        self.step_one(false)
    }

    fn step_one(&self, although_held: bool) -> bool {
        let mut inner = self.inner.lock();
        while inner.busy {
            // Completions are called in order, one at a time.
            self.changed.wait(&mut inner);
        }
        if !although_held && !inner.runnable() {
            return false;
        }
        let Some(task) = inner.tasks.pop_front() else { return false };
        let result = match &task {
            Task::Append(waiting) => Some(inner.apply(&waiting.record)),
            Task::Barrier { .. } => None,
        };
        inner.busy = true;
        drop(inner);
        match (task, result) {
            (Task::Append(waiting), Some(result)) => waiting.complete(result),
            (task, _) => drop(task),
        }
        self.inner.lock().busy = false;
        self.changed.notify_all();
        true
    }
}

impl Journal for MemoryJournal {
    fn append(&self, record: SealedRecord, done: Completion) -> Result<(), (AppendError, Completion)> {
        let refused = {
            let inner = self.shared.inner.lock();
            let full = inner.fault == Some(MemoryFault::Busy) || inner.tasks.len() >= QUEUE_RECORDS_MAX;
            inner.stopped.clone().or(full.then_some(AppendError::Busy))
        };
        if let Some(error) = refused {
            return Err((error, done));
        }
        self.queue(Task::Append(Waiting::new(record, done)));
        Ok(())
    }

    fn barrier(&self, done: Box<dyn FnOnce() + Send + 'static>) {
        if self.thread.lock().is_none() && !self.inline {
            return done();
        }
        self.queue(Task::Barrier { _barrier: Barrier::new(done) });
    }

    fn head(&self, cash_box: CashBoxId) -> Result<Option<StoredHead>, JournalError> {
        let inner = self.shared.inner.lock();
        if let Some(damage) = inner.refused.get(&cash_box) {
            return Err(JournalError::Damaged(damage.clone()));
        }
        let Some(record) = inner.records.get(&cash_box).and_then(|rows| rows.last()).cloned() else { return Ok(None) };
        let at = inner.log.iter().rposition(|entry| *entry == (cash_box, record.row)).unwrap_or(inner.log.len());
        Ok(Some(StoredHead { record, position: Inner::place(at) }))
    }

    fn operation(&self, cash_box: CashBoxId, operation: OperationId) -> Result<Option<SealedRecord>, JournalError> {
        let inner = self.shared.inner.lock();
        if let Some(damage) = inner.refused.get(&cash_box) {
            return Err(JournalError::Damaged(damage.clone()));
        }
        let at = inner.operations.get(&(cash_box, operation));
        Ok(at.and_then(|at| inner.records.get(&cash_box)?.get(*at)).cloned())
    }

    fn row(&self, cash_box: CashBoxId, row: u64) -> Result<Option<SealedRecord>, JournalError> {
        let inner = self.shared.inner.lock();
        let at = row.checked_sub(1).and_then(|at| usize::try_from(at).ok());
        Ok(at.and_then(|at| inner.records.get(&cash_box)?.get(at)).cloned())
    }

    fn receipts(
        &self,
        cash_box: CashBoxId,
        reference_key: u64,
        limit: usize,
    ) -> Result<Vec<SealedRecord>, JournalError> {
        let inner = self.shared.inner.lock();
        if let Some(damage) = inner.refused.get(&cash_box) {
            return Err(JournalError::Damaged(damage.clone()));
        }
        if inner.receipts_busy {
            return Err(JournalError::IndexBusy("set by a test".to_owned()));
        }
        let rows = inner.records.get(&cash_box).map(Vec::as_slice).unwrap_or_default();
        let fitting = rows.iter().rev().filter(|record| record.reference_key == Some(reference_key));
        Ok(fitting.take(limit).cloned().collect())
    }

    fn stream(&self, cash_box: CashBoxId, first_row: u64) -> Result<RecordStream<'_>, JournalError> {
        let last = self.shared.inner.lock().records.get(&cash_box).map_or(0, |rows| rows.len() as u64);
        let mut row = first_row.max(1);
        Ok(Box::new(std::iter::from_fn(move || {
            if row > last {
                return None;
            }
            let record = self.row(cash_box, row).transpose();
            row = row.saturating_add(1);
            record
        })))
    }

    fn end(&self) -> Position {
        counted(self.shared.inner.lock().count.saturating_add(1))
    }

    fn at(&self, cash_box: CashBoxId, row: u64, position: Position) -> Result<SealedRecord, JournalError> {
        self.shared.inner.lock().read(cash_box, row, position)
    }

    fn log(&self, from: Option<Position>) -> Result<LogStream<'_>, JournalError> {
        let (count, end) = {
            let inner = self.shared.inner.lock();
            (inner.log.len(), Inner::place(inner.log.len()))
        };
        if let Some(Position { segment, offset }) = from.filter(|from| *from > end) {
            let reason = format!("the log ends before, at {}", end.offset);
            return Err(JournalError::Damaged(Damage { segment, offset, cash_box: None, row: None, reason }));
        }
        let mut next = 0;
        Ok(Box::new(std::iter::from_fn(move || {
            let inner = self.shared.inner.lock();
            while next < count && from.is_some_and(|from| Inner::place(next) < from) {
                next = next.saturating_add(1);
            }
            let (cash_box, row) = *inner.log.get(next).filter(|_| next < count)?;
            let position = Inner::place(next);
            next = next.saturating_add(1);
            Some(inner.read(cash_box, row, position).map(|record| (position, record)))
        })))
    }

    fn place_at(&self, time_ns: i64) -> Result<Option<Position>, JournalError> {
        let inner = self.shared.inner.lock();
        let made_before = |(cash_box, row): &(CashBoxId, u64)| {
            let record = inner.record(*cash_box, *row);
            record.is_some_and(|record| v1::read_details(&record.header).is_ok_and(|details| details.time_ns < time_ns))
        };
        let at = inner.log.iter().position(|entry| !made_before(entry)).unwrap_or(inner.log.len());
        Ok((at > 0).then(|| Inner::place(at)))
    }

    fn configuration(&self, cash_box: CashBoxId) -> Result<Option<Vec<u8>>, JournalError> {
        Ok(self.shared.inner.lock().configurations.get(&cash_box).cloned())
    }

    fn cash_box_of(&self, queue: QueueId) -> Result<Option<CashBoxId>, JournalError> {
        Ok(self.shared.inner.lock().queues.get(&queue).copied())
    }

    fn cash_boxes(&self, after: Option<CashBoxId>, limit: usize) -> Result<Vec<CashBoxId>, JournalError> {
        let inner = self.shared.inner.lock();
        let fitting = inner.configurations.keys().filter(|id| after.is_none_or(|after| **id > after));
        Ok(fitting.take(limit).copied().collect())
    }

    fn unfinished(&self) -> Result<Vec<CashBoxId>, JournalError> {
        let inner = self.shared.inner.lock();
        let open = |rows: &Vec<SealedRecord>| rows.last().is_some_and(|last| last.unfinished);
        Ok(inner.records.iter().filter(|(_, rows)| open(rows)).map(|(id, _)| *id).collect())
    }

    fn forget(&self, cash_box: CashBoxId) {
        self.shared.inner.lock().forgotten.push(cash_box);
    }

    fn status(&self) -> JournalStatus {
        let inner = self.shared.inner.lock();
        JournalStatus {
            stopped: inner.stopped.as_ref().map(ToString::to_string),
            no_space: (inner.fault == Some(MemoryFault::NoSpace)).then(|| "told to fail".to_owned()),
            damages: inner.refused.values().cloned().collect(),
            records: inner.count,
            ..JournalStatus::default()
        }
    }

    fn close(&self) {
        {
            let mut inner = self.shared.inner.lock();
            inner.holding = false;
            inner.stopped.get_or_insert(AppendError::Closed);
        }
        self.go();
        if let Some(thread) = self.thread.lock().take() {
            // A poisoned journal is stopped for another reason; its thread ends with the last handle.
            if self.shared.inner.lock().stopped == Some(AppendError::Closed) {
                let _ = thread.join();
            }
        }
    }
}

impl Drop for MemoryJournal {
    fn drop(&mut self) {
        self.shared.inner.lock().stopped = Some(AppendError::Closed);
        self.shared.changed.notify_all();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::contract::{self, Chain};

    #[test]
    fn keeps_the_contract_with_a_thread() {
        contract::run(&|_| Box::new(MemoryJournal::new()));
    }

    #[test]
    fn keeps_the_contract_inline() {
        contract::run(&|_| Box::new(MemoryJournal::inline()));
    }

    #[test]
    fn holds_completions_until_released() {
        let journal = MemoryJournal::new();
        journal.hold();
        let mut chain = Chain::new(1);
        let (sender, receiver) = mpsc::channel();
        for _ in 0..3 {
            let sender = sender.clone();
            journal
                .append(chain.next(), Box::new(move |result| sender.send(result).unwrap()))
                .unwrap_or_else(|_| panic!());
        }
        assert_eq!(journal.queued(), 3);
        assert!(journal.head(chain.cash_box).unwrap().is_none());
        assert!(journal.release_one());
        assert!(receiver.recv().unwrap().is_ok());
        assert_eq!(journal.head(chain.cash_box).unwrap().unwrap().record.row, 1);
        journal.release();
        assert!(receiver.recv().unwrap().is_ok() && receiver.recv().unwrap().is_ok());
    }

    #[test]
    fn a_damaged_place_is_given_out_once_and_hides_nothing_behind_it() {
        let journal = MemoryJournal::inline();
        let mut chain = Chain::new(1);
        let places: Vec<_> = (0..3).map(|_| contract::append(&journal, chain.next()).unwrap()).collect();
        journal.damage(places[1], "flipped");
        let read: Vec<_> = journal.log(None).unwrap().map(|item| item.is_ok()).collect();
        assert_eq!(read, [true, false, true]);
        let error = journal.at(chain.cash_box, 2, places[1]).unwrap_err();
        assert!(error.to_string().contains("flipped"), "{error}");
        assert!(journal.at(chain.cash_box, 3, places[2]).is_ok());
    }

    #[test]
    fn fails_as_told() {
        let journal = MemoryJournal::inline();
        let mut chain = Chain::new(1);
        assert!(contract::append(&journal, chain.next()).is_ok());
        let lost = chain.next();
        journal.set_fault(Some(MemoryFault::Busy));
        assert_eq!(contract::append(&journal, lost.clone()), Err(AppendError::Busy));
        journal.set_fault(Some(MemoryFault::NoSpace));
        assert!(matches!(contract::append(&journal, lost.clone()), Err(AppendError::NoSpace(_))));
        journal.set_fault(None);
        assert!(contract::append(&journal, lost).is_ok());
        journal.set_fault(Some(MemoryFault::Poisoned));
        assert!(matches!(contract::append(&journal, chain.next()), Err(AppendError::Poisoned(_))));
        journal.set_fault(None);
        assert!(matches!(contract::append(&journal, chain.next()), Err(AppendError::Poisoned(_))));
        assert!(journal.status().stopped.is_some());
    }
}
