//! Operations whose callers do not wait (contract 3.2): the same operations as the synchronous ones.

use serde_json::Value;
use uuid::Uuid;

use crate::server::{A, B, Options, TestServer, fresh, over_every_store, sale};

/// Checks a state object.
#[track_caller]
fn check_state(object: &Value, id: Uuid, state: &str) {
    let names: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    let mut wanted =
        ["OperationID", "QueueID", "QueueItemID", "State", "StateMessage", "StateData", "TimeStamp"].to_vec();
    wanted.sort_unstable();
    assert_eq!(names, wanted);
    assert_eq!(
        (object["OperationID"].as_str(), object["State"].as_str()),
        (Some(id.to_string().as_str()), Some(state))
    );
    assert_eq!(object["QueueID"], A.queue().to_string());
}

#[test]
fn started_one_way_and_finished_the_other() {
    over_every_store(|server| {
        let (id, body) = (fresh(), sale("R-1"));
        let get = |path: &str| server.call("GET", &format!("/v2/{path}")).of(A).send();
        let accepted = server.call("POST", "/v2/SignRequest").of(A).id(id).body(&body).send();
        let object = accepted.ok(202);
        assert_eq!(accepted.header("location"), Some(format!("/v2/SignRequest/{id}").as_str()));
        assert_eq!(accepted.header("x-operation-id"), Some(id.to_string().as_str()));
        check_state(&object, id, accepted.header("x-operation-state").unwrap());

        let ended = get(&format!("BlockSignRequest/{id}/WhileProcessing")).ok(200);
        check_state(&ended, id, "done");
        assert!(ended["QueueItemID"].is_string());
        for path in
            ["SignRequest/ID", "signrequest/ID", "operation/ID", "operation/ID/state", "operation/ID/wait?timeout=0"]
        {
            assert_eq!(get(&path.replace("ID", &id.to_string())).ok(200), ended, "{path}");
        }
        for path in ["SignRequest/ID/request", "operation/ID/request"] {
            let stored = get(&path.replace("ID", &id.to_string()));
            assert_eq!((stored.status, stored.text()), (200, body.clone()), "{path}");
        }
        let answer = get(&format!("SignResponse/{id}"));
        assert_eq!(answer.ok(200)["ftQueueItemID"], ended["QueueItemID"]);
        assert_eq!(get(&format!("operation/{id}/response")).body, answer.body);

        let repeat = server.call("POST", "/v2/sign").of(A).id(id).body(&body).send();
        assert_eq!((repeat.status, &repeat.body), (200, &answer.body), "the synchronous repeat gets the same bytes");
        let again = server.call("POST", "/v2/SignRequest").of(A).id(id).body(&body).send();
        assert_eq!(again.ok(200), ended);

        let (other, body) = (fresh(), sale("R-2"));
        let sync = server.call("POST", "/v2/sign").of(A).id(other).body(&body).send();
        assert_eq!(sync.ok(201)["ftQueueRow"], 3, "the accepted one took one row");
        check_state(&server.call("POST", "/v2/SignRequest").of(A).id(other).body(&body).send().ok(200), other, "done");
        assert_eq!(get(&format!("SignResponse/{other}")).body, sync.body);

        // One item each, whatever the number of records behind it.
        let items = get(&format!("PeekJournalItem/{}/OperationItem", A.queue())).ok(200);
        let of = |id: Uuid| -> Vec<&Value> {
            items.as_array().unwrap().iter().filter(|item| item["cbOperationItemID"] == id.to_string()).collect()
        };
        assert_eq!((of(id).len(), of(other).len()), (1, 1));
        assert_eq!((&of(id)[0]["LastState"], &of(id)[0]["ResponseCode"]), (&"done".into(), &201.into()));
    });
}

