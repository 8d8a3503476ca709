//! Payments at many terminals at once: what the server adds to the dialogue itself, and whether a terminal that hangs is felt by others.
//!
//! `cargo bench --bench terminals`. Environment: `BENCH_TERMINALS` (200), `BENCH_PAYMENTS` (5 at each terminal and round), `BENCH_ROUNDS`
//! (3), `BENCH_CUSTOMER_MS` (1900: so long a customer takes), `BENCH_SPREAD_MS` (2000: the terminals begin evenly spread over it; 0: all
//! in the same moment), `BENCH_RATE` (200 receipts a second beside), `BENCH_SECONDS` (8), `BENCH_DIR` (where the journal lies). The
//! terminals are simulators on loopback, each with a customer and a host of 100 ms; they and the load run on the same cores.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::float_arithmetic,
    clippy::print_stdout,
    dead_code,
    missing_docs,
    reason = "a bench may stop, prints its figures, and divides them; shared modules have parts for other benches"
)]

#[path = "../server/load.rs"]
mod load;
mod register;
#[path = "../server/servers.rs"]
mod servers;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kassette::simulate::SimulatedTerminal;
use kassette_actors::{DeviceState, Gateway};
use kassette_cashbox::{Request, TerminalEntry};
use kassette_journal::{EmbeddedJournal, JournalOptions};
use kassette_model::OperationKind;
use kassette_model::payment::TerminalAddress;
use kassette_payments::zvt::simulator::Script;

use crate::load::Load;
use crate::servers::{Served, cash_box, process_cpu_us, request};

/// As in the program itself.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Terminals of one cash box.
const PER_BOX: u64 = 10;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn switched_on(count: u64) -> Vec<SimulatedTerminal> {
    let script = Script::parse(&format!("default:slow:{}", setting("BENCH_CUSTOMER_MS", 1_900)), 1).unwrap();
    (0..count).map(|_| SimulatedTerminal::on_loopback(script.clone()).unwrap()).collect()
}

fn entry(number: u64, port: u16) -> TerminalEntry {
    TerminalEntry {
        name: format!("t-{number}"),
        provider: "zvt".to_owned(),
        address: TerminalAddress::Tcp { host: "127.0.0.1".to_owned(), port },
        terminal_id: Some(format!("t-{number}")),
        password: 0,
    }
}

fn configure(runtime: &tokio::runtime::Runtime, gateway: &Gateway, number: u64, terminals: Vec<TerminalEntry>) {
    let mut configuration = gateway.configuration(cash_box(number)).unwrap().unwrap();
    configuration.terminals = terminals;
    runtime.block_on(gateway.configure(configuration)).unwrap();
}

fn payment(number: u64, operation: u128) -> Request {
    let body = format!(
        r#"{{"Action":"payment","Protocol":"zvt","cbTerminalID":"t-{number}","cbPayItem":{{"Description":"Card","Amount":18.40}}}}"#
    );
    Request { kind: OperationKind::Pay, path: "/v2/pay".to_owned(), ..request(operation, body) }
}

/// When a terminal begins, after the first: shops do not move in step.
pub(crate) fn turn(number: u64, terminals: u64) -> Duration {
    Duration::from_millis(setting("BENCH_SPREAD_MS", 2_000)).mul_f64(number as f64 / terminals as f64)
}

/// Payments at all terminals at once, again and again; how long each took, ms.
async fn pay_everywhere(gateway: &Gateway, terminals: u64, payments: u64, round: u128) -> Vec<f64> {
    let tasks = tokio::task::LocalSet::new();
    let running: Vec<_> = (0..terminals)
        .map(|number| {
            let gateway = gateway.clone();
            tasks.spawn_local(async move {
                let mut took = Vec::new();
                tokio::time::sleep(turn(number, terminals)).await;
                for payment_number in 0..payments {
                    let id = round << 96 | u128::from(number) << 64 | u128::from(payment_number) << 32 | 7;
                    let begun = Instant::now();
                    let call = payment(number, id);
                    let done = gateway.execute(cash_box(number / PER_BOX), call, Duration::from_secs(60)).await;
                    let answer = done.unwrap().answer;
                    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
                    took.push(begun.elapsed().as_secs_f64() * 1_000.0);
                }
                took
            })
        })
        .collect();
    tasks
        .run_until(async {
            let mut all = Vec::new();
            for one in running {
                all.extend(one.await.unwrap());
            }
            all
        })
        .await
}

fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place")]
    let place = ((values.len() as f64 - 1.0) * part).round() as usize;
    values[place]
}

