//! The actor of one payment at a terminal: it takes the payment from its intent to its end, and writes down each step before the next.
//!
//! It never sends a payment twice. What was interrupted after its first byte may have gone out is in doubt, and from then on the terminal
//! is only asked, as often as it takes, until what it says is certain or an operator has decided.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext as _, ActorFutureExt as _, AsyncContext as _, Context, Handler, WrapFuture as _};
use kassette_cashbox::PaymentTold;
use kassette_model::CashBoxId;
use kassette_model::payment::{PaymentOutcome, PaymentRefusal, PaymentState, RefusalKind};
use kassette_payments::zvt::session::{Baseline, SessionEvent, Stage, Transaction};
use kassette_record::PaymentFacts;
use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::dummy::LookNow;
use super::orders::{Order, PaymentKey, PaymentOrders};
use crate::devices::{DeviceState, Go, Next, NotNow, Take, Terminal, Work};
use crate::gateway::Gateway;
use crate::outcome::Rejected;

/// How long a step waits that the cash box could not take down.
const TELL_AGAIN: Duration = Duration::from_secs(1);
/// How long a payment waits for a terminal that is just being asked or connected; then the till is told that it cannot be reached.
const TAKE_WITHIN: Duration = Duration::from_secs(2);
/// How long after it was handed in a payment may be sent; later, nobody may stand at the till any more.
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// How often it is tried to write a result down while this node is busy; the terminal is held for as long.
const HOLD_ATTEMPTS: u32 = 10;
/// How often a terminal with a payment in doubt is tried again, whatever its supervisor has planned: doubt is worth a hurry.
const HURRY: Duration = Duration::from_secs(2);
/// Pauses between attempts to settle a payment at a terminal that answers but cannot say (devices.md 2.3: 1, 2, 5, 10, 30 s).
const ASK_AGAIN_S: [u64; 5] = [1, 2, 5, 10, 30];

/// The actor. See the module.
pub(super) struct TerminalPayment {
    course: Arc<Course>,
}

impl TerminalPayment {
    pub(super) fn new(gateway: Gateway, orders: Arc<PaymentOrders>, cash_box: CashBoxId, order: &Order) -> Self {
        let began = gateway.shared.clock.monotonic();
        let key = (cash_box, order.payment.operation);
        Self { course: Arc::new(Course { gateway, orders, cash_box, key, began, told_cents: Mutex::default() }) }
    }
}

impl Actor for TerminalPayment {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let course = Arc::clone(&self.course);
        let run = async move { course.run().await };
        ctx.spawn(run.into_actor(self).map(|(), _, ctx: &mut Context<Self>| ctx.stop()));
    }
}

impl Handler<LookNow> for TerminalPayment {
    type Result = ();
    /// Its time is that of a line: there is nothing to look at on a clock that is set.
    fn handle(&mut self, _: LookNow, _: &mut Context<Self>) {}
}

impl Drop for TerminalPayment {
    /// Whatever ended it: if its payment is still on its way, the desk gives it another actor.
    fn drop(&mut self) {
        self.course.orders.look();
    }
}

/// The way of the payment.
struct Course {
    gateway: Gateway,
    orders: Arc<PaymentOrders>,
    cash_box: CashBoxId,
    key: PaymentKey,
    /// When this actor began, on the monotonic clock.
    began: Duration,
    /// The amount that the terminal told while it was paid, in cents; lost with this actor.
    told_cents: Mutex<Option<u64>>,
}

/// The payment has ended, or goes on without this actor.
struct Over;

impl Course {
    async fn run(&self) {
        let mut settling = Settling { doubted_at: self.began, attempts: 0 };
        let mut before = None;
        // Each round is one state; every arm moves it on or ends.
        while let Some(order) = self.orders.get(self.key) {
            if order.payment.state == PaymentState::Unknown && before != Some(PaymentState::Unknown) {
                settling.doubted_at = self.gateway.shared.clock.monotonic();
            }
            before = Some(order.payment.state);
            let went = match order.payment.state {
                PaymentState::Intent => self.pay(&order).await,
                PaymentState::Sent | PaymentState::Result => {
                    self.doubt("the server ended in the middle of the payment".to_owned()).await
                }
                PaymentState::Unknown => {
                    tokio::select! {
                        went = self.settle(&order.payment, &mut settling) => went,
                        () = order.changed() => Ok(()),
                    }
                }
                PaymentState::NeedsOperator => {
                    order.changed().await;
                    Ok(())
                }
                PaymentState::Ended => Err(Over),
            };
            if went.is_err() {
                return;
            }
        }
    }

