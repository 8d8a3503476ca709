//! A journal that writes nothing: for benches that ask what the rest costs.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::thread::JoinHandle;

use kassette_model::{CashBoxId, OperationId, QueueId};
use kassette_record::{Hash, SealedRecord};
use parking_lot::Mutex;

use super::{counted, not_there};
use crate::log::inbox::{Barrier, Command, Ending, Inbox};
use crate::{
    AppendError, Completion, Journal, JournalError, JournalStatus, LogStream, Position, RecordStream, StoredHead,
};

/// Records that may wait.
const QUEUE_RECORDS_MAX: usize = 4096;
/// Bytes that may wait.
const QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;

#[derive(Default)]
struct Heads {
    last: HashMap<CashBoxId, (SealedRecord, Position)>,
    configurations: BTreeMap<CashBoxId, Vec<u8>>,
    queues: HashMap<QueueId, CashBoxId>,
    count: u64,
}

/// Acknowledges every record that follows, from a thread of its own, and keeps only heads and configurations, in memory: it
/// finds no operation, streams nothing and has no log to read, so it does not keep the whole contract. Never for production.
pub struct NullJournal {
    inbox: Arc<Inbox>,
    heads: Arc<Mutex<Heads>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl std::fmt::Debug for NullJournal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NullJournal")
    }
}

impl NullJournal {
    /// Starts the thread.
    ///
    /// # Errors
    /// When there is no thread.
    pub fn start() -> std::io::Result<Self> {
        let inbox = Arc::new(Inbox::new(QUEUE_RECORDS_MAX, QUEUE_BYTES_MAX));
        let heads = Arc::new(Mutex::new(Heads::default()));
        let (queue, known) = (Arc::clone(&inbox), Arc::clone(&heads));
        let thread = std::thread::Builder::new().name("null-journal".to_owned()).spawn(move || {
            loop {
                let (commands, ending) = queue.take();
                for command in commands {
                    if let Command::Append(waiting) = command {
                        let result = known.lock().take(&waiting.record);
                        waiting.complete(result);
                    }
                }
                if ending.is_some() {
                    return queue.drain(AppendError::Closed);
                }
            }
        })?;
        Ok(Self { inbox, heads, thread: Mutex::new(Some(thread)) })
    }
}

impl Heads {
    fn take(&mut self, record: &SealedRecord) -> Result<Position, AppendError> {
        let (last, hash) = self.last.get(&record.cash_box).map_or((0, Hash::ZERO), |(last, _)| (last.row, last.hash));
        if record.follows(last, hash).is_err() {
            return Err(AppendError::Unlinked { row: record.row, last });
        }
        if let Some((queue, configuration)) = &record.configured {
            self.configurations.insert(record.cash_box, configuration.clone());
            self.queues.insert(*queue, record.cash_box);
        }
        self.count = self.count.saturating_add(1);
        let position = counted(self.count);
        self.last.insert(record.cash_box, (record.clone(), position));
        Ok(position)
    }
}

impl Journal for NullJournal {
    fn append(&self, record: SealedRecord, done: Completion) -> Result<(), (AppendError, Completion)> {
        self.inbox.append(record, done)
    }

    fn barrier(&self, done: Box<dyn FnOnce() + Send + 'static>) {
        self.inbox.barrier(Barrier::new(done));
    }

    fn head(&self, cash_box: CashBoxId) -> Result<Option<StoredHead>, JournalError> {
        let head = self.heads.lock().last.get(&cash_box).cloned();
        Ok(head.map(|(record, position)| StoredHead { record, position }))
    }

    fn operation(&self, _: CashBoxId, _: OperationId) -> Result<Option<SealedRecord>, JournalError> {
        Ok(None)
    }

    fn row(&self, cash_box: CashBoxId, row: u64) -> Result<Option<SealedRecord>, JournalError> {
        let heads = self.heads.lock();
        Ok(heads.last.get(&cash_box).map(|(last, _)| last).filter(|last| last.row == row).cloned())
    }

    fn receipts(&self, _: CashBoxId, _: u64, _: usize) -> Result<Vec<SealedRecord>, JournalError> {
        Ok(Vec::new())
    }

    fn stream(&self, _: CashBoxId, _: u64) -> Result<RecordStream<'_>, JournalError> {
        Ok(Box::new(std::iter::empty()))
    }

    fn end(&self) -> Position {
        counted(self.heads.lock().count.saturating_add(1))
    }

    fn at(&self, cash_box: CashBoxId, row: u64, position: Position) -> Result<SealedRecord, JournalError> {
        self.row(cash_box, row)?.ok_or_else(|| not_there(cash_box, row, position, "only last records are kept"))
    }

    fn log(&self, _: Option<Position>) -> Result<LogStream<'_>, JournalError> {
        Ok(Box::new(std::iter::empty()))
    }

    fn place_at(&self, _: i64) -> Result<Option<Position>, JournalError> {
        Ok(None)
    }

    fn configuration(&self, cash_box: CashBoxId) -> Result<Option<Vec<u8>>, JournalError> {
        Ok(self.heads.lock().configurations.get(&cash_box).cloned())
    }

    fn cash_box_of(&self, queue: QueueId) -> Result<Option<CashBoxId>, JournalError> {
        Ok(self.heads.lock().queues.get(&queue).copied())
    }

    fn cash_boxes(&self, after: Option<CashBoxId>, limit: usize) -> Result<Vec<CashBoxId>, JournalError> {
        let heads = self.heads.lock();
        let fitting = heads.configurations.keys().filter(|id| after.is_none_or(|after| **id > after));
        Ok(fitting.take(limit).copied().collect())
    }

    fn unfinished(&self) -> Result<Vec<CashBoxId>, JournalError> {
        let heads = self.heads.lock();
        Ok(heads.last.iter().filter(|(_, (last, _))| last.unfinished).map(|(id, _)| *id).collect())
    }

    fn forget(&self, _: CashBoxId) {}

    fn status(&self) -> JournalStatus {
        JournalStatus { records: self.heads.lock().count, ..JournalStatus::default() }
    }

    fn close(&self) {
        self.inbox.end(Ending::Close);
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}

impl Drop for NullJournal {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;
    use crate::contract::{Chain, append};

    #[test]
    fn keeps_heads_and_refuses_what_does_not_follow() {
        let journal = NullJournal::start().unwrap();
        let mut chain = Chain::new(3);
        let first = append(&journal, chain.next()).unwrap();
        assert!(first < journal.end());
        let second = chain.next();
        let place = append(&journal, second.clone()).unwrap();
        assert!(first < place && place < journal.end());
        assert_eq!(journal.at(chain.cash_box, 2, place).unwrap().hash, second.hash);
        assert!(journal.at(chain.cash_box, 1, first).is_err(), "only last records are kept");
        assert_eq!(append(&journal, second), Err(AppendError::Unlinked { row: 2, last: 2 }));
        assert_eq!(journal.head(chain.cash_box).unwrap().unwrap().record.row, 2);
        journal.close();
        assert_eq!(append(&journal, chain.next()), Err(AppendError::Closed));
    }
}
