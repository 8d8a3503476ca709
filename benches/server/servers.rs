//! What is measured: a bare handler, and the whole server over a journal.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use actix_web::{App, HttpResponse, HttpServer, web};
use kassette::config::Settings;
use kassette::http::{Edge, EdgeParts, Pepper, Readiness, serve, token_mac};
use kassette_actors::callbacks::CallbackParts;
use kassette_actors::{Gateway, Keys, Node, NodeOptions, Vault};
use kassette_cashbox::{Configuration, Request, TokenEntry, UnitEntry};
use kassette_journal::{EmbeddedJournal, Journal, JournalOptions, NullJournal};
use kassette_model::cases::Country;
use kassette_model::{CashBoxId, Environment, OperationId, OperationKind, QueueId, UnitId};
use kassette_signing::SignatureUnit;
use kassette_stdx::encoding::{base64, hex};
use kassette_stdx::{SystemClock, SystemEntropy};
use serde_json::value::RawValue;

const TOKEN: &str = "kst_test_bench";
const UNIT: UnitId = UnitId::from_bytes([5; 16]);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Ceiling,
    NullJournal,
    Durable,
}

struct OneUnit(Arc<dyn SignatureUnit>);

impl Vault for OneUnit {
    fn open(&self, configuration: &Configuration) -> Result<Keys, String> {
        let market = kassette_markets::market(configuration.market).ok_or("no such market")?;
        let secrets = market.secrets(&market.new_secrets(&[7; 64])).map_err(|error| error.to_string())?;
        Ok(Keys { secrets, units: vec![(UNIT, Arc::clone(&self.0))] })
    }
}

/// A server on a thread of its own.
pub(crate) struct Served {
    pub(crate) port: u16,
    boxes: u64,
    journal: Option<Arc<dyn Journal>>,
    gateway: Option<Gateway>,
    /// Where a load asks callbacks to, one after the other; empty for none.
    pub(crate) callback_urls: Vec<String>,
    stop: tokio::sync::oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// Type of the file system that a folder lies on.
pub(crate) fn file_system(folder: &Path) -> String {
    let output = std::process::Command::new("stat").args(["-f", "-c", "%T"]).arg(folder).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// `BENCH_SHARDS`; the default is the product's own.
fn shards() -> usize {
    let text = std::env::var("BENCH_SHARDS").ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(NodeOptions::default().shards)
}

pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// CPU of the process and of the calling thread in µs, from the kernel's accounts.
pub(crate) fn process_cpu_us() -> (u64, u64) {
    (cpu_us("/proc/self/stat"), cpu_us("/proc/thread-self/stat"))
}

fn cpu_us(path: &str) -> u64 {
    let text = std::fs::read_to_string(path).unwrap();
    let fields: Vec<&str> = text.rsplit_once(") ").unwrap().1.split(' ').collect();
    // utime and stime in ticks of 10 ms.
    (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()) * 10_000
}

pub(crate) fn cash_box(number: u64) -> CashBoxId {
    CashBoxId::from_uuid(uuid::Uuid::from_u128(0x4000_8000_0000 << 64 | u128::from(number) << 32 | u128::from(number)))
}

impl Served {
    pub(crate) fn start(kind: Kind, folder: &Path, boxes: u64) -> Self {
        let journal: Option<Arc<dyn Journal>> = match kind {
            Kind::Ceiling => None,
            Kind::NullJournal => Some(Arc::new(NullJournal::start().unwrap())),
            Kind::Durable => {
                std::fs::create_dir_all(folder).unwrap();
                Some(Arc::new(EmbeddedJournal::open(folder, JournalOptions::default()).unwrap()))
            }
        };
        Self::over(journal, boxes, None)
    }

    /// The whole server over a journal, or the bare handler without one.
    pub(crate) fn over(journal: Option<Arc<dyn Journal>>, boxes: u64, callbacks: Option<CallbackParts>) -> Self {
        let (ready, started) = mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let inside = journal.clone();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
                let port = listener.local_addr().unwrap().port();
                match inside {
                    None => bare(listener, move || ready.send((port, None)).unwrap(), stopped).await,
                    Some(journal) => {
                        let ready = move |gateway| ready.send((port, Some(gateway))).unwrap();
                        whole(journal, boxes, callbacks, listener, ready, stopped).await;
                    }
                }
            });
        });
        let (port, gateway) = started.recv().unwrap();
        Self { port, boxes, journal, gateway, callback_urls: Vec::new(), stop, thread }
    }

    /// What calls go to without HTTP.
    pub(crate) fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().unwrap()
    }

    pub(crate) fn callback_url(&self, connection: u64) -> Option<&str> {
        let count = u64::try_from(self.callback_urls.len()).unwrap();
        let at = connection.checked_rem(count)?;
        self.callback_urls.get(usize::try_from(at).unwrap()).map(String::as_str)
    }

    pub(crate) fn credentials(&self, connection: u64) -> (CashBoxId, &'static str) {
        (cash_box(connection % self.boxes), TOKEN)
    }

    /// Signs receipts through the gateway, without HTTP, until the journal has `records`.
    pub(crate) fn fill(&self, records: u64) {
        let journal = self.journal.clone().unwrap();
        let gateway = self.gateway.clone().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let tasks = tokio::task::LocalSet::new();
        let numbers = std::rc::Rc::new(std::cell::Cell::new(0_u64));
        tasks.block_on(&runtime, async {
            let running: Vec<_> = (0..256)
                .map(|_| {
                    let (journal, gateway, numbers, boxes) =
                        (Arc::clone(&journal), gateway.clone(), std::rc::Rc::clone(&numbers), self.boxes);
                    tokio::task::spawn_local(async move {
                        while journal.status().records < records {
                            let number = numbers.get() + 1;
                            numbers.set(number);
                            let call =
                                request(u128::from(number) << 64 | 2, crate::load::sale(&format!("F{number:011}")));
                            let done = gateway.execute(cash_box(number % boxes), call, Duration::from_secs(60)).await;
                            assert_eq!(done.unwrap().answer.status, 201);
                        }
                    })
                })
                .collect();
            for task in running {
                task.await.unwrap();
            }
        });
        assert!(self.caught_up(Duration::from_secs(60)));
    }

    /// Records that the index does not have yet.
    pub(crate) fn lag(&self) -> u64 {
        self.journal.as_ref().map_or(0, |journal| journal.status().index_lag_records)
    }

    /// Whether the index has everything within `time`.
    pub(crate) fn caught_up(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        while self.lag() > 0 && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(10));
        }
        self.lag() == 0
    }

    pub(crate) fn stop(mut self) {
        self.gateway = None;
        let _ = self.stop.send(());
        self.thread.join().unwrap();
        if let Some(journal) = self.journal {
            journal.close();
        }
    }
}

