//! Byte form and chain: known answers, and properties over any record.

use kassette_model::{CashBoxId, OperationId, OperationKind, OperationState, PosSystemId, Progress, QueueId};
use proptest::prelude::*;
use serde_json::value::RawValue;

use crate::{
    ActionJournal, Answered, Bodies, BoxHead, Configured, Details, Erasable, Hash, MarketStamp, OpenOperation, Promise,
    QueuePhase, Record, RecordError, RecordKind, SealedRecord, moment, reference_key, salted, unix_ns, v1,
};

fn cash_box() -> CashBoxId {
    CashBoxId::from_bytes(*b"0123456789abcdef")
}

fn details(time_ns: i64) -> Details {
    Details {
        time_ns,
        operation: None,
        sign: None,
        configured: None,
        market: None,
        actions: Vec::new(),
        promises: Vec::new(),
        payment: None,
        head: BoxHead::new(),
    }
}

fn record(bodies: Bodies) -> Record {
    Record { cash_box: cash_box(), kind: RecordKind::Operation, details: details(7), bodies }
}

fn bodies(request: Option<&[u8]>, response: Option<&[u8]>) -> Bodies {
    Bodies {
        request: request.map(<[u8]>::to_vec),
        response: response.map(<[u8]>::to_vec),
        request_salt: [1; 16],
        response_salt: [2; 16],
    }
}

#[test]
fn the_byte_form_of_version_1() {
    let sealed = record(bodies(Some(b"ab"), None)).seal(4, Hash([9; 32])).unwrap();
    let header = &sealed.header;
    assert_eq!(header[..8], [1, 0, 2, 0, 1, 0, 0, 0]);
    assert_eq!(&header[8..24], b"0123456789abcdef");
    assert_eq!(header[24..32], 5_u64.to_le_bytes());
    assert_eq!(header[32..64], [9; 32]);
    assert_eq!(header[64..96], salted(&[1; 16], b"ab").0);
    assert_eq!(header[96..128], [0; 32]);
    let details = std::str::from_utf8(&header[128..]).unwrap();
    assert_eq!(
        details,
        r#"{"time_ns":7,"head":{"phase":"new","queue_row":0,"numerator":0,"queue_hash":"","configuration_row":0,"receipt_moment_ns":-9223372036854775808}}"#
    );
    assert_eq!(sealed.hash, Hash::of(header));
    assert_eq!(sealed.bodies.len(), v1::BODIES_FIXED_BYTES + 2);
    assert_eq!(sealed.bodies[32..], [2, 0, 0, 0, 0, 0, 0, 0, b'a', b'b']);
}

