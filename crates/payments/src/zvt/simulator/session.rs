//! The dialogue: which message follows which, and when money moves.

use std::mem;
use std::time::Duration;

use super::super::{Answer, Apdu, Command, Config, IntermediateCode, Message, ResultCode};
use super::ledger::{Entry, EntryState, Ledger, TransactionKind, cents};
use super::process::{Deed, Process, Step, Waiting};
use super::script::{Behaviour, Flavour, LineLoss, Script};
use super::words::{self, AMOUNT_CENTS_MAX, RECEIPT_NUMBER_MAX, Receipts};

/// T3: longest wait for the answer to a message.
const ANSWER_MS: u64 = 5_000;
/// Longest wait for the answer to a result, when the register has told no other.
pub(super) const DECISION_MS: u64 = 30_000;
/// After `84 9C` the result is sent again.
const AGAIN_MS: u64 = 2_000;
/// Configuration of a terminal that nobody has registered at, or that was logged off.
pub(super) const CONFIG_AT_FIRST: Config = Config(0x86);
/// Highest trace number.
const TRACE_MAX: u32 = 999_999;
/// Result of a process that ends because the register has gone quiet.
const PROTOCOL_ERROR: ResultCode = ResultCode(0x9A);
/// The terminal is busy.
const BUSY: ResultCode = ResultCode(Answer::NOT_YET);

/// The terminal without its line.
pub(super) struct Session {
    pub(super) script: Script,
    pub(super) ledger: Ledger,
    pub(super) display: String,
    pub(super) process: Option<Process>,
    pub(super) config: Config,
    pub(super) receipts: Receipts,
    said: Vec<Apdu>,
    last_receipt_number: u16,
    last_trace: u32,
    /// Entries before this one were closed by an end of day.
    pub(super) day_begin: usize,
}

impl Session {
    pub(super) fn new(script: Script) -> Self {
        Self {
            script,
            ledger: Ledger::default(),
            display: "ready".to_owned(),
            process: None,
            config: CONFIG_AT_FIRST,
            receipts: Receipts::Lines,
            said: Vec::new(),
            last_receipt_number: 0,
            last_trace: 0,
            day_begin: 0,
        }
    }

    /// What was said since the last call.
    pub(super) fn take_said(&mut self) -> Vec<Apdu> {
        mem::take(&mut self.said)
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.process.as_ref().and_then(|process| process.waiting.deadline())
    }

    /// Takes one command or answer of the register.
    pub(super) fn hear(&mut self, apdu: &Apdu, now: Duration) {
        match Command::decode(apdu) {
            Command::Answer(answer) => self.hear_answer(&answer, now),
            Command::Abort { .. } => self.hear_abort(),
            command => match &self.process {
                // A register that has just been restarted finds nothing under way that it would have to wait for.
                Some(process) if changes_nothing(&Command::decode(&process.command)) => {
                    self.process = None;
                    self.begin(command, apdu);
                }
                // The frame was repeated, as its acknowledgement was lost.
                Some(process) if process.command == *apdu && !process.mute => self.say(&words::accepted()),
                Some(_) => self.say(&words::refused(BUSY)),
                None => self.begin(command, apdu),
            },
        }
        self.run(now);
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, now: Duration) {
        while let Some(process) = &mut self.process {
            match process.waiting {
                Waiting::No => {}
                waiting if waiting.deadline().is_some_and(|deadline| deadline > now) => return,
                Waiting::Pause { .. } => process.waiting = Waiting::No,
                Waiting::Answer { .. } => {
                    process.waiting = Waiting::No;
                    self.lose_line(now);
                    continue;
                }
                Waiting::Decision { .. } => {
                    process.waiting = Waiting::No;
                    self.nobody_decides();
                    continue;
                }
                Waiting::Again { .. } => {
                    process.waiting = Waiting::No;
                    self.tell_result(now);
                    continue;
                }
            }
            match process.steps.pop_front() {
                Some(step) => self.perform(step, now),
                None => self.process = None,
            }
        }
    }

    /// There is nobody to talk to any more: the line broke, or a message was not answered in time.
    pub(super) fn lose_line(&mut self, now: Duration) {
        let Some(process) = &mut self.process else { return };
        process.mute = true;
        if matches!(process.waiting, Waiting::Answer { .. }) {
            process.waiting = Waiting::No;
        }
        // A process that has nobody to talk to and moves no money comes to its end by itself.
        if self.script.line_loss() == LineLoss::Stops {
            self.end_unsaid();
        }
        self.run(now);
    }

