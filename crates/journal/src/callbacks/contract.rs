//! What every store of callbacks must do.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

use super::fixture::{DAY_NS, all, attempt, behind, cash_box, message, messages, open, operation, place, settle};
use super::*;

fn over_both(check: impl Fn(&dyn CallbackStore)) {
    check(&MemoryCallbacks::default());
    let folder = tempfile::tempdir().unwrap();
    check(&open(folder.path()).unwrap());
}

/// A store that has taken the messages before `count`, of three targets.
fn taken(store: &dyn CallbackStore, count: u64) {
    store.take(behind(count - 1), &messages(0..count, 3)).unwrap();
}

#[test]
fn a_fresh_store_has_nothing() {
    over_both(|store| {
        assert_eq!((store.taken().unwrap(), store.settled_to().unwrap()), (None, None));
        assert_eq!(store.targets().unwrap(), Vec::<u64>::new());
        assert_eq!(store.window(1, None, 10).unwrap(), []);
        assert_eq!(all(store), []);
        assert_eq!(store.counts().unwrap(), MessageCounts::default());
        store.flush().unwrap();
        assert_eq!(store.settled_to().unwrap(), None);
    });
}

#[test]
fn what_is_taken_is_open_in_order() {
    over_both(|store| {
        taken(store, 900);
        assert_eq!(store.taken().unwrap(), Some(behind(899)));
        assert_eq!(store.targets().unwrap(), [100, 101, 102]);
        assert_eq!(store.counts().unwrap(), MessageCounts { open: 900, dead_letters: 0 });
        for target in [100, 101, 102] {
            let wanted: Vec<_> = messages(0..900, 3).into_iter().filter(|message| message.target == target).collect();
            assert_eq!(store.window(target, None, 1_000).unwrap(), wanted);
            assert_eq!(store.window(target, None, 7).unwrap(), wanted[..7]);
            assert_eq!(store.window(target, Some(wanted[6].place), 5).unwrap(), wanted[7..12]);
            assert_eq!(store.window(target, Some(place(899)), 5).unwrap(), []);
        }
        assert_eq!(store.window(99, None, 10).unwrap(), []);
    });
}

#[test]
fn taking_twice_changes_nothing() {
    over_both(|store| {
        taken(store, 12);
        let mut tried = message(0, 3);
        tried.add_attempt(attempt(1, "timeout"));
        let settled = settle(&message(1, 3), Ending::Acknowledged, 5);
        store.tried(&[Change::Open(tried.clone()), Change::Settled(settled)]).unwrap();
        let before = all(store);
        taken(store, 12);
        taken(store, 6);
        assert_eq!(all(store), before);
        assert_eq!(store.taken().unwrap(), Some(behind(11)));
        // Further on with an overlap.
        taken(store, 15);
        assert_eq!(store.counts().unwrap().open, 14);
        assert_eq!(store.window(100, None, 1).unwrap(), [tried]);
        // Without messages.
        store.take(behind(300), &[]).unwrap();
        assert_eq!(store.taken().unwrap(), Some(behind(300)));
        assert_eq!(store.counts().unwrap().open, 14);
    });
}

#[test]
fn a_message_behind_the_place_is_refused() {
    over_both(|store| {
        let error = store.take(place(5).position, &messages(0..6, 3)).unwrap_err();
        assert!(error.to_string().contains("behind the place"), "{error}");
        assert_eq!((store.taken().unwrap(), store.counts().unwrap().open), (None, 0));
        taken(store, 3);
    });
}

#[test]
fn attempts_are_kept_and_bounded() {
    over_both(|store| {
        taken(store, 3);
        let mut message = message(0, 3);
        for at_ns in 0..100 {
            let long = format!("{at_ns} {}", "ü".repeat(400));
            message.add_attempt(Attempt { detail: Some(long), ..attempt(at_ns, &"timeout ".repeat(9)) });
        }
        message.due_ns = 77;
        store.tried(&[Change::Open(message.clone())]).unwrap();
        let found = store.window(100, None, 1).unwrap().remove(0);
        assert_eq!(found, message);
        assert_eq!((found.attempt_count, found.attempts.len(), found.due_ns), (100, ATTEMPTS_KEPT_MAX, 77));
        assert_eq!(found.attempts.last().unwrap().at_ns, 99);
        let detail = found.attempts[0].detail.clone().unwrap();
        assert!(detail.len() <= DETAIL_BYTES_MAX && detail.len() > DETAIL_BYTES_MAX - 2);
        assert_eq!(found.attempts[0].outcome.len(), OUTCOME_BYTES_MAX);
    });
}

