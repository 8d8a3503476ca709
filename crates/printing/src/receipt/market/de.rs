//! Germany: KassenSichV § 6, AO § 146a with its application decree, UStG § 14, UStDV § 33.
//!
//! Start and end of the process, transaction number, serial numbers, signature counter and check value stand in the QR code; without one
//! they must all be legible. When the security module failed, the receipt says so.

use kassette_model::cases::{Country, ReceiptFlag, SignatureDe, SignaturePosition, StateFlag};

use super::super::compose::Context;
use super::super::{Content, Receipt, Shown, Symbology};
use super::{Market, has_reverse_charge};

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
    let items = &context.source.response.signatures;
    let is_signed = has_code
        || items.iter().any(|item| {
            item.kind.country() == Some(Country::DE) && item.kind.number() == SignatureDe::TransactionNumber.bits()
        });
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
