//! `kassette simulate terminal` and a register on its line.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use kassette_payments::zvt::{Link, TcpLink};
use rustix::io::ioctl_fionread;
use serde_json::{Value, json};

use crate::bench::{Bench, string, text};
use crate::register::{Paid, Register, port};

/// Longer than anything takes, on a slow machine too.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal in a process of its own; killed when a test fails.
struct Terminal {
    child: Child,
    stdin: Option<ChildStdin>,
    events: Receiver<Value>,
    /// The first thing that it said.
    first: Value,
    ledger: PathBuf,
}

impl Terminal {
    #[track_caller]
    fn start(bench: &Bench, arguments: &[&str]) -> Self {
        let ledger = bench.file("ledger.json");
        let mut command = bench.command(&["simulate", "terminal", "--json", "--ledger", ledger.to_str().unwrap()]);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take().unwrap());
        let (told, events) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if told.send(serde_json::from_str(&line).unwrap()).is_err() {
                    return;
                }
            }
        });
        let first: Value = events.recv_timeout(PATIENCE).expect("it says where it waits");
        assert_eq!(first["event"], "waiting");
        Self { child, stdin, events, first, ledger }
    }

    fn address(&self) -> SocketAddr {
        string(&self.first["at"]).parse().unwrap()
    }

    fn type_line(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(std::process::Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
    }

    /// Reads on until this happens.
    #[track_caller]
    fn until(&self, event: &str) -> Value {
        loop {
            let told = self.events.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no {event}"));
            if told["event"] == event {
                return told;
            }
        }
    }

    /// The file of the ledger: net cents, then kind, cents and state of each entry.
    fn charged(&self) -> (Value, Vec<String>) {
        let ledger: Value = serde_json::from_slice(&std::fs::read(&self.ledger).unwrap()).unwrap();
        let line =
            |entry: &Value| format!("{} {} {}", string(&entry["kind"]), entry["amount_cents"], string(&entry["state"]));
        (ledger["net_cents"].clone(), ledger["entries"].as_array().unwrap().iter().map(line).collect())
    }

    #[track_caller]
    fn has_charged(&self, net_cents: i128, entries: &[&str]) {
        let (net, found) = self.charged();
        assert_eq!(
            (net.to_string(), found),
            (net_cents.to_string(), entries.iter().map(ToString::to_string).collect())
        );
    }

    #[track_caller]
    fn ended(mut self) -> ExitStatus {
        eventually("it ends", || self.child.try_wait().unwrap())
    }

    #[track_caller]
    fn stop(self) {
        self.signal("TERM");
        assert_eq!(self.ended().code(), Some(0));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Looks until there is something.
#[track_caller]
fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "never: {what}");
        std::thread::yield_now();
    }
}

fn device(link: &Path) -> Option<PathBuf> {
    std::fs::read_link(link).ok()
}

#[test]
fn a_register_pays_over_tcp_and_the_ledger_says_so() {
    let bench = Bench::new();
    let terminal =
        Terminal::start(&bench, &["--tcp", ":0", "--script", "tip:160,decline:05,default:partial:1000", "--seed", "7"]);
    assert_eq!(terminal.first["seed"], 7);
    assert!(terminal.address().ip().is_loopback());
    terminal.has_charged(0, &[]);
    let mut register = Register::tcp(terminal.address());
    assert_eq!(register.pay(1_840), Paid::Cents(2_000));
    terminal.has_charged(2_000, &["payment 2000 charged"]);
    assert_eq!(register.pay(1_840), Paid::Refused);
    // A part of what was asked for is believed when the terminal says it again.
    assert!(matches!(register.pay(1_840), Paid::InDoubt(_)));
    let (baseline, told_cents) = register.hang_up();
    let settled = Register::tcp(terminal.address()).settle_heard(baseline, told_cents, 1_840);
    assert_eq!(settled, Paid::Cents(1_000));
    terminal.has_charged(3_000, &["payment 2000 charged", "payment 1840 declined", "payment 1000 charged"]);

    // The same on standard output.
    assert_eq!(terminal.until("display")["text"], "ready");
    assert_eq!(terminal.until("display")["text"], "EUR 18.40: please insert card");
    let entry = terminal.until("ledger");
    assert_eq!(
        (&entry["kind"], &entry["tip_cents"], &entry["receipt_number"], &entry["trace"], &entry["state"]),
        (&json!("payment"), &json!(160), &json!(1), &json!(1), &json!("charged"))
    );
    assert_eq!(terminal.until("ledger")["declined_with"], "05");
    terminal.stop();
}