#[test]
fn what_ends_is_open_no_more() {
    over_both(|store| {
        taken(store, 9);
        let endings = [Ending::Acknowledged, Ending::Gone, Ending::DeadLetter];
        let settled: Vec<_> =
            (0..3).map(|n| settle(&message(n, 3), endings[usize::try_from(n).unwrap()], 1_000)).collect();
        let changes: Vec<_> = settled.iter().cloned().map(Change::Settled).collect();
        store.tried(&changes).unwrap();
        assert_eq!(store.targets().unwrap(), [101, 102]);
        assert_eq!(store.counts().unwrap(), MessageCounts { open: 6, dead_letters: 1 });
        // Too late: they have ended.
        store
            .tried(&[Change::Open(message(0, 3)), Change::Settled(settle(&message(1, 3), Ending::DeadLetter, 9))])
            .unwrap();
        store.tried(&changes).unwrap();
        assert_eq!(store.counts().unwrap(), MessageCounts { open: 6, dead_letters: 1 });
        let dead = ListFilter { kind: ListKind::DeadLetters, ..ListFilter::default() };
        assert_eq!(store.list(&dead, 10).unwrap(), [MessageState::Settled(settled[2].clone())]);
        let found = store.of_operation(cash_box(0), operation(0)).unwrap();
        let mut wanted: Vec<_> = settled.into_iter().map(MessageState::Settled).collect();
        wanted.extend(messages(3..6, 3).into_iter().map(MessageState::Open));
        assert_eq!(found, wanted);
        assert_eq!(store.of_operation(cash_box(1), operation(0)).unwrap(), []);
        assert_eq!(store.of_operation(cash_box(0), operation(9)).unwrap(), []);
    });
}

#[test]
fn of_changes_of_one_message_the_last_before_its_end_counts() {
    over_both(|store| {
        taken(store, 3);
        let mut tried = message(0, 3);
        tried.add_attempt(attempt(1, "timeout"));
        let settled = settle(&tried, Ending::Gone, 2);
        store.tried(&[Change::Open(tried.clone()), Change::Settled(settled.clone()), Change::Open(tried)]).unwrap();
        assert_eq!(store.counts().unwrap().open, 2);
        assert_eq!(all(store).last(), Some(&MessageState::Settled(settled)));
    });
}

#[test]
fn a_settled_message_is_opened_again_once() {
    over_both(|store| {
        taken(store, 6);
        let settled = settle(&message(4, 3), Ending::DeadLetter, 3 * DAY_NS);
        store.tried(&[Change::Settled(settled.clone())]).unwrap();
        store.flush().unwrap();
        assert_eq!(store.settled_to().unwrap(), Some(place(0).position));
        let other = SettledMessage { settled_ns: 3 * DAY_NS + 1, ..settled.clone() };
        assert!(!store.reopen(&other, 50).unwrap());
        assert!(store.reopen(&settled, 50).unwrap());
        assert!(!store.reopen(&settled, 60).unwrap());
        assert_eq!(store.counts().unwrap(), MessageCounts { open: 6, dead_letters: 0 });
        let found = store.window(101, Some(place(3)), 1).unwrap().remove(0);
        assert_eq!((found.since_ns, found.due_ns, found.attempt_count), (50, 50, 1));
        let states = store.of_operation(cash_box(0), operation(0)).unwrap();
        assert_eq!(states[4], MessageState::Open(found.clone()));
        // And ends again.
        let again = settle(&found, Ending::Acknowledged, 9 * DAY_NS);
        store.tried(&[Change::Settled(again.clone())]).unwrap();
        assert_eq!(store.of_operation(cash_box(0), operation(0)).unwrap()[4], MessageState::Settled(again));
        assert_eq!(store.counts().unwrap(), MessageCounts { open: 5, dead_letters: 0 });
    });
}