    /// The power fails: what is under way ends, what is not decided is taken back, the registration is forgotten.
    pub(super) fn power_cycle(&mut self) {
        self.end_unsaid();
        self.config = CONFIG_AT_FIRST;
        self.receipts = Receipts::Lines;
        self.said.clear();
        "ready".clone_into(&mut self.display);
    }

    fn end_unsaid(&mut self) {
        if let Some(Process { undecided: Some(place), .. }) = self.process.take() {
            self.undo(place, self.state_without_decision());
        }
    }

    fn state_without_decision(&self) -> EntryState {
        match self.script.flavour() {
            Flavour::Germany => EntryState::Reversed,
            Flavour::Austria => EntryState::Declined,
        }
    }

    fn undo(&mut self, place: usize, state: EntryState) {
        self.ledger.undo(place, state);
        "taken back".clone_into(&mut self.display);
    }

    pub(super) fn say(&mut self, message: &Message) {
        // None of them is longer than an APDU can be.
        self.said.extend(message.to_apdu());
    }

    fn hear_abort(&mut self) {
        match &mut self.process {
            Some(process) if is_money(process) && !process.host_asked && !process.mute => {
                let code = ResultCode::ABORTED;
                process.replace([Step::Tell(words::only_result(code)), Step::Tell(words::abort(code))]);
                // An answer that is on its way is waited for; a customer is not.
                if matches!(process.waiting, Waiting::Pause { .. }) {
                    process.waiting = Waiting::No;
                }
                process.host_asked = true;
                "aborted".clone_into(&mut self.display);
                self.say(&words::accepted());
            }
            _ => self.say(&words::refused(ResultCode::NOT_POSSIBLE)),
        }
    }

    /// An answer that nothing waits for is a repeated one.
    fn hear_answer(&mut self, answer: &Answer, now: Duration) {
        let Some(process) = &mut self.process else { return };
        match process.waiting {
            Waiting::Answer { .. } if !process.mute => process.waiting = Waiting::No,
            Waiting::Decision { .. } if !process.mute => self.hear_decision(answer, now),
            _ => {}
        }
    }

    fn hear_decision(&mut self, answer: &Answer, now: Duration) {
        let flavour = self.script.flavour();
        let Some(process) = &mut self.process else { return };
        if process.behaviour == Behaviour::LoseAnswerAfterCharge {
            return;
        }
        match answer {
            Answer::Refused { code: Answer::NOT_YET, .. } => {
                process.waiting = Waiting::Again { at: after(now, AGAIN_MS) };
                return;
            }
            Answer::Refused { code: Answer::PARTIAL, fields }
                if fields.amount_cents().is_some_and(|cents| cents > 0) =>
            {
                if let (Some(place), Some(kept)) = (process.undecided, fields.amount_cents()) {
                    self.ledger.keep_only(place, kept);
                }
            }
            answer if answer.is_positive() => {}
            _ => {
                process.waiting = Waiting::No;
                let place = process.undecided.take();
                let code = ResultCode::ABORTED;
                process.replace([
                    Step::Hint(words::intermediate(IntermediateCode::AUTO_REVERSAL)),
                    Step::Tell(words::abort(code)),
                ]);
                if let Some(place) = place {
                    self.undo(place, EntryState::Reversed);
                }
                return;
            }
        }
        process.waiting = Waiting::No;
        process.undecided = None;
        let repeats = process.behaviour == Behaviour::RepeatStatus;
        let Some(entry) = process.entry.and_then(|place| self.ledger.entry(place)) else { return };
        let code = words::code_of(entry);
        let has_receipt = code == ResultCode::OK || flavour == Flavour::Germany;
        let receipts = if has_receipt { words::receipts(self.receipts, entry) } else { Vec::new() };
        let end = if code == ResultCode::OK { done() } else { Step::Tell(words::abort(code)) };
        let again = repeats.then(|| Step::Tell(words::result_of(entry)));
        process.replace(again.into_iter().chain(receipts.into_iter().map(Step::Tell)).chain([end]));
    }

