//! The readable part of a header: everything about an operation that is not a body.
//!
//! Written as one JSON object (members sorted as declared, absent ones left out), so that a header can be read with any tool
//! for as long as it is kept. Nothing personal stands here: headers with secrets or addresses are left out by the edge.

use kassette_model::payment::{PayAction, PaymentState};
use kassette_model::{
    CashBoxId, Moment, OperationId, OperationKind, OperationState, PosSystemId, Progress, QueueId, QueueItemId,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Hash;

/// Header details, version 1. A member may be added as optional; a member is never renamed, removed or given a new meaning.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Details {
    /// When the record was made, UTC, nanoseconds since the Unix epoch.
    pub time_ns: i64,
    /// The operation this record belongs to, with its stored answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Answered>,
    /// For an accepted sign request (also one that ended in an error state).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign: Option<SignFacts>,
    /// For a record that sets the configuration of the cash box.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configured: Option<Configured>,
    /// How a payment stands after this record, when the record changes that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentFacts>,
    /// Which market decided, by which version of its rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market: Option<MarketStamp>,
    /// Entries for the action journal (journal type 0001).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<ActionJournal>,
    /// Messages that must be delivered because of this record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub promises: Vec<Promise>,
    /// The cash box after this record: all that is needed to go on from here.
    pub head: BoxHead,
}

/// An operation and how it was answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answered {
    /// `x-operation-id`.
    #[serde(with = "text")]
    pub id: OperationId,
    /// Kind of operation, part of the fingerprint.
    #[serde(with = "kind")]
    pub kind: OperationKind,
    /// HTTP method as received.
    pub method: String,
    /// Path as received.
    pub path: String,
    /// Request headers that are kept, in order; never credentials.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// `x-possystem-id`, when it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_text")]
    pub pos_system: Option<PosSystemId>,
    /// `x-terminal-id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<String>,
    /// How it stands after this record: `done` or `failed`, on an intent record `pending`.
    #[serde(with = "state")]
    pub state: OperationState,
    /// How it stood before this record; absent when it did not exist.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_progress")]
    pub before: Option<Progress>,
    /// Which change of its state that is, the first counted as 1; 0, and not written, on records of before they were numbered.
    #[serde(default, skip_serializing_if = "is_unnumbered")]
    pub sequence: u32,
    /// HTTP status of the first answer.
    pub status: u16,
    /// When the operation was admitted, nanoseconds since the Unix epoch.
    pub admitted_ns: i64,
    /// `x-operation-lifetime` in ms, as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime_ms: Option<u64>,
}

/// What is known of an accepted sign request besides its bodies.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SignFacts {
    /// `ftQueueRow`, dense over accepted sign requests.
    pub queue_row: u64,
    /// `ftQueueItemID`.
    #[serde(with = "text")]
    pub queue_item: QueueItemId,
    /// See [`crate::reference_key`].
    pub reference_key: u64,
    /// `cbReceiptMoment`, nanoseconds since the Unix epoch.
    pub cb_receipt_moment_ns: i64,
    /// `ftReceiptMoment`, nanoseconds since the Unix epoch.
    pub receipt_moment_ns: i64,
    /// `ftReceiptCase` as completed with country and version.
    pub receipt_case: u64,
    /// `ftState` of the answer.
    pub state: u64,
    /// `ftReceiptIdentification`.
    pub identification: String,
    /// Receipt journal entry (types 0002): id, number after increment, total and queue-chain hash; absent for error states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_journal: Option<ReceiptJournal>,
    /// What the market noted of this step for its exports (AT: the JWS, the certificate serial, the unit).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market: Option<Box<RawValue>>,
}

/// One entry of the queue chain (contract 6.2).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReceiptJournal {
    /// `ftReceiptJournalId`.
    pub id: uuid::Uuid,
    /// `ftReceiptNumber`, the numerator after increment.
    pub number: u64,
    /// `ftReceiptTotal` as decimal text.
    pub total: String,
    /// `ftReceiptHash`, standard base64.
    pub hash: String,
}

/// The configuration of a cash box from this record on; the content belongs to the core.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Configured {
    /// The queue of the cash box.
    #[serde(with = "text")]
    pub queue: QueueId,
    /// Configuration as JSON; see the core crate.
    pub configuration: Box<RawValue>,
}

/// Market and version of its rules: replay uses this version, whatever the law says today.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarketStamp {
    /// ISO 3166-1 alpha-2, upper case.
    pub country: String,
    /// Name of the rules version, for example `2026-07`.
    pub rules: String,
}

/// An entry of the action journal (contract 7.2, type 0001).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionJournal {
    /// `ftActionJournalId`.
    pub id: uuid::Uuid,
    /// `Priority`: 0 information, -1 and below more urgent.
    pub priority: i32,
    /// `Type`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `Message`.
    pub message: String,
    /// `DataJson`, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_json: Option<String>,
}

