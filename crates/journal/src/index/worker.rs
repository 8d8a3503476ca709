//! The thread that fills the store, and what it does when the store fails.
//!
//! One loop, one step each: apply what was handed over, go on filling another store from the log, look at the intervals.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kassette_stdx::Clock;

use super::fill::{Fill, STEP_RECORDS, Store};
use super::indexer::{Inbox, IndexState, RebuildSource, Serving, Shared};
use super::{Index, IndexEntry, IndexError, MemoryIndex};

/// Why and since when the persistent store is out of order.
#[derive(Clone)]
struct Outage {
    since_unix_ns: i64,
    reason: String,
}

pub(super) struct Worker {
    shared: Arc<Shared>,
    source: RebuildSource,
    clock: Arc<dyn Clock>,
    /// Handed over and not applied: the same records as in the tail.
    pending: VecDeque<IndexEntry>,
    /// Last record that is not in the tail any more: a store that answers must have everything up to here.
    floor: u64,
    /// Up to here numbers may be missing (damaged records left out by a scan).
    scanned_to: u64,
    serving: Option<Store>,
    generation: u64,
    fill: Option<Fill>,
    outage: Option<Outage>,
    /// When to try a fresh persistent store (monotonic).
    reopen_at: Duration,
    /// When to flush the serving store (monotonic), if something was applied.
    flush_at: Option<Duration>,
}

impl Shared {
    /// Nothing will be applied any more.
    pub(super) fn stop(&self, reason: &str) {
        let mut inbox = self.inbox.lock();
        inbox.stopped = true;
        self.serving.write().index = None;
        if !inbox.closing {
            *self.state.lock() = IndexState::Unavailable { since_unix_ns: 0, reason: reason.to_owned() };
        }
        self.progress.notify_all();
    }
}

/// Lets go of a store that failed, on a thread of its own: its end may wait for its threads for ever.
fn dispose(index: Arc<dyn Index>) {
    let spawned = std::thread::Builder::new().name("index-end".to_owned()).spawn(move || drop(index));
    if let Err(error) = spawned {
        tracing::warn!(%error, "no thread to close a failed index");
    }
}

/// The entries before the first missing number, and the last missing number, when `expected` is the lowest that may not be
/// skipped.
fn whole_part(entries: &[IndexEntry], expected: u64) -> (&[IndexEntry], Option<u64>) {
    let mut expected = expected;
    for (at, entry) in entries.iter().enumerate() {
        if entry.number > expected {
            return (entries.get(..at).unwrap_or(entries), Some(entry.number.saturating_sub(1)));
        }
        expected = expected.max(entry.number.saturating_add(1));
    }
    (entries, None)
}

impl Worker {
    /// Decides what the store found at opening is good for.
    pub(super) fn open(
        shared: Arc<Shared>,
        opened: Result<Box<dyn Index>, IndexError>,
        source: RebuildSource,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let last = source.log.last_number();
        let mut worker = Self {
            shared,
            source,
            clock,
            pending: VecDeque::new(),
            floor: last,
            scanned_to: last,
            serving: None,
            generation: 0,
            fill: None,
            outage: None,
            reopen_at: Duration::ZERO,
            flush_at: None,
        };
        let found = opened.and_then(|index| Ok((worker.replay_first(&*index, last)?, index)));
        let usable = found.or_else(|error| {
            tracing::warn!(%error, "the index is made again from the log");
            Ok::<_, IndexError>((1, (worker.source.fresh)()?))
        });
        match usable {
            Ok((first, index)) => worker.start_with(Arc::from(index), first, last),
            Err(error) => worker.fall_back(&error.0),
        }
        worker
    }

    fn replay_first(&self, index: &dyn Index, last: u64) -> Result<u64, IndexError> {
        for known in [index.told()?, index.checkpoint()?].into_iter().flatten() {
            if known.number > last || !self.source.log.fits(&known) {
                return Err(IndexError(format!("record {}, which it knows, is not in the log", known.number)));
            }
        }
        let Some(checkpoint) = index.checkpoint()? else { return Ok(1) };
        Ok(index.replay_first()?.clamp(1, checkpoint.number.saturating_add(1)))
    }

