//! The configuration of a cash box, as it stands in the journal.

use kassette_markets::{MARKETS, Market, MarketSettings};
use kassette_model::cases::Country;
use kassette_model::{CashBoxId, Environment, Moment, QueueId, UnitId};
use kassette_stdx::encoding::base64_decode;
use serde_json::value::RawValue;

use crate::TerminalEntry;

/// A valid access token, as its keyed hash; the token itself is shown once and never stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenEntry {
    /// HMAC-SHA256 of the token under the server's pepper, lower-case hexadecimal.
    pub hmac_hex: String,
    /// From when it is valid, nanoseconds since the Unix epoch.
    pub created_ns: i64,
    /// Until when it is valid; `None` without end.
    pub not_after_ns: Option<i64>,
}

/// A signature creation unit that belongs, or once belonged, to the cash box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitEntry {
    /// Which unit; its key is in the key folder.
    pub id: UnitId,
    /// Whether the unit is a simulator.
    pub sandbox: bool,
    /// Provider mark without `R1-`.
    pub algorithm_mark: String,
    /// What names the key on a receipt.
    pub key_name: String,
    /// Certificate, DER in base64; `None` in a closed system.
    pub certificate_base64: Option<String>,
    /// Issuers' certificates, DER in base64, nearest first.
    pub chain_base64: Vec<String>,
    /// Public key, SubjectPublicKeyInfo DER in base64.
    pub public_key_base64: String,
    /// Whether it is still used; kept when retired, because old receipts name it.
    pub retired: bool,
}

/// Everything that is set for one cash box. Written whole into a configured record each time it changes.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// The cash box.
    pub cash_box: CashBoxId,
    /// Its queue.
    pub queue: QueueId,
    /// `ftCashBoxIdentification`, fixed once the queue has started (it is part of every signature in Austria).
    pub identification: String,
    /// Market.
    pub market: Country,
    /// Sandbox or production; must be that of the data folder.
    pub environment: Environment,
    /// At most two valid at once.
    pub tokens: Vec<TokenEntry>,
    /// A disabled cash box answers 403 `cash-box-disabled` to every call with a right token.
    pub disabled: bool,
    /// Units in the order in which they are tried.
    pub units: Vec<UnitEntry>,
    /// Payment terminals in the order in which they are tried.
    pub terminals: Vec<TerminalEntry>,
    /// Settings of the market; an object.
    pub market_settings: Box<RawValue>,
    /// Whether the findings of the general validation fail a receipt (contract 6.1, `ValidationLevel`); off by default.
    pub validation_fails: bool,
    /// `receiptrequestmode`: whether a receipt request without a match is processed as a new receipt.
    pub receipt_request_signs: bool,
    /// When the cash box was made, nanoseconds since the Unix epoch.
    pub created_ns: i64,
}

/// Why a configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {message}")]
pub struct ConfigurationError {
    /// JSON pointer.
    pub pointer: String,
    /// What is wrong and what is accepted.
    pub message: String,
}

impl Configuration {
    /// Tokens that may be valid at the same time: the one in use and the one that replaces it.
    pub const TOKENS_VALID_MAX: usize = 2;
    /// Most characters of `identification`.
    pub const IDENTIFICATION_CHARS_MAX: usize = 64;

    /// Checks what does not depend on time or on an earlier configuration, and reads the market's settings.
    ///
    /// # Errors
    /// With the place of the first thing that cannot be used.
    pub fn check(&self) -> Result<(&'static dyn Market, MarketSettings), ConfigurationError> {
        let market = kassette_markets::market(self.market).ok_or_else(|| {
            let known: Vec<String> = MARKETS.iter().map(|market| market.country().to_string()).collect();
            refuse("/market", format!("{} is not one of {}", self.market, known.join(", ")))
        })?;
        if self.cash_box.is_nil() {
            return Err(refuse("/cash_box", "a cash box id may not be nil"));
        }
        if self.queue.is_nil() {
            return Err(refuse("/queue", "a queue id may not be nil"));
        }
        self.check_identification()?;
        market
            .check_identification(&self.identification)
            .map_err(|error| refuse(format!("/identification{}", error.pointer), error.message))?;
        self.check_tokens()?;
        self.check_units()?;
        TerminalEntry::check_all(&self.terminals)?;
        let settings = market
            .settings(self.market_settings.get(), self.environment)
            .map_err(|error| refuse(format!("/market_settings{}", error.pointer), error.message))?;
        Ok((market, settings))
    }

    /// Checks that not more than [`Self::TOKENS_VALID_MAX`] tokens are valid at `now`.
    ///
    /// # Errors
    /// When there are more.
    pub fn check_at(&self, now: Moment) -> Result<(), ConfigurationError> {
        let now_ns = kassette_record::unix_ns(now);
        let valid = self.tokens.iter().filter(|token| token.not_after_ns.is_none_or(|end_ns| end_ns > now_ns)).count();
        if valid > Self::TOKENS_VALID_MAX {
            let max = Self::TOKENS_VALID_MAX;
            return Err(refuse("/tokens", format!("{valid} tokens would be valid at once, at most {max} may be")));
        }
        Ok(())
    }

    fn check_identification(&self) -> Result<(), ConfigurationError> {
        let chars = self.identification.chars().count();
        if chars == 0 || chars > Self::IDENTIFICATION_CHARS_MAX {
            let max = Self::IDENTIFICATION_CHARS_MAX;
            return Err(refuse("/identification", format!("{chars} characters, 1 to {max} are accepted")));
        }
        if self.identification.chars().any(char::is_control) {
            return Err(refuse("/identification", "control characters are not accepted"));
        }
        Ok(())
    }

    fn check_tokens(&self) -> Result<(), ConfigurationError> {
        for (index, token) in self.tokens.iter().enumerate() {
            let hex = token.hmac_hex.len() == 64
                && token.hmac_hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            if !hex {
                return Err(refuse(format!("/tokens/{index}/hmac_hex"), "64 lower-case hexadecimal digits are needed"));
            }
        }
        Ok(())
    }

    fn check_units(&self) -> Result<(), ConfigurationError> {
        for (index, unit) in self.units.iter().enumerate() {
            if self.environment == Environment::Production && unit.sandbox {
                return Err(refuse(
                    format!("/units/{index}/sandbox"),
                    "a sandbox signature creation unit is not accepted in production",
                ));
            }
            if self.units.iter().take(index).any(|other| other.id == unit.id) {
                return Err(refuse(format!("/units/{index}/id"), format!("unit {} is listed twice", unit.id)));
            }
            let public = std::iter::once(("public_key_base64".to_owned(), unit.public_key_base64.as_str()))
                .chain(unit.certificate_base64.iter().map(|text| ("certificate_base64".to_owned(), text.as_str())))
                .chain(
                    unit.chain_base64
                        .iter()
                        .enumerate()
                        .map(|(place, text)| (format!("chain_base64/{place}"), text.as_str())),
                );
            for (name, text) in public {
                if base64_decode(text).is_none_or(|der| der.is_empty()) {
                    return Err(refuse(format!("/units/{index}/{name}"), "DER in base64 is needed"));
                }
            }
        }
        Ok(())
    }
}

pub(crate) fn refuse(pointer: impl Into<String>, message: impl Into<String>) -> ConfigurationError {
    ConfigurationError { pointer: pointer.into(), message: message.into() }
}
