//! The signature items of an Austrian receipt (contract 5.6, "Austria in detail").

use kassette_model::SignatureItem;
use kassette_model::cases::{SignatureAt, SignatureForm, SignatureFormat, SignaturePosition, SignatureType};

use super::code::{Code, Jws, OUTAGE_TEXT, amount_text};
use super::state::Span;

/// Caption of the code when it is signed.
const CAPTION_CODE: &str = "[compliance]";
/// RKSV signature.
const CODE: SignatureType = SignatureAt::Rksv.kind();
/// To be printed and kept.
const KEEP: SignatureType = SignatureAt::DailyOperation.kind();
/// To be told to `FinanzOnline`.
const FINANZ_ONLINE: SignatureType = SignatureAt::FinanzOnline.kind();

fn item(form: SignatureForm, kind: SignatureType, caption: &str, data: String) -> SignatureItem {
    let format = SignatureFormat::of(form, SignaturePosition::AfterPayItems);
    SignatureItem { id: None, format, kind, caption: Some(caption.to_owned()), data }
}

/// The code as QR; its caption is the outage text when there is no signature, so that it is legible on paper (RKSV §17).
#[must_use]
pub(crate) fn qr(jws: &Jws) -> SignatureItem {
    item(SignatureForm::QrCode, CODE, if jws.is_outage() { OUTAGE_TEXT } else { CAPTION_CODE }, jws.qr_text())
}

/// The code in its OCR form.
#[must_use]
pub(crate) fn ocr(code: &Code, jws: &Jws) -> SignatureItem {
    item(SignatureForm::OcrA, CODE, CAPTION_CODE, code.ocr_text(&jws.signature))
}

/// Startbeleg.
#[must_use]
pub(crate) fn start() -> SignatureItem {
    item(SignatureForm::Text, KEEP, "Startbeleg", "Startbeleg".into())
}

/// Schlussbeleg.
#[must_use]
pub(crate) fn stop() -> SignatureItem {
    item(SignatureForm::Text, KEEP, "Stopbeleg", "Stopbeleg".into())
}

/// Monatsbeleg with the counter in clear.
#[must_use]
pub(crate) fn month(month: i8, turnover_cents: i64) -> SignatureItem {
    item(SignatureForm::Text, KEEP, &format!("Monatsbeleg #{month}"), amount_text(turnover_cents))
}

/// Jahresbeleg with the counter in clear.
#[must_use]
pub(crate) fn year(turnover_cents: i64) -> SignatureItem {
    item(SignatureForm::Text, KEEP, "Jahresbeleg", amount_text(turnover_cents))
}

/// Ends an outage of the signature unit.
#[must_use]
pub(crate) fn collective(span: &Span) -> SignatureItem {
    from_to("Sammelbeleg", span)
}

/// Ends a block of receipts entered after the register failed.
#[must_use]
pub(crate) fn late_entry(span: &Span) -> SignatureItem {
    from_to("Ausfall-Nacherfassung", span)
}

/// Ends a block of handwritten receipts.
#[must_use]
pub(crate) fn handwritten_entry(span: &Span) -> SignatureItem {
    from_to("Mobil-Nacherfassung", span)
}

fn from_to(caption: &str, Span { from, to }: &Span) -> SignatureItem {
    item(SignatureForm::Text, KEEP, caption, format!("Von {from} bis {to}"))
}

/// A message for `FinanzOnline`, as a picture code with JSON.
#[must_use]
pub(crate) fn finanz_online(text: &str, json: String) -> SignatureItem {
    item(SignatureForm::Aztec, FINANZ_ONLINE, text, json)
}
