//! Offline verification of a folder, also beside a running journal; the kept fixture of format version 1.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a test may stop")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kassette_journal::contract::{Chain, append, append_all};
use kassette_journal::verify::{VerifyReport, verify_folder};
use kassette_journal::{EmbeddedJournal, IndexKind, Journal, JournalOptions};

fn options() -> JournalOptions {
    JournalOptions {
        segment_bytes: 64 * 1024,
        first_segment_bytes: 64 * 1024,
        index: IndexKind::Memory,
        ..JournalOptions::default()
    }
}

fn verify(folder: &Path) -> VerifyReport {
    verify_folder(folder, &mut |_, _| Ok(()), &mut |_, _| {}).unwrap()
}

/// A sealed journal of two cash boxes with 100 rows each, over several segments.
fn write(folder: &Path) {
    let journal = EmbeddedJournal::open(folder, options()).unwrap();
    let (mut one, mut two) = (Chain::new(1), Chain::new(2));
    for _ in 0..100 {
        append(&journal, one.next()).unwrap();
        append(&journal, two.next()).unwrap();
    }
    journal.close();
}

#[test]
fn a_good_folder_is_good_and_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let content = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    let before = content("segment-00000001.kst");
    let mut seen = 0;
    let mut told = (0, 0);
    let report = verify_folder(
        folder.path(),
        &mut |record, position| {
            seen += 1;
            assert!(record.row <= 100 && position.segment <= 9);
            Ok(())
        },
        &mut |done, total| told = (done, total),
    )
    .unwrap();
    assert!(report.is_good() && report.sealed && report.tail.is_none(), "{report:?}");
    assert_eq!((report.records, report.cash_boxes, seen), (200, 2, 200));
    assert!(told.0 == told.1 && told.1 > 0);
    assert!(before == content("segment-00000001.kst"));
}

#[test]
fn the_first_bad_record_is_named_and_the_rest_counted() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let path = folder.path().join("segment-00000001.kst");
    let mut bytes = std::fs::read(&path).unwrap();
    for row in [7, 9] {
        let text = format!("{{\"row\":{row}}}");
        let at = bytes.windows(text.len()).position(|part| part == text.as_bytes()).unwrap();
        bytes[at + 1] ^= 4;
    }
    std::fs::write(&path, bytes).unwrap();
    let report = verify(folder.path());
    assert_eq!((report.bad_count, report.records), (2, 200), "{report:?}");
    let first = &report.bad[0];
    assert_eq!((first.segment, first.cash_box, first.row), (1, Some(Chain::new(1).cash_box), Some(7)));
    assert!(first.offset > 4096);
    assert_eq!(report.bad[1].row, Some(9));
}

#[test]
fn what_the_visitor_says_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let two = Chain::new(2).cash_box;
    let report = verify_folder(
        folder.path(),
        &mut |record, _| if record.cash_box == two && record.row == 3 { Err("wrong".to_owned()) } else { Ok(()) },
        &mut |_, _| {},
    )
    .unwrap();
    assert_eq!((report.bad_count, report.bad[0].row, report.bad[0].cash_box), (1, Some(3), Some(two)));
}

#[test]
fn a_torn_end_is_wrong_when_nobody_is_writing() {
    let folder = tempfile::tempdir().unwrap();
    let journal = EmbeddedJournal::open(folder.path(), options()).unwrap();
    let mut chain = Chain::new(1);
    append(&journal, chain.next()).unwrap();
    let last = append(&journal, chain.next()).unwrap();
    journal.abandon();
    let path = folder.path().join("segment-00000001.kst");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[last.offset as usize + 200..].fill(0);
    std::fs::write(&path, bytes).unwrap();
    let report = verify(folder.path());
    assert!(!report.is_good() && !report.sealed && report.tail.is_none(), "{report:?}");
    assert_eq!((report.bad_count, report.bad[0].segment, report.bad[0].offset), (1, 1, last.offset));
    assert_eq!(report.records, 1);
    // While a process has the folder it may be a batch that is just being written.
    let lock = std::fs::File::options().write(true).open(folder.path().join("lock")).unwrap();
    lock.lock().unwrap();
    let report = verify(folder.path());
    assert!(report.is_good(), "{report:?}");
    assert_eq!(report.tail.map(|tail| (tail.segment, tail.offset)), Some((1, last.offset)));
}

#[test]
fn works_beside_a_running_journal() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Arc::new(EmbeddedJournal::open(folder.path(), options()).unwrap());
    let writing = Arc::clone(&journal);
    let writer = std::thread::spawn(move || {
        let mut chain = Chain::new(1);
        for _ in 0..40 {
            assert!(append_all(&*writing, (0..20).map(|_| chain.next()).collect()).iter().all(Result::is_ok));
        }
    });
    let mut records = 0;
    while !writer.is_finished() {
        let report = verify(folder.path());
        assert!(report.is_good(), "{report:?}");
        assert!(report.records >= records);
        records = report.records;
    }
    writer.join().unwrap();
    journal.close();
    assert_eq!(verify(folder.path()).records, 800);
}

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v1")
}

/// Writes the fixture of format version 1. Run once, by hand, when the version was fixed; the files are kept for ever.
#[test]
#[ignore = "writes tests/fixtures/v1, which is never changed"]
fn write_fixture_v1() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    std::fs::create_dir_all(fixture()).unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "kst") && !path.ends_with("spare.kst") {
            let to = fixture().join(path.file_name().unwrap());
            assert!(!to.exists(), "the fixture is never changed");
            std::fs::copy(path, to).unwrap();
        }
    }
}

#[test]
fn the_fixture_of_version_1_opens_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(fixture()).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    let report = verify(folder.path());
    assert!(report.is_good() && report.sealed, "{report:?}");
    assert_eq!((report.records, report.cash_boxes), (200, 2));
    let journal = EmbeddedJournal::open(folder.path(), options()).unwrap();
    for seed in [1, 2] {
        let mut model = Chain::new(seed);
        for record in journal.stream(model.cash_box, 1).unwrap() {
            let (record, made) = (record.unwrap(), model.next());
            // What is on disk stays as it is; only the reading of it may learn.
            assert_eq!((record.header, record.bodies), (made.header, made.bodies));
        }
        assert_eq!(model.row, 100);
        append(&journal, model.next()).unwrap();
    }
    journal.close();
    assert_eq!(verify(folder.path()).records, 202);
}
