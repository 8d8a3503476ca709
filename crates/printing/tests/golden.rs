//! One receipt of each market in each format, kept in `docs/receipts` so that everybody can see them, and compared here so that they are
//! never stale. `UPDATE_GOLDEN=1` writes them anew: look at them before they are kept.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test may stop")]

use std::fs;
use std::path::PathBuf;

use kassette_printing::raster::Width;
use kassette_printing::receipt::Copy;
use kassette_printing::samples::SAMPLES;
use kassette_printing::{FORMATS, Language, Options};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/receipts")
}

#[track_caller]
fn check(name: &str, made: &[u8]) {
    let path = folder().join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(folder()).unwrap();
        fs::write(&path, made).unwrap();
    }
    let kept = fs::read(&path).unwrap_or_default();
    assert!(kept == made, "{name} has drifted; look at it and run with UPDATE_GOLDEN=1");
}

#[test]
fn every_market_in_every_format() {
    for sample in SAMPLES {
        let receipt = sample.receipt(Copy::Original, None).unwrap();
        for format in FORMATS {
            let made = (format.render)(&receipt, &Options::default()).unwrap();
            check(&format!("{}.{}", sample.name, format.extension), &made);
        }
    }
}

#[test]
fn a_copy_in_another_language_on_narrow_paper() {
    let receipt = SAMPLES.first().unwrap().receipt(Copy::Numbered(1), Some(Language::En)).unwrap();
    let options = Options { width: Width::from_mm(48) };
    for name in ["png", "text"] {
        let format = kassette_printing::format(name).unwrap();
        check(&format!("at-copy-en-48mm.{}", format.extension), &(format.render)(&receipt, &options).unwrap());
    }
}
