//! Version 1 of the configuration as JSON. It stays for ever; a change that an older program must not overlook is a new
//! version beside this one.

use kassette_model::cases::Country;
use kassette_model::payment::NoTerminalAddress;
use kassette_model::{CashBoxId, Environment, QueueId, UnitId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::configuration::refuse;
use crate::{Configuration, ConfigurationError, TerminalEntry, TokenEntry, UnitEntry};

/// The version this program writes.
const VERSION: u64 = 1;

#[derive(Deserialize)]
struct Head {
    v: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole<'a> {
    v: u64,
    cash_box: uuid::Uuid,
    queue: uuid::Uuid,
    identification: String,
    market: String,
    environment: String,
    tokens: Vec<Token>,
    #[serde(default)]
    disabled: bool,
    units: Vec<Unit>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    terminals: Vec<Terminal>,
    #[serde(borrow)]
    market_settings: &'a RawValue,
    #[serde(default)]
    validation_fails: bool,
    #[serde(default)]
    receipt_request_signs: bool,
    created_ns: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    hmac_hex: String,
    created_ns: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_after_ns: Option<i64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unit {
    id: uuid::Uuid,
    sandbox: bool,
    algorithm_mark: String,
    key_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate_base64: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    chain_base64: Vec<String>,
    public_key_base64: String,
    #[serde(default)]
    retired: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Terminal {
    name: String,
    provider: String,
    address: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    terminal_id: Option<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    password: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Terminal {
    fn of(entry: &TerminalEntry) -> Self {
        Self {
            name: entry.name.clone(),
            provider: entry.provider.clone(),
            address: entry.address.to_string(),
            terminal_id: entry.terminal_id.clone(),
            password: entry.password,
        }
    }

    fn entry(self, index: usize) -> Result<TerminalEntry, ConfigurationError> {
        let address = self.address.parse();
        Ok(TerminalEntry {
            name: self.name,
            provider: self.provider,
            address: address
                .map_err(|error: NoTerminalAddress| refuse(format!("/terminals/{index}/address"), error.to_string()))?,
            terminal_id: self.terminal_id,
            password: self.password,
        })
    }
}

impl Configuration {
    /// Writes the configuration as it stands in a configured record.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn to_json(&self) -> Result<Box<RawValue>, ConfigurationError> {
        let whole = Whole {
            v: VERSION,
            cash_box: self.cash_box.uuid(),
            queue: self.queue.uuid(),
            identification: self.identification.clone(),
            market: self.market.to_string(),
            environment: self.environment.name().to_owned(),
            tokens: self
                .tokens
                .iter()
                .map(|token| Token {
                    hmac_hex: token.hmac_hex.clone(),
                    created_ns: token.created_ns,
                    not_after_ns: token.not_after_ns,
                })
                .collect(),
            disabled: self.disabled,
            units: self
                .units
                .iter()
                .map(|unit| Unit {
                    id: unit.id.uuid(),
                    sandbox: unit.sandbox,
                    algorithm_mark: unit.algorithm_mark.clone(),
                    key_name: unit.key_name.clone(),
                    certificate_base64: unit.certificate_base64.clone(),
                    chain_base64: unit.chain_base64.clone(),
                    public_key_base64: unit.public_key_base64.clone(),
                    retired: unit.retired,
                })
                .collect(),
            terminals: self.terminals.iter().map(Terminal::of).collect(),
            market_settings: &self.market_settings,
            validation_fails: self.validation_fails,
            receipt_request_signs: self.receipt_request_signs,
            created_ns: self.created_ns,
        };
        serde_json::value::to_raw_value(&whole).map_err(|error| refuse("", error.to_string()))
    }

    /// Reads a configuration from the JSON of a configured record. Its content is not checked here: see
    /// [`Configuration::check`].
    ///
    /// # Errors
    /// When it is not of a version that this program knows, or not of its form.
    pub fn from_json(json: &[u8]) -> Result<Self, ConfigurationError> {
        let head: Head = serde_json::from_slice(json).map_err(|error| refuse("", error.to_string()))?;
        match head.v {
            Some(VERSION) => {}
            Some(other) => {
                return Err(refuse("/v", format!("configuration version {other} is not known to this program")));
            }
            None => return Err(refuse("/v", format!("the version is missing; {VERSION} is accepted"))),
        }
        let whole: Whole<'_> = serde_json::from_slice(json).map_err(|error| refuse("", error.to_string()))?;
        let market = Country::parse(&whole.market)
            .ok_or_else(|| refuse("/market", format!("{:?} is not a country of two letters", whole.market)))?;
        let environment = Environment::parse(&whole.environment).ok_or_else(|| {
            refuse("/environment", format!("{:?} is neither sandbox nor production", whole.environment))
        })?;
        Ok(Self {
            cash_box: CashBoxId::from_uuid(whole.cash_box),
            queue: QueueId::from_uuid(whole.queue),
            identification: whole.identification,
            market,
            environment,
            tokens: whole
                .tokens
                .into_iter()
                .map(|token| TokenEntry {
                    hmac_hex: token.hmac_hex,
                    created_ns: token.created_ns,
                    not_after_ns: token.not_after_ns,
                })
                .collect(),
            disabled: whole.disabled,
            units: whole
                .units
                .into_iter()
                .map(|unit| UnitEntry {
                    id: UnitId::from_uuid(unit.id),
                    sandbox: unit.sandbox,
                    algorithm_mark: unit.algorithm_mark,
                    key_name: unit.key_name,
                    certificate_base64: unit.certificate_base64,
                    chain_base64: unit.chain_base64,
                    public_key_base64: unit.public_key_base64,
                    retired: unit.retired,
                })
                .collect(),
            terminals: (0..)
                .zip(whole.terminals)
                .map(|(index, terminal)| terminal.entry(index))
                .collect::<Result<_, _>>()?,
            market_settings: whole.market_settings.to_owned(),
            validation_fails: whole.validation_fails,
            receipt_request_signs: whole.receipt_request_signs,
            created_ns: whole.created_ns,
        })
    }
}
