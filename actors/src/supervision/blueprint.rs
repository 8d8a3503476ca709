//! What a supervisor needs of a child, whatever the child is: an actor or a whole subtree.

use std::sync::Arc;
use std::time::Duration;

use actix::Message;
use futures_util::future::LocalBoxFuture;
use kassette_stdx::{Clock, Entropy};
use tokio::sync::{mpsc, oneshot};

use super::child_ref::Down;
use super::exit::Exit;
use super::housing::Home;
use super::lease::{ChildPath, Lease};
use super::rules::ChildRules;
use super::status::ChildStatus;

/// Time and chance of a tree.
#[derive(Clone)]
pub struct Sources {
    /// Time for back-off, intensity and deadlines.
    pub clock: Arc<dyn Clock>,
    /// Chance for the jitter of the back-off.
    pub entropy: Arc<dyn Entropy>,
}

/// Asks a child whether it still takes messages from its mailbox; an actor under a [`PingRule`] answers with `()`.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Ping;

/// How a hang is found. Device I/O lies elsewhere (its own thread or a socket of the arbiter), so an actor can always
/// answer; one that does not is abandoned and counts as failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PingRule {
    /// From one answer to the next ping.
    pub every: Duration,
    /// From a ping to being taken for hung.
    pub deadline: Duration,
}

/// What a supervisor's loop hears. Unbounded is enough: a life of a child sends at most one of each kind, and a ping
/// is sent only after the one before was answered.
#[derive(Debug)]
pub(super) enum Notice {
    Started { index: usize, generation: u64 },
    Exited { index: usize, generation: u64, exit: Exit },
    Hung { index: usize, generation: u64 },
    Ping(oneshot::Sender<()>),
}

/// Reports one life to its supervisor. Exactly one exit is reported, whatever happens: one that is dropped unused went
/// with its arbiter.
#[derive(Debug)]
pub(super) struct Reporter {
    notices: mpsc::UnboundedSender<Notice>,
    index: usize,
    generation: u64,
    reported: bool,
}

impl Reporter {
    pub(super) fn new(notices: mpsc::UnboundedSender<Notice>, index: usize, generation: u64) -> Self {
        Self { notices, index, generation, reported: false }
    }

    /// A function that reports the start; apart, because it moves into the guarded child.
    pub(super) fn on_started(&self) -> impl FnOnce() + 'static {
        let (notices, index, generation) = (self.notices.clone(), self.index, self.generation);
        // A supervisor that is gone needs no news.
        move || drop(notices.send(Notice::Started { index, generation }))
    }

    pub(super) fn exited(mut self, exit: Exit) {
        self.report(exit);
    }

    fn report(&mut self, exit: Exit) {
        if !self.reported {
            self.reported = true;
            let (index, generation) = (self.index, self.generation);
            drop(self.notices.send(Notice::Exited { index, generation, exit }));
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.report(Exit::Failed("dropped with its arbiter".to_owned()));
    }
}

/// What a life starts with.
pub(super) struct Birth {
    pub(super) path: ChildPath,
    pub(super) generation: u64,
    pub(super) lease: Arc<Lease>,
    pub(super) reporter: Reporter,
    pub(super) sources: Sources,
}

/// Asks one life to answer; `false` when it is gone, which its exit says better.
pub(super) type Ask = Box<dyn Fn() -> LocalBoxFuture<'static, bool>>;

/// One life, on its supervisor's side. Dropping it revokes the lease, so that no child outlives its supervisor.
pub(super) struct Life {
    pub(super) generation: u64,
    pub(super) lease: Arc<Lease>,
    pub(super) home: Option<Home>,
    /// Present under a ping rule.
    pub(super) ask: Option<(PingRule, Ask)>,
    pub(super) pinger: Option<tokio::task::JoinHandle<()>>,
}

impl Life {
    /// A life without effect any more; an own arbiter is counted as leaked until it comes free.
    pub(super) fn abandon(self) {
        if let Some(home) = &self.home {
            home.abandon();
        }
    }

    /// Starts to ping, if the child has a rule for it.
    pub(super) fn watch(&mut self, notices: mpsc::UnboundedSender<Notice>, index: usize) {
        let Some((rule, ask)) = self.ask.take() else { return };
        let generation = self.generation;
        self.pinger = Some(actix::spawn(async move {
            loop {
                match tokio::time::timeout(rule.deadline, ask()).await {
                    Ok(true) => tokio::time::sleep(rule.every).await,
                    Ok(false) => return,
                    Err(_elapsed) => {
                        drop(notices.send(Notice::Hung { index, generation }));
                        return;
                    }
                }
            }
        }));
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.lease.revoke();
        if let Some(pinger) = &self.pinger {
            pinger.abort();
        }
    }
}

/// What a supervisor needs of a child.
pub(super) trait Blueprint: Send + Sync {
    fn rules(&self) -> ChildRules;
    /// Starts a fresh life on the calling thread's arbiter or on one of its own. A start that cannot be is reported
    /// as an exit.
    fn start(&self, birth: Birth) -> Life;
    /// Puts the child's handle, and those of all below it, to "down".
    fn mark_down(&self, lease: &Lease, down: &Down);
    fn arbiters_leaked(&self) -> usize;
    /// The children of a subtree.
    fn below(&self) -> Vec<ChildStatus>;
}