/// Takes the body, gives an answer of the size of a signed receipt with the same headers.
async fn bare(listener: TcpListener, ready: impl FnOnce(), stopped: tokio::sync::oneshot::Receiver<()>) {
    let body: &'static [u8] = Box::leak(vec![b'x'; crate::load::ANSWER_BYTES].into_boxed_slice());
    let server = HttpServer::new(move || {
        App::new().route(
            "/v2/sign",
            web::post().to(move |_: web::Bytes| async move {
                HttpResponse::Created()
                    .insert_header(("content-type", "application/json; charset=utf-8"))
                    .insert_header(("x-operation-id", "5e555e55-5e55-4000-8000-000000000001"))
                    .insert_header(("x-operation-state", "done"))
                    .insert_header(("location", "/v2/journal/OperationItem/5e555e55-5e55-4000-8000-000000000001"))
                    .body(body)
            }),
        )
    })
    .workers(cores())
    .disable_signals()
    .listen(listener)
    .unwrap()
    .run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    ready();
    let _ = stopped.await;
    handle.stop(false).await;
}

async fn whole(
    journal: Arc<dyn Journal>,
    boxes: u64,
    callbacks: Option<CallbackParts>,
    listener: TcpListener,
    ready: impl FnOnce(Gateway),
    stopped: tokio::sync::oneshot::Receiver<()>,
) {
    let spec = kassette_signing::create_sandbox("bench", 1_700_000_000, &SystemEntropy).unwrap();
    let unit = kassette_signing::open(&spec, None).unwrap();
    let pepper = Pepper::new([9; 32]);
    let clock = Arc::new(SystemClock::default());
    let node = Node::start(
        journal,
        Arc::new(OneUnit(Arc::clone(&unit))),
        Arc::clone(&clock) as _,
        Arc::new(SystemEntropy),
        NodeOptions { shards: shards(), callbacks, ..NodeOptions::default() },
    );
    let gateway = node.gateway();
    while gateway.passivate().await.is_err() {
        actix_web::rt::task::yield_now().await;
    }
    for number in 0..boxes {
        create(&gateway, number, unit.as_ref(), &pepper).await;
    }
    let mut settings = Settings::default();
    if let Some(workers) = std::env::var("BENCH_WORKERS").ok().and_then(|text| text.parse().ok()) {
        settings.server.workers = workers;
    }
    let edge = Edge::new(EdgeParts {
        environment: Environment::Sandbox,
        gateway: gateway.clone(),
        pepper: &pepper,
        clock,
        readiness: Arc::new(Readiness::default()),
        settings: &settings,
    });
    let running = serve(vec![edge], listener, &settings).unwrap();
    actix_web::rt::spawn(running.server);
    ready(gateway);
    let _ = stopped.await;
    running.handle.stop(false).await;
    node.stop().await;
}

