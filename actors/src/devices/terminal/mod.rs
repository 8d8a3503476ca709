//! One terminal at a line: port, session and poller, under a supervisor of their own.
//!
//! Purpose: keep one terminal served.
//! Owns: the three actors and their tree ([`terminal`]), the line's threads and sockets, what others hold of a terminal ([`Terminal`]).
//! Invariants: the three and nobody else run on the terminal's own arbiter; who fails takes along those who build on it, and all of them
//! begin with fresh state, a fresh mailbox and a fresh line; nothing of a payment is sent before its actor said so.
//! Not here: the protocol (`payments::zvt`), payments (`crate::payments`), which terminals there are (`super::terminals`).

mod keeper;
mod line;
mod poller;
mod port;
mod serial;
mod session;
mod tcp;

use std::sync::Arc;
use std::time::Duration;

use kassette_cashbox::TerminalEntry;
use kassette_model::CashBoxId;
use kassette_payments::zvt::Password;
use kassette_payments::zvt::session::SessionOptions;
use kassette_stdx::Clock;
use tokio::sync::watch;

pub(crate) use session::{Go, Next, NotNow, Take, Work};

use self::poller::TerminalPoller;
use self::port::TerminalPort;
use self::session::{Probe, SessionParts, TerminalSession};
use super::board::Board;
use super::status::{DeviceState, DeviceStatus};
use super::{BeforeDevice, DeviceOptions};
use crate::supervision::{
    ARBITERS_LEAKED_MAX, Backoff, ChildRef, ChildSpec, ChildStatus, OnIntensity, PingRule, Roster,
    Standing as ChildStanding, Strategy, Subtree, SupervisorSpec,
};

/// The pause before a restart: with twice as much each time, ten of them fill the 60 s of the intensity.
const BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(50), factor: 2, max: Duration::from_secs(30), jitter_percent: 20 };
/// More restarts than this within [`WINDOW`] put a terminal down.
const RESTARTS_MAX: u32 = 10;
/// See [`RESTARTS_MAX`].
const WINDOW: Duration = Duration::from_secs(60);
/// How often a terminal that is down is tried again.
const RETRY_EVERY: Duration = Duration::from_secs(30);
/// How often a probe looks whether a terminal that is down is up again.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How a hang is found: its line is elsewhere, so it can always answer.
const PING: PingRule = PingRule { every: Duration::from_secs(5), deadline: Duration::from_secs(5) };

/// What others hold of a terminal.
pub(crate) struct Terminal {
    pub(crate) cash_box: CashBoxId,
    pub(crate) entry: TerminalEntry,
    pub(crate) session: ChildRef<TerminalSession>,
    pub(crate) board: Arc<Board>,
    inside: Roster,
    pub(in crate::devices) children: watch::Receiver<Vec<ChildStatus>>,
}

impl Terminal {
    /// Ends the wait for a restart, if there is one.
    pub(crate) fn try_now(&self) {
        self.inside.try_now();
    }

    /// Waits at most `wait` until it is idle, or has answered a question, or works on something.
    pub(crate) async fn probe(&self, wait: Duration) {
        let mut board = self.board.watch();
        let answered = async {
            self.try_now();
            loop {
                board.mark_unchanged();
                let standing = self.board.now();
                match (self.session.get(), standing.state) {
                    (Ok(_), DeviceState::Busy) => return,
                    (Ok(session), DeviceState::Ready) => {
                        // An answer, or the end of this session: the loop looks again, or the life is another.
                        _ = session.send(Probe).await;
                        _ = board.changed().await;
                        let now = self.board.now();
                        if now.life == standing.life && now.state == DeviceState::Ready {
                            return;
                        }
                    }
                    _ => {
                        // Down children change no board: look again now and then.
                        _ = tokio::time::timeout(LOOK_EVERY, board.changed()).await;
                    }
                }
            }
        };
        _ = tokio::time::timeout(wait, answered).await;
    }

