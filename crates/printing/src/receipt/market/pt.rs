//! Portugal: Portaria 363/2010 (texts of certified programs), Portaria 195/2020 (ATCUD and code), CIVA articles 36 and 40.
//!
//! The ATCUD stands directly above the code, which is at least 30 mm wide. Documents show no negative amounts: what kind of document it is
//! says which way the money goes. A sandbox never shows a text about certification.

use kassette_model::cases::{Country, ReceiptFlag, ReceiptKind, ReceiptName, SignaturePosition, SignaturePt};
use kassette_model::{Decimal, Environment};

use super::super::compose::Context;
use super::super::free;
use super::super::{Content, Copy, Mark, Receipt, Signature, Symbology};
use super::{Market, has_reverse_charge, is_kind};
use crate::Printable;

/// In place of every text about certification.
const SANDBOX: &str = "SANDBOX - documento sem validade, programa não certificado";
const TRAINING: &str = "Documento emitido para fins de Formação";
const NOT_AN_INVOICE: &str = "Este documento não serve de fatura";
const NO_BUYER: &str = "Consumidor final";
const COPY: &str = "2.ª via";
/// CIVA articles 53 and 57.
const SMALL_BUSINESS: &str = "IVA - regime de isenção";
/// CIVA article 36 (13).
const REVERSE_CHARGE: &str = "IVA - autoliquidação";
/// How every text about certification is told from others, in lower case.
const CERTIFIED: &str = "programa certificado";

pub(super) const MARKET: Market =
    Market { country: Country::PT, time_zone: "Europe/Lisbon", number_is_market_part: true, adapt };

fn adapt(receipt: &mut Receipt, context: &Context<'_>) {
    let is_refund = context.has(ReceiptFlag::REFUND);
    let title = match (context.name(), context.case.kind()) {
        (Some(ReceiptName::Unknown | ReceiptName::PosReceipt), _) => Some("Fatura simplificada"),
        (Some(ReceiptName::PaymentTransfer), _) => Some("Recibo"),
        (Some(ReceiptName::TableCheck), _) => Some("Consulta de mesa"),
        (Some(ReceiptName::ProFormaInvoice), _) => Some("Fatura pró-forma"),
        (Some(ReceiptName::DeliveryNote), _) => Some("Guia de transporte"),
        (_, Some(ReceiptKind::Invoice)) => Some("Fatura"),
        _ => None,
    };
    let is_invoice = matches!(title, Some("Fatura simplificada" | "Fatura"));
    if let Some(title) = title {
        receipt.title = Printable::new(if is_refund && is_invoice { "Nota de crédito" } else { title });
    }
    receipt.word_mark(Mark::Training, TRAINING);
    let copy = match context.source.copy {
        // The second document of a receipt is its first copy.
        Copy::Numbered(number) => format!("{}.ª via", number.saturating_add(1)),
        Copy::Original | Copy::Copy => COPY.to_owned(),
    };
    receipt.word_mark(Mark::Copy, &copy);
    if is_refund {
        without_sign(receipt);
    }
    let buyer = context.source.request.customer.as_ref();
    if is_invoice && buyer.and_then(free::customer_tax_id).is_none() {
        receipt.customer.push(Printable::new(NO_BUYER));
    }
    if !is_invoice {
        receipt.notice(SignaturePosition::AfterTotal, NOT_AN_INVOICE);
    }
    if context.has(ReceiptFlag::ISSUER_IS_SMALL_BUSINESS) {
        receipt.notice(SignaturePosition::AfterTotal, SMALL_BUSINESS);
    }
    if has_reverse_charge(context) {
        receipt.notice(SignaturePosition::AfterTotal, REVERSE_CHARGE);
    }
    lift_atcud(receipt);
    if context.source.environment == Environment::Sandbox {
        without_certification(receipt);
    }
}

/// Moves the ATCUD from an item of its own to the lines directly above the code.
fn lift_atcud(receipt: &mut Receipt) {
    let is_code =
        |signature: &Signature| matches!(&signature.content, Content::Code(code) if code.symbology == Symbology::Qr);
    if !receipt.signatures.iter().any(is_code) {
        return;
    }
    let atcud = receipt.signatures.iter().find_map(|signature| match &signature.content {
        Content::Text(lines) if is_kind(signature, SignaturePt::Atcud.kind()) => lines.last().cloned(),
        _ => None,
    });
    if let Some(number) = atcud {
        receipt.signatures.retain(|signature| is_code(signature) || !is_kind(signature, SignaturePt::Atcud.kind()));
        let number = number.rsplit(':').next().unwrap_or_default().trim();
        let text = Printable::new(&format!("ATCUD:{number}"));
        if let Some(code) = receipt.signatures.iter_mut().find(|signature| is_code(signature)) {
            code.above.push(text);
        }
    }
    for signature in &mut receipt.signatures {
        if let Content::Code(code) = &mut signature.content
            && code.symbology == Symbology::Qr
        {
            code.width_mm_min = 30;
        }
    }
}

fn without_certification(receipt: &mut Receipt) {
    let certifies = |line: &Printable| line.to_lowercase().contains(CERTIFIED);
    for signature in &mut receipt.signatures {
        signature.above.retain(|line| !certifies(line));
        signature.below.retain(|line| !certifies(line));
        if let Content::Text(lines) = &mut signature.content {
            lines.retain(|line| !certifies(line));
        }
    }
    receipt.signatures.retain(|signature| !matches!(&signature.content, Content::Text(lines) if lines.is_empty()));
    receipt.notices.retain(|notice| !certifies(&notice.text));
    receipt.header.retain(|line| !certifies(line));
    receipt.footer.retain(|line| !certifies(line));
    receipt.word_mark(Mark::Sandbox, SANDBOX);
    receipt.notice(SignaturePosition::AfterPayItems, SANDBOX);
}

/// Turns every sign round when the total is negative: what a credit note gives back is a positive amount.
fn without_sign(receipt: &mut Receipt) {
    if !receipt.total.is_some_and(|total| total.is_sign_negative() && !total.is_zero()) {
        return;
    }
    let turn = |amount: &mut Decimal| *amount = if amount.is_zero() { Decimal::ZERO } else { -*amount };
    receipt.total.iter_mut().for_each(turn);
    for item in &mut receipt.items {
        turn(&mut item.amount);
        if item.quantity.is_sign_negative() {
            turn(&mut item.quantity);
        } else {
            item.unit_price.iter_mut().for_each(turn);
        }
    }
    for row in &mut receipt.vat {
        [&mut row.net, &mut row.vat, &mut row.gross].into_iter().for_each(turn);
    }
    receipt.payments.iter_mut().for_each(|payment| turn(&mut payment.amount));
}
