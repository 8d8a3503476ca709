//! Names to addresses, addresses to connections. Both are traits, so that a test sees what would have been dialled.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::answer::{CallFailure, Phase};
use crate::policy::Policy;
use crate::target::{Host, Target};

/// Look-ups of names that may run at once. The system's look-up cannot be called off, so without a bound a slow name server
/// would hold a thread for every call that has long given up.
pub const RESOLVES_MAX: usize = 32;
/// Addresses of one name that are dialled, at most. All are checked.
pub const ADDRESSES_DIALLED_MAX: usize = 4;

/// A future behind a trait object.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A connection.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Looks up names.
pub trait Resolver: Send + Sync + 'static {
    /// All addresses of a name. Literal addresses are never asked for.
    fn resolve<'a>(&'a self, name: &'a str) -> Pending<'a, io::Result<Vec<IpAddr>>>;
}

/// Opens connections.
pub trait Connector: Send + Sync + 'static {
    /// Connects to exactly this address.
    fn connect(&self, address: SocketAddr) -> Pending<'_, io::Result<Box<dyn Stream>>>;
}

/// The look-up of the operating system, in its order; at most [`RESOLVES_MAX`] at once.
#[derive(Debug)]
pub struct SystemResolver {
    free: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self { free: Arc::new(Semaphore::new(RESOLVES_MAX)) }
    }
}

impl Resolver for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> Pending<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let place = Arc::clone(&self.free).acquire_owned().await.map_err(io::Error::other)?;
            let name = name.to_owned();
            let looked_up = tokio::task::spawn_blocking(move || {
                // The place is given back when the look-up ends, not when the caller stops waiting for it.
                let _place = place;
                (name.as_str(), 0).to_socket_addrs().map(|found| found.map(|socket| socket.ip()).collect())
            });
            looked_up.await.map_err(io::Error::other)?
        })
    }
}

/// TCP.
#[derive(Debug, Default)]
pub struct SystemConnector;

impl Connector for SystemConnector {
    fn connect(&self, address: SocketAddr) -> Pending<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            // A request is written in one piece; waiting for more would only delay it.
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }
}

/// The addresses that a call may dial. Every answer for a name is checked; one that is refused drops the name, because whoever
/// mixes a forbidden address among good ones means harm.
async fn checked_addresses(
    policy: &Policy,
    resolver: &dyn Resolver,
    target: &Target,
    until: Instant,
) -> Result<Vec<IpAddr>, CallFailure> {
    let found = match target.host() {
        Host::Address(address) => vec![*address],
        Host::Name(name) => timeout_at(until, resolver.resolve(name))
            .await
            .map_err(|_| CallFailure::Timeout(Phase::Resolve))?
            .map_err(|error| CallFailure::Resolve(error.to_string()))?,
    };
    if found.is_empty() {
        return Err(CallFailure::Resolve("the name has no address".to_owned()));
    }
    let mut checked: Vec<IpAddr> = Vec::with_capacity(ADDRESSES_DIALLED_MAX);
    for address in found {
        let address = policy.check_address(address).map_err(CallFailure::AddressRefused)?;
        if checked.len() < ADDRESSES_DIALLED_MAX && !checked.contains(&address) {
            checked.push(address);
        }
    }
    Ok(checked)
}

/// Looks up, checks and connects. The time left is shared evenly among the addresses that are still to be tried, so that one
/// that swallows packets does not hide the next.
pub(crate) async fn dial(
    policy: &Policy,
    resolver: &dyn Resolver,
    connector: &dyn Connector,
    target: &Target,
    until: Instant,
) -> Result<Box<dyn Stream>, CallFailure> {
    let addresses = checked_addresses(policy, resolver, target, until).await?;
    let mut failure = CallFailure::Timeout(Phase::Connect);
    let mut untried = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        let left = until.saturating_duration_since(Instant::now());
        let share = left.checked_div(untried).unwrap_or(Duration::ZERO);
        untried = untried.saturating_sub(1);
        match tokio::time::timeout(share, connector.connect(target.socket(address))).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failure = CallFailure::Connect(error.to_string()),
            Err(_) => failure = CallFailure::Timeout(Phase::Connect),
        }
    }
    Err(failure)
}
