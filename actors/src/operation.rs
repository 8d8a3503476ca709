//! The actor of one operation that outlives its call: from its acceptance to its end.
//!
//! It owns what belongs to the operation and to no call: its state, its deadline on the monotonic clock, who waits for it, and when it
//! is tried again. What is executed stands in its intent record; whether it may be executed now only its cash box knows, so the cash
//! box does that and tells the actor. The actor is started with the acceptance, and again from the journal when the cash box is
//! restored; it ends with its operation.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, Message, SpawnHandle};
use kassette_cashbox::Answer;
use kassette_model::operation::transition;
use kassette_model::{CashBoxId, OperationEvent, OperationId, OperationState};
use kassette_stdx::Clock;

use crate::cash_box::{CashBoxActor, Perform, Place, Reply};
use crate::outcome::{Executed, Rejected};

/// How long a pending operation waits before its cash box is asked again to execute it, when its deadline is not nearer; twice as long
/// after each time, up to [`TRY_AGAIN_MAX`].
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// The longest such wait.
const TRY_AGAIN_MAX: Duration = Duration::from_secs(30);

/// When an operation that has not begun is over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifetime {
    /// When it came, on the monotonic clock.
    pub(crate) arrived: Duration,
    /// How long it may wait for its start, in milliseconds.
    pub(crate) lifetime_ms: u64,
}

impl Lifetime {
    /// What it fails with, when it has waited longer than it may.
    pub(crate) fn overdue(&self, now: Duration) -> Option<Overdue> {
        let waited = now.saturating_sub(self.arrived);
        let over = waited > Duration::from_millis(self.lifetime_ms);
        over.then_some(Overdue { waited, lifetime_ms: self.lifetime_ms })
    }

    fn left(&self, now: Duration) -> Duration {
        // One more than the lifetime: it is over only when more than it has passed.
        Duration::from_millis(self.lifetime_ms.saturating_add(1)).saturating_sub(now.saturating_sub(self.arrived))
    }
}

/// An operation that could not start in time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Overdue {
    /// How long it has waited.
    pub(crate) waited: Duration,
    /// How long it might have, in milliseconds.
    pub(crate) lifetime_ms: u64,
}

/// Wait for the end.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct WaitForEnd(pub(crate) Reply<Executed>);

/// The cash box has decided it; its end is on the way to the disk. Nothing cuts it any more.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Begun;

/// Nobody knows whether the outside act of it has happened; it is being found out.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Doubted;

/// The cash box could not execute it now.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Postponed {
    pub(crate) why: String,
}

/// Ask the cash box again now, not at the next time.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct TryNow;

/// It has ended durably, or its cash box could not keep its end: then the restored one executes it.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Ended(pub(crate) Result<Answer, Rejected>);

/// The actor.
pub(crate) struct OperationActor {
    cash_box: CashBoxId,
    id: OperationId,
    /// Who executes it.
    owner: Addr<CashBoxActor>,
    clock: Arc<dyn Clock>,
    state: OperationState,
    /// `None` for one that was restored: it was promised, and is executed whatever its lifetime (contract 2.2.9).
    lifetime: Option<Lifetime>,
    waiters: Vec<Reply<Executed>>,
    next_try: Option<SpawnHandle>,
    /// How long it waits after the next time.
    pause: Duration,
    /// Keeps the cash box in memory.
    _place: Place,
}

impl Actor for OperationActor {
    type Context = Context<Self>;
}

impl OperationActor {
    pub(crate) fn new(
        cash_box: CashBoxId,
        id: OperationId,
        owner: Addr<CashBoxActor>,
        clock: Arc<dyn Clock>,
        lifetime: Option<Lifetime>,
        place: Place,
    ) -> Self {
        Self {
            cash_box,
            id,
            owner,
            clock,
            state: OperationState::Pending,
            lifetime,
            waiters: Vec::new(),
            next_try: None,
            pause: TRY_AGAIN,
            _place: place,
        }
    }

    fn happens(&mut self, event: OperationEvent) {
        match transition(Some(self.state), event) {
            Ok(state) => {
                tracing::debug!(cash_box = %self.cash_box, operation = %self.id, from = %self.state, to = %state, "operation");
                self.state = state;
            }
            // The record stands; what is told to waiters comes from it.
            Err(impossible) => {
                tracing::error!(cash_box = %self.cash_box, operation = %self.id, %impossible, "an operation went astray")
            }
        }
    }

    fn ask_owner(&mut self, ctx: &mut Context<Self>) {
        if let Some(pending) = self.next_try.take() {
            ctx.cancel_future(pending);
        }
        if self.state != OperationState::Pending {
            return;
        }
        let overdue = self.lifetime.and_then(|lifetime| lifetime.overdue(self.clock.monotonic()));
        self.owner.do_send(Perform { operation: self.id, overdue });
    }

    fn postponed(&mut self, why: &str, ctx: &mut Context<Self>) {
        tracing::warn!(cash_box = %self.cash_box, operation = %self.id, why, "an accepted operation could not be executed yet");
        let left = self.lifetime.map_or(TRY_AGAIN_MAX, |lifetime| lifetime.left(self.clock.monotonic()));
        let wait = left.clamp(Duration::from_millis(1), self.pause);
        self.pause = self.pause.saturating_mul(2).min(TRY_AGAIN_MAX);
        if let Some(pending) = self.next_try.take() {
            ctx.cancel_future(pending);
        }
        self.next_try = Some(ctx.run_later(wait, |actor, ctx| {
            actor.next_try = None;
            actor.ask_owner(ctx);
        }));
    }

    fn ended(&mut self, outcome: Result<Answer, Rejected>, ctx: &mut Context<Self>) {
        let outcome = outcome.map(|answer| Executed { answer, first: false });
        if let Ok(executed) = &outcome {
            let failed = executed.answer.state == OperationState::Failed;
            let event = match (self.state, failed) {
                (OperationState::Pending, true) => OperationEvent::Expire,
                (_, true) => OperationEvent::Fail,
                (_, false) => OperationEvent::Succeed,
            };
            self.happens(event);
        }
        for waiter in self.waiters.drain(..) {
            drop(waiter.send(outcome.clone()));
        }
        ctx.stop();
    }
}

impl Handler<WaitForEnd> for OperationActor {
    type Result = ();
    fn handle(&mut self, message: WaitForEnd, _: &mut Context<Self>) {
        // Whoever went away makes room for who comes.
        self.waiters.retain(|waiter| !waiter.is_closed());
        self.waiters.push(message.0);
    }
}

impl Handler<Begun> for OperationActor {
    type Result = ();
    fn handle(&mut self, _: Begun, _: &mut Context<Self>) {
        if self.state == OperationState::Pending {
            self.happens(OperationEvent::Start);
        }
    }
}

impl Handler<Doubted> for OperationActor {
    type Result = ();
    fn handle(&mut self, _: Doubted, _: &mut Context<Self>) {
        self.happens(OperationEvent::Doubt);
    }
}

impl Handler<Postponed> for OperationActor {
    type Result = ();
    fn handle(&mut self, message: Postponed, ctx: &mut Context<Self>) {
        self.postponed(&message.why, ctx);
    }
}

impl Handler<TryNow> for OperationActor {
    type Result = ();
    fn handle(&mut self, _: TryNow, ctx: &mut Context<Self>) {
        self.ask_owner(ctx);
    }
}

impl Handler<Ended> for OperationActor {
    type Result = ();
    fn handle(&mut self, message: Ended, ctx: &mut Context<Self>) {
        self.ended(message.0, ctx);
    }
}
