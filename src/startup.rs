//! From settings to a running environment, and orderly back: the whole wiring in one place.
//!
//! Purpose: open journal, keys and cash boxes in their order, listen, and stop in the opposite order.
//! Owns: [`Host`] (an opened data folder) and [`Running`] (hosts that are served).
//! Invariants: the lock of the journal is taken before anything else in the folder is touched; an acknowledged receipt is
//! flushed and the log sealed before a stop ends.
//! Not here: signals and exit codes (`cli`), requests (`http`).

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use kassette_actors::callbacks::{CallbackParts, CallbackSecrets, OpenCallbackStore};
use kassette_actors::supervision::Intensity;
use kassette_actors::{Gateway, Node, NodeOptions, Rejected};
use kassette_cashbox::TerminalEntry;
use kassette_journal::callbacks::{CallbackOptions, CallbackStore, SledCallbacks};
use kassette_journal::{EmbeddedJournal, Journal};
use kassette_model::{CashBoxId, Environment};
use kassette_outbound::Client;
use kassette_stdx::{Clock, Entropy, SystemClock, SystemEntropy};
use kassette_webhooks::Secret;

use crate::admin::server::AdminServer;
use crate::admin::{self, Context, Failure};
use crate::config::{EnvironmentSection, Settings};
use crate::http;
use crate::keys::{KeyFolder, private_file};

/// Name of the journal's folder in the data folder.
pub const JOURNAL_FOLDER: &str = "journal";
/// Name of the folder with the progress of callbacks in the data folder.
const CALLBACKS_FOLDER: &str = "callbacks";
/// The last third of the stop deadline is for stopping the cash boxes, flushing and sealing.
const FLUSH_PART: u32 = 3;
/// How long the shards may take to start.
const START_MAX_MS: u64 = 10_000;
/// How often they are asked meanwhile.
const START_EVERY_MS: u64 = 1;
/// How often accepted operations that have not ended are looked for.
const GO_ON_EVERY_MS: u64 = 5_000;

/// The section of an environment.
#[must_use]
pub fn section(settings: &Settings, environment: Environment) -> &EnvironmentSection {
    match environment {
        Environment::Sandbox => &settings.sandbox,
        Environment::Production => &settings.production,
    }
}

fn node_options(settings: &Settings) -> NodeOptions {
    let (section, events, payments) = (&settings.node, &settings.events, &settings.payments);
    let size = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    let defaults = NodeOptions::default();
    NodeOptions {
        shards: if section.shards == 0 { defaults.shards } else { size(section.shards) },
        mailbox_messages_max: size(section.mailbox_messages_max),
        shard_messages_max: size(section.shard_messages_max),
        passivate_after_ms: section.passivate_after_ms,
        passivate_every_ms: section.passivate_every_ms,
        lifetime_default_ms: section.lifetime_default_ms,
        lifetime_max_ms: section.lifetime_max_ms,
        open_operations_max: size(section.open_operations_max),
        profiles_max: size(section.profile_cache_max),
        cash_box_intensity: Intensity {
            restarts_max: u32::try_from(section.restarts_max).unwrap_or(u32::MAX),
            window: Duration::from_millis(section.restart_window_ms),
        },
        subscribers_max: size(events.subscribers_max),
        subscribers_per_cash_box_max: size(events.subscribers_per_cash_box_max),
        app_accept_ms: payments.app_accept_ms,
        app_result_ms: payments.app_result_ms,
        app_ask_every_ms: payments.app_ask_every_ms,
        app_waits_per_terminal_max: size(payments.app_waits_per_terminal_max),
        body_limits: settings.limits.json(),
        devices: settings.devices.options(),
        ..defaults
    }
}

/// What a data folder is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To be served: callbacks are sent.
    Serve,
    /// For one command: what it promises is sent by the next server.
    Command,
}

