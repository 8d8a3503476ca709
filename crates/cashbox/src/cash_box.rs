//! The cash box itself: its head, its operations in flight, and how a record is made.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kassette_markets::{Market, MarketSecrets, MarketSettings, MarketState, UnitFacts};
use kassette_model::cases::Country;
use kassette_model::{CashBoxId, Environment, OperationEvent, OperationId, OperationKind, OperationState, QueueId};
use kassette_record::{
    ActionJournal, Answered, Bodies, BoxHead, Configured, Details, Hash, MarketStamp, PaymentFacts, QueuePhase, Record,
    RecordError, RecordKind, SealedRecord, SignFacts, unix_ns,
};
use kassette_wire::Limits;
use kassette_wire::problem::{Code, Problem};

use crate::configuration::refuse;
use crate::operation::{Answer, Commit, Effect, Facts, Request, Step};
use crate::seed::derive;
use crate::sign::Draft;
use crate::states::Change;
use crate::{Configuration, ConfigurationError, TerminalEntry, echo, pay, sign};

/// What a cash box keeps of its configuration in memory: enough to decide, without tokens and certificates, so that many idle
/// cash boxes fit into little memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The cash box.
    pub cash_box: CashBoxId,
    /// Its queue.
    pub queue: QueueId,
    /// `ftCashBoxIdentification`.
    pub identification: String,
    /// Market.
    pub market: Country,
    /// Sandbox or production.
    pub environment: Environment,
    /// Whether every call is to be refused.
    pub disabled: bool,
    /// Whether findings of the general rules fail a receipt.
    pub validation_fails: bool,
    /// Whether a receipt request without a match is processed as a new receipt.
    pub receipt_request_signs: bool,
}

impl Identity {
    fn of(configuration: &Configuration) -> Self {
        Self {
            cash_box: configuration.cash_box,
            queue: configuration.queue,
            identification: configuration.identification.clone(),
            market: configuration.market,
            environment: configuration.environment,
            disabled: configuration.disabled,
            validation_fails: configuration.validation_fails,
            receipt_request_signs: configuration.receipt_request_signs,
        }
    }
}

/// An operation whose record is made but not yet known to be durable.
pub(crate) struct InFlight {
    pub(crate) kind: OperationKind,
    pub(crate) record: SealedRecord,
}

/// One cash box.
///
/// The caller gives it one operation at a time: between a [`Step::Ask`] and the step with its answer no other operation is
/// stepped (contract 6.2: receipts of one queue are processed strictly one at a time); an ask that cannot be answered ends with
/// [`CashBox::abandon`]. [`CashBox::settled`] may come at any time. After a commit whose record could not be
/// appended the value must be thrown away and restored from the journal.
pub struct CashBox {
    pub(crate) identity: Identity,
    pub(crate) market: &'static dyn Market,
    pub(crate) settings: MarketSettings,
    secrets: MarketSecrets,
    /// Without room for more: a `Vec` takes four places for the one unit of most cash boxes.
    pub(crate) units: Box<[UnitFacts]>,
    pub(crate) state: MarketState,
    /// Without the market's state, which is in `state`.
    pub(crate) head: BoxHead,
    pub(crate) row: u64,
    hash: Hash,
    /// `None` while there are none: an idle cash box keeps nothing for operations.
    #[expect(clippy::box_collection, reason = "there are many idle cash boxes, and an empty map has six words")]
    in_flight: Option<Box<HashMap<OperationId, InFlight>>>,
    /// The operation that waits for an answer to its ask.
    pub(crate) draft: Option<Box<Draft>>,
    /// The same for many cash boxes.
    pub(crate) limits: Arc<Limits>,
}

impl fmt::Debug for CashBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CashBox")
            .field("identity", &self.identity)
            .field("row", &self.row)
            .field("hash", &self.hash)
            .field("in_flight", &self.in_flight_count())
            .finish_non_exhaustive()
    }
}

/// What a record says besides the head and the bodies.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) sign: Option<SignFacts>,
    pub(crate) payment: Option<PaymentFacts>,
    pub(crate) market: Option<MarketStamp>,
    pub(crate) actions: Vec<ActionJournal>,
    pub(crate) effects: Vec<Effect>,
}

/// Where the cash box stands after a record.
pub(crate) struct After {
    pub(crate) head: BoxHead,
    /// `None` when the market was not touched.
    pub(crate) state: Option<MarketState>,
}

