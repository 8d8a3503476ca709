//! The parts of the page.

use kassette_model::Decimal;
use kassette_model::cases::SignaturePosition;
use maud::{Markup, html};

use crate::code::{self, DOTS_PER_MM, LINEAR_HEIGHT_MM, Symbol, module_dots};
use crate::receipt::{Code, Content, Item, Logo, Medium, Receipt, Shown, Signature};
use crate::{Printable, svg};

/// Widest code on a page in dots: 44 mm, for telephones.
const CODE_WIDTH_DOTS: u32 = 352;

pub(super) fn marks(receipt: &Receipt) -> Markup {
    html! { @for mark in &receipt.marks { p.mark { (mark.text.as_str()) } } }
}

pub(super) fn merchant(receipt: &Receipt) -> Markup {
    let merchant = &receipt.merchant;
    html! {
        header {
            @if let Some(logo) = &merchant.logo { (picture(logo)) }
            h1 { (merchant.name.as_str()) }
            @for line in &merchant.address { p { (line.as_str()) } }
            @for (label, value) in &merchant.tax_ids { p { (label.as_str()) " " (value.as_str()) } }
            @for line in merchant.contact.iter().chain(&receipt.header) { p { (line.as_str()) } }
        }
    }
}

pub(super) fn picture(logo: &Logo) -> Markup {
    let (across, down) = (logo.width_dots(), logo.height_dots());
    let mut data = String::new();
    svg::logo_path(&mut data, logo);
    html! {
        svg role="img" aria-label=(logo.description().as_str()) width=(across) height=(down) viewBox={ "0 0 " (across) " " (down) }
            shape-rendering="crispEdges" { path d=(data) {} }
    }
}

pub(super) fn facts(receipt: &Receipt) -> Markup {
    let words = receipt.language.words();
    html! {
        section {
            h2 { (receipt.title.as_str()) }
            dl {
                @for fact in &receipt.facts { dt { (fact.label.as_str()) } dd { (fact.value.as_str()) } }
            }
            @if !receipt.customer.is_empty() {
                p.soft { (words.customer) }
                @for line in &receipt.customer { p { (line.as_str()) } }
            }
        }
    }
}

pub(super) fn items(receipt: &Receipt) -> Markup {
    let words = receipt.language.words();
    if receipt.items.is_empty() && receipt.total.is_none() && receipt.item_lines.is_empty() {
        return html! {};
    }
    html! {
        section {
            table {
                thead {
                    tr { th scope="col" colspan="2" { (words.description) } th.number scope="col" colspan="2" { (words.amount) } }
                }
                tbody { @for item in &receipt.items { (row(receipt, item)) } }
                @if let Some(total) = receipt.total {
                    tfoot {
                        tr {
                            th scope="row" { (words.total) }
                            td colspan="3" { (receipt.language.money(total, receipt.currency)) }
                        }
                    }
                }
            }
            @for line in &receipt.item_lines { p { (line.as_str()) } }
        }
    }
}

fn row(receipt: &Receipt, item: &Item) -> Markup {
    let (language, currency) = (receipt.language, receipt.currency);
    let unit = item.unit.as_ref().map(|unit| format!("\u{a0}{unit}")).unwrap_or_default();
    let quantity = format!("{}{unit}", language.quantity(item.quantity));
    let has_quantity = item.quantity != Decimal::ONE || item.unit.is_some() || item.unit_price.is_some();
    html! {
        tr class=[(item.level > 0).then_some("part")] {
            th scope="row" colspan="2" {
                (item.description.as_str())
                @if has_quantity {
                    small {
                        (quantity)
                        @if let Some(price) = item.unit_price { " × " (language.amount(price, currency)) }
                    }
                }
                @for note in &item.notes { small { (note.as_str()) } }
            }
            td { (language.amount(item.amount, currency)) }
            td.letter { @if let Some(letter) = item.vat_letter { (letter) } }
        }
    }
}

