//! The actor of one cash box: it owns the chain, asks the core, and answers once the record is durable.
//!
//! The actor never waits for the disk. It commits in memory, hands the record to the journal and takes the next message; the
//! journal's completion answers the caller straight from the writer thread and then tells the actor. When an append fails, the
//! head in memory is ahead of the journal: this value of the actor ends, and a fresh one is restored from the journal.
//!
//! An operation that is accepted before it is executed gets an actor of its own ([`crate::operation`]); `accepted` is what the cash box
//! does for it.
//!
//! A panic is caught at the boundary of a message: the actor ends, its directory decides about a restart.

mod accepted;
mod payments;

pub(crate) use payments::TellPayment;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix::{Actor, ActorContext, Addr, Context, Handler, Message, WeakAddr};
use kassette_cashbox::{
    Admission, Answer, Ask, AskAnswer, CashBox, Configuration, Effect, Facts, Request, Step, StoredReceipt,
};
use kassette_journal::AppendError;
use kassette_markets::UnitAnswer;
use kassette_model::{CashBoxId, OperationId, OperationKind, UnitId};
use kassette_record::{SealedRecord, moment};
use kassette_signing::SignatureUnit;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::callbacks::Owed;
use crate::directory::{BoxEnded, CashBoxDirectory, EndReason};
use crate::node::Shared;
use crate::operation::{Ended, Lifetime, OperationActor, Overdue, WaitForEnd};
use crate::outcome::{Executed, Rejected};
use crate::profile::configuration;
use crate::vault::Keys;

/// Where an answer goes. Dropped without an answer, the caller sees that the cash box went away.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, Rejected>>;

/// First answer to an [`Execute`]: the outcome, or a place to wait for it when another call executes the operation already.
/// Only the second is bounded by a wait: a first call waits until its operation ends.
pub(crate) enum Given {
    Now(Result<Executed, Rejected>),
    Later(oneshot::Receiver<Result<Executed, Rejected>>),
    /// Accepted by this call, durably: it may be told so; its end comes here.
    Accepted(oneshot::Receiver<Result<Executed, Rejected>>),
}

/// What a cash box has to do, counted for its directory. Both in one, because every idle cash box has them.
#[derive(Default)]
pub(crate) struct Load {
    /// Calls that have no answer yet; the directory bounds them by `mailbox_messages_max`.
    pub(crate) unanswered: AtomicUsize,
    /// Records on their way and operations that have not ended; while there are any the cash box stays in memory.
    pub(crate) unended: AtomicUsize,
}

/// Counts in a [`Load`] for as long as it lives.
pub(crate) struct Place {
    load: Arc<Load>,
    count: fn(&Load) -> &AtomicUsize,
}

impl Place {
    /// An unanswered call.
    pub(crate) fn of_call(load: &Arc<Load>) -> Self {
        Self::take(load, |load| &load.unanswered)
    }

    /// A record on its way, or an operation that has not ended.
    pub(crate) fn of_work(load: &Arc<Load>) -> Self {
        Self::take(load, |load| &load.unended)
    }

    fn take(load: &Arc<Load>, count: fn(&Load) -> &AtomicUsize) -> Self {
        count(load).fetch_add(1, Ordering::Relaxed);
        Self { load: Arc::clone(load), count }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        (self.count)(&self.load).fetch_sub(1, Ordering::Relaxed);
    }
}

/// Execute or replay an operation.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Execute {
    pub(crate) request: Request,
    /// When it came to the node, on the monotonic clock: its lifetime counts from here.
    pub(crate) arrived: Duration,
    /// Whether the caller wants to be told as soon as the operation is accepted.
    pub(crate) accept: bool,
    pub(crate) reply: oneshot::Sender<Given>,
    pub(crate) place: Place,
}

/// Write a configuration.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Configure {
    pub(crate) configuration: Box<Configuration>,
    pub(crate) reply: Reply<()>,
    pub(crate) place: Place,
}

/// Wait for an operation that was accepted before.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Watch {
    pub(crate) operation: OperationId,
    pub(crate) reply: oneshot::Sender<Given>,
}

/// Execute what was accepted and has not ended.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct GoOn;

/// Execute an accepted operation now; sent by its actor.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Perform {
    pub(crate) operation: OperationId,
    /// It could not start in time, and fails.
    pub(crate) overdue: Option<Overdue>,
}

/// Forget everything and read the journal again.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Reset;

