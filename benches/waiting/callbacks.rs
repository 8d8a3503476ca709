//! Callbacks beside signing, their throughput, and a restart with many open promises.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use kassette_actors::callbacks::{CallbackLimits, CallbackParts, CallbackSecrets};
use kassette_cashbox::Request;
use kassette_journal::callbacks::{CallbackOptions, CallbackStore, MemoryCallbacks, SledCallbacks};
use kassette_journal::{EmbeddedJournal, Journal, JournalOptions};
use kassette_model::CashBoxId;
use kassette_outbound::{Client, Connector, Pending, Policy, Roots, Stream, SystemResolver};
use kassette_webhooks::Secret;

use crate::load::{Load, sale};
use crate::receivers::{Healthy, silent};
use crate::servers::{Served, cash_box, process_cpu_us, request};
use crate::setting;

/// Cash boxes that sign.
const BOXES: u64 = 64;
/// Receivers that never answer.
const SILENT: usize = 32;

struct OneSecret;

impl CallbackSecrets for OneSecret {
    fn secrets(&self, _: CashBoxId) -> Result<Vec<Secret>, String> {
        Secret::from_bytes(&[7; 32]).map(|secret| vec![secret]).map_err(|error| error.to_string())
    }
}

/// Connects to nothing and does not say so.
struct Nowhere;

impl Connector for Nowhere {
    fn connect(&self, _: SocketAddr) -> Pending<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(std::future::pending())
    }
}

fn parts(folder: &Path) -> CallbackParts {
    let folder = folder.join("callbacks");
    std::fs::create_dir_all(&folder).unwrap();
    CallbackParts {
        client: Client::system(Policy::sandbox(true), &[]).unwrap(),
        secrets: Arc::new(OneSecret),
        store: Arc::new(move |fresh| {
            if setting("BENCH_MEMORY_STORE", 0) == 1 {
                return Ok(Arc::new(MemoryCallbacks::default()) as Arc<dyn CallbackStore>);
            }
            let open = if fresh { SledCallbacks::fresh } else { SledCallbacks::open };
            open(&folder, CallbackOptions::default()).map(|store| Arc::new(store) as Arc<dyn CallbackStore>)
        }),
        options: CallbackLimits::default(),
    }
}

fn journal(folder: &Path) -> Arc<dyn Journal> {
    std::fs::create_dir_all(folder).unwrap();
    Arc::new(EmbeddedJournal::open(folder, JournalOptions::default()).unwrap())
}

fn place() -> tempfile::TempDir {
    tempfile::tempdir_in(std::env::var_os("BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from)).unwrap()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// The time of `/sign` at one rate, without callbacks and with callbacks of which half go to receivers that never answer.
pub(crate) fn beside_signing() {
    let folder = place();
    let (rate, time) = (setting("BENCH_RATE", 500), Duration::from_secs(setting("BENCH_SECONDS", 8)));
    let (healthy, never) = (Healthy::start(), silent(SILENT));
    let plain = Served::over(Some(journal(&folder.path().join("plain/journal"))), BOXES, None);
    let told_folder = folder.path().join("told");
    let mut told = Served::over(Some(journal(&told_folder.join("journal"))), BOXES, Some(parts(&told_folder)));
    let silent_urls = never.iter().map(|one| format!("http://{}/hook", one.local_addr().unwrap()));
    told.callback_urls = match setting("BENCH_TARGETS", 0) {
        1 => vec![healthy.url()],
        2 => silent_urls.collect(),
        _ => silent_urls.flat_map(|url| [url, healthy.url()]).collect(),
    };
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for round in 0..=setting("BENCH_ROUNDS", 5) {
        for (served, all) in [(&plain, &mut without), (&told, &mut with)] {
            let figures = Load { served, connections: BOXES, time, cpu: process_cpu_us }.at_rate(rate);
            assert_eq!(figures.errors, 0);
            // The first round warms up.
            if round > 0 {
                all.push((figures.p50_ms, figures.p99_ms));
            }
        }
    }
    let of = |all: &[(f64, f64)], pick: fn(&(f64, f64)) -> f64| median(all.iter().map(pick).collect());
    let (p50, p99) =
        ((of(&without, |one| one.0), of(&with, |one| one.0)), (of(&without, |one| one.1), of(&with, |one| one.1)));
    println!(
        "/sign at {rate}/s: p99 {:.2} ms without callbacks, {:.2} ms with, half of their receivers never answering: {:.2} × (at most 1.10); p50 \
         {:.2} and {:.2} ms; {} delivered to the one that answers; rounds {without:.2?} {with:.2?}",
        p99.0,
        p99.1,
        p99.1 / p99.0,
        p50.0,
        p50.1,
        healthy.taken.load(Ordering::SeqCst)
    );
    plain.stop();
    told.stop();
}

/// Signs until `promises` are owed.
fn owe(served: &Served, promises: u64, url: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let tasks = tokio::task::LocalSet::new();
    // Three for each receipt.
    let receipts = promises.div_ceil(3);
    tasks.block_on(&runtime, async {
        let running: Vec<_> = (0..128)
            .map(|lane| {
                let (gateway, url) = (served.gateway().clone(), url.to_owned());
                tokio::task::spawn_local(async move {
                    for number in (lane..receipts).step_by(128) {
                        let call = Request {
                            callback: Some(url.clone()),
                            ..request(u128::from(number) << 64 | 3, sale(&format!("P{number:011}")))
                        };
                        let done = gateway.execute(cash_box(number % BOXES), call, Duration::from_secs(60)).await;
                        assert_eq!(done.unwrap().answer.status, 201);
                    }
                })
            })
            .collect();
        for task in running {
            task.await.unwrap();
        }
    });
}

/// Promises that nobody has taken over yet, then the same as open messages of the store.
pub(crate) fn restart(promises: u64) {
    let folder = place();
    let log = folder.path().join("journal");
    let healthy = Healthy::start();
    let served = Served::over(Some(journal(&log)), BOXES, None);
    owe(&served, promises, &healthy.url());
    served.stop();

    // Taken over while nothing can be delivered.
    let nowhere = Client::new(
        Policy::sandbox(true),
        Arc::new(SystemResolver::default()),
        Arc::new(Nowhere),
        Roots::with_extra(&[]).unwrap(),
    );
    let refusing = CallbackParts { client: nowhere, ..parts(folder.path()) };
    let begin = Instant::now();
    let served = Served::over(Some(journal(&log)), BOXES, Some(refusing));
    let status = || served.gateway().callbacks().unwrap().status();
    while status().open < promises || status().catching_up {
        std::thread::sleep(Duration::from_millis(10));
    }
    println!("{promises} promises are taken over from the log in {:.2} s", begin.elapsed().as_secs_f64());
    served.stop();

    // The few that were tried come again in their time; all others are due.
    let begin = Instant::now();
    let served = Served::over(Some(journal(&log)), BOXES, Some(parts(folder.path())));
    while healthy.first.lock().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let first = healthy.first.lock().unwrap();
    println!(
        "restart with {promises} open messages: first delivery after {:.2} s (at most 2)",
        first.duration_since(begin).as_secs_f64()
    );
    let enough = promises * 9 / 10;
    while healthy.taken.load(Ordering::SeqCst) < enough {
        std::thread::sleep(Duration::from_millis(5));
    }
    let rate = enough as f64 / first.elapsed().as_secs_f64();
    println!("{enough} deliveries to one healthy receiver: {rate:.0}/s (at least 5,000)");
    served.stop();
}
