//! Random days: the persistent store, reopened and killed at random points, says what the one in memory says.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

use proptest::prelude::*;

use super::fixture::{DAY_NS, all, attempt, behind, cash_box, copy_folder, messages, open, settle};
use super::*;

#[derive(Debug, Clone)]
enum Act {
    /// This many more messages are taken, after so many that were taken before.
    Take(u64, u64),
    /// Some of the open messages are tried: which of every few, how it ends (0 stays open), on which day.
    Try(usize, usize, i64),
    Reopen(usize),
    Forget(i64),
    Flush,
    /// Orderly close and opening.
    Close,
    /// What a kill right after a flush leaves.
    Kill,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        5 => (0_u64..200, 0_u64..9).prop_map(|(count, again)| Act::Take(count, again)),
        6 => (1_usize..9, 0_usize..4, -1_i64..4).prop_map(|(every, ending, day)| Act::Try(every, ending, day)),
        2 => any::<usize>().prop_map(Act::Reopen),
        1 => (-1_i64..4).prop_map(Act::Forget),
        1 => Just(Act::Flush),
        1 => Just(Act::Close),
        1 => Just(Act::Kill),
    ]
}

fn same(store: &dyn CallbackStore, model: &dyn CallbackStore, targets: u64) {
    assert_eq!(store.taken().unwrap(), model.taken().unwrap());
    assert_eq!(store.targets().unwrap(), model.targets().unwrap());
    assert_eq!(store.counts().unwrap(), model.counts().unwrap());
    assert_eq!(all(store), all(model));
    for target in 99..=100 + targets {
        assert_eq!(store.window(target, None, 50).unwrap(), model.window(target, None, 50).unwrap());
        let after = Some(fixture::place(100));
        assert_eq!(store.window(target, after, 3).unwrap(), model.window(target, after, 3).unwrap());
    }
    for n in 0..5 {
        let filter = ListFilter { cash_box: Some(cash_box(n)), kind: ListKind::DeadLetters };
        assert_eq!(store.list(&filter, 3).unwrap(), model.list(&filter, 3).unwrap());
        let operation = fixture::operation(u64::from(n));
        assert_eq!(
            store.of_operation(cash_box(n % 4), operation).unwrap(),
            model.of_operation(cash_box(n % 4), operation).unwrap()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn over_sled(acts in proptest::collection::vec(act(), 1..30), targets in 1_u64..4) {
        let mut folder = tempfile::tempdir().unwrap();
        let model = MemoryCallbacks::default();
        let mut store = open(folder.path()).unwrap();
        let (mut made, mut now_ns) = (0_u64, 0_i64);
        for act in acts {
            now_ns += 1;
            let both: [&dyn CallbackStore; 2] = [&model, &store];
            match act {
                Act::Take(count, again) => {
                    let some = messages(made.saturating_sub(again)..made + count, targets);
                    // Whole records, as the log has them.
                    made = (made + count).next_multiple_of(3);
                    let rest = messages(made.saturating_sub(3)..made, targets);
                    if made > 0 {
                        for store in both {
                            store.take(behind(made - 1), &[some.clone(), rest.clone()].concat()).unwrap();
                        }
                    }
                }
                Act::Try(every, ending, day) => {
                    let tried: Vec<Change> = all(&model).iter().step_by(every).map(|state| {
                        let mut message = state.message().clone();
                        message.add_attempt(attempt(now_ns, "timeout"));
                        let settled_ns = day * DAY_NS + now_ns;
                        let ending = [None, Some(Ending::Acknowledged), Some(Ending::Gone), Some(Ending::DeadLetter)][ending];
                        ending.map_or(Change::Open(message.clone()), |ending| {
                            Change::Settled(settle(&message, ending, settled_ns))
                        })
                    }).collect();
                    both.iter().for_each(|store| store.tried(&tried).unwrap());
                }
                Act::Reopen(which) => {
                    let settled: Vec<SettledMessage> = all(&model).into_iter().filter_map(|state| match state {
                        MessageState::Settled(settled) => Some(settled),
                        MessageState::Open(_) => None,
                    }).collect();
                    if !settled.is_empty() {
                        let one = &settled[which % settled.len()];
                        both.iter().for_each(|store| assert!(store.reopen(one, now_ns).unwrap()));
                    }
                }
                Act::Forget(day) => both.iter().for_each(|store| store.forget_before(day * DAY_NS + 7).unwrap()),
                Act::Flush => {
                    both.iter().for_each(|store| store.flush().unwrap());
                    prop_assert_eq!(store.settled_to().unwrap(), model.settled_to().unwrap());
                }
                Act::Close => {
                    store.close().unwrap();
                    prop_assert!(store.taken().is_err());
                    drop(store);
                    store = open(folder.path()).unwrap();
                }
                Act::Kill => {
                    store.flush().unwrap();
                    model.flush().unwrap();
                    let copy = tempfile::tempdir().unwrap();
                    copy_folder(folder.path(), copy.path());
                    drop(store);
                    folder = copy;
                    store = open(folder.path()).unwrap();
                    prop_assert_eq!(store.settled_to().unwrap(), model.settled_to().unwrap());
                }
            }
            same(&store, &model, targets);
        }
    }
}