    /// How it stands.
    pub(crate) fn status(&self) -> DeviceStatus {
        let board = self.board.now();
        let children = self.children.borrow().clone();
        let mut status = DeviceStatus {
            cash_box: self.cash_box,
            name: self.entry.name.clone(),
            provider: self.entry.provider.clone(),
            address: self.entry.address.to_string(),
            state: board.state,
            since_unix_ns: board.since_unix_ns,
            next_try_unix_ns: None,
            restarts: children.iter().map(|child| child.restarts).max().unwrap_or(0),
            last_error: None,
            last_told: board.last_told,
            operation: board.operation,
        };
        let failed = children.iter().find(|child| {
            matches!(child.standing, ChildStanding::Waiting | ChildStanding::Down) && child.last_error.is_some()
        });
        if let Some(child) = failed {
            let is_down = child.standing == ChildStanding::Down;
            status.state = if is_down { DeviceState::Down } else { DeviceState::Restarting };
            status.since_unix_ns = child.since_unix_ns;
            status.next_try_unix_ns = child.next_try_unix_ns;
            status.operation = None;
        }
        let last = failed
            .or_else(|| children.iter().filter(|child| child.last_error.is_some()).max_by_key(|child| child.restarts));
        status.last_error = last.and_then(|child| child.last_error.clone());
        status
    }
}

/// A terminal, and the subtree that serves it.
pub(crate) fn terminal(
    cash_box: CashBoxId,
    entry: &TerminalEntry,
    clock: &Arc<dyn Clock>,
    options: &DeviceOptions,
    before: &Arc<BeforeDevice>,
) -> (Terminal, Subtree) {
    let board = Arc::new(Board::new(Arc::clone(clock)));
    let (address, before_port) = (entry.address.clone(), Arc::clone(before));
    let keeper = Arc::<keeper::LineKeeper>::default();
    let port = ChildSpec::new("port", move |child| {
        TerminalPort::new(child, address.clone(), Arc::clone(&keeper), Arc::clone(&before_port))
    });
    let parts = SessionParts {
        address: entry.address.clone(),
        options: session_options(entry, options),
        port: port.child_ref(),
        board: Arc::clone(&board),
        clock: Arc::clone(clock),
        before: Arc::clone(before),
    };
    let session = ChildSpec::new("session", move |child| TerminalSession::new(child, parts.clone()));
    let session_ref = session.child_ref();
    let (asked, before_poller) = (session.child_ref(), Arc::clone(before));
    let every = Duration::from_millis(options.poll_every_ms);
    let poller = ChildSpec::new("poller", move |child| {
        TerminalPoller::new(child, asked.clone(), every, Arc::clone(&before_poller))
    });
    let spec = SupervisorSpec::new(&format!("{cash_box}/{}", entry.name), Strategy::RestForOne)
        .intensity(RESTARTS_MAX, WINDOW)
        .backoff(BACKOFF)
        .on_intensity(OnIntensity::MarkDown { retry_every: RETRY_EVERY })
        .child(port)
        .child(session)
        .child(poller);
    let terminal = Terminal {
        cash_box,
        entry: entry.clone(),
        session: session_ref,
        board,
        inside: spec.roster(),
        children: spec.watch(),
    };
    (terminal, Subtree::new(spec).own_arbiter(ARBITERS_LEAKED_MAX).ping(PING))
}

fn session_options(entry: &TerminalEntry, options: &DeviceOptions) -> SessionOptions {
    // The configuration was checked: it has six digits at most.
    let password = Password::new(entry.password).or_else(|_| Password::new(0));
    let mut session = password.map(SessionOptions::new).unwrap_or_else(|_| unreachable!("six zeros are a password"));
    session.answer_timeout = Duration::from_millis(options.answer_timeout_ms);
    session.completion_timeout = Duration::from_millis(options.completion_timeout_ms);
    session.confirm_pause = Duration::from_millis(options.probe_confirm_ms);
    session
}
