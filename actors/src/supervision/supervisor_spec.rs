//! The specification of a supervisor, and of one that is itself a child.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::{Actor, Context};
use tokio::sync::{oneshot, watch};

use super::blueprint::{Birth, Blueprint, Life, Notice, PingRule};
use super::child_ref::Down;
use super::child_spec::ChildSpec;
use super::housing::{Housing, Placement};
use super::intensity::{Backoff, Intensity};
use super::lease::Lease;
use super::roster::Roster;
use super::rules::{ChildRules, OnIntensity, Restart, Strategy, TreeRules};
use super::status::ChildStatus;
use super::supervisor::Tree;

/// Added to what the children of a subtree may take together to start or to stop.
const SUBTREE_MARGIN: Duration = Duration::from_secs(1);

/// What a supervisor supervises and how. Unless said otherwise: 3 restarts in 10 s, then it escalates; 10 ms before a
/// restart, doubled up to 5 s, up to a fifth of it taken off by chance.
pub struct SupervisorSpec {
    pub(super) id: String,
    pub(super) rules: TreeRules,
    pub(super) children: Roster,
    /// Time to stop that children need who come later.
    pub(super) shutdown_min: Duration,
    pub(super) board: watch::Sender<Vec<ChildStatus>>,
}

impl SupervisorSpec {
    /// A supervisor without children.
    #[must_use]
    pub fn new(id: &str, strategy: Strategy) -> Self {
        let rules = TreeRules {
            strategy,
            intensity: Intensity { restarts_max: 3, window: Duration::from_secs(10) },
            backoff: Backoff {
                first: Duration::from_millis(10),
                factor: 2,
                max: Duration::from_secs(5),
                jitter_percent: 20,
            },
            on_intensity: OnIntensity::Escalate,
        };
        Self {
            id: id.to_owned(),
            rules,
            children: Roster::default(),
            shutdown_min: Duration::ZERO,
            board: watch::Sender::new(Vec::new()),
        }
    }

    /// How many restarts are a repair.
    #[must_use]
    pub fn intensity(mut self, restarts_max: u32, window: Duration) -> Self {
        self.rules.intensity = Intensity { restarts_max, window };
        self
    }

    /// The pause before a restart.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.rules.backoff = backoff;
        self
    }

    /// What follows when a failure is one too many.
    #[must_use]
    pub fn on_intensity(mut self, on_intensity: OnIntensity) -> Self {
        self.rules.on_intensity = on_intensity;
        self
    }

    /// Adds an actor; children start in the order they are added and stop in reverse.
    #[must_use]
    pub fn child<A: Actor<Context = Context<A>>>(self, spec: ChildSpec<A>) -> Self {
        self.children.put(Arc::new(spec));
        self
    }

    /// Adds a subtree.
    #[must_use]
    pub fn subtree(self, subtree: Subtree) -> Self {
        self.children.put(Arc::new(subtree));
        self
    }

    /// The handle by which children are added and removed while it runs; it may be used before that, too.
    #[must_use]
    pub fn roster(&self) -> Roster {
        self.children.clone()
    }

    /// How long it may take at least to stop, for children who come later.
    #[must_use]
    pub fn shutdown_at_least(mut self, shutdown: Duration) -> Self {
        self.shutdown_min = shutdown;
        self
    }

    /// Follows the status of this supervisor's own children; may be taken before it is started, outlives restarts.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Vec<ChildStatus>> {
        self.board.subscribe()
    }

    /// The status as last published, with what only the blueprints know.
    pub(super) fn status(&self) -> Vec<ChildStatus> {
        let mut all = self.board.borrow().clone();
        let blueprints = self.children.blueprints();
        for status in &mut all {
            if let Some(blueprint) = blueprints.iter().find(|blueprint| blueprint.rules().id == status.id) {
                status.arbiters_leaked = blueprint.arbiters_leaked();
                status.children = blueprint.below();
            }
        }
        all
    }

    /// What the children may take one after the other.
    fn sum(&self, of: impl Fn(ChildRules) -> Duration) -> Duration {
        self.children.blueprints().iter().fold(SUBTREE_MARGIN, |sum, child| sum.saturating_add(of(child.rules())))
    }
}

/// A supervisor as a child. It has started when each of its children has been started once, and it may take as long
/// to start and to stop as its children may together.
pub struct Subtree {
    spec: Arc<SupervisorSpec>,
    restart: Restart,
    housing: Housing,
    ping: Option<PingRule>,
}

impl Subtree {
    /// A permanent subtree on its supervisor's arbiter.
    #[must_use]
    pub fn new(spec: SupervisorSpec) -> Self {
        Self { spec: Arc::new(spec), restart: Restart::Permanent, housing: Housing::new(), ping: None }
    }

    /// When it is started again.
    #[must_use]
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// Gives each life of the whole subtree an arbiter of its own. While more than `leaked_max` abandoned ones still
    /// hang, a start is refused and counts as a failure.
    #[must_use]
    pub fn own_arbiter(mut self, leaked_max: usize) -> Self {
        self.housing.placement = Placement::OwnArbiter;
        self.housing.leaked_max = leaked_max;
        self
    }

    /// Finds a hang by pings, which the subtree's loop answers: so this finds a child that blocks the subtree's
    /// arbiter. Use with [`Subtree::own_arbiter`].
    #[must_use]
    pub fn ping(mut self, rule: PingRule) -> Self {
        self.ping = Some(rule);
        self
    }
}

impl Blueprint for Subtree {
    fn rules(&self) -> ChildRules {
        ChildRules {
            id: self.spec.id.clone(),
            restart: self.restart,
            shutdown: self.spec.sum(|child| child.shutdown).max(self.spec.shutdown_min),
            start_within: self.spec.sum(|child| child.start_within),
        }
    }

    fn start(&self, birth: Birth) -> Life {
        let Birth { path, generation, lease, reporter, sources } = birth;
        let (notices, inbox) = tokio::sync::mpsc::unbounded_channel();
        let to_loop = notices.clone();
        let ask = self.ping.map(|rule| {
            let ask: super::blueprint::Ask = Box::new(move || {
                let (answer, answered) = oneshot::channel();
                let sent = to_loop.send(Notice::Ping(answer)).is_ok();
                Box::pin(async move { sent && answered.await.is_ok() })
            });
            (rule, ask)
        });
        let (spec, lease_inside) = (Arc::clone(&self.spec), Arc::clone(&lease));
        let home = self.housing.settle(reporter, move |tenant, reporter| {
            actix::spawn(async move {
                let _tenant = tenant;
                let tree = Tree::new(spec, path, lease_inside, sources, notices, inbox);
                let exit = tree.run(reporter.on_started()).await;
                reporter.exited(exit);
            });
        });
        Life { generation, lease, home, ask, pinger: None }
    }

    fn mark_down(&self, lease: &Lease, down: &Down) {
        for child in self.spec.children.blueprints() {
            child.mark_down(lease, down);
        }
    }

    fn arbiters_leaked(&self) -> usize {
        self.housing.leaked.load(Ordering::SeqCst)
    }

    fn below(&self) -> Vec<ChildStatus> {
        self.spec.status()
    }
}