/// The secrets of callbacks, from the key folder.
struct Secrets {
    keys: Arc<KeyFolder>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl CallbackSecrets for Secrets {
    fn secrets(&self, cash_box: CashBoxId) -> Result<Vec<Secret>, String> {
        self.keys
            .callback_secrets(cash_box, self.entropy.as_ref(), self.clock.unix_ns())
            .map_err(|error| error.to_string())
    }
}

/// What callbacks are sent with.
fn callback_parts(
    data_dir: &Path,
    environment: Environment,
    settings: &Settings,
    secrets: Secrets,
) -> Result<CallbackParts, Failure> {
    let section = &settings.callbacks;
    let folder = data_dir.join(CALLBACKS_FOLDER);
    private_file::create_folder(&folder).map_err(|error| Failure::fault(format!("{}: {error}", folder.display())))?;
    let policy = settings.callback_policy(environment, settings.listens_only_on_loopback(environment));
    let roots = section.extra_roots().map_err(Failure::usage)?;
    let client = Client::system(policy, &roots).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(CallbackParts {
        client,
        secrets: Arc::new(secrets),
        store: callback_store(folder, settings),
        options: section.limits(),
    })
}

/// The progress of callbacks, as it is opened in its folder.
fn callback_store(folder: PathBuf, settings: &Settings) -> OpenCallbackStore {
    let options = CallbackOptions { cache_bytes: settings.callbacks.store_cache_bytes, ..CallbackOptions::default() };
    Arc::new(move |fresh| {
        let opened = if fresh {
            SledCallbacks::fresh(&folder, options.clone())
        } else {
            SledCallbacks::open(&folder, options.clone())
        };
        opened.map(|store| Arc::new(store) as Arc<dyn CallbackStore>)
    })
}

/// An opened data folder with its running cash boxes; nobody outside can reach it yet.
pub struct Host {
    context: Context,
    node: Node,
    journal: Arc<dyn Journal>,
}

impl Host {
    /// Opens `<data folder>/journal` and `<data folder>/keys`, making them when they do not exist, and starts the cash boxes.
    ///
    /// # Errors
    /// [`crate::admin::FailureKind::Locked`] when another process has the folder; a failure of disk or keys otherwise.
    ///
    /// # Panics
    /// Outside of an actix system.
    pub async fn open(
        data_dir: &Path,
        environment: Environment,
        settings: &Settings,
        purpose: Purpose,
    ) -> Result<Self, Failure> {
        if !data_dir.exists() {
            private_file::create_folder(data_dir)
                .map_err(|error| Failure::fault(format!("{}: {error}", data_dir.display())))?;
        }
        let data_dir = std::path::absolute(data_dir)
            .map_err(|error| Failure::fault(format!("{}: {error}", data_dir.display())))?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        // Receipts are nobody else's business either.
        let log = data_dir.join(JOURNAL_FOLDER);
        private_file::create_folder(&log).map_err(|error| Failure::fault(format!("{}: {error}", log.display())))?;
        // First: it takes the lock.
        let journal = EmbeddedJournal::open(&log, settings.journal.options())?;
        let journal: Arc<dyn Journal> = Arc::new(journal);
        report(journal.as_ref());
        let keys = Arc::new(KeyFolder::open(&data_dir, environment, entropy.as_ref())?);
        if keys.pepper_is_new() && !journal.cash_boxes(None, 1)?.is_empty() {
            tracing::warn!("the key folder had no pepper: every access token made before is void and must be rotated");
        }
        let secrets = Secrets { keys: Arc::clone(&keys), clock: Arc::clone(&clock), entropy: Arc::clone(&entropy) };
        let callbacks = match purpose {
            Purpose::Serve => Some(callback_parts(&data_dir, environment, settings, secrets)?),
            Purpose::Command => None,
        };
        let node = Node::start(
            Arc::clone(&journal),
            Arc::<KeyFolder>::clone(&keys),
            Arc::clone(&clock),
            Arc::clone(&entropy),
            NodeOptions { callbacks, ..node_options(settings) },
        );
        let progress = data_dir.join(CALLBACKS_FOLDER);
        let callback_store =
            (purpose == Purpose::Command && progress.is_dir()).then(|| callback_store(progress, settings));
        let context = Context {
            data_dir,
            environment,
            gateway: node.gateway(),
            callback_store,
            keys,
            clock,
            entropy,
            configuring: Arc::default(),
        };
        started(&context.gateway).await?;
        actix_web::rt::spawn(go_on(context.gateway.clone()));
        tracing::info!(environment = environment.name(), data_dir = %context.data_dir.display(), "data folder open");
        Ok(Self { context, node, journal })
    }

    /// What commands act on.
    #[must_use]
    pub const fn context(&self) -> &Context {
        &self.context
    }

