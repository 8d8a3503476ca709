//! The session: who speaks next, and what a message means at that moment.

use std::collections::VecDeque;
use std::time::Duration;

use kassette_model::payment::{PayAction, PaymentOutcome, RefusalKind};

use super::asking::{Asking, Purpose};
use super::judge::{explains_itself, fits, tip_cents};
use super::order::{Order, Stage};
use super::transaction::{Baseline, Transaction};
use crate::zvt::session::outcome::{approved, refused};
use crate::zvt::{
    Answer, Apdu, Command, Config, FieldError, Link, LinkEvent, Message, Password, ReceiptKind, ResultClass, ResultCode,
};

/// Most lines of a receipt that are kept; what a terminal prints behind them is left out.
const LINES_MAX: usize = 200;
/// Most characters of such a line.
const LINE_CHARS_MAX: usize = 80;

/// Waits and settings of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionOptions {
    /// The password that the terminal wants from a register.
    pub password: Password,
    /// ISO 4217 number of the currency.
    pub currency: u16,
    /// T3: how long the terminal has for its answer to a command.
    pub answer_timeout: Duration,
    /// T4: how long it has from there to the end, and again after each message.
    pub completion_timeout: Duration,
    /// How long the terminal is left without an answer to a result that is not durable yet; then it is told to ask again.
    pub hold_timeout: Duration,
    /// Pause between two questions about a payment in doubt.
    pub confirm_pause: Duration,
}

impl SessionOptions {
    /// What the specification says, for euro.
    #[must_use]
    pub const fn new(password: Password) -> Self {
        Self {
            password,
            currency: 978,
            answer_timeout: Duration::from_secs(5),
            completion_timeout: Duration::from_secs(180),
            hold_timeout: Duration::from_secs(2),
            confirm_pause: Duration::from_secs(5),
        }
    }
}

/// What a session wants of its driver, or tells it.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionEvent {
    /// The terminal is idle and can pay or settle; this is what it told last.
    Ready(Baseline),
    /// A payment is about to be sent. Write that down durably, with this; then call [`Session::send`].
    MaySend(Baseline),
    /// The terminal tells a result. Write it down durably; then call [`Session::acknowledge`], or [`Session::reject`] when that failed.
    Told(Box<Transaction>),
    /// What the terminal shows.
    Display(String),
    /// It is certain how the payment ended. `recovered`: the terminal said so only when it was asked.
    Ended {
        /// How.
        outcome: Box<PaymentOutcome>,
        /// Whether it was settled by asking.
        recovered: bool,
    },
    /// Nobody knows how the payment ends. The connection is of no use any more; settle it in a new one.
    Doubt(String),
    /// What the terminal says contradicts what is known: somebody has to look.
    Contradiction(String),
    /// The connection is of no use any more; no payment is touched by that.
    Lost(String),
}

/// What is under way.
#[derive(Debug)]
pub(super) enum Phase {
    /// Nothing was said yet.
    New,
    /// The registration waits for its answer, or for its end.
    Registering { accepted: bool },
    /// The terminal is asked for its last transaction.
    Asking(Asking),
    /// Nothing; the terminal told `baseline` last.
    Idle,
    /// The driver writes down that this is sent.
    MaySend(Order),
    /// It was sent.
    Paying(Box<Paying>),
    /// Until the next question.
    Pausing(Purpose),
    /// The connection is of no use any more.
    Over,
}

/// A payment that was sent.
#[derive(Debug)]
pub(super) struct Paying {
    order: Order,
    step: Step,
    told: Option<Transaction>,
    /// The terminal waits for our word about its result.
    owes_answer: bool,
    durable: bool,
    abort: Abort,
    lines: Vec<String>,
}

/// Whether the terminal was asked to abort a payment that took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Abort {
    No,
    Asked,
    Answered,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Waits for the answer to the command.
    Accepting,
    /// The terminal works.
    Running,
    /// A result is being written down.
    Holding,
    /// It is acknowledged; receipts and the end follow.
    Finishing,
}

/// One connection to a terminal. See the module.
pub struct Session {
    pub(super) link: Link,
    pub(super) options: SessionOptions,
    pub(super) phase: Phase,
    pub(super) baseline: Baseline,
    pub(super) deadline: Option<Duration>,
    pub(super) events: VecDeque<SessionEvent>,
}

impl Session {
    /// A session over a fresh connection; [`Session::start`] comes first.
    #[must_use]
    pub const fn new(link: Link, options: SessionOptions) -> Self {
        Self { link, options, phase: Phase::New, baseline: Baseline::Nothing, deadline: None, events: VecDeque::new() }
    }

