//! The queues against a model store: order for each operation, caps, bounded memory, nothing lost, nobody starved.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

use std::collections::{BTreeMap, HashMap};

use kassette_journal::Position;
use kassette_model::{CashBoxId, OperationId};
use kassette_stdx::SeededEntropy;
use proptest::prelude::*;

use super::*;

fn message(target: u64, operation: u8, number: u32) -> OpenMessage {
    OpenMessage {
        target,
        place: MessagePlace { position: Position { segment: 1, offset: number }, index: 0 },
        cash_box: CashBoxId::from_bytes([1; 16]),
        operation: OperationId::from_bytes([operation; 16]),
        row: u64::from(number),
        sequence: 1,
        made_ns: 0,
        since_ns: 0,
        due_ns: 0,
        attempts: Vec::new(),
        attempt_count: 0,
    }
}

fn limits(calls: usize, per_target: usize, target_window: usize, window: usize) -> CallbackLimits {
    CallbackLimits {
        calls_max: calls,
        calls_per_target_max: per_target,
        target_window_messages_max: target_window,
        window_messages_max: window,
        ..CallbackLimits::default()
    }
}

const NOW: Duration = Duration::from_secs(1);

#[test]
fn a_target_that_does_not_answer_gets_one_call_and_the_others_go_on() {
    let mut queues = Queues::new(&limits(16, 4, 100, 1000));
    for number in 0..20 {
        queues.push(message(u64::from(number % 2), u8::try_from(number).unwrap(), number), Duration::ZERO);
    }
    let started: Vec<OpenMessage> = std::iter::from_fn(|| queues.start(NOW)).collect();
    assert_eq!(started.len(), 2, "one for each target that has not answered yet");
    for one in started {
        let silent = one.target == 0;
        queues.end(one, silent.then_some(Duration::from_secs(60)), !silent);
    }
    let mut next: Vec<u64> = std::iter::from_fn(|| queues.start(NOW)).map(|one| one.target).collect();
    next.sort_unstable();
    assert_eq!(next, [0, 1, 1, 1, 1], "one probe for the silent one");
    assert_eq!(queues.wake_at(), None, "whoever has a call waits for its end");
}

#[test]
fn the_cap_for_all_holds_and_the_longest_wait_comes_first() {
    let mut queues = Queues::new(&limits(4, 8, 100, 1000));
    for (number, due) in [(1, 30), (2, 10), (3, 20)] {
        queues.push(message(u64::from(number), 1, number), Duration::from_millis(due));
    }
    let first = queues.start(NOW).unwrap();
    assert_eq!((first.target, queues.start(NOW).unwrap().target), (2, 3));
    assert_eq!((queues.start(NOW), queues.wake_at()), (None, None));
    queues.end(first, None, true);
    assert_eq!(queues.wake_at(), Some(Duration::from_millis(30)));
    assert_eq!(queues.start(Duration::from_millis(29)), None, "not before it is due");
    assert_eq!(queues.start(Duration::from_millis(30)).unwrap().target, 1);
}

#[test]
fn any_number_of_silent_targets_leaves_half_of_the_calls_to_those_that_answer() {
    let mut queues = Queues::new(&limits(8, 4, 100, 1000));
    for number in 0..100 {
        queues.push(message(u64::from(number), 1, number), Duration::ZERO);
    }
    let silent: Vec<OpenMessage> = std::iter::from_fn(|| queues.start(NOW)).collect();
    assert_eq!(silent.len(), 4, "half of all");
    for one in &silent {
        queues.end(one.clone(), Some(NOW + Duration::from_secs(60)), false);
    }
    // One that answers has waited less long than all of them.
    queues.push(message(1_000, 1, 1_000), NOW);
    let mut answering = 0;
    for round in 0..200 {
        if let Some(one) = queues.start(NOW) {
            let answers = one.target == 1_000;
            answering += u32::from(answers);
            queues.end(one, if answers { None } else { Some(NOW + Duration::from_secs(60)) }, answers);
            if answers {
                for number in 0..10 {
                    queues.push(message(1_000, number, 2_000 + round * 10 + u32::from(number)), NOW);
                }
            }
        }
    }
    // A minute later all silent ones are due again, and have waited longer.
    let later = NOW + Duration::from_secs(120);
    let held: Vec<OpenMessage> = std::iter::from_fn(|| queues.start(later)).collect();
    let to_silent = held.iter().filter(|one| one.target != 1_000).count();
    assert!(
        to_silent <= 4 && held.len() == 8 && answering > 0,
        "{to_silent} of {} calls, {answering} answered",
        held.len()
    );
}

