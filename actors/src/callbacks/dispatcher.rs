//! The actor that takes promises over, sends messages and notes what came of them.
//!
//! It runs on a thread of its own and is started anew with fresh state when it fails: what it needs stands in the store and in the log.
//! A failure of the store makes a fresh store, which begins where the last one had settled everything, or as far back as messages are
//! still tried.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt as _, Addr, AsyncContext, Context, Handler, Message, SpawnHandle};
use kassette_journal::Position;
use kassette_journal::callbacks::{Attempt, CallbackError, CallbackStore, Change, Ending, OpenMessage, SettledMessage};
use kassette_webhooks::{Next, Outcome, StopReason, plan};
use tokio::task::JoinSet;

use super::catch_up::{messages, read_part};
use super::delivery::{Sent, send};
use super::intake::Given;
use super::operator::CallbackDesk;
use super::queues::Queues;
use super::{CallbackParts, Intake};
use crate::node::Shared;

/// Records of the log that are read in one go; between two, deliveries go on.
const PART_RECORDS: usize = 4_096;
/// Results that are written together.
const CHANGES_MAX: usize = 256;
/// How long a promise waits for others before it is taken over: together they cost a third.
const GATHER_WAIT: Duration = Duration::from_millis(5);
/// How long a result waits for others before it is written. Until then a kill sends its message once more.
const RESULT_WAIT: Duration = Duration::from_millis(20);
/// How often the place in the log is noted although nothing was promised, the store flushed, and old messages forgotten.
const TICK: Duration = Duration::from_secs(5);
/// When a message is tried again that could not be sent for a reason of our own.
const NOT_NOW: Duration = Duration::from_secs(30);

/// Read the next part of the log.
#[derive(Message)]
#[rtype(result = "()")]
struct CatchUp;

/// Take over what the writer has handed in.
#[derive(Message)]
#[rtype(result = "()")]
struct TakeOver;

/// Everything that the log held at `end` was handed in before this.
#[derive(Message)]
#[rtype(result = "()")]
struct Quiet {
    end: Position,
}

/// An attempt has ended.
#[derive(Message)]
#[rtype(result = "()")]
struct CallEnded {
    message: OpenMessage,
    sent: Sent,
}

/// A message that is being sent. Whatever ends its task, the dispatcher hears of it.
struct UnderWay {
    dispatcher: Addr<CallbackDispatcher>,
    message: Option<OpenMessage>,
}

impl UnderWay {
    fn ended(&mut self, sent: Sent) {
        if let Some(message) = self.message.take() {
            self.dispatcher.do_send(CallEnded { message, sent });
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.ended(Sent::NotNow("the attempt ended without a result".to_owned()));
    }
}

/// An operator wants this message sent now; the store knows it as open.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Hurry(pub(super) OpenMessage);

/// Look for messages that are due.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct LookNow;

/// The actor.
pub(crate) struct CallbackDispatcher {
    shared: Arc<Shared>,
    parts: Arc<CallbackParts>,
    intake: Arc<Intake>,
    desk: Arc<CallbackDesk>,
    store: Option<Arc<dyn CallbackStore>>,
    /// Everything in the log before it was taken.
    taken: Option<Position>,
    queues: Queues,
    /// What is being sent; called off with this life of the actor.
    calls: JoinSet<()>,
    catching_up: bool,
    /// Promises from before this are not taken over, nanoseconds since the Unix epoch: the store is fresh, and they are too old to be
    /// tried.
    oldest_ns: Option<i64>,
    /// What both clocks said when the store was opened.
    opened_at: (i64, Duration),
    changes: Vec<Change>,
    writing: bool,
    wake: Option<(Duration, SpawnHandle)>,
}

impl CallbackDispatcher {
    pub(crate) fn new(
        shared: Arc<Shared>,
        parts: Arc<CallbackParts>,
        intake: Arc<Intake>,
        desk: Arc<CallbackDesk>,
    ) -> Self {
        let queues = Queues::new(&parts.options);
        let opened_at = (shared.clock.unix_ns(), shared.clock.monotonic());
        Self {
            shared,
            parts,
            intake,
            desk,
            store: None,
            taken: None,
            queues,
            calls: JoinSet::new(),
            catching_up: false,
            oldest_ns: None,
            opened_at,
            changes: Vec::new(),
            writing: false,
            wake: None,
        }
    }

