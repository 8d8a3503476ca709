//! Where a child runs: on its supervisor's arbiter or on one of its own, and what becomes of an arbiter that hangs.

use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix::Arbiter;
use parking_lot::Mutex;

use super::blueprint::Reporter;
use super::exit::Exit;

/// Which arbiter a child runs on. A handler that blocks, blocks every neighbour on its arbiter for as long (measured
/// on actix 0.13.5: 400 ms for 400 ms; 15 us on an arbiter of its own).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// Its supervisor's. If the child blocks, its supervisor is blocked as well and cannot see it.
    SameArbiter,
    /// A new one for each life: one thread and one event loop, cheap for tens of children.
    OwnArbiter,
}

/// A sound `leaked_max` for a device: with more abandoned arbiters of one child still hanging, a start is refused.
pub const ARBITERS_LEAKED_MAX: usize = 3;

/// How the lives of one child are housed, over all its lives.
#[derive(Debug)]
pub(super) struct Housing {
    pub(super) placement: Placement,
    pub(super) leaked_max: usize,
    pub(super) leaked: Arc<AtomicUsize>,
}

impl Housing {
    pub(super) fn new() -> Self {
        Self { placement: Placement::SameArbiter, leaked_max: ARBITERS_LEAKED_MAX, leaked: Arc::default() }
    }

    /// Runs `move_in` where the child shall live; it spawns the child's task and keeps the tenant in it. A start that
    /// cannot be is reported as an exit like any other, and there is no home.
    pub(super) fn settle(
        &self,
        reporter: Reporter,
        move_in: impl FnOnce(Tenant, Reporter) + Send + 'static,
    ) -> Option<Home> {
        let arbiter = match self.placement {
            Placement::SameArbiter => None,
            Placement::OwnArbiter => match self.new_arbiter() {
                Ok(arbiter) => Some(arbiter),
                Err(exit) => {
                    reporter.exited(exit);
                    return None;
                }
            },
        };
        let tenancy = Arc::new(Mutex::new(Tenancy::Living));
        let tenant = Tenant { tenancy: Arc::clone(&tenancy), leaked: Arc::clone(&self.leaked) };
        match &arbiter {
            None => move_in(tenant, reporter),
            // A dead arbiter takes no function (plain actix then gives out a dead address, measured on 0.13.5): it is
            // dropped, and with it the reporter, which reports.
            Some(arbiter) => drop(arbiter.spawn_fn(move || move_in(tenant, reporter))),
        }
        Some(Home { arbiter, tenancy, leaked: Arc::clone(&self.leaked) })
    }

    fn new_arbiter(&self) -> Result<Arbiter, Exit> {
        let leaked = self.leaked.load(Ordering::SeqCst);
        if leaked > self.leaked_max {
            return Err(Exit::Failed(format!("start refused: {leaked} abandoned arbiters still hang")));
        }
        // `try_new` panics where no actix `System` runs.
        match catch_unwind(Arbiter::try_new) {
            Ok(Ok(arbiter)) => Ok(arbiter),
            Ok(Err(err)) => Err(Exit::Failed(format!("no arbiter: {err}"))),
            Err(payload) => Err(Exit::from_panic(&*payload)),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tenancy {
    Living,
    Abandoned,
    Gone,
}

/// Lives in the child's task and goes with it.
#[derive(Debug)]
pub(super) struct Tenant {
    tenancy: Arc<Mutex<Tenancy>>,
    leaked: Arc<AtomicUsize>,
}

impl Drop for Tenant {
    fn drop(&mut self) {
        let mut tenancy = self.tenancy.lock();
        if *tenancy == Tenancy::Abandoned {
            // The arbiter came free after all: its thread ends now.
            self.leaked.fetch_sub(1, Ordering::SeqCst);
        }
        *tenancy = Tenancy::Gone;
    }
}

/// Where one life is housed, on its supervisor's side; dropping it ends an own arbiter.
#[derive(Debug)]
pub(super) struct Home {
    arbiter: Option<Arbiter>,
    tenancy: Arc<Mutex<Tenancy>>,
    leaked: Arc<AtomicUsize>,
}

impl Home {
    /// Gives up an arbiter that may hang. Safe Rust cannot end a thread: it is told to stop, which it does when the
    /// blocked handler returns, and until then it is counted as leaked.
    pub(super) fn abandon(&self) {
        let mut tenancy = self.tenancy.lock();
        if self.arbiter.is_some() && *tenancy == Tenancy::Living {
            *tenancy = Tenancy::Abandoned;
            self.leaked.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(arbiter) = &self.arbiter {
            arbiter.stop();
        }
    }
}
