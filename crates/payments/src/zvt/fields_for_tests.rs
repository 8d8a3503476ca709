//! Fields as messages hold them, for property tests.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use proptest::prelude::*;

use super::fields::Fields;
use super::tlv::{Container, Tag, Tlv};

/// Any bitmaps that a payment has, in any order.
pub(super) fn fields() -> impl Strategy<Value = Fields> {
    let one = prop_oneof![
        (0_u64..1_000_000_000_000).prop_map(|cents| Fields::new().with_amount_cents(cents).unwrap()),
        (0_u16..10_000).prop_map(|number| Fields::new().with_receipt_number(number).unwrap()),
        any::<u8>().prop_map(|result| Fields::new().with(0x27, vec![result]).unwrap()),
        prop::collection::vec(any::<u8>(), 0..100).prop_map(|name| Fields::new().with(0x8B, name).unwrap()),
        prop::collection::vec(any::<u8>(), 0..400).prop_map(|text| Fields::new().with(0x3C, text).unwrap()),
        any::<[u8; 3]>().prop_map(|turnover| Fields::new().with(0x88, turnover.to_vec()).unwrap()),
        container().prop_map(|container| Fields::new().with_tlv(&container).unwrap()),
    ];
    prop::collection::vec(one, 0..8)
        .prop_map(|list| Fields::decode(&list.iter().flat_map(Fields::encode).collect::<Vec<_>>()))
}

/// Some texts in a container.
pub(super) fn container() -> impl Strategy<Value = Container> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..8).prop_map(|texts| {
        let texts = texts.into_iter().map(|text| Tlv::bytes(Tag::TEXT, text)).collect();
        Container::new(vec![Tlv::bytes(Tag::RECEIPT_KIND, vec![2]), Tlv::elements(Tag::PRINT_TEXTS, texts)])
    })
}
