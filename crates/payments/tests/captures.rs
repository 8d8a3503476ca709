//! What terminals and registers really sent: it is read, comes back to the same bytes, and no damage to it does harm.
//!
//! The captures are not part of this repository. `KASSETTE_VECTORS` names their folder (default: `../shared/vectors` beside
//! the workspace); where it is absent the tests say so, or fail when `KASSETTE_CI=1`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may stop and may speak"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kassette_payments::zvt::{
    Apdu, Command, Completion, Config, Fields, Link, LinkEvent, Message, ReceiptKind, ResultClass, ResultCode,
    SerialLink, SerialTiming, Tag, TcpLink, decode_anything, encode_frame,
};
use proptest::prelude::*;

struct Capture {
    name: String,
    bytes: Vec<u8>,
}

fn folder() -> Option<PathBuf> {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    let folder = std::env::var_os("KASSETTE_VECTORS").map_or(default, PathBuf::from).join("zvt");
    if folder.is_dir() {
        return Some(folder);
    }
    assert_ne!(std::env::var("KASSETTE_CI").as_deref(), Ok("1"), "no captures in {}", folder.display());
    eprintln!("left out: no captures in {}", folder.display());
    None
}

/// The files `*.blob`: each is an APDU.
fn blobs(folder: &Path) -> Vec<Capture> {
    let mut found: Vec<Capture> = fs::read_dir(folder.join("everest-zvt"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "blob"))
        .map(|path| Capture {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            bytes: fs::read(&path).unwrap(),
        })
        .collect();
    found.sort_by(|one, next| one.name.cmp(&next.name));
    found
}

/// The lines of `apdus.tsv`: most are an APDU, some are a fragment of one.
fn lines(folder: &Path) -> Vec<Capture> {
    let text = fs::read_to_string(folder.join("portalum/apdus.tsv")).unwrap();
    let rows = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    rows.map(|row| {
        let cells: Vec<&str> = row.split('\t').collect();
        let [file, case, number, hex] = cells[..] else { panic!("four cells: {row}") };
        let bytes = hex.trim().split('-').map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
        Capture { name: format!("{file} {case} {number}"), bytes }
    })
    .collect()
}

fn captures() -> Vec<Capture> {
    let Some(folder) = folder() else { return Vec::new() };
    let mut found = blobs(&folder);
    assert!(found.len() >= 17, "the captures are found");
    let lines = lines(&folder);
    assert!(lines.len() >= 120, "the list is found");
    found.extend(lines);
    found
}

/// Those that are exactly one APDU. Three of the list's files try single functions with pieces that look like one.
fn apdus() -> Vec<(Capture, Apdu)> {
    let pieces = ["ApduHelperTest", "TlvParserTest", "BmpParserTest"];
    let whole = captures().into_iter().filter(|capture| !pieces.iter().any(|piece| capture.name.starts_with(piece)));
    whole.filter_map(|capture| Apdu::decode(&capture.bytes).ok().map(|apdu| (capture, apdu))).collect()
}

fn capture(name: &str) -> Option<Apdu> {
    let found = apdus().into_iter().find(|(capture, _)| capture.name.contains(name));
    assert!(found.is_some() || folder().is_none(), "no capture {name}");
    found.map(|(_, apdu)| apdu)
}

fn fields_of(message: Message) -> Fields {
    match message {
        Message::StatusInformation { fields } => fields,
        other => panic!("a status information, not {other:?}"),
    }
}

#[test]
fn each_capture_comes_back_to_the_same_bytes() {
    for (capture, apdu) in apdus() {
        assert_eq!(apdu.encode(), capture.bytes, "{}", capture.name);
        // It holds track 2 of a card: the length comes back, the digits do not.
        if capture.name == "status_information_read_card.blob" {
            continue;
        }
        assert_eq!(Message::decode(&apdu).to_apdu().unwrap(), apdu, "{}", capture.name);
        assert_eq!(Command::decode(&apdu).to_apdu().unwrap(), apdu, "{}", capture.name);
    }
}