/// The journal has answered about a record of this cash box.
#[derive(Message)]
#[rtype(result = "()")]
struct Settled {
    operation: Option<OperationId>,
    row: u64,
    /// Whether this record ends the operation; an intent record does not.
    ends: bool,
    result: Result<(), Rejected>,
}

/// An operation whose record is not yet durable.
struct Running {
    answer: Answer,
    /// Calls that wait for one that is not accepted before it is executed; the others wait at the actor of their operation.
    waiters: Vec<Reply<Executed>>,
    resets: bool,
}

/// What a cash box keeps for what is on its way. An idle one has none of it: there are many of them.
#[derive(Default)]
struct Work {
    running: HashMap<OperationId, Running>,
    /// The actors of operations that were accepted and have not ended.
    operations: HashMap<OperationId, Addr<OperationActor>>,
    /// Why the first append of this incarnation failed: what the ones behind it are answered with. Nothing is lost with it: the
    /// incarnation ends as soon as it hears of the failure.
    failed: Arc<Mutex<Option<Rejected>>>,
    /// Records handed to the journal and not yet settled.
    unsettled: usize,
}

/// A restored cash box with its keys.
struct Live {
    core: CashBox,
    units: Box<[(UnitId, Arc<dyn SignatureUnit>)]>,
    /// What was accepted before and has not ended has been looked after.
    went_on: bool,
}

/// Who is told when the record of an operation is durable.
enum Caller {
    /// The call that executes it.
    First(oneshot::Sender<Given>, Place),
    /// Nobody but the actor of the operation, when the cash box has heard of it: the call itself was told of the acceptance.
    Accepted,
    /// The provider of a payment, or an operator, who told its end.
    Provider(Reply<()>),
}

/// The actor. With up to ten words here its task takes 512 bytes of memory, with more of them 640.
pub(crate) struct CashBoxActor {
    id: CashBoxId,
    /// Which incarnation; an ended one is told from its successor by it.
    generation: u64,
    shared: Arc<Shared>,
    /// Weak: a strong address brings two allocations of its own, for every idle cash box.
    directory: WeakAddr<CashBoxDirectory>,
    load: Arc<Load>,
    live: Option<Box<Live>>,
    /// `None` while nothing is on its way.
    work: Option<Box<Work>>,
    /// Forget everything and read the journal again as soon as nothing is on its way.
    reset_wanted: bool,
    ended: bool,
}

impl Actor for CashBoxActor {
    type Context = Context<Self>;
}

impl CashBoxActor {
    pub(crate) fn new(
        id: CashBoxId,
        generation: u64,
        shared: Arc<Shared>,
        directory: WeakAddr<CashBoxDirectory>,
        load: Arc<Load>,
    ) -> Self {
        Self { id, generation, shared, directory, load, live: None, work: None, reset_wanted: false, ended: false }
    }

    /// Ends this incarnation and tells the directory why.
    fn end(&mut self, reason: EndReason, ctx: &mut Context<Self>) {
        if !self.ended {
            self.ended = true;
            // Without a directory nobody asks for this cash box any more.
            if let Some(directory) = self.directory.upgrade() {
                directory.do_send(BoxEnded { id: self.id, generation: self.generation, reason });
            }
            ctx.stop();
        }
    }

