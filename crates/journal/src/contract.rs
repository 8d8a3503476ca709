//! What every journal must do, as one suite: [`run`] takes a factory and is called by the tests of each store.
//!
//! Panics when a promise is broken; only for tests (also of other crates, which use [`Chain`] and [`append`]).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test suite may stop")]
#![allow(clippy::missing_panics_doc, reason = "that is what a suite is for")]

use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use kassette_model::{CashBoxId, OperationId, OperationKind, OperationState, Progress, QueueId, QueueItemId};
use kassette_record::{
    Answered, Bodies, BoxHead, Configured, Details, Hash, OpenOperation, Record, RecordKind, SealedRecord, SignFacts,
    reference_key, v1,
};
use serde_json::value::RawValue;

use crate::{AppendError, Journal, JournalError, Position};

/// Makes a journal; the number tells the cases of one run apart.
pub type Factory<'a> = &'a dyn Fn(u32) -> Box<dyn Journal>;

/// A cash box whose records are made in order, for tests.
#[derive(Debug, Clone)]
pub struct Chain {
    /// The cash box.
    pub cash_box: CashBoxId,
    /// Its queue.
    pub queue: QueueId,
    /// Row of the last record made.
    pub row: u64,
    /// Hash of the last record made.
    pub hash: Hash,
    /// Whether the next records leave an operation that has not ended.
    pub leaves_open: bool,
    /// When a record of row 0 would be made, nanoseconds since the Unix epoch.
    pub begin_ns: i64,
    /// Nanoseconds between two records.
    pub step_ns: i64,
}

impl Chain {
    /// A cash box without records; the same `seed` gives the same ids.
    #[must_use]
    pub fn new(seed: u32) -> Self {
        let mut id = [0xc0; 16];
        id[..4].copy_from_slice(&seed.to_be_bytes());
        let mut queue = id;
        queue[15] = 1;
        Self {
            cash_box: CashBoxId::from_bytes(id),
            queue: QueueId::from_bytes(queue),
            row: 0,
            hash: Hash::ZERO,
            leaves_open: false,
            begin_ns: 1_700_000_000_000_000_000,
            step_ns: 1,
        }
    }

    /// Operation id of a row.
    #[must_use]
    pub fn operation(&self, row: u64) -> OperationId {
        let mut id = self.cash_box.bytes();
        id[8..].copy_from_slice(&row.to_be_bytes());
        OperationId::from_bytes(id)
    }

    /// Configuration set by the first record.
    #[must_use]
    pub fn configuration(&self) -> String {
        format!("{{\"name\":\"cash box {}\"}}", self.cash_box)
    }

    /// Receipt reference of a row: every three rows have the same.
    #[must_use]
    pub fn reference(row: u64) -> String {
        format!("receipt-{}", row / 3)
    }

    /// The next record: row 1 sets the configuration, all others answer a sign request with small bodies.
    #[expect(clippy::should_implement_trait, reason = "a chain never ends")]
    pub fn next(&mut self) -> SealedRecord {
        let row = self.row + 1;
        self.next_with(format!("{{\"row\":{row}}}").into_bytes(), format!("{{\"answer\":{row}}}").into_bytes())
    }

    /// The next record with these bodies.
    pub fn next_with(&mut self, request: Vec<u8>, response: Vec<u8>) -> SealedRecord {
        let row = self.row + 1;
        let time_ns = self.begin_ns + self.step_ns * i64::try_from(row).unwrap();
        let mut details = Details {
            time_ns,
            operation: None,
            sign: None,
            configured: None,
            market: None,
            actions: Vec::new(),
            promises: Vec::new(),
            payment: None,
            head: BoxHead { queue_row: row - 1, configuration_row: 1, ..BoxHead::new() },
        };
        let (mut kind, mut bodies) = (RecordKind::Configured, Bodies::default());
        if row == 1 {
            let configuration = RawValue::from_string(self.configuration()).unwrap();
            details.configured = Some(Configured { queue: self.queue, configuration });
        } else {
            kind = RecordKind::Operation;
            bodies = Bodies {
                request: Some(request),
                response: Some(response),
                request_salt: [row.to_le_bytes()[0] | 1; 16],
                response_salt: [row.to_le_bytes()[0] | 2; 16],
            };
            details.operation = Some(Answered {
                id: self.operation(row),
                kind: OperationKind::Sign,
                method: "POST".to_owned(),
                path: "/v2/sign".to_owned(),
                headers: Vec::new(),
                pos_system: None,
                terminal: None,
                state: OperationState::Done,
                before: None,
                sequence: 0,
                status: 201,
                admitted_ns: time_ns,
                lifetime_ms: None,
            });
            details.sign = Some(SignFacts {
                queue_row: row - 1,
                queue_item: QueueItemId::for_row(row, [7; 10]),
                reference_key: reference_key(self.cash_box, &Self::reference(row)),
                cb_receipt_moment_ns: time_ns,
                receipt_moment_ns: time_ns,
                receipt_case: 0x4154_2000_0000_0001,
                state: 0x4154_2000_0000_0000,
                identification: format!("ft{row:X}#"),
                receipt_journal: None,
                market: None,
            });
        }
        if self.leaves_open {
            details.head.open.push(OpenOperation {
                id: self.operation(row),
                row,
                progress: Progress { state: OperationState::Pending, sequence: 1 },
            });
        }
        let record = Record { cash_box: self.cash_box, kind, details, bodies }.seal(self.row, self.hash).unwrap();
        self.row = record.row;
        self.hash = record.hash;
        record
    }
}

