//! A cash register on a real line: the dialogue of the product over a socket or a device file.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use kassette_model::Decimal;
use kassette_model::payment::{PayAction, PaymentOutcome};
use kassette_payments::zvt::session::{Baseline, Order, Session, SessionEvent, SessionOptions, Stage};
use kassette_payments::zvt::{Link, Password, SerialLink, SerialTiming, TcpLink};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::termios::{OptionalActions, ioctl_tiocexcl, tcgetattr, tcsetattr};

/// Longer than anything takes, on a slow machine too.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longer than a terminal has for a payment.
const LONG_AGO: Duration = Duration::from_secs(3_600);

pub(crate) trait Wire: Read + Write + AsFd {}
impl<W: Read + Write + AsFd> Wire for W {}

/// How a payment ended at first.
#[derive(Debug, PartialEq)]
pub(crate) enum Paid {
    /// So many cents were paid.
    Cents(i128),
    /// Nothing was.
    Refused,
    /// Nobody knows yet, for this reason.
    InDoubt(String),
}

pub(crate) struct Register {
    wire: Box<dyn Wire>,
    session: Session,
    began: Instant,
    /// What the terminal had told before the last payment.
    pub(crate) baseline: Baseline,
    /// The amount that it told in the last payment.
    told_cents: Option<u64>,
}

impl Register {
    /// Connects and registers.
    #[track_caller]
    pub(crate) fn tcp(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
        Self::new(Box::new(stream), Link::Tcp(TcpLink::new())).ready()
    }

    /// Opens a device file for itself alone, as serial ports are opened, and registers.
    #[track_caller]
    pub(crate) fn serial(path: &Path) -> Self {
        Self::new(Box::new(port(path)), Link::Serial(SerialLink::new(SerialTiming::default()))).ready()
    }

    /// Not registered.
    pub(crate) fn new(wire: Box<dyn Wire>, link: Link) -> Self {
        let mut options = SessionOptions::new(Password::new(0).unwrap());
        options.confirm_pause = Duration::from_millis(50);
        Self {
            wire,
            session: Session::new(link, options),
            began: Instant::now(),
            baseline: Baseline::Nothing,
            told_cents: None,
        }
    }

    #[track_caller]
    pub(crate) fn ready(mut self) -> Self {
        self.session.start(Duration::ZERO);
        match self.next_event() {
            SessionEvent::Ready(baseline) => self.baseline = baseline,
            other => panic!("not ready: {other:?}"),
        }
        self
    }

    /// Begins a payment, and waits until the terminal is at it.
    #[track_caller]
    pub(crate) fn begin(&mut self, amount_cents: u64) {
        self.send(amount_cents);
        loop {
            match self.next_event() {
                SessionEvent::MaySend(baseline) => self.baseline = baseline,
                SessionEvent::Display(_) => return,
                other => panic!("not at it: {other:?}"),
            }
        }
    }

    #[track_caller]
    fn send(&mut self, amount_cents: u64) {
        self.session.begin(order(amount_cents)).unwrap();
        self.session.send(self.began.elapsed());
    }

    #[track_caller]
    pub(crate) fn pay(&mut self, amount_cents: u64) -> Paid {
        self.send(amount_cents);
        self.finish()
    }

    /// Waits for the end of what was begun.
    #[track_caller]
    pub(crate) fn finish(&mut self) -> Paid {
        loop {
            match self.next_event() {
                SessionEvent::Told(told) => {
                    self.told_cents = told.amount_cents;
                    self.session.acknowledge(self.began.elapsed());
                }
                SessionEvent::Ended { outcome, .. } => return paid(&outcome),
                SessionEvent::Doubt(why) => return Paid::InDoubt(why),
                SessionEvent::MaySend(baseline) => self.baseline = baseline,
                SessionEvent::Display(_) | SessionEvent::Ready(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Asks, over this new connection, what became of a payment that is in doubt; `baseline` is what the terminal had told before it.
    /// The payment counts as sent so long ago that the terminal cannot be at it any more.
    #[track_caller]
    pub(crate) fn settle(&mut self, baseline: Baseline, amount_cents: u64) -> Paid {
        self.settle_heard(baseline, None, amount_cents)
    }

    /// The same for a payment of which the terminal has told an amount.
    #[track_caller]
    pub(crate) fn settle_heard(&mut self, baseline: Baseline, told_cents: Option<u64>, amount_cents: u64) -> Paid {
        let stage = Stage { baseline, since_sent: LONG_AGO, told_cents };
        self.session.settle(order(amount_cents), stage, self.began.elapsed()).unwrap();
        self.finish()
    }

    /// Goes; tells what the terminal had told last before the last payment, and the amount that it told in it.
    pub(crate) fn hang_up(self) -> (Baseline, Option<u64>) {
        (self.baseline, self.told_cents)
    }

    /// Whether the line is broken now, without waiting.
    pub(crate) fn is_cut(&mut self) -> bool {
        self.exchange(Duration::ZERO).is_err()
    }

    #[track_caller]
    fn next_event(&mut self) -> SessionEvent {
        while self.began.elapsed() < PATIENCE {
            if let Some(event) = self.session.next_event() {
                return event;
            }
            let now = self.began.elapsed();
            let wait = self.session.next_deadline().map_or(PATIENCE, |at| at.saturating_sub(now)).min(PATIENCE);
            if let Err(why) = self.exchange(wait + Duration::from_millis(1)) {
                self.session.line_lost(&why);
            }
            self.session.tick(self.began.elapsed());
        }
        panic!("nothing happens any more");
    }

    /// Moves what is there, waiting so long for more.
    fn exchange(&mut self, wait: Duration) -> Result<(), String> {
        let bytes = self.session.take_output();
        self.wire.write_all(&bytes).map_err(|error| error.to_string())?;
        let mut fds = [PollFd::new(&self.wire, PollFlags::IN)];
        if poll(&mut fds, Some(&Timespec::try_from(wait).unwrap())).unwrap() == 0 {
            return Ok(());
        }
        let mut buffer = [0; 1_024];
        match self.wire.read(&mut buffer) {
            Ok(0) => Err("the line is gone".to_owned()),
            Ok(count) => {
                self.session.receive(&buffer[..count], self.began.elapsed());
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// A device file as a serial port.
#[track_caller]
pub(crate) fn port(path: &Path) -> File {
    let port = rustix::fs::open(path, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    ioctl_tiocexcl(&port).unwrap();
    let mut settings = tcgetattr(&port).unwrap();
    settings.make_raw();
    tcsetattr(&port, OptionalActions::Now, &settings).unwrap();
    port.into()
}

fn order(amount_cents: u64) -> Order {
    Order { action: PayAction::Payment, amount_cents, receipt_number: None }
}

fn paid(outcome: &PaymentOutcome) -> Paid {
    match outcome {
        PaymentOutcome::Approved(approval) => {
            Paid::Cents(i128::try_from(approval.paid * Decimal::ONE_HUNDRED).unwrap())
        }
        PaymentOutcome::Refused(_) => Paid::Refused,
    }
}