impl CashBox {
    /// A cash box before its first record; [`CashBox::configure`] with the same configuration gives that record.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    pub fn create(configuration: &Configuration, secrets: MarketSecrets) -> Result<Self, ConfigurationError> {
        Self::restore(configuration, secrets, BoxHead::new(), 0, Hash::ZERO)
    }

    /// The cash box as it stands after the record at `row` with `hash`, whose head is `head`.
    ///
    /// # Errors
    /// When the configuration cannot be used or the market cannot read its state.
    pub fn restore(
        configuration: &Configuration,
        secrets: MarketSecrets,
        mut head: BoxHead,
        row: u64,
        hash: Hash,
    ) -> Result<Self, ConfigurationError> {
        let (market, settings) = configuration.check()?;
        let state = match head.market.take() {
            Some(json) => market
                .read_state(&json)
                .map_err(|error| refuse(format!("/head/market{}", error.pointer), error.message))?,
            None => market.initial_state(&settings),
        };
        Ok(Self {
            identity: Identity::of(configuration),
            market,
            settings,
            secrets,
            units: units(configuration),
            state,
            head,
            row,
            hash,
            in_flight: None,
            draft: None,
            limits: Arc::default(),
        })
    }

    /// Sets the limits of request bodies; [`Limits::default`] unless set.
    pub fn set_limits(&mut self, limits: Arc<Limits>) {
        self.limits = limits;
    }

    /// Puts a configuration in force; the record must be appended. Everything may change but cash box, queue, market,
    /// environment and the time of creation, and, once the queue has started, the identification.
    ///
    /// # Errors
    /// When the configuration cannot be used; nothing has changed then.
    pub fn configure(&mut self, new: &Configuration, facts: &Facts) -> Result<SealedRecord, ConfigurationError> {
        let (_, settings) = new.check()?;
        new.check_at(facts.now)?;
        self.check_fixed(new)?;
        self.check_payments(new, &facts.terminals)?;
        if self.head.phase != QueuePhase::New {
            self.market
                .check_change(&self.settings, &settings)
                .map_err(|error| refuse(format!("/market_settings{}", error.pointer), error.message))?;
        }
        // The state of a register that nobody used yet follows its settings.
        let untouched = self.head.phase == QueuePhase::New && self.state == self.market.initial_state(&self.settings);
        let state = if untouched { self.market.initial_state(&settings) } else { self.state.clone() };
        let mut head = self.head.clone();
        head.configuration_row = self.row.saturating_add(1);
        head.devices = !new.terminals.is_empty();
        let configured = Configured { queue: new.queue, configuration: new.to_json()? };
        let details = Details {
            time_ns: unix_ns(facts.now),
            operation: None,
            sign: None,
            configured: Some(configured),
            market: None,
            actions: Vec::new(),
            promises: Vec::new(),
            payment: None,
            head: self.full_head(&head, &state),
        };
        let record = Record {
            cash_box: self.identity.cash_box,
            kind: RecordKind::Configured,
            details,
            bodies: Bodies::default(),
        };
        let sealed = record.seal(self.row, self.hash).map_err(|error| refuse("", error.to_string()))?;
        self.identity = Identity::of(new);
        self.settings = settings;
        self.units = units(new);
        self.advance(&sealed, After { head, state: Some(state) });
        Ok(sealed)
    }

    /// A terminal whose word is needed for a payment under way stays where it is: without it the payment could only be guessed at, and
    /// another device at another line would tell of payments of its own. `before`: the terminals so far.
    fn check_payments(&self, new: &Configuration, before: &[TerminalEntry]) -> Result<(), ConfigurationError> {
        let same_line = |kept: &TerminalEntry| {
            before.iter().find(|known| known.name == kept.name).is_none_or(|known| known.address == kept.address)
        };
        let stays = |payment: &PaymentFacts, kept: &TerminalEntry| {
            kept.name == payment.terminal && kept.provider == payment.provider && same_line(kept)
        };
        let lost = |payment: &&PaymentFacts| {
            !payment.terminal.is_empty() && !new.terminals.iter().any(|kept| stays(payment, kept))
        };
        match self.payments().iter().find(lost) {
            None => Ok(()),
            Some(payment) => Err(refuse(
                "/terminals",
                format!(
                    "operation {} pays at terminal {:?} and is {}; the terminal and its line can change when that has ended",
                    payment.operation, payment.terminal, payment.state
                ),
            )),
        }
    }

    fn check_fixed(&self, new: &Configuration) -> Result<(), ConfigurationError> {
        let now = &self.identity;
        let started = self.head.phase != QueuePhase::New;
        let fixed = [
            ("/cash_box", now.cash_box == new.cash_box, "the id of a cash box never changes"),
            ("/queue", now.queue == new.queue, "the queue of a cash box never changes"),
            ("/market", now.market == new.market, "the market of a cash box never changes"),
            ("/environment", now.environment == new.environment, "the environment of a cash box never changes"),
            (
                "/identification",
                !started || now.identification == new.identification,
                "the identification is part of every signature since the queue was started",
            ),
        ];
        match fixed.iter().find(|(_, same, _)| !same) {
            Some((pointer, _, message)) => Err(refuse(*pointer, *message)),
            None => Ok(()),
        }
    }

    /// Decides an operation that [`CashBox::admit`] found fresh.
    ///
    /// On [`Step::Commit`] the head has moved on and the operation is in flight until [`CashBox::settled`]; otherwise nothing
    /// has changed.
    pub fn step(&mut self, request: &Request, facts: &Facts) -> Step {
        match request.kind {
            OperationKind::Echo => echo::step(self, request, facts),
            OperationKind::Sign => sign::step(self, request, facts),
            OperationKind::Pay => pay::step(self, request, facts),
            OperationKind::Cart | OperationKind::Order | OperationKind::Issue => {
                let detail = format!("operations of kind {} are not served", request.kind);
                Step::Refuse(Box::new(Problem::new(Code::NotFound, detail)))
            }
        }
    }

    /// Ends an operation that [`CashBox::admit`] found fresh but whose lifetime ended before it could start: it fails with 408, is
    /// stored and replayed like every other failure (contract 2.2.10).
    pub fn expire(&mut self, request: &Request, facts: &Facts, waited: Duration, lifetime_ms: u64) -> Step {
        let detail = format!(
            "the operation waited {} ms for its start, its lifetime is {lifetime_ms} ms; it was not executed",
            waited.as_millis()
        );
        self.fail_by(OperationEvent::Expire, request, facts, Problem::new(Code::OperationExpired, detail))
    }

    /// The answer to the last ask cannot be had: the operation was never executed, and its id is fresh again.
    pub fn abandon(&mut self) {
        self.draft = None;
    }

    /// The record of this operation at `row` is durable: from now on the journal answers for it.
    pub fn settled(&mut self, operation: OperationId, row: u64) {
        // An accepted operation has two records on their way; the later one is the one that counts.
        let Some(in_flight) = self.in_flight.as_deref_mut() else { return };
        if in_flight.get(&operation).is_some_and(|running| running.record.row <= row) {
            in_flight.remove(&operation);
        }
        if in_flight.is_empty() {
            self.in_flight = None;
        }
    }

    /// How many operations wait for their record to become durable.
    #[must_use]
    pub fn in_flight_count(&self) -> usize {
        self.in_flight.as_deref().map_or(0, HashMap::len)
    }

    pub(crate) fn in_flight(&self, operation: OperationId) -> Option<&InFlight> {
        self.in_flight.as_deref()?.get(&operation)
    }

    /// Records that are not yet known to be durable.
    pub(crate) fn records_in_flight(&self) -> impl Iterator<Item = &SealedRecord> {
        self.in_flight.iter().flat_map(|in_flight| in_flight.values()).map(|operation| &operation.record)
    }

    pub(crate) fn put_in_flight(&mut self, operation: OperationId, kind: OperationKind, record: SealedRecord) {
        self.in_flight.get_or_insert_default().insert(operation, InFlight { kind, record });
    }

    /// What is set for this cash box, as far as it is kept in memory.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Units in the order in which they are tried.
    #[must_use]
    pub fn units(&self) -> &[UnitFacts] {
        &self.units
    }

    /// Whether devices belong to it.
    #[must_use]
    pub const fn has_devices(&self) -> bool {
        self.head.devices
    }

    /// The head after the last record, durable or not.
    #[must_use]
    pub fn head(&self) -> BoxHead {
        self.full_head(&self.head, &self.state)
    }

    /// Life of the queue.
    #[must_use]
    pub const fn phase(&self) -> QueuePhase {
        self.head.phase
    }

    /// Row and hash of the last record, durable or not.
    #[must_use]
    pub const fn link(&self) -> (u64, Hash) {
        (self.row, self.hash)
    }

    pub(crate) const fn secrets(&self) -> &MarketSecrets {
        &self.secrets
    }

    pub(crate) fn full_head(&self, head: &BoxHead, state: &MarketState) -> BoxHead {
        BoxHead { market: Some(self.market.write_state(state)), ..head.clone() }
    }

    fn advance(&mut self, sealed: &SealedRecord, after: After) {
        self.row = sealed.row;
        self.hash = sealed.hash;
        self.head = after.head;
        if let Some(state) = after.state {
            self.state = state;
        }
    }

    /// Moves the head on by a record that touches nothing of the market.
    pub(crate) fn follow(&mut self, sealed: &SealedRecord, head: BoxHead) {
        self.advance(sealed, After { head, state: None });
    }

    /// Makes the record of an answered operation, moves the head on and gives out the commit. Nothing changes when the record
    /// cannot be made.
    pub(crate) fn commit(
        &mut self,
        request: &Request,
        facts: &Facts,
        answer: Answer,
        told: Told,
        after: Option<After>,
    ) -> Step {
        let end = if answer.state == OperationState::Failed { OperationEvent::Fail } else { OperationEvent::Succeed };
        self.commit_by(end, request, facts, answer, told, after)
    }

    fn commit_by(
        &mut self,
        end: OperationEvent,
        request: &Request,
        facts: &Facts,
        answer: Answer,
        told: Told,
        after: Option<After>,
    ) -> Step {
        let change = match Change::of(&self.head, request.id, end, request.callback.as_deref()) {
            Ok(change) => change,
            Err(error) => return bug(&error.to_string()),
        };
        match self.try_commit(request, facts, answer, change, told, after) {
            Ok(commit) => Step::Commit(Box::new(commit)),
            Err(error) => bug(&error.to_string()),
        }
    }

    fn try_commit(
        &mut self,
        request: &Request,
        facts: &Facts,
        answer: Answer,
        change: Change,
        told: Told,
        after: Option<After>,
    ) -> Result<Commit, RecordError> {
        let mut after = after.unwrap_or_else(|| After { head: self.head.clone(), state: None });
        after.head.open.retain(|open| open.id != request.id);
        after.head.payments.remove(request.id);
        let salts = derive(&facts.seed, "salts");
        let [request_salt, response_salt] = halves(&salts);
        let details = Details {
            time_ns: unix_ns(facts.now),
            operation: Some(answered(request, facts, &answer, &change)),
            sign: told.sign,
            configured: None,
            payment: told.payment,
            market: told.market,
            actions: told.actions,
            promises: change.promises,
            head: self.full_head(&after.head, after.state.as_ref().unwrap_or(&self.state)),
        };
        let record = Record {
            cash_box: self.identity.cash_box,
            kind: RecordKind::Operation,
            details,
            bodies: Bodies {
                request: Some(request.body.clone()),
                response: Some(answer.body.clone()),
                request_salt,
                response_salt,
            },
        };
        let record = record.seal(self.row, self.hash)?;
        self.advance(&record, after);
        self.draft = None;
        self.put_in_flight(request.id, request.kind, record.clone());
        Ok(Commit { record, answer, effects: told.effects })
    }

    /// An operation that failed for a reason in its body: stored and replayed (contract 2.2.8), without a queue row.
    pub(crate) fn fail(&mut self, request: &Request, facts: &Facts, problem: Problem) -> Step {
        self.fail_by(OperationEvent::Fail, request, facts, problem)
    }

    pub(crate) fn fail_by(&mut self, end: OperationEvent, request: &Request, facts: &Facts, problem: Problem) -> Step {
        let problem = problem.with_instance(format!("urn:uuid:{}", request.id));
        if !problem.stored {
            self.draft = None;
            return Step::Refuse(Box::new(problem));
        }
        let answer = Answer { status: problem.status(), state: OperationState::Failed, body: problem.to_bytes() };
        self.commit_by(end, request, facts, answer, Told::default(), None)
    }
}

