//! The parts of a receipt, from the top to the bottom.

use kassette_model::Decimal;
use kassette_model::cases::SignaturePosition;

use super::page::{Page, Row};
use crate::code;
use crate::printable::columns;
use crate::receipt::{Code, Content, Item, Signature, VatRow};

/// Blanks before what belongs to the line above.
const INDENT: usize = 2;

impl<'a> Page<'a> {
    pub(super) fn marks(&mut self) {
        let receipt = self.receipt;
        if receipt.marks.is_empty() {
            return;
        }
        self.gap();
        for mark in &receipt.marks {
            self.large(&mark.text);
        }
        self.gap();
    }

    pub(super) fn merchant(&mut self) {
        let receipt = self.receipt;
        let merchant = &receipt.merchant;
        if let Some(logo) = &merchant.logo {
            self.row(Row::Logo(logo));
            self.gap();
        }
        self.large(&merchant.name);
        for line in &merchant.address {
            self.centred(line, false);
        }
        for (label, value) in &merchant.tax_ids {
            self.centred(&format!("{label} {value}"), false);
        }
        for line in merchant.contact.iter().chain(&receipt.header) {
            self.centred(line, false);
        }
        self.gap();
    }

    pub(super) fn facts(&mut self) {
        let receipt = self.receipt;
        self.rule();
        self.centred(&receipt.title, true);
        for fact in &receipt.facts {
            self.pair(&fact.label, &fact.value);
        }
        if !receipt.customer.is_empty() {
            self.gap();
            self.left(receipt.language.words().customer);
            for line in &receipt.customer {
                self.indented(line, INDENT);
            }
        }
    }

    pub(super) fn items(&mut self) {
        let receipt = self.receipt;
        self.rule();
        for item in &receipt.items {
            self.item(item);
        }
        for line in &receipt.item_lines {
            self.left(line);
        }
        self.rule();
    }

    fn item(&mut self, item: &Item) {
        let (language, currency) = (self.receipt.language, self.receipt.currency);
        let indent = usize::from(item.level) * INDENT;
        let amount = language.amount(item.amount, currency);
        let value = match item.vat_letter {
            Some(letter) => format!("{amount} {letter}"),
            None => format!("{amount}  "),
        };
        self.pair_in(&item.description, &value, indent, false);
        let unit = item.unit.as_ref().map(|unit| format!(" {unit}")).unwrap_or_default();
        if item.quantity != Decimal::ONE || item.unit_price.is_some() || !unit.is_empty() {
            let price =
                item.unit_price.map(|price| format!(" {}", language.amount(price, currency))).unwrap_or_default();
            let text = format!("{}{unit} x{price}", language.quantity(item.quantity));
            let text = if price.is_empty() { text.trim_end_matches(" x").to_owned() } else { text };
            self.indented(&text, indent + INDENT);
        }
        for note in &item.notes {
            self.indented(note, indent + INDENT);
        }
    }

    pub(super) fn total(&mut self) {
        let receipt = self.receipt;
        let words = receipt.language.words();
        if let Some(total) = receipt.total {
            self.large_pair(
                &format!("{} {}", words.total, receipt.currency.code()),
                &receipt.language.amount(total, receipt.currency),
            );
        }
        if !receipt.vat.is_empty() {
            self.gap();
            self.vat(&receipt.vat);
        }
    }

    fn vat(&mut self, rows: &[VatRow]) {
        let (language, currency) = (self.receipt.language, self.receipt.currency);
        let words = language.words();
        let amount = |amount| language.amount(amount, currency);
        let mut table = vec![[words.vat_rate, words.net, words.vat, words.gross].map(str::to_owned)];
        table.extend(rows.iter().map(|row| {
            [
                format!("{} {}", row.letter, language.percent(row.rate)),
                amount(row.net),
                amount(row.vat),
                amount(row.gross),
            ]
        }));
        let mut widths = [0_usize; 4];
        for row in &table {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(columns(cell));
            }
        }
        // Either all rows fit side by side or each has lines of its own.
        if widths.iter().sum::<usize>() + widths.len() - 1 <= self.columns {
            for row in &table {
                _ = self.cells(row, &widths);
            }
            return;
        }
        for row in table.iter().skip(1) {
            let [rate, net, vat, gross] = row;
            self.left(rate);
            for (label, value) in [(words.net, net), (words.vat, vat), (words.gross, gross)] {
                self.pair_in(label, value, INDENT, false);
            }
        }
    }

    pub(super) fn payments(&mut self) {
        let receipt = self.receipt;
        if receipt.payments.is_empty() && receipt.pay_lines.is_empty() {
            return;
        }
        self.rule();
        for payment in &receipt.payments {
            self.pair(&payment.label, &receipt.language.amount(payment.amount, receipt.currency));
            if let Some((symbol, amount)) = &payment.foreign {
                self.indented(&format!("{symbol} {}", receipt.language.amount(*amount, receipt.currency)), INDENT);
            }
            for line in &payment.slip {
                self.indented(line, INDENT);
            }
        }
        for line in &receipt.pay_lines {
            self.left(line);
        }
    }

    pub(super) fn footer(&mut self) {
        let receipt = self.receipt;
        if receipt.lines.is_empty() && receipt.footer.is_empty() && receipt.document_url.is_none() {
            return;
        }
        self.gap();
        for line in receipt.lines.iter().chain(&receipt.footer) {
            if line.is_empty() { self.left("") } else { self.centred(line, false) }
        }
        if let Some(url) = &receipt.document_url {
            self.gap();
            self.centred(receipt.language.words().document, false);
            self.centred(url, false);
        }
    }

    /// Notices and signatures of a place.
    pub(super) fn place(&mut self, place: SignaturePosition) {
        let receipt = self.receipt;
        for notice in receipt.notices_at(place) {
            self.gap();
            self.centred(&notice.text, true);
        }
        for signature in receipt.signatures_at(place, self.paper.medium) {
            self.gap();
            self.signature(signature);
        }
    }

    fn signature(&mut self, signature: &'a Signature) {
        for line in &signature.above {
            self.centred(line, false);
        }
        match &signature.content {
            Content::Text(lines) => lines.iter().for_each(|line| self.centred(line, false)),
            Content::Ocr(text) | Content::Link(text) => self.left(text),
            // A code that cannot be drawn is at least legible.
            Content::Code(code) => match symbol_for(code, self.paper.modules_max) {
                Some(symbol) => self.row(Row::Code(code, symbol)),
                None => self.left(&code.text()),
            },
        }
        for line in &signature.below {
            self.centred(line, false);
        }
    }
}

/// The symbol of a code, when there is one and the paper has room for it.
fn symbol_for(code: &Code, modules_max: u32) -> Option<code::Symbol> {
    let symbol = code::symbol(code).ok()?;
    (symbol.width() + 2 * symbol.quiet() <= modules_max).then_some(symbol)
}
