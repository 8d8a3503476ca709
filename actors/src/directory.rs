//! The directory of one shard: which cash boxes are active, and what happens when one fails.
//!
//! A cash box is started on its first message and stopped when it was idle for long enough. One that panicked is restored with
//! fresh state; the fourth panic within the window puts that one box, and no other, in quarantine: the operator may still
//! configure it (each time with fresh state), receipts are refused until the quarantine is lifted. A restored box must not
//! start before the journal has dealt with everything its predecessor handed in, or two records would follow the same head: so
//! the directory waits for a barrier of the journal and parks what arrives meanwhile.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::{Actor, Addr, AsyncContext, Context, Handler, Message};
use kassette_cashbox::{Configuration, PaymentTold, Request};
use kassette_model::{CashBoxId, OperationId};
use tokio::sync::oneshot;

use crate::cash_box::{CashBoxActor, Configure, Execute, Given, GoOn, Load, Place, Reply, Reset, TellPayment, Watch};
use crate::node::Shared;
use crate::outcome::{BUSY_RETRY_AFTER_S, Rejected};
use crate::supervision::{RestartWindow, Verdict};

/// A call for a cash box.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Deliver {
    pub(crate) cash_box: CashBoxId,
    pub(crate) call: Call,
}

/// What is asked of a cash box.
pub(crate) enum Call {
    /// The request, when it arrived on the monotonic clock, whether to tell the caller when it is accepted, and where the answer
    /// goes.
    Execute(Request, Duration, bool, oneshot::Sender<Given>),
    /// Wait for an operation that was accepted before.
    Watch(OperationId, oneshot::Sender<Given>),
    /// Execute what was accepted and has not ended.
    GoOn,
    /// A provider tells of a payment.
    Payment(OperationId, Box<PaymentTold>, Reply<()>),
    Configure(Box<Configuration>, Reply<()>),
    Reset(Reply<()>),
}

impl Call {
    fn reject(self, rejected: Rejected) {
        match self {
            Self::Execute(_, _, _, reply) | Self::Watch(_, reply) => drop(reply.send(Given::Now(Err(rejected)))),
            Self::Configure(_, reply) | Self::Reset(reply) | Self::Payment(_, _, reply) => {
                drop(reply.send(Err(rejected)))
            }
            Self::GoOn => {}
        }
    }
}

/// Why an incarnation of a cash box ended.
#[derive(Debug)]
pub(crate) enum EndReason {
    /// The journal refused a record; the head in memory is ahead of it.
    AppendFailed,
    /// A bug.
    Panic(String),
}

/// A cash box ended its present incarnation.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct BoxEnded {
    pub(crate) id: CashBoxId,
    pub(crate) generation: u64,
    pub(crate) reason: EndReason,
}

/// Everything that the ended incarnation handed to the journal is dealt with.
#[derive(Message)]
#[rtype(result = "()")]
struct JournalQuiet {
    id: CashBoxId,
    generation: u64,
}

/// Lift the quarantine of a cash box.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Resume {
    pub(crate) id: CashBoxId,
    pub(crate) reply: Reply<()>,
}

/// Stop the cash boxes that were idle for long enough; sent by a timer, and by tests.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Passivate;

enum Seat {
    /// Running.
    Active(Addr<CashBoxActor>),
    /// Ended; waits for the journal.
    Settling(Vec<Call>),
    /// In quarantine and not asked for since.
    Empty,
}

/// There is one for every active cash box, so what is rare has a box of its own.
struct Slot {
    seat: Seat,
    generation: u64,
    load: Arc<Load>,
    /// On the monotonic clock.
    last_used_ns: u64,
    /// Only boxes that failed have one.
    failures: Option<Box<Failures>>,
}

struct Failures {
    window: RestartWindow,
    /// The last failure, when there were too many: then only the operator is let through.
    quarantine: Option<String>,
}

impl Slot {
    fn quarantine(&self) -> Option<&str> {
        self.failures.as_deref()?.quarantine.as_deref()
    }
}

/// Whether a call passes a quarantine. What fails is the execution of receipts; the operator must be able to end a token or to
/// disable the cash box without letting the receipts through again.
fn passes_quarantine(call: &Call) -> bool {
    matches!(call, Call::Configure(..))
}

/// The actor of one shard.
pub(crate) struct CashBoxDirectory {
    shared: Arc<Shared>,
    slots: HashMap<CashBoxId, Slot>,
    next_generation: u64,
    replaces_another: bool,
}

impl CashBoxDirectory {
    /// `replaces_another`: whether a directory of this shard failed before in this process.
    pub(crate) fn new(shared: Arc<Shared>, replaces_another: bool) -> Self {
        Self { shared, slots: HashMap::new(), next_generation: 0, replaces_another }
    }

