//! What it costs a core to make a receipt and to show it: the goals are 1 ms for a page and 25 ms for a picture and a document (p99).
//!
//! Time is processor time of the thread, so that what else the machine does counts less. Criterion shows the mean; `worst of a hundred` in
//! the names is the slowest of each hundred runs, which stands for the 99th percentile.
#![allow(clippy::unwrap_used, missing_docs, reason = "a bench may stop")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use kassette_printing::html::template::{EXAMPLE, Template};
use kassette_printing::receipt::Copy;
use kassette_printing::samples::SAMPLES;
use kassette_printing::{FORMATS, Options};
use rustix::time::{ClockId, clock_gettime};

/// Processor time that the thread has taken so far.
fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap(), u32::try_from(time.tv_nsec).unwrap())
}

/// The time of `rounds` runs.
fn all(rounds: u64, mut run: impl FnMut()) -> Duration {
    let start = now();
    (0..rounds).for_each(|_| run());
    now() - start
}

/// The sum of the slowest runs of `rounds` hundreds.
fn worst_of_hundreds(rounds: u64, mut run: impl FnMut()) -> Duration {
    let mut sum = Duration::ZERO;
    for _ in 0..rounds {
        let slowest = (0..100).map(|_| all(1, &mut run));
        sum += slowest.max().unwrap();
    }
    sum
}

fn renderings(criterion: &mut Criterion) {
    let sample = SAMPLES.first().unwrap();
    let receipt = sample.receipt(Copy::Original, None).unwrap();
    criterion.bench_function("compose", |bench| {
        bench.iter_custom(|rounds| all(rounds, || drop(black_box(sample.receipt(Copy::Original, None)))))
    });
    for format in FORMATS {
        let options = Options::default();
        let render = || black_box((format.render)(black_box(&receipt), &options).unwrap());
        criterion.bench_function(&format!("{}/mean", format.name), |bench| {
            bench.iter_custom(|rounds| all(rounds, || drop(render())));
        });
        criterion.bench_function(&format!("{}/worst of a hundred", format.name), |bench| {
            bench.iter_custom(|rounds| worst_of_hundreds(rounds, || drop(render())));
        });
    }
    let template = Template::compile(EXAMPLE).unwrap();
    criterion.bench_function("template", |bench| {
        bench.iter_custom(|rounds| all(rounds, || drop(black_box(template.render(black_box(&receipt), "n")))));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(1));
    targets = renderings
}
criterion_main!(benches);
