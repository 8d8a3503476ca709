//! The running actor tree of one environment.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use kassette_cashbox::Request;
use kassette_journal::Journal;
use kassette_model::{CashBoxId, OperationId};
use kassette_stdx::{Clock, Entropy};
use parking_lot::Mutex;

use crate::callbacks::{CallbackDesk, CallbackDispatcher, CallbackParts, Callbacks, Intake};
use crate::devices::{BeforeDevice, DeviceOptions, DeviceStatus, Terminals};
use crate::directory::CashBoxDirectory;
use crate::events::EventHub;
use crate::gateway::Gateway;
use crate::payments::{AppPickup, PaymentDesk, PaymentOrders};
use crate::profile::ProfileCache;
use crate::supervision::{
    ChildRef, ChildSpec, ChildStatus, Intensity, OnIntensity, Sources, Strategy, Subtree, Supervisor, SupervisorHandle,
    SupervisorSpec,
};
use crate::vault::{UnitOutage, Vault};

/// Called before each execution with the cash box and the request; fault tests plant a panic with it.
pub type BeforeExecute = Arc<dyn Fn(CashBoxId, &Request) + Send + Sync>;

/// Limits of the actor tree.
#[derive(Clone)]
pub struct NodeOptions {
    /// Directory shards, one arbiter (thread) each.
    pub shards: usize,
    /// Calls of one cash box without an answer; more are refused with 503.
    pub mailbox_messages_max: usize,
    /// Messages in the mailbox of one shard; more are refused with 503.
    pub shard_messages_max: usize,
    /// Idle time after which a cash box leaves memory.
    pub passivate_after_ms: u64,
    /// How often idle cash boxes are looked for.
    pub passivate_every_ms: u64,
    /// How long an operation without `x-operation-lifetime` may wait for its start (contract 1.5), in milliseconds.
    pub lifetime_default_ms: u64,
    /// Longest such wait that an operation may ask for, in milliseconds.
    pub lifetime_max_ms: u64,
    /// Operations of one cash box that were accepted and have not ended; more are refused with 503.
    pub open_operations_max: usize,
    /// Those who wait for events at the same time, over all cash boxes; more are refused with 429.
    pub subscribers_max: usize,
    /// Those who wait for events of one cash box; more are refused with 429.
    pub subscribers_per_cash_box_max: usize,
    /// Profiles kept for authentication.
    pub profiles_max: usize,
    /// Restarts of one cash box after panics within the window; one more puts it in quarantine.
    pub cash_box_intensity: Intensity,
    /// How long a payment may wait until an app accepts it, in milliseconds.
    pub app_accept_ms: u64,
    /// How long an app that accepted a payment may say nothing until it is in doubt, in milliseconds.
    pub app_result_ms: u64,
    /// Pause before an app that does not know what became of a payment is asked again, in milliseconds.
    pub app_ask_every_ms: u64,
    /// Those who wait for a payment of one terminal; more are refused with 429.
    pub app_waits_per_terminal_max: usize,
    /// Limits of request bodies.
    pub body_limits: kassette_wire::Limits,
    /// Limits of devices.
    pub devices: DeviceOptions,
    /// What callbacks are sent with; without it they are only promised.
    pub callbacks: Option<CallbackParts>,
    /// For fault tests.
    pub before_execute: Option<BeforeExecute>,
    /// For fault tests.
    pub before_device: Arc<BeforeDevice>,
}

impl Default for NodeOptions {
    fn default() -> Self {
        Self {
            shards: std::thread::available_parallelism().map_or(1, usize::from),
            mailbox_messages_max: 256,
            shard_messages_max: 16_384,
            passivate_after_ms: 600_000,
            passivate_every_ms: 10_000,
            lifetime_default_ms: 15_000,
            lifetime_max_ms: 86_400_000,
            open_operations_max: 64,
            subscribers_max: 10_000,
            subscribers_per_cash_box_max: 16,
            profiles_max: 65_536,
            cash_box_intensity: Intensity { restarts_max: 3, window: Duration::from_secs(10) },
            app_accept_ms: 10_000,
            app_result_ms: 180_000,
            app_ask_every_ms: 10_000,
            app_waits_per_terminal_max: 4,
            body_limits: kassette_wire::Limits::default(),
            devices: DeviceOptions::default(),
            callbacks: None,
            before_execute: None,
            before_device: Arc::default(),
        }
    }
}

