//! Operations as an operator looks at them, with and without a server.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::bench::{Bench, Server, Till, receipt, string};

fn post(server: &Server, till: &Till, path: &str, id: Uuid, body: &Value) -> u16 {
    let mut headers = till.headers();
    headers.retain(|(name, _)| name != "x-operation-id");
    headers.push(("x-operation-id".into(), id.to_string()));
    server.post(path, &headers, body.to_string().as_bytes()).0
}

#[test]
fn operations_are_listed_shown_and_waited_for() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let server = bench.serve();
    let [sold, refused, accepted] = [Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4()];
    let sale = receipt(1, json!([{"Description": "Melange", "Amount": 4.9, "VATRate": 20}]));
    assert_eq!(post(&server, &till, "/v2/sign", sold, &sale), 201);
    assert_eq!(post(&server, &till, "/v2/sign", refused, &json!({"cbReceiptReference": null})), 400);
    assert_eq!(post(&server, &till, "/v2/SignRequest", accepted, &sale), 202);

    let (id, accepted) = (till.id.as_str(), accepted.to_string());
    let ended = bench.json(&["operation", "wait", id, &accepted]);
    assert_eq!((&ended["state"], &ended["status"]), (&"done".into(), &201.into()));
    let text = bench.done(&["operation", "wait", id, &accepted, "--timeout-ms", "0"]);
    assert!(text.contains("POST /v2/SignRequest") && text.contains("ft"), "{text}");
    let mut server = Some(server);
    for look in ["through the server", "without it"] {
        if look == "without it" {
            server.take().unwrap().stop();
        }
        let listed = bench.json(&["operation", "list", id]);
        let found: Vec<(String, String)> = listed["operations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (string(&one["operation"]), string(&one["state"])))
            .collect();
        let expected = [(accepted.clone(), "done"), (refused.to_string(), "failed"), (sold.to_string(), "done")];
        assert_eq!(found.len(), 4, "{look}: the start receipt is the first: {listed}");
        for (found, (id, state)) in found.iter().zip(expected) {
            assert_eq!((found.0.as_str(), found.1.as_str()), (id.as_str(), state), "{look}");
        }
        let failed = bench.done(&["operation", "list", id, "--state", "failed", "--limit", "5"]);
        assert_eq!(failed.lines().count(), 2, "{failed}");
        assert!(failed.contains(&refused.to_string()) && failed.contains("400"), "{failed}");
        let shown = bench.json(&["operation", "show", id, &refused.to_string()]);
        assert_eq!(
            (&shown["state"], &shown["status"], &shown["kind"]),
            (&"failed".into(), &400.into(), &"sign".into())
        );
        assert!(shown["message"].as_str().unwrap().contains("cbReceiptReference"), "{shown}");
        assert!(bench.done(&["operation", "show", id, &sold.to_string()]).contains("queue item"));

        let stranger = Uuid::new_v4().to_string();
        for verb in ["show", "wait"] {
            bench.fails(3, &["operation", verb, id, &stranger]);
            bench.fails(3, &["operation", verb, &stranger, &stranger]);
        }
        bench.fails(3, &["operation", "list", &stranger]);
    }
    for wrong in [
        &["operation", "list", id, "--state", "nonsense"][..],
        &["operation", "list", id, "--limit", "0"],
        &["operation", "list", id, "--limit", "10001"],
        &["operation", "wait", id, &accepted, "--timeout-ms", "-1"],
        &["operation", "show", id, "nonsense"],
    ] {
        bench.fails(2, wrong);
    }
}
