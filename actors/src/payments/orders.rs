//! Which payments are on their way. It outlives the actors that make them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use kassette_model::payment::PaymentState;
use kassette_model::{CashBoxId, OperationId};
use kassette_record::PaymentFacts;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// A payment of a cash box.
pub(crate) type PaymentKey = (CashBoxId, OperationId);

/// A payment on its way.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// How it stands, durably.
    pub(crate) payment: PaymentFacts,
    /// Whether whoever asked for it may still wait: it began in this life of its cash box. One that was restored is not sent any more.
    pub(crate) fresh: bool,
    /// When it was handed in, on the machine's own clock: nobody stands at the till for ever.
    pub(super) handed_in: Instant,
    /// Told when somebody else than its own actor has changed it.
    changed: Arc<Notify>,
}

impl Order {
    fn new(payment: PaymentFacts, fresh: bool) -> Self {
        Self { payment, fresh, handed_in: Instant::now(), changed: Arc::default() }
    }

    /// Waits until somebody else has changed it.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}

/// See the module. Bounded by the operations that cash boxes may have open.
#[derive(Default)]
pub(crate) struct PaymentOrders {
    on_their_way: Mutex<HashMap<PaymentKey, Order>>,
    news: Notify,
}

impl PaymentOrders {
    /// A payment is durable and may be made. One that is on its way already goes on as it is.
    pub(crate) fn begin(&self, cash_box: CashBoxId, payment: PaymentFacts, fresh: bool) {
        let key = (cash_box, payment.operation);
        self.on_their_way.lock().entry(key).or_insert_with(|| Order::new(payment, fresh));
        self.news.notify_one();
    }

    /// An operator wants the terminal asked again, and that is durable: whoever follows it takes it up from here.
    pub(crate) fn again(&self, cash_box: CashBoxId, payment: PaymentFacts) {
        let mut on_their_way = self.on_their_way.lock();
        let key = (cash_box, payment.operation);
        let order = on_their_way
            .entry(key)
            .and_modify(|order| order.payment = payment.clone())
            .or_insert_with(|| Order::new(payment, false));
        order.changed.notify_one();
        self.news.notify_one();
    }

    /// A step of it is durable. `baseline`: what its terminal had told last before it was sent.
    pub(crate) fn reached(&self, key: PaymentKey, state: PaymentState, baseline: Option<String>) {
        if let Some(order) = self.on_their_way.lock().get_mut(&key) {
            order.payment.state = state;
            if baseline.is_some() {
                order.payment.baseline = baseline;
            }
        }
    }

    /// It has ended durably; whoever follows it hears that it is gone.
    pub(crate) fn end(&self, key: PaymentKey) {
        let mut on_their_way = self.on_their_way.lock();
        if let Some(order) = on_their_way.remove(&key) {
            order.changed.notify_one();
        }
        if on_their_way.is_empty() {
            on_their_way.shrink_to_fit();
        }
    }

    /// How it stands; `None` when it has ended.
    pub(super) fn get(&self, key: PaymentKey) -> Option<Order> {
        self.on_their_way.lock().get(&key).cloned()
    }

    /// All of them for which `unknown` is true.
    pub(super) fn select(&self, unknown: impl Fn(&PaymentKey) -> bool) -> Vec<(CashBoxId, Order)> {
        let on_their_way = self.on_their_way.lock();
        let found = on_their_way.iter().filter(|(key, _)| unknown(key));
        found.map(|((cash_box, _), order)| (*cash_box, order.clone())).collect()
    }

    /// Lets the desk look whether every payment has an actor.
    pub(super) fn look(&self) {
        self.news.notify_one();
    }

    /// Waits until there is something to look at.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }
}
