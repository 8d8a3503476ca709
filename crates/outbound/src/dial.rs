//! Names to addresses, addresses to connections. Both are traits, so that a test sees what would have been dialled.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::answer::{CallFailure, Phase};
use crate::policy::Policy;
use crate::target::{Host, Target};

/// Look-ups of names that may run at once. The system's look-up cannot be called off, so without a bound a slow name server
/// would hold a thread for every call that has long given up.
pub const RESOLVES_MAX: usize = 64;
/// Of them, look-ups of names of one zone (the last two labels): the silent name server of one receiver must not take the places of the
/// others.
pub const RESOLVES_PER_ZONE_MAX: usize = 4;
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

/// How a name is looked up; waits.
type LookUp = fn(&str) -> io::Result<Vec<IpAddr>>;

fn system_look_up(name: &str) -> io::Result<Vec<IpAddr>> {
    Ok((name, 0).to_socket_addrs()?.map(|socket| socket.ip()).collect())
}

/// The look-up of the operating system, in its order; at most [`RESOLVES_MAX`] at once, and [`RESOLVES_PER_ZONE_MAX`] of one zone.
#[derive(Debug)]
pub struct SystemResolver {
    free: Arc<Semaphore>,
    /// Look-ups that have not come back, by zone.
    zones: Arc<Mutex<HashMap<String, usize>>>,
    look_up: LookUp,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self { free: Arc::new(Semaphore::new(RESOLVES_MAX)), zones: Arc::default(), look_up: system_look_up }
    }
}

/// A place of a zone; given back when the look-up ends, not when the caller stops waiting for it.
struct ZonePlace {
    zones: Arc<Mutex<HashMap<String, usize>>>,
    zone: String,
}

impl ZonePlace {
    fn take(zones: &Arc<Mutex<HashMap<String, usize>>>, name: &str) -> io::Result<Self> {
        let zone = zone(name);
        let mut counts = zones.lock();
        let count = counts.entry(zone.clone()).or_default();
        if *count >= RESOLVES_PER_ZONE_MAX {
            let message = format!("{count} look-ups in {zone} have not come back yet");
            return Err(io::Error::new(io::ErrorKind::WouldBlock, message));
        }
        *count = count.saturating_add(1);
        drop(counts);
        Ok(Self { zones: Arc::clone(zones), zone })
    }
}

impl Drop for ZonePlace {
    fn drop(&mut self) {
        let mut counts = self.zones.lock();
        if let Some(count) = counts.get_mut(&self.zone) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.zone);
            }
        }
    }
}

/// The last two labels of a name: as near as one comes to whose name server answers without asking anybody.
fn zone(name: &str) -> String {
    let mut labels: Vec<&str> = name.trim_end_matches('.').rsplit('.').take(2).collect();
    labels.reverse();
    labels.join(".").to_ascii_lowercase()
}

impl Resolver for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> Pending<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            // First, so that whoever waits for a place of all holds none of its zone's for nothing, and none of all while its zone is full.
            let zone_place = ZonePlace::take(&self.zones, name)?;
            let place = Arc::clone(&self.free).acquire_owned().await.map_err(io::Error::other)?;
            let (name, look_up) = (name.to_owned(), self.look_up);
            let looked_up = tokio::task::spawn_blocking(move || {
                // The places are given back when the look-up ends, not when the caller stops waiting for it.
                let _places = (zone_place, place);
                look_up(&name)
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
pub(crate) async fn checked_addresses(
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

/// Connects to the first of the checked addresses that takes it, and says to which. The time left is shared evenly among the addresses
/// that are still to be tried, so that one that swallows packets does not hide the next.
pub(crate) async fn dial(
    connector: &dyn Connector,
    target: &Target,
    addresses: Vec<IpAddr>,
    until: Instant,
) -> Result<(Box<dyn Stream>, IpAddr), CallFailure> {
    let mut failure = CallFailure::Timeout(Phase::Connect);
    let mut untried = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        let left = until.saturating_duration_since(Instant::now());
        let share = left.checked_div(untried).unwrap_or(Duration::ZERO);
        untried = untried.saturating_sub(1);
        match tokio::time::timeout(share, connector.connect(target.socket(address))).await {
            Ok(Ok(stream)) => return Ok((stream, address)),
            Ok(Err(error)) => failure = CallFailure::Connect(error.to_string()),
            Err(_) => failure = CallFailure::Timeout(Phase::Connect),
        }
    }
    Err(failure)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::LazyLock;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// The end that ends it, and the end that waits for that.
    type Silence = (Mutex<Option<Sender<()>>>, Mutex<Receiver<()>>);

    /// Look-ups under `silent.example` come back when this is closed.
    static SILENCE: LazyLock<Silence> = LazyLock::new(|| {
        let (sender, receiver) = channel();
        (Mutex::new(Some(sender)), Mutex::new(receiver))
    });

    fn look_up(name: &str) -> io::Result<Vec<IpAddr>> {
        if zone(name) == "silent.example" {
            _ = SILENCE.1.lock().recv();
        }
        Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)])
    }

    #[test]
    fn a_silent_name_server_keeps_its_own_names_out_only() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let resolver = Arc::new(SystemResolver { look_up, ..SystemResolver::default() });
            let mut waiting = Vec::new();
            for number in 0..RESOLVES_PER_ZONE_MAX {
                let resolver = Arc::clone(&resolver);
                waiting
                    .push(tokio::spawn(async move { resolver.resolve(&format!("a{number}.Silent.example.")).await }));
            }
            while resolver.zones.lock().get("silent.example").copied() != Some(RESOLVES_PER_ZONE_MAX) {
                tokio::task::yield_now().await;
            }
            let refused = resolver.resolve("another.silent.example").await.unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
            assert!(refused.to_string().contains("silent.example"), "{refused}");
            assert!(resolver.resolve("till.other.test").await.is_ok(), "everybody else is looked up");
            SILENCE.0.lock().take();
            for one in waiting {
                assert!(one.await.unwrap().is_ok());
            }
            assert!(resolver.resolve("another.silent.example").await.is_ok(), "its places are given back");
            assert!(resolver.zones.lock().is_empty());
        });
    }

    #[test]
    fn a_zone_is_what_the_last_two_labels_say() {
        for (name, of) in [("a.b.c.d", "c.d"), ("C.D.", "c.d"), ("localhost", "localhost"), ("", "")] {
            assert_eq!(zone(name), of, "{name}");
        }
    }
}
