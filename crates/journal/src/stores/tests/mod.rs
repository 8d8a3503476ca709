//! Tests of the embedded journal: contract, recovery, damage, faults.

mod acknowledged;
mod damage;
mod fault;
mod folder;
mod model;
mod rebuild;
mod tail;
mod walk;

use std::sync::{Arc, mpsc};

use kassette_record::SealedRecord;
use kassette_stdx::{FakeClock, SeededEntropy};

use crate::contract::{Chain, append};
use crate::log::simulated::SimulatedStorage;
use crate::stores::embedded::IndexPlace;
use crate::{EmbeddedJournal, Journal, JournalError, JournalOptions};

/// Options with small segments.
fn small() -> JournalOptions {
    JournalOptions { segment_bytes: 64 * 1024, first_segment_bytes: 32 * 1024, ..JournalOptions::default() }
}

/// Opens a journal on a simulated disk with an index in memory.
fn open(storage: &SimulatedStorage, options: JournalOptions) -> Result<EmbeddedJournal, JournalError> {
    let clock = Arc::new(FakeClock::at(1_700_000_000_000_000_000));
    EmbeddedJournal::assemble(
        Arc::new(storage.clone()),
        None,
        IndexPlace::memory(),
        options,
        clock,
        &SeededEntropy::new(1),
        &mut |_| {},
    )
}

/// Appends `first` as a batch of its own and `records` as exactly one more: the disk holds the first sync until all are queued.
fn append_batch(
    journal: &EmbeddedJournal,
    storage: &SimulatedStorage,
    first: SealedRecord,
    records: Vec<SealedRecord>,
) {
    let (sender, receiver) = mpsc::channel();
    let count = records.len() + 1;
    let queue = |record| {
        let sender = sender.clone();
        assert!(journal.append(record, Box::new(move |result| sender.send(result).unwrap())).is_ok());
    };
    storage.hold_sync();
    queue(first);
    while journal.queued() > 0 {
        std::thread::yield_now();
    }
    records.into_iter().for_each(queue);
    storage.release_sync();
    for _ in 0..count {
        receiver.recv().unwrap().unwrap();
    }
}

/// Rows of a cash box that can be read, checking that each is the one that was made.
fn rows(journal: &dyn Journal, seed: u32) -> u64 {
    let mut model = Chain::new(seed);
    let mut count = 0;
    for record in journal.stream(model.cash_box, 1).unwrap() {
        let (record, made) = (record.unwrap(), model.next());
        assert_eq!((&record.header, &record.bodies), (&made.header, &made.bodies));
        count = record.row;
    }
    count
}

/// A chain that stands after `count` records.
fn chain_at(seed: u32, count: u64) -> Chain {
    let mut chain = Chain::new(seed);
    for _ in 0..count {
        chain.next();
    }
    chain
}

/// The bytes in use of a segment: up to the last that is not zero.
fn used(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1)
}

/// That the journal takes the next record of a cash box with `count` records and keeps it over a restart.
fn goes_on(journal: EmbeddedJournal, storage: &SimulatedStorage, options: JournalOptions, seed: u32, count: u64) {
    append(&journal, chain_at(seed, count).next()).unwrap();
    journal.close();
    let again = open(storage, options).unwrap();
    assert_eq!(again.status().damages, []);
    assert_eq!(again.status().cut, None);
    assert_eq!(rows(&again, seed), count + 1);
}