    /// Opens the store and begins where it ended.
    fn open(&mut self, ctx: &mut Context<Self>) {
        match self.try_open() {
            Ok(()) => {
                self.set_catching_up(true);
                ctx.notify(CatchUp);
                self.pump(ctx);
            }
            Err(error) => self.store_failed(&error, ctx),
        }
    }

    fn try_open(&mut self) -> Result<(), CallbackError> {
        self.opened_at = (self.shared.clock.unix_ns(), self.shared.clock.monotonic());
        let end = self.shared.journal.end();
        let opened = (self.parts.store)(false).and_then(|store| match store.taken()? {
            // The log is an older copy: places in the store mean other records.
            Some(taken) if taken > end => {
                Err(CallbackError(format!("it has taken {taken:?}, the log ends at {end:?}")))
            }
            _ => Ok(store),
        });
        let store = match opened {
            Ok(store) => store,
            Err(error) => {
                tracing::error!(%error, "the store of callbacks cannot be used and is made anew; messages may be delivered twice");
                (self.parts.store)(true)?
            }
        };
        self.oldest_ns = None;
        self.taken = match store.taken()? {
            Some(taken) => Some(taken),
            None => self.beginning(store.as_ref(), end)?,
        };
        self.queues = Queues::new(&self.parts.options);
        for target in store.targets()? {
            self.queues.found(target);
        }
        self.desk.opened(Arc::clone(&store));
        self.store = Some(store);
        self.refill()
    }

    /// Where a fresh store begins: before it everything was settled, or is too old to be tried.
    fn beginning(&mut self, store: &dyn CallbackStore, end: Position) -> Result<Option<Position>, CallbackError> {
        let oldest_ms = i64::try_from(self.parts.options.retry.give_up_after_ms).unwrap_or(i64::MAX);
        let oldest_ns = self.steady_ns().saturating_sub(oldest_ms.saturating_mul(1_000_000));
        self.oldest_ns = Some(oldest_ns);
        let by_age = self.shared.journal.place_at(oldest_ns).map_err(|error| CallbackError(error.to_string()))?;
        let settled = store.settled_to()?.filter(|settled| *settled <= end);
        Ok(by_age.max(settled))
    }

    /// Without a store nothing is sent: what would be sent could not be noted.
    fn store_failed(&mut self, error: &CallbackError, ctx: &mut Context<Self>) {
        let again = Duration::from_millis(self.parts.options.reopen_ms);
        tracing::error!(%error, again_ms = self.parts.options.reopen_ms, "the store of callbacks failed");
        self.desk.failed(error.to_string());
        self.store = None;
        self.changes.clear();
        self.catching_up = false;
        self.queues = Queues::new(&self.parts.options);
        ctx.run_later(again, |actor, ctx| {
            if actor.store.is_none() {
                actor.open(ctx);
            }
        });
    }

    fn set_catching_up(&mut self, catching_up: bool) {
        self.catching_up = catching_up;
        self.desk.catching_up(catching_up);
    }

    fn monotonic(&self) -> Duration {
        self.shared.clock.monotonic()
    }

