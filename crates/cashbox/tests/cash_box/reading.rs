use kassette_cashbox::reading::{Entries, JournalArray, write_configuration, write_operation_item};
use kassette_model::OperationKind;
use kassette_stdx::encoding::base64;
use kassette_wire::journal::{JournalRequest, ticks};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::env::{CASH_BOX, QUEUE, TestEnv, configuration, receipt, sale};

fn read(env: &TestEnv, entries: Entries, request: JournalRequest) -> Vec<Value> {
    let mut array = JournalArray::new(entries, env.configuration.queue, &request);
    let mut out = Vec::new();
    array.begin(&mut out);
    for record in &env.journal {
        if !array.record(record, &mut out).unwrap() {
            break;
        }
    }
    array.end(&mut out);
    serde_json::from_slice(&out).unwrap()
}

fn all(env: &TestEnv, entries: Entries) -> Vec<Value> {
    read(env, entries, JournalRequest::default())
}

fn names(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable_by_key(|name| name.to_ascii_lowercase());
    names
}

#[test]
fn an_operation_item_is_what_was_received_and_answered() {
    let mut env = TestEnv::started();
    let mut request = env.fresh(OperationKind::Sign, &sale("R"));
    request.headers = vec![
        ("accept".to_owned(), "a".to_owned()),
        ("x-terminal-id".to_owned(), "bar-2".to_owned()),
        ("Accept".to_owned(), "b".to_owned()),
    ];
    request.terminal = Some("bar-2".to_owned());
    let (answer, _) = env.sign_request(&request);
    let mut out = Vec::new();
    assert!(write_operation_item(env.stored(request.id).unwrap(), env.configuration.queue, &mut out).unwrap());
    let item: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(item["cbOperationItemID"], request.id.to_string());
    assert_eq!(item["ftQueueID"], QUEUE);
    assert_eq!(item["cbTerminalID"], "bar-2");
    assert_eq!((&item["Method"], &item["Path"]), (&"POST".into(), &"/v2/sign".into()));
    assert_eq!(item["RequestHeaders"]["accept"], serde_json::json!(["a", "b"]));
    assert_eq!(item["Request"].as_str().unwrap().as_bytes(), request.body);
    assert_eq!(item["Response"].as_str().unwrap().as_bytes(), answer.body);
    assert_eq!((&item["ResponseCode"], &item["LastState"]), (&201.into(), &"done".into()));
    out.clear();
    assert!(!write_operation_item(&env.journal[0], env.configuration.queue, &mut out).unwrap());
    assert!(out.is_empty());
}

#[test]
fn queue_items_have_every_member_of_the_contract() {
    let mut env = TestEnv::started();
    env.sign(&receipt("bad", 0x4652_2000_0000_0001));
    let (answer, response) = env.sign(&sale("R"));
    env.sign("not json");
    let items = all(&env, Entries::QueueItems);
    assert_eq!(items.len(), 3, "start, error state, sale; no stored 400");
    let item = &items[2];
    assert_eq!(
        names(item),
        [
            "cbReceiptMoment",
            "cbReceiptReference",
            "cbTerminalID",
            "country",
            "ftDoneMoment",
            "ftQueueId",
            "ftQueueItemId",
            "ftQueueMoment",
            "ftQueueRow",
            "ftQueueTimeout",
            "ftWorkMoment",
            "ProcessingVersion",
            "request",
            "requestHash",
            "response",
            "responseHash",
            "TimeStamp",
            "version"
        ]
    );
    assert_eq!(item["ftQueueItemId"], response["ftQueueItemID"]);
    assert_eq!((&item["ftQueueRow"], &item["country"], &item["version"]), (&3.into(), &"AT".into(), &"v2".into()));
    assert_eq!((&item["cbReceiptReference"], &item["cbTerminalID"]), (&"R".into(), &"bar-2".into()));
    assert_eq!(item["response"].as_str().unwrap().as_bytes(), answer.body);
    assert_eq!(item["responseHash"], base64(&Sha256::digest(&answer.body)));
    assert_eq!(item["request"], sale("R"));
}

