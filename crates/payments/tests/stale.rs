//! What a terminal still had to say to the register before us, when that one died, is not taken for an answer to us.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test may stop")]

use std::time::Duration;

use kassette_model::payment::{PayAction, PaymentOutcome};
use kassette_payments::zvt::session::{Baseline, Order, Session, SessionEvent, SessionOptions};
use kassette_payments::zvt::simulator::{Script, Terminal};
use kassette_payments::zvt::{Link, Password, SerialLink, SerialTiming, TcpLink};

const ACCEPTED: &[u8] = &[0x80, 0, 0];
const DONE: &[u8] = &[0x06, 0x0F, 0];
const ABORTED: &[u8] = &[0x06, 0x1E, 1, 0x6C];
/// Paid 10.00, receipt 7, trace 7.
const LAST: &[u8] = &[0x04, 0x0F, 16, 0x27, 0, 4, 0, 0, 0, 0, 0x10, 0, 0x0B, 0, 0, 7, 0x87, 0, 7];
const NOW: Duration = Duration::ZERO;

struct Register(Session);

impl Register {
    fn new() -> Self {
        let mut session = Session::new(Link::Tcp(TcpLink::new()), SessionOptions::new(Password::new(0).unwrap()));
        session.start(NOW);
        let mut register = Self(session);
        register.said(&[0x06, 0x00]);
        register
    }

    fn hear(&mut self, messages: &[&[u8]]) {
        for message in messages {
            self.0.receive(message, NOW);
        }
    }

    /// The last thing that it said begins so.
    #[track_caller]
    fn said(&mut self, control: &[u8]) {
        let said = self.0.take_output();
        assert!(said.windows(control.len()).any(|bytes| bytes == control), "{said:02x?} without {control:02x?}");
    }

    fn ready(before: &[&[u8]]) -> Self {
        let mut register = Self::new();
        register.hear(before);
        register.hear(&[ACCEPTED, DONE]);
        register.said(&[0x06, 0x20]);
        register.hear(&[ACCEPTED, LAST, DONE]);
        register.is_ready(7);
        register
    }

    #[track_caller]
    fn is_ready(&mut self, number: u16) {
        let event = self.0.next_event();
        let Some(SessionEvent::Ready(Baseline::Last { receipt_number, .. })) = event else { panic!("{event:?}") };
        assert_eq!(receipt_number, number);
    }
}

#[test]
fn an_end_before_the_registration_was_taken_does_not_end_it() {
    for before in [DONE, ABORTED] {
        Register::ready(&[before]);
    }
}

#[test]
fn a_question_that_was_ended_without_an_answer_is_asked_again() {
    for before in [DONE, ABORTED] {
        // Not taken yet: no answer to it at all.
        let mut register = Register::new();
        register.hear(&[ACCEPTED, DONE, before, ACCEPTED, LAST, DONE]);
        register.is_ready(7);
        // Taken, as it seems.
        let mut register = Register::new();
        register.hear(&[ACCEPTED, DONE]);
        register.said(&[0x06, 0x20]);
        register.hear(&[ACCEPTED, before]);
        register.said(&[0x06, 0x20]);
        register.hear(&[ACCEPTED, LAST, DONE]);
        register.is_ready(7);
    }
}

#[test]
fn an_end_before_a_payment_was_taken_does_not_end_it() {
    for before in [DONE, ABORTED] {
        let mut register = Register::ready(&[]);
        let order = Order { action: PayAction::Payment, amount_cents: 500, receipt_number: None };
        register.0.begin(order).unwrap();
        assert!(matches!(register.0.next_event(), Some(SessionEvent::MaySend(_))));
        register.0.send(NOW);
        register.said(&[0x06, 0x01]);
        register.hear(&[before]);
        assert_eq!(register.0.next_event(), None);
        let mut paid = LAST.to_vec();
        paid.splice(5..12, [4, 0, 0, 0, 0, 0x05, 0]);
        paid.splice(16..19, [0x87, 0, 8]);
        register.hear(&[ACCEPTED, &paid]);
        assert!(matches!(register.0.next_event(), Some(SessionEvent::Told(_))));
        register.0.acknowledge(NOW);
        register.hear(&[DONE]);
        let Some(SessionEvent::Ended { outcome, .. }) = register.0.next_event() else { panic!("it has ended") };
        assert!(matches!(*outcome, PaymentOutcome::Approved(_)));
    }
}

