//! The commands, as they cross the socket.

use std::fmt;
use std::str::FromStr;

use kassette_cashbox::TerminalEntry;
use kassette_model::{CashBoxId, Moment, OperationId, UnitId};
use serde::{Deserialize, Serialize};

/// One act of an operator.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Command {
    /// Makes a cash box with its queue and first token.
    CashBoxCreate(CreateCashBox),
    /// Lists all cash boxes.
    CashBoxList,
    /// Everything about one cash box but its secrets.
    CashBoxShow {
        /// Which one.
        #[serde(with = "id")]
        cash_box: CashBoxId,
    },
    /// Makes a new access token. The newest of the old ones stays valid beside it.
    TokenRotate {
        /// Which cash box.
        #[serde(with = "id")]
        cash_box: CashBoxId,
        /// Whether all old tokens end now.
        revoke: bool,
    },
    /// Lets a cash box answer again, or refuse every call.
    CashBoxEnable {
        /// Which one.
        #[serde(with = "id")]
        cash_box: CashBoxId,
        /// Whether it answers.
        enabled: bool,
    },
    /// Lifts the quarantine of a cash box.
    CashBoxResume {
        /// Which one.
        #[serde(with = "id")]
        cash_box: CashBoxId,
    },
    /// Adds a signature creation unit to a cash box.
    UnitAdd {
        /// Which cash box.
        #[serde(with = "id")]
        cash_box: CashBoxId,
        /// Where the unit comes from.
        source: UnitSource,
    },
    /// Lists the units of a cash box.
    UnitList {
        /// Which cash box.
        #[serde(with = "id")]
        cash_box: CashBoxId,
    },
    /// Test switch: makes sandbox units fail or work again.
    UnitFail {
        /// Which cash box.
        #[serde(with = "id")]
        cash_box: CashBoxId,
        /// Number in the list of its units, from 1; all of them without.
        unit: Option<usize>,
        /// Whether they fail.
        failing: bool,
    },
    /// Adds a payment terminal to a cash box.
    TerminalAdd {
        /// Which cash box.
        #[serde(with = "id")]
        cash_box: CashBoxId,
        /// What it is.
        terminal: NewTerminal,
    },
    /// Lists the payment terminals of a cash box.
    TerminalList {
        /// Which cash box.
        #[serde(with = "id")]
        cash_box: CashBoxId,
    },
    /// Takes a payment terminal from a cash box.
    TerminalRemove {
        /// Which cash box.
        #[serde(with = "id")]
        cash_box: CashBoxId,
        /// Which terminal.
        name: String,
    },
    /// How the devices of this server stand.
    Devices {
        /// Those of this cash box only.
        #[serde(default, with = "optional_id")]
        cash_box: Option<CashBoxId>,
    },
    /// Asks a terminal whether it is there.
    TerminalTest {
        /// Of which cash box.
        #[serde(with = "id")]
        cash_box: CashBoxId,
        /// Its name.
        name: String,
    },
    /// The secrets under which callbacks of a cash box are signed; makes the first one when there is none.
    CallbackSecretShow {
        /// Which cash box.
        #[serde(with = "id")]
        cash_box: CashBoxId,
    },
    /// Makes a new callback secret. The newest of the old ones stays valid beside it.
    CallbackSecretRotate {
        /// Which cash box.
        #[serde(with = "id")]
        cash_box: CashBoxId,
        /// Whether all old secrets end now.
        revoke: bool,
    },
    /// Callback messages: the open ones first, newest first, then the ended ones, last ended first.
    CallbackList {
        /// Of this cash box only.
        #[serde(default, with = "optional_id")]
        cash_box: Option<CashBoxId>,
        /// One of [`super::CALLBACK_STATES`].
        state: String,
        /// At most so many.
        limit: u64,
    },
    /// The callback messages of an operation with their attempts.
    CallbackAttempts {
        /// Of which cash box.
        #[serde(with = "id")]
        cash_box: CashBoxId,
        /// Which operation.
        #[serde(with = "id")]
        operation: OperationId,
        /// Whether the query of the URL is shown too.
        whole_url: bool,
    },
    /// Sends callback messages of an operation again, whether they have ended or not.
    CallbackResend {
        /// Of which cash box.
        #[serde(with = "id")]
        cash_box: CashBoxId,
        /// Which operation.
        #[serde(with = "id")]
        operation: OperationId,
        /// Only the one with this number.
        sequence: Option<u32>,
    },
    /// Payments that have begun and not ended.
    PaymentList {
        /// Of this cash box only.
        #[serde(default, with = "optional_id")]
        cash_box: Option<CashBoxId>,
    },
    /// Ends a payment of which nobody knows whether money has moved, or has its terminal asked again.
    PaymentSettle {
        /// Of which cash box.
        #[serde(with = "id")]
        cash_box: CashBoxId,
        /// Which operation.
        #[serde(with = "id")]
        operation: OperationId,
        /// `paid`, `not-paid` or `ask-again`.
        outcome: String,
        /// What was paid, as decimal text, when it is not what was asked for.
        #[serde(default)]
        paid_amount: Option<String>,
        /// Why.
        reason: String,
        /// Who says so.
        by: String,
    },
    /// One operation, without its bodies.
    OperationShow {
        /// Of which cash box.
        #[serde(with = "id")]
        cash_box: CashBoxId,
        /// Which operation.
        #[serde(with = "id")]
        operation: OperationId,
    },
    /// Operations of a cash box, newest first.
    OperationList {
        /// Which cash box.
        #[serde(with = "id")]
        cash_box: CashBoxId,
        /// Only those in this state.
        state: Option<String>,
        /// At most so many.
        limit: u64,
    },
    /// Waits for the end of an operation.
    OperationWait {
        /// Of which cash box.
        #[serde(with = "id")]
        cash_box: CashBoxId,
        /// Which operation.
        #[serde(with = "id")]
        operation: OperationId,
        /// How long at most, in ms.
        timeout_ms: u64,
    },
    /// Writes an export to the output.
    Export {
        /// Which cash box.
        #[serde(with = "id")]
        cash_box: CashBoxId,
        /// Country of a market export; the journal without.
        market: Option<String>,
        /// Which records.
        range: ExportRange,
        /// Instead of the receipts the keys and certificates that a verifier of them needs.
        crypto_material: bool,
    },
    /// How the environment stands.
    Status,
}

