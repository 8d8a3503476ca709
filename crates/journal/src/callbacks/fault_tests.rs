//! The persistent store is killed, flipped, lost: what was taken is open or settled, or the store says that it is damaged.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::fixture::{all, attempt, behind, cash_box, copy_folder, message, messages, open, operation, place, settle};
use super::ledger::{LEDGER_KEY, Noted};
use super::*;
use crate::sled_files::open_when_free;

/// xorshift64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Takes and tries for `steps` steps; messages are only taken in whole records.
fn work(store: &SledCallbacks, seed: u64, steps: u64) {
    let mut random = Random(seed | 1);
    let mut made = 0;
    for step in 0..steps {
        let count = random.below(30) * 3;
        if count > 0 {
            store.take(behind(made + count - 1), &messages(made..made + count, 4)).unwrap();
            made += count;
        }
        let target = 100 + random.below(4);
        let now_ns = i64::try_from(step).unwrap() * 3_600_000_000_000;
        let window = store.window(target, None, usize::try_from(random.below(60)).unwrap()).unwrap();
        let changes: Vec<Change> = window
            .into_iter()
            .map(|mut message| match random.below(8) {
                0 => Change::Settled(settle(&message, Ending::DeadLetter, now_ns)),
                1 => {
                    message.add_attempt(attempt(now_ns, "timeout"));
                    Change::Open(message)
                }
                _ => Change::Settled(settle(&message, Ending::Acknowledged, now_ns)),
            })
            .collect();
        store.tried(&changes).unwrap();
    }
}

/// Places of all messages that are open or settled.
fn known(store: &dyn CallbackStore) -> BTreeSet<MessagePlace> {
    all(store).iter().map(|state| state.message().place).collect()
}

/// Every message before `taken` is open or settled, and none behind it. Gives how many there are.
fn nothing_is_lost(store: &dyn CallbackStore) -> u64 {
    let found = known(store);
    let taken = store.taken().unwrap();
    let mut count = 0;
    while taken.is_some_and(|taken| place(count).position < taken) {
        assert!(found.contains(&place(count)), "message {count} of those before {taken:?} is lost");
        count += 1;
    }
    assert_eq!(found.len() as u64, count, "none lies behind");
    count
}

const CHILD: &str = "KASSETTE_CALLBACKS_TO_BE_KILLED";

/// Not a test by itself: the process that [`a_process_that_ends_without_a_word`] starts and that aborts.
#[test]
fn to_be_killed() {
    let Ok(told) = std::env::var(CHILD) else { return };
    let (folder, rest) = told.split_once('|').unwrap();
    let (seed, steps) = rest.split_once('|').unwrap();
    let store = open(Path::new(folder)).unwrap();
    work(&store, seed.parse().unwrap(), steps.parse().unwrap());
    std::process::abort();
}

#[test]
fn a_process_that_ends_without_a_word() {
    let mut most = 0;
    for (seed, steps) in [(3, 0), (5, 1), (7, 20), (11, 300), (13, 900), (17, 2_500)] {
        let folder = tempfile::tempdir().unwrap();
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "callbacks::fault_tests::to_be_killed", "--nocapture"])
            .env(CHILD, format!("{}|{seed}|{steps}", folder.path().display()))
            .output()
            .unwrap()
            .status;
        assert!(!status.success(), "it aborts");
        let store = open(folder.path()).unwrap_or_else(|error| panic!("seed {seed}, {steps} steps: {error}"));
        let count = nothing_is_lost(&store);
        most = most.max(count);
        // And goes on.
        store.take(behind(count + 299), &messages(count..count + 300, 4)).unwrap();
        assert_eq!(nothing_is_lost(&store), (count + 300).next_multiple_of(3), "seed {seed}, {steps} steps");
    }
    assert!(most > 1_000, "sled writes back when its buffers are full: {most}");
}

#[test]
fn a_copy_of_the_files_at_any_moment() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let mut made = 0;
    for round in 0..25 {
        store.take(behind(made + 29), &messages(made..made + 30, 4)).unwrap();
        made += 30;
        let ended: Vec<_> = store.window(100 + round % 4, None, 9).unwrap();
        let ended: Vec<_> = ended.iter().map(|message| Change::Settled(settle(message, Ending::Gone, 1))).collect();
        store.tried(&ended).unwrap();
        if round % 3 == 0 {
            store.flush().unwrap();
        }
        let copy = tempfile::tempdir().unwrap();
        copy_folder(folder.path(), copy.path());
        let copied = open(copy.path()).unwrap();
        let count = nothing_is_lost(&copied);
        assert!(round % 3 != 0 || count == made, "flushed is kept: {count} of {made}");
    }
}

