//! Making one code: the draft, the units' signatures, and what the state becomes.

use std::borrow::Cow;

use jiff::civil::DateTime;
use kassette_model::UnitId;

use super::{Case, Shown, finding, information};
use crate::at::chain::ChainValue;
use crate::at::code::{self, Amounts, Code, CounterField, Jws, OUTAGE_TEXT};
use crate::at::note::Note;
use crate::at::state::{LastUnit, State};
use crate::at::{counter, signatures, time};
use crate::{Action, Decision, Finding, MarketSecrets, UNIT_SWITCHED, UnitFacts};

/// Room for the signature items of most receipts: the code and the marker of a sandbox.
const SIGNATURES_USUAL: usize = 2;

/// What field 10 of a code shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shows {
    /// The encrypted counter.
    Counter,
    /// `STO`; the counter moves all the same.
    Reversal,
    /// `TRA`; the counter stands still.
    Training,
}

/// A code before it is known which unit signs it.
pub(super) struct Draft {
    /// Fields 1 and 11 are empty until a unit is tried.
    code: Code,
    /// Field 4.
    time: DateTime,
    turnover_cents: i64,
    cash_numerator: u64,
}

impl Draft {
    /// Makes the fields 2 to 10 and 12. Everything that can be refused is refused here, before a unit is asked.
    pub(super) fn new(case: &Case<'_>, state: &State, amounts: Amounts, shows: Shows) -> Result<Self, Finding> {
        let queue = &case.input.queue;
        let kassen_id = queue.identification;
        if kassen_id.is_empty() || kassen_id.contains('_') || kassen_id.chars().any(char::is_control) {
            let message = format!("the Kassen-ID {kassen_id:?} must not be empty nor contain `_`");
            return Err(finding("KassenIdNotUsable", "", message, "RKSV Anlage"));
        }
        let overflow = || {
            let message = "the turnover counter does not fit its bytes";
            finding("TurnoverCounterOverflow", "/cbChargeItems", message, "RKSV Anlage")
        };
        let moved = if shows == Shows::Training { 0 } else { amounts.total().ok_or_else(overflow)? };
        let turnover_cents = state.turnover_cents.checked_add(moved).ok_or_else(overflow)?;
        let bytes = if state.counter_bytes == 0 { case.settings.counter_bytes } else { state.counter_bytes };
        if !counter::fits(turnover_cents, bytes) {
            return Err(overflow());
        }
        let cash_numerator = state.cash_numerator.saturating_add(1);
        let number = format!("ft{:X}#{cash_numerator}", queue.numerator);
        let MarketSecrets::At(secrets) = case.input.secrets;
        // Two equal local hours at the end of summer time, or a clock set back: never before the code before.
        let time = time::local_time(case.input.moment);
        let time = state.time.map_or(time, |before| time.max(before));
        let code = Code {
            algorithm: String::new(),
            kassen_id: kassen_id.to_owned(),
            time: time::local_text(time),
            amounts,
            counter: match shows {
                Shows::Counter => CounterField::Encrypted(
                    counter::encrypt(secrets.key(), kassen_id, &number, turnover_cents, bytes)
                        .map_err(|counter::Overflow| overflow())?,
                ),
                Shows::Reversal => CounterField::Reversal,
                Shows::Training => CounterField::Training,
            },
            number,
            key: String::new(),
            chain: state.chain.unwrap_or_else(|| ChainValue::first(kassen_id)).text(),
        };
        Ok(Self { code, time, turnover_cents, cash_numerator })
    }

    /// Full `ftReceiptIdentification`, which is the Belegnummer.
    pub(super) fn number(&self) -> &str {
        &self.code.number
    }

    /// The code as the unit with this mark and key signs it.
    fn code_by(&mut self, mark: &str, key: &str) -> &Code {
        self.code.algorithm.clear();
        self.code.algorithm.push_str("R1-");
        self.code.algorithm.push_str(mark);
        key.clone_into(&mut self.code.key);
        &self.code
    }
}

/// In which order the units are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Zero receipts look whether the first unit is back.
    FromFirst,
    /// Others go on with the unit that signed last, so that a dead one is not asked for every receipt.
    FromLastUsed,
}

/// How far the units' answers lead.
pub(super) enum Attempt<'a> {
    /// A unit is to be asked.
    Ask(Decision),
    /// A unit signed.
    Signed(SignedBy<'a>),
    /// No unit can sign; why.
    Failed(String),
}

/// A signature and how it came about.
pub(super) struct SignedBy<'a> {
    unit: &'a UnitFacts,
    signature: [u8; 64],
    /// Why the units tried before it did not sign; empty when there was none.
    passed_over: String,
}