impl Command {
    /// Whether it may take long without doing anything.
    #[must_use]
    pub const fn waits(&self) -> bool {
        matches!(self, Self::OperationWait { .. })
    }
}

/// A command with the environment that the operator means: a folder of the other one must not do it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Asked<C> {
    /// `sandbox` or `production`.
    pub environment: String,
    /// What to do.
    pub command: C,
}

/// What a new cash box is to be.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct CreateCashBox {
    /// Country, two letters.
    pub market: String,
    /// `ftCashBoxIdentification`; in Austria the Kassen-ID, fixed for ever.
    pub name: String,
    /// Its id; a random one without.
    #[serde(default, with = "optional_id")]
    pub id: Option<CashBoxId>,
    /// Settings of the market as a JSON object.
    #[serde(default)]
    pub settings: Option<String>,
    /// A unit of the key folder that it shares; a sandbox makes one without.
    #[serde(default, with = "optional_id")]
    pub unit: Option<UnitId>,
    /// Whether a sandbox leaves it to the till to start the queue.
    #[serde(default)]
    pub no_start: bool,
    /// Whether its name may be that of another cash box: the two then belong to different companies.
    #[serde(default)]
    pub other_company: bool,
}

/// Which records an export holds. Both ends are compared with the time at which a record was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportRange {
    /// First moment, nanoseconds since the Unix epoch; from the start without.
    pub from_ns: Option<i64>,
    /// The moment after the last, nanoseconds since the Unix epoch; to the end without.
    pub to_ns: Option<i64>,
}

impl ExportRange {
    /// Whether a record made at `time_ns` belongs to it.
    #[must_use]
    pub fn contains(&self, time_ns: i64) -> bool {
        self.from_ns.is_none_or(|from| time_ns >= from) && self.to_ns.is_none_or(|to| time_ns < to)
    }

