//! The serial transport: acknowledgement, repetition, T1 and T2 (PA00P016, chapter 2).

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use super::apdu::Apdu;
use super::frame::{ACK, FrameDecoder, FrameEvent, FrameFault, NAK, encode_frame};
use super::link::{LinkError, LinkEvent, LinkFault};

/// Most APDUs that wait behind the one that is being sent. The dialogue is half duplex: more than an answer and an
/// abort never wait.
const WAITING_MAX: usize = 8;
/// Class of an answer `80 00`.
const ACCEPTED: u8 = 0x80;
/// Class of an answer `84 xx`.
const REFUSED: u8 = 0x84;

/// The times and numbers of a serial line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SerialTiming {
    /// T1: longest silence inside a frame.
    pub byte_gap_ms: u64,
    /// T2: longest wait for ACK or NAK.
    pub acknowledge_ms: u64,
    /// How often a frame is sent at most.
    pub sendings_max: u8,
}

impl Default for SerialTiming {
    /// T1 200 ms, T2 5 s, three sendings (PA00P016, chapter 2).
    fn default() -> Self {
        Self { byte_gap_ms: 200, acknowledge_ms: 5_000, sendings_max: 3 }
    }
}

/// A frame that waits for its ACK.
struct Pending {
    frame: Vec<u8>,
    is_command: bool,
    sendings: u8,
    deadline: Duration,
}

/// One end of a serial line, without the line.
///
/// Every intact frame is acknowledged and delivered upward, also one that came before: the other side repeats a frame
/// whose ACK was lost, and only the session can know what a repetition means.
pub struct SerialLink {
    timing: SerialTiming,
    decoder: FrameDecoder,
    last_byte_at: Duration,
    output: Vec<u8>,
    pending: Option<Pending>,
    waiting: VecDeque<Apdu>,
}

impl SerialLink {
    /// A link on a line that has just been opened.
    #[must_use]
    pub fn new(timing: SerialTiming) -> Self {
        Self {
            timing,
            decoder: FrameDecoder::new(),
            last_byte_at: Duration::ZERO,
            output: Vec::new(),
            pending: None,
            waiting: VecDeque::new(),
        }
    }

    /// Sends an APDU, or lets it wait until the one before is acknowledged.
    ///
    /// # Errors
    /// [`LinkError::Full`] when too many wait already.
    pub fn send(&mut self, apdu: &Apdu, now: Duration) -> Result<(), LinkError> {
        if self.waiting.len() >= WAITING_MAX {
            return Err(LinkError::Full);
        }
        self.waiting.push_back(apdu.clone());
        self.start_next(now);
        Ok(())
    }

    /// Forgets what was sent and not acknowledged, and what waits behind it: the other side has begun anew.
    pub(super) fn forget(&mut self) {
        self.pending = None;
        self.waiting.clear();
    }

    /// Takes bytes that arrived.
    pub fn receive(&mut self, bytes: &[u8], now: Duration) -> Vec<LinkEvent> {
        let mut events = Vec::new();
        for byte in bytes {
            self.last_byte_at = now;
            match self.decoder.push(*byte) {
                None => {}
                Some(FrameEvent::Apdu(apdu)) => {
                    self.output.push(ACK);
                    self.take_as_acknowledgement(&apdu, now, &mut events);
                    events.push(LinkEvent::Received(apdu));
                }
                Some(FrameEvent::Refused(fault)) => {
                    self.output.push(NAK);
                    events.push(LinkEvent::Refused(fault));
                }
                Some(FrameEvent::Ack) => self.delivered(now, &mut events),
                Some(FrameEvent::Nak) => self.repeat(now, &mut events),
            }
        }
        events
    }

    /// Lets time pass: ends a frame that broke off, and repeats one that was not acknowledged.
    pub fn tick(&mut self, now: Duration) -> Vec<LinkEvent> {
        let mut events = Vec::new();
        if self.byte_deadline().is_some_and(|deadline| deadline <= now) {
            self.decoder.give_up();
            self.output.push(NAK);
            events.push(LinkEvent::Refused(FrameFault::Silence));
        }
        if self.pending.as_ref().is_some_and(|pending| pending.deadline <= now) {
            self.repeat(now, &mut events);
        }
        events
    }

    /// The bytes to write to the line now.
    #[must_use]
    pub fn take_output(&mut self) -> Vec<u8> {
        mem::take(&mut self.output)
    }

    /// When [`SerialLink::tick`] has something to do; `None` while it has not.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        let acknowledge = self.pending.as_ref().map(|pending| pending.deadline);
        [self.byte_deadline(), acknowledge].into_iter().flatten().min()
    }

    fn byte_deadline(&self) -> Option<Duration> {
        let gap = Duration::from_millis(self.timing.byte_gap_ms);
        self.decoder.is_inside().then(|| self.last_byte_at.saturating_add(gap))
    }

    /// An answer proves that the command arrived, though its ACK was lost. Without this the command would be sent again
    /// five seconds into a payment.
    fn take_as_acknowledgement(&mut self, apdu: &Apdu, now: Duration, events: &mut Vec<LinkEvent>) {
        let is_answer = matches!(apdu.class(), ACCEPTED | REFUSED);
        if is_answer && self.pending.as_ref().is_some_and(|pending| pending.is_command) {
            self.delivered(now, events);
        }
    }

    /// An ACK that nothing waits for is a late one, or noise.
    fn delivered(&mut self, now: Duration, events: &mut Vec<LinkEvent>) {
        if self.pending.take().is_some() {
            events.push(LinkEvent::Delivered);
            self.start_next(now);
        }
    }

    fn repeat(&mut self, now: Duration, events: &mut Vec<LinkEvent>) {
        let Some(pending) = &mut self.pending else { return };
        if pending.sendings >= self.timing.sendings_max {
            self.pending = None;
            self.waiting.clear();
            events.push(LinkEvent::Failed(LinkFault::NotAcknowledged));
            return;
        }
        pending.sendings += 1;
        pending.deadline = now.saturating_add(Duration::from_millis(self.timing.acknowledge_ms));
        self.output.extend_from_slice(&pending.frame);
    }

    fn start_next(&mut self, now: Duration) {
        if self.pending.is_some() {
            return;
        }
        let Some(apdu) = self.waiting.pop_front() else { return };
        let frame = encode_frame(&apdu);
        self.output.extend_from_slice(&frame);
        let deadline = now.saturating_add(Duration::from_millis(self.timing.acknowledge_ms));
        let is_command = !matches!(apdu.class(), ACCEPTED | REFUSED);
        self.pending = Some(Pending { frame, is_command, sendings: 1, deadline });
    }
}

#[cfg(test)]
#[path = "serial_tests.rs"]
mod tests;
