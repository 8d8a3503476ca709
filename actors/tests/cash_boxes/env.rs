//! A node over a journal in memory, with Austrian sandbox cash boxes.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kassette_actors::{Executed, Gateway, Keys, Node, NodeOptions, Rejected, Vault};
use kassette_cashbox::{Configuration, Request, UnitEntry};
use kassette_journal::MemoryJournal;
use kassette_markets::MarketSecrets;
use kassette_model::cases::Country;
use kassette_model::{CashBoxId, Environment, OperationId, OperationKind, QueueId, UnitId};
use kassette_signing::{SignatureUnit, create_sandbox};
use kassette_stdx::encoding::base64;
use kassette_stdx::{FakeClock, SeededEntropy};
use serde_json::value::RawValue;

/// 2026-03-04T10:15:34Z.
const START_NS: i64 = 1_772_619_334_000_000_000;

/// Keys in memory; counts how often a cash box was opened, which is how often it was restored.
pub(crate) struct TestVault {
    unit: Arc<dyn SignatureUnit>,
    pub(crate) opened: AtomicUsize,
}

impl TestVault {
    const UNIT: UnitId = UnitId::from_bytes([5; 16]);

    fn new() -> Self {
        let spec = create_sandbox("test", 1_700_000_000, &SeededEntropy::new(1)).unwrap();
        Self { unit: kassette_signing::open(&spec, None).unwrap(), opened: AtomicUsize::new(0) }
    }
}

impl Vault for TestVault {
    fn open(&self, configuration: &Configuration) -> Result<Keys, String> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        Ok(Keys { secrets: secrets(configuration)?, units: vec![(Self::UNIT, Arc::clone(&self.unit))] })
    }
}

/// The same for all cash boxes.
pub(crate) fn secrets(configuration: &Configuration) -> Result<MarketSecrets, String> {
    let market = kassette_markets::market(configuration.market).ok_or("no such market")?;
    market.secrets(&market.new_secrets(&[7; 64])).map_err(|error| error.to_string())
}

pub(crate) struct Env {
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) vault: Arc<TestVault>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) gateway: Gateway,
    node: Node,
}

impl Env {
    fn start(options: NodeOptions) -> Self {
        Self::over(Arc::new(MemoryJournal::new()), Arc::new(FakeClock::at(START_NS)), options)
    }

    /// The same journal under a new node, as after a restart of the process.
    pub(crate) async fn restarted(self, options: NodeOptions) -> Self {
        let Self { journal, clock, node, .. } = self;
        node.stop().await;
        let env = Self::over(journal, clock, options);
        env.ready().await;
        env
    }

    /// The same, after `between` did something to the journal that no node has.
    pub(crate) async fn restarted_after(self, between: impl FnOnce(&MemoryJournal)) -> Self {
        let Self { journal, clock, node, .. } = self;
        node.stop().await;
        between(&journal);
        let env = Self::over(journal, clock, NodeOptions::default());
        env.ready().await;
        env
    }

    fn over(journal: Arc<MemoryJournal>, clock: Arc<FakeClock>, options: NodeOptions) -> Self {
        let vault = Arc::new(TestVault::new());
        let entropy = Arc::new(SeededEntropy::new(42));
        let node =
            Node::start(Arc::clone(&journal) as _, Arc::clone(&vault) as _, Arc::clone(&clock) as _, entropy, options);
        Self { gateway: node.gateway(), journal, vault, clock, node }
    }

    /// Waits until every shard is up: starting is asynchronous.
    async fn ready(&self) {
        while self.gateway.passivate().await.is_err() {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn configuration(&self, number: u8) -> Configuration {
        let identity = self.vault.unit.identity();
        Configuration {
            cash_box: cash_box(number),
            queue: QueueId::from_bytes([number; 16]),
            identification: format!("TILL-{number}"),
            market: Country::AT,
            environment: Environment::Sandbox,
            tokens: Vec::new(),
            disabled: false,
            units: vec![UnitEntry {
                id: TestVault::UNIT,
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

    /// A configured cash box whose queue is started.
    pub(crate) async fn cash_box(&self, number: u8) -> CashBoxId {
        self.gateway.configure(self.configuration(number)).await.unwrap();
        let start = self.execute(number, 1, receipt("start", 0x4154_2000_0000_4001)).await.unwrap();
        assert_eq!(start.answer.status, 201, "{}", String::from_utf8_lossy(&start.answer.body));
        cash_box(number)
    }

    pub(crate) async fn execute(&self, number: u8, operation: u64, body: Vec<u8>) -> Result<Executed, Rejected> {
        self.gateway
            .execute(cash_box(number), request(OperationKind::Sign, operation, body), Duration::from_secs(60))
            .await
    }

    pub(crate) async fn sale(&self, number: u8, operation: u64) -> Result<Executed, Rejected> {
        self.execute(number, operation, receipt(&format!("R-{operation}"), 0x4154_2000_0000_0001)).await
    }

    /// Starts a call without waiting for its answer.
    pub(crate) fn begin(&self, number: u8, operation: u64) -> tokio::task::JoinHandle<Result<Executed, Rejected>> {
        let gateway = self.gateway.clone();
        let body = receipt(&format!("R-{operation}"), 0x4154_2000_0000_0001);
        let call = request(OperationKind::Sign, operation, body);
        actix::spawn(async move { gateway.execute(cash_box(number), call, Duration::from_secs(60)).await })
    }

    /// Yields until the journal holds `count` appends and barriers.
    pub(crate) async fn queued(&self, count: usize) {
        while self.journal.queued() < count {
            tokio::task::yield_now().await;
        }
    }
}

pub(crate) fn cash_box(number: u8) -> CashBoxId {
    let mut bytes = [0x40; 16];
    bytes[15] = number;
    CashBoxId::from_bytes(bytes)
}

pub(crate) fn request(kind: OperationKind, operation: u64, body: Vec<u8>) -> Request {
    Request {
        id: OperationId::from_uuid(uuid::Uuid::from_u128(u128::from(operation) + (7 << 100))),
        kind,
        method: "POST".to_owned(),
        path: format!("/v2/{kind}"),
        headers: Vec::new(),
        pos_system: None,
        terminal: None,
        lifetime_ms: None,
        callback: None,
        body,
    }
}

pub(crate) fn receipt(reference: &str, case: u64) -> Vec<u8> {
    let items = if case & 0xF000 == 0 {
        r#""cbChargeItems":[{"Description":"Espresso","Amount":3.20,"VATRate":20}],"cbPayItems":[{"Description":"Bar","Amount":3.20}]"#
    } else {
        r#""cbChargeItems":[],"cbPayItems":[]"#
    };
    format!(r#"{{"cbReceiptReference":"{reference}","cbReceiptMoment":"2026-03-04T10:15:34Z","ftReceiptCase":{case},{items}}}"#)
        .into_bytes()
}

/// `ftQueueRow` and `ftReceiptIdentification` of an answer.
pub(crate) fn numbers(executed: &Executed) -> (u64, String) {
    let answer: HashMap<String, serde_json::Value> = serde_json::from_slice(&executed.answer.body).unwrap();
    (answer["ftQueueRow"].as_u64().unwrap(), answer["ftReceiptIdentification"].as_str().unwrap().to_owned())
}

/// Runs `test` on a node in an actix system.
pub(crate) fn check<F: Future<Output = Env>>(options: NodeOptions, test: impl FnOnce(Env) -> F) {
    actix::System::new().block_on(async {
        let env = Env::start(options);
        env.ready().await;
        let env = test(env).await;
        env.journal.set_fault(None);
        env.journal.release();
        env.node.stop().await;
    });
}