/// Appends and waits for the completion.
///
/// # Errors
/// What the journal says, at once or by the completion.
pub fn append(journal: &dyn Journal, record: SealedRecord) -> Result<Position, AppendError> {
    let (sender, receiver) = mpsc::channel();
    match journal.append(record, Box::new(move |result| drop(sender.send(result)))) {
        Ok(()) => receiver.recv().expect("every completion is called"),
        Err((error, _)) => Err(error),
    }
}

/// Appends `records` without waiting in between; gives the results in the order in which the completions were called, which is
/// checked to be that of the records.
pub fn append_all(journal: &dyn Journal, records: Vec<SealedRecord>) -> Vec<Result<Position, AppendError>> {
    let (sender, receiver) = mpsc::channel();
    let count = records.len();
    for (index, record) in records.into_iter().enumerate() {
        let later = sender.clone();
        let queued = journal.append(record, Box::new(move |result| drop(later.send((index, result)))));
        if let Err((error, _)) = queued {
            sender.send((index, Err(error))).unwrap();
        }
    }
    let results: Vec<_> = (0..count).map(|_| receiver.recv().expect("every completion is called")).collect();
    let refused_at_once = results.iter().any(|(_, result)| matches!(result, Err(AppendError::Busy)));
    assert!(refused_at_once || results.iter().map(|(index, _)| *index).eq(0..count), "completions come in order");
    results.into_iter().map(|(_, result)| result).collect()
}

/// Runs the whole suite.
pub fn run(factory: Factory<'_>) {
    an_empty_journal_has_nothing(&*factory(1));
    what_is_acknowledged_is_found(&*factory(2));
    what_does_not_follow_is_refused_alone(&*factory(3));
    a_barrier_comes_after_everything_before_it(&*factory(4));
    cash_boxes_are_listed_in_order(&*factory(5));
    receipts_come_newest_first(&*factory(6));
    a_stream_ends_at_the_head_of_its_start(&*factory(7));
    forgetting_changes_nothing(&*factory(8));
    many_threads_append_at_once(factory(9));
    after_closing_appends_are_refused(&*factory(10));
    what_has_not_ended_is_listed(&*factory(11));
    the_log_has_every_record_in_its_order(&*factory(12));
    the_log_can_be_read_while_it_grows(factory(13));
    a_place_has_everything_behind_it_that_was_made_later(&*factory(14));
}

fn an_empty_journal_has_nothing(journal: &dyn Journal) {
    let chain = Chain::new(1);
    assert!(journal.head(chain.cash_box).unwrap().is_none());
    assert!(journal.operation(chain.cash_box, chain.operation(1)).unwrap().is_none());
    assert!(journal.row(chain.cash_box, 1).unwrap().is_none());
    assert!(journal.configuration(chain.cash_box).unwrap().is_none());
    assert!(journal.cash_box_of(chain.queue).unwrap().is_none());
    assert!(journal.cash_boxes(None, 10).unwrap().is_empty());
    assert_eq!(journal.stream(chain.cash_box, 1).unwrap().count(), 0);
    let status = journal.status();
    assert_eq!((status.records, status.stopped, status.cut), (0, None, None));
}