    /// Stops the cash boxes, flushes and seals the journal.
    pub async fn close(self) {
        self.node.stop().await;
        let journal = self.journal;
        // It waits for the disk.
        drop(tokio::task::spawn_blocking(move || journal.close()).await);
        tracing::info!(environment = self.context.environment.name(), "data folder closed");
    }
}

/// Waits until every shard takes calls: each starts on a thread of its own, and a call before that would be refused as busy.
async fn started(gateway: &Gateway) -> Result<(), Failure> {
    let all = async {
        while gateway.passivate().await.is_err() {
            tokio::time::sleep(Duration::from_millis(START_EVERY_MS)).await;
        }
    };
    tokio::time::timeout(Duration::from_millis(START_MAX_MS), all)
        .await
        .map_err(|_| Failure::fault(format!("the cash boxes did not start within {START_MAX_MS} ms")))
}

/// Lets the cash boxes execute what they accepted before the last stop, behind the opening: receipts need not wait for it. Looks again
/// now and then, because a cash box that was asked may have had no place for the call, or its part of the node was replaced.
async fn go_on(gateway: Gateway) {
    loop {
        match gateway.go_on() {
            Err(Rejected::Stopping) => return,
            Ok(0) => {}
            Ok(cash_boxes) => tracing::info!(
                cash_boxes,
                "accepted operations that have not ended are executed, devices are brought into service"
            ),
            Err(reason) => tracing::warn!(?reason, "accepted operations cannot be executed yet"),
        }
        tokio::time::sleep(Duration::from_millis(GO_ON_EVERY_MS)).await;
    }
}

/// What opening found that an operator should know.
fn report(journal: &dyn Journal) {
    let status = journal.status();
    if let Some(cut) = &status.cut {
        tracing::warn!(segment = cut.segment, offset = cut.offset, reason = %cut.reason, "the end of the log was not whole and was cut");
    }
    for damage in &status.damages {
        tracing::error!(%damage, "the log is damaged");
    }
    if let Some(index) = &status.index {
        tracing::warn!(%index, "the index is not in order");
    }
}

/// Where an environment is served.
#[derive(Debug, Clone)]
pub struct Served {
    /// Which one.
    pub environment: Environment,
    /// Its data folder.
    pub data_dir: PathBuf,
    /// Address and port.
    pub address: SocketAddr,
    /// What stands before `/v2`.
    pub base_path: String,
}

impl Served {
    /// The base of the interface for clients.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}{}/v2", self.address, self.base_path)
    }
}

struct Listener {
    handle: actix_web::dev::ServerHandle,
    task: actix_web::rt::task::JoinHandle<std::io::Result<()>>,
}

impl Listener {
    /// Takes no new connection and ends when the last one has its answer. Those that have none by `drained_by` are left behind:
    /// the cash boxes refuse what they still ask for, and they end with the process.
    async fn drain(&self, drained_by: tokio::time::Instant) {
        if tokio::time::timeout_at(drained_by, self.handle.stop(true)).await.is_err() {
            tracing::warn!("connections were still open and are cut off");
            // Not waited for: the server looks at it only after the graceful stop, which such a connection holds up.
            drop(self.handle.stop(false));
        }
        self.task.abort();
    }
}

/// Brings the terminals of the file into their cash boxes, before anybody can pay. What does not fit into a cash box is told in the log:
/// the others sign receipts all the same.
async fn bring_terminals(hosts: &[Host], settings: &Settings) {
    let mut by_cash_box: BTreeMap<CashBoxId, Vec<TerminalEntry>> = BTreeMap::new();
    for terminal in &settings.terminals {
        by_cash_box.entry(terminal.cash_box).or_default().push(terminal.entry.clone());
    }
    for (cash_box, terminals) in by_cash_box {
        let mut found = false;
        for host in hosts {
            match admin::bring_terminals(&host.context, cash_box, &terminals).await {
                Ok(None) => continue,
                Ok(Some(true)) => tracing::info!(%cash_box, ?terminals, "payment terminals of the configuration file"),
                Ok(Some(false)) => {}
                Err(failure) => {
                    tracing::error!(%cash_box, %failure, "the payment terminals of the configuration file cannot be set");
                }
            }
            found = true;
        }
        if !found {
            tracing::warn!(%cash_box, "the configuration file has payment terminals of a cash box that is not there");
        }
    }
}

/// Environments that are open, served and administered.
pub struct Running {
    hosts: Vec<Host>,
    readiness: Arc<http::Readiness>,
    listeners: Vec<Listener>,
    admin: Vec<AdminServer>,
    served: Vec<Served>,
    stop_deadline: Duration,
}

