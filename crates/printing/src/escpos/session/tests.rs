//! Known dialogues.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may stop")]

use std::time::Duration;

use proptest::prelude::*;

use super::bench_for_tests::{Bench, KINDS, job, long_job, profile};
use super::*;
use crate::escpos::interpreter::plain_text;
use crate::escpos::profile::Confirmation;
use crate::escpos::render::Job;
use crate::escpos::status::{Condition, Failure, PrinterState};

fn tape(bench: &mut Bench) -> String {
    plain_text(bench.printer.take_tape().items(), &bench.profile.clone())
}

/// The whole paper of a job.
fn paper(job: &Job) -> String {
    let mut bench = Bench::new(Confirmation::Silent);
    bench.printer.receive(job.bytes());
    tape(&mut bench)
}

#[test]
fn a_job_is_printed_once_and_proved() {
    for (kind, evidence) in
        KINDS.into_iter().zip([Evidence::ProcessId, Evidence::Queued, Evidence::RealTime, Evidence::Written])
    {
        let mut bench = Bench::new(kind);
        bench.connect(false, 7);
        assert_eq!(bench.states(), [PrinterState::Ready], "{kind:?}");
        for name in ["Eins", "Zwei"] {
            let job = job(&bench.profile, name);
            assert_eq!(bench.print(job.clone()), Some(JobEnd::Printed(evidence)), "{kind:?}");
            assert_eq!(tape(&mut bench), paper(&job), "{kind:?}");
            bench.events.clear();
        }
        assert!(bench.session.as_ref().unwrap().is_ready());
    }
}

/// Every byte of the dialogue with a printer that confirms by id.
#[test]
fn known_bytes() {
    let profile = profile(Confirmation::ProcessId);
    let mut session = Session::new(&profile, SessionOptions { first_mark: 0x2A, ..SessionOptions::default() });
    let now = Duration::ZERO;
    session.start(now);
    for n in 1..=4 {
        assert_eq!(session.take_output(), [0x10, 0x04, n]);
        session.receive(&[0x12], now);
    }
    assert_eq!(session.take_output(), b"\x1D(H\x06\x0000002A");
    session.receive(b"\x37\x22002A\0", now);
    assert!(!session.is_ready());
    session.tick(session.next_deadline().unwrap());
    assert_eq!(session.next_event(), Some(SessionEvent::State(PrinterState::Ready)));
    session.begin(Job::of_bytes(b"Hello\n")).unwrap();
    assert_eq!((session.next_event(), session.take_output()), (Some(SessionEvent::MayPrint), vec![]));
    session.send(now);
    assert_eq!(session.take_output(), b"Hello\n\x1D(H\x06\x0000002B");
    // An answer of somebody else's job, noise, then ours.
    session.receive(b"\x37\x22002A\0\xFF\x00\x37\x22002B", now);
    assert_eq!(session.next_event(), None);
    session.receive(&[0], now);
    assert_eq!(session.next_event(), Some(SessionEvent::Ended(JobEnd::Printed(Evidence::ProcessId))));
    assert_eq!((session.next_deadline(), session.take_output()), (None, vec![]));
}

#[test]
fn a_job_waits_for_paper_and_a_closed_cover() {
    for kind in KINDS.into_iter().filter(|kind| kind.answers()) {
        let well = Condition::default();
        for (condition, state) in [
            (Condition { cover_open: true, ..well }, PrinterState::CoverOpen),
            (Condition { offline: true, ..well }, PrinterState::Offline),
            (Condition { failure: Some(Failure::Passing), ..well }, PrinterState::Error(Failure::Passing)),
        ] {
            let mut bench = Bench::new(kind);
            bench.set(condition);
            bench.connect(false, 0);
            assert_eq!(bench.states(), [state], "{kind:?}");
            assert!(bench.session.as_mut().unwrap().begin(job(&bench.profile, "x")).is_err());
            bench.set(well);
            bench.play(5_000);
            assert_eq!(bench.states(), [state, PrinterState::Ready], "{kind:?}");
            // It stops between the driver's note and the first byte.
            let job = job(&bench.profile, "Eins");
            bench.begin(job.clone());
            bench.set(condition);
            bench.play(600_000);
            bench.set(well);
            bench.play(200_000);
            assert!(matches!(bench.end(), Some(JobEnd::Printed(_))), "{kind:?} {:?}", bench.events);
            assert_eq!(tape(&mut bench), paper(&job), "{kind:?}");
        }
    }
}