    fn start_with(&mut self, index: Arc<dyn Index>, first: u64, last: u64) {
        let applied = first.saturating_sub(1);
        let store = Store { index, applied, persistent: true };
        let missing = last.saturating_sub(applied);
        if missing <= self.shared.options.index_lag_records_max {
            match self.read_missing(first, last) {
                Ok(entries) => {
                    for entry in &entries {
                        self.shared.tail.insert(entry);
                    }
                    self.shared.lag_records.store(u64::try_from(entries.len()).unwrap_or(u64::MAX), Ordering::Relaxed);
                    self.pending = entries;
                    self.floor = applied;
                    return self.serve(store);
                }
                Err(error) => tracing::warn!(error, "the end of the log could not be read for the index"),
            }
        }
        self.fill = Some(Fill::new(store));
        self.publish();
    }

    fn read_missing(&self, first: u64, last: u64) -> Result<VecDeque<IndexEntry>, String> {
        if first > last {
            return Ok(VecDeque::new());
        }
        let scan = self.source.log.scan(first);
        let wanted = |entry: &Result<IndexEntry, String>| entry.as_ref().map_or(true, |entry| entry.number <= last);
        scan.take_while(wanted).collect()
    }

    /// Runs until closed. A panic here is a bug: it is reported, and the index then answers nothing.
    pub(super) fn run_guarded(self) {
        let shared = Arc::clone(&self.shared);
        let reason = match catch_unwind(AssertUnwindSafe(move || self.run())) {
            Ok(()) => "closed".to_owned(),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no text");
                tracing::error!(panic = text, "the index thread stopped");
                format!("its thread stopped: {text}")
            }
        };
        shared.stop(&reason);
    }

    fn run(mut self) {
        loop {
            let (failed, closing) = self.receive();
            if let Some((generation, error)) = failed
                && generation == self.generation
            {
                self.serving_failed(&error.0);
            }
            if closing {
                return self.finish();
            }
            self.apply_pending(STEP_RECORDS);
            self.go_on_filling();
            self.look_at_intervals();
            self.publish();
        }
    }

    /// Waits until there is something to do; takes what was handed over.
    fn receive(&mut self) -> (Option<(u64, IndexError)>, bool) {
        let shared = Arc::clone(&self.shared);
        let options = &shared.options;
        let mut inbox = shared.inbox.lock();
        loop {
            let urgent = inbox.closing || inbox.failed.is_some() || inbox.wanted_idle > inbox.reached_idle;
            let busy = self.fill.is_some() || (self.serving.is_some() && !self.pending.is_empty());
            let gathered = inbox.entries.len();
            if urgent || busy || gathered >= options.apply_wake_records {
                break;
            }
            if gathered > 0 {
                // Let entries gather, so that one step of the store carries many; they are found in the tail.
                shared.wake.wait_for(&mut inbox, Duration::from_millis(options.apply_delay_ms));
                break;
            }
            inbox.asleep = true;
            let now = self.clock.monotonic();
            match self.next_interval() {
                Some(at) if at <= now => {
                    inbox.asleep = false;
                    break;
                }
                Some(at) => {
                    shared.wake.wait_for(&mut inbox, at.saturating_sub(now));
                }
                None => shared.wake.wait(&mut inbox),
            }
            inbox.asleep = false;
        }
        self.take(&mut inbox)
    }

    fn take(&mut self, inbox: &mut Inbox) -> (Option<(u64, IndexError)>, bool) {
        let nothing_left = inbox.entries.is_empty()
            && inbox.failed.is_none()
            && (self.pending.is_empty() || self.serving.is_none())
            && self.fill.is_none()
            && self.next_interval().is_none_or(|at| at > self.clock.monotonic());
        if nothing_left && inbox.reached_idle < inbox.wanted_idle {
            inbox.reached_idle = inbox.wanted_idle;
        }
        self.pending.extend(inbox.entries.drain(..));
        // What was wanted may have become true, or the lag may be below its limit.
        self.shared.progress.notify_all();
        (inbox.failed.take(), inbox.closing)
    }

    fn next_interval(&self) -> Option<Duration> {
        let reopen = (self.outage.is_some() && self.fill.is_none()).then_some(self.reopen_at);
        [reopen, self.flush_at].into_iter().flatten().min()
    }

    /// Applies at most `limit` of what was handed over, if a store answers; otherwise keeps the newest in the tail.
    fn apply_pending(&mut self, limit: usize) {
        let mut done = 0;
        while done < limit && !self.pending.is_empty() {
            let Some(store) = &mut self.serving else { return self.forget_oldest() };
            let expected = self.floor.max(self.scanned_to).saturating_add(1);
            let (front, _) = self.pending.as_slices();
            let front = front.get(..self.shared.options.apply_records_max.max(1)).unwrap_or(front);
            let (ready, missing_to) = whole_part(front, expected);
            let count = ready.len();
            if let (0, Some(missing_to)) = (count, missing_to) {
                // The writer left records out, which it must not; the log has them.
                self.floor = missing_to;
                return self.serving_failed(&format!("records {expected} to {missing_to} were not handed over"));
            }
            let applied = store.index.apply(ready);
            if let Err(error) = applied {
                return self.serving_failed(&error.0);
            }
            if store.persistent && self.flush_at.is_none() {
                self.flush_at = Some(self.flush_interval_from_now());
            }
            self.forget(count);
            if let Some(store) = &mut self.serving {
                store.applied = self.floor;
            }
            done = done.saturating_add(count);
        }
        self.check_memory_size();
    }

    /// Takes the `count` oldest entries out of the tail.
    fn forget(&mut self, count: usize) {
        for entry in self.pending.drain(..count) {
            self.shared.tail.remove(&entry);
            self.floor = self.floor.max(entry.number);
        }
        self.shared.lag_records.fetch_sub(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
        if self.shared.lag_records.load(Ordering::Relaxed) == 0 && self.pending.is_empty() {
            self.pending.shrink_to(STEP_RECORDS);
        }
    }

    /// While no store answers: the log has them all, so the tail need not grow and the writer need not wait.
    fn forget_oldest(&mut self) {
        let limit = usize::try_from(self.shared.options.index_lag_records_max).unwrap_or(usize::MAX);
        let excess = self.pending.len().saturating_sub(limit);
        self.forget(excess);
    }

    fn check_memory_size(&mut self) {
        let in_memory = self.serving.as_ref().is_some_and(|store| !store.persistent);
        if in_memory && self.floor > self.shared.options.memory_index_records_max {
            self.retire_serving();
            tracing::warn!(records = self.floor, "too many records for an index in memory");
        }
    }

    fn retire_serving(&mut self) {
        self.generation = self.generation.saturating_add(1);
        *self.shared.serving.write() = Serving { index: None, generation: self.generation };
        self.flush_at = None;
        if let Some(store) = self.serving.take() {
            dispose(store.index);
        }
    }

    fn serve(&mut self, store: Store) {
        if store.persistent {
            self.outage = None;
        }
        self.generation = self.generation.saturating_add(1);
        *self.shared.serving.write() = Serving { index: Some(Arc::clone(&store.index)), generation: self.generation };
        // A store that was filled is flushed soon, too.
        self.flush_at = store.persistent.then(|| self.flush_interval_from_now());
        self.serving = Some(store);
        self.publish();
    }

    fn serving_failed(&mut self, reason: &str) {
        self.retire_serving();
        self.fall_back(reason);
    }

    /// The persistent store is out of order: memory takes its place, if it can.
    fn fall_back(&mut self, reason: &str) {
        tracing::error!(reason, records = self.floor, "the index failed; it is made again from the log");
        let since_unix_ns = self.clock.unix_ns();
        self.outage.get_or_insert(Outage { since_unix_ns, reason: reason.to_owned() });
        if let Some(fill) = self.fill.take() {
            dispose(fill.store.index);
        }
        self.retry_later();
        self.fill_memory();
        self.publish();
    }

    fn fill_memory(&mut self) {
        if self.floor <= self.shared.options.memory_index_records_max {
            let store = Store { index: Arc::new(MemoryIndex::default()), applied: 0, persistent: false };
            self.fill = Some(Fill::new(store));
        }
    }

    fn flush_interval_from_now(&self) -> Duration {
        self.clock.monotonic().saturating_add(Duration::from_millis(self.shared.options.head_flush_ms))
    }

    fn retry_later(&mut self) {
        let after = Duration::from_millis(self.shared.options.reopen_ms);
        self.reopen_at = self.clock.monotonic().saturating_add(after);
    }

    /// Applies the next part of the log to the store that is being filled, and lets it answer when it has everything.
    fn go_on_filling(&mut self) {
        let Some(mut fill) = self.fill.take() else { return };
        match fill.step(self.floor, &self.source, self.shared.options.apply_records_max) {
            Ok(()) if fill.store.applied >= self.floor => {
                let memory = self.serving.take();
                tracing::info!(records = self.floor, persistent = fill.store.persistent, "the index is filled");
                self.serve(fill.store);
                if let Some(memory) = memory {
                    dispose(memory.index);
                }
            }
            Ok(()) => self.fill = Some(fill),
            Err(error) => {
                tracing::warn!(%error, "filling the index from the log failed");
                let persistent = fill.store.persistent;
                dispose(fill.store.index);
                self.retry_later();
                if self.outage.is_none() {
                    self.fall_back(&error.0);
                } else if persistent && self.serving.is_none() {
                    self.fill_memory();
                }
            }
        }
    }

    fn look_at_intervals(&mut self) {
        let now = self.clock.monotonic();
        if self.flush_at.is_some_and(|at| at <= now) {
            self.flush_at = None;
            if let Some(Err(error)) = self.serving.as_ref().map(|store| store.index.flush()) {
                self.serving_failed(&error.0);
            }
        }
        if self.outage.is_some() && self.fill.is_none() && self.reopen_at <= now {
            self.retry_later();
            match (self.source.fresh)() {
                Ok(index) => {
                    let store = Store { index: Arc::from(index), applied: 0, persistent: true };
                    self.fill = Some(Fill::new(store));
                }
                Err(error) => {
                    tracing::warn!(%error, "a fresh index could not be opened");
                    if self.serving.is_none() {
                        self.fill_memory();
                    }
                }
            }
        }
    }

    fn publish(&self) {
        let outage = self.outage.clone();
        let state = match (&self.serving, &self.fill, outage) {
            (Some(store), _, Some(Outage { since_unix_ns, reason })) if !store.persistent => {
                IndexState::MemoryOnly { since_unix_ns, reason }
            }
            (Some(_), _, _) => IndexState::Ok,
            (None, Some(fill), _) => IndexState::Rebuilding { done: fill.store.applied, total: self.floor },
            (None, None, Some(Outage { since_unix_ns, reason })) => IndexState::Unavailable { since_unix_ns, reason },
            (None, None, None) => IndexState::Ok,
        };
        *self.shared.state.lock() = state;
    }

    fn finish(mut self) {
        while self.serving.is_some() && !self.pending.is_empty() {
            self.apply_pending(STEP_RECORDS);
        }
        let mut closing = Vec::new();
        closing.extend(self.serving.take());
        closing.extend(self.fill.take().map(|fill| fill.store));
        *self.shared.serving.write() = Serving { index: None, generation: self.generation };
        for store in closing.into_iter().filter(|store| store.persistent) {
            if let Err(error) = store.index.close() {
                tracing::warn!(%error, "the index was not closed in order; the next opening reads the end of the log again");
            }
        }
    }
}
