//! Callback secrets: made once, rotated, nowhere in the log. Callback messages: listed, looked at, sent again.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::bench::{Bench, Server, Till, receipt, string};
use crate::receiver::Receiver;

fn secrets(shown: &Value) -> Vec<String> {
    shown["secrets"].as_array().unwrap().iter().map(|one| string(&one["secret"])).collect()
}

#[test]
fn a_callback_secret_is_made_once_and_rotated_with_two_valid_ones() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let show = || secrets(&bench.json(&["callback", "secret", "show", &till.id]));
    let rotate = |more: &[&str]| {
        let arguments = [&["callback", "secret", "rotate", till.id.as_str()], more].concat();
        secrets(&bench.json(&arguments))
    };
    let first = show();
    assert!(first.len() == 1 && first[0].starts_with("whsec_"), "{first:?}");
    let file = bench.data_dir().join(format!("keys/callbacks/{}.json", till.id));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    let log = bench.file("log");
    let mut command = bench.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    command.env("KASSETTE_LOG__FILTER", "trace");
    let server = Server::start_with_log(command, std::fs::File::create(&log).unwrap());
    assert_eq!(show(), first, "the server has the same");
    let second = rotate(&[]);
    assert_eq!((second.len(), &second[1]), (2, &first[0]));
    let third = rotate(&[]);
    assert_eq!((third.len(), &third[1]), (2, &second[0]));
    let fourth = rotate(&["--revoke"]);
    assert_eq!(fourth.len(), 1);
    server.stop();
    assert_eq!(show(), fourth);

    let text = bench.done(&["callback", "secret", "show", &till.id]);
    assert!(text.contains(&fourth[0]) && !text.contains("both"), "{text}");
    assert!(bench.done(&["callback", "secret", "rotate", &till.id]).contains("both until the next rotation"));
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("callback secret rotated"), "{log}");
    for secret in [&first[0], &second[0], &third[0], &fourth[0]] {
        assert!(!log.contains(secret.trim_start_matches("whsec_")), "a secret stands in the log");
    }
    let stranger = uuid::Uuid::new_v4().to_string();
    for verb in ["show", "rotate"] {
        bench.fails(3, &["callback", "secret", verb, &stranger]);
    }
    assert_eq!(std::fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "nothing was made for a stranger");
}

#[test]
fn a_damaged_secret_is_named_and_replaced_only_when_it_is_revoked() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    bench.done(&["callback", "secret", "show", &till.id]);
    let file = bench.data_dir().join(format!("keys/callbacks/{}.json", till.id));
    std::fs::write(&file, "{}").unwrap();
    for verb in ["show", "rotate"] {
        let said = bench.fails(6, &["callback", "secret", verb, &till.id]);
        assert!(said.contains("is damaged") && said.contains(&till.id), "{said}");
    }
    bench.done(&["callback", "secret", "rotate", &till.id, "--revoke"]);
    assert_eq!(secrets(&bench.json(&["callback", "secret", "show", &till.id])).len(), 1);
}

/// Signs a sale that is to be told to `url`; gives the id of its operation.
fn sell(till: &Till, server: &Server, url: &str) -> String {
    let id = Uuid::new_v4().to_string();
    let mut headers = till.headers();
    headers.retain(|(name, _)| name != "x-operation-id");
    headers.push(("x-operation-id".into(), id.clone()));
    headers.push(("x-operation-callback-state".into(), url.to_owned()));
    let sale = receipt(1, json!([{"Description": "Melange", "Amount": 4.9, "VATRate": 20}]));
    assert_eq!(server.post("/v2/sign", &headers, sale.to_string().as_bytes()).0, 201);
    id
}

