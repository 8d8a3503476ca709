//! What a call ends with.

use crate::guard::Refusal;

/// Longest `Retry-After` value that is kept, in bytes.
pub const RETRY_AFTER_BYTES_MAX: usize = 64;

/// A status has come. Nothing of the body is kept: a caller who saw it could read what they must not reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// `Retry-After` as it came, when it is text of at most [`RETRY_AFTER_BYTES_MAX`] bytes.
    pub retry_after: Option<String>,
    /// Bytes of body that were read, at most [`Limits::body_bytes_max`](crate::Limits::body_bytes_max).
    pub body_bytes: usize,
    /// How reading the body ended. The status counts in every case.
    pub body_end: BodyEnd,
}

/// How reading the body of an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BodyEnd {
    /// The receiver ended it.
    Complete,
    /// More came than is read.
    Capped,
    /// The time of the call was over.
    TimedOut,
    /// The connection broke, or what came is not HTTP.
    Broken,
}

/// The part of a call that was going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Looking up the name.
    Resolve,
    /// Opening the connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// Sending, and waiting for the status.
    Status,
}

impl Phase {
    /// The name in the attempt log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Status => "status",
        }
    }
}

/// No status has come. The texts are for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallFailure {
    /// The name has no address.
    #[error("the name was not found: {0}")]
    Resolve(String),
    /// The guard refused an address of the host; nothing was dialled.
    #[error("{0}")]
    AddressRefused(Refusal),
    /// No address of the host took a connection.
    #[error("no connection: {0}")]
    Connect(String),
    /// The certificate or the handshake.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The time was over.
    #[error("the time was over in phase {}", .0.name())]
    Timeout(Phase),
    /// What came is not HTTP/1.1, its head is too large, or the connection ended before a status.
    #[error("not an HTTP answer: {0}")]
    Protocol(String),
}

impl CallFailure {
    /// The name in the attempt log: `resolve`, `address_refused`, `connect`, `tls`, `timeout` or `protocol`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Resolve(_) => "resolve",
            Self::AddressRefused(_) => "address_refused",
            Self::Connect(_) => "connect",
            Self::Tls(_) => "tls",
            Self::Timeout(_) => "timeout",
            Self::Protocol(_) => "protocol",
        }
    }
}
