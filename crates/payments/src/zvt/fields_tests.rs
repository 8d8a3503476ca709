//! Tests of the list of bitmaps.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use proptest::prelude::*;

use super::super::tlv::{Tag, Tlv};
use super::*;

#[test]
fn each_form_has_its_length() {
    let fields = Fields::new()
        .with_amount_cents(1_234)
        .and_then(|fields| fields.with(0x22, vec![0x12; 10]))
        .and_then(|fields| fields.with(0x3C, vec![b'a'; 123]))
        .and_then(|fields| fields.with_tlv(&Container::new(vec![Tlv::bytes(Tag::TEXT, vec![b'b'; 0x80])])))
        .unwrap();
    let bytes = fields.encode();
    assert!(bytes.starts_with(&[0x04, 0, 0, 0, 0, 0x12, 0x34, 0x22, 0xF1, 0xF0, 0x12]));
    assert_eq!(bytes.get(20..25).unwrap(), [0x3C, 0xF1, 0xF2, 0xF3, b'a']);
    assert_eq!(bytes.get(147..152).unwrap(), [0x06, 0x81, 0x83, 0x07, 0x81]);
    assert_eq!(Fields::decode(&bytes), fields);
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |bmp, bytes| Fields::new().with(bmp, vec![0; bytes]).unwrap_err();
    assert_eq!(refused(0x00, 1), FieldError::Unknown { bmp: 0 });
    assert_eq!(refused(0x04, 5), FieldError::Length { bmp: 4, bytes: 5 });
    assert_eq!(refused(0x22, 100), FieldError::Length { bmp: 0x22, bytes: 100 });
    assert_eq!(refused(0x3C, 1_000), FieldError::Length { bmp: 0x3C, bytes: 1_000 });
    assert_eq!(Fields::new().with_amount_cents(1_000_000_000_000), Err(FieldError::Digits { bmp: 4 }));
    assert_eq!(Fields::new().with_number(0x22, 1), Err(FieldError::Unknown { bmp: 0x22 }));
}

#[test]
fn what_cannot_be_read_is_kept() {
    // An unknown number, a value cut off, a length that is no number.
    for end in [&[0x00, 1, 2][..], &[0x04, 0, 0], &[0x22, 0xF0, 0xFA], &[0x22, 0x02, 0xF1, 0], &[0x06, 0x83]] {
        let bytes = [&[0x27, 0x6C][..], end].concat();
        let fields = Fields::decode(&bytes);
        assert_eq!(fields.get(0x27), Some(&[0x6C][..]));
        assert_eq!(fields.undecoded_bytes(), end.len());
        assert_eq!(fields.encode(), bytes);
    }
}

#[test]
fn tracks_are_neither_kept_nor_shown() {
    let bytes = [
        &[0x22, 0xF0, 0xF2, 0x67, 0x25][..],
        &[0x23, 0xF0, 0xF2, 0x67, 0x25],
        &[0x24, 0xF0, 0xF0, 0xF2, 0x67, 0x25],
        &[0x2D, 0xF0, 0xF2, 0x67, 0x25],
        &[0x06, 0x05, 0x1F, 0x09, 0x02, 0x67, 0x25],
    ]
    .concat();
    let fields = Fields::decode(&bytes);
    assert_eq!(format!("{fields:?}"), "[22=[2 bytes], 23=[2 bytes], 24=[2 bytes], 2D=[2 bytes], 06=[1F09=[2 bytes]]]");
    let kept = fields.encode();
    assert_eq!(kept.len(), bytes.len());
    assert_eq!(kept.windows(2).filter(|pair| *pair == [0x67, 0x25]).count(), 1, "only the card number");
    let cut = Fields::decode(&[0x27, 0, 0x23, 0xF0, 0xF9, 0x67]);
    assert_eq!(format!("{cut:?}"), "[27=00] and 4 bytes undecoded");
    assert_eq!(cut.encode(), [0x27, 0, 0x23, 0, 0, 0]);
}

proptest! {
    #[test]
    fn every_field_comes_back(list in prop::collection::vec((any::<u8>(), prop::collection::vec(1_u8.., 0..1_000)), 0..20)) {
        let mut fields = Fields::new();
        for (bmp, mut value) in list {
            match length_of(bmp) {
                Some(Length::Fixed(length)) => value.resize(length, 1),
                Some(Length::Llvar) => value.truncate(99),
                Some(_) => {},
                None => continue,
            }
            fields = fields.with(bmp, value).unwrap();
        }
        prop_assert_eq!(Fields::decode(&fields.encode()), fields);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let fields = Fields::decode(&bytes);
        prop_assert_eq!(Fields::decode(&fields.encode()), fields);
    }
}