#[test]
fn each_status_information_is_read_to_its_last_byte() {
    for (capture, apdu) in apdus() {
        if apdu.control() != (0x04, 0x0F) {
            continue;
        }
        let fields = fields_of(Message::decode(&apdu));
        assert_eq!(fields.undecoded_bytes(), 0, "{}: {fields:?}", capture.name);
        assert_eq!(fields.tlv().unwrap_or_default().undecoded_bytes(), 0, "{}: {fields:?}", capture.name);
        assert!(fields.result().is_some(), "{}", capture.name);
    }
}

#[test]
fn a_reversal_keeps_what_stands_behind_the_turnover_number() {
    let Some(apdu) = capture("Parse_ReversalGood1") else { return };
    let fields = fields_of(Message::decode(&apdu));
    assert_eq!(fields.result(), Some(ResultCode::OK));
    assert_eq!((fields.amount_cents(), fields.trace(), fields.original_trace()), (Some(100), Some(607), Some(606)));
    assert_eq!((fields.receipt_number(), fields.turnover_number()), (Some(607), Some(607)));
    assert_eq!(fields.card_name().as_deref(), Some("Debit Mastercard"));
    assert_eq!(fields.pan_masked().as_deref(), Some("************4771"));
    assert_eq!(fields.merchant_number().as_deref(), Some("100461763"));
    let container = fields.tlv().unwrap();
    assert_eq!(container.text(&[Tag::DISPLAY_TEXTS, Tag::TEXT]).as_deref(), Some("GEN.NR.:715691"));
    assert_eq!(container.bytes(&[Tag::TECHNOLOGY]), Some(&[2][..]));
}

#[test]
fn a_card_that_was_read_leaves_no_track() {
    let Some(apdu) = capture("status_information_read_card") else { return };
    let track = [0x67, 0x25, 0x90, 0x44];
    assert!(apdu.data().windows(4).any(|bytes| bytes == track));
    let message = Message::decode(&apdu);
    let again = message.to_apdu().unwrap();
    assert_eq!(again.data().len(), apdu.data().len());
    assert!(!again.data().windows(4).any(|bytes| bytes == track));
    assert!(!format!("{message:?} {apdu:?}").contains("672590"));
}

#[test]
fn receipts_have_lines() {
    let Some(apdu) = capture("1680728215.585561000_pt_ecr") else { return };
    let block = Message::decode(&apdu);
    let lines = block.printed_lines();
    assert_eq!(lines.len(), 33);
    assert!(lines.iter().any(|line| line.text.trim() == "Purchase MASTERCARD"), "{lines:?}");
    assert_eq!((block.receipt_kind(), block.ends_receipt()), (Some(ReceiptKind::Customer), true));
    let line = Message::decode(&capture("CardCompleteWithTlv_Successful 1").unwrap());
    assert_eq!(line.printed_lines().first().unwrap().text, "** HÄNDLERBELEG **");
    assert_eq!(line.receipt_kind(), Some(ReceiptKind::Merchant));
}

#[test]
fn completions_are_told_apart() {
    let Some(apdu) = capture("1680728219.054216000_pt_ecr") else { return };
    let Message::Completion(completion) = Message::decode(&apdu) else { panic!("a completion") };
    assert_eq!(completion.software().as_deref(), Some("GER-APP-v2.0.9;cS02.01.01-10.10-2-2;CC26"));
    assert_eq!(completion.terminal_status(), Some(0));
    assert!(completion.fields().unwrap().tlv().is_some_and(|container| container.undecoded_bytes() == 0));
    let registered = Message::decode(&capture("1680761818.641601000_pt_ecr").unwrap());
    let Message::Completion(Completion::Fields(fields)) = registered else { panic!("bitmaps") };
    assert_eq!((fields.terminal_id().as_deref(), fields.currency()), (Some("52523535"), Some(978)));
}

#[test]
fn a_refusal_has_its_words() {
    let Some(apdu) = capture("RejectedCard_Successful 3") else { return };
    let fields = fields_of(Message::decode(&apdu));
    assert_eq!(fields.result().map(ResultCode::class), Some(ResultClass::Declined));
    assert_eq!(fields.additional_text().as_deref(), Some("Abgelehnt"));
}

