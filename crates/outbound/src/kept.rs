//! Connections that stay open between calls to the same receiver at the same address.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::dial::Stream;
use crate::target::{Scheme, Target};

/// Connections that are kept, over all receivers.
pub const KEPT_MAX: usize = 256;
/// Connections that are kept to one receiver.
pub const KEPT_PER_RECEIVER_MAX: usize = 8;
/// How long one is kept without a call, in milliseconds: less than the five seconds after which common servers close it.
pub const KEPT_IDLE_MS: u64 = 4_000;
/// How old one may become, in milliseconds, so that a receiver that moves is followed.
pub const KEPT_AGE_MS: u64 = 60_000;

/// Where a connection goes: whoever the name is, at the address that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Receiver {
    scheme: Scheme,
    authority: String,
    address: SocketAddr,
}

impl Receiver {
    pub(crate) fn new(target: &Target, address: SocketAddr) -> Self {
        Self { scheme: target.scheme(), authority: target.authority().to_owned(), address }
    }
}

/// A connection that can take a request. It is not driven while it is kept: that its receiver has closed it shows at the next call.
pub(crate) struct Open {
    pub(crate) sender: http1::SendRequest<Full<Bytes>>,
    pub(crate) driver: http1::Connection<TokioIo<Box<dyn Stream>>, Full<Bytes>>,
    pub(crate) opened_at: Instant,
}

struct Idle {
    open: Open,
    since: Instant,
}

impl Idle {
    fn is_good(&self, now: Instant) -> bool {
        let within = |from: Instant, ms| now.saturating_duration_since(from) < Duration::from_millis(ms);
        within(self.since, KEPT_IDLE_MS) && within(self.open.opened_at, KEPT_AGE_MS)
    }
}

/// The connections of a client that nothing uses at the moment.
#[derive(Default)]
pub(crate) struct Kept {
    idle: Mutex<HashMap<Receiver, Vec<Idle>>>,
}

impl Kept {
    /// The one that was used last.
    pub(crate) fn take(&self, receiver: &Receiver) -> Option<Open> {
        let now = Instant::now();
        let mut idle = self.idle.lock();
        let of = idle.get_mut(receiver)?;
        let last = of.pop();
        if of.is_empty() {
            idle.remove(receiver);
        }
        // The others of this receiver are older still; they go with the next sweep.
        last.filter(|last| last.is_good(now)).map(|last| last.open)
    }

    /// Keeps one, if there is room.
    pub(crate) fn put(&self, receiver: Receiver, open: Open) {
        let mut idle = self.idle.lock();
        if idle.values().map(Vec::len).sum::<usize>() >= KEPT_MAX {
            sweep(&mut idle);
            if idle.values().map(Vec::len).sum::<usize>() >= KEPT_MAX {
                return;
            }
        }
        let of = idle.entry(receiver).or_default();
        if of.len() < KEPT_PER_RECEIVER_MAX {
            of.push(Idle { open, since: Instant::now() });
        }
    }

    /// Closes what was kept for long enough.
    pub(crate) fn sweep(&self) {
        sweep(&mut self.idle.lock());
    }
}

fn sweep(idle: &mut HashMap<Receiver, Vec<Idle>>) {
    let now = Instant::now();
    idle.retain(|_, of| {
        of.retain(|one| one.is_good(now));
        !of.is_empty()
    });
}
