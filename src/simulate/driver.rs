//! The thread of a terminal: moves bytes between its line and what it is made of.

use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use kassette_payments::zvt::simulator::{Entry, Terminal};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::event::{EntryShown, Event};
use super::judgement::Judgement;
use super::line::{Line, Taken};
use super::terminal::{Shared, SimulateError, Watch};

/// Most bytes that are taken from the line at once.
const TAKE_BYTES: usize = 4_096;

/// What the handle wants, and where to it is told when that is done.
pub(super) enum Order {
    Pull(Sender<Result<(), SimulateError>>),
    Put(Sender<Result<(), SimulateError>>),
    PowerCycle(Sender<Result<(), SimulateError>>),
    Stop,
}

/// See the module.
pub(super) struct Driver {
    shared: Arc<Shared>,
    line: Line,
    orders: Receiver<Order>,
    woken: UnixStream,
    began: Instant,
    /// What the terminal has said and the line has not taken.
    output: Vec<u8>,
    /// The terminal breaks the line then.
    cut_at: Option<Duration>,
    news: News,
}

/// What was told last to those who watch.
struct News {
    watch: Option<Watch>,
    ledger_file: Option<PathBuf>,
    entries: Vec<Entry>,
    display: String,
}

impl News {
    fn tell(&mut self, event: &Event) {
        if let Some(watch) = &mut self.watch {
            watch(event);
        }
    }

    /// Writes and tells what has changed.
    fn look(&mut self, terminal: &parking_lot::Mutex<Terminal>) -> Result<(), SimulateError> {
        if self.watch.is_none() && self.ledger_file.is_none() {
            return Ok(());
        }
        let (ledger, display) = {
            let terminal = terminal.lock();
            let is_known = terminal.ledger().entries() == self.entries && terminal.display() == self.display;
            if is_known {
                return Ok(());
            }
            (terminal.ledger().clone(), terminal.display().to_owned())
        };
        if ledger.entries() != self.entries {
            self.write(&Judgement::from(&ledger))?;
            for (place, entry) in ledger.entries().iter().enumerate() {
                if self.entries.get(place) != Some(entry) {
                    self.tell(&Event::Ledger(EntryShown::from(entry)));
                }
            }
            self.entries = ledger.entries().to_vec();
        }
        if display != self.display {
            self.tell(&Event::Display { text: display.clone() });
            self.display = display;
        }
        Ok(())
    }

    fn write(&self, judgement: &Judgement) -> Result<(), SimulateError> {
        let Some(path) = &self.ledger_file else { return Ok(()) };
        judgement.write(path).map_err(|source| SimulateError::LedgerFile { path: path.clone(), source })
    }
}

impl Driver {
    /// Tells where the terminal waits, and writes its empty ledger.
    pub(super) fn new(
        shared: Arc<Shared>,
        line: Line,
        ledger_file: Option<PathBuf>,
        watch: Option<Watch>,
        orders: Receiver<Order>,
        woken: UnixStream,
    ) -> Result<Self, SimulateError> {
        let news = News { watch, ledger_file, entries: Vec::new(), display: String::new() };
        news.write(&Judgement::from(shared.terminal.lock().ledger()))?;
        let mut driver =
            Self { shared, line, orders, woken, began: Instant::now(), output: Vec::new(), cut_at: None, news };
        if !driver.line.is_cable() {
            driver.shared.terminal.lock().line_dropped(Duration::ZERO);
        }
        driver.tell_waiting();
        Ok(driver)
    }

    /// Plays until the handle is dropped, or something fails.
    pub(super) fn run(mut self) {
        if let Err(error) = self.play() {
            let reason = error.to_string();
            *self.shared.failure.lock() = Some(reason.clone());
            *self.shared.path.lock() = None;
            self.news.tell(&Event::Failed { reason });
        }
    }

