//! What the law of each country wants to be said on a receipt, one file each.
//!
//! Purpose: put the words of the law where the law wants them.
//! Owns: [`Market`], the list of countries, which part of an identification is the number on paper.
//! Invariants: these texts are in the language of the law, whatever the language of the receipt; each names its source; nothing here
//! decides whether a receipt is valid.
//! Not here: numbers, signatures and codes (`markets`), labels (`language`).

mod at;
mod de;
mod es;
mod fr;
mod pt;

use kassette_model::cases::{Country, SignatureType, VatNature};

use super::compose::Context;
use super::{Receipt, Signature};

/// A country.
pub(super) struct Market {
    /// Its ISO code.
    pub(super) country: Country,
    /// The clock of its capital.
    pub(super) time_zone: &'static str,
    /// Whether the number on paper is the part of `ftReceiptIdentification` after the `#`.
    pub(super) number_is_market_part: bool,
    /// Adds what the law wants.
    pub(super) adapt: fn(&mut Receipt, &Context<'_>),
}

/// All countries with texts of their own, one line each.
const MARKETS: &[Market] = &[at::MARKET, de::MARKET, es::MARKET, fr::MARKET, pt::MARKET];

/// The country's entry.
pub(super) fn of(country: Country) -> Option<&'static Market> {
    MARKETS.iter().find(|market| market.country == country)
}

/// The number that stands on paper.
pub(super) fn receipt_number(country: Country, identification: &str) -> &str {
    let own = identification.split_once('#').map(|(_, own)| own).filter(|own| !own.is_empty());
    match (of(country), own) {
        (Some(market), Some(own)) if market.number_is_market_part => own,
        _ => identification,
    }
}

/// Whether a signature has this number of this country (`sss` of its type, contract 5.6), whatever its category and flags.
fn is_kind(signature: &Signature, kind: SignatureType) -> bool {
    signature.kind.country() == kind.country() && signature.kind.number() == kind.number()
}

/// Whether the buyer owes the tax of an item.
fn has_reverse_charge(context: &Context<'_>) -> bool {
    let items = &context.source.request.charge_items;
    items.iter().any(|item| item.case.version() == 2 && item.case.nature() == Some(VatNature::ReverseCharge))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_on_paper_is_the_one_of_the_law() {
        assert_eq!(receipt_number(Country::AT, "ft10#17"), "ft10#17");
        assert_eq!(receipt_number(Country::PT, "ft10#FS A2026/1"), "FS A2026/1");
        assert_eq!(receipt_number(Country::FR, "ftA#T12"), "T12");
        assert_eq!(receipt_number(Country::PT, "ft10#"), "ft10#");
        assert_eq!(receipt_number(Country::BE, "ft10#1"), "ft10#1");
    }

    #[test]
    fn every_market_has_its_clock() {
        for market in MARKETS {
            assert!(jiff::tz::TimeZone::get(market.time_zone).is_ok(), "{}", market.time_zone);
            assert_eq!(of(market.country).map(|found| found.country), Some(market.country));
        }
    }
}
