//! The loop that acts on the decisions of [`super::policy`].

use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;

use actix::ArbiterHandle;
use futures_util::FutureExt;
use tokio::sync::{mpsc, watch};

use super::blueprint::{Birth, Blueprint, Life, Notice, Reporter, Sources};
use super::child_ref::Down;
use super::event::{ChildState, Decision, Event};
use super::exit::Exit;
use super::lease::{ChildPath, Lease};
use super::policy::SupervisorState;
use super::roster::{Place, RosterKey};
use super::status::ChildStatus;
use super::supervisor_spec::SupervisorSpec;

/// Starts trees. (Not `actix::Supervisor`, which restarts an actor only when it stops itself, with the same value and
/// the same mailbox; so import actix's names one by one, not its prelude.)
#[derive(Debug)]
pub struct Supervisor;

impl Supervisor {
    /// Starts the tree on the arbiter of the calling thread.
    ///
    /// # Panics
    /// When the calling thread runs no actix arbiter.
    #[must_use]
    pub fn start(spec: SupervisorSpec, sources: Sources) -> SupervisorHandle {
        Self::begin(spec, sources, |run| run())
    }

    /// Starts the tree on another arbiter. If that one is gone, the tree has ended at once.
    #[must_use]
    pub fn start_in(arbiter: &ArbiterHandle, spec: SupervisorSpec, sources: Sources) -> SupervisorHandle {
        Self::begin(spec, sources, |run| {
            // On a dead arbiter the function is dropped and with it `ended`, which the handle sees.
            arbiter.spawn_fn(run);
        })
    }

    fn begin(spec: SupervisorSpec, sources: Sources, place: impl FnOnce(Box<dyn FnOnce() + Send>)) -> SupervisorHandle {
        let (ended, ended_seen) = watch::channel(None);
        let handle = SupervisorHandle { spec: Arc::new(spec), lease: Arc::default(), ended: ended_seen };
        let (spec, lease) = (Arc::clone(&handle.spec), Arc::clone(&handle.lease));
        place(Box::new(move || {
            actix::spawn(async move {
                let (notices, inbox) = mpsc::unbounded_channel();
                let path = ChildPath::root(&spec.id);
                let exit = Tree::new(spec, path, lease, sources, notices, inbox).run(|| ()).await;
                ended.send_replace(Some(exit));
            });
        }));
        handle
    }
}

/// Watches and ends a tree. Dropping it leaves the tree running.
#[derive(Clone)]
pub struct SupervisorHandle {
    spec: Arc<SupervisorSpec>,
    lease: Arc<Lease>,
    ended: watch::Receiver<Option<Exit>>,
}

impl SupervisorHandle {
    /// The whole tree as it stands, children in start order.
    #[must_use]
    pub fn status(&self) -> Vec<ChildStatus> {
        self.spec.status()
    }

    /// Follows the status of the tree's own children.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Vec<ChildStatus>> {
        self.spec.watch()
    }

    /// Ends the tree, the last child first, each within its deadline; returns when all are gone. If the tree ended
    /// otherwise meanwhile, says how.
    pub async fn shutdown(&self) -> Exit {
        self.lease.ask_stop();
        self.ended().await
    }

    /// Waits until the tree has ended, and says why: `Failed("intensity: …")` from a root is for the process to end
    /// with, non-zero, so that the system's own supervisor takes over.
    pub async fn ended(&self) -> Exit {
        let mut ended = self.ended.clone();
        let exit = ended.wait_for(Option::is_some).await.ok().and_then(|exit| exit.clone());
        exit.unwrap_or_else(|| Exit::Failed("dropped with its arbiter".to_owned()))
    }
}

/// A running supervisor.
pub(super) struct Tree {
    spec: Arc<SupervisorSpec>,
    path: ChildPath,
    lease: Arc<Lease>,
    sources: Sources,
    notices: mpsc::UnboundedSender<Notice>,
    inbox: mpsc::UnboundedReceiver<Notice>,
    state: SupervisorState,
    /// Who has which place; `None` for a free one.
    known: Vec<Option<(RosterKey, Arc<dyn Blueprint>)>>,
    lives: Vec<Option<Life>>,
    finished: Option<Exit>,
}

