//! Print jobs of other programs: each is interpreted, wherever it is cut, and shows what it is known to print.
//!
//! The jobs are not part of this repository. `KASSETTE_VECTORS` names their folder (default: `../shared/vectors` beside the workspace);
//! where it is absent the tests say so, or fail when `KASSETTE_CI=1`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stderr, reason = "a test may stop and may speak")]

use std::fs;
use std::path::PathBuf;

use kassette_printing::escpos::interpreter::{Interpreter, Item, Tape, paint, plain_text, png_of};
use kassette_printing::escpos::profile::{Profile, Profiles, built_in};
use kassette_printing::escpos::render::Job;
use proptest::prelude::*;

struct Captured {
    name: String,
    bytes: Vec<u8>,
}

fn jobs() -> Vec<Captured> {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    let folder = std::env::var_os("KASSETTE_VECTORS").map_or(default, PathBuf::from).join("escpos");
    if !folder.is_dir() {
        assert_ne!(std::env::var("KASSETTE_CI").as_deref(), Ok("1"), "no print jobs in {}", folder.display());
        eprintln!("left out: no print jobs in {}", folder.display());
        return Vec::new();
    }
    let mut found = Vec::new();
    for part in ["escpresso", "escpos-tools"] {
        for entry in fs::read_dir(folder.join(part)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            found.push(Captured { name, bytes: fs::read(path).unwrap() });
        }
    }
    found.sort_by(|one, next| one.name.cmp(&next.name));
    assert!(found.len() >= 12, "the jobs are found");
    found
}

fn profile() -> Profile {
    Profiles::default().get("TM-T20III").unwrap().clone()
}

fn print(bytes: &[u8], profile: &Profile) -> Tape {
    let mut printer = Interpreter::new(profile);
    printer.receive(bytes);
    assert_eq!(printer.overrun_bytes(), 0);
    printer.take_tape()
}

#[test]
fn every_job_is_interpreted_on_every_printer() {
    for job in jobs() {
        for profile in built_in() {
            let tape = print(&job.bytes, profile);
            assert_eq!((tape.is_empty(), tape.lost), (job.bytes.is_empty(), 0), "{}", job.name);
            assert!(!tape.items().iter().any(|item| matches!(item, Item::Unknown(_))), "{}: {tape:?}", job.name);
            assert!(!plain_text(tape.items(), profile).is_empty() || job.bytes.is_empty());
        }
        let picture = paint(print(&job.bytes, &profile()).items(), &profile()).unwrap();
        assert!(png_of(&picture).unwrap().len() > 60, "{}", job.name);
    }
}

#[test]
fn a_cut_at_every_byte_changes_nothing() {
    for job in jobs() {
        let whole = print(&job.bytes, &profile());
        let mut once = Interpreter::new(&profile());
        job.bytes.iter().for_each(|byte| once.receive(&[*byte]));
        assert_eq!(once.take_tape(), whole, "{}", job.name);
        // The longest jobs are pictures, in which one byte is as the next.
        let step = if job.bytes.len() > 3000 { 13 } else { 1 };
        for at in (0..=job.bytes.len()).step_by(step) {
            let mut printer = Interpreter::new(&profile());
            let (before, behind) = job.bytes.split_at(at);
            printer.receive(before);
            printer.receive(behind);
            assert_eq!(printer.take_tape(), whole, "{} cut at {at}", job.name);
        }
        let pieces: Vec<u8> = Job::of_bytes(&job.bytes).pieces().flatten().copied().collect();
        assert_eq!(pieces, job.bytes, "{}", job.name);
    }
}

/// What the jobs are known to print: read in a hexadecimal dump.
#[test]
fn known_texts() {
    for job in jobs() {
        let text = plain_text(print(&job.bytes, &profile()).items(), &profile());
        let words: &[&str] = match job.name.as_str() {
            "test_cp437.raw" => &["CP437 Box Test:", "┌────┐", "│ OK │", "└────┘"],
            "test_win1252.raw" => &["Euro: €", "Copyright: ©", "Multiply: ×", "CP437: │ ┌┐"],
            "test3_simple.raw" => &["Hello World"],
            "test4_receipt.raw" => &["SUPER MARKET", "123 Main Street", "TOTAL:", "$14.30", "Thank you for shopping!"],
            "receipt-with-logo.bin" => &[
                "[picture 300 x 236 dots]",
                "ExampleMart Ltd.",
                "SALES INVOICE",
                "Thank you for shopping at ExampleMart",
                "[drawer, pin 2]",
            ],
            "escpos_capture.raw" => &["=== RASTER IMAGE TEST ===", "[picture 256 x 250 dots]"],
            _ => &[],
        };
        for word in words {
            assert!(text.contains(word), "{}: no {word:?} in\n{text}", job.name);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A damaged job prints something else, and nothing worse.
    #[test]
    fn damage_does_no_harm(at in any::<prop::sample::Index>(), places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)) {
        let jobs: Vec<Captured> = jobs().into_iter().filter(|job| !job.bytes.is_empty()).collect();
        if !jobs.is_empty() {
            let mut bytes = jobs[at.index(jobs.len())].bytes.clone();
            for (place, byte) in places {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            let mut printer = Interpreter::new(&profile());
            printer.receive(&bytes);
            let tape = printer.take_tape();
            let _ = plain_text(tape.items(), &profile());
            let _ = paint(tape.items(), &profile());
        }
    }
}
