//! What an operator may choose for an Austrian cash box.

use std::collections::BTreeMap;

use kassette_model::Environment;
use serde_json::Value;

use super::counter::{COUNTER_BYTES_MAX, COUNTER_BYTES_MIN};
use crate::SettingsError;

/// Settings of an Austrian cash box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `sign_all`: sign and count every receipt of cases 0000 to 0005 and 1000 to 1003, instead of deciding by the table
    /// of what must be signed. Default: true in a sandbox, false in production.
    pub sign_all: bool,
    /// `counter_bytes`: length of the turnover counter, 5 to 16 bytes, default 8; fixed once the register has started.
    pub counter_bytes: u8,
    /// `ocr`: also give the code in its OCR form (base32). Default: false.
    pub ocr: bool,
    /// `finanz_online`: give the items that tell what is to be reported to `FinanzOnline`. Default: true.
    pub finanz_online: bool,
}

/// Length of the turnover counter when nothing is said; what is customary.
const COUNTER_BYTES_DEFAULT: u8 = 8;

impl Settings {
    /// The defaults of an environment.
    #[must_use]
    pub fn new(environment: Environment) -> Self {
        Self {
            sign_all: environment == Environment::Sandbox,
            counter_bytes: COUNTER_BYTES_DEFAULT,
            ocr: false,
            finanz_online: true,
        }
    }

    /// Reads a JSON object.
    pub(crate) fn parse(json: &str, environment: Environment) -> Result<Self, SettingsError> {
        let members: BTreeMap<String, Value> = serde_json::from_str(json)
            .map_err(|e| SettingsError { pointer: String::new(), message: format!("not a JSON object: {e}") })?;
        let mut settings = Self::new(environment);
        for (name, value) in members {
            let wrong = |message: &str| Err(SettingsError { pointer: format!("/{name}"), message: message.to_owned() });
            match name.as_str() {
                "sign_all" | "ocr" | "finanz_online" => {
                    let Some(on) = value.as_bool() else { return wrong("true or false is accepted") };
                    match name.as_str() {
                        "sign_all" => settings.sign_all = on,
                        "ocr" => settings.ocr = on,
                        _ => settings.finanz_online = on,
                    }
                }
                "counter_bytes" => match value.as_u64().and_then(|bytes| u8::try_from(bytes).ok()) {
                    Some(bytes @ COUNTER_BYTES_MIN..=COUNTER_BYTES_MAX) => settings.counter_bytes = bytes,
                    _ => return wrong("a whole number from 5 to 16 is accepted"),
                },
                _ => return wrong("unknown; sign_all, counter_bytes, ocr and finanz_online are accepted"),
            }
        }
        Ok(settings)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn defaults_and_members() {
        assert!(Settings::parse("{}", Environment::Sandbox).unwrap().sign_all);
        let production = Settings::parse("{}", Environment::Production).unwrap();
        assert!(!production.sign_all && production.finanz_online && !production.ocr);
        assert_eq!(production.counter_bytes, 8);
        let all = r#"{"sign_all":true,"counter_bytes":5,"ocr":true,"finanz_online":false}"#;
        let all = Settings::parse(all, Environment::Production).unwrap();
        assert_eq!(all, Settings { sign_all: true, counter_bytes: 5, ocr: true, finanz_online: false });
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (json, pointer) in [
            (r#"{"counter_bytes":4}"#, "/counter_bytes"),
            (r#"{"counter_bytes":17}"#, "/counter_bytes"),
            (r#"{"counter_bytes":"8"}"#, "/counter_bytes"),
            (r#"{"sign_all":1}"#, "/sign_all"),
            (r#"{"signall":true}"#, "/signall"),
            ("[]", ""),
        ] {
            assert_eq!(Settings::parse(json, Environment::Sandbox).unwrap_err().pointer, pointer, "{json}");
        }
    }
}