pub(super) fn vat(receipt: &Receipt) -> Markup {
    let (language, currency, words) = (receipt.language, receipt.currency, receipt.language.words());
    if receipt.vat.is_empty() {
        return html! {};
    }
    html! {
        section {
            table {
                thead {
                    tr {
                        th scope="col" { (words.vat_rate) }
                        @for word in [words.net, words.vat, words.gross] { th.number scope="col" { (word) } }
                    }
                }
                tbody {
                    @for row in &receipt.vat {
                        tr {
                            th scope="row" { (row.letter) " " (language.percent(row.rate)) }
                            @for amount in [row.net, row.vat, row.gross] { td { (language.amount(amount, currency)) } }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn payments(receipt: &Receipt) -> Markup {
    let (language, currency) = (receipt.language, receipt.currency);
    if receipt.payments.is_empty() && receipt.pay_lines.is_empty() {
        return html! {};
    }
    html! {
        section {
            table {
                caption { (language.words().payments) }
                tbody {
                    @for payment in &receipt.payments {
                        tr {
                            th scope="row" {
                                (payment.label.as_str())
                                @if let Some((symbol, amount)) = &payment.foreign {
                                    small { (symbol.as_str()) " " (language.amount(*amount, currency)) }
                                }
                            }
                            td { (language.amount(payment.amount, currency)) }
                        }
                        @if !payment.slip.is_empty() { tr { td colspan="2" { (preformatted(&payment.slip)) } } }
                    }
                }
            }
            @for line in &receipt.pay_lines { p { (line.as_str()) } }
        }
    }
}

fn preformatted(lines: &[Printable]) -> Markup {
    html! { pre { @for line in lines { (line.as_str()) "\n" } } }
}

pub(super) fn footer(receipt: &Receipt) -> Markup {
    let lines = || receipt.lines.iter().chain(&receipt.footer);
    if lines().next().is_none() && receipt.document_url.is_none() {
        return html! {};
    }
    html! {
        section {
            footer {
                @for line in lines() { @if line.is_empty() { br; } @else { p { (line.as_str()) } } }
                @if let Some(url) = &receipt.document_url {
                    p { (receipt.language.words().document) ": " (link(url)) }
                }
            }
        }
    }
}

/// Notices and signatures of a place.
pub(super) fn place(receipt: &Receipt, place: SignaturePosition) -> Markup {
    let shown = || receipt.signatures_at(place, Medium::Screen);
    let (details, open): (Vec<&Signature>, Vec<&Signature>) =
        shown().partition(|signature| signature.shown == Shown::Details);
    html! {
        @for notice in receipt.notices_at(place) { p.notice { (notice.text.as_str()) } }
        @for signature in open { (self::signature(receipt, signature)) }
        @if !details.is_empty() {
            details {
                summary { (receipt.language.words().details) }
                @for signature in details { (self::signature(receipt, signature)) }
            }
        }
    }
}

fn signature(receipt: &Receipt, signature: &Signature) -> Markup {
    html! {
        figure {
            @for line in &signature.above { p { (line.as_str()) } }
            @match &signature.content {
                Content::Text(lines) => { @for line in lines { p { (line.as_str()) } } }
                Content::Ocr(text) => { p { code { (text.as_str()) } } }
                Content::Link(url) => { p { (link(url)) } }
                Content::Code(code) => { (self::code(receipt, code)) }
            }
            @for line in &signature.below { p { (line.as_str()) } }
        }
    }
}

/// A code as a picture, when it can be one, and its payload as text in any case.
fn code(receipt: &Receipt, code: &Code) -> Markup {
    let text = code.text();
    html! {
        @if let Some(picture) = code_picture(code) {
            div.code { (picture) }
            details {
                summary { (receipt.language.words().code_payload) " (" (code.symbology.name()) ")" }
                p { @if is_web_address(&code.payload) { (link(&text)) } @else { code { (text.as_str()) } } }
            }
        } @else {
            p { code { (text.as_str()) } }
        }
    }
}

/// A code as a picture; `None` when it cannot be one of this size.
pub(super) fn code_picture(code: &Code) -> Option<Markup> {
    let symbol = code::symbol(code).ok()?;
    let dots = module_dots(code, &symbol, CODE_WIDTH_DOTS)?;
    Some(symbol_picture(code, &symbol, dots))
}

fn symbol_picture(code: &Code, symbol: &Symbol, dots: u32) -> Markup {
    let quiet = symbol.quiet();
    // Bars are one unit high in the data of the path and as high as they must be on the page.
    let across = symbol.width() + 2 * quiet;
    let (down, top, stretch) = if symbol.is_linear() {
        let height = (LINEAR_HEIGHT_MM * DOTS_PER_MM).div_ceil(dots);
        (height, 0, height)
    } else {
        (symbol.height() + 2 * quiet, quiet, 1)
    };
    let mm = |modules: u32| format!("{}mm", Decimal::from(modules * dots) / Decimal::from(DOTS_PER_MM));
    html! {
        svg role="img" aria-label=(code.symbology.name()) width=(mm(across)) height=(mm(down))
            viewBox={ "0 0 " (across) " " (down) } shape-rendering="crispEdges" {
            path transform={ "translate(" (quiet) " " (top) ") scale(1 " (stretch) ")" } d=(svg::path(symbol)) {}
        }
    }
}

/// An address that can be followed, when it is one of the web; else its text.
fn link(url: &Printable) -> Markup {
    if is_web_address(url) {
        html! { a href=(url.as_str()) rel="noopener noreferrer nofollow" { (url.as_str()) } }
    } else {
        html! { code { (url.as_str()) } }
    }
}

/// Only these are followed: anything else (`javascript:`, `data:`) could run something.
pub(super) fn is_web_address(url: &str) -> bool {
    let begins = |scheme: &str| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    (begins("https://") || begins("http://")) && !url.contains(char::is_whitespace)
}