/// The messages of an operation when they stand so; what came of an attempt is written a moment after its answer.
#[track_caller]
fn stand(bench: &Bench, till: &Till, operation: &str, expected: &[(&str, u64)]) -> Value {
    let mut shown = Value::Null;
    for _ in 0..200 {
        shown = bench.json(&["callback", "attempts", &till.id, operation]);
        let found: Vec<(&str, u64)> = shown["callbacks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (one["state"].as_str().unwrap(), one["attempt_count"].as_u64().unwrap()))
            .collect();
        if found == expected {
            return shown;
        }
    }
    panic!("not {expected:?}: {shown:#}")
}

#[test]
fn callbacks_are_listed_looked_at_and_sent_again() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    assert!(bench.json(&["callback", "list"])["callbacks"].as_array().unwrap().is_empty());
    assert_eq!(
        bench.json(&["status"])["callbacks"]["problem"],
        Value::Null,
        "no server was there, and nothing is amiss"
    );
    let receiver = Receiver::start(&[503]);
    let server = bench.serve();
    let id = sell(&till, &server, &receiver.url("/state?key=hunter2"));
    assert_eq!(receiver.next().target, "/state?key=hunter2");
    let waiting = stand(&bench, &till, &id, &[("open", 1), ("open", 0), ("open", 0)]);
    let first = &waiting["callbacks"][0];
    assert_eq!(first["url"], receiver.url("/state?…"));
    assert_eq!((&first["tells"], &first["attempts"][0]["status"]), (&json!("pending"), &json!(503)));
    assert!(first["next_try"].as_str().unwrap() > first["attempts"][0]["at"].as_str().unwrap(), "{first}");
    assert!(bench.done(&["callback", "attempts", &till.id, &id, "--url"]).contains("key=hunter2"));
    let text = bench.done(&["callback", "attempts", &till.id, &id]);
    assert!(text.contains("rejected 503") && text.contains("next try") && !text.contains("hunter2"), "{text}");
    assert!(text.contains("after message 1"), "{text}");
    assert_eq!([0, 1, 2].map(|at| waiting["callbacks"][at]["waits_for"].as_u64()), [None, Some(1), Some(1)]);
    let status = bench.json(&["status"])["callbacks"].clone();
    assert_eq!((&status["open"], &status["dead_letters"]), (&json!(3), &json!(0)), "{status}");
    assert_eq!(bench.done(&["callback", "list", "--state", "open", "--cashbox", &till.id]).lines().count(), 4);
    assert_eq!(bench.done(&["callback", "list", "--limit", "1"]).lines().count(), 2);
    assert_eq!(bench.done(&["callback", "list", "--state", "dead"]).lines().count(), 1);

    assert!(bench.fails(3, &["callback", "resend", &till.id, &id, "--sequence", "4"]).contains("no message 4"));
    let text = bench.done(&["callback", "resend", &till.id, &id, "--sequence", "1"]);
    assert!(text.contains("1 message will be sent again now"), "{text}");
    for expected in 1..=3 {
        let arrived = receiver.next();
        assert_eq!(arrived.header("webhook-id"), format!("{id}_{expected}"));
    }
    stand(&bench, &till, &id, &[("acknowledged", 2), ("acknowledged", 1), ("acknowledged", 1)]);

    let old = secrets(&bench.json(&["callback", "secret", "show", &till.id]));
    let both = secrets(&bench.json(&["callback", "secret", "rotate", &till.id]));
    receiver.answer_with(&[410]);
    let resent = bench.json(&["callback", "resend", &till.id, &id, "--sequence", "3"]);
    assert_eq!((&resent["reopened"], &resent["is_served"]), (&json!(1), &json!(true)), "{resent}");
    let arrived = receiver.next();
    assert!(arrived.is_signed_under(&old[0]) && arrived.is_signed_under(&both[0]) && both[0] != old[0]);
    let body: Value = serde_json::from_slice(&arrived.body).unwrap();
    assert_eq!((&body["State"], &body["Sequence"], &body["OperationID"]), (&json!("done"), &json!(3), &json!(id)));
    let expected = [("acknowledged", 2), ("acknowledged", 1), ("gone", 2)];
    stand(&bench, &till, &id, &expected);

    server.stop();
    stand(&bench, &till, &id, &expected);
    let text = bench.done(&["callback", "resend", &till.id, &id, "--sequence", "3"]);
    assert!(text.contains("1 message will be sent by the next server"), "{text}");
    stand(&bench, &till, &id, &[("acknowledged", 2), ("acknowledged", 1), ("open", 2)]);
    assert_eq!(bench.json(&["status"])["callbacks"]["open"], 1);
    assert_eq!(bench.done(&["callback", "list", "--state", "open"]).lines().count(), 2);
    let server = bench.serve();
    assert_eq!(receiver.next().header("webhook-id"), format!("{id}_3"));
    stand(&bench, &till, &id, &[("acknowledged", 2), ("acknowledged", 1), ("acknowledged", 3)]);
    assert_eq!(server.get("/readyz").1["warnings"], json!([]));
}

