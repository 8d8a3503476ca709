//! The log as a whole: damage is given out once, and what lies behind it is read.

use std::time::Instant;

use super::{chain_at, open, small, used};
use crate::contract::{Chain, append};
use crate::log::segment::{HEADER_BLOCK_BYTES, segment_name};
use crate::log::simulated::SimulatedStorage;
use crate::log::walk::TIMES_OUT_OF_ORDER_NS;
use crate::{Damage, EmbeddedJournal, Journal, JournalError, JournalOptions, Position};

/// A closed journal of two cash boxes over some segments, with the places of its records.
fn several_segments(rounds: u32) -> (SimulatedStorage, Vec<Position>) {
    let storage = SimulatedStorage::default();
    let journal = open(&storage, small()).unwrap();
    let mut chains = [Chain::new(1), Chain::new(2)];
    let mut places = Vec::new();
    for _ in 0..rounds {
        for chain in &mut chains {
            places.push(append(&journal, chain.next()).unwrap());
        }
    }
    journal.close();
    (storage, places)
}

fn damage_of(error: JournalError) -> Damage {
    match error {
        JournalError::Damaged(damage) => damage,
        other => panic!("{other}"),
    }
}

/// Reads the log; the places of the records, and of the damage.
fn walk(journal: &EmbeddedJournal, from: Option<Position>) -> (Vec<Position>, Vec<Position>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for item in journal.log(from).unwrap() {
        match item {
            Ok((place, _)) => good.push(place),
            Err(error) => {
                let Damage { segment, offset, .. } = damage_of(error);
                bad.push(Position { segment, offset });
            }
        }
    }
    (good, bad)
}

#[test]
fn every_place_of_every_segment_can_be_begun_from() {
    let (storage, places) = several_segments(150);
    assert!(places.last().unwrap().segment > 2);
    let journal = open(&storage, small()).unwrap();
    assert_eq!(walk(&journal, None), (places.clone(), vec![]));
    for (at, place) in places.iter().enumerate() {
        assert_eq!(walk(&journal, Some(*place)), (places[at..].to_vec(), vec![]), "{place:?}");
        assert_eq!(walk(&journal, Some(place.behind())), (places[at + 1..].to_vec(), vec![]), "behind {place:?}");
    }
    // Behind the seal of the last stop as well.
    assert_eq!(walk(&journal, Some(journal.end())), (vec![], vec![]));
    let next = append(&journal, chain_at(1, 150).next()).unwrap();
    assert_eq!(walk(&journal, Some(places.last().unwrap().behind())), (vec![next], vec![]));
}

#[test]
fn every_byte_of_the_records_flipped_is_one_damaged_place() {
    let (sealed, places) = several_segments(4);
    let name = segment_name(1);
    let whole = sealed.file(&name);
    let seal = used(&whole).next_multiple_of(8) - 56;
    for at in (HEADER_BLOCK_BYTES as usize..seal).step_by(3) {
        let storage = sealed.after_kill();
        let mut bytes = whole.clone();
        bytes[at] ^= 0x20;
        storage.set_file(&name, bytes);
        let journal = open(&storage, small()).unwrap();
        let hit = places.partition_point(|place| place.offset as usize <= at) - 1;
        let mut wanted = places.clone();
        wanted.remove(hit);
        assert_eq!(walk(&journal, None), (wanted.clone(), vec![places[hit]]), "flip at {at}");
        assert_eq!(walk(&journal, Some(places[hit])), (wanted[hit..].to_vec(), vec![places[hit]]), "flip at {at}");
        assert_eq!(walk(&journal, Some(places[hit].behind())), (wanted[hit..].to_vec(), vec![]), "flip at {at}");
        let (chain, row) = (Chain::new(1 + u32::try_from(hit % 2).unwrap()), hit as u64 / 2 + 1);
        let damage = damage_of(journal.at(chain.cash_box, row, places[hit]).unwrap_err());
        assert_eq!((damage.segment, damage.offset), (1, places[hit].offset), "flip at {at}: {damage}");
        assert!(journal.status().damages.iter().any(|known| known.offset == places[hit].offset));
    }
}

#[test]
fn records_that_are_gone_without_a_trace_are_said_once() {
    let (storage, places) = several_segments(150);
    let first: Vec<_> = places.iter().copied().filter(|place| place.segment == 1).collect();
    let from = first[first.len() - 3];
    let mut bytes = storage.file(&segment_name(1));
    bytes[from.offset as usize..].fill(0);
    storage.set_file(&segment_name(1), bytes);
    let journal = open(&storage, small()).unwrap();
    let (good, bad) = walk(&journal, None);
    assert_eq!(good, [&places[..first.len() - 3], &places[first.len()..]].concat());
    assert_eq!(bad, [from]);
    let after_hole = Position { segment: 2, offset: 0 };
    assert_eq!(walk(&journal, Some(after_hole)), (places[first.len()..].to_vec(), vec![]));
}

