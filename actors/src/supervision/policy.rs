//! The rules of a supervisor as a pure state machine: an event and the time go in, decisions come out.
//!
//! It knows no actix, no thread and no timer, so the laws of supervision are tested without any (`policy_laws.rs`).
//! [`SupervisorState::handle`] decides, [`super::Supervisor`] acts; what has come of it returns as the next event.
//!
//! Reading order: [`SupervisorState::handle`], then `failed` (what one failure costs), then `reconcile` (stops in
//! reverse order first, then starts in order).

use std::sync::Arc;
use std::time::Duration;

use kassette_stdx::Entropy;

use super::event::{ChildState, Decision, Event};
use super::exit::Exit;
use super::intensity::{RestartWindow, Verdict};
use super::rules::{ChildRules, OnIntensity, Restart, Strategy, TreeRules};

/// A child as the state machine sees it.
#[derive(Debug, Clone)]
pub struct Child {
    /// Its rules, as given.
    pub rules: ChildRules,
    /// Where it stands.
    pub state: ChildState,
    /// Since when (monotonic).
    pub since: Duration,
    /// The number of its present or last life; 0 before the first.
    pub generation: u64,
    /// Its last unexpected exit.
    pub last_exit: Option<Exit>,
    failures_in_a_row: u32,
    window: RestartWindow,
    /// The number of its first life: its place may have been another's before.
    first_generation: u64,
    /// It is taken out of the tree; when it has ended its place is free.
    leaving: bool,
    /// It was marked down and has not run for long since.
    marked_down: bool,
}

impl Child {
    /// How often it was started again.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.generation.saturating_sub(self.first_generation)
    }

    /// Whether it was taken out of the tree and is gone: its place is free.
    #[must_use]
    pub fn has_left(&self) -> bool {
        self.leaving && self.state == ChildState::Ended
    }

    fn new(rules: ChildRules, window: RestartWindow, first_generation: u64, now: Duration) -> Self {
        Self {
            rules,
            state: ChildState::Idle,
            since: now,
            generation: first_generation.saturating_sub(1),
            last_exit: None,
            failures_in_a_row: 0,
            window,
            first_generation,
            leaving: false,
            marked_down: false,
        }
    }

    fn enter(&mut self, state: ChildState, now: Duration) {
        if self.state != state {
            self.state = state;
            self.since = now;
        }
    }

    /// After a stop that its supervisor wanted.
    fn rest(&mut self, at: Duration, now: Duration) {
        let state = match self.rules.restart {
            _ if self.leaving => ChildState::Ended,
            Restart::Temporary => ChildState::Ended,
            Restart::Permanent | Restart::Transient => ChildState::Waiting { at },
        };
        self.enter(state, now);
    }
}

/// A group restart whose stops are not finished.
#[derive(Debug, Clone, Copy)]
struct Round {
    from: usize,
    at: Duration,
}

/// A supervisor as a pure state machine.
pub struct SupervisorState {
    rules: TreeRules,
    children: Vec<Child>,
    window: RestartWindow,
    round: Option<Round>,
    begun: bool,
    ending: Option<Exit>,
    finished: bool,
    handled_at: Duration,
    entropy: Arc<dyn Entropy>,
}

impl SupervisorState {
    /// A tree of which nothing runs so far; `children` in start order, `entropy` for the jitter of the back-off.
    #[must_use]
    pub fn new(rules: TreeRules, children: Vec<ChildRules>, entropy: Arc<dyn Entropy>) -> Self {
        let window = RestartWindow::new(rules.intensity);
        let child = |rules| Child::new(rules, window.clone(), 1, Duration::ZERO);
        let children = children.into_iter().map(child).collect();
        let handled_at = Duration::ZERO;
        Self { rules, children, window, round: None, begun: false, ending: None, finished: false, handled_at, entropy }
    }

    /// The children in start order.
    #[must_use]
    pub fn children(&self) -> &[Child] {
        &self.children
    }

    /// Whether every child has been started once or has failed to; "ready" of a subtree.
    #[must_use]
    pub fn has_booted(&self) -> bool {
        let settled = |c: &Child| !matches!(c.state, ChildState::Idle | ChildState::Starting { .. });
        self.begun && self.children.iter().all(|c| settled(c) || c.generation > c.first_generation)
    }

    /// When [`Event::Tick`] is due, at the latest.
    #[must_use]
    pub fn next_wake(&self) -> Option<Duration> {
        let wake = |c: &Child| match c.state {
            ChildState::Starting { by } | ChildState::Stopping { by } => Some(by),
            // What was due when last handled and still waits is waiting for a sibling, not for the time.
            ChildState::Waiting { at } | ChildState::Down { next_try: at } => {
                Some(at).filter(|at| *at > self.handled_at)
            }
            ChildState::Idle | ChildState::Running | ChildState::Ended => None,
        };
        self.children.iter().filter_map(wake).min()
    }

