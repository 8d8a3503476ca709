//! A payment at a simulated terminal, cut behind every byte, and its register killed behind every byte: afterwards the terminal's ledger
//! and what the register has written down agree. Time is made, nothing sleeps.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs, reason = "a test may stop")]

use std::time::Duration;

use kassette_model::payment::{PayAction, PaymentOutcome, PaymentState, PaymentStep, RefusalKind, step};
use kassette_payments::zvt::session::{Baseline, Order, Session, SessionEvent, SessionOptions, Stage};
use kassette_payments::zvt::simulator::{Script, Terminal};
use kassette_payments::zvt::{Link, Password, SerialLink, SerialTiming, TcpLink};

/// Longer than any payment takes to be settled: T4, a few questions, and the terminal's own reversal.
const HORIZON: Duration = Duration::from_secs(900);
/// Until the line is there again.
const RECONNECT: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// The line breaks when so many bytes went to the terminal since the payment began.
    CutToTerminal(usize),
    /// The same for bytes to the register.
    CutToRegister(usize),
    /// The register dies when so many bytes have crossed, both ways together.
    Kill(usize),
}

fn link(is_serial: bool) -> Link {
    if is_serial { Link::Serial(SerialLink::new(SerialTiming::default())) } else { Link::Tcp(TcpLink::new()) }
}

fn order(amount_cents: u64) -> Order {
    Order { action: PayAction::Payment, amount_cents, receipt_number: None }
}

/// What survives the death of the register.
#[derive(Debug, Clone)]
struct Written {
    state: Option<PaymentState>,
    baseline: Option<Baseline>,
    sent_at: Duration,
    outcome: Option<PaymentOutcome>,
    recovered: bool,
    steps: Vec<PaymentStep>,
}

struct World {
    is_serial: bool,
    now: Duration,
    terminal: Terminal,
    session: Option<Session>,
    reconnect_at: Option<Duration>,
    written: Written,
    fault: Fault,
    /// Bytes since the payment began.
    to_terminal: usize,
    to_register: usize,
    amount_cents: u64,
    /// The amount that the terminal has told; in memory only.
    told_cents: Option<u64>,
}

impl World {
    fn new(is_serial: bool, script: &str, fault: Fault) -> Self {
        let script: Script = script.parse().unwrap();
        let mut world = Self {
            is_serial,
            now: Duration::from_secs(1),
            terminal: Terminal::new(link(is_serial), script),
            session: None,
            reconnect_at: None,
            written: Written {
                state: None,
                baseline: None,
                sent_at: Duration::ZERO,
                outcome: None,
                recovered: false,
                steps: Vec::new(),
            },
            fault: Fault::None,
            to_terminal: 0,
            to_register: 0,
            amount_cents: 0,
            told_cents: None,
        };
        world.connect();
        world.play_until(|world| world.session.as_ref().is_some_and(|session| session.next_deadline().is_none()));
        world.fault = fault;
        (world.to_terminal, world.to_register) = (0, 0);
        world
    }

    fn connect(&mut self) {
        self.reconnect_at = None;
        self.terminal.line_up(link(self.is_serial), self.now);
        let mut session = Session::new(link(self.is_serial), SessionOptions::new(Password::new(0).unwrap()));
        session.start(self.now);
        self.session = Some(session);
    }

    fn write(&mut self, by: PaymentStep) {
        self.written.state = Some(step(self.written.state, by).unwrap());
        self.written.steps.push(by);
    }

    /// The line is gone, and with it the session.
    fn disconnect(&mut self) {
        if let Some(mut session) = self.session.take() {
            session.line_lost("the line broke");
            self.session = Some(session);
            self.events();
        }
        self.session = None;
        self.terminal.line_dropped(self.now);
        self.reconnect_at = Some(self.now + RECONNECT);
    }

    /// The register dies and is started again: it knows what is written, and nothing else.
    fn kill(&mut self) {
        self.session = None;
        self.told_cents = None;
        self.terminal.line_dropped(self.now);
        self.reconnect_at = Some(self.now + RECONNECT);
        match self.written.state {
            Some(PaymentState::Intent) => {
                self.write(PaymentStep::End);
                self.written.outcome = Some(PaymentOutcome::Refused(kassette_model::payment::PaymentRefusal {
                    kind: RefusalKind::NotCharged,
                    title: "NOT SENT".into(),
                    detail: "".into(),
                }));
            }
            Some(PaymentState::Sent | PaymentState::Result) => self.write(PaymentStep::Doubt),
            _ => {}
        }
    }

