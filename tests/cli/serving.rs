//! One server per folder, both environments in one server, and the orderly stop.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::bench::{Bench, Server, answer, receipt, request, string, text};

/// Longest orderly stop, with room for a slow machine.
const STOP_MAX: Duration = Duration::from_secs(8);

#[test]
fn a_folder_has_one_server_and_commands_go_through_it() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let server = bench.serve();
    let socket = bench.data_dir().join("admin.sock");
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    let refused = bench.fails(5, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(refused.contains("in use"), "{refused}");

    let status = bench.json(&["status"]);
    assert_ne!(status["process"], std::process::id());
    let second = bench.till("TILL-2");
    assert_eq!(second.sell(&server).0, 201);
    assert_eq!(till.sell(&server).0, 201);
    let again = bench.json(&["status"]);
    assert_eq!(again["process"], status["process"], "the server did it");
    assert!(again["active_cash_boxes"].as_u64().unwrap() >= 2);
    server.stop();
    assert!(!socket.exists());
    assert_ne!(bench.json(&["status"])["process"], status["process"]);
}

#[test]
fn a_server_does_no_command_that_is_meant_for_the_other_environment() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let server = bench.serve();
    let create = ["cashbox", "create", "--market", "at", "--name", "TILL-2", "--production"];
    for arguments in [&create[..], &["cashbox", "disable", &till.id, "--production"], &["status", "--production"]] {
        let refused = bench.fails(4, arguments);
        assert!(refused.contains("belongs to sandbox, not to production"), "{refused}");
    }
    assert_eq!(till.sell(&server).0, 201);
    assert_eq!(bench.json(&["cashbox", "list"])["cash_boxes"].as_array().unwrap().len(), 1);
    server.stop();
}

#[test]
fn a_client_that_sends_slowly_does_not_hold_up_the_stop() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let server = bench.serve();
    let whole = request("/v2/sign", &till.headers(), &[b' '; 500]);
    let mut slow = server.connect().unwrap();
    slow.write_all(&whole[..whole.len() - 495]).unwrap();
    assert_eq!(till.sell(&server).0, 201);
    let asked = Instant::now();
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    let verified = bench.done(&["verify", bench.data_dir().to_str().unwrap()]);
    assert!(!verified.contains("cut"), "{verified}");
    assert_eq!(bench.json(&["cashbox", "show", &till.id])["queue_row"], 2);
}

#[test]
fn the_journal_is_closed_to_others() {
    let bench = Bench::new();
    bench.till("TILL-1");
    let journal = bench.data_dir().join("journal");
    let mode = || std::fs::metadata(&journal).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o700);
    std::fs::set_permissions(&journal, std::fs::Permissions::from_mode(0o755)).unwrap();
    bench.done(&["status"]);
    assert_eq!(mode(), 0o700);
}

#[test]
fn a_killed_server_leaves_a_folder_that_works() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let server = bench.serve();
    let (_, first) = till.sell(&server);
    server.signal("KILL");
    assert!(!server.ended().success());
    // The socket of the dead server is there; nobody answers on it, and nobody needs to.
    assert_eq!(bench.json(&["cashbox", "show", &till.id])["queue_row"], 2);
    let server = bench.serve();
    let (status, second) = till.sell(&server);
    assert_eq!(status, 201);
    assert_eq!(second["ftQueueRow"].as_u64(), first["ftQueueRow"].as_u64().map(|row| row + 1));
    server.stop();
}

#[test]
fn a_request_in_flight_is_answered_before_the_end() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let server = bench.serve();
    let body = receipt(1, json!([{"Description": "Melange", "Amount": 4.9, "VATRate": 20}])).to_string();
    let whole = request("/v2/sign", &till.headers(), body.as_bytes());
    let (half, rest) = whole.split_at(whole.len() - 20);
    let mut stream = server.connect().unwrap();
    stream.write_all(half).unwrap();
    // Another request on a later connection has its answer: the first one was accepted.
    assert_eq!(till.sell(&server).0, 201);
    let asked = Instant::now();
    server.signal("TERM");
    stream.write_all(rest).unwrap();
    let (status, _) = answer(&mut stream).expect("an answer");
    assert_eq!(status, 201);
    assert!(server.ended().success());
    assert!(asked.elapsed() < STOP_MAX, "{:?}", asked.elapsed());
    assert_eq!(bench.json(&["cashbox", "show", &till.id])["queue_row"], 3);
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let server = bench.serve();
    let whole = request("/v2/sign", &till.headers(), receipt(1, json!([])).to_string().as_bytes());
    let mut stream = server.connect().unwrap();
    stream.write_all(&whole[..whole.len() - 1]).unwrap();
    assert_eq!(till.sell(&server).0, 201);
    let asked = Instant::now();
    server.signal("TERM");
    // The listener is gone: the orderly stop has begun and waits for the request above.
    while server.connect().is_ok() {
        std::thread::yield_now();
    }
    server.signal("INT");
    assert_eq!(server.ended().code(), Some(6));
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    let folder = bench.data_dir();
    bench.done(&["verify", folder.to_str().unwrap()]);
    assert_eq!(bench.json(&["cashbox", "show", &till.id])["queue_row"], 2);
}