    /// Takes an event at `now` (monotonic) and says what to do. Events of an earlier life of a child do nothing.
    pub fn handle(&mut self, now: Duration, event: Event) -> Vec<Decision> {
        let mut out = Vec::new();
        self.handled_at = self.handled_at.max(now);
        match event {
            Event::Begin => self.begun = true,
            Event::Tick => self.expire(now, &mut out),
            Event::Shutdown => {
                self.ending.get_or_insert(Exit::Shutdown);
            }
            Event::Add { index, rules } => self.add(index, rules, now),
            Event::Remove { index } => self.remove(index, now, &mut out),
            Event::TryNow { index } => {
                if let Some(child) = self.children.get_mut(index)
                    && self.round.is_none()
                    && matches!(child.state, ChildState::Waiting { .. } | ChildState::Down { .. })
                {
                    child.enter(ChildState::Waiting { at: now }, now);
                }
            }
            Event::ChildStarted { index, generation } => {
                if let Some(child) = self.children.get_mut(index)
                    && child.generation == generation
                    && matches!(child.state, ChildState::Starting { .. })
                {
                    child.enter(ChildState::Running, now);
                }
            }
            Event::ChildExited { index, generation, exit } => self.exited(index, generation, exit, now, &mut out),
            Event::ChildHung { index, generation } => {
                // A child that is being stopped has its own deadline.
                let hung = |c: &Child| matches!(c.state, ChildState::Starting { .. } | ChildState::Running);
                if self.children.get(index).is_some_and(|c| c.generation == generation && hung(c)) {
                    out.push(Decision::Abandon { index, generation });
                    let exit = Exit::Failed("no answer to a ping in time".to_owned());
                    self.exited(index, generation, exit, now, &mut out);
                }
            }
        }
        self.reconcile(now, &mut out);
        out
    }

    /// A child more, in a place that is free or behind all.
    fn add(&mut self, index: usize, rules: ChildRules, now: Duration) {
        if self.ending.is_some() {
            // It waits in the roster for the next life of the tree.
            return;
        }
        let window = RestartWindow::new(self.rules.intensity);
        match self.children.get_mut(index) {
            // Lives are counted on, so that a late word of an earlier tenant is known as one.
            Some(place) if place.has_left() => {
                *place = Child::new(rules, window, place.generation.saturating_add(1), now);
            }
            Some(_) => {}
            None => self.children.push(Child::new(rules, window, 1, now)),
        }
    }

    /// A child less: it is asked to stop, if it lives, and is not started again.
    fn remove(&mut self, index: usize, now: Duration, out: &mut Vec<Decision>) {
        let Some(child) = self.children.get_mut(index) else { return };
        child.leaving = true;
        match child.state {
            ChildState::Stopping { .. } => {}
            ChildState::Starting { .. } | ChildState::Running => {
                let by = now.saturating_add(child.rules.shutdown);
                child.enter(ChildState::Stopping { by }, now);
                out.push(Decision::Stop { index, generation: child.generation, by });
            }
            _ => child.enter(ChildState::Ended, now),
        }
    }

    /// Abandons what did not stop or start in time.
    fn expire(&mut self, now: Duration, out: &mut Vec<Decision>) {
        for index in 0..self.children.len() {
            let Some(child) = self.children.get(index) else { continue };
            let generation = child.generation;
            let exit = match child.state {
                ChildState::Stopping { by } if by <= now => Exit::Failed("did not stop in time".to_owned()),
                ChildState::Starting { by } if by <= now => Exit::Failed("did not start in time".to_owned()),
                _ => continue,
            };
            out.push(Decision::Abandon { index, generation });
            self.exited(index, generation, exit, now, out);
        }
    }

    fn exited(&mut self, index: usize, generation: u64, exit: Exit, now: Duration, out: &mut Vec<Decision>) {
        let (ending, round, settled_after) = (self.ending.is_some(), self.round, self.rules.intensity.window);
        let Some(child) = self.children.get_mut(index) else { return };
        if !child.state.is_live() || child.generation != generation {
            return;
        }
        if exit != Exit::Shutdown {
            child.last_exit = Some(exit.clone());
        }
        if ending || child.leaving {
            child.enter(ChildState::Ended, now);
            return;
        }
        if let Some(round) = round.filter(|round| round.from <= index) {
            // It was to be stopped anyway: whatever it did meanwhile is no failure of its own.
            child.rest(round.at, now);
            return;
        }
        if child.state == ChildState::Running && now.saturating_sub(child.since) >= settled_after {
            child.failures_in_a_row = 0;
            child.marked_down = false;
        }
        let again = match child.rules.restart {
            Restart::Permanent => true,
            Restart::Transient => exit.is_failure(),
            Restart::Temporary => false,
        };
        if again {
            self.failed(index, &exit, now, out);
        } else {
            child.enter(ChildState::Ended, now);
        }
    }

