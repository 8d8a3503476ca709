//! The stable handle of a child that comes and goes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr};
use parking_lot::RwLock;

use super::lease::Lease;

/// The child does not run at the moment. Times are [`kassette_stdx::Clock::monotonic`] of the tree's clock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("down: {reason}")]
pub struct Down {
    /// Since when.
    pub since: Duration,
    /// When it will be tried again, if it will.
    pub next_try: Option<Duration>,
    /// Why, for the log.
    pub reason: Arc<str>,
}

impl Down {
    /// How long to wait before asking again, seen from `now`; `None` when nothing is planned.
    #[must_use]
    pub fn retry_after(&self, now: Duration) -> Option<Duration> {
        self.next_try.map(|at| at.saturating_sub(now))
    }
}

enum Slot<A: Actor> {
    Up(Addr<A>),
    Down(Down),
}

/// The stable handle of a supervised actor: it outlives restarts and says "down" at once. Ask it for each message
/// and do not keep what it gives: an [`Addr`] belongs to one life and answers `Closed` after it. Send with
/// `Addr::send(…).timeout(…)` or `try_send`; `do_send` ignores the mailbox's limit, says nothing when the mailbox is
/// closed, and its message still runs when nobody waits any more (measured on actix 0.13.5).
pub struct ChildRef<A: Actor> {
    slot: Arc<RwLock<Slot<A>>>,
}

impl<A: Actor> Clone for ChildRef<A> {
    fn clone(&self) -> Self {
        Self { slot: Arc::clone(&self.slot) }
    }
}

impl<A: Actor> fmt::Debug for ChildRef<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.slot.read() {
            Slot::Up(_) => f.write_str("ChildRef(up)"),
            Slot::Down(down) => write!(f, "ChildRef({down})"),
        }
    }
}

impl<A: Actor> ChildRef<A> {
    pub(super) fn idle() -> Self {
        let down = Down { since: Duration::ZERO, next_try: None, reason: "not started".into() };
        Self { slot: Arc::new(RwLock::new(Slot::Down(down))) }
    }

    /// The child's present address, or why there is none.
    ///
    /// # Errors
    /// [`Down`] when the child does not run; at once, never after a wait.
    pub fn get(&self) -> Result<Addr<A>, Down> {
        match &*self.slot.read() {
            Slot::Up(addr) => Ok(addr.clone()),
            Slot::Down(down) => Err(down.clone()),
        }
    }

    /// Holds this life's address. Does nothing when the life is over already: the lease is looked at under the same
    /// lock under which its supervisor, having ended the lease, says "down".
    pub(super) fn up(&self, lease: &Lease, addr: Addr<A>) {
        let mut slot = self.slot.write();
        if !lease.is_revoked() && !lease.stop_asked() {
            *slot = Slot::Up(addr);
        }
    }

    /// Says "down" for the supervisor that lives by `lease`; one that was abandoned has no say any more.
    pub(super) fn down(&self, lease: &Lease, down: &Down) {
        let mut slot = self.slot.write();
        if !lease.is_revoked() {
            *slot = Slot::Down(down.clone());
        }
    }
}