#[test]
fn paper_ends_in_the_middle() {
    for kind in KINDS.into_iter().filter(|kind| kind.answers()) {
        let mut bench = Bench::new(kind);
        bench.connect(false, 0);
        bench.load(30 * 100);
        let job = long_job(&bench.profile, 150);
        bench.begin(job.clone());
        // Nobody comes for ten minutes.
        bench.play(600_000);
        assert_eq!(bench.states().last(), Some(&PrinterState::PaperOut), "{kind:?} {:?}", bench.events);
        assert_eq!(bench.end(), None, "{kind:?}");
        bench.load(1_000_000);
        bench.play(200_000);
        assert!(matches!(bench.end(), Some(JobEnd::Printed(_))), "{kind:?} {:?}", bench.events);
        assert_eq!(bench.states().last(), Some(&PrinterState::Ready));
        assert_eq!(tape(&mut bench), paper(&job), "{kind:?}");
    }
}

#[test]
fn an_error_goes_when_the_printer_is_told_to_recover() {
    let mut bench = Bench::new(Confirmation::Queued);
    bench.connect(false, 0);
    bench.set(Condition { failure: Some(Failure::Cutter), ..Condition::default() });
    bench.session.as_mut().unwrap().look(bench.now);
    bench.play(5_000);
    assert_eq!(bench.states().last(), Some(&PrinterState::Error(Failure::Cutter)));
    bench.session.as_mut().unwrap().recover();
    bench.play(5_000);
    assert_eq!(bench.states().last(), Some(&PrinterState::Ready));
}

#[test]
fn near_the_end_of_the_roll_it_is_printed_and_told() {
    let mut bench = Bench::new(Confirmation::Queued);
    bench.connect(false, 0);
    bench.load(400);
    let job = long_job(&bench.profile, 12);
    assert_eq!(bench.print(job), Some(JobEnd::Printed(Evidence::Queued)));
    assert_eq!(bench.states(), [PrinterState::Ready, PrinterState::PaperNearEnd]);
}

#[test]
fn a_printer_that_hangs() {
    for kind in KINDS.into_iter().filter(|kind| kind.answers()) {
        // From the beginning: no job begins, however long it takes.
        let mut bench = Bench::new(kind);
        bench.printer.set_mute(true);
        bench.connect(false, 0);
        bench.play(600_000);
        assert_eq!(bench.states(), [PrinterState::Hanging], "{kind:?}");
        bench.printer.set_mute(false);
        bench.play(20_000);
        assert_eq!(bench.states(), [PrinterState::Hanging, PrinterState::Ready], "{kind:?}");
        // In the middle of a job: in doubt after a while, and not before.
        bench.printer.set_mute(true);
        let job = long_job(&bench.profile, 300);
        bench.begin(job.clone());
        bench.play(50_000);
        assert_eq!((bench.end(), bench.states().last()), (None, Some(&PrinterState::Hanging)), "{kind:?}");
        let before = bench.printer.executed_bytes();
        bench.play(50_000);
        assert!(matches!(bench.end(), Some(JobEnd::InDoubt(_))), "{kind:?} {:?}", bench.events);
        assert!(bench.printer.executed_bytes() - before < 100, "only questions were sent");
        assert!(matches!(bench.events.last(), Some(SessionEvent::Lost(_))));
    }
}

#[test]
fn a_printer_that_wakes_up_prints_on() {
    for kind in [Confirmation::ProcessId, Confirmation::Queued] {
        let mut bench = Bench::new(kind);
        bench.connect(false, 0);
        bench.bytes_per_ms = Some(0);
        let job = long_job(&bench.profile, 300);
        bench.begin(job.clone());
        bench.printer.set_mute(true);
        bench.play(20_000);
        assert_eq!(bench.states().last(), Some(&PrinterState::Hanging));
        bench.printer.set_mute(false);
        bench.bytes_per_ms = Some(10);
        bench.play(60_000);
        assert!(matches!(bench.end(), Some(JobEnd::Printed(_))), "{kind:?} {:?}", bench.events);
        assert_eq!(tape(&mut bench), paper(&job), "{kind:?}");
    }
}

