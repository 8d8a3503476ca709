//! The four laws of supervision, over random trees and random failures. proptest prints the failing case and its seed.

use std::sync::Arc;
use std::time::Duration;

use kassette_stdx::SeededEntropy;
use proptest::prelude::*;

use super::event::{ChildState, Decision, Event};
use super::exit::Exit;
use super::intensity::{Backoff, Intensity};
use super::policy::SupervisorState;
use super::rules::{ChildRules, OnIntensity, Restart, Strategy, TreeRules};

const SHUTDOWN: Duration = Duration::from_millis(500);
const START_WITHIN: Duration = Duration::from_secs(3);
const WINDOW: Duration = Duration::from_secs(10);

/// A tree with a clock of its own; obedient children unless a test says otherwise.
struct World {
    state: SupervisorState,
    now: Duration,
    /// Every start (`+i`) and stop request (`-i`) in order, and what became of the tree.
    log: Vec<String>,
    escalated: bool,
    finished: Option<Exit>,
    /// These do not end when asked to.
    stubborn: Vec<usize>,
}

impl World {
    fn new(strategy: Strategy, children: usize, restarts_max: u32, on_intensity: OnIntensity) -> Self {
        Self::with(strategy, vec![Restart::Permanent; children], restarts_max, on_intensity)
    }

    fn with(strategy: Strategy, restarts: Vec<Restart>, restarts_max: u32, on_intensity: OnIntensity) -> Self {
        let backoff =
            Backoff { first: Duration::from_millis(10), factor: 2, max: Duration::from_millis(80), jitter_percent: 50 };
        let intensity = Intensity { restarts_max, window: WINDOW };
        let rules = TreeRules { strategy, intensity, backoff, on_intensity };
        let child = |(i, restart): (usize, Restart)| ChildRules {
            id: format!("child-{i}"),
            restart,
            shutdown: SHUTDOWN,
            start_within: START_WITHIN,
        };
        let children = restarts.into_iter().enumerate().map(child).collect();
        let state = SupervisorState::new(rules, children, Arc::new(SeededEntropy::new(7)));
        let mut world =
            Self { state, now: Duration::ZERO, log: vec![], escalated: false, finished: None, stubborn: vec![] };
        world.event(Event::Begin);
        world.log.clear();
        world
    }

    /// Feeds an event and what obedient children answer to it.
    fn event(&mut self, event: Event) {
        let mut events = std::collections::VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for decision in self.state.handle(self.now, event) {
                match decision {
                    Decision::Start { index, generation } => {
                        self.log.push(format!("+{index}"));
                        events.push_back(Event::ChildStarted { index, generation });
                    }
                    Decision::Stop { index, generation, .. } => {
                        self.log.push(format!("-{index}"));
                        if !self.stubborn.contains(&index) {
                            events.push_back(Event::ChildExited { index, generation, exit: Exit::Shutdown });
                        }
                    }
                    Decision::Abandon { index, .. } => self.log.push(format!("x{index}")),
                    Decision::Escalate { .. } => self.escalated = true,
                    Decision::Finished { exit } => self.finished = Some(exit),
                    Decision::Schedule { .. } | Decision::MarkDown { .. } => {}
                }
            }
        }
    }

    fn exit(&mut self, index: usize, exit: Exit) {
        let generation = self.state.children()[index].generation;
        self.event(Event::ChildExited { index, generation, exit });
    }

    fn fail(&mut self, index: usize) {
        self.exit(index, Exit::Panic("planted".to_owned()));
    }

    /// Lets time pass until nothing is due any more.
    fn settle(&mut self) {
        let mut last = None;
        while let Some(wake) = self.state.next_wake() {
            assert_ne!(last, Some(wake), "a wake that a tick does not settle would spin");
            last = Some(wake);
            self.now = self.now.max(wake);
            self.event(Event::Tick);
        }
    }

    fn take_log(&mut self) -> String {
        std::mem::take(&mut self.log).join(" ")
    }

    fn all_run(&self) -> bool {
        self.state.children().iter().all(|c| c.state == ChildState::Running)
    }
}

fn marks(sign: char, indices: impl Iterator<Item = usize>) -> String {
    indices.map(|i| format!("{sign}{i}")).collect::<Vec<_>>().join(" ")
}

