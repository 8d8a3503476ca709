//! What the state machine of [`super::policy`] takes in and gives out, and where a child can stand.

use std::time::Duration;

use super::exit::Exit;
use super::rules::ChildRules;

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The tree shall run.
    Begin,
    /// The child has passed its `started`.
    ChildStarted {
        /// Its place in start order.
        index: usize,
        /// Which of its lives; an event of an earlier life is ignored.
        generation: u64,
    },
    /// The child is gone.
    ChildExited {
        /// Its place in start order.
        index: usize,
        /// Which of its lives; an event of an earlier life is ignored.
        generation: u64,
        /// Why.
        exit: Exit,
    },
    /// The child left a ping without an answer.
    ChildHung {
        /// Its place in start order.
        index: usize,
        /// Which of its lives; an event of an earlier life is ignored.
        generation: u64,
    },
    /// The tree gets a child more, in the place of one that has left, or behind all.
    Add {
        /// Its place.
        index: usize,
        /// Its rules.
        rules: ChildRules,
    },
    /// The child is taken out of the tree.
    Remove {
        /// Its place.
        index: usize,
    },
    /// A child that waits for its restart shall not wait any longer.
    TryNow {
        /// Its place.
        index: usize,
    },
    /// Time has passed; due no later than [`SupervisorState::next_wake`](super::SupervisorState::next_wake).
    Tick,
    /// The tree shall end.
    Shutdown,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Build a fresh child and start it.
    Start {
        /// Its place in start order.
        index: usize,
        /// The number of this life, from 1.
        generation: u64,
    },
    /// Ask the child to end.
    Stop {
        /// Its place in start order.
        index: usize,
        /// The life meant.
        generation: u64,
        /// When it is abandoned.
        by: Duration,
    },
    /// The child did not end, start or answer in time: act as if it were gone, and let it have no effect any more.
    Abandon {
        /// Its place in start order.
        index: usize,
        /// The life meant.
        generation: u64,
    },
    /// The failed child will be started again; said for the log, [`Decision::Start`] follows when it is due.
    Schedule {
        /// Its place in start order.
        index: usize,
        /// When.
        at: Duration,
    },
    /// Too many failures: the child is down until then ([`OnIntensity::MarkDown`](super::OnIntensity::MarkDown)).
    MarkDown {
        /// Its place in start order.
        index: usize,
        /// When it is tried again.
        next_try: Duration,
    },
    /// Too many failures: the supervisor ends ([`OnIntensity::Escalate`](super::OnIntensity::Escalate)); the stops follow.
    Escalate {
        /// The reason it will end with.
        reason: String,
    },
    /// Every child is gone; nothing follows.
    Finished {
        /// Why the supervisor has ended.
        exit: Exit,
    },
}

/// Where a child stands. All times are monotonic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChildState {
    /// Not started so far.
    Idle,
    /// To be started, no earlier than then, and after the siblings before it.
    Waiting {
        /// No earlier than this.
        at: Duration,
    },
    /// Its factory was called.
    Starting {
        /// When it is taken for failed.
        by: Duration,
    },
    /// It runs.
    Running,
    /// It was asked to end.
    Stopping {
        /// When it is abandoned.
        by: Duration,
    },
    /// Too many failures; tried again then.
    Down {
        /// When it is tried again.
        next_try: Duration,
    },
    /// It will not be started again by itself.
    Ended,
}

impl ChildState {
    pub(super) fn is_live(self) -> bool {
        matches!(self, Self::Starting { .. } | Self::Running | Self::Stopping { .. })
    }
}
