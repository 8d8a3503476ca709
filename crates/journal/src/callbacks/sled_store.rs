//! The persistent store over sled 0.34, in a folder of its own ([`StoreFolder`]) with the file `settled-to` beside it.
//!
//! | tree | key | value |
//! |---|---|---|
//! | default | `o` target (8) segment (4) offset (4) index (1) | an open message (see `bytes`) |
//! | default | `m` | version, `taken`, number and sum of the open messages (see `ledger`) |
//! | `s` day (8), `d` day (8) for dead letters | cash box (16) row (8) index (1) | a settled message |
//!
//! A delivery that goes well writes three keys: the open message, the settled one, and the removal of the open one; `m` comes with each
//! batch. Everything in the default tree changes in batches that are whole after a kill, `m` with them. Messages that end are written
//! to their day first and then removed from the open ones, and the other way round when they are opened again: killed in between, a
//! message is in both, which means open. So nothing is lost, and at worst a message is delivered twice.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use kassette_model::{CashBoxId, OperationId};
use parking_lot::Mutex;

use super::bytes::{
    box_of, is_of, is_of_box, open_from, open_key, open_key_from, open_value, settled_from, settled_order,
};
use super::ledger::{LEDGER_KEY, Ledger, Noted};
use super::settled::{BATCH_KEYS, Drawers, Handle};
use super::{
    CallbackError, CallbackStore, Change, ListFilter, ListKind, MessageCounts, MessagePlace, MessageState, OpenMessage,
    SettledMessage, settled_to,
};
use crate::Position;
use crate::sled_files::{StoreFolder, boot_id};

/// How the store is opened.
#[derive(Debug, Clone)]
pub struct CallbackOptions {
    /// Cache of pages, in bytes. sled takes about three times as much.
    pub cache_bytes: u64,
    /// Interval in which sled writes back by itself, in milliseconds.
    pub flush_every_ms: u64,
    /// Names the present run of the machine; `None` when that cannot be told.
    pub boot_id: Option<String>,
}

impl Default for CallbackOptions {
    fn default() -> Self {
        Self { cache_bytes: 8 << 20, flush_every_ms: 500, boot_id: boot_id() }
    }
}

/// [`CallbackStore`] over sled.
pub struct SledCallbacks {
    pub(super) handle: Handle,
    folder: PathBuf,
    place: StoreFolder,
    options: CallbackOptions,
    /// Closed in order: sealed when dropped.
    closed: AtomicBool,
    pub(super) state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    ledger: Ledger,
    pub(super) drawers: Drawers,
    /// As it stands in the file.
    settled_to: Option<Position>,
}