/// Goes through the units until one has signed, by the answers so far.
pub(super) fn attempt<'a>(case: &Case<'a>, state: &State, draft: &mut Draft, order: Order) -> Attempt<'a> {
    let units = case.input.units;
    let last = match order {
        Order::FromFirst => None,
        Order::FromLastUsed => state.unit.as_ref().and_then(|last| units.iter().find(|unit| unit.id == last.id)),
    };
    let others = units.iter().filter(|unit| last.is_none_or(|last| last.id != unit.id));
    let mut reasons = Vec::new();
    for unit in last.into_iter().chain(others) {
        if !code::is_mark(&unit.algorithm_mark) || unit.key_name.is_empty() || unit.key_name.contains('_') {
            reasons.push(format!("unit {}: its mark or key name cannot stand in a code", unit.id));
            continue;
        }
        match case.input.answers.iter().find(|answer| answer.unit == unit.id) {
            None => {
                let message = draft.code_by(&unit.algorithm_mark, &unit.key_name).signing_input().into_bytes();
                return Attempt::Ask(Decision::Ask { unit: unit.id, message });
            }
            Some(answer) => match &answer.result {
                Ok(signature) => {
                    let passed_over = reasons.join("; ");
                    return Attempt::Signed(SignedBy { unit, signature: *signature, passed_over });
                }
                Err(reason) => reasons.push(format!("unit {}: {reason}", unit.id)),
            },
        }
    }
    if reasons.is_empty() {
        reasons.push("the cash box has no signature unit".into());
    }
    Attempt::Failed(reasons.join("; "))
}

/// Puts a signed code into state and outcome; returns the JWS. Another unit than the last one leaves a trace.
pub(super) fn write_signed(
    case: &Case<'_>,
    state: &mut State,
    shown: &mut Shown,
    mut draft: Draft,
    signed: SignedBy<'_>,
) -> String {
    let SignedBy { unit, signature, passed_over } = signed;
    draft.code_by(&unit.algorithm_mark, &unit.key_name);
    if state.unit.as_ref().is_none_or(|last| !last.is(unit)) {
        if let Some(last) = state.unit.as_ref().filter(|last| last.id != unit.id) {
            shown.actions.push(switched(case, last, unit, &passed_over));
        }
        state.unit = Some(LastUnit { id: unit.id, mark: unit.algorithm_mark.clone(), key: unit.key_name.clone() });
    }
    if !state.keys.contains(&unit.key_name) {
        state.keys.reserve_exact(1);
        state.keys.push(unit.key_name.clone());
    }
    write(case, state, shown, draft, signature.to_vec(), Some(unit.id))
}

/// The entry of the action journal for a change of the unit: a fail-over, or the way back.
fn switched(case: &Case<'_>, last: &LastUnit, unit: &UnitFacts, passed_over: &str) -> Action {
    let reason = if !passed_over.is_empty() {
        passed_over
    } else if case.input.units.iter().any(|known| known.id == last.id) {
        "a unit that comes before it works again"
    } else {
        "it is not in use any more"
    };
    let message = format!("Signaturerstellungseinheit gewechselt von {} auf {}: {reason}", last.id, unit.id);
    information(UNIT_SWITCHED, message)
}

/// Puts a code with the outage text into state and outcome; nothing when no unit ever signed here.
pub(super) fn write_outage(case: &Case<'_>, state: &mut State, shown: &mut Shown, mut draft: Draft) {
    if let Some(last) = &state.unit {
        draft.code_by(&last.mark, &last.key);
        write(case, state, shown, draft, OUTAGE_TEXT.as_bytes().to_vec(), None);
    }
}

fn write(
    case: &Case<'_>,
    state: &mut State,
    shown: &mut Shown,
    draft: Draft,
    signature: Vec<u8>,
    unit: Option<UnitId>,
) -> String {
    let Draft { code, time, turnover_cents, cash_numerator } = draft;
    let jws = Jws::of(code.text(), signature);
    let compact = jws.compact();
    state.turnover_cents = turnover_cents;
    state.cash_numerator = cash_numerator;
    state.chain = Some(ChainValue::after(&compact));
    if state.counter_bytes == 0 {
        state.counter_bytes = case.settings.counter_bytes;
    }
    shown.identification = cash_numerator.to_string();
    // Most receipts have this one and what a sandbox adds.
    shown.signatures.reserve_exact(SIGNATURES_USUAL);
    shown.signatures.push(signatures::qr(&jws));
    if case.settings.ocr {
        shown.signatures.push(signatures::ocr(&code, &jws));
    }
    let unit = unit.map(|unit| Cow::Owned(unit.to_string()));
    shown.note = Some(Note { jws: Cow::Borrowed(&compact), key: Cow::Borrowed(&code.key), unit }.write());
    state.time = Some(time);
    compact
}
