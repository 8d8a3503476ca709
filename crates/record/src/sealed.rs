//! A record before and after it gets its place in the chain.

use kassette_model::{CashBoxId, OperationId, QueueId};

use crate::{Details, Hash, Promise, v1};

/// What kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordKind {
    /// Creates a cash box or changes its configuration.
    Configured,
    /// An operation with its final answer.
    Operation,
    /// An outside act is about to be attempted.
    Intent,
    /// How the outside act ended.
    Outcome,
    /// An act of an operator (takeover, resume).
    Administration,
}

impl RecordKind {
    /// The number in the header.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::Configured => 1,
            Self::Operation => 2,
            Self::Intent => 3,
            Self::Outcome => 4,
            Self::Administration => 5,
        }
    }

    /// Reads [`RecordKind::number`].
    ///
    /// # Errors
    /// When the number is not known to this version.
    pub const fn from_number(number: u16) -> Result<Self, RecordError> {
        match number {
            1 => Ok(Self::Configured),
            2 => Ok(Self::Operation),
            3 => Ok(Self::Intent),
            4 => Ok(Self::Outcome),
            5 => Ok(Self::Administration),
            other => Err(RecordError::Kind(other)),
        }
    }
}

/// Why bytes are not a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Fewer bytes than the format needs.
    #[error("{found} bytes where at least {wanted} are needed")]
    TooShort {
        /// Least length.
        wanted: usize,
        /// Length found.
        found: usize,
    },
    /// A version that this program does not know.
    #[error("record version {0} is not known to this program")]
    Version(u16),
    /// A kind that this program does not know.
    #[error("record kind {0} is not known to this program")]
    Kind(u16),
    /// The details are not readable.
    #[error("details: {0}")]
    Details(String),
    /// The body lengths do not add up.
    #[error("bodies of {said} bytes announced, {found} found")]
    Lengths {
        /// Announced length.
        said: usize,
        /// Length found.
        found: usize,
    },
    /// A body does not match the hash in the header.
    #[error("the {0} body does not match its hash")]
    BodyHash(&'static str),
    /// A body is longer than 32 bits can say.
    #[error("a body of {0} bytes is too long for a record")]
    BodyTooLong(usize),
    /// The link is not the hash of the previous record.
    #[error("row {row}: linked to {found}, the previous record is {wanted}")]
    Link {
        /// Journal row.
        row: u64,
        /// Hash of the previous record.
        wanted: Hash,
        /// Link found in the header.
        found: Hash,
    },
    /// A row is missing or repeated.
    #[error("row {found} where row {wanted} should be")]
    Row {
        /// Row expected.
        wanted: u64,
        /// Row found.
        found: u64,
    },
}

/// The bodies of an operation with the salts of their hashes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bodies {
    /// Request body, byte for byte.
    pub request: Option<Vec<u8>>,
    /// Response body, byte for byte.
    pub response: Option<Vec<u8>>,
    /// Random salt of the request hash.
    pub request_salt: [u8; 16],
    /// Random salt of the response hash.
    pub response_salt: [u8; 16],
}

/// Bodies as found in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Erasable {
    /// Still there, and they match their hashes.
    Kept(Bodies),
    /// Replaced by zeros at the end of their retention.
    Erased,
}

impl Erasable {
    /// The response body, if there is one and it was not erased.
    #[must_use]
    pub fn response(&self) -> Option<&[u8]> {
        match self {
            Self::Kept(bodies) => bodies.response.as_deref(),
            Self::Erased => None,
        }
    }

    /// The request body, if there is one and it was not erased.
    #[must_use]
    pub fn request(&self) -> Option<&[u8]> {
        match self {
            Self::Kept(bodies) => bodies.request.as_deref(),
            Self::Erased => None,
        }
    }
}

/// A record that has no place in the chain yet.
#[derive(Debug, Clone)]
pub struct Record {
    /// Whose record.
    pub cash_box: CashBoxId,
    /// What kind.
    pub kind: RecordKind,
    /// Everything but the bodies.
    pub details: Details,
    /// Request and response.
    pub bodies: Bodies,
}

