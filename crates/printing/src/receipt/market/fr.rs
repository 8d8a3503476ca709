//! France: CGI article 286 I 3° bis with BOI-TVA-DECLA-30-10-30 (training, copies, documents that are no ticket), CGI annex II,
//! article 242 nonies A.

use kassette_model::cases::{Country, ReceiptFlag, ReceiptName, SignaturePosition};

use super::super::compose::Context;
use super::super::{Copy, Mark, Receipt, Shown};
use super::{Market, has_reverse_charge};

const TRAINING: &str = "T R A I N I N G - mode école";
const COPY: &str = "DUPLICATA";
/// A bill says what is owed, it is no proof of a sale; it shows no tax.
const BILL: &str = "document provisoire";
/// A proof of payment is no ticket.
const PAYMENT_PROOF: &str = "justificatif non valable pour encaissement";
/// CGI article 293 B.
const SMALL_BUSINESS: &str = "TVA non applicable, art. 293 B du CGI";
/// CGI annex II, article 242 nonies A, I, 13°.
const REVERSE_CHARGE: &str = "Autoliquidation";

pub(super) const MARKET: Market =
    Market { country: Country::FR, time_zone: "Europe/Paris", number_is_market_part: true, adapt };

fn adapt(receipt: &mut Receipt, context: &Context<'_>) {
    receipt.word_mark(Mark::Training, TRAINING);
    let copy = match context.source.copy {
        Copy::Original | Copy::Copy => COPY.to_owned(),
        Copy::Numbered(number) => format!("{COPY} n° {number}"),
    };
    receipt.word_mark(Mark::Copy, &copy);
    match context.name() {
        Some(ReceiptName::TableCheck) => {
            receipt.notice(SignaturePosition::AfterHeader, BILL);
            receipt.vat.clear();
            receipt.items.iter_mut().for_each(|item| item.vat_letter = None);
        }
        Some(ReceiptName::PaymentTransfer) => receipt.notice(SignaturePosition::AfterHeader, PAYMENT_PROOF),
        _ => {}
    }
    // All signature items stand on paper.
    let details = receipt.signatures.iter_mut().filter(|signature| signature.shown == Shown::Details);
    details.for_each(|signature| signature.shown = Shown::Everywhere);
    if context.has(ReceiptFlag::ISSUER_IS_SMALL_BUSINESS) {
        receipt.notice(SignaturePosition::AfterTotal, SMALL_BUSINESS);
    }
    if has_reverse_charge(context) {
        receipt.notice(SignaturePosition::AfterTotal, REVERSE_CHARGE);
    }
}
