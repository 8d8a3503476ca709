//! How long a receipt takes to become a print job, and a job to become a tape and a picture.
#![allow(missing_docs, clippy::unwrap_used, reason = "a measurement may stop")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use kassette_printing::escpos::interpreter::{Interpreter, paint, png_of};
use kassette_printing::escpos::profile::{Profile, Profiles};
use kassette_printing::escpos::render::{RenderOptions, render};
use kassette_printing::receipt::Copy;
use kassette_printing::samples::SAMPLES;

/// Renderings that are timed one by one for the slowest of a hundred.
const SAMPLES_MAX: usize = 20_000;

fn profiles() -> [(&'static str, Profile); 3] {
    let find = |id| Profiles::default().get(id).unwrap().clone();
    [
        ("48 columns", find("TM-T20III")),
        ("42 columns", find("TM-T88V")),
        ("32 columns, QR as picture", find("POS-5890")),
    ]
}

fn escpos(criterion: &mut Criterion) {
    let receipts: Vec<_> = SAMPLES.iter().map(|sample| sample.receipt(Copy::Original, None).unwrap()).collect();
    for (name, profile) in profiles() {
        criterion.bench_function(&format!("render five samples, {name}"), |bencher| {
            bencher.iter(|| {
                for receipt in &receipts {
                    black_box(render(receipt, &profile, RenderOptions::default()).unwrap());
                }
            });
        });
        percentiles(name, &receipts, &profile);
    }
    let (_, profile) = profiles().into_iter().next().unwrap();
    let job = render(receipts.first().unwrap(), &profile, RenderOptions::default()).unwrap();
    criterion.bench_function("interpret a sample", |bencher| {
        bencher.iter(|| {
            let mut printer = Interpreter::new(&profile);
            printer.receive(job.bytes());
            black_box(printer.take_tape())
        });
    });
    let mut printer = Interpreter::new(&profile);
    printer.receive(job.bytes());
    let tape = printer.take_tape();
    criterion.bench_function("paper as PNG", |bencher| {
        bencher.iter(|| black_box(png_of(&paint(tape.items(), &profile).unwrap()).unwrap()));
    });
}

/// The median, the slowest of a hundred and the slowest of all single renderings.
#[expect(clippy::print_stderr, reason = "a measurement tells its figures")]
fn percentiles(name: &str, receipts: &[kassette_printing::Receipt], profile: &Profile) {
    let mut times_us: Vec<u128> = (0..SAMPLES_MAX)
        .filter_map(|at| receipts.get(at % receipts.len()))
        .map(|receipt| {
            let begun = std::time::Instant::now();
            black_box(render(receipt, profile, RenderOptions::default()).unwrap());
            begun.elapsed().as_micros()
        })
        .collect();
    times_us.sort_unstable();
    let at = |percent: usize| times_us.get(times_us.len() * percent / 100).copied().unwrap_or(0);
    let slowest = times_us.last().copied().unwrap_or(0);
    eprintln!("single rendering, {name}: p50 {} us, p99 {} us, max {slowest} us", at(50), at(99));
}

criterion_group!(benches, escpos);
criterion_main!(benches);
