//! The store in memory: for tests, and as the model of the persistent one.

use std::collections::BTreeMap;
use std::ops::Bound;

use kassette_model::{CashBoxId, OperationId};
use parking_lot::Mutex;

use super::ledger::Ledger;
use super::settled::{Drawer, day_of};
use super::{
    CallbackError, CallbackStore, Change, Ending, ListFilter, ListKind, MessageCounts, MessagePlace, MessageState,
    OpenMessage, SettledMessage,
};
use crate::Position;

/// Keeps everything in memory and nothing over a restart.
#[derive(Debug, Default)]
pub struct MemoryCallbacks {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    ledger: Ledger,
    open: BTreeMap<(u64, MessagePlace), OpenMessage>,
    settled: BTreeMap<(Drawer, MessagePlace), SettledMessage>,
    settled_to: Option<Position>,
}

impl Inner {
    fn settled(&self, filter: impl Fn(&SettledMessage) -> bool) -> Vec<SettledMessage> {
        self.settled.values().filter(|settled| filter(settled)).cloned().collect()
    }

    fn count_dead_letters(&mut self) {
        let dead = self.settled.keys().filter(|(drawer, _)| drawer.dead).count();
        self.ledger.dead_letters = dead as u64;
    }
}

impl CallbackStore for MemoryCallbacks {
    fn taken(&self) -> Result<Option<Position>, CallbackError> {
        Ok(self.inner.lock().ledger.noted.taken)
    }

    fn settled_to(&self) -> Result<Option<Position>, CallbackError> {
        Ok(self.inner.lock().settled_to)
    }

    fn take(&self, up_to: Position, messages: &[OpenMessage]) -> Result<(), CallbackError> {
        if messages.iter().any(|message| message.place.position >= up_to) {
            return Err(CallbackError("a message lies behind the place up to which all are taken".to_owned()));
        }
        let mut inner = self.inner.lock();
        let taken = inner.ledger.noted.taken;
        if taken >= Some(up_to) {
            return Ok(());
        }
        for message in messages.iter().filter(|message| taken.is_none_or(|taken| message.place.position >= taken)) {
            let mut message = message.clone();
            message.bound();
            if inner.open.values().all(|open| open.place != message.place) {
                inner.ledger.opens(message.target, message.place, message.cash_box);
                inner.open.insert((message.target, message.place), message);
            }
        }
        inner.ledger.noted.taken = Some(up_to);
        Ok(())
    }

    fn tried(&self, changes: &[Change]) -> Result<(), CallbackError> {
        let mut inner = self.inner.lock();
        for change in changes.iter().cloned() {
            match change {
                Change::Open(mut message) => {
                    message.bound();
                    if let Some(open) = inner.open.get_mut(&(message.target, message.place)) {
                        *open = message;
                    }
                }
                Change::Settled(mut settled) => {
                    settled.message.bound();
                    if inner.open.remove(&(settled.message.target, settled.message.place)).is_some() {
                        inner.ledger.ends(&settled.message);
                        inner.settled.insert((Drawer::of(&settled), settled.message.place), settled);
                    }
                }
            }
        }
        inner.count_dead_letters();
        Ok(())
    }

    fn reopen(&self, settled: &SettledMessage, now_ns: i64) -> Result<bool, CallbackError> {
        let mut inner = self.inner.lock();
        let key = (Drawer::of(settled), settled.message.place);
        if inner.settled.get(&key) != Some(settled) {
            return Ok(false);
        }
        inner.settled.remove(&key);
        let message = OpenMessage { since_ns: now_ns, due_ns: now_ns, ..settled.message.clone() };
        inner.settled_to = inner.settled_to.map(|all| all.min(message.place.position));
        inner.ledger.opens(message.target, message.place, message.cash_box);
        inner.open.insert((message.target, message.place), message);
        inner.count_dead_letters();
        Ok(true)
    }

    fn window(
        &self,
        target: u64,
        after: Option<MessagePlace>,
        limit: usize,
    ) -> Result<Vec<OpenMessage>, CallbackError> {
        let least = MessagePlace { position: Position { segment: 0, offset: 0 }, index: 0 };
        let first = after.map_or(Bound::Included((target, least)), |after| Bound::Excluded((target, after)));
        let inner = self.inner.lock();
        let all = inner.open.range((first, Bound::Unbounded)).take_while(|((found, _), _)| *found == target);
        Ok(all.take(limit).map(|(_, message)| message.clone()).collect())
    }

    fn targets(&self) -> Result<Vec<u64>, CallbackError> {
        Ok(self.inner.lock().ledger.targets())
    }

    fn of_operation(&self, cash_box: CashBoxId, operation: OperationId) -> Result<Vec<MessageState>, CallbackError> {
        let inner = self.inner.lock();
        let wanted = |message: &OpenMessage| message.cash_box == cash_box && message.operation == operation;
        let settled = inner.settled(|settled| wanted(&settled.message)).into_iter().map(MessageState::Settled);
        let open = inner.open.values().filter(|message| wanted(message)).cloned().map(MessageState::Open);
        let mut found: Vec<MessageState> = settled.chain(open).collect();
        found.sort_by_key(|state| state.message().place);
        Ok(found)
    }

    fn list(&self, filter: &ListFilter, limit: usize) -> Result<Vec<MessageState>, CallbackError> {
        let inner = self.inner.lock();
        let of_box = |message: &OpenMessage| filter.cash_box.is_none_or(|cash_box| message.cash_box == cash_box);
        let mut open: Vec<OpenMessage> = inner.open.values().filter(|message| of_box(message)).cloned().collect();
        open.sort_by_key(|message| std::cmp::Reverse(message.place));
        let dead_only = filter.kind == ListKind::DeadLetters;
        let fits = |settled: &SettledMessage| !dead_only || settled.ending == Ending::DeadLetter;
        let mut settled = inner.settled(|settled| of_box(&settled.message) && fits(settled));
        settled.sort_by_key(|settled| std::cmp::Reverse((settled.settled_ns, settled.message.place)));
        let open = open.into_iter().map(MessageState::Open).filter(|_| !dead_only);
        let settled = settled.into_iter().map(MessageState::Settled).filter(|_| filter.kind != ListKind::Open);
        Ok(open.chain(settled).take(limit).collect())
    }

    fn counts(&self) -> Result<MessageCounts, CallbackError> {
        Ok(self.inner.lock().ledger.counts())
    }

    fn forget_before(&self, settled_ns: i64) -> Result<(), CallbackError> {
        let mut inner = self.inner.lock();
        inner.settled.retain(|(drawer, _), _| drawer.day >= day_of(settled_ns));
        inner.count_dead_letters();
        Ok(())
    }

    fn flush(&self) -> Result<(), CallbackError> {
        let mut inner = self.inner.lock();
        let first = inner.open.keys().map(|(_, place)| place.position).min();
        let now = inner.ledger.noted.taken.map(|taken| first.map_or(taken, |first| first.min(taken)));
        inner.settled_to = now.or(inner.settled_to);
        Ok(())
    }
}
