//! One payment (contract 4.4): from the body to a provider, and from what the provider tells to the answer.
//!
//! Purpose: decide where a payment goes, keep every step of it in the journal, and make the answer of its end.
//! Owns: the reading and the routing of a request (`route`), the
//! payment that a cancellation takes back (`origin`), the records of a payment's steps, its answer (`answer`), the word of an
//! operator (`settle`).
//! Invariants: a payment begins once; it changes along `model::payment::STEPS` only; whoever acts on a step does so after its record is
//! durable; a terminal makes one payment at a time, and none while one is unsettled; a payment in doubt is never ended by a guess; who
//! settles one by hand stands in the action journal of the record that does it.
//! Not here: protocols (`payments`), time-outs and terminals (`actors`).

mod answer;
mod origin;
mod route;
mod settle;

use kassette_model::payment::{
    PayAction, PayRequest, PaymentOutcome, PaymentRefusal, PaymentState, PaymentStep, SettledAs, step as payment_step,
};
use kassette_model::{Decimal, OperationEvent, OperationId, OperationState};
use kassette_record::{ActionJournal, Bodies, Details, PaymentFacts, Record, RecordKind, SealedRecord, unix_ns};
use kassette_wire::pay::parse_request;
use kassette_wire::problem::{Code, Finding, Findings, Problem};

use self::origin::{Original, original};
use crate::CashBox;
use crate::cash_box::{Told, answered, bug, halves};
use crate::operation::{Answer, Ask, Begun, Facts, PaymentTold, Request, Step};
use crate::seed::derive;
use crate::sign::STORED_LIMITS;
use crate::states::Change;

/// Largest amount of one payment: twelve digits with two places, what terminals take.
const AMOUNT_MAX: Decimal = Decimal::from_parts(3_567_587_327, 232, 0, false, 2);

/// Decimal places of an amount.
const PLACES: u32 = 2;

/// Decides a payment: where it goes, or how it fails. One that has begun before is given out again as it stands, without a record.
pub(crate) fn step(cash_box: &mut CashBox, request: &Request, facts: &Facts) -> Step {
    if let Some(payment) = cash_box.payment(request.id) {
        return Step::Begin(Box::new(Begun { record: None, payment: payment.clone() }));
    }
    let decided = read(cash_box, request).and_then(|pay| {
        let route = route::route(cash_box.identity.environment, &facts.terminals, &pay)?;
        let original = match original(&pay, &route, &facts.answers)? {
            Original::Number(number) => number,
            Original::Ask(operation) => return Ok(Err(operation)),
        };
        let asked = pay.item.amount.abs();
        // As the till wrote it, unless it wrote more places than there are.
        let amount = if asked.scale() > PLACES { asked.normalize() } else { asked };
        let payment = PaymentFacts {
            operation: request.id,
            state: PaymentState::Intent,
            provider: route.provider.to_owned(),
            terminal: route.terminal,
            action: pay.action,
            amount: amount.to_string(),
            currency: pay.item.currency,
            began_ns: unix_ns(facts.now),
            reason: None,
            baseline: None,
            original,
        };
        refuse_taken(cash_box, &payment)?;
        Ok(Ok(payment))
    });
    match decided {
        Ok(Err(operation)) => Step::Ask(Ask::Operation(operation)),
        Ok(Ok(payment)) => {
            match progress(cash_box, request, facts, payment.clone(), Some(OperationEvent::Start), Vec::new()) {
                Ok(record) => Step::Begin(Box::new(Begun { record: Some(record), payment })),
                Err(step) => *step,
            }
        }
        Err(problem) => cash_box.fail(request, facts, *problem),
    }
}

