//! Figures: `cargo test --release -p kassette-journal callbacks::measure -- --ignored --nocapture`.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::float_arithmetic, reason = "prints figures for people")]

use std::time::{Duration, Instant};

use super::fixture::{behind, message, settle};
use super::*;

/// CPU time of this process, all threads; 0 where `/proc` is missing.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks: u64 = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse().unwrap_or(0))
        .sum();
    Duration::from_millis(ticks * 10)
}

/// Messages that are all delivered at once: so many taken and settled together, with `left` open ones besides.
fn deliver(batch: u64, count: u64, left: u64) {
    let folder = tempfile::tempdir().unwrap();
    let store = SledCallbacks::open(folder.path(), CallbackOptions::default()).unwrap();
    let old: Vec<_> = (0..left).map(|n| OpenMessage { target: 7, ..message(n, 1) }).collect();
    if left > 0 {
        store.take(behind(left - 1), &old).unwrap();
    }
    let (mut taking, mut trying) = (Duration::ZERO, Duration::ZERO);
    let start_cpu = cpu();
    for first in (0..count).step_by(usize::try_from(batch).unwrap()) {
        let begin = left.next_multiple_of(3) + first * 3;
        // One message of each record.
        let some: Vec<_> = (0..batch).map(|n| message(begin + n * 3, 5)).collect();
        let start = Instant::now();
        store.take(behind(begin + batch * 3 - 1), &some).unwrap();
        taking += start.elapsed();
        let settled: Vec<_> = some
            .iter()
            .map(|message| Change::Settled(settle(message, Ending::Acknowledged, message.made_ns)))
            .collect();
        let start = Instant::now();
        store.tried(&settled).unwrap();
        trying += start.elapsed();
    }
    let cpu = (cpu() - start_cpu).as_secs_f64();
    store.flush().unwrap();
    let per = 1e6 / count as f64;
    println!(
        "batches of {batch}, {count} delivered, {left} open: take {:.1} us, tried {:.1} us, cpu {:.1} us each",
        taking.as_secs_f64() * per,
        trying.as_secs_f64() * per,
        cpu * per
    );
    let begin = left.next_multiple_of(3);
    let start = Instant::now();
    let found = store.of_operation(message(begin, 1).cash_box, message(begin, 1).operation).unwrap();
    println!("  of one operation, of {} settled of its cash box: {:?}", count / 4, start.elapsed());
    assert!(!found.is_empty());
    let start = Instant::now();
    assert_eq!(store.list(&ListFilter::default(), 100).unwrap().len(), 100);
    println!("  list of 100 in all: {:?}", start.elapsed());
    drop(store);
    let start = Instant::now();
    let store = SledCallbacks::open(folder.path(), CallbackOptions::default()).unwrap();
    println!("  opened in {:?}", start.elapsed());
    let start = Instant::now();
    store.forget_before(i64::MAX).unwrap();
    println!("  forgotten in {:?}", start.elapsed());
}

#[test]
#[ignore = "a measurement of some minutes"]
fn healthy_deliveries() {
    for (batch, left) in [(1, 0), (16, 0), (64, 0), (64, 300_000)] {
        deliver(batch, 192_000, left);
    }
}