#[test]
fn a_wrong_place_refuses_nobody_and_the_record_is_found() {
    let (storage, places) = several_segments(10);
    let journal = open(&storage, small()).unwrap();
    let chain = Chain::new(1);
    let wrong = [
        places[1],
        places[4],
        Position { segment: 1, offset: places[0].offset + 8 },
        Position { segment: 9, offset: 4096 },
        Position { segment: 1, offset: 0 },
        Position { segment: 1, offset: u32::MAX },
    ];
    for place in wrong {
        assert_eq!(journal.at(chain.cash_box, 1, place).unwrap().row, 1, "{place:?}");
        assert!(journal.at(chain.cash_box, 11, place).is_err());
    }
    assert_eq!(journal.status().damages, []);
    assert!(journal.head(chain.cash_box).is_ok());
}

#[test]
fn the_place_of_a_time_is_near_and_never_too_late() {
    let storage = SimulatedStorage::default();
    let journal = open(&storage, small()).unwrap();
    let mut chain = Chain::new(1);
    chain.step_ns = TIMES_OUT_OF_ORDER_NS / 4;
    let mut made = Vec::new();
    for n in 0..400_u32 {
        if n == 200 {
            // The clock is set back by two days.
            chain.begin_ns -= 48 * TIMES_OUT_OF_ORDER_NS;
        }
        let time_ns = chain.begin_ns + chain.step_ns * i64::from(n + 1);
        made.push((time_ns, append(&journal, chain.next()).unwrap()));
    }
    let segments = made.last().unwrap().1.segment;
    assert!(segments > 6);
    for (time_ns, _) in &made {
        let place = journal.place_at(*time_ns).unwrap();
        let needed = made.iter().find(|(made_ns, _)| made_ns >= time_ns).unwrap().1;
        assert!(place.is_none_or(|place| place <= needed), "{time_ns}: {place:?}, needed {needed:?}");
        // Near: at most one segment before what may be out of order.
        let early = made.iter().find(|(made_ns, _)| *made_ns >= time_ns - TIMES_OUT_OF_ORDER_NS).unwrap().1;
        let segment = place.map_or(1, |place| place.segment);
        assert!(segment + 1 >= early.segment, "{time_ns}: {place:?}, needed {needed:?}");
    }
    assert_eq!(journal.place_at(i64::MAX).unwrap().map(|place| place.segment), Some(segments));
    journal.close();

    // A first record that cannot be read: the next one tells.
    let first = made.iter().find(|(_, place)| place.segment == 3).unwrap().1;
    let mut bytes = storage.file(&segment_name(3));
    bytes[first.offset as usize + 60] ^= 1;
    storage.set_file(&segment_name(3), bytes);
    let journal = open(&storage, small()).unwrap();
    for (time_ns, _) in &made {
        let place = journal.place_at(*time_ns).unwrap();
        let needed = made.iter().find(|(made_ns, _)| made_ns >= time_ns).unwrap().1;
        assert!(place.is_none_or(|place| place <= needed), "{time_ns}: {place:?}, needed {needed:?}");
    }
}

/// `cargo test --release -p kassette-journal walk::skim -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
#[allow(clippy::print_stdout, clippy::float_arithmetic, reason = "prints figures for people")]
fn skim() {
    let folder = tempfile::tempdir().unwrap();
    let journal = EmbeddedJournal::open(folder.path(), JournalOptions::default()).unwrap();
    let mut chains: Vec<_> = (0..64).map(Chain::new).collect();
    let mut bytes = 0;
    for _ in 0..1_000 {
        let records: Vec<_> =
            chains.iter_mut().map(|chain| chain.next_with(vec![b'r'; 700], vec![b'a'; 900])).collect();
        bytes += records.iter().map(|record| record.header.len() + record.bodies.len()).sum::<usize>();
        crate::contract::append_all(&journal, records);
    }
    let start = Instant::now();
    let count = journal.log(None).unwrap().filter(|item| item.is_ok()).count();
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{count} records, {:.0} MB: {:.2} s, {:.1} us a record, {:.0} MB/s",
        bytes as f64 / 1e6,
        seconds,
        seconds * 1e6 / count as f64,
        bytes as f64 / 1e6 / seconds
    );
}
