use kassette_cashbox::{Admission, Facts, Request, Step};
use kassette_model::{OperationKind, OperationState};
use kassette_record::SealedRecord;
use kassette_wire::problem::{Code, Retry};

use super::env::{TestEnv, check_chain, request, sale};

fn conflict(admission: &Admission) -> Option<(Code, Retry, bool)> {
    match admission {
        Admission::Conflict(problem) => Some((problem.code, problem.retry, problem.stored)),
        _ => None,
    }
}

/// Contract 2.2: kind and raw body are compared, in flight and finished alike; an empty body on a repeat is not compared.
#[test]
fn the_conflict_matrix() {
    let body = sale("R-1");
    let spaced = format!(" {body}");
    for settled in [false, true] {
        let mut env = TestEnv::started();
        let first = request(OperationKind::Sign, 1, body.clone());
        assert_eq!(env.admit(&first), Admission::Fresh);
        let answer = env.commit(&first).answer;
        if settled {
            env.settle();
        }
        let expected = if settled { Admission::Done(answer) } else { Admission::Running };
        for (kind, again, code) in [
            (OperationKind::Sign, body.as_str(), None),
            (OperationKind::Sign, "", None),
            (OperationKind::Sign, spaced.as_str(), Some(Code::OperationConflict)),
            (OperationKind::Sign, "{}", Some(Code::OperationConflict)),
            (OperationKind::Echo, body.as_str(), Some(Code::OperationKindConflict)),
            (OperationKind::Echo, "", Some(Code::OperationKindConflict)),
        ] {
            let admission = env.admit(&request(kind, 1, again));
            match code {
                None => assert_eq!(admission, expected, "settled {settled}, {kind}, {again:?}"),
                Some(code) => assert_eq!(conflict(&admission), Some((code, Retry::NewId, false)), "{kind}, {again:?}"),
            }
        }
        // Headers are no part of the fingerprint.
        let other = Request { terminal: Some("x".to_owned()), headers: Vec::new(), ..first.clone() };
        assert_eq!(env.admit(&other), expected);
        // The same id belongs to this cash box only; another id is fresh.
        assert_eq!(env.admit(&request(OperationKind::Sign, 2, body.clone())), Admission::Fresh);
    }
}

#[test]
fn a_conflict_names_the_first_fingerprint() {
    let mut env = TestEnv::started();
    let first = request(OperationKind::Echo, 1, r#"{"Message":"a"}"#);
    env.commit(&first);
    env.settle();
    let Admission::Conflict(problem) = env.admit(&request(OperationKind::Echo, 1, "{}")) else { panic!() };
    let hash = kassette_record::Hash::of(&first.body).hex();
    assert!(problem.detail.contains(&hash), "{}", problem.detail);
}

#[test]
fn failures_are_replayed_too() {
    let mut env = TestEnv::started();
    let bad = request(OperationKind::Sign, 1, "{");
    let answer = env.commit(&bad).answer;
    env.settle();
    assert_eq!((answer.status, answer.state), (400, OperationState::Failed));
    assert_eq!(env.admit(&bad), Admission::Done(answer));
}

#[test]
fn an_erased_answer_cannot_be_replayed() {
    let mut env = TestEnv::started();
    let first = request(OperationKind::Sign, 1, sale("R-1"));
    env.commit(&first);
    env.settle();
    let stored = env.stored(first.id).unwrap();
    let erased = SealedRecord::read(stored.header.clone(), vec![0; stored.bodies.len()]).unwrap();
    let admission = env.core.admit(&first, Some(&erased));
    assert_eq!(conflict(&admission), Some((Code::OperationErased, Retry::Never, false)));
    let other_kind = request(OperationKind::Echo, 1, "{}");
    assert_eq!(conflict(&env.core.admit(&other_kind, Some(&erased))).unwrap().0, Code::OperationKindConflict);
}

#[test]
fn a_damaged_answer_is_not_replayed() {
    let mut env = TestEnv::started();
    let first = request(OperationKind::Sign, 1, sale("R-1"));
    env.commit(&first);
    env.settle();
    let mut damaged = env.stored(first.id).unwrap().clone();
    let last = damaged.bodies.len() - 1;
    damaged.bodies[last] ^= 1;
    assert_eq!(conflict(&env.core.admit(&first, Some(&damaged))).unwrap().0, Code::JournalDamaged);
}

/// Contract 6.2 and the pipeline: nothing waits for the disk.
#[test]
fn sixty_four_operations_are_decided_before_any_is_durable() {
    let mut env = TestEnv::started();
    let requests: Vec<Request> =
        (0..64).map(|number| request(OperationKind::Sign, number, sale(&format!("P-{number}")))).collect();
    let answers: Vec<_> = requests.iter().map(|request| env.commit(request).answer).collect();
    assert_eq!(env.core.in_flight_count(), 64);
    for request in &requests {
        assert_eq!(env.admit(request), Admission::Running);
    }
    env.settle();
    assert_eq!(env.core.in_flight_count(), 0);
    check_chain(&env.journal);
    for (index, (request, answer)) in requests.iter().zip(answers).enumerate() {
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(body["ftQueueRow"], index + 2);
        assert_eq!(env.admit(request), Admission::Done(answer));
    }
}

#[test]
fn a_step_with_the_same_facts_gives_the_same_record() {
    let env = TestEnv::started();
    let request = request(OperationKind::Sign, 1, "no json");
    let facts: Facts = env.facts();
    let (mut one, mut other) = (env.restored(), env.restored());
    let (Step::Commit(a), Step::Commit(b)) = (one.step(&request, &facts), other.step(&request, &facts)) else {
        panic!()
    };
    assert_eq!((a.record.header, a.record.bodies), (b.record.header, b.record.bodies));
}

#[test]
fn an_abandoned_operation_was_never_executed() {
    let mut env = TestEnv::started();
    let request = request(OperationKind::Sign, 1, sale("R-1"));
    let facts = env.facts();
    assert!(matches!(env.core.step(&request, &facts), Step::Ask(_)));
    assert_eq!(env.admit(&request), Admission::Running);
    let other = Request { body: b"{}".to_vec(), ..request.clone() };
    assert_eq!(conflict(&env.admit(&other)).unwrap().0, Code::OperationConflict);
    env.core.abandon();
    assert_eq!(env.admit(&request), Admission::Fresh);
    assert_eq!(env.core.in_flight_count(), 0);
    env.commit(&request);
}