#[test]
fn each_capture_goes_through_both_transports_cut_anywhere() {
    for (capture, apdu) in apdus() {
        // A dialogue does not open with a completion of another family; such captures come behind an answer.
        let first = Apdu::new(0x80, 0, vec![]).unwrap();
        let expected = vec![LinkEvent::Received(first.clone()), LinkEvent::Received(apdu.clone())];
        let raw = [first.encode(), apdu.encode()].concat();
        let framed = [encode_frame(&first), encode_frame(&apdu)].concat();
        let tcp: fn() -> Link = || Link::Tcp(TcpLink::new());
        let serial: fn() -> Link = || Link::Serial(SerialLink::new(SerialTiming::default()));
        for (stream, open) in [(raw, tcp), (framed, serial)] {
            for cut in 0..=stream.len() {
                let (head, tail) = stream.split_at(cut);
                let mut link = open();
                let mut events = link.receive(head, Duration::ZERO);
                events.extend(link.receive(tail, Duration::ZERO));
                assert_eq!(events, expected, "{} cut at {cut}", capture.name);
            }
        }
    }
}

#[test]
fn no_capture_does_harm_cut_or_flipped_anywhere() {
    for capture in captures() {
        for cut in 0..=capture.bytes.len() {
            decode_anything(&capture.bytes[..cut]).unwrap();
        }
        for index in 0..capture.bytes.len() {
            for mask in [0x01, 0x10, 0x80, 0xFF] {
                let mut bytes = capture.bytes.clone();
                bytes[index] ^= mask;
                decode_anything(&bytes).unwrap();
            }
        }
    }
}

#[test]
fn every_damage_of_one_byte_to_a_frame_is_refused() {
    for (capture, apdu) in apdus() {
        let frame = encode_frame(&apdu);
        for index in 0..frame.len() {
            let mut damaged = frame.clone();
            damaged[index] ^= 0x04;
            let mut link = SerialLink::new(SerialTiming::default());
            let mut events = link.receive(&damaged, Duration::ZERO);
            events.extend(link.tick(Duration::from_secs(1)));
            let received = events.iter().any(|event| matches!(event, LinkEvent::Received(_)));
            assert!(!received, "{} with byte {index} flipped", capture.name);
        }
    }
}

#[test]
fn a_registration_is_what_the_manual_says() {
    let apdu = Apdu::decode(&[0x06, 0x00, 0x06, 0x00, 0x00, 0x00, 0xBE, 0x09, 0x78]).unwrap();
    let Command::Registration { config, currency, .. } = Command::decode(&apdu) else { panic!("a registration") };
    assert_eq!((config, currency), (Config::ALL, Some(Command::EURO)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn random_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        decode_anything(&bytes).unwrap();
    }

    #[test]
    fn random_data_under_a_known_control_field_do_no_harm(
        control in prop::sample::select(vec![
            [0x04_u8, 0x0F], [0x04, 0xFF], [0x06, 0xD1], [0x06, 0xD3], [0x06, 0x0F], [0x06, 0x1E], [0x06, 0x00], [0x06, 0x01],
            [0x06, 0x20], [0x06, 0x30], [0x05, 0x01], [0x80, 0x00], [0x84, 0x9C],
        ]),
        data in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(vec![0x06_u8, 0x25, 0x1F, 0x82, 0xF0, 0xF9])], 0..400)
    ) {
        let [class, instruction] = control;
        let apdu = Apdu::new(class, instruction, data).unwrap();
        prop_assert!(!decode_anything(&apdu.encode()).unwrap().is_empty());
        prop_assert!(decode_anything(&encode_frame(&apdu)).unwrap().contains(&apdu));
    }
}

#[test]
fn mutated_captures_do_no_harm() {
    let captures = captures();
    if captures.is_empty() {
        return;
    }
    let damage = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    let parts = prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), damage), 1..4);
    proptest!(ProptestConfig::with_cases(3_000), |(parts in parts, framed in any::<bool>())| {
        let mut stream = vec![];
        for (which, cut, damage) in parts {
            let mut bytes = which.get(&captures).bytes.clone();
            if let (true, Ok(apdu)) = (framed, Apdu::decode(&bytes)) {
                bytes = encode_frame(&apdu);
            }
            for (index, byte) in damage {
                *index.get_mut(&mut bytes) = byte;
            }
            bytes.truncate(cut.index(bytes.len() + 1).max(bytes.len() / 2));
            stream.extend(bytes);
        }
        decode_anything(&stream).unwrap();
    });
}
