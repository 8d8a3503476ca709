//! The printer: its buffer, its condition, and when it does what.

use std::collections::VecDeque;

use super::answers::Answers;
use super::execute::Machine;
use super::framer::{Framed, Framer};
use super::real_time::{RealTime, RealTimeScanner};
use super::tape::{Item, Tape};
use crate::escpos::profile::Profile;
use crate::escpos::status::{Condition, Enquiry, Failure, Paper, PrinterState, automatic};

/// Begins real-time commands.
const DLE: u8 = 0x10;

/// How much paper there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PaperRoll {
    /// Dots until the roll ends.
    pub left_dots: u64,
    /// Dots at its end at which the sensor of the near end says so.
    pub near_end_dots: u64,
}

/// A receipt printer.
///
/// Bytes that arrive stand in its receive buffer until they are executed: at once while it is online, else when it is online again.
/// Real-time commands are done as they arrive, also in the middle of other commands, as printers do; between commands they take no room in
/// the buffer.
#[derive(Debug)]
pub struct Interpreter {
    machine: Machine,
    condition: Condition,
    roll: Option<PaperRoll>,
    buffer: VecDeque<u8>,
    buffer_bytes: usize,
    /// The command that is arriving.
    arriving: Framer,
    /// The command that is being taken from the buffer.
    pending: Framer,
    scanner: RealTimeScanner,
    answers: Answers,
    mute: bool,
    overrun_bytes: u64,
    executed_bytes: u64,
}

impl Interpreter {
    /// One that was just switched on, with paper that does not end.
    #[must_use]
    pub fn new(profile: &Profile) -> Self {
        Self {
            machine: Machine::new(profile.clone()),
            condition: Condition::default(),
            roll: None,
            buffer: VecDeque::new(),
            buffer_bytes: usize::try_from(profile.buffer_bytes).unwrap_or(usize::MAX),
            arriving: Framer::default(),
            pending: Framer::default(),
            scanner: RealTimeScanner::default(),
            answers: Answers::default(),
            mute: !profile.confirmation.answers(),
            overrun_bytes: 0,
            executed_bytes: 0,
        }
    }

