//! One receipt decided.
//!
//! Purpose: from a request, the state and the units' answers to what is stored and shown.
//! Owns: the order of the rules; one file per idea.
//! Invariants: the state is changed on a copy and only leaves in an [`Outcome`]; a unit is asked at most once per step; what
//! only a commit needs, the copy first, is made after the units' answers, because a step is taken again for each of them.
//! Not here: which receipts are signed (`relevance`), the code itself (`code`), texts of signature items (`signatures`).

mod business;
mod closing;
mod modes;
mod notices;
mod writer;
mod zero;

use kassette_model::SignatureItem;
use kassette_model::cases::StateFlag;
use kassette_record::{MarketStamp, QueuePhase};

use super::kinds::{self, Flags, Kind};
use super::rates::Rules;
use super::settings::Settings;
use super::state::State;
use crate::{Action, Decision, Finding, Input, MarketSettings, MarketState, Outcome};

/// What every rule of a step may look at.
struct Case<'a> {
    input: &'a Input<'a>,
    settings: &'a Settings,
    rules: Rules,
    flags: Flags,
}

/// Decides one receipt by the rules version of `stamp`.
pub(super) fn decide(stamp: &MarketStamp, input: &Input<'_>) -> Decision {
    let Some(rules) = Rules::named(&stamp.rules) else {
        let message = format!("rules version {:?} of {} is not known here", stamp.rules, stamp.country);
        return refuse("RulesVersionNotKnown", "", message, "record of this receipt");
    };
    let MarketSettings::At(settings) = input.settings;
    let MarketState::At(before) = input.state;
    let case = Case { input, settings, rules, flags: kinds::flags(input.request) };
    let kind = kinds::kind(input.request);
    let decided = match (input.queue.phase, kind) {
        (QueuePhase::New, Ok(Kind::Start)) => zero::start(&case, before),
        (QueuePhase::New, _) => Ok(out_of_operation(&case, before, "QueueNotActivated", "has not been activated yet")),
        (QueuePhase::Stopped, Ok(Kind::Start)) => zero::already_started(&case, before),
        (QueuePhase::Stopped, _) => Ok(out_of_operation(&case, before, "QueueDisabled", "has been disabled")),
        (QueuePhase::Active, Ok(kind)) => active(&case, before, kind),
        (QueuePhase::Active, Err(finding)) => Err(finding),
    };
    decided.unwrap_or_else(|finding| Decision::Refuse(vec![finding]))
}

fn active(case: &Case<'_>, before: &State, kind: Kind) -> Result<Decision, Finding> {
    match kind {
        Kind::Business(business) => business::decide(case, before, business),
        Kind::Protocol => Ok(business::without_code(case, before)),
        Kind::Zero if case.flags.training => business::training_zero(case, before),
        Kind::Zero => zero::zero(case, before),
        Kind::Start => zero::already_started(case, before),
        Kind::Stop => zero::stop(case, before),
        Kind::Month => zero::month(case, before),
        Kind::Year => zero::year(case, before),
    }
}

/// A receipt of a queue that is not in operation: no code, nothing counted (contract 6.3).
fn out_of_operation(case: &Case<'_>, state: &State, kind: &str, what: &str) -> Decision {
    let mut shown = Shown::new(case);
    shown.actions.push(information(kind, format!("Queue {} {what}.", case.input.queue.queue)));
    commit(state.clone(), u64::from(StateFlag::OutOfOperation.bits()), shown)
}

/// What a receipt shows and tells, beside the state: gathered while the state still changes.
struct Shown {
    phase: QueuePhase,
    identification: String,
    signatures: Vec<SignatureItem>,
    actions: Vec<Action>,
    note: Option<Box<str>>,
}

impl Shown {
    fn new(case: &Case<'_>) -> Self {
        Self {
            phase: case.input.queue.phase,
            identification: String::new(),
            signatures: Vec::new(),
            actions: Vec::new(),
            note: None,
        }
    }

    fn tell(&mut self, (items, actions): (Vec<SignatureItem>, Vec<Action>)) {
        self.signatures.extend(items);
        self.actions.extend(actions);
    }
}

fn commit(state: State, state_bits: u64, shown: Shown) -> Decision {
    let Shown { phase, identification, signatures, actions, note } = shown;
    Decision::Commit(Box::new(Outcome {
        state: MarketState::At(state),
        phase,
        identification,
        signatures,
        state_bits,
        header: Vec::new(),
        footer: Vec::new(),
        state_data: Vec::new(),
        actions,
        note,
    }))
}

fn information(kind: &str, message: String) -> Action {
    Action { id: None, priority: 0, kind: kind.to_owned(), message, data_json: None }
}

fn finding(code: &str, pointer: &str, message: impl Into<String>, source: &str) -> Finding {
    Finding { code: code.to_owned(), pointer: pointer.to_owned(), message: message.into(), source: source.to_owned() }
}

fn refuse(code: &str, pointer: &str, message: impl Into<String>, source: &str) -> Decision {
    Decision::Refuse(vec![finding(code, pointer, message, source)])
}