/// A record in its place: the bytes that are stored, and what an index needs to know of them.
#[derive(Debug, Clone)]
pub struct SealedRecord {
    /// Whose record.
    pub cash_box: CashBoxId,
    /// Journal row.
    pub row: u64,
    /// Link to the previous record.
    pub previous: Hash,
    /// Hash of this record: SHA-256 of `header`.
    pub hash: Hash,
    /// Header bytes; never change.
    pub header: Vec<u8>,
    /// Body bytes; may be erased later.
    pub bodies: Vec<u8>,
    /// Key for finding the operation, when this record is the one that answers it.
    pub operation: Option<OperationId>,
    /// Key for finding the receipt by its reference; see [`crate::reference_key`].
    pub reference_key: Option<u64>,
    /// Configuration set by this record: queue and JSON.
    pub configured: Option<(QueueId, Vec<u8>)>,
    /// When the record was made, nanoseconds since the Unix epoch.
    pub time_ns: i64,
    /// Messages that are owed because of this record.
    pub promises: Vec<Promise>,
    /// Whether the cash box is to be woken when the server starts: it has operations that were accepted and have not ended, or devices.
    pub unfinished: bool,
}

impl Record {
    /// Gives the record its place after (`previous_row`, `previous`) and computes its hash.
    ///
    /// # Errors
    /// When a body is too long or the details cannot be written.
    pub fn seal(self, previous_row: u64, previous: Hash) -> Result<SealedRecord, RecordError> {
        let row = previous_row.saturating_add(1);
        let header = v1::write_header(&self, row, previous)?;
        let bodies = v1::write_bodies(&self.bodies)?;
        Ok(SealedRecord {
            cash_box: self.cash_box,
            row,
            previous,
            hash: Hash::of(&header),
            header,
            bodies,
            operation: self.details.operation.as_ref().map(|operation| operation.id),
            reference_key: self.details.sign.as_ref().map(|sign| sign.reference_key),
            unfinished: self.details.head.wakes(),
            time_ns: self.details.time_ns,
            promises: self.details.promises,
            configured: self
                .details
                .configured
                .map(|configured| (configured.queue, configured.configuration.get().as_bytes().to_vec())),
        })
    }
}

impl SealedRecord {
    /// Reads a record from its stored bytes, without checking its link to the previous one.
    ///
    /// # Errors
    /// When the header is not one that this program knows.
    pub fn read(header: Vec<u8>, bodies: Vec<u8>) -> Result<Self, RecordError> {
        let fixed = v1::read_fixed(&header)?;
        let details = v1::read_details(&header)?;
        Ok(Self {
            cash_box: fixed.cash_box,
            row: fixed.row,
            previous: fixed.previous,
            hash: Hash::of(&header),
            operation: details.operation.as_ref().map(|operation| operation.id),
            reference_key: details.sign.as_ref().map(|sign| sign.reference_key),
            unfinished: details.head.wakes(),
            time_ns: details.time_ns,
            promises: details.promises,
            configured: details
                .configured
                .map(|configured| (configured.queue, configured.configuration.get().as_bytes().to_vec())),
            header,
            bodies,
        })
    }

    /// The record itself, read back from the bytes; erased bodies come back empty.
    ///
    /// # Errors
    /// When details or bodies cannot be read.
    pub fn open(&self) -> Result<(Record, Erasable), RecordError> {
        let fixed = v1::read_fixed(&self.header)?;
        let details = v1::read_details(&self.header)?;
        let erasable = v1::read_bodies(&fixed, &self.bodies)?;
        let bodies = match &erasable {
            Erasable::Kept(bodies) => bodies.clone(),
            Erasable::Erased => Bodies::default(),
        };
        Ok((Record { cash_box: self.cash_box, kind: fixed.kind, details, bodies }, erasable))
    }

    /// Checks that this record follows (`previous_row`, `previous`).
    ///
    /// # Errors
    /// [`RecordError::Row`] or [`RecordError::Link`] with what was wanted and what was found.
    pub fn follows(&self, previous_row: u64, previous: Hash) -> Result<(), RecordError> {
        let wanted = previous_row.saturating_add(1);
        if self.row != wanted {
            return Err(RecordError::Row { wanted, found: self.row });
        }
        if self.previous != previous {
            return Err(RecordError::Link { row: self.row, wanted: previous, found: self.previous });
        }
        Ok(())
    }
}
