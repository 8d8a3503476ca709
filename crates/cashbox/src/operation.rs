//! What goes into a cash box and what comes out.

use kassette_markets::UnitAnswer;
use kassette_model::payment::{PaymentOutcome, Settlement};
use kassette_model::{Moment, OperationId, OperationKind, OperationState, PosSystemId, UnitId};
use kassette_record::{PaymentFacts, SealedRecord};
use kassette_wire::problem::Problem;

use crate::TerminalEntry;

/// An operation as the edge hands it in: headers parsed, credentials checked and left out.
#[derive(Debug, Clone)]
pub struct Request {
    /// `x-operation-id`.
    pub id: OperationId,
    /// Kind of operation: part of the fingerprint.
    pub kind: OperationKind,
    /// HTTP method as received.
    pub method: String,
    /// Path as received.
    pub path: String,
    /// Headers that are kept, in order.
    pub headers: Vec<(String, String)>,
    /// `x-possystem-id`, when present and readable.
    pub pos_system: Option<PosSystemId>,
    /// `x-terminal-id`.
    pub terminal: Option<String>,
    /// `x-operation-lifetime`, ms.
    pub lifetime_ms: Option<u64>,
    /// `x-operation-callback-state`: where to tell each change of state; checked at the edge.
    pub callback: Option<String>,
    /// Raw body.
    pub body: Vec<u8>,
}

/// The final answer of an operation: what is stored and replayed byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status of the first answer (201 for success).
    pub status: u16,
    /// `done` or `failed`.
    pub state: OperationState,
    /// Body; JSON, a problem document when `status` is 4xx or 5xx.
    pub body: Vec<u8>,
}

/// The idempotency contract: the four things that can be true of an operation id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// Never seen: execute.
    Fresh,
    /// Being executed, same body: wait for its end.
    Running,
    /// Accepted by an intent record but not in the hands of this value: it is executed after a restart.
    Accepted,
    /// Finished, same body: this is the answer.
    Done(Answer),
    /// Seen with another body or kind, or its answer was erased: a problem, never stored.
    Conflict(Box<Problem>),
}

/// A stored receipt, as answer to [`Ask::Receipts`].
#[derive(Debug, Clone)]
pub struct StoredReceipt {
    /// Its record as it stands in the journal.
    pub record: SealedRecord,
}

/// Something outside that a step needs before it can decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// A signature of one of the cash box's units.
    Signature {
        /// Which unit.
        unit: UnitId,
        /// What to sign.
        message: Vec<u8>,
    },
    /// Durable sign records with this reference key, newest first, at most `limit`. Those that are not durable yet the core
    /// knows itself and adds.
    Receipts {
        /// See `kassette_record::reference_key`.
        reference_key: u64,
        /// At most so many.
        limit: usize,
    },
    /// The newest durable record of an operation.
    Operation(OperationId),
}

/// The answer to an [`Ask`]; answers are added to the facts in order and the step is called again.
#[derive(Debug, Clone)]
pub enum AskAnswer {
    /// To [`Ask::Signature`].
    Signature(UnitAnswer),
    /// To [`Ask::Receipts`].
    Receipts(Vec<StoredReceipt>),
    /// To [`Ask::Operation`]; `None` when there is none.
    Operation(Option<Box<SealedRecord>>),
}

/// What a step is given. The same request with the same facts gives the same record.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Wall clock, UTC.
    pub now: Moment,
    /// When the operation was admitted.
    pub admitted: Moment,
    /// 32 fresh random bytes: salts and ids are derived from them.
    pub seed: [u8; 32],
    /// Answers so far.
    pub answers: Vec<AskAnswer>,
    /// Terminals of the configuration in force, in its order: for a payment, and for a change of the configuration while one is under
    /// way; empty otherwise.
    pub terminals: Vec<TerminalEntry>,
}

/// What must happen after the record is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The client asked for a reset (contract 4.1): the cash box starts anew from the journal.
    Reset,
}

/// A decided step.
#[derive(Debug, Clone)]
pub struct Commit {
    /// To be appended; links to the record before.
    pub record: SealedRecord,
    /// To be given out once the record is durable.
    pub answer: Answer,
    /// To be done once the record is durable.
    pub effects: Vec<Effect>,
}

/// An accepted operation.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// The intent record, to be appended; once it is durable the client may be told 202.
    pub record: SealedRecord,
}

/// A payment that is to be made by its provider.
#[derive(Debug, Clone)]
pub struct Begun {
    /// To be appended first; `None` for a payment that had begun before.
    pub record: Option<SealedRecord>,
    /// What is to be paid where, and how far it has come.
    pub payment: PaymentFacts,
}

/// What a provider tells of a payment; each is durable before the provider goes on.
#[derive(Debug, Clone, PartialEq)]
pub enum PaymentTold {
    /// The first byte is about to go out.
    Sending {
        /// What the terminal told last before, in the words of its provider.
        baseline: Option<String>,
    },
    /// There is a result, which is not acknowledged yet.
    Result {
        /// What it says, for the record.
        reason: String,
    },
    /// Nobody knows whether money has moved.
    Doubt {
        /// What failed.
        reason: String,
    },
    /// What the terminal says contradicts what is known.
    Contradiction {
        /// What contradicts what.
        reason: String,
    },
    /// An operator says how it went, or wants the terminal asked again.
    Settled(Box<Settlement>),
    /// It has ended.
    Ended {
        /// How.
        outcome: PaymentOutcome,
        /// What settled it, when that was not the answer of the terminal itself.
        reason: Option<String>,
    },
}

/// The result of [`crate::CashBox::step`] and [`crate::CashBox::payment_told`].
#[derive(Debug, Clone)]
pub enum Step {
    /// Get this, add it to the facts, call again.
    Ask(Ask),
    /// The head has moved on; append the record, then answer.
    Commit(Box<Commit>),
    /// The head has moved on; append the record, if there is one, then let the provider make the payment.
    Begin(Box<Begun>),
    /// The head has moved on; append the record, then let the provider go on.
    Progress(Box<SealedRecord>),
    /// Refused without a record (never stored).
    Refuse(Box<Problem>),
}
