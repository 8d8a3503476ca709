//! What grows with the number of receipts and of cash boxes: CPU per receipt after a thousand and after a million records at the
//! same rate, the time to open a journal of a million records, the memory of an idle cash box.
//!
//! `cargo bench --bench scale`. Environment: `BENCH_RECORDS` (1000000), `BENCH_RATE` (2000 per second), `BENCH_SECONDS` (10),
//! `BENCH_IDLE` (20000 cash boxes, the median of `BENCH_IDLE_ROUNDS`, 3), `BENCH_DIR` (where the journal lies). Traffic goes to
//! loopback only.
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
#[path = "../server/servers.rs"]
mod servers;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use kassette_journal::{EmbeddedJournal, Journal, JournalOptions};
use load::Load;
use servers::{Kind, Served};

/// As in the program itself.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Tells a process of this bench to wake the cash boxes of this folder and say what they cost.
const WAKE: &str = "BENCH_IDLE_WAKE";

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() {
    if std::env::args().any(|word| word == "--test") {
        return;
    }
    let boxes = setting("BENCH_IDLE", 20_000);
    if let Some(folder) = std::env::var_os(WAKE) {
        let idle = servers::idle_memory(Path::new(&folder), boxes, resident_kib);
        println!("{} {}", idle.active_kib, idle.passivated_kib);
        return;
    }
    let folder =
        tempfile::tempdir_in(std::env::var_os("BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from)).unwrap();
    idle(&folder.path().join("idle"), boxes);
    growth(&folder.path().join("growth"), setting("BENCH_RECORDS", 1_000_000));
}

/// Resident memory of this process in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Each round wakes the cash boxes in a process of its own.
fn idle(folder: &Path, boxes: u64) {
    servers::make_boxes(folder, boxes);
    let mut rounds: Vec<(f64, f64)> = (0..setting("BENCH_IDLE_ROUNDS", 3))
        .map(|_| {
            let output = Command::new(std::env::current_exe().unwrap()).env(WAKE, folder).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let text = String::from_utf8(output.stdout).unwrap();
            let (active, passivated) = text.trim().split_once(' ').unwrap();
            (active.parse().unwrap(), passivated.parse().unwrap())
        })
        .collect();
    rounds.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (active, passivated) = rounds[rounds.len() / 2];
    println!(
        "idle cash box: {active:.2} KiB when active (first step: at most 2), {passivated:.2} KiB kept when passivated, {boxes} cash \
         boxes; rounds {rounds:.2?}"
    );
}

fn growth(folder: &Path, records: u64) {
    let (rate, seconds) = (setting("BENCH_RATE", 2_000), setting("BENCH_SECONDS", 10));
    let load = |served: &Served| {
        let load = Load { served, connections: 16, time: Duration::from_secs(seconds), cpu: servers::process_cpu_us };
        load.at_rate(rate)
    };
    let served = Served::start(Kind::Durable, folder, 64);
    served.fill(1_000);
    let young = load(&served);
    served.fill(records);
    let old = load(&served);
    println!(
        "CPU per receipt at {rate}/s: {:.1} µs after {} records, {:.1} µs after {records}: {:.2} × (first step: at most 1.15)",
        young.cpu_us,
        1_000,
        old.cpu_us,
        old.cpu_us / young.cpu_us
    );
    println!("p99 {:.2} ms → {:.2} ms, index lag {}", young.p99_ms, old.p99_ms, served.lag());
    served.stop();
    for (how, clean) in [("after an orderly stop", true), ("after a crash", false)] {
        let begin = Instant::now();
        let journal = EmbeddedJournal::open(folder, JournalOptions::default()).unwrap();
        let opened = begin.elapsed();
        println!(
            "open {} records {how}: {:.2} s (first step: at most 2 s)",
            journal.status().records,
            opened.as_secs_f64()
        );
        if clean {
            // The next opening finds records behind the seal, no seal of its own and no clean mark.
            let mut chain = kassette_journal::contract::Chain::new(7);
            kassette_journal::contract::append_all(&journal, (0..100).map(|_| chain.next()).collect());
            journal.wait_for_index();
            journal.abandon();
        }
    }
}
