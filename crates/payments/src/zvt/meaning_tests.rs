//! Tests of the meaning of bitmaps.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use super::*;

fn one(bmp: u8, value: &[u8]) -> Fields {
    Fields::new().with(bmp, value.to_vec()).unwrap()
}

/// A payment of 20.40, as a terminal in Austria told it; the bytes behind BMP 88 are what other decoders lose.
#[test]
fn a_payment_is_read_to_its_end() {
    let fields = Fields::decode(&[
        0x27, 0x00, 0x04, 0, 0, 0, 0, 0x20, 0x40, 0x0B, 0x00, 0x04, 0x63, 0x0C, 0x21, 0x04, 0x43, 0x0D, 0x10, 0x06,
        0x22, 0xF0, 0xF3, 0xEE, 0xE1, 0x47, 0x29, 0x28, 0x00, 0x48, 0x69, 0x3B, b'9', b'7', b'8', b'5', b'3', b'9', 0,
        0, 0x49, 0x09, 0x78, 0x87, 0x04, 0x63, 0x88, 0x00, 0x04, 0x64, 0x8A, 0x2E, 0x8B, 0xF0, 0xF5, b'D', b'e', b'b',
        b'i', 0,
    ]);
    assert_eq!(fields.undecoded_bytes(), 0);
    assert_eq!(fields.result(), Some(ResultCode::OK));
    assert_eq!(fields.amount_cents(), Some(2_040));
    assert_eq!(fields.trace(), Some(463));
    assert_eq!(fields.time(), Some(Time { hour: 21, minute: 4, second: 43 }));
    assert_eq!(fields.date(), Some(Date { year: None, month: 10, day: 6 }));
    assert_eq!(fields.pan_masked().as_deref(), Some("***147"));
    assert_eq!(fields.terminal_id().as_deref(), Some("28004869"));
    assert_eq!(fields.authorisation_attribute().as_deref(), Some("978539"));
    assert_eq!(fields.currency(), Some(978));
    assert_eq!(fields.receipt_number(), Some(463));
    assert_eq!(fields.turnover_number(), Some(464));
    assert_eq!(fields.card_type(), Some(46));
    assert_eq!(fields.card_name().as_deref(), Some("Debi"));
    assert_eq!((fields.original_trace(), fields.merchant_number(), fields.payment_type()), (None, None, None));
}

#[test]
fn a_long_trace_stands_in_for_zeros() {
    let long = Fields::decode(&[0x0B, 0, 0, 0, 0x06, 0x07, 0x1F, 0x2B, 0x04, 0x10, 0x01, 0x60, 0x05]);
    assert_eq!(long.trace(), Some(10_016_005));
    assert_eq!(one(0x0B, &[0, 0, 0]).trace(), Some(0));
    assert_eq!(Fields::new().trace(), None);
}

#[test]
fn the_year_is_taken_where_it_is_told() {
    let both = one(0x0D, &[0x10, 0x06]).with(0xAA, vec![0x21, 0x10, 0x07]).unwrap();
    assert_eq!(both.date(), Some(Date { year: Some(21), month: 10, day: 7 }));
}

#[test]
fn what_is_no_number_has_no_meaning() {
    assert_eq!(one(0x87, &[0xFF, 0xFF]).receipt_number(), None);
    assert_eq!(one(0x0C, &[0x24, 0, 0]).time(), None);
    assert_eq!(one(0x0D, &[0x13, 0x01]).date(), None);
    assert_eq!(one(0x04, &[0, 0, 0, 0, 0, 0x0A]).amount_cents(), None);
}

#[test]
fn a_card_number_that_the_terminal_does_not_mask_is_masked_here() {
    let pan = one(0x22, &[0x49, 0x71, 0x12, 0x34, 0x56, 0x78, 0x90, 0x1F]);
    assert_eq!(pan.pan_masked().as_deref(), Some("***********8901"));
}

#[test]
fn a_transaction_told_twice_has_one_key() {
    let told = [0x27, 0, 0x87, 0x04, 0x63, 0x04, 0, 0, 0, 0, 0x10, 0];
    let key = Fields::decode(&told).transaction_key();
    assert_eq!(key, Fields::decode(&told).transaction_key());
    assert_eq!((key.receipt_number, key.amount_cents), (Some(463), Some(1_000)));
    assert_ne!(key, Fields::decode(&[0x27, 0, 0x87, 0x04, 0x64, 0x04, 0, 0, 0, 0, 0x10, 0]).transaction_key());
}
