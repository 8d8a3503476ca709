//! The answers, as they cross the socket and as `--json` prints them.

use std::fmt;

use kassette_model::{CashBoxId, OperationId, OperationState, QueueId, UnitId};
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
    /// Payment terminals of a cash box.
    Terminals {
        /// Whose.
        #[serde(with = "id")]
        cash_box: CashBoxId,
        /// In the order in which they are tried.
        terminals: Vec<TerminalDetails>,
    },
    /// Devices of this server.
    Devices {
        /// By cash box and name.
        devices: Vec<DeviceDetails>,
    },
    /// Callback secrets of a cash box.
    CallbackSecrets {
        /// Whose.
        #[serde(with = "id")]
        cash_box: CashBoxId,
        /// The valid ones, newest first.
        secrets: Vec<CallbackSecretShown>,
    },
    /// Callback messages.
    Callbacks {
        /// The open ones first, newest first, then the ended ones, last ended first.
        callbacks: Vec<CallbackSummary>,
    },
    /// Callback messages of an operation with their attempts.
    CallbackAttempts {
        /// Of which cash box.
        #[serde(with = "id")]
        cash_box: CashBoxId,
        /// Which operation.
        #[serde(with = "id")]
        operation: OperationId,
        /// In the order in which they were promised.
        callbacks: Vec<CallbackDetails>,
    },
    /// Callback messages are sent again.
    CallbackResent {
        /// Messages that had ended.
        reopened: usize,
        /// Messages that waited for their next attempt.
        hurried: usize,
        /// Whether a server sends them now; otherwise the next one does.
        is_served: bool,
    },
    /// Payments that have begun and not ended.
    Payments {
        /// By cash box, oldest first.
        payments: Vec<PaymentSummary>,
        /// Cash boxes of which that cannot be said.
        unreadable: Vec<UnreadableCashBox>,
    },
    /// A payment was settled by hand.
    PaymentSettled {
        /// Of which cash box.
        #[serde(with = "id")]
        cash_box: CashBoxId,
        /// Which operation.
        #[serde(with = "id")]
        operation: OperationId,
        /// As it was asked for.
        outcome: String,
        /// How the operation stands now.
        state: String,
    },
    /// One operation.
    Operation(Box<OperationDetails>),
    /// Operations of a cash box.
    Operations {
        /// Whose.
        #[serde(with = "id")]
        cash_box: CashBoxId,
        /// Newest first.
        operations: Vec<OperationSummary>,
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

/// A payment terminal of a cash box, without its password.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TerminalDetails {
    /// Name within the cash box.
    pub name: String,
    /// Which provider speaks with it.
    pub provider: String,
    /// Its line.
    pub address: String,
    /// `cbTerminalID` of the requests that are meant for it; without one it takes all.
    pub terminal_id: Option<String>,
}

/// A device and how it stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeviceDetails {
    /// Whose it is.
    #[serde(with = "id")]
    pub cash_box: CashBoxId,
    /// Name within the cash box.
    pub name: String,
    /// Which provider speaks with it.
    pub provider: String,
    /// Its line.
    pub address: String,
    /// `starting`, `ready`, `busy`, `restarting` or `down`.
    pub state: String,
    /// Since when.
    pub since: String,
    /// When it is tried again.
    pub next_try: Option<String>,
    /// How often it was started again since the start of the server.
    pub restarts: u64,
    /// Why it last failed.
    pub last_error: Option<String>,
    /// The last transaction that it told of, in the words of its provider.
    pub last_told: Option<String>,
    /// What it works on.
    #[serde(with = "optional_id")]
    pub operation: Option<OperationId>,
}

/// A secret on its way to the operator; its debug form shows nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Shown(String);

impl Shown {
    pub(super) fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret in clear.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A callback secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CallbackSecretShown {
    /// `whsec_…`, in clear.
    pub secret: Shown,
    /// When it was made, RFC 3339.
    pub created: String,
}

/// A callback message in a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CallbackSummary {
    /// Of which cash box.
    #[serde(with = "id")]
    pub cash_box: CashBoxId,
    /// What it tells about.
    #[serde(with = "id")]
    pub operation: OperationId,
    /// Number among the messages of the operation, from 1.
    pub sequence: u32,
    /// `open`, `acknowledged`, `gone` or `dead`.
    pub state: String,
    /// Attempts so far.
    pub attempt_count: u32,
    /// When it was promised, RFC 3339.
    pub made: String,
    /// Not to be tried before, RFC 3339; absent when it has ended.
    pub next_try: Option<String>,
    /// When it ended, RFC 3339; absent while it is open.
    pub ended: Option<String>,
    /// How the last attempt ended.
    pub last_outcome: Option<String>,
    /// HTTP status of the last attempt, when there was one.
    pub last_status: Option<u16>,
}