pub(crate) fn answered(request: &Request, facts: &Facts, answer: &Answer, change: &Change) -> Answered {
    Answered {
        id: request.id,
        kind: request.kind,
        method: request.method.clone(),
        path: request.path.clone(),
        headers: request.headers.clone(),
        pos_system: request.pos_system,
        terminal: request.terminal.clone(),
        state: answer.state,
        before: change.before,
        sequence: change.after.sequence,
        status: answer.status,
        admitted_ns: unix_ns(facts.admitted),
        lifetime_ms: request.lifetime_ms,
    }
}

fn units(configuration: &Configuration) -> Box<[UnitFacts]> {
    configuration
        .units
        .iter()
        .filter(|unit| !unit.retired)
        .map(|unit| UnitFacts {
            id: unit.id,
            algorithm_mark: unit.algorithm_mark.clone(),
            key_name: unit.key_name.clone(),
        })
        .collect()
}

pub(crate) fn halves(bytes: &[u8; 32]) -> [[u8; 16]; 2] {
    let mut halves = [[0; 16]; 2];
    for (half, part) in halves.iter_mut().zip(bytes.chunks_exact(16)) {
        half.copy_from_slice(part);
    }
    halves
}

/// A failure that only a bug can cause: nothing is stored, and the operation may be sent again.
pub(crate) fn bug(what: &str) -> Step {
    Step::Refuse(Box::new(Problem::new(Code::Internal, format!("the operation could not be recorded: {what}"))))
}