impl Running {
    /// Opens and serves every environment of the settings that has a data folder. Environments with the same address share a
    /// listener and are told apart by their base paths.
    ///
    /// # Errors
    /// When there is none, a folder cannot be opened, or an address cannot be listened on. What was opened before is closed.
    ///
    /// # Panics
    /// Outside of an actix system.
    pub async fn start(settings: &Settings) -> Result<Self, Failure> {
        let wanted: Vec<Environment> = [Environment::Sandbox, Environment::Production]
            .into_iter()
            .filter(|environment| !section(settings, *environment).data_dir.is_empty())
            .collect();
        if wanted.is_empty() {
            return Err(Failure::usage("no environment has a data folder: give --data-dir, or a file with --config"));
        }
        let mut running = Self {
            hosts: Vec::new(),
            readiness: Arc::new(http::Readiness::default()),
            listeners: Vec::new(),
            admin: Vec::new(),
            served: Vec::new(),
            stop_deadline: Duration::from_millis(settings.server.stop_deadline_ms),
        };
        match running.open_all(&wanted, settings).await {
            Ok(()) => Ok(running),
            Err(failure) => {
                running.stop().await;
                Err(failure)
            }
        }
    }

    async fn open_all(&mut self, wanted: &[Environment], settings: &Settings) -> Result<(), Failure> {
        for environment in wanted {
            let data_dir = PathBuf::from(&section(settings, *environment).data_dir);
            self.hosts.push(Host::open(&data_dir, *environment, settings, Purpose::Serve).await?);
        }
        bring_terminals(&self.hosts, settings).await;
        let mut addresses: Vec<&str> = wanted.iter().map(|one| section(settings, *one).listen.as_str()).collect();
        addresses.dedup();
        for address in addresses {
            self.listen(address, settings)?;
        }
        for host in &self.hosts {
            match AdminServer::listen(host.context.clone()) {
                Ok(server) => self.admin.push(server),
                // Receipts are signed without it; only commands must then wait for a stop.
                Err(error) => {
                    tracing::error!(%error, "the admin socket cannot be made; commands cannot reach this server")
                }
            }
        }
        Ok(())
    }

    /// Serves all hosts whose section names this address.
    fn listen(&mut self, address: &str, settings: &Settings) -> Result<(), Failure> {
        let cannot = |error: std::io::Error| Failure::fault(format!("cannot listen on {address}: {error}"));
        let listener = TcpListener::bind(address).map_err(cannot)?;
        let here = |host: &&Host| section(settings, host.context.environment).listen == address;
        let edges = self.hosts.iter().filter(here).map(|host| {
            http::Edge::new(http::EdgeParts {
                environment: host.context.environment,
                gateway: host.context.gateway.clone(),
                pepper: &http::Pepper::new(host.context.keys.pepper().bytes()),
                clock: Arc::clone(&host.context.clock),
                readiness: Arc::clone(&self.readiness),
                settings,
            })
        });
        let http::Running { server, handle, address: bound } =
            http::serve(edges.collect(), listener, settings).map_err(cannot)?;
        self.listeners.push(Listener { handle, task: actix_web::rt::spawn(server) });
        let served = self.hosts.iter().filter(here).map(|host| Served {
            environment: host.context.environment,
            data_dir: host.context.data_dir.clone(),
            address: bound,
            base_path: section(settings, host.context.environment).base_path.clone(),
        });
        self.served.extend(served);
        Ok(())
    }

    /// Where each environment is served.
    #[must_use]
    pub fn served(&self) -> &[Served] {
        &self.served
    }

    /// The opened environments.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// Why no further receipt can be signed until a restart, if so.
    #[must_use]
    pub fn poisoned(&self) -> Option<String> {
        self.hosts.iter().find_map(|host| host.journal.status().stopped)
    }

    /// Stops in order: not ready, answer what is in flight, close the socket, stop the cash boxes, flush and seal. What has no
    /// answer by the deadline is cut off; it can be asked for again under its operation id. Gives whether all ended in time.
    pub async fn stop(self) -> bool {
        self.readiness.stop();
        tracing::info!("stopping: no longer ready");
        let deadline = tokio::time::Instant::now() + self.stop_deadline;
        // Of the time the larger part is for answers; flushing a batch takes milliseconds.
        let drained_by = deadline.checked_sub(self.stop_deadline / FLUSH_PART).unwrap_or(deadline);
        for server in self.admin {
            server.stop().await;
        }
        join_all(self.listeners.iter().map(|listener| listener.drain(drained_by))).await;
        let closed = self.hosts.into_iter().map(|host| tokio::time::timeout_at(deadline, host.close()));
        join_all(closed).await.iter().all(Result::is_ok)
    }
}