    fn events(&mut self) {
        while let Some(event) = self.session.as_mut().and_then(Session::next_event) {
            let now = self.now;
            match event {
                SessionEvent::Ready(_) => {
                    if self.written.state == Some(PaymentState::Unknown) {
                        let stage = Stage {
                            baseline: self.written.baseline.unwrap(),
                            since_sent: now - self.written.sent_at,
                            told_cents: self.told_cents,
                        };
                        self.session.as_mut().unwrap().settle(order(self.amount_cents), stage, now).unwrap();
                    }
                }
                SessionEvent::MaySend(baseline) => {
                    (self.written.baseline, self.written.sent_at) = (Some(baseline), now);
                    self.write(PaymentStep::Send);
                    self.session.as_mut().unwrap().send(now);
                }
                SessionEvent::Told(told) => {
                    self.told_cents = told.amount_cents;
                    self.write(PaymentStep::Tell);
                    self.session.as_mut().unwrap().acknowledge(now);
                }
                SessionEvent::Ended { outcome, recovered } => {
                    self.write(PaymentStep::End);
                    (self.written.outcome, self.written.recovered) = (Some(*outcome), recovered);
                }
                SessionEvent::Doubt(_) => self.write(PaymentStep::Doubt),
                SessionEvent::Contradiction(_) => self.write(PaymentStep::Contradict),
                SessionEvent::Display(_) | SessionEvent::Lost(_) => {}
            }
        }
        if self.session.as_ref().is_some_and(Session::is_over) {
            self.session = None;
            self.terminal.line_dropped(self.now);
            self.reconnect_at = Some(self.now + RECONNECT);
        }
    }

    /// Whether the fault strikes behind this byte.
    fn strikes(&mut self, to_terminal: bool) -> bool {
        let strikes = match self.fault {
            Fault::None => false,
            Fault::CutToTerminal(at) => to_terminal && self.to_terminal == at,
            Fault::CutToRegister(at) => !to_terminal && self.to_register == at,
            Fault::Kill(at) => self.to_terminal + self.to_register == at,
        };
        if strikes {
            let fault = std::mem::replace(&mut self.fault, Fault::None);
            if matches!(fault, Fault::Kill(_)) { self.kill() } else { self.disconnect() }
        }
        strikes
    }

    /// Moves what is to be moved at this moment; whether anything was.
    fn move_bytes(&mut self) -> bool {
        let mut moved = false;
        let out = self.session.as_mut().map(Session::take_output).unwrap_or_default();
        for byte in out {
            moved = true;
            self.terminal.receive(&[byte], self.now);
            self.to_terminal += 1;
            if self.strikes(true) {
                return true;
            }
        }
        for byte in self.terminal.take_output() {
            moved = true;
            if let Some(session) = &mut self.session {
                session.receive(&[byte], self.now);
            }
            self.events();
            self.to_register += 1;
            if self.strikes(false) {
                return true;
            }
        }
        if self.terminal.wants_to_drop() {
            self.disconnect();
            moved = true;
        }
        self.events();
        moved
    }

    fn play_until(&mut self, done: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + HORIZON;
        loop {
            while self.move_bytes() {}
            if done(self) {
                return true;
            }
            let deadlines = [
                self.session.as_ref().and_then(Session::next_deadline),
                self.terminal.next_deadline(),
                self.reconnect_at,
            ];
            let Some(next) = deadlines.into_iter().flatten().min().filter(|next| *next <= end) else { return false };
            self.now = self.now.max(next);
            if let Some(session) = &mut self.session {
                session.tick(self.now);
            }
            self.terminal.tick(self.now);
            self.events();
            if self.reconnect_at.is_some_and(|at| at <= self.now) {
                self.connect();
            }
        }
    }

    /// Pays, until it is certain how that ended or somebody has to look.
    fn pay(&mut self, amount_cents: u64) {
        self.amount_cents = amount_cents;
        self.write(PaymentStep::Begin);
        if self.strikes(true) {
            return;
        }
        self.session.as_mut().unwrap().begin(order(amount_cents)).unwrap();
        self.events();
        let settled =
            |world: &Self| matches!(world.written.state, Some(PaymentState::Ended | PaymentState::NeedsOperator));
        assert!(self.play_until(settled), "never settled: {:?}", self.written);
        // Whatever the terminal still has to do by itself.
        self.play_until(|_| false);
    }

    /// What the ledger says that the customer has paid, and what the register says.
    fn both(&self) -> (i128, Option<i128>) {
        let register = match &self.written.outcome {
            Some(PaymentOutcome::Approved(approval)) => {
                Some(i128::try_from(approval.paid * kassette_model::Decimal::ONE_HUNDRED).unwrap())
            }
            Some(PaymentOutcome::Refused(_)) => Some(0),
            None => None,
        };
        (self.terminal.ledger().net_cents(), register)
    }
}

/// Plays one payment of 18.40 with a fault: what the register says must be what the ledger says. Gives the world.
#[track_caller]
fn check(is_serial: bool, script: &str, fault: Fault) -> World {
    let mut world = World::new(is_serial, script, fault);
    world.pay(1_840);
    let about =
        format!("{script:?} {fault:?} serial {is_serial}: {:?} {:?}", world.written, world.terminal.ledger().entries());
    let sendings = world.written.steps.iter().filter(|step| **step == PaymentStep::Send).count();
    assert!(sendings <= 1, "sent twice: {about}");
    assert!(world.terminal.ledger().entries().len() <= 1, "a second transaction: {about}");
    match world.both() {
        (ledger, Some(register)) => assert_eq!(ledger, register, "{about}"),
        (_, None) => assert_eq!(world.written.state, Some(PaymentState::NeedsOperator), "{about}"),
    }
    world
}

