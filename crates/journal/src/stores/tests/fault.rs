//! Faults of the device: the Nth operation fails, no space, poison, panics.

use std::io::ErrorKind;

use super::{chain_at, goes_on, open, rows, small};
use crate::contract::{Chain, append, append_all};
use crate::log::simulated::{Fault, SimulatedStorage};
use crate::{AppendError, Journal, JournalOptions};

/// Appends 3 × 40 records with larger bodies over several segments, seals; gives how many were acknowledged per cash box.
fn work(storage: &SimulatedStorage) -> Option<[u64; 3]> {
    let journal = open(storage, small()).ok()?;
    let mut acknowledged = [0; 3];
    let mut chains = [Chain::new(0), Chain::new(1), Chain::new(2)];
    for _ in 0..40 {
        for (chain, acknowledged) in chains.iter_mut().zip(&mut acknowledged) {
            let before = chain.clone();
            let record = chain.next();
            match append(&journal, record) {
                Ok(_) => *acknowledged = chain.row,
                Err(AppendError::NoSpace(_)) => *chain = before,
                Err(AppendError::Poisoned(_)) => assert!(journal.status().stopped.is_some()),
                Err(other) => panic!("unexpected: {other}"),
            }
        }
    }
    journal.close();
    Some(acknowledged)
}

#[test]
fn the_nth_operation_fails_until_none_does() {
    for fault in [
        Fault::Error(ErrorKind::Other),
        Fault::Half(ErrorKind::Other),
        Fault::Error(ErrorKind::StorageFull),
        Fault::Half(ErrorKind::StorageFull),
        Fault::Panic,
    ] {
        let mut number = 1;
        loop {
            let storage = SimulatedStorage::default();
            if fault == Fault::Panic && number <= 9 {
                // The first segment is made on the opener's thread, which is this one.
                number += 1;
                continue;
            }
            storage.fail_at(number, fault);
            let acknowledged = work(&storage).unwrap_or_default();
            let met = storage.fault_met();
            let left = storage.after_kill();
            let journal = open(&left, small()).unwrap_or_else(|error| panic!("{fault:?} at {number}: {error}"));
            assert_eq!(journal.status().damages, [], "{fault:?} at {number}");
            for (seed, acknowledged) in (0..).zip(acknowledged) {
                let found = rows(&journal, seed);
                assert!(found >= acknowledged, "{fault:?} at {number}: {acknowledged} acknowledged, {found} found");
            }
            let found = rows(&journal, 1);
            goes_on(journal, &left, small(), 1, found);
            if !met {
                assert_eq!(acknowledged, [40; 3]);
                break;
            }
            number += 1;
        }
        assert!(number > 100, "{number} operations were covered");
    }
}

#[test]
fn a_failed_sync_stops_the_writer_for_good() {
    let storage = SimulatedStorage::default();
    // So large that no spare is made meanwhile, whose operations would count, too.
    let options = JournalOptions { first_segment_bytes: 1 << 20, segment_bytes: 1 << 20, ..small() };
    let journal = open(&storage, options).unwrap();
    let mut chain = Chain::new(1);
    append(&journal, chain.next()).unwrap();
    storage.fail_at(2, Fault::Error(ErrorKind::Other));
    assert!(matches!(append(&journal, chain.next()), Err(AppendError::Poisoned(reason)) if reason.contains("sync")));
    let mut other = Chain::new(2);
    assert!(matches!(append(&journal, other.next()), Err(AppendError::Poisoned(_))));
    assert!(journal.status().stopped.unwrap().contains("segment-00000001.kst"));
    assert_eq!(journal.row(chain.cash_box, 1).unwrap().unwrap().row, 1, "reads are still served");
    let (sender, receiver) = std::sync::mpsc::channel();
    journal.barrier(Box::new(move || sender.send(()).unwrap()));
    receiver.recv().unwrap();
    journal.close();
}

#[test]
fn a_panic_in_the_writer_stops_it_and_tells_everyone() {
    let storage = SimulatedStorage::default();
    let journal = open(&storage, small()).unwrap();
    storage.fail_at(1, Fault::Panic);
    let mut chain = Chain::new(1);
    let results = append_all(&journal, vec![chain.next(), chain.next(), chain.next()]);
    assert!(results.iter().all(|result| matches!(result, Err(AppendError::Poisoned(_)))));
    assert!(matches!(append(&journal, Chain::new(2).next()), Err(AppendError::Poisoned(_))));
    journal.close();
    assert!(journal.status().stopped.unwrap().contains("panicked"));
}