impl std::fmt::Debug for SledCallbacks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SledCallbacks").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl SledCallbacks {
    /// Opens the store in `folder`, or makes an empty one when there is none. One process at a time (the journal's lock).
    ///
    /// # Errors
    /// When it cannot be opened, is damaged or of another format, or was open when the machine stopped: use
    /// [`SledCallbacks::fresh`]. The text says what is wrong.
    pub fn open(folder: &Path, options: CallbackOptions) -> Result<Self, CallbackError> {
        let place = StoreFolder::find(folder, options.boot_id.as_deref())?;
        Self::open_store(folder, place, options)
    }

    /// Makes an empty store and deletes any other in `folder`. Only the place up to which everything was settled is kept.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn fresh(folder: &Path, options: CallbackOptions) -> Result<Self, CallbackError> {
        let place = StoreFolder::fresh(folder, options.boot_id.as_deref())?;
        Self::open_store(folder, place, options)
    }

    fn open_store(folder: &Path, place: StoreFolder, options: CallbackOptions) -> Result<Self, CallbackError> {
        let handle = Handle::new(place.open(config(&options))?);
        let noted = match handle.run("read what is noted", |db| db.get(LEDGER_KEY))? {
            Some(value) => Noted::from_value(&value).ok_or_else(|| handle.fail("what is noted is malformed"))?,
            None => begin(&handle)?,
        };
        if place.clean().is_some_and(|mark| mark != noted.value().as_slice()) {
            return Err(handle.fail("it is not as it was closed"));
        }
        let mut ledger = read_open(&handle)?;
        ledger.noted.taken = noted.taken;
        if ledger.noted != noted {
            let (found, wanted) = (ledger.noted.open, noted.open);
            return Err(handle.fail(&format!("{found} open messages are found where {wanted} others should be")));
        }
        let drawers = Drawers::open(&handle)?;
        ledger.dead_letters = drawers.dead_letters(&handle)?;
        let state = State { ledger, drawers, settled_to: settled_to::read(folder) };
        Ok(Self {
            handle,
            folder: folder.to_path_buf(),
            place,
            options,
            closed: AtomicBool::new(false),
            state: Mutex::new(state),
        })
    }

    fn run<T>(&self, what: &str, call: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<T, CallbackError> {
        self.handle.run(what, call)
    }

    /// Answers from memory are given only while the store works.
    fn alive(&self) -> Result<(), CallbackError> {
        if self.handle.is_refused() { self.run("look", |_| Ok(())) } else { Ok(()) }
    }

    fn write_settled_to(&self, state: &mut State, position: Position) -> Result<(), CallbackError> {
        settled_to::write(&self.folder, position)
            .map_err(|error| self.handle.fail(&format!("could not note how far all is settled: {error}")))?;
        state.settled_to = Some(position);
        Ok(())
    }

    /// The place before which everything is settled now.
    fn all_settled_to(&self, state: &State) -> Result<Option<Position>, CallbackError> {
        let mut found = state.ledger.noted.taken;
        for target in state.ledger.targets() {
            let first =
                self.run("look for the first message", |db| db.scan_prefix(prefix(target)).next().transpose())?;
            let place = first.and_then(|(key, _)| open_key_from(&key)).map(|(_, place)| place.position);
            found = found.min(place);
        }
        Ok(found)
    }

    fn open_message(&self, (key, value): &(sled::IVec, sled::IVec)) -> Result<OpenMessage, CallbackError> {
        open_from(key, value).ok_or_else(|| self.handle.fail("an open message is malformed"))
    }

    fn settled_message(&self, (key, value): &(sled::IVec, sled::IVec)) -> Result<SettledMessage, CallbackError> {
        settled_from(key, value).ok_or_else(|| self.handle.fail("a settled message is malformed"))
    }

    /// Writes one batch of the default tree with what is noted then, when that is another.
    fn write(&self, what: &str, mut batch: sled::Batch, before: &Noted, noted: &Noted) -> Result<(), CallbackError> {
        if noted != before {
            batch.insert(LEDGER_KEY, noted.value());
        }
        self.run(what, |db| db.apply_batch(batch))
    }

    /// The changes that count, by the keys of their messages: of those that are open.
    fn that_count(&self, changes: &[Change]) -> Result<BTreeMap<Vec<u8>, Change>, CallbackError> {
        let mut found: BTreeMap<Vec<u8>, Change> = BTreeMap::new();
        for change in changes {
            let mut change = change.clone();
            let message = match &mut change {
                Change::Open(message) => message,
                Change::Settled(settled) => &mut settled.message,
            };
            message.bound();
            let key = open_key(message.target, message.place);
            let counts = match found.get(&key) {
                Some(earlier) => matches!(earlier, Change::Open(_)),
                None => self.run("look for an open message", |db| db.contains_key(&key))?,
            };
            if counts {
                found.insert(key, change);
            }
        }
        Ok(found)
    }

    fn listed_open(&self, cash_box: Option<CashBoxId>, limit: usize) -> Result<Vec<MessageState>, CallbackError> {
        let found = self.run("list open messages", |db| {
            let mut newest = Newest::new(limit);
            for item in db.scan_prefix(b"o") {
                let (key, value) = item?;
                if cash_box.is_none_or(|cash_box| is_of_box(&value, cash_box)) {
                    newest.push(open_key_from(&key).map(|(_, place)| place), (key, value));
                }
            }
            Ok(newest.found())
        })?;
        found.iter().map(|item| self.open_message(item).map(MessageState::Open)).collect()
    }

    fn listed_settled(&self, filter: &ListFilter, limit: usize) -> Result<Vec<MessageState>, CallbackError> {
        let mut drawers = self.state.lock().drawers.all();
        drawers.retain(|(drawer, _)| drawer.dead || filter.kind == ListKind::All);
        let begin = filter.cash_box.map_or(Vec::new(), |cash_box| cash_box.bytes().to_vec());
        let mut listed = Vec::new();
        for day in drawers.chunk_by(|(one, _), (other, _)| one.day == other.day) {
            let left = limit.saturating_sub(listed.len());
            if left == 0 {
                break;
            }
            let found = self.run("list settled messages", |_| {
                let mut newest = Newest::new(left);
                for item in day.iter().flat_map(|(_, tree)| tree.scan_prefix(&begin)) {
                    let item = item?;
                    newest.push(settled_order(&item.1), item);
                }
                Ok(newest.found())
            })?;
            for item in &found {
                listed.push(MessageState::Settled(self.settled_message(item)?));
            }
        }
        Ok(listed)
    }
}

