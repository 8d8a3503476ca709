//! What an operator sees of operations, through the socket, while the journal is held: nothing here is left to chance.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use kassette::admin::server::{AdminServer, SOCKET_NAME};
use kassette::admin::{
    Asked, Command, Context, Failure, FailureKind, OperationDetails, OperationSummary, Output, Reply, client,
};
use kassette::keys::KeyFolder;
use kassette_model::{Environment, OperationId};
use kassette_stdx::SeededEntropy;
use uuid::Uuid;

use crate::server::{A, Options, TestServer, fresh, sale};

/// Longest a test waits for another thread.
const PATIENCE: Duration = Duration::from_secs(60);
const DAY_MS: u64 = 86_400_000;

/// The admin socket of a test server, on a thread of its own.
struct Desk {
    folder: tempfile::TempDir,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Desk {
    fn of(server: &TestServer) -> Self {
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
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (told, listening) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let server = AdminServer::listen(context).unwrap();
                told.send(()).unwrap();
                drop(stopped.await);
                server.stop().await;
            });
        });
        listening.recv_timeout(PATIENCE).expect("the socket is there");
        Self { folder, stop: Some(stop), thread: Some(thread) }
    }

    fn ask(&self, command: &Command) -> Result<Reply, Failure> {
        client::call(self.folder.path(), Environment::Sandbox, command, &mut NoOutput)
    }

    fn wait(&self, id: Uuid, timeout_ms: u64) -> Result<OperationDetails, Failure> {
        self.ask(&wait(id, timeout_ms)).map(|reply| match reply {
            Reply::Operation(details) => *details,
            other => panic!("{other:?}"),
        })
    }

    fn list(&self, state: Option<&str>, limit: u64) -> Vec<OperationSummary> {
        let command = Command::OperationList { cash_box: A.cash_box(), state: state.map(str::to_owned), limit };
        match self.ask(&command).unwrap() {
            Reply::Operations { operations, .. } => operations,
            other => panic!("{other:?}"),
        }
    }

    /// A client that has sent its command and now only holds the connection.
    fn parked(&self, command: Command) -> UnixStream {
        let mut stream = UnixStream::connect(self.folder.path().join(SOCKET_NAME)).unwrap();
        let asked = Asked { environment: "sandbox".to_owned(), command };
        stream.write_all(format!("{}\n", serde_json::to_string(&asked).unwrap()).as_bytes()).unwrap();
        stream
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
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

fn wait(id: Uuid, timeout_ms: u64) -> Command {
    Command::OperationWait { cash_box: A.cash_box(), operation: OperationId::from_uuid(id), timeout_ms }
}

/// An operation that was accepted and whose end is not durable while the journal is held.
fn held(server: &TestServer) -> Uuid {
    let journal = server.memory.as_ref().unwrap();
    let id = fresh();
    let call = server.call("POST", "/v2/SignRequest").of(A).id(id).body(sale("held"));
    journal.hold();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| call.send().ok(202));
        while journal.queued() < 2 {
            std::thread::yield_now();
        }
        assert!(journal.release_one());
        first.join().unwrap();
    });
    id
}

#[track_caller]
fn until(what: &str, mut is: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_wait_ends_with_the_operation_or_with_its_time() {
    let server = TestServer::in_memory(Options::default());
    let desk = Desk::of(&server);
    server.sale(A, "before");
    let id = held(&server);
    for timeout_ms in [0, 20] {
        let details = desk.wait(id, timeout_ms).unwrap();
        assert_eq!((details.summary.state.as_str(), details.summary.status), ("pending", None));
        assert!(!details.summary.is_over() && details.receipt.is_none());
    }
    let [first, second, ..] = &desk.list(None, 10)[..] else { panic!("two at least") };
    assert_eq!((first.operation.uuid(), first.state.as_str()), (id, "pending"));
    assert_eq!((second.state.as_str(), second.status), ("done", Some(201)));
    assert_eq!(desk.list(Some("pending"), 10).len(), 1);

    let ended = std::thread::scope(|scope| {
        let parked: Vec<_> = (0..4).map(|_| scope.spawn(|| desk.wait(id, DAY_MS).unwrap())).collect();
        server.memory.as_ref().unwrap().release();
        parked.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
    });
    for details in ended {
        assert_eq!((details.summary.state.as_str(), details.summary.status), ("done", Some(201)));
        assert!(details.summary.is_over() && details.receipt.is_some() && details.queue_item.is_some());
        assert_eq!((details.method.as_str(), details.path.as_str()), ("POST", "/v2/SignRequest"));
    }
    // One entry, whatever the number of records behind it.
    let listed = desk.list(None, 10);
    assert_eq!(listed.iter().filter(|one| one.operation.uuid() == id).count(), 1);
    assert!(listed.is_sorted_by(|newer, older| newer.journal_row > older.journal_row));
    assert_eq!(desk.list(None, 1).len(), 1);
    assert!(desk.list(Some("pending"), 10).is_empty() && desk.list(Some("failed"), 10).is_empty());
    assert_eq!(desk.wait(fresh(), DAY_MS).unwrap_err().kind, FailureKind::NotFound);
}

#[test]
fn a_long_journal_is_listed_in_pieces() {
    let server = TestServer::in_memory(Options::default());
    let desk = Desk::of(&server);
    let ids: Vec<Uuid> = (0..600).map(|_| fresh()).collect();
    for (number, id) in ids.iter().enumerate() {
        let body = if number % 100 == 0 { "{\"Message\":1}" } else { "{}" };
        let status = server.call("POST", "/v2/echo").of(A).id(*id).body(body).send().status;
        assert_eq!(status, if number % 100 == 0 { 400 } else { 201 });
    }
    let listed = |state, limit| desk.list(state, limit).iter().map(|one| one.operation.uuid()).collect::<Vec<_>>();
    let newest_first: Vec<Uuid> = ids.iter().rev().copied().collect();
    assert_eq!(listed(None, 300), newest_first[..300]);
    assert_eq!(listed(None, 10_000)[..600], newest_first);
    let failed: Vec<Uuid> = ids.iter().step_by(100).rev().copied().collect();
    assert_eq!(listed(Some("failed"), 10_000), failed);
    assert_eq!(listed(Some("failed"), 2), failed[..2]);
    for (state, limit) in [(Some("nonsense"), 1), (None, 10_001)] {
        let command = Command::OperationList { cash_box: A.cash_box(), state: state.map(str::to_owned), limit };
        assert_eq!(desk.ask(&command).unwrap_err().kind, FailureKind::Usage);
    }
}

#[test]
fn waits_leave_room_for_other_commands_and_end_with_their_clients() {
    let server = TestServer::in_memory(Options::default());
    let desk = Desk::of(&server);
    let id = held(&server);
    let mut parked: Vec<UnixStream> = (0..8).map(|_| desk.parked(wait(id, DAY_MS))).collect();
    let refused = || match desk.wait(id, 0) {
        Ok(_) => false,
        Err(failure) => {
            assert_eq!(failure.kind, FailureKind::Refused, "{failure}");
            assert!(failure.message.contains("8 commands wait already"), "{failure}");
            true
        }
    };
    until("eight wait", refused);
    assert!(matches!(desk.ask(&Command::Status), Ok(Reply::Status(_))));
    parked.pop();
    until("one went away", || !refused());
    parked.truncate(1);

    // A stop does not wait for them.
    drop(desk);
    let mut rest = Vec::new();
    parked.remove(0).read_to_end(&mut rest).unwrap();
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
    server.memory.as_ref().unwrap().release();
}