/// Counters for status and tests.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) active: AtomicUsize,
    pub(crate) restarts: AtomicU64,
}

/// What all actors of a node share.
pub(crate) struct Shared {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) vault: Arc<dyn Vault>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) options: NodeOptions,
    /// Those of the options, for all cash boxes in one place.
    pub(crate) body_limits: Arc<kassette_wire::Limits>,
    pub(crate) profiles: ProfileCache,
    pub(crate) counts: Counts,
    pub(crate) events: Arc<EventHub>,
    /// Accepted operations whose execution began and has not come back: what is still here afterwards ended its cash box.
    pub(crate) attempts: Mutex<HashSet<(CashBoxId, OperationId)>>,
    /// Where durable promises are handed over, when callbacks are sent.
    pub(crate) intake: Option<Arc<Intake>>,
    /// The terminals that are served.
    pub(crate) terminals: Terminals,
    /// Payments on their way.
    pub(crate) payments: Arc<PaymentOrders>,
    /// Who waits for the payments of which app, and who has them.
    pub(crate) apps: Arc<AppPickup>,
    quarantined: Mutex<Vec<(CashBoxId, String)>>,
    stopping: AtomicBool,
}

impl Shared {
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Notes a quarantine, or with `None` its end.
    pub(crate) fn quarantine(&self, cash_box: CashBoxId, reason: Option<&str>) {
        let mut list = self.quarantined.lock();
        list.retain(|(id, _)| *id != cash_box);
        if let Some(reason) = reason {
            list.push((cash_box, reason.to_owned()));
        }
    }

    pub(crate) fn status(&self) -> NodeStatus {
        NodeStatus {
            active_cash_boxes: self.counts.active.load(Ordering::Relaxed),
            restarts: self.counts.restarts.load(Ordering::Relaxed),
            quarantined: self.quarantined.lock().clone(),
            outages: self.vault.outages(),
        }
    }
}

/// How a node stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeStatus {
    /// Cash boxes in memory.
    pub active_cash_boxes: usize,
    /// Restarts of cash boxes after panics since the start of the process.
    pub restarts: u64,
    /// Cash boxes that wait for an operator, with the last failure.
    pub quarantined: Vec<(CashBoxId, String)>,
    /// Signature creation units that could not be opened.
    pub outages: Vec<UnitOutage>,
}

/// Pause before a dispatcher or a desk that failed too often is tried again.
const RETRY_EVERY: Duration = Duration::from_secs(30);

/// The supervisor of devices: each is a subtree that comes and goes with the configuration of its cash box.
fn device_tree() -> SupervisorSpec {
    SupervisorSpec::new("devices", Strategy::OneForOne)
        .intensity(10, Duration::from_secs(60))
        .on_intensity(OnIntensity::MarkDown { retry_every: RETRY_EVERY })
        .shutdown_at_least(DEVICES_SHUTDOWN)
}

/// How long all devices together have to stop.
const DEVICES_SHUTDOWN: Duration = Duration::from_secs(10);

/// The desk of payments under a supervisor of its own, which never gives up and never takes the cash boxes along.
fn payment_tree(gateway: &Gateway) -> (Subtree, ChildRef<PaymentDesk>) {
    let gateway = gateway.clone();
    let spec = ChildSpec::new("desk", move |_| PaymentDesk::new(gateway.clone(), Arc::clone(&gateway.shared.payments)))
        .own_arbiter(2);
    let desk = spec.child_ref();
    let tree = SupervisorSpec::new("payments", Strategy::OneForOne)
        .intensity(10, Duration::from_secs(60))
        .on_intensity(OnIntensity::MarkDown { retry_every: RETRY_EVERY })
        .child(spec);
    (Subtree::new(tree), desk)
}

