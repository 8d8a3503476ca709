//! One receipt (contract 4.5, 6): from the body to the record.
//!
//! Purpose: decide one sign request in the order that the contract gives.
//! Owns: the order of the checks, the references, the general rules, the assembly of the answer.
//! Invariants: nothing changes before the commit; a refusal of the law is an answer, not a failure.
//! Not here: rules of a country (`markets`), reading of JSON (`wire`), the journal.
//!
//! Order: read, compare with headers, complete (a fault here is a stored 400); country and version; receipt request; references;
//! general rules; the market (a fault here is a receipt in error state, 201).

mod answer;
mod complete;
mod references;
mod replay;
mod rules;

use kassette_markets::{Decision, Input, QueueFacts, UnitAnswer};
use kassette_model::{Moment, OperationId, OperationKind, ReceiptRequest};
use kassette_record::{SealedRecord, reference_key, unix_ns};
use kassette_wire::Limits;
use kassette_wire::date::to_tick;
use kassette_wire::problem::{Finding, Findings};

use crate::CashBox;
use crate::operation::{Ask, AskAnswer, Facts, Request, Step, StoredReceipt};

/// Most records of one reference that a look-up considers; a reference used more often is refused.
pub(crate) const REFERENCE_RECORDS_MAX: usize = 256;

/// Limits for what was accepted once: the limits in force now may be narrower, but what is stored stays readable.
pub(crate) const STORED_LIMITS: Limits =
    Limits { depth_max: 512, array_items_max: usize::MAX, string_chars_max: usize::MAX };

/// An operation between its ask and the answer.
pub(crate) struct Draft {
    pub(crate) id: OperationId,
    pub(crate) kind: OperationKind,
    pub(crate) body: Vec<u8>,
    admitted: Moment,
    receipt: ReceiptRequest,
    /// Receipts that were not durable when they were asked for: they may become so before the answer comes, and then neither
    /// the answer nor the operations in flight would have them.
    pinned: Vec<SealedRecord>,
}

/// Why a step does not go on: an ask, a refusal, or an answer.
pub(crate) enum Halt {
    /// Get this first.
    Ask(Ask),
    /// 201 with an error state.
    Findings(Vec<Finding>),
}

/// The answers of a step, taken in the order of the asks.
struct Answers<'a> {
    receipts: Vec<&'a [StoredReceipt]>,
    next: usize,
    units: Vec<UnitAnswer>,
}

impl<'a> Answers<'a> {
    fn of(facts: &'a Facts) -> Self {
        let (mut receipts, mut units) = (Vec::new(), Vec::new());
        for answer in &facts.answers {
            match answer {
                AskAnswer::Receipts(found) => receipts.push(found.as_slice()),
                AskAnswer::Signature(answer) => units.push(answer.clone()),
                AskAnswer::Operation(_) => {}
            }
        }
        Self { receipts, next: 0, units }
    }
}

/// Receipts with one reference key: from the journal and from the operations in flight, newest first.
struct Lookup<'a> {
    cash_box: &'a CashBox,
    pinned: &'a [SealedRecord],
    answers: Answers<'a>,
}

impl<'a> Lookup<'a> {
    fn receipts(&mut self, reference: &str) -> Result<Vec<&'a SealedRecord>, Halt> {
        let key = reference_key(self.cash_box.identity.cash_box, reference);
        let Some(durable) = self.answers.receipts.get(self.answers.next).copied() else {
            return Err(Halt::Ask(Ask::Receipts { reference_key: key, limit: REFERENCE_RECORDS_MAX }));
        };
        self.answers.next = self.answers.next.saturating_add(1);
        let running = self.cash_box.records_in_flight();
        let mut found: Vec<&SealedRecord> = durable
            .iter()
            .map(|stored| &stored.record)
            .chain(running)
            .chain(self.pinned)
            .filter(|record| record.reference_key == Some(key))
            .collect();
        found.sort_unstable_by_key(|record| std::cmp::Reverse(record.row));
        found.dedup_by_key(|record| record.row);
        Ok(found)
    }
}

pub(crate) fn step(cash_box: &mut CashBox, request: &Request, facts: &Facts) -> Step {
    let draft = cash_box
        .draft
        .take()
        .filter(|draft| draft.id == request.id && draft.admitted == facts.admitted && draft.body == request.body);
    let (mut receipt, mut pinned) = match draft {
        Some(draft) => (draft.receipt, draft.pinned),
        None => match read(cash_box, request, facts) {
            Ok(receipt) => (receipt, Vec::new()),
            Err(findings) => return cash_box.fail(request, facts, findings.into_problem()),
        },
    };
    match decide(cash_box, &mut receipt, facts, &pinned) {
        Ok(decided) => answer::finish(cash_box, request, facts, receipt, decided),
        Err(Halt::Findings(findings)) => answer::refuse(cash_box, request, facts, receipt, &findings),
        Err(Halt::Ask(ask)) => {
            if let Ask::Receipts { reference_key, .. } = &ask {
                let running = cash_box.records_in_flight();
                pinned.extend(running.filter(|record| record.reference_key == Some(*reference_key)).cloned());
            }
            cash_box.draft = Some(Box::new(Draft {
                id: request.id,
                kind: request.kind,
                body: request.body.clone(),
                admitted: facts.admitted,
                receipt,
                pinned,
            }));
            Step::Ask(ask)
        }
    }
}

