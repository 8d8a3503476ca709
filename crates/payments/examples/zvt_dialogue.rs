//! Prints what a register and a simulated terminal say to each other over TCP, so that another program can read it.
//!
//! Each line is what one side sent at once: `O` (from the register) or `I` (from the terminal) and its bytes in hexadecimal digits; lines
//! that begin with `#` say what follows. Time is made: the same lines come every time.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::panic,
    reason = "it is run by a test, which wants to see why it stops"
)]

use std::time::Duration;

use kassette_model::payment::{PayAction, PaymentOutcome};
use kassette_payments::zvt::session::{Order, Session, SessionEvent, SessionOptions};
use kassette_payments::zvt::simulator::{Script, Terminal};
use kassette_payments::zvt::{Answer, Command, Fields, Link, LinkEvent, Message, Password, TcpLink};

/// More steps than any of these dialogues has.
const STEPS_MAX: usize = 1_000;
/// When the register asks a customer who does not come to go: far from the end of the wait for him.
const ABORT_AFTER: Duration = Duration::from_secs(2);

fn link() -> Link {
    Link::Tcp(TcpLink::new())
}

fn show(way: char, bytes: &[u8]) {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    println!("{way} {hex}");
}

/// The terminal at the other end of the line, and the time.
struct World {
    terminal: Terminal,
    now: Duration,
}

impl World {
    /// Takes what the register sent; gives what the terminal sends then.
    fn carry(&mut self, sent: &[u8]) -> Vec<u8> {
        if !sent.is_empty() {
            show('O', sent);
            self.terminal.receive(sent, self.now);
        }
        self.terminal.tick(self.now);
        let said = self.terminal.take_output();
        if !said.is_empty() {
            show('I', &said);
        }
        said
    }

    /// Lets time pass until something is due.
    fn pass(&mut self, due: impl IntoIterator<Item = Option<Duration>>) {
        let due = due.into_iter().flatten().chain(self.terminal.next_deadline()).min();
        self.now = self.now.max(due.unwrap_or(self.now));
    }

    /// The register that the product is; gives how the payment ended, if it is one.
    fn follow(&mut self, session: &mut Session, abort_at: Option<Duration>) -> Option<PaymentOutcome> {
        let mut abort_at = abort_at.map(|wait| self.now.saturating_add(wait));
        for _ in 0..STEPS_MAX {
            let said = self.carry(&session.take_output());
            session.receive(&said, self.now);
            session.tick(self.now);
            let mut has_spoken = !said.is_empty();
            while let Some(event) = session.next_event() {
                has_spoken = true;
                match event {
                    SessionEvent::MaySend(_) => session.send(self.now),
                    SessionEvent::Told(_) => session.acknowledge(self.now),
                    SessionEvent::Ready(_) => {
                        self.carry(&session.take_output());
                        return None;
                    }
                    SessionEvent::Ended { outcome, .. } => {
                        self.carry(&session.take_output());
                        return Some(*outcome);
                    }
                    SessionEvent::Display(_) => {}
                    other => panic!("{other:?}"),
                }
            }
            if abort_at.is_some_and(|at| at <= self.now) {
                abort_at = None;
                session.abort(self.now);
            } else if !has_spoken {
                self.pass([session.next_deadline(), abort_at]);
            }
        }
        panic!("it does not end");
    }

    fn pay(&mut self, session: &mut Session, order: Order, abort_at: Option<Duration>) -> bool {
        session.begin(order).unwrap();
        matches!(self.follow(session, abort_at), Some(PaymentOutcome::Approved(_)))
    }

    /// A command that the product does not say by itself, with an answer to whatever the terminal says then.
    fn say(&mut self, link: &mut Link, command: &Command) {
        link.send(&command.to_apdu().unwrap(), self.now).unwrap();
        for _ in 0..STEPS_MAX {
            let said = self.carry(&link.take_output());
            for event in link.receive(&said, self.now) {
                let LinkEvent::Received(apdu) = event else { continue };
                if !matches!(Message::decode(&apdu), Message::Answer(_)) {
                    link.send(&Answer::accepted().to_apdu().unwrap(), self.now).unwrap();
                }
            }
            if said.is_empty() && !self.terminal.is_busy() {
                return;
            }
            if said.is_empty() {
                self.pass([None]);
            }
        }
        panic!("it does not end");
    }
}

fn main() {
    let script: Script = "approve,decline:05,slow:60000".parse().unwrap();
    let mut world = World { terminal: Terminal::new(link(), script), now: Duration::ZERO };
    let password = Password::new(123_456).unwrap();
    let mut session = Session::new(link(), SessionOptions::new(password));
    let order = |action, amount_cents, receipt_number| Order { action, amount_cents, receipt_number };
    println!("# registration");
    session.start(world.now);
    assert_eq!(world.follow(&mut session, None), None);
    println!("# payment");
    assert!(world.pay(&mut session, order(PayAction::Payment, 1_840, None), None));
    println!("# declined payment");
    assert!(!world.pay(&mut session, order(PayAction::Payment, 999_999_999_999, None), None));
    println!("# refund");
    assert!(world.pay(&mut session, order(PayAction::Refund, 505, None), None));
    println!("# reversal");
    assert!(world.pay(&mut session, order(PayAction::Cancel, 1_840, Some(1)), None));
    println!("# abort");
    assert!(!world.pay(&mut session, order(PayAction::Payment, 7, None), Some(ABORT_AFTER)));
    println!("# last result");
    session.look(world.now);
    assert_eq!(world.follow(&mut session, None), None);

    let mut link = link();
    for (what, command) in [
        ("end of day", Command::EndOfDay { password, fields: Fields::new() }),
        ("diagnosis", Command::Diagnosis { fields: Fields::new() }),
        ("enquiry", Command::StatusEnquiry { password: Some(password), fields: Fields::new() }),
        ("log-off", Command::LogOff),
    ] {
        println!("# {what}");
        world.say(&mut link, &command);
    }
}
