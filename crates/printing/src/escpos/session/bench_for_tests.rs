//! A driver, a line and a printer for tests.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

use std::time::Duration;

use super::{JobEnd, Session, SessionEvent, SessionOptions};
use crate::escpos::interpreter::{Interpreter, PaperRoll};
use crate::escpos::profile::{Confirmation, Profile, Profiles};
use crate::escpos::render::{Job, JobWriter, Look, Sheet};
use crate::escpos::status::{Condition, PrinterState};

pub(super) const KINDS: [Confirmation; 4] =
    [Confirmation::ProcessId, Confirmation::Queued, Confirmation::RealTime, Confirmation::Silent];

pub(super) fn profile(confirmation: Confirmation) -> Profile {
    let profile = Profiles::default().get("TM-T20III").unwrap().clone();
    Profile { confirmation, ..profile }
}

/// A receipt with text, a picture, a code and a cut; `name` is its first line.
pub(super) fn job(profile: &Profile, name: &str) -> Job {
    job_of(profile, name, 0)
}

/// The same with so many lines more.
pub(super) fn job_of(profile: &Profile, name: &str, lines: usize) -> Job {
    let mut writer = JobWriter::new(profile);
    writer.line(Look::LOUD, name);
    for line in 0..lines {
        writer.line(Look::PLAIN, &format!("{line:>6} {name}"));
    }
    writer.line(Look::PLAIN, "1 Tee                 1,20 €");
    writer.picture(&crate::escpos::Bitmap::of_rows(24, 4, &[0xF0, 0x10, 0x0F].repeat(4)));
    let code = crate::receipt::Code::new(crate::receipt::Symbology::Qr, "_R1-AT0_1_2");
    assert!(writer.code(&code, &crate::code::symbol(&code).unwrap()));
    writer.line(Look::PLAIN, "Danke");
    writer.cut();
    writer.finish().unwrap()
}

/// A job of so many lines.
pub(super) fn long_job(profile: &Profile, lines: usize) -> Job {
    let mut writer = JobWriter::new(profile);
    for line in 0..lines {
        writer.line(Look::PLAIN, &format!("Zeile {line:>6} {}", "x".repeat(30)));
    }
    writer.cut();
    writer.finish().unwrap()
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    ToPrinter,
    ToUs,
}

/// A driver that answers every [`SessionEvent::MayPrint`] at once, a line, and a printer.
pub(super) struct Bench {
    pub(super) printer: Interpreter,
    pub(super) session: Option<Session>,
    pub(super) profile: Profile,
    pub(super) now: Duration,
    pub(super) events: Vec<SessionEvent>,
    /// Bytes that arrived since the line is there, each way.
    pub(super) arrived: [usize; 2],
    /// The line breaks behind so many of them.
    pub(super) cut: Option<(Way, usize)>,
    /// Bytes that the printer executes in a millisecond; none: all at once.
    pub(super) bytes_per_ms: Option<usize>,
    /// A printer at a network line drops what it has not executed when the line breaks.
    pub(super) forgets: bool,
    /// What the printer says arrives as this instead.
    pub(super) noise: Option<Vec<u8>>,
}

impl Bench {
    pub(super) fn new(confirmation: Confirmation) -> Self {
        Self::with(profile(confirmation))
    }

    pub(super) fn with(profile: Profile) -> Self {
        Self {
            printer: Interpreter::new(&profile),
            session: None,
            profile,
            now: Duration::from_secs(100),
            events: Vec::new(),
            arrived: [0; 2],
            cut: None,
            bytes_per_ms: None,
            forgets: false,
            noise: None,
        }
    }

    /// A new connection, until the printer is ready or nothing happens for a while.
    pub(super) fn connect(&mut self, resync: bool, first_mark: u16) {
        let options = SessionOptions { resync, first_mark, ..SessionOptions::default() };
        let mut session = Session::new(&self.profile, options);
        session.start(self.now);
        self.session = Some(session);
        self.arrived = [0; 2];
        self.play_until(10_000, |bench| bench.session.as_ref().is_none_or(Session::is_ready));
    }