proptest! {
    /// Law 1: under one_for_one a failed child restarts alone.
    #[test]
    fn a_failed_child_restarts_alone(children in 1_usize..7, failures in prop::collection::vec(any::<prop::sample::Index>(), 1..30)) {
        let mut world = World::new(Strategy::OneForOne, children, 1_000, OnIntensity::Escalate);
        for failing in failures {
            let failing = failing.index(children);
            let before: Vec<_> = world.state.children().iter().map(|c| c.generation).collect();
            world.fail(failing);
            world.settle();
            prop_assert_eq!(world.take_log(), format!("+{failing}"));
            for (i, child) in world.state.children().iter().enumerate() {
                prop_assert_eq!(child.generation, before[i] + u64::from(i == failing));
            }
            prop_assert!(world.all_run());
        }
    }

    /// Law 2: rest_for_one and one_for_all stop in reverse order, then start in order, and touch nobody else.
    #[test]
    fn a_group_restarts_in_order(children in 1_usize..7, all in any::<bool>(), failures in prop::collection::vec(any::<prop::sample::Index>(), 1..30)) {
        let strategy = if all { Strategy::OneForAll } else { Strategy::RestForOne };
        let mut world = World::new(strategy, children, 1_000, OnIntensity::Escalate);
        for failing in failures {
            let failing = failing.index(children);
            let from = if all { 0 } else { failing };
            world.fail(failing);
            world.settle();
            let stops = marks('-', (from..children).rev().filter(|i| *i != failing));
            let starts = marks('+', from..children);
            prop_assert_eq!(world.take_log(), format!("{stops} {starts}").trim_start().to_owned());
            prop_assert!(world.all_run());
        }
    }

    /// Law 3: more than n failures within the window escalate, and exactly then, whichever children fail.
    #[test]
    fn intensity_escalates(
        restarts_max in 0_u32..5,
        strategy in prop::sample::select(vec![Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne]),
        failures in prop::collection::vec((0_usize..3, 0_u64..12_000), 1..25),
    ) {
        let mut world = World::new(strategy, 3, restarts_max, OnIntensity::Escalate);
        let mut at = Vec::new();
        for (failing, gap_ms) in failures {
            world.now += Duration::from_millis(gap_ms);
            let recent = at.iter().filter(|t| world.now.saturating_sub(**t) <= WINDOW).count();
            at.push(world.now);
            world.fail(failing);
            prop_assert_eq!(world.escalated, recent >= restarts_max as usize);
            if world.escalated {
                prop_assert!(matches!(&world.finished, Some(Exit::Failed(r)) if r.starts_with("intensity")));
                prop_assert!(world.state.children().iter().all(|c| c.state == ChildState::Ended));
                prop_assert_eq!(world.state.next_wake(), None);
                return Ok(());
            }
            world.settle();
            prop_assert!(world.all_run());
        }
    }

    /// Law 3, the other outcome: a device that keeps failing is down and tried again, for ever, and never escalates.
    #[test]
    fn marked_down_is_tried_for_ever_and_never_escalates(rounds in 1_usize..40) {
        let retry_every = Duration::from_secs(30);
        let mut world = World::new(Strategy::OneForOne, 2, 3, OnIntensity::MarkDown { retry_every });
        for round in 0..rounds {
            world.fail(0);
            if let ChildState::Down { next_try } = world.state.children()[0].state {
                prop_assert_eq!(next_try, world.now + retry_every);
                prop_assert_ne!(round, 0);
            }
            prop_assert_eq!(world.state.children()[0].state == ChildState::Running, false);
            prop_assert_eq!(world.state.children()[1].state, ChildState::Running);
            world.settle();
            prop_assert!(world.all_run() && !world.escalated && world.finished.is_none());
        }
        prop_assert_eq!(world.state.children()[1].generation, 1);
        if rounds >= 4 {
            prop_assert!(world.now >= retry_every, "the fourth failure in a row waits");
        }
    }

    /// Law 4: shutdown asks one child at a time, last first, and abandons who is not gone by its deadline.
    #[test]
    fn shutdown_is_in_reverse_and_in_time(children in 0_usize..7, stubborn in prop::collection::vec(0_usize..7, 0..4)) {
        let mut world = World::new(Strategy::OneForOne, children, 3, OnIntensity::Escalate);
        let slow: Vec<_> = (0..children).filter(|i| stubborn.contains(i)).collect();
        world.stubborn = stubborn;
        world.event(Event::Shutdown);
        world.settle();
        let order = (0..children).rev().map(|i| if slow.contains(&i) { format!("-{i} x{i}") } else { format!("-{i}") });
        prop_assert_eq!(world.take_log(), order.collect::<Vec<_>>().join(" "));
        prop_assert_eq!(world.now, SHUTDOWN * u32::try_from(slow.len()).unwrap());
        prop_assert_eq!(world.finished, Some(Exit::Shutdown));
    }

    /// Whatever comes in whatever order: no decision for a life that is over, never two lives at once, no spinning,
    /// and shutdown always comes to its end.
    #[test]
    fn any_order_of_events_keeps_one_life_per_child(
        strategy in prop::sample::select(vec![Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne]),
        down in any::<bool>(),
        steps in prop::collection::vec((0_usize..9, 0_usize..4, 0_u64..3, 0_u64..2_000), 0..80),
    ) {
        let on = if down { OnIntensity::MarkDown { retry_every: Duration::from_secs(30) } } else { OnIntensity::Escalate };
        let kinds = vec![Restart::Permanent, Restart::Transient, Restart::Temporary, Restart::Permanent];
        let mut world = World::with(strategy, kinds, 5, on);
        let mut live: Vec<Option<u64>> = world.state.children().iter().map(|c| Some(c.generation)).collect();
        for (what, index, back, gap_ms) in steps {
            world.now += Duration::from_millis(gap_ms);
            let generation = world.state.children()[index].generation.saturating_sub(back);
            let event = match what {
                0 => Event::ChildStarted { index, generation },
                1 => Event::ChildExited { index, generation, exit: Exit::Normal },
                2 => Event::ChildExited { index, generation, exit: Exit::Panic("p".to_owned()) },
                3 => Event::ChildExited { index, generation, exit: Exit::Shutdown },
                4 => Event::ChildHung { index, generation },
                5 => Event::Remove { index },
                6 => Event::Add { index, rules: world.state.children()[index].rules.clone() },
                7 => Event::TryNow { index },
                _ => Event::Tick,
            };
            if let Event::ChildExited { .. } = event && live[index] == Some(generation) {
                live[index] = None;
            }
            for decision in world.state.handle(world.now, event) {
                match decision {
                    Decision::Start { index, generation } => {
                        prop_assert_eq!(live[index], None, "a second life beside the first");
                        live[index] = Some(generation);
                    }
                    Decision::Stop { index, generation, .. } => prop_assert_eq!(live[index], Some(generation)),
                    Decision::Abandon { index, generation } => {
                        prop_assert_eq!(live[index], Some(generation));
                        live[index] = None;
                    }
                    Decision::Finished { .. } => prop_assert!(live.iter().all(Option::is_none)),
                    _ => {}
                }
            }
            for (child, live) in world.state.children().iter().zip(&live) {
                prop_assert_eq!(child.state.is_live(), live.is_some());
            }
        }
        world.stubborn = vec![0, 1, 2, 3];
        world.event(Event::Shutdown);
        world.settle();
        prop_assert!(world.state.children().iter().all(|c| c.state == ChildState::Ended));
    }
}