    /// Runs `work`; a panic in it ends this incarnation.
    fn guarded(&mut self, ctx: &mut Context<Self>, work: impl FnOnce(&mut Self, &mut Context<Self>)) {
        if self.ended {
            return;
        }
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(self, ctx))) {
            let text = panic_text(panic.as_ref());
            tracing::error!(cash_box = %self.id, panic = %text, "cash box failed");
            // The state may be half changed: nobody may look at it again.
            self.live = None;
            self.end(EndReason::Panic(text), ctx);
        }
    }

    /// The restored cash box; restores it on first use.
    fn live(&mut self) -> Result<&mut Live, Rejected> {
        if self.live.is_none() {
            self.live = Some(Box::new(self.restore()?));
        }
        self.live.as_deref_mut().ok_or(Rejected::UnknownCashBox)
    }

    /// What is on its way; there is something from now on.
    fn work(&mut self) -> &mut Work {
        self.work.get_or_insert_default()
    }

    fn is_running(&self, operation: OperationId) -> bool {
        self.work.as_deref().is_some_and(|work| work.running.contains_key(&operation))
    }

    /// Keeps nothing for operations when there is none.
    fn rest_if_idle(&mut self) {
        if self
            .work
            .as_deref()
            .is_some_and(|work| work.unsettled == 0 && work.running.is_empty() && work.operations.is_empty())
        {
            self.work = None;
        }
    }

    fn restore(&self) -> Result<Live, Rejected> {
        let journal = &self.shared.journal;
        let head = journal.head(self.id)?.ok_or(Rejected::UnknownCashBox)?;
        let configuration = configuration(journal.as_ref(), self.id)?.ok_or(Rejected::UnknownCashBox)?;
        let keys = self.keys(&configuration)?;
        self.shared.terminals.follow(self.id, &configuration.terminals);
        let details = kassette_record::v1::read_details(&head.record.header)
            .map_err(|error| Rejected::Damaged(format!("head of cash box {}: {error}", self.id)))?;
        let mut core = CashBox::restore(&configuration, keys.secrets, details.head, head.record.row, head.record.hash)
            .map_err(|error| Rejected::Fault(format!("cash box {} cannot be restored: {error}", self.id)))?;
        core.set_limits(Arc::clone(&self.shared.body_limits));
        tracing::debug!(cash_box = %self.id, row = head.record.row, "cash box restored");
        Ok(Live { core, units: keys.units.into(), went_on: false })
    }

    fn keys(&self, configuration: &Configuration) -> Result<Keys, Rejected> {
        self.shared
            .vault
            .open(configuration)
            .map_err(|error| Rejected::Fault(format!("keys of cash box {}: {error}", self.id)))
    }

    /// The reset of `POST /echo` and of operators: the next message restores from the journal. While records are on their way
    /// the head in memory is the only one that knows them, so it waits for them.
    fn reset_if_quiet(&mut self) {
        if self.reset_wanted && self.work.as_deref().is_none_or(|work| work.unsettled == 0) {
            self.reset_wanted = false;
            self.live = None;
            self.shared.profiles.forget(self.id);
            tracing::info!(cash_box = %self.id, "cash box reset");
        }
    }

    fn facts(&self, admitted_ns: i64) -> Facts {
        let mut seed = [0; 32];
        self.shared.entropy.fill(&mut seed);
        Facts {
            now: moment(self.shared.clock.unix_ns()),
            admitted: moment(admitted_ns),
            seed,
            answers: Vec::new(),
            terminals: Vec::new(),
        }
    }

    fn execute(&mut self, message: Execute, ctx: &mut Context<Self>) {
        let Execute { request, arrived, accept, reply, place } = message;
        if let Some(failed) = self.work.as_deref().and_then(|work| work.failed.lock().clone()) {
            give(reply, Err(failed));
            return;
        }
        self.go_on(ctx);
        let admission = match self.admit(&request) {
            Ok(admission) => admission,
            Err(rejected) => return give(reply, Err(rejected)),
        };
        let overdue = self.lifetime(&request, arrived).overdue(self.shared.clock.monotonic());
        match admission {
            Admission::Done(stored) => give(reply, Ok(Executed { answer: stored, first: false })),
            Admission::Conflict(problem) => give(reply, Err(Rejected::Conflict(problem))),
            // A waiter is not counted against the mailbox: its place is given back here.
            Admission::Running | Admission::Accepted => match self.wait_for(request.id) {
                Some(later) => drop(reply.send(Given::Later(later))),
                None => give(reply, Err(Rejected::StillRunning)),
            },
            // Money moves outside: its intent is durable before anything else is done (contract 2.2.5).
            Admission::Fresh if (accept || request.kind == OperationKind::Pay) && overdue.is_none() => {
                self.accept(&request, arrived, reply, place, ctx)
            }
            Admission::Fresh => match self.decide(&request, overdue, self.shared.clock.unix_ns()) {
                Ok(Step::Commit(commit)) => self.commit(&request, *commit, Caller::First(reply, place), ctx),
                Ok(Step::Refuse(problem)) => give(reply, Err(Rejected::Refused(problem))),
                Ok(Step::Ask(_) | Step::Begin(_) | Step::Progress(_)) => {
                    give(reply, Err(Rejected::Fault("a step asked for something unknown".into())));
                }
                Err(rejected) => give(reply, Err(rejected)),
            },
        }
    }

    fn admit(&mut self, request: &Request) -> Result<Admission, Rejected> {
        let journal = Arc::clone(&self.shared.journal);
        let (id, running) = (self.id, self.is_running(request.id));
        let live = self.live()?;
        let stored = if running { None } else { journal.operation(id, request.id)? };
        Ok(live.core.admit(request, stored.as_ref()))
    }

    /// Calls the core until it has decided, getting what it asks for. An operation that waited longer than its lifetime is not
    /// executed any more; one that has begun is never cut by it.
    fn decide(&mut self, request: &Request, overdue: Option<Overdue>, admitted_ns: i64) -> Result<Step, Rejected> {
        if let Some(Overdue { waited, lifetime_ms }) = overdue {
            let facts = self.facts(self.shared.clock.unix_ns());
            return Ok(self.live()?.core.expire(request, &facts, waited, lifetime_ms));
        }
        let mut facts = self.facts(admitted_ns);
        let (journal, id) = (Arc::clone(&self.shared.journal), self.id);
        let live = self.live()?;
        if request.kind == OperationKind::Pay && live.core.has_devices() {
            // Kept nowhere in memory: payments are few, and idle cash boxes many.
            let configuration = configuration(journal.as_ref(), id)?.ok_or(Rejected::UnknownCashBox)?;
            facts.terminals = configuration.terminals;
        }
        loop {
            match live.core.step(request, &facts) {
                Step::Ask(Ask::Signature { unit, message }) => {
                    let result = match live.units.iter().find(|(known, _)| *known == unit) {
                        Some((_, signer)) => signer.sign(&message).map_err(|fault| fault.to_string()),
                        None => Err(format!("unit {unit} is not open")),
                    };
                    facts.answers.push(AskAnswer::Signature(UnitAnswer { unit, result }));
                }
                Step::Ask(Ask::Receipts { reference_key, limit }) => {
                    let found = match journal.receipts(id, reference_key, limit) {
                        Ok(found) => found,
                        Err(error) => {
                            live.core.abandon();
                            return Err(error.into());
                        }
                    };
                    let stored = found.into_iter().map(|record| StoredReceipt { record }).collect();
                    facts.answers.push(AskAnswer::Receipts(stored));
                }
                Step::Ask(Ask::Operation(operation)) => {
                    let found = journal.operation(id, operation)?;
                    facts.answers.push(AskAnswer::Operation(found.map(Box::new)));
                }
                decided => return Ok(decided),
            }
        }
    }

    fn lifetime(&self, request: &Request, arrived: Duration) -> Lifetime {
        let options = &self.shared.options;
        let asked_ms = request.lifetime_ms.unwrap_or(options.lifetime_default_ms);
        Lifetime { arrived, lifetime_ms: asked_ms.min(options.lifetime_max_ms) }
    }

    /// A place to wait for the end of an operation that another call executes.
    fn wait_for(&mut self, operation: OperationId) -> Option<oneshot::Receiver<Result<Executed, Rejected>>> {
        let work = self.work.as_deref_mut()?;
        let (waiter, later) = oneshot::channel();
        if let Some(operation) = work.operations.get(&operation) {
            operation.do_send(WaitForEnd(waiter));
            return Some(later);
        }
        let running = work.running.get_mut(&operation)?;
        running.waiters.retain(|waiter| !waiter.is_closed());
        running.waiters.push(waiter);
        Some(later)
    }

    fn commit(&mut self, request: &Request, commit: kassette_cashbox::Commit, caller: Caller, ctx: &mut Context<Self>) {
        let resets = commit.effects.iter().any(|effect| matches!(effect, Effect::Reset));
        let first = matches!(caller, Caller::First(..)).then(|| commit.answer.clone());
        self.work().running.insert(request.id, Running { answer: commit.answer, waiters: Vec::new(), resets });
        let (orders, key) = (Arc::clone(&self.shared.payments), (self.id, request.id));
        let told = move |result: Result<(), Rejected>| match (caller, first) {
            (Caller::First(reply, place), Some(answer)) => {
                drop(place);
                give(reply, result.map(|()| Executed { answer, first: true }));
            }
            (Caller::Provider(reply), _) => {
                if result.is_ok() {
                    // Whoever told it, the payment is on its way no more.
                    orders.end(key);
                }
                answer(reply, result);
            }
            _ => {}
        };
        self.append(commit.record, Some(request.id), true, told, ctx);
    }

    /// Hands a record to the journal. When it is durable, or never will be, the actor is told and then `told` is called, on the
    /// writer's thread.
    fn append(
        &mut self,
        record: SealedRecord,
        operation: Option<OperationId>,
        ends: bool,
        told: impl FnOnce(Result<(), Rejected>) + Send + 'static,
        ctx: &mut Context<Self>,
    ) {
        use actix::AsyncContext as _;
        let work = self.work();
        work.unsettled += 1;
        let (failed, address, row) = (Arc::clone(&work.failed), ctx.address(), record.row);
        let (place, id, shared) = (Place::of_work(&self.load), self.id, Arc::clone(&self.shared));
        let owed = self.shared.intake.as_ref().and_then(|_| Owed::of(&record));
        let completion = Box::new(move |result: Result<_, AppendError>| {
            drop(place);
            if let (true, Some(operation), Err(AppendError::TooLarge { .. })) = (ends, operation, &result) {
                // It would be as large the next time.
                shared.attempts.lock().insert((id, operation));
            }
            if let (Ok(position), Some(intake), Some(owed)) = (&result, &shared.intake, owed) {
                intake.owe(*position, owed);
            }
            let result = settle(result.map(|_| shared.events.recorded(id, row)), &failed);
            // First, so that the caller's next message finds the cash box told.
            address.do_send(Settled { operation, row, ends, result: result.clone() });
            told(result);
        });
        if let Err((error, completion)) = self.shared.journal.append(record, completion) {
            completion(Err(error));
        }
    }

    fn configure(&mut self, message: Configure, ctx: &mut Context<Self>) {
        let Configure { configuration, reply, place } = message;
        let terminals = configuration.terminals.clone();
        let record = match self.configured(*configuration) {
            Ok(record) => record,
            Err(rejected) => return answer(reply, Err(rejected)),
        };
        let (shared, id) = (Arc::clone(&self.shared), self.id);
        let told = move |result: Result<(), Rejected>| {
            shared.profiles.forget(id);
            if result.is_ok() {
                shared.terminals.follow(id, &terminals);
            }
            drop(place);
            answer(reply, result);
        };
        self.append(record, None, false, told, ctx);
    }

    fn configured(&mut self, configuration: Configuration) -> Result<SealedRecord, Rejected> {
        let mut facts = self.facts(self.shared.clock.unix_ns());
        let keys = self.keys(&configuration)?;
        let invalid =
            |error: kassette_cashbox::ConfigurationError| Rejected::Refused(Box::new(configuration_problem(&error)));
        let exists = self.live.is_some() || self.shared.journal.head(self.id)?.is_some();
        if exists {
            let (journal, id) = (Arc::clone(&self.shared.journal), self.id);
            let live = self.live()?;
            if !live.core.payments().is_empty() {
                let before = self::configuration(journal.as_ref(), id)?;
                facts.terminals = before.map(|before| before.terminals).unwrap_or_default();
            }
            let record = live.core.configure(&configuration, &facts).map_err(invalid)?;
            live.units = keys.units.into();
            Ok(record)
        } else {
            let mut core = CashBox::create(&configuration, keys.secrets).map_err(invalid)?;
            core.set_limits(Arc::clone(&self.shared.body_limits));
            let record = core.configure(&configuration, &facts).map_err(invalid)?;
            self.live = Some(Box::new(Live { core, units: keys.units.into(), went_on: true }));
            Ok(record)
        }
    }

    fn settled(&mut self, message: Settled, ctx: &mut Context<Self>) {
        let ended = message.operation.filter(|_| message.ends || message.result.is_err());
        let work = self.work();
        work.unsettled = work.unsettled.saturating_sub(1);
        let running = ended.and_then(|operation| work.running.remove(&operation));
        if let Some(operation) = ended.and_then(|operation| work.operations.remove(&operation)) {
            // From here and not from the writer: so it comes after everybody who was sent there to wait.
            let outcome = match (&message.result, &running) {
                (Ok(()), Some(running)) => Ok(running.answer.clone()),
                (Ok(()), None) => Err(Rejected::StillRunning),
                (Err(rejected), _) => Err(rejected.clone()),
            };
            operation.do_send(Ended(outcome));
        }
        self.rest_if_idle();
        match message.result {
            Ok(()) => {
                if let (Some(operation), true) = (message.operation, message.ends) {
                    self.shared.attempts.lock().remove(&(self.id, operation));
                }
                if let (Some(operation), Some(live)) = (message.operation, self.live.as_deref_mut()) {
                    live.core.settled(operation, message.row);
                }
                if let Some(running) = running {
                    for waiter in running.waiters {
                        answer(waiter, Ok(Executed { answer: running.answer.clone(), first: false }));
                    }
                    self.reset_wanted |= running.resets;
                }
                self.reset_if_quiet();
            }
            Err(rejected) => {
                if let Some(running) = running {
                    for waiter in running.waiters {
                        answer(waiter, Err(rejected.clone()));
                    }
                }
                self.end(EndReason::AppendFailed, ctx);
            }
        }
    }
}

