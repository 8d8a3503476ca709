//! One face for both transports, so that a session does not care which one it has.

use std::time::Duration;

use thiserror::Error;

use super::apdu::Apdu;
use super::frame::FrameFault;
use super::serial::SerialLink;
use super::tcp::TcpLink;

/// What a transport tells its session. Times are monotonic; their zero is the caller's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEvent {
    /// An APDU arrived intact. The same one arrives again when the other side did not get the acknowledgement of its
    /// frame: the session must take it twice without harm.
    Received(Apdu),
    /// The oldest APDU given to `send` has arrived on the other side: its frame was acknowledged, or the other side
    /// answered.
    Delivered,
    /// A frame was damaged; the other side was asked to repeat it. For statistics.
    Refused(FrameFault),
    /// The transport failed; the outcome of whatever was under way is unknown.
    Failed(LinkFault),
}

/// Why a transport failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum LinkFault {
    /// A frame was sent as often as it may be and never acknowledged (PA00P016, chapter 2): all that was to be sent is
    /// dropped.
    #[error("the terminal did not acknowledge a frame")]
    NotAcknowledged,
    /// The stream holds what no terminal says; only a new connection helps.
    #[error("the other side does not speak ZVT, or its stream is out of step")]
    OutOfStep,
}

/// Why an APDU was not taken for sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum LinkError {
    /// So many APDUs already wait that something is wrong.
    #[error("too many messages wait for the terminal")]
    Full,
    /// The transport has failed with [`LinkFault::OutOfStep`].
    #[error("the connection is out of step")]
    OutOfStep,
}

/// A transport of APDUs without input and output.
///
/// The caller moves bytes: what arrives goes to [`Link::receive`], what [`Link::take_output`] returns goes out, and at
/// [`Link::next_deadline`] it calls [`Link::tick`].
pub enum Link {
    /// A serial line.
    Serial(SerialLink),
    /// A TCP connection.
    Tcp(TcpLink),
}

impl Link {
    /// Sends an APDU, or lets it wait until the one before is through.
    ///
    /// # Errors
    /// [`LinkError`] when it is not taken; nothing was sent then.
    pub fn send(&mut self, apdu: &Apdu, now: Duration) -> Result<(), LinkError> {
        match self {
            Self::Serial(link) => link.send(apdu, now),
            Self::Tcp(link) => link.send(apdu),
        }
    }

    /// Takes bytes that arrived.
    pub fn receive(&mut self, bytes: &[u8], now: Duration) -> Vec<LinkEvent> {
        match self {
            Self::Serial(link) => link.receive(bytes, now),
            Self::Tcp(link) => link.receive(bytes),
        }
    }

    /// Lets time pass. Give the link all bytes that have arrived before: an acknowledgement that waits in a buffer must
    /// not lead to a second sending.
    pub fn tick(&mut self, now: Duration) -> Vec<LinkEvent> {
        match self {
            Self::Serial(link) => link.tick(now),
            Self::Tcp(_) => Vec::new(),
        }
    }

    /// The bytes to write to the other side now.
    #[must_use]
    pub fn take_output(&mut self) -> Vec<u8> {
        match self {
            Self::Serial(link) => link.take_output(),
            Self::Tcp(link) => link.take_output(),
        }
    }

    /// When [`Link::tick`] has something to do; `None` while it has not.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        match self {
            Self::Serial(link) => link.next_deadline(),
            Self::Tcp(_) => None,
        }
    }
}
