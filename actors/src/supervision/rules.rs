//! The words in which a tree is described: restart, strategy, what to do on too many restarts.

use std::time::Duration;

use super::intensity::{Backoff, Intensity};

/// When a child that is gone is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// Always.
    Permanent,
    /// Only after [`Exit::Failed`](super::Exit::Failed) or [`Exit::Panic`](super::Exit::Panic).
    Transient,
    /// Never, not even in a restart of its whole group.
    Temporary,
}

/// Whom a failed child takes along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Nobody.
    OneForOne,
    /// All its siblings.
    OneForAll,
    /// The siblings that were started after it, because they build on it.
    RestForOne,
}

/// What follows when a failure is one too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnIntensity {
    /// The supervisor stops all its children and ends with `Failed("intensity: …")`. Failures of all its children
    /// are counted together.
    Escalate,
    /// The child alone is down and tried again at this interval, for ever; the supervisor never ends by itself.
    /// Failures are counted per child, so that one broken device does not put its neighbours down.
    MarkDown {
        /// From being marked down to the next attempt.
        retry_every: Duration,
    },
}

/// What the pure rules know of a supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeRules {
    /// Whom a failed child takes along.
    pub strategy: Strategy,
    /// How many restarts are a repair.
    pub intensity: Intensity,
    /// The pause before a restart. The count of failures in a row starts again after a child has run for
    /// `intensity.window`.
    pub backoff: Backoff,
    /// What follows when a failure is one too many.
    pub on_intensity: OnIntensity,
}

/// What the pure rules know of a child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildRules {
    /// Its name among its siblings, for reasons and status.
    pub id: String,
    /// When it is started again.
    pub restart: Restart,
    /// From being asked to stop to being abandoned.
    pub shutdown: Duration,
    /// From the call of its factory to being taken for failed.
    pub start_within: Duration,
}
