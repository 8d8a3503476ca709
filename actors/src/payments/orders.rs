//! Which payments are on their way. It outlives the actors that make them.

use std::collections::HashMap;

use kassette_model::payment::PaymentState;
use kassette_model::{CashBoxId, OperationId};
use kassette_record::PaymentFacts;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// A payment of a cash box.
pub(crate) type PaymentKey = (CashBoxId, OperationId);

/// See the module. Bounded by the operations that cash boxes may have open.
#[derive(Default)]
pub(crate) struct PaymentOrders {
    on_their_way: Mutex<HashMap<PaymentKey, PaymentFacts>>,
    news: Notify,
}

impl PaymentOrders {
    /// A payment is durable and may be made. One that is on its way already goes on as it is.
    pub(crate) fn begin(&self, cash_box: CashBoxId, payment: PaymentFacts) {
        self.on_their_way.lock().entry((cash_box, payment.operation)).or_insert(payment);
        self.news.notify_one();
    }

    /// An operator wants the terminal asked again, and that is durable: whoever had given it up takes it up from here.
    pub(crate) fn again(&self, cash_box: CashBoxId, payment: PaymentFacts) {
        self.on_their_way.lock().insert((cash_box, payment.operation), payment);
        self.news.notify_one();
    }

    /// A step of it is durable.
    pub(crate) fn reached(&self, key: PaymentKey, state: PaymentState) {
        if let Some(payment) = self.on_their_way.lock().get_mut(&key) {
            payment.state = state;
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
    pub(super) fn select(&self, unknown: impl Fn(&PaymentKey) -> bool) -> Vec<(CashBoxId, PaymentFacts)> {
        let on_their_way = self.on_their_way.lock();
        let found = on_their_way.iter().filter(|(key, _)| unknown(key));
        found.map(|((cash_box, _), payment)| (*cash_box, payment.clone())).collect()
    }

    /// Waits until one was handed in.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }
}
