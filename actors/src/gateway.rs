//! What the edge holds of the actor tree: it forwards calls and waits for answers, nothing else.

use std::sync::Arc;
use std::time::Duration;

use kassette_cashbox::{Configuration, PaymentTold, Request};
use kassette_journal::{Journal, JournalError};
use kassette_model::{CashBoxId, OperationId, OperationState};
use tokio::sync::oneshot;

use crate::callbacks::Callbacks;
use crate::cash_box::Given;
use crate::devices::{DeviceStatus, DeviceWatch};
use crate::directory::{Call, CashBoxDirectory, Deliver, Passivate, Resume};
use crate::events::Subscription;
use crate::node::{NodeStatus, Shared};
use crate::outcome::{Accepted, BUSY_RETRY_AFTER_S, Executed, Rejected};
use crate::payments::{LookAtPayments, PaymentDesk};
use crate::profile::{self, Profile};
use crate::supervision::ChildRef;

/// How long a repeat waits at least while the first call of its operation is not durable.
const DURABLE_WAIT: Duration = Duration::from_secs(5);

/// How often at most a call looks whether the operation that it waits for is in doubt.
const DOUBT_LOOK_EVERY: Duration = Duration::from_secs(1);

/// A stable handle of the running node. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    pub(crate) shared: Arc<Shared>,
    pub(crate) shards: Arc<[ChildRef<CashBoxDirectory>]>,
    pub(crate) callbacks: Option<Callbacks>,
    /// `None` for the desk's own handle.
    pub(crate) payments: Option<ChildRef<PaymentDesk>>,
}