    /// One exit that has to be repaired: counts it, and says when the child and those it takes along start again.
    fn failed(&mut self, index: usize, exit: &Exit, now: Duration, out: &mut Vec<Decision>) {
        let mut dice = [0; 8];
        self.entropy.fill(&mut dice);
        let rules = self.rules;
        let Some(child) = self.children.get_mut(index) else { return };
        let window = match rules.on_intensity {
            OnIntensity::Escalate => &mut self.window,
            OnIntensity::MarkDown { .. } => &mut child.window,
        };
        let verdict = match window.record(now) {
            // The first repair that does not hold is enough to be down again.
            Verdict::Restart if child.marked_down => Verdict::Exceeded,
            verdict => verdict,
        };
        let at = match (verdict, rules.on_intensity) {
            (Verdict::Restart, _) => {
                let at = now.saturating_add(rules.backoff.pause(child.failures_in_a_row, u64::from_le_bytes(dice)));
                child.enter(ChildState::Waiting { at }, now);
                out.push(Decision::Schedule { index, at });
                at
            }
            (Verdict::Exceeded, OnIntensity::MarkDown { retry_every }) => {
                let next_try = now.saturating_add(retry_every);
                child.marked_down = true;
                child.enter(ChildState::Down { next_try }, now);
                out.push(Decision::MarkDown { index, next_try });
                next_try
            }
            (Verdict::Exceeded, OnIntensity::Escalate) => {
                child.enter(ChildState::Ended, now);
                let (n, window) = (rules.intensity.restarts_max, rules.intensity.window);
                let reason =
                    format!("intensity: more than {n} restarts in {window:?}, last {} ({exit})", child.rules.id);
                out.push(Decision::Escalate { reason: reason.clone() });
                self.ending = Some(Exit::Failed(reason));
                return;
            }
        };
        child.failures_in_a_row = child.failures_in_a_row.saturating_add(1);
        match rules.strategy {
            Strategy::OneForOne => {}
            Strategy::RestForOne => self.take_along(index, index, at, now),
            Strategy::OneForAll => self.take_along(0, index, at, now),
        }
    }

    /// Everything from `from` on is stopped and starts again in order, no earlier than `at`.
    fn take_along(&mut self, from: usize, failed: usize, at: Duration, now: Duration) {
        let round = self.round.map_or(Round { from, at }, |r| Round { from: r.from.min(from), at: r.at.max(at) });
        self.round = Some(round);
        for (index, child) in self.children.iter_mut().enumerate().skip(round.from) {
            if index != failed && !child.state.is_live() {
                child.rest(round.at, now);
            }
        }
    }

    /// First the stops, last child first and one at a time; when none is left, the starts in order.
    fn reconcile(&mut self, now: Duration, out: &mut Vec<Decision>) {
        if self.finished || (!self.begun && self.ending.is_none()) {
            return;
        }
        if let Some(exit) = self.ending.clone() {
            if !self.stop_last_from(0, now, out) {
                for child in &mut self.children {
                    child.enter(ChildState::Ended, now);
                }
                self.finished = true;
                out.push(Decision::Finished { exit });
            }
            return;
        }
        if let Some(round) = self.round {
            if self.stop_last_from(round.from, now, out) {
                return;
            }
            self.round = None;
        }
        self.start_due(now, out);
    }

    /// Whether a child from `from` on still lives; the last of them is asked to stop, if it was not so far.
    fn stop_last_from(&mut self, from: usize, now: Duration, out: &mut Vec<Decision>) -> bool {
        let live = |(index, child): &(usize, &mut Child)| *index >= from && child.state.is_live();
        let Some((index, child)) = self.children.iter_mut().enumerate().rev().find(live) else { return false };
        if !matches!(child.state, ChildState::Stopping { .. }) {
            let by = now.saturating_add(child.rules.shutdown);
            child.enter(ChildState::Stopping { by }, now);
            out.push(Decision::Stop { index, generation: child.generation, by });
        }
        true
    }

    /// Starts what is due. In a group each child waits until the one before it runs; under one_for_one only the
    /// first starts do, because a child that failed is no reason for its neighbours to wait.
    fn start_due(&mut self, now: Duration, out: &mut Vec<Decision>) {
        let grouped = self.rules.strategy != Strategy::OneForOne;
        let mut booting = false;
        for (index, child) in self.children.iter_mut().enumerate() {
            let due = match child.state {
                ChildState::Running | ChildState::Ended => continue,
                ChildState::Starting { .. } | ChildState::Stopping { .. } => false,
                ChildState::Idle => !booting,
                ChildState::Waiting { at } | ChildState::Down { next_try: at } => at <= now,
            };
            if due {
                child.generation = child.generation.saturating_add(1);
                child.enter(ChildState::Starting { by: now.saturating_add(child.rules.start_within) }, now);
                out.push(Decision::Start { index, generation: child.generation });
            }
            if grouped {
                return;
            }
            booting |= child.generation <= child.first_generation && child.state.is_live();
        }
    }
}
