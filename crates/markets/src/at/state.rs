//! What a register must remember from one receipt to the next; small, because it stands in every record.

use jiff::civil::{Date, DateTime};
use kassette_model::UnitId;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::chain::ChainValue;
use crate::{SettingsError, UnitFacts};

/// Version of the written form.
const STATE_VERSION: u8 = 1;

/// State of an Austrian register.
///
/// Invariant: it changes only together with a stored receipt, so the counter, the number and the chain never part.
///
/// Every idle cash box keeps one in memory, so what is rare has a box of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Version of this form.
    v: u8,
    /// Turnover counter in cents.
    pub(crate) turnover_cents: i64,
    /// How many codes were written; the part of the Belegnummer after `#`.
    pub(crate) cash_numerator: u64,
    /// Length of the counter in bytes, fixed by the start receipt; 0 before it.
    pub(crate) counter_bytes: u8,
    /// Field 12 of the next code; `None` before the first.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "chain_text")]
    pub(crate) chain: Option<ChainValue>,
    /// Field 4 of the latest code, a floor for the next one.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time_text")]
    pub(crate) time: Option<DateTime>,
    /// The unit that signed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unit: Option<LastUnit>,
    /// Names of all keys that ever signed here, in order of first use; the export groups by them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) keys: Vec<String>,
    /// Day of the last settlement (contract 6.4); `None` before the start.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "date_text")]
    pub(crate) settled: Option<Date>,
    /// A yearly receipt was due when only a monthly one was made.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) year_due: bool,
    /// The signature unit has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failed: Option<Box<Failed>>,
    /// Receipts entered late (flag 0001) since the last zero receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) late: Option<Box<Span>>,
    /// Handwritten receipts entered (flag 0008) since the last zero receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) handwritten: Option<Box<Span>>,
}

/// The unit that signed last; fields 1 and 11 of an outage receipt come from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LastUnit {
    /// Which unit.
    #[serde(with = "unit_text")]
    pub(crate) id: UnitId,
    /// Provider mark without `R1-`.
    pub(crate) mark: String,
    /// Field 11.
    pub(crate) key: String,
}

impl LastUnit {
    /// Whether this unit signed last, with the same mark and key.
    pub(crate) fn is(&self, unit: &UnitFacts) -> bool {
        self.id == unit.id && self.mark == unit.algorithm_mark && self.key == unit.key_name
    }
}

/// From the first receipt of a block to its last, by `ftReceiptIdentification`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Span {
    pub(crate) from: String,
    pub(crate) to: String,
}

impl Span {
    /// Adds a receipt to the block, or opens one with it.
    pub(crate) fn extend(block: &mut Option<Box<Self>>, identification: &str) {
        match block {
            Some(span) => identification.clone_into(&mut span.to),
            None => {
                *block = Some(Box::new(Self { from: identification.to_owned(), to: identification.to_owned() }));
            }
        }
    }
}

/// The failed-device mode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Failed {
    /// When it began, seconds since the Unix epoch.
    pub(crate) since_s: i64,
    /// Receipts with the outage text.
    pub(crate) span: Span,
    /// Whether the duty to report was told (after 48 hours).
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) told: bool,
}

