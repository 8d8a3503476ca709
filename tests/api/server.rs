//! A server on a free port: two started Austrian sandbox cash boxes, a fake clock, a journal in memory or on disk.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, OnceLock, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use kassette::config::Settings;
use kassette::http::{Edge, EdgeParts, Pepper, Readiness, Running, serve, token_mac};
use kassette_actors::{BeforeDevice, BeforeExecute, DeviceOptions, Gateway, Keys, Node, NodeOptions, Vault};
use kassette_cashbox::{Configuration, Request, TerminalEntry, TokenEntry, UnitEntry};
use kassette_journal::{EmbeddedJournal, Journal, MemoryJournal};
use kassette_markets::MarketSecrets;
use kassette_model::cases::Country;
use kassette_model::{CashBoxId, Environment, OperationId, OperationKind, QueueId, UnitId};
use kassette_signing::{SignatureUnit, UnitSpec, create_sandbox};
use kassette_stdx::encoding::{base64, hex};
use kassette_stdx::{Clock, FakeClock, SeededEntropy, SystemClock};
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::client::{Reply, begin, send};

/// 2026-03-04T10:15:34Z.
pub(crate) const START_NS: i64 = 1_772_619_334_000_000_000;
const PEPPER: [u8; 32] = [9; 32];
const UNIT: UnitId = UnitId::from_bytes([5; 16]);

/// A cash box of the test server: 1 and 2 are started, 3 is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Till(pub(crate) u8);

pub(crate) const A: Till = Till(1);
pub(crate) const B: Till = Till(2);
pub(crate) const DISABLED: Till = Till(3);

impl Till {
    pub(crate) fn cash_box(self) -> CashBoxId {
        CashBoxId::from_bytes([self.0 | 0x40; 16])
    }

    pub(crate) fn queue(self) -> QueueId {
        QueueId::from_bytes([self.0 | 0x60; 16])
    }

    pub(crate) fn token(self) -> String {
        format!("kst_test_{}", self.0)
    }
}

struct TestVault {
    unit: Arc<dyn SignatureUnit>,
}

impl Vault for TestVault {
    fn open(&self, configuration: &Configuration) -> Result<Keys, String> {
        Ok(Keys { secrets: secrets(configuration)?, units: vec![(UNIT, Arc::clone(&self.unit))] })
    }
}

/// One unit for all servers of this process, so that a restarted one finds its key again.
fn unit() -> Arc<dyn SignatureUnit> {
    static SPEC: OnceLock<UnitSpec> = OnceLock::new();
    let spec = SPEC.get_or_init(|| create_sandbox("test", 1_700_000_000, &SeededEntropy::new(1)).unwrap());
    kassette_signing::open(spec, None).unwrap()
}

/// What a test may change before the server starts.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) settings: Settings,
    pub(crate) before_execute: Option<BeforeExecute>,
    /// A second environment on the same listener (production, over the same cash boxes), below this base path.
    pub(crate) second_base_path: Option<&'static str>,
    /// Terminals of till A. With any of them the node has the time of the machine: a real line does not wait for a clock that is set.
    pub(crate) terminals: Vec<TerminalEntry>,
    pub(crate) devices: DeviceOptions,
    pub(crate) before_device: Arc<BeforeDevice>,
}

pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) readiness: Arc<Readiness>,
    pub(crate) gateway: Gateway,
    /// When the journal is in memory.
    pub(crate) memory: Option<Arc<MemoryJournal>>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The journal of a server on disk, while no server has it.
pub(crate) fn journal_on_disk(folder: &Path, settings: &Settings) -> EmbeddedJournal {
    let mut options = settings.journal.options();
    options.segment_bytes = 4 * 1024 * 1024;
    options.first_segment_bytes = 4 * 1024 * 1024;
    EmbeddedJournal::open(folder, options).unwrap()
}

/// The same for all cash boxes.
pub(crate) fn secrets(configuration: &Configuration) -> Result<MarketSecrets, String> {
    let market = kassette_markets::market(configuration.market).ok_or("no such market")?;
    market.secrets(&market.new_secrets(&[7; 64])).map_err(|error| error.to_string())
}

