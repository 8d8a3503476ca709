//! The actor of one payment at the dummy provider: it owns the payment's time.
//!
//! The dummy provider has no wire and no memory: what it answers follows from the amount, and when, from the beginning of the payment.
//! So a payment that was interrupted is asked for again without a doubt.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt as _, AsyncContext, Context, Handler, Message, WrapFuture as _};
use kassette_cashbox::PaymentTold;
use kassette_model::payment::PaymentState;
use kassette_model::{CashBoxId, Decimal};
use kassette_payments::dummy::{DummyEnd, end};
use kassette_record::PaymentFacts;

use super::orders::PaymentOrders;
use crate::gateway::Gateway;
use crate::outcome::Rejected;

/// How long a step waits that the cash box could not take down.
const TELL_AGAIN: Duration = Duration::from_secs(1);

/// Look at the clock now.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct LookNow;

/// The actor.
pub(super) struct DummyPayment {
    gateway: Gateway,
    orders: Arc<PaymentOrders>,
    cash_box: CashBoxId,
    payment: PaymentFacts,
    end: DummyEnd,
    /// When it ends, on the monotonic clock.
    due: Duration,
    /// A step is on its way to the cash box.
    telling: bool,
}

impl DummyPayment {
    pub(super) fn new(
        gateway: Gateway,
        orders: Arc<PaymentOrders>,
        cash_box: CashBoxId,
        payment: PaymentFacts,
    ) -> Self {
        let clock = Arc::clone(&gateway.shared.clock);
        let amount: Decimal = payment.amount.parse().unwrap_or_default();
        let end = end(payment.action, amount, &payment.currency);
        let after = Duration::from_millis(end.after_ms);
        // After a restart only the wall clock knows when it began; one that was set makes it wait no longer than from now.
        let passed_ns = u64::try_from(clock.unix_ns().saturating_sub(payment.began_ns)).unwrap_or(0);
        let due = clock.monotonic().saturating_add(after.saturating_sub(Duration::from_nanos(passed_ns)));
        Self { gateway, orders, cash_box, payment, end, due, telling: false }
    }

    /// Does the next step, when its time has come.
    fn go_on(&mut self, ctx: &mut Context<Self>) {
        if self.telling {
            return;
        }
        let left = self.due.saturating_sub(self.gateway.shared.clock.monotonic());
        let (told, reached) = match self.payment.state {
            PaymentState::Intent => (PaymentTold::Sending { baseline: None }, PaymentState::Sent),
            _ if !left.is_zero() => {
                ctx.run_later(left, Self::go_on);
                return;
            }
            _ => (PaymentTold::Ended { outcome: self.end.outcome.clone(), reason: None }, PaymentState::Ended),
        };
        self.telling = true;
        let (gateway, cash_box, operation) = (self.gateway.clone(), self.cash_box, self.payment.operation);
        let telling = async move { gateway.tell_payment(cash_box, operation, told).await };
        ctx.spawn(telling.into_actor(self).map(move |taken, actor, ctx| actor.told(reached, taken, ctx)));
    }

    fn told(&mut self, reached: PaymentState, taken: Result<(), Rejected>, ctx: &mut Context<Self>) {
        self.telling = false;
        let key = (self.cash_box, self.payment.operation);
        match taken {
            Ok(()) if reached != PaymentState::Ended => {
                self.payment.state = reached;
                self.orders.reached(key, reached, None);
                self.go_on(ctx);
            }
            Ok(()) => {
                self.orders.end(key);
                ctx.stop();
            }
            // It has gone another way: what is durable says how, and a cash box that is restored hands it in again.
            Err(Rejected::Refused(problem)) => {
                tracing::warn!(cash_box = %self.cash_box, operation = %self.payment.operation, detail = problem.detail,
                    "a payment was told of that cannot take this step");
                self.orders.end(key);
                ctx.stop();
            }
            Err(rejected) => {
                tracing::debug!(cash_box = %self.cash_box, operation = %self.payment.operation, ?rejected, "a payment waits");
                ctx.run_later(TELL_AGAIN, Self::go_on);
            }
        }
    }
}

impl Actor for DummyPayment {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.go_on(ctx);
    }
}

impl Handler<LookNow> for DummyPayment {
    type Result = ();
    fn handle(&mut self, _: LookNow, ctx: &mut Context<Self>) {
        self.go_on(ctx);
    }
}
