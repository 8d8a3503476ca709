//! Until when a server runs, and how it ends.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit;
use crate::admin::Failure;
use crate::startup::Running;

/// How often a served journal is asked whether it stopped.
const HEALTH_EVERY_MS: u64 = 250;

/// SIGTERM and SIGINT, caught from now on.
pub(crate) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Catches them.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn catch() -> Result<Self, Failure> {
        let caught = |kind| signal(kind).map_err(|error| Failure::fault(format!("signals cannot be caught: {error}")));
        Ok(Self { terminate: caught(SignalKind::terminate())?, interrupt: caught(SignalKind::interrupt())? })
    }

    /// Waits for one of them.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Waits for a signal or a journal that takes nothing more, then stops in order. A second signal ends the process at once:
/// nothing that was acknowledged is lost by it, the next start only takes longer.
///
/// # Errors
/// When the journal was poisoned, or the stop did not end in time: the process must then end with a code that makes its
/// supervisor start it again.
pub(crate) async fn serve_until_stopped(running: Running, mut signals: StopSignals) -> Result<(), Failure> {
    let poisoned = tokio::select! {
        () = signals.next() => None,
        reason = poison(&running) => Some(reason),
    };
    let stop = running.stop();
    let in_time = tokio::select! {
        in_time = stop => in_time,
        () = signals.next() => {
            tracing::warn!("second signal: stopped at once");
            std::process::exit(exit::FAULT.into());
        }
    };
    match poisoned {
        Some(reason) => Err(Failure::fault(format!("the journal stopped, restart the server: {reason}"))),
        None if in_time => Ok(()),
        None => Err(Failure::fault("the stop did not end in time; what was acknowledged is on disk")),
    }
}

async fn poison(running: &Running) -> String {
    loop {
        tokio::time::sleep(Duration::from_millis(HEALTH_EVERY_MS)).await;
        if let Some(reason) = running.poisoned() {
            return reason;
        }
    }
}