    fn terminal(&self, payment: &PaymentFacts) -> Option<Arc<Terminal>> {
        self.gateway.shared.terminals.get(self.cash_box, &payment.terminal)
    }

    /// Sends the payment, if its terminal takes it now; else it ends, because nobody waits for a terminal that comes back some time.
    async fn pay(&self, order: &Order) -> Result<(), Over> {
        let payment = &order.payment;
        if !order.fresh {
            let detail = "the server was restarted before anything of it was sent";
            return self.refuse(RefusalKind::NotCharged, "NOT SENT", detail).await;
        }
        if order.handed_in.elapsed() > TAKE_WITHIN.saturating_mul(2) {
            let detail = "it could not be sent at once, and nothing of it was";
            return self.refuse(RefusalKind::NotCharged, "NOT SENT", detail).await;
        }
        let wanted = match wanted(payment) {
            Ok(wanted) => wanted,
            Err(why) => return self.refuse(RefusalKind::NotCharged, "NOT POSSIBLE", why).await,
        };
        let Some(terminal) = self.terminal(payment) else {
            return self.refuse(RefusalKind::Unreachable, "TERMINAL NOT REACHED", "no such terminal is served").await;
        };
        let (life, mut told) = match self.hand_over(&terminal, wanted).await {
            Ok(told) => told,
            Err(why) => {
                terminal.try_now();
                return self.refuse(RefusalKind::Unreachable, "TERMINAL NOT REACHED", why).await;
            }
        };
        match heard(&terminal, life, &mut told).await {
            Some(SessionEvent::MaySend(baseline)) => {
                let sending = PaymentTold::Sending { baseline: Some(baseline.to_string()) };
                match self.gateway.tell_payment(self.cash_box, payment.operation, sending).await {
                    Ok(()) => {}
                    Err(Rejected::Refused(_)) => return self.look_up(),
                    // Whoever waits at the till is not kept waiting for a disk: nothing was sent.
                    Err(_) => {
                        let detail = "the payment could not be written down, so it was not sent";
                        return self.refuse(RefusalKind::NotCharged, "NOT SENT", detail).await;
                    }
                }
                self.orders.reached(self.key, PaymentState::Sent, Some(baseline.to_string()));
                if order.handed_in.elapsed() > SEND_WITHIN {
                    let detail = "it could not be written down in time, so it was not sent";
                    return self.refuse(RefusalKind::NotCharged, "NOT SENT", detail).await;
                }
                self.next(&terminal, Go::Send);
                self.follow(&terminal, life, told).await
            }
            Some(SessionEvent::Ended { outcome, .. }) => self.end(*outcome, None).await,
            _ => {
                let why = "the terminal failed before anything was sent to it";
                self.refuse(RefusalKind::Unreachable, "TERMINAL NOT REACHED", why).await
            }
        }
    }

    /// Gives the payment to the session of its terminal, or says why not.
    async fn hand_over(
        &self,
        terminal: &Terminal,
        order: kassette_payments::zvt::session::Order,
    ) -> Result<(u64, UnboundedReceiver<SessionEvent>), String> {
        let mut board = terminal.board.watch();
        let patience = tokio::time::sleep(TAKE_WITHIN);
        tokio::pin!(patience);
        loop {
            let session = terminal.session.get().map_err(|down| down.to_string())?;
            let (events, told) = unbounded_channel();
            let take = Take { operation: self.key.1, order: order.clone(), work: Work::Pay, told: events };
            board.mark_unchanged();
            let life = terminal.board.now().life;
            let why = match tokio::time::timeout(TAKE_WITHIN, session.send(take)).await {
                Ok(Ok(Ok(()))) => return Ok((life, told)),
                Ok(Ok(Err(NotNow::Busy))) => return Err(NotNow::Busy.to_string()),
                Ok(Ok(Err(not_now))) => not_now.to_string(),
                Ok(Err(_)) => "the terminal failed".to_owned(),
                Err(_) => return Err("the terminal hangs".to_owned()),
            };
            tokio::select! {
                _ = board.changed() => {}
                () = &mut patience => return Err(why),
            }
        }
    }

    fn next(&self, terminal: &Terminal, go: Go) {
        // A session that is gone needs nothing: its end is heard by its channel.
        if let Ok(session) = terminal.session.get() {
            session.do_send(Next(self.key.1, go));
        }
    }

