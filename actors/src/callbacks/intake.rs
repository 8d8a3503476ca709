//! The hand-over from the writer of the journal to the dispatcher.
//!
//! The writer's thread calls [`Intake::owe`] in the order of the log and must never wait. When there is no room, what it says is
//! dropped and marked: the dispatcher then reads the log instead.

use std::collections::VecDeque;

use kassette_journal::Position;
use kassette_model::{CashBoxId, OperationId};
use kassette_record::{Promise, SealedRecord};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// The promises of one durable record.
#[derive(Debug, Clone)]
pub(crate) struct Owed {
    pub(crate) cash_box: CashBoxId,
    pub(crate) operation: OperationId,
    pub(crate) row: u64,
    pub(crate) made_ns: i64,
    pub(crate) promises: Vec<Promise>,
}

impl Owed {
    /// What a record owes; `None` when it owes nothing.
    pub(crate) fn of(record: &SealedRecord) -> Option<Self> {
        if record.promises.is_empty() {
            return None;
        }
        Some(Self {
            cash_box: record.cash_box,
            operation: record.operation?,
            row: record.row,
            made_ns: record.time_ns,
            promises: record.promises.clone(),
        })
    }
}

#[derive(Default)]
struct Inner {
    waiting: VecDeque<(Position, Owed)>,
    messages: usize,
    /// Something was dropped since the log was read last.
    dropped: bool,
}

/// What the dispatcher finds.
pub(crate) enum Given {
    /// These records, in the order of the log; nothing was dropped before them.
    All(Vec<(Position, Owed)>),
    /// Something is missing: read the log.
    Dropped,
}

/// See the module.
pub(crate) struct Intake {
    messages_max: usize,
    inner: Mutex<Inner>,
    news: Notify,
}

impl Intake {
    pub(crate) fn new(messages_max: usize) -> Self {
        Self { messages_max, inner: Mutex::new(Inner::default()), news: Notify::new() }
    }

    /// A record with promises is durable at `position`. Called in the order of the log.
    pub(crate) fn owe(&self, position: Position, owed: Owed) {
        let mut inner = self.inner.lock();
        if inner.dropped || inner.messages.saturating_add(owed.promises.len()) > self.messages_max {
            // All of it is in the log; what is kept here would only take memory until that is read.
            *inner = Inner { dropped: true, ..Inner::default() };
        } else {
            inner.messages = inner.messages.saturating_add(owed.promises.len());
            inner.waiting.push_back((position, owed));
        }
        drop(inner);
        self.news.notify_one();
    }

    /// Takes what waits.
    pub(crate) fn take(&self) -> Given {
        let mut inner = self.inner.lock();
        if inner.dropped {
            return Given::Dropped;
        }
        inner.messages = 0;
        let waiting = std::mem::take(&mut inner.waiting);
        // The writer of the journal waits for this lock.
        drop(inner);
        Given::All(waiting.into())
    }

    /// From now on nothing is dropped: the log is about to be read up to an end that is looked at after this call.
    pub(crate) fn collect_again(&self) {
        *self.inner.lock() = Inner::default();
    }

    /// Waits until something was handed over.
    pub(crate) async fn news(&self) {
        self.news.notified().await;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use kassette_model::OperationState;

    use super::*;

    fn owed(row: u64, messages: u32) -> Owed {
        let promise = |sequence| Promise { url: "https://a".to_owned(), state: OperationState::Done, sequence };
        Owed {
            cash_box: CashBoxId::from_bytes([1; 16]),
            operation: OperationId::from_bytes([2; 16]),
            row,
            made_ns: 0,
            promises: (1..=messages).map(promise).collect(),
        }
    }

    fn rows(intake: &Intake) -> Option<Vec<u64>> {
        match intake.take() {
            Given::All(all) => Some(all.into_iter().map(|(_, owed)| owed.row).collect()),
            Given::Dropped => None,
        }
    }

    #[test]
    fn what_does_not_fit_is_dropped_whole_until_the_log_is_read() {
        let intake = Intake::new(4);
        let at = |offset| Position { segment: 1, offset };
        intake.owe(at(1), owed(1, 2));
        intake.owe(at(2), owed(2, 2));
        assert_eq!(rows(&intake), Some(vec![1, 2]));
        intake.owe(at(3), owed(3, 3));
        intake.owe(at(4), owed(4, 2));
        intake.owe(at(5), owed(5, 1));
        assert_eq!(rows(&intake), None, "a gap is never hidden by what came after it");
        assert_eq!(rows(&intake), None, "and stays until the log is read");
        intake.collect_again();
        intake.owe(at(6), owed(6, 4));
        assert_eq!(rows(&intake), Some(vec![6]));
    }
}