#[test]
fn known_hashes() {
    // Computed with sha256sum.
    assert_eq!(Hash::of(b"abc").hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(salted(b"0123456789abcdef", b"").hex(), Hash::of(b"0123456789abcdef").hex());
    assert_ne!(reference_key(cash_box(), "a"), reference_key(cash_box(), "b"));
    assert_ne!(reference_key(cash_box(), "a"), reference_key(CashBoxId::from_bytes([0; 16]), "a"));
}

#[test]
fn every_detail_survives() {
    let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
    let full = Details {
        operation: Some(Answered {
            id: OperationId::from_bytes([3; 16]),
            kind: OperationKind::Sign,
            method: "POST".to_owned(),
            path: "/v2/sign".to_owned(),
            headers: vec![("x-a".to_owned(), "ü \"".to_owned())],
            pos_system: Some(PosSystemId::from_bytes([4; 16])),
            terminal: Some("T 1".to_owned()),
            state: OperationState::Failed,
            before: Some(Progress { state: OperationState::Pending, sequence: 1 }),
            sequence: 3,
            status: 422,
            admitted_ns: -1,
            lifetime_ms: Some(u64::MAX),
        }),
        configured: Some(Configured { queue: QueueId::from_bytes([5; 16]), configuration: raw(r#"{"exact":1.10}"#) }),
        market: Some(MarketStamp { country: "AT".to_owned(), rules: "2026-07".to_owned() }),
        actions: vec![ActionJournal {
            id: uuid::Uuid::from_bytes([6; 16]),
            priority: -1,
            kind: "k".to_owned(),
            message: "m".to_owned(),
            data_json: Some("{}".to_owned()),
        }],
        promises: vec![Promise { url: "https://a".to_owned(), state: OperationState::Done, sequence: 1 }],
        head: BoxHead {
            phase: QueuePhase::Active,
            market: Some(raw("[1.0]")),
            open: vec![OpenOperation {
                id: OperationId::from_bytes([8; 16]),
                row: 1,
                progress: Progress { state: OperationState::Unknown, sequence: 3 },
            }],
            ..BoxHead::new()
        },
        ..details(i64::MIN)
    };
    let written = Record { details: full, ..record(Bodies::default()) }.seal(0, Hash::ZERO).unwrap();
    let read = SealedRecord::read(written.header.clone(), written.bodies.clone()).unwrap();
    assert_eq!(read.operation, Some(OperationId::from_bytes([3; 16])));
    assert_eq!(read.configured, Some((QueueId::from_bytes([5; 16]), br#"{"exact":1.10}"#.to_vec())));
    let again = read.open().unwrap().0.seal(0, Hash::ZERO).unwrap();
    assert_eq!(again.header, written.header, "written again it is the same, byte for byte");
}

#[test]
fn details_of_a_later_minor_version_are_read() {
    let mut header = record(Bodies::default()).seal(0, Hash::ZERO).unwrap().header;
    let text = String::from_utf8(header.split_off(v1::FIXED_BYTES)).unwrap();
    header.extend_from_slice(text.replacen('{', "{\"added_later\":[1],", 1).as_bytes());
    assert!(v1::read_details(&header).is_ok());
}

#[test]
fn what_is_not_known_is_refused() {
    let sealed = record(Bodies::default()).seal(0, Hash::ZERO).unwrap();
    let changed = |at: usize, to: u8| {
        let mut header = sealed.header.clone();
        header[at] = to;
        v1::read_fixed(&header).unwrap_err()
    };
    assert_eq!(changed(0, 2), RecordError::Version(2));
    assert_eq!(changed(2, 9), RecordError::Kind(9));
    for length in 0..v1::FIXED_BYTES {
        assert!(matches!(v1::read_fixed(&sealed.header[..length]), Err(RecordError::TooShort { .. })), "{length}");
    }
    for kind in 1..=5 {
        assert_eq!(RecordKind::from_number(kind).unwrap().number(), kind);
    }
}

#[test]
fn links_and_rows_are_checked() {
    let first = record(Bodies::default()).seal(0, Hash::ZERO).unwrap();
    let second = record(Bodies::default()).seal(first.row, first.hash).unwrap();
    assert_eq!(second.follows(first.row, first.hash), Ok(()));
    assert_eq!(second.follows(0, Hash::ZERO), Err(RecordError::Row { wanted: 1, found: 2 }));
    let link = RecordError::Link { row: 2, wanted: Hash::ZERO, found: first.hash };
    assert_eq!(second.follows(1, Hash::ZERO), Err(link));
}

#[test]
fn erased_is_not_absent_and_not_damaged() {
    let with = record(bodies(Some(b"a"), Some(b""))).seal(0, Hash::ZERO).unwrap();
    let fixed = v1::read_fixed(&with.header).unwrap();
    let zeros = vec![0; with.bodies.len()];
    assert_eq!(v1::read_bodies(&fixed, &zeros), Ok(Erasable::Erased));
    assert_eq!(v1::read_bodies(&fixed, &[]), Ok(Erasable::Erased));
    let mut half = with.bodies.clone();
    half[..16].fill(0);
    assert_eq!(v1::read_bodies(&fixed, &half), Err(RecordError::BodyHash("request")));
    let without = record(Bodies::default()).seal(0, Hash::ZERO).unwrap();
    let fixed = v1::read_fixed(&without.header).unwrap();
    assert_eq!(v1::read_bodies(&fixed, &without.bodies), Ok(Erasable::Kept(Bodies::default())));
}

#[test]
fn moments_keep_their_nanoseconds() {
    for ns in [i64::MIN, -1, 0, 1, 1_700_000_000_123_456_789, i64::MAX] {
        assert_eq!(unix_ns(moment(ns)), ns);
    }
}

fn any_body() -> impl Strategy<Value = Option<Vec<u8>>> {
    proptest::option::of(proptest::collection::vec(any::<u8>(), 0..60))
}

proptest! {
    #[test]
    fn a_chain_is_read_back_and_any_flipped_byte_breaks_it(
        all in proptest::collection::vec((any_body(), any_body(), any::<[u8; 16]>(), any::<[u8; 16]>(), any::<i64>()), 1..6),
        chosen in any::<proptest::sample::Index>(),
        place in any::<proptest::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let (mut row, mut last) = (0, Hash::ZERO);
        let mut chain = Vec::new();
        for (request, response, request_salt, response_salt, time_ns) in all {
            let bodies = Bodies { request, response, request_salt, response_salt };
            let sealed = Record { details: details(time_ns), ..record(bodies.clone()) }.seal(row, last).unwrap();
            let read = SealedRecord::read(sealed.header.clone(), sealed.bodies.clone()).unwrap();
            prop_assert_eq!(read.follows(row, last), Ok(()));
            let (opened, kept) = read.open().unwrap();
            prop_assert_eq!(kept, Erasable::Kept(bodies));
            prop_assert_eq!(opened.details.time_ns, time_ns);
            (row, last) = (sealed.row, sealed.hash);
            chain.push(sealed);
        }
        // A flip anywhere is found: by the bodies' hash, by the next link, or by the hash that the end is known by.
        let at = chosen.index(chain.len());
        let SealedRecord { header, bodies, .. } = &mut chain[at];
        let byte = place.index(header.len() + bodies.len());
        let header_length = header.len();
        let flipped = if byte < header_length { &mut header[byte] } else { &mut bodies[byte - header_length] };
        *flipped ^= 1 << bit;
        let (mut row, mut previous, mut whole) = (0, Hash::ZERO, true);
        for stored in &chain {
            let Ok(read) = SealedRecord::read(stored.header.clone(), stored.bodies.clone()) else {
                whole = false;
                break;
            };
            whole &= read.follows(row, previous).is_ok() && read.open().is_ok();
            (row, previous) = (read.row, read.hash);
        }
        let in_unused_salt = byte >= header_length && {
            // The salt of a body that does not exist is covered by nothing but the checksum of the frame.
            let fixed = v1::read_fixed(&chain[at].header).unwrap();
            let offset = byte - header_length;
            (offset < 16 && !fixed.has_request()) || ((16..32).contains(&offset) && !fixed.has_response())
        };
        prop_assert!(!whole || previous != last || in_unused_salt);
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(
        header in proptest::collection::vec(any::<u8>(), 0..400),
        bodies in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        if let Ok(read) = SealedRecord::read(header, bodies) {
            let _ = read.open();
        }
    }
}
