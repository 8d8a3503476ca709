//! The desk: it gives each payment that was handed in an actor of its own.
//!
//! It runs on a thread of its own, so that no provider is ever felt by a till. It is started anew with fresh state when it fails, and
//! then finds what is on its way among the orders.

use std::collections::HashMap;
use std::sync::Arc;

use actix::{Actor, ActorFutureExt as _, Addr, AsyncContext, Context, Handler, Message};
use kassette_model::CashBoxId;
use kassette_payments::{dummy, zvt};

use super::dummy::{DummyPayment, LookNow};
use super::orders::{Order, PaymentKey, PaymentOrders};
use super::terminal::TerminalPayment;
use crate::gateway::Gateway;

/// Look at the clock now; for tests with one that is set.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct LookAtPayments;

/// The actor of a payment. One line for each provider here and in `actor_for`.
enum Running {
    Dummy(Addr<DummyPayment>),
    Terminal(Addr<TerminalPayment>),
}

impl Running {
    fn connected(&self) -> bool {
        match self {
            Self::Dummy(actor) => actor.connected(),
            Self::Terminal(actor) => actor.connected(),
        }
    }
}

/// The actor.
pub(crate) struct PaymentDesk {
    gateway: Gateway,
    orders: Arc<PaymentOrders>,
    running: HashMap<PaymentKey, Running>,
}

impl PaymentDesk {
    pub(crate) fn new(gateway: Gateway, orders: Arc<PaymentOrders>) -> Self {
        Self { gateway, orders, running: HashMap::new() }
    }

    /// Starts what was handed in and has no actor that lives.
    fn start_all(&mut self) {
        self.running.retain(|_, payment| payment.connected());
        for (cash_box, order) in self.orders.select(|key| !self.running.contains_key(key)) {
            let key = (cash_box, order.payment.operation);
            let provider = order.payment.provider.clone();
            if let Some(running) = self.actor_for(cash_box, order) {
                self.running.insert(key, running);
            } else {
                // A record of a version that had this provider; it stays open, and the operator sees it.
                tracing::error!(%cash_box, operation = %key.1, provider, "no such payment provider");
                self.orders.end(key);
            }
        }
    }

    fn actor_for(&self, cash_box: CashBoxId, order: Order) -> Option<Running> {
        let (gateway, orders) = (self.gateway.clone(), Arc::clone(&self.orders));
        match order.payment.provider.as_str() {
            name if name == dummy::NAME => {
                Some(Running::Dummy(DummyPayment::new(gateway, orders, cash_box, order.payment).start()))
            }
            name if name == zvt::PROVIDER.name => {
                Some(Running::Terminal(TerminalPayment::new(gateway, orders, cash_box, &order).start()))
            }
            _ => None,
        }
    }
}

impl Actor for PaymentDesk {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.start_all();
        listen(ctx, Arc::clone(&self.orders));
    }
}

/// Waits for orders, again and again.
fn listen(ctx: &mut Context<PaymentDesk>, orders: Arc<PaymentOrders>) {
    let news = async move {
        orders.news().await;
        orders
    };
    ctx.spawn(actix::fut::wrap_future::<_, PaymentDesk>(news).map(|orders, actor, ctx| {
        actor.start_all();
        listen(ctx, orders);
    }));
}

impl Handler<LookAtPayments> for PaymentDesk {
    type Result = ();
    fn handle(&mut self, _: LookAtPayments, _: &mut Context<Self>) {
        self.start_all();
        for payment in self.running.values() {
            if let Running::Dummy(payment) = payment {
                payment.do_send(LookNow);
            }
        }
    }
}
