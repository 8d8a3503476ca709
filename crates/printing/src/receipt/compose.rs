//! From request and answer to the receipt that people read.

use jiff::tz::TimeZone;
use kassette_model::cases::v0::{ReceiptReading, read_receipt};
use kassette_model::cases::{Country, ReceiptCase, ReceiptFlag, ReceiptKind, ReceiptName, SignaturePosition};
use kassette_model::{Decimal, Environment, Moment, PreviousReceipts, ReceiptRequest, ReceiptResponse};

use super::market::{self, Market};
use super::{Copy, Currency, Fact, Mark, MarkLine, Merchant, Notice, Receipt};
use super::{free, items, payments, signatures, titles};
use crate::{Language, Printable};

/// Most charge items, and most pay items, of one receipt: what a body may have (`wire::Limits`).
pub const ITEMS_MAX: usize = 10_000;
/// A sale that is this much older than its signature has its own date, in seconds.
const SALE_APART_S: i64 = 600;

/// What a receipt is made from.
#[derive(Debug, Clone)]
pub struct Source<'a> {
    /// The receipt as the till sent it.
    pub request: &'a ReceiptRequest,
    /// The answer to it.
    pub response: &'a ReceiptResponse,
    /// Whose law it follows.
    pub market: Country,
    /// Whether it may be valid at all.
    pub environment: Environment,
    /// Who issues it.
    pub merchant: &'a Merchant,
    /// The language to write it in; that of the country when `None`.
    pub language: Option<Language>,
    /// The clock of the shop; that of the country's capital when `None`.
    pub time_zone: Option<TimeZone>,
    /// Original or copy.
    pub copy: Copy,
    /// Where the receipt stands on the web.
    pub document_url: Option<&'a str>,
}

/// Why no receipt can be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// More items than a receipt may have.
    #[error("{count} {what} are more than the {ITEMS_MAX} of one receipt")]
    TooManyItems {
        /// Which items.
        what: &'static str,
        /// How many there are.
        count: usize,
    },
    /// A sum has more digits than can be kept.
    #[error("{what} has more than 28 digits")]
    Overflow {
        /// Which sum.
        what: &'static str,
    },
    /// The currency is not three letters.
    #[error("{0:?} is no currency code of three letters")]
    Currency(String),
    /// Every law that a market follows wants the name of the business on a receipt.
    #[error(
        "a receipt of a production cash box needs the name of the business: neither the settings nor ftReceiptHeader have one"
    )]
    MerchantUnnamed,
    /// The time zone of the country is missing from this build.
    #[error("the time zone {name} is not known: {reason}")]
    TimeZone {
        /// Its name.
        name: &'static str,
        /// What the time zone database says.
        reason: String,
    },
}

/// What the parts of a receipt are decided by.
pub(super) struct Context<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) language: Language,
    pub(super) currency: Currency,
    /// The receipt case as one of version 2, with its country.
    pub(super) case: ReceiptCase,
    pub(super) zone: TimeZone,
}

impl Context<'_> {
    pub(super) fn has(&self, flag: ReceiptFlag) -> bool {
        self.case.has(flag)
    }

    pub(super) fn name(&self) -> Option<ReceiptName> {
        self.case.name()
    }

    /// Whether turnover can be on it: receipts and invoices.
    pub(super) fn is_sale(&self) -> bool {
        matches!(self.case.kind(), Some(ReceiptKind::Receipt | ReceiptKind::Invoice))
    }

    /// Date and time on the clock of the shop, as the country or else the language writes them.
    pub(super) fn date(&self, moment: Moment) -> Printable {
        let pattern = match self.source.market {
            // Either year-month-day or day-month-year, with hyphens (PT: ordinance on invoicing programs).
            Country::PT => "%d-%m-%Y %H:%M:%S",
            _ => self.language.date_pattern(),
        };
        Printable::new(&moment.to_zoned(self.zone.clone()).strftime(pattern).to_string())
    }
}

/// Makes the receipt. The same source gives the same receipt.
///
/// Nothing in the pair is required to fit: documents are issued from pairs that another system signed, too (contract 8.1).
///
/// # Errors
/// See [`ComposeError`]: limits, sums that overflow, a merchant without a name in production.
pub fn compose(source: &Source<'_>) -> Result<Receipt, ComposeError> {
    let (request, response) = (source.request, source.response);
    for (what, count) in [("charge items", request.charge_items.len()), ("pay items", request.pay_items.len())] {
        if count > ITEMS_MAX {
            return Err(ComposeError::TooManyItems { what, count });
        }
    }
    if source.environment == Environment::Production && source.merchant.name.is_empty() && response.header.is_empty() {
        return Err(ComposeError::MerchantUnnamed);
    }
    let currency =
        Currency::parse(&request.currency).ok_or_else(|| ComposeError::Currency(request.currency.clone()))?;
    let country = market::of(source.market);
    let context = Context {
        source,
        language: source.language.unwrap_or_else(|| Language::of_country(source.market)),
        currency,
        case: read_case(source),
        zone: zone(source, country)?,
    };
    let goods = items::items(&context)?;
    let paid = payments::payments(&context);
    let has_amount = !request.charge_items.is_empty() || request.receipt_amount.is_some();
    let total = if has_amount { Some(total(request, &goods, &paid)?) } else { None };
    let mut receipt = Receipt {
        market: source.market,
        language: context.language,
        currency,
        marks: titles::marks(&context),
        merchant: source.merchant.clone(),
        header: shown(&response.header),
        title: titles::title(&context),
        facts: facts(&context),
        customer: request
            .customer
            .as_ref()
            .map(|customer| free::customer(customer, context.language))
            .unwrap_or_default(),
        items: goods.items,
        item_lines: shown(&response.charge_lines),
        total,
        vat: goods.vat,
        payments: paid.payments,
        pay_lines: shown(&response.pay_lines),
        signatures: signatures::signatures(&response.signatures),
        notices: Vec::new(),
        lines: request.case_data.as_ref().map(free::receipt_lines).unwrap_or_default(),
        footer: shown(&response.footer),
        document_url: source.document_url.map(Printable::new).filter(|url| !url.is_empty()),
        queue_id: response.queue_id,
        queue_item_id: response.queue_item_id,
        moment: response.receipt_moment,
    };
    receipt.items.extend(paid.shown_as_items);
    receipt.payments.extend(goods.shown_as_payments);
    if let Some(country) = country {
        (country.adapt)(&mut receipt, &context);
    }
    receipt.marks.sort_by_key(|line| line.mark);
    Ok(receipt)
}

