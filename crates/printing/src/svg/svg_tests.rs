#![allow(clippy::unwrap_used, reason = "a test may stop")]

use proptest::prelude::*;

use super::*;
use crate::receipt::Copy;
use crate::samples::SAMPLES;
use crate::testing;

/// Every tag that begins ends, in the right order; attributes have no `<`.
#[track_caller]
fn check_well_formed(page: &str) {
    let mut open = Vec::new();
    for rest in page.split('<').skip(1) {
        let (tag, _) = rest.split_once('>').unwrap();
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if tag.ends_with('/') => {}
            None => open.push(tag.split(' ').next().unwrap()),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn a_picture_has_the_same_rows_as_the_dots() {
    let receipt = SAMPLES.first().unwrap().receipt(Copy::Original, None).unwrap();
    let page = render(&receipt, Width::USUAL);
    check_well_formed(&page);
    // The same height as the picture of dots, whose rows have the same heights.
    let dots = crate::raster::Picture::new(&receipt, Width::USUAL).unwrap().height_dots();
    assert!(page.contains(&format!("viewBox=\"0 0 640 {dots}\"")), "{dots}");
    assert!(page.contains(">Espresso</text>") && page.contains(">6,40 A</text>"));
    assert!(!page.contains("href") && !page.contains("style") && !page.contains("<script"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn hostile_receipts_are_pictures(receipt in testing::hostile_receipt(), mm in 0_u16..220) {
        let page = render(&receipt, Width::from_mm(mm));
        check_well_formed(&page);
        prop_assert!(!page.contains("<script") && !page.contains("<img"));
    }
}