    pub(super) fn begin(&mut self, job: Job) {
        self.session.as_mut().unwrap().begin(job).unwrap();
    }

    pub(super) fn print(&mut self, job: Job) -> Option<JobEnd> {
        self.begin(job);
        self.play_until(400_000, |bench| bench.end().is_some());
        self.end()
    }

    /// How the last job ended.
    pub(super) fn end(&self) -> Option<JobEnd> {
        self.events.iter().rev().find_map(|event| match event {
            SessionEvent::Ended(end) => Some(end.clone()),
            _ => None,
        })
    }

    pub(super) fn states(&self) -> Vec<PrinterState> {
        let states = self.events.iter().filter_map(|event| match event {
            SessionEvent::State(state) => Some(*state),
            _ => None,
        });
        states.collect()
    }

    pub(super) fn set(&mut self, condition: Condition) {
        self.printer.set_condition(condition);
    }

    pub(super) fn load(&mut self, left_dots: u64) {
        self.printer.load(PaperRoll { left_dots, near_end_dots: 60 });
    }

    pub(super) fn play(&mut self, ms: u64) {
        self.play_until(ms, |_| false);
    }

    /// Lets up to so many milliseconds pass.
    pub(super) fn play_until(&mut self, ms: u64, is_enough: impl Fn(&Self) -> bool) {
        let end = self.now + Duration::from_millis(ms);
        loop {
            while self.exchange() {}
            if is_enough(self) {
                return;
            }
            let Some(session) = &mut self.session else { return };
            let mut next = session.next_deadline();
            if self.bytes_per_ms.is_some() && self.printer.waiting_bytes() > 0 && self.printer.condition().is_online() {
                let soon = self.now + Duration::from_millis(1);
                next = Some(next.map_or(soon, |next| next.min(soon)));
            }
            let Some(next) = next.filter(|next| *next <= end) else {
                self.now = end;
                return;
            };
            let passed = next.saturating_sub(self.now);
            self.now = self.now.max(next);
            if let Some(bytes) = self.bytes_per_ms {
                self.printer.run(bytes * usize::try_from(passed.as_millis()).unwrap());
            }
            while self.exchange() {}
            if let Some(session) = &mut self.session {
                session.tick(self.now);
            }
        }
    }

    /// Moves what is there; whether there was anything.
    fn exchange(&mut self) -> bool {
        let Some(session) = &mut self.session else { return false };
        let mut moved = false;
        while let Some(event) = session.next_event() {
            moved = true;
            if event == SessionEvent::MayPrint {
                session.send(self.now);
            }
            self.events.push(event);
        }
        let out = session.take_output();
        moved |= self.carry(Way::ToPrinter, &out);
        let answers = self.printer.take_answers();
        let answers = match &self.noise {
            Some(noise) if !answers.is_empty() => noise.clone(),
            _ => answers,
        };
        moved | self.carry(Way::ToUs, &answers)
    }

    fn carry(&mut self, way: Way, bytes: &[u8]) -> bool {
        if self.session.is_none() || bytes.is_empty() {
            return false;
        }
        let before = &mut self.arrived[way as usize];
        let room = match self.cut {
            Some((cut, at)) if cut == way => at.saturating_sub(*before),
            _ => usize::MAX,
        };
        let arrives = bytes.get(..room).unwrap_or(bytes);
        *before += arrives.len();
        match way {
            Way::ToPrinter if self.bytes_per_ms.is_some() => self.printer.fill(arrives),
            Way::ToPrinter => self.printer.receive(arrives),
            Way::ToUs => self.session.as_mut().unwrap().receive(arrives, self.now),
        }
        if room <= bytes.len() {
            self.drop_line();
        }
        true
    }

    /// The line breaks; the driver tells the session and keeps what it says.
    pub(super) fn drop_line(&mut self) {
        let Some(mut session) = self.session.take() else { return };
        session.line_lost("the line broke");
        while let Some(event) = session.next_event() {
            self.events.push(event);
        }
        self.cut = None;
        if self.forgets {
            self.printer.reset_line();
        } else {
            let _ = self.printer.take_answers();
        }
    }
}