impl Gateway {
    /// What is public of a cash box; `None` when there is none. Kept in memory between calls.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn profile(&self, cash_box: CashBoxId) -> Result<Option<Arc<Profile>>, JournalError> {
        self.shared.profiles.get(self.shared.journal.as_ref(), cash_box)
    }

    /// What an operator sees of callbacks; `None` when this node sends none.
    #[must_use]
    pub const fn callbacks(&self) -> Option<&Callbacks> {
        self.callbacks.as_ref()
    }

    /// The configuration in force; `None` when there is no such cash box. Read from the journal each time.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn configuration(&self, cash_box: CashBoxId) -> Result<Option<Configuration>, JournalError> {
        profile::configuration(self.shared.journal.as_ref(), cash_box)
    }

    /// The journal, for reads that do not pass the cash box.
    #[must_use]
    pub fn journal(&self) -> &Arc<dyn Journal> {
        &self.shared.journal
    }

    /// Executes an operation or gives its stored answer. `wait` bounds only a repeat that finds the first call running.
    ///
    /// # Errors
    /// [`Rejected`]: nothing was stored for this call.
    pub async fn execute(&self, cash_box: CashBoxId, request: Request, wait: Duration) -> Result<Executed, Rejected> {
        let (reply, given) = oneshot::channel();
        let id = request.id;
        self.deliver(cash_box, Call::Execute(request, self.shared.clock.monotonic(), false, reply))?;
        match given.await.map_err(|_| self.gone())? {
            Given::Now(outcome) => outcome,
            Given::Later(outcome) => match tokio::time::timeout(wait, outcome).await {
                Ok(outcome) => outcome.map_err(|_| self.gone())?,
                Err(_) => Err(Rejected::StillRunning),
            },
            Given::Accepted(end) => self.first_end(cash_box, id, end, wait).await,
        }
    }

    /// The end of an operation that this call accepted: it waits as long as that takes, unless it is in doubt (contract 2.2.6).
    async fn first_end(
        &self,
        cash_box: CashBoxId,
        id: OperationId,
        mut end: oneshot::Receiver<Result<Executed, Rejected>>,
        wait: Duration,
    ) -> Result<Executed, Rejected> {
        loop {
            match tokio::time::timeout(wait.max(DOUBT_LOOK_EVERY), &mut end).await {
                Ok(Ok(Ok(executed))) => return Ok(Executed { first: true, ..executed }),
                // It was accepted, and goes on without this call.
                Ok(_) => return Err(Rejected::StillRunning),
                Err(_) => {
                    let stored = self.shared.journal.operation(cash_box, id)?;
                    let operation = stored.and_then(|record| record.open().ok()?.0.details.operation);
                    if operation.is_some_and(|operation| operation.state == OperationState::Unknown) {
                        return Err(Rejected::StillRunning);
                    }
                }
            }
        }
    }

    /// A provider tells of a payment; durable when this returns.
    pub(crate) async fn tell_payment(
        &self,
        cash_box: CashBoxId,
        operation: OperationId,
        told: PaymentTold,
    ) -> Result<(), Rejected> {
        self.ask(cash_box, |reply| Call::Payment(operation, Box::new(told), reply)).await
    }

    /// How the devices stand, by cash box and name.
    #[must_use]
    pub fn devices(&self) -> Vec<DeviceStatus> {
        self.shared.terminals.status()
    }

    /// The devices of one cash box, for somebody who is to be told of each change.
    #[must_use]
    pub fn watch_devices(&self, cash_box: CashBoxId) -> DeviceWatch {
        DeviceWatch::new(Arc::clone(&self.shared), cash_box)
    }

    /// Asks a terminal now whether it is there, and ends the wait for its restart. Gives how it stands when it has answered, or has not
    /// within `wait`; `None` when no such terminal is served.
    pub async fn probe_terminal(&self, cash_box: CashBoxId, name: &str, wait: Duration) -> Option<DeviceStatus> {
        let terminal = self.shared.terminals.get(cash_box, name)?;
        terminal.probe(wait).await;
        Some(terminal.status())
    }

    /// Lets the payments look at the clock now; for tests with one that is set.
    pub async fn look_at_payments(&self) {
        if let Some(desk) = self.payments.as_ref().and_then(|desk| desk.get().ok()) {
            _ = desk.send(LookAtPayments).await;
        }
    }

    /// Accepts an operation, which is then executed in any case, and waits at most `wait` for its end. A repeat waits as long.
    ///
    /// # Errors
    /// [`Rejected`]: nothing was stored for this call.
    pub async fn accept(&self, cash_box: CashBoxId, request: Request, wait: Duration) -> Result<Accepted, Rejected> {
        let (reply, given) = oneshot::channel();
        let id = request.id;
        self.deliver(cash_box, Call::Execute(request, self.shared.clock.monotonic(), true, reply))?;
        let mut wait = wait;
        let (end, first) = match given.await.map_err(|_| self.gone())? {
            // It ended before, or could not be accepted any more.
            Given::Now(Ok(executed)) => return Ok(Accepted::Ended(Executed { first: false, ..executed })),
            Given::Now(Err(Rejected::StillRunning)) => return Ok(Accepted::Running { first: false }),
            Given::Now(Err(rejected)) => return Err(rejected),
            Given::Later(end) => {
                if self.shared.journal.operation(cash_box, id)?.is_none() {
                    // Nothing of it is durable yet, so nothing may be told; it will be with the next sync.
                    wait = wait.max(DURABLE_WAIT);
                }
                (end, false)
            }
            Given::Accepted(end) => (end, true),
        };
        // What goes wrong after the acceptance is not this call's: the operation is executed again.
        match tokio::time::timeout(wait, end).await {
            Ok(Ok(Ok(executed))) => Ok(Accepted::Ended(Executed { first, ..executed })),
            _ => Ok(Accepted::Running { first }),
        }
    }

    /// Waits at most `wait` for the end of an operation that was accepted before; the journal tells how it stands then.
    ///
    /// # Errors
    /// [`Rejected`] when its cash box cannot be asked.
    pub async fn watch(&self, cash_box: CashBoxId, operation: OperationId, wait: Duration) -> Result<(), Rejected> {
        let (reply, given) = oneshot::channel();
        self.deliver(cash_box, Call::Watch(operation, reply))?;
        match given.await.map_err(|_| self.gone())? {
            Given::Later(end) | Given::Accepted(end) => drop(tokio::time::timeout(wait, end).await),
            Given::Now(_) => {}
        }
        Ok(())
    }

    /// Waits for new records of a cash box from now on; what they say is read from the journal.
    ///
    /// # Errors
    /// [`Rejected::TooManySubscribers`]; [`Rejected::Stopping`].
    pub fn subscribe(&self, cash_box: CashBoxId) -> Result<Subscription, Rejected> {
        if self.shared.is_stopping() {
            return Err(Rejected::Stopping);
        }
        self.shared.events.subscribe(cash_box)
    }

    /// Lets every cash box execute what was accepted and has not ended, and brings its devices into service; after a start, and again
    /// now and then. Gives how many were asked.
    ///
    /// # Errors
    /// [`Rejected`] when the journal cannot say now which they are, or a shard is down: to be called again.
    pub fn go_on(&self) -> Result<usize, Rejected> {
        let mut asked: usize = 0;
        for cash_box in self.shared.journal.unfinished()? {
            // One that has devices is listed for ever: once they are served only its operations count.
            if !self.shared.terminals.knows(cash_box) || self.has_open(cash_box)? {
                self.deliver(cash_box, Call::GoOn)?;
                asked = asked.saturating_add(1);
            }
        }
        Ok(asked)
    }

    /// Whether a cash box has operations that were accepted and have not ended.
    fn has_open(&self, cash_box: CashBoxId) -> Result<bool, Rejected> {
        let head = self.shared.journal.head(cash_box)?;
        let details = head.and_then(|stored| kassette_record::v1::read_details(&stored.record.header).ok());
        // What cannot be read is for the cash box itself to say.
        Ok(details.is_none_or(|details| !details.head.open.is_empty()))
    }

    /// Brings a cash box into memory, and with it its devices into service, if it is not there.
    ///
    /// # Errors
    /// [`Rejected`] when the shard is down.
    pub async fn wake(&self, cash_box: CashBoxId) -> Result<(), Rejected> {
        self.deliver(cash_box, Call::GoOn)?;
        // Behind the call above: when this is answered, that is done.
        let (reply, given) = oneshot::channel();
        self.deliver(cash_box, Call::Watch(OperationId::from_bytes([0; 16]), reply))?;
        _ = given.await;
        Ok(())
    }

    /// Writes the first record of a new cash box, or a change of its configuration; durable when this returns.
    ///
    /// # Errors
    /// [`Rejected`]: nothing was changed.
    pub async fn configure(&self, configuration: Configuration) -> Result<(), Rejected> {
        let cash_box = configuration.cash_box;
        self.ask(cash_box, |reply| Call::Configure(Box::new(configuration), reply)).await
    }

    /// Makes a cash box forget what it has in memory; the next call restores it from the journal.
    ///
    /// # Errors
    /// [`Rejected`] when the shard is down.
    pub async fn reset(&self, cash_box: CashBoxId) -> Result<(), Rejected> {
        self.ask(cash_box, Call::Reset).await
    }

    /// Lifts the quarantine of a cash box; does nothing when there is none.
    ///
    /// # Errors
    /// [`Rejected`] when the shard is down.
    pub async fn resume(&self, cash_box: CashBoxId) -> Result<(), Rejected> {
        let (reply, answer) = oneshot::channel();
        let shard = self.shard(cash_box)?;
        shard.try_send(Resume { id: cash_box, reply }).map_err(|_| self.busy())?;
        answer.await.map_err(|_| self.gone())?
    }

    /// Stops the cash boxes that have been idle for long enough now, instead of at the next tick.
    ///
    /// # Errors
    /// [`Rejected`] when a shard is down.
    pub async fn passivate(&self) -> Result<(), Rejected> {
        for shard in self.shards.iter() {
            let shard = shard.get().map_err(|_| self.gone())?;
            shard.send(Passivate).await.map_err(|_| self.gone())?;
        }
        Ok(())
    }

    /// How the node stands.
    #[must_use]
    pub fn status(&self) -> NodeStatus {
        self.shared.status()
    }

    async fn ask(
        &self,
        cash_box: CashBoxId,
        call: impl FnOnce(crate::cash_box::Reply<()>) -> Call,
    ) -> Result<(), Rejected> {
        let (reply, answer) = oneshot::channel();
        self.deliver(cash_box, call(reply))?;
        answer.await.map_err(|_| self.gone())?
    }

    fn deliver(&self, cash_box: CashBoxId, call: Call) -> Result<(), Rejected> {
        if self.shared.is_stopping() {
            return Err(Rejected::Stopping);
        }
        self.shard(cash_box)?.try_send(Deliver { cash_box, call }).map_err(|_| self.busy())
    }

    fn shard(&self, cash_box: CashBoxId) -> Result<actix::Addr<CashBoxDirectory>, Rejected> {
        // Ids are random in their low bytes, also those that carry a time.
        let [.., a, b] = cash_box.bytes();
        let index = usize::from(u16::from_be_bytes([a, b])).checked_rem(self.shards.len()).unwrap_or(0);
        self.shards.get(index).and_then(|shard| shard.get().ok()).ok_or_else(|| self.gone())
    }

    fn busy(&self) -> Rejected {
        if self.shared.is_stopping() {
            Rejected::Stopping
        } else {
            Rejected::Busy { retry_after_s: BUSY_RETRY_AFTER_S }
        }
    }

    /// The actor that had the call went away without an answer: whether the record became durable is not known here, and a
    /// retry with the same id will tell.
    fn gone(&self) -> Rejected {
        self.busy()
    }
}