/// A cash box with a started queue.
pub(crate) async fn create(gateway: &Gateway, number: u64, unit: &dyn SignatureUnit, pepper: &Pepper) {
    let identity = unit.identity();
    let configuration = Configuration {
        cash_box: cash_box(number),
        queue: QueueId::from_uuid(cash_box(number).uuid()),
        identification: format!("BENCH-{number}"),
        market: Country::AT,
        environment: Environment::Sandbox,
        tokens: vec![TokenEntry {
            hmac_hex: hex(&token_mac(pepper, TOKEN.as_bytes())),
            created_ns: 0,
            not_after_ns: None,
        }],
        disabled: false,
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
        created_ns: 0,
    };
    if gateway.profile(cash_box(number)).unwrap().is_some() {
        return;
    }
    gateway.configure(configuration).await.unwrap();
    let start = request(1, start_receipt());
    let started = gateway.execute(cash_box(number), start, Duration::from_secs(60)).await.unwrap();
    assert_eq!(started.answer.status, 201);
}

fn start_receipt() -> String {
    format!(
        "{{\"cbReceiptReference\":\"start\",\"ftReceiptCase\":{},\"cbChargeItems\":[],\"cbPayItems\":[]}}",
        0x4154_2000_0000_4001_u64
    )
}

pub(crate) fn request(operation: u128, body: String) -> Request {
    Request {
        id: OperationId::from_uuid(uuid::Uuid::from_u128(operation)),
        kind: OperationKind::Sign,
        method: "POST".to_owned(),
        path: "/v2/sign".to_owned(),
        headers: Vec::new(),
        pos_system: None,
        terminal: None,
        lifetime_ms: None,
        callback: None,
        body: body.into_bytes(),
    }
}

/// Resident memory per cash box.
pub(crate) struct Idle {
    pub(crate) active_kib: f64,
    pub(crate) passivated_kib: f64,
}

/// Makes cash boxes that have an answered operation each.
pub(crate) fn make_boxes(folder: &Path, boxes: u64) {
    with_node(folder, async |_, gateway| {
        let spec = kassette_signing::create_sandbox("bench", 1_700_000_000, &SystemEntropy).unwrap();
        let unit = kassette_signing::open(&spec, None).unwrap();
        let pepper = Pepper::new([9; 32]);
        let mut group = Vec::new();
        for number in 0..boxes {
            group.push(create(gateway, number, unit.as_ref(), &pepper));
            if group.len() == 256 || number + 1 == boxes {
                futures_util::future::join_all(group.drain(..)).await;
            }
        }
    });
}

/// Brings all cash boxes of the folder into memory as a till does that repeats an operation: its credentials are looked at, it is
/// answered with what is stored. Then lets them leave again.
///
/// To be called in a process that has had none of them in memory: what an allocator keeps of an earlier time would be used again and
/// not seen. What the index keeps of them in its cache is read before, because it is not the cash boxes'.
pub(crate) fn idle_memory(folder: &Path, boxes: u64, resident_kib: fn() -> u64) -> Idle {
    with_node(folder, async |journal, gateway| {
        for number in 0..boxes {
            let (id, start) = (cash_box(number), OperationId::from_uuid(uuid::Uuid::from_u128(1)));
            assert!(journal.head(id).unwrap().is_some() && journal.operation(id, start).unwrap().is_some());
            assert!(journal.configuration(id).unwrap().is_some());
        }
        let empty = resident_kib();
        for number in 0..boxes {
            assert!(gateway.profile(cash_box(number)).unwrap().is_some());
            let call = request(1, start_receipt());
            let done = gateway.execute(cash_box(number), call, Duration::from_secs(60)).await.unwrap();
            assert!(!done.first);
        }
        assert_eq!(gateway.status().active_cash_boxes, usize::try_from(boxes).unwrap());
        let full = resident_kib();
        gateway.passivate().await.unwrap();
        assert_eq!(gateway.status().active_cash_boxes, 0);
        // The actors end behind the message that lets them go.
        actix_web::rt::time::sleep(Duration::from_secs(1)).await;
        let each = |more: u64| more.saturating_sub(empty) as f64 / boxes as f64;
        Idle { active_kib: each(full), passivated_kib: each(resident_kib()) }
    })
}

/// Runs `work` with a node that lets cash boxes go only when it is told to.
fn with_node<T>(folder: &Path, work: impl AsyncFnOnce(&Arc<dyn Journal>, &Gateway) -> T) -> T {
    std::fs::create_dir_all(folder).unwrap();
    actix_web::rt::System::new().block_on(async move {
        let journal: Arc<dyn Journal> = Arc::new(EmbeddedJournal::open(folder, JournalOptions::default()).unwrap());
        let spec = kassette_signing::create_sandbox("bench", 1_700_000_000, &SystemEntropy).unwrap();
        let unit = kassette_signing::open(&spec, None).unwrap();
        let node = Node::start(
            Arc::clone(&journal),
            Arc::new(OneUnit(unit)),
            Arc::new(SystemClock::default()),
            Arc::new(SystemEntropy),
            NodeOptions { passivate_after_ms: 0, passivate_every_ms: 3_600_000, ..NodeOptions::default() },
        );
        let gateway = node.gateway();
        while gateway.passivate().await.is_err() {
            actix_web::rt::task::yield_now().await;
        }
        let done = work(&journal, &gateway).await;
        node.stop().await;
        journal.close();
        done
    })
}
