//! With real files: contract over both indexes, lock, restart, deleted and damaged index, reindexing, scrubbing.

use std::path::Path;

use super::{chain_at, rows, small};
use crate::contract::{self, Chain, append, append_all};
use crate::{EmbeddedJournal, IndexKind, Journal, JournalError, JournalOptions, OpenProgress, reindex};

fn open(folder: &Path, options: JournalOptions) -> EmbeddedJournal {
    EmbeddedJournal::open(folder, options).unwrap()
}

#[test]
fn keeps_the_contract_with_sled() {
    let folder = tempfile::tempdir().unwrap();
    contract::run(&|case| Box::new(open(&folder.path().join(case.to_string()), small())));
}

#[test]
fn keeps_the_contract_with_an_index_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let options = JournalOptions { index: IndexKind::Memory, ..small() };
    contract::run(&|case| Box::new(open(&folder.path().join(case.to_string()), options.clone())));
}

#[test]
fn a_second_opener_is_refused_until_the_first_closes() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path(), small());
    assert!(matches!(EmbeddedJournal::open(folder.path(), small()), Err(JournalError::Locked(_))));
    first.close();
    assert!(EmbeddedJournal::open(folder.path(), small()).is_ok());
}

/// Fills several segments with two cash boxes; gives their rows.
fn fill(journal: &EmbeddedJournal) -> (u64, u64) {
    let (mut one, mut two) = (Chain::new(1), Chain::new(2));
    let mut records = Vec::new();
    for _ in 0..150 {
        records.extend([one.next(), one.next(), two.next()]);
    }
    assert!(append_all(journal, records).iter().all(Result::is_ok));
    (300, 150)
}

fn check(journal: &EmbeddedJournal) {
    assert_eq!((rows(journal, 1), rows(journal, 2)), (300, 150));
    assert_eq!(journal.status().damages, []);
    let two = chain_at(2, 150);
    assert_eq!(journal.head(two.cash_box).unwrap().unwrap().record.hash, two.hash);
    assert_eq!(journal.operation(two.cash_box, two.operation(77)).unwrap().unwrap().row, 77);
    assert_eq!(journal.configuration(two.cash_box).unwrap().unwrap(), two.configuration().into_bytes());
}

#[test]
fn survives_restarts_with_and_without_a_seal() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path(), small());
    fill(&journal);
    check(&journal);
    journal.close();
    let journal = open(folder.path(), small());
    check(&journal);
    append(&journal, chain_at(1, 300).next()).unwrap();
    journal.abandon();
    let journal = open(folder.path(), small());
    assert_eq!((rows(&journal, 1), journal.status().cut), (301, None));
    assert!(std::fs::read_dir(folder.path()).unwrap().count() > 4, "several segments");
}

#[test]
fn a_missing_or_damaged_index_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path(), small());
    fill(&journal);
    journal.close();
    std::fs::remove_dir_all(folder.path().join("index")).unwrap();
    let journal = open(folder.path(), small());
    check(&journal);
    journal.close();
    let mut damaged = 0;
    for entry in walk(&folder.path().join("index")) {
        let bytes = std::fs::read(&entry).unwrap();
        std::fs::write(&entry, bytes.iter().map(|byte| byte ^ 0x5a).collect::<Vec<_>>()).unwrap();
        damaged += 1;
    }
    assert!(damaged > 0);
    let journal = open(folder.path(), small());
    check(&journal);
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(walk(&path)) } else { files.push(path) }
    }
    files
}

#[test]
fn reindexing_reports_and_changes_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path(), small());
    fill(&journal);
    assert!(matches!(reindex(folder.path(), small(), &mut |_| {}), Err(JournalError::Locked(_))));
    journal.close();
    let mut steps = Vec::new();
    assert_eq!(reindex(folder.path(), small(), &mut |step| steps.push(step)).unwrap(), 450);
    assert_eq!(steps.last(), Some(&OpenProgress::Index { done: 450, total: 450 }));
    check(&open(folder.path(), small()));
}

#[test]
fn only_what_the_index_lacks_is_read_and_the_scrubber_finds_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let options = JournalOptions { open_scan_bytes_max: 0, scrub_pause_ms: 0, ..small() };
    let journal = open(folder.path(), options.clone());
    fill(&journal);
    journal.close();
    let journal = open(folder.path(), options.clone());
    check(&journal);
    append(&journal, chain_at(2, 150).next()).unwrap();
    journal.abandon();
    drop(journal);

    // One flipped byte in the bodies of an old record, far before the checkpoint.
    let path = folder.path().join("segment-00000001.kst");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(10).position(|part| part == b"{\"row\":20}").unwrap();
    bytes[at + 8] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let journal = open(folder.path(), options);
    let started = std::time::Instant::now();
    while journal.status().damages.is_empty() && started.elapsed().as_secs() < 20 {
        std::thread::yield_now();
    }
    let damages = journal.status().damages;
    assert_eq!((damages.len(), damages[0].segment, damages[0].row), (1, 1, Some(20)), "{damages:?}");
    let refused = damages[0].cash_box.unwrap();
    assert!(matches!(journal.head(refused), Err(JournalError::Damaged(_))));
    let (other, count) = if refused == Chain::new(1).cash_box { (2, 151) } else { (1, 300) };
    assert!(append(&journal, chain_at(other, count).next()).is_ok());
}

#[test]
fn only_an_orderly_close_marks_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let options = JournalOptions { index: IndexKind::Sled, ..small() };
    let mark = folder.path().join("index").join("clean");
    let journal = open(folder.path(), options.clone());
    fill(&journal);
    journal.close();
    assert!(mark.exists());
    let journal = open(folder.path(), options.clone());
    append(&journal, chain_at(1, 300).next()).unwrap();
    journal.abandon();
    drop(journal);
    assert!(!mark.exists(), "as after a crash");
    let journal = open(folder.path(), options);
    assert_eq!((rows(&journal, 1), rows(&journal, 2)), (301, 150));
}

#[test]
fn a_missing_segment_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path(), small());
    fill(&journal);
    journal.close();
    std::fs::remove_file(folder.path().join("segment-00000002.kst")).unwrap();
    let error = EmbeddedJournal::open(folder.path(), small()).unwrap_err();
    assert!(error.to_string().contains("segment-00000002.kst is missing"), "{error}");
}
