//! The TCP transport: APDUs one behind the other, nothing else (PA00P016, chapter 3).

use std::mem;

use super::apdu::Apdu;
use super::link::{LinkError, LinkEvent, LinkFault};

/// Most bytes that a terminal may say before its first APDU.
pub const BANNER_BYTES_MAX: usize = 4_096;

/// Classes that ZVT has; in a stream that is in step every APDU begins with one.
const CLASSES: &[u8] = &[0x04, 0x05, 0x06, 0x08, 0x0F, 0x80, 0x84];

/// Whether an APDU of the dialogue can begin so. Strict, as it decides where a banner ends: only what a terminal or a
/// register says first.
fn opens_a_dialogue(class: u8, instruction: u8) -> bool {
    match class {
        0x80 => instruction == 0x00,
        0x84 => true,
        0x04 => matches!(instruction, 0x01 | 0x0D | 0x0E | 0x0F | 0xFF),
        0x05 => instruction == 0x01,
        // 0A and 0D would be line ends behind a stray 06; neither opens a dialogue.
        0x06 => !matches!(instruction, 0x0A | 0x0D),
        0x08 => matches!(instruction, 0x10..=0x50),
        _ => false,
    }
}

/// One end of a TCP connection, without the connection.
///
/// Some terminals greet with a text when they are connected to. It is skipped up to the first two bytes that can open a
/// dialogue; a text of printable characters and line ends holds none. Once an APDU was read the stream is in step, and
/// lengths alone say where the next one begins. A stream that is in step and then brings a class that ZVT does not have
/// has lost its step: nothing behind that can be trusted, so the link fails for good.
#[derive(Default)]
pub struct TcpLink {
    buffer: Vec<u8>,
    skipped_bytes: usize,
    in_step: bool,
    failed: bool,
    output: Vec<u8>,
    /// APDUs sent since the other side last said something.
    unproven: usize,
}

impl TcpLink {
    /// A link on a connection that has just been opened.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends an APDU.
    ///
    /// # Errors
    /// [`LinkError::OutOfStep`] when the link has failed.
    pub fn send(&mut self, apdu: &Apdu) -> Result<(), LinkError> {
        if self.failed {
            return Err(LinkError::OutOfStep);
        }
        self.output.extend(apdu.encode());
        self.unproven += 1;
        Ok(())
    }

    /// Takes bytes that arrived. TCP has no acknowledgement of its own, so what was sent counts as delivered when the
    /// other side says something in ZVT.
    pub fn receive(&mut self, bytes: &[u8]) -> Vec<LinkEvent> {
        let mut events = Vec::new();
        if self.failed || bytes.is_empty() {
            return events;
        }
        self.buffer.extend_from_slice(bytes);
        let mut begin = 0;
        while let Some(step) = self.step(begin) {
            match step {
                Step::Skip => begin += 1,
                Step::Apdu(apdu, taken) => {
                    begin += taken;
                    self.in_step = true;
                    events.extend((0..mem::take(&mut self.unproven)).map(|_| LinkEvent::Delivered));
                    events.push(LinkEvent::Received(apdu));
                }
                Step::Fail => {
                    self.failed = true;
                    events.push(LinkEvent::Failed(LinkFault::OutOfStep));
                    break;
                }
            }
        }
        if self.failed {
            self.buffer = Vec::new();
        } else {
            self.buffer.drain(..begin);
        }
        events
    }

    /// The bytes to write to the connection now.
    #[must_use]
    pub fn take_output(&mut self) -> Vec<u8> {
        mem::take(&mut self.output)
    }

    /// Whether a part of an APDU waits for the rest.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// What the bytes from `begin` on are; `None` when more are needed.
    fn step(&mut self, begin: usize) -> Option<Step> {
        let rest = self.buffer.get(begin..)?;
        let class = *rest.first()?;
        if self.in_step {
            if !CLASSES.contains(&class) {
                return Some(Step::Fail);
            }
        } else {
            let instruction = match rest.get(1) {
                Some(instruction) => *instruction,
                None if CLASSES.contains(&class) => return None,
                None => 0,
            };
            if !opens_a_dialogue(class, instruction) {
                self.skipped_bytes += 1;
                return Some(if self.skipped_bytes > BANNER_BYTES_MAX { Step::Fail } else { Step::Skip });
            }
        }
        Apdu::take(rest).map(|(apdu, taken)| Step::Apdu(apdu, taken))
    }
}

enum Step {
    /// One byte of a banner.
    Skip,
    Apdu(Apdu, usize),
    Fail,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn apdu(class: u8, instruction: u8, data: &[u8]) -> Apdu {
        Apdu::new(class, instruction, data.to_vec()).unwrap()
    }

    fn received(class: u8, instruction: u8, data: &[u8]) -> LinkEvent {
        LinkEvent::Received(apdu(class, instruction, data))
    }

    #[test]
    fn a_banner_is_skipped_up_to_the_first_answer() {
        let mut link = TcpLink::new();
        link.send(&apdu(6, 0, &[])).unwrap();
        assert_eq!(link.take_output(), [6, 0, 0]);
        assert_eq!(link.receive(b"TERMINAL 4.2 READY\r\n\x06\r"), []);
        assert_eq!(link.receive(&[0x80]), []);
        assert_eq!(link.receive(&[0, 0, 4, 0xFF, 1]), [LinkEvent::Delivered, received(0x80, 0, &[])]);
        assert_eq!(link.receive(&[0x0A]), [received(4, 0xFF, &[0x0A])]);
        assert!(!link.is_inside());
    }

    #[test]
    fn a_talk_that_never_comes_to_the_point_fails() {
        let mut link = TcpLink::new();
        assert_eq!(link.receive(&[b'x'; BANNER_BYTES_MAX]), []);
        assert_eq!(link.receive(b"x"), [LinkEvent::Failed(LinkFault::OutOfStep)]);
        assert_eq!(link.receive(&[0x80, 0, 0]), []);
        assert_eq!(link.send(&apdu(6, 0, &[])), Err(LinkError::OutOfStep));
    }

    #[test]
    fn a_stream_out_of_step_fails() {
        let mut link = TcpLink::new();
        let events = link.receive(&[0x80, 0, 0, 1, 2, 3, 0x80, 0, 0]);
        assert_eq!(events, [received(0x80, 0, &[]), LinkEvent::Failed(LinkFault::OutOfStep)]);
    }

    proptest! {
        #[test]
        fn a_stream_may_be_cut_anywhere(
            told in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 1..6),
            banner in "[ -~\r\n]{0,40}",
            cut in 1_usize..50
        ) {
            let told: Vec<_> = told.iter().map(|data| apdu(6, 0xD1, data)).collect();
            let mut stream = banner.into_bytes();
            told.iter().for_each(|one| stream.extend(one.encode()));
            let mut link = TcpLink::new();
            let events: Vec<_> = stream.chunks(cut).flat_map(|part| link.receive(part)).collect();
            prop_assert_eq!(events, told.into_iter().map(LinkEvent::Received).collect::<Vec<_>>());
        }
    }
}
