//! The desk: it gives each payment that was handed in an actor of its own.
//!
//! It runs on a thread of its own, so that no provider is ever felt by a till. It is started anew with fresh state when it fails, and
//! then finds what is on its way among the orders.

use std::collections::HashMap;
use std::sync::Arc;

use actix::{Actor, ActorFutureExt as _, AsyncContext, Context, Handler, Message, Recipient};
use kassette_payments::{dummy, http, zvt};

use super::app::AppPayment;
use super::dummy::{DummyPayment, LookNow};
use super::orders::{Order, PaymentKey, PaymentOrders};
use super::terminal::TerminalPayment;
use crate::gateway::Gateway;

/// Look at the clock now; for tests with one that is set.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct LookAtPayments;

/// The actor.
pub(crate) struct PaymentDesk {
    gateway: Gateway,
    orders: Arc<PaymentOrders>,
    running: HashMap<PaymentKey, Recipient<LookNow>>,
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
            let (gateway, orders) = (self.gateway.clone(), Arc::clone(&self.orders));
            let Order { payment, .. } = &order;
            // One line for each provider.
            let actor = match payment.provider.as_str() {
                dummy::NAME => DummyPayment::new(gateway, orders, cash_box, order.payment).start().recipient(),
                http::NAME => AppPayment::new(gateway, orders, cash_box, order).start().recipient(),
                zvt::NAME => TerminalPayment::new(gateway, orders, cash_box, &order).start().recipient(),
                provider => {
                    // A record of a version that had this provider; it stays open, and the operator sees it.
                    tracing::error!(%cash_box, operation = %payment.operation, provider, "no such payment provider");
                    self.orders.end(key);
                    continue;
                }
            };
            self.running.insert(key, actor);
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