impl Tree {
    pub(super) fn new(
        spec: Arc<SupervisorSpec>,
        path: ChildPath,
        lease: Arc<Lease>,
        sources: Sources,
        notices: mpsc::UnboundedSender<Notice>,
        inbox: mpsc::UnboundedReceiver<Notice>,
    ) -> Self {
        let known: Vec<_> = spec.children.begin().into_iter().map(Some).collect();
        let rules = known.iter().flatten().map(|(_, child)| child.rules()).collect();
        let state = SupervisorState::new(spec.rules, rules, Arc::clone(&sources.entropy));
        let lives = known.iter().map(|_| None).collect();
        Self { spec, path, lease, sources, notices, inbox, state, known, lives, finished: None }
    }

    /// Runs until every child is gone. A panic in here is a bug of this module; it takes the children along, and the
    /// supervisor above hears of it like of any other.
    pub(super) fn run(self, on_booted: impl FnOnce() + 'static) -> impl Future<Output = Exit> {
        AssertUnwindSafe(self.work(on_booted))
            .catch_unwind()
            .map(|ended| ended.unwrap_or_else(|payload| Exit::from_panic(&*payload)))
    }

    async fn work(mut self, on_booted: impl FnOnce()) -> Exit {
        let mut on_booted = Some(on_booted);
        let mut stop_seen = false;
        self.apply(Event::Begin);
        loop {
            if let Some(exit) = self.finished.take() {
                return exit;
            }
            if self.lease.is_revoked() {
                return Exit::Failed("abandoned by its supervisor".to_owned());
            }
            if self.state.has_booted()
                && let Some(on_booted) = on_booted.take()
            {
                on_booted();
            }
            let wake = self.wake();
            let event = tokio::select! {
                biased;
                () = asked(&self.lease, stop_seen) => {
                    stop_seen = true;
                    Event::Shutdown
                }
                // Never `None`: `self.notices` keeps the channel open.
                Some(notice) = self.inbox.recv() => match notice {
                    Notice::Started { index, generation } => Event::ChildStarted { index, generation },
                    Notice::Exited { index, generation, exit } => {
                        self.buried(index, generation, &exit);
                        Event::ChildExited { index, generation, exit }
                    }
                    Notice::Hung { index, generation } => Event::ChildHung { index, generation },
                    Notice::Ping(answer) => {
                        // Who no longer waits needs no answer.
                        let _ = answer.send(());
                        continue;
                    }
                },
                () = self.spec.children.changed() => {
                    self.follow_roster();
                    continue;
                }
                () = wake => Event::Tick,
            };
            if !self.lease.is_revoked() {
                self.apply(event);
            }
        }
    }

    fn child(&self, index: usize) -> Option<&Arc<dyn Blueprint>> {
        self.known.get(index)?.as_ref().map(|(_, child)| child)
    }

    /// Takes over what has changed among the children.
    fn follow_roster(&mut self) {
        if self.lease.is_revoked() {
            return;
        }
        for (index, place) in self.spec.children.places().into_iter().enumerate() {
            let there = self.known.get(index).and_then(Option::as_ref).map(|(key, _)| *key);
            match place {
                Place::Taken { key, leaving: true, .. } if there == Some(key) => self.apply(Event::Remove { index }),
                // It came and went unseen.
                Place::Taken { leaving: true, .. } if there.is_none() => self.spec.children.vacate(index),
                Place::Taken { key, blueprint, leaving: false } if there.is_none() => {
                    let rules = blueprint.rules();
                    if let Some(known) = self.known.get_mut(index) {
                        *known = Some((key, blueprint));
                    } else {
                        self.known.push(Some((key, blueprint)));
                        self.lives.push(None);
                    }
                    self.apply(Event::Add { index, rules });
                }
                _ => {}
            }
        }
        if self.spec.children.take_try_now() {
            for index in 0..self.known.len() {
                self.apply(Event::TryNow { index });
            }
        }
    }

    /// Gives the places of those who have left free.
    fn see_off(&mut self) {
        for (index, child) in self.state.children().iter().enumerate() {
            if child.has_left()
                && let Some(known) = self.known.get_mut(index)
                && let Some((_, blueprint)) = known.take()
            {
                let reason = "taken out of the configuration".into();
                blueprint.mark_down(&self.lease, &Down { since: child.since, next_try: None, reason });
                self.spec.children.vacate(index);
            }
        }
    }

