//! Live events: what is sent live and what is sent after a break is the same.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use kassette::config::Settings;
use serde_json::Value;

use crate::server::{A, B, DISABLED, Options, START_NS, TestServer, Till, fresh, sale};

/// One event as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) data: String,
}

/// An open stream.
pub(crate) struct Listener {
    reader: BufReader<TcpStream>,
    head: String,
    /// The last id that came, also without an event.
    last_id: String,
    heartbeats: usize,
}

impl Listener {
    #[track_caller]
    pub(crate) fn open(server: &TestServer, till: Till, query: &str, last: Option<&str>) -> Self {
        Self::with_token(server, till, &till.token(), query, last)
    }

    #[track_caller]
    fn with_token(server: &TestServer, till: Till, token: &str, query: &str, last: Option<&str>) -> Self {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let last = last.map_or(String::new(), |id| format!("last-event-id: {id}\r\n"));
        let head = format!(
            "GET /v2/events{query} HTTP/1.1\r\nhost: till\r\nx-cashbox-id: {}\r\nx-cashbox-accesstoken: {token}\r\n{last}\r\n",
            till.cash_box(),
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
        }
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        let mut listener = Self { reader, head, last_id: String::new(), heartbeats: 0 };
        // The first block has the id to go on from.
        assert_eq!(listener.block(), Some(None));
        assert!(!listener.last_id.is_empty());
        listener
    }

    /// A line without its end; chunks of HTTP are taken apart. `None` at the end of the stream.
    fn line(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(size) = line.strip_suffix("\r\n") {
                // Between chunks; those of ours end with a line.
                if size == "0" {
                    let mut rest = Vec::new();
                    drop(self.reader.read_to_end(&mut rest));
                    return None;
                }
                continue;
            }
            return line.strip_suffix('\n').map(str::to_owned);
        }
    }

    /// The next block: an event, or one without data; `None` at the end of the stream.
    fn block(&mut self) -> Option<Option<Event>> {
        let mut event = Event { id: String::new(), kind: String::new(), data: String::new() };
        loop {
            let line = self.line()?;
            match line.split_once(": ") {
                Some(("id", id)) => {
                    id.clone_into(&mut event.id);
                    id.clone_into(&mut self.last_id);
                }
                Some(("event", kind)) => kind.clone_into(&mut event.kind),
                Some(("data", data)) => data.clone_into(&mut event.data),
                Some(("", "heartbeat")) => self.heartbeats += 1,
                _ if line.is_empty() => return Some(Some(event).filter(|event| !event.data.is_empty())),
                _ => assert!(line.starts_with(':') || line.starts_with("retry: "), "{line:?}"),
            }
        }
    }

    #[track_caller]
    pub(crate) fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.block().expect("the stream goes on") {
                return event;
            }
        }
    }

    #[track_caller]
    fn take(&mut self, count: usize) -> Vec<Event> {
        (0..count).map(|_| self.next()).collect()
    }

    /// Reads until the server ends the stream.
    fn until_end(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(block) = self.block() {
            events.extend(block);
        }
        events
    }
}

fn options(change: impl FnOnce(&mut Settings)) -> Options {
    let mut options = Options::default();
    options.settings.events.heartbeat_ms = 100;
    change(&mut options.settings);
    options
}

pub(crate) fn json(event: &Event) -> Value {
    serde_json::from_str(&event.data).unwrap()
}

