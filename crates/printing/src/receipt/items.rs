//! What was sold, and the table of taxes.

use kassette_model::cases::v0;
use kassette_model::cases::{ChargeFlag, ChargeItemCase, Country, PayMeans, ReceiptFlag};
use kassette_model::{ChargeItem, Decimal};

use super::compose::{ComposeError, Context};
use super::vat::Rates;
use super::{Item, Payment, PaymentKind, VatRow};
use crate::Printable;

/// Decimals of a price of one that is worked out; when more would be needed, none is shown.
const UNIT_PRICE_DECIMALS_MAX: u32 = 4;

/// What the charge items become.
pub(super) struct Goods {
    pub(super) items: Vec<Item>,
    /// Items that want to be shown among the payments.
    pub(super) shown_as_payments: Vec<Payment>,
    pub(super) vat: Vec<VatRow>,
    /// Sum of all charge items; `None` when it overflows.
    pub(super) sum: Option<Decimal>,
}

/// The charge items of the request, then those that the market added.
pub(super) fn items(context: &Context<'_>) -> Result<Goods, ComposeError> {
    let (request, response) = (context.source.request, context.source.response);
    // An item that only answers one of the request is that one again (flag 4000).
    let is_new = |item: &&ChargeItem| {
        let same = |other: &ChargeItem| other.id == item.id;
        !item.case.has(ChargeFlag::IN_RESPONSE) && (item.id.is_none() || !request.charge_items.iter().any(same))
    };
    let all: Vec<&ChargeItem> =
        request.charge_items.iter().chain(response.charge_items.iter().filter(is_new)).collect();
    let mut rates = Rates::new(context.currency.decimals());
    let mut goods =
        Goods { items: Vec::with_capacity(all.len()), shown_as_payments: Vec::new(), vat: Vec::new(), sum: None };
    for item in &all {
        let case = read_case(context.source.market, item);
        rates
            .add(category(case), item.vat_rate, item.amount, item.vat_amount)
            .ok_or(ComposeError::Overflow { what: "a sum of taxes" })?;
    }
    let rates = rates.rows().ok_or(ComposeError::Overflow { what: "a sum of taxes" })?;
    for item in &all {
        let case = read_case(context.source.market, item);
        if case.has(ChargeFlag::SHOW_IN_PAYMENTS) {
            goods.shown_as_payments.push(Payment {
                label: Printable::new(&item.description),
                amount: -item.amount,
                kind: PaymentKind::Payment,
                means: PayMeans::Unknown,
                foreign: None,
                slip: Vec::new(),
            });
        } else {
            goods.items.push(line(context, item, case, rates.letter(category(case), item.vat_rate)));
        }
    }
    goods.vat = rates.into_rows();
    goods.sum = request.charge_items.iter().try_fold(Decimal::ZERO, |sum, item| sum.checked_add(item.amount));
    Ok(goods)
}

/// The case of an item as one of version 2. Austria finds the category of an item without a case by its rate (contract 5.3).
fn read_case(market: Country, item: &ChargeItem) -> ChargeItemCase {
    let case = item.case.completed(market);
    let Some(tables) = case.country().and_then(v0::market) else { return case };
    if case.country() == Some(Country::AT) && case.low16() == 0 {
        let number = v0::Market::at_charge_by_rate(item.vat_rate);
        let read = tables.read_charge(ChargeItemCase(u64::from(number)).with_country(Country::AT));
        return read.with_global_flags(case.global_flags());
    }
    tables.read_charge(case)
}

/// The letter that the table of the contract gives the category; `G`, like category 0, when `V` is none of it.
fn category(case: ChargeItemCase) -> char {
    case.vat().unwrap_or(kassette_model::cases::VatCategory::Unknown).letter()
}

fn line(context: &Context<'_>, item: &ChargeItem, case: ChargeItemCase, letter: Option<char>) -> Item {
    let words = context.language.words();
    let notes = [
        (ChargeFlag::VOID, words.note_void),
        (ChargeFlag::REFUND, words.note_refund),
        (ChargeFlag::DISCOUNT_OR_EXTRA, words.note_discount),
        (ChargeFlag::DOWN_PAYMENT, words.note_down_payment),
        (ChargeFlag::RETURNABLE, words.note_deposit),
        (ChargeFlag::TAKE_AWAY, words.note_take_away),
    ];
    let is_part = context.has(ReceiptFlag::GROUP_BY_POSITION) && !item.position.fract().is_zero();
    Item {
        description: Printable::new(&item.description),
        quantity: item.quantity,
        unit: item.unit.as_deref().map(Printable::new).filter(|unit| !unit.is_empty()),
        unit_price: unit_price(item),
        amount: item.amount,
        vat_letter: letter,
        level: u8::from(is_part),
        notes: notes.iter().filter(|(flag, _)| case.has(*flag)).map(|(_, note)| Printable::new(note)).collect(),
    }
}

/// The price of one: as sent, else worked out when it has few decimals.
fn unit_price(item: &ChargeItem) -> Option<Decimal> {
    if item.quantity == Decimal::ONE {
        return None;
    }
    let price = item.unit_price.or_else(|| item.amount.checked_div(item.quantity))?.normalize();
    (item.unit_price.is_some() || price.scale() <= UNIT_PRICE_DECIMALS_MAX).then_some(price)
}
