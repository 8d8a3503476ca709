//! The client.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

use crate::answer::{Answer, CallFailure};
use crate::dial::{Connector, Resolver, Stream, SystemConnector, SystemResolver, dial};
use crate::exchange::{exchange, request};
use crate::policy::Policy;
use crate::streaming::Streaming;
use crate::target::{Scheme, Target};
use crate::tls::{RootError, Roots};

/// Longest time-out that a configuration can ask for, in milliseconds: an hour. More is a typing error.
const TIMEOUT_MS_MAX: u64 = 3_600_000;

/// Calls receivers under a policy. Cheap to clone; each call has its own connection.
#[derive(Clone)]
pub struct Client {
    policy: Arc<Policy>,
    resolver: Arc<dyn Resolver>,
    connector: Arc<dyn Connector>,
    roots: Roots,
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl Client {
    /// A client with its own look-up and connections.
    #[must_use]
    pub fn new(policy: Policy, resolver: Arc<dyn Resolver>, connector: Arc<dyn Connector>, roots: Roots) -> Self {
        Self { policy: Arc::new(policy), resolver, connector, roots }
    }

    /// A client of the operating system's look-up and TCP. `extra_roots` are certificates of the operator's own authorities, as
    /// DER.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn system(policy: Policy, extra_roots: &[Vec<u8>]) -> Result<Self, RootError> {
        let roots = Roots::with_extra(extra_roots)?;
        Ok(Self::new(policy, Arc::new(SystemResolver::default()), Arc::new(SystemConnector), roots))
    }

    /// The rules of this client; targets are to be read with them.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Posts `body` and waits for the status: looks the name up anew, checks every address, dials the checked one, sends, and
    /// reads what is answered up to the limits. Redirects are answers like any other.
    ///
    /// `Host`, `Content-Length` and `Connection` are the client's; the same names in `headers` are overwritten.
    ///
    /// # Errors
    /// [`CallFailure`] when no status came within [`Limits::call_timeout_ms`](crate::Limits::call_timeout_ms).
    pub async fn post<V: AsRef<str>>(
        &self,
        target: &Target,
        headers: &[(&'static str, V)],
        body: Bytes,
    ) -> Result<Answer, CallFailure> {
        let limits = &self.policy.limits;
        let now = Instant::now();
        let until = now + Duration::from_millis(limits.call_timeout_ms.min(TIMEOUT_MS_MAX));
        let connected_until = until.min(now + Duration::from_millis(limits.connect_timeout_ms.min(TIMEOUT_MS_MAX)));
        let request = request(target, Method::POST, header_map(headers)?, body)?;
        let stream = self.connected(target, connected_until, until).await?;
        exchange(stream, request, limits, until).await
    }

    /// Gets an answer whose body is read as it comes and may go on for ever: the guard and the limits of the head are those of
    /// [`Client::post`], the head has to come within `call_timeout_ms`, and each further piece within `idle_timeout_ms`.
    ///
    /// # Errors
    /// [`CallFailure`] when no status came in time.
    pub async fn get<V: AsRef<str>>(
        &self,
        target: &Target,
        headers: &[(&'static str, V)],
        idle_timeout_ms: u64,
    ) -> Result<Streaming, CallFailure> {
        let limits = &self.policy.limits;
        let now = Instant::now();
        let until = now + Duration::from_millis(limits.call_timeout_ms.min(TIMEOUT_MS_MAX));
        let connected_until = until.min(now + Duration::from_millis(limits.connect_timeout_ms.min(TIMEOUT_MS_MAX)));
        let request = request(target, Method::GET, header_map(headers)?, Bytes::new())?;
        let stream = self.connected(target, connected_until, until).await?;
        Streaming::open(stream, request, limits, until, Duration::from_millis(idle_timeout_ms.min(TIMEOUT_MS_MAX)))
            .await
    }

    async fn connected(
        &self,
        target: &Target,
        connected_until: Instant,
        until: Instant,
    ) -> Result<Box<dyn Stream>, CallFailure> {
        let stream =
            dial(&self.policy, self.resolver.as_ref(), self.connector.as_ref(), target, connected_until).await?;
        match target.scheme() {
            Scheme::Http => Ok(stream),
            Scheme::Https => self.roots.secure(target.host(), stream, until).await,
        }
    }
}

fn header_map<V: AsRef<str>>(headers: &[(&'static str, V)]) -> Result<HeaderMap, CallFailure> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let wrong = || CallFailure::Protocol(format!("the value of header {name} cannot be sent"));
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        // The length is that of the body, whatever a caller says; two lengths would be two requests.
        if key == hyper::header::CONTENT_LENGTH || key == hyper::header::TRANSFER_ENCODING {
            continue;
        }
        map.append(key, HeaderValue::from_str(value.as_ref()).map_err(|_| wrong())?);
    }
    Ok(map)
}
