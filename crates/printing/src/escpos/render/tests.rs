//! What a job prints is what the layout asked for, and nothing else; known bytes of the samples.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may stop")]

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::code::{Symbol, symbol};
use crate::escpos::Bitmap;
use crate::escpos::interpreter::{
    Align, Fragment, Interpreter, Item as Printed, Part, Style, Symbology as Drawn, Tape, paint, plain_text, split,
};
use crate::escpos::profile::{CustomProfile, Features, Profile, Profiles, built_in};
use crate::receipt::{Code, Copy, Symbology};
use crate::samples::SAMPLES;
use crate::{Printable, Receipt};

/// What a layout asked for, or what a tape shows.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Mark {
    Line(Look, String),
    Qr(String),
    Code(Drawn, Vec<u8>),
    Picture,
    /// Blank paper, in dots.
    Space(u32),
    Cut,
    Drawer,
}

/// Blank lines that follow each other are one piece of paper.
fn push(marks: &mut Vec<Mark>, mark: Mark) {
    match (marks.last_mut(), &mark) {
        (_, Mark::Space(0)) => {}
        (Some(Mark::Space(dots)), Mark::Space(more)) => *dots += more,
        _ => marks.push(mark),
    }
}

/// A sheet that remembers what it is asked for.
struct Recorder<'a> {
    writer: JobWriter<'a>,
    profile: &'a Profile,
    asked: Vec<Mark>,
}

impl<'a> Recorder<'a> {
    fn new(profile: &'a Profile) -> Self {
        Self { writer: JobWriter::new(profile), profile, asked: Vec::new() }
    }

    fn mark(&self, code: &Code) -> Mark {
        let features = self.profile.features;
        let is_plain = code.payload.bytes().all(|byte| byte >= 0x20 && byte != 0x7F);
        let drawn = |drawn| Mark::Code(drawn, code.payload.clone().into_bytes());
        match code.symbology {
            Symbology::Qr if features.qr && is_plain && code.payload.len() <= 1800 => Mark::Qr(code.payload.clone()),
            Symbology::Pdf417 if features.pdf417 && is_plain && code.payload.len() <= 600 => drawn(Drawn::Pdf417),
            _ if !bar_code::can(code, self.profile) => Mark::Picture,
            Symbology::Code39 => drawn(Drawn::Code39),
            Symbology::Ean13 => drawn(Drawn::Ean13),
            Symbology::Ean8 => drawn(Drawn::Ean8),
            Symbology::UpcA => drawn(Drawn::UpcA),
            _ => Mark::Code(Drawn::Code128, format!("{{B{}", code.payload.replace('{', "{{")).into_bytes()),
        }
    }
}

impl Sheet for Recorder<'_> {
    fn columns(&self) -> usize {
        self.writer.columns()
    }

    fn printable(&self, text: &str) -> String {
        self.writer.printable(text)
    }

    fn line(&mut self, look: Look, text: &str) {
        assert!(text.chars().count() <= self.columns() / look.size.columns(), "{text:?} has no room");
        self.writer.line(look, text);
        push(&mut self.asked, if text.is_empty() { Mark::Space(30) } else { Mark::Line(look, text.to_owned()) });
    }

    fn dots(&self) -> u32 {
        self.writer.dots()
    }

    fn code(&mut self, code: &Code, symbol: &Symbol) -> bool {
        let is_shown = self.writer.code(code, symbol);
        if is_shown {
            let mark = self.mark(code);
            self.asked.push(mark);
        }
        is_shown
    }

    fn picture(&mut self, dots: &Bitmap) {
        self.writer.picture(dots);
        let can = self.profile.features.raster || self.profile.features.columns;
        if can && dots.width_dots() <= u32::from(self.profile.dots) {
            self.asked.push(Mark::Picture);
        }
    }

    fn gap(&mut self) {
        self.writer.gap();
        push(&mut self.asked, Mark::Space(15));
    }
}

fn look_of(align: Align, style: Style) -> Look {
    let size = match (style.width, style.height) {
        (1, 1) => Size::Normal,
        (2, 2) => Size::Large,
        other => panic!("no such size: {other:?}"),
    };
    assert_eq!(Style { width: 1, height: 1, bold: false, ..style }, Style::default());
    assert_ne!(align, Align::Right);
    Look { centred: align == Align::Centre, size, bold: style.bold }
}

