//! The bounded queue before the writer.

use kassette_model::CashBoxId;
use kassette_record::SealedRecord;
use parking_lot::{Condvar, Mutex};

use crate::{AppendError, Completion, Position};

/// Records below which the writer lets others run before it takes what is queued, and how often: a sync costs as much processor
/// time as some six records, so it should carry more than that. With this many there is as much left to do while it runs.
const GATHER_RECORDS: usize = 16;
const GATHER_YIELDS: u32 = 2;

/// A record on its way with its completion, which is called exactly once, also when the writer dies.
pub struct Waiting {
    /// The record.
    pub record: SealedRecord,
    done: Option<Completion>,
}

impl Waiting {
    /// A record and whom to tell.
    #[must_use]
    pub fn new(record: SealedRecord, done: Completion) -> Self {
        Self { record, done: Some(done) }
    }

    /// Tells how it ended. A panic in the completion is caught: it is a bug there, not in the log.
    pub fn complete(mut self, result: Result<Position, AppendError>) {
        self.call(result);
    }

    fn call(&mut self, result: Result<Position, AppendError>) {
        if let Some(done) = self.done.take()
            && std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || done(result))).is_err()
        {
            tracing::error!("a completion of the journal panicked");
        }
    }

    /// Bytes of the record.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.record.header.len().saturating_add(self.record.bodies.len())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.done.is_some() {
            self.call(Err(AppendError::Poisoned("the journal writer ended".to_owned())));
        }
    }
}

/// Called after everything before it; also when the writer dies.
pub struct Barrier(Option<Box<dyn FnOnce() + Send + 'static>>);

impl Barrier {
    /// A barrier.
    #[must_use]
    pub fn new(done: Box<dyn FnOnce() + Send + 'static>) -> Self {
        Self(Some(done))
    }
}

impl Drop for Barrier {
    fn drop(&mut self) {
        if let Some(done) = self.0.take()
            && std::panic::catch_unwind(std::panic::AssertUnwindSafe(done)).is_err()
        {
            tracing::error!("a barrier of the journal panicked");
        }
    }
}

/// What the writer is asked to do.
#[expect(clippy::large_enum_variant, reason = "nearly all are appends")]
pub enum Command {
    /// Append a record.
    Append(Waiting),
    /// Dropping it calls it.
    Barrier(Barrier),
    /// A cash box was passivated.
    Forget(CashBoxId),
}

/// How the queue ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Write what is queued, seal, end.
    Close,
    /// End at once without writing, as a crash would.
    Abandon,
}

#[derive(Default)]
struct Queue {
    commands: Vec<Command>,
    records: usize,
    bytes: usize,
    ending: Option<Ending>,
    refused: Option<AppendError>,
}

/// The queue: any thread puts, the writer takes everything at once.
pub struct Inbox {
    queue: Mutex<Queue>,
    filled: Condvar,
    records_max: usize,
    bytes_max: usize,
}

impl Inbox {
    /// An empty queue with its limits.
    #[must_use]
    pub fn new(records_max: usize, bytes_max: usize) -> Self {
        Self { queue: Mutex::new(Queue::default()), filled: Condvar::new(), records_max, bytes_max }
    }

    /// Queues a record.
    ///
    /// # Errors
    /// Gives the completion back when the queue is full, closed or the writer stopped.
    pub fn append(&self, record: SealedRecord, done: Completion) -> Result<(), (AppendError, Completion)> {
        let bytes = record.header.len().saturating_add(record.bodies.len());
        let mut queue = self.queue.lock();
        if let Some(refused) = &queue.refused {
            return Err((refused.clone(), done));
        }
        let full = queue.records > 0 && queue.bytes.saturating_add(bytes) > self.bytes_max;
        if full || queue.records >= self.records_max {
            return Err((AppendError::Busy, done));
        }
        queue.records = queue.records.saturating_add(1);
        queue.bytes = queue.bytes.saturating_add(bytes);
        self.push(queue, Command::Append(Waiting::new(record, done)));
        Ok(())
    }

    /// Queues a barrier; after the end it is called at once.
    pub fn barrier(&self, barrier: Barrier) {
        let queue = self.queue.lock();
        if queue.refused.is_some() && queue.commands.is_empty() && queue.ending.is_none() {
            drop(queue);
            drop(barrier);
            return;
        }
        self.push(queue, Command::Barrier(barrier));
    }

    /// Queues the passivation of a cash box.
    pub fn forget(&self, cash_box: CashBoxId) {
        let queue = self.queue.lock();
        if queue.refused.is_none() {
            self.push(queue, Command::Forget(cash_box));
        }
    }

    fn push(&self, mut queue: parking_lot::MutexGuard<'_, Queue>, command: Command) {
        queue.commands.push(command);
        if queue.commands.len() == 1 {
            self.filled.notify_one();
        }
    }

    /// Commands that the writer has not taken yet.
    #[cfg(test)]
    pub(crate) fn commands(&self) -> usize {
        self.queue.lock().commands.len()
    }

    /// Refuses every later append with `error`.
    pub fn refuse(&self, error: AppendError) {
        self.queue.lock().refused.get_or_insert(error);
    }

    /// Ends the queue.
    pub fn end(&self, ending: Ending) {
        let mut queue = self.queue.lock();
        queue.refused.get_or_insert(AppendError::Closed);
        queue.ending.get_or_insert(ending);
        self.filled.notify_one();
    }

    /// Waits for commands and takes them all; `Some` ending when the queue was ended, with what was still in it.
    #[must_use]
    pub fn take(&self) -> (Vec<Command>, Option<Ending>) {
        let mut queue = self.queue.lock();
        while queue.commands.is_empty() && queue.ending.is_none() {
            self.filled.wait(&mut queue);
        }
        // Whoever is ready to run goes first: on a busy machine more records come under one sync, on an idle one nothing waits.
        for _ in 0..GATHER_YIELDS {
            if queue.commands.len() >= GATHER_RECORDS || queue.ending.is_some() {
                break;
            }
            parking_lot::MutexGuard::unlocked(&mut queue, std::thread::yield_now);
        }
        queue.records = 0;
        queue.bytes = 0;
        (std::mem::take(&mut queue.commands), queue.ending)
    }

    /// The writer has ended: refuses everything with `error` and drops what is queued, which tells everyone.
    pub fn drain(&self, error: AppendError) {
        let commands = {
            let mut queue = self.queue.lock();
            queue.refused.get_or_insert(error.clone());
            queue.ending = None;
            std::mem::take(&mut queue.commands)
        };
        for command in commands {
            if let Command::Append(waiting) = command {
                waiting.complete(Err(error.clone()));
            }
        }
    }
}
