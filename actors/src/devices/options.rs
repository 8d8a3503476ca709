//! The limits of devices.

/// Limits and waits of devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceOptions {
    /// Terminals at a line that this server serves; each has a thread. One more is not served, and the log says so.
    pub terminals_max: usize,
    /// How often an idle terminal is asked whether it is there, in milliseconds.
    pub poll_every_ms: u64,
    /// How long a terminal has for its answer to a command (T3), in milliseconds.
    pub answer_timeout_ms: u64,
    /// How long it has from there to the end of a payment, and again after each of its messages (T4), in milliseconds. A payment in
    /// doubt of which the terminal knows nothing counts as not charged after as long.
    pub completion_timeout_ms: u64,
    /// Pause between two questions about a payment in doubt, in milliseconds: what the terminal says must be the same twice.
    pub probe_confirm_ms: u64,
}

impl Default for DeviceOptions {
    fn default() -> Self {
        Self {
            terminals_max: 512,
            poll_every_ms: 60_000,
            answer_timeout_ms: 5_000,
            completion_timeout_ms: 180_000,
            probe_confirm_ms: 5_000,
        }
    }
}

/// Called with the name of each place that the actors of a device reach; fault tests plant a panic with it.
#[derive(Default)]
pub struct BeforeDevice(Option<Box<dyn Fn(&'static str) + Send + Sync>>);

impl BeforeDevice {
    /// Calls this.
    #[must_use]
    pub fn new(before: impl Fn(&'static str) + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(before)))
    }

    pub(crate) fn reached(&self, place: &'static str) {
        if let Some(before) = &self.0 {
            before(place);
        }
    }
}