#[test]
fn a_message_that_is_sent_again_by_hand_goes_before_those_behind_it() {
    let mut queues = Queues::new(&limits(8, 8, 100, 1000));
    for number in [2, 3] {
        queues.push(message(1, 1, number), Duration::ZERO);
    }
    queues.hurry(message(1, 1, 1), NOW);
    let numbers: Vec<u32> = std::iter::from_fn(|| {
        let one = queues.start(NOW)?;
        queues.hurry(one.clone(), NOW);
        queues.end(one.clone(), None, true);
        Some(one.place.position.offset)
    })
    .collect();
    assert_eq!(numbers, [1, 2, 3], "and what is being sent is not doubled by hurry");
}

/// What the store holds: open messages by target and place.
#[derive(Default)]
struct Store(BTreeMap<(u64, MessagePlace), OpenMessage>);

impl Store {
    fn refill(&self, queues: &mut Queues) {
        for refill in queues.refills() {
            let behind = self.0.values().filter(|one| one.target == refill.target && Some(one.place) > refill.after);
            queues.refilled(refill, behind.take(refill.limit).map(|one| (one.clone(), NOW)).collect());
        }
    }
}

proptest! {
    #[test]
    fn every_message_is_delivered_once_in_order_within_its_operation(
        seed: u64,
        count in 1_u32..200,
        targets in 1_u64..5,
        calls in 1_usize..6,
        per_target in 1_usize..4,
        target_window in 2_usize..12,
        window in 2_usize..24,
    ) {
        let random = SeededEntropy::new(seed);
        let mut queues = Queues::new(&limits(calls, per_target, target_window, window));
        let (mut store, mut flying) = (Store::default(), Vec::new());
        let mut delivered: HashMap<u8, Vec<u32>> = HashMap::new();
        let mut pushed = 0;
        let mut now = NOW;
        for step in 0_u32..100_000 {
            if pushed == count && store.0.is_empty() {
                break;
            }
            now += Duration::from_millis(1);
            match random.next_u64() % 4 {
                0 if pushed < count => {
                    pushed += 1;
                    // All messages of an operation have one target.
                    let operation = u8::try_from(random.next_u64() % 16).unwrap();
                    let one = message(u64::from(operation) % targets, operation, pushed);
                    store.0.insert((one.target, one.place), one.clone());
                    queues.push(one, now);
                }
                1 if !flying.is_empty() => {
                    let at = usize::try_from(random.next_u64()).unwrap_or(0) % flying.len();
                    let one: OpenMessage = flying.swap_remove(at);
                    let fails = random.next_u64().is_multiple_of(3);
                    if !fails {
                        store.0.remove(&(one.target, one.place)).unwrap();
                        delivered.entry(one.operation.bytes()[0]).or_default().push(one.place.position.offset);
                    }
                    let again = fails.then(|| now + Duration::from_millis(random.next_u64() % 20));
                    queues.end(one, again, random.next_u64().is_multiple_of(2));
                }
                2 => store.refill(&mut queues),
                _ => {
                    if let Some(one) = queues.start(now) {
                        prop_assert!(!flying.iter().any(|other: &OpenMessage| other.operation == one.operation));
                        flying.push(one);
                    }
                }
            }
            prop_assert!(flying.len() <= calls && queues.calls() == flying.len());
            let own = TARGET_MESSAGES_MIN.min(target_window) * queues.targets.len();
            prop_assert!(queues.messages <= window + own);
            for (target, queue) in &queues.targets {
                prop_assert!(queue.len() <= target_window);
                let here = flying.iter().filter(|one| one.target == *target).count();
                prop_assert!(here <= per_target);
            }
            prop_assert!(step < 99_999, "it never ends");
        }
        let mut all = 0;
        for numbers in delivered.values() {
            all += numbers.len();
            prop_assert!(numbers.is_sorted_by(|a, b| a < b), "in order: {numbers:?}");
        }
        prop_assert_eq!(all, usize::try_from(count).unwrap());
        prop_assert!(queues.targets.is_empty() || queues.targets.values().all(|queue| queue.len() == 0));
    }
}