    /// Registers at the terminal and asks what it did last; [`SessionEvent::Ready`] follows, or [`SessionEvent::Lost`].
    pub fn start(&mut self, now: Duration) {
        let config = Config::ALL;
        let command = Command::registration(self.options.password, config);
        self.phase = Phase::Registering { accepted: false };
        self.command(command, now);
    }

    /// Asks an idle terminal for its last transaction, to see whether it is there and to know of what it did meanwhile;
    /// [`SessionEvent::Ready`] follows, or [`SessionEvent::Lost`]. Does nothing when it is not idle.
    pub fn look(&mut self, now: Duration) {
        if matches!(self.phase, Phase::Idle) {
            self.ask(Purpose::Beginning, now);
        }
    }

    /// Begins a payment; [`SessionEvent::MaySend`] follows.
    ///
    /// # Errors
    /// The order, when the session is not ready for one.
    pub fn begin(&mut self, order: Order) -> Result<(), Order> {
        if !matches!(self.phase, Phase::Idle) || order.amount_cents == 0 {
            return Err(order);
        }
        self.phase = Phase::MaySend(order);
        self.events.push_back(SessionEvent::MaySend(self.baseline));
        Ok(())
    }

    /// It is durable that the payment is sent: sends it.
    pub fn send(&mut self, now: Duration) {
        let Phase::MaySend(order) = &self.phase else { return };
        let order = order.clone();
        let command = self.payment_command(&order);
        let paying = Paying {
            order,
            step: Step::Accepting,
            told: None,
            owes_answer: false,
            durable: false,
            abort: Abort::No,
            lines: Vec::new(),
        };
        self.phase = Phase::Paying(Box::new(paying));
        self.command(command, now);
    }

    /// Settles a payment that came into doubt in an earlier connection.
    ///
    /// # Errors
    /// Both, when the session is not ready for that.
    pub fn settle(&mut self, order: Order, stage: Stage, now: Duration) -> Result<(), (Order, Stage)> {
        if !matches!(self.phase, Phase::Idle) {
            return Err((order, stage));
        }
        let sent_at = now.checked_sub(stage.since_sent);
        // The zero of the clock may be nearer than the sending was: what is missing counts as passed.
        let passed_before = if sent_at.is_some() { Duration::ZERO } else { stage.since_sent.saturating_sub(now) };
        let purpose = Purpose::Settling {
            order,
            baseline: stage.baseline,
            told_cents: stage.told_cents,
            sent_at: sent_at.unwrap_or_default(),
            passed_before,
            first: None,
            unseen: false,
        };
        self.ask(purpose, now);
        Ok(())
    }

    /// The result is durable: the terminal is told that we have it.
    pub fn acknowledge(&mut self, now: Duration) {
        let Phase::Paying(paying) = &mut self.phase else { return };
        paying.durable = true;
        if paying.owes_answer {
            self.take_result(now);
        }
    }

    /// The result could not be written down: the terminal is told to take the payment back.
    pub fn reject(&mut self, now: Duration) {
        if let Phase::Paying(paying) = &self.phase
            && paying.step == Step::Holding
        {
            self.answer(&Answer::refused(Answer::GOODS_FAILED), now);
            self.doubt("the result could not be written down, and the terminal was told so");
        }
    }

    /// Asks the terminal to abort the payment under way. It may come too late; what the terminal says at the end counts.
    pub fn abort(&mut self, now: Duration) {
        if let Phase::Paying(paying) = &mut self.phase
            && paying.step == Step::Running
            && let Ok(apdu) = (Command::Abort { fields: crate::zvt::Fields::new() }).to_apdu()
        {
            // Its answer is an `80 00` or `84 83` in between; neither ends anything.
            paying.abort = Abort::Asked;
            _ = self.link.send(&apdu, now);
        }
    }

