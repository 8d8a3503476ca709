//! What records look like as live events.

use kassette_cashbox::reading::{events, state_changes};
use kassette_model::OperationKind;
use kassette_record::SealedRecord;
use kassette_wire::event::{Event, write_event};
use kassette_wire::operation::write_state_object;
use serde_json::Value;

use super::env::{QUEUE, TestEnv, receipt, sale};

fn of(record: &SealedRecord, env: &TestEnv) -> Vec<Event> {
    events(record, env.configuration.queue).unwrap()
}

fn json(event: &Event) -> Value {
    let mut out = Vec::new();
    write_event(event, &mut out);
    serde_json::from_slice(&out).unwrap()
}

/// Kind and, in short, what happened, of every event of the newest record.
#[track_caller]
fn check(env: &TestEnv, expected: &[(&str, &str)]) {
    let found: Vec<(String, String)> = of(env.journal.last().unwrap(), env)
        .iter()
        .map(|event| {
            let body = json(event);
            let what = match event {
                Event::Operation(_) | Event::Device(_) => body["State"].as_str().unwrap().to_owned(),
                Event::Receipt(_) => body["ftReceiptIdentification"].as_str().unwrap().to_owned(),
            };
            (event.kind().name().to_owned(), what)
        })
        .collect();
    let found: Vec<(&str, &str)> = found.iter().map(|(kind, what)| (kind.as_str(), what.as_str())).collect();
    assert_eq!(found, expected);
}

const ENDS: [(&str, &str); 3] = [("operation", "pending"), ("operation", "processing"), ("operation", "done")];

#[test]
fn each_kind_of_record_has_its_events() {
    let mut env = TestEnv::new(super::env::configuration());
    check(&env, &[]);
    env.sign(&receipt("start", super::env::START_RECEIPT));
    check(&env, &[&ENDS[..], &[("receipt", "ft0#1")]].concat());
    env.sign(&sale("R"));
    check(&env, &[&ENDS[..], &[("receipt", "ft1#2")]].concat());
    env.sign("not json");
    check(&env, &[ENDS[0], ENDS[1], ("operation", "failed")]);
    let echo = env.fresh(OperationKind::Echo, r#"{"Message":"x"}"#);
    env.sign_request(&echo);
    check(&env, &ENDS);
    env.unit_works = false;
    env.sign(&sale("fails"));
    check(&env, &[&ENDS[..], &[("receipt", "ft2#3"), ("device", "down")]].concat());
    env.sign(&sale("still"));
    check(&env, &[&ENDS[..], &[("receipt", "ft3#4")]].concat());
    env.unit_works = true;
    env.sign(&receipt("zero", 0x4154_2000_0000_2000));
    check(&env, &[&ENDS[..], &[("receipt", "ft4#5"), ("device", "up")]].concat());
    let last = of(env.journal.last().unwrap(), &env);
    let device = json(last.last().unwrap());
    assert_eq!((&device["Device"], &device["QueueID"]), (&"scu".into(), &QUEUE.into()));
    assert!(device["Message"].as_str().unwrap().contains("ft2#3 bis ft3#4"), "{device}");
}

#[test]
fn an_accepted_operation_has_its_events_in_two_records() {
    let mut env = TestEnv::started();
    let request = env.fresh(OperationKind::Sign, &sale("R"));
    let accepted = env.core.accept(&request, &env.facts()).unwrap_or_else(|step| panic!("{step:?}"));
    env.journal.push(accepted.record);
    check(&env, &[ENDS[0]]);
    env.sign_request(&request);
    check(&env, &[ENDS[1], ENDS[2], ("receipt", "ft1#2")]);
}

#[test]
fn an_operation_event_is_the_body_of_its_callback() {
    let mut env = TestEnv::started();
    env.sign(&sale("R"));
    let record = env.journal.last().unwrap();
    let (mut bodies, mut callbacks) = (Vec::new(), Vec::new());
    for event in of(record, &env).iter().filter(|event| matches!(event, Event::Operation(_))) {
        write_event(event, &mut bodies);
    }
    for change in state_changes(record, env.configuration.queue).unwrap() {
        write_state_object(&change, &mut callbacks);
    }
    assert!(!bodies.is_empty() && bodies == callbacks);
    assert!(String::from_utf8(bodies).unwrap().contains(r#""Sequence":3}"#));
}

#[test]
fn a_receipt_event_says_what_the_answer_said() {
    let mut env = TestEnv::started();
    for (body, erased) in [(sale("R"), false), (receipt("bad", 0x4652_2000_0000_0001), false), (sale("gone"), true)] {
        let (_, answer) = env.sign(&body);
        if erased {
            env.journal.last_mut().unwrap().bodies.fill(0);
        }
        let record = env.journal.last().unwrap();
        let events = of(record, &env);
        let event = json(events.iter().find(|event| matches!(event, Event::Receipt(_))).unwrap());
        for name in
            ["ftQueueID", "ftQueueItemID", "ftQueueRow", "ftReceiptIdentification", "ftReceiptMoment", "ftState"]
        {
            assert_eq!(event[name], answer[name], "{name} of {body}");
        }
        let reference = if erased { Value::Null } else { answer["cbReceiptReference"].clone() };
        assert_eq!(event["cbReceiptReference"], reference);
        assert_eq!(event["OperationID"], record.operation.unwrap().to_string());
        assert_eq!(
            event["ftReceiptCase"].as_u64().unwrap() >> 44,
            if body.contains("bad") { 0x46522 } else { 0x41542 }
        );
    }
}
