//! The answers, as they cross the socket and as `--json` prints them.

use kassette_model::{CashBoxId, QueueId, UnitId};
use serde::{Deserialize, Serialize};

use super::command::{id, optional_id};

/// The answer to a [`super::Command`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "kebab-case")]
pub enum Reply {
    /// A cash box was made.
    Created(Created),
    /// All cash boxes.
    CashBoxes {
        /// In the order of their ids.
        cash_boxes: Vec<CashBoxSummary>,
    },
    /// One cash box.
    CashBox(Box<CashBoxDetails>),
    /// A new token.
    Token {
        /// Whose.
        #[serde(with = "id")]
        cash_box: CashBoxId,
        /// The token in clear; shown this once.
        access_token: String,
        /// How many tokens are valid now.
        valid_tokens: usize,
    },
    /// Units of a cash box.
    Units {
        /// Whose.
        #[serde(with = "id")]
        cash_box: CashBoxId,
        /// In the order in which they are tried.
        units: Vec<UnitDetails>,
    },
    /// An export was written.
    Exported(Exported),
    /// How the environment stands.
    Status(Box<Status>),
    /// Done, with nothing more to say than this.
    Done {
        /// What was done.
        message: String,
    },
}

/// A new cash box.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Created {
    /// Its id.
    #[serde(with = "id")]
    pub cash_box: CashBoxId,
    /// Its queue.
    #[serde(with = "id")]
    pub queue: QueueId,
    /// `ftCashBoxIdentification`.
    pub identification: String,
    /// Country.
    pub market: String,
    /// `sandbox` or `production`.
    pub environment: String,
    /// The token in clear; shown this once.
    pub access_token: String,
    /// Its first unit, when it has one.
    #[serde(with = "optional_id")]
    pub unit: Option<UnitId>,
    /// `ftReceiptIdentification` of the start receipt, when the queue was started.
    pub start_receipt: Option<String>,
    /// Why the queue could not be started, when that was tried.
    pub start_problem: Option<String>,
}

/// A cash box in a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CashBoxSummary {
    /// Its id.
    #[serde(with = "id")]
    pub cash_box: CashBoxId,
    /// `ftCashBoxIdentification`.
    pub identification: String,
    /// Country.
    pub market: String,
    /// `new`, `active` or `stopped`.
    pub phase: String,
    /// Accepted sign requests.
    pub queue_row: u64,
    /// Whether it refuses every call.
    pub disabled: bool,
    /// Why it cannot work, when it cannot.
    pub problem: Option<String>,
}

/// Everything about a cash box but its secrets.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CashBoxDetails {
    /// As in the list.
    #[serde(flatten)]
    pub summary: CashBoxSummary,
    /// Its queue.
    #[serde(with = "id")]
    pub queue: QueueId,
    /// `sandbox` or `production`.
    pub environment: String,
    /// Receipts that ended without an error state.
    pub numerator: u64,
    /// Last row of its journal.
    pub journal_row: u64,
    /// Hash of that record, hexadecimal.
    pub journal_hash: String,
    /// When it was made, RFC 3339.
    pub created: String,
    /// Settings of the market.
    pub market_settings: serde_json::Value,
    /// Valid tokens, oldest first.
    pub tokens: Vec<TokenSummary>,
    /// Units in the order in which they are tried.
    pub units: Vec<UnitDetails>,
}

/// A token without itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TokenSummary {
    /// When it was made, RFC 3339.
    pub created: String,
    /// Until when it is valid, RFC 3339; without end when absent.
    pub not_after: Option<String>,
}

/// A unit of a cash box.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UnitDetails {
    /// Number in the list, from 1; what `--unit` takes.
    pub number: usize,
    /// Its id; what `cashbox create --unit` takes.
    #[serde(with = "id")]
    pub unit: UnitId,
    /// Whether it is a simulator.
    pub sandbox: bool,
    /// Provider mark.
    pub algorithm_mark: String,
    /// Serial of its certificate, or its key id.
    pub key_name: String,
    /// Whether it is no longer used.
    pub retired: bool,
    /// How it stands: `ready`, or why not.
    pub state: String,
    /// Public key as PEM; absent when the unit cannot be opened.
    pub public_key_pem: Option<String>,
    /// Certificate as PEM; absent in a closed system.
    pub certificate_pem: Option<String>,
}

/// What an export holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exported {
    /// Records or receipts that were looked at and belong to the range.
    pub records: u64,
    /// Bytes written.
    pub bytes: u64,
}

/// A cash box that waits for an operator.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Quarantine {
    /// Which one.
    #[serde(with = "id")]
    pub cash_box: CashBoxId,
    /// What failed last.
    pub reason: String,
}

/// A signature creation unit that cannot be opened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UnitOutage {
    /// Of which cash box.
    #[serde(with = "id")]
    pub cash_box: CashBoxId,
    /// Which unit.
    #[serde(with = "id")]
    pub unit: UnitId,
    /// Why.
    pub reason: String,
}

/// How an environment stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    /// Version of the program.
    pub version: String,
    /// `sandbox` or `production`.
    pub environment: String,
    /// The data folder.
    pub data_dir: String,
    /// Process id of the server.
    pub process: u32,
    /// Cash boxes in memory.
    pub active_cash_boxes: usize,
    /// Restarts of cash boxes since the start.
    pub restarts: u64,
    /// Cash boxes in quarantine.
    pub quarantined: Vec<Quarantine>,
    /// Units that could not be opened when their cash box became active.
    pub unit_outages: Vec<UnitOutage>,
    /// Records in the journal, as far as known.
    pub records: u64,
    /// Records not yet in the index.
    pub index_lag_records: u64,
    /// State of the index, when it is not in order.
    pub index: Option<String>,
    /// Why the journal takes nothing more, if so.
    pub stopped: Option<String>,
    /// Set while the device is full.
    pub no_space: Option<String>,
    /// Known damage.
    pub damages: Vec<String>,
    /// What was cut off when the journal was opened.
    pub cut: Option<String>,
}
