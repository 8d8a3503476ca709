//! How the state of an operation changes: one table, used when an operation is executed and when it is restored.

use std::fmt;

use super::OperationState;

/// What happens to an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperationEvent {
    /// It was admitted: its id, kind and body are fixed from here on.
    Accept,
    /// Its execution begins.
    Start,
    /// Its lifetime was over before it could start (contract 2.2.10).
    Expire,
    /// It cannot be executed: each attempt ended the cash box.
    Abandon,
    /// It ended with success.
    Succeed,
    /// It ended without success.
    Fail,
    /// An outside act may or may not have happened.
    Doubt,
    /// What it issued reached its receiver; for operations of kind issue.
    Deliver,
}

impl OperationEvent {
    /// Lower-case, as in the diagram of the documentation.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Start => "start",
            Self::Expire => "expire",
            Self::Abandon => "abandon",
            Self::Succeed => "succeed",
            Self::Fail => "fail",
            Self::Doubt => "doubt",
            Self::Deliver => "deliver",
        }
    }
}

impl fmt::Display for OperationEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Every change that there is: from (nothing before the first), by, to. Whatever does not stand here is a bug.
pub const TRANSITIONS: &[(Option<OperationState>, OperationEvent, OperationState)] = &[
    (None, OperationEvent::Accept, OperationState::Pending),
    (Some(OperationState::Pending), OperationEvent::Start, OperationState::Processing),
    (Some(OperationState::Pending), OperationEvent::Expire, OperationState::Failed),
    (Some(OperationState::Pending), OperationEvent::Abandon, OperationState::Failed),
    (Some(OperationState::Processing), OperationEvent::Succeed, OperationState::Done),
    (Some(OperationState::Processing), OperationEvent::Fail, OperationState::Failed),
    (Some(OperationState::Processing), OperationEvent::Abandon, OperationState::Failed),
    (Some(OperationState::Processing), OperationEvent::Doubt, OperationState::Unknown),
    (Some(OperationState::Unknown), OperationEvent::Succeed, OperationState::Done),
    (Some(OperationState::Unknown), OperationEvent::Fail, OperationState::Failed),
    (Some(OperationState::Done), OperationEvent::Deliver, OperationState::Delivered),
];

/// An event that cannot happen in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an operation that is {} cannot {event}", .state.map_or("not known", OperationState::name))]
pub struct ImpossibleTransition {
    /// The state; `None` before the first.
    pub state: Option<OperationState>,
    /// The event.
    pub event: OperationEvent,
}

/// The state after `event`.
///
/// # Errors
/// [`ImpossibleTransition`] when the table has no such line.
pub fn transition(
    state: Option<OperationState>,
    event: OperationEvent,
) -> Result<OperationState, ImpossibleTransition> {
    TRANSITIONS
        .iter()
        .find(|(from, by, _)| *from == state && *by == event)
        .map(|(_, _, to)| *to)
        .ok_or(ImpossibleTransition { state, event })
}

/// How far an operation has come: its state, and how many changes led to it. The number of a change is the `Sequence` of the message
/// about it (contract 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Progress {
    /// The state.
    pub state: OperationState,
    /// Changes so far, the first counted.
    pub sequence: u32,
}

/// Where an operation goes through `events` that one record makes durable together: every state on the way, each with its number.
///
/// # Errors
/// [`ImpossibleTransition`] for the first event that cannot happen.
pub fn path(before: Option<Progress>, events: &[OperationEvent]) -> Result<Vec<Progress>, ImpossibleTransition> {
    let mut at = before;
    let mut states = Vec::with_capacity(events.len());
    for event in events {
        let state = transition(at.map(|at| at.state), *event)?;
        let next = Progress { state, sequence: at.map_or(0, |at| at.sequence).saturating_add(1) };
        states.push(next);
        at = Some(next);
    }
    Ok(states)
}

/// The states that led from `before` to `after`, as the table allows and their numbers demand; just `after` when there is no such way
/// (a record of a version that did not number them).
#[must_use]
pub fn path_between(before: Option<Progress>, after: Progress) -> Vec<Progress> {
    let first = before.map_or(0, |before| before.sequence).saturating_add(1);
    let steps = after.sequence.saturating_sub(first).saturating_add(1);
    let state = before.map(|before| before.state);
    let states = if steps <= STEPS_MAX { way(state, after.state, steps) } else { None };
    match states {
        Some(states) => (first..).zip(states).map(|(sequence, state)| Progress { state, sequence }).collect(),
        None => vec![after],
    }
}

/// More changes than this one record never makes.
const STEPS_MAX: u32 = 4;