#[test]
fn a_failure_is_told_by_the_state_and_by_the_response() {
    over_every_store(|server| {
        let id = fresh();
        let call = server.call("POST", "/v2/SignRequest").of(A).id(id).body(r#"{"cbReceiptReference":null}"#);
        assert_eq!(call.clone().send().status, 202);
        let ended = server.call("GET", &format!("/v2/BlockSignRequest/{id}/WhileProcessing")).of(A).send().ok(200);
        check_state(&ended, id, "failed");
        let problem = server.call("GET", &format!("/v2/SignResponse/{id}")).of(A).send().problem(400, "body-invalid");
        assert_eq!(ended["StateMessage"], problem["detail"]);
        assert_eq!(call.clone().send().ok(200), ended);
        call.body(sale("good now")).send().problem(409, "operation-conflict");
        assert_eq!(server.sale(A, "next")["ftQueueRow"], 2, "nothing was counted");
    });
}

#[test]
fn what_is_unknown_foreign_or_of_another_kind_is_not_found() {
    over_every_store(|server| {
        let id = fresh();
        server.call("POST", "/v2/EchoRequest").of(A).id(id).body(r#"{"Message":"x"}"#).send().ok(202);
        server.call("GET", &format!("/v2/operation/{id}/wait")).of(A).send().ok(200);
        server.call("GET", &format!("/v2/EchoResponse/{id}")).of(A).send().ok(200);
        for (till, path) in [
            (A, format!("SignRequest/{id}")),
            (A, format!("SignResponse/{id}")),
            (A, format!("BlockSignRequest/{id}/WhileProcessing")),
            (A, format!("operation/{}", fresh())),
            (A, "operation/no-guid".to_owned()),
            (B, format!("EchoRequest/{id}")),
            (B, format!("operation/{id}/wait")),
        ] {
            server.call("GET", &format!("/v2/{path}")).of(till).send().problem(404, "not-found");
        }
        // Without an operation id there is no operation.
        server.call("POST", "/v2/SignRequest").of(A).body(sale("R")).send().problem(400, "header-missing");
    });
}

#[test]
fn a_preference_decides_how_long_a_call_waits() {
    let server = TestServer::in_memory(Options::default());
    let journal = server.memory.as_ref().unwrap();
    let waited = server.operation(A, "/v2/sign", sale("R-1")).header("prefer", "respond-async, wait=30").send();
    assert_eq!(waited.ok(201)["ftQueueRow"], 2, "done in time");
    let two_lines =
        server.operation(A, "/v2/sign", sale("R-2")).header("prefer", "wait=30").header("prefer", "respond-async");
    assert_eq!(two_lines.send().ok(201)["ftQueueRow"], 3, "several lines count as one");

    let (id, held) = (fresh(), sale("held"));
    let call = server.call("POST", "/v2/sign").of(A).id(id).body(&held);
    journal.hold();
    let accepted = std::thread::scope(|scope| {
        let first = scope.spawn(|| call.clone().header("prefer", "Respond-Async").send());
        while journal.queued() < 2 {
            std::thread::yield_now();
        }
        assert!(!first.is_finished(), "nobody is told before the intent is durable");
        assert!(journal.release_one());
        first.join().unwrap()
    });
    check_state(&accepted.ok(202), id, "pending");
    assert_eq!(accepted.header("preference-applied"), Some("respond-async"));
    assert_eq!(accepted.header("location"), Some(format!("/v2/SignRequest/{id}").as_str()));

    let get = |path: &str| server.call("GET", &format!("/v2/{}", path.replace("ID", &id.to_string()))).of(A).send();
    check_state(&get("SignRequest/ID").ok(200), id, "pending");
    for path in ["SignResponse/ID", "BlockSignRequest/ID/WhileProcessing?timeout=20", "operation/ID/wait?timeout=0"] {
        let reply = get(path);
        assert_eq!((reply.status, reply.header("x-operation-state")), (204, Some("pending")), "{path}");
    }
    check_state(&server.call("POST", "/v2/SignRequest").of(A).id(id).body(&held).send().ok(202), id, "pending");
    call.clone().target("/v2/sign?timeout=10").send().problem(422, "operation-running");

    let ended = std::thread::scope(|scope| {
        let parked: Vec<_> =
            (0..20).map(|_| scope.spawn(|| get("BlockSignRequest/ID/WhileProcessing").ok(200))).collect();
        journal.release();
        parked.into_iter().map(|waiter| waiter.join().unwrap()).collect::<Vec<_>>()
    });
    for object in &ended {
        check_state(object, id, "done");
    }
    assert_eq!(call.send().ok(200)["ftQueueRow"], 4);
}

#[test]
fn a_client_that_goes_away_frees_its_place_and_stops_nothing() {
    let mut settings = kassette::config::Settings::default();
    // Two workers of the test server share them.
    settings.limits.connections_max = 16;
    let server = TestServer::in_memory(Options { settings, ..Options::default() });
    let journal = server.memory.as_ref().unwrap();
    let (id, held) = (fresh(), sale("held"));
    let call = server.call("POST", "/v2/sign").of(A).id(id).body(&held);
    journal.hold();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| call.clone().header("prefer", "respond-async").send());
        while journal.queued() < 2 {
            std::thread::yield_now();
        }
        assert!(journal.release_one());
        assert_eq!(first.join().unwrap().status, 202);
    });
    let wait = || server.call("GET", &format!("/v2/operation/{id}/wait?timeout=300000")).of(A).begin();
    for round in 0..4 {
        // As many as there are places; they would stay for five minutes.
        let parked: Vec<_> = (0..8).map(|_| wait()).collect();
        drop(parked);
        let state = server.call("GET", &format!("/v2/operation/{id}")).of(A).send();
        check_state(&state.ok(200), id, "pending");
        assert_eq!(state.status, 200, "round {round}");
    }
    journal.release();
    assert_eq!(call.send().ok(200)["ftQueueRow"], 2, "the operation went on");
}