/// What a tape shows; the bands of a picture as one of them.
fn marks_of(tape: &Tape) -> Vec<Mark> {
    let mut marks = Vec::new();
    for item in tape.items() {
        let mark = match item {
            Printed::Line(line) => match line.fragments.as_slice() {
                [Fragment::Text { x_dots: 0, style, text, spacing_dots: 0 }] => {
                    Mark::Line(look_of(line.align, *style), text.clone())
                }
                [Fragment::Picture { x_dots: 0, .. }] => {
                    assert_eq!((line.align, line.feed_dots), (Align::Centre, 24));
                    Mark::Picture
                }
                other => panic!("{other:?}"),
            },
            Printed::Feed { dots } => Mark::Space(*dots),
            Printed::Picture { align: Align::Centre, .. } => Mark::Picture,
            Printed::Qr { align: Align::Centre, payload, .. } => Mark::Qr(String::from_utf8(payload.clone()).unwrap()),
            Printed::Code { align: Align::Centre, symbology, data, .. } => Mark::Code(*symbology, data.clone()),
            Printed::Cut { .. } => Mark::Cut,
            Printed::Drawer { .. } => Mark::Drawer,
            other => panic!("nobody asked for {other:?}"),
        };
        if mark == Mark::Picture && marks.last() == Some(&mark) {
            continue;
        }
        push(&mut marks, mark);
    }
    marks
}

fn interpret(job: &Job, profile: &Profile) -> Tape {
    let mut printer = Interpreter::new(profile);
    for piece in job.pieces() {
        printer.receive(piece);
    }
    assert_eq!(printer.overrun_bytes(), 0);
    printer.take_tape()
}

/// The commands that a job may have.
fn check_commands(job: &Job, profile: &Profile, drawers: usize) {
    let (mut cuts, mut kicks) = (0, 0);
    for part in split(job.bytes()) {
        match part {
            Part::Text(text) => assert!(!text.contains(&0x7F)),
            Part::Cut(bytes) => panic!("a command without its end: {bytes:02X?}"),
            Part::Command(command) => match command {
                b"\n" | b"\x1B@" | b"\x1C." | b"\x1BR\x00" | b"\x1B3\x18" | b"\x1B2" => {}
                [0x1B, b't', page] => assert!(profile.code_page(*page).is_some()),
                [0x1B, b'a' | b'E', 0 | 1] | [0x1D, b'!', 0x00 | 0x11] | [0x1B, b'J', 15] => {}
                [0x1D, b'(', b'k', ..] | [0x1D, b'v', b'0', ..] | [0x1B, b'*', 0x21, ..] => {}
                [0x1D, b'k', ..] | [0x1D, b'H', 2] | [0x1D, b'h', 80] | [0x1D, b'w', 2 | 3] => {}
                [0x1D, b'V', ..] | [0x1B, b'd', 5] => cuts += 1,
                [0x1B, b'p', ..] => kicks += 1,
                other => panic!("nobody asked for {other:02X?}"),
            },
        }
    }
    assert_eq!((cuts, kicks), (1, drawers));
    let real_time = |pair: &[u8]| matches!(pair, [0x10, 0x04 | 0x05 | 0x14]);
    assert!(!job.bytes().windows(2).any(real_time), "a real-time command");
    let longest = job.pieces().map(<[u8]>::len).max().unwrap_or(0);
    // A code of the longest payload, and a picture in columns of the widest paper, are longer than a piece should be.
    assert!(longest <= 2 * PIECE_BYTES_MAX + 100, "a piece of {longest} bytes");
    assert_eq!(job.pieces().collect::<Vec<_>>().concat(), job.bytes());
}

/// Interpreting the job gives exactly what the layout asked for.
fn check(receipt: &Receipt, profile: &Profile) -> Tape {
    let mut recorder = Recorder::new(profile);
    lay_out(receipt, &mut recorder);
    let mut asked = recorder.asked;
    let job = render(receipt, profile, RenderOptions::default()).unwrap();
    let features = profile.features;
    push(&mut asked, if features.part_cut || features.full_cut { Mark::Cut } else { Mark::Space(150) });
    check_commands(&job, profile, 0);
    let tape = interpret(&job, profile);
    let shown = marks_of(&tape);
    for (asked, shown) in asked.iter().zip(&shown) {
        assert_eq!(asked, shown, "{}", profile.id);
    }
    assert_eq!(asked.len(), shown.len(), "{}", profile.id);
    tape
}

fn narrow(columns: u16) -> Profile {
    let mut profiles = Profiles::default();
    profiles.add("own", &CustomProfile { columns: Some(columns), ..CustomProfile::default() }).unwrap();
    profiles.get("own").unwrap().clone()
}