#[test]
fn a_stop_under_load_loses_no_acknowledged_receipt() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let server = bench.serve();
    let acknowledged = Mutex::new(0_u64);
    let asked = std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                // Until the listener is gone. A connection that the system accepted for it but it did not is cut.
                while let Ok(mut stream) = server.connect() {
                    let body =
                        receipt(1, json!([{"Description": "Melange", "Amount": 4.9, "VATRate": 20}])).to_string();
                    let sent = stream.write_all(&request("/v2/sign", &till.headers(), body.as_bytes()));
                    match sent.ok().and_then(|()| answer(&mut stream)) {
                        Some((201, _)) => *acknowledged.lock().unwrap() += 1,
                        Some((status, body)) => assert_eq!(status, 503, "{body}"),
                        None => {}
                    }
                }
            });
        }
        while *acknowledged.lock().unwrap() < 50 {
            std::thread::yield_now();
        }
        server.signal("TERM");
        Instant::now()
    });
    assert!(server.ended().success());
    assert!(asked.elapsed() < STOP_MAX, "{:?}", asked.elapsed());
    let shown = bench.json(&["cashbox", "show", &till.id]);
    let signed = shown["queue_row"].as_u64().unwrap() - 1;
    assert!(signed >= *acknowledged.lock().unwrap(), "{signed} of {}", acknowledged.lock().unwrap());
    let verified = bench.done(&["verify", bench.data_dir().to_str().unwrap()]);
    assert!(!verified.contains("cut"), "an orderly stop seals the log: {verified}");
}

#[test]
fn both_environments_in_one_server_share_nothing() {
    let bench = Bench::new();
    let folder = |name: &str| bench.file(name).to_str().unwrap().to_owned();
    let file = bench.file("kassette.toml");
    let text = format!(
        "[sandbox]\ndata_dir = {:?}\nlisten = \"127.0.0.1:0\"\nbase_path = \"/sandbox\"\n\
         [production]\ndata_dir = {:?}\nlisten = \"127.0.0.1:0\"\nbase_path = \"/live\"\n",
        folder("sandbox"),
        folder("production")
    );
    std::fs::write(&file, text).unwrap();
    let config = file.to_str().unwrap();
    let program = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kassette"));
        command.args(arguments).args(["--config", config]);
        command
    };
    let made = program(&["cashbox", "create", "--market", "at", "--name", "A", "--json"]).output().unwrap();
    assert!(made.status.success(), "{}", crate::bench::text(&made.stderr));
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    let till = crate::bench::Till { id: string(&made["cash_box"]), token: string(&made["access_token"]) };
    let server = Server::start(program(&["serve", "--json"]));
    let body = receipt(1, json!([{"Description": "Melange", "Amount": 4.9, "VATRate": 20}])).to_string();
    let status = |path: &str| server.post(path, &till.headers(), body.as_bytes()).0;
    assert_eq!(status("/sandbox/v2/sign"), 201);
    // One address with a port of its own choice is shared: told apart by the base path.
    assert_eq!(status("/live/v2/sign"), 401);
    assert_eq!(status("/v2/sign"), 404);
    server.stop();
}

#[test]
fn logs_hold_no_token() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let log = bench.file("log");
    let mut command = bench.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    command.env("KASSETTE_LOG__FILTER", "trace").env("KASSETTE_LOG__FORMAT", "json");
    let server = Server::start_with_log(command, std::fs::File::create(&log).unwrap());
    assert_eq!(till.sell(&server).0, 201);
    bench.done(&["cashbox", "rotate-token", &till.id]);
    server.stop();
    let log = std::fs::read(&log).unwrap();
    assert!(!log.is_empty());
    assert!(text(&log).lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    assert!(!text(&log).contains("kst_test_"));
}
