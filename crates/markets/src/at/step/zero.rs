//! Receipts without items: start, zero, monthly, yearly, closing, and the collective receipt that each of them can be
//! (RKSV §6, §8, §17; contract 6.3 to 6.5).

use kassette_record::QueuePhase;

use super::closing;
use super::writer::{self, Attempt, Draft, Order, Shows};
use super::{Case, commit, finding, information, modes, notices, outcome};
use crate::at::code::Amounts;
use crate::at::state::State;
use crate::at::{signatures, time};
use crate::{Decision, Finding, MarketState, Outcome};

/// A zero receipt, signed or with the outage text.
struct Made {
    state: State,
    outcome: Outcome,
    /// The JWS when a unit signed.
    signed: Option<String>,
    /// What ended with this receipt.
    collected: Vec<kassette_model::SignatureItem>,
}

enum Step {
    Ask(Decision),
    Made(Box<Made>),
}

/// Whether a receipt is executed without a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unsigned {
    Allowed,
    Refused,
}

/// Items on a receipt that must have none.
pub(super) fn refuse_items(case: &Case<'_>) -> Result<(), Finding> {
    let request = case.input.request;
    if request.charge_items.is_empty() && request.pay_items.is_empty() {
        return Ok(());
    }
    let pointer = if request.charge_items.is_empty() { "/cbPayItems" } else { "/cbChargeItems" };
    let message = "this receipt case must have no charge items and no pay items";
    Err(finding("ZeroReceiptHasItems", pointer, message, "RKSV §6, §8"))
}

fn refuse_training(case: &Case<'_>) -> Result<(), Finding> {
    if !case.flags.training {
        return Ok(());
    }
    let message = "start, stop, monthly and yearly receipts cannot be training receipts";
    Err(finding("TrainingNotAllowed", "/ftReceiptCase", message, "RKSV §6, §8"))
}

/// Makes the code of a zero receipt. Every zero receipt asks the units, from the first one, and ends all modes when signed.
fn make(case: &Case<'_>, mut state: State, unsigned: Unsigned) -> Result<Step, Finding> {
    refuse_items(case)?;
    let draft = Draft::new(case, &state, Amounts::default(), Shows::Counter)?;
    let mut outcome = outcome(case, state.clone());
    let mut signed = None;
    let collected;
    match writer::attempt(case, &state, &draft, Order::FromFirst) {
        Attempt::Ask(ask) => return Ok(Step::Ask(ask)),
        Attempt::Signed(unit, signature) => {
            signed = Some(writer::write_signed(case, &mut state, &mut outcome, &draft, unit, signature));
            let (items, actions) = modes::leave_all(case, &mut state);
            collected = items;
            outcome.actions.extend(actions);
        }
        Attempt::Failed(reason) if unsigned == Unsigned::Refused => {
            let message = format!("this receipt needs a signature, and no unit could sign: {reason}");
            return Err(finding("SignatureUnitFailed", "/ftReceiptCase", message, "RKSV §6, §8, §17"));
        }
        Attempt::Failed(reason) => {
            writer::write_outage(case, &mut state, &mut outcome, &draft);
            let message = format!("Signaturerstellungseinheit ausgefallen: {reason}");
            outcome.actions.push(information("SignatureUnitFailed", message));
            modes::note_outage(case, &mut state, &draft.number);
            let (items, actions) = modes::tell_long_outage(case, &mut state);
            collected = items;
            outcome.actions.extend(actions);
        }
    }
    Ok(Step::Made(Box::new(Made { state, outcome, signed, collected })))
}

/// Completes a zero receipt: what it is itself, then what it collected.
fn finish(case: &Case<'_>, made: Box<Made>) -> Decision {
    let Made { state, mut outcome, collected, .. } = *made;
    outcome.signatures.extend(collected);
    outcome.state_bits = modes::state_bits(case, &state);
    outcome.state = MarketState::At(state);
    commit(outcome)
}