    /// Takes bytes, and prints what it can as they come. What finds no room in its buffer is lost.
    pub fn receive(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.arrive(*byte);
            if self.condition.is_online() {
                self.run(1);
            }
        }
    }

    /// Takes bytes into its buffer without printing, as a printer that is slower than its line; [`Interpreter::run`] prints.
    pub fn fill(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.arrive(*byte);
        }
    }

    /// Executes at most so many bytes of the buffer; tells how many it did.
    pub fn run(&mut self, bytes_max: usize) -> usize {
        let mut done = 0;
        while done < bytes_max && self.condition.is_online() {
            let Some(byte) = self.buffer.pop_front() else { break };
            done += 1;
            self.executed_bytes = self.executed_bytes.saturating_add(1);
            self.push(byte);
        }
        done
    }

    /// What it has to say since the last call.
    #[must_use]
    pub fn take_answers(&mut self) -> Vec<u8> {
        self.answers.take()
    }

    /// What was printed; a line that was begun is not on it yet.
    #[must_use]
    pub const fn tape(&self) -> &Tape {
        &self.machine.tape
    }

    /// Tears the paper off: what was printed since the last time.
    #[must_use]
    pub fn take_tape(&mut self) -> Tape {
        std::mem::take(&mut self.machine.tape)
    }

    /// How it stands.
    #[must_use]
    pub const fn condition(&self) -> Condition {
        self.condition
    }

    /// How it stands, in one word.
    #[must_use]
    pub const fn state(&self) -> PrinterState {
        self.condition.state()
    }

    /// Changes how it stands: the cover is opened, something breaks. It goes on with what waits when it is online again.
    pub fn set_condition(&mut self, condition: Condition) {
        let changed = self.condition != condition;
        self.condition = condition;
        if changed {
            self.tell_automatically();
        }
        self.run(usize::MAX);
    }

    /// Puts a new roll in.
    pub fn load(&mut self, roll: PaperRoll) {
        self.roll = Some(roll);
        let paper = self.paper();
        self.set_condition(Condition { paper, ..self.condition });
    }

    /// A printer that has stopped to answer, or answers again.
    pub const fn set_mute(&mut self, mute: bool) {
        self.mute = mute;
    }

    /// The line broke and the printer notices (a network printer): what was not executed is dropped, a begun command too.
    pub fn reset_line(&mut self) {
        self.drop_input();
        let _ = self.answers.take();
    }

    /// Off and on again: only the paper remembers.
    pub fn power_cycle(&mut self) {
        self.drop_input();
        self.machine.power_on();
        let _ = self.answers.take();
        let failure = self.condition.failure.filter(|failure| *failure == Failure::Unrecoverable);
        self.condition = Condition { failure, offline: false, ..self.condition };
    }

    /// Bytes that found no room in its buffer: a driver that never overruns it leaves this at 0.
    #[must_use]
    pub const fn overrun_bytes(&self) -> u64 {
        self.overrun_bytes
    }

    /// Bytes that were executed.
    #[must_use]
    pub const fn executed_bytes(&self) -> u64 {
        self.executed_bytes
    }

    /// Bytes that wait in its buffer.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.buffer.len()
    }

    fn drop_input(&mut self) {
        self.buffer.clear();
        (self.arriving, self.pending) = (Framer::default(), Framer::default());
        self.scanner = RealTimeScanner::default();
        self.machine.drop_line();
    }

    fn arrive(&mut self, byte: u8) {
        // A command that begins with it is done here or means nothing.
        let stands_apart = byte == DLE && self.arriving.first().is_none() || self.arriving.first() == Some(DLE);
        self.arriving.push(byte);
        if stands_apart {
            // It is not stored.
        } else if self.buffer.len() < self.buffer_bytes {
            self.buffer.push_back(byte);
        } else {
            self.overrun_bytes = self.overrun_bytes.saturating_add(1);
        }
        let Some(command) = self.scanner.push(byte) else { return };
        match command {
            RealTime::Status(n) => {
                if let Some(enquiry) = Enquiry::of(n) {
                    self.answer(&[enquiry.answer(&self.condition)]);
                }
            }
            RealTime::Recover { clear } => {
                if clear {
                    self.drop_input();
                }
                if matches!(self.condition.failure, Some(Failure::Recoverable | Failure::Cutter)) {
                    self.set_condition(Condition { failure: None, ..self.condition });
                }
            }
            RealTime::Drawer { pin } => self.machine.tape.push(Item::Drawer { pin }),
            RealTime::Clear => {
                self.drop_input();
                self.answer(&[0x37, 0x25, 0x00]);
            }
        }
    }

    fn answer(&mut self, answer: &[u8]) {
        if !self.mute {
            self.answers.push(answer);
        }
    }

    fn tell_automatically(&mut self) {
        if self.machine.automatic_status {
            self.answer(&automatic(&self.condition));
        }
    }

    /// Executes one byte.
    fn push(&mut self, byte: u8) {
        match self.pending.push(byte) {
            Framed::More => {}
            Framed::Single(byte) => self.machine.control_or_text(byte),
            Framed::Command(command) => {
                self.machine.execute(&command);
                self.after_command();
            }
            Framed::TooLong(begun) => self.machine.unknown(&begun),
        }
        self.use_paper();
    }

    /// Answers what the command asked for.
    fn after_command(&mut self) {
        if let Some(wanted) = self.machine.wanted.take() {
            match wanted {
                super::execute::Wanted::Bytes(bytes) => self.answer(&bytes),
                super::execute::Wanted::Sensors => self.answer(&[crate::escpos::status::sensors(self.condition.paper)]),
                super::execute::Wanted::Drawer => self.answer(&[u8::from(self.condition.drawer_high)]),
                super::execute::Wanted::Automatic => self.tell_automatically(),
            }
        }
    }

    fn paper(&self) -> Paper {
        match self.roll {
            None => self.condition.paper,
            Some(roll) if roll.left_dots == 0 => Paper::Out,
            Some(roll) if roll.left_dots <= roll.near_end_dots => Paper::NearEnd,
            Some(_) => Paper::Present,
        }
    }

    fn use_paper(&mut self) {
        let used = self.machine.take_feed_dots();
        if used > 0
            && let Some(roll) = &mut self.roll
        {
            roll.left_dots = roll.left_dots.saturating_sub(u64::from(used));
            let paper = self.paper();
            if paper != self.condition.paper {
                self.condition.paper = paper;
                self.tell_automatically();
            }
        }
    }
}
