//! Connections of one address, counted while they are open.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

/// Counts of one listener.
#[derive(Debug)]
pub(crate) struct Connections {
    per_address_max: u64,
    open: Mutex<HashMap<IpAddr, u64>>,
}

/// One open connection; gives its place back when it is dropped with the connection.
#[derive(Debug)]
pub(crate) struct Place {
    connections: Arc<Connections>,
    address: IpAddr,
    granted: bool,
}

impl Connections {
    pub(crate) fn new(per_address_max: u64) -> Arc<Self> {
        Arc::new(Self { per_address_max, open: Mutex::new(HashMap::new()) })
    }

    /// Counts a new connection.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr) -> Place {
        let address = address.to_canonical();
        let mut open = self.open.lock();
        let count = open.entry(address).or_insert(0);
        *count = count.saturating_add(1);
        Place { connections: Arc::clone(self), address, granted: *count <= self.per_address_max }
    }
}

impl Place {
    /// Whether the connection is within the limit; otherwise its requests are refused and it is closed.
    pub(crate) const fn is_granted(&self) -> bool {
        self.granted
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock();
        if let Some(count) = open.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_given_back() {
        let connections = Connections::new(2);
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let first = connections.enter(address);
        let second = connections.enter("::ffff:192.0.2.1".parse().unwrap());
        let third = connections.enter(address);
        assert!(first.is_granted() && second.is_granted() && !third.is_granted());
        assert!(connections.enter("192.0.2.2".parse().unwrap()).is_granted());
        drop((first, third));
        assert!(connections.enter(address).is_granted());
        drop(second);
        assert!(connections.open.lock().is_empty());
    }
}
