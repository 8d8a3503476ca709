//! The dummy provider of the sandbox (contract 5.10): special amounts end specially, every other one is approved at once.

use std::borrow::Cow;

use kassette_model::Decimal;
use kassette_model::cases::PayMeans;
use kassette_model::payment::{Approval, PayAction, PaymentOutcome, PaymentRefusal, ProviderExchange, RefusalKind};

use crate::Provider;

/// Its name, as protocol and as provider.
pub const NAME: &str = "test";
/// Its registration.
pub const PROVIDER: Provider = Provider { name: NAME, sandbox_only: true, lines: &[] };
/// Version of its protocol, which has no wire.
const VERSION: &str = "1.0.0";
/// What a guest gives besides 30,000.50.
const TIP: Decimal = Decimal::from_parts(200, 0, 0, false, 2);
/// What is approved of 30,000.90.
const PARTIAL: Decimal = Decimal::from_parts(1_500_050, 0, 0, false, 2);

/// How the dummy terminal ends a payment, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct DummyEnd {
    /// How long after the beginning, in milliseconds.
    pub after_ms: u64,
    /// How.
    pub outcome: PaymentOutcome,
}

/// The end of a payment of `amount`, which is never negative. Only payments have special amounts: money back is always given.
#[must_use]
pub fn end(action: PayAction, amount: Decimal, currency: &str) -> DummyEnd {
    let special = (action == PayAction::Payment).then(|| special_cents(amount)).flatten();
    let approved = |paid, tip| PaymentOutcome::Approved(approval(action, paid, tip, currency));
    let refused = |kind, title: &'static str, detail: &'static str| {
        PaymentOutcome::Refused(PaymentRefusal { kind, title: Cow::Borrowed(title), detail: Cow::Borrowed(detail) })
    };
    let (after_ms, outcome) = match special {
        Some(10) => (0, refused(RefusalKind::Declined, "DECLINED", "dummy provider declined")),
        Some(20) => (0, refused(RefusalKind::TimedOut, "TIMEOUT", "dummy provider: nobody paid in time")),
        Some(40) => {
            (0, refused(RefusalKind::Cancelled, "CANCELLED BY USER", "dummy provider: cancelled at the terminal"))
        }
        Some(50) => (0, approved(amount.checked_add(TIP).unwrap_or(amount), TIP)),
        Some(60) => (60_000, approved(amount, Decimal::ZERO)),
        Some(70) => (180_000, approved(amount, Decimal::ZERO)),
        Some(80) => (360_000, approved(amount, Decimal::ZERO)),
        Some(90) => (0, approved(PARTIAL, Decimal::ZERO)),
        _ => (0, approved(amount, Decimal::ZERO)),
    };
    DummyEnd { after_ms, outcome }
}

/// The cents behind 30,000.
fn special_cents(amount: Decimal) -> Option<u32> {
    let cents = amount.checked_sub(Decimal::from(30_000))?.checked_mul(Decimal::ONE_HUNDRED)?.normalize();
    if cents.scale() == 0 { u32::try_from(cents).ok().filter(|cents| *cents < 100) } else { None }
}

fn approval(action: PayAction, paid: Decimal, tip: Decimal, currency: &str) -> Approval {
    let money = |amount: Decimal| format!("{currency} {amount:.2}").replace('.', ",");
    let mut lines = vec!["DUMMY TERMINAL".to_owned(), "CARD **** 0042".to_owned()];
    lines.extend((action != PayAction::Payment).then(|| action.name().to_ascii_uppercase()));
    lines.push(money(paid));
    lines.extend((!tip.is_zero()).then(|| format!("TIP {tip:.2}").replace('.', ",")));
    lines.push("APPROVED".to_owned());
    let exchange = ProviderExchange { protocol_version: Cow::Borrowed(VERSION), request: None, response: None };
    Approval { paid, tip, means: PayMeans::CreditCard, lines, exchange }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]
mod tests {
    use super::*;

    fn check(amount: &str, after_ms: u64, expected: Result<(&str, &str), (RefusalKind, &str)>) {
        let end = end(PayAction::Payment, amount.parse().unwrap(), "EUR");
        assert_eq!(end.after_ms, after_ms, "{amount}");
        match (end.outcome, expected) {
            (PaymentOutcome::Approved(approval), Ok((paid, tip))) => {
                assert_eq!((approval.paid, approval.tip), (paid.parse().unwrap(), tip.parse().unwrap()), "{amount}");
                // What is left when the tip is taken out is never more than what was asked for.
                assert!(approval.paid - approval.tip <= amount.parse().unwrap());
            }
            (PaymentOutcome::Refused(refusal), Err((kind, title))) => {
                assert_eq!((refusal.kind, refusal.title.as_ref()), (kind, title), "{amount}");
            }
            (outcome, _) => panic!("{amount}: {outcome:?}"),
        }
    }

    #[test]
    fn the_special_amounts_are_those_of_the_contract() {
        check("10", 0, Ok(("10", "0")));
        check("18.40", 0, Ok(("18.40", "0")));
        check("30000.10", 0, Err((RefusalKind::Declined, "DECLINED")));
        check("30000.2", 0, Err((RefusalKind::TimedOut, "TIMEOUT")));
        check("30000.30", 0, Ok(("30000.30", "0")));
        check("30000.40", 0, Err((RefusalKind::Cancelled, "CANCELLED BY USER")));
        check("30000.50", 0, Ok(("30002.50", "2")));
        check("30000.60", 60_000, Ok(("30000.60", "0")));
        check("30000.70", 180_000, Ok(("30000.70", "0")));
        check("30000.80", 360_000, Ok(("30000.80", "0")));
        check("30000.90", 0, Ok(("15000.50", "0")));
        check("30001.10", 0, Ok(("30001.10", "0")));
        check("29999.90", 0, Ok(("29999.90", "0")));
    }

    #[test]
    fn money_back_is_always_given() {
        for action in [PayAction::Refund, PayAction::Cancel] {
            for amount in ["30000.10", "30000.50", "30000.60", "12"] {
                let end = end(action, amount.parse().unwrap(), "EUR");
                let PaymentOutcome::Approved(approval) = end.outcome else { panic!("{amount}") };
                assert_eq!((end.after_ms, approval.paid), (0, amount.parse().unwrap()));
            }
        }
    }

    #[test]
    fn the_slip_says_what_was_paid() {
        let PaymentOutcome::Approved(approval) = end(PayAction::Payment, "30000.50".parse().unwrap(), "EUR").outcome
        else {
            panic!("not approved");
        };
        assert_eq!(approval.lines, ["DUMMY TERMINAL", "CARD **** 0042", "EUR 30002,50", "TIP 2,00", "APPROVED"]);
    }
}
