//! Any sequence of appends, restarts and kills against a model that only remembers what was acknowledged.

use kassette_record::SealedRecord;
use proptest::prelude::*;

use super::{open, small};
use crate::contract::{Chain, append_all};
use crate::log::check::LogCheck;
use crate::log::files::LogFiles;
use crate::log::pass::{GoOn, Part, pass};
use crate::log::segment::{SegmentHeader, list_segments};
use crate::log::simulated::SimulatedStorage;
use crate::{EmbeddedJournal, Journal};

#[derive(Debug, Clone)]
enum Step {
    /// Appends without waiting in between: (cash box, length of the request).
    Append(Vec<(usize, usize)>),
    Forget(usize),
    Close,
    Kill,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => proptest::collection::vec((0_usize..4, 0_usize..3000), 1..30).prop_map(Step::Append),
        1 => (0_usize..4).prop_map(Step::Forget),
        1 => Just(Step::Close),
        1 => Just(Step::Kill),
    ]
}

/// Everything that a forward scan of the segments finds, in the order of the log.
fn scan(storage: &SimulatedStorage) -> Vec<SealedRecord> {
    let files = LogFiles::new(std::sync::Arc::new(storage.clone()), 4);
    for number in list_segments(storage).unwrap() {
        files.add(SegmentHeader::read(&*files.file(number).unwrap(), number).unwrap().0);
    }
    let mut found = Vec::new();
    let mut check = LogCheck::from_start();
    let end = pass(
        &files,
        Part::default(),
        &mut check,
        &mut |accepted| {
            found.push(SealedRecord::read(accepted.header.to_vec(), accepted.bodies.to_vec()).unwrap());
            Ok(())
        },
        &mut |_, _| GoOn::Yes,
    )
    .unwrap();
    assert!(check.damages.is_empty() && check.holes.is_empty() && end.tail.is_none());
    found
}

fn same(found: &SealedRecord, made: &SealedRecord) -> bool {
    found.header == made.header && found.bodies == made.bodies && found.hash == made.hash
}

fn compare(journal: &EmbeddedJournal, chains: &[Chain], model: &[SealedRecord]) {
    for chain in chains {
        let made: Vec<_> = model.iter().filter(|record| record.cash_box == chain.cash_box).collect();
        let found: Vec<_> = journal.stream(chain.cash_box, 1).unwrap().map(Result::unwrap).collect();
        assert_eq!(found.len(), made.len());
        assert!(found.iter().zip(&made).all(|(found, made)| same(found, made)));
        let head = journal.head(chain.cash_box).unwrap();
        assert_eq!(head.map(|head| head.record.hash), made.last().map(|last| last.hash));
    }
    assert_eq!(journal.status().records, model.len() as u64);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_journal_is_its_model(steps in proptest::collection::vec(step(), 1..20)) {
        let mut storage = SimulatedStorage::default();
        let mut journal = open(&storage, small()).unwrap();
        let mut chains: Vec<_> = (0..4).map(Chain::new).collect();
        let mut model: Vec<SealedRecord> = Vec::new();
        for step in steps {
            match step {
                Step::Append(lengths) => {
                    let records: Vec<_> = lengths
                        .into_iter()
                        .map(|(index, length)| chains[index].next_with(vec![b'x'; length], b"{}".to_vec()))
                        .collect();
                    let results = append_all(&journal, records.clone());
                    prop_assert!(results.iter().all(Result::is_ok));
                    model.extend(records);
                }
                Step::Forget(index) => journal.forget(chains[index].cash_box),
                Step::Close => {
                    journal.close();
                    journal = open(&storage, small()).unwrap();
                }
                Step::Kill => {
                    let after = storage.after_kill();
                    journal.abandon();
                    storage = after;
                    journal = open(&storage, small()).unwrap();
                }
            }
            compare(&journal, &chains, &model);
        }
        let scanned = scan(&storage);
        prop_assert_eq!(scanned.len(), model.len());
        prop_assert!(scanned.iter().zip(&model).all(|(found, made)| same(found, made)), "the log has the order of the appends");
    }
}
