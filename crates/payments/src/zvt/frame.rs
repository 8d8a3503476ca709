//! Frames on a serial line: `10 02 | APDU | 10 03 | CRC` (PA00P016, chapter 2).

use std::mem;

use super::apdu::{Apdu, DATA_BYTES_MAX};
use super::crc::crc_16_kermit;

/// Data link escape: opens every sequence of two, and is doubled inside an APDU.
const DLE: u8 = 0x10;
/// Behind [`DLE`]: the frame begins.
const STX: u8 = 0x02;
/// Behind [`DLE`]: the frame's APDU ends.
const ETX: u8 = 0x03;
/// The frame arrived intact.
pub(super) const ACK: u8 = 0x06;
/// The frame did not arrive intact.
pub(super) const NAK: u8 = 0x15;
/// Most bytes of an unstuffed APDU: control field, extended length, data.
const APDU_BYTES_MAX: usize = DATA_BYTES_MAX + 5;

/// The bytes of an APDU on a serial line.
#[must_use]
pub fn encode_frame(apdu: &Apdu) -> Vec<u8> {
    let mut body = apdu.encode();
    let mut frame = vec![DLE, STX];
    for byte in &body {
        frame.push(*byte);
        if *byte == DLE {
            frame.push(DLE);
        }
    }
    frame.extend([DLE, ETX]);
    body.push(ETX);
    // The two bytes of the CRC are not stuffed, even when one of them is a DLE.
    frame.extend(crc_16_kermit(&body).to_le_bytes());
    frame
}

/// Why a frame was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FrameFault {
    /// The check sum is another one.
    Crc,
    /// A DLE is followed by something that may not follow it.
    Stuffing,
    /// The frame is longer than any APDU.
    TooLong,
    /// The length of the APDU is not that of the frame.
    Length,
    /// The line was silent in the middle of the frame for longer than T1.
    Silence,
}

/// What a byte completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrameEvent {
    /// An intact frame.
    Apdu(Apdu),
    /// The other side has our frame.
    Ack,
    /// The other side could not read our frame.
    Nak,
    /// A frame that is not intact.
    Refused(FrameFault),
}

#[derive(Clone, Copy)]
enum State {
    /// Between frames.
    Idle,
    /// Between frames, behind a DLE.
    IdleEscaped,
    Body,
    BodyEscaped,
    CrcLow,
    CrcHigh {
        low: u8,
    },
    /// The frame is already refused; its end is looked for, so that its bytes are not taken for an ACK.
    Skipping {
        fault: FrameFault,
        escaped: bool,
    },
    /// The refused frame has ended but for so many bytes of its CRC.
    SkippingCrc {
        fault: FrameFault,
        bytes: u8,
    },
}

/// Reads frames byte by byte.
///
/// A state machine, because no look at single bytes of the stream tells where a frame ends: a DLE ETX may stand in the
/// CRC, and `03` anywhere. Between frames everything but ACK, NAK and the start of a frame is noise.
pub struct FrameDecoder {
    state: State,
    body: Vec<u8>,
}

impl FrameDecoder {
    /// A decoder that waits for a frame.
    #[must_use]
    pub fn new() -> Self {
        Self { state: State::Idle, body: Vec::new() }
    }

    /// Whether a frame has begun and not ended.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        !matches!(self.state, State::Idle | State::IdleEscaped)
    }

    /// Gives the begun frame up (T1 has passed) and waits for the next one.
    pub fn give_up(&mut self) {
        self.state = State::Idle;
        self.body.clear();
    }

    /// Takes one byte from the line.
    pub fn push(&mut self, byte: u8) -> Option<FrameEvent> {
        match self.state {
            State::Idle | State::IdleEscaped => self.push_between(byte),
            State::Body => {
                if byte == DLE {
                    self.state = State::BodyEscaped;
                } else {
                    self.collect(byte);
                }
                None
            }
            State::BodyEscaped => {
                match byte {
                    DLE => {
                        self.state = State::Body;
                        self.collect(byte);
                    }
                    ETX => self.state = State::CrcLow,
                    // The other side has given its frame up and begun a new one.
                    STX => self.begin(),
                    _ => self.state = State::Skipping { fault: FrameFault::Stuffing, escaped: false },
                }
                None
            }
            State::CrcLow => {
                self.state = State::CrcHigh { low: byte };
                None
            }
            State::CrcHigh { low } => Some(self.finish(u16::from_le_bytes([low, byte]))),
            State::Skipping { fault, escaped } => {
                self.state = match (escaped, byte) {
                    (true, ETX) => State::SkippingCrc { fault, bytes: 2 },
                    (true, STX) => {
                        self.begin();
                        State::Body
                    }
                    (true, _) => State::Skipping { fault, escaped: false },
                    (false, _) => State::Skipping { fault, escaped: byte == DLE },
                };
                None
            }
            State::SkippingCrc { fault, bytes } => {
                if bytes > 1 {
                    self.state = State::SkippingCrc { fault, bytes: bytes - 1 };
                    return None;
                }
                self.give_up();
                Some(FrameEvent::Refused(fault))
            }
        }
    }

    fn push_between(&mut self, byte: u8) -> Option<FrameEvent> {
        let escaped = matches!(self.state, State::IdleEscaped);
        self.state = State::Idle;
        match byte {
            STX if escaped => self.begin(),
            DLE => self.state = State::IdleEscaped,
            ACK => return Some(FrameEvent::Ack),
            NAK => return Some(FrameEvent::Nak),
            _ => {}
        }
        None
    }

    fn begin(&mut self) {
        self.body.clear();
        self.state = State::Body;
    }

    fn collect(&mut self, byte: u8) {
        if self.body.len() < APDU_BYTES_MAX {
            self.body.push(byte);
        } else {
            self.body.clear();
            self.state = State::Skipping { fault: FrameFault::TooLong, escaped: false };
        }
    }

    fn finish(&mut self, crc: u16) -> FrameEvent {
        let mut body = mem::take(&mut self.body);
        self.state = State::Idle;
        body.push(ETX);
        if crc_16_kermit(&body) != crc {
            return FrameEvent::Refused(FrameFault::Crc);
        }
        body.pop();
        Apdu::decode(&body).map_or(FrameEvent::Refused(FrameFault::Length), FrameEvent::Apdu)
    }
}

impl Default for FrameDecoder {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
