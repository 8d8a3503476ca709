//! 64 writers through the embedded journal against a plain preallocated file that gets the same bytes in the same batches.
//!
//! Trust the ratio of one run, not the figures. The goal stands in `docs/` (journal alone ÷ raw preallocated file).
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a bench may stop")]

use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kassette_journal::contract::{Chain, append};
use kassette_journal::{EmbeddedJournal, IndexKind, Journal, JournalOptions};
use kassette_record::SealedRecord;

const WRITERS: u32 = 64;
const BODY_BYTES: usize = 1000;
const RECORDS_PER_WRITER: u64 = 50;
const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// Runs `append` on 64 threads with records of their own; gives the time from the first to the last.
fn race(chains: &mut [Chain], rounds: u64, append: &(impl Fn(SealedRecord) + Sync)) -> Duration {
    let mut work: Vec<Vec<SealedRecord>> = chains
        .iter_mut()
        .map(|chain| {
            (0..rounds * RECORDS_PER_WRITER)
                .map(|_| chain.next_with(vec![b'q'; BODY_BYTES], vec![b'a'; BODY_BYTES]))
                .collect()
        })
        .collect();
    let started = Instant::now();
    std::thread::scope(|scope| {
        for records in work.drain(..) {
            scope.spawn(move || records.into_iter().for_each(append));
        }
    });
    started.elapsed()
}

/// The limit: the same bytes, grouped in the same way, one fdatasync each, and nothing else.
struct RawFile {
    waiting: Mutex<Vec<(Vec<u8>, mpsc::Sender<()>)>>,
    filled: Condvar,
}

impl RawFile {
    fn start(path: &std::path::Path) -> Arc<Self> {
        let file = std::fs::File::options().create(true).truncate(true).write(true).open(path).unwrap();
        let zeros = vec![0; 1024 * 1024];
        for at in (0..SEGMENT_BYTES).step_by(zeros.len()) {
            file.write_all_at(&zeros, at).unwrap();
        }
        file.sync_all().unwrap();
        let raw = Arc::new(Self { waiting: Mutex::new(Vec::new()), filled: Condvar::new() });
        let work = Arc::clone(&raw);
        std::thread::spawn(move || {
            let mut at = 0;
            loop {
                let waiting = work.waiting.lock().unwrap();
                let batch =
                    std::mem::take(&mut *work.filled.wait_while(waiting, |waiting| waiting.is_empty()).unwrap());
                let bytes: Vec<u8> = batch.iter().flat_map(|(bytes, _)| bytes.iter().copied()).collect();
                if at + bytes.len() as u64 > SEGMENT_BYTES {
                    at = 0;
                }
                file.write_all_at(&bytes, at).unwrap();
                file.sync_data().unwrap();
                at += bytes.len() as u64;
                batch.into_iter().for_each(|(_, done)| done.send(()).unwrap());
            }
        });
        raw
    }

    fn append(&self, record: SealedRecord) {
        let (sender, receiver) = mpsc::channel();
        let bytes = [record.header, record.bodies].concat();
        self.waiting.lock().unwrap().push((bytes, sender));
        self.filled.notify_one();
        receiver.recv().unwrap();
    }
}

fn bench(criterion: &mut Criterion) {
    let folder = tempfile::tempdir_in(".").unwrap();
    let mut group = criterion.benchmark_group("append, 64 writers");
    group.sample_size(10).throughput(Throughput::Elements(u64::from(WRITERS) * RECORDS_PER_WRITER));
    let raw = RawFile::start(&folder.path().join("raw"));
    let mut chains: Vec<_> = (0..WRITERS).map(Chain::new).collect();
    group.bench_function("raw preallocated file", |bencher| {
        bencher.iter_custom(|rounds| race(&mut chains, rounds, &|record| raw.append(record)));
    });
    for (name, index) in [("journal, index in memory", IndexKind::Memory), ("journal, sled index", IndexKind::Sled)] {
        let options = JournalOptions { index, ..JournalOptions::default() };
        let journal = EmbeddedJournal::open(&folder.path().join(name), options).unwrap();
        let mut chains: Vec<_> = (0..WRITERS).map(Chain::new).collect();
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|rounds| {
                race(&mut chains, rounds, &|record| {
                    append(&journal, record).expect("durable");
                })
            });
        });
        journal.close();
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
