//! The receipt as JSON.
//!
//! Purpose: let programs show a receipt in their own way, with every decision already made; and the pair it was made from.
//! Owns: [`FORMAT`] and [`render`] (the model), [`pair`] (request, answer and address: contract 8.3).
//! Invariants: amounts are JSON numbers with all their digits; texts are those of every other rendering; members without content are left
//! out.
//! Not here: the bodies of endpoints (`wire`).

use kassette_model::cases::{PayMeans, SignaturePosition};
use kassette_model::{ReceiptRequest, ReceiptResponse};
use kassette_wire::json::write::{Object, array, string};
use kassette_wire::sign::{write_request, write_response};

use crate::Printable;
use crate::format::{Format, Options, RenderError};
use crate::receipt::{Content, Fact, Item, Mark, MarkLine, Payment, PaymentKind, Receipt, Shown, Signature, VatRow};

/// Its registration.
pub const FORMAT: Format =
    Format { name: "json", media_type: "application/json", extension: "json", has_width: false, render: rendered };

fn rendered(receipt: &Receipt, _: &Options) -> Result<Vec<u8>, RenderError> {
    Ok(render(receipt))
}

/// What `application/json` of an issued receipt is (contract 8.3): the pair, and where the receipt stands on the web.
#[must_use]
pub fn pair(request: &ReceiptRequest, response: &ReceiptResponse, document_url: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(4096);
    let mut object = Object::begin(&mut out);
    write_request(request, object.name("ReceiptRequest"));
    write_response(response, object.name("ReceiptResponse"));
    object.string("DocumentURL", document_url);
    object.end();
    out
}

/// Writes the model.
#[must_use]
pub fn render(receipt: &Receipt) -> Vec<u8> {
    let mut out = Vec::with_capacity(4096);
    let mut object = Object::begin(&mut out);
    object.text("market", receipt.market);
    object.string("language", receipt.language.tag());
    object.string("currency", receipt.currency.code());
    object.uuid("queueId", receipt.queue_id.uuid());
    object.uuid("queueItemId", receipt.queue_item_id.uuid());
    object.moment("moment", receipt.moment);
    array(object.name("marks"), &receipt.marks, mark);
    merchant(&mut object, receipt);
    lines(&mut object, "header", &receipt.header);
    object.string("title", &receipt.title);
    array(object.name("facts"), &receipt.facts, fact);
    lines(&mut object, "customer", &receipt.customer);
    array(object.name("items"), &receipt.items, item);
    lines(&mut object, "itemLines", &receipt.item_lines);
    if let Some(total) = receipt.total {
        object.decimal("total", total);
    }
    array(object.name("vat"), &receipt.vat, vat_row);
    array(object.name("payments"), &receipt.payments, payment);
    lines(&mut object, "payLines", &receipt.pay_lines);
    array(object.name("signatures"), &receipt.signatures, signature);
    array(object.name("notices"), &receipt.notices, |out, notice| {
        let mut object = Object::begin(out);
        object.string("place", place(notice.place));
        object.string("text", &notice.text);
        object.end();
    });
    lines(&mut object, "lines", &receipt.lines);
    lines(&mut object, "footer", &receipt.footer);
    object.string_if("documentUrl", receipt.document_url.as_deref());
    object.end();
    out
}

fn lines(object: &mut Object<'_>, name: &'static str, lines: &[Printable]) {
    if !lines.is_empty() {
        array(object.name(name), lines, |out, line| string(out, line));
    }
}

fn merchant(object: &mut Object<'_>, receipt: &Receipt) {
    let merchant = &receipt.merchant;
    let mut inner = Object::begin(object.name("merchant"));
    inner.string("name", &merchant.name);
    lines(&mut inner, "address", &merchant.address);
    array(inner.name("taxIds"), &merchant.tax_ids, |out, (label, value)| {
        let mut object = Object::begin(out);
        object.string("label", label);
        object.string("value", value);
        object.end();
    });
    lines(&mut inner, "contact", &merchant.contact);
    inner.end();
}

fn mark(out: &mut Vec<u8>, line: &MarkLine) {
    let name = match line.mark {
        Mark::Sandbox => "sandbox",
        Mark::Failed => "failed",
        Mark::Training => "training",
        Mark::Void => "void",
        Mark::Refund => "refund",
        Mark::Copy => "copy",
    };
    let mut object = Object::begin(out);
    object.string("mark", name);
    object.string("text", &line.text);
    object.end();
}

