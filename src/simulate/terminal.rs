//! The handle of a simulated terminal.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::{Builder, JoinHandle};

use kassette_payments::zvt::simulator::{Ledger, Script, Terminal};
use parking_lot::Mutex;
use thiserror::Error;

use super::driver::{Driver, Order};
use super::event::Event;
use super::line::Line;
use super::pty::PtyLine;
use super::tcp::TcpLine;

/// Stack of a terminal's thread, in bytes: hundreds of them may run in one process.
const STACK_BYTES: usize = 256 * 1024;

/// Where the terminal is to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A port; 0 picks one.
    Tcp(SocketAddr),
    /// The device file of a pseudo terminal.
    Pty {
        /// A symbolic link to the device file, which may be another one after each break of the line.
        link: Option<PathBuf>,
    },
}

/// Who watches a terminal. It is called in the terminal's thread, which waits for it.
pub type Watch = Box<dyn FnMut(&Event) + Send>;

/// What a terminal is started with.
pub struct Settings {
    /// Where it is to be found.
    pub place: Place,
    /// What happens to its payments.
    pub script: Script,
    /// File that the ledger is written to, whole, at the start and after each change.
    pub ledger_file: Option<PathBuf>,
    /// Who is told of everything that happens.
    pub watch: Option<Watch>,
}

impl Settings {
    /// Nobody watches, and nothing is written.
    #[must_use]
    pub const fn new(place: Place, script: Script) -> Self {
        Self { place, script, ledger_file: None, watch: None }
    }
}

/// Why a terminal could not be started, or its line not be put back.
#[derive(Debug, Error)]
pub enum SimulateError {
    /// There is no line.
    #[error("no line at {at}: {source}")]
    Line {
        /// Where.
        at: String,
        /// Why.
        source: io::Error,
    },
    /// The ledger cannot be written.
    #[error("the ledger {} cannot be written: {source}", path.display())]
    LedgerFile {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system gives no thread or no way to wake it.
    #[error("no thread for the terminal: {0}")]
    Thread(io::Error),
    /// The terminal has ended before, as it could not go on.
    #[error("the terminal has ended: {0}")]
    Ended(String),
}

/// What the handle and the thread both see.
pub(super) struct Shared {
    pub(super) terminal: Mutex<Terminal>,
    /// Path of the device file or link, while it is there.
    pub(super) path: Mutex<Option<PathBuf>>,
    /// Why the thread has ended by itself.
    pub(super) failure: Mutex<Option<String>>,
}

/// A payment terminal on a line of its own, played by a thread of its own. It ends when this is dropped.
pub struct SimulatedTerminal {
    shared: Arc<Shared>,
    address: Option<SocketAddr>,
    orders: Sender<Order>,
    wake: UnixStream,
    thread: Option<JoinHandle<()>>,
}

impl SimulatedTerminal {
    /// Switches a terminal on; a register can come when this returns.
    ///
    /// # Errors
    /// [`SimulateError`] when there is no line, no thread, or no file for the ledger.
    pub fn start(settings: Settings) -> Result<Self, SimulateError> {
        let Settings { place, script, ledger_file, watch } = settings;
        let line = open(place)?;
        let address = match &line {
            Line::Tcp(line) => Some(line.address()),
            Line::Pty(_) => None,
        };
        let (wake, woken) = UnixStream::pair().map_err(SimulateError::Thread)?;
        for end in [&wake, &woken] {
            end.set_nonblocking(true).map_err(SimulateError::Thread)?;
        }
        let (orders, ordered) = mpsc::channel();
        let shared = Arc::new(Shared {
            terminal: Mutex::new(Terminal::new(line.link(), script)),
            path: Mutex::new(None),
            failure: Mutex::new(None),
        });
        let driver = Driver::new(Arc::clone(&shared), line, ledger_file, watch, ordered, woken)?;
        let thread = Builder::new()
            .name("simulated terminal".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || driver.run())
            .map_err(SimulateError::Thread)?;
        Ok(Self { shared, address, orders, wake, thread: Some(thread) })
    }

    /// A terminal on a loopback port of its own that follows this script.
    ///
    /// # Errors
    /// As [`SimulatedTerminal::start`].
    pub fn on_loopback(script: Script) -> Result<Self, SimulateError> {
        Self::start(Settings::new(Place::Tcp(SocketAddr::from(([127, 0, 0, 1], 0))), script))
    }

    /// Where registers connect to; `None` on a pseudo terminal.
    #[must_use]
    pub const fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// The port of [`SimulatedTerminal::address`].
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.address.map(|address| address.port())
    }

    /// The link, or the device file when there is none; `None` on TCP and while the line is pulled. Without a link it may be another
    /// one after each break.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        self.shared.path.lock().clone()
    }

    /// What was really charged until now.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.shared.terminal.lock().ledger().clone()
    }

    /// What the customer sees.
    #[must_use]
    pub fn display(&self) -> String {
        self.shared.terminal.lock().display().to_owned()
    }

    /// Whether a command is under way.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.shared.terminal.lock().is_busy()
    }

    /// Pulls the line: it is gone when this returns, and stays away until [`SimulatedTerminal::put`]. A port refuses connections
    /// meanwhile, a device file and its link are not there.
    ///
    /// # Errors
    /// [`SimulateError::Ended`].
    pub fn pull(&self) -> Result<(), SimulateError> {
        self.order(Order::Pull)
    }

    /// Puts a pulled line back; does nothing when it is not pulled.
    ///
    /// # Errors
    /// [`SimulateError::Line`] when the port or the path was taken by somebody else meanwhile, [`SimulateError::Ended`].
    pub fn put(&self) -> Result<(), SimulateError> {
        self.order(Order::Put)
    }

    /// The power fails and comes again: what is under way ends, the line breaks, and the ledger stays. A pulled line stays pulled.
    ///
    /// # Errors
    /// [`SimulateError::Line`] when the line does not come back, [`SimulateError::Ended`].
    pub fn power_cycle(&self) -> Result<(), SimulateError> {
        self.order(Order::PowerCycle)
    }

    fn order(&self, order: fn(Sender<Result<(), SimulateError>>) -> Order) -> Result<(), SimulateError> {
        let (reply, replied) = mpsc::channel();
        let ended = || SimulateError::Ended(self.shared.failure.lock().clone().unwrap_or_default());
        self.orders.send(order(reply)).map_err(|_| ended())?;
        self.wake();
        replied.recv().map_err(|_| ended())?
    }

    fn wake(&self) {
        // A full pipe wakes as well.
        _ = (&self.wake).write(&[0]);
    }
}

impl Drop for SimulatedTerminal {
    fn drop(&mut self) {
        _ = self.orders.send(Order::Stop);
        self.wake();
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

fn open(place: Place) -> Result<Line, SimulateError> {
    match place {
        Place::Tcp(address) => TcpLine::open(address)
            .map(Line::Tcp)
            .map_err(|source| SimulateError::Line { at: address.to_string(), source }),
        Place::Pty { link } => {
            let at = link.as_ref().map_or_else(|| "a pseudo terminal".to_owned(), |link| link.display().to_string());
            PtyLine::open(link).map(Line::Pty).map_err(|source| SimulateError::Line { at, source })
        }
    }
}