#[test]
fn killed_between_settled_and_open_a_message_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    store.take(behind(8), &messages(0..9, 1)).unwrap();
    let settled = settle(&message(4, 1), Ending::DeadLetter, 5);
    {
        let mut state = store.state.lock();
        state.drawers.put(&store.handle, &[&settled]).unwrap();
    }
    drop(store);
    let store = open(folder.path()).unwrap();
    assert_eq!(store.counts().unwrap(), MessageCounts { open: 9, dead_letters: 1 });
    let states = store.of_operation(cash_box(0), operation(0)).unwrap();
    assert_eq!(states.len(), 6);
    assert_eq!(states[4], MessageState::Open(message(4, 1)));
    // Opened again although it is open, and ended again: once each.
    assert!(store.reopen(&settled, 6).unwrap());
    assert_eq!(store.counts().unwrap(), MessageCounts { open: 9, dead_letters: 0 });
    store.tried(&[Change::Settled(settled.clone())]).unwrap();
    assert_eq!(store.counts().unwrap(), MessageCounts { open: 8, dead_letters: 1 });
    drop(store);
    assert_eq!(open(folder.path()).unwrap().counts().unwrap(), MessageCounts { open: 8, dead_letters: 1 });
}

/// What is done to a store behind its back.
type Meddling<'a> = &'a dyn Fn(&sled::Db);

/// Changes a store behind its back.
fn meddle(folder: &Path, change: impl FnOnce(&sled::Db)) {
    let db = open_when_free(&sled::Config::new().path(folder.join("sled-1"))).unwrap();
    change(&db);
    db.flush().unwrap();
}

#[test]
fn a_store_that_cannot_be_right_says_so() {
    let key = bytes::open_key(100, place(3));
    let cases: [(&str, Meddling<'_>); 7] = [
        ("others should be", &|db| drop(db.remove(&key).unwrap())),
        ("others should be", &|db| {
            let key = bytes::open_key(100, place(99));
            db.insert(&key, bytes::open_value(&key, &message(99, 1))).unwrap();
        }),
        ("an open message is malformed", &|db| drop(db.insert(&key, b"nonsense").unwrap())),
        ("an open message is malformed", &|db| {
            // The value of another key.
            let other = db.get(bytes::open_key(100, place(4))).unwrap().unwrap();
            db.insert(&key, other).unwrap();
        }),
        ("what was noted is lost", &|db| drop(db.remove(LEDGER_KEY).unwrap())),
        ("what is noted is malformed", &|db| drop(db.insert(LEDGER_KEY, &[1, 2, 3]).unwrap())),
        ("others should be", &|db| {
            let mut noted = Noted::from_value(&db.get(LEDGER_KEY).unwrap().unwrap()).unwrap();
            noted.sum ^= 1;
            db.insert(LEDGER_KEY, noted.value()).unwrap();
        }),
    ];
    for (number, (reason, change)) in cases.iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap();
        store.take(behind(8), &messages(0..9, 1)).unwrap();
        store.tried(&[Change::Settled(settle(&message(0, 1), Ending::Gone, 5))]).unwrap();
        drop(store);
        meddle(folder.path(), change);
        let error = open(folder.path()).unwrap_err();
        assert!(error.to_string().contains(reason), "case {number}: {error}");
    }
}

#[test]
fn settled_messages_that_cannot_be_read_are_an_error_and_end_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    store.take(behind(8), &messages(0..9, 1)).unwrap();
    let settled = settle(&message(0, 1), Ending::Gone, 5);
    store.tried(&[Change::Settled(settled.clone())]).unwrap();
    let drawer = store.state.lock().drawers.all().remove(0).1;
    let key = bytes::settled_key(&settled.message);
    let mut value = drawer.get(&key).unwrap().unwrap().to_vec();
    value[60] ^= 1;
    drawer.insert(&key, value).unwrap();
    drop(drawer);
    let error = store.list(&ListFilter::default(), 10).unwrap_err();
    assert!(error.to_string().contains("malformed"), "{error}");
    assert!(store.taken().is_err() && store.counts().is_err() && store.flush().is_err(), "no further call");
    drop(store);
    // It is gone; the next one is empty, and says so by `taken`.
    assert_eq!(open(folder.path()).unwrap().taken().unwrap(), None);
}

