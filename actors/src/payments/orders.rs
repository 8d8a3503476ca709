//! Which payments are on their way. It outlives the actors that make them.

use std::collections::HashMap;

use kassette_model::payment::PaymentState;
use kassette_model::{CashBoxId, OperationId};
use kassette_record::PaymentFacts;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// A payment of a cash box.
pub(crate) type PaymentKey = (CashBoxId, OperationId);

/// A payment that is to be made.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// As far as it has come.
    pub(crate) payment: PaymentFacts,
    /// Begun in this life of the process: whoever makes it has heard of it from the beginning. One that is not was found in the journal.
    pub(crate) fresh: bool,
}

/// See the module. Bounded by the operations that cash boxes may have open.
#[derive(Default)]
pub(crate) struct PaymentOrders {
    on_their_way: Mutex<HashMap<PaymentKey, Order>>,
    news: Notify,
}

impl PaymentOrders {
    /// A payment is durable and may be made; `fresh` when it was begun just now. One that is on its way already goes on as it is.
    pub(crate) fn begin(&self, cash_box: CashBoxId, payment: PaymentFacts, fresh: bool) {
        self.on_their_way.lock().entry((cash_box, payment.operation)).or_insert(Order { payment, fresh });
        self.news.notify_one();
    }

    /// A step of it is durable.
    pub(crate) fn reached(&self, key: PaymentKey, state: PaymentState) {
        if let Some(order) = self.on_their_way.lock().get_mut(&key) {
            order.payment.state = state;
        }
    }

    /// It has ended durably.
    pub(crate) fn end(&self, key: PaymentKey) {
        let mut on_their_way = self.on_their_way.lock();
        on_their_way.remove(&key);
        if on_their_way.is_empty() {
            on_their_way.shrink_to_fit();
        }
    }

    /// All of them for which `unknown` is true.
    pub(super) fn select(&self, unknown: impl Fn(&PaymentKey) -> bool) -> Vec<(CashBoxId, Order)> {
        let on_their_way = self.on_their_way.lock();
        let found = on_their_way.iter().filter(|(key, _)| unknown(key));
        found.map(|((cash_box, _), order)| (*cash_box, order.clone())).collect()
    }

    /// Waits until one was handed in.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }
}