/// Runs a test over every store.
pub(crate) fn over_every_store(test: impl Fn(&TestServer)) {
    test(&TestServer::in_memory(Options::default()));
    let folder = tempfile::tempdir().unwrap();
    test(&TestServer::on_disk(folder.path(), Options::default()));
}

impl TestServer {
    pub(crate) fn in_memory(options: Options) -> Self {
        let journal = Arc::new(MemoryJournal::new());
        let mut server = Self::start(Arc::clone(&journal) as _, options);
        server.memory = Some(journal);
        server
    }

    pub(crate) fn on_disk(folder: &Path, options: Options) -> Self {
        Self::start(Arc::new(journal_on_disk(folder, &options.settings)), options)
    }

    fn start(journal: Arc<dyn Journal>, options: Options) -> Self {
        crate::logs::capture();
        let clock = Arc::new(FakeClock::at(START_NS));
        let readiness = Arc::new(Readiness::default());
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (told, started) = mpsc::channel();
        let inside = (Arc::clone(&clock), Arc::clone(&readiness));
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let (clock, readiness) = inside;
                let unit = unit();
                let node_clock: Arc<dyn Clock> = if options.terminals.is_empty() {
                    Arc::clone(&clock) as _
                } else {
                    Arc::new(SystemClock::default())
                };
                let node = Node::start(
                    Arc::clone(&journal),
                    Arc::new(TestVault { unit: Arc::clone(&unit) }),
                    node_clock,
                    Arc::new(SeededEntropy::new(42)),
                    NodeOptions {
                        shards: 2,
                        body_limits: options.settings.limits.json(),
                        subscribers_per_cash_box_max: usize::try_from(
                            options.settings.events.subscribers_per_cash_box_max,
                        )
                        .unwrap(),
                        before_execute: options.before_execute,
                        before_device: options.before_device,
                        devices: options.devices,
                        ..NodeOptions::default()
                    },
                );
                let gateway = node.gateway();
                prepare(&gateway, unit.as_ref(), &options.terminals).await;
                let mut settings = options.settings;
                settings.server.workers = 2;
                let edge = |environment, settings: &Settings| {
                    Edge::new(EdgeParts {
                        environment,
                        gateway: gateway.clone(),
                        pepper: &Pepper::new(PEPPER),
                        clock: Arc::clone(&clock) as _,
                        readiness: Arc::clone(&readiness),
                        settings,
                    })
                };
                let mut edges = vec![edge(Environment::Sandbox, &settings)];
                if let Some(base_path) = options.second_base_path {
                    settings.production.base_path = base_path.to_owned();
                    edges.push(edge(Environment::Production, &settings));
                }
                let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                let Running { server, handle, address } = serve(edges, listener, &settings).unwrap();
                let serving = actix_web::rt::spawn(server);
                told.send((address, gateway)).unwrap();
                let _ = stopped.await;
                handle.stop(false).await;
                let _ = serving.await;
                node.stop().await;
                journal.close();
            });
        });
        let (address, gateway) = started.recv_timeout(Duration::from_secs(60)).expect("the server starts");
        Self { address, clock, readiness, gateway, memory: None, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn call(&self, method: &str, target: &str) -> Call<'_> {
        Call {
            server: self,
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A POST of an operation with a fresh id.
    pub(crate) fn operation(&self, till: Till, target: &str, body: impl AsRef<[u8]>) -> Call<'_> {
        self.call("POST", target).of(till).id(fresh()).body(body)
    }

    /// Signs a sale and gives its answer.
    pub(crate) fn sale(&self, till: Till, reference: &str) -> Value {
        let reply = self.operation(till, "/v2/sign", sale(reference)).send();
        reply.ok(201)
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(memory) = &self.memory {
            memory.release();
        }
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the server thread panicked");
        }
    }
}

