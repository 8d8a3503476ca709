//! One face for both lines, so that the driver does not care which one it has.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use kassette_payments::zvt::{Link, SerialLink, SerialTiming, TcpLink};

use super::pty::PtyLine;
use super::tcp::TcpLine;

/// What a line has for the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// Nothing now.
    Nothing,
    /// A register has come, and nothing from it yet.
    Opened,
    /// So many bytes. `first`: the first ones of a register that comes unseen.
    Bytes { count: usize, first: bool },
    /// The register has gone.
    Closed,
}

/// Where bytes come from and go to. All calls return at once.
pub(super) enum Line {
    Tcp(TcpLine),
    Pty(PtyLine),
}

impl Line {
    /// What to wait for; `None` while the line is pulled.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Tcp(line) => line.fd(),
            Self::Pty(line) => line.fd(),
        }
    }

    /// Takes what is there.
    ///
    /// # Errors
    /// When the line is of no use any more: [`Line::cut`] makes a new one.
    pub(super) fn take(&mut self, buffer: &mut [u8]) -> io::Result<Taken> {
        match self {
            Self::Tcp(line) => line.take(buffer),
            Self::Pty(line) => line.take(buffer),
        }
    }

    /// Gives bytes to the register; tells how many of them are gone, which those are too that nobody is there to hear.
    ///
    /// # Errors
    /// When the register has gone.
    pub(super) fn give(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(line) => line.give(bytes),
            Self::Pty(line) => line.give(bytes),
        }
    }

    /// Breaks the line; it is there again at once.
    ///
    /// # Errors
    /// When it cannot be there again.
    pub(super) fn cut(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(line) => {
                line.cut();
                Ok(())
            }
            Self::Pty(line) => line.cut(),
        }
    }

    /// Breaks the line; it is away until it is put back.
    pub(super) fn pull(&mut self) {
        match self {
            Self::Tcp(line) => line.pull(),
            Self::Pty(line) => line.pull(),
        }
    }

    /// Puts a pulled line back.
    ///
    /// # Errors
    /// When it cannot be there again; it stays pulled then.
    pub(super) fn put_back(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(line) => line.put_back(),
            Self::Pty(line) => line.put_back(),
        }
    }

    /// How long the register has to read the last bytes before a cut: those that wait in a pseudo terminal are lost with it.
    pub(super) fn grace(&self) -> Duration {
        match self {
            Self::Tcp(_) => Duration::ZERO,
            Self::Pty(_) => super::pty::GRACE,
        }
    }

    /// When the line wants [`Line::look_after`] to be called.
    pub(super) fn wants_care_in(&self) -> Option<Duration> {
        match self {
            Self::Tcp(_) => None,
            Self::Pty(line) => line.wants_care_in(),
        }
    }

    /// See [`Line::wants_care_in`].
    pub(super) fn look_after(&self) {
        if let Self::Pty(line) = self {
            line.look_after();
        }
    }

    /// Whether a line that is there is all that a terminal needs, with or without a register: a cable, not a connection.
    pub(super) fn is_cable(&self) -> bool {
        matches!(self, Self::Pty(_))
    }

    /// A transport for a line that has just come.
    pub(super) fn link(&self) -> Link {
        match self {
            Self::Tcp(_) => Link::Tcp(TcpLink::new()),
            Self::Pty(_) => Link::Serial(SerialLink::new(SerialTiming::default())),
        }
    }

    pub(super) fn is_pulled(&self) -> bool {
        match self {
            Self::Tcp(line) => line.is_pulled(),
            Self::Pty(line) => line.path().is_none(),
        }
    }

    /// Where a register finds it.
    pub(super) fn at(&self) -> String {
        match self {
            Self::Tcp(line) => line.address().to_string(),
            Self::Pty(line) => line.at(),
        }
    }
}