#[test]
fn erased_bodies_are_null_without_a_hash() {
    let mut env = TestEnv::started();
    env.journal.last_mut().unwrap().bodies.fill(0);
    let items = all(&env, Entries::QueueItems);
    for name in ["request", "requestHash", "response", "responseHash", "cbReceiptReference"] {
        assert!(items[0][name].is_null(), "{name}");
    }
    assert_eq!(all(&env, Entries::Receipts).len(), 1, "the queue chain stands");
}

#[test]
fn the_receipt_journal_is_the_queue_chain() {
    let mut env = TestEnv::started();
    env.sign(&receipt("bad", 0x4652_2000_0000_0001));
    env.sign(&sale("R"));
    let entries = all(&env, Entries::Receipts);
    assert_eq!(entries.len(), 2);
    assert_eq!(
        names(&entries[1]),
        [
            "ftQueueId",
            "ftQueueItemId",
            "ftReceiptHash",
            "ftReceiptJournalId",
            "ftReceiptMoment",
            "ftReceiptNumber",
            "ftReceiptTotal",
            "TimeStamp"
        ]
    );
    assert_eq!((&entries[1]["ftReceiptNumber"], &entries[1]["ftReceiptTotal"]), (&2.into(), &30.0.into()));
    assert_eq!(entries[1]["ftReceiptHash"], base64(&env.core.head().queue_hash.unwrap().0));
}

#[test]
fn the_action_journal_has_its_nulls() {
    let mut env = TestEnv::started();
    env.sign(&receipt("never", 0x4154_2000_8000_0001));
    let entries = all(&env, Entries::Actions);
    let entry = entries.last().unwrap();
    assert_eq!(
        names(entry),
        [
            "DataBase64",
            "DataJson",
            "ftActionJournalId",
            "ftQueueId",
            "ftQueueItemId",
            "Message",
            "Moment",
            "Priority",
            "TimeStamp",
            "Type"
        ]
    );
    assert!(entry["DataBase64"].is_null() && entry["DataJson"].is_null());
    assert_eq!(entry["ftQueueItemId"], "00000000-0000-0000-0000-000000000000");
    assert_eq!(entry["Type"], "ReceiptRequest");
}

#[test]
fn from_and_to_choose_by_time_or_count() {
    let mut env = TestEnv::started();
    for _ in 0..5 {
        env.sign(&sale("R"));
    }
    let stamps: Vec<i64> =
        env.journal.iter().skip(1).map(|record| ticks(record.open().unwrap().0.details.time())).collect();
    let count =
        |from, to| read(&env, Entries::QueueItems, JournalRequest { from, to, ..JournalRequest::default() }).len();
    assert_eq!(count(0, 0), 6);
    assert_eq!(count(stamps[2], 0), 4);
    assert_eq!(count(stamps[1], stamps[3]), 3);
    assert_eq!(count(stamps[1], -2), 2);
    assert_eq!(count(0, -100), 6);
    let page = read(&env, Entries::QueueItems, JournalRequest { from: stamps[1], to: -2, ..JournalRequest::default() });
    assert_eq!((&page[0]["TimeStamp"], &page[1]["TimeStamp"]), (&stamps[1].into(), &stamps[2].into()));
}

#[test]
fn the_configuration_journal_shows_no_token() {
    let env = TestEnv::started();
    let mut out = Vec::new();
    write_configuration(&configuration(), &env.core.head(), env.facts().now, &mut out);
    let value: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(value["CashBoxList"][0]["ftCashBoxId"], CASH_BOX);
    assert_eq!(value["QueueList"][0]["ftQueueId"], QUEUE);
    assert_eq!(value["QueueList"][0]["ftReceiptNumerator"], 1);
    assert_eq!(value["QueueATList"][0]["CashBoxIdentification"], "TILL-0007");
    assert_eq!(value["SignaturCreationUnitATList"][0]["SN"], "1a2b3c");
    assert!(!String::from_utf8(out).unwrap().contains(&configuration().tokens[0].hmac_hex));
}
