//! Figures of the sled store: `cargo test --release -p kassette-journal index::measure -- --ignored --nocapture`.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::float_arithmetic, reason = "prints figures for people")]

use std::time::Instant;

use kassette_model::{CashBoxId, OperationId};
use kassette_record::Hash;

use super::*;

const CASH_BOXES: u64 = 64;

/// xorshift64; the seed is fixed, so that runs can be compared.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self) -> [u8; 16] {
        (u128::from(self.next()) << 64 | u128::from(self.next())).to_be_bytes()
    }
}

/// CPU time of this process in seconds, all threads; 0 where `/proc` is missing.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<f64> =
        stat.rsplit(')').next().unwrap_or_default().split_whitespace().map(|f| f.parse().unwrap_or(0.0)).collect();
    fields.iter().skip(11).take(2).sum::<f64>() / 100.0
}

fn measure(keys: u64, records: u64) {
    let folder = tempfile::tempdir().unwrap();
    let index = SledIndex::open(folder.path(), SledOptions::default()).unwrap();
    let mut random = Random(88_172_645_463_325_252);
    let boxes: Vec<CashBoxId> = (0..CASH_BOXES).map(|_| CashBoxId::from_bytes(random.bytes())).collect();
    let (mut wall, mut cpu) = (0.0, 0.0);
    let mut number = 0;
    while number < records {
        let entries: Vec<IndexEntry> = (0..64)
            .map(|at| {
                number += 1;
                IndexEntry {
                    cash_box: *boxes.get(usize::try_from(at).unwrap()).unwrap(),
                    row: number / CASH_BOXES + 1,
                    hash: Hash([1; 32]),
                    position: Position { segment: 1, offset: u32::try_from(number).unwrap() },
                    number,
                    operation: Some(OperationId::from_bytes(random.bytes())),
                    reference_key: (keys == 2).then(|| random.next()),
                    configured: None,
                    unfinished: false,
                }
            })
            .collect();
        let (start, start_cpu) = (Instant::now(), cpu_seconds());
        index.apply(&entries).unwrap();
        wall += start.elapsed().as_secs_f64();
        cpu += cpu_seconds() - start_cpu;
        if number % 250_048 == 0 {
            println!("{keys} keys, to {number}: wall {:.1} us, cpu {:.1} us per record", wall * 4.0, cpu * 4.0);
            (wall, cpu) = (0.0, 0.0);
        }
    }
    // As a kill leaves it, then in order.
    drop(index);
    let start = Instant::now();
    let index = SledIndex::open(folder.path(), SledOptions::default()).unwrap();
    println!("{keys} keys, {records} records: opening after a kill {:?}", start.elapsed());
    let start = Instant::now();
    index.close().unwrap();
    drop(index);
    println!("{keys} keys, {records} records: close {:?}", start.elapsed());
    for times in ["first", "second"] {
        let start = Instant::now();
        let index = SledIndex::open(folder.path(), SledOptions::default()).unwrap();
        assert_eq!(index.checkpoint().unwrap().map(|checkpoint| checkpoint.number), Some(number));
        println!("{keys} keys, {records} records: {times} opening {:?}", start.elapsed());
        let start = Instant::now();
        let absent = (0..10_000).filter(|_| {
            let cash_box = *boxes.first().unwrap();
            index.operation(cash_box, OperationId::from_bytes(random.bytes())).unwrap().is_none()
        });
        println!("{} misses: {:.1} us each", absent.count(), start.elapsed().as_secs_f64() * 100.0);
    }
}

#[test]
#[ignore = "a measurement of some minutes"]
fn apply_and_reopen() {
    for keys in [1, 2] {
        for records in [250_048, 1_000_192] {
            measure(keys, records);
        }
    }
}