#[test]
fn a_place_that_was_left_is_another_childs() {
    let mut world = World::new(Strategy::OneForOne, 2, 3, OnIntensity::Escalate);
    let rules = ChildRules { id: "new".to_owned(), ..world.state.children()[1].rules.clone() };
    // It is still there: its place is not free.
    world.event(Event::Add { index: 1, rules: rules.clone() });
    assert_eq!((world.take_log(), world.state.children()[1].rules.id.as_str()), (String::new(), "child-1"));
    world.event(Event::Remove { index: 1 });
    assert_eq!(world.take_log(), "-1");
    world.settle();
    assert!(world.state.children()[1].has_left() && world.take_log().is_empty(), "it is not started again");
    world.event(Event::Add { index: 1, rules: rules.clone() });
    assert_eq!((world.take_log(), world.all_run(), world.state.children()[1].restarts()), ("+1".to_owned(), true, 0));
    // A late word of the one before does nothing.
    world.event(Event::ChildExited { index: 1, generation: 1, exit: Exit::Panic("late".to_owned()) });
    assert!(world.all_run());
    world.event(Event::Add { index: 2, rules });
    assert_eq!((world.take_log(), world.all_run()), ("+2".to_owned(), true));
}

#[test]
fn who_waits_can_be_told_not_to() {
    let retry_every = Duration::from_secs(30);
    let mut world = World::new(Strategy::RestForOne, 2, 1, OnIntensity::MarkDown { retry_every });
    world.fail(0);
    world.settle();
    world.fail(0);
    assert!(matches!(world.state.children()[0].state, ChildState::Down { .. }));
    world.take_log();
    for index in 0..2 {
        world.event(Event::TryNow { index });
    }
    assert_eq!((world.take_log().as_str(), world.all_run()), ("+0 +1", true));
    // One repair that does not hold is enough to be down again, however old the failures before are.
    world.now += WINDOW / 2;
    world.fail(0);
    assert!(matches!(world.state.children()[0].state, ChildState::Down { .. }));
    world.settle();
    world.now += WINDOW;
    world.fail(0);
    assert!(matches!(world.state.children()[0].state, ChildState::Waiting { .. }));
}

