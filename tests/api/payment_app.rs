//! The protocol of payment apps over HTTP: a till on one side, apps on the other.

use std::future::Future;
use std::time::Duration;

use kassette_cashbox::TerminalEntry;
use kassette_model::payment::TerminalAddress;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::Reply;
use crate::server::{A, B, DISABLED, Options, TestServer, Till, fresh, over_every_store};

const CARD: &str = r#"{"Protocol":"http","cbPayItem":{"Description":"Table 7","Amount":18.40}}"#;
const DONE: &str = r#"{"state":"done","paid":18.40}"#;
const APP: &str = r#"{"app":"phone"}"#;

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn terminal(name: &str, provider: &str, address: TerminalAddress) -> TerminalEntry {
    TerminalEntry { name: name.to_owned(), provider: provider.to_owned(), address, terminal_id: None, password: 0 }
}

/// A has an app at `bar` and one at `hall`, and another kind of terminal; B has an app at `garden`.
fn with_apps(server: &TestServer) {
    let line = TerminalAddress::Tcp { host: "127.0.0.1".to_owned(), port: 1 };
    let of_a = vec![
        terminal("bar", "http", TerminalAddress::App),
        terminal("hall", "http", TerminalAddress::App),
        terminal("counter", "zvt", line),
    ];
    for (till, terminals) in [(A, of_a), (B, vec![terminal("garden", "http", TerminalAddress::App)])] {
        let mut configuration = server.gateway.configuration(till.cash_box()).unwrap().unwrap();
        configuration.terminals = terminals;
        block(server.gateway.configure(configuration)).unwrap();
    }
}

fn over_every_store_with_apps(test: impl Fn(&TestServer)) {
    over_every_store(|server| {
        with_apps(server);
        test(server);
    });
}

fn begin(server: &TestServer) -> Uuid {
    let id = fresh();
    server.call("POST", "/v2/PayRequest").of(A).id(id).body(CARD).send().ok(202);
    id
}

fn next(server: &TestServer, wait_ms: u64) -> Reply {
    server.call("GET", &format!("/v2/payment-apps/bar/next?wait={wait_ms}")).of(A).send()
}

fn say(server: &TestServer, till: Till, terminal: &str, id: &str, what: &str, body: &str) -> Reply {
    server.call("POST", &format!("/v2/payment-apps/{terminal}/{id}/{what}")).of(till).body(body).send()
}

fn end_of(server: &TestServer, id: Uuid) -> Reply {
    server.call("POST", "/v2/pay").of(A).id(id).body(CARD).send()
}

