//! What a payment is answered with: pay items that fit into a receipt as they are, or the provider's words.

use kassette_model::cases::{PayFlag, PayItemCase, PayMeans};
use kassette_model::payment::{Approval, PayAction, PayRequest, PayResponse, PaymentRefusal, RefusalKind};
use kassette_model::{Decimal, PayItem};
use kassette_record::PaymentFacts;
use kassette_wire::date::to_tick;
use kassette_wire::pay::{case_data, plain_item, write_response};
use kassette_wire::problem::{Code, Problem};

use crate::Identity;
use crate::operation::Facts;
use crate::seed::derive_uuid;

/// Version nibble 2 of every case that is given out (contract 5.1).
const VERSION_2: u64 = 0x2000_0000_0000;
/// Description of the item that takes the tip out of the sum.
const TIP: &str = "Tip";

/// The body of the answer to a payment that was made.
pub(super) fn body(
    identity: &Identity,
    facts: &Facts,
    pay: &PayRequest,
    payment: &PaymentFacts,
    approval: &Approval,
) -> Vec<u8> {
    let case = case(identity, pay, approval);
    let sign = |amount: Decimal| if pay.action == PayAction::Payment { amount } else { -amount };
    let mut items = vec![PayItem {
        id: Some(derive_uuid(&facts.seed, "pay-item")),
        quantity: Decimal::ONE,
        amount: sign(approval.paid),
        case,
        case_data: Some(case_data(
            &payment.provider,
            &payment.terminal,
            pay.action,
            &approval.exchange,
            &approval.lines,
        )),
        moment: Some(to_tick(facts.now)),
        ..pay.item.clone()
    }];
    if !approval.tip.is_zero() {
        items.push(PayItem {
            id: Some(derive_uuid(&facts.seed, "tip-item")),
            case: case.with(PayFlag::TIP),
            moment: Some(to_tick(facts.now)),
            currency: pay.item.currency.clone(),
            ..plain_item(TIP, -sign(approval.tip))
        });
    }
    let response = PayResponse { protocol: pay.protocol.clone(), action: pay.action, queue_id: identity.queue, items };
    let mut body = Vec::with_capacity(512);
    write_response(&response, &mut body);
    body
}

/// What was paid with: the provider knows, else the till, else only that it was no cash.
fn case(identity: &Identity, pay: &PayRequest, approval: &Approval) -> PayItemCase {
    let asked = pay.item.case.means().filter(|means| *means != PayMeans::Unknown);
    let means = match approval.means {
        PayMeans::Unknown => asked.unwrap_or(PayMeans::NonCash),
        known => known,
    };
    let case = PayItemCase(VERSION_2 | u64::from(means.bits()))
        .with(PayFlag::ELECTRONIC)
        .with(PayFlag::AMOUNT_VERIFIED)
        .completed(identity.market);
    match pay.action {
        PayAction::Payment => case,
        PayAction::Cancel => case.with(PayFlag::VOID),
        PayAction::Refund => case.with(PayFlag::REFUND),
    }
}

/// The problem of a payment that moved no money: the provider's text is its title (contract 4.4).
pub(super) fn problem(refusal: PaymentRefusal) -> Problem {
    let code = match refusal.kind {
        RefusalKind::Declined => Code::PaymentDeclined,
        RefusalKind::Cancelled => Code::PaymentCancelled,
        RefusalKind::TimedOut => Code::PaymentTimedOut,
        RefusalKind::Unreachable => Code::TerminalUnreachable,
        RefusalKind::NotCharged => Code::PaymentNotCharged,
    };
    Problem { title: refusal.title, ..Problem::new(code, refusal.detail) }
}
