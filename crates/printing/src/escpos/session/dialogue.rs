//! The session: what is said when, and what an answer means at that moment.

use std::collections::VecDeque;
use std::time::Duration;

use super::answer::{Answer, AnswerReader};
use super::options::{Evidence, SessionOptions};
use super::printing::{Marks, Printing, RESYNC_BYTES, Stage, evidence};
use crate::escpos::profile::{Confirmation, Profile};
use crate::escpos::render::Job;
use crate::escpos::status::{Condition, Enquiry, PrinterState};

/// Most bytes of noise in a connection; then it is something else than a printer that speaks there.
const NOISE_BYTES_MAX: u64 = 4096;
/// `DLE ENQ 1`: go on where the error was.
const RECOVER: [u8; 3] = [0x10, 0x05, 0x01];

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEnd {
    /// It is on paper.
    Printed(Evidence),
    /// No byte of it went out.
    NotStarted(String),
    /// Some of it went out, and nobody knows how much is on paper. It may be printed again with the copy mark only.
    InDoubt(String),
}

/// What a session wants of its driver, or tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEvent {
    /// The printer stands otherwise than before. While it does not print, a job waits.
    State(PrinterState),
    /// A job is about to go out. Write that down durably; then call [`Session::send`].
    MayPrint,
    /// The job ended.
    Ended(JobEnd),
    /// The connection is of no use any more.
    Lost(String),
}

/// What is under way.
#[derive(Debug)]
enum Phase {
    /// Nothing was said yet.
    New,
    /// How the printer stands is found out.
    Meeting,
    /// A first mark waits for its answer: behind it the stream is in step.
    Syncing,
    /// No answers of an earlier connection come any more after this pause.
    Settling,
    /// A job may come.
    Idle,
    /// A job.
    Printing(Box<Printing>),
    /// The connection is of no use any more.
    Over,
}

/// When what is to be done, on the driver's clock.
#[derive(Debug, Default)]
struct Timers {
    /// The answer to a real-time question is due.
    answer: Option<Duration>,
    /// The next round of questions begins.
    poll: Option<Duration>,
    /// The answer to a mark is due.
    progress: Option<Duration>,
    /// The job is in doubt.
    doubt: Option<Duration>,
    /// No answers of an earlier connection come any more.
    settle: Option<Duration>,
    /// What went out had its time, where the printer does not say how far it is.
    pace: Option<Duration>,
}

/// One connection to a printer. See the module.
#[derive(Debug)]
pub struct Session {
    options: SessionOptions,
    confirmation: Confirmation,
    /// Most bytes that the printer has and has not confirmed: half of its buffer, so that questions always have room.
    window_bytes: usize,
    reader: AnswerReader,
    out: Vec<u8>,
    events: VecDeque<SessionEvent>,
    phase: Phase,
    timers: Timers,
    marks: Marks,
    /// The question that waits for its answer.
    asking: Option<Enquiry>,
    /// What the answers of this round have said.
    heard: Condition,
    condition: Condition,
    told: Option<PrinterState>,
    resync: bool,
    noise_bytes: u64,
}

impl Session {
    /// A session over a fresh connection; [`Session::start`] comes first.
    #[must_use]
    pub fn new(profile: &Profile, options: SessionOptions) -> Self {
        Self {
            confirmation: profile.confirmation,
            window_bytes: usize::try_from(profile.buffer_bytes / 2).unwrap_or(usize::MAX),
            reader: AnswerReader::default(),
            out: Vec::new(),
            events: VecDeque::new(),
            phase: Phase::New,
            timers: Timers::default(),
            marks: Marks::new(options.first_mark),
            asking: None,
            heard: Condition::default(),
            condition: Condition::default(),
            told: None,
            resync: options.resync,
            noise_bytes: 0,
            options,
        }
    }

    /// Finds out how the printer stands; [`SessionEvent::State`] follows.
    pub fn start(&mut self, now: Duration) {
        if !matches!(self.phase, Phase::New) {
            return;
        }
        self.phase = Phase::Meeting;
        // Before the first question: its bytes could be the size of a picture.
        self.fill_up();
        if self.confirmation.answers() {
            self.ask(now);
        } else {
            self.phase = Phase::Idle;
            self.tell(PrinterState::Ready);
        }
    }