/// A store without anything gets its note; one that has something and no note has lost it.
fn begin(handle: &Handle) -> Result<Noted, CallbackError> {
    let trees = handle.run("list the days", |db| Ok(db.tree_names().len()))?;
    if trees > 1 || handle.run("look for keys", |db| db.first())?.is_some() {
        return Err(handle.fail("what was noted is lost"));
    }
    let noted = Noted::default();
    handle.run("write what is noted", |db| db.insert(LEDGER_KEY, noted.value()))?;
    Ok(noted)
}

/// Counts and checks all open messages.
fn read_open(handle: &Handle) -> Result<Ledger, CallbackError> {
    let mut ledger = Ledger::default();
    let malformed = handle.run("read the open messages", |db| {
        for item in db.scan_prefix(b"o") {
            let (key, value) = item?;
            let place = open_key_from(&key).zip(box_of(&value).filter(|_| open_from(&key, &value).is_some()));
            let Some(((target, place), cash_box)) = place else { return Ok(true) };
            ledger.opens(target, place, cash_box);
        }
        Ok(false)
    })?;
    if malformed { Err(handle.fail("an open message is malformed")) } else { Ok(ledger) }
}

fn prefix(target: u64) -> Vec<u8> {
    let mut prefix = vec![b'o'];
    prefix.extend_from_slice(&target.to_be_bytes());
    prefix
}

fn config(options: &CallbackOptions) -> sled::Config {
    sled::Config::new()
        .cache_capacity(options.cache_bytes)
        .mode(sled::Mode::LowSpace)
        .flush_every_ms(Some(options.flush_every_ms.max(1)))
}

/// The last of many in an order, last first, without keeping all.
struct Newest<K, T> {
    limit: usize,
    kept: Vec<(K, T)>,
}

impl<K: Ord, T> Newest<K, T> {
    const fn new(limit: usize) -> Self {
        Self { limit, kept: Vec::new() }
    }

    fn push(&mut self, order: K, item: T) {
        self.kept.push((order, item));
        if self.kept.len() > self.limit.saturating_mul(2).saturating_add(BATCH_KEYS) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        self.kept.sort_by(|(one, _), (other, _)| other.cmp(one));
        self.kept.truncate(self.limit);
    }

    fn found(mut self) -> Vec<T> {
        self.cut();
        self.kept.into_iter().map(|(_, item)| item).collect()
    }
}

impl CallbackStore for SledCallbacks {
    fn taken(&self) -> Result<Option<Position>, CallbackError> {
        self.alive()?;
        Ok(self.state.lock().ledger.noted.taken)
    }

    fn settled_to(&self) -> Result<Option<Position>, CallbackError> {
        self.alive()?;
        Ok(self.state.lock().settled_to)
    }