fn read(cash_box: &CashBox, request: &Request) -> Result<PayRequest, Box<Problem>> {
    let mut pay =
        parse_request(&request.body, &cash_box.limits).map_err(|findings| Box::new(findings.into_problem()))?;
    let refuse = |code: Code, kind: &'static str, pointer: &str, message: String| {
        Box::new(Findings::one(code, Finding::new(kind, pointer, message)).into_problem())
    };
    match (pay.terminal_id.as_deref(), request.terminal.as_deref().filter(|id| !id.is_empty())) {
        (Some(body), Some(header)) if body != header => {
            let message = format!("{body:?} is not {header:?} of the header x-terminal-id");
            return Err(refuse(Code::TerminalMismatch, Code::TerminalMismatch.code(), "/cbTerminalID", message));
        }
        (None, header) => pay.terminal_id = header.map(str::to_owned),
        _ => {}
    }
    let amount = pay.item.amount.normalize();
    let wrong = if amount.is_zero() {
        Some("nothing is to be paid: the amount is missing or 0".to_owned())
    } else if amount.is_sign_negative() && pay.action == PayAction::Payment {
        Some("a payment has a positive amount; money goes back by the actions refund and cancel".to_owned())
    } else if amount.scale() > PLACES {
        Some("at most two decimal places can be paid".to_owned())
    } else if amount.abs() > AMOUNT_MAX {
        Some(format!("at most {AMOUNT_MAX} can be paid at once"))
    } else {
        None
    };
    match wrong {
        Some(message) => Err(refuse(Code::BodyInvalid, "value-out-of-range", "/cbPayItem/Amount", message)),
        None => Ok(pay),
    }
}

/// Whether the terminal has another payment. One of which it is not known whether it was charged: until it is, another payment could charge
/// the same customer twice. Or one that is on its way: nobody waits in line at a terminal. A provider without terminals has no line.
fn refuse_taken(cash_box: &CashBox, payment: &PaymentFacts) -> Result<(), Box<Problem>> {
    let at_terminal = |other: &&PaymentFacts| other.provider == payment.provider && other.terminal == payment.terminal;
    let mut others = cash_box.payments().iter().filter(at_terminal);
    let unsettled = others.clone().find(|other| other.state.is_unsettled());
    let busy = others.next().filter(|other| !other.terminal.is_empty());
    match unsettled.or(busy) {
        None => Ok(()),
        Some(other) if !other.state.is_unsettled() => {
            let detail = format!(
                "terminal {:?} makes the payment of operation {} ({})",
                other.terminal, other.operation, other.state
            );
            Err(Box::new(Problem::new(Code::TerminalBusy, detail)))
        }
        Some(other) => {
            let detail = format!(
                "whether operation {} was charged at this terminal is not known yet ({}); it takes no other payment until that is \
                 settled",
                other.operation, other.state
            );
            Err(Box::new(Problem::new(Code::TerminalUnsettled, detail)))
        }
    }
}

/// The step of the table that something told means.
fn step_of(told: &PaymentTold) -> PaymentStep {
    match told {
        PaymentTold::Sending { .. } => PaymentStep::Send,
        PaymentTold::Result { .. } => PaymentStep::Tell,
        PaymentTold::Doubt { .. } => PaymentStep::Doubt,
        PaymentTold::Contradiction { .. } => PaymentStep::Contradict,
        PaymentTold::Settled(settlement) if settlement.outcome == SettledAs::AskAgain => PaymentStep::Ask,
        PaymentTold::Settled(_) | PaymentTold::Ended { .. } => PaymentStep::End,
    }
}

impl CashBox {
    /// A payment that has begun and not ended.
    #[must_use]
    pub fn payment(&self, operation: OperationId) -> Option<&PaymentFacts> {
        self.payments().iter().find(|payment| payment.operation == operation)
    }

    /// All payments that have begun and not ended, oldest first.
    #[must_use]
    pub fn payments(&self) -> &[PaymentFacts] {
        self.head.payments.as_slice()
    }

    /// Takes down what the provider tells of a payment; `request` is that of its intent record.
    ///
    /// Gives [`Step::Progress`] or, for the end, [`Step::Commit`]; a refusal when the payment is not known or cannot take this step:
    /// then nothing has changed, and whoever told it must stop.
    pub fn payment_told(&mut self, request: &Request, told: PaymentTold, facts: &Facts) -> Step {
        let Some(mut payment) = self.payment(request.id).cloned() else {
            return Step::Refuse(settle::conflict(request.id, "has ended, or never began"));
        };
        if let PaymentTold::Settled(settlement) = &told
            && let Err(refused) = settle::check(&payment, settlement)
        {
            return Step::Refuse(refused);
        }
        let state = match payment_step(Some(payment.state), step_of(&told)) {
            Ok(state) => state,
            Err(impossible) => return bug(&impossible.to_string()),
        };
        let (event, reason) = match told {
            PaymentTold::Ended { outcome, reason } => {
                return ended(self, request, facts, PaymentFacts { state, reason, ..payment }, outcome, Vec::new());
            }
            PaymentTold::Doubt { reason } => (Some(OperationEvent::Doubt), Some(reason)),
            PaymentTold::Contradiction { reason } | PaymentTold::Result { reason } => (None, Some(reason)),
            PaymentTold::Sending { baseline } => {
                payment.baseline = baseline;
                (None, None)
            }
            PaymentTold::Settled(settlement) => {
                return settle::settle(self, request, facts, &payment, state, &settlement);
            }
        };
        match progress(self, request, facts, PaymentFacts { state, reason, ..payment }, event, Vec::new()) {
            Ok(record) => Step::Progress(Box::new(record)),
            Err(step) => *step,
        }
    }
}

