//! Contract 2.2: one operation id, one execution, one answer.

use std::collections::BTreeMap;

use crate::server::{A, B, Options, TestServer, fresh, over_every_store, sale};

#[test]
fn a_repeat_gets_the_same_bytes() {
    over_every_store(|server| {
        for (target, body) in [("/v2/sign", sale("R-1")), ("/v2/echo", r#"{"Message":"x"}"#.to_owned())] {
            let id = fresh();
            let call = server.call("POST", target).of(A).id(id).body(&body);
            let first = call.clone().send();
            assert_eq!(first.status, 201, "{}", first.text());
            let location = format!("/v2/journal/OperationItem/{id}");
            assert_eq!(first.header("location"), Some(location.as_str()));
            assert_eq!(first.header("x-operation-id"), Some(id.to_string().as_str()));
            assert_eq!(first.header("x-operation-state"), Some("done"));
            for repeat in [
                call.clone().send(),
                call.clone().header("x-terminal-id", "other").target(&target.replace("/v2", "")).send(),
            ] {
                assert_eq!((repeat.status, &repeat.body), (200, &first.body));
                assert_eq!(repeat.header("location"), Some(location.as_str()));
                assert_eq!(repeat.header("x-operation-state"), Some("done"));
            }
        }
        assert_eq!(server.sale(A, "R-2")["ftQueueRow"], 3);
    });
}

#[test]
fn a_stored_failure_is_replayed_and_not_executed_again() {
    over_every_store(|server| {
        let id = fresh();
        let call = server.call("POST", "/v2/sign").of(A).id(id).body(r#"{"cbReceiptReference":null}"#);
        let first = call.clone().send();
        let problem = first.problem(400, "body-invalid");
        assert_eq!(problem["stored"], true);
        assert_eq!(problem["instance"], format!("urn:uuid:{id}"));
        assert_eq!(first.header("x-operation-state"), Some("failed"));
        assert!(first.header("location").is_some());
        let repeat = call.send();
        assert_eq!((repeat.status, repeat.body), (400, first.body));
        server.call("POST", "/v2/sign").of(A).id(id).body(sale("good now")).send().problem(409, "operation-conflict");
    });
}

#[test]
fn another_body_or_kind_conflicts() {
    over_every_store(|server| {
        let id = fresh();
        let call = server.call("POST", "/v2/echo").of(A).id(id);
        call.clone().body(r#"{"Message":"x"}"#).send().ok(201);
        let conflict = call.clone().body(r#"{"Message": "x"}"#).send();
        assert_eq!(conflict.problem(409, "operation-conflict")["stored"], false);
        assert_eq!(conflict.header("x-operation-id"), Some(id.to_string().as_str()));
        call.clone().target("/v2/sign").body(r#"{"Message":"x"}"#).send().problem(409, "operation-kind-conflict");
        // The stored answer stands.
        call.body(r#"{"Message":"x"}"#).send().ok(200);
        // The same id of another cash box is another operation.
        server.call("POST", "/v2/echo").of(B).id(id).body(r#"{"Message":"y"}"#).send().ok(201);
    });
}

#[test]
fn sixty_four_racing_requests_make_one_receipt() {
    over_every_store(|server| {
        let id = fresh();
        let body = sale("raced");
        let replies: Vec<_> = std::thread::scope(|scope| {
            let calls: Vec<_> = (0..64)
                .map(|_| {
                    let call = server.call("POST", "/v2/sign").of(A).id(id).body(&body);
                    scope.spawn(move || call.send())
                })
                .collect();
            calls.into_iter().map(|call| call.join().unwrap()).collect()
        });
        let mut statuses = BTreeMap::new();
        for reply in &replies {
            *statuses.entry(reply.status).or_insert(0) += 1;
            assert_eq!(reply.body, replies[0].body, "{}", reply.text());
        }
        assert_eq!(statuses, BTreeMap::from([(200, 63), (201, 1)]));
        assert_eq!(replies[0].json()["ftQueueRow"], 2);
        assert_eq!(server.sale(A, "next")["ftQueueRow"], 3);
    });
}

#[test]
fn a_repeat_that_waits_too_long_is_told_so() {
    let server = TestServer::in_memory(Options::default());
    let journal = server.memory.as_ref().unwrap();
    journal.hold();
    let call = server.call("POST", "/v2/sign").of(A).id(fresh()).body(sale("slow"));
    let first = std::thread::scope(|scope| {
        let first = scope.spawn(|| call.clone().send());
        while journal.queued() == 0 {
            std::thread::yield_now();
        }
        for waiting in
            [call.clone().target("/v2/sign?timeout=10").send(), call.clone().header("prefer", "wait=0").send()]
        {
            let problem = waiting.problem(422, "operation-running");
            assert_eq!(problem["stored"], false);
            assert_eq!(waiting.header("retry-after"), Some("1"));
            assert_eq!(waiting.header("x-operation-state"), Some("processing"));
        }
        call.clone().body(sale("other")).send().problem(409, "operation-conflict");
        let patient = scope.spawn(|| call.clone().send());
        journal.release();
        let first = first.join().unwrap();
        let patient = patient.join().unwrap();
        assert_eq!((patient.status, &patient.body), (200, &first.body));
        first
    });
    assert_eq!(first.status, 201);
    assert_eq!(call.send().body, first.body);
}

#[test]
fn idempotency_key_is_the_same_header() {
    over_every_store(|server| {
        let id = fresh();
        let first =
            server.call("POST", "/v2/echo").of(A).header("Idempotency-Key", format!("\"{id}\"")).body("{}").send();
        first.ok(201);
        assert_eq!(first.header("x-operation-id"), Some(id.to_string().as_str()));
        server.call("POST", "/v2/echo").of(A).id(id).body("{}").send().ok(200);
        let both = server.call("POST", "/v2/echo").of(A).id(fresh()).header("Idempotency-Key", id.to_string()).send();
        both.problem(400, "header-conflict");
    });
}