/// The answer for a failed append is the reason of the first failure of this incarnation: the records behind it did nothing
/// wrong, they only could not be linked any more.
fn settle(result: Result<(), AppendError>, failed: &Mutex<Option<Rejected>>) -> Result<(), Rejected> {
    result.map_err(|error| {
        let mut first = failed.lock();
        first.get_or_insert_with(|| error.into()).clone()
    })
}

fn give(reply: oneshot::Sender<Given>, outcome: Result<Executed, Rejected>) {
    drop(reply.send(Given::Now(outcome)));
}

/// A caller that went away does not matter: the operation stands, and a retry gets its answer.
fn answer<T>(reply: Reply<T>, outcome: Result<T, Rejected>) {
    drop(reply.send(outcome));
}

fn configuration_problem(error: &kassette_cashbox::ConfigurationError) -> kassette_wire::problem::Problem {
    use kassette_wire::problem::{Code, Finding, Problem};
    Problem::new(Code::BodyInvalid, error.to_string())
        .with_findings(vec![Finding::new("configuration", error.pointer.clone(), error.message.clone())])
        .without_storing()
}

fn payment_ended(operation: OperationId) -> Rejected {
    use kassette_wire::problem::{Code, Problem};
    let detail = format!("the payment of operation {operation} has ended, or never began");
    Rejected::Refused(Box::new(Problem::new(Code::PaymentStateConflict, detail)))
}

