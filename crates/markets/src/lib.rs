//! The countries: what the law of each demands of a receipt, as pure rules.
//!
//! Purpose: from a receipt request, the state of the register and given facts to a decision.
//! Owns: the [`Market`] trait, the registry [`MARKETS`], one folder per country.
//! Invariants: no clock, no file, no socket, no randomness: all facts are arguments, so the same step gives the same outcome;
//! a refusal changes nothing.
//! Not here: numbering, references and idempotency (`cashbox`), making signatures (`signing`), JSON of the contract (`wire`).

pub mod at;
mod market;

pub use market::{
    Action, Decision, ExportContext, ExportError, Finding, Input, Market, MarketSecrets, MarketSettings, MarketState,
    Outcome, QueueFacts, ReceiptExport, ReceiptVerifier, SettingsError, Signed, UNIT_BACK, UNIT_FAILED, UNIT_SWITCHED,
    UnitAnswer, UnitFacts, UnitMaterial, VerifyError, VerifySignature,
};

/// Every market, one line each.
pub const MARKETS: &[&dyn Market] = &[&at::Austria];

/// The market of a country.
#[must_use]
pub fn market(country: kassette_model::cases::Country) -> Option<&'static dyn Market> {
    MARKETS.iter().copied().find(|market| market.country() == country)
}
