//! Which message is sent next: one queue and one cap for each target, one cap for all, memory bounded. Pure: no clock, no socket.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use kassette_journal::callbacks::{MessagePlace, OpenMessage};

use super::CallbackLimits;
use super::target_queue::TargetQueue;

/// A target whose messages in memory have become few while the store has more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refill {
    pub(super) target: u64,
    /// Load what lies behind this place.
    pub(super) after: Option<MessagePlace>,
    /// At most so many.
    pub(super) limit: usize,
}

/// Messages that every target may have in memory, however full it is: the messages of receivers that do not answer must not keep those of
/// the others out.
pub(super) const TARGET_MESSAGES_MIN: usize = 16;

/// All targets.
pub(super) struct Queues {
    calls_max: usize,
    calls_per_target_max: usize,
    target_window_max: usize,
    window_max: usize,
    targets: HashMap<u64, TargetQueue>,
    /// Targets that answer and have room for a call, by when their first message is due: whoever has waited longest is first.
    answering: BTreeSet<(Duration, u64)>,
    /// The same for targets that have not answered yet, or not the last time.
    unproven: BTreeSet<(Duration, u64)>,
    calls: usize,
    /// Calls to targets that were unproven when they began: at most half of all, so that many that are silent leave room for others.
    probes: usize,
    messages: usize,
}

impl Queues {
    pub(super) fn new(limits: &CallbackLimits) -> Self {
        Self {
            calls_max: limits.calls_max.max(1),
            calls_per_target_max: limits.calls_per_target_max.max(1),
            target_window_max: limits.target_window_messages_max.max(2),
            window_max: limits.window_messages_max.max(2),
            targets: HashMap::new(),
            answering: BTreeSet::new(),
            unproven: BTreeSet::new(),
            calls: 0,
            probes: 0,
            messages: 0,
        }
    }

    /// Messages being sent.
    pub(super) fn calls(&self) -> usize {
        self.calls
    }

    /// A message that was taken just now, in the order of the log. What has no room stays in the store.
    pub(super) fn push(&mut self, message: OpenMessage, due: Duration) {
        let room = self.window_max.saturating_sub(self.messages);
        let max = self.target_window_max;
        let queue = self.targets.entry(message.target).or_default();
        if queue.more || queue.room(max, room) == 0 {
            queue.more = true;
            return;
        }
        queue.loaded_to = queue.loaded_to.max(Some(message.place));
        self.insert(message, due);
    }

    /// A target of which only the store knows what it has.
    pub(super) fn found(&mut self, target: u64) {
        self.targets.entry(target).or_default().more = true;
    }

    /// Targets to be refilled.
    pub(super) fn refills(&self) -> Vec<Refill> {
        let mut room = self.window_max.saturating_sub(self.messages);
        let mut refills = Vec::new();
        for (target, queue) in self.targets.iter().filter(|(_, queue)| queue.more) {
            let limit = queue.room(self.target_window_max, room);
            // Small refills would ask the store again and again.
            if limit > 0 && queue.len() <= self.target_window_max / 2 {
                room = room.saturating_sub(limit);
                refills.push(Refill { target: *target, after: queue.loaded_to, limit });
            }
        }
        refills
    }

    /// What the store had behind `refill.after`.
    pub(super) fn refilled(&mut self, refill: Refill, messages: Vec<(OpenMessage, Duration)>) {
        let Some(queue) = self.targets.get_mut(&refill.target) else { return };
        queue.more = messages.len() >= refill.limit;
        queue.loaded_to = queue.loaded_to.max(messages.last().map(|(message, _)| message.place));
        for (message, due) in messages {
            self.insert(message, due);
        }
        self.reorder(refill.target);
    }

    /// A message that an operator wants sent now: one that was settled, or one that waits for its next attempt. Tells whether it is in
    /// memory: one that is not comes with a refill, as the store then has it.
    pub(super) fn hurry(&mut self, message: OpenMessage, now: Duration) -> bool {
        let queue = self.targets.entry(message.target).or_default();
        if queue.more && Some(message.place) > queue.loaded_to {
            return false;
        }
        queue.loaded_to = queue.loaded_to.max(Some(message.place));
        self.insert(message, now);
        true
    }

    fn insert(&mut self, message: OpenMessage, due: Duration) {
        let target = message.target;
        if self.targets.entry(target).or_default().insert(message, due) {
            self.messages = self.messages.saturating_add(1);
        }
        self.reorder(target);
    }

    /// The next message to send.
    pub(super) fn start(&mut self, now: Duration) -> Option<OpenMessage> {
        let (due, target) = self.first()?;
        if due > now {
            return None;
        }
        let queue = self.targets.get_mut(&target)?;
        let message = queue.start(now);
        if message.is_some() {
            self.calls = self.calls.saturating_add(1);
            queue.probing = !queue.answers;
            self.probes = self.probes.saturating_add(usize::from(queue.probing));
        }
        self.reorder(target);
        message
    }

    /// When there will be something to send, if nothing changes before.
    pub(super) fn wake_at(&self) -> Option<Duration> {
        self.first().map(|(due, _)| due)
    }

    /// Who is next, when there is room for a call to it.
    fn first(&self) -> Option<(Duration, u64)> {
        if self.calls >= self.calls_max {
            return None;
        }
        let answering = self.answering.first();
        let room_for_probes = self.probes < self.calls_max.div_ceil(2);
        let unproven = self.unproven.first().filter(|_| room_for_probes);
        answering.into_iter().chain(unproven).min().copied()
    }

    /// A call has ended: `again` when the message is to be tried at that time. `answered`: whether the receiver gave an answer at all.
    pub(super) fn end(&mut self, message: OpenMessage, again: Option<Duration>, answered: bool) {
        let target = message.target;
        self.calls = self.calls.saturating_sub(1);
        let Some(queue) = self.targets.get_mut(&target) else { return };
        let before = queue.len();
        queue.end(message, again);
        if std::mem::take(&mut queue.probing) {
            self.probes = self.probes.saturating_sub(1);
        }
        queue.answers = answered;
        let gone = before.saturating_sub(queue.len());
        self.messages = self.messages.saturating_sub(gone);
        self.reorder(target);
    }

    fn reorder(&mut self, target: u64) {
        let Some(queue) = self.targets.get_mut(&target) else { return };
        if let Some(due) = queue.ordered.take() {
            // In one of them.
            self.answering.remove(&(due, target));
            self.unproven.remove(&(due, target));
        }
        let (cap, order) =
            if queue.answers { (self.calls_per_target_max, &mut self.answering) } else { (1, &mut self.unproven) };
        match queue.due() {
            Some(due) if queue.calls < cap => {
                queue.ordered = Some(due);
                order.insert((due, target));
            }
            None if queue.calls == 0 && queue.len() == 0 && !queue.more => {
                self.targets.remove(&target);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
#[path = "queues_tests.rs"]
mod tests;