impl Receipt {
    /// Adds a text that the law wants, unless a signature item says it already.
    pub(super) fn notice(&mut self, place: SignaturePosition, text: &str) {
        let text = Printable::new(text);
        let says = |line: &Printable| line.contains(text.as_str());
        let is_said = self.notices.iter().any(|notice| notice.text == text)
            || self.signatures.iter().any(|signature| {
                let content = match &signature.content {
                    super::Content::Text(lines) => lines.iter().any(says),
                    _ => false,
                };
                content || signature.above.iter().chain(&signature.below).any(says)
            });
        if !is_said {
            self.notices.push(Notice { place, text });
        }
    }

    /// Gives a mark other words.
    pub(super) fn word_mark(&mut self, mark: Mark, text: &str) {
        for line in self.marks.iter_mut().filter(|line| line.mark == mark) {
            *line = MarkLine { mark, text: Printable::new(text) };
        }
    }
}

fn read_case(source: &Source<'_>) -> ReceiptCase {
    let case = source.request.case.completed(source.market);
    let has_items = !source.request.charge_items.is_empty() || !source.request.pay_items.is_empty();
    match read_receipt(case, has_items) {
        ReceiptReading::Case(case) => case,
        ReceiptReading::VersionUnsupported | ReceiptReading::Unknown => case,
    }
}

fn zone(source: &Source<'_>, country: Option<&Market>) -> Result<TimeZone, ComposeError> {
    if let Some(zone) = &source.time_zone {
        return Ok(zone.clone());
    }
    let Some(name) = country.map(|country| country.time_zone) else { return Ok(TimeZone::UTC) };
    TimeZone::get(name).map_err(|error| ComposeError::TimeZone { name, reason: error.to_string() })
}

/// What is to be paid. What is shown on the other side of the line changes it, so that the items above it still add up.
fn total(request: &ReceiptRequest, goods: &items::Goods, paid: &payments::Paid) -> Result<Decimal, ComposeError> {
    let moved = goods.shown_as_payments.iter().map(|payment| payment.amount);
    let moved = moved.chain(paid.shown_as_items.iter().map(|item| item.amount));
    moved
        .map(Some)
        .chain([request.receipt_amount.or(goods.sum)])
        .try_fold(Decimal::ZERO, |sum, amount| sum.checked_add(amount?))
        .ok_or(ComposeError::Overflow { what: "the total" })
}

fn shown(lines: &[String]) -> Vec<Printable> {
    lines
        .iter()
        .flat_map(|line| if line.is_empty() { vec![Printable::default()] } else { Printable::lines(line) })
        .collect()
}

/// Number, times, register, people.
fn facts(context: &Context<'_>) -> Vec<Fact> {
    let Source { request, response, .. } = context.source;
    let words = context.language.words();
    let mut facts = Vec::with_capacity(8);
    let mut fact = |label: &str, value: Printable| {
        if !value.is_empty() {
            facts.push(Fact { label: Printable::new(label), value });
        }
    };
    let number = market::receipt_number(context.source.market, &response.receipt_identification);
    fact(words.receipt_number, Printable::new(number));
    if request.reference != number {
        fact(words.reference, Printable::new(&request.reference));
    }
    fact(words.date, context.date(response.receipt_moment));
    let apart_s = response.receipt_moment.as_second().saturating_sub(request.moment.as_second());
    if apart_s.saturating_abs() >= SALE_APART_S {
        fact(words.date_of_sale, context.date(request.moment));
    }
    fact(words.cash_box, Printable::new(&response.cash_box_identification));
    let terminal = request.terminal_id.as_deref().or(response.terminal_id.as_deref());
    fact(words.terminal, Printable::new(terminal.unwrap_or_default()));
    fact(words.cashier, request.user.as_ref().and_then(free::person).unwrap_or_default());
    fact(words.area, request.area.as_ref().and_then(free::area).unwrap_or_default());
    let previous = match &request.previous {
        PreviousReceipts::None => String::new(),
        PreviousReceipts::One(reference) => reference.clone(),
        PreviousReceipts::Group(references) => references.join(", "),
    };
    fact(words.previous_reference, Printable::new(&previous));
    facts
}

#[cfg(test)]
#[path = "compose_tests.rs"]
mod tests;
