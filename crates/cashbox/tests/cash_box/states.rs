//! Changes of state: what a record makes, what is owed for it, and what is read from it again.

use std::time::Duration;

use kassette_cashbox::reading::{state_changes, state_object};
use kassette_cashbox::{Request, Step, accepted_request};
use kassette_model::OperationKind;
use kassette_record::SealedRecord;

use super::env::{TestEnv, request, sale};

const URL: &str = "https://till.example/hook?a=1";

fn with_callback(number: u64, body: &str) -> Request {
    Request { callback: Some(URL.to_owned()), ..request(OperationKind::Sign, number, body) }
}

/// The changes that a record makes, as its reader sees them, must be `changes`; the messages owed for them the same, or none.
#[track_caller]
fn check(env: &TestEnv, record: &SealedRecord, changes: &str, owed: bool) {
    let read = state_changes(record, env.configuration.queue).unwrap();
    let texts = |states: Vec<(String, u64)>| {
        states.into_iter().map(|(state, sequence)| format!("{state}{sequence}")).collect::<Vec<_>>().join(" ")
    };
    let seen = read.iter().map(|one| (one.state.to_string(), one.sequence.unwrap())).collect();
    assert_eq!(texts(seen), changes);
    let promised = record.promises.iter().map(|one| (one.state.to_string(), u64::from(one.sequence))).collect();
    assert_eq!(texts(promised), if owed { changes } else { "" });
    assert!(record.promises.iter().all(|one| one.url == URL));
    let stored = SealedRecord::read(record.header.clone(), record.bodies.clone()).unwrap();
    assert_eq!(stored.promises, record.promises, "promises are read with the record");
    let last = state_object(record, env.configuration.queue).unwrap().unwrap();
    assert_eq!(last.state, read.last().unwrap().state);
    for one in &read {
        assert_eq!(one.queue_item_id.is_some(), one.state.name() == "done", "a receipt stands behind the end only");
        assert_eq!(one.state_message.is_some(), one.state.name() == "failed");
    }
}

fn record_of(step: Step) -> SealedRecord {
    match step {
        Step::Commit(commit) => commit.record,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_record_makes_all_changes_of_an_operation_that_is_waited_for() {
    let mut env = TestEnv::started();
    for (number, body, changes) in
        [(1, sale("R-1"), "pending1 processing2 done3"), (2, "{".to_owned(), "pending1 processing2 failed3")]
    {
        let record = env.commit(&with_callback(number, &body)).record;
        check(&env, &record, changes, true);
        let record = env.commit(&request(OperationKind::Sign, number + 10, body)).record;
        check(&env, &record, changes, false);
    }
    env.settle();
    let facts = env.facts();
    let expired = env.core.expire(&with_callback(3, "{}"), &facts, Duration::from_secs(20), 15_000);
    check(&env, &record_of(expired), "pending1 failed2", true);
}

#[test]
fn an_accepted_operation_goes_on_from_its_intent_also_after_a_restart() {
    for restart in [false, true] {
        for (end, changes) in [("step", "processing2 done3"), ("give_up", "failed2"), ("expire", "failed2")] {
            let mut env = TestEnv::started();
            let first = with_callback(1, &sale("R-1"));
            let facts = env.facts();
            let intent = env.core.accept(&first, &facts).unwrap().record;
            check(&env, &intent, "pending1", true);
            env.core.settled(first.id, intent.row);
            env.journal.push(intent.clone());
            if restart {
                env.core = env.restored();
            }
            // What is executed is what the intent says, the URL with it.
            let (stored, _) = accepted_request(&intent).unwrap();
            assert_eq!((stored.callback.as_deref(), &stored.body), (Some(URL), &first.body));
            let facts = env.facts();
            let record = match end {
                "step" => env.commit(&stored).record,
                "give_up" => record_of(env.core.give_up(&stored, &facts)),
                _ => record_of(env.core.expire(&stored, &facts, Duration::from_secs(20), 15_000)),
            };
            check(&env, &record, changes, true);
            assert_eq!(env.core.unfinished(), []);
        }
    }
}
