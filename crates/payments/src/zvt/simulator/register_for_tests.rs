//! A register for tests: it says one command, answers every message, and remembers all.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use std::collections::VecDeque;
use std::time::Duration;

use super::super::{
    Answer, Apdu, Command, Config, Fields, Link, LinkEvent, Message, Password, SerialLink, SerialTiming, TcpLink,
};
use super::{Script, Terminal};

/// Longest play of one command.
const PLAY_MS: u64 = 120_000;

pub(super) fn link(is_serial: bool) -> Link {
    if is_serial { Link::Serial(SerialLink::new(SerialTiming::default())) } else { Link::Tcp(TcpLink::new()) }
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    ToTerminal,
    ToRegister,
}

/// A register, a line and a terminal.
pub(super) struct Bench {
    pub(super) terminal: Terminal,
    pub(super) now: Duration,
    pub(super) is_serial: bool,
    link: Option<Link>,
    /// What the register answers to results, before `80 00`.
    pub(super) answers: VecDeque<Option<Answer>>,
    /// All bytes that arrived, in turn.
    pub(super) wire: Vec<(Way, Vec<u8>)>,
    pub(super) told: Vec<Message>,
    /// The line breaks behind so many bytes.
    pub(super) cut: Option<(Way, usize)>,
    /// Bytes that had reached the terminal when the first answer to a result had.
    pub(super) decided_at: Option<usize>,
    /// Bytes that had reached the terminal when the register began to ask what had become of the payment.
    pub(super) wire_before_question: usize,
    decides: bool,
}

impl Bench {
    pub(super) fn new(is_serial: bool, script: &str) -> Self {
        let script = Script::parse(script, 1).unwrap();
        Self {
            terminal: Terminal::new(link(is_serial), script),
            now: Duration::ZERO,
            is_serial,
            link: Some(link(is_serial)),
            answers: VecDeque::new(),
            wire: vec![],
            told: vec![],
            cut: None,
            decided_at: None,
            wire_before_question: 0,
            decides: false,
        }
    }

    pub(super) fn bytes(&self, way: Way) -> usize {
        self.wire.iter().filter(|(one, _)| *one == way).map(|(_, bytes)| bytes.len()).sum()
    }

    pub(super) fn registered(is_serial: bool, script: &str) -> Self {
        let mut bench = Self::new(is_serial, script);
        bench.say(&Command::registration(password(), Config::ALL).unwrap());
        bench.wire.clear();
        bench
    }

    pub(super) fn pay(&mut self, amount_cents: u64) -> Vec<Message> {
        self.say(&Command::authorisation(amount_cents, 978).unwrap())
    }

    pub(super) fn last_result(&mut self) -> Option<Fields> {
        let told = self.say(&Command::last_result(password()).unwrap());
        told.into_iter().find_map(|message| match message {
            Message::StatusInformation { fields } => Some(fields),
            _ => None,
        })
    }

    /// Says a command and plays until nothing happens any more.
    pub(super) fn say(&mut self, command: &Command) -> Vec<Message> {
        self.begin(command);
        self.play(PLAY_MS)
    }

    pub(super) fn begin(&mut self, command: &Command) {
        self.told.clear();
        self.link.as_mut().unwrap().send(&command.to_apdu().unwrap(), self.now).unwrap();
    }

    pub(super) fn reconnect(&mut self) {
        self.cut = None;
        self.link = Some(link(self.is_serial));
        self.terminal.line_up(link(self.is_serial), self.now);
    }

    /// Lets up to so many milliseconds pass; tells what the terminal said.
    pub(super) fn play(&mut self, ms: u64) -> Vec<Message> {
        let end = self.now + Duration::from_millis(ms);
        loop {
            while self.exchange() {}
            let deadline = self.link.as_ref().and_then(Link::next_deadline);
            let next = [deadline, self.terminal.next_deadline()].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            self.terminal.tick(self.now);
            if let Some(link) = &mut self.link {
                let events = link.tick(self.now);
                self.handle(events);
            }
        }
        self.told.clone()
    }

    /// Moves what is there; whether there was anything.
    fn exchange(&mut self) -> bool {
        let out = self.link.as_mut().map(Link::take_output).unwrap_or_default();
        let moved = self.carry(Way::ToTerminal, &out);
        if self.decides && self.decided_at.is_none() && !out.is_empty() {
            self.decided_at = Some(self.bytes(Way::ToTerminal));
        }
        let back = self.terminal.take_output();
        let back_moved = self.carry(Way::ToRegister, &back);
        if self.terminal.wants_to_drop() {
            self.drop_line();
        }
        moved || back_moved
    }

    fn carry(&mut self, way: Way, bytes: &[u8]) -> bool {
        if self.link.is_none() || bytes.is_empty() {
            return false;
        }
        let room = match self.cut {
            Some((cut, at)) if cut == way => at.saturating_sub(self.bytes(way)),
            _ => usize::MAX,
        };
        let arrives = bytes.get(..room).unwrap_or(bytes);
        self.wire.push((way, arrives.to_vec()));
        match way {
            Way::ToTerminal => self.terminal.receive(arrives, self.now),
            Way::ToRegister => {
                let events = self.link.as_mut().unwrap().receive(arrives, self.now);
                self.handle(events);
            }
        }
        if room <= bytes.len() {
            self.drop_line();
        }
        true
    }

    pub(super) fn drop_line(&mut self) {
        self.link = None;
        self.terminal.line_dropped(self.now);
    }

    fn handle(&mut self, events: Vec<LinkEvent>) {
        for event in events {
            if let LinkEvent::Received(apdu) = event {
                self.hear(&apdu);
            }
        }
    }

    fn hear(&mut self, apdu: &Apdu) {
        let message = Message::decode(apdu);
        let answer = match &message {
            Message::Answer(_) => None,
            Message::StatusInformation { .. } => {
                self.decides = true;
                self.answers.pop_front().unwrap_or(Some(Answer::accepted()))
            }
            _ => Some(Answer::accepted()),
        };
        self.told.push(message);
        if let Some(answer) = answer {
            self.link.as_mut().unwrap().send(&answer.to_apdu().unwrap(), self.now).unwrap();
        }
    }
}

pub(super) fn password() -> Password {
    Password::new(0).unwrap()
}

/// The control fields of messages.
pub(super) fn controls(told: &[Message]) -> Vec<(u8, u8)> {
    told.iter().map(|message| message.to_apdu().unwrap().control()).collect()
}
