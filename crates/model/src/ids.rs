//! Identifiers. All are UUIDs; each has its own type, so that one can never stand for another.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The 16 bytes, most significant first.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The UUID.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// The 16 bytes, most significant first.
            #[must_use]
            pub const fn bytes(self) -> [u8; 16] {
                self.0.into_bytes()
            }

            /// Any standard form of a GUID (hyphenated, simple, braced, urn); the nil GUID is accepted here.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Uuid::try_parse(text.trim()).ok().map(Self)
            }

            /// Whether all bits are zero, which clients send for "absent".
            #[must_use]
            pub const fn is_nil(self) -> bool {
                self.0.is_nil()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.as_hyphenated(), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.as_hyphenated())
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text.trim()).map(Self)
            }
        }
    };
}

uuid_id!(
    /// A cash box: one chain, one queue, one set of credentials.
    CashBoxId
);
uuid_id!(
    /// The queue of a cash box (`ftQueueID`); a cash box has exactly one.
    QueueId
);
uuid_id!(
    /// `x-operation-id`: the idempotency key, scoped by cash box.
    OperationId
);
uuid_id!(
    /// `x-possystem-id`: which product the till is.
    PosSystemId
);
uuid_id!(
    /// A signature creation unit of this node.
    UnitId
);
uuid_id!(
    /// `ftQueueItemID`: a UUIDv8 whose first 48 bits are the journal row of the sign record.
    QueueItemId
);

impl QueueItemId {
    /// Largest journal row an item id can carry: 48 bits.
    pub const ROW_MAX: u64 = (1 << 48) - 1;

    /// Makes the id for the record at `journal_row`; `random` tells two cash boxes apart.
    #[must_use]
    pub fn for_row(journal_row: u64, random: [u8; 10]) -> Self {
        let [_, _, r0, r1, r2, r3, r4, r5] = journal_row.to_be_bytes();
        let [a, b, c, d, e, f, g, h, i, j] = random;
        Self(Uuid::new_v8([r0, r1, r2, r3, r4, r5, a, b, c, d, e, f, g, h, i, j]))
    }

    /// The journal row, when the id is one of ours (UUIDv8).
    #[must_use]
    pub fn journal_row(self) -> Option<u64> {
        if self.0.get_version_num() != 8 {
            return None;
        }
        let [r0, r1, r2, r3, r4, r5, ..] = self.bytes();
        Some(u64::from_be_bytes([0, 0, r0, r1, r2, r3, r4, r5]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_id_carries_its_row() {
        for row in [1, 2, 0x1234_5678_9abc, QueueItemId::ROW_MAX] {
            assert_eq!(QueueItemId::for_row(row, [0xff; 10]).journal_row(), Some(row));
        }
        assert_eq!(QueueItemId::from_uuid(Uuid::nil()).journal_row(), None);
    }

    #[test]
    fn any_standard_form_reads_and_lower_case_hyphens_come_out() {
        for form in [
            "3F5D5B9E-20C1-47B1-9B1E-6F0F1A5D8E02",
            "{3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02}",
            "3f5d5b9e20c147b19b1e6f0f1a5d8e02",
        ] {
            let id = CashBoxId::parse(form).map(|id| id.to_string());
            assert_eq!(id.as_deref(), Some("3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02"));
        }
        assert_eq!(CashBoxId::parse("nonsense"), None);
    }
}