    /// Nanoseconds since the Unix epoch, as they go on when nobody sets the wall clock: the time of the retry plan. A clock that jumps
    /// neither ends messages nor hastens or holds up their attempts; a restart begins with what the wall clock says then.
    fn steady_ns(&self) -> i64 {
        let (unix_ns, monotonic) = self.opened_at;
        let since = self.monotonic().saturating_sub(monotonic);
        unix_ns.saturating_add(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }

    /// When a message is due on the monotonic clock. A wall clock that was set back must not hold messages for longer than the
    /// longest wait there is, and one that was never tried not at all: it was made at a time that is now to come.
    fn due(&self, message: &OpenMessage) -> Duration {
        if message.attempt_count == 0 {
            return self.monotonic();
        }
        let wait_ns = u64::try_from(message.due_ns.saturating_sub(self.steady_ns())).unwrap_or(0);
        let longest_ms = self.parts.options.retry.retry_after_max_ms.max(self.parts.options.retry.steady_delay_ms);
        self.monotonic().saturating_add(Duration::from_nanos(wait_ns).min(Duration::from_millis(longest_ms)))
    }

    fn take(&mut self, up_to: Position, messages: Vec<OpenMessage>) -> Result<(), CallbackError> {
        let Some(store) = &self.store else { return Ok(()) };
        store.take(up_to, &messages)?;
        self.taken = Some(up_to);
        for message in messages {
            let due = self.due(&message);
            self.queues.push(message, due);
        }
        Ok(())
    }

    fn refill(&mut self) -> Result<(), CallbackError> {
        let Some(store) = self.store.clone() else { return Ok(()) };
        for refill in self.queues.refills() {
            let messages = store.window(refill.target, refill.after, refill.limit)?;
            let messages = messages.into_iter().map(|message| (message.clone(), self.due(&message))).collect();
            self.queues.refilled(refill, messages);
        }
        Ok(())
    }

    fn catch_up(&mut self, ctx: &mut Context<Self>) {
        if !self.catching_up || self.store.is_none() {
            return;
        }
        let policy = self.parts.client.policy();
        // From here on the writer's hand-over is complete again; what it holds and is read here as well is told by its place.
        self.intake.collect_again();
        let part = match read_part(self.shared.journal.as_ref(), self.taken, PART_RECORDS, policy) {
            Ok(part) => part,
            Err(error) => {
                tracing::error!(%error, "promises of callbacks cannot be read from the log now");
                ctx.notify_later(CatchUp, Duration::from_millis(self.parts.options.reopen_ms));
                return;
            }
        };
        let ended = part.ended;
        let mut messages = part.messages;
        messages.retain(|message| self.oldest_ns.is_none_or(|oldest_ns| message.made_ns >= oldest_ns));
        match self.take(part.to, messages).and_then(|()| self.refill()) {
            Ok(()) if ended => {
                // The operator is told when also that is taken over which was handed in meanwhile.
                self.catching_up = false;
                ctx.notify(TakeOver);
            }
            Ok(()) => ctx.notify(CatchUp),
            Err(error) => return self.store_failed(&error, ctx),
        }
        self.pump(ctx);
    }

    fn take_over(&mut self, ctx: &mut Context<Self>) {
        if self.catching_up || self.store.is_none() {
            // It stays where it is, within its bound.
            return;
        }
        match self.intake.take() {
            Given::Dropped => {
                self.set_catching_up(true);
                ctx.notify(CatchUp);
            }
            Given::All(records) => {
                let policy = self.parts.client.policy();
                let news = records.iter().filter(|(position, _)| self.taken.is_none_or(|taken| *position >= taken));
                let mut found: Vec<OpenMessage> =
                    news.flat_map(|(position, owed)| messages(*position, owed, policy)).collect();
                let now_ns = self.steady_ns();
                for message in &mut found {
                    // Just now, whatever the record says by a wall clock that may have been set.
                    (message.since_ns, message.due_ns) = (now_ns, now_ns);
                }
                if let Some(last) = found.last().map(|message| message.place.position)
                    && let Err(error) = self.take(last.behind(), found)
                {
                    return self.store_failed(&error, ctx);
                }
                self.pump(ctx);
                self.set_catching_up(false);
            }
        }
    }

    /// Sends what is due and has room, and sets the alarm for what comes next.
    fn pump(&mut self, ctx: &mut Context<Self>) {
        let now = self.monotonic();
        while self.calls.try_join_next().is_some() {}
        while let Some(message) = self.queues.start(now) {
            let (shared, parts) = (Arc::clone(&self.shared), Arc::clone(&self.parts));
            let mut call = UnderWay { dispatcher: ctx.address(), message: Some(message.clone()) };
            // A task and no future of the actor: it looks at all of its futures whenever one of them moves.
            self.calls.spawn_local(async move {
                let sent = send(shared, parts, message).await;
                call.ended(sent);
            });
        }
        self.desk.sending(self.queues.calls());
        let wake_at = self.queues.wake_at();
        if self.wake.as_ref().map(|(at, _)| *at) == wake_at {
            return;
        }
        if let Some((_, alarm)) = self.wake.take() {
            ctx.cancel_future(alarm);
        }
        if let Some(at) = wake_at {
            let alarm = ctx.run_later(at.saturating_sub(now), |actor, ctx| {
                actor.wake = None;
                actor.pump(ctx);
            });
            self.wake = Some((at, alarm));
        }
    }

    /// An attempt has ended.
    fn sent(&mut self, mut message: OpenMessage, sent: Sent, ctx: &mut Context<Self>) {
        let now_ns = self.steady_ns();
        let (again, answered, change) = match sent {
            // As old as one that no receiver takes: somebody has to look why it could not even be tried.
            Sent::NotNow(reason) if Self::age_ms(&message, now_ns) >= self.parts.options.retry.give_up_after_ms => {
                tracing::error!(cash_box = %message.cash_box, operation = %message.operation, reason, "a callback is given up");
                message.add_attempt(unsent("not-sent", reason, now_ns));
                (None, true, Some(settled(&message, Ending::DeadLetter, now_ns)))
            }
            Sent::NotNow(reason) => {
                tracing::warn!(cash_box = %message.cash_box, operation = %message.operation, reason, "a callback waits");
                (Some(NOT_NOW), true, None)
            }
            Sent::Never(reason) => {
                tracing::error!(cash_box = %message.cash_box, operation = %message.operation, reason, "a callback cannot be made");
                message.add_attempt(unsent("unreadable", reason, now_ns));
                (None, true, Some(settled(&message, Ending::DeadLetter, now_ns)))
            }
            Sent::Tried { attempt, outcome, retry_after_s } => {
                message.add_attempt(attempt);
                let answered = !matches!(outcome, Outcome::Failed(_));
                match self.plan(&message, outcome, retry_after_s, now_ns) {
                    Next::After(delay_ms) => {
                        let delay_ns = i64::try_from(delay_ms.saturating_mul(1_000_000)).unwrap_or(i64::MAX);
                        message.due_ns = now_ns.saturating_add(delay_ns);
                        tracing::debug!(cash_box = %message.cash_box, operation = %message.operation, sequence = message.sequence,
                            %outcome, delay_ms, "a callback is tried again later");
                        (Some(Duration::from_millis(delay_ms)), answered, Some(Change::Open(message.clone())))
                    }
                    Next::Stop(reason) => (None, answered, Some(settled(&message, ending(&message, reason), now_ns))),
                }
            }
        };
        let again = again.map(|delay| self.monotonic().saturating_add(delay));
        self.queues.end(message, again, answered);
        self.changes.extend(change);
        self.write_soon(ctx);
        self.pump(ctx);
    }

    fn plan(&self, message: &OpenMessage, outcome: Outcome, retry_after_s: Option<u64>, now_ns: i64) -> Next {
        let age_ms = Self::age_ms(message, now_ns);
        let mut random = [0; 8];
        self.shared.entropy.fill(&mut random);
        plan(&self.parts.options.retry, message.attempt_count, outcome, retry_after_s, age_ms, random)
    }

    fn age_ms(message: &OpenMessage, now_ns: i64) -> u64 {
        u64::try_from(now_ns.saturating_sub(message.since_ns).div_euclid(1_000_000)).unwrap_or(0)
    }

    fn write_soon(&mut self, ctx: &mut Context<Self>) {
        if self.changes.len() >= CHANGES_MAX {
            self.write(ctx);
        } else if !self.changes.is_empty() && !std::mem::replace(&mut self.writing, true) {
            ctx.run_later(RESULT_WAIT, |actor, ctx| {
                actor.writing = false;
                actor.write(ctx);
            });
        }
    }

    fn write(&mut self, ctx: &mut Context<Self>) {
        let Some(store) = self.store.clone() else { return };
        let changes = std::mem::take(&mut self.changes);
        if changes.is_empty() {
            return;
        }
        if let Err(error) = store.tried(&changes).and_then(|()| self.refill()) {
            return self.store_failed(&error, ctx);
        }
        self.pump(ctx);
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        self.parts.client.sweep();
        let Some(store) = self.store.clone() else { return };
        let keep_ns = i64::try_from(self.parts.options.history_keep_ms.saturating_mul(1_000_000)).unwrap_or(i64::MAX);
        let forgotten = store.forget_before(self.steady_ns().saturating_sub(keep_ns));
        if let Err(error) = forgotten.and_then(|()| store.flush()) {
            return self.store_failed(&error, ctx);
        }
        let end = self.shared.journal.end();
        if !self.catching_up && self.taken.is_none_or(|taken| taken < end) {
            // Whatever was promised before this end is in the intake when the barrier is reached.
            let dispatcher = ctx.address();
            self.shared.journal.barrier(Box::new(move || dispatcher.do_send(Quiet { end })));
        }
    }

    /// Notes the end of the log, so that a restart need not read again what promises nothing.
    fn quiet(&mut self, end: Position, ctx: &mut Context<Self>) {
        self.take_over(ctx);
        if self.catching_up || self.taken.is_some_and(|taken| taken >= end) {
            return;
        }
        if let Err(error) = self.take(end, Vec::new()) {
            self.store_failed(&error, ctx);
        }
    }
}

/// An attempt that did not come as far as a receiver.
fn unsent(outcome: &str, reason: String, at_ns: i64) -> Attempt {
    Attempt { at_ns, duration_ms: 0, outcome: outcome.to_owned(), status: None, detail: Some(reason) }
}

fn settled(message: &OpenMessage, ending: Ending, settled_ns: i64) -> Change {
    Change::Settled(SettledMessage { message: message.clone(), ending, settled_ns })
}

fn ending(message: &OpenMessage, reason: StopReason) -> Ending {
    match reason {
        StopReason::Acknowledged => Ending::Acknowledged,
        StopReason::Gone => Ending::Gone,
        StopReason::DeadLetter => {
            tracing::warn!(cash_box = %message.cash_box, operation = %message.operation, sequence = message.sequence,
                attempts = message.attempt_count, "a callback is given up");
            Ending::DeadLetter
        }
    }
}

impl Actor for CallbackDispatcher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.open(ctx);
        ctx.run_interval(TICK, Self::tick);
        listen(ctx, Arc::clone(&self.intake));
    }
}

