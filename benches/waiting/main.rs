//! What waits and what is told: parked waiters against a bare handler that parks as many connections, `/sign` beside callbacks of which
//! half go to receivers that never answer, deliveries per second, and a restart with a hundred thousand open promises.
//!
//! `cargo bench --bench waiting`. Environment: `BENCH_WAITERS` (10000; two file descriptors each), `BENCH_PROMISES` (100000),
//! `BENCH_RATE` (500 receipts a second), `BENCH_SECONDS` (8), `BENCH_ROUNDS` (5), `BENCH_DIR` (where journals lie), `BENCH_ONLY`
//! (`waiters`, `callbacks` or `restart`), `BENCH_MEMORY_STORE=1` (the store of callbacks in memory, to see what the disk costs),
//! `BENCH_TARGETS` (0: every second receiver never answers; 1: all answer; 2: none does). Traffic goes to loopback only. The receiver that
//! answers runs on the same cores, at the lowest priority: it stands for other machines.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::float_arithmetic,
    clippy::print_stdout,
    dead_code,
    missing_docs,
    reason = "a bench may stop, prints its figures, and divides them; shared modules have parts for other benches"
)]

mod callbacks;
#[path = "../server/load.rs"]
mod load;
mod receivers;
#[path = "../server/servers.rs"]
mod servers;
mod waiters;

/// As in the program itself.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() {
    if std::env::args().any(|word| word == "--test") {
        return;
    }
    if let Some(kind) = std::env::var_os(waiters::SERVE) {
        return waiters::serve(kind == "bare");
    }
    let only = std::env::var("BENCH_ONLY").ok();
    let wanted = |name: &str| only.as_ref().is_none_or(|only| only == name);
    if wanted("waiters") {
        waiters::measure(setting("BENCH_WAITERS", 10_000));
    }
    if wanted("callbacks") {
        callbacks::beside_signing();
    }
    if wanted("restart") {
        callbacks::restart(setting("BENCH_PROMISES", 100_000));
    }
}
