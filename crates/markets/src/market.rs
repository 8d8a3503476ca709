//! What a market is to the core.

use std::io;

use kassette_model::cases::Country;
use kassette_model::{CashBoxId, Environment, FreeJson, Moment, QueueId, ReceiptRequest, SignatureItem, UnitId};
use kassette_record::{Details, MarketStamp, QueuePhase};
use serde_json::value::RawValue;

use crate::at;

/// Settings of a cash box that its market understands, read from the configuration once.
#[derive(Debug, Clone)]
pub enum MarketSettings {
    /// Austria.
    At(at::Settings),
}

/// Secrets of a cash box that its market needs; they come from the key folder and never enter the journal.
#[derive(Clone)]
pub enum MarketSecrets {
    /// Austria: the AES-256 key of the turnover counter.
    At(at::Secrets),
}

impl std::fmt::Debug for MarketSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MarketSecrets(..)")
    }
}

/// State of a market for one cash box, kept in every record's head.
#[derive(Debug, Clone, PartialEq)]
pub enum MarketState {
    /// Austria.
    At(at::State),
}

/// Settings that the market cannot accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {message}")]
pub struct SettingsError {
    /// JSON pointer into the settings.
    pub pointer: String,
    /// What is wrong and what is accepted.
    pub message: String,
}

/// The queue as the core knows it before this step.
#[derive(Debug, Clone, Copy)]
pub struct QueueFacts<'a> {
    /// The cash box.
    pub cash_box: CashBoxId,
    /// Its queue.
    pub queue: QueueId,
    /// `ftCashBoxIdentification`.
    pub identification: &'a str,
    /// Sandbox or production.
    pub environment: Environment,
    /// Life of the queue.
    pub phase: QueuePhase,
    /// Receipt numerator before this receipt; `ft<HEX>#` is made from it.
    pub numerator: u64,
}

/// A signature creation unit of this cash box, in the order in which they are to be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitFacts {
    /// Which unit.
    pub id: UnitId,
    /// Provider mark without the `R1-` (AT: `AT1`, `AT0`, sandbox `AT100`).
    pub algorithm_mark: String,
    /// What names the key on a receipt: certificate serial in lower-case hexadecimal, or the key id of a closed system.
    pub key_name: String,
}

/// What a unit answered to a [`Decision::Ask`] in this step: 64 bytes (r ‖ s), or why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitAnswer {
    /// Which unit.
    pub unit: UnitId,
    /// Signature or the reason of the failure.
    pub result: Result<[u8; 64], String>,
}

/// Everything a step may look at.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The receipt; cases completed with the country of the queue.
    pub request: &'a ReceiptRequest,
    /// The queue.
    pub queue: QueueFacts<'a>,
    /// Settings.
    pub settings: &'a MarketSettings,
    /// Secrets.
    pub secrets: &'a MarketSecrets,
    /// State before the step.
    pub state: &'a MarketState,
    /// `ftReceiptMoment`: the moment of signing, never earlier than that of the receipt before.
    pub moment: Moment,
    /// Units in order.
    pub units: &'a [UnitFacts],
    /// Answers to the asks of this step so far, in order.
    pub answers: &'a [UnitAnswer],
}

/// A reason for refusing a receipt fiscally (contract 6.1): 201 with `EEEE_EEEE`, one failure signature each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Code, in the manner of `ChargeItemsMissing`.
    pub code: String,
    /// JSON pointer into the request.
    pub pointer: String,
    /// Text for people.
    pub message: String,
    /// Law or rule.
    pub source: String,
}

/// `Type` of the action journal entry when no signature unit of a cash box can sign any more; the same in every market, because
/// live events are made from it.
pub const UNIT_FAILED: &str = "SignatureUnitFailed";
/// `Type` of the entry when one signs again after that.
pub const UNIT_BACK: &str = "SignatureUnitBack";
/// `Type` of the entry when another unit took over, or gave back.
pub const UNIT_SWITCHED: &str = "SignatureUnitSwitched";

/// An entry for the action journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// `ftActionJournalId`, where a signature item names it (AT: FinanzOnline items); the core makes one otherwise.
    pub id: Option<uuid::Uuid>,
    /// 0 information; below 0 more urgent.
    pub priority: i32,
    /// `Type`.
    pub kind: String,
    /// `Message`.
    pub message: String,
    /// `DataJson`.
    pub data_json: Option<String>,
}

/// What happens if the step is committed.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// State after the step.
    pub state: MarketState,
    /// Life of the queue after the step.
    pub phase: QueuePhase,
    /// Part of `ftReceiptIdentification` after `#`.
    pub identification: String,
    /// Signatures of the market, in order.
    pub signatures: Vec<SignatureItem>,
    /// `ftState` bits below the country and version: local flags (bits 32–43) and global flags.
    pub state_bits: u64,
    /// `ftReceiptHeader`.
    pub header: Vec<String>,
    /// `ftReceiptFooter`.
    pub footer: Vec<String>,
    /// Members of `ftStateData`.
    pub state_data: Vec<(String, FreeJson)>,
    /// Entries for the action journal.
    pub actions: Vec<Action>,
    /// What the market's exports need of this receipt later; stands in the record.
    pub note: Option<Box<str>>,
}

/// The result of a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// A signature is needed: call again with the unit's answer added.
    Ask {
        /// Which unit.
        unit: UnitId,
        /// What to sign.
        message: Vec<u8>,
    },
    /// The step is decided.
    Commit(Box<Outcome>),
    /// The receipt is refused; nothing changes but the queue row.
    Refuse(Vec<Finding>),
}

