//! The line of a terminal as it is known outside of its actors: with it the line of a life that hangs is closed.

use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

/// How an open line is closed from outside.
pub(super) enum LineEnd {
    /// A second handle of the connection.
    Tcp(TcpStream),
    /// What its threads look at.
    Serial(Arc<AtomicBool>),
}

impl LineEnd {
    fn close(self) {
        match self {
            // One that is closed already is what is wanted.
            Self::Tcp(stream) => drop(stream.shutdown(Shutdown::Both)),
            Self::Serial(closed) => closed.store(true, Ordering::Release),
        }
    }
}

/// Knows the one line of a terminal that is open, over all lives of its actors: a terminal takes one connection at a time, and an
/// actor that hangs would keep it.
#[derive(Default)]
pub(crate) struct LineKeeper(Mutex<Option<LineEnd>>);

impl LineKeeper {
    /// Closes the line that was open before, if it is.
    pub(super) fn close(&self) {
        if let Some(before) = self.0.lock().take() {
            before.close();
        }
    }

    /// This one is open now.
    pub(super) fn keep(&self, line: LineEnd) {
        if let Some(before) = self.0.lock().replace(line) {
            before.close();
        }
    }
}