fn samples() -> Vec<(&'static str, Receipt)> {
    SAMPLES.iter().map(|sample| (sample.name, sample.receipt(Copy::Original, None).unwrap())).collect()
}

#[test]
fn every_sample_is_printed_on_every_printer_as_it_was_laid_out() {
    for (_, receipt) in samples() {
        for profile in built_in() {
            check(&receipt, profile);
        }
        for columns in [24, 32, 42, 48, 64, 80] {
            check(&receipt, &narrow(columns));
        }
    }
}

/// The payload of every QR code of a receipt is read back from the picture of the paper, whether the printer drew it or we did.
#[test]
fn the_codes_of_the_samples_are_read_back() {
    for id in ["TM-T20III", "POS-5890", "TM-U220"] {
        let profiles = Profiles::default();
        let profile = profiles.get(id).unwrap();
        for (name, receipt) in samples() {
            let picture = paint(check(&receipt, profile).items(), profile).unwrap();
            let (width, height) = (picture.width_dots() as usize, picture.height_dots() as usize);
            let dark = |x: usize, y: usize| picture.is_black(x as u32, y as u32);
            let mut image = rqrr::PreparedImage::prepare_from_bitmap(width, height, dark);
            let mut found: Vec<String> = image.detect_grids().iter().map(|grid| grid.decode().unwrap().1).collect();
            let codes = receipt.signatures.iter().filter_map(|signature| match &signature.content {
                crate::receipt::Content::Code(code) if code.symbology == Symbology::Qr => Some(code.payload.clone()),
                _ => None,
            });
            let mut wanted: Vec<String> = codes.collect();
            found.sort();
            wanted.sort();
            assert!(!wanted.is_empty() || name == "fr", "{name}");
            assert_eq!(found, wanted, "{name} on {id}");
        }
    }
}

/// A job in lines that can be read: bytes of commands in hexadecimal, bytes of text as they are, of a picture the beginning and a check sum
/// (FNV-1a) of all.
fn dump(job: &Job) -> String {
    let mut out = String::new();
    for part in split(job.bytes()) {
        match part {
            Part::Text(text) => writeln!(out, "\"{}\"", text.escape_ascii()).unwrap(),
            Part::Command(bytes) | Part::Cut(bytes) => {
                let hex: Vec<String> = bytes.iter().take(32).map(|byte| format!("{byte:02X}")).collect();
                let sum = bytes.iter().fold(0xCBF2_9CE4_8422_2325, |sum: u64, byte| {
                    (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
                });
                let more =
                    if bytes.len() > 32 { format!(" .. {} bytes, {sum:016X}", bytes.len()) } else { String::new() };
                writeln!(out, "{}{more}", hex.join(" ")).unwrap();
            }
        }
    }
    out
}

/// The bytes of the samples are those that were looked at: `UPDATE_VECTORS=1` writes them anew.
#[test]
fn known_bytes() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/escpos/render/golden");
    for (name, receipt) in samples() {
        let widths: &[(u16, &str)] =
            if name == "at" { &[(48, "TM-T20III"), (42, "TM-T88V"), (32, "POS-5890")] } else { &[(42, "TM-T88V")] };
        for (columns, id) in widths {
            let profiles = Profiles::default();
            let profile = profiles.get(id).unwrap();
            assert_eq!(profile.columns, *columns);
            let job = render(&receipt, profile, RenderOptions::default()).unwrap();
            let text = plain_text(interpret(&job, profile).items(), profile);
            for (ending, now) in [("job", dump(&job)), ("txt", text)] {
                let path = folder.join(format!("{name}-{columns}.{ending}"));
                if std::env::var_os("UPDATE_VECTORS").is_some() {
                    std::fs::create_dir_all(&folder).unwrap();
                    std::fs::write(&path, now).unwrap();
                } else {
                    let known = std::fs::read_to_string(&path).unwrap();
                    assert!(known == now, "{} differs; UPDATE_VECTORS=1 writes it anew", path.display());
                }
            }
        }
    }
}

