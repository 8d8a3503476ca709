//! Who waits for new records of which cash box.
//!
//! A subscriber is only told how far the journal of its cash box has come; it reads the records there itself. So nothing is kept for
//! one that is slow, and what is sent live cannot differ from what is sent afterwards.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kassette_model::CashBoxId;
use parking_lot::RwLock;
use tokio::sync::watch;

use crate::outcome::Rejected;

/// When a subscriber who found no place should come back, in seconds.
const RETRY_AFTER_S: u32 = 5;
/// Parts of the table, so that those who come and go seldom meet those who write.
const PARTS: usize = 64;

type Part = RwLock<HashMap<CashBoxId, watch::Sender<u64>>>;

/// The subscribers of a node.
pub(crate) struct EventHub {
    /// Over all cash boxes.
    subscribers: AtomicUsize,
    subscribers_max: usize,
    subscribers_per_cash_box_max: usize,
    parts: Box<[Part]>,
}

impl EventHub {
    pub(crate) fn new(subscribers_max: usize, subscribers_per_cash_box_max: usize) -> Arc<Self> {
        Arc::new(Self {
            subscribers: AtomicUsize::new(0),
            subscribers_max,
            subscribers_per_cash_box_max,
            parts: (0..PARTS).map(|_| Part::default()).collect(),
        })
    }

    /// A record of the cash box is durable. Called on the writer's thread: one load while nobody listens to any cash box, one look-up
    /// while nobody listens to this one; waits for no subscriber and takes no memory.
    pub(crate) fn recorded(&self, cash_box: CashBoxId, row: u64) {
        // Sequentially consistent, as in `subscribe`: whoever is not seen here reads the journal after this record stood in it.
        if self.subscribers.load(Ordering::SeqCst) == 0 {
            return;
        }
        let Some(part) = self.part(cash_box) else { return };
        if let Some(newest) = part.read().get(&cash_box) {
            newest.send_if_modified(|newest| {
                let later = row > *newest;
                *newest = row.max(*newest);
                later
            });
        }
    }

    /// Waits for records of a cash box from now on. What became durable before is not told: the journal is to be read afterwards.
    ///
    /// # Errors
    /// [`Rejected::TooManySubscribers`].
    pub(crate) fn subscribe(self: &Arc<Self>, cash_box: CashBoxId) -> Result<Subscription, Rejected> {
        let too_many = Rejected::TooManySubscribers { retry_after_s: RETRY_AFTER_S };
        let grown = |count: usize| {
            Some(count).filter(|count| *count < self.subscribers_max).map(|count| count.saturating_add(1))
        };
        if self.subscribers.fetch_update(Ordering::SeqCst, Ordering::SeqCst, grown).is_err() {
            return Err(too_many);
        }
        let place = Place { hub: Arc::clone(self), cash_box };
        let Some(part) = self.part(cash_box) else { return Err(too_many) };
        let mut part = part.write();
        let newest = part.entry(cash_box).or_insert_with(|| watch::Sender::new(0));
        if newest.receiver_count() >= self.subscribers_per_cash_box_max {
            // Before the place is given back, which locks the part.
            drop(part);
            return Err(too_many);
        }
        Ok(Subscription { newest: newest.subscribe(), _place: place })
    }

    fn part(&self, cash_box: CashBoxId) -> Option<&Part> {
        let [.., last] = cash_box.bytes();
        self.parts.get(usize::from(last) % PARTS)
    }
}

/// A place of a subscriber; given back when it is dropped.
struct Place {
    hub: Arc<EventHub>,
    cash_box: CashBoxId,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(part) = self.hub.part(self.cash_box) {
            let mut part = part.write();
            if part.get(&self.cash_box).is_some_and(|newest| newest.receiver_count() == 0) {
                part.remove(&self.cash_box);
            }
        }
        self.hub.subscribers.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Tells of new records of one cash box; its place is free again when it is dropped.
pub struct Subscription {
    /// Before the place: the last receiver must be gone when it is given back.
    newest: watch::Receiver<u64>,
    _place: Place,
}

impl Subscription {
    /// The newest row that was told of; 0 before the first.
    #[must_use]
    pub fn newest_row(&self) -> u64 {
        *self.newest.borrow()
    }

    /// Waits until a row above `row` was told of. May be dropped at any point without losing anything.
    pub async fn beyond(&mut self, row: u64) {
        if self.newest.wait_for(|newest| *newest > row).await.is_err() {
            // The sender lives as long as its subscribers.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    const A: CashBoxId = CashBoxId::from_bytes([1; 16]);
    /// In the same part as `A`.
    const B: CashBoxId = CashBoxId::from_bytes([1 + 64; 16]);

    #[test]
    fn only_subscribers_of_the_cash_box_are_told_and_rows_never_go_back() {
        let hub = EventHub::new(10, 10);
        hub.recorded(A, 1);
        let (mut first, mut second, mut other) =
            (hub.subscribe(A).unwrap(), hub.subscribe(A).unwrap(), hub.subscribe(B).unwrap());
        hub.recorded(A, 3);
        hub.recorded(A, 2);
        for one in [&mut first, &mut second] {
            assert_eq!(one.newest_row(), 3);
            assert!(one.beyond(2).now_or_never().is_some());
            assert!(one.beyond(3).now_or_never().is_none());
        }
        assert_eq!((other.newest_row(), other.beyond(0).now_or_never()), (0, None));
        hub.recorded(B, 9);
        assert!(other.beyond(8).now_or_never().is_some());
        assert!(first.beyond(3).now_or_never().is_none());
    }

    #[test]
    fn limits_hold_and_places_come_back() {
        let hub = EventHub::new(3, 2);
        let too_many = |result: Result<Subscription, Rejected>| {
            matches!(result.map(drop), Err(Rejected::TooManySubscribers { retry_after_s: 1.. }))
        };
        let (first, second) = (hub.subscribe(A).unwrap(), hub.subscribe(A).unwrap());
        assert!(too_many(hub.subscribe(A)), "of the cash box");
        let third = hub.subscribe(B).unwrap();
        assert!(too_many(hub.subscribe(B)), "of the node");
        drop(first);
        let again = hub.subscribe(A).unwrap();
        drop((second, third, again));
        assert_eq!(hub.subscribers.load(Ordering::SeqCst), 0);
        assert!(hub.parts.iter().all(|part| part.read().is_empty()), "nothing is kept of those who left");
    }

    #[tokio::test]
    async fn a_waiting_subscriber_is_woken() {
        let hub = EventHub::new(10, 10);
        let mut waiting = hub.subscribe(A).unwrap();
        let wakes = tokio::spawn(async move {
            waiting.beyond(6).await;
            waiting.newest_row()
        });
        tokio::task::yield_now().await;
        hub.recorded(A, 6);
        tokio::task::yield_now().await;
        assert!(!wakes.is_finished());
        hub.recorded(A, 7);
        assert_eq!(wakes.await.unwrap(), 7);
    }
}