/// After the longest time of a payment the terminal is asked to abort it; its answer to that never meets the next payment.
#[test]
fn an_abort_that_crosses_the_end_of_its_payment_ends_the_connection() {
    for (answered, is_over) in [(false, true), (true, false)] {
        let mut register = Register::ready(&[]);
        let options = SessionOptions::new(Password::new(0).unwrap());
        let order = Order { action: PayAction::Payment, amount_cents: 500, receipt_number: None };
        register.0.begin(order).unwrap();
        assert!(matches!(register.0.next_event(), Some(SessionEvent::MaySend(_))));
        register.0.send(NOW);
        register.hear(&[ACCEPTED]);
        register.said(&[0x06, 0x01]);
        register.0.tick(options.completion_timeout);
        register.said(&[0x06, 0xB0]);
        if answered {
            register.hear(&[ACCEPTED]);
        }
        register.hear(&[ABORTED]);
        let Some(SessionEvent::Ended { outcome, .. }) = register.0.next_event() else { panic!("it has ended") };
        assert!(matches!(*outcome, PaymentOutcome::Refused(_)));
        assert_eq!(register.0.is_over(), is_over);
    }
    // A terminal that is there but too late to abort has its whole time again; one that is not there has that of an answer.
    for (answer, left) in [(Some(&[0x84, 0x83, 0][..]), true), (None, false)] {
        let mut register = Register::ready(&[]);
        let options = SessionOptions::new(Password::new(0).unwrap());
        register.0.begin(Order { action: PayAction::Payment, amount_cents: 500, receipt_number: None }).unwrap();
        register.0.send(NOW);
        register.hear(&[ACCEPTED]);
        register.0.tick(options.completion_timeout);
        if let Some(answer) = answer {
            register.0.receive(answer, options.completion_timeout);
        }
        register.0.tick(options.completion_timeout + options.answer_timeout);
        assert_eq!(!register.0.is_over(), left);
    }
}

#[test]
fn a_payment_that_nobody_is_making_is_not_acknowledged() {
    let mut register = Register::ready(&[]);
    drop(register.0.take_output());
    // What it told last, once more.
    register.hear(&[LAST]);
    register.said(ACCEPTED);
    let mut newer = LAST.to_vec();
    newer.splice(16..19, [0x87, 0, 8]);
    register.hear(&[&newer]);
    assert!(register.0.is_over() && register.0.take_output().is_empty());
}

/// A register dies behind every byte of its registration, at a cable that stays; the next one is served at once.
#[test]
fn the_next_register_at_a_cable_is_answered_at_once() {
    let link = || Link::Serial(SerialLink::new(SerialTiming::default()));
    let session = || Session::new(link(), SessionOptions::new(Password::new(0).unwrap()));
    for bytes_max in 1.. {
        let mut terminal = Terminal::new(link(), Script::approving());
        let mut left = bytes_max;
        let mut first = session();
        first.start(NOW);
        while left > 0 {
            let said = first.take_output();
            if said.is_empty() {
                break;
            }
            for byte in said.into_iter().take(left) {
                terminal.receive(&[byte], NOW);
                left -= 1;
            }
            first.receive(&terminal.take_output(), NOW);
        }
        // Longer than the silence that ends a broken frame.
        let later = Duration::from_millis(500);
        terminal.tick(later);
        drop(terminal.take_output());
        let mut next = session();
        next.start(later);
        loop {
            let said = next.take_output();
            if said.is_empty() {
                break;
            }
            terminal.receive(&said, later);
            next.receive(&terminal.take_output(), later);
        }
        let event = next.next_event();
        assert!(matches!(event, Some(SessionEvent::Ready(Baseline::Nothing))), "{bytes_max}: {event:?}");
        if left > 0 {
            return;
        }
    }
}