    fn take(&self, up_to: Position, messages: &[OpenMessage]) -> Result<(), CallbackError> {
        if messages.iter().any(|message| message.place.position >= up_to) {
            return Err(CallbackError("a message lies behind the place up to which all are taken".to_owned()));
        }
        let mut state = self.state.lock();
        let taken = state.ledger.noted.taken;
        if taken >= Some(up_to) {
            return self.alive();
        }
        let mut fresh: Vec<&OpenMessage> =
            messages.iter().filter(|message| taken.is_none_or(|taken| message.place.position >= taken)).collect();
        fresh.sort_by_key(|message| message.place);
        fresh.dedup_by_key(|message| message.place);
        let mut rest = fresh.as_slice();
        loop {
            // All messages of a record are in one batch.
            let end = rest.get(BATCH_KEYS).map_or(rest.len(), |next| {
                let next = next.place.position;
                let record = rest.partition_point(|message| message.place.position < next);
                if record > 0 { record } else { rest.partition_point(|message| message.place.position <= next) }
            });
            let (some, later) = rest.split_at(end);
            let mut noted = state.ledger.noted;
            noted.taken = Some(later.first().map_or(up_to, |next| next.place.position));
            let mut batch = sled::Batch::default();
            for message in some {
                let mut message = (*message).clone();
                message.bound();
                let key = open_key(message.target, message.place);
                batch.insert(key.as_slice(), open_value(&key, &message));
                noted.opens(message.target, message.place);
            }
            self.write("take messages", batch, &state.ledger.noted, &noted)?;
            some.iter().for_each(|message| state.ledger.opens(message.target, message.place, message.cash_box));
            state.ledger.noted.taken = noted.taken;
            rest = later;
            if rest.is_empty() {
                return Ok(());
            }
        }
    }

    fn tried(&self, changes: &[Change]) -> Result<(), CallbackError> {
        let mut state = self.state.lock();
        let found: Vec<(Vec<u8>, Change)> = self.that_count(changes)?.into_iter().collect();
        let settled: Vec<&SettledMessage> = found
            .iter()
            .filter_map(|(_, change)| match change {
                Change::Settled(settled) => Some(settled),
                Change::Open(_) => None,
            })
            .collect();
        // Important: first the days, see the module.
        let dead = state.drawers.put(&self.handle, &settled)?;
        state.ledger.dead_letters = state.ledger.dead_letters.saturating_add(dead);
        for some in found.chunks(BATCH_KEYS) {
            let mut batch = sled::Batch::default();
            let mut noted = state.ledger.noted;
            for (key, change) in some {
                match change {
                    Change::Open(message) => batch.insert(key.as_slice(), open_value(key, message)),
                    Change::Settled(settled) => {
                        batch.remove(key.as_slice());
                        noted.ends(settled.message.target, settled.message.place);
                    }
                }
            }
            self.write("write what came of attempts", batch, &state.ledger.noted, &noted)?;
            for (_, change) in some {
                if let Change::Settled(settled) = change {
                    state.ledger.ends(&settled.message);
                }
            }
        }
        Ok(())
    }

    fn reopen(&self, settled: &SettledMessage, now_ns: i64) -> Result<bool, CallbackError> {
        let mut state = self.state.lock();
        if state.drawers.get(&self.handle, settled)?.as_ref() != Some(settled) {
            return Ok(false);
        }
        let message = OpenMessage { since_ns: now_ns, due_ns: now_ns, ..settled.message.clone() };
        let position = message.place.position;
        if state.settled_to.is_some_and(|all| all > position) {
            self.write_settled_to(&mut state, position)?;
        }
        let key = open_key(message.target, message.place);
        // After a kill it may have been both.
        let is_open = self.run("look for an open message", |db| db.contains_key(&key))?;
        let mut noted = state.ledger.noted;
        if !is_open {
            noted.opens(message.target, message.place);
        }
        let mut batch = sled::Batch::default();
        batch.insert(key.as_slice(), open_value(&key, &message));
        // Important: first the open messages, see the module.
        self.write("open a message again", batch, &state.ledger.noted, &noted)?;
        if !is_open {
            state.ledger.opens(message.target, message.place, message.cash_box);
        }
        state.drawers.remove(&self.handle, settled)?;
        if settled.ending == super::Ending::DeadLetter {
            state.ledger.dead_letters = state.ledger.dead_letters.saturating_sub(1);
        }
        Ok(true)
    }