/// Sales, a refusal, an echo, an asynchronous sale, a failure.
fn mixed(server: &TestServer, till: Till) {
    server.sale(till, "one");
    server.operation(till, "/v2/sign", "not json").send().problem(400, "json-malformed");
    server.operation(till, "/v2/echo", r#"{"Message":"x"}"#).send().ok(201);
    let id = fresh();
    server.call("POST", "/v2/SignRequest").of(till).id(id).body(sale("async")).send();
    server.call("GET", &format!("/v2/operation/{id}/wait")).of(till).send().ok(200);
    server.sale(till, "two");
}

/// Events of [`mixed`]: four for each sale, three for what has no receipt.
const MIXED: usize = 4 + 3 + 3 + 4 + 4;

#[test]
fn live_and_resumed_from_every_id_are_the_same() {
    // A stream that its client left has its place until the next heartbeat.
    let folder = tempfile::tempdir().unwrap();
    let many = || options(|settings| settings.events.subscribers_per_cash_box_max = 1_000);
    for server in [&TestServer::in_memory(many()), &TestServer::on_disk(folder.path(), many())] {
        let mut live = Listener::open(server, A, "", None);
        assert!(live.head.contains("content-type: text/event-stream; charset=utf-8\r\n"), "{}", live.head);
        assert!(live.head.contains("cache-control: no-store\r\n"), "{}", live.head);
        let begin = live.last_id.clone();
        let mut all = Vec::new();
        std::thread::scope(|scope| {
            scope.spawn(|| mixed(server, A));
            // Another one's receipts at the same time.
            scope.spawn(|| mixed(server, B));
            all = live.take(MIXED);
        });
        let kinds = all.iter().filter(|event| event.kind == "receipt").count();
        assert_eq!(kinds, 3);
        for event in &all {
            let body = json(event);
            let queue = if event.kind == "operation" { &body["QueueID"] } else { &body["ftQueueID"] };
            assert_eq!(queue, &A.queue().to_string(), "{event:?}");
        }
        let mut ids: Vec<_> =
            all.iter().map(|event| kassette_wire::event::EventId::parse(&event.id).unwrap()).collect();
        ids.dedup();
        assert!(ids.len() == MIXED && ids.is_sorted());

        for (index, id) in std::iter::once(&begin).chain(all.iter().map(|event| &event.id)).enumerate() {
            let rest = &all[index..];
            assert_eq!(Listener::open(server, A, "", Some(id)).take(rest.len()), rest, "from {id}");
            assert_eq!(Listener::open(server, A, &format!("?after={id}"), None).take(rest.len()), rest, "after {id}");
        }
        // A number beyond the record's is the next record; the header comes before the query.
        let (row, _) = all[0].id.split_once('.').unwrap();
        let beyond = Listener::open(server, A, "?after=0.0", Some(&format!("{row}.999"))).next();
        assert_eq!(beyond, all[4]);
        // From the beginning: the start receipt first.
        assert_eq!(json(&Listener::open(server, A, "?after=0.0&kind=receipt", None).next())["ftQueueRow"], 1);
    }
}

#[test]
fn events_of_an_operation_say_what_the_interface_says() {
    let server = TestServer::in_memory(options(|_| {}));
    let mut live = Listener::open(&server, A, "", None);
    let id = fresh();
    let answer = server.call("POST", "/v2/sign").of(A).id(id).body(sale("R-1")).send().ok(201);
    let events = live.take(4);
    let states: Vec<Value> = events[..3].iter().map(json).collect();
    for (sequence, (state, name)) in (1..).zip(states.iter().zip(["pending", "processing", "done"])) {
        assert_eq!(state["OperationID"], id.to_string());
        assert_eq!((&state["State"], &state["Sequence"]), (&name.into(), &Value::from(sequence)));
    }
    let told = server.call("GET", &format!("/v2/operation/{id}")).of(A).send().ok(200);
    let mut last = states[2].clone();
    last.as_object_mut().unwrap().remove("Sequence");
    assert_eq!(last, told);
    let receipt = json(&events[3]);
    for name in
        ["ftQueueItemID", "ftQueueRow", "ftReceiptIdentification", "ftReceiptMoment", "ftState", "cbReceiptReference"]
    {
        assert_eq!(receipt[name], answer[name], "{name}");
    }
}

#[test]
fn a_filter_takes_kinds_and_heartbeats_move_on() {
    let server = TestServer::in_memory(options(|_| {}));
    let mut receipts = Listener::open(&server, A, "?kind=receipt", None);
    let mut devices = Listener::open(&server, A, "?kind=device", None);
    let begin = devices.last_id.clone();
    for reference in ["one", "two", "three"] {
        server.sale(A, reference);
        assert_eq!(json(&receipts.next())["cbReceiptReference"], reference);
    }
    while devices.heartbeats == 0 || devices.last_id == begin {
        assert_eq!(devices.block(), Some(None), "nothing for it");
    }
    // Whoever waits for what is rare does not have everything read again.
    server.sale(A, "four");
    let next = Listener::open(&server, A, "", Some(&devices.last_id)).next();
    assert!(next.id.ends_with(".1") && next.kind == "operation");
}

#[test]
fn what_cannot_be_asked_for_is_told_with_its_place() {
    let server = TestServer::in_memory(options(|_| {}));
    let get = |query: &str| server.call("GET", &format!("/v2/events{query}"));
    for (query, header, status, code, place) in [
        ("?after=x", None, 400, "header-invalid", "/after"),
        ("?after=999.1", None, 400, "header-invalid", "/after"),
        ("", Some("1"), 400, "header-invalid", "/last-event-id"),
        ("?after=0.0", Some("999.0"), 400, "header-invalid", "/last-event-id"),
        ("?kind=receipts", None, 400, "body-invalid", "/kind"),
    ] {
        let call = get(query).of(A);
        let call = header.map_or(call.clone(), |id| call.header("last-event-id", id));
        let reply = call.send();
        assert_eq!((reply.status, reply.json()["code"].as_str()), (status, Some(code)), "{query} {header:?}");
        assert_eq!(reply.json()["stored"], false);
        assert_eq!(reply.json()["findings"][0]["pointer"], place, "{query} {header:?}");
    }
    assert!(get("?kind=x").of(A).send().json()["detail"].as_str().unwrap().contains("operation, receipt, device"));
    get("").of(DISABLED).send().problem(403, "cash-box-disabled");
    get("").send().problem(400, "header-missing");
    let wrong = get("").header("x-cashbox-id", A.cash_box().to_string()).header("x-cashbox-accesstoken", "no");
    wrong.send().problem(401, "unauthorized");
    server.call("POST", "/v2/events").of(A).send().problem(405, "method-not-allowed");
}

#[test]
fn places_are_limited_and_come_back() {
    let server = TestServer::in_memory(options(|_| {}));
    let mut open: Vec<Listener> = (0..16).map(|_| Listener::open(&server, A, "", None)).collect();
    let refused = server.call("GET", "/v2/events").of(A).send();
    refused.problem(429, "rate-limited");
    assert!(refused.header("retry-after").is_some());
    drop(Listener::open(&server, B, "", None));
    open.pop();
    // The server finds out with the next piece that nobody takes.
    let deadline = Instant::now() + Duration::from_secs(30);
    while server.gateway.subscribe(A.cash_box()).is_err() {
        assert!(Instant::now() < deadline, "the place does not come back");
        std::thread::yield_now();
    }
}

#[test]
fn a_stop_ends_streams_at_once() {
    let server = TestServer::in_memory(options(|settings| settings.events.heartbeat_ms = 600_000));
    let open: Vec<Listener> = (0..4).map(|_| Listener::open(&server, A, "", None)).collect();
    server.sale(A, "before");
    let asked = Instant::now();
    server.readiness.stop();
    for listener in open {
        drop(listener.until_end());
    }
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
}

#[test]
fn a_stream_ends_with_its_credentials() {
    let server = TestServer::in_memory(options(|_| {}));
    // A token that ends 60 s after the start.
    let ends = Listener::with_token(&server, A, "kst_test_old", "", None);
    let mut stays = Listener::open(&server, A, "", None);
    assert!(kassette_stdx::Clock::unix_ns(server.clock.as_ref()) < START_NS + 60_000_000_000);
    server.clock.advance(Duration::from_secs(61));
    assert_eq!(ends.until_end(), []);
    server.sale(A, "after");
    assert_eq!(stays.take(4).len(), 4);
}

#[test]
fn a_client_that_does_not_read_holds_up_nobody() {
    let server = TestServer::in_memory(options(|settings| {
        settings.limits.export_stall_ms = 1_000;
        settings.events.batch_rows_max = 1;
    }));
    let begin = Listener::open(&server, A, "", None).last_id;
    let idle = Listener::open(&server, A, "?after=0.0", None);
    let mut live = Listener::open(&server, A, "?kind=receipt", None);
    for number in 0..50 {
        server.sale(A, &format!("R-{number}"));
        assert_eq!(json(&live.next())["cbReceiptReference"], format!("R-{number}"));
    }
    drop(idle);
    assert_eq!(Listener::open(&server, A, "", Some(&begin)).take(200).len(), 200);
}