/// A message that is owed because of this record: a callback about one change of the state of its operation (contract 3.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// Absolute URL.
    pub url: String,
    /// State that is told.
    #[serde(with = "state")]
    pub state: OperationState,
    /// Per operation 1, 2, 3 …
    pub sequence: u32,
}

/// Life of a queue (contract 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QueuePhase {
    /// Never started.
    New,
    /// Started.
    Active,
    /// Stopped; cannot be started again.
    Stopped,
}

/// The state of a cash box after a record. Restoring a cash box is reading its last record.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BoxHead {
    /// Life of the queue.
    pub phase: QueuePhase,
    /// Last `ftQueueRow`; 0 before the first.
    pub queue_row: u64,
    /// Receipt numerator: how many receipts ended without an error state.
    pub numerator: u64,
    /// `ftReceiptHash` of the last entry of the queue chain, `None` before the first; written as base64 or the empty text.
    #[serde(default, with = "queue_hash")]
    pub queue_hash: Option<Hash>,
    /// Journal row of the record with the configuration in force.
    pub configuration_row: u64,
    /// Latest `ftReceiptMoment`, a floor for the next one, nanoseconds since the Unix epoch.
    pub receipt_moment_ns: i64,
    /// State of the market, as JSON; see the market.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market: Option<Box<RawValue>>,
    /// Operations that were accepted and have not ended, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<OpenOperation>,
    /// Payments that have begun and not ended, oldest first; each is an operation of `open`, too.
    #[serde(default, skip_serializing_if = "Payments::is_empty")]
    pub payments: Payments,
    /// Whether devices belong to it, which are looked after from the start of the server on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub devices: bool,
}

/// Payments that have begun and not ended. One word while there are none, which is nearly always: every idle cash box has this.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
#[expect(clippy::box_collection, reason = "a vector takes three words, for nothing nearly always")]
pub struct Payments(Option<Box<Vec<PaymentFacts>>>);

impl Payments {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    /// All, oldest first.
    #[must_use]
    pub fn as_slice(&self) -> &[PaymentFacts] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }

    /// Puts a payment in the place of the one that it continues, or behind all.
    pub fn put(&mut self, payment: PaymentFacts) {
        let all = self.0.get_or_insert_default();
        match all.iter_mut().find(|known| known.operation == payment.operation) {
            Some(known) => *known = payment,
            None => all.push(payment),
        }
    }

    /// Takes a payment out.
    pub fn remove(&mut self, operation: OperationId) {
        if let Some(all) = &mut self.0 {
            all.retain(|payment| payment.operation != operation);
            if all.is_empty() {
                self.0 = None;
            }
        }
    }
}

/// A payment on its way: enough to ask its terminal after a crash.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PaymentFacts {
    /// Its operation.
    #[serde(with = "text")]
    pub operation: OperationId,
    /// How it stands.
    #[serde(with = "payment_state")]
    pub state: PaymentState,
    /// Which provider makes it.
    pub provider: String,
    /// Which terminal of the provider; empty when it has only one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub terminal: String,
    /// What it does.
    #[serde(with = "pay_action")]
    pub action: PayAction,
    /// What was asked for, never negative, as decimal text.
    pub amount: String,
    /// Currency of the amount.
    pub currency: String,
    /// When it began, nanoseconds since the Unix epoch.
    pub began_ns: i64,
    /// Why it stands so, when that is not plain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the terminal had told last before the payment was sent, in the words of its provider: whatever it tells of afterwards is
    /// newer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
    /// For a cancellation: the number that the terminal gave to the payment that is taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<String>,
}

/// An operation that was accepted by an intent record and has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenOperation {
    /// `x-operation-id`.
    #[serde(with = "text")]
    pub id: OperationId,
    /// Journal row of the intent record.
    pub row: u64,
    /// How far it has come; records of before it was kept had it processed at once.
    #[serde(default = "begun", with = "progress")]
    pub progress: Progress,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_unnumbered(sequence: &u32) -> bool {
    *sequence == 0
}

fn begun() -> Progress {
    Progress { state: OperationState::Processing, sequence: 2 }
}

impl BoxHead {
    /// A cash box before its first record.
    #[must_use]
    pub fn new() -> Self {
        Self {
            phase: QueuePhase::New,
            queue_row: 0,
            numerator: 0,
            queue_hash: None,
            configuration_row: 0,
            receipt_moment_ns: i64::MIN,
            market: None,
            open: Vec::new(),
            payments: Payments::default(),
            devices: false,
        }
    }
}

impl BoxHead {
    /// Whether the cash box is to be woken when the server starts.
    #[must_use]
    pub const fn wakes(&self) -> bool {
        self.devices || !self.open.is_empty()
    }
}

impl Default for BoxHead {
    fn default() -> Self {
        Self::new()
    }
}

impl Details {
    /// When the record was made.
    #[must_use]
    pub fn time(&self) -> Moment {
        moment(self.time_ns)
    }
}