#[test]
fn a_store_left_open_when_the_machine_lost_power_is_refused_but_tells_how_far_all_was_settled() {
    let (folder, unclean) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(folder.path()).unwrap();
    store.take(behind(29), &messages(0..30, 1)).unwrap();
    let ended: Vec<_> =
        messages(0..12, 1).iter().map(|message| Change::Settled(settle(message, Ending::Gone, 5))).collect();
    store.tried(&ended).unwrap();
    store.flush().unwrap();
    copy_folder(folder.path(), unclean.path());
    let next_run = CallbackOptions { boot_id: Some("the next run".to_owned()), ..CallbackOptions::default() };
    let error = SledCallbacks::open(unclean.path(), next_run.clone()).unwrap_err();
    assert!(error.to_string().contains("started anew"), "{error}");
    let fresh = SledCallbacks::fresh(unclean.path(), next_run.clone()).unwrap();
    assert_eq!((fresh.taken().unwrap(), fresh.settled_to().unwrap()), (None, Some(place(12).position)));
    assert_eq!(all(&fresh), []);
    // Nothing is noted as settled before something was taken.
    fresh.flush().unwrap();
    assert_eq!(fresh.settled_to().unwrap(), Some(place(12).position));

    store.close().unwrap();
    drop(store);
    let closed = SledCallbacks::open(folder.path(), next_run).unwrap();
    assert_eq!(nothing_is_lost(&closed), 30, "an orderly close outlives the machine");
}

#[test]
fn a_damaged_note_of_how_far_all_was_settled_says_nothing() {
    let folder = tempfile::tempdir().unwrap();
    settled_to::write(folder.path(), place(30).position).unwrap();
    assert_eq!(settled_to::read(folder.path()), Some(place(30).position));
    let path = folder.path().join("settled-to");
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 4;
        fs::write(&path, bytes).unwrap();
        assert_eq!(settled_to::read(folder.path()), None, "byte {at}");
    }
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert_eq!(settled_to::read(folder.path()), None, "{length} bytes");
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            files(&entry.path(), found);
        } else if entry.metadata().unwrap().len() > 0 {
            found.push(entry.path());
        }
    }
}

/// Flips bytes of a store at rest at `places` places of each file and opens it.
fn flip(orderly: bool, places: usize) {
    let (whole, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(whole.path()).unwrap();
    work(&store, 23, 400);
    store.flush().unwrap();
    let open_before: Vec<OpenMessage> = store
        .list(&ListFilter { kind: ListKind::Open, ..ListFilter::default() }, usize::MAX / 4)
        .unwrap()
        .iter()
        .map(|state| state.message().clone())
        .collect();
    assert!(open_before.len() > 100);
    if orderly {
        store.close().unwrap();
        drop(store);
        copy_folder(whole.path(), killed.path());
    } else {
        copy_folder(whole.path(), killed.path());
        drop(store);
    }
    let mut found = Vec::new();
    files(killed.path(), &mut found);
    found.sort();
    let (mut trials, mut noticed) = (0, 0);
    for file in &found {
        let name = file.strip_prefix(killed.path()).unwrap();
        let bytes = fs::read(file).unwrap();
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(bytes.len(), |at| at + 1);
        let places = if name.ends_with("db") { places } else { places / 8 };
        for number in 0..places.min(used) {
            let damaged = tempfile::tempdir().unwrap();
            copy_folder(killed.path(), damaged.path());
            let at = number * used / places.min(used);
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (number % 8);
            fs::write(damaged.path().join(name), changed).unwrap();
            trials += 1;
            let read = open(damaged.path()).and_then(|store| {
                let states = store.list(&ListFilter::default(), usize::MAX / 4)?;
                Ok((store.taken()?, states))
            });
            let Ok((taken, states)) = read else {
                noticed += 1;
                let fresh = SledCallbacks::fresh(damaged.path(), CallbackOptions::default()).unwrap();
                assert_eq!(fresh.taken().unwrap(), None);
                continue;
            };
            let found: BTreeSet<MessagePlace> = states.iter().map(|state| state.message().place).collect();
            for message in &open_before {
                let is_taken = taken.is_some_and(|taken| message.place.position < taken);
                assert!(!is_taken || found.contains(&message.place), "{name:?} {at}: {:?} is lost", message.place);
            }
        }
    }
    assert!(trials >= places && noticed > 0, "{noticed} of {trials}");
}

#[test]
fn flipped_bytes_after_an_orderly_close() {
    flip(true, 60);
}

#[test]
fn flipped_bytes_after_a_kill() {
    flip(false, 60);
}
