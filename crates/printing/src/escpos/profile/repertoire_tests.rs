//! Text becomes what a printer has, and comes back from its bytes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

use proptest::prelude::*;

use super::*;
use crate::escpos::profile::{Profiles, built_in};

fn check(id: &str, text: &str, printable: &str, bytes: &[u8]) {
    let profiles = Profiles::default();
    let profile = profiles.get(id).unwrap();
    let found = Repertoire::of(profile).printable(text);
    assert_eq!(found, printable, "{id}: {text:?}");
    let mut out = Vec::new();
    TextEncoder::new(profile).write(&found, &mut out);
    assert_eq!(out, bytes, "{id}: {text:?}");
}

#[test]
fn known_texts() {
    check("TM-T88V", "Brot", "Brot", b"\x1Bt\x00Brot");
    check("TM-T88V", "Käse 3,20 €", "Käse 3,20 €", b"\x1Bt\x13K\x84se 3,20 \xD5");
    check("TM-T88V", "Müller & Söhne", "Müller & Söhne", b"\x1Bt\x00M\x81ller & S\x94hne");
    check("TM-T88V", "São João", "São João", b"\x1Bt\x13S\xC6o Jo\xC6o");
    check("TM-T88V", "Ψωμί", "Ψωμί", b"\x1Bt\x0E\x96\xE0\xA3\xE5");
    // Two languages in a line need two pages.
    check("TM-T88V", "ß Ж", "ß Ж", b"\x1Bt\x00\xE1 \x1Bt\x11\x86");
    check("simple", "3 €, Škoda, Ψωμί", "3 EUR, Skoda, Psomi", b"\x1Bt\x003 EUR, Skoda, Psomi");
}

#[test]
fn hostile_texts() {
    // A cut, a drawer, a reset and a status question in a description.
    check("simple", "a\x1DV\0b\x1Bp0\x1B@\x10\x04\x01", "aVbp0@", b"\x1Bt\0aVbp0@");
    check("simple", "one\ntwo\tthree\r\n", "one two three  ", b"\x1Bt\0one two three  ");
    // Marks of direction vanish, Hebrew letters become Latin ones, also where a code page has them.
    check("TM-T88V", "\u{202E}abc\u{2066}", "abc", b"\x1Bt\0abc");
    let profiles = Profiles::default();
    let repertoire = Repertoire::of(profiles.get("TM-T88V").unwrap());
    for text in ["שלום", "مرحبا", "😀🏽", "寿司", "e\u{301}", "\u{FFFD}", "\u{E0041}"] {
        let found = repertoire.printable(text);
        assert!(found.chars().all(|char| matches!(char, ' '..='~')), "{text}: {found}");
    }
}

proptest! {
    #[test]
    fn what_is_printable_is_encoded_without_loss(text in any::<String>(), at in 0..40_usize) {
        let profile = &built_in()[at];
        let printable = Repertoire::of(profile).printable(&text);
        prop_assert_eq!(Repertoire::of(profile).printable(&printable), printable.clone());
        let (mut bytes, mut back) = (Vec::new(), String::new());
        TextEncoder::new(profile).write(&printable, &mut bytes);
        let mut page = None;
        let mut rest = bytes.as_slice();
        while let Some((byte, later)) = rest.split_first() {
            if *byte == 0x1B {
                prop_assert_eq!(later[0], b't');
                page = profile.code_page(later[1]);
                rest = &later[2..];
            } else {
                back.push(page.unwrap().decode(*byte).unwrap());
                rest = later;
            }
        }
        prop_assert_eq!(back, printable);
    }
}
