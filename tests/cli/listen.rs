//! `kassette listen` against a real server, and a receiver that checks what it is sent.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};

use kassette_webhooks::{Secret, TOLERANCE_S, verify};
use serde_json::Value;

use crate::bench::{Bench, Server, Till, string, text};

const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn listen(bench: &Bench, server: &Server, till: &Till, arguments: &[&str]) -> Command {
    let mut command = bench.command(&["listen"]);
    command
        .args(arguments)
        .env("KASSETTE_URL", format!("http://{}/v2", server.address))
        .env("KASSETTE_CASHBOX_ID", &till.id)
        .env("KASSETTE_ACCESS_TOKEN", &till.token)
        .env("KASSETTE_CALLBACK_SECRET", SECRET);
    command
}

/// A listener that runs; killed when a test fails.
struct Listening {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Listening {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    #[track_caller]
    fn next(&mut self) -> Value {
        serde_json::from_str(&self.lines.next().expect("one more event").unwrap()).unwrap()
    }

    #[track_caller]
    fn ends_well(mut self) {
        assert!(self.lines.next().is_none());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn events_are_printed_for_people_and_for_programs() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let server = bench.serve();
    let (_, sold) = till.sell(&server);
    let output = listen(&bench, &server, &till, &["--after", "0.0", "--count", "8", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let events: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<String> = events.iter().map(|event| string(&event["kind"])).collect();
    assert_eq!(kinds.join(" "), ["operation operation operation receipt"; 2].join(" "));
    assert_eq!(events[7]["data"]["ftQueueItemID"], sold["ftQueueItemID"]);

    let behind = string(&events[6]["id"]);
    let shown = listen(&bench, &server, &till, &["--after", &behind, "--count", "1"]).output().unwrap();
    let (shown, identification) = (text(&shown.stdout), string(&sold["ftReceiptIdentification"]));
    assert!(shown.lines().count() == 1 && shown.contains("receipt") && shown.contains(&identification), "{shown}");
}

#[test]
fn what_cannot_work_is_said_at_once() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let server = bench.serve();
    let fails = |mut command: Command, code: i32, part: &str| {
        let output = command.output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(part), "{part}: {said}");
    };
    let mut wrong = listen(&bench, &server, &till, &[]);
    wrong.env("KASSETTE_ACCESS_TOKEN", "kst_test_wrong");
    fails(wrong, 4, "the server answered 401");
    fails(listen(&bench, &server, &till, &["--after", "999.1"]), 4, "is no event of this cash box");
    let mut none = listen(&bench, &server, &till, &[]);
    none.env_remove("KASSETTE_ACCESS_TOKEN");
    fails(none, 2, "KASSETTE_ACCESS_TOKEN");
    let to = ["--forward-to", "http://127.0.0.1:1/hook"];
    let mut no_secret = listen(&bench, &server, &till, &to);
    no_secret.env("KASSETTE_CALLBACK_SECRET", "no secret");
    fails(no_secret, 2, "whsec_");
    fails(listen(&bench, &server, &till, &[&to[..], &["--kind", "receipt"]].concat()), 2, "--kind");
    fails(listen(&bench, &server, &till, &["--kind", "receipts"]), 2, "operation, receipt, device");
    fails(listen(&bench, &server, &till, &["--url", "ftp://x"]), 2, "--url ftp://x");
}

#[test]
fn a_killed_server_leaves_no_gap() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let server = bench.serve();
    let address = server.address.to_string();
    let mut listening = Listening::start(listen(
        &bench,
        &server,
        &till,
        &["--after", "0.0", "--kind", "receipt", "--count", "5", "--json"],
    ));
    let rows = |listening: &mut Listening, expected: &[u64]| {
        for row in expected {
            assert_eq!(listening.next()["data"]["ftQueueRow"], *row);
        }
    };
    till.sell(&server);
    rows(&mut listening, &[1, 2]);
    server.signal("KILL");
    assert!(!server.ended().success());
    let again = || Server::start(bench.command(&["serve", "--listen", &address, "--json"]));
    let server = again();
    // Before or after the listener is back: either way it comes.
    till.sell(&server);
    rows(&mut listening, &[3]);
    let asked = Instant::now();
    server.stop();
    assert!(asked.elapsed() < Duration::from_secs(4), "a stream holds up no stop: {:?}", asked.elapsed());
    let server = again();
    till.sell(&server);
    till.sell(&server);
    rows(&mut listening, &[4, 5]);
    listening.ends_well();
}

/// One call of a receiver.
struct Called {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Called {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

fn read_call(stream: &mut TcpStream) -> Called {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = text(&head);
    assert!(head.starts_with("POST /hook HTTP/1.1\r\n"), "{head}");
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let headers: Vec<_> = lines.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let mut called = Called { headers, body: Vec::new() };
    called.body = vec![0; called.header("content-length").parse().unwrap()];
    stream.read_exact(&mut called.body).unwrap();
    called
}

#[test]
fn operations_are_forwarded_as_signed_callbacks_in_order() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let server = bench.serve();
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", receiver.local_addr().unwrap());
    let (told, calls) = mpsc::channel();
    std::thread::spawn(move || {
        // The second call is not taken at first.
        for (index, stream) in receiver.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let called = read_call(&mut stream);
            let status = if index == 1 { "503 Busy" } else { "204 No Content" };
            // Before the answer: the client may end as soon as it has the last one.
            if told.send(called).is_err() {
                return;
            }
            stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).unwrap();
        }
    });
    let arguments = ["--after", "0.0", "--count", "8", "--json", "--forward-to", &url];
    till.sell(&server);
    let output = listen(&bench, &server, &till, &arguments).output().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.success() && said.contains("forwarded: 204") && said.contains("rejected 503"), "{said}");
    assert!(!said.contains("whsec_") && !said.contains(&till.token));

    let printed: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let operations: Vec<&Value> = printed.iter().filter(|event| event["kind"] == "operation").collect();
    let calls: Vec<Called> = calls.try_iter().collect();
    assert_eq!((operations.len(), calls.len()), (6, 7), "one was called twice");
    assert_eq!(calls[1].header("webhook-id"), calls[2].header("webhook-id"));
    assert_eq!(calls[1].body, calls[2].body);
    let now_s = i64::try_from(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    let secret = Secret::parse(SECRET).unwrap();
    let taken = calls.iter().enumerate().filter(|(index, _)| *index != 1).map(|(_, called)| called);
    for (called, event) in taken.zip(operations) {
        let body: Value = serde_json::from_slice(&called.body).unwrap();
        assert_eq!(body, event["data"]);
        let id = format!("{}_{}", string(&body["OperationID"]), body["Sequence"]);
        assert_eq!(called.header("webhook-id"), id);
        assert_eq!(called.header("x-operation-state"), string(&body["State"]));
        assert_eq!(called.header("x-cashbox-id"), till.id);
        let (timestamp, signature) = (called.header("webhook-timestamp"), called.header("webhook-signature"));
        assert_eq!(
            verify(std::slice::from_ref(&secret), &id, timestamp, signature, &called.body, now_s, TOLERANCE_S),
            Ok(())
        );
    }
}

#[test]
fn a_reader_that_goes_away_ends_it() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let server = bench.serve();
    let mut command = listen(&bench, &server, &till, &["--after", "0.0", "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut first = String::new();
    // As `| head -1` does.
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("operation"), "{first}");
    till.sell(&server);
    assert!(child.wait().unwrap().success());
}
