//! Austria: BAO § 132a (3), RKSV § 11, UStG 1994 § 11.
//!
//! Name, running number, date and time, quantity and customary name, amounts by rate, the id of the register and the machine-readable code
//! are parts of every receipt. When the signing unit failed, the caption of the code says so (RKSV § 17).

use kassette_model::cases::{Country, ReceiptFlag, SignatureAt, SignaturePosition};

use super::super::compose::Context;
use super::super::{Mark, Receipt, Shown, Signature};
use super::{Market, has_reverse_charge, is_kind};

/// RKSV § 9 (3) and § 11: cancelled and training sales are named as such.
const TRAINING: &str = "TRAININGSBUCHUNG";
const VOID: &str = "STORNOBUCHUNG";
/// UStG 1994 § 6 (1) no. 27, § 11 (1) no. 3 lit. f.
const SMALL_BUSINESS: &str = "Umsatzsteuerfrei aufgrund der Kleinunternehmerregelung (§ 6 Abs. 1 Z 27 UStG)";
/// UStG 1994 § 11 (1a).
const REVERSE_CHARGE: &str = "Steuerschuldnerschaft des Leistungsempfängers";

pub(super) const MARKET: Market =
    Market { country: Country::AT, time_zone: "Europe/Vienna", number_is_market_part: false, adapt };

fn adapt(receipt: &mut Receipt, context: &Context<'_>) {
    receipt.word_mark(Mark::Training, TRAINING);
    receipt.word_mark(Mark::Void, VOID);
    if context.has(ReceiptFlag::ISSUER_IS_SMALL_BUSINESS) {
        receipt.notice(SignaturePosition::AfterTotal, SMALL_BUSINESS);
    }
    if has_reverse_charge(context) {
        receipt.notice(SignaturePosition::AfterTotal, REVERSE_CHARGE);
    }
    // A message to the authority is for a program; only screens need to have it.
    let is_message = |signature: &&mut Signature| is_kind(signature, SignatureAt::FinanzOnline.kind());
    receipt.signatures.iter_mut().filter(is_message).for_each(|message| message.shown = Shown::Details);
}
