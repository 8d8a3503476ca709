//! How it was paid.

use kassette_model::cases::v0;
use kassette_model::cases::{Country, PayFlag, PayItemCase, PayMeans};
use kassette_model::{Decimal, PayItem};

use super::compose::Context;
use super::{Item, Payment, PaymentKind, free};
use crate::Printable;
use crate::language::Words;

/// What the pay items become.
pub(super) struct Paid {
    pub(super) payments: Vec<Payment>,
    /// Payments that want to be shown among the goods.
    pub(super) shown_as_items: Vec<Item>,
}

/// The pay items of the request, then those that the market added.
pub(super) fn payments(context: &Context<'_>) -> Paid {
    let (request, response) = (context.source.request, context.source.response);
    let is_new = |item: &&PayItem| {
        let same = |other: &PayItem| other.id == item.id;
        !item.case.has(PayFlag::IN_RESPONSE) && (item.id.is_none() || !request.pay_items.iter().any(same))
    };
    let mut paid = Paid { payments: Vec::with_capacity(request.pay_items.len()), shown_as_items: Vec::new() };
    for item in request.pay_items.iter().chain(response.pay_items.iter().filter(is_new)) {
        let payment = payment(context, item);
        if read_case(context.source.market, item.case).has(PayFlag::SHOW_IN_CHARGE_ITEMS) {
            paid.shown_as_items.push(Item {
                description: payment.label,
                quantity: Decimal::ONE,
                unit: None,
                unit_price: None,
                amount: -payment.amount,
                vat_letter: None,
                level: 0,
                notes: Vec::new(),
            });
        } else {
            paid.payments.push(payment);
        }
    }
    paid
}

fn read_case(market: Country, case: PayItemCase) -> PayItemCase {
    let case = case.completed(market);
    case.country().and_then(v0::market).map_or(case, |tables| tables.read_pay(case))
}

fn payment(context: &Context<'_>, item: &PayItem) -> Payment {
    let case = read_case(context.source.market, item.case);
    let words = context.language.words();
    let means = case.means().unwrap_or(PayMeans::Unknown);
    let kind = match case {
        case if case.has(PayFlag::TIP) => PaymentKind::Tip,
        case if case.has(PayFlag::CHANGE) => PaymentKind::Change,
        _ => PaymentKind::Payment,
    };
    let own = Printable::new(&item.description);
    let label = match kind {
        PaymentKind::Change => Printable::new(words.change),
        PaymentKind::Tip => Printable::new(words.tip),
        PaymentKind::Payment if own.is_empty() => Printable::new(name(means, words)),
        PaymentKind::Payment => own,
    };
    let foreign =
        case.has(PayFlag::FOREIGN_CURRENCY).then_some(item.case_data.as_ref()).flatten().and_then(free::foreign);
    let slip = item.case_data.as_ref().map(free::slip).unwrap_or_default();
    Payment { label, amount: item.amount, kind, means, foreign, slip }
}

/// The means of payment in words.
fn name(means: PayMeans, words: &Words) -> &'static str {
    match means {
        PayMeans::Unknown => words.payment_unknown,
        PayMeans::Cash => words.payment_cash,
        PayMeans::NonCash => words.payment_non_cash,
        PayMeans::CrossedCheque => words.payment_cheque,
        PayMeans::DebitCard => words.payment_debit_card,
        PayMeans::CreditCard => words.payment_credit_card,
        PayMeans::Voucher => words.payment_voucher,
        PayMeans::Online => words.payment_online,
        PayMeans::LoyaltyCard => words.payment_loyalty,
        PayMeans::AccountsReceivable => words.payment_receivable,
        PayMeans::SepaTransfer | PayMeans::OtherBankTransfer => words.payment_transfer,
        PayMeans::CashTransfer => words.payment_cash_transfer,
        PayMeans::InternalConsumption => words.payment_internal,
        PayMeans::Grant => words.payment_grant,
        PayMeans::TicketRestaurant => words.payment_ticket_restaurant,
    }
}