#[test]
fn a_callback_that_is_given_up_is_a_dead_letter_until_it_is_sent_again() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let receiver = Receiver::start(&[500, 500, 500]);
    let mut command = bench.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    // Shorter than the first wait.
    command.env("KASSETTE_CALLBACKS__GIVE_UP_AFTER_MS", "1000").env("KASSETTE_CALLBACKS__RETRY_AFTER_MAX_MS", "0");
    let server = Server::start(command);
    let id = sell(&till, &server, &receiver.url("/state"));
    // Before the first one comes the server may not have taken the promises over.
    assert_eq!(receiver.next().header("webhook-id"), format!("{id}_1"));
    let dead = stand(&bench, &till, &id, &[("dead", 1), ("dead", 1), ("dead", 1)]);
    assert_eq!(dead["callbacks"][2]["next_try"], Value::Null);
    assert!(dead["callbacks"][2]["ended"].is_string(), "{dead}");
    assert_eq!(bench.json(&["status"])["callbacks"]["dead_letters"], 3);
    assert_eq!(bench.done(&["callback", "list", "--state", "dead"]).lines().count(), 4);
    let (status, ready) = server.get("/readyz");
    assert_eq!((status, &ready["ready"]), (200, &json!(true)));
    assert_eq!(ready["warnings"], json!(["3 callbacks were given up and wait for the operator"]));
    assert!(bench.done(&["callback", "resend", &till.id, &id]).contains("3 messages will be sent again now"));
    stand(&bench, &till, &id, &[("acknowledged", 2), ("acknowledged", 2), ("acknowledged", 2)]);
    assert_eq!(server.get("/readyz").1["warnings"], json!([]));
}

#[test]
fn callbacks_that_are_not_there_are_said_to_be_so() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let mut server = Some(bench.serve());
    let id = till.headers().pop().unwrap().1;
    let quiet = [till.headers(), vec![("x-terminal-id".into(), "bar".into())]].concat();
    let sold = quiet[2].1.clone();
    let sale = receipt(1, json!([{"Description": "Melange", "Amount": 4.9, "VATRate": 20}]));
    let served = server.as_ref().unwrap();
    assert_eq!(served.post("/v2/sign", &quiet, sale.to_string().as_bytes()).0, 201);
    for look in ["through the server", "without it"] {
        if look == "without it" {
            server.take().unwrap().stop();
        }
        for verb in ["attempts", "resend"] {
            let said = bench.fails(3, &["callback", verb, &till.id, &id]);
            assert!(said.contains("has no operation"), "{look}: {said}");
            let said = bench.fails(3, &["callback", verb, &till.id, &sold]);
            assert!(said.contains("asked for no callbacks"), "{look}: {said}");
            bench.fails(3, &["callback", verb, &id, &sold]);
        }
        bench.fails(3, &["callback", "list", "--cashbox", &id]);
    }
    for wrong in [
        &["callback", "list", "--state", "nonsense"][..],
        &["callback", "list", "--limit", "0"],
        &["callback", "resend", &till.id, &sold, "--sequence", "0"],
    ] {
        bench.fails(2, wrong);
    }
}