    /// Whether a job may come.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Idle) && self.told.is_some_and(PrinterState::prints)
    }

    /// How the printer stands; none before it is known.
    #[must_use]
    pub const fn state(&self) -> Option<PrinterState> {
        self.told
    }

    /// Asks an idle printer how it stands, to see that it is still there. Does nothing at another time.
    pub fn look(&mut self, now: Duration) {
        if matches!(self.phase, Phase::Idle) && self.confirmation.answers() && self.asking.is_none() {
            self.ask(now);
        }
    }

    /// Tells a printer whose error was removed to go on.
    pub fn recover(&mut self) {
        if self.confirmation.answers() && !matches!(self.phase, Phase::New | Phase::Over) {
            self.out.extend(RECOVER);
        }
    }

    /// Begins a job; [`SessionEvent::MayPrint`] follows.
    ///
    /// # Errors
    /// The job, when the session is not ready for one.
    pub fn begin(&mut self, job: Job) -> Result<(), Job> {
        if !self.is_ready() || job.is_empty() {
            return Err(job);
        }
        self.phase = Phase::Printing(Box::new(Printing::new(job)));
        self.events.push_back(SessionEvent::MayPrint);
        Ok(())
    }

    /// It is durable that the job begins: it goes out, as soon as the printer prints.
    pub fn send(&mut self, now: Duration) {
        if let Phase::Printing(printing) = &mut self.phase
            && printing.stage == Stage::MayPrint
        {
            printing.stage = Stage::Sending;
            self.go_on(now);
        }
    }

    /// Takes a job back of which no byte went out; the session is ready for another one.
    pub fn withdraw(&mut self) -> Option<Job> {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Printing(printing) if !printing.is_begun && !printing.is_queued => {
                (self.timers.progress, self.timers.doubt) = (None, None);
                Some(printing.into_job())
            }
            phase => {
                self.phase = phase;
                None
            }
        }
    }

    /// The connection broke.
    pub fn line_lost(&mut self, why: &str) {
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Over => return,
            Phase::Printing(printing) => {
                let end = if printing.is_begun { JobEnd::InDoubt } else { JobEnd::NotStarted };
                self.events.push_back(SessionEvent::Ended(end(why.to_owned())));
            }
            _ => {}
        }
        self.events.push_back(SessionEvent::Lost(why.to_owned()));
        self.timers = Timers::default();
        self.asking = None;
        self.out.clear();
    }

    /// Takes bytes that arrived.
    pub fn receive(&mut self, bytes: &[u8], now: Duration) {
        for answer in self.reader.receive(bytes) {
            if matches!(self.phase, Phase::New | Phase::Over) {
                return;
            }
            self.hear(answer, now);
        }
    }

    /// Lets time pass. Give the session all bytes that have arrived before.
    pub fn tick(&mut self, now: Duration) {
        let due = |timer: &mut Option<Duration>| timer.take_if(|at| *at <= now).is_some();
        if due(&mut self.timers.answer) {
            self.no_answer(now);
        }
        if due(&mut self.timers.settle) && matches!(self.phase, Phase::Settling) {
            self.phase = Phase::Idle;
            self.tell(self.condition.state());
        }
        if due(&mut self.timers.pace) {
            if self.confirmation == Confirmation::RealTime { self.ask(now) } else { self.go_on(now) }
        }
        if due(&mut self.timers.progress) && self.asking.is_none() {
            self.ask(now);
        }
        if due(&mut self.timers.poll) && self.asking.is_none() {
            self.ask(now);
        }
        if due(&mut self.timers.doubt) {
            self.line_lost("the printer does not say that the job is printed");
        }
    }

    /// When [`Session::tick`] has something to do; `None` while it has not.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        let Timers { answer, poll, progress, doubt, settle, pace } = &self.timers;
        [answer, poll, progress, doubt, settle, pace].into_iter().flatten().min().copied()
    }

    /// The bytes to write to the printer now. A job has begun when bytes of it are among them.
    #[must_use]
    pub fn take_output(&mut self) -> Vec<u8> {
        if let Phase::Printing(printing) = &mut self.phase
            && printing.is_queued
        {
            printing.is_begun = true;
            printing.is_queued = false;
        }
        std::mem::take(&mut self.out)
    }

    /// What happened since the last call, in its order.
    #[must_use]
    pub fn next_event(&mut self) -> Option<SessionEvent> {
        self.events.pop_front()
    }

    fn tell(&mut self, state: PrinterState) {
        if self.told != Some(state) {
            self.told = Some(state);
            self.events.push_back(SessionEvent::State(state));
        }
    }

    /// Begins a round of questions. They stand between pieces only, never in the middle of a command.
    fn ask(&mut self, now: Duration) {
        self.heard = self.condition;
        self.timers.poll = None;
        self.ask_one(Enquiry::Printer, now);
    }

    fn ask_one(&mut self, enquiry: Enquiry, now: Duration) {
        self.asking = Some(enquiry);
        self.out.extend(enquiry.command());
        self.timers.answer = Some(now.saturating_add(self.options.answer_timeout));
    }

    fn no_answer(&mut self, now: Duration) {
        self.asking = None;
        let _ = self.reader.give_up();
        self.tell(PrinterState::Hanging);
        self.timers.poll = Some(now.saturating_add(self.options.poll_pause));
        self.doubt_from(now);
    }

    /// The end of a command that an earlier connection broke off.
    fn fill_up(&mut self) {
        if self.resync {
            self.out.extend([0; RESYNC_BYTES]);
        }
    }

    /// A begun job comes into doubt after a while without progress.
    fn doubt_from(&mut self, now: Duration) {
        if let Phase::Printing(printing) = &self.phase
            && (printing.is_begun || printing.is_queued)
            && self.timers.doubt.is_none()
        {
            self.timers.doubt = Some(now.saturating_add(self.options.doubt_timeout));
        }
    }

    fn hear(&mut self, answer: Answer, now: Duration) {
        match answer {
            Answer::Enquiry(answer) => {
                let Some(enquiry) = self.asking.take() else { return };
                self.timers.answer = None;
                enquiry.apply(answer, &mut self.heard);
                let next = Enquiry::ALL.iter().skip_while(|one| **one != enquiry).nth(1);
                match next {
                    Some(next) => self.ask_one(*next, now),
                    None => self.learned(self.heard, now),
                }
            }
            Answer::Automatic(condition) => {
                // In the middle of a round the questions go on: their answers are newer.
                if self.asking.is_none() {
                    self.learned(condition, now);
                }
            }
            Answer::Sensors(paper) => {
                if self.confirmation == Confirmation::Queued && self.marks.oldest_answered() {
                    self.condition.paper = paper;
                    self.progressed(now);
                } else if matches!(self.phase, Phase::Settling) {
                    self.timers.settle = Some(now.saturating_add(self.options.settle_pause));
                }
            }
            Answer::Processed(id) => {
                if self.marks.answered(id) {
                    self.progressed(now);
                }
            }
            Answer::Other => {}
            Answer::Noise(_) => {
                self.noise_bytes = self.noise_bytes.saturating_add(1);
                if self.noise_bytes > NOISE_BYTES_MAX {
                    self.line_lost("what speaks at the line is no printer");
                }
            }
        }
    }

    /// How the printer stands is known.
    fn learned(&mut self, condition: Condition, now: Duration) {
        self.condition = condition;
        let state = condition.state();
        if !state.prints() {
            self.tell(state);
            // It waits for people: no time of the job passes.
            (self.timers.doubt, self.timers.progress) = (None, None);
            self.timers.poll = Some(now.saturating_add(self.options.poll_pause));
            return;
        }
        self.timers.poll = None;
        match &self.phase {
            Phase::Meeting => self.sync(now),
            Phase::Syncing => {
                // It is well and does not come to our mark: the mark was lost, or the printer does not know the question.
                self.tell(PrinterState::Hanging);
                self.sync(now);
            }
            Phase::Printing(printing) => {
                let goes_on_by_itself = printing.is_begun && !self.told.is_some_and(PrinterState::prints);
                self.tell(state);
                if self.marks.is_empty() {
                    self.timers.doubt = None;
                } else {
                    self.doubt_from(now);
                    self.timers.progress = Some(now.saturating_add(self.options.progress_timeout));
                }
                if goes_on_by_itself && self.confirmation == Confirmation::RealTime {
                    // First it prints what it has.
                    self.timers.pace = Some(now.saturating_add(self.time_of(self.window_bytes)));
                } else {
                    self.go_on(now);
                }
            }
            Phase::Idle => self.tell(state),
            Phase::New | Phase::Settling | Phase::Over => {}
        }
    }

    /// Brings the stream into step: behind the answer to this mark nothing of an earlier connection is left.
    fn sync(&mut self, now: Duration) {
        // Once more, now that the printer is known to have room for it.
        self.fill_up();
        self.resync = false;
        self.marks.forget();
        self.marks.put(self.confirmation, 0, &mut self.out);
        if self.marks.is_empty() {
            self.phase = Phase::Settling;
            self.timers.settle = Some(now.saturating_add(self.options.settle_pause));
        } else {
            self.phase = Phase::Syncing;
            self.timers.progress = Some(now.saturating_add(self.options.progress_timeout));
        }
    }

    /// A mark was answered.
    fn progressed(&mut self, now: Duration) {
        self.timers.doubt = None;
        self.timers.progress = None;
        match &self.phase {
            Phase::Syncing => {
                self.phase = Phase::Settling;
                self.timers.settle = Some(now.saturating_add(self.options.settle_pause));
            }
            Phase::Printing(_) => {
                // It came to a mark, so it prints.
                if !self.told.is_some_and(PrinterState::prints) || self.condition.is_online() {
                    let paper = self.condition.paper;
                    self.condition = Condition { paper, ..Condition::default() };
                    self.tell(self.condition.state());
                }
                if !self.marks.is_empty() {
                    self.timers.progress = Some(now.saturating_add(self.options.progress_timeout));
                }
                self.go_on(now);
            }
            _ => {}
        }
    }

    /// Writes what the printer has room for, or ends the job.
    fn go_on(&mut self, now: Duration) {
        let Phase::Printing(printing) = &mut self.phase else { return };
        if printing.stage == Stage::MayPrint || self.timers.pace.is_some() || !self.condition.is_online() {
            return;
        }
        if self.told == Some(PrinterState::Hanging) {
            return;
        }
        let is_counted = matches!(self.confirmation, Confirmation::ProcessId | Confirmation::Queued);
        while !printing.is_all_out() {
            let used = self.marks.bytes();
            let room = self.window_bytes.saturating_sub(used);
            if used > 0 && printing.next_bytes() > room {
                return;
            }
            // Two marks are on their way at a time, so that the printer never waits for us.
            let written = printing.write(room.min(self.window_bytes / 2), &mut self.out);
            if is_counted {
                self.marks.put(self.confirmation, written, &mut self.out);
                self.timers.progress.get_or_insert(now.saturating_add(self.options.progress_timeout));
            } else {
                self.timers.pace = Some(now.saturating_add(self.time_of(written)));
                return;
            }
        }
        // With marks the answer to the last one proves it; without them what went out had its time, and the printer was asked behind it.
        if self.marks.is_empty() {
            self.printed();
        }
    }

    /// How long so many bytes take, where the printer does not say it.
    fn time_of(&self, bytes: usize) -> Duration {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        Duration::from_millis(bytes.saturating_mul(1000) / u64::from(self.options.bytes_per_second.max(1)))
    }

    fn printed(&mut self) {
        self.phase = Phase::Idle;
        (self.timers.progress, self.timers.doubt) = (None, None);
        self.events.push_back(SessionEvent::Ended(JobEnd::Printed(evidence(self.confirmation))));
    }
}
