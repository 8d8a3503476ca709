//! The terminal on its line: bytes in, bytes out, and the faults of the line.

use std::mem;
use std::time::Duration;

use super::super::encode_frame;
use super::super::{Apdu, Command, Link, LinkEvent, LinkFault};
use super::ledger::Ledger;
use super::script::{Behaviour, Script};
use super::session::Session;

/// Control field of a payment.
const PAYMENT: u32 = 0x0601;
/// The same at the begin of a frame.
const PAYMENT_IN_FRAME: u32 = 0x1002_0601;
/// Control field of a result.
const RESULT: (u8, u8) = (0x04, 0x0F);

/// A payment terminal without input and output.
///
/// The driver moves bytes: what arrives goes to [`Terminal::receive`], what [`Terminal::take_output`] returns goes out,
/// and at [`Terminal::next_deadline`] it calls [`Terminal::tick`]. When [`Terminal::wants_to_drop`] it sends what there is,
/// closes the line and calls [`Terminal::line_dropped`]; a new line begins with [`Terminal::line_up`].
pub struct Terminal {
    session: Session,
    link: Option<Link>,
    output: Vec<u8>,
    drops: bool,
    heard: Heard,
    /// How many bytes may still be sent before the line breaks.
    sent_left: Option<usize>,
    /// A frame that is to be damaged when it goes out.
    damage: Option<Vec<u8>>,
}

/// How much of a payment's command has come: the script may break the line in the middle of it.
#[derive(Default)]
struct Heard {
    window: u32,
    apdu_bytes: usize,
    payment_bytes: Option<usize>,
}

impl Heard {
    fn push(&mut self, byte: u8, is_serial: bool) {
        self.window = (self.window << 8) | u32::from(byte);
        self.apdu_bytes += 1;
        self.payment_bytes = match self.payment_bytes {
            Some(bytes) => Some(bytes + 1),
            None if is_serial => (self.window == PAYMENT_IN_FRAME).then_some(4),
            None => (self.apdu_bytes == 2 && self.window & 0xFFFF == PAYMENT).then_some(2),
        };
    }
}

impl Terminal {
    /// A terminal that has just been switched on, on a line that is up.
    #[must_use]
    pub fn new(link: Link, script: Script) -> Self {
        Self {
            session: Session::new(script),
            link: Some(link),
            output: Vec::new(),
            drops: false,
            heard: Heard::default(),
            sent_left: None,
            damage: None,
        }
    }