#[test]
fn restart_kinds() {
    let kinds = vec![Restart::Permanent, Restart::Transient, Restart::Temporary];
    for (exit, restarted) in [
        (Exit::Normal, [true, false, false]),
        (Exit::Shutdown, [true, false, false]),
        (Exit::Failed("port".to_owned()), [true, true, false]),
        (Exit::Panic("bug".to_owned()), [true, true, false]),
    ] {
        let mut world = World::with(Strategy::OneForOne, kinds.clone(), 9, OnIntensity::Escalate);
        for index in 0..3 {
            world.exit(index, exit.clone());
        }
        world.settle();
        let came_back: Vec<_> = world.state.children().iter().map(|c| c.restarts() == 1).collect();
        assert_eq!(came_back, restarted, "{exit}");
    }
}

#[test]
fn a_group_starts_a_child_only_when_the_one_before_it_runs() {
    for strategy in [Strategy::OneForOne, Strategy::RestForOne, Strategy::OneForAll] {
        let mut world = World::new(strategy, 0, 3, OnIntensity::Escalate);
        let rules = TreeRules {
            strategy,
            intensity: Intensity { restarts_max: 3, window: WINDOW },
            backoff: Backoff::NONE,
            on_intensity: OnIntensity::Escalate,
        };
        let child = |id: &str| ChildRules {
            id: id.to_owned(),
            restart: Restart::Permanent,
            shutdown: SHUTDOWN,
            start_within: START_WITHIN,
        };
        world.state = SupervisorState::new(rules, vec![child("a"), child("b")], Arc::new(SeededEntropy::new(1)));
        let first = world.state.handle(world.now, Event::Begin);
        assert_eq!(first, [Decision::Start { index: 0, generation: 1 }]);
        assert!(!world.state.has_booted());
        let second = world.state.handle(world.now, Event::ChildStarted { index: 0, generation: 1 });
        assert_eq!(second, [Decision::Start { index: 1, generation: 1 }]);
        world.state.handle(world.now, Event::ChildStarted { index: 1, generation: 1 });
        assert!(world.state.has_booted() && world.all_run());
    }
}

#[test]
fn a_start_that_takes_too_long_is_a_failure() {
    let mut world = World::new(Strategy::OneForOne, 1, 3, OnIntensity::Escalate);
    world.fail(0);
    world.now = world.state.next_wake().unwrap();
    let started = world.state.handle(world.now, Event::Tick);
    assert_eq!(started, [Decision::Start { index: 0, generation: 2 }]);
    world.now += START_WITHIN;
    let late = world.state.handle(world.now, Event::Tick);
    assert_eq!(late[0], Decision::Abandon { index: 0, generation: 2 });
    assert!(matches!(late[1], Decision::Schedule { index: 0, .. }));
    assert_eq!(world.state.children()[0].last_exit, Some(Exit::Failed("did not start in time".to_owned())));
}

#[test]
fn the_pause_starts_small_again_after_a_good_while() {
    let mut world = World::new(Strategy::OneForOne, 1, 100, OnIntensity::Escalate);
    let pause = |world: &mut World| {
        world.fail(0);
        let before = world.now;
        world.settle();
        world.now - before
    };
    let pauses: Vec<_> = (0..5).map(|_| pause(&mut world)).collect();
    assert!(pauses[0] <= Duration::from_millis(10) && pauses[4] >= Duration::from_millis(40), "{pauses:?}");
    world.now += WINDOW;
    assert!(pause(&mut world) <= Duration::from_millis(10));
}