/// Creates the cash boxes; A and B are started.
async fn prepare(gateway: &Gateway, unit: &dyn SignatureUnit, terminals: &[TerminalEntry]) {
    while gateway.passivate().await.is_err() {
        tokio::task::yield_now().await;
    }
    for till in [A, B, DISABLED] {
        let mut configuration = configuration(till, unit, false);
        if till == A {
            configuration.terminals = terminals.to_vec();
        }
        gateway.configure(configuration).await.unwrap();
        if till != DISABLED {
            let request = Request {
                id: OperationId::from_bytes([till.0; 16]),
                kind: OperationKind::Sign,
                method: "POST".to_owned(),
                path: "/v2/sign".to_owned(),
                headers: Vec::new(),
                pos_system: None,
                terminal: None,
                lifetime_ms: None,
                callback: None,
                body: receipt("start", 0x4154_2000_0000_4001, "[]", "[]").into_bytes(),
            };
            let started = gateway.execute(till.cash_box(), request, Duration::from_secs(30)).await.unwrap();
            assert_eq!(started.answer.status, 201, "{}", String::from_utf8_lossy(&started.answer.body));
        } else {
            let disabled = self::configuration(till, unit, true);
            gateway.configure(disabled).await.unwrap();
        }
    }
}

fn configuration(till: Till, unit: &dyn SignatureUnit, disabled: bool) -> Configuration {
    let identity = unit.identity();
    let token = |text: &str, not_after_ns| TokenEntry {
        hmac_hex: hex(&token_mac(&Pepper::new(PEPPER), text.as_bytes())),
        created_ns: START_NS,
        not_after_ns,
    };
    Configuration {
        cash_box: till.cash_box(),
        queue: till.queue(),
        identification: format!("TILL-{}", till.0),
        market: Country::AT,
        environment: Environment::Sandbox,
        tokens: vec![token(&till.token(), None), token("kst_test_old", Some(START_NS + 60_000_000_000))],
        disabled,
        units: vec![UnitEntry {
            id: UNIT,
            sandbox: true,
            algorithm_mark: identity.algorithm_mark.clone(),
            key_name: identity.certificate_serial_hex.clone(),
            certificate_base64: identity.certificate_der.as_deref().map(base64),
            chain_base64: Vec::new(),
            public_key_base64: base64(&identity.public_key_spki_der),
            retired: false,
        }],
        terminals: Vec::new(),
        market_settings: RawValue::from_string("{}".to_owned()).unwrap(),
        validation_fails: false,
        receipt_request_signs: false,
        created_ns: START_NS,
    }
}

/// A request that is being put together.
#[derive(Clone)]
pub(crate) struct Call<'s> {
    server: &'s TestServer,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Call<'_> {
    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn of(self, till: Till) -> Self {
        self.header("x-cashbox-id", till.cash_box().to_string()).header("x-cashbox-accesstoken", till.token())
    }

    pub(crate) fn id(self, id: Uuid) -> Self {
        self.header("x-operation-id", id.to_string())
    }

    pub(crate) fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    pub(crate) fn target(mut self, target: &str) -> Self {
        self.target = target.to_owned();
        self
    }

    /// Sends it and does not wait for the answer.
    pub(crate) fn begin(self) -> std::net::TcpStream {
        begin(self.server.address, &self.method, &self.target, &self.headers, &self.body)
    }

    pub(crate) fn send(self) -> Reply {
        send(self.server.address, &self.method, &self.target, &self.headers, &self.body)
    }
}

pub(crate) fn fresh() -> Uuid {
    Uuid::new_v4()
}

pub(crate) fn receipt(reference: &str, case: u64, charge_items: &str, pay_items: &str) -> String {
    format!(
        r#"{{"cbReceiptReference":"{reference}","cbReceiptMoment":"2026-03-04T10:15:34Z","ftReceiptCase":{case},"cbChargeItems":{charge_items},"cbPayItems":{pay_items}}}"#
    )
}

pub(crate) fn sale(reference: &str) -> String {
    receipt(
        reference,
        0x4154_2000_0000_0001,
        r#"[{"Quantity":1,"Description":"Espresso","Amount":3.2,"VATRate":20}]"#,
        r#"[{"Description":"Cash","Amount":3.2}]"#,
    )
}
