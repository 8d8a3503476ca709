//! What a transaction that a terminal tells of says about a payment whose end is not known (devices, state machine of doubt).

use kassette_model::payment::PayAction;

use super::order::Order;
use super::transaction::{Baseline, Transaction};
use crate::zvt::ResultClass;

/// Most of a payment that a guest adds to it: more is another payment. In per cent of what was asked for.
const TIP_PERCENT_MAX: u64 = 100;

/// What an answer of the terminal means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was ours, and money has moved.
    Paid(Transaction),
    /// It was ours, and none has moved.
    Refused(Transaction),
    /// The terminal has not seen ours.
    NotSeen,
    /// Somebody has to look at the slips.
    Contradiction(String),
}

/// Judges what the terminal told when it was asked for its last transaction; `None` when it said that it has none. `told_cents`: the
/// amount that it told while the payment was made, when that was heard.
pub(super) fn judge(order: &Order, baseline: Baseline, told_cents: Option<u64>, told: Option<&Transaction>) -> Verdict {
    if baseline == Baseline::Unknown {
        let told = told.map_or_else(|| "nothing".to_owned(), |told| told.code.english().into_owned());
        return Verdict::Contradiction(format!(
            "before the payment the terminal had a transaction without a number, so that nobody can tell whether what it tells now ({told}) is \
             the payment"
        ));
    }
    let Some(told) = told else {
        return match baseline {
            Baseline::Unknown | Baseline::Nothing => Verdict::NotSeen,
            Baseline::Last { .. } => Verdict::Contradiction(format!(
                "the terminal has no transaction any more, before the payment it had {baseline}"
            )),
        };
    };
    let Some(receipt_number) = told.receipt_number else {
        return Verdict::Contradiction("the terminal tells of a transaction without a receipt number".to_owned());
    };
    match baseline.receipts_since(receipt_number) {
        0 => same_number(baseline, told),
        1 => newer(order, told_cents, told),
        _ => Verdict::Contradiction(format!(
            "the terminal tells of receipt {receipt_number:04}, before the payment it had {baseline}: there was another transaction"
        )),
    }
}

fn same_number(baseline: Baseline, told: &Transaction) -> Verdict {
    match (baseline, told.trace) {
        (Baseline::Last { trace, .. }, Some(now)) if trace != 0 && trace != now => Verdict::Contradiction(format!(
            "the terminal has used the receipt number of {baseline} again, with trace {now:06}"
        )),
        _ => Verdict::NotSeen,
    }
}

fn newer(order: &Order, told_cents: Option<u64>, told: &Transaction) -> Verdict {
    match told.code.class() {
        ResultClass::Approved => match fits(order, told) {
            Ok(()) if explains_itself(order, told) || told.amount_cents == told_cents => Verdict::Paid(told.clone()),
            Ok(()) => Verdict::Contradiction(format!(
                "{} cents were asked for, the terminal tells of {}, does not say why, and was not heard to say so while it was paid",
                order.amount_cents,
                told.amount_cents.unwrap_or(0)
            )),
            Err(why) => Verdict::Contradiction(why),
        },
        ResultClass::Declined | ResultClass::NotPossible => Verdict::Refused(told.clone()),
        ResultClass::Unknown => {
            Verdict::Contradiction(format!("the terminal itself does not know: {}", told.code.english()))
        }
    }
}

/// Whether an approved amount can be that of the order: the amount, a part of it, or it with a tip.
///
/// # Errors
/// Why not.
pub(super) fn fits(order: &Order, told: &Transaction) -> Result<(), String> {
    let asked = order.amount_cents;
    let Some(amount) = told.amount_cents else {
        return Err("the terminal tells of an approved transaction without an amount".to_owned());
    };
    let highest = match order.action {
        PayAction::Payment => asked.saturating_add(asked.saturating_mul(TIP_PERCENT_MAX).checked_div(100).unwrap_or(0)),
        PayAction::Cancel | PayAction::Refund => asked,
    };
    if amount == 0 || amount > highest {
        return Err(format!("{asked} cents were asked for, the terminal tells of {amount}"));
    }
    Ok(())
}

/// Whether a result explains its own amount: it is what was asked for, or more by what the terminal calls a tip. Any other amount may
/// belong to another transaction, so it counts only when the terminal said it while it was paid and says it again when it is asked.
pub(super) fn explains_itself(order: &Order, told: &Transaction) -> bool {
    let asked = order.amount_cents.saturating_add(told.tip_cents.unwrap_or(0));
    told.amount_cents == Some(asked)
}

