//! A URL that has been read: where a call goes.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use hyper::Uri;
use url::{Position, Url};

use crate::policy::Policy;

/// Longest URL that is read, in bytes.
pub const URL_BYTES_MAX: usize = 2_048;
/// Longest host name, in bytes (RFC 1035 §2.3.4).
const NAME_BYTES_MAX: usize = 253;
/// Longest part of a host name between two full stops, in bytes (RFC 1035 §2.3.4).
const LABEL_BYTES_MAX: usize = 63;

/// The scheme of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

/// The host of a target, in its one normal form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name to look up: lower-case ASCII, percent-encoding and IDNA resolved, no full stop at its end.
    Name(String),
    /// A literal address, however it was spelled. No resolver ever sees it, so it has to be checked by itself.
    Address(IpAddr),
}

/// An absolute http or https URL, without user information and fragment.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    scheme: Scheme,
    host: Host,
    port: u16,
    /// Path and query, as they stand in the request line.
    path: Uri,
    /// What `Host` says.
    authority: String,
}

/// Why a URL is no target. All of it can be said before an operation is created (400).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Longer than [`URL_BYTES_MAX`].
    #[error("the URL is longer than {URL_BYTES_MAX} bytes")]
    TooLong,
    /// Not an absolute http or https URL.
    #[error("not an absolute http or https URL")]
    NotAbsoluteHttp,
    /// White space, a control character or a backslash: two readers would see two URLs.
    #[error("the URL holds white space, a control character or a backslash")]
    Character,
    /// A user name or a password.
    #[error("the URL holds a user name or a password")]
    UserInfo,
    /// The host is neither a name nor an address.
    #[error("the host of the URL is neither a name nor an address")]
    Host,
    /// The port is no number up to 65535.
    #[error("the port of the URL is not a number up to 65535")]
    Port,
    /// Path or query cannot stand in a request.
    #[error("the path of the URL cannot stand in a request")]
    Path,
    /// Plain HTTP where the policy wants TLS.
    #[error("only https is called here")]
    HttpsOnly,
    /// A port that the policy does not open.
    #[error("port {port} is not called from here")]
    PortRefused {
        /// The port.
        port: u16,
    },
}

impl Target {
    /// Reads a URL and holds it against scheme and ports of the policy.
    ///
    /// The host is brought to its one form as browsers do it (WHATWG URL): percent-encoding, IDNA, upper case, decimal, octal,
    /// hexadecimal and short IPv4. Whether a literal address may be called is [`Policy::check_literal`]; a call checks it
    /// again.
    ///
    /// # Errors
    /// [`TargetError`].
    pub fn parse(url: &str, policy: &Policy) -> Result<Self, TargetError> {
        if url.len() > URL_BYTES_MAX {
            return Err(TargetError::TooLong);
        }
        if url.chars().any(|char| char.is_control() || char.is_whitespace() || char == '\\') {
            return Err(TargetError::Character);
        }
        let (scheme, rest) = url.split_once("://").ok_or(TargetError::NotAbsoluteHttp)?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(TargetError::NotAbsoluteHttp),
        };
        // Browsers pass over further slashes, and then take what was the path for the host.
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.is_empty() {
            return Err(TargetError::NotAbsoluteHttp);
        }
        if authority.contains('@') {
            return Err(TargetError::UserInfo);
        }
        let parsed = Url::parse(url).map_err(|error| match error {
            url::ParseError::InvalidPort => TargetError::Port,
            url::ParseError::RelativeUrlWithoutBase => TargetError::NotAbsoluteHttp,
            _ => TargetError::Host,
        })?;
        let host = match parsed.host().ok_or(TargetError::Host)? {
            url::Host::Ipv4(address) => Host::Address(IpAddr::V4(address)),
            url::Host::Ipv6(address) => Host::Address(IpAddr::V6(address)),
            url::Host::Domain(name) => Host::Name(checked_name(name)?),
        };
        let port = parsed.port_or_known_default().ok_or(TargetError::Port)?;
        policy.check_scheme_and_port(scheme, port)?;
        let path = Uri::try_from(&parsed[Position::BeforePath..Position::AfterQuery]).map_err(|_| TargetError::Path)?;
        let authority = match (parsed.port(), &host) {
            (None, host) => host.to_string(),
            (Some(port), host) => format!("{host}:{port}"),
        };
        Ok(Self { scheme, host, port, path, authority })
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host. Queues and caps per receiver go by it and [`Target::port`].
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port, that of the scheme when the URL has none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn path(&self) -> &Uri {
        &self.path
    }

    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    pub(crate) fn socket(&self, address: IpAddr) -> SocketAddr {
        SocketAddr::new(address, self.port)
    }
}

/// A name without the full stop of the root, when it has the shape of a host name.
fn checked_name(name: &str) -> Result<String, TargetError> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let right = name.len() <= NAME_BYTES_MAX
        && name.split('.').all(|label| {
            (1..=LABEL_BYTES_MAX).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        });
    if right { Ok(name.to_ascii_lowercase()) } else { Err(TargetError::Host) }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => formatter.write_str(name),
            Self::Address(IpAddr::V4(address)) => write!(formatter, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(formatter, "[{address}]"),
        }
    }
}

/// Without the query, which may hold what the receiver considers secret.
impl fmt::Debug for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(formatter, "Target({scheme}://{}{})", self.authority, self.path.path())
    }
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;