    fn start_box(&mut self, id: CashBoxId, load: &Arc<Load>, ctx: &Context<Self>) -> (Addr<CashBoxActor>, u64) {
        self.next_generation += 1;
        let generation = self.next_generation;
        let (shared, directory) = (Arc::clone(&self.shared), ctx.address().downgrade());
        self.shared.counts.active.fetch_add(1, Ordering::Relaxed);
        (CashBoxActor::new(id, generation, shared, directory, Arc::clone(load)).start(), generation)
    }

    fn deliver(&mut self, id: CashBoxId, call: Call, ctx: &Context<Self>) {
        if self.shared.is_stopping() {
            return call.reject(Rejected::Stopping);
        }
        if !self.slots.contains_key(&id) {
            let load = Arc::default();
            let (addr, generation) = self.start_box(id, &load, ctx);
            let slot = Slot { seat: Seat::Active(addr), generation, load, last_used_ns: 0, failures: None };
            self.slots.insert(id, slot);
        }
        let limit = self.shared.options.mailbox_messages_max;
        let now = self.shared.clock.monotonic();
        let Some(slot) = self.slots.get_mut(&id) else { return };
        if let Some(reason) = slot.quarantine()
            && !passes_quarantine(&call)
        {
            let reason = reason.to_owned();
            return call.reject(Rejected::Quarantined { reason });
        }
        // Half a thousand years fit.
        slot.last_used_ns = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        if slot.load.unanswered.load(Ordering::Relaxed) >= limit {
            return call.reject(Rejected::Busy { retry_after_s: BUSY_RETRY_AFTER_S });
        }
        if matches!(&slot.seat, Seat::Active(addr) if !addr.connected()) {
            // It ended, and its message about that is still on its way: a call sent into its mailbox would be lost.
            self.shared.counts.active.fetch_sub(1, Ordering::Relaxed);
            slot.seat = Seat::Empty;
        }
        match &mut slot.seat {
            Seat::Active(addr) => send(addr, call, &slot.load),
            Seat::Settling(parked) if parked.len() < limit => parked.push(call),
            Seat::Settling(_) => call.reject(Rejected::Busy { retry_after_s: BUSY_RETRY_AFTER_S }),
            Seat::Empty => self.settle(id, vec![call], ctx),
        }
    }

    /// Parks calls until the journal has dealt with everything that the last incarnation handed in; then a fresh one starts.
    fn settle(&mut self, id: CashBoxId, parked: Vec<Call>, ctx: &Context<Self>) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        slot.seat = Seat::Settling(parked);
        let (directory, generation) = (ctx.address(), slot.generation);
        self.shared.journal.barrier(Box::new(move || directory.do_send(JournalQuiet { id, generation })));
    }

    fn ended(&mut self, ended: BoxEnded, ctx: &Context<Self>) {
        let intensity = self.shared.options.cash_box_intensity;
        let now = self.shared.clock.monotonic();
        let Some(slot) = self.slots.get_mut(&ended.id) else { return };
        if slot.generation != ended.generation {
            return;
        }
        // Otherwise a call has found out before this message came, and the journal is asked already.
        let is_news = matches!(slot.seat, Seat::Active(_));
        if is_news {
            self.shared.counts.active.fetch_sub(1, Ordering::Relaxed);
        }
        if let EndReason::Panic(reason) = ended.reason {
            let failures = slot
                .failures
                .get_or_insert_with(|| Box::new(Failures { window: RestartWindow::new(intensity), quarantine: None }));
            if failures.window.record(now) == Verdict::Exceeded || failures.quarantine.is_some() {
                tracing::error!(cash_box = %ended.id, reason, "cash box quarantined");
                self.shared.quarantine(ended.id, Some(&reason));
                failures.quarantine = Some(reason.clone());
                if let Seat::Settling(parked) = std::mem::replace(&mut slot.seat, Seat::Empty) {
                    let (pass, refused): (Vec<_>, Vec<_>) = parked.into_iter().partition(passes_quarantine);
                    for call in refused {
                        call.reject(Rejected::Quarantined { reason: reason.clone() });
                    }
                    if !pass.is_empty() {
                        slot.seat = Seat::Settling(pass);
                    }
                }
                return;
            }
            self.shared.counts.restarts.fetch_add(1, Ordering::Relaxed);
        }
        if is_news {
            self.settle(ended.id, Vec::new(), ctx);
        }
    }

    fn quiet(&mut self, quiet: &JournalQuiet, ctx: &Context<Self>) {
        let waiting = self
            .slots
            .get(&quiet.id)
            .is_some_and(|slot| slot.generation == quiet.generation && matches!(slot.seat, Seat::Settling(_)));
        if !waiting {
            return;
        }
        let Some(load) = self.slots.get(&quiet.id).map(|slot| Arc::clone(&slot.load)) else { return };
        let (addr, generation) = self.start_box(quiet.id, &load, ctx);
        // What its predecessor accepted and did not end comes first.
        addr.do_send(GoOn);
        let Some(slot) = self.slots.get_mut(&quiet.id) else { return };
        slot.generation = generation;
        if let Seat::Settling(parked) = std::mem::replace(&mut slot.seat, Seat::Active(addr.clone())) {
            for call in parked {
                send(&addr, call, &slot.load);
            }
        }
    }

    fn passivate(&mut self) {
        let idle = Duration::from_millis(self.shared.options.passivate_after_ms);
        let now = self.shared.clock.monotonic();
        let shared = &self.shared;
        self.slots.retain(|id, slot| {
            let busy = slot.load.unanswered.load(Ordering::Relaxed) > 0
                || slot.load.unended.load(Ordering::Relaxed) > 0
                || now.saturating_sub(Duration::from_nanos(slot.last_used_ns)) < idle;
            if busy || !matches!(slot.seat, Seat::Active(_)) {
                return true;
            }
            // Dropping the last address ends the actor; the next call restores it from its last record.
            slot.seat = Seat::Empty;
            shared.counts.active.fetch_sub(1, Ordering::Relaxed);
            shared.profiles.forget(*id);
            shared.journal.forget(*id);
            slot.quarantine().is_some()
        });
    }
}