#[test]
fn two_apps_wait_and_one_pays() {
    over_every_store_with_apps(|server| {
        assert_eq!((next(server, 0).status, next(server, 0).body.len()), (204, 0));
        std::thread::scope(|scope| {
            let apps = [scope.spawn(|| next(server, 60_000)), scope.spawn(|| next(server, 60_000))];
            let till = scope.spawn(|| server.operation(A, "/v2/pay", CARD).send());
            let asked: Vec<Value> = apps.map(|app| app.join().unwrap().ok(200)).to_vec();
            assert!(asked.iter().all(|asked| asked["amount"] == json!(18.40) && asked["ask"] == false), "{asked:?}");
            let id = asked[0]["operationId"].as_str().unwrap();
            assert_eq!(
                (asked[1]["operationId"].as_str(), &asked[0]["queueId"]),
                (Some(id), &json!(A.queue().to_string()))
            );
            let accepted = say(server, A, "bar", id, "accept", APP);
            assert_eq!(accepted.ok(200)["remainingMs"], 180_000);
            assert_eq!(accepted.header("x-operation-id"), Some(id));
            say(server, A, "bar", id, "accept", r#"{"app":"tablet"}"#).problem(409, "payment-conflict");
            say(server, A, "bar", id, "accept", APP).ok(200);
            assert_eq!(next(server, 0).status, 204);
            assert_eq!(say(server, A, "bar", id, "result", DONE).ok(200)["state"], "done");
            let paid = till.join().unwrap().ok(201);
            assert_eq!(paid["ftPayItems"][0]["Amount"], json!(18.40));
            say(server, A, "bar", id, "result", DONE).ok(200);
            say(server, A, "bar", id, "result", r#"{"state":"unknown"}"#).problem(409, "payment-conflict");
        });
    });
}

#[test]
fn an_app_sees_and_ends_only_what_is_its_own() {
    over_every_store_with_apps(|server| {
        let id = begin(server).to_string();
        next(server, 60_000).ok(200);
        for (till, terminal) in [(A, "hall"), (A, "counter"), (A, "cellar"), (B, "bar"), (B, "garden")] {
            for (what, body) in [("accept", APP), ("result", DONE)] {
                let foreign = say(server, till, terminal, &id, what, body);
                foreign.problem(404, "not-found");
                assert_eq!(foreign.body, say(server, till, terminal, &fresh().to_string(), what, body).body);
            }
            let path = format!("/v2/payment-apps/{terminal}/next?wait=0");
            let status = server.call("GET", &path).of(till).send().status;
            assert_eq!(status, if ["hall", "garden"].contains(&terminal) { 204 } else { 404 }, "{terminal}");
        }
        say(server, A, "bar", "no-guid", "accept", APP).problem(404, "not-found");
        say(server, DISABLED, "bar", &id, "accept", APP).problem(403, "cash-box-disabled");
        for (method, path) in
            [("GET", "next?wait=0".to_owned()), ("POST", format!("{id}/accept")), ("POST", format!("{id}/result"))]
        {
            let call = server.call(method, &format!("/v2/payment-apps/bar/{path}")).body(APP);
            call.clone().send().problem(400, "header-missing");
            let call = call.header("x-cashbox-id", A.cash_box().to_string());
            call.clone().send().problem(401, "unauthorized");
            call.header("x-cashbox-accesstoken", B.token()).send().problem(401, "unauthorized");
        }
        // Nothing of this has touched it.
        say(server, A, "bar", &id, "result", DONE).problem(409, "payment-conflict");
        say(server, A, "bar", &id, "accept", APP).ok(200);
        say(server, A, "bar", &id, "result", DONE).ok(200);
    });
}

#[test]
fn what_cannot_be_read_or_contradicts_changes_nothing() {
    over_every_store_with_apps(|server| {
        let payment = begin(server);
        let id = payment.to_string();
        next(server, 60_000).ok(200);
        for (what, body, code) in [
            ("accept", "", "json-malformed"),
            ("accept", "{}", "body-invalid"),
            ("accept", r#"{"app":"a","app":"b"}"#, "json-duplicate-name"),
        ] {
            assert_eq!(say(server, A, "bar", &id, what, body).problem(400, code)["stored"], false);
        }
        say(server, A, "bar", &id, "accept", APP).ok(200);
        for (body, pointer) in [
            (r#"{"state":"done"}"#, "/paid"),
            (r#"{"state":"done","paid":18.41}"#, "/paid"),
            (r#"{"state":"done","paid":18.40,"tip":-0.01}"#, "/tip"),
            (r#"{"state":"failed","paid":18.40}"#, "/paid"),
            (r#"{"state":"perhaps"}"#, "/state"),
        ] {
            let problem = say(server, A, "bar", &id, "result", body).problem(400, "body-invalid");
            assert_eq!((&problem["findings"][0]["pointer"], &problem["stored"]), (&json!(pointer), &json!(false)));
        }
        let large = format!(r#"{{"state":"done","paid":1,"x":"{}"}}"#, "y".repeat(1_100_000));
        say(server, A, "bar", &id, "result", &large).problem(413, "body-too-large");
        let packed = server.call("POST", &format!("/v2/payment-apps/bar/{id}/result")).of(A);
        packed.header("content-encoding", "gzip").body(DONE).send().problem(400, "header-invalid");
        // A part of it, as text; what is not known is not looked at.
        let part = r#"{"State":"Done","paid":"10.00","card":{"number":"x"}}"#;
        say(server, A, "bar", &id, "result", part).ok(200);
        assert_eq!(end_of(server, payment).ok(200)["ftPayItems"][0]["Amount"], json!(10.0));
    });
}

#[test]
fn a_late_app_may_not_charge_and_a_terminal_makes_one_payment_at_a_time() {
    over_every_store_with_apps(|server| {
        let late = begin(server);
        next(server, 60_000).ok(200);
        let problem = end_of(server, fresh()).problem(400, "terminal-busy");
        assert!(problem["detail"].as_str().unwrap().contains(&late.to_string()));
        server.clock.advance(Duration::from_secs(10));
        say(server, A, "bar", &late.to_string(), "accept", APP).problem(409, "payment-conflict");
        end_of(server, late).problem(502, "terminal-unreachable");
        say(server, A, "bar", &late.to_string(), "result", DONE).problem(409, "payment-conflict");
        assert_eq!(next(server, 0).status, 204);
        let lost = begin(server);
        next(server, 60_000).ok(200);
        say(server, A, "bar", &lost.to_string(), "accept", APP).ok(200);
        server.clock.advance(Duration::from_secs(180));
        block(server.gateway.look_at_payments());
        let asked = next(server, 60_000).ok(200);
        assert_eq!((&asked["ask"], &asked["acceptedBy"]), (&json!(true), &json!("phone")));
        assert!(asked.get("remainingMs").is_none());
        end_of(server, fresh()).problem(400, "terminal-unsettled");
        let state = server.call("GET", &format!("/v2/PayRequest/{lost}")).of(A).send().ok(200);
        assert_eq!(state["State"], "unknown");
        say(server, A, "bar", &lost.to_string(), "result", DONE).ok(200);
        end_of(server, lost).ok(200);
    });
}

#[test]
fn who_waits_is_sent_away_when_the_server_stops() {
    let server = TestServer::in_memory(Options::default());
    with_apps(&server);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| next(&server, 60_000));
        server.readiness.stop();
        assert_eq!(waiting.join().unwrap().status, 204);
    });
}

/// An answer with `…` for anything.
fn fits(expected: &str, found: &str) -> bool {
    let mut rest = found;
    let parts: Vec<&str> = expected.split('…').collect();
    for (index, part) in parts.iter().enumerate() {
        let at = match index {
            0 => rest.starts_with(part).then_some(0),
            _ if index + 1 == parts.len() => rest.ends_with(part).then(|| rest.len() - part.len()),
            _ => rest.find(part),
        };
        let Some(at) = at else { return false };
        rest = &rest[at + part.len()..];
    }
    parts.len() > 1 || rest.is_empty()
}

#[test]
fn the_page_of_the_protocol_is_true() {
    let page = include_str!("../../docs/api/payment-app.md");
    let blocks: Vec<&str> = page.split("```").skip(1).step_by(2).collect();
    over_every_store_with_apps(|server| {
        let mut count = 0;
        for pair in blocks.windows(2) {
            let (Some(request), Some(expected)) = (pair[0].strip_prefix("http\n"), pair[1].strip_prefix("text\n"))
            else {
                assert!(!pair[0].starts_with("http"), "an example does not say what is answered: {}", pair[0]);
                continue;
            };
            let request = match request.strip_prefix("# after 10 s\n") {
                Some(request) => {
                    server.clock.advance(Duration::from_secs(10));
                    block(server.gateway.look_at_payments());
                    request
                }
                None => request,
            };
            let (line, body) = request.split_once('\n').unwrap();
            let words: Vec<&str> = line.split(' ').collect();
            let mut call = server.call(words[0], words[1]).of(A).body(body.trim());
            if let Some(id) = words.get(2) {
                call = call.id(id.parse().unwrap());
            }
            let reply = call.send();
            let found = format!("{} {}", reply.status, reply.text());
            assert!(fits(expected.trim(), &found), "{request}\n{found}");
            count += 1;
        }
        assert_eq!(count, 15);
    });
}