/// The text of a caught panic.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without text".to_owned())
}

impl Handler<Execute> for CashBoxActor {
    type Result = ();
    fn handle(&mut self, message: Execute, ctx: &mut Context<Self>) {
        self.guarded(ctx, |actor, ctx| {
            if let Some(before) = &actor.shared.options.before_execute {
                before(actor.id, &message.request);
            }
            actor.execute(message, ctx);
        });
    }
}

impl Handler<Watch> for CashBoxActor {
    type Result = ();
    fn handle(&mut self, message: Watch, ctx: &mut Context<Self>) {
        self.guarded(ctx, |actor, ctx| actor.watch(message, ctx));
    }
}

impl Handler<Perform> for CashBoxActor {
    type Result = ();
    fn handle(&mut self, message: Perform, ctx: &mut Context<Self>) {
        self.guarded(ctx, |actor, ctx| actor.perform(&message, ctx));
    }
}

impl Handler<GoOn> for CashBoxActor {
    type Result = ();
    fn handle(&mut self, _: GoOn, ctx: &mut Context<Self>) {
        self.guarded(ctx, |actor, ctx| {
            if let Some(live) = actor.live.as_deref_mut() {
                // Also those that were looked after before: an actor may have been lost.
                live.went_on = false;
            }
            actor.go_on(ctx);
        });
    }
}

impl Handler<Configure> for CashBoxActor {
    type Result = ();
    fn handle(&mut self, message: Configure, ctx: &mut Context<Self>) {
        self.guarded(ctx, |actor, ctx| actor.configure(message, ctx));
    }
}

impl Handler<TellPayment> for CashBoxActor {
    type Result = ();
    fn handle(&mut self, message: TellPayment, ctx: &mut Context<Self>) {
        self.guarded(ctx, |actor, ctx| actor.payment_told(message, ctx));
    }
}

impl Handler<Reset> for CashBoxActor {
    type Result = ();
    fn handle(&mut self, _: Reset, ctx: &mut Context<Self>) {
        self.guarded(ctx, |actor, _| {
            actor.reset_wanted = true;
            actor.reset_if_quiet();
        });
    }
}

impl Handler<Settled> for CashBoxActor {
    type Result = ();
    fn handle(&mut self, message: Settled, ctx: &mut Context<Self>) {
        self.guarded(ctx, |actor, ctx| actor.settled(message, ctx));
    }
}