fn what_is_acknowledged_is_found(journal: &dyn Journal) {
    let mut chain = Chain::new(2);
    let records: Vec<_> = (0..200).map(|_| chain.next()).collect();
    for record in &records {
        append(journal, record.clone()).unwrap();
        let head = journal.head(chain.cash_box).unwrap().unwrap();
        assert_eq!((head.record.row, head.record.hash), (record.row, record.hash));
    }
    for record in &records {
        let found = journal.row(chain.cash_box, record.row).unwrap().unwrap();
        assert_eq!((&found.header, &found.bodies, found.hash), (&record.header, &record.bodies, record.hash));
        let by_operation = journal.operation(chain.cash_box, chain.operation(record.row)).unwrap();
        assert_eq!(by_operation.map(|found| found.row), record.operation.map(|_| record.row));
    }
    assert!(journal.row(chain.cash_box, 0).unwrap().is_none());
    assert!(journal.row(chain.cash_box, 201).unwrap().is_none());
    assert!(journal.operation(Chain::new(77).cash_box, chain.operation(2)).unwrap().is_none());
    for first in [0, 1, 2, 63, 64, 65, 128, 200, 201] {
        let rows: Vec<u64> = journal.stream(chain.cash_box, first).unwrap().map(|record| record.unwrap().row).collect();
        assert_eq!(rows, (first.max(1)..=200).collect::<Vec<_>>(), "from {first}");
    }
    assert_eq!(journal.configuration(chain.cash_box).unwrap().unwrap(), chain.configuration().into_bytes());
    assert_eq!(journal.cash_box_of(chain.queue).unwrap(), Some(chain.cash_box));
    assert_eq!(journal.status().records, 200);
}

fn what_does_not_follow_is_refused_alone(journal: &dyn Journal) {
    let (mut one, mut other) = (Chain::new(3), Chain::new(4));
    let first = one.next();
    let _lost = one.next();
    let third = one.next();
    let mut fork = Chain::new(3);
    fork.next();
    let forked = fork.next_with(b"another".to_vec(), b"answer".to_vec());
    let results =
        append_all(journal, vec![first, other.next(), third, other.next(), forked.clone(), forked, other.next()]);
    let brief: Vec<_> = results.into_iter().map(|result| result.map(|_| ())).collect();
    assert_eq!(
        brief,
        vec![
            Ok(()),
            Ok(()),
            Err(AppendError::Unlinked { row: 3, last: 1 }),
            Ok(()),
            Ok(()),
            Err(AppendError::Unlinked { row: 2, last: 2 }),
            Ok(())
        ]
    );
    // The right row with the wrong link is refused as well.
    let mut stranger = Chain::new(4);
    stranger.row = 3;
    assert_eq!(append(journal, stranger.next()), Err(AppendError::Unlinked { row: 4, last: 3 }));
}

fn a_barrier_comes_after_everything_before_it(journal: &dyn Journal) {
    let mut chain = Chain::new(5);
    let (sender, receiver) = mpsc::channel();
    for number in 0..20 {
        let sender = sender.clone();
        let queued = journal.append(chain.next(), Box::new(move |_| sender.send(number).unwrap()));
        assert!(queued.is_ok());
    }
    journal.barrier(Box::new(move || sender.send(100).unwrap()));
    let mut order: Vec<i32> = receiver.iter().take(21).collect();
    assert_eq!(order.pop(), Some(100));
    assert_eq!(order, (0..20).collect::<Vec<_>>());
}

fn cash_boxes_are_listed_in_order(journal: &dyn Journal) {
    let mut ids = Vec::new();
    for seed in [9, 3, 7, 1, 200, 5] {
        let mut chain = Chain::new(seed);
        append(journal, chain.next()).unwrap();
        append(journal, chain.next()).unwrap();
        ids.push(chain.cash_box);
    }
    ids.sort();
    assert_eq!(journal.cash_boxes(None, 100).unwrap(), ids);
    assert_eq!(journal.cash_boxes(None, 2).unwrap(), ids[..2]);
    assert_eq!(journal.cash_boxes(Some(ids[1]), 3).unwrap(), ids[2..5]);
    assert!(journal.cash_boxes(Some(ids[5]), 3).unwrap().is_empty());
}

fn what_has_not_ended_is_listed(journal: &dyn Journal) {
    let mut chains: Vec<Chain> = (20..24).map(Chain::new).collect();
    for (at, chain) in chains.iter_mut().enumerate() {
        append(journal, chain.next()).unwrap();
        chain.leaves_open = at % 2 == 0;
        append(journal, chain.next()).unwrap();
    }
    let check = |wanted: &[CashBoxId]| {
        let mut found = journal.unfinished().unwrap();
        found.sort();
        assert_eq!(found, wanted);
    };
    check(&[chains[0].cash_box, chains[2].cash_box]);
    chains[0].leaves_open = false;
    append(journal, chains[0].next()).unwrap();
    check(&[chains[2].cash_box]);
}

