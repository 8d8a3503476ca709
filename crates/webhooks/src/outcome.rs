//! What came of one attempt to deliver a message.

use std::fmt;

/// Why an attempt got no status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The host name has no address.
    Resolve,
    /// The address guard refused the host.
    AddressRefused,
    /// No connection.
    Connect,
    /// The certificate or the handshake.
    Tls,
    /// The time of the call was over before a status came.
    Timeout,
    /// What was answered is not HTTP/1.1.
    Protocol,
}

impl FailureKind {
    const ALL: [Self; 6] =
        [Self::Resolve, Self::AddressRefused, Self::Connect, Self::Tls, Self::Timeout, Self::Protocol];

    /// The name in the attempt log, lower-case with underscores.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::AddressRefused => "address_refused",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Protocol => "protocol",
        }
    }

    /// Reads [`FailureKind::name`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What came of one attempt. A status counts however the body of the answer went on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Any 2xx: the receiver has the message.
    Acknowledged {
        /// The status.
        status: u16,
    },
    /// 410: the receiver wants no more of this message.
    Gone,
    /// Any other status; 3xx too, because redirects are not followed.
    Rejected {
        /// The status.
        status: u16,
    },
    /// No status.
    Failed(FailureKind),
}

impl Outcome {
    /// Classifies a status.
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Acknowledged { status },
            410 => Self::Gone,
            _ => Self::Rejected { status },
        }
    }

    /// The status, when there was one.
    #[must_use]
    pub const fn status(self) -> Option<u16> {
        match self {
            Self::Acknowledged { status } | Self::Rejected { status } => Some(status),
            Self::Gone => Some(410),
            Self::Failed(_) => None,
        }
    }

    /// The name in the attempt log: `acknowledged`, `gone`, `redirected`, `rejected`, or that of the failure.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Acknowledged { .. } => "acknowledged",
            Self::Gone => "gone",
            Self::Rejected { status: 300..=399 } => "redirected",
            Self::Rejected { .. } => "rejected",
            Self::Failed(kind) => kind.name(),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())?;
        match self.status() {
            Some(status) => write!(formatter, " {status}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_fall_into_four_classes() {
        for (status, text) in [
            (0, "rejected 0"),
            (101, "rejected 101"),
            (199, "rejected 199"),
            (200, "acknowledged 200"),
            (204, "acknowledged 204"),
            (299, "acknowledged 299"),
            (300, "redirected 300"),
            (308, "redirected 308"),
            (399, "redirected 399"),
            (400, "rejected 400"),
            (409, "rejected 409"),
            (410, "gone 410"),
            (411, "rejected 411"),
            (429, "rejected 429"),
            (503, "rejected 503"),
            (999, "rejected 999"),
        ] {
            let outcome = Outcome::of_status(status);
            assert_eq!(outcome.to_string(), text);
            assert_eq!(outcome.status(), Some(status));
        }
    }

    #[test]
    fn failures_have_names_that_read_back() {
        for kind in FailureKind::ALL {
            assert_eq!(FailureKind::parse(kind.name()), Some(kind));
            assert_eq!(Outcome::Failed(kind).to_string(), kind.name());
            assert_eq!(Outcome::Failed(kind).status(), None);
        }
        assert_eq!(FailureKind::parse("Timeout"), None);
    }
}
