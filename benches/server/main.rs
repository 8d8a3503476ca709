//! The whole server against what bounds it, interleaved in one run: a bare actix-web handler with the same bodies (the HTTP
//! ceiling), the same build with a journal that writes nothing, and PostgreSQL 15 appending the same row.
//!
//! `cargo bench --bench server` prints a table of medians and ratios. Environment: `BENCH_SECONDS` (3), `BENCH_ROUNDS` (3),
//! `BENCH_CONNECTIONS` (64), `BENCH_BOXES` (64), `BENCH_DIR` (where the journal lies; a temporary folder, which must be
//! on a real disk), `BENCH_POSTGRES=0` leaves PostgreSQL out, `BENCH_WRK=0` leaves out the rows that are measured once more with
//! `wrk`, when it is installed, as the generator; `BENCH_ONLY` picks rows by name, `BENCH_SHARDS` and `BENCH_WORKERS`. Traffic goes to
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

mod load;
mod postgres;
mod servers;
mod wrk;

use std::path::PathBuf;
use std::time::Duration;

use load::{Figures, Load};
use servers::{Kind, Served};

/// As in the program itself.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

struct Row {
    name: &'static str,
    rounds: Vec<Figures>,
}

impl Row {
    fn rate(&self) -> f64 {
        median(self.rounds.iter().map(|figures| figures.per_second).collect())
    }

    fn print(&self) {
        let of = |pick: fn(&Figures) -> f64| median(self.rounds.iter().map(pick).collect());
        let all: Vec<String> = self.rounds.iter().map(|figures| format!("{:.0}", figures.per_second)).collect();
        println!(
            "{:<34} {:>9.0}/s  p50 {:>6.2} ms  p99 {:>6.2} ms  server CPU {:>5.1} µs  errors {}  rounds {}",
            self.name,
            self.rate(),
            of(|figures| figures.p50_ms),
            of(|figures| figures.p99_ms),
            of(|figures| figures.cpu_us),
            self.rounds.iter().map(|figures| figures.errors).sum::<u64>(),
            all.join(" ")
        );
    }
}

fn main() {
    // `cargo test --benches` calls with `--test`: nothing is measured then.
    if std::env::args().any(|word| word == "--test") {
        return;
    }
    let (seconds, rounds) = (setting("BENCH_SECONDS", 3), setting("BENCH_ROUNDS", 3));
    let (connections, boxes) = (setting("BENCH_CONNECTIONS", 64), setting("BENCH_BOXES", 64));
    let folder =
        tempfile::tempdir_in(std::env::var_os("BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from)).unwrap();
    println!(
        "{seconds} s × {rounds} rounds, {connections} connections, {boxes} cash boxes, {} cores",
        servers::cores()
    );

    let ceiling = Served::start(Kind::Ceiling, folder.path(), 1);
    let null = Served::start(Kind::NullJournal, folder.path(), boxes);
    let durable = Served::start(Kind::Durable, &folder.path().join("many"), boxes);
    let single = Served::start(Kind::Durable, &folder.path().join("one"), 1);
    let postgres = (setting("BENCH_POSTGRES", 1) == 1).then(|| postgres::Cluster::start(folder.path())).flatten();

    let time = Duration::from_secs(seconds);
    let mut rows: Vec<Row> =
        ["HTTP ceiling (bare handler)", "null journal", "durable, sled index", "durable, one cash box"]
            .into_iter()
            .map(|name| Row { name, rounds: Vec::new() })
            .collect();
    let with_wrk = setting("BENCH_WRK", 1) == 1 && wrk::is_installed();
    let mut wrk_rows: Vec<Row> = ["HTTP ceiling, load from wrk", "durable, sled index, load from wrk"]
        .into_iter()
        .map(|name| Row { name, rounds: Vec::new() })
        .collect();
    let mut database = Vec::new();
    let (mut lag, mut caught_up) = (0, true);
    // For profiling: only the rows whose name contains this.
    let only = std::env::var("BENCH_ONLY").ok();
    for round in 0..=rounds {
        for (row, served) in rows.iter_mut().zip([&ceiling, &null, &durable, &single]) {
            if only.as_ref().is_some_and(|only| !row.name.contains(only.as_str())) {
                continue;
            }
            let figures = Load { served, connections, time, cpu: servers::process_cpu_us }.run();
            // Right behind the load, before anything else runs.
            lag = lag.max(served.lag());
            caught_up &= served.caught_up(Duration::from_secs(2));
            // The first round warms caches, allocates segments and is not counted.
            if round > 0 {
                row.rounds.push(figures);
            }
        }
        for (row, served) in wrk_rows.iter_mut().zip([&ceiling, &durable]).filter(|_| with_wrk) {
            if only.as_ref().is_some_and(|only| !row.name.contains(only.as_str())) {
                continue;
            }
            let figures = wrk::run(served, connections, time, folder.path());
            caught_up &= served.caught_up(Duration::from_secs(2));
            if round > 0 {
                row.rounds.push(figures);
            }
        }
        if let Some(cluster) = &postgres {
            let rate = cluster.measure(seconds);
            if round > 0 {
                database.push(rate);
            }
        }
    }
    for row in rows.iter().chain(wrk_rows.iter().filter(|_| with_wrk)) {
        row.print();
    }
    let (ceiling_rate, null_rate, durable_rate) = (rows[0].rate(), rows[1].rate(), rows[2].rate());
    println!(
        "durable ÷ HTTP ceiling        {:>6.1} %   (first step: at least 16 %)",
        100.0 * durable_rate / ceiling_rate
    );
    if with_wrk {
        println!(
            "the same with load from wrk   {:>6.1} %   (the goals were set with it)",
            100.0 * wrk_rows[1].rate() / wrk_rows[0].rate()
        );
    } else {
        println!("wrk left out");
    }
    println!("durable ÷ null journal        {:>6.1} %   (first step: at least 60 %)", 100.0 * durable_rate / null_rate);
    if database.is_empty() {
        println!("PostgreSQL left out");
    } else {
        let rate = median(database);
        println!("PostgreSQL 15, same row       {rate:>9.0}/s");
        println!("durable ÷ PostgreSQL          {:>6.2} ×   (first step: at least 1.5 ×)", durable_rate / rate);
    }
    println!("one cash box alone            {:>9.0}/s   (first step: at least 2,000/s)", rows[3].rate());
    println!("index behind by at most {lag} records right after a load; caught up within 2 s: {caught_up}");
    for served in [ceiling, null, durable, single] {
        served.stop();
    }
}