    /// The register has not said whether it takes the result: the terminal decides for itself.
    fn nobody_decides(&mut self) {
        let state = self.state_without_decision();
        let flavour = self.script.flavour();
        let Some(process) = &mut self.process else { return };
        let place = process.undecided.take();
        let hint = Step::Hint(words::intermediate(IntermediateCode::AUTO_REVERSAL));
        let reverses = (place.is_some() && flavour == Flavour::Germany).then_some(hint);
        process.replace(reverses.into_iter().chain([Step::Tell(words::abort(PROTOCOL_ERROR))]));
        if let Some(place) = place {
            self.undo(place, state);
        }
    }

    fn perform(&mut self, step: Step, now: Duration) {
        let wants_hints = self.config.contains(Config::INTERMEDIATE_STATUS);
        let Some(process) = &mut self.process else { return };
        match step {
            Step::Pause(ms) => process.waiting = Waiting::Pause { until: after(now, ms) },
            Step::Hint(_) if !wants_hints => {}
            Step::Tell(message) | Step::Hint(message) => {
                if !process.mute {
                    process.waiting = Waiting::Answer { until: after(now, ANSWER_MS) };
                    self.say(&message);
                }
            }
            Step::AskHost => {
                process.host_asked = true;
                "please wait".clone_into(&mut self.display);
            }
            Step::Do(deed) => self.act(deed, now),
            Step::Result(_) => self.tell_result(now),
        }
    }

    /// Says what became of the money, and waits for the decision; a mute terminal only waits.
    fn tell_result(&mut self, now: Duration) {
        let Some(process) = &mut self.process else { return };
        process.waiting = Waiting::Decision { until: after(now, process.decision_ms) };
        let Some(entry) = process.entry.and_then(|place| self.ledger.entry(place)) else { return };
        if !process.mute {
            let is_foreign = process.behaviour == Behaviour::ForeignTransaction;
            let message = if is_foreign { words::foreign_result(entry) } else { words::result_of(entry) };
            self.say(&message);
        }
    }

    /// The moment in which money moves.
    fn act(&mut self, deed: Deed, now: Duration) {
        let Some(process) = &mut self.process else { return };
        let (mut state, mut declined_with, mut tip_cents) = (EntryState::Charged, 0, 0);
        let amount_cents = match deed {
            Deed::Pay { amount_cents } => match process.behaviour {
                Behaviour::ApproveWithTip(tip) => {
                    tip_cents = tip.min(AMOUNT_CENTS_MAX.saturating_sub(amount_cents));
                    amount_cents.saturating_add(tip_cents)
                }
                Behaviour::ApprovePartly(most_cents) => amount_cents.min(most_cents),
                _ => amount_cents,
            },
            Deed::Decline { amount_cents, code } => {
                (state, declined_with) = (EntryState::Declined, code.0);
                amount_cents
            }
            Deed::Refund { amount_cents } => amount_cents,
            Deed::Reverse { place } => {
                self.ledger.undo(place, EntryState::Reversed);
                self.ledger.entry(place).map_or(0, |entry| entry.amount_cents)
            }
        };
        self.last_receipt_number = self.last_receipt_number % RECEIPT_NUMBER_MAX + 1;
        self.last_trace = self.last_trace % TRACE_MAX + 1;
        let place = self.ledger.add(Entry {
            receipt_number: self.last_receipt_number,
            trace: self.last_trace,
            kind: deed.kind(),
            amount_cents,
            tip_cents,
            time: now,
            state,
            declined_with,
        });
        let outcome = if state == EntryState::Charged { "approved" } else { "declined" };
        self.display = format!("EUR {} {outcome}", cents(amount_cents));
        process.entry = Some(place);
        // A reversal stays one, whether the register hears of it or not.
        process.undecided = (state == EntryState::Charged && deed.kind() != TransactionKind::Reversal).then_some(place);
        if process.behaviour == Behaviour::SilentAfterCharge {
            process.undecided = None;
            process.replace([]);
        } else {
            process.replace([Step::Result(place)]);
        }
    }
}

/// The end of a command that went well.
pub(super) fn done() -> Step {
    Step::Tell(words::completion())
}

/// Whether money moves at the end of what is to be done.
fn is_money(process: &Process) -> bool {
    process.steps.iter().any(|step| matches!(step, Step::Do(_)))
}

/// Whether a command can be broken off at any moment.
fn changes_nothing(command: &Command) -> bool {
    matches!(command, Command::Registration { .. } | Command::RepeatReceipt { .. } | Command::StatusEnquiry { .. })
}

fn after(now: Duration, ms: u64) -> Duration {
    now.saturating_add(Duration::from_millis(ms))
}
