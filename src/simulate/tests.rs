//! Terminals in this process, and registers that say as little as they can.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop")]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use kassette_payments::zvt::simulator::Script;

use super::{Event, Judgement, Place, Settings, SimulateError, SimulatedTerminal};

/// Longer than anything takes, on a slow machine too.
const PATIENCE: Duration = Duration::from_secs(60);
const ACCEPTED: [u8; 3] = [0x80, 0, 0];
/// Pay 12.34 euro.
const PAY: [u8; 13] = [0x06, 0x01, 10, 0x04, 0, 0, 0, 0, 0x12, 0x34, 0x49, 0x09, 0x78];
const COMPLETION: [u8; 2] = [0x06, 0x0F];

fn connect(terminal: &SimulatedTerminal) -> TcpStream {
    let stream = TcpStream::connect(terminal.address().unwrap()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// One APDU with a short length.
fn read(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = [0; 3];
    stream.read_exact(&mut head).unwrap();
    let mut data = vec![0; usize::from(*head.last().unwrap())];
    stream.read_exact(&mut data).unwrap();
    [&head[..], &data].concat()
}

/// Pays, and takes everything that is told until the end.
fn pay(stream: &mut TcpStream) {
    stream.write_all(&PAY).unwrap();
    assert_eq!(read(stream), ACCEPTED);
    loop {
        let told = read(stream);
        stream.write_all(&ACCEPTED).unwrap();
        if told.starts_with(&COMPLETION) {
            return;
        }
    }
}

fn is_gone(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}

fn eventually(mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "never");
        std::thread::yield_now();
    }
}

#[test]
fn hundreds_run_at_once_and_end_with_their_handles() {
    let terminals: Vec<_> =
        (0..200).map(|_| SimulatedTerminal::on_loopback(Script::approving()).expect("a terminal")).collect();
    let mut streams: Vec<_> = terminals.iter().map(connect).collect();
    for stream in &mut streams {
        stream.write_all(&PAY).unwrap();
    }
    for stream in &mut streams {
        assert_eq!(read(stream), ACCEPTED);
    }
    let began = Instant::now();
    let addresses: Vec<_> = terminals.iter().map(|terminal| terminal.address().unwrap()).collect();
    drop(terminals);
    assert!(began.elapsed() < PATIENCE);
    assert!(streams.iter_mut().all(is_gone));
    for address in addresses {
        assert!(TcpStream::connect(address).is_err(), "{address}");
    }
}

#[test]
fn a_pulled_port_refuses_and_is_the_same_when_it_is_back() {
    let terminal = SimulatedTerminal::on_loopback(Script::approving()).unwrap();
    let mut stream = connect(&terminal);
    pay(&mut stream);
    for _ in 0..20 {
        terminal.pull().unwrap();
        assert!(is_gone(&mut stream));
        assert!(TcpStream::connect(terminal.address().unwrap()).is_err());
        terminal.pull().unwrap();
        terminal.put().unwrap();
        terminal.put().unwrap();
        stream = connect(&terminal);
    }
    terminal.power_cycle().unwrap();
    assert!(is_gone(&mut stream));
    pay(&mut connect(&terminal));
    assert_eq!(Judgement::from(&terminal.ledger()).net_cents, 2_468);
    eventually(|| !terminal.is_busy());
    assert_eq!(terminal.display(), "EUR 12.34 approved");
}

#[test]
fn who_watches_is_told_everything_in_turn() {
    let (told, events) = mpsc::channel();
    let script = Script::parse("drop-sent:3,on-drop:stops", 0).unwrap();
    let mut settings = Settings::new(Place::Tcp(([127, 0, 0, 1], 0).into()), script);
    settings.watch = Some(Box::new(move |event| drop(told.send(event.to_string()))));
    let terminal = SimulatedTerminal::start(settings).unwrap();
    let mut stream = connect(&terminal);
    stream.write_all(&PAY).unwrap();
    assert_eq!(read(&mut stream), ACCEPTED);
    assert!(is_gone(&mut stream));
    pay(&mut connect(&terminal));
    let at = format!("waiting on {}", terminal.address().unwrap());
    drop(terminal);
    let told: Vec<String> = events.iter().collect();
    let expected = [
        at.as_str(),
        "display: ready",
        "connected",
        "display: EUR 12.34: please insert card",
        "dropped the line",
        at.as_str(),
        "connected",
        "display: please wait",
        "ledger: receipt 0001 trace 000001 payment EUR 12.34 charged",
        "display: EUR 12.34 approved",
    ];
    assert_eq!(told.iter().filter(|line| *line != "disconnected").collect::<Vec<_>>(), expected);
}

#[test]
fn a_ledger_that_cannot_be_written_ends_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let (told, events) = mpsc::channel();
    let mut settings = Settings::new(Place::Tcp(([127, 0, 0, 1], 0).into()), Script::approving());
    settings.ledger_file = Some(folder.path().join("ledger.json"));
    settings.watch = Some(Box::new(move |event| {
        if let Event::Failed { reason } = event {
            drop(told.send(reason.clone()));
        }
    }));
    let terminal = SimulatedTerminal::start(settings).unwrap();
    let mut stream = connect(&terminal);
    drop(folder);
    stream.write_all(&PAY).unwrap();
    let reason = events.recv_timeout(PATIENCE).unwrap();
    assert!(reason.contains("ledger.json"), "{reason}");
    eventually(|| matches!(terminal.pull(), Err(SimulateError::Ended(why)) if why == reason));
}

#[test]
fn a_device_file_comes_and_goes_with_its_link() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("terminal");
    let start = || {
        SimulatedTerminal::start(Settings::new(Place::Pty { link: Some(link.clone()) }, Script::approving())).unwrap()
    };
    let terminal = start();
    assert_eq!((terminal.path(), terminal.address()), (Some(link.clone()), None));
    assert!(std::fs::metadata(&link).is_ok());
    terminal.pull().unwrap();
    assert_eq!(terminal.path(), None);
    assert!(std::fs::symlink_metadata(&link).is_err());
    terminal.put().unwrap();
    assert_eq!(terminal.path(), Some(link.clone()));
    // Another one takes the link over; the first leaves it alone.
    let other = start();
    drop(terminal);
    assert!(std::fs::metadata(&link).is_ok());
    drop(other);
    assert!(std::fs::symlink_metadata(&link).is_err());
}
