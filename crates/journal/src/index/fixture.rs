//! A log in memory, entries for it, a store that fails on demand, and what the right answers are.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kassette_model::{CashBoxId, OperationId, QueueId};
use kassette_record::Hash;
use kassette_stdx::FakeClock;
use parking_lot::Mutex;

use super::*;

/// Boxes differ in the last byte only, so that a store which shortens keys is caught.
pub(super) fn cash_box(n: u8) -> CashBoxId {
    CashBoxId::from_bytes([7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, n])
}

pub(super) fn queue(n: u8) -> QueueId {
    QueueId::from_bytes([9, n, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
}

pub(super) fn operation(n: u64) -> OperationId {
    OperationId::from_bytes((u128::from(n) << 64 | u128::from(n)).to_be_bytes())
}

/// Reference keys commit to the cash box, as the real ones do.
pub(super) fn reference_key(cash_box: u8, n: u64) -> u64 {
    u64::from(cash_box) << 56 | n
}

/// One record to be.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Draft {
    pub(super) cash_box: u8,
    pub(super) operation: Option<u64>,
    pub(super) reference: Option<u64>,
    pub(super) configured: bool,
    pub(super) unfinished: bool,
}

/// The log: numbers from 1, rows of each box from 1.
#[derive(Default)]
pub(super) struct FakeLog {
    entries: Mutex<Vec<IndexEntry>>,
    /// Makes hashes of this log differ from those of another.
    salt: u64,
    pub(super) unreadable: AtomicBool,
    pub(super) scans: AtomicU64,
}

impl FakeLog {
    pub(super) fn salted(salt: u64) -> Arc<Self> {
        Arc::new(Self { salt, ..Self::default() })
    }

    /// Makes the draft durable; the entry is what the writer would enqueue.
    pub(super) fn append(&self, draft: Draft) -> IndexEntry {
        let mut entries = self.entries.lock();
        let number = u64::try_from(entries.len()).unwrap() + 1;
        let id = cash_box(draft.cash_box);
        let row = entries.iter().rev().find(|entry| entry.cash_box == id).map_or(1, |entry| entry.row + 1);
        let entry = IndexEntry {
            cash_box: id,
            row,
            hash: Hash::of(&[self.salt.to_be_bytes(), number.to_be_bytes()].concat()),
            position: Position {
                segment: u32::try_from(number / 1000).unwrap() + 1,
                offset: u32::try_from(number % 1000).unwrap() * 64,
            },
            number,
            operation: draft.operation.map(operation),
            reference_key: draft.reference.map(|n| reference_key(draft.cash_box, n)),
            configured: draft
                .configured
                .then(|| (queue(draft.cash_box), format!("{{\"number\":{number}}}").into_bytes())),
            unfinished: draft.unfinished,
        };
        entries.push(entry.clone());
        entry
    }

    /// A mixed day: 7 boxes, operations answered twice now and then, references used again.
    pub(super) fn append_mixed(&self, count: u64) -> Vec<IndexEntry> {
        let first = self.last_number() + 1;
        (first..first + count)
            .map(|n| {
                self.append(Draft {
                    cash_box: u8::try_from(n * 5 % 7).unwrap(),
                    operation: (n % 11 != 0).then_some(if n % 13 == 0 { n - 7 } else { n }),
                    reference: (n % 2 == 0).then_some(n % 97),
                    configured: n <= 7 || n % 501 == 0,
                    unfinished: n % 17 < 2,
                })
            })
            .collect()
    }

    pub(super) fn cut(&self, length: usize) {
        self.entries.lock().truncate(length);
    }

    pub(super) fn entries(&self) -> Vec<IndexEntry> {
        self.entries.lock().clone()
    }
}

impl LogSource for FakeLog {
    fn last_number(&self) -> u64 {
        self.entries.lock().last().map_or(0, |entry| entry.number)
    }

    fn fits(&self, checkpoint: &Checkpoint) -> bool {
        self.entries.lock().iter().any(|entry| {
            (entry.number, entry.position, entry.hash) == (checkpoint.number, checkpoint.position, checkpoint.hash)
        })
    }

    fn scan(&self, first_number: u64) -> EntryScan {
        self.scans.fetch_add(1, Ordering::SeqCst);
        if self.unreadable.load(Ordering::SeqCst) {
            return Box::new(std::iter::once(Err("the log cannot be read".to_owned())));
        }
        let all = self.entries();
        Box::new(all.into_iter().filter(move |entry| entry.number >= first_number).map(Ok))
    }
}

/// Every answer of `$on` (an [`Index`] or an [`Indexer`]) against a walk through the entries of the log.
macro_rules! check_answers {
    ($on:expr, $entries:expr) => {{
        let (on, entries): (_, &[crate::index::IndexEntry]) = (&$on, &$entries);
        let mut boxes = std::collections::BTreeMap::new();
        let mut operations = std::collections::BTreeMap::new();
        let mut receipts = std::collections::BTreeMap::<_, Vec<_>>::new();
        let mut configured = std::collections::BTreeMap::new();
        for entry in entries {
            boxes.entry(entry.cash_box).or_insert_with(Vec::new).push((entry.row, entry.position, entry.hash));
            operations.extend(entry.operation.map(|operation| ((entry.cash_box, operation), entry.position)));
            if let Some(key) = entry.reference_key {
                receipts.entry((entry.cash_box, key)).or_default().insert(0, entry.position);
            }
            configured.extend(entry.configured.clone().map(|configured| (entry.cash_box, configured)));
        }
        for ((cash_box, operation), position) in &operations {
            assert_eq!(on.operation(*cash_box, *operation).unwrap(), Some(*position), "{cash_box} {operation}");
        }
        for ((cash_box, key), positions) in &receipts {
            assert_eq!(on.receipts(*cash_box, *key, 1_000).unwrap(), *positions, "{cash_box} {key}");
            assert_eq!(on.receipts(*cash_box, *key, 1).unwrap(), positions[..1], "{cash_box} {key}");
        }
        for (cash_box, rows) in &boxes {
            let (last, position, hash) = *rows.last().unwrap();
            let head = on.head(*cash_box).unwrap().unwrap();
            assert_eq!((head.row, head.position, head.hash), (last, position, hash), "{cash_box}");
            for row in [1, 2, 63, 64, 65, 128, last / 2, last].into_iter().filter(|row| *row <= last) {
                let (found, position) = on.anchor(*cash_box, row).unwrap().unwrap();
                assert!(found >= row && found - row < crate::index::ANCHOR_ROWS, "{cash_box} {row} {found}");
                assert!(rows.iter().any(|known| (known.0, known.1) == (found, position)), "{cash_box} {row}");
            }
            assert_eq!(on.anchor(*cash_box, last + 1).unwrap(), None);
            let known = configured.get(cash_box);
            assert_eq!(on.configuration(*cash_box).unwrap(), known.map(|(_, configuration)| configuration.clone()));
            if let Some((queue, _)) = known {
                assert_eq!(on.cash_box_of(*queue).unwrap(), Some(*cash_box));
            }
        }
        let ids: Vec<_> = configured.keys().copied().collect();
        assert_eq!(on.cash_boxes(None, 100).unwrap(), ids);
        for (at, id) in ids.iter().enumerate() {
            assert_eq!(on.cash_boxes(Some(*id), 2).unwrap(), ids[at + 1..].iter().take(2).copied().collect::<Vec<_>>());
        }
        // Strangers: the same operation in another box, and ids that nobody has.
        for ((cash_box, operation), _) in operations.iter().take(50) {
            let other = crate::index::fixture::cash_box(cash_box.bytes()[15] ^ 0x80);
            assert_eq!(on.operation(other, *operation).unwrap(), None);
        }
        let nobody = crate::index::fixture::cash_box(200);
        assert_eq!(on.head(nobody).unwrap(), None);
        assert_eq!(on.anchor(nobody, 1).unwrap(), None);
        assert_eq!(on.configuration(nobody).unwrap(), None);
        assert_eq!(on.cash_box_of(crate::index::fixture::queue(200)).unwrap(), None);
        assert_eq!(on.operation(nobody, crate::index::fixture::operation(u64::MAX)).unwrap(), None);
        assert_eq!(on.receipts(nobody, u64::MAX, 9).unwrap(), []);
    }};
}
pub(super) use check_answers;

/// The cash boxes whose last entry leaves something unfinished, ascending.
pub(super) fn unfinished_in(entries: &[IndexEntry]) -> Vec<CashBoxId> {
    let last: std::collections::BTreeMap<_, _> =
        entries.iter().map(|entry| (entry.cash_box, entry.unfinished)).collect();
    last.into_iter().filter(|(_, unfinished)| *unfinished).map(|(id, _)| id).collect()
}

/// When the failing store fails; shared by the test and the store.
#[derive(Default)]
pub(super) struct Faults {
    /// Calls of `apply` that still work; `u64::MAX` for no end.
    pub(super) applies_left: AtomicU64,
    pub(super) lookups_fail: AtomicBool,
    pub(super) opening_fails: AtomicBool,
}

impl Faults {
    pub(super) fn none() -> Arc<Self> {
        Arc::new(Self { applies_left: AtomicU64::new(u64::MAX), ..Self::default() })
    }
}

/// A memory store with faults, standing for a persistent one.
pub(super) struct FailingIndex {
    inner: MemoryIndex,
    faults: Arc<Faults>,
}

impl FailingIndex {
    pub(super) fn boxed(faults: &Arc<Faults>) -> Box<dyn Index> {
        Box::new(Self { inner: MemoryIndex::default(), faults: Arc::clone(faults) })
    }

    fn look(&self) -> Result<&MemoryIndex, IndexError> {
        if self.faults.lookups_fail.load(Ordering::SeqCst) {
            return Err(IndexError("planted at look-up".to_owned()));
        }
        Ok(&self.inner)
    }
}

impl Index for FailingIndex {
    fn apply(&self, entries: &[IndexEntry]) -> Result<(), IndexError> {
        let left = self.faults.applies_left.load(Ordering::SeqCst);
        if left == 0 {
            return Err(IndexError("planted at apply".to_owned()));
        }
        if left != u64::MAX {
            self.faults.applies_left.store(left - 1, Ordering::SeqCst);
        }
        self.inner.apply(entries)
    }
    fn checkpoint(&self) -> Result<Option<Checkpoint>, IndexError> {
        self.look()?.checkpoint()
    }
    fn operation(&self, cash_box: CashBoxId, operation: OperationId) -> Result<Option<Position>, IndexError> {
        self.look()?.operation(cash_box, operation)
    }
    fn anchor(&self, cash_box: CashBoxId, row: u64) -> Result<Option<(u64, Position)>, IndexError> {
        self.look()?.anchor(cash_box, row)
    }
    fn receipts(&self, cash_box: CashBoxId, key: u64, limit: usize) -> Result<Vec<Position>, IndexError> {
        self.look()?.receipts(cash_box, key, limit)
    }
    fn head(&self, cash_box: CashBoxId) -> Result<Option<HeadEntry>, IndexError> {
        self.look()?.head(cash_box)
    }
    fn configuration(&self, cash_box: CashBoxId) -> Result<Option<Vec<u8>>, IndexError> {
        self.look()?.configuration(cash_box)
    }
    fn cash_box_of(&self, queue: QueueId) -> Result<Option<CashBoxId>, IndexError> {
        self.look()?.cash_box_of(queue)
    }
    fn cash_boxes(&self, after: Option<CashBoxId>, limit: usize) -> Result<Vec<CashBoxId>, IndexError> {
        self.look()?.cash_boxes(after, limit)
    }
    fn unfinished(&self, after: Option<CashBoxId>, limit: usize) -> Result<Vec<CashBoxId>, IndexError> {
        self.look()?.unfinished(after, limit)
    }
    fn flush(&self) -> Result<(), IndexError> {
        self.inner.flush()
    }
}

/// An indexer over a store with faults.
pub(super) fn start_failing(
    log: &Arc<FakeLog>,
    faults: &Arc<Faults>,
    clock: &Arc<FakeClock>,
    options: IndexerOptions,
) -> Indexer {
    let for_fresh = Arc::clone(faults);
    let fresh: FreshIndex = Box::new(move || {
        if for_fresh.opening_fails.load(Ordering::SeqCst) {
            return Err(IndexError("planted at opening".to_owned()));
        }
        Ok(FailingIndex::boxed(&for_fresh))
    });
    let source = RebuildSource { log: Arc::clone(log) as Arc<dyn LogSource>, fresh };
    Indexer::start(Ok(FailingIndex::boxed(faults)), options, source, Arc::clone(clock) as Arc<dyn kassette_stdx::Clock>)
}

/// Small figures, so that tests reach every limit.
pub(super) fn small_sled() -> SledOptions {
    SledOptions {
        cache_bytes: 1 << 20,
        flush_every_ms: 10_000,
        gathered_records_max: 300,
        filter_bytes_max: 2_000,
        replay_margin_records: 100,
        boot_id: Some("this run".to_owned()),
    }
}

/// An indexer over sled in `folder`, as the journal opens it.
pub(super) fn start_sled(log: &Arc<FakeLog>, folder: &Path, options: IndexerOptions) -> Indexer {
    start_sled_with(log, folder, options, small_sled())
}

/// The same with other figures of sled.
pub(super) fn start_sled_with(
    log: &Arc<FakeLog>,
    folder: &Path,
    options: IndexerOptions,
    sled: SledOptions,
) -> Indexer {
    let opened = SledIndex::open(folder, sled.clone()).map(|index| Box::new(index) as Box<dyn Index>);
    let for_fresh = folder.to_path_buf();
    let fresh: FreshIndex =
        Box::new(move || SledIndex::fresh(&for_fresh, sled.clone()).map(|index| Box::new(index) as Box<dyn Index>));
    let source = RebuildSource { log: Arc::clone(log) as Arc<dyn LogSource>, fresh };
    Indexer::start(opened, options, source, Arc::new(FakeClock::at(0)))
}
