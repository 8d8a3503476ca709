//! Spain: RD 1007/2023 and order HAC/1177/2024, articles 20 and 21 (code and legend); RD 1619/2012 (content of invoices).
//!
//! The code is the first thing on the invoice, between 30 and 40 mm wide, with `QR tributario:` above it and, when the register sends its
//! records, the legend below.

use kassette_model::cases::{Country, ReceiptFlag, ReceiptKind, ReceiptName, SignaturePosition};

use super::super::compose::Context;
use super::super::{Content, Receipt, Symbology};
use super::{Market, has_reverse_charge};
use crate::Printable;

const ABOVE_CODE: &str = "QR tributario:";
const LEGEND: &str = "VERI*FACTU";
/// Page of the authority on which a code of a register that sends its records is checked; the other kind has another page.
const PAGE_OF_SENT_RECORDS: &str = "/ValidarQR?";
/// Path of both pages.
const PAGES: &str = "/ValidarQR";
/// RD 1619/2012, articles 4, 6 and 15.
const SIMPLIFIED: &str = "FACTURA SIMPLIFICADA";
const FULL: &str = "FACTURA";
const CORRECTIVE: &str = "FACTURA RECTIFICATIVA";
/// RD 1619/2012, article 6.1 m.
const REVERSE_CHARGE: &str = "Inversión del sujeto pasivo";

pub(super) const MARKET: Market =
    Market { country: Country::ES, time_zone: "Europe/Madrid", number_is_market_part: true, adapt };

fn adapt(receipt: &mut Receipt, context: &Context<'_>) {
    let title = match (context.name(), context.case.kind()) {
        (Some(ReceiptName::Unknown | ReceiptName::PosReceipt | ReceiptName::ECommerce), _) => Some(SIMPLIFIED),
        (_, Some(ReceiptKind::Invoice)) => Some(FULL),
        _ => None,
    };
    if let Some(title) = title {
        receipt.title = Printable::new(if context.has(ReceiptFlag::REFUND) { CORRECTIVE } else { title });
    }
    for signature in &mut receipt.signatures {
        let Content::Code(code) = &mut signature.content else { continue };
        if code.symbology != Symbology::Qr || !code.payload.contains(PAGES) {
            continue;
        }
        (code.width_mm_min, code.width_mm_max) = (30, 40);
        signature.place = SignaturePosition::BeforeHeader;
        let is_sent = code.payload.contains(PAGE_OF_SENT_RECORDS);
        signature.above = vec![Printable::new(ABOVE_CODE)];
        if is_sent {
            signature.below = vec![Printable::new(LEGEND)];
        }
    }
    if has_reverse_charge(context) {
        receipt.notice(SignaturePosition::AfterTotal, REVERSE_CHARGE);
    }
}