/// A moment from nanoseconds since the Unix epoch; every `i64` is in range.
#[must_use]
pub fn moment(unix_ns: i64) -> Moment {
    Moment::from_nanosecond(i128::from(unix_ns)).unwrap_or(Moment::UNIX_EPOCH)
}

/// Nanoseconds since the Unix epoch, saturating at the years 1677 and 2262.
#[must_use]
pub fn unix_ns(moment: Moment) -> i64 {
    let ns = moment.as_nanosecond();
    i64::try_from(ns).unwrap_or(if ns < 0 { i64::MIN } else { i64::MAX })
}

macro_rules! by_text {
    ($module:ident, $type:ty, $to:expr, $from:expr) => {
        mod $module {
            use super::*;
            pub(super) fn serialize<S: serde::Serializer>(value: &$type, serializer: S) -> Result<S::Ok, S::Error> {
                let name: &str = $to(value);
                serializer.serialize_str(name)
            }
            pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                let name = String::deserialize(deserializer)?;
                $from(&name).ok_or_else(|| serde::de::Error::custom(format!("unknown value {name:?}")))
            }
        }
    };
}
by_text!(kind, OperationKind, |kind: &OperationKind| kind.name(), OperationKind::parse);
by_text!(state, OperationState, |state: &OperationState| state.name(), OperationState::parse);
by_text!(payment_state, PaymentState, |state: &PaymentState| state.name(), PaymentState::parse);
by_text!(pay_action, PayAction, |action: &PayAction| action.name(), PayAction::parse);

/// How far an operation has come, as two members.
mod queue_hash {
    use kassette_stdx::encoding::{base64, base64_decode};
    use serde::de::Error as _;

    use super::{Deserialize, Hash};

    #[expect(clippy::ref_option, reason = "serde passes a reference")]
    pub(super) fn serialize<S: serde::Serializer>(hash: &Option<Hash>, serializer: S) -> Result<S::Ok, S::Error> {
        match hash {
            Some(hash) => serializer.serialize_str(&base64(&hash.0)),
            None => serializer.serialize_str(""),
        }
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Hash>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(None);
        }
        let bytes = base64_decode(&text).and_then(|bytes| bytes.try_into().ok());
        bytes.map(|bytes| Some(Hash(bytes))).ok_or_else(|| D::Error::custom("not a hash of the queue chain"))
    }
}

mod progress {
    use super::{Deserialize, OperationState, Progress, Serialize};

    #[derive(Serialize, Deserialize)]
    pub(super) struct Members {
        #[serde(with = "super::state")]
        state: OperationState,
        sequence: u32,
    }

    impl From<Progress> for Members {
        fn from(progress: Progress) -> Self {
            Self { state: progress.state, sequence: progress.sequence }
        }
    }

    impl From<Members> for Progress {
        fn from(members: Members) -> Self {
            Self { state: members.state, sequence: members.sequence }
        }
    }

    pub(super) fn serialize<S: serde::Serializer>(progress: &Progress, serializer: S) -> Result<S::Ok, S::Error> {
        Members::from(*progress).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Progress, D::Error> {
        Members::deserialize(deserializer).map(Progress::from)
    }
}

/// [`progress`], when there is one.
mod optional_progress {
    use super::progress::Members;
    use super::{Deserialize, Progress, Serialize};

    pub(super) fn serialize<S: serde::Serializer>(
        progress: &Option<Progress>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        progress.map(Members::from).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Progress>, D::Error> {
        Ok(Option::<Members>::deserialize(deserializer)?.map(Progress::from))
    }
}

/// Ids as their hyphenated text.
mod text {
    use super::{CashBoxId, Deserialize, OperationId, PosSystemId, QueueId, QueueItemId};

    pub(super) trait TextId: Sized {
        fn uuid(&self) -> uuid::Uuid;
        fn of(uuid: uuid::Uuid) -> Self;
    }
    macro_rules! text_id {
        ($($name:ident),*) => {$(
            impl TextId for $name {
                fn uuid(&self) -> uuid::Uuid { $name::uuid(*self) }
                fn of(uuid: uuid::Uuid) -> Self { Self::from_uuid(uuid) }
            }
        )*};
    }
    text_id!(CashBoxId, OperationId, PosSystemId, QueueId, QueueItemId);

    pub(super) fn serialize<T: TextId, S: serde::Serializer>(id: &T, serializer: S) -> Result<S::Ok, S::Error> {
        let mut buffer = uuid::Uuid::encode_buffer();
        serializer.serialize_str(id.uuid().as_hyphenated().encode_lower(&mut buffer))
    }

    pub(super) fn deserialize<'de, T: TextId, D: serde::Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        let text = String::deserialize(deserializer)?;
        uuid::Uuid::try_parse(&text).map(T::of).map_err(serde::de::Error::custom)
    }
}

/// Optional ids as their hyphenated text.
mod optional_text {
    use super::text::TextId;

    pub(super) fn serialize<T: TextId, S: serde::Serializer>(id: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        match id {
            Some(id) => super::text::serialize(id, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, T: TextId, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        super::text::deserialize(deserializer).map(Some)
    }
}
