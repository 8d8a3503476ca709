//! What may stand in the journal, and the chain through it.
//!
//! Purpose: one record is what one operation changed, whole, so that the effect, the stored answer and the promises become
//! durable together.
//! Owns: [`Record`] and its parts, the byte form of a header and of the bodies ([`SealedRecord`]), the journal chain.
//! Invariants: a header is never changed once written; the chain commits to salted hashes of the bodies, never to the bodies,
//! so that a body can be erased and the chain still verifies; a version that was ever written can be read for ever ([`v1`]).
//! Not here: where and how records are stored (`journal`), JSON of the public contract (`wire`), legal chains (`markets`).

mod details;
mod hash;
mod sealed;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests;
pub mod v1;

pub use details::{
    ActionJournal, Answered, BoxHead, Configured, Details, MarketStamp, OpenOperation, PaymentFacts, Payments, Promise,
    QueuePhase, ReceiptJournal, SignFacts, moment, unix_ns,
};
pub use hash::{Hash, reference_key, salted};
pub use sealed::{Bodies, Erasable, Record, RecordError, RecordKind, SealedRecord};