#[test]
fn a_panicking_completion_harms_nobody() {
    let storage = SimulatedStorage::default();
    let journal = open(&storage, small()).unwrap();
    let mut chain = Chain::new(1);
    assert!(journal.append(chain.next(), Box::new(|_| panic!("told to panic"))).is_ok());
    append(&journal, chain.next()).unwrap();
    assert_eq!(rows(&journal, 1), 2);
}

#[test]
fn a_full_disk_refuses_and_resumes() {
    let storage = SimulatedStorage::default();
    // Room for the first segment (32 KiB) and one further (64 KiB).
    storage.set_capacity(Some(100 * 1024));
    let options = JournalOptions { preallocate_retry_ms: 5, ..small() };
    let journal = open(&storage, options.clone()).unwrap();
    let mut chain = Chain::new(1);
    let mut refused = None;
    for _ in 0..1000 {
        let before = chain.clone();
        if let Err(error) = append(&journal, chain.next()) {
            refused = Some(error);
            chain = before;
            break;
        }
    }
    assert!(matches!(refused, Some(AppendError::NoSpace(_))), "{refused:?}");
    let status = journal.status();
    assert!(status.no_space.is_some() && status.stopped.is_none());
    assert_eq!(rows(&journal, 1), chain.row, "reads are still served");
    let next = chain.clone().next();
    assert!(matches!(append(&journal, next.clone()), Err(AppendError::NoSpace(_))), "tried again, still full");
    storage.set_capacity(None);
    append(&journal, next).unwrap();
    chain.next();
    assert_eq!(journal.status().no_space, None);
    append(&journal, chain.next()).unwrap();
    let count = chain.row;
    goes_on(journal, &storage, options, 1, count);
}

#[test]
fn space_that_returns_is_noticed_without_an_append() {
    let storage = SimulatedStorage::default();
    storage.set_capacity(Some(40 * 1024));
    let journal = open(&storage, JournalOptions { preallocate_retry_ms: 1, ..small() }).unwrap();
    let mut chain = Chain::new(1);
    while append(&journal, chain.next()).is_ok() {}
    assert!(journal.status().no_space.is_some());
    storage.set_capacity(None);
    let started = std::time::Instant::now();
    while journal.status().no_space.is_some() && started.elapsed().as_secs() < 20 {
        std::thread::yield_now();
    }
    assert_eq!(journal.status().no_space, None);
}

#[test]
fn what_is_too_large_is_refused_before_anything_is_written() {
    let storage = SimulatedStorage::default();
    let journal = open(&storage, small()).unwrap();
    let mut chain = Chain::new(1);
    append(&journal, chain.next()).unwrap();
    let large = chain.clone().next_with(vec![1; 70 * 1024], Vec::new());
    assert!(
        matches!(append(&journal, large), Err(AppendError::TooLarge { limit_bytes, .. }) if limit_bytes < 64 * 1024)
    );
    let fitting = chain.next_with(vec![1; 40 * 1024], Vec::new());
    append(&journal, fitting).unwrap();
    assert_eq!(journal.head(chain.cash_box).unwrap().unwrap().record.bodies.len(), 40 * 1024 + 40);
    drop(journal);
    assert_eq!(open(&storage, small()).unwrap().head(chain_at(1, 0).cash_box).unwrap().unwrap().record.row, 2);
}

#[test]
fn a_full_queue_gives_the_completion_back() {
    let storage = SimulatedStorage::default();
    let journal = open(&storage, JournalOptions { queue_records_max: 4, ..small() }).unwrap();
    storage.hold_sync();
    let mut chain = Chain::new(1);
    let (sender, receiver) = std::sync::mpsc::channel();
    let mut busy = 0;
    let mut queued = 0;
    for _ in 0..30 {
        let before = chain.clone();
        let sender = sender.clone();
        match journal.append(chain.next(), Box::new(move |result| sender.send(result).unwrap())) {
            Ok(()) => queued += 1,
            Err((error, completion)) => {
                assert_eq!(error, AppendError::Busy);
                completion(Err(error));
                chain = before;
                busy += 1;
            }
        }
    }
    assert!(busy >= 20 && queued >= 4, "{busy} busy, {queued} queued");
    storage.release_sync();
    let results: Vec<_> = receiver.iter().take(30).collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), queued);
}