#[test]
fn a_register_pays_through_a_device_file() {
    let bench = Bench::new();
    let link = bench.file("terminal");
    let terminal = Terminal::start(&bench, &["--pty", "--link", link.to_str().unwrap(), "--script", "bad-crc"]);
    assert_eq!(terminal.first["at"], link.to_str().unwrap());
    let mut register = Register::serial(&link);
    assert_eq!(register.pay(1_840), Paid::Cents(1_840));
    assert_eq!(register.pay(500), Paid::Cents(500));
    terminal.has_charged(2_340, &["payment 1840 charged", "payment 500 charged"]);

    // A register that ends and comes again finds the same terminal at the same device file, and nothing of what was said before.
    let before = device(&link);
    register.begin(700);
    drop(register);
    terminal.until("disconnected");
    // The terminal goes on, as nobody told it not to.
    while terminal.until("ledger")["receipt_number"] != 3 {}
    assert_eq!(terminal.charged().1.len(), 3);
    assert_eq!(device(&link), before);
    let port = port(&link);
    assert_eq!(ioctl_fionread(&port).unwrap(), 0);
    drop(port);
    terminal.signal("HUP");
    terminal.until("pulled");
    terminal.until("waiting");
    assert!(device(&link).is_some());
    terminal.signal("INT");
    assert_eq!(terminal.ended().code(), Some(0));
    assert!(std::fs::symlink_metadata(&link).is_err(), "the link goes with the terminal");
}

#[test]
fn a_device_file_without_a_link_is_named() {
    let bench = Bench::new();
    let mut terminal = Terminal::start(&bench, &["--pty"]);
    let path = PathBuf::from(string(&terminal.first["at"]));
    let mut register = Register::serial(&path);
    assert_eq!(register.pay(100), Paid::Cents(100));
    terminal.type_line("power");
    terminal.until("power_cycled");
    let path = PathBuf::from(string(&terminal.until("waiting")["at"]));
    assert_eq!(Register::serial(&path).pay(200), Paid::Cents(200));
    terminal.has_charged(300, &["payment 100 charged", "payment 200 charged"]);
    assert!(register.is_cut());
    terminal.stop();
}

/// The script breaks the line; on a new one the register asks, and knows what the ledger says.
#[test]
fn a_dropped_line_is_settled_over_the_next_one() {
    for (script, entries) in [
        ("drop-sent:12,on-drop:stops", &[][..]),
        ("drop-sent:100,on-drop:stops", &["payment 1840 reversed"]),
        ("drop-sent:100,on-drop:stops,flavour:austria", &["payment 1840 declined"]),
        ("drop-received:8", &[]),
    ] {
        for is_serial in [false, true] {
            let bench = Bench::new();
            let link = bench.file("terminal");
            let place = if is_serial { vec!["--pty", "--link", link.to_str().unwrap()] } else { vec!["--tcp", ":0"] };
            let terminal = Terminal::start(&bench, &[&place[..], &["--script", script]].concat());
            let connect = || if is_serial { Register::serial(&link) } else { Register::tcp(terminal.address()) };
            let mut register = connect();
            let paid = register.pay(1_840);
            assert!(matches!(paid, Paid::InDoubt(_)), "{script}: {paid:?}");
            terminal.until("dropped");
            let mut again = connect();
            assert_eq!(again.settle(register.baseline, 1_840), Paid::Refused, "{script}");
            terminal.has_charged(0, entries);
            assert_eq!(again.pay(1_840), Paid::Cents(1_840), "{script}");
            terminal.stop();
        }
    }
}

