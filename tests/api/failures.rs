//! Failures of the server: told plainly, never stored, and the same id executes afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use kassette::admin::{Command, Context, Output, execute};
use kassette::keys::KeyFolder;
use kassette_journal::MemoryFault;
use kassette_model::Environment;
use kassette_stdx::SeededEntropy;

use crate::server::{A, B, Options, TestServer, fresh, sale};

#[test]
fn a_full_disk_is_507_and_signing_goes_on_when_space_returns() {
    let server = TestServer::in_memory(Options::default());
    let journal = server.memory.as_ref().unwrap();
    let before = server.sale(A, "before")["ftQueueRow"].as_u64().unwrap();
    let call = server.call("POST", "/v2/sign").of(A).id(fresh()).body(sale("waiting"));
    journal.set_fault(Some(MemoryFault::NoSpace));
    assert_eq!(call.clone().send().problem(507, "storage-full")["stored"], false);
    let items = server.call("GET", "/v2/journal?type=3").of(A).send();
    assert_eq!(items.ok(200).as_array().unwrap().len(), 2, "reads are still served");
    journal.set_fault(None);
    assert_eq!(call.send().ok(201)["ftQueueRow"], before + 1, "no number was burnt");
}

#[test]
fn a_busy_writer_is_503_with_a_time_to_come_back() {
    let server = TestServer::in_memory(Options::default());
    let journal = server.memory.as_ref().unwrap();
    let call = server.call("POST", "/v2/sign").of(A).id(fresh()).body(sale("waiting"));
    journal.set_fault(Some(MemoryFault::Busy));
    let busy = call.clone().send();
    busy.problem(503, "mailbox-full");
    assert_eq!(busy.header("retry-after"), Some("1"));
    journal.set_fault(None);
    call.send().ok(201);
}

#[test]
fn a_poisoned_journal_takes_the_server_out_of_service() {
    let server = TestServer::in_memory(Options::default());
    server.call("GET", "/readyz").send().ok(200);
    server.memory.as_ref().unwrap().set_fault(Some(MemoryFault::Poisoned));
    server.operation(A, "/v2/sign", sale("lost")).send().problem(503, "journal-poisoned");
    server.operation(B, "/v2/sign", sale("lost")).send().problem(503, "journal-poisoned");
    let ready = server.call("GET", "/readyz").send();
    ready.problem(503, "journal-poisoned");
    server.call("GET", "/healthz").send().ok(200);
}

#[test]
fn a_stopping_server_says_so() {
    let server = TestServer::in_memory(Options::default());
    server.readiness.stop();
    server.call("GET", "/v2/readyz").send().problem(503, "shutting-down");
    server.operation(A, "/v2/echo", "{}").send().ok(201);
}

#[test]
fn a_bug_in_a_cash_box_stores_nothing_and_the_same_id_executes_afterwards() {
    let planted = Arc::new(AtomicBool::new(true));
    let plant = Arc::clone(&planted);
    let server = TestServer::in_memory(Options {
        before_execute: Some(Arc::new(move |cash_box, request| {
            let hit = request.body.windows(7).any(|window| window == b"planted");
            assert!(!(hit && cash_box == A.cash_box() && plant.swap(false, Ordering::SeqCst)), "a planted bug");
        })),
        ..Options::default()
    });
    let call = server.call("POST", "/v2/sign").of(A).id(fresh()).body(sale("planted"));
    // The cash box went away with the call: whether its record became durable, only the same id can tell.
    let failed = call.clone().send();
    assert_eq!(failed.problem(503, "mailbox-full")["stored"], false);
    assert_eq!(failed.header("retry-after"), Some("1"));
    assert!(!failed.text().contains("a planted bug"), "the client is not told how the server is made");
    server.operation(B, "/v2/sign", sale("unaffected")).send().ok(201);
    call.send().ok(201);
}

/// A server in which the first `left` calls of cash box A that ask for it panic.
fn failing(left: &Arc<AtomicU32>) -> Options {
    let left = Arc::clone(left);
    Options {
        before_execute: Some(Arc::new(move |cash_box, request| {
            let hit = cash_box == A.cash_box() && request.body.windows(7).any(|window| window == b"planted");
            let panics = hit && left.load(Ordering::SeqCst) > 0;
            if panics {
                left.fetch_sub(1, Ordering::SeqCst);
            }
            assert!(!panics, "a planted bug");
        })),
        ..Options::default()
    }
}

#[test]
fn four_bugs_put_one_cash_box_in_quarantine_until_the_operator_lifts_it() {
    let left = Arc::new(AtomicU32::new(4));
    let server = TestServer::in_memory(failing(&left));
    let call = server.call("POST", "/v2/sign").of(A).id(fresh()).body(sale("planted"));
    for _ in 0..4 {
        call.clone().send().problem(503, "mailbox-full");
    }
    let refused = call.clone().send();
    assert_eq!(refused.problem(503, "cash-box-quarantined")["stored"], false);
    assert!(!refused.text().contains("a planted bug"));
    server.operation(B, "/v2/sign", sale("unaffected")).send().ok(201);
    assert_eq!(server.call("GET", "/v2/journal?type=3").of(A).send().ok(200).as_array().unwrap().len(), 1);
    let ready = server.call("GET", "/readyz").send().ok(200);
    assert_eq!(ready["warnings"], serde_json::json!(["1 cash boxes are in quarantine"]));

    let folder = tempfile::tempdir().unwrap();
    let entropy = Arc::new(SeededEntropy::new(3));
    let context = Context {
        data_dir: folder.path().to_owned(),
        environment: Environment::Sandbox,
        gateway: server.gateway.clone(),
        callback_store: None,
        keys: Arc::new(KeyFolder::open(folder.path(), Environment::Sandbox, entropy.as_ref()).unwrap()),
        clock: Arc::clone(&server.clock) as _,
        entropy,
        configuring: Arc::default(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let resume = Command::CashBoxResume { cash_box: A.cash_box() };
    execute(&context, runtime.handle(), resume, &mut NoOutput).unwrap();
    assert_eq!(call.send().ok(201)["ftQueueRow"], 2, "no number was burnt");
    assert_eq!(server.call("GET", "/readyz").send().ok(200)["warnings"], serde_json::json!([]));
}

struct NoOutput;

impl Output for NoOutput {
    fn bytes(&mut self, _: &[u8]) -> std::io::Result<()> {
        Ok(())
    }

    fn progress(&mut self, _: u64, _: u64) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_restart_lifts_a_quarantine() {
    let folder = tempfile::tempdir().unwrap();
    let left = Arc::new(AtomicU32::new(4));
    let server = TestServer::on_disk(folder.path(), failing(&left));
    for _ in 0..4 {
        server.operation(A, "/v2/sign", sale("planted")).send().problem(503, "mailbox-full");
    }
    server.operation(A, "/v2/sign", sale("planted")).send().problem(503, "cash-box-quarantined");
    drop(server);
    let server = TestServer::on_disk(folder.path(), failing(&left));
    assert_eq!(server.sale(A, "planted")["ftQueueRow"], 2);
}

#[test]
fn answers_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let id = fresh();
    let call = |server: &TestServer| server.call("POST", "/v2/sign").of(A).id(id).body(sale("kept")).send();
    let first = call(&TestServer::on_disk(folder.path(), Options::default()));
    first.ok(201);
    let server = TestServer::on_disk(folder.path(), Options::default());
    let again = call(&server);
    assert_eq!((again.status, again.body), (200, first.body));
}