fn fact(out: &mut Vec<u8>, fact: &Fact) {
    let mut object = Object::begin(out);
    object.string("label", &fact.label);
    object.string("value", &fact.value);
    object.end();
}

fn item(out: &mut Vec<u8>, item: &Item) {
    let mut object = Object::begin(out);
    object.string("description", &item.description);
    object.decimal("quantity", item.quantity);
    object.string_if("unit", item.unit.as_deref());
    if let Some(price) = item.unit_price {
        object.decimal("unitPrice", price);
    }
    object.decimal("amount", item.amount);
    if let Some(letter) = item.vat_letter {
        object.text("vatLetter", letter);
    }
    if item.level > 0 {
        object.unsigned("level", u64::from(item.level));
    }
    lines(&mut object, "notes", &item.notes);
    object.end();
}

fn vat_row(out: &mut Vec<u8>, row: &VatRow) {
    let mut object = Object::begin(out);
    object.text("letter", row.letter);
    object.decimal("rate", row.rate);
    object.decimal("net", row.net);
    object.decimal("vat", row.vat);
    object.decimal("gross", row.gross);
    object.end();
}

fn payment(out: &mut Vec<u8>, payment: &Payment) {
    let kind = match payment.kind {
        PaymentKind::Payment => "payment",
        PaymentKind::Change => "change",
        PaymentKind::Tip => "tip",
    };
    let mut object = Object::begin(out);
    object.string("label", &payment.label);
    object.decimal("amount", payment.amount);
    object.string("kind", kind);
    if payment.means != PayMeans::Unknown {
        object.string("means", payment.means.name());
    }
    if let Some((symbol, amount)) = &payment.foreign {
        object.string("foreignSymbol", symbol);
        object.decimal("foreignAmount", *amount);
    }
    lines(&mut object, "slip", &payment.slip);
    object.end();
}

fn signature(out: &mut Vec<u8>, signature: &Signature) {
    let shown = match signature.shown {
        Shown::Everywhere => "everywhere",
        Shown::Details => "details",
        Shown::PaperOnly => "paper",
        Shown::ScreenOnly => "screen",
    };
    let mut object = Object::begin(out);
    object.string("place", place(signature.place));
    object.string("shown", shown);
    lines(&mut object, "above", &signature.above);
    match &signature.content {
        Content::Text(text) => lines(&mut object, "text", text),
        Content::Ocr(text) => object.string("ocr", text),
        Content::Link(link) => object.string("link", link),
        Content::Code(code) => {
            object.string("code", code.symbology.name());
            object.string("payload", &code.payload);
        }
    }
    lines(&mut object, "below", &signature.below);
    object.end();
}

fn place(place: SignaturePosition) -> &'static str {
    match place {
        SignaturePosition::BeforeHeader => "beforeHeader",
        SignaturePosition::AfterHeader => "afterHeader",
        SignaturePosition::AfterChargeItems => "afterItems",
        SignaturePosition::AfterTotal => "afterTotal",
        SignaturePosition::AfterPayItems => "afterPayments",
        SignaturePosition::AfterFooter => "afterFooter",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use kassette_wire::Limits;
    use kassette_wire::json::{Json, parse};
    use kassette_wire::sign::{request_from_json, response_from_json};
    use proptest::prelude::*;

    use super::*;
    use crate::samples::SAMPLES;
    use crate::testing;

    #[test]
    fn the_pair_reads_back() {
        for sample in SAMPLES {
            let (request, response) = sample.pair();
            let body = pair(&request, &response, "https://receipts.example/a/b?k=c");
            let limits = Limits::default();
            let json = parse(&body, &limits).unwrap();
            let moment = kassette_model::Moment::UNIX_EPOCH;
            assert_eq!(request_from_json(json.get("ReceiptRequest").unwrap(), &limits, moment).unwrap(), request);
            assert_eq!(response_from_json(json.get("ReceiptResponse").unwrap(), &limits).unwrap(), response);
            assert_eq!(json.get("DocumentURL").and_then(Json::as_str), Some("https://receipts.example/a/b?k=c"));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn hostile_receipts_are_json(receipt in testing::hostile_receipt()) {
            let body = render(&receipt);
            let json = parse(&body, &Limits::default()).unwrap();
            prop_assert_eq!(json.get("title").and_then(Json::as_str), Some(receipt.title.as_str()));
        }
    }
}