    /// From the first byte to the end, or into doubt.
    async fn follow(
        &self,
        terminal: &Terminal,
        life: u64,
        mut told: UnboundedReceiver<SessionEvent>,
    ) -> Result<(), Over> {
        loop {
            match heard(terminal, life, &mut told).await {
                Some(SessionEvent::Told(transaction)) => {
                    *self.told_cents.lock() = transaction.amount_cents;
                    let go = self.write_down(&transaction).await?;
                    self.next(terminal, go);
                }
                Some(SessionEvent::Ended { outcome, .. }) => return self.end(*outcome, None).await,
                Some(SessionEvent::Doubt(reason)) => return self.doubt(reason).await,
                Some(_) => {}
                None => return self.doubt("the terminal failed in the middle of the payment".to_owned()).await,
            }
        }
    }

    /// Makes a result durable, and says what the terminal may be told. A node that is busy or stops is no reason to take an approved
    /// payment back: the terminal is held meanwhile.
    async fn write_down(&self, transaction: &Transaction) -> Result<Go, Over> {
        for _ in 0..HOLD_ATTEMPTS {
            let result = PaymentTold::Result { reason: in_words(transaction) };
            match self.gateway.tell_payment(self.cash_box, self.key.1, result).await {
                Ok(()) => {
                    self.orders.reached(self.key, PaymentState::Result, None);
                    return Ok(Go::Acknowledge);
                }
                Err(Rejected::Refused(_)) => {
                    self.look_up()?;
                    return Ok(Go::Reject);
                }
                Err(Rejected::Busy { .. } | Rejected::Stopping) => tokio::time::sleep(TELL_AGAIN).await,
                Err(_) => break,
            }
        }
        Ok(Go::Reject)
    }

    /// A step was refused: the payment stands otherwise than is known here. What is durable says how.
    fn look_up(&self) -> Result<(), Over> {
        match self.gateway.open_payment(self.key) {
            Ok(Some(payment)) => {
                self.orders.reached(self.key, payment.state, payment.baseline);
                Ok(())
            }
            Ok(None) => Err(self.leave()),
            // The next step that is refused looks again.
            Err(_) => Ok(()),
        }
    }

    /// Asks the terminal what became of the payment, once; comes back when it could not be asked or could not say.
    async fn settle(&self, payment: &PaymentFacts, settling: &mut Settling) -> Result<(), Over> {
        let (Ok(order), Some(terminal)) = (wanted(payment), self.terminal(payment)) else {
            settling.pause().await;
            return Ok(());
        };
        if !self.until_ready(&terminal, payment).await {
            return Ok(());
        }
        let now = self.gateway.shared.clock.monotonic();
        let baseline = payment.baseline.as_deref().and_then(|text| text.parse().ok());
        let stage = Stage {
            // What cannot be read settles nothing.
            baseline: baseline.unwrap_or(Baseline::Unknown),
            since_sent: now.saturating_sub(settling.doubted_at),
            told_cents: *self.told_cents.lock(),
        };
        let (events, mut told) = unbounded_channel();
        let life = terminal.board.now().life;
        let take = Take { operation: self.key.1, order, work: Work::Settle(stage), told: events };
        let taken = match terminal.session.get() {
            Ok(session) => tokio::time::timeout(TAKE_WITHIN, session.send(take)).await,
            Err(_) => return Ok(()),
        };
        if !matches!(taken, Ok(Ok(Ok(())))) {
            settling.pause().await;
            return Ok(());
        }
        match heard(&terminal, life, &mut told).await {
            Some(SessionEvent::Ended { outcome, .. }) => {
                self.end(*outcome, Some("the terminal was asked afterwards".to_owned())).await
            }
            Some(SessionEvent::Contradiction(reason)) => {
                self.tell(PaymentTold::Contradiction { reason }).await?;
                self.orders.reached(self.key, PaymentState::NeedsOperator, None);
                Ok(())
            }
            _ => {
                settling.pause().await;
                Ok(())
            }
        }
    }

    /// Waits until the terminal is idle, and hurries it along; `false` when another took its place in the configuration.
    async fn until_ready(&self, terminal: &Arc<Terminal>, payment: &PaymentFacts) -> bool {
        let mut board = terminal.board.watch();
        loop {
            if !self.terminal(payment).is_some_and(|now| Arc::ptr_eq(&now, terminal)) {
                return false;
            }
            let ready = board.wait_for(|standing| standing.state == DeviceState::Ready);
            // What it gives holds the board: whoever wants to write on it would wait for us, and stand still with its thread.
            let is_ready = tokio::time::timeout(HURRY, ready).await.map(drop).is_ok();
            match (is_ready, terminal.session.get()) {
                (true, Ok(_)) => return true,
                (true, Err(_)) => tokio::time::sleep(HURRY).await,
                (false, _) => {}
            }
            terminal.try_now();
        }
    }

