//! Receipts without items: start, zero, monthly, yearly, closing, and the collective receipt that each of them can be
//! (RKSV §6, §8, §17; contract 6.3 to 6.5).

use jiff::civil::Date;
use kassette_record::QueuePhase;

use super::closing;
use super::writer::{self, Attempt, Draft, Order, Shows};
use super::{Case, Shown, commit, finding, information, modes, notices};
use crate::at::code::Amounts;
use crate::at::state::State;
use crate::at::{signatures, time};
use crate::{Decision, Finding, UNIT_FAILED};

/// A zero receipt, signed or with the outage text.
struct Made {
    state: State,
    shown: Shown,
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
fn make(case: &Case<'_>, before: &State, unsigned: Unsigned) -> Result<Step, Finding> {
    refuse_items(case)?;
    let mut draft = Draft::new(case, before, Amounts::default(), Shows::Counter)?;
    let answered = match writer::attempt(case, before, &mut draft, Order::FromFirst) {
        Attempt::Ask(ask) => return Ok(Step::Ask(ask)),
        Attempt::Failed(reason) if unsigned == Unsigned::Refused => {
            let message = format!("this receipt needs a signature, and no unit could sign: {reason}");
            return Err(finding("SignatureUnitFailed", "/ftReceiptCase", message, "RKSV §6, §8, §17"));
        }
        Attempt::Signed(signed) => Ok(signed),
        Attempt::Failed(reason) => Err(reason),
    };
    let mut state = before.clone();
    let mut shown = Shown::new(case);
    let mut signed = None;
    let (collected, actions) = match answered {
        Ok(by) => {
            signed = Some(writer::write_signed(case, &mut state, &mut shown, draft, by));
            modes::leave_all(case, &mut state)
        }
        Err(reason) => {
            let number = draft.number().to_owned();
            writer::write_outage(case, &mut state, &mut shown, draft);
            let message = format!("Signaturerstellungseinheit ausgefallen: {reason}");
            shown.actions.push(information(UNIT_FAILED, message));
            modes::note_outage(case, &mut state, &number);
            modes::tell_long_outage(case, &mut state)
        }
    };
    shown.actions.extend(actions);
    Ok(Step::Made(Box::new(Made { state, shown, signed, collected })))
}

/// Completes a zero receipt: what it is itself, then what it collected.
fn finish(case: &Case<'_>, made: Box<Made>) -> Decision {
    let Made { state, mut shown, collected, .. } = *made;
    shown.signatures.extend(collected);
    let bits = modes::state_bits(case, &state);
    commit(state, bits, shown)
}

/// Nullbeleg.
pub(super) fn zero(case: &Case<'_>, state: &State) -> Result<Decision, Finding> {
    match make(case, state, Unsigned::Allowed)? {
        Step::Ask(ask) => Ok(ask),
        Step::Made(made) => Ok(finish(case, made)),
    }
}

/// A start of a queue that was started before is a zero receipt.
pub(super) fn already_started(case: &Case<'_>, state: &State) -> Result<Decision, Finding> {
    refuse_training(case)?;
    match make(case, state, Unsigned::Allowed)? {
        Step::Ask(ask) => Ok(ask),
        Step::Made(mut made) => {
            let message = format!("Queue {} is already activated.", case.input.queue.queue);
            made.shown.actions.insert(0, information("QueueAlreadyActivated", message));
            Ok(finish(case, made))
        }
    }
}

/// Startbeleg: without a signature the queue does not start.
pub(super) fn start(case: &Case<'_>, state: &State) -> Result<Decision, Finding> {
    refuse_training(case)?;
    match make(case, state, Unsigned::Refused)? {
        Step::Ask(ask) => Ok(ask),
        Step::Made(mut made) => {
            closing::open(&mut made.state, time::local_date(case.input.moment));
            made.shown.phase = QueuePhase::Active;
            let message = format!("Queue {} was activated.", case.input.queue.queue);
            made.shown.actions.push(information("QueueActivated", message));
            made.shown.signatures.push(signatures::start());
            let jws = made.signed.clone().unwrap_or_default();
            made.shown.tell(notices::activate(case, &jws));
            made.shown.tell(notices::verify(case, &jws));
            Ok(finish(case, made))
        }
    }
}

/// Schlussbeleg: without a signature the queue does not stop.
pub(super) fn stop(case: &Case<'_>, state: &State) -> Result<Decision, Finding> {
    refuse_training(case)?;
    match make(case, state, Unsigned::Refused)? {
        Step::Ask(ask) => Ok(ask),
        Step::Made(mut made) => {
            made.shown.phase = QueuePhase::Stopped;
            let message = format!("Queue {} was disabled.", case.input.queue.queue);
            made.shown.actions.push(information("QueueStopped", message));
            made.shown.signatures.push(signatures::stop());
            let jws = made.signed.clone().unwrap_or_default();
            made.shown.tell(notices::deactivate(case, &jws));
            made.shown.tell(notices::verify(case, &jws));
            Ok(finish(case, made))
        }
    }
}

/// The day a monthly or yearly receipt settles, and the server's day.
fn settlement(case: &Case<'_>) -> (Date, Date) {
    let server = time::local_date(case.input.moment);
    (closing::day_of_settlement(time::local_date(case.input.request.moment), server), server)
}

/// Monatsbeleg: the month is settled also with the outage text.
pub(super) fn month(case: &Case<'_>, state: &State) -> Result<Decision, Finding> {
    refuse_training(case)?;
    match make(case, state, Unsigned::Allowed)? {
        Step::Ask(ask) => Ok(ask),
        Step::Made(mut made) => {
            let (day, server) = settlement(case);
            closing::settle_month(&mut made.state, day, server);
            let item = signatures::month(closing::month_of_settlement(day), made.state.turnover_cents);
            made.shown.signatures.push(item);
            Ok(finish(case, made))
        }
    }
}

/// Jahresbeleg: without a signature the year is not settled.
pub(super) fn year(case: &Case<'_>, state: &State) -> Result<Decision, Finding> {
    refuse_training(case)?;
    match make(case, state, Unsigned::Refused)? {
        Step::Ask(ask) => Ok(ask),
        Step::Made(mut made) => {
            let (day, server) = settlement(case);
            closing::settle_year(&mut made.state, day, server);
            made.shown.signatures.push(signatures::year(made.state.turnover_cents));
            let jws = made.signed.clone().unwrap_or_default();
            made.shown.tell(notices::verify(case, &jws));
            Ok(finish(case, made))
        }
    }
}