#[test]
fn a_line_is_pulled_and_put_back_by_hand() {
    let bench = Bench::new();
    let mut terminal = Terminal::start(&bench, &["--tcp", "127.0.0.1:0"]);
    let address = terminal.address();
    let mut register = Register::tcp(address);
    terminal.type_line("pull");
    terminal.until("pulled");
    assert!(register.is_cut());
    let refused = TcpStream::connect(address).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    terminal.type_line("no such word");
    terminal.type_line("put");
    assert_eq!(terminal.until("waiting")["at"], address.to_string());
    let mut register = Register::tcp(address);
    assert_eq!(register.pay(100), Paid::Cents(100));
    terminal.signal("HUP");
    terminal.until("pulled");
    terminal.until("waiting");
    assert!(register.is_cut());
    assert_eq!(Register::tcp(address).pay(100), Paid::Cents(100));
    terminal.stop();

    let link = bench.file("terminal");
    let mut terminal = Terminal::start(&bench, &["--pty", "--link", link.to_str().unwrap()]);
    let mut register = Register::serial(&link);
    terminal.type_line("pull");
    terminal.until("pulled");
    assert!(register.is_cut());
    assert_eq!(device(&link), None);
    terminal.type_line("put");
    terminal.until("waiting");
    assert_eq!(Register::serial(&link).pay(100), Paid::Cents(100));
    terminal.stop();
}

#[test]
fn the_power_fails_in_the_middle_of_a_payment() {
    let bench = Bench::new();
    let mut terminal = Terminal::start(&bench, &["--tcp", ":0", "--script", "slow:600000"]);
    let mut register = Register::tcp(terminal.address());
    register.begin(1_840);
    terminal.type_line("power");
    terminal.until("waiting");
    assert!(matches!(register.finish(), Paid::InDoubt(_)));
    let mut again = Register::tcp(terminal.address());
    assert_eq!(again.settle(register.baseline, 1_840), Paid::Refused);
    terminal.has_charged(0, &[]);
    terminal.stop();
}

#[test]
fn the_second_register_waits_for_the_first() {
    let bench = Bench::new();
    let terminal = Terminal::start(&bench, &["--tcp", ":0"]);
    let mut first = Register::tcp(terminal.address());
    let second = TcpStream::connect(terminal.address()).unwrap();
    assert_eq!(first.pay(100), Paid::Cents(100));
    second.set_nonblocking(true).unwrap();
    assert_eq!(second.peek(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    second.set_nonblocking(false).unwrap();
    drop(first);
    let mut second = Register::new(Box::new(second), Link::Tcp(TcpLink::new())).ready();
    assert_eq!(second.pay(200), Paid::Cents(200));
    terminal.has_charged(300, &["payment 100 charged", "payment 200 charged"]);
    terminal.stop();
}

#[test]
fn it_goes_on_without_standard_input_unless_told_not_to() {
    let bench = Bench::new();
    let mut terminal = Terminal::start(&bench, &["--tcp", ":0"]);
    terminal.stdin = None;
    assert_eq!(Register::tcp(terminal.address()).pay(100), Paid::Cents(100));
    terminal.stop();
    let mut terminal = Terminal::start(&bench, &["--tcp", ":0", "--until-stdin-closes"]);
    assert_eq!(Register::tcp(terminal.address()).pay(100), Paid::Cents(100));
    terminal.stdin = None;
    assert_eq!(terminal.ended().code(), Some(0));
}

#[test]
fn what_cannot_be_played_is_said_at_once() {
    let bench = Bench::new();
    let fails = |code, arguments: &[&str]| bench.fails(code, &[&["simulate", "terminal"], arguments].concat());
    fails(2, &[]);
    fails(2, &["--tcp", ":0", "--pty"]);
    fails(2, &["--tcp", ":0", "--link", "terminal"]);
    fails(2, &["--tcp", "20007"]);
    let said = fails(2, &["--tcp", ":0", "--script", "approve,explode"]);
    assert!(said.contains("explode"), "{said}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = fails(6, &["--tcp", &address]);
    assert!(said.contains(&address), "{said}");
    let file = bench.file("file");
    std::fs::write(&file, "precious").unwrap();
    let said = fails(6, &["--pty", "--link", file.to_str().unwrap()]);
    assert!(said.contains("not a link"), "{said}");
    assert_eq!(text(&std::fs::read(&file).unwrap()), "precious");
    let nowhere = bench.file("nowhere/ledger.json");
    fails(6, &["--tcp", ":0", "--ledger", nowhere.to_str().unwrap()]);
}
