//! The messages of one target that are in memory: which may be sent next, in order for each operation.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use kassette_journal::callbacks::{MessagePlace, OpenMessage};
use kassette_model::{CashBoxId, OperationId};

/// An operation whose messages are in order.
type Chain = (CashBoxId, OperationId);

struct Entry {
    message: OpenMessage,
    /// Not before, on the monotonic clock.
    due: Duration,
}

#[derive(Default)]
struct Line {
    places: BTreeSet<MessagePlace>,
    /// The first of them as it stands in `heads`.
    seated: Option<(Duration, MessagePlace)>,
    in_flight: Option<MessagePlace>,
}

/// One target.
#[derive(Default)]
pub(super) struct TargetQueue {
    window: BTreeMap<MessagePlace, Entry>,
    lines: HashMap<Chain, Line>,
    /// The first message of each operation that has none in flight, by when it is due.
    heads: BTreeSet<(Duration, MessagePlace)>,
    pub(super) calls: usize,
    /// The last call got an answer; until there was one, one call at a time finds out.
    pub(super) answers: bool,
    /// The call that finds out.
    pub(super) probing: bool,
    /// The store has messages behind `loaded_to` that are not in memory.
    pub(super) more: bool,
    /// As it stands in the order of the targets.
    pub(super) ordered: Option<Duration>,
    /// Every open message up to here is in memory.
    pub(super) loaded_to: Option<MessagePlace>,
}

fn chain(message: &OpenMessage) -> Chain {
    (message.cash_box, message.operation)
}

impl TargetQueue {
    /// Messages in memory.
    pub(super) fn len(&self) -> usize {
        self.window.len()
    }

    /// How many more it may have, when all targets together may have `room` more.
    pub(super) fn room(&self, window_max: usize, room: usize) -> usize {
        let own = super::queues::TARGET_MESSAGES_MIN.min(window_max).saturating_sub(self.len());
        window_max.saturating_sub(self.len()).min(room.max(own))
    }

    /// When the next one may be sent.
    pub(super) fn due(&self) -> Option<Duration> {
        self.heads.first().map(|(due, _)| *due)
    }

    /// Takes a message in, or gives one that is there another time. One that is being sent is left alone.
    pub(super) fn insert(&mut self, message: OpenMessage, due: Duration) -> bool {
        let (place, key) = (message.place, chain(&message));
        let line = self.lines.entry(key).or_default();
        if line.in_flight == Some(place) {
            return false;
        }
        line.places.insert(place);
        let is_new = self.window.insert(place, Entry { message, due }).is_none();
        self.seat(key);
        is_new
    }

    /// Takes out the first message that is due, to be sent.
    pub(super) fn start(&mut self, now: Duration) -> Option<OpenMessage> {
        let (due, place) = *self.heads.first()?;
        if due > now {
            return None;
        }
        let message = self.window.get(&place)?.message.clone();
        let key = chain(&message);
        self.lines.entry(key).or_default().in_flight = Some(place);
        self.seat(key);
        self.calls = self.calls.saturating_add(1);
        Some(message)
    }

    /// A call has ended: with `again` the message is tried at that time, else it is settled.
    pub(super) fn end(&mut self, message: OpenMessage, again: Option<Duration>) {
        let (place, key) = (message.place, chain(&message));
        self.calls = self.calls.saturating_sub(1);
        let line = self.lines.entry(key).or_default();
        line.in_flight = None;
        match again {
            Some(due) => {
                line.places.insert(place);
                self.window.insert(place, Entry { message, due });
            }
            None => {
                line.places.remove(&place);
                self.window.remove(&place);
            }
        }
        self.seat(key);
    }

    /// Puts the first message of an operation among the heads, or takes it away.
    fn seat(&mut self, key: Chain) {
        let Some(line) = self.lines.get_mut(&key) else { return };
        if let Some(seated) = line.seated.take() {
            self.heads.remove(&seated);
        }
        match line.places.first() {
            None if line.in_flight.is_none() => {
                self.lines.remove(&key);
            }
            Some(place) if line.in_flight.is_none() => {
                if let Some(entry) = self.window.get(place) {
                    line.seated = Some((entry.due, *place));
                    self.heads.insert((entry.due, *place));
                }
            }
            _ => {}
        }
    }
}