/// A callback message with its attempts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CallbackDetails {
    /// As in the list.
    #[serde(flatten)]
    pub summary: CallbackSummary,
    /// Number of the open message of the operation that has to end first, if there is one.
    pub waits_for: Option<u32>,
    /// State of the operation that it tells.
    pub tells: Option<String>,
    /// Where it goes; without its query unless that was asked for.
    pub url: Option<String>,
    /// Row of the journal that promises it.
    pub journal_row: u64,
    /// The last attempts, oldest first; older ones are only counted.
    pub attempts: Vec<AttemptShown>,
    /// Why its URL cannot be told, if so.
    pub problem: Option<String>,
}

/// One attempt to deliver a message.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AttemptShown {
    /// When it began, RFC 3339.
    pub at: String,
    /// How long it took.
    pub duration_ms: u32,
    /// How it ended, for example `acknowledged` or `timeout`.
    pub outcome: String,
    /// HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// More about it.
    pub detail: Option<String>,
}

/// How callbacks stand.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct CallbackStanding {
    /// Messages still to be delivered.
    pub open: u64,
    /// Messages given up and not yet forgotten.
    pub dead_letters: u64,
    /// Calls that are being made.
    pub sending: usize,
    /// Why nothing is sent or told, if so.
    pub problem: Option<String>,
}

/// A payment that has begun and not ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PaymentSummary {
    /// Of which cash box.
    #[serde(with = "id")]
    pub cash_box: CashBoxId,
    /// Its operation.
    #[serde(with = "id")]
    pub operation: OperationId,
    /// `intent`, `sent`, `result`, `unknown` or `needs-operator`.
    pub state: String,
    /// Which provider makes it.
    pub provider: String,
    /// At which terminal; absent when the provider has only one.
    pub terminal: Option<String>,
    /// `payment`, `refund` or `cancel`.
    pub action: String,
    /// What was asked for, as decimal text.
    pub amount: String,
    /// Currency of the amount.
    pub currency: String,
    /// When it began, RFC 3339.
    pub began: String,
    /// Why it stands so, when that is not plain.
    pub reason: Option<String>,
}

/// A cash box that could not be looked at.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UnreadableCashBox {
    /// Which one.
    #[serde(with = "id")]
    pub cash_box: CashBoxId,
    /// Why.
    pub problem: String,
}

/// An operation in a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OperationSummary {
    /// `x-operation-id`.
    #[serde(with = "id")]
    pub operation: OperationId,
    /// Kind, for example `sign`.
    pub kind: String,
    /// `pending`, `processing`, `done`, `failed`, `unknown` or `delivered`.
    pub state: String,
    /// HTTP status of the first answer; absent before the end.
    pub status: Option<u16>,
    /// When the state was reached, RFC 3339.
    pub time: String,
    /// Row of the journal that says so.
    pub journal_row: u64,
}

impl OperationSummary {
    /// Whether there is nothing to wait for: it has ended, or what it did outside is not known.
    #[must_use]
    pub fn is_over(&self) -> bool {
        OperationState::parse(&self.state).is_some_and(|state| state.is_final() || state == OperationState::Unknown)
    }
}

/// An operation without its bodies.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OperationDetails {
    /// As in the list.
    #[serde(flatten)]
    pub summary: OperationSummary,
    /// Its cash box.
    #[serde(with = "id")]
    pub cash_box: CashBoxId,
    /// The queue of the cash box.
    #[serde(with = "id")]
    pub queue: QueueId,
    /// HTTP method.
    pub method: String,
    /// Path.
    pub path: String,
    /// When it was admitted, RFC 3339.
    pub admitted: String,
    /// `x-operation-lifetime` in ms, as sent.
    pub lifetime_ms: Option<u64>,
    /// `x-possystem-id`.
    pub pos_system: Option<String>,
    /// `x-terminal-id`.
    pub terminal: Option<String>,
    /// `ftQueueItemID`, when it is a sign request.
    pub queue_item: Option<String>,
    /// `ftReceiptIdentification`, when there is a receipt.
    pub receipt: Option<String>,
    /// What went wrong, when it failed.
    pub message: Option<String>,
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
    /// How callbacks stand.
    pub callbacks: CallbackStanding,
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
