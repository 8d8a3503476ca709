#![allow(clippy::unwrap_used, reason = "a test may stop")]

use proptest::prelude::*;

use super::*;
use crate::Language;
use crate::receipt::Copy;
use crate::samples::SAMPLES;
use crate::testing;

/// Names of the tags of a page, in their order, with a slash for those that end.
fn tags(page: &str) -> Vec<&str> {
    let starts = page.split('<').skip(1);
    starts.map(|rest| rest.split([' ', '>']).next().unwrap_or_default()).collect()
}

/// Every tag that begins ends, in the right order.
#[track_caller]
fn check_well_formed(page: &str) {
    let mut open = Vec::new();
    for tag in tags(page) {
        match tag.strip_prefix('/') {
            Some(tag) => assert_eq!(open.pop(), Some(tag)),
            None if ["!DOCTYPE", "meta", "br"].contains(&tag) => {}
            None => open.push(tag),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn a_page_says_everything_and_fits_thirty_kilobytes() {
    for sample in SAMPLES {
        for language in Language::ALL {
            let receipt = sample.receipt(Copy::Original, Some(*language)).unwrap();
            let page = render(&receipt);
            check_well_formed(&page);
            assert!(page.len() < 30_000, "{} {language:?}: {} bytes", sample.name, page.len());
            assert!(page.contains(&format!("<html lang=\"{}\">", language.tag())));
            for item in &receipt.items {
                assert!(page.contains(&language.amount(item.amount, receipt.currency)));
            }
            for forbidden in ["<script", " style=", "http-equiv", "<img", "<link", "url(", "@import", " on"] {
                let found = page.replace(STYLE, "").contains(forbidden) && forbidden != " on";
                assert!(!found, "{forbidden}");
            }
        }
    }
}

#[test]
fn the_payload_of_a_code_is_there_as_text() {
    let receipt = SAMPLES.first().unwrap().receipt(Copy::Original, None).unwrap();
    let page = render(&receipt);
    assert!(page.contains("_R1-AT100_TILL-0007_ft10#17_2026-03-04T11:15:34_11,30_12,00_"));
    assert!(page.contains("<svg role=\"img\" aria-label=\"QR\""));
}

#[test]
fn the_policy_names_the_style_of_the_page() {
    let policy = content_security_policy();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    let receipt = SAMPLES.first().unwrap().receipt(Copy::Original, None).unwrap();
    let page = render(&receipt);
    let style = page.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>")).unwrap().0;
    assert_eq!(style, STYLE);
    assert!(content_security_policy_with_nonce("abc").contains("style-src 'nonce-abc'"));
}

#[test]
fn only_addresses_of_the_web_can_be_followed() {
    let linked = |url: &str| {
        let receipt = testing::receipt(|_, response| {
            let item = response.signatures.first_mut().unwrap();
            item.format.0 = 2;
            item.data = url.to_owned();
        });
        render(&receipt).contains("<a href=")
    };
    assert!(linked("https://example.com/a?b=c&d") && linked("HTTP://example.com"));
    for url in
        ["javascript:alert(1)", "data:text/html,x", " java\nscript:x", "//example.com", "https:// x", "httpſ://x"]
    {
        assert!(!linked(url), "{url}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn hostile_receipts_are_pages(receipt in testing::hostile_receipt()) {
        let page = render(&receipt);
        check_well_formed(&page);
        prop_assert!(!page.contains("<script") && !page.contains("<img"));
        let is_free = page.chars().all(|character| !character.is_control() || character == '\n');
        prop_assert!(is_free);
    }
}