/// The part of an approved amount that is a tip, in cents.
pub(super) fn tip_cents(order: &Order, told: &Transaction) -> u64 {
    let amount = told.amount_cents.unwrap_or(0);
    let more = amount.saturating_sub(order.amount_cents);
    // What the terminal calls a tip is one; what it took more is one, too.
    told.tip_cents.filter(|tip| *tip <= amount && *tip >= more).unwrap_or(more)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;
    use crate::zvt::{Fields, ResultCode};

    fn order() -> Order {
        Order { action: PayAction::Payment, amount_cents: 1_840, receipt_number: None }
    }

    fn told(receipt_number: u16, trace: u64, code: u8, amount_cents: u64) -> Transaction {
        Transaction {
            code: ResultCode(code),
            amount_cents: Some(amount_cents),
            receipt_number: Some(receipt_number),
            trace: Some(trace),
            ..Transaction::of(&Fields::new())
        }
    }

    const LAST: Baseline = Baseline::Last { receipt_number: 41, trace: 900 };

    fn check(baseline: Baseline, told: Option<Transaction>, expected: &str) {
        check_heard(baseline, None, told, expected);
    }

    fn check_heard(baseline: Baseline, told_cents: Option<u64>, told: Option<Transaction>, expected: &str) {
        let verdict = match judge(&order(), baseline, told_cents, told.as_ref()) {
            Verdict::Paid(_) => "paid",
            Verdict::Refused(_) => "refused",
            Verdict::NotSeen => "not seen",
            Verdict::Contradiction(_) => "contradiction",
        };
        assert_eq!(verdict, expected, "{told:?}");
    }

    #[test]
    fn only_the_next_transaction_with_our_amount_is_ours() {
        check(LAST, Some(told(42, 901, 0, 1_840)), "paid");
        // A part, and more: only when that was heard before. A tip that is called so explains itself.
        for amount in [1_000, 2_000] {
            check(LAST, Some(told(42, 901, 0, amount)), "contradiction");
            check_heard(LAST, Some(amount), Some(told(42, 901, 0, amount)), "paid");
            check_heard(LAST, Some(1_840), Some(told(42, 901, 0, amount)), "contradiction");
        }
        check(LAST, Some(Transaction { tip_cents: Some(160), ..told(42, 901, 0, 2_000) }), "paid");
        check_heard(LAST, Some(9_900), Some(told(42, 901, 0, 9_900)), "contradiction");
        check(LAST, Some(told(42, 901, 5, 1_840)), "refused");
        check(LAST, Some(told(42, 901, 0x6C, 1_840)), "refused");
        check(LAST, Some(told(41, 900, 0, 1_840)), "not seen");
        check(LAST, Some(told(41, 901, 0, 1_840)), "contradiction");
        check(LAST, Some(told(43, 902, 0, 1_840)), "contradiction");
        check(LAST, Some(told(40, 899, 0, 1_840)), "contradiction");
        check(LAST, Some(told(42, 901, 0, 9_900)), "contradiction");
        check(LAST, Some(told(42, 901, 0xFF, 1_840)), "contradiction");
        check(LAST, None, "contradiction");
        check(Baseline::Unknown, Some(told(42, 901, 0, 1_840)), "contradiction");
        check(Baseline::Unknown, None, "contradiction");
        check(Baseline::Nothing, None, "not seen");
        check(Baseline::Nothing, Some(told(1, 1, 0, 1_840)), "paid");
        check(LAST, Some(Transaction { receipt_number: None, ..told(42, 1, 0, 1_840) }), "contradiction");
    }

    #[test]
    fn a_tip_is_what_is_called_so_or_what_was_taken_more() {
        let tip = |amount, called| tip_cents(&order(), &Transaction { tip_cents: called, ..told(42, 1, 0, amount) });
        assert_eq!(
            [tip(1_840, None), tip(2_000, None), tip(2_000, Some(160)), tip(1_840, Some(200))],
            [0, 160, 160, 200]
        );
        // A tip above the whole, or below what was taken more, is none that the terminal could mean.
        assert_eq!([tip(2_000, Some(3_000)), tip(2_000, Some(100)), tip(1_000, None)], [160, 160, 0]);
    }
}
