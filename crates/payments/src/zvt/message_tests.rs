//! Tests of the terminal's messages.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]

use proptest::prelude::*;

use super::super::fields_for_tests::{container, fields};
use super::*;

fn check(bytes: &[u8]) -> Message {
    let apdu = Apdu::decode(bytes).unwrap();
    let message = Message::decode(&apdu);
    assert_eq!(message.to_apdu().unwrap(), apdu);
    message
}

/// A terminal's answer to nobody putting a card in: result, terminal id, words.
#[test]
fn an_abort_by_key_brings_its_words() {
    let message = check(&[
        0x04, 0x0F, 0x10, 0x27, 0x6C, 0x29, 0x28, 0x00, 0x48, 0x69, 0x3C, 0xF0, 0xF0, 0xF5, b'A', b'b', b'b', b'r',
        b'.',
    ]);
    let Message::StatusInformation { fields } = message else { panic!("{message:?}") };
    assert_eq!(fields.result(), Some(ResultCode::ABORTED));
    assert_eq!(fields.additional_text().as_deref(), Some("Abbr."));
}

#[test]
fn an_intermediate_status_may_bring_a_time_and_texts() {
    let plain = check(&[0x04, 0xFF, 0x01, 0x17]);
    assert_eq!(plain.timeout_min(), None);
    assert!(matches!(
        plain,
        Message::IntermediateStatus { code: IntermediateCode::PLEASE_WAIT, timeout_bcd: None, .. }
    ));
    assert_eq!(check(&[0x04, 0xFF, 0x02, 0x0A, 0x10]).timeout_min(), Some(10));
    let texts = check(&[0x04, 0xFF, 0x0A, 0xFF, 0x10, 0x06, 0x06, 0x24, 0x04, 0x07, 0x02, b'1', b'0']);
    assert_eq!((texts.timeout_min(), texts.display_texts()), (Some(10), vec!["10".to_owned()]));
    let without_time = check(&[0x04, 0xFF, 0x09, 0xFF, 0x06, 0x06, 0x24, 0x04, 0x07, 0x02, b'1', b'0']);
    assert_eq!((without_time.timeout_min(), without_time.display_texts()), (None, vec!["10".to_owned()]));
}

/// Lines as three terminals send them: plain, with the kind of the receipt behind them, the last, three empty ones.
#[test]
fn a_line_may_say_whose_it_is() {
    let plain = check(&[0x06, 0xD1, 0x04, 0x40, b'*', b'*', b'*']);
    assert_eq!(plain.printed_lines(), [PrintedLine { attribute: 0x40, text: "***".to_owned() }]);
    assert!(plain.printed_lines().iter().all(PrintedLine::is_centred));
    assert_eq!((plain.receipt_kind(), plain.ends_receipt()), (None, false));
    let told = check(&[0x06, 0xD1, 0x08, 0x00, b' ', 0x06, 0x04, 0x1F, 0x07, 0x01, 0x02]);
    assert_eq!(told.printed_lines(), [PrintedLine { attribute: 0, text: " ".to_owned() }]);
    assert_eq!(told.receipt_kind(), Some(ReceiptKind::Customer));
    let last = check(&[0x06, 0xD1, 0x07, 0x81, 0x06, 0x04, 0x1F, 0x07, 0x01, 0x01]);
    assert_eq!((last.receipt_kind(), last.ends_receipt()), (Some(ReceiptKind::Merchant), true));
    let feeds = check(&[0x06, 0xD1, 0x02, 0xFF, 0x03]);
    assert_eq!((feeds.printed_lines().len(), feeds.ends_receipt()), (3, false));
}

#[test]
fn a_block_has_lines_and_an_end() {
    let block = check(&[
        0x06, 0xD3, 0x17, 0x06, 0x15, 0x1F, 0x07, 0x01, 0x02, 0x25, 0x0F, 0x09, 0x01, 0x40, 0x07, 0x01, b'A', 0x09,
        0x01, 0x03, 0x07, 0x01, b'B', 0x09, 0x01, 0x81,
    ]);
    let lines = block.printed_lines();
    assert_eq!(lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["A", "B"]);
    assert_eq!(lines.iter().map(PrintedLine::indent_chars).collect::<Vec<_>>(), [0, 3]);
    assert_eq!((block.receipt_kind(), block.ends_receipt()), (Some(ReceiptKind::Customer), true));
}

#[test]
fn the_ends_of_a_command() {
    assert_eq!(check(&[0x06, 0x0F, 0x00]), Message::Completion(Completion::Fields(Fields::new())));
    assert_eq!(check(&[0x06, 0x1E, 0x00]), Message::Abort { code: None, fields: Fields::new() });
    // A partial reversal of nothing: the receipt number FFFF is none.
    let message = check(&[0x06, 0x1E, 0x04, 0xB8, 0x87, 0xFF, 0xFF]);
    let Message::Abort { code: Some(code), fields } = message else { panic!("{message:?}") };
    assert_eq!((code, fields.receipt_number()), (ResultCode(0xB8), None));
    assert_eq!(check(&[0x80, 0x00, 0x00]), Message::Answer(Answer::accepted()));
    assert_eq!(check(&[0x84, 0x83, 0x00]), Message::Answer(Answer::refused(Answer::NOT_POSSIBLE)));
}

#[test]
fn what_is_not_as_it_should_be_is_kept() {
    for bytes in [&[0x04, 0xFF, 0][..], &[0x06, 0xD1, 0], &[0x04, 0x0D, 1, 7]] {
        assert_eq!(check(bytes), Message::Other(Apdu::decode(bytes).unwrap()));
    }
}

fn message() -> impl Strategy<Value = Message> {
    let text = prop::collection::vec(any::<u8>().prop_map(|byte| if byte == TLV { b' ' } else { byte }), 0..50);
    let tlv = prop_oneof![Just(Container::default()), container()];
    (0..8, fields(), any::<[u8; 2]>(), text, tlv).prop_map(|(kind, fields, [one, two], text, tlv)| match kind {
        0 => Message::Answer(Answer::Refused { code: one, fields }),
        1 => Message::IntermediateStatus { code: IntermediateCode(one), timeout_bcd: Some(two), fields },
        2 => Message::StatusInformation { fields },
        3 => Message::PrintLine { attribute: one, text, tlv },
        4 => Message::PrintBlock { fields },
        5 => Message::Completion(Completion::Fields(fields)),
        6 => Message::Completion(Completion::Status { software: Some(text), status: one, fields }),
        _ => Message::Abort { code: Some(ResultCode(one)), fields },
    })
}

proptest! {
    #[test]
    fn every_message_comes_back(message in message()) {
        let bytes = message.to_apdu().unwrap().encode();
        prop_assert_eq!(Message::decode(&Apdu::decode(&bytes).unwrap()), message);
    }
}
