//! The actor of one payment at an app: it owns the payment's time, and is the only one who allows an app to charge.
//!
//! While it tells the cash box something it takes no other message, so that each decision is made on what is durable.

use std::sync::Arc;
use std::time::Duration;

use actix::{
    Actor, ActorContext as _, ActorFutureExt as _, AsyncContext as _, Context, Handler, Message, SpawnHandle,
    WrapFuture as _,
};
use kassette_cashbox::PaymentTold;
use kassette_model::payment::{PaymentOutcome, PaymentRefusal, PaymentState, RefusalKind};
use kassette_model::{CashBoxId, Decimal, OperationId};
use kassette_payments::http::{Acceptance, AppRequest, AppResult};
use kassette_record::{Erasable, PaymentFacts};
use kassette_wire::problem::{Code, Problem};

use super::pickup::Offer;
use crate::cash_box::Reply;
use crate::gateway::Gateway;
use crate::outcome::{BUSY_RETRY_AFTER_S, Rejected};
use crate::payments::dummy::LookNow;
use crate::payments::orders::{Order, PaymentOrders};

/// How long a step waits that the cash box could not take down.
const TELL_AGAIN: Duration = Duration::from_secs(1);

/// An app takes the payment; it is answered with the time for its result, in milliseconds.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Accept {
    pub(super) acceptance: Acceptance,
    pub(super) reply: Reply<u64>,
}

/// An app tells what became of the payment.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct TellResult {
    /// Which app says so, when it does.
    pub(super) app: Option<String>,
    pub(super) result: AppResult,
    pub(super) reply: Reply<()>,
}

/// What is told once the steps are durable, or why they are not.
type Told = Box<dyn FnOnce(&AppPayment, Result<(), Rejected>)>;

/// The actor.
pub(crate) struct AppPayment {
    gateway: Gateway,
    orders: Arc<PaymentOrders>,
    cash_box: CashBoxId,
    payment: PaymentFacts,
    /// It began in this process, so that its time to be accepted is known.
    fresh: bool,
    /// How it stood when this actor met it.
    met: PaymentState,
    request: AppRequest,
    /// Its number at the pickup.
    number: u64,
    /// When something is to be done in this state, on the monotonic clock.
    due: Duration,
    /// A result that is durable, while its end is not.
    result: Option<AppResult>,
    timer: Option<SpawnHandle>,
}

impl AppPayment {
    pub(crate) fn new(gateway: Gateway, orders: Arc<PaymentOrders>, cash_box: CashBoxId, order: Order) -> Self {
        let Order { payment, fresh, .. } = order;
        let clock = &gateway.shared.clock;
        let mut due = clock.monotonic();
        if fresh && payment.state == PaymentState::Intent {
            // Also for an actor that takes the place of one that failed: the time counts from the beginning.
            let passed_ns = u64::try_from(clock.unix_ns().saturating_sub(payment.began_ns)).unwrap_or(0);
            let accept = Duration::from_millis(gateway.shared.options.app_accept_ms);
            due = due.saturating_add(accept.saturating_sub(Duration::from_nanos(passed_ns)));
        }
        let (met, request) = (payment.state, request(&gateway, cash_box, &payment));
        Self { gateway, orders, cash_box, payment, fresh, met, request, number: 0, due, result: None, timer: None }
    }

    const fn key(&self) -> (CashBoxId, OperationId) {
        (self.cash_box, self.payment.operation)
    }

    fn now(&self) -> Duration {
        self.gateway.shared.clock.monotonic()
    }

    fn left(&self) -> Duration {
        self.due.saturating_sub(self.now())
    }

    fn left_ms(&self) -> u64 {
        u64::try_from(self.left().as_millis()).unwrap_or(u64::MAX)
    }

    fn wait(&mut self, time: Duration, ctx: &mut Context<Self>) {
        if let Some(timer) = self.timer.replace(ctx.run_later(time, |actor, ctx| {
            actor.timer = None;
            actor.go_on(ctx);
        })) {
            ctx.cancel_future(timer);
        }
    }

    /// Hears when somebody else has changed the payment: an operator who ended it, or wants its app asked.
    fn follow(&self, order: Order, ctx: &mut Context<Self>) {
        let changed = async move {
            order.changed().await;
            order
        };
        ctx.spawn(changed.into_actor(self).map(|before, actor: &mut Self, ctx| {
            let Some(order) = actor.orders.get(actor.key()) else { return actor.stop(ctx) };
            if actor.payment.state != order.payment.state {
                actor.payment = order.payment;
                actor.due = actor.now();
                actor.go_on(ctx);
            }
            actor.follow(before, ctx);
        }));
    }

