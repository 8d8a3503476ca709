//! What the cash box does for operations that are accepted before they are executed (contract 3.2); each has an actor of its own.

use std::time::Duration;

use actix::{Actor, Addr, AsyncContext, Context};
use kassette_cashbox::{Request, Step, accepted_request};
use kassette_model::OperationId;
use kassette_record::OpenOperation;
use tokio::sync::oneshot;

use super::{Caller, CashBoxActor, Given, Perform, Place, Watch, give};
use crate::operation::{Begun, Lifetime, OperationActor, Overdue, Postponed, TryNow, WaitForEnd};
use crate::outcome::{BUSY_RETRY_AFTER_S, Rejected};

impl CashBoxActor {
    /// Makes the intent record of an operation, tells the caller when it is durable, and executes the operation at once: both
    /// records may go out under one sync.
    pub(super) fn accept(
        &mut self,
        request: &Request,
        arrived: Duration,
        reply: oneshot::Sender<Given>,
        place: Place,
        ctx: &mut Context<Self>,
    ) {
        let admitted_ns = self.shared.clock.unix_ns();
        let facts = self.facts(admitted_ns);
        let most = self.shared.options.open_operations_max;
        if self.live.as_deref().is_some_and(|live| live.core.unfinished().len() >= most) {
            return give(reply, Err(Rejected::Busy { retry_after_s: BUSY_RETRY_AFTER_S }));
        }
        let accepted = match self.live().map(|live| live.core.accept(request, &facts)) {
            Ok(Ok(accepted)) => accepted,
            Ok(Err(step)) => match *step {
                Step::Refuse(problem) => return give(reply, Err(Rejected::Refused(problem))),
                _ => return give(reply, Err(Rejected::Fault("an operation could not be accepted".into()))),
            },
            Err(rejected) => return give(reply, Err(rejected)),
        };
        let (waiter, end) = oneshot::channel();
        let told = move |result: Result<(), Rejected>| {
            drop(place);
            drop(reply.send(match result {
                Ok(()) => Given::Accepted(end),
                Err(rejected) => Given::Now(Err(rejected)),
            }));
        };
        self.append(accepted.record, Some(request.id), false, told, ctx);
        let lifetime = self.lifetime(request, arrived);
        let operation = self.start_operation(request.id, Some(lifetime), ctx);
        operation.do_send(WaitForEnd(waiter));
        let done = self.execute_accepted(request, admitted_ns, None, ctx);
        tell(&operation, done);
    }

    /// The actor of an operation that was accepted, now or before a restart.
    fn start_operation(
        &mut self,
        id: OperationId,
        lifetime: Option<Lifetime>,
        ctx: &mut Context<Self>,
    ) -> Addr<OperationActor> {
        let place = Place::of_work(&self.load);
        let clock = std::sync::Arc::clone(&self.shared.clock);
        let operation = OperationActor::new(self.id, id, ctx.address(), clock, lifetime, place).start();
        self.work().operations.insert(id, operation.clone());
        operation
    }

    /// Executes an accepted operation, or ends it when it is overdue. One whose last attempt never came back, because it ended this
    /// cash box, is not tried again but ended as failed: it must not stand in the way of everything else.
    fn execute_accepted(
        &mut self,
        request: &Request,
        admitted_ns: i64,
        overdue: Option<Overdue>,
        ctx: &mut Context<Self>,
    ) -> Result<(), String> {
        let attempt = (self.id, request.id);
        let step = if overdue.is_some() {
            self.decide(request, overdue, admitted_ns)
        } else if self.shared.attempts.lock().insert(attempt) {
            if let Some(before) = &self.shared.options.before_execute {
                before(self.id, request);
            }
            let step = self.decide(request, None, admitted_ns);
            self.shared.attempts.lock().remove(&attempt);
            step
        } else {
            tracing::error!(cash_box = %self.id, operation = %request.id, "an accepted operation cannot be executed and fails");
            let facts = self.facts(admitted_ns);
            self.live().map(|live| live.core.give_up(request, &facts))
        };
        match step {
            Ok(Step::Commit(commit)) => {
                self.commit(request, *commit, Caller::Accepted, ctx);
                Ok(())
            }
            Ok(Step::Begin(begun)) => {
                self.begin_payment(request, *begun, ctx);
                Ok(())
            }
            Ok(Step::Refuse(problem)) => Err(problem.detail.clone()),
            Ok(Step::Ask(_) | Step::Progress(_)) => Err("a step asked for something unknown".to_owned()),
            Err(rejected) => Err(format!("{rejected:?}")),
        }
    }

    /// Sees to it that everything that was accepted and has not ended has an actor, which then has it executed: after a restart, or
    /// when an actor was lost.
    pub(super) fn go_on(&mut self, ctx: &mut Context<Self>) {
        // One that cannot be restored is asked again by whoever lists what has not ended; a retry here would never end.
        let Ok(live) = self.live() else { return };
        if std::mem::replace(&mut live.went_on, true) {
            return;
        }
        for open in live.core.unfinished().to_vec() {
            let operation = self.work.as_deref().and_then(|work| work.operations.get(&open.id));
            match operation.filter(|operation| operation.connected()) {
                Some(operation) => operation.do_send(TryNow),
                None if self.is_running(open.id) => {}
                None => {
                    tracing::info!(cash_box = %self.id, operation = %open.id, "an accepted operation is executed later");
                    let operation = self.start_operation(open.id, None, ctx);
                    let done = self.execute_stored(open, None, ctx);
                    tell(&operation, done);
                }
            }
        }
    }

    /// Executes an operation from its intent record.
    fn execute_stored(
        &mut self,
        open: OpenOperation,
        overdue: Option<Overdue>,
        ctx: &mut Context<Self>,
    ) -> Result<(), String> {
        let stored = self.shared.journal.row(self.id, open.row).map_err(|error| error.to_string())?;
        match stored.as_ref().and_then(accepted_request) {
            Some((request, admitted_ns)) => self.execute_accepted(&request, admitted_ns, overdue, ctx),
            None => Err(format!("row {} is no readable intent", open.row)),
        }
    }

    /// The actor of an operation asks for its execution.
    pub(super) fn perform(&mut self, message: &Perform, ctx: &mut Context<Self>) {
        let known = self.work.as_deref().and_then(|work| work.operations.get(&message.operation));
        let Some(operation) = known.cloned() else { return };
        let done = match self.live() {
            Ok(live) => match live.core.unfinished().iter().find(|open| open.id == message.operation).copied() {
                Some(open) => self.execute_stored(open, message.overdue, ctx),
                // Its end is on its way.
                None => return,
            },
            Err(rejected) => Err(format!("{rejected:?}")),
        };
        tell(&operation, done);
    }

    /// Waits for an operation that was accepted before.
    pub(super) fn watch(&mut self, message: Watch, ctx: &mut Context<Self>) {
        self.go_on(ctx);
        let Watch { operation, reply } = message;
        match self.wait_for(operation) {
            Some(later) => drop(reply.send(Given::Later(later))),
            None => give(reply, Err(Rejected::StillRunning)),
        }
    }
}

fn tell(operation: &Addr<OperationActor>, done: Result<(), String>) {
    match done {
        Ok(()) => operation.do_send(Begun),
        Err(why) => operation.do_send(Postponed { why }),
    }
}
