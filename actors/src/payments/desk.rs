//! The desk: it gives each payment that was handed in an actor of its own.
//!
//! It runs on a thread of its own, so that no provider is ever felt by a till. It is started anew with fresh state when it fails, and
//! then finds what is on its way among the orders.

use std::collections::HashMap;
use std::sync::Arc;

use actix::{Actor, ActorFutureExt as _, Addr, AsyncContext, Context, Handler, Message};

use super::dummy::{DummyPayment, LookNow};
use super::orders::{PaymentKey, PaymentOrders};
use crate::gateway::Gateway;

/// Look at the clock now; for tests with one that is set.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct LookAtPayments;

/// The actor.
pub(crate) struct PaymentDesk {
    gateway: Gateway,
    orders: Arc<PaymentOrders>,
    running: HashMap<PaymentKey, Addr<DummyPayment>>,
}

impl PaymentDesk {
    pub(crate) fn new(gateway: Gateway, orders: Arc<PaymentOrders>) -> Self {
        Self { gateway, orders, running: HashMap::new() }
    }

    /// Starts what was handed in and has no actor that lives.
    fn start_all(&mut self) {
        self.running.retain(|_, payment| payment.connected());
        for (cash_box, payment) in self.orders.select(|key| !self.running.contains_key(key)) {
            let key = (cash_box, payment.operation);
            if payment.provider == kassette_payments::dummy::NAME {
                let actor = DummyPayment::new(self.gateway.clone(), Arc::clone(&self.orders), cash_box, payment);
                self.running.insert(key, actor.start());
            } else {
                // A record of a version that had this provider; it stays open, and the operator sees it.
                tracing::error!(%cash_box, operation = %payment.operation, provider = payment.provider, "no such payment provider");
                self.orders.end(key);
            }
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
            payment.do_send(LookNow);
        }
    }
}
