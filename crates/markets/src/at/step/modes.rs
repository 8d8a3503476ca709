//! The modes of a register: failed signature unit, receipts entered afterwards, backup unit; and how `ftState` shows them
//! (contract 5.7, 6.5). Each is told by its bit of version 0 and that of version 2 together.

use kassette_model::cases::{StateFlag, StateFlagAt};
use kassette_model::{Moment, SignatureItem};

use super::closing::{self, Due};
use super::{Case, information, notices};
use crate::at::state::{Failed, Span, State};
use crate::at::{signatures, time};
use crate::{Action, UNIT_BACK};

/// An outage longer than this must be reported (RKSV §17).
const REPORT_OUTAGE_AFTER_S: i64 = 48 * 3600;

/// `ftState` of an active queue after this receipt.
pub(super) fn state_bits(case: &Case<'_>, state: &State) -> u64 {
    let mut bits = 0;
    match &state.failed {
        Some(failed) if is_permanent(failed, case.input.moment) => {
            bits |= unit_failed() | StateFlagAt::ScuPermanentlyOutOfService.bits()
        }
        Some(_) => bits |= unit_failed(),
        None => {
            let first = case.input.units.first().map(|unit| unit.id);
            let last = state.unit.as_ref().map(|unit| unit.id);
            if first.is_some() && last.is_some() && first != last {
                bits |= StateFlagAt::BackupScuInUse.bits();
            }
        }
    }
    if state.late.is_some() || state.handwritten.is_some() {
        bits |= u64::from(StateFlag::LateSigning.bits());
    }
    match closing::due(state, time::local_date(case.input.request.moment)) {
        Due::Nothing => {}
        Due::Month => bits |= StateFlagAt::MonthlyReceiptDue.bits(),
        Due::Year => bits |= StateFlagAt::YearlyReceiptDue.bits(),
    }
    bits
}

fn unit_failed() -> u64 {
    u64::from(StateFlag::ScuTemporaryOutOfService.bits())
}

fn is_permanent(failed: &Failed, now: Moment) -> bool {
    now.as_second().saturating_sub(failed.since_s) > REPORT_OUTAGE_AFTER_S
}

/// Notes an ordinary receipt that was entered afterwards.
pub(super) fn note_late_entry(case: &Case<'_>, state: &mut State, identification: &str) {
    if case.flags.late {
        Span::extend(&mut state.late, identification);
    }
    if case.flags.handwritten {
        Span::extend(&mut state.handwritten, identification);
    }
}

/// Notes a receipt with the outage text; the first one opens the mode.
pub(super) fn note_outage(case: &Case<'_>, state: &mut State, identification: &str) {
    match &mut state.failed {
        Some(failed) => identification.clone_into(&mut failed.span.to),
        None => {
            state.failed = Some(Box::new(Failed {
                since_s: case.input.moment.as_second(),
                span: Span { from: identification.to_owned(), to: identification.to_owned() },
                told: false,
            }));
        }
    }
}

/// After 48 hours of outage, once: the duty to report it.
pub(super) fn tell_long_outage(case: &Case<'_>, state: &mut State) -> (Vec<SignatureItem>, Vec<Action>) {
    match &mut state.failed {
        Some(failed) if !failed.told && is_permanent(failed, case.input.moment) => {
            failed.told = true;
            notices::long_outage(case, failed)
        }
        _ => (Vec::new(), Vec::new()),
    }
}

/// A signed zero receipt ends all modes: what it collects is told on it.
pub(super) fn leave_all(case: &Case<'_>, state: &mut State) -> (Vec<SignatureItem>, Vec<Action>) {
    let mut items = Vec::new();
    let mut actions = Vec::new();
    if let Some(failed) = state.failed.take() {
        items.push(signatures::collective(&failed.span));
        let Span { from, to } = &failed.span;
        let message = format!("Signaturerstellungseinheit signiert wieder; Ausfall von {from} bis {to}");
        actions.push(information(UNIT_BACK, message));
        if failed.told {
            let (more_items, more_actions) = notices::outage_over(case, &failed);
            items.extend(more_items);
            actions.extend(more_actions);
        }
    }
    items.extend(state.late.take().map(|span| signatures::late_entry(&span)));
    items.extend(state.handwritten.take().map(|span| signatures::handwritten_entry(&span)));
    (items, actions)
}