fn way(from: Option<OperationState>, to: OperationState, steps: u32) -> Option<Vec<OperationState>> {
    let next = TRANSITIONS.iter().filter(|(state, _, _)| *state == from).map(|(_, _, next)| *next);
    match steps {
        0 => None,
        1 => next.into_iter().find(|next| *next == to).map(|next| vec![next]),
        _ => next.into_iter().find_map(|next| {
            let mut states = way(Some(next), to, steps.saturating_sub(1))?;
            states.insert(0, next);
            Some(states)
        }),
    }
}

/// The events that lead an operation to its end: those that are still missing before it, then `end`.
#[must_use]
pub fn events_to(before: Option<OperationState>, end: OperationEvent) -> Vec<OperationEvent> {
    let mut events = Vec::with_capacity(3);
    if before.is_none() {
        events.push(OperationEvent::Accept);
    }
    let starts = !matches!(end, OperationEvent::Expire | OperationEvent::Abandon);
    if starts && matches!(before, None | Some(OperationState::Pending)) {
        events.push(OperationEvent::Start);
    }
    events.push(end);
    events
}

/// The table as a Mermaid state diagram, for the documentation.
#[must_use]
pub fn diagram() -> String {
    let mut text = String::from("stateDiagram-v2\n");
    for (from, event, to) in TRANSITIONS {
        text.push_str(&format!("    {} --> {}: {event}\n", from.map_or("[*]", OperationState::name), to.name()));
    }
    for state in OperationState::ALL {
        if !TRANSITIONS.iter().any(|(from, _, _)| *from == Some(state)) {
            text.push_str(&format!("    {} --> [*]\n", state.name()));
        }
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::OperationEvent::{Abandon, Accept, Deliver, Doubt, Expire, Fail, Start, Succeed};
    use super::*;

    const EVENTS: [OperationEvent; 8] = [Accept, Start, Expire, Abandon, Succeed, Fail, Doubt, Deliver];

    fn names(before: Option<Progress>, events: &[OperationEvent]) -> String {
        match path(before, events) {
            Ok(states) => {
                let steps: Vec<String> = states.iter().map(|at| format!("{}{}", at.state, at.sequence)).collect();
                steps.join(" ")
            }
            Err(impossible) => impossible.to_string(),
        }
    }

    #[test]
    fn a_path_numbers_its_states_on_from_where_it_begins() {
        let accepted = Some(Progress { state: OperationState::Pending, sequence: 1 });
        let unknown = Some(Progress { state: OperationState::Unknown, sequence: 3 });
        for (before, end, expected) in [
            (None, Succeed, "pending1 processing2 done3"),
            (None, Fail, "pending1 processing2 failed3"),
            (None, Expire, "pending1 failed2"),
            (None, Doubt, "pending1 processing2 unknown3"),
            (accepted, Succeed, "processing2 done3"),
            (accepted, Abandon, "failed2"),
            (unknown, Succeed, "done4"),
            (unknown, Fail, "failed4"),
            (unknown, Expire, "an operation that is unknown cannot expire"),
        ] {
            let events = events_to(before.map(|at| at.state), end);
            assert_eq!(names(before, &events), expected);
            if let Ok(states) = path(before, &events) {
                assert_eq!(path_between(before, *states.last().unwrap()), states, "told from its ends");
            }
        }
        assert_eq!(names(None, &[Accept]), "pending1");
        let unnumbered = Progress { state: OperationState::Done, sequence: 0 };
        assert_eq!(path_between(None, unnumbered), [unnumbered]);
        assert_eq!(names(None, &[Start]), "an operation that is not known cannot start");
        let done = Some(Progress { state: OperationState::Done, sequence: 3 });
        assert_eq!(names(done, &[Deliver]), "delivered4");
        assert_eq!(names(done, &[Deliver, Deliver]), "an operation that is delivered cannot deliver");
    }

    #[test]
    fn an_end_stays_and_every_state_can_be_reached_by_one_line_for_each_event() {
        for state in OperationState::ALL {
            assert!(TRANSITIONS.iter().any(|(_, _, to)| *to == state), "{state} is reached");
            for event in EVENTS {
                let lines = TRANSITIONS.iter().filter(|(from, by, _)| *from == Some(state) && *by == event).count();
                assert!(lines <= 1, "{state} {event}");
                if let Ok(next) = transition(Some(state), event) {
                    assert!(!state.is_final() || next == OperationState::Delivered, "{state} is an end");
                    assert_ne!(next, state);
                }
            }
        }
    }

    #[test]
    fn the_diagram_in_the_documentation_is_this_table() {
        let page = include_str!("../../../../docs/api/operations.md");
        let block = page.split("```mermaid\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        assert_eq!(block, diagram(), "put this into docs/api/operations.md:\n{}", diagram());
    }
}
