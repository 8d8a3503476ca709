//! Tests of the TLV container.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use proptest::prelude::*;

use super::*;

/// Of a status information that a terminal sent: technology, authentication, the application and a long trace.
const PAYMENT: &[u8] = &[
    0x2F, 0x08, 0x1F, 0x12, 0x01, 0x01, 0x1F, 0x10, 0x01, 0x03, 0x60, 0x0B, 0x43, 0x03, 0xA0, 0x00, 0x04, 0x44, 0x04,
    0x56, 0x49, 0x53, 0x41, 0x1F, 0x2B, 0x04, 0x10, 0x01, 0x60, 0x05,
];

#[test]
fn a_path_leads_inward() {
    let container = Container::decode(PAYMENT);
    assert_eq!(container.undecoded_bytes(), 0);
    assert_eq!(container.bytes(&[Tag::PAYMENT_DETAILS, Tag::TECHNOLOGY]), Some(&[1][..]));
    assert_eq!(container.bytes(&[Tag::APPLICATION, Tag::AID]), Some(&[0xA0, 0, 4][..]));
    assert_eq!(container.text(&[Tag::APPLICATION, Tag(0x44)]).as_deref(), Some("VISA"));
    assert_eq!(container.bytes(&[Tag::LONG_TRACE]), Some(&[0x10, 0x01, 0x60, 0x05][..]));
    assert_eq!(container.find(&[Tag::AID]), None);
    assert_eq!(container.find(&[]), None);
    assert_eq!(container.encode(), PAYMENT);
}

#[test]
fn lengths_have_three_forms() {
    for (bytes, head) in [
        (0x7F, vec![7, 0x7F]),
        (0x80, vec![7, 0x81, 0x80]),
        (0xFF, vec![7, 0x81, 0xFF]),
        (0x461, vec![7, 0x82, 0x04, 0x61]),
    ] {
        let container = Container::new(vec![Tlv::bytes(Tag::TEXT, vec![b'a'; bytes])]);
        assert!(container.encode().starts_with(&head), "{bytes}");
        assert_eq!(Container::decode(&container.encode()), container);
    }
}

#[test]
fn what_is_no_tlv_is_kept() {
    for (bytes, elements, undecoded) in [
        // A length that is longer than what there is, an indefinite one, one of three bytes, a tag without end.
        (&[7, 1, b'a', 7, 9, b'b'][..], 1, 3),
        (&[7, 0x80, 0, 0], 0, 4),
        (&[7, 0x83, 0, 0, 0], 0, 5),
        (&[0x1F, 0x80, 0x80, 0x80, 0x80, 0], 0, 6),
        (&[0x1F], 0, 1),
    ] {
        let container = Container::decode(bytes);
        assert_eq!((container.elements().len(), container.undecoded_bytes()), (elements, undecoded), "{bytes:?}");
        assert_eq!(container.encode(), bytes);
    }
}

/// A terminal sends the password under the tag `FF40`, which says that its value is made of elements.
#[test]
fn bytes_under_a_constructed_tag_stay_bytes() {
    let bytes = [0xE4, 0x06, 0xFF, 0x40, 0x03, 0x12, 0x34, 0x56];
    let container = Container::decode(&bytes);
    assert_eq!(container.bytes(&[Tag(0xE4), Tag(0xFF40)]), Some(&[0x12, 0x34, 0x56][..]));
    assert_eq!(container.encode(), bytes);
}

#[test]
fn nesting_ends() {
    let mut bytes = vec![7, 0];
    for _ in 0..60 {
        bytes = [&[0x25, u8::try_from(bytes.len()).unwrap()][..], &bytes].concat();
    }
    let container = Container::decode(&bytes);
    assert!(container.find(&[Tag::PRINT_TEXTS; DEPTH_MAX + 1]).unwrap().as_bytes().is_some());
    assert_eq!(container.encode(), bytes);
}

#[test]
fn a_track_is_neither_kept_nor_shown() {
    let track = [0x67, 0x25, 0x90, 0x44];
    for tag in [8, 9, 0x0A] {
        let bytes = [&[0x2F, 7, 0x1F, tag, 4][..], &track].concat();
        let container = Container::decode(&bytes);
        let kept = container.bytes(&[Tag::PAYMENT_DETAILS, Tag(0x1F00 | u32::from(tag))]);
        assert_eq!(kept, Some(&[0; 4][..]));
        assert_eq!(format!("{container:?}"), format!("[2F=[1F{tag:02X}=[4 bytes]]]"));
        // The same, broken off.
        let damaged = [&[0x2F, 8, 0x1F, tag, 5][..], &track].concat();
        assert!(!format!("{:?}", Container::decode(&damaged)).contains("6725"));
    }
}

fn element() -> impl Strategy<Value = Tlv> {
    let primitive = prop_oneof![Just(7), Just(9), Just(0x41), Just(0x1F07), Just(0x1F8101)];
    let leaf =
        (primitive, prop::collection::vec(any::<u8>(), 0..200)).prop_map(|(tag, value)| Tlv::bytes(Tag(tag), value));
    leaf.prop_recursive(5, 40, 5, |inner| {
        (prop_oneof![Just(0x25), Just(0x60), Just(0xFF40)], prop::collection::vec(inner, 0..5))
            .prop_map(|(tag, elements)| Tlv::elements(Tag(tag), elements))
    })
}

proptest! {
    #[test]
    fn elements_come_back(elements in prop::collection::vec(element(), 0..6)) {
        let container = Container::new(elements);
        let bytes = container.encode();
        prop_assume!(bytes.len() <= DATA_BYTES_MAX);
        prop_assert_eq!(Container::decode(&bytes), container);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let container = Container::decode(&bytes);
        let again = container.encode();
        prop_assert_eq!(Container::decode(&again), container);
        prop_assert!(again.len() <= bytes.len());
    }
}