/// Reads the body, compares it with the headers and completes it.
fn read(cash_box: &CashBox, request: &Request, facts: &Facts) -> Result<ReceiptRequest, Findings> {
    let mut receipt = kassette_wire::sign::parse_request(&request.body, &cash_box.limits, facts.admitted)?;
    let sender = complete::Sender {
        pos_system: request.pos_system.filter(|id| !id.is_nil()),
        terminal: request.terminal.as_deref().filter(|terminal| !terminal.is_empty()),
    };
    complete::fill(&mut receipt, &cash_box.identity, sender)?;
    Ok(receipt)
}

/// What a step came to.
pub(crate) enum Decided {
    /// A receipt of the market.
    Receipt {
        outcome: Box<kassette_markets::Outcome>,
        stamp: kassette_record::MarketStamp,
        references: Option<kassette_model::FreeJson>,
    },
    /// A stored answer that was asked for.
    Replayed { body: Vec<u8>, row: u64 },
    /// A receipt request without a match.
    NothingFound,
}

fn decide(
    cash_box: &CashBox,
    receipt: &mut ReceiptRequest,
    facts: &Facts,
    pinned: &[SealedRecord],
) -> Result<Decided, Halt> {
    complete::check_case(receipt, &cash_box.identity).map_err(Halt::Findings)?;
    let mut lookup = Lookup { cash_box, pinned, answers: Answers::of(facts) };
    if replay::is_asked(receipt, &cash_box.limits) {
        if let Some(found) = replay::find(receipt, &mut lookup)? {
            return Ok(found);
        }
        if !cash_box.identity.receipt_request_signs {
            return Ok(Decided::NothingFound);
        }
    }
    // From here on it is a receipt of its own, whether it was asked for as a stored one or not. The flag is cleared in a copy
    // of the case only, because the receipt may come back here after an ask.
    let asked = receipt.case;
    receipt.case = replay::without_flag(receipt, &cash_box.limits);
    let decided = decide_receipt(cash_box, receipt, facts, &mut lookup);
    if matches!(decided, Err(Halt::Ask(_))) {
        receipt.case = asked;
    }
    decided
}

fn decide_receipt(
    cash_box: &CashBox,
    receipt: &ReceiptRequest,
    facts: &Facts,
    lookup: &mut Lookup<'_>,
) -> Result<Decided, Halt> {
    references::check_groups(receipt).map_err(Halt::Findings)?;
    let references = references::resolve(receipt, lookup)?;
    if cash_box.identity.validation_fails {
        let findings = rules::check(receipt, cash_box.identity.market);
        if !findings.is_empty() {
            return Err(Halt::Findings(findings));
        }
    }
    // Rates and duties follow the day of the sale, also when it is sent later.
    let stamp = cash_box.market.stamp(receipt.moment);
    let input = Input {
        request: receipt,
        queue: QueueFacts {
            cash_box: cash_box.identity.cash_box,
            queue: cash_box.identity.queue,
            identification: &cash_box.identity.identification,
            environment: cash_box.identity.environment,
            phase: cash_box.head.phase,
            numerator: cash_box.head.numerator,
        },
        settings: &cash_box.settings,
        secrets: cash_box.secrets(),
        state: &cash_box.state,
        moment: receipt_moment(cash_box, facts),
        units: &cash_box.units,
        answers: &lookup.answers.units,
    };
    match cash_box.market.step(&stamp, &input) {
        Decision::Ask { unit, message } => Err(Halt::Ask(Ask::Signature { unit, message })),
        Decision::Commit(outcome) => Ok(Decided::Receipt { outcome, stamp, references }),
        Decision::Refuse(findings) => Err(Halt::Findings(
            findings
                .into_iter()
                .map(|finding| Finding::new(finding.code, finding.pointer, finding.message).with_source(finding.source))
                .collect(),
        )),
    }
}

/// `ftReceiptMoment`: now, but never before the receipt before; whole ticks, so that answer, chain and record say the same.
pub(crate) fn receipt_moment(cash_box: &CashBox, facts: &Facts) -> Moment {
    let now = to_tick(facts.now);
    if unix_ns(now) >= cash_box.head.receipt_moment_ns {
        now
    } else {
        kassette_record::moment(cash_box.head.receipt_moment_ns)
    }
}
