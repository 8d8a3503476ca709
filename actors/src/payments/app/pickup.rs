//! Where apps wait for payments, and where the actor of each payment is found.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix::{Addr, WeakAddr};
use kassette_model::{CashBoxId, OperationId};
use kassette_payments::http::AppRequest;
use kassette_stdx::Clock;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::AppPayment;
use crate::outcome::Rejected;

/// When an app that found no place to wait should come back, in seconds.
const RETRY_AFTER_S: u32 = 5;

/// A terminal of a cash box, by its name.
pub(super) type TerminalKey = (CashBoxId, String);

/// A payment that an app may fetch.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) request: AppRequest,
    /// Until when it may be accepted, on the monotonic clock; `None` when it is only asked about.
    pub(super) until: Option<Duration>,
}

impl Offer {
    fn holds(&self, now: Duration) -> bool {
        self.until.is_none_or(|until| until > now)
    }
}

/// See the module. Bounded by the open operations of cash boxes and by those who wait.
pub(crate) struct AppPickup {
    waits_per_terminal_max: usize,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    entered: u64,
    payments: HashMap<(CashBoxId, OperationId), Entry>,
    /// What each terminal may fetch, with the number of the entry that offers it.
    offers: HashMap<TerminalKey, watch::Sender<Option<(u64, Offer)>>>,
}

/// Who has a payment.
struct Entry {
    number: u64,
    terminal: String,
    /// Weak: an actor whose desk has failed must not go on because of this.
    payment: WeakAddr<AppPayment>,
}

impl AppPickup {
    pub(crate) fn new(waits_per_terminal_max: usize) -> Self {
        Self { waits_per_terminal_max, inside: Mutex::default() }
    }

    /// An actor has the payment from now on. Gives the number under which it does, because the one before it may not have left yet.
    pub(super) fn enter(&self, key: (CashBoxId, OperationId), terminal: &str, payment: WeakAddr<AppPayment>) -> u64 {
        let mut inside = self.inside.lock();
        inside.entered = inside.entered.wrapping_add(1);
        let number = inside.entered;
        inside.payments.insert(key, Entry { number, terminal: terminal.to_owned(), payment });
        number
    }

    /// Nobody has the payment any more.
    pub(super) fn leave(&self, key: (CashBoxId, OperationId), terminal: &str, number: u64) {
        self.offer(&(key.0, terminal.to_owned()), number, None);
        let mut inside = self.inside.lock();
        if inside.payments.get(&key).is_some_and(|entry| entry.number == number) {
            inside.payments.remove(&key);
        }
    }

    /// Who has the payment, when it is one of this terminal.
    pub(super) fn find(&self, key: (CashBoxId, OperationId), terminal: &str) -> Option<Addr<AppPayment>> {
        let inside = self.inside.lock();
        inside.payments.get(&key).filter(|entry| entry.terminal == terminal)?.payment.upgrade()
    }

    /// Offers something to the apps of a terminal, or takes back what was offered under this number.
    pub(super) fn offer(&self, terminal: &TerminalKey, number: u64, offer: Option<Offer>) {
        let mut inside = self.inside.lock();
        match offer {
            Some(offer) => {
                let offers = inside.offers.entry(terminal.clone()).or_insert_with(|| watch::Sender::new(None));
                offers.send_replace(Some((number, offer)));
            }
            None => {
                let Some(offers) = inside.offers.get(terminal) else { return };
                let own = offers.borrow().as_ref().is_some_and(|(by, _)| *by == number);
                if own {
                    offers.send_replace(None);
                }
                inside.forget(terminal);
            }
        }
    }

    /// A place to wait for what is offered to a terminal.
    ///
    /// # Errors
    /// [`Rejected::TooManySubscribers`].
    pub(super) fn wait(self: &Arc<Self>, terminal: TerminalKey) -> Result<Waiting, Rejected> {
        let mut inside = self.inside.lock();
        let offers = inside.offers.entry(terminal.clone()).or_insert_with(|| watch::Sender::new(None));
        if offers.receiver_count() >= self.waits_per_terminal_max {
            inside.forget(&terminal);
            return Err(Rejected::TooManySubscribers { retry_after_s: RETRY_AFTER_S });
        }
        let offered = offers.subscribe();
        Ok(Waiting { offered: Some(offered), pickup: Arc::clone(self), terminal })
    }
}