#[test]
fn an_undisturbed_payment_is_what_the_script_says() {
    for is_serial in [false, true] {
        for (script, paid, tip) in [
            ("approve", 1_840, "0"),
            ("tip:160", 2_000, "1.60"),
            ("partial:1000", 1_000, "0"),
            ("repeat", 1_840, "0"),
            ("slow:60000", 1_840, "0"),
            ("noise:00ff10", 1_840, "0"),
            ("bad-crc", 1_840, "0"),
        ] {
            if script.starts_with("noise") && !is_serial {
                continue;
            }
            let world = check(is_serial, script, Fault::None);
            let Some(PaymentOutcome::Approved(approval)) = &world.written.outcome else {
                panic!("{script}: {:?}", world.written)
            };
            assert_eq!((world.both().0, approval.tip), (paid, tip.parse().unwrap()), "{script}");
            // A part is another amount than was asked for: it counts when the terminal says it again.
            assert_eq!(world.written.recovered, script.starts_with("partial"), "{script}");
            assert!(!approval.lines.is_empty(), "{script}");
        }
        // A customer who never comes: after the longest time the terminal is asked to abort, and that it does is certain.
        let world = check(is_serial, "slow:600000", Fault::None);
        let Some(PaymentOutcome::Refused(refusal)) = &world.written.outcome else { panic!("{:?}", world.written) };
        assert_eq!((refusal.kind, world.written.recovered), (RefusalKind::Cancelled, false), "{:?}", world.written);
        for script in ["decline:05", "decline:6c", "decline:78"] {
            let world = check(is_serial, script, Fault::None);
            assert!(matches!(world.written.outcome, Some(PaymentOutcome::Refused(_))), "{script}: {:?}", world.written);
        }
    }
}

#[test]
fn the_line_is_cut_behind_every_byte() {
    let (mut paid, mut refused, mut asked) = (0, 0, 0);
    for is_serial in [false, true] {
        for script in [
            "approve",
            "tip:160",
            "decline:05",
            "slow:600000",
            "approve,on-drop:stops",
            "approve,flavour:austria",
            "approve,on-drop:stops,flavour:austria",
        ] {
            let whole = check(is_serial, script, Fault::None);
            for at in 1..=whole.to_terminal {
                let world = check(is_serial, script, Fault::CutToTerminal(at));
                count(&world, &mut paid, &mut refused, &mut asked);
            }
            for at in 1..=whole.to_register {
                let world = check(is_serial, script, Fault::CutToRegister(at));
                count(&world, &mut paid, &mut refused, &mut asked);
            }
        }
    }
    assert!(paid > 100 && refused > 100, "{paid} paid, {refused} refused, {asked} for the operator");
    assert_eq!(asked, 0, "a broken line alone is always settled");
}

#[test]
fn the_register_is_killed_behind_every_byte() {
    let (mut paid, mut refused, mut asked) = (0, 0, 0);
    for is_serial in [false, true] {
        for script in ["approve", "decline:05", "approve,on-drop:stops", "approve,flavour:austria"] {
            let whole = check(is_serial, script, Fault::None);
            for at in 0..=whole.to_terminal + whole.to_register {
                let world = check(is_serial, script, Fault::Kill(at));
                count(&world, &mut paid, &mut refused, &mut asked);
            }
        }
    }
    assert!(paid > 50 && refused > 50, "{paid} paid, {refused} refused, {asked} for the operator");
    assert_eq!(asked, 0, "a killed register alone is always settled");
}

fn count(world: &World, paid: &mut u32, refused: &mut u32, asked: &mut u32) {
    match &world.written.outcome {
        Some(PaymentOutcome::Approved(_)) => *paid += 1,
        Some(PaymentOutcome::Refused(_)) => *refused += 1,
        None => *asked += 1,
    }
}

#[test]
fn a_terminal_that_falls_silent_is_asked() {
    for is_serial in [false, true] {
        let world = check(is_serial, "silent", Fault::None);
        assert_eq!(world.both(), (0, Some(0)));
        assert!(world.written.recovered);
        let world = check(is_serial, "charge-silent", Fault::None);
        assert!(
            world.written.recovered || world.written.state == Some(PaymentState::NeedsOperator),
            "{:?}",
            world.written
        );
        check(is_serial, "lose-answer", Fault::None);
    }
}

#[test]
fn the_result_of_another_transaction_is_never_taken_for_ours() {
    for is_serial in [false, true] {
        let world = check(is_serial, "foreign", Fault::None);
        match &world.written.outcome {
            Some(PaymentOutcome::Approved(approval)) => {
                assert_eq!(approval.paid.to_string(), "18.40", "what the ledger charged, found by asking");
                assert!(world.written.recovered);
            }
            other => assert!(other.is_none(), "{other:?}"),
        }
    }
}
