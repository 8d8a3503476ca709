//! Receipts for tests: the Austrian sample, changed, and hostile ones.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use kassette_model::cases::{SignatureFormat, SignatureType};
use kassette_model::{Decimal, Environment, FreeJson, ReceiptRequest, ReceiptResponse, SignatureItem};
use proptest::prelude::*;

use crate::receipt::{Copy, Receipt, Source, compose};
use crate::samples::SAMPLES;

/// The Austrian sample, changed.
pub(crate) fn receipt(change: impl Fn(&mut ReceiptRequest, &mut ReceiptResponse)) -> Receipt {
    let sample = SAMPLES.first().unwrap();
    let (mut request, mut response) = sample.pair();
    change(&mut request, &mut response);
    compose(&Source {
        request: &request,
        response: &response,
        market: sample.market,
        environment: Environment::Sandbox,
        merchant: &sample.merchant(),
        language: None,
        time_zone: None,
        copy: Copy::Original,
        document_url: None,
    })
    .unwrap()
}

/// Text that somebody writes who wants to break something.
pub(crate) fn hostile_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,40}",
        any::<String>(),
        Just("<script>alert(1)</script><img src=x onerror=alert(1)>\"'`&amp;".to_owned()),
        Just("\x1b@\x1dV\0\x10\x04\x01\x1b[2J\x1b]8;;http://evil\x07".to_owned()),
        Just("\u{202e}\u{2066}gnp.exe\u{200f}\u{feff}".to_owned()),
        Just("👩\u{200d}👩\u{200d}👧 🏳\u{fe0f}\u{200d}🌈 Z\u{335}\u{321}a\u{334}lgo".repeat(3)),
        Just("{{ receipt }}{% for x in range(1000000) %}".to_owned()),
        Just("]]></svg></style></title>--><!--%PDF (((\\)\\".to_owned()),
        Just("x".repeat(1023)),
    ]
}

/// A receipt of hostile texts, amounts and codes.
pub(crate) fn hostile_receipt() -> impl Strategy<Value = Receipt> {
    let items = prop::collection::vec((hostile_text(), any::<i64>(), 0_u32..20, any::<u64>()), 0..8);
    let signatures = prop::collection::vec((hostile_text(), hostile_text(), any::<u64>(), 0_u64..16), 0..4);
    (items, signatures, hostile_text(), any::<u64>()).prop_map(|(items, signatures, text, case)| {
        receipt(|request, response| {
            request.case.0 = case;
            let template = request.charge_items.first().unwrap().clone();
            request.charge_items = items
                .iter()
                .map(|(text, amount, scale, case)| {
                    let mut item = template.clone();
                    item.description.clone_from(text);
                    item.amount = Decimal::new(*amount, *scale);
                    item.quantity = Decimal::new(i64::from(*scale), 1);
                    item.case.0 = *case;
                    item.unit = Some(text.clone());
                    item
                })
                .collect();
            response.signatures = signatures
                .iter()
                .map(|(caption, data, word, form)| SignatureItem {
                    id: None,
                    format: SignatureFormat((word & 0x7_0000) | form),
                    kind: SignatureType(word & 0xF),
                    caption: Some(caption.clone()),
                    data: data.clone(),
                })
                .collect();
            response.header = vec![text.clone()];
            response.footer = vec![text.clone()];
            response.cash_box_identification.clone_from(&text);
            request.reference.clone_from(&text);
            request.terminal_id = Some(text.clone());
            let mut json = Vec::new();
            kassette_wire::json::write::string(&mut json, &text);
            request.user = Some(FreeJson(String::from_utf8(json).unwrap()));
            for payment in &mut request.pay_items {
                payment.description.clone_from(&text);
            }
        })
    })
}