fn receipts_come_newest_first(journal: &dyn Journal) {
    let (mut chain, mut other) = (Chain::new(6), Chain::new(7));
    for _ in 0..12 {
        append(journal, chain.next()).unwrap();
        append(journal, other.next()).unwrap();
    }
    let key = reference_key(chain.cash_box, &Chain::reference(7));
    let rows = |limit| -> Vec<u64> {
        journal.receipts(chain.cash_box, key, limit).unwrap().iter().map(|record| record.row).collect()
    };
    assert_eq!(rows(10), [8, 7, 6]);
    assert_eq!(rows(2), [8, 7]);
    let absent = reference_key(chain.cash_box, "no such receipt");
    assert!(journal.receipts(chain.cash_box, absent, 10).unwrap().is_empty());
}

fn a_stream_ends_at_the_head_of_its_start(journal: &dyn Journal) {
    let mut chain = Chain::new(8);
    append_all(journal, (0..10).map(|_| chain.next()).collect());
    let mut stream = journal.stream(chain.cash_box, 4).unwrap();
    assert_eq!(stream.next().unwrap().unwrap().row, 4);
    append_all(journal, (0..100).map(|_| chain.next()).collect());
    assert_eq!(stream.map(|record| record.unwrap().row).collect::<Vec<_>>(), (5..=10).collect::<Vec<_>>());
}

fn forgetting_changes_nothing(journal: &dyn Journal) {
    let mut chain = Chain::new(10);
    let (sender, receiver) = mpsc::channel();
    for _ in 0..30 {
        let sender = sender.clone();
        assert!(journal.append(chain.next(), Box::new(move |result| drop(sender.send(result)))).is_ok());
        journal.forget(chain.cash_box);
    }
    assert!(receiver.iter().take(30).all(|result| result.is_ok()));
    assert_eq!(journal.head(chain.cash_box).unwrap().unwrap().record.row, 30);
}