    async fn doubt(&self, reason: String) -> Result<(), Over> {
        self.tell(PaymentTold::Doubt { reason }).await?;
        self.orders.reached(self.key, PaymentState::Unknown, None);
        Ok(())
    }

    async fn refuse(
        &self,
        kind: RefusalKind,
        title: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Result<(), Over> {
        let refusal = PaymentRefusal { kind, title: Cow::Borrowed(title), detail: detail.into() };
        self.end(PaymentOutcome::Refused(refusal), None).await
    }

    async fn end(&self, outcome: PaymentOutcome, reason: Option<String>) -> Result<(), Over> {
        self.tell(PaymentTold::Ended { outcome, reason }).await?;
        Err(self.leave())
    }

    /// Tells the cash box, until it has taken it down.
    async fn tell(&self, told: PaymentTold) -> Result<(), Over> {
        loop {
            match self.gateway.tell_payment(self.cash_box, self.key.1, told.clone()).await {
                Ok(()) => return Ok(()),
                // It has gone another way: what is durable says how.
                Err(Rejected::Refused(problem)) => {
                    tracing::warn!(cash_box = %self.cash_box, operation = %self.key.1, detail = problem.detail,
                        "a payment was told of that cannot take this step");
                    return self.look_up();
                }
                Err(rejected) => {
                    tracing::debug!(cash_box = %self.cash_box, operation = %self.key.1, ?rejected, "a payment waits");
                    tokio::time::sleep(TELL_AGAIN).await;
                }
            }
        }
    }

    /// It is no payment of this node any more.
    fn leave(&self) -> Over {
        self.orders.end(self.key);
        Over
    }
}

/// What the session of this life tells next; nothing when it is gone, or hangs and was replaced.
async fn heard(terminal: &Terminal, life: u64, told: &mut UnboundedReceiver<SessionEvent>) -> Option<SessionEvent> {
    let mut board = terminal.board.watch();
    let replaced = async {
        // The board outlives us: it never closes while we hold the terminal.
        _ = board.wait_for(|standing| standing.life != life).await.map(drop);
    };
    tokio::select! {
        biased;
        event = told.recv() => event,
        () = replaced => None,
    }
}

/// What is known about a payment that is being settled.
struct Settling {
    /// Since when it is in doubt, on the monotonic clock: the last time at which the terminal may have heard of it. Of one that was
    /// restored this is when it was restored: nobody knows how far the clock on
    /// the wall was set in between, and the terminal may still be busy with it for its whole time.
    doubted_at: Duration,
    attempts: usize,
}

impl Settling {
    async fn pause(&mut self) {
        let last = ASK_AGAIN_S.len().saturating_sub(1);
        let pause_s = ASK_AGAIN_S.get(self.attempts.min(last)).copied().unwrap_or(30);
        self.attempts = self.attempts.saturating_add(1);
        tokio::time::sleep(Duration::from_secs(pause_s)).await;
    }
}

/// Currency in which terminals are spoken to.
const EURO: &str = "EUR";

/// What the terminal is asked for.
fn wanted(payment: &PaymentFacts) -> Result<kassette_payments::zvt::session::Order, &'static str> {
    if !payment.currency.eq_ignore_ascii_case(EURO) {
        return Err("the terminal is registered for euro only");
    }
    let amount: kassette_model::Decimal = payment.amount.parse().map_err(|_| "the amount is not readable")?;
    let cents = amount.checked_mul(kassette_model::Decimal::ONE_HUNDRED).and_then(|cents| u64::try_from(cents).ok());
    let amount_cents = cents.ok_or("the amount is no number of cents")?;
    let receipt_number = payment.original.as_deref().and_then(|number| number.parse().ok());
    Ok(kassette_payments::zvt::session::Order { action: payment.action, amount_cents, receipt_number })
}

/// A result as it stands in the record: enough to find it on the terminal's slips.
fn in_words(told: &Transaction) -> String {
    let mut words = told.code.english().into_owned();
    if let Some(amount_cents) = told.amount_cents {
        words.push_str(&format!(", {amount_cents} cents"));
    }
    if let Some(receipt_number) = told.receipt_number {
        words.push_str(&format!(", receipt {receipt_number:04}"));
    }
    if let Some(trace) = told.trace {
        words.push_str(&format!(", trace {trace:06}"));
    }
    words
}
