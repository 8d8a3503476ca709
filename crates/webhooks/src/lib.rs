//! Signing and retry plan of operation callbacks: Standard Webhooks 1.0, symmetric scheme `v1` (contract 3.3).
//!
//! Purpose: what is sent to a callback URL, how it is signed, and when it is tried again.
//! Owns: [`Secret`], [`sign`] and [`verify`], [`Message`], [`Outcome`], [`plan`] with its [`RetryOptions`],
//!   [`parse_retry_after`].
//! Invariants: everything is a function of its arguments; the id and the body of a message never change between
//!   attempts; a secret is in no `Debug` output and is wiped when dropped; every plan ends.
//! Not here: sockets and the address guard (outbound), queues, clocks and the attempt log (actors), where a secret and a
//!   promise are stored (journal, edge).

mod message;
mod outcome;
mod retry;
mod retry_after;
mod secret;
mod signature;

pub use message::{Message, MessageError, webhook_id};
pub use outcome::{FailureKind, Outcome};
pub use retry::{Next, RetryOptions, StopReason, plan};
pub use retry_after::{RETRY_AFTER_TEXT_BYTES_MAX, parse_retry_after};
pub use secret::{SECRET_BYTES, SECRET_BYTES_MAX, SECRET_BYTES_MIN, SECRET_PREFIX, Secret, SecretError};
pub use signature::{SIGNATURES_MAX, TOLERANCE_S, VerifyError, sign, verify};