fn many_threads_append_at_once(journal: Box<dyn Journal>) {
    let journal: Arc<dyn Journal> = Arc::from(journal);
    let failures = Arc::new(Mutex::new(Vec::new()));
    let threads: Vec<_> = (0..8)
        .map(|seed| {
            let (journal, failures) = (Arc::clone(&journal), Arc::clone(&failures));
            std::thread::spawn(move || {
                let mut chain = Chain::new(100 + seed);
                for _ in 0..50 {
                    if let Err(error) = append(&*journal, chain.next()) {
                        failures.lock().unwrap().push(error);
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(*failures.lock().unwrap(), []);
    for seed in 0..8 {
        let rows = journal.stream(Chain::new(100 + seed).cash_box, 1).unwrap();
        assert!(rows.map(|record| record.unwrap().row).eq(1..=50));
    }
    assert_eq!(journal.status().records, 400);
}

fn the_log_has_every_record_in_its_order(journal: &dyn Journal) {
    assert_eq!(journal.log(None).unwrap().count(), 0);
    assert_eq!(journal.log(Some(journal.end())).unwrap().count(), 0);
    let mut chains: Vec<Chain> = (30..33).map(Chain::new).collect();
    let mut made = Vec::new();
    for round in 0..100 {
        made.extend(chains.iter_mut().map(|chain| {
            // Not all of one size.
            chain.next_with(vec![b'x'; round * 13], b"answer".to_vec())
        }));
    }
    let before = journal.end();
    let places: Vec<Position> = append_all(journal, made.clone()).into_iter().map(|result| result.unwrap()).collect();
    assert!(before <= places[0] && *places.last().unwrap() < journal.end());
    assert!(places.is_sorted_by(|one, other| one < other), "{places:?}");
    let check = |from: Option<Position>, first: usize| {
        let read: Vec<_> = journal.log(from).unwrap().map(|item| item.unwrap()).collect();
        let found: Vec<_> = read.iter().map(|(place, record)| (*place, record.hash, &record.bodies)).collect();
        let wanted = places.iter().zip(&made).skip(first);
        let wanted: Vec<_> = wanted.map(|(place, record)| (*place, record.hash, &record.bodies)).collect();
        assert_eq!(found, wanted, "from {from:?}");
    };
    check(None, 0);
    check(Some(before), 0);
    for at in [0, 1, 2, 77, 150, 298, 299] {
        check(Some(places[at]), at);
        check(Some(places[at].behind()), at + 1);
    }
    check(Some(journal.end()), 300);
    for (place, record) in places.iter().zip(&made) {
        let found = journal.at(record.cash_box, record.row, *place).unwrap();
        assert_eq!((found.hash, &found.header, &found.bodies), (record.hash, &record.header, &record.bodies));
    }
    assert_eq!(journal.head(made[299].cash_box).unwrap().unwrap().position, places[299]);
    // What is not there: a row, a cash box, a place.
    let missing = journal.at(chains[0].cash_box, 101, places[0]).unwrap_err();
    assert!(matches!(missing, JournalError::Damaged(_)), "{missing}");
    assert!(journal.at(Chain::new(34).cash_box, 1, places[0]).is_err());
    let beyond = Position { segment: journal.end().segment + 1, offset: 0 };
    assert!(matches!(journal.log(Some(beyond)).err(), Some(JournalError::Damaged(_))));
    assert!(journal.status().damages.is_empty(), "a wrong place is no damage");
    assert_eq!(append(journal, chains[0].next()).map(|place| place > places[299]), Ok(true));

    // A stream ends where the log ended when it was asked for.
    let mut stream = journal.log(Some(places[298])).unwrap();
    assert_eq!(stream.next().unwrap().unwrap().0, places[298]);
    append(journal, chains[1].next()).unwrap();
    assert_eq!(stream.count(), 2);
}

fn the_log_can_be_read_while_it_grows(journal: Box<dyn Journal>) {
    let journal: Arc<dyn Journal> = Arc::from(journal);
    let (mut from, mut seen) = (journal.end(), Vec::new());
    let threads: Vec<_> = (0..2)
        .map(|seed| {
            let journal = Arc::clone(&journal);
            std::thread::spawn(move || {
                let mut chain = Chain::new(40 + seed);
                for _ in 0..150 {
                    append(&*journal, chain.next()).unwrap();
                }
            })
        })
        .collect();
    // Followed in parts, each from where the last one ended.
    while seen.len() < 300 {
        let to = journal.end();
        for item in journal.log(Some(from)).unwrap() {
            let (place, record) = item.unwrap();
            if place < to {
                seen.push((record.cash_box, record.row));
            }
        }
        from = to;
        std::thread::yield_now();
    }
    for thread in threads {
        thread.join().unwrap();
    }
    for seed in 0..2 {
        let id = Chain::new(40 + seed).cash_box;
        assert!(seen.iter().filter(|(of, _)| *of == id).map(|(_, row)| *row).eq(1..=150));
    }
}

fn a_place_has_everything_behind_it_that_was_made_later(journal: &dyn Journal) {
    assert_eq!(journal.place_at(0).unwrap(), None);
    let day_ns = 86_400_000_000_000;
    let (mut steady, mut late) = (Chain::new(50), Chain::new(51));
    steady.step_ns = day_ns / 10;
    late.step_ns = day_ns / 10;
    // Its records come into the log half an hour after they are made.
    late.begin_ns -= day_ns / 48;
    let mut made = Vec::new();
    for _ in 0..120 {
        for record in [steady.next(), late.next()] {
            let time_ns = v1::read_details(&record.header).unwrap().time_ns;
            made.push((time_ns, append(journal, record).unwrap()));
        }
    }
    for (time_ns, _) in &made {
        for time_ns in [time_ns - 1, *time_ns, time_ns + 1] {
            let place = journal.place_at(time_ns).unwrap();
            let missed =
                made.iter().find(|(made_ns, at)| *made_ns >= time_ns && place.is_some_and(|place| *at < place));
            assert_eq!(missed, None, "{time_ns} {place:?}");
            assert!(journal.log(place).unwrap().all(|item| item.is_ok()));
        }
    }
    assert_eq!(journal.place_at(i64::MIN).unwrap(), None);
    assert!(journal.place_at(i64::MAX).unwrap().is_none_or(|place| place <= journal.end()));
}

fn after_closing_appends_are_refused(journal: &dyn Journal) {
    let mut chain = Chain::new(11);
    append(journal, chain.next()).unwrap();
    journal.close();
    assert_eq!(append(journal, chain.next()), Err(AppendError::Closed));
    let (sender, receiver) = mpsc::channel();
    journal.barrier(Box::new(move || sender.send(()).unwrap()));
    assert!(receiver.recv().is_ok(), "a barrier is called after closing too");
    journal.close();
}
