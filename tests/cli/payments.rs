//! Payments that have not ended, as an operator lists and settles them.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use kassette::keys::KeyFolder;
use kassette_actors::Vault as _;
use kassette_journal::{EmbeddedJournal, Journal as _, JournalOptions};
use kassette_model::{CashBoxId, Environment, OperationId};
use kassette_stdx::SystemEntropy;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::bench::{Bench, Server, Till, request};
use crate::doubt;

fn pay(server: &Server, till: &Till, path: &str, id: Uuid, amount: &str) -> u16 {
    let mut headers = till.headers();
    headers.retain(|(name, _)| name != "x-operation-id");
    headers.push(("x-operation-id".into(), id.to_string()));
    let body = format!(r#"{{"Protocol":"use_auto","cbPayItem":{{"Description":"Card","Amount":{amount}}}}}"#);
    server.post(path, &headers, body.as_bytes()).0
}

/// Begins a payment of which nothing is heard for six minutes, and waits until it is sent.
fn begin(bench: &Bench, server: &Server, till: &Till, id: Uuid) -> Value {
    assert_eq!(pay(server, till, "/v2/PayRequest", id, "30000.80"), 202);
    loop {
        let listed = bench.json(&["payment", "list", &till.id]);
        if let Some(found) = listed["payments"].as_array().unwrap().iter().find(|one| one["state"] == "sent") {
            return found.clone();
        }
    }
}

/// Nobody knows any more whether it was charged; while no server has the folder.
fn doubt(bench: &Bench, till: &Till, id: Uuid) {
    let journal = EmbeddedJournal::open(&bench.data_dir().join("journal"), JournalOptions::default()).unwrap();
    let keys = Arc::new(KeyFolder::open(&bench.data_dir(), Environment::Sandbox, &SystemEntropy).unwrap());
    let cash_box: CashBoxId = till.id.parse().unwrap();
    let secrets = |one: &_| keys.open(one).unwrap().secrets;
    doubt::tell(&journal, cash_box, OperationId::from_uuid(id), secrets, doubt::doubt());
    journal.close();
}

#[test]
fn a_payment_in_doubt_is_listed_and_settled() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let other = bench.till("TILL-2");
    let server = bench.serve();
    let [first, second] = [Uuid::new_v4(), Uuid::new_v4()];
    let listed = begin(&bench, &server, &till, first);
    assert_eq!((&listed["operation"], &listed["cash_box"]), (&json!(first.to_string()), &json!(till.id)));
    assert_eq!((&listed["amount"], &listed["currency"]), (&json!("30000.80"), &json!("EUR")));
    assert_eq!((&listed["provider"], &listed["terminal"]), (&json!("test"), &json!(null)));
    begin(&bench, &server, &other, second);
    let all = bench.json(&["payment", "list"]);
    assert_eq!((all["payments"].as_array().unwrap().len(), &all["unreadable"]), (2, &json!([])));
    server.stop();
    doubt(&bench, &till, first);
    doubt(&bench, &other, second);

    let text = bench.done(&["payment", "list", &till.id]);
    assert!(
        text.contains("unknown") && text.contains("the line broke") && text.contains("payment 30000.80 EUR"),
        "{text}"
    );
    // By the one who is at the machine, without a server; then by name, through one.
    let settled = bench.json(&[
        "payment",
        "settle",
        &till.id,
        &first.to_string(),
        "--paid",
        "--paid-amount",
        "30001.00",
        "--reason",
        "slip 0042",
    ]);
    assert_eq!((&settled["outcome"], &settled["state"]), (&json!("paid"), &json!("done")));
    let server = bench.serve();
    let settle =
        ["payment", "settle", &other.id, &second.to_string(), "--not-paid", "--reason", "no slip", "--by", "Anna"];
    let text = bench.done(&settle);
    assert!(text.contains("settled as not-paid; it is failed"), "{text}");
    assert!(bench.fails(4, &settle).contains("has ended"));
    assert_eq!(pay(&server, &till, "/v2/pay", first, "30000.80"), 200);
    assert_eq!(pay(&server, &other, "/v2/pay", second, "30000.80"), 502);
    assert_eq!(bench.json(&["payment", "list"])["payments"], json!([]));

    let user = std::process::Command::new("id").arg("-un").output().unwrap();
    let user = crate::bench::text(&user.stdout).trim().to_owned();
    for (till, by) in [(&till, user.as_str()), (&other, "Anna")] {
        // Streamed in pieces, so that it is looked at as it comes.
        let mut stream = server.connect().unwrap();
        stream.write_all(&request("/v2/journal", &till.headers(), br#"{"ftJournalType":1}"#)).unwrap();
        let mut actions = String::new();
        stream.read_to_string(&mut actions).unwrap();
        assert!(actions.contains("PaymentSettledByHand"), "{actions}");
        assert!(actions.contains(&format!(r#"\"By\":\"{by}\""#)), "{actions}");
    }
    server.stop();
}

#[test]
fn what_cannot_be_settled_is_refused_with_the_reason() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let server = bench.serve();
    let [ended, under_way] = [Uuid::new_v4(), Uuid::new_v4()];
    assert_eq!(pay(&server, &till, "/v2/pay", ended, "5"), 201);
    begin(&bench, &server, &till, under_way);
    let (ended, under_way, stranger) = (ended.to_string(), under_way.to_string(), Uuid::new_v4().to_string());
    let refused = |code: i32, cash_box: &str, operation: &str, more: &[&str]| {
        let mut arguments = vec!["payment", "settle", cash_box, operation];
        arguments.extend(more);
        bench.fails(code, &arguments)
    };
    let paid = ["--paid", "--reason", "r"];
    assert!(refused(4, &till.id, &ended, &paid).contains("has ended: it is done"));
    assert!(refused(4, &till.id, &under_way, &paid).contains("is sent"));
    assert!(refused(4, &till.id, &under_way, &["--ask-again", "--reason", "r"]).contains("is sent"));
    assert!(refused(3, &till.id, &stranger, &paid).contains("no payment"));
    refused(3, &stranger, &ended, &paid);
    for wrong in [
        &["--reason", "r"][..],
        &["--paid"],
        &["--paid", "--not-paid", "--reason", "r"],
        &["--not-paid", "--paid-amount", "5", "--reason", "r"],
        &["--paid", "--paid-amount", "much", "--reason", "r"],
    ] {
        refused(2, &till.id, &under_way, wrong);
    }
    bench.fails(3, &["payment", "list", &stranger]);
    server.stop();
}