/// Makes the record of a step that does not end the payment, and moves the head on. `event` is what it means to the operation, if
/// anything: only then the record belongs to the operation, and repeats its request, which later ones are compared with.
fn progress(
    cash_box: &mut CashBox,
    request: &Request,
    facts: &Facts,
    payment: PaymentFacts,
    event: Option<OperationEvent>,
    actions: Vec<ActionJournal>,
) -> Result<SealedRecord, Box<Step>> {
    let refuse = |error: &dyn std::fmt::Display| Box::new(bug(&error.to_string()));
    let mut head = cash_box.head.clone();
    let (mut operation, mut promises, mut body) = (None, Vec::new(), None);
    if let Some(event) = event {
        let change = Change::of(&cash_box.head, request.id, event, request.callback.as_deref())
            .map_err(|impossible| refuse(&impossible))?;
        let answer = Answer { status: ACCEPTED, state: change.after.state, body: Vec::new() };
        operation = Some(answered(request, facts, &answer, &change));
        if let Some(open) = head.open.iter_mut().find(|open| open.id == request.id) {
            open.progress = change.after;
        }
        promises = change.promises;
        body = Some(request.body.clone());
    }
    head.payments.put(payment.clone());
    // Before an outside act, or after one.
    let kind = if payment.state.is_before_act() { RecordKind::Intent } else { RecordKind::Outcome };
    let salts = derive(&facts.seed, "payment-salts");
    let [request_salt, response_salt] = halves(&salts);
    let details = Details {
        time_ns: unix_ns(facts.now),
        operation,
        sign: None,
        configured: None,
        payment: Some(payment),
        market: None,
        actions,
        promises,
        head: cash_box.full_head(&head, &cash_box.state),
    };
    let belongs = details.operation.is_some();
    let bodies = Bodies { request: body, response: None, request_salt, response_salt };
    let record = Record { cash_box: cash_box.identity.cash_box, kind, details, bodies };
    let (row, hash) = cash_box.link();
    let record = record.seal(row, hash).map_err(|error| refuse(&error))?;
    cash_box.follow(&record, head);
    if belongs {
        cash_box.put_in_flight(request.id, request.kind, record.clone());
    }
    Ok(record)
}

/// Status of the answer to an operation that has not ended.
const ACCEPTED: u16 = 202;

fn ended(
    cash_box: &mut CashBox,
    request: &Request,
    facts: &Facts,
    payment: PaymentFacts,
    outcome: PaymentOutcome,
    actions: Vec<ActionJournal>,
) -> Step {
    // It was accepted once: the limits of then do not matter any more.
    let pay = match parse_request(&request.body, &STORED_LIMITS) {
        Ok(pay) => pay,
        Err(findings) => return bug(&findings.into_problem().detail),
    };
    let answer = match outcome {
        PaymentOutcome::Approved(approval) => Answer {
            status: CREATED,
            state: OperationState::Done,
            body: answer::body(&cash_box.identity, facts, &pay, &payment, &approval),
        },
        PaymentOutcome::Refused(refusal) => {
            let problem = refusal_problem(refusal, request.id);
            Answer { status: problem.status(), state: OperationState::Failed, body: problem.to_bytes() }
        }
    };
    cash_box.commit(request, facts, answer, Told { payment: Some(payment), actions, ..Told::default() }, None)
}

/// What an operation is answered with whose payment moved no money.
#[must_use]
pub fn refusal_problem(refusal: PaymentRefusal, operation: OperationId) -> Problem {
    answer::problem(refusal).with_instance(format!("urn:uuid:{operation}"))
}

/// Status of the first answer to a payment that was made.
const CREATED: u16 = 201;
