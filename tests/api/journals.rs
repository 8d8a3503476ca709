//! Contract 7: journal exports and item reads.

use std::io::Read;
use std::time::Duration;

use serde_json::Value;

use crate::client::Reply;
use crate::server::{A, B, TestServer, Till, fresh, over_every_store, sale};

fn journal(server: &TestServer, till: Till, body: &str) -> Reply {
    server.call("POST", "/v2/journal").of(till).body(body).send()
}

fn array(reply: &Reply) -> Vec<Value> {
    reply.ok(200).as_array().unwrap().clone()
}

#[test]
fn the_general_journals() {
    over_every_store(|server| {
        let receipts: Vec<Value> = (0..3)
            .map(|number| {
                server.clock.advance(Duration::from_secs(1));
                server.sale(A, &format!("R-{number}"))
            })
            .collect();
        server.operation(A, "/v2/sign", "{}").send().problem(400, "body-invalid");

        let items = array(&journal(server, A, r#"{"ftJournalType":3}"#));
        assert_eq!(items.len(), 4, "the start and three sales");
        for (item, receipt) in items[1..].iter().zip(&receipts) {
            assert_eq!(item["ftQueueItemId"], receipt["ftQueueItemID"]);
            assert_eq!(item["ftQueueRow"], receipt["ftQueueRow"]);
            let response: Value = serde_json::from_str(item["response"].as_str().unwrap()).unwrap();
            assert_eq!(&response, receipt);
        }
        let chain = array(&journal(server, A, r#"{"ftJournalType":"0x2"}"#));
        assert_eq!(chain.len(), 4);
        assert_eq!(chain[3]["ftReceiptNumber"], 4);
        let actions = array(&journal(server, A, r#"{"ftJournalType":1}"#));
        assert!(!actions.is_empty() && actions[0].get("ftActionJournalId").is_some());

        let configuration = journal(server, A, r#"{"ftJournalType":255}"#).ok(200);
        assert_eq!(configuration["CashBoxList"][0]["ftCashBoxId"], A.cash_box().to_string());
        assert!(!configuration.to_string().contains("kst_"));
        for body in ["", "{}", r#"{"ftJournalType":254}"#] {
            assert!(journal(server, A, body).ok(200)["Assembly"].is_string());
        }
        assert_eq!(array(&journal(server, B, r#"{"ftJournalType":3}"#)).len(), 1, "only the start");
    });
}

#[test]
fn from_and_to() {
    over_every_store(|server| {
        for number in 0..4 {
            server.clock.advance(Duration::from_secs(1));
            server.sale(A, &format!("R-{number}"));
        }
        let all = array(&journal(server, A, r#"{"ftJournalType":3}"#));
        let ticks: Vec<i64> = all.iter().map(|item| item["TimeStamp"].as_i64().unwrap()).collect();
        let rows = |from: String, to: String| -> Vec<u64> {
            let body = format!(r#"{{"ftJournalType":3,"From":{from},"To":{to}}}"#);
            let items = array(&journal(server, A, &body));
            let query = format!("/v2/journal?type=3&from={}&to={}", from.trim_matches('"'), to.trim_matches('"'));
            assert_eq!(array(&server.call("GET", &query).of(A).send()), items);
            assert_eq!(array(&server.call("POST", &query).of(A).send()), items);
            items.iter().map(|item| item["ftQueueRow"].as_u64().unwrap()).collect()
        };
        let text = |number: i64| number.to_string();
        assert_eq!(rows(text(0), text(0)), [1, 2, 3, 4, 5]);
        assert_eq!(rows(text(ticks[2]), text(0)), [3, 4, 5]);
        assert_eq!(rows(text(ticks[1]), text(ticks[3])), [2, 3, 4]);
        assert_eq!(rows(text(ticks[1] + 1), text(ticks[2] - 1)), [0; 0]);
        assert_eq!(rows(text(0), text(-2)), [1, 2]);
        assert_eq!(rows(text(ticks[1]), text(-2)), [2, 3]);
        assert_eq!(rows(text(0), text(i64::MIN)), [1, 2, 3, 4, 5]);
        // The clock starts at 10:15:34; the sales come one second apart.
        assert_eq!(rows("\"2026-03-04T10:15:36Z\"".to_owned(), "\"2026-03-04T11:15:37+01:00\"".to_owned()), [3, 4]);
    });
}

#[test]
fn the_austrian_journal() {
    over_every_store(|server| {
        server.sale(A, "R-1");
        for journal_type in ["0x4154000000000001", "0x4154_2000_0000_0002"] {
            let reply = journal(server, A, &format!(r#"{{"ftJournalType":"{journal_type}"}}"#));
            let dep = reply.ok(200);
            let group = &dep["Belege-Gruppe"][0];
            let receipts = group["Belege-kompakt"].as_array().unwrap();
            assert_eq!(receipts.len(), 2, "start and sale: {dep}");
            assert!(receipts.iter().all(|jws| jws.as_str().unwrap().split('.').count() == 3));
        }
        for journal_type in ["0x4154200000000001", "0x4154200000000099", "0x4154000000000003"] {
            let status = journal(server, A, &format!(r#"{{"ftJournalType":"{journal_type}"}}"#)).ok(200);
            assert!(status.get("QueueATList").is_some(), "{journal_type}: {status}");
        }
        let other_country = journal(server, A, r#"{"ftJournalType":"0x4445200000000001"}"#);
        assert_eq!(other_country.problem(400, "journal-type-unknown")["stored"], false);
    });
}

#[test]
fn compressed_in_two_ways() {
    over_every_store(|server| {
        for number in 0..5 {
            server.sale(A, &format!("R-{number}"));
        }
        let body = r#"{"ftJournalType":3}"#;
        let plain = journal(server, A, body);
        let gzip = server.call("POST", "/v2/journal").of(A).header("accept-encoding", "br, gzip").body(body).send();
        assert_eq!(gzip.header("content-encoding"), Some("gzip"));
        assert_eq!(gzip.header("content-type"), Some("application/json; charset=utf-8"));
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(gzip.body.as_slice()).read_to_end(&mut text).unwrap();
        assert_eq!(text, plain.body);
        let zip = journal(server, A, r#"{"ftJournalType":"0x0000_0000_0001_0003"}"#);
        assert_eq!((zip.status, zip.header("content-type")), (200, Some("application/zip")));
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(zip.body)).unwrap();
        assert_eq!(archive.len(), 1);
        let mut text = Vec::new();
        archive.by_index(0).unwrap().read_to_end(&mut text).unwrap();
        assert_eq!(text, plain.body);
    });
}

#[test]
fn a_journal_request_that_cannot_be_read_is_not_stored() {
    over_every_store(|server| {
        for (body, code) in [
            (r#"{"ftJournalType":"rksv"}"#, "body-invalid"),
            (r#"{"From":"soon"}"#, "body-invalid"),
            (r#"{"From":1,"from":2}"#, "json-duplicate-name"),
            ("nonsense", "json-malformed"),
        ] {
            let reply = server.call("POST", "/v2/journal").of(A).id(fresh()).body(body).send();
            let problem = reply.problem(400, code);
            assert_eq!((&problem["stored"], &problem["retry"]), (&Value::Bool(false), &Value::from("never")));
        }
    });
}

#[test]
fn a_journal_request_may_carry_an_operation_id_and_gets_it_back() {
    over_every_store(|server| {
        let (id, call) = (fresh(), server.call("POST", "/v2/journal").of(A).body(r#"{"ftJournalType":2}"#));
        // The same id as often as one likes: nothing is stored under it.
        for _ in 0..2 {
            let reply = call.clone().id(id).send();
            reply.ok(200);
            assert_eq!(reply.header("x-operation-id"), Some(id.to_string().as_str()));
        }
        server.call("POST", "/v2/sign").of(A).id(id).body(sale("after")).send().ok(201);
        let plain = call.clone().send();
        plain.ok(200);
        assert_eq!(plain.header("x-operation-id"), None);
        let refused = call.header("x-operation-id", "4711").send();
        assert!(refused.problem(400, "header-invalid")["detail"].as_str().unwrap().contains("x-operation-id"));
        // Who calls is asked after what was sent.
        let stranger = server.call("POST", "/v2/journal").header("x-operation-id", "4711").send();
        assert!(stranger.problem(400, "header-missing")["detail"].as_str().unwrap().contains("x-cashbox-id"));
    });
}

#[test]
fn an_operation_item_shows_what_was_sent_and_answered() {
    over_every_store(|server| {
        let id = fresh();
        let body = sale("item");
        let reply = server
            .call("POST", "/V2//sign?x=1")
            .of(A)
            .id(id)
            .header("content-type", "application/json")
            .header("authorization", "Bearer secret")
            .header("x-terminal-id", "Bär-2")
            .header("x-possystem-id", "7b0c2e2a-6f4e-4a0e-9a56-0a3c7f6a9c11")
            .header("x-forwarded-for", "192.0.2.1")
            .body(&body)
            .send();
        reply.ok(201);
        let queue = A.queue();
        for path in [
            format!("/v2/journal/OperationItem/{id}"),
            format!("/journal/operationitem/{}", id.simple()),
            format!("/v2/PeekJournalItem/{queue}/OperationItem/{id}"),
            reply.header("location").unwrap().to_owned(),
        ] {
            let item = server.call("GET", &path).of(A).send().ok(200);
            assert_eq!(item["cbOperationItemID"], id.to_string());
            assert_eq!(item["ftQueueID"], queue.to_string());
            assert_eq!(item["ftPosSystemID"], "7b0c2e2a-6f4e-4a0e-9a56-0a3c7f6a9c11");
            assert_eq!(item["cbTerminalID"], "Bär-2");
            assert_eq!((&item["Method"], &item["Path"]), (&Value::from("POST"), &Value::from("/V2//sign")));
            assert_eq!(item["Request"], body);
            assert_eq!(item["Response"], reply.text());
            assert_eq!((&item["ResponseCode"], &item["LastState"]), (&Value::from(201), &Value::from("done")));
            assert_eq!(item["RequestHeaders"]["x-terminal-id"], serde_json::json!(["Bär-2"]));
            let headers = item["RequestHeaders"].to_string();
            for secret in ["secret", "kst_test", "192.0.2.1", "x-cashbox-id"] {
                assert!(!headers.contains(secret), "{secret}: {headers}");
            }
        }
    });
}

#[test]
fn peeking_lists_and_single_items() {
    over_every_store(|server| {
        let receipt = server.sale(A, "R-1");
        let queue = A.queue();
        for (storage, id_name, count) in [
            ("OperationItem", "cbOperationItemID", 2),
            ("queueitem", "ftQueueItemId", 2),
            ("ReceiptJournal", "ftReceiptJournalId", 2),
            ("ActionJournal", "ftActionJournalId", 1),
        ] {
            let items = array(&server.call("GET", &format!("/v2/PeekJournalItem/{queue}/{storage}")).of(A).send());
            assert!(items.len() >= count, "{storage}: {items:?}");
            for item in items {
                let path = format!("/v2/peekjournalitem/{queue}/{storage}/{}", item[id_name].as_str().unwrap());
                assert_eq!(server.call("GET", &path).of(A).send().ok(200), item);
            }
        }
        let queue_item = receipt["ftQueueItemID"].as_str().unwrap();
        for path in [
            format!("/v2/PeekJournalItem/{queue}/PayItem"),
            format!("/v2/PeekJournalItem/{queue}/OperationItem/{}", fresh()),
            format!("/v2/PeekJournalItem/{queue}/QueueItem/{}", fresh()),
            format!("/v2/PeekJournalItem/{queue}/QueueItem/nonsense"),
            format!("/v2/PeekJournalItem/{queue}/ReceiptJournal/{queue_item}"),
            format!("/v2/PeekJournalItem/{}/OperationItem", B.queue()),
            "/v2/PeekJournalItem/nonsense/OperationItem".to_owned(),
        ] {
            server.call("GET", &path).of(A).send().problem(404, "not-found");
        }
    });
}