    /// Until the next deadline or restart is due.
    fn wake(&self) -> impl Future<Output = ()> + use<> {
        let pause = self.state.next_wake().map(|at| at.saturating_sub(self.sources.clock.monotonic()));
        async move {
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => std::future::pending().await,
            }
        }
    }

    /// The life that ended needs no lease and no arbiter any more.
    fn buried(&mut self, index: usize, generation: u64, exit: &Exit) {
        let Some(slot) = self.lives.get_mut(index) else { return };
        if slot.as_ref().is_some_and(|life| life.generation == generation) {
            *slot = None;
            if let Some(child) = self.child(index) {
                tracing::info!(child = %self.path.join(&child.rules().id), generation, %exit, "child ended");
            }
        }
    }

    fn apply(&mut self, event: Event) {
        let now = self.sources.clock.monotonic();
        for decision in self.state.handle(now, event) {
            self.act(decision);
        }
        self.see_off();
        self.publish();
    }

    fn act(&mut self, decision: Decision) {
        match decision {
            Decision::Start { index, generation } => self.start(index, generation),
            Decision::Stop { index, .. } => {
                if let Some(life) = self.lives.get(index).and_then(Option::as_ref) {
                    life.lease.ask_stop();
                }
            }
            Decision::Abandon { index, generation } => {
                tracing::error!(supervisor = %self.path, index, generation, "child abandoned");
                if let Some(life) = self.lives.get_mut(index).and_then(Option::take) {
                    life.abandon();
                }
            }
            Decision::Schedule { index, at } => {
                let pause = at.saturating_sub(self.sources.clock.monotonic());
                tracing::info!(supervisor = %self.path, index, ?pause, "restart planned");
            }
            Decision::MarkDown { index, .. } => tracing::warn!(supervisor = %self.path, index, "child down"),
            Decision::Escalate { reason } => tracing::error!(supervisor = %self.path, reason, "escalates"),
            Decision::Finished { exit } => self.finished = Some(exit),
        }
    }

    fn start(&mut self, index: usize, generation: u64) {
        let Some((child, slot)) = self.child(index).cloned().zip(self.lives.get_mut(index)) else { return };
        let birth = Birth {
            path: self.path.join(&child.rules().id),
            generation,
            lease: Lease::under(&self.lease),
            reporter: Reporter::new(self.notices.clone(), index, generation),
            sources: self.sources.clone(),
        };
        let mut life = child.start(birth);
        life.watch(self.notices.clone(), index);
        *slot = Some(life);
    }

    /// Puts the handles of children that do not run to "down", and shows the status. A child that starts puts its
    /// handle up by itself, so a starting one is left as it is.
    fn publish(&self) {
        let there = self.state.children().iter().zip(&self.known);
        let there = there.filter_map(|(child, known)| known.as_ref().map(|(_, blueprint)| (child, blueprint)));
        for (child, blueprint) in there.clone() {
            let next_try = match child.state {
                ChildState::Starting { .. } | ChildState::Running => continue,
                ChildState::Waiting { at } | ChildState::Down { next_try: at } => Some(at),
                ChildState::Idle | ChildState::Stopping { .. } | ChildState::Ended => None,
            };
            let reason = match &child.last_exit {
                Some(exit) => exit.to_string(),
                None if child.state == ChildState::Idle => "not started".to_owned(),
                None => Exit::Shutdown.to_string(),
            };
            blueprint.mark_down(&self.lease, &Down { since: child.since, next_try, reason: reason.into() });
        }
        let clock = &*self.sources.clock;
        let all = there.map(|(child, _)| ChildStatus::of(child, clock)).collect();
        self.spec.board.send_replace(all);
    }
}

/// Until the supervisor above has something to say: a first wish to stop, or that this life is over.
async fn asked(lease: &Lease, stop_seen: bool) {
    poll_fn(|cx| {
        lease.register(cx.waker());
        if lease.is_revoked() || (lease.stop_asked() && !stop_seen) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