/// The dispatcher of callbacks under a supervisor of its own, which never gives up and never takes the cash boxes along.
fn callback_tree(shared: &Arc<Shared>) -> Option<(Subtree, ChildRef<CallbackDispatcher>, Arc<CallbackDesk>)> {
    let (parts, intake) = (Arc::new(shared.options.callbacks.clone()?), Arc::clone(shared.intake.as_ref()?));
    let desk = Arc::new(CallbackDesk::new());
    let (inside, shown) = (Arc::clone(shared), Arc::clone(&desk));
    let spec = ChildSpec::new("dispatcher", move |_| {
        CallbackDispatcher::new(Arc::clone(&inside), Arc::clone(&parts), Arc::clone(&intake), Arc::clone(&shown))
    })
    .own_arbiter(2);
    let dispatcher = spec.child_ref();
    let tree = SupervisorSpec::new("callbacks", Strategy::OneForOne)
        .intensity(10, Duration::from_secs(60))
        .on_intensity(OnIntensity::MarkDown { retry_every: RETRY_EVERY })
        .child(spec);
    Some((Subtree::new(tree), dispatcher, desk))
}

/// A running node. Dropping it without [`Node::stop`] leaves the actors to the end of their arbiters.
pub struct Node {
    gateway: Gateway,
    root: SupervisorHandle,
}

impl Node {
    /// Starts the tree: the root on the arbiter of the calling thread, each shard on its own.
    ///
    /// # Panics
    /// Outside of an actix system.
    #[must_use]
    pub fn start(
        journal: Arc<dyn Journal>,
        vault: Arc<dyn Vault>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        options: NodeOptions,
    ) -> Self {
        let intake = options.callbacks.as_ref().map(|parts| Arc::new(Intake::new(parts.options.intake_messages_max)));
        let devices = device_tree();
        let before_device = Arc::clone(&options.before_device);
        let terminals = Terminals::new(devices.roster(), Arc::clone(&clock), options.devices.clone(), before_device);
        let apps = Arc::new(AppPickup::new(options.app_waits_per_terminal_max));
        let shared = Arc::new(Shared {
            journal,
            vault,
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            profiles: ProfileCache::new(options.profiles_max),
            events: EventHub::new(options.subscribers_max, options.subscribers_per_cash_box_max),
            body_limits: Arc::new(options.body_limits),
            options,
            counts: Counts::default(),
            attempts: Mutex::new(HashSet::new()),
            intake,
            terminals,
            payments: Arc::default(),
            apps,
            quarantined: Mutex::new(Vec::new()),
            stopping: AtomicBool::new(false),
        });
        let mut root = SupervisorSpec::new("cash-boxes", Strategy::OneForOne);
        let mut shards = Vec::new();
        for index in 0..shared.options.shards.max(1) {
            let inside = Arc::clone(&shared);
            let spec = ChildSpec::new(&format!("directory-{index}"), move |child| {
                CashBoxDirectory::new(Arc::clone(&inside), child.generation() > 1)
            })
            .mailbox_messages(shared.options.shard_messages_max)
            .own_arbiter(2);
            shards.push(spec.child_ref());
            root = root.child(spec);
        }
        let mut callbacks = None;
        if let Some((subtree, dispatcher, desk)) = callback_tree(&shared) {
            root = root.subtree(subtree);
            callbacks = Some(Callbacks::new(desk, dispatcher));
        }
        root = root.subtree(Subtree::new(devices));
        let mut gateway = Gateway { shared, shards: shards.into(), callbacks, payments: None };
        let (subtree, desk) = payment_tree(&gateway);
        gateway.payments = Some(desk);
        let root = Supervisor::start(root.subtree(subtree), Sources { clock, entropy });
        Self { gateway, root }
    }

    /// The handle for the edge.
    #[must_use]
    pub fn gateway(&self) -> Gateway {
        self.gateway.clone()
    }

    /// How the devices stand.
    #[must_use]
    pub fn devices(&self) -> Vec<DeviceStatus> {
        self.gateway.devices()
    }

    /// How the supervised actors stand.
    #[must_use]
    pub fn supervision(&self) -> Vec<ChildStatus> {
        self.root.status()
    }

    /// Refuses new calls and stops the actors in reverse order of their start, each within its deadline. What was handed to
    /// the journal before is answered by the journal; closing it is the caller's.
    pub async fn stop(self) {
        self.gateway.shared.stopping.store(true, Ordering::Release);
        // Everything handed in before this line gets its answer before the actors go.
        let (quiet, reached) = tokio::sync::oneshot::channel();
        self.gateway.shared.journal.barrier(Box::new(move || _ = quiet.send(())));
        drop(reached.await);
        self.root.shutdown().await;
    }
}
