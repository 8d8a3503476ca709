//! Messages for tests, and a copy of a store as a kill leaves it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

use std::fs;
use std::path::Path;

use super::*;

/// A day in nanoseconds.
pub(super) const DAY_NS: i64 = 86_400_000_000_000;

/// Places ascend with `n`: three promises in each record, some records to a segment.
pub(super) fn place(n: u64) -> MessagePlace {
    let record = n / 3;
    let position = Position {
        segment: u32::try_from(record / 50).unwrap() + 1,
        offset: 4096 + u32::try_from(record % 50).unwrap() * 64,
    };
    MessagePlace { position, index: u8::try_from(n % 3).unwrap() }
}

/// Behind the record of the message `n`.
pub(super) fn behind(n: u64) -> Position {
    place(n).position.behind()
}

pub(super) fn cash_box(n: u8) -> CashBoxId {
    CashBoxId::from_bytes([7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, n])
}

pub(super) fn operation(record: u64) -> OperationId {
    OperationId::from_bytes((u128::from(record) << 64 | 5).to_be_bytes())
}

/// The message `n`: every two records belong to one operation, the boxes take turns, all of a record go to one of `targets`.
pub(super) fn message(n: u64, targets: u64) -> OpenMessage {
    let record = n / 3;
    let made_ns = 1_700_000_000_000_000_000 + i64::try_from(record).unwrap();
    OpenMessage {
        target: record % targets + 100,
        place: place(n),
        cash_box: cash_box(u8::try_from(record / 2 % 4).unwrap()),
        operation: operation(record / 2),
        row: record + 1,
        sequence: u32::try_from(n % 6).unwrap() + 1,
        made_ns,
        since_ns: made_ns,
        due_ns: made_ns,
        attempts: Vec::new(),
        attempt_count: 0,
    }
}

pub(super) fn messages(range: std::ops::Range<u64>, targets: u64) -> Vec<OpenMessage> {
    range.map(|n| message(n, targets)).collect()
}

pub(super) fn attempt(at_ns: i64, outcome: &str) -> Attempt {
    Attempt {
        at_ns,
        duration_ms: 12,
        outcome: outcome.to_owned(),
        status: (at_ns % 2 == 0).then_some(503),
        detail: (at_ns % 3 == 0).then(|| "no answer within 5 s".to_owned()),
    }
}

pub(super) fn settle(message: &OpenMessage, ending: Ending, settled_ns: i64) -> SettledMessage {
    let mut message = message.clone();
    message.add_attempt(attempt(settled_ns, "acknowledged"));
    SettledMessage { message, ending, settled_ns }
}

pub(super) fn open(folder: &Path) -> Result<SledCallbacks, CallbackError> {
    SledCallbacks::open(folder, CallbackOptions { cache_bytes: 1 << 20, ..CallbackOptions::default() })
}

pub(super) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            // sled may remove an old snapshot meanwhile.
            let _ = fs::copy(entry.path(), target);
        }
    }
}

/// All states of all messages, by place.
pub(super) fn all(store: &dyn CallbackStore) -> Vec<MessageState> {
    store.list(&ListFilter::default(), usize::MAX / 4).unwrap()
}
