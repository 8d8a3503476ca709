//! The client.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

use crate::answer::{Answer, CallFailure};
use crate::dial::{Connector, Resolver, Stream, SystemConnector, SystemResolver, checked_addresses, dial};
use crate::exchange::{exchange, open, request};
use crate::kept::{Kept, Open, Receiver};
use crate::policy::Policy;
use crate::streaming::Streaming;
use crate::target::{Scheme, Target};
use crate::tls::{RootError, Roots};

/// Longest time-out that a configuration can ask for, in milliseconds: an hour. More is a typing error.
const TIMEOUT_MS_MAX: u64 = 3_600_000;

/// Calls receivers under a policy. Cheap to clone; clones share the connections that are kept between calls.
#[derive(Clone)]
pub struct Client {
    policy: Arc<Policy>,
    resolver: Arc<dyn Resolver>,
    connector: Arc<dyn Connector>,
    roots: Roots,
    kept: Arc<Kept>,
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
        Self { policy: Arc::new(policy), resolver, connector, roots, kept: Arc::default() }
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

    /// Posts `body` and waits for the status: looks the name up anew, checks every address, dials a checked one or takes a
    /// connection that was kept to it, sends, and reads what is answered up to the limits. Redirects are answers like any other.
    ///
    /// When a kept connection ends before a status came, its receiver has most likely closed it meanwhile: the request is sent once more
    /// over a fresh one, so it has to be one that may arrive twice.
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
        let request = request(target, Method::POST, false, header_map(headers)?, body)?;
        let resolver = self.resolver.as_ref();
        let addresses = checked_addresses(&self.policy, resolver, target, connected_until).await?;
        for address in &addresses {
            let receiver = Receiver::new(target, target.socket(*address));
            let Some(open) = self.kept.take(&receiver) else { continue };
            match exchange(open, request.clone(), limits, until).await {
                Err(CallFailure::Protocol(_)) => break,
                ended => return ended.map(|ended| self.keep(receiver, ended)),
            }
        }
        let (stream, address) = self.connected(target, addresses, connected_until, until).await?;
        let open = open(stream, limits).await?;
        let receiver = Receiver::new(target, target.socket(address));
        exchange(open, request, limits, until).await.map(|ended| self.keep(receiver, ended))
    }

    /// Closes connections that were kept for long enough; to be called now and then.
    pub fn sweep(&self) {
        self.kept.sweep();
    }

    fn keep(&self, receiver: Receiver, (answer, open): (Answer, Option<Open>)) -> Answer {
        if let Some(open) = open {
            self.kept.put(receiver, open);
        }
        answer
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
        let request = request(target, Method::GET, true, header_map(headers)?, Bytes::new())?;
        let resolver = self.resolver.as_ref();
        let addresses = checked_addresses(&self.policy, resolver, target, connected_until).await?;
        let (stream, _) = self.connected(target, addresses, connected_until, until).await?;
        Streaming::open(stream, request, limits, until, Duration::from_millis(idle_timeout_ms.min(TIMEOUT_MS_MAX)))
            .await
    }

    async fn connected(
        &self,
        target: &Target,
        addresses: Vec<IpAddr>,
        connected_until: Instant,
        until: Instant,
    ) -> Result<(Box<dyn Stream>, IpAddr), CallFailure> {
        let (stream, address) = dial(self.connector.as_ref(), target, addresses, connected_until).await?;
        let stream = match target.scheme() {
            Scheme::Http => stream,
            Scheme::Https => self.roots.secure(target.host(), stream, until).await?,
        };
        Ok((stream, address))
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
