//! 64 writers through the embedded journal against a plain preallocated file that gets the same bytes in the same batches.
//!
//! Trust the ratio of one run, not the figures. Rounds are interleaved.
//! `BENCH_ROUNDS` (5), `BENCH_DIR` (a folder on a real disk).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a bench may stop, prints its figures, and divides them"
)]

use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::{Duration, Instant};

use kassette_journal::contract::{Chain, append};
use kassette_journal::{EmbeddedJournal, IndexKind, JournalOptions};
use kassette_record::SealedRecord;

const WRITERS: u32 = 64;
const BODY_BYTES: usize = 1000;
const RECORDS_PER_WRITER: u64 = 1_000;
const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// Runs `append` on 64 threads with records of their own; gives the time from the first to the last.
fn race(chains: &mut [Chain], rounds: u64, append: &(dyn Fn(SealedRecord) + Sync)) -> Duration {
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

/// What is measured: a name, its writers, and how a record is appended.
struct Side<'a> {
    name: &'static str,
    chains: Vec<Chain>,
    append: Box<dyn Fn(SealedRecord) + Sync + 'a>,
    per_second: Vec<f64>,
}

impl<'a> Side<'a> {
    fn new(name: &'static str, append: impl Fn(SealedRecord) + Sync + 'a) -> Self {
        Self { name, chains: (0..WRITERS).map(Chain::new).collect(), append: Box::new(append), per_second: Vec::new() }
    }

    fn median(&self) -> f64 {
        let mut sorted = self.per_second.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
    }
}

fn main() {
    // `cargo test --benches` calls with `--test`: nothing is measured then.
    if std::env::args().any(|word| word == "--test") {
        return;
    }
    let rounds = std::env::var("BENCH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5);
    let place = std::env::var_os("BENCH_DIR").map_or_else(std::env::temp_dir, std::path::PathBuf::from);
    let folder = tempfile::tempdir_in(place).unwrap();
    let raw = RawFile::start(&folder.path().join("raw"));
    let open = |name: &str, index| {
        let options = JournalOptions { index, ..JournalOptions::default() };
        EmbeddedJournal::open(&folder.path().join(name), options).unwrap()
    };
    let (memory, sled) = (open("memory", IndexKind::Memory), open("sled", IndexKind::Sled));
    let mut sides = [
        Side::new("raw preallocated file", |record| raw.append(record)),
        Side::new("journal, index in memory", |record| _ = append(&memory, record).expect("durable")),
        Side::new("journal, sled index", |record| _ = append(&sled, record).expect("durable")),
    ];
    for round in 0..=rounds {
        for side in &mut sides {
            let took = race(&mut side.chains, 1, &side.append);
            // The first round warms caches and allocates segments.
            if round > 0 {
                side.per_second.push((u64::from(WRITERS) * RECORDS_PER_WRITER) as f64 / took.as_secs_f64());
            }
        }
    }
    let limit = sides[0].median();
    for side in &sides {
        let all: Vec<String> = side.per_second.iter().map(|rate| format!("{rate:.0}")).collect();
        println!(
            "{:<26} {:>8.0}/s  {:>5.1} %  rounds {}",
            side.name,
            side.median(),
            100.0 * side.median() / limit,
            all.join(" ")
        );
    }
    println!("first step: journal with the sled index at least 40 % of the raw file");
}