/// A stored receipt as exports and verifiers see it.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// Journal row.
    pub row: u64,
    /// Details of its record.
    pub details: &'a Details,
    /// The market's note of it.
    pub note: Option<&'a RawValue>,
    /// Request body; `None` when erased.
    pub request: Option<&'a [u8]>,
    /// Response body; `None` when erased.
    pub response: Option<&'a [u8]>,
}

/// What an export or a verification needs besides the receipts.
#[derive(Debug, Clone, Copy)]
pub struct ExportContext<'a> {
    /// The queue's name.
    pub identification: &'a str,
    /// Settings.
    pub settings: &'a MarketSettings,
    /// Secrets, where the export needs them (crypto material); `None` otherwise.
    pub secrets: Option<&'a MarketSecrets>,
    /// State now.
    pub state: &'a MarketState,
    /// Every unit that ever belonged to the cash box: facts, certificate (DER), chain (DER), public key (SPKI DER).
    pub units: &'a [UnitMaterial],
}

/// Public material of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitMaterial {
    /// Facts.
    pub facts: UnitFacts,
    /// Certificate, DER; `None` in a closed system.
    pub certificate_der: Option<Vec<u8>>,
    /// Issuers' certificates, DER, nearest first.
    pub chain_der: Vec<Vec<u8>>,
    /// Public key, SubjectPublicKeyInfo DER.
    pub public_key_der: Vec<u8>,
}

/// Why an export could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The journal type is not one of this market.
    #[error("journal type {0} is not one of this market")]
    UnknownType(u16),
    /// The target failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A record cannot be exported.
    #[error("row {row}: {reason}")]
    Record {
        /// Journal row.
        row: u64,
        /// What is wrong.
        reason: String,
    },
}

/// A streaming export: `begin`, each receipt in order, `end`.
pub trait ReceiptExport: Send {
    /// Content type of the whole.
    fn content_type(&self) -> &'static str;
    /// Writes what stands before the first receipt.
    ///
    /// # Errors
    /// When the target fails.
    fn begin(&mut self, out: &mut dyn io::Write) -> Result<(), ExportError>;
    /// Writes one receipt, or nothing when it does not belong to this export.
    ///
    /// # Errors
    /// When the target fails or the record is not exportable.
    fn receipt(&mut self, signed: &Signed<'_>, out: &mut dyn io::Write) -> Result<(), ExportError>;
    /// Writes what stands after the last receipt.
    ///
    /// # Errors
    /// When the target fails.
    fn end(&mut self, out: &mut dyn io::Write) -> Result<(), ExportError>;
}

/// What is wrong with a stored receipt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("row {row}: {reason}")]
pub struct VerifyError {
    /// Journal row.
    pub row: u64,
    /// What is wrong.
    pub reason: String,
}

/// Checks an ECDSA P-256 signature: SubjectPublicKeyInfo DER, message, r ‖ s.
pub type VerifySignature<'a> = &'a (dyn Fn(&[u8], &[u8], &[u8; 64]) -> bool + Send + Sync);

/// Checks the legal chain and the signatures of stored receipts in order.
pub trait ReceiptVerifier {
    /// Checks one receipt.
    ///
    /// # Errors
    /// When it does not follow from the receipts before or its signature is wrong.
    fn receipt(&mut self, signed: &Signed<'_>) -> Result<(), VerifyError>;
}

/// A country.
pub trait Market: Send + Sync {
    /// Which country.
    fn country(&self) -> Country;

    /// Country and rules version in force at `moment`.
    fn stamp(&self, moment: Moment) -> MarketStamp;

    /// Reads the market's settings from the configuration (JSON object; `{}` gives the defaults for the environment).
    ///
    /// # Errors
    /// When a member is unknown or out of range.
    fn settings(&self, json: &str, environment: Environment) -> Result<MarketSettings, SettingsError>;

    /// Checks `ftCashBoxIdentification`, where the market's law says what it may contain; the pointer is empty.
    ///
    /// # Errors
    /// When the market cannot use it.
    fn check_identification(&self, identification: &str) -> Result<(), SettingsError> {
        let _ = identification;
        Ok(())
    }

    /// Checks whether settings may change while the queue is in use.
    ///
    /// # Errors
    /// When a member that is fixed since the start of the queue differs.
    fn check_change(&self, old: &MarketSettings, new: &MarketSettings) -> Result<(), SettingsError> {
        let _ = (old, new);
        Ok(())
    }

    /// Reads secrets as the key folder keeps them.
    ///
    /// # Errors
    /// When they are not of this market's form.
    fn secrets(&self, stored: &str) -> Result<MarketSecrets, SettingsError>;

    /// Makes the stored form of new secrets from 64 random bytes.
    fn new_secrets(&self, random: &[u8; 64]) -> String;

    /// State of a register before its first receipt.
    fn initial_state(&self, settings: &MarketSettings) -> MarketState;

    /// Reads a state from a record's head.
    ///
    /// # Errors
    /// When it is not of this market's form.
    fn read_state(&self, json: &RawValue) -> Result<MarketState, SettingsError>;

    /// Writes a state for a record's head.
    fn write_state(&self, state: &MarketState) -> Box<RawValue>;

    /// Decides one receipt, by the rules version of `stamp`.
    fn step(&self, stamp: &MarketStamp, input: &Input<'_>) -> Decision;

    /// Opens an export by journal type: low 16 bits and version nibble (contract 7.2).
    ///
    /// # Errors
    /// [`ExportError::UnknownType`].
    fn export(
        &self,
        journal_type: u16,
        version: u8,
        context: &ExportContext<'_>,
    ) -> Result<Box<dyn ReceiptExport>, ExportError>;

    /// Opens a verifier for the receipts of one cash box from the first one on.
    fn verifier<'a>(&self, context: &ExportContext<'a>, verify: VerifySignature<'a>) -> Box<dyn ReceiptVerifier + 'a>;
}