fn send(addr: &Addr<CashBoxActor>, call: Call, load: &Arc<Load>) {
    // The number of unanswered calls is the bound here; the mailbox itself must also take the journal's completions.
    match call {
        Call::Watch(operation, reply) => addr.do_send(Watch { operation, reply }),
        Call::GoOn => addr.do_send(GoOn),
        Call::Payment(operation, told, reply) => addr.do_send(TellPayment { operation, told: *told, reply }),
        Call::Execute(request, arrived, accept, reply) => {
            addr.do_send(Execute { request, arrived, accept, reply, place: Place::of_call(load) });
        }
        Call::Configure(configuration, reply) => {
            addr.do_send(Configure { configuration, reply, place: Place::of_call(load) });
        }
        Call::Reset(reply) => {
            addr.do_send(Reset);
            drop(reply.send(Ok(())));
        }
    }
}

impl Actor for CashBoxDirectory {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if self.replaces_another {
            // Records of boxes of the directory before may still be on their way. This is the way back from a bug and waits on
            // this shard's own thread only.
            let (quiet, reached) = std::sync::mpsc::channel();
            self.shared.journal.barrier(Box::new(move || _ = quiet.send(())));
            _ = reached.recv();
        }
        let every = Duration::from_millis(self.shared.options.passivate_every_ms);
        ctx.run_interval(every, |directory, _| directory.passivate());
    }
}

impl Handler<Deliver> for CashBoxDirectory {
    type Result = ();
    fn handle(&mut self, message: Deliver, ctx: &mut Self::Context) {
        self.deliver(message.cash_box, message.call, ctx);
    }
}

impl Handler<BoxEnded> for CashBoxDirectory {
    type Result = ();
    fn handle(&mut self, message: BoxEnded, ctx: &mut Self::Context) {
        self.ended(message, ctx);
    }
}

impl Handler<JournalQuiet> for CashBoxDirectory {
    type Result = ();
    fn handle(&mut self, message: JournalQuiet, ctx: &mut Self::Context) {
        self.quiet(&message, ctx);
    }
}

impl Handler<Resume> for CashBoxDirectory {
    type Result = ();
    fn handle(&mut self, message: Resume, ctx: &mut Self::Context) {
        if let Some(slot) = self.slots.get_mut(&message.id)
            && slot.quarantine().is_some()
        {
            slot.failures = None;
            let is_empty = matches!(slot.seat, Seat::Empty);
            self.shared.quarantine(message.id, None);
            tracing::warn!(cash_box = %message.id, "quarantine lifted");
            if is_empty {
                // Records of before the last failure may still be on their way.
                self.settle(message.id, Vec::new(), ctx);
            }
        }
        drop(message.reply.send(Ok(())));
    }
}

impl Handler<Passivate> for CashBoxDirectory {
    type Result = ();
    fn handle(&mut self, _: Passivate, _: &mut Self::Context) {
        self.passivate();
    }
}