/// Waits for the writer's hand-over, again and again.
fn listen(ctx: &mut Context<CallbackDispatcher>, intake: Arc<Intake>) {
    let news = async move {
        intake.news().await;
        tokio::time::sleep(GATHER_WAIT).await;
        intake
    };
    ctx.spawn(actix::fut::wrap_future::<_, CallbackDispatcher>(news).map(|intake, actor, ctx| {
        actor.take_over(ctx);
        listen(ctx, intake);
    }));
}

impl Drop for CallbackDispatcher {
    /// Also after a failure: what is known is noted, as far as the store takes it.
    fn drop(&mut self) {
        if let Some(store) = self.store.take() {
            let changes = std::mem::take(&mut self.changes);
            if let Err(error) = store.tried(&changes).and_then(|()| store.close()) {
                tracing::warn!(%error, "the store of callbacks was not closed in order");
            }
        }
        self.desk.closed();
    }
}

impl Handler<CatchUp> for CallbackDispatcher {
    type Result = ();
    fn handle(&mut self, _: CatchUp, ctx: &mut Context<Self>) {
        self.catch_up(ctx);
    }
}

impl Handler<CallEnded> for CallbackDispatcher {
    type Result = ();
    fn handle(&mut self, CallEnded { message, sent }: CallEnded, ctx: &mut Context<Self>) {
        self.sent(message, sent, ctx);
    }
}