/// A printer that is slower than its line never gets more than it has room for.
#[test]
fn a_slow_printer_is_never_overrun() {
    for kind in KINDS {
        let mut bench = Bench::new(kind);
        bench.connect(false, 0);
        bench.bytes_per_ms = Some(1);
        let job = long_job(&bench.profile, 1000);
        assert!(job.bytes().len() > 40_000);
        assert!(matches!(bench.print(job.clone()), Some(JobEnd::Printed(_))), "{kind:?} {:?}", bench.events);
        bench.play(5_000);
        assert_eq!(bench.printer.overrun_bytes(), 0, "{kind:?}");
        assert_eq!(tape(&mut bench), paper(&job), "{kind:?}");
    }
}

#[test]
fn a_job_can_be_taken_back_until_it_begins() {
    let mut bench = Bench::new(Confirmation::Queued);
    bench.connect(false, 0);
    let job = job(&bench.profile, "Eins");
    let session = bench.session.as_mut().unwrap();
    session.begin(job.clone()).unwrap();
    assert_eq!(session.withdraw(), Some(job.clone()));
    session.begin(job.clone()).unwrap();
    session.send(bench.now);
    assert_eq!(session.withdraw(), None);
    // What was not taken from the session is no byte of the job.
    session.line_lost("unplugged");
    let events: Vec<_> = std::iter::from_fn(|| session.next_event()).skip(2).collect();
    let why = || "unplugged".to_owned();
    assert_eq!(events, [SessionEvent::Ended(JobEnd::NotStarted(why())), SessionEvent::Lost(why())]);
    session.line_lost("again");
    assert_eq!((session.next_event(), session.begin(job.clone())), (None, Err(job)));
}

/// A job that was cut off somewhere, a new connection: the printer waits for the end of a command, and the next job is whole all the same.
#[test]
fn answers_of_an_earlier_connection_prove_nothing() {
    let mut bench = Bench::new(Confirmation::Queued);
    bench.connect(false, 0);
    // Three questions of somebody else wait in the printer, and answers come late.
    bench.bytes_per_ms = Some(0);
    bench.printer.fill(b"\x1Dr\x01\x1Dr\x01\x1Dr\x01");
    bench.connect(true, 0);
    bench.bytes_per_ms = Some(1);
    bench.play_until(10_000, |bench| bench.session.as_ref().is_some_and(Session::is_ready));
    bench.bytes_per_ms = Some(0);
    let job = job(&bench.profile, "Eins");
    bench.begin(job.clone());
    bench.play(10_000);
    assert_eq!(bench.end(), None);
    bench.bytes_per_ms = Some(1);
    bench.play(10_000);
    assert_eq!(bench.end(), Some(JobEnd::Printed(Evidence::Queued)));
}

#[test]
fn something_that_is_no_printer() {
    let mut bench = Bench::new(Confirmation::Queued);
    bench.noise = Some(b"HTTP/1.1 400 Bad Request\r\n".repeat(200));
    bench.connect(false, 0);
    assert!(matches!(bench.events.last(), Some(SessionEvent::Lost(_))), "{:?}", bench.events);
}

proptest! {
    /// Whatever comes back, nothing panics, no answer is made up from noise, and a job that is called printed was printed.
    #[test]
    fn noise_proves_nothing(noise in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 1..40), mute in any::<bool>()) {
        let mut bench = Bench::new(Confirmation::ProcessId);
        bench.connect(false, 0);
        bench.bytes_per_ms = Some(0);
        bench.printer.set_mute(mute);
        bench.begin(job(&bench.profile, "Eins"));
        for bytes in noise {
            bench.play(300);
            let now = bench.now;
            if let Some(session) = bench.session.as_mut() {
                session.receive(&bytes, now);
            }
        }
        bench.play(1_000);
        prop_assert!(!matches!(bench.end(), Some(JobEnd::Printed(_))), "{:?}", bench.events);
    }

    /// The same from the first byte on, in any state, with time that passes.
    #[test]
    fn no_bytes_and_no_times_make_it_panic(
        steps in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..8), 0..10_000_u64), 0..60),
        kind in 0..4_usize,
    ) {
        let profile = profile(KINDS[kind]);
        let mut session = Session::new(&profile, SessionOptions { resync: true, ..SessionOptions::default() });
        let mut now = Duration::ZERO;
        session.start(now);
        let mut out = 0;
        for (bytes, ms) in steps {
            now += Duration::from_millis(ms);
            session.tick(now);
            session.receive(&bytes, now);
            let _ = session.begin(job(&profile, "Eins"));
            session.send(now);
            while session.next_event().is_some() {}
            out += session.take_output().len();
        }
        prop_assert!(out < 200_000);
    }
}