    /// Does what is due in this state, and says what the apps may fetch.
    fn go_on(&mut self, ctx: &mut Context<Self>) {
        let (left, options) = (self.left(), &self.gateway.shared.options);
        let mut offer = None;
        match self.payment.state {
            PaymentState::Intent if !left.is_zero() => {
                offer = Some(Offer { request: self.request.clone(), until: Some(self.due) });
                self.wait(left, ctx);
            }
            PaymentState::Intent => {
                let refusal = if self.fresh { not_accepted(options.app_accept_ms) } else { restarted() };
                self.end(PaymentOutcome::Refused(refusal), ctx);
            }
            PaymentState::Sent if !left.is_zero() => self.wait(left, ctx),
            PaymentState::Sent => {
                let reason = if self.met == PaymentState::Intent {
                    format!("the app said nothing for {} ms", options.app_result_ms)
                } else {
                    "the server was interrupted while the app made the payment".to_owned()
                };
                self.doubt(reason, Duration::ZERO, Box::new(|_, _| ()), ctx);
            }
            PaymentState::Result => match self.result.as_ref().and_then(AppResult::outcome) {
                Some(outcome) => self.end(outcome, ctx),
                None => {
                    let reason = "the server was interrupted before the end of the payment was kept".to_owned();
                    self.doubt(reason, Duration::ZERO, Box::new(|_, _| ()), ctx);
                }
            },
            PaymentState::Unknown | PaymentState::NeedsOperator if left.is_zero() => {
                let accepted_by = self.payment.baseline.clone();
                offer =
                    Some(Offer { request: AppRequest { ask: true, accepted_by, ..self.request.clone() }, until: None });
            }
            PaymentState::Unknown | PaymentState::NeedsOperator => self.wait(left, ctx),
            PaymentState::Ended => {}
        }
        self.offer(offer);
    }

    fn offer(&self, offer: Option<Offer>) {
        let terminal = (self.cash_box, self.payment.terminal.clone());
        self.gateway.shared.apps.offer(&terminal, self.number, offer);
    }

    fn end(&mut self, outcome: PaymentOutcome, ctx: &mut Context<Self>) {
        let ended = PaymentTold::Ended { outcome, reason: None };
        self.tell(vec![(ended, PaymentState::Ended)], Duration::ZERO, Box::new(|_, _| ()), ctx);
    }

    fn doubt(&mut self, reason: String, pause: Duration, told: Told, ctx: &mut Context<Self>) {
        self.tell(vec![(PaymentTold::Doubt { reason }, PaymentState::Unknown)], pause, told, ctx);
    }

    /// Tells the cash box steps, each after the one before is durable. `then` is the time until something is due after the last one.
    /// Meanwhile no app fetches the payment.
    fn tell(&mut self, steps: Vec<(PaymentTold, PaymentState)>, then: Duration, told: Told, ctx: &mut Context<Self>) {
        self.offer(None);
        let (gateway, orders, key) = (self.gateway.clone(), Arc::clone(&self.orders), self.key());
        let telling = async move {
            let mut reached = None;
            for (step, state) in steps {
                let baseline = match &step {
                    PaymentTold::Sending { baseline } => baseline.clone(),
                    _ => None,
                };
                if let Err(rejected) = gateway.tell_payment(key.0, key.1, step).await {
                    return (reached, Err(rejected));
                }
                orders.reached(key, state, baseline);
                reached = Some(state);
            }
            (reached, Ok(()))
        };
        ctx.wait(telling.into_actor(self).map(move |(reached, taken), actor, ctx| {
            if let Some(state) = reached {
                actor.payment.state = state;
                actor.due = actor.now().saturating_add(then);
            }
            match &taken {
                Err(rejected) => actor.failed(rejected, ctx),
                Ok(()) if actor.payment.state == PaymentState::Ended => actor.stop(ctx),
                Ok(()) => actor.go_on(ctx),
            }
            // What the cash box refuses stands in another way by now; whoever comes again is told of that.
            told(
                actor,
                taken.map_err(|rejected| if matches!(rejected, Rejected::Refused(_)) { busy() } else { rejected }),
            );
        }));
    }

