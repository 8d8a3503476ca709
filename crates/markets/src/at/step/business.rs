//! Ordinary receipts: sales, reversals, training, invoices, protocols.

use super::writer::{self, Attempt, Draft, Order, Shows};
use super::{Case, commit, finding, modes, outcome};
use crate::at::code::Amounts;
use crate::at::kinds::Business;
use crate::at::state::State;
use crate::at::{rates, relevance};
use crate::{Decision, Finding, MarketState};

/// The only currency a code can be in.
const CURRENCY: &str = "EUR";

/// A receipt that the table of what must be signed decides.
pub(super) fn decide(case: &Case<'_>, state: State, business: Business) -> Result<Decision, Finding> {
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
pub(super) fn training_zero(case: &Case<'_>, state: State) -> Result<Decision, Finding> {
    super::zero::refuse_items(case)?;
    with_code(case, state, Amounts::default(), Shows::Training)
}

fn with_code(case: &Case<'_>, mut state: State, amounts: Amounts, shows: Shows) -> Result<Decision, Finding> {
    let draft = Draft::new(case, &state, amounts, shows)?;
    let mut out = outcome(case, state.clone());
    // Once a unit has failed, nothing but a zero receipt asks it again (contract 6.5).
    let attempt = if state.failed.is_some() {
        Attempt::Failed(String::new())
    } else {
        writer::attempt(case, &state, &draft, Order::FromLastUsed)
    };
    match attempt {
        Attempt::Ask(ask) => return Ok(ask),
        Attempt::Signed(unit, signature) => {
            writer::write_signed(case, &mut state, &mut out, &draft, unit, signature);
        }
        Attempt::Failed(reason) => {
            writer::write_outage(case, &mut state, &mut out, &draft);
            if state.failed.is_none() {
                let message = format!("Signaturerstellungseinheit ausgefallen: {reason}");
                out.actions.push(super::information("SignatureUnitFailed", message));
            }
            modes::note_outage(case, &mut state, &draft.number);
            let (items, actions) = modes::tell_long_outage(case, &mut state);
            out.signatures.extend(items);
            out.actions.extend(actions);
        }
    }
    modes::note_late_entry(case, &mut state, &draft.number);
    out.state_bits = modes::state_bits(case, &state);
    out.state = MarketState::At(state);
    Ok(commit(out))
}

/// A receipt without a code: stored, not signed, nothing counted.
pub(super) fn without_code(case: &Case<'_>, mut state: State) -> Decision {
    let mut out = outcome(case, state.clone());
    modes::note_late_entry(case, &mut state, &format!("ft{:X}#", case.input.queue.numerator));
    out.state_bits = modes::state_bits(case, &state);
    out.state = MarketState::At(state);
    commit(out)
}