impl Inside {
    /// Keeps nothing of a terminal at which nobody waits and nothing is offered.
    fn forget(&mut self, terminal: &TerminalKey) {
        if self.offers.get(terminal).is_some_and(|offers| offers.receiver_count() == 0 && offers.borrow().is_none()) {
            self.offers.remove(terminal);
        }
    }
}

/// A place of somebody who waits; given back when it is dropped.
pub(super) struct Waiting {
    offered: Option<watch::Receiver<Option<(u64, Offer)>>>,
    pickup: Arc<AppPickup>,
    terminal: TerminalKey,
}

impl Waiting {
    /// What is offered, as soon as there is something. May be dropped at any point without losing anything.
    pub(super) async fn offered(&mut self, clock: &dyn Clock) -> Offer {
        if let Some(offered) = &mut self.offered {
            let holds =
                |offer: &Option<(u64, Offer)>| offer.as_ref().is_some_and(|(_, offer)| offer.holds(clock.monotonic()));
            if let Ok(offer) = offered.wait_for(holds).await
                && let Some((_, offer)) = offer.clone()
            {
                return offer;
            }
        }
        // The sender lives as long as somebody waits.
        std::future::pending().await
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        drop(self.offered.take());
        self.pickup.inside.lock().forget(&self.terminal);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use futures_util::FutureExt as _;
    use kassette_model::payment::PayAction;
    use kassette_stdx::FakeClock;

    use super::*;

    const BOX: CashBoxId = CashBoxId::from_bytes([1; 16]);

    fn offer(until_ms: Option<u64>) -> Offer {
        let request = AppRequest {
            operation: OperationId::from_bytes([2; 16]),
            action: PayAction::Payment,
            amount: kassette_model::Decimal::ONE,
            currency: "EUR".to_owned(),
            description: String::new(),
            protocol: String::new(),
            terminal_id: None,
            reference: None,
            ask: until_ms.is_none(),
            accepted_by: None,
        };
        Offer { request, until: until_ms.map(Duration::from_millis) }
    }

    #[test]
    fn everybody_at_the_terminal_gets_what_is_offered_and_nobody_else() {
        let (pickup, clock) = (Arc::new(AppPickup::new(2)), FakeClock::at(0));
        let bar = (BOX, "bar".to_owned());
        let mut first = pickup.wait(bar.clone()).unwrap();
        let mut second = pickup.wait(bar.clone()).unwrap();
        let mut hall = pickup.wait((BOX, "hall".to_owned())).unwrap();
        assert!(matches!(pickup.wait(bar.clone()), Err(Rejected::TooManySubscribers { .. })));
        assert!(first.offered(&clock).now_or_never().is_none());
        let until = clock.monotonic() + Duration::from_millis(5);
        pickup.offer(&bar, 1, Some(Offer { until: Some(until), ..offer(None) }));
        assert!(first.offered(&clock).now_or_never().is_some() && second.offered(&clock).now_or_never().is_some());
        assert!(hall.offered(&clock).now_or_never().is_none());
        clock.advance(Duration::from_millis(5));
        assert!(first.offered(&clock).now_or_never().is_none(), "its time is over");
        // Another one's offer is not taken back.
        pickup.offer(&bar, 2, Some(offer(None)));
        pickup.offer(&bar, 1, None);
        assert!(first.offered(&clock).now_or_never().is_some());
        drop((first, second));
        assert!(pickup.wait(bar.clone()).unwrap().offered(&clock).now_or_never().is_some(), "it stays");
        pickup.offer(&bar, 2, None);
        drop(hall);
        assert!(pickup.inside.lock().offers.is_empty(), "nothing is kept of those who left");
    }
}