#[test]
fn the_smallest_job() {
    let profiles = Profiles::default();
    let profile = profiles.get("TM-T20III").unwrap();
    let mut writer = JobWriter::new(profile);
    writer.open_drawer();
    writer.line(Look::LOUD, "KÄSE");
    writer.line(Look::PLAIN, "1,20 €");
    let code = Code::new(Symbology::Qr, "Hi");
    assert!(writer.code(&code, &symbol(&code).unwrap()));
    writer.cut();
    let job = writer.finish().unwrap();
    let known = [
        b"\x1B@\x1C.\x1BR\0".as_slice(),
        b"\x1Bp\0\x19\xFA",
        b"\x1Ba\x01\x1BE\x01\x1D!\x11\x1Bt\0K\x8ESE\n",
        b"\x1Ba\0\x1BE\0\x1D!\0\x1Bt\x131,20 \xD5\n",
        b"\x1Ba\x01\x1D(k\x04\x001A2\0\x1D(k\x03\x001C\x04\x1D(k\x03\x001E1\x1D(k\x05\x001P0Hi\x1D(k\x03\x001Q0",
        b"\x1Ba\0\x1DVB\0",
    ];
    assert_eq!(job.bytes(), known.concat());
    check_commands(&job, profile, 1);
}

#[test]
fn codes_that_a_printer_has_not_are_pictures_or_text() {
    let profiles = Profiles::default();
    let plain = profiles.get("TM-T20III").unwrap().clone();
    let shows = |profile: &Profile, symbology, payload: &str| {
        let mut writer = JobWriter::new(profile);
        let code = Code::new(symbology, payload);
        let shown = symbol(&code).is_ok_and(|symbol| writer.code(&code, &symbol));
        (shown, marks_of(&interpret(&writer.finish().unwrap(), profile)))
    };
    let none = Profile { features: Features::default(), ..plain.clone() };
    let raster = Profile { features: Features { raster: true, ..Features::default() }, ..plain.clone() };
    let columns = Profile { features: Features { columns: true, ..Features::default() }, ..plain.clone() };
    assert_eq!(shows(&none, Symbology::Qr, "x"), (false, vec![]));
    assert_eq!(shows(&raster, Symbology::Qr, "x"), (true, vec![Mark::Picture]));
    assert_eq!(shows(&columns, Symbology::Qr, "x"), (true, vec![Mark::Picture]));
    // A payload with a command in it never goes to the printer as it is.
    assert_eq!(shows(&plain, Symbology::Qr, "x\x10\x04\x01"), (true, vec![Mark::Picture]));
    assert_eq!(shows(&plain, Symbology::Qr, &"x".repeat(3000)), (false, vec![]));
    for symbology in [Symbology::Aztec, Symbology::DataMatrix] {
        assert_eq!(shows(&plain, symbology, "123"), (true, vec![Mark::Picture]));
    }
    for (symbology, payload) in [(Symbology::Pdf417, "123"), (Symbology::Ean8, "96385074"), (Symbology::Code128, "a")] {
        assert_eq!(shows(&raster, symbology, payload), (true, vec![Mark::Picture]));
        assert_eq!(shows(&none, symbology, payload), (false, vec![]));
    }
    for (symbology, payload, data) in [
        (Symbology::Ean13, "4006381333931", Some((Drawn::Ean13, "4006381333931"))),
        (Symbology::Ean13, "40063813339", None),
        (Symbology::Ean8, "96385074", Some((Drawn::Ean8, "96385074"))),
        (Symbology::UpcA, "123456789012", Some((Drawn::UpcA, "123456789012"))),
        (Symbology::Code39, "AB-12", Some((Drawn::Code39, "AB-12"))),
        (Symbology::Code39, "ab", None),
        (Symbology::Code128, "a{b", Some((Drawn::Code128, "{Ba{{b"))),
        (Symbology::Code128, "a\x1D", None),
        (Symbology::Code128, "a code that is too long for paper of eighty millimetres", None),
    ] {
        let marks = data.map(|(drawn, data)| Mark::Code(drawn, data.as_bytes().to_vec()));
        assert_eq!(shows(&plain, symbology, payload), (marks.is_some(), marks.into_iter().collect()), "{payload}");
    }
}

/// Dots that would be a real-time command get a neighbour.
#[test]
fn dots_are_no_commands() {
    let profiles = Profiles::default();
    for id in ["TM-T20III", "TM-U220"] {
        let profile = profiles.get(id).unwrap();
        let mut writer = JobWriter::new(profile);
        writer.picture(&Bitmap::of_rows(48, 24, &[0x10, 0x04, 0x01, 0x10, 0x05, 0x02].repeat(24)));
        writer.picture(&Bitmap::of_rows(16, 24, &[0x10, 0x14].repeat(24)));
        writer.cut();
        check_commands(&writer.finish().unwrap(), profile, 0);
    }
}

