//! Germany: KassenSichV § 6, AO § 146a with its application decree, UStG § 14, UStDV § 33.
//!
//! Start and end of the process, transaction number, serial numbers, signature counter and check value stand in the QR code; without one
//! they must all be legible. When the security module failed, the receipt says so.

use kassette_model::cases::{Country, ReceiptFlag, SignatureDe, SignaturePosition, StateFlag};

use super::super::compose::Context;
use super::super::{Content, Receipt, Shown, Signature, Symbology};
use super::{Market, has_reverse_charge, is_kind};

/// AEAO on § 146a, on the failure of the module: a missing transaction number or another clear mark.
const MODULE_FAILED: &str = "Technische Sicherheitseinrichtung (TSE) ausgefallen";
/// UStG § 19, UStDV § 34a.
const SMALL_BUSINESS: &str = "Steuerbefreiung für Kleinunternehmer (§ 19 UStG)";
/// UStG § 14a (5).
const REVERSE_CHARGE: &str = "Steuerschuldnerschaft des Leistungsempfängers";

pub(super) const MARKET: Market =
    Market { country: Country::DE, time_zone: "Europe/Berlin", number_is_market_part: false, adapt };

fn adapt(receipt: &mut Receipt, context: &Context<'_>) {
    let has_code = receipt.signatures.iter().any(|signature| {
        matches!(&signature.content, Content::Code(code) if code.symbology == Symbology::Qr && code.payload.starts_with("V0;"))
    });
    if !has_code {
        // What the code would say must be read by people then: nothing of it is a detail.
        let signatures = receipt.signatures.iter_mut().filter(|signature| signature.shown == Shown::Details);
        signatures.for_each(|signature| signature.shown = Shown::Everywhere);
    }
    // When the process began with an order, the time of the first one is not in the code.
    let begins = |signature: &&mut Signature| is_kind(signature, SignatureDe::ProcessStart.kind());
    receipt.signatures.iter_mut().filter(begins).for_each(|signature| signature.shown = Shown::Everywhere);
    let is_number = |signature: &Signature| is_kind(signature, SignatureDe::TransactionNumber.kind());
    let is_signed = has_code || receipt.signatures.iter().any(is_number);
    if context.is_sale() && !is_signed && context.source.response.state.has(StateFlag::ScuTemporaryOutOfService) {
        receipt.notice(SignaturePosition::AfterPayItems, MODULE_FAILED);
    }
    if context.has(ReceiptFlag::ISSUER_IS_SMALL_BUSINESS) {
        receipt.notice(SignaturePosition::AfterTotal, SMALL_BUSINESS);
    }
    if has_reverse_charge(context) {
        receipt.notice(SignaturePosition::AfterTotal, REVERSE_CHARGE);
    }
}