impl Handler<TakeOver> for CallbackDispatcher {
    type Result = ();
    fn handle(&mut self, _: TakeOver, ctx: &mut Context<Self>) {
        self.take_over(ctx);
    }
}

impl Handler<Quiet> for CallbackDispatcher {
    type Result = ();
    fn handle(&mut self, message: Quiet, ctx: &mut Context<Self>) {
        self.quiet(message.end, ctx);
    }
}

impl Handler<LookNow> for CallbackDispatcher {
    type Result = ();
    fn handle(&mut self, _: LookNow, ctx: &mut Context<Self>) {
        self.take_over(ctx);
        self.write(ctx);
        self.tick(ctx);
        self.pump(ctx);
    }
}

impl Handler<Hurry> for CallbackDispatcher {
    type Result = ();
    fn handle(&mut self, message: Hurry, ctx: &mut Context<Self>) {
        let now = self.monotonic();
        let waiting = OpenMessage { due_ns: self.steady_ns(), ..message.0.clone() };
        if !self.queues.hurry(message.0, now)
            && let Some(store) = self.store.clone()
            // It is not in memory, so nothing else changes it.
            && let Err(error) = store.tried(&[Change::Open(waiting)])
        {
            return self.store_failed(&error, ctx);
        }
        self.pump(ctx);
    }
}