impl State {
    /// A register before its first receipt.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self {
            v: STATE_VERSION,
            turnover_cents: 0,
            cash_numerator: 0,
            counter_bytes: 0,
            chain: None,
            time: None,
            unit: None,
            keys: Vec::new(),
            settled: None,
            year_due: false,
            failed: None,
            late: None,
            handwritten: None,
        }
    }

    /// The turnover counter in cents.
    #[must_use]
    pub fn turnover_cents(&self) -> i64 {
        self.turnover_cents
    }

    /// How many codes the register has written.
    #[must_use]
    pub fn cash_numerator(&self) -> u64 {
        self.cash_numerator
    }

    /// Whether the register is in the failed-device mode.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// Reads the form in a record's head.
    pub(crate) fn parse(json: &str) -> Result<Self, SettingsError> {
        let wrong = |pointer: &str, message: String| SettingsError { pointer: pointer.to_owned(), message };
        let mut state: Self = serde_json::from_str(json).map_err(|e| wrong("", e.to_string()))?;
        if state.v != STATE_VERSION {
            return Err(wrong("/v", format!("version {} is unknown; {STATE_VERSION} is known", state.v)));
        }
        // Nearly always one; read into four places.
        state.keys.shrink_to_fit();
        Ok(state)
    }

    /// Writes the form for a record's head.
    #[must_use]
    pub(crate) fn write(&self) -> Box<RawValue> {
        #[expect(clippy::expect_used, reason = "every member has a JSON form and every key is a text")]
        serde_json::value::to_raw_value(self).expect("a state can be written")
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

mod chain_text {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::at::chain::ChainValue;

    #[expect(clippy::ref_option, reason = "serde passes a reference")]
    pub(super) fn serialize<S: Serializer>(value: &Option<ChainValue>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.serialize_str(&value.text()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ChainValue>, D::Error> {
        let text = String::deserialize(deserializer)?;
        ChainValue::parse(&text).map(Some).ok_or_else(|| serde::de::Error::custom("not a chain value"))
    }
}

mod time_text {
    use jiff::civil::DateTime;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::at::time;

    #[expect(clippy::ref_option, reason = "serde passes a reference")]
    pub(super) fn serialize<S: Serializer>(value: &Option<DateTime>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.serialize_str(&time::local_text(*value)),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime>, D::Error> {
        let text = String::deserialize(deserializer)?;
        time::read_local_text(&text)
            .map(Some)
            .ok_or_else(|| serde::de::Error::custom(format_args!("{text:?} is not a local time")))
    }
}

mod date_text {
    use jiff::civil::Date;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "serde passes a reference")]
    pub(super) fn serialize<S: Serializer>(value: &Option<Date>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Date>, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Some).map_err(serde::de::Error::custom)
    }
}

mod unit_text {
    use kassette_model::UnitId;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &UnitId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UnitId, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn a_full_state_reads_back_and_is_small() {
        let span = Span { from: "ft1A#26".into(), to: "ft1F#31".into() };
        let state = State {
            v: 1,
            turnover_cents: -12,
            cash_numerator: 31,
            counter_bytes: 8,
            chain: Some(ChainValue::first("K")),
            time: Some(jiff::civil::date(2026, 3, 4).at(11, 15, 34, 0)),
            unit: Some(LastUnit { id: UnitId::from_bytes([1; 16]), mark: "AT1".into(), key: "1f".into() }),
            keys: vec!["1f".into()],
            settled: Some(jiff::civil::date(2026, 3, 1)),
            year_due: true,
            failed: Some(Box::new(Failed { since_s: 1_800_000_000, span: span.clone(), told: true })),
            late: Some(Box::new(span.clone())),
            handwritten: Some(Box::new(span)),
        };
        assert_eq!(State::parse(state.write().get()).unwrap(), state);
        assert!(state.write().get().len() < 600);
        assert_eq!(State::parse(State::new().write().get()).unwrap(), State::new());
    }

    #[test]
    fn a_foreign_form_is_refused() {
        for json in [
            r#"{"v":2,"turnover_cents":0,"cash_numerator":0,"counter_bytes":8}"#,
            r#"{"v":1,"turnover_cents":0,"cash_numerator":0,"counter_bytes":8,"x":1}"#,
            r#"{"v":1,"turnover_cents":0,"cash_numerator":0,"counter_bytes":8,"chain":"short"}"#,
            r#"{"v":1,"turnover_cents":0,"cash_numerator":0,"counter_bytes":8,"time":"now"}"#,
            "{}",
        ] {
            assert!(State::parse(json).is_err(), "{json}");
        }
    }
}
