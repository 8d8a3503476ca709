//! What a template sees of a receipt: texts, ready to be shown.

use std::collections::BTreeMap;

use kassette_model::cases::SignaturePosition;
use minijinja::Value;
use serde::Serialize;

use super::super::parts;
use crate::receipt::{Content, Medium, Receipt, Shown, Signature};

/// The names at the top.
#[derive(Debug, Serialize)]
pub(super) struct View<'a> {
    /// For `<style nonce="{{ nonce }}">`.
    nonce: &'a str,
    /// `de`, `en`, …
    language: &'static str,
    /// `AT`, `DE`, …
    market: String,
    /// `EUR`
    currency: &'a str,
    marks: Vec<&'a str>,
    merchant: Merchant<'a>,
    header: Vec<&'a str>,
    title: &'a str,
    facts: Vec<Pair<'a>>,
    customer: Vec<&'a str>,
    items: Vec<Item<'a>>,
    item_lines: Vec<&'a str>,
    /// With the sign of the currency; empty when nothing is to be paid.
    total: String,
    vat: Vec<VatRow>,
    payments: Vec<Payment<'a>>,
    pay_lines: Vec<&'a str>,
    /// Notices and signatures by place.
    before_header: Place<'a>,
    after_header: Place<'a>,
    after_items: Place<'a>,
    after_total: Place<'a>,
    after_payments: Place<'a>,
    after_footer: Place<'a>,
    lines: Vec<&'a str>,
    footer: Vec<&'a str>,
    document_url: &'a str,
    words: Value,
}

#[derive(Debug, Serialize)]
struct Merchant<'a> {
    name: &'a str,
    address: Vec<&'a str>,
    tax_ids: Vec<Pair<'a>>,
    contact: Vec<&'a str>,
    /// An `svg` element; empty when there is no logo.
    logo: Value,
}

#[derive(Debug, Serialize)]
struct Pair<'a> {
    label: &'a str,
    value: &'a str,
}

#[derive(Debug, Serialize)]
struct Item<'a> {
    description: &'a str,
    quantity: String,
    unit: &'a str,
    unit_price: String,
    amount: String,
    vat_letter: String,
    is_part: bool,
    notes: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
struct VatRow {
    letter: char,
    rate: String,
    net: String,
    vat: String,
    gross: String,
}

#[derive(Debug, Serialize)]
struct Payment<'a> {
    label: &'a str,
    amount: String,
    slip: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
struct Place<'a> {
    notices: Vec<&'a str>,
    signatures: Vec<Shape<'a>>,
}

#[derive(Debug, Serialize)]
struct Shape<'a> {
    above: Vec<&'a str>,
    below: Vec<&'a str>,
    is_detail: bool,
    /// Lines of a text, or the payload of a code.
    text: Vec<String>,
    /// An address that may be followed; empty otherwise.
    link: &'a str,
    /// An `svg` element; empty for what is no code.
    code: Value,
}

impl<'a> View<'a> {
    pub(super) fn of(receipt: &'a Receipt, nonce: &'a str) -> Self {
        let (language, currency) = (receipt.language, receipt.currency);
        let amount = |amount| language.amount(amount, currency);
        let texts = |lines: &'a [crate::Printable]| lines.iter().map(|line| line.as_str()).collect::<Vec<_>>();
        let pair = |label: &'a str, value: &'a str| Pair { label, value };
        let items = receipt.items.iter().map(|item| Item {
            description: &item.description,
            quantity: language.quantity(item.quantity),
            unit: item.unit.as_deref().unwrap_or_default(),
            unit_price: item.unit_price.map(amount).unwrap_or_default(),
            amount: amount(item.amount),
            vat_letter: item.vat_letter.map(String::from).unwrap_or_default(),
            is_part: item.level > 0,
            notes: texts(&item.notes),
        });
        let vat = receipt.vat.iter().map(|row| VatRow {
            letter: row.letter,
            rate: language.percent(row.rate),
            net: amount(row.net),
            vat: amount(row.vat),
            gross: amount(row.gross),
        });
        let payments = receipt.payments.iter().map(|payment| Payment {
            label: &payment.label,
            amount: amount(payment.amount),
            slip: texts(&payment.slip),
        });
        let merchant = Merchant {
            name: &receipt.merchant.name,
            address: texts(&receipt.merchant.address),
            tax_ids: receipt.merchant.tax_ids.iter().map(|(label, value)| pair(label, value)).collect(),
            contact: texts(&receipt.merchant.contact),
            logo: safe(receipt.merchant.logo.as_ref().map(|logo| parts::picture(logo).into_string())),
        };
        let place = |place| Place::of(receipt, place);
        Self {
            nonce,
            language: language.tag(),
            market: receipt.market.to_string(),
            currency: receipt.currency.code(),
            marks: receipt.marks.iter().map(|mark| mark.text.as_str()).collect(),
            merchant,
            header: texts(&receipt.header),
            title: &receipt.title,
            facts: receipt.facts.iter().map(|fact| pair(&fact.label, &fact.value)).collect(),
            customer: texts(&receipt.customer),
            items: items.collect(),
            item_lines: texts(&receipt.item_lines),
            total: receipt.total.map(|total| language.money(total, currency)).unwrap_or_default(),
            vat: vat.collect(),
            payments: payments.collect(),
            pay_lines: texts(&receipt.pay_lines),
            before_header: place(SignaturePosition::BeforeHeader),
            after_header: place(SignaturePosition::AfterHeader),
            after_items: place(SignaturePosition::AfterChargeItems),
            after_total: place(SignaturePosition::AfterTotal),
            after_payments: place(SignaturePosition::AfterPayItems),
            after_footer: place(SignaturePosition::AfterFooter),
            lines: texts(&receipt.lines),
            footer: texts(&receipt.footer),
            document_url: receipt.document_url.as_deref().unwrap_or_default(),
            words: language.words().all().collect::<BTreeMap<_, _>>().into(),
        }
    }
}

impl<'a> Place<'a> {
    fn of(receipt: &'a Receipt, place: SignaturePosition) -> Self {
        Self {
            notices: receipt.notices_at(place).map(|notice| notice.text.as_str()).collect(),
            signatures: receipt.signatures_at(place, Medium::Screen).map(Shape::of).collect(),
        }
    }
}

impl<'a> Shape<'a> {
    fn of(signature: &'a Signature) -> Self {
        let (text, link, code) = match &signature.content {
            Content::Text(lines) => (lines.iter().map(ToString::to_string).collect(), "", None),
            Content::Ocr(text) => (vec![text.to_string()], "", None),
            Content::Link(url) if parts::is_web_address(url) => (vec![url.to_string()], url.as_str(), None),
            Content::Link(url) => (vec![url.to_string()], "", None),
            Content::Code(code) => {
                let text = vec![code.text().to_string()];
                (text, "", parts::code_picture(code).map(maud::Markup::into_string))
            }
        };
        Self {
            above: signature.above.iter().map(|line| line.as_str()).collect(),
            below: signature.below.iter().map(|line| line.as_str()).collect(),
            is_detail: signature.shown == Shown::Details,
            text,
            link,
            code: safe(code),
        }
    }
}

/// Markup of ours, which is not escaped again.
fn safe(markup: Option<String>) -> Value {
    Value::from_safe_string(markup.unwrap_or_default())
}