    /// A step was not taken: either it will be later, or the payment stands in another way than is known here.
    fn failed(&mut self, rejected: &Rejected, ctx: &mut Context<Self>) {
        let operation = self.payment.operation;
        if self.payment.state == PaymentState::Intent {
            // Nobody has it: whoever accepts again may do so, within the time that there was.
            self.payment.baseline = None;
        }
        if let Rejected::Refused(problem) = rejected {
            tracing::warn!(cash_box = %self.cash_box, %operation, detail = problem.detail, "a payment was told of that cannot take this step");
            match self.gateway.open_payment(self.key()) {
                Ok(None) => return self.stop(ctx),
                Ok(Some(payment)) => {
                    if payment.state == PaymentState::Sent && self.payment.state == PaymentState::Intent {
                        // Accepted, as is known only now: its app comes again to hear of it.
                        let result = Duration::from_millis(self.gateway.shared.options.app_result_ms);
                        self.due = self.now().saturating_add(result);
                    }
                    self.orders.reached(self.key(), payment.state, payment.baseline.clone());
                    self.payment = payment;
                }
                Err(rejected) => {
                    tracing::warn!(cash_box = %self.cash_box, %operation, ?rejected, "a payment cannot be read")
                }
            }
        } else {
            tracing::debug!(cash_box = %self.cash_box, %operation, ?rejected, "a payment waits");
        }
        self.wait(TELL_AGAIN, ctx);
    }

    fn stop(&self, ctx: &mut Context<Self>) {
        self.orders.end(self.key());
        ctx.stop();
    }

    fn accept(&mut self, Accept { acceptance, reply }: Accept, ctx: &mut Context<Self>) {
        let over = self.left().is_zero();
        let refusal = match self.payment.state {
            PaymentState::Intent if !over => {
                self.take(acceptance, reply, ctx);
                return;
            }
            PaymentState::Sent if !over && self.payment.baseline.as_deref() == Some(&acceptance.app) => {
                drop(reply.send(Ok(self.left_ms())));
                return;
            }
            PaymentState::Intent => "its time to be accepted is over",
            PaymentState::Sent if !over => "another app has accepted it",
            PaymentState::Sent | PaymentState::Unknown | PaymentState::NeedsOperator => {
                "it was accepted before, and nobody told in time what became of it: it is only asked about"
            }
            PaymentState::Result | PaymentState::Ended => "it has its result",
        };
        drop(reply.send(Err(conflict(self.payment.operation, refusal))));
        if over {
            self.go_on(ctx);
        }
    }

    /// Lets an app charge, as soon as that is durable.
    fn take(&mut self, acceptance: Acceptance, reply: Reply<u64>, ctx: &mut Context<Self>) {
        let baseline = Some(acceptance.app);
        self.payment.baseline.clone_from(&baseline);
        let result = Duration::from_millis(self.gateway.shared.options.app_result_ms);
        let told: Told = Box::new(move |actor, taken| drop(reply.send(taken.map(|()| actor.left_ms()))));
        self.tell(vec![(PaymentTold::Sending { baseline }, PaymentState::Sent)], result, told, ctx);
    }

    fn result(&mut self, TellResult { app, result, reply }: TellResult, ctx: &mut Context<Self>) {
        let accepted_by = self.payment.baseline.as_deref();
        if app.is_some() && accepted_by.is_some() && app.as_deref() != accepted_by {
            drop(reply.send(Err(conflict(self.payment.operation, "another app has accepted it"))));
            return;
        }
        if let Err(findings) = result.check(self.request.action, self.request.amount) {
            drop(reply.send(Err(Rejected::Refused(Box::new(findings.into_problem().without_storing())))));
            return;
        }
        let pause = Duration::from_millis(self.gateway.shared.options.app_ask_every_ms);
        let (state, outcome) = (self.payment.state, result.outcome());
        let told: Told = Box::new(|_, taken| drop(reply.send(taken)));
        let ended = |outcome| (PaymentTold::Ended { outcome, reason: None }, PaymentState::Ended);
        match (state, outcome) {
            (PaymentState::Sent, None) => self.doubt(result.summary(), pause, told, ctx),
            (PaymentState::Sent, Some(outcome)) => {
                let heard = (PaymentTold::Result { reason: result.summary() }, PaymentState::Result);
                self.result = Some(result);
                self.tell(vec![heard, ended(outcome)], Duration::ZERO, told, ctx);
            }
            (PaymentState::Unknown | PaymentState::NeedsOperator, None) => {
                self.due = self.now().saturating_add(pause);
                self.go_on(ctx);
                told(self, Ok(()));
            }
            (PaymentState::Unknown | PaymentState::NeedsOperator, Some(outcome)) => {
                self.tell(vec![ended(outcome)], Duration::ZERO, told, ctx);
            }
            (PaymentState::Result, Some(outcome)) if self.result.as_ref() == Some(&result) => {
                self.tell(vec![ended(outcome)], Duration::ZERO, told, ctx);
            }
            (PaymentState::Intent, _) => told(self, Err(conflict(self.payment.operation, "nobody has accepted it"))),
            (PaymentState::Result | PaymentState::Ended, _) => {
                told(self, Err(conflict(self.payment.operation, "it has another result")));
            }
        }
    }
}