fn median(mut values: Vec<f64>) -> f64 {
    quantile(&mut values, 0.5)
}

fn main() {
    if std::env::args().any(|word| word == "--test") {
        return;
    }
    let (terminals, payments) = (setting("BENCH_TERMINALS", 200), setting("BENCH_PAYMENTS", 5));
    let (rounds, rate) = (setting("BENCH_ROUNDS", 3), setting("BENCH_RATE", 200));
    let boxes = terminals.div_ceil(PER_BOX).saturating_add(1);
    let folder =
        tempfile::tempdir_in(std::env::var_os("BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from)).unwrap();
    let journal = Arc::new(EmbeddedJournal::open(folder.path(), JournalOptions::default()).unwrap());
    let served = Served::over(Some(journal), boxes, None);
    let gateway = served.gateway().clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();

    // The dialogue itself, then the same payments through the server.
    let (mut bare, mut through) = (Vec::new(), Vec::new());
    let mut kept = Vec::new();
    for round in 0..rounds {
        bare.push(register::pay_everywhere(&switched_on(terminals), payments));
        let on = switched_on(terminals);
        for number in 0..boxes.saturating_sub(1) {
            let own = (0..terminals).filter(|terminal| terminal / PER_BOX == number);
            let entries = own.map(|terminal| entry(terminal, on[usize::try_from(terminal).unwrap()].port().unwrap()));
            configure(&runtime, &gateway, number, entries.collect());
        }
        while !gateway.devices().iter().all(|device| device.state == DeviceState::Ready)
            || gateway.devices().len() != usize::try_from(terminals).unwrap()
        {
            std::thread::sleep(Duration::from_millis(10));
        }
        through.push(runtime.block_on(pay_everywhere(&gateway, terminals, payments, u128::from(round) + 1)));
        kept = on;
    }
    let of = |all: &mut [Vec<f64>], part| median(all.iter_mut().map(|one| quantile(one, part)).collect());
    let (bare50, bare99) = (of(&mut bare, 0.5), of(&mut bare, 0.99));
    let (through50, through99) = (of(&mut through, 0.5), of(&mut through, 0.99));
    println!(
        "{terminals} terminals at once: a payment takes {bare50:.1} ms (p99 {bare99:.1}) by the dialogue alone, {through50:.1} ms (p99 \
         {through99:.1}) through the server and its disk: {:.1} ms more (p99 {:.1}, below 5)",
        through50 - bare50,
        through99 - bare99
    );

    // Beside a terminal that hangs in the middle of a payment.
    let mut figures = Vec::new();
    let hanging = SimulatedTerminal::on_loopback(Script::parse("default:silent", 1).unwrap()).unwrap();
    configure(&runtime, &gateway, boxes - 1, vec![entry(9_999, hanging.port().unwrap())]);
    for hangs in [false, true] {
        if hangs {
            let (gateway, call) = (gateway.clone(), payment(9_999, 1 << 120));
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                _ = runtime.block_on(gateway.execute(cash_box(boxes - 1), call, Duration::from_secs(1)));
            });
        }
        for round in 0..rounds {
            let time = Duration::from_secs(setting("BENCH_SECONDS", 8));
            let (paying, at) = (gateway.clone(), u128::from(round) + 100 + 100 * u128::from(hangs));
            // As long as the receipts, roughly.
            let count = (time.as_millis() as u64 / (setting("BENCH_CUSTOMER_MS", 1_900) + 100)).max(1);
            let payer = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(pay_everywhere(&paying, terminals / 4, count, at))
            });
            let signed = Load { served: &served, connections: 16, time, cpu: process_cpu_us }.at_rate(rate);
            let mut paid = payer.join().unwrap();
            figures.push((hangs, quantile(&mut paid, 0.99), signed.p99_ms));
        }
    }
    let of = |hangs: bool, pick: fn(&(bool, f64, f64)) -> f64| {
        median(figures.iter().filter(|one| one.0 == hangs).map(pick).collect())
    };
    let (paid, signed) =
        ((of(false, |one| one.1), of(true, |one| one.1)), (of(false, |one| one.2), of(true, |one| one.2)));
    println!(
        "beside a terminal that hangs: payments p99 {:.1} → {:.1} ms ({:.2} ×), /sign at {rate}/s p99 {:.2} → {:.2} ms ({:.2} ×); at most 1.10",
        paid.0,
        paid.1,
        paid.1 / paid.0,
        signed.0,
        signed.1,
        signed.1 / signed.0
    );
    drop(kept);
    served.stop();
}
