//! Making one code: the draft, the units' signatures, and what the state becomes.

use std::borrow::Cow;

use super::{Case, finding};
use crate::at::chain::ChainValue;
use crate::at::code::{self, Amounts, Code, CounterField, Jws, OUTAGE_TEXT};
use crate::at::note::Note;
use crate::at::state::{LastUnit, State};
use crate::at::{counter, signatures, time};
use crate::{Decision, Finding, MarketSecrets, Outcome, UnitFacts};

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
    code: Code,
    turnover_cents: i64,
    cash_numerator: u64,
    /// Full `ftReceiptIdentification`, which is the Belegnummer.
    pub(super) number: String,
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
        let cash_numerator = state.cash_numerator.saturating_add(1);
        let number = format!("ft{:X}#{cash_numerator}", queue.numerator);
        let MarketSecrets::At(secrets) = case.input.secrets;
        let encrypted = counter::encrypt(secrets.key(), kassen_id, &number, turnover_cents, bytes)
            .map_err(|counter::Overflow| overflow())?;
        let code = Code {
            algorithm: String::new(),
            kassen_id: kassen_id.to_owned(),
            number: number.clone(),
            // Two equal local hours at the end of summer time, or a clock set back: never before the code before.
            time: time::local_text(case.input.moment).max(state.time.clone()),
            amounts,
            counter: match shows {
                Shows::Counter => CounterField::Encrypted(encrypted),
                Shows::Reversal => CounterField::Reversal,
                Shows::Training => CounterField::Training,
            },
            key: String::new(),
            chain: state.chain.unwrap_or_else(|| ChainValue::first(kassen_id)).text(),
        };
        Ok(Self { code, turnover_cents, cash_numerator, number })
    }

    fn code(&self, mark: &str, key: &str) -> Code {
        Code { algorithm: format!("R1-{mark}"), key: key.to_owned(), ..self.code.clone() }
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
    Signed(&'a UnitFacts, [u8; 64]),
    /// No unit can sign; why.
    Failed(String),
}

/// Goes through the units until one has signed, by the answers so far.
pub(super) fn attempt<'a>(case: &Case<'a>, state: &State, draft: &Draft, order: Order) -> Attempt<'a> {
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
                let message = draft.code(&unit.algorithm_mark, &unit.key_name).signing_input().into_bytes();
                return Attempt::Ask(Decision::Ask { unit: unit.id, message });
            }
            Some(answer) => match &answer.result {
                Ok(signature) => return Attempt::Signed(unit, *signature),
                Err(reason) => reasons.push(format!("unit {}: {reason}", unit.id)),
            },
        }
    }
    if reasons.is_empty() {
        reasons.push("the cash box has no signature unit".into());
    }
    Attempt::Failed(reasons.join("; "))
}

/// Puts a signed code into state and outcome; returns the JWS.
pub(super) fn write_signed(
    case: &Case<'_>,
    state: &mut State,
    outcome: &mut Outcome,
    draft: &Draft,
    unit: &UnitFacts,
    signature: [u8; 64],
) -> String {
    let code = draft.code(&unit.algorithm_mark, &unit.key_name);
    state.unit = Some(LastUnit { id: unit.id, mark: unit.algorithm_mark.clone(), key: unit.key_name.clone() });
    if !state.keys.contains(&unit.key_name) {
        state.keys.push(unit.key_name.clone());
    }
    write(case, state, outcome, draft, &code, signature.to_vec(), Some(unit.id.to_string()))
}

/// Puts a code with the outage text into state and outcome; nothing when no unit ever signed here.
pub(super) fn write_outage(case: &Case<'_>, state: &mut State, outcome: &mut Outcome, draft: &Draft) -> Option<String> {
    let last = state.unit.clone()?;
    let code = draft.code(&last.mark, &last.key);
    Some(write(case, state, outcome, draft, &code, OUTAGE_TEXT.as_bytes().to_vec(), None))
}

fn write(
    case: &Case<'_>,
    state: &mut State,
    outcome: &mut Outcome,
    draft: &Draft,
    code: &Code,
    signature: Vec<u8>,
    unit: Option<String>,
) -> String {
    let jws = Jws::of(code.text(), signature);
    let compact = jws.compact();
    state.turnover_cents = draft.turnover_cents;
    state.cash_numerator = draft.cash_numerator;
    state.chain = Some(ChainValue::after(&compact));
    state.time.clone_from(&code.time);
    if state.counter_bytes == 0 {
        state.counter_bytes = case.settings.counter_bytes;
    }
    outcome.identification = draft.cash_numerator.to_string();
    outcome.signatures.push(signatures::qr(&jws));
    if case.settings.ocr {
        outcome.signatures.push(signatures::ocr(code, &jws));
    }
    let note = Note { jws: Cow::Borrowed(&compact), key: Cow::Borrowed(&code.key), unit: unit.map(Cow::Owned) };
    outcome.note = Some(note.write());
    compact
}
