//! What a tree says of itself, for operators and `/readyz`.

use std::time::Duration;

use kassette_stdx::Clock;

use super::event::ChildState;
use super::policy::Child;

/// Where a child stands, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Not started so far.
    Idle,
    /// To be started again after a pause, or after a sibling.
    Waiting,
    /// Its factory was called.
    Starting,
    /// It runs.
    Running,
    /// It was asked to end.
    Stopping,
    /// It failed too often; tried again at `next_try_unix_ns`.
    Down,
    /// It will not be started again.
    Ended,
}

/// A child as its supervisor sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildStatus {
    /// Its name among its siblings.
    pub id: String,
    /// Where it stands.
    pub standing: Standing,
    /// Since when, nanoseconds since the Unix epoch, UTC.
    pub since_unix_ns: i64,
    /// When it is tried again, if that is planned, nanoseconds since the Unix epoch, UTC.
    pub next_try_unix_ns: Option<i64>,
    /// The number of its present or last life; 0 before the first.
    pub generation: u64,
    /// How often it was started again.
    pub restarts: u64,
    /// Why it last ended without being asked to.
    pub last_error: Option<String>,
    /// Abandoned arbiters of it that still hang.
    pub arbiters_leaked: usize,
    /// The children of a subtree.
    pub children: Vec<ChildStatus>,
}

impl ChildStatus {
    /// Without what only the child's blueprint knows.
    pub(super) fn of(child: &Child, clock: &dyn Clock) -> Self {
        let (standing, next_try) = match child.state {
            ChildState::Idle => (Standing::Idle, None),
            ChildState::Waiting { at } => (Standing::Waiting, Some(at)),
            ChildState::Starting { .. } => (Standing::Starting, None),
            ChildState::Running => (Standing::Running, None),
            ChildState::Stopping { .. } => (Standing::Stopping, None),
            ChildState::Down { next_try } => (Standing::Down, Some(next_try)),
            ChildState::Ended => (Standing::Ended, None),
        };
        let (unix_ns, now) = (clock.unix_ns(), clock.monotonic());
        Self {
            id: child.rules.id.clone(),
            standing,
            since_unix_ns: unix_ns.saturating_sub(ns(now.saturating_sub(child.since))),
            next_try_unix_ns: next_try.map(|at| unix_ns.saturating_add(ns(at.saturating_sub(now)))),
            generation: child.generation,
            restarts: child.restarts(),
            last_error: child.last_exit.as_ref().map(ToString::to_string),
            arbiters_leaked: 0,
            children: Vec::new(),
        }
    }
}

fn ns(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