/// Nullbeleg.
pub(super) fn zero(case: &Case<'_>, state: State) -> Result<Decision, Finding> {
    match make(case, state, Unsigned::Allowed)? {
        Step::Ask(ask) => Ok(ask),
        Step::Made(made) => Ok(finish(case, made)),
    }
}

/// A start of a queue that was started before is a zero receipt.
pub(super) fn already_started(case: &Case<'_>, state: State) -> Result<Decision, Finding> {
    refuse_training(case)?;
    match make(case, state, Unsigned::Allowed)? {
        Step::Ask(ask) => Ok(ask),
        Step::Made(mut made) => {
            let message = format!("Queue {} is already activated.", case.input.queue.queue);
            made.outcome.actions.insert(0, information("QueueAlreadyActivated", message));
            Ok(finish(case, made))
        }
    }
}

/// Startbeleg: without a signature the queue does not start.
pub(super) fn start(case: &Case<'_>, state: State) -> Result<Decision, Finding> {
    refuse_training(case)?;
    match make(case, state, Unsigned::Refused)? {
        Step::Ask(ask) => Ok(ask),
        Step::Made(mut made) => {
            closing::open(&mut made.state, time::local_date(case.input.request.moment));
            made.outcome.phase = QueuePhase::Active;
            let message = format!("Queue {} was activated.", case.input.queue.queue);
            made.outcome.actions.push(information("QueueActivated", message));
            made.outcome.signatures.push(signatures::start());
            let jws = made.signed.clone().unwrap_or_default();
            tell(&mut made.outcome, notices::activate(case, &jws));
            tell(&mut made.outcome, notices::verify(case, &jws));
            Ok(finish(case, made))
        }
    }
}

/// Schlussbeleg: without a signature the queue does not stop.
pub(super) fn stop(case: &Case<'_>, state: State) -> Result<Decision, Finding> {
    refuse_training(case)?;
    match make(case, state, Unsigned::Refused)? {
        Step::Ask(ask) => Ok(ask),
        Step::Made(mut made) => {
            made.outcome.phase = QueuePhase::Stopped;
            let message = format!("Queue {} was disabled.", case.input.queue.queue);
            made.outcome.actions.push(information("QueueStopped", message));
            made.outcome.signatures.push(signatures::stop());
            let jws = made.signed.clone().unwrap_or_default();
            tell(&mut made.outcome, notices::deactivate(case, &jws));
            tell(&mut made.outcome, notices::verify(case, &jws));
            Ok(finish(case, made))
        }
    }
}

/// Monatsbeleg: the month is settled also with the outage text.
pub(super) fn month(case: &Case<'_>, state: State) -> Result<Decision, Finding> {
    refuse_training(case)?;
    match make(case, state, Unsigned::Allowed)? {
        Step::Ask(ask) => Ok(ask),
        Step::Made(mut made) => {
            let day = time::local_date(case.input.request.moment);
            closing::settle_month(&mut made.state, day);
            let item = signatures::month(closing::month_of_settlement(day), made.state.turnover_cents);
            made.outcome.signatures.push(item);
            Ok(finish(case, made))
        }
    }
}

/// Jahresbeleg: without a signature the year is not settled.
pub(super) fn year(case: &Case<'_>, state: State) -> Result<Decision, Finding> {
    refuse_training(case)?;
    match make(case, state, Unsigned::Refused)? {
        Step::Ask(ask) => Ok(ask),
        Step::Made(mut made) => {
            closing::settle_year(&mut made.state, time::local_date(case.input.request.moment));
            made.outcome.signatures.push(signatures::year(made.state.turnover_cents));
            let jws = made.signed.clone().unwrap_or_default();
            tell(&mut made.outcome, notices::verify(case, &jws));
            Ok(finish(case, made))
        }
    }
}

fn tell(outcome: &mut Outcome, (items, actions): (Vec<kassette_model::SignatureItem>, Vec<crate::Action>)) {
    outcome.signatures.extend(items);
    outcome.actions.extend(actions);
}