    fn window(
        &self,
        target: u64,
        after: Option<MessagePlace>,
        limit: usize,
    ) -> Result<Vec<OpenMessage>, CallbackError> {
        let first = after.map_or_else(
            || prefix(target),
            |after| {
                let mut key = open_key(target, after);
                key.push(0);
                key
            },
        );
        let begin = prefix(target);
        let found = self.run("read open messages", |db| {
            let all =
                db.range(first..).take_while(|item| item.as_ref().map_or(true, |(key, _)| key.starts_with(&begin)));
            all.take(limit).collect::<sled::Result<Vec<_>>>()
        })?;
        found.iter().map(|item| self.open_message(item)).collect()
    }

    fn targets(&self) -> Result<Vec<u64>, CallbackError> {
        self.alive()?;
        Ok(self.state.lock().ledger.targets())
    }

    fn of_operation(&self, cash_box: CashBoxId, operation: OperationId) -> Result<Vec<MessageState>, CallbackError> {
        let (mut open, drawers) = {
            let state = self.state.lock();
            (state.ledger.of_box(cash_box), state.drawers.all())
        };
        let mut found: BTreeMap<MessagePlace, MessageState> = BTreeMap::new();
        let wanted = |value: &[u8]| is_of_box(value, cash_box) && is_of(value, operation);
        let begin = cash_box.bytes();
        let settled = self.run("look for settled messages", |_| {
            let all = drawers.iter().flat_map(|(_, tree)| tree.scan_prefix(begin));
            all.filter(|item| item.as_ref().map_or(true, |(_, value)| wanted(value))).collect::<sled::Result<Vec<_>>>()
        })?;
        for item in &settled {
            let settled = self.settled_message(item)?;
            // Newest day first: the first one counts.
            found.entry(settled.message.place).or_insert(MessageState::Settled(settled));
        }
        let items = self.run("look for open messages", |db| {
            let mut items = Vec::new();
            let mut all = db.scan_prefix(b"o");
            while open > 0 {
                let Some(item) = all.next() else { break };
                let item = item?;
                open = open.saturating_sub(u64::from(is_of_box(&item.1, cash_box)));
                if wanted(&item.1) {
                    items.push(item);
                }
            }
            Ok(items)
        })?;
        for item in &items {
            let message = self.open_message(item)?;
            found.insert(message.place, MessageState::Open(message));
        }
        Ok(found.into_values().collect())
    }

    fn list(&self, filter: &ListFilter, limit: usize) -> Result<Vec<MessageState>, CallbackError> {
        let mut listed = Vec::new();
        if filter.kind != ListKind::DeadLetters {
            listed = self.listed_open(filter.cash_box, limit)?;
        }
        if filter.kind != ListKind::Open {
            listed.extend(self.listed_settled(filter, limit.saturating_sub(listed.len()))?);
        }
        Ok(listed)
    }

    fn counts(&self) -> Result<MessageCounts, CallbackError> {
        self.alive()?;
        Ok(self.state.lock().ledger.counts())
    }

    fn forget_before(&self, settled_ns: i64) -> Result<(), CallbackError> {
        let mut state = self.state.lock();
        state.drawers.forget_before(&self.handle, settled_ns)?;
        state.ledger.dead_letters = state.drawers.dead_letters(&self.handle)?;
        Ok(())
    }

    fn flush(&self) -> Result<(), CallbackError> {
        let mut state = self.state.lock();
        self.run("flush", |db| db.flush())?;
        let now = self.all_settled_to(&state)?;
        match now.filter(|now| state.settled_to != Some(*now)) {
            Some(now) => self.write_settled_to(&mut state, now),
            None => Ok(()),
        }
    }

    fn close(&self) -> Result<(), CallbackError> {
        self.flush()?;
        self.handle.refuse();
        self.closed.store(true, Ordering::Release);
        Ok(())
    }
}

impl Drop for SledCallbacks {
    fn drop(&mut self) {
        let state = std::mem::take(self.state.get_mut());
        // sled lets go only when its trees are gone too.
        drop(state.drawers);
        let ended = self.handle.release();
        if self.handle.has_failed() {
            self.place.delete();
        } else if let Err(error) = ended.and_then(|()| {
            let mark = state.ledger.noted.value();
            if *self.closed.get_mut() { self.place.seal(config(&self.options), Some(&mark)) } else { Ok(()) }
        }) {
            tracing::warn!(%error, "the store of callbacks was not closed in order");
        }
    }
}