/// What an app is told of a payment that does not stand as it thinks.
pub(super) fn conflict(operation: OperationId, why: &str) -> Rejected {
    let detail =
        format!("the payment of operation {operation}: {why}; nothing was changed, and nothing may be charged");
    Rejected::Refused(Box::new(Problem::new(Code::PaymentConflict, detail)))
}

/// What is told while it is not known whether a step was taken.
pub(super) const fn busy() -> Rejected {
    Rejected::Busy { retry_after_s: BUSY_RETRY_AFTER_S }
}

/// Nobody was allowed to charge.
fn not_accepted(app_accept_ms: u64) -> PaymentRefusal {
    PaymentRefusal {
        kind: RefusalKind::Unreachable,
        title: "No payment app took the payment".into(),
        detail: format!("no app of the terminal accepted the payment within {app_accept_ms} ms; nothing was charged")
            .into(),
    }
}

/// Nobody was allowed to charge, and nobody will be.
fn restarted() -> PaymentRefusal {
    PaymentRefusal {
        kind: RefusalKind::NotCharged,
        title: "The payment was interrupted".into(),
        detail: "the server was restarted before a payment app accepted the payment; nothing was charged".into(),
    }
}

/// What the app fetches: the facts of the payment, and what only the till's request says.
fn request(gateway: &Gateway, cash_box: CashBoxId, payment: &PaymentFacts) -> AppRequest {
    let stored = gateway.shared.journal.operation(cash_box, payment.operation).ok().flatten();
    let body = stored.and_then(|record| match record.open() {
        Ok((_, Erasable::Kept(bodies))) => bodies.request,
        _ => None,
    });
    let pay = body.and_then(|body| kassette_wire::pay::parse_request(&body, &gateway.shared.body_limits).ok());
    if pay.is_none() {
        tracing::warn!(%cash_box, operation = %payment.operation, "the request of a payment cannot be read; its app sees no description");
    }
    let (description, protocol, terminal_id) =
        pay.map(|pay| (pay.item.description, pay.protocol, pay.terminal_id)).unwrap_or_default();
    AppRequest {
        operation: payment.operation,
        action: payment.action,
        amount: payment.amount.parse().unwrap_or(Decimal::ZERO),
        currency: payment.currency.clone(),
        description,
        protocol,
        terminal_id,
        reference: payment.original.clone(),
        ask: false,
        accepted_by: None,
    }
}

impl Actor for AppPayment {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.number = self.gateway.shared.apps.enter(self.key(), &self.payment.terminal, ctx.address().downgrade());
        match self.orders.get(self.key()) {
            Some(order) => {
                self.follow(order, ctx);
                self.go_on(ctx);
            }
            // It has ended meanwhile.
            None => ctx.stop(),
        }
    }

    fn stopped(&mut self, _: &mut Context<Self>) {
        self.gateway.shared.apps.leave(self.key(), &self.payment.terminal, self.number);
    }
}

impl Handler<LookNow> for AppPayment {
    type Result = ();
    fn handle(&mut self, _: LookNow, ctx: &mut Context<Self>) {
        self.go_on(ctx);
    }
}

impl Handler<Accept> for AppPayment {
    type Result = ();
    fn handle(&mut self, message: Accept, ctx: &mut Context<Self>) {
        self.accept(message, ctx);
    }
}

impl Handler<TellResult> for AppPayment {
    type Result = ();
    fn handle(&mut self, message: TellResult, ctx: &mut Context<Self>) {
        self.result(message, ctx);
    }
}