    /// The connection broke.
    pub fn line_lost(&mut self, why: &str) {
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Paying(_) => self.events.push_back(SessionEvent::Doubt(why.to_owned())),
            Phase::MaySend(_) => {
                let outcome = refused(RefusalKind::Unreachable, "TERMINAL NOT REACHED".to_owned(), why.to_owned());
                self.events.push_back(SessionEvent::Ended { outcome: Box::new(outcome), recovered: false });
                self.events.push_back(SessionEvent::Lost(why.to_owned()));
            }
            Phase::Over => {}
            _ => self.events.push_back(SessionEvent::Lost(why.to_owned())),
        }
        self.deadline = None;
    }

    /// Takes bytes that arrived.
    pub fn receive(&mut self, bytes: &[u8], now: Duration) {
        let events = self.link.receive(bytes, now);
        self.link_events(events, now);
    }

    /// Lets time pass. Give the session all bytes that have arrived before.
    pub fn tick(&mut self, now: Duration) {
        // First what is over: nothing is repeated in the moment in which nobody waits for it any more.
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.deadline = None;
            self.time_is_up(now);
        }
        if !self.is_over() {
            let events = self.link.tick(now);
            self.link_events(events, now);
        }
    }

    /// The bytes to write now.
    #[must_use]
    pub fn take_output(&mut self) -> Vec<u8> {
        self.link.take_output()
    }

    /// When [`Session::tick`] has something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        [self.deadline, self.link.next_deadline()].into_iter().flatten().min()
    }

    /// What happened since the last call.
    pub fn next_event(&mut self) -> Option<SessionEvent> {
        self.events.pop_front()
    }

    /// Whether the connection is of no use any more.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    fn payment_command(&self, order: &Order) -> Result<Command, FieldError> {
        let SessionOptions { password, currency, .. } = self.options;
        match (order.action, order.receipt_number) {
            (PayAction::Payment, _) => Command::authorisation(order.amount_cents, currency),
            (PayAction::Cancel, Some(receipt_number)) => {
                Command::reversal(password, receipt_number, order.amount_cents, currency)
            }
            (PayAction::Cancel, None) | (PayAction::Refund, _) => {
                Command::refund(password, order.amount_cents, currency)
            }
        }
    }

    /// Sends a command and waits for its answer.
    pub(super) fn command(&mut self, command: Result<Command, FieldError>, now: Duration) {
        let sent = command
            .map_err(|error| error.to_string())
            .and_then(|command| command.to_apdu().map_err(|error| error.to_string()))
            .and_then(|apdu| self.link.send(&apdu, now).map_err(|error| error.to_string()));
        match sent {
            Ok(()) => self.deadline = Some(now.saturating_add(self.options.answer_timeout)),
            Err(why) => self.line_lost(&why),
        }
    }

    pub(super) fn answer(&mut self, answer: &Answer, now: Duration) {
        let sent = answer.to_apdu().map_err(|error| error.to_string());
        if let Err(why) = sent.and_then(|apdu| self.link.send(&apdu, now).map_err(|error| error.to_string())) {
            self.line_lost(&why);
        }
    }

    fn doubt(&mut self, why: &str) {
        self.line_lost(why);
    }

    fn link_events(&mut self, events: Vec<LinkEvent>, now: Duration) {
        for event in events {
            match event {
                LinkEvent::Received(apdu) => self.received(&apdu, now),
                LinkEvent::Delivered | LinkEvent::Refused(_) => {}
                LinkEvent::Failed(fault) => self.line_lost(&fault.to_string()),
            }
        }
    }

    fn received(&mut self, apdu: &Apdu, now: Duration) {
        let message = Message::decode(apdu);
        match &mut self.phase {
            Phase::New | Phase::Over => {}
            Phase::Registering { accepted } => match message {
                Message::Answer(answer) if !*accepted && answer.is_positive() => {
                    *accepted = true;
                    self.wait_for_end(now);
                }
                Message::Answer(_) => self.line_lost("the terminal refuses the registration"),
                // The end of something that it did for a register before us.
                message if !*accepted => self.in_between(&message, now),
                Message::Completion(_) => {
                    self.answer(&Answer::accepted(), now);
                    self.ask(Purpose::Beginning, now);
                }
                Message::Abort { code, .. } => {
                    self.answer(&Answer::accepted(), now);
                    let code = code.unwrap_or(ResultCode(0xFF));
                    self.line_lost(&format!("the terminal ends the registration: {}", code.english()));
                }
                _ => self.in_between(&message, now),
            },
            Phase::Asking(_) => self.asked(message, now),
            Phase::Paying(_) => self.paying(message, now),
            // A message that comes again because our answer was lost.
            Phase::Idle | Phase::MaySend(_) | Phase::Pausing(_) => self.in_between(&message, now),
        }
    }

    /// Answers a message that changes nothing.
    pub(super) fn in_between(&mut self, message: &Message, now: Duration) {
        if let Message::Answer(_) = message {
            return;
        }
        if let Message::StatusInformation { fields } = message
            && self.is_unheard_of(&Transaction::of(fields))
        {
            // Unanswered, it is not given: the terminal takes it back, or tells it when it is asked over a new connection.
            return self.line_lost("the terminal tells an approved payment that nobody is making");
        }
        for text in message.display_texts() {
            self.events.push_back(SessionEvent::Display(text));
        }
        self.answer(&Answer::accepted(), now);
    }

    /// Whether it is an approved transaction behind the last one that is known.
    fn is_unheard_of(&self, told: &Transaction) -> bool {
        told.code.class() == ResultClass::Approved
            && told.receipt_number.is_some_and(|number| self.baseline.receipts_since(number) != 0)
    }

    pub(super) fn wait_for_end(&mut self, now: Duration) {
        self.deadline = Some(now.saturating_add(self.options.completion_timeout));
    }

    fn paying(&mut self, message: Message, now: Duration) {
        let Phase::Paying(paying) = &mut self.phase else { return };
        match message {
            Message::Answer(answer) if paying.step == Step::Accepting => {
                if answer.is_positive() {
                    paying.step = Step::Running;
                    self.wait_for_end(now);
                } else if let Answer::Refused { code, .. } = answer {
                    self.refuse(ResultCode(code), None);
                }
            }
            // To an abort of ours: accepted, or too late. Either way the terminal is there and ends the payment itself.
            Message::Answer(_) if paying.abort == Abort::Asked => {
                paying.abort = Abort::Answered;
                if paying.step != Step::Holding {
                    self.wait_for_end(now);
                }
            }
            Message::Answer(_) => {}
            Message::StatusInformation { fields } => {
                let told = Transaction::of(&fields);
                match &paying.told {
                    None => {
                        (paying.step, paying.owes_answer) = (Step::Holding, true);
                        paying.told = Some(told.clone());
                        self.deadline = Some(now.saturating_add(self.options.hold_timeout));
                        self.events.push_back(SessionEvent::Told(Box::new(told)));
                    }
                    Some(first) if *first == told => {
                        paying.owes_answer = true;
                        if paying.durable {
                            self.take_result(now);
                        } else {
                            self.deadline = Some(now.saturating_add(self.options.hold_timeout));
                        }
                    }
                    Some(_) => self.doubt("the terminal tells two results of one payment"),
                }
            }
            // The end of something before: it has not taken this payment yet, and it will.
            message @ (Message::Completion(_) | Message::Abort { .. }) if paying.step == Step::Accepting => {
                self.in_between(&message, now);
            }
            Message::Completion(_) => {
                self.answer(&Answer::accepted(), now);
                self.completed();
            }
            Message::Abort { code, fields } => {
                self.answer(&Answer::accepted(), now);
                self.aborted(code.unwrap_or(ResultCode(0xFF)), Transaction::of(&fields).text);
            }
            message @ (Message::PrintLine { .. } | Message::PrintBlock { .. }) => {
                // The merchant's copy is the terminal's business; the customer's goes onto the receipt.
                if message.receipt_kind() != Some(ReceiptKind::Merchant) {
                    let room = LINES_MAX.saturating_sub(paying.lines.len());
                    let lines = message
                        .printed_lines()
                        .into_iter()
                        .map(|line| line.text.chars().take(LINE_CHARS_MAX).collect());
                    paying.lines.extend(lines.take(room));
                }
                self.answer(&Answer::accepted(), now);
                self.wait_for_end(now);
            }
            message => {
                let wait = message.timeout_min().map(|minutes| Duration::from_secs(minutes.saturating_mul(60)));
                let holding = paying.step == Step::Holding;
                self.in_between(&message, now);
                if !holding {
                    let wait = wait.unwrap_or_default().max(self.options.completion_timeout);
                    self.deadline = Some(now.saturating_add(wait));
                }
            }
        }
    }

    /// The result is durable, and the terminal waits for our word.
    fn take_result(&mut self, now: Duration) {
        let Phase::Paying(paying) = &mut self.phase else { return };
        (paying.step, paying.owes_answer) = (Step::Finishing, false);
        self.answer(&Answer::accepted(), now);
        if !self.is_over() {
            self.wait_for_end(now);
        }
    }

    fn completed(&mut self) {
        let Phase::Paying(paying) = &mut self.phase else { return };
        let Some(told) = paying.told.clone().filter(|_| paying.step == Step::Finishing) else {
            return self.doubt("the terminal ended the payment without a result that we have");
        };
        match told.code.class() {
            ResultClass::Approved => {
                let again = told.receipt_number.is_some_and(|number| self.baseline.receipts_since(number) == 0);
                match fits(&paying.order, &told) {
                    _ if again => self.doubt("the terminal tells the result of an earlier payment"),
                    Err(why) => self.doubt(&why),
                    Ok(()) if !explains_itself(&paying.order, &told) => {
                        self.doubt("the terminal tells another amount than was asked for, and does not say why");
                    }
                    Ok(()) => {
                        let tip = tip_cents(&paying.order, &told);
                        let outcome = approved(&told, tip, std::mem::take(&mut paying.lines));
                        self.end(outcome, Some(&told), false);
                    }
                }
            }
            ResultClass::Declined | ResultClass::NotPossible => self.refuse(told.code, Some(told)),
            ResultClass::Unknown => self.doubt(&told.code.english()),
        }
    }

    fn aborted(&mut self, code: ResultCode, text: Option<String>) {
        let Phase::Paying(paying) = &self.phase else { return };
        let told = paying.told.clone();
        match (&told, code.class()) {
            (Some(told), _) if told.code.class() == ResultClass::Approved => {
                self.doubt("the terminal approved the payment and then aborted it");
            }
            // It does not know itself what the host has done, whatever it ends with.
            (Some(told), _) if told.code.class() == ResultClass::Unknown => {
                let why = told.code.english();
                self.doubt(&why);
            }
            (_, ResultClass::Approved | ResultClass::Unknown) => self.doubt(&code.english()),
            _ => {
                let words = told.map(|told| Transaction { text: told.text.clone().or(text.clone()), ..told });
                let title = words.as_ref().and_then(|told| told.text.clone()).or(text);
                self.refuse_with(code, title, words.as_ref());
            }
        }
    }

    fn refuse(&mut self, code: ResultCode, told: Option<Transaction>) {
        let text = told.as_ref().and_then(|told| told.text.clone());
        self.refuse_with(code, text, told.as_ref());
    }

    fn refuse_with(&mut self, code: ResultCode, text: Option<String>, told: Option<&Transaction>) {
        let kind = if code == ResultCode::ABORTED { RefusalKind::Cancelled } else { RefusalKind::Declined };
        let words = code.english().into_owned();
        let outcome = refused(kind, text.unwrap_or_else(|| words.clone()), format!("{words} ({:02X})", code.0));
        self.end(outcome, told, false);
    }

    /// It is certain how the payment ended; the terminal is idle again.
    pub(super) fn end(&mut self, outcome: PaymentOutcome, told: Option<&Transaction>, recovered: bool) {
        if let Some(baseline) = told.and_then(Transaction::baseline) {
            self.baseline = baseline;
        }
        // The answer to an abort that is still on its way would be taken for the answer to the next command.
        let is_answer_due = matches!(&self.phase, Phase::Paying(paying) if paying.abort == Abort::Asked);
        if !self.is_over() {
            self.phase = Phase::Idle;
        }
        self.deadline = None;
        self.events.push_back(SessionEvent::Ended { outcome: Box::new(outcome), recovered });
        if is_answer_due {
            self.line_lost("the terminal has not answered an abort");
        }
    }

    fn time_is_up(&mut self, now: Duration) {
        match &mut self.phase {
            Phase::Paying(paying) if paying.step == Step::Holding => {
                if paying.owes_answer {
                    paying.owes_answer = false;
                    // It asks again in two seconds (04 0F comes again).
                    self.answer(&Answer::refused(Answer::NOT_YET), now);
                }
                if !self.is_over() {
                    self.wait_for_end(now);
                }
            }
            Phase::Paying(paying) if paying.step == Step::Accepting => {
                self.doubt("the terminal did not answer the payment");
            }
            Phase::Paying(paying) if paying.step == Step::Running && paying.abort == Abort::No => {
                self.deadline = Some(now.saturating_add(self.options.answer_timeout));
                self.abort(now);
            }
            Phase::Paying(_) => self.doubt("the terminal did not end the payment"),
            Phase::Pausing(_) => {
                if let Phase::Pausing(purpose) = std::mem::replace(&mut self.phase, Phase::New) {
                    self.ask(purpose, now);
                }
            }
            Phase::Registering { .. } => self.line_lost("the terminal does not answer the registration"),
            Phase::Asking(_) => self.line_lost("the terminal does not tell its last transaction"),
            Phase::New | Phase::Idle | Phase::MaySend(_) | Phase::Over => {}
        }
    }
}