    /// From two moments.
    #[must_use]
    pub fn between(from: Option<Moment>, to: Option<Moment>) -> Self {
        Self { from_ns: from.map(kassette_record::unix_ns), to_ns: to.map(kassette_record::unix_ns) }
    }
}

/// Where a new unit of a cash box comes from.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum UnitSource {
    /// A new key and certificate, made here.
    Sandbox,
    /// A unit that another cash box uses.
    Shared {
        /// Which unit.
        #[serde(with = "id")]
        unit: UnitId,
    },
    /// A PKCS#8 key with its certificates.
    KeyFile {
        /// The key file, standard base64.
        key_base64: String,
        /// The certificates, standard base64; empty in a closed system.
        certificates_base64: String,
        /// Provider mark, for example `AT1`.
        algorithm: String,
        /// Closed system: the registered id of the key.
        key_id: Option<String>,
        /// Environment variable in which the server finds the passphrase when it starts.
        passphrase_env: Option<String>,
        /// The passphrase, for opening the key now.
        passphrase: Option<Passphrase>,
    },
}

/// A payment terminal to be added.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewTerminal {
    /// Name within the cash box.
    pub name: String,
    /// Which provider speaks with it.
    pub provider: String,
    /// `tcp:host[:port]`, `serial:path[:baud]` or `app`.
    pub address: String,
    /// `cbTerminalID` of the requests that are meant for it.
    #[serde(default)]
    pub terminal_id: Option<String>,
    /// What it wants to hear before a command.
    pub password: TerminalPassword,
}

/// The password of a terminal on its way through the socket; its debug form shows nothing.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TerminalPassword(pub(super) u32);

impl FromStr for TerminalPassword {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        TerminalEntry::parse_password(text).map(Self).ok_or("1 to 6 digits are accepted")
    }
}

impl fmt::Debug for TerminalPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A passphrase on its way through the socket, which only its owner can open. It is used once and never stored.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Passphrase(String);

impl Passphrase {
    /// Wraps a passphrase.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The passphrase in clear.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Ids as their hyphenated text.
pub(super) mod id {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<T: Display, S: Serializer>(id: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub(crate) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Optional ids as their hyphenated text, or null.
pub(super) mod optional_id {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<T: Display, S: Serializer>(id: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        match id {
            Some(id) => serializer.collect_str(id),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn a_command_crosses_the_socket_and_comes_out_the_same() {
        let source = UnitSource::KeyFile {
            key_base64: "a2V5".into(),
            certificates_base64: String::new(),
            algorithm: "AT0".into(),
            key_id: Some("U:ATU12345678-K1".into()),
            passphrase_env: Some("SECRET_NAME".into()),
            passphrase: Some(Passphrase::new("correct-horse".into())),
        };
        let command = Command::UnitAdd { cash_box: CashBoxId::from_bytes([7; 16]), source };
        assert!(!format!("{command:?}").contains("correct-horse"));
        let text = serde_json::to_string(&command).unwrap();
        let read: Command = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        assert!(serde_json::from_str::<Command>(r#"{"command":"cash-box-show","cash_box":"nonsense"}"#).is_err());
    }

    #[test]
    fn the_password_of_a_terminal_is_read_and_not_shown() {
        for (text, password) in
            [("0", Some(0)), ("000000", Some(0)), ("012345", Some(12_345)), ("999999", Some(999_999))]
        {
            assert_eq!(text.parse().ok(), password.map(TerminalPassword), "{text}");
        }
        for text in ["", "0000000", "-1", "+1", "12a", "١"] {
            assert!(text.parse::<TerminalPassword>().is_err(), "{text}");
        }
        assert_eq!(format!("{:?}", TerminalPassword(123_456)), "[redacted]");
    }

    #[test]
    fn a_range_holds_its_start_and_not_its_end() {
        let range = ExportRange { from_ns: Some(10), to_ns: Some(20) };
        assert_eq!([9, 10, 19, 20].map(|time| range.contains(time)), [false, true, true, false]);
        assert!(ExportRange::default().contains(i64::MIN));
    }
}