    /// What was really charged.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.session.ledger
    }

    /// What the customer sees.
    #[must_use]
    pub fn display(&self) -> &str {
        &self.session.display
    }

    /// Whether a command is under way: every other one is answered with «busy».
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.session.process.is_some()
    }

    /// Whether the line breaks now.
    #[must_use]
    pub fn wants_to_drop(&self) -> bool {
        self.drops
    }

    /// The bytes to write to the line now.
    #[must_use]
    pub fn take_output(&mut self) -> Vec<u8> {
        mem::take(&mut self.output)
    }

    /// When [`Terminal::tick`] has something to do; `None` while it has not.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        let link = self.link.as_ref().and_then(Link::next_deadline);
        [link, self.session.next_deadline()].into_iter().flatten().min()
    }

    /// Takes bytes that arrived. Those behind a break of the line are lost.
    pub fn receive(&mut self, bytes: &[u8], now: Duration) {
        for byte in bytes {
            let Some(link) = &mut self.link else { return };
            let is_serial = matches!(link, Link::Serial(_));
            let events = link.receive(&[*byte], now);
            self.heard.push(*byte, is_serial);
            self.handle(events, now);
            if self.breaks_by_receiving() {
                self.break_line(now);
            }
            self.flush(now);
        }
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: Duration) {
        let events = self.link.as_mut().map(|link| link.tick(now)).unwrap_or_default();
        self.handle(events, now);
        let was_busy = self.is_busy();
        self.session.run(now);
        if was_busy {
            self.forget_payment_when_idle();
        }
        self.flush(now);
    }

    /// The line broke, or was closed. A frame that was half there is forgotten; the payment under way goes on, or not, as
    /// the script says.
    pub fn line_dropped(&mut self, now: Duration) {
        self.break_line(now);
        self.output.clear();
        self.drops = false;
    }

    /// A new line is there. What the terminal had to say on the old one is not said again.
    pub fn line_up(&mut self, link: Link, now: Duration) {
        self.line_dropped(now);
        self.link = Some(link);
    }

    /// The power fails and comes again; [`Terminal::line_up`] must follow.
    pub fn power_cycle(&mut self, now: Duration) {
        self.line_dropped(now);
        self.session.power_cycle();
    }

    fn handle(&mut self, events: Vec<LinkEvent>, now: Duration) {
        for event in events {
            match event {
                LinkEvent::Received(apdu) => {
                    self.heard.apdu_bytes = 0;
                    self.meet_again(&apdu, now);
                    let was_busy = self.is_busy();
                    self.session.hear(&apdu, now);
                    self.plan_drop(was_busy);
                    self.forget_payment_when_idle();
                }
                LinkEvent::Failed(LinkFault::NotAcknowledged) => self.session.lose_line(now),
                LinkEvent::Failed(LinkFault::OutOfStep) => self.break_line(now),
                LinkEvent::Delivered | LinkEvent::Refused(_) => {}
            }
        }
    }

    /// A register that was restarted at the other end of a cable that nobody pulled: it waits for nothing that was said before, and one
    /// that registers in the middle of a payment does not know of it.
    fn meet_again(&mut self, apdu: &Apdu, now: Duration) {
        let Some(Link::Serial(link)) = &mut self.link else { return };
        match Command::decode(apdu) {
            Command::Answer(_) | Command::Abort { .. } => {}
            Command::Registration { .. } => {
                link.forget();
                self.session.lose_line(now);
            }
            _ => link.forget(),
        }
    }

    fn forget_payment_when_idle(&mut self) {
        if !self.is_busy() {
            self.heard.payment_bytes = None;
        }
    }

    /// A payment has begun that breaks the line.
    fn plan_drop(&mut self, was_busy: bool) {
        if let (false, Some(Behaviour::DropAfterSentBytes(bytes))) = (was_busy, self.behaviour()) {
            self.sent_left = Some(*bytes);
        }
    }

    fn behaviour(&self) -> Option<&Behaviour> {
        self.session.process.as_ref().map(|process| &process.behaviour)
    }

    fn breaks_by_receiving(&mut self) -> bool {
        let Some(heard) = self.heard.payment_bytes else { return false };
        let is_due = |behaviour: &Behaviour| matches!(behaviour, Behaviour::DropAfterReceivedBytes(k) if *k <= heard);
        if let Some(behaviour) = self.behaviour() {
            return is_due(behaviour);
        }
        let breaks = is_due(self.session.script.next());
        if breaks {
            // The command has not come whole; its turn is over all the same.
            self.session.script.advance();
        }
        breaks
    }

    fn break_line(&mut self, now: Duration) {
        if self.link.take().is_some() {
            self.drops = true;
            self.heard = Heard::default();
            self.sent_left = None;
            self.damage = None;
            // Nothing that was to be said reaches anybody.
            let _ = self.session.take_said();
            self.session.lose_line(now);
        }
        let _ = self.session.take_said();
    }

    /// Moves what the session said to the line, and what the line sends to the output.
    fn flush(&mut self, now: Duration) {
        for apdu in self.session.take_said() {
            self.send(&apdu, now);
        }
        let Some(link) = &mut self.link else { return };
        let mut bytes = link.take_output();
        if let Some(frame) = &self.damage
            && bytes.ends_with(frame)
        {
            bytes.iter_mut().last().into_iter().for_each(|byte| *byte ^= 0x40);
            self.damage = None;
        }
        if let Some(left) = self.sent_left {
            bytes.truncate(left);
            self.sent_left = Some(left - bytes.len());
        }
        self.output.extend(bytes);
        if self.sent_left == Some(0) {
            self.break_line(now);
        }
    }

    fn send(&mut self, apdu: &Apdu, now: Duration) {
        let damages = self.behaviour() == Some(&Behaviour::WrongCrc) && apdu.control() == RESULT;
        let noise = match self.behaviour() {
            Some(Behaviour::NoiseBetweenFrames(noise)) => noise.clone(),
            _ => Vec::new(),
        };
        let Some(link) = &mut self.link else { return };
        if !noise.is_empty() {
            self.output.extend(link.take_output());
            self.output.extend(noise);
        }
        if damages && matches!(link, Link::Serial(_)) {
            self.damage = Some(encode_frame(apdu));
        }
        // A link that takes nothing any more fails with an event of its own.
        let _ = link.send(apdu, now);
    }
}
