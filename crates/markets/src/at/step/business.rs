//! Ordinary receipts: sales, reversals, training, invoices, protocols.

use super::writer::{self, Attempt, Draft, Order, Shows};
use super::{Case, Shown, commit, finding, modes};
use crate::at::code::Amounts;
use crate::at::kinds::Business;
use crate::at::state::State;
use crate::at::{rates, relevance};
use crate::{Decision, Finding, UNIT_FAILED};

/// The only currency a code can be in.
const CURRENCY: &str = "EUR";

/// A receipt that the table of what must be signed decides.
pub(super) fn decide(case: &Case<'_>, state: &State, business: Business) -> Result<Decision, Finding> {
    let request = case.input.request;
    if !relevance::is_signed(request, business, case.flags, case.rules, case.settings.sign_all) {
        return Ok(without_code(case, state));
    }
    let in_euro = request.currency == CURRENCY && request.charge_items.iter().all(|item| item.currency == CURRENCY);
    if !in_euro {
        let message = "the amounts of the machine-readable code are in euro";
        return Err(finding("OnlyEuroCurrencySupported", "/Currency", message, "RKSV §9"));
    }
    let amounts = rates::amounts(&request.charge_items, case.rules).map_err(|rates::AmountOutOfRange| {
        let message = "the sum of a rate is beyond what the code can show";
        finding("AmountOutOfRange", "/cbChargeItems", message, "RKSV Anlage")
    })?;
    let shows = match () {
        () if case.flags.training => Shows::Training,
        () if case.flags.void => Shows::Reversal,
        () => Shows::Counter,
    };
    with_code(case, state, amounts, shows)
}

/// A zero receipt for training: a code with `TRA`, which ends no mode.
pub(super) fn training_zero(case: &Case<'_>, state: &State) -> Result<Decision, Finding> {
    super::zero::refuse_items(case)?;
    with_code(case, state, Amounts::default(), Shows::Training)
}

fn with_code(case: &Case<'_>, before: &State, amounts: Amounts, shows: Shows) -> Result<Decision, Finding> {
    let mut draft = Draft::new(case, before, amounts, shows)?;
    // Once a unit has failed, nothing but a zero receipt asks it again (contract 6.5).
    let attempt = if before.failed.is_some() {
        Attempt::Failed(String::new())
    } else {
        writer::attempt(case, before, &mut draft, Order::FromLastUsed)
    };
    let answered = match attempt {
        Attempt::Ask(ask) => return Ok(ask),
        Attempt::Signed(signed) => Ok(signed),
        Attempt::Failed(reason) => Err(reason),
    };
    let number = draft.number().to_owned();
    let mut state = before.clone();
    let mut shown = Shown::new(case);
    match answered {
        Ok(signed) => drop(writer::write_signed(case, &mut state, &mut shown, draft, signed)),
        Err(reason) => {
            if state.failed.is_none() {
                let message = format!("Signaturerstellungseinheit ausgefallen: {reason}");
                shown.actions.push(super::information(UNIT_FAILED, message));
            }
            writer::write_outage(case, &mut state, &mut shown, draft);
            modes::note_outage(case, &mut state, &number);
            shown.tell(modes::tell_long_outage(case, &mut state));
        }
    }
    modes::note_late_entry(case, &mut state, &number);
    let bits = modes::state_bits(case, &state);
    Ok(commit(state, bits, shown))
}

/// A receipt without a code: stored, not signed, nothing counted.
pub(super) fn without_code(case: &Case<'_>, before: &State) -> Decision {
    let mut state = before.clone();
    modes::note_late_entry(case, &mut state, &format!("ft{:X}#", case.input.queue.numerator));
    let bits = modes::state_bits(case, &state);
    commit(state, bits, Shown::new(case))
}
