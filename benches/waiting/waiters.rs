//! Parked waiters: memory of each, and processor time of all, in a server process of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use kassette_actors::Accepted;
use kassette_cashbox::Request;
use kassette_journal::{Journal, MemoryJournal};

use crate::servers::{Served, cash_box, cores, request};

/// Tells a process of this bench to serve: `bare` or `ours`.
pub(crate) const SERVE: &str = "BENCH_SERVE";
/// Cash boxes, each with one operation that others wait for.
const BOXES: u64 = 64;
/// How long nobody does anything while processor time is measured.
const QUIET: Duration = Duration::from_secs(10);
/// How long everything may take to come to rest.
const SETTLE: Duration = Duration::from_secs(4);
/// The operation of every cash box.
const OPERATION: u128 = 0x7777_7777_7777;

/// Serves until standard input ends; the first line says the port.
pub(crate) fn serve(bare: bool) {
    let told = |port: u16| {
        println!("{port}");
        std::io::stdout().flush().unwrap();
        drop(std::io::stdin().lines().next());
    };
    if bare {
        return actix_web::rt::System::new().block_on(async move {
            let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
            let port = listener.local_addr().unwrap().port();
            let app = || App::new().default_service(web::to(std::future::pending::<HttpResponse>));
            let server =
                HttpServer::new(app).workers(cores()).disable_signals().backlog(8_192).listen(listener).unwrap();
            actix_web::rt::spawn(server.run());
            tokio::task::spawn_blocking(move || told(port)).await.unwrap();
        });
    }
    let journal = Arc::new(MemoryJournal::new());
    let served = Served::over(Some(Arc::clone(&journal) as Arc<dyn Journal>), BOXES, None);
    // What refers to an earlier receipt cannot begin while receipts cannot be looked up.
    journal.set_receipts_busy(true);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for number in 0..BOXES {
            let body = crate::load::sale("000000000000").replacen('{', "{\"cbPreviousReceiptReference\":\"start\",", 1);
            let call = Request { lifetime_ms: Some(3_600_000), ..request(OPERATION, body) };
            let accepted = served.gateway().accept(cash_box(number), call, Duration::ZERO).await.unwrap();
            assert_eq!(accepted, Accepted::Running { first: true });
        }
    });
    told(served.port);
    std::process::exit(0);
}

struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(kind: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(SERVE, kind)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, port: line.trim().parse().unwrap() }
    }

    fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    fn cpu_ms(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = text.rsplit_once(") ").unwrap().1.split(' ').collect();
        (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()) * 10
    }
}

/// KiB for each waiter, and processor time of all during [`QUIET`].
fn parked(kind: &str, waiters: u64) -> (f64, u64) {
    let mut server = Server::start(kind);
    let operation = uuid::Uuid::from_u128(OPERATION);
    let ask = |number: u64| {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        let request = format!(
            "GET /v2/BlockSignRequest/{operation}/WhileProcessing?timeout=300000 HTTP/1.1\r\nhost: localhost\r\n\
             x-cashbox-id: {}\r\nx-cashbox-accesstoken: kst_test_bench\r\n\r\n",
            cash_box(number % BOXES)
        );
        stream.write_all(request.as_bytes()).unwrap();
        stream
    };
    // A few warm up what is there once.
    let mut streams: Vec<TcpStream> = (0..100).map(ask).collect();
    std::thread::sleep(SETTLE);
    let before = server.resident_kib();
    streams.extend((0..waiters).map(ask));
    std::thread::sleep(SETTLE);
    let after = server.resident_kib();
    let busy = server.cpu_ms();
    std::thread::sleep(QUIET);
    let busy = server.cpu_ms() - busy;
    // Nobody was answered: all are parked.
    for stream in &streams {
        stream.set_nonblocking(true).unwrap();
        let read = stream.peek(&mut [0; 1]);
        assert!(
            read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock),
            "{kind}: a waiter was answered"
        );
    }
    drop(streams);
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    ((after - before) as f64 / waiters as f64, busy)
}

pub(crate) fn measure(waiters: u64) {
    let (bare_kib, bare_ms) = parked("bare", waiters);
    let (ours_kib, ours_ms) = parked("ours", waiters);
    println!(
        "{waiters} parked waiters: {ours_kib:.2} KiB each, a bare handler {bare_kib:.2} KiB: {:.2} KiB more (at most 4); processor time in \
         {} s: {ours_ms} ms, bare {bare_ms} ms",
        ours_kib - bare_kib,
        QUIET.as_secs()
    );
}