#[test]
fn ten_thousand_items() {
    let (_, mut receipt) = samples().into_iter().next().unwrap();
    let item = receipt.items[0].clone();
    receipt.items = (0..10_000)
        .map(|at| crate::receipt::Item {
            description: Printable::new(&format!("Artikel {at} 😀 €")), ..item.clone()
        })
        .collect();
    let profile = narrow(32);
    let job = render(&receipt, &profile, RenderOptions::default()).unwrap();
    let tape = interpret(&job, &profile);
    assert_eq!((tape.lost, job.bytes().len() < JOB_BYTES_MAX), (0, true));
    assert!(plain_text(tape.items(), &profile).contains("Artikel 9999"));
    receipt.items.iter_mut().for_each(|item| item.description = Printable::new(&"x".repeat(1000)));
    assert_eq!(render(&receipt, &profile, RenderOptions::default()), Err(RenderError::TooLong));
}

#[test]
fn a_job_of_bytes_is_cut_between_commands() {
    let mut bytes = Vec::new();
    for (_, receipt) in samples() {
        bytes.extend(render(&receipt, &narrow(42), RenderOptions::default()).unwrap().bytes());
    }
    let job = Job::of_bytes(&bytes);
    assert_eq!(job.bytes(), bytes);
    for piece in job.pieces() {
        assert!(!split(piece).any(|part| matches!(part, Part::Cut(_))));
        assert!(piece.len() <= 2 * PIECE_BYTES_MAX);
    }
    assert!(Job::of_bytes(b"").is_empty());
}

/// Text that wants to be something else.
fn hostile() -> impl Strategy<Value = String> {
    let tricks = prop::sample::select(vec![
        "\x1B@",
        "\x1DV\0",
        "\x1Bp0\x19\x19",
        "\x10\x04\x01",
        "\x10\x14\x01\0\x01",
        "\x1D(k\x03\x001Q0",
        "\n",
        "\r\n",
        "\t",
        "\u{202E}",
        "\u{2066}",
        "\u{200F}",
        "שלום",
        "مرحبا",
        "😀",
        "👨\u{200D}👩",
        "€",
        "Ω",
        "ž",
        "\u{FFFD}",
        "\u{9B}",
        "\u{85}",
        "\u{2028}",
        "e\u{301}",
        "{A",
        "",
        " ",
        "\u{A0}",
    ]);
    prop::collection::vec(prop_oneof![any::<String>(), tricks.prop_map(str::to_owned)], 0..6)
        .prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn hostile_text_is_text(texts in prop::collection::vec(hostile(), 8), at in any::<prop::sample::Index>(), sample in any::<prop::sample::Index>()) {
        let profile = &built_in()[at.index(built_in().len())];
        let all = samples();
        let mut receipt = all[sample.index(all.len())].1.clone();
        let shown = |at: usize| Printable::new(&texts[at]);
        receipt.merchant.name = shown(0);
        receipt.title = shown(1);
        receipt.lines = vec![shown(2), shown(3)];
        if let Some(item) = receipt.items.first_mut() {
            item.description = shown(4);
            item.notes = vec![shown(5)];
        }
        if let Some(payment) = receipt.payments.first_mut() {
            payment.label = shown(6);
        }
        if let Some(signature) = receipt.signatures.first_mut() {
            signature.content = crate::receipt::Content::Code(Code::new(Symbology::Qr, texts[7].clone()));
        }
        receipt.document_url = Some(shown(2));
        check(&receipt, profile);
    }

    /// The same, past the guard that a receipt has: the writer alone is enough.
    #[test]
    fn hostile_lines_are_lines(texts in prop::collection::vec(hostile(), 0..8), at in any::<prop::sample::Index>()) {
        let profile = &built_in()[at.index(built_in().len())];
        let mut recorder = Recorder::new(profile);
        for text in &texts {
            let shown = recorder.printable(text);
            let chars: Vec<char> = shown.chars().collect();
            for line in chars.chunks(recorder.columns()) {
                recorder.line(Look::PLAIN, &line.iter().collect::<String>());
            }
        }
        let job = recorder.writer.finish().unwrap();
        prop_assert_eq!(marks_of(&interpret(&job, profile)), recorder.asked);
        // Also text that nobody made printable stays text.
        let mut writer = JobWriter::new(profile);
        for text in &texts {
            writer.line(Look::PLAIN, text);
        }
        writer.cut();
        check_commands(&writer.finish().unwrap(), profile, 0);
    }
}