    fn play(&mut self) -> Result<(), SimulateError> {
        let mut buffer = [0; TAKE_BYTES];
        loop {
            self.news.look(&self.shared.terminal)?;
            self.give();
            if self.cut_at.is_some_and(|at| at <= self.now()) {
                self.cut()?;
            }
            let line_is_ready = self.wait()?;
            while let Ok(order) = self.orders.try_recv() {
                if !self.obey(order)? {
                    return Ok(());
                }
            }
            if line_is_ready {
                self.take(&mut buffer)?;
            }
            let now = self.now();
            self.with_terminal(|terminal| terminal.tick(now));
        }
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Lets the terminal do something, and keeps what it says.
    fn with_terminal(&mut self, act: impl FnOnce(&mut Terminal)) {
        let (said, wants_to_drop) = {
            let mut terminal = self.shared.terminal.lock();
            act(&mut terminal);
            (terminal.take_output(), terminal.wants_to_drop())
        };
        self.output.extend(said);
        if wants_to_drop && self.cut_at.is_none() {
            self.cut_at = Some(self.now().saturating_add(self.line.grace()));
        }
    }

    /// Waits for an order, the line, or a moment of the terminal. Whether the line is ready.
    fn wait(&mut self) -> Result<bool, SimulateError> {
        let now = self.now();
        let deadline = self.shared.terminal.lock().next_deadline();
        let moments = [deadline, self.cut_at].into_iter().flatten().map(|at| at.saturating_sub(now));
        let care = self.line.wants_care_in();
        let timeout = moments.chain(care).min();
        // A wait is never shorter than it should be: nothing would be due at its end.
        let timeout = timeout.map(|wait| wait.saturating_add(Duration::from_nanos(1)));
        let timeout = timeout.and_then(|wait| Timespec::try_from(wait).ok());
        let wants = if self.output.is_empty() { PollFlags::IN } else { PollFlags::IN | PollFlags::OUT };
        let mut fds = vec![PollFd::from_borrowed_fd(self.woken.as_fd(), PollFlags::IN)];
        fds.extend(self.line.fd().map(|fd| PollFd::from_borrowed_fd(fd, wants)));
        let ready = match poll(&mut fds, timeout.as_ref()) {
            Ok(ready) => ready,
            Err(Errno::INTR) => return Ok(false),
            Err(error) => return Err(SimulateError::Thread(error.into())),
        };
        let is_ready = |place: usize| fds.get(place).is_some_and(|fd| !fd.revents().is_empty());
        let (is_woken, line_is_ready) = (is_ready(0), is_ready(1));
        if is_woken {
            let mut bytes = [0; 64];
            _ = (&self.woken).read(&mut bytes);
        }
        if ready == 0 && care.is_some() {
            self.line.look_after();
        }
        Ok(line_is_ready)
    }

    fn take(&mut self, buffer: &mut [u8]) -> Result<(), SimulateError> {
        match self.line.take(buffer) {
            Ok(Taken::Nothing) => {}
            Ok(Taken::Opened) => self.connect(),
            Ok(Taken::Bytes { count, first }) => {
                if first {
                    self.news.tell(&Event::Connected);
                }
                let (bytes, now) = (buffer.get(..count).unwrap_or_default(), self.now());
                self.with_terminal(|terminal| terminal.receive(bytes, now));
            }
            Ok(Taken::Closed) => self.lose_register(),
            // A line that cannot be read: as if it had been pulled and put.
            Err(_) if self.line.is_cable() => self.cut()?,
            Err(source) => return Err(self.no_line(source)),
        }
        Ok(())
    }

    /// Gives the line what it takes now.
    fn give(&mut self) {
        while !self.output.is_empty() {
            match self.line.give(&self.output) {
                Ok(0) => return,
                Ok(count) => drop(self.output.drain(..count.min(self.output.len()))),
                Err(_) => return self.lose_register(),
            }
        }
    }

    fn connect(&mut self) {
        let (link, now) = (self.line.link(), self.now());
        self.with_terminal(|terminal| terminal.line_up(link, now));
        self.news.tell(&Event::Connected);
    }

    /// The register has gone. A cable is still there, and the terminal learns nothing of it.
    fn lose_register(&mut self) {
        self.output.clear();
        if !self.line.is_cable() {
            let now = self.now();
            self.with_terminal(|terminal| terminal.line_dropped(now));
            self.cut_at = None;
        }
        self.news.tell(&Event::Disconnected);
    }

    /// The line breaks, as the terminal wants it, and is there again.
    fn cut(&mut self) -> Result<(), SimulateError> {
        self.line.cut().map_err(|source| self.no_line(source))?;
        self.forget_line();
        self.news.tell(&Event::Dropped);
        self.line_is_back();
        Ok(())
    }

    fn forget_line(&mut self) {
        let now = self.now();
        self.with_terminal(|terminal| terminal.line_dropped(now));
        self.output.clear();
        self.cut_at = None;
    }

    fn line_is_back(&mut self) {
        if self.line.is_cable() {
            let (link, now) = (self.line.link(), self.now());
            self.with_terminal(|terminal| terminal.line_up(link, now));
        }
        self.tell_waiting();
    }

    fn tell_waiting(&mut self) {
        if let Line::Pty(line) = &self.line {
            *self.shared.path.lock() = line.path().map(std::path::Path::to_owned);
        }
        let at = self.line.at();
        self.news.tell(&Event::Waiting { at });
    }

    /// Does what the handle wants; whether to go on.
    fn obey(&mut self, order: Order) -> Result<bool, SimulateError> {
        let (reply, done) = match order {
            Order::Stop => return Ok(false),
            Order::Pull(reply) => {
                self.pull();
                (reply, Ok(()))
            }
            Order::Put(reply) => (reply, self.put()),
            Order::PowerCycle(reply) => (reply, self.power_cycle()),
        };
        self.news.look(&self.shared.terminal)?;
        _ = reply.send(done);
        Ok(true)
    }

    fn pull(&mut self) {
        if self.line.is_pulled() {
            return;
        }
        self.line.pull();
        *self.shared.path.lock() = None;
        self.forget_line();
        self.news.tell(&Event::Pulled);
    }

    fn put(&mut self) -> Result<(), SimulateError> {
        if self.line.is_pulled() {
            self.line.put_back().map_err(|source| self.no_line(source))?;
            self.line_is_back();
        }
        Ok(())
    }

    fn power_cycle(&mut self) -> Result<(), SimulateError> {
        let now = self.now();
        let was_pulled = self.line.is_pulled();
        self.line.pull();
        self.with_terminal(|terminal| terminal.power_cycle(now));
        self.forget_line();
        self.news.tell(&Event::PowerCycled);
        if was_pulled { Ok(()) } else { self.put() }
    }

    fn no_line(&self, source: std::io::Error) -> SimulateError {
        SimulateError::Line { at: self.line.at(), source }
    }
}