#[test]
fn how_far_all_is_settled_is_noted_and_goes_back_for_a_message_opened_again() {
    over_both(|store| {
        taken(store, 300);
        let settled: Vec<_> =
            messages(0..30, 3).iter().map(|message| settle(message, Ending::Acknowledged, 1)).collect();
        let changes: Vec<_> = settled.iter().cloned().map(Change::Settled).collect();
        store.tried(&changes).unwrap();
        assert_eq!(store.settled_to().unwrap(), None);
        store.flush().unwrap();
        assert_eq!(store.settled_to().unwrap(), Some(place(30).position));
        assert!(store.reopen(&settled[7], 5).unwrap());
        assert_eq!(
            store.settled_to().unwrap(),
            Some(place(7).position),
            "at once: it may be lost before the next flush"
        );
        let rest: Vec<_> =
            all(store).iter().map(|state| Change::Settled(settle(state.message(), Ending::Gone, 2))).collect();
        store.tried(&rest).unwrap();
        store.flush().unwrap();
        assert_eq!(store.settled_to().unwrap(), Some(behind(299)));
        assert_eq!(store.counts().unwrap().open, 0);
    });
}

#[test]
fn lists_come_newest_first_and_filtered() {
    over_both(|store| {
        taken(store, 600);
        let ends = |n: u64| !n.is_multiple_of(4);
        let settled_ns = |n: u64| i64::try_from(n * 7 % 5).unwrap() * DAY_NS + i64::try_from(n % 11).unwrap();
        let changes: Vec<_> = (0..600)
            .filter(|n| ends(*n))
            .map(|n| {
                let ending = if n % 5 == 1 { Ending::DeadLetter } else { Ending::Acknowledged };
                Change::Settled(settle(&message(n, 3), ending, settled_ns(n)))
            })
            .collect();
        store.tried(&changes).unwrap();
        let mut settled: Vec<_> = changes
            .iter()
            .map(|change| match change {
                Change::Settled(settled) => settled.clone(),
                Change::Open(_) => panic!("all end"),
            })
            .collect();
        settled.sort_by_key(|settled| std::cmp::Reverse((settled.settled_ns, settled.message.place)));
        let open: Vec<_> = (0..600).rev().filter(|n| !ends(*n)).map(|n| MessageState::Open(message(n, 3))).collect();
        for of_box in [None, Some(cash_box(2))] {
            let fits = |state: &MessageState| of_box.is_none_or(|id| state.message().cash_box == id);
            for limit in [0, 1, 40, 149, 150, 151, 300, 10_000] {
                for kind in [ListKind::All, ListKind::Open, ListKind::DeadLetters] {
                    let open = open.iter().filter(|_| kind != ListKind::DeadLetters).cloned();
                    let settled = settled.iter().filter(|settled| match kind {
                        ListKind::All => true,
                        ListKind::Open => false,
                        ListKind::DeadLetters => settled.ending == Ending::DeadLetter,
                    });
                    let settled = settled.cloned().map(MessageState::Settled);
                    let wanted: Vec<_> = open.chain(settled).filter(fits).take(limit).collect();
                    let filter = ListFilter { cash_box: of_box, kind };
                    assert_eq!(store.list(&filter, limit).unwrap(), wanted, "{filter:?} {limit}");
                }
            }
        }
    });
}

#[test]
fn old_days_are_forgotten_whole() {
    over_both(|store| {
        taken(store, 12);
        for (n, day) in [(0, -1), (1, 0), (2, 0), (3, 1), (4, 2)] {
            let ending = if n % 2 == 0 { Ending::DeadLetter } else { Ending::Acknowledged };
            let settled = settle(&message(n, 3), ending, day * DAY_NS + 5);
            store.tried(&[Change::Settled(settled)]).unwrap();
        }
        assert_eq!(store.counts().unwrap(), MessageCounts { open: 7, dead_letters: 3 });
        store.forget_before(DAY_NS - 1).unwrap();
        assert_eq!(store.counts().unwrap(), MessageCounts { open: 7, dead_letters: 2 });
        assert_eq!(all(store).len(), 11);
        store.forget_before(2 * DAY_NS + 6).unwrap();
        assert_eq!(store.counts().unwrap(), MessageCounts { open: 7, dead_letters: 1 });
        assert_eq!(all(store).len(), 8);
        store.forget_before(i64::MAX).unwrap();
        assert_eq!(all(store).len(), 7);
        // The day of what was forgotten can begin again.
        store.tried(&[Change::Settled(settle(&message(5, 3), Ending::DeadLetter, 7))]).unwrap();
        assert_eq!(store.counts().unwrap(), MessageCounts { open: 6, dead_letters: 1 });
    });
}
