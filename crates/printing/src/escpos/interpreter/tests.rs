//! Known jobs, known answers, and bytes without sense.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may stop")]

use proptest::prelude::*;

use super::*;
use crate::escpos::profile::{Profile, Profiles};
use crate::escpos::qr::QrLevel;
use crate::escpos::status::{Condition, Failure, Paper};

fn profile() -> Profile {
    Profiles::default().get("TM-T20III").unwrap().clone()
}

fn tape(job: &[u8]) -> Tape {
    let mut printer = Interpreter::new(&profile());
    printer.receive(job);
    printer.take_tape()
}

/// What a job prints, as text.
fn check(job: &[u8], text: &str) {
    assert_eq!(plain_text(tape(job).items(), &profile()), text, "{job:02X?}");
}

#[test]
fn text_and_its_place() {
    check(b"Hello\nWorld\n", "Hello\nWorld\n");
    check(
        b"\x1Ba\x01mid\n\x1Ba\x02end\n\x1Ba\x00left\n",
        "                      mid\n                                             end\nleft\n",
    );
    check(b"a\tb\n\n", "a       b\n\n");
    check(b"\x1B$\x78\x00x\n", "          x\n");
    // A line that is too long goes on in the next one.
    check(&[[b'x'; 50].as_slice(), b"\n"].concat(), &format!("{}\nxx\n", "x".repeat(48)));
    check(b"\x1Bt\x10\x80 1,20\n", "€ 1,20\n");
    check(b"\x1BR\x02[\\]\n", "ÄÖÜ\n");
    // What was begun is not printed after a reset.
    check(b"abc\x1B@def\n", "def\n");
    check(b"\x1BLpage\n\x0C", "page\n");
    check(b"\x1BLpage\n\x18\x0C", "");
    check(b"cut\x1DV\x42\x00", &format!("cut\n{}\n", "- ".repeat(24).trim_end()));
    check(b"\x1Bp\x00\x19\xFA", "[drawer, pin 2]\n");
    check(b"\x1Bz\x01", "[unknown command [1B, 7A]]\n[unknown command [01]]\n");
}

#[test]
fn styles() {
    let tape = tape(b"\x1B!\x38A\x1DB\x01\x1D!\x00b\x1BE\x00\x1B-\x01\x1BM\x01c\n");
    let [Item::Line(line)] = tape.items() else { panic!("{tape:?}") };
    let styles: Vec<_> = line
        .fragments
        .iter()
        .map(|fragment| match fragment {
            Fragment::Text { x_dots, style, text, .. } => (*x_dots, text.as_str(), *style),
            Fragment::Picture { .. } => panic!("a picture"),
        })
        .collect();
    let big = Style { bold: true, width: 2, height: 2, ..Style::default() };
    let inverse = Style { bold: true, inverse: true, ..Style::default() };
    let last = Style { inverse: true, underline: true, font: Font::B, ..Style::default() };
    assert_eq!(styles, [(0, "A", big), (24, "b", inverse), (36, "c", last)]);
    assert_eq!(line.feed_dots, 48);
}

#[test]
fn codes() {
    let qr = b"\x1D(k\x04\x001A2\x00\x1D(k\x03\x001C\x06\x1D(k\x03\x001E\x31\x1D(k\x05\x001P0Hi\x1D(k\x03\x001Q0";
    assert_eq!(
        tape(qr).items(),
        [Item::Qr { align: Align::Left, payload: b"Hi".to_vec(), module_dots: 6, level: QrLevel::M }]
    );
    let code = |job: &[u8]| match tape(job).items() {
        [Item::Code { symbology, data, height_dots, text, .. }] => (*symbology, data.clone(), *height_dots, *text),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        code(b"\x1Dh\x50\x1DH\x02\x1Dk\x024006381333931\0"),
        (Symbology::Ean13, b"4006381333931".to_vec(), 80, true)
    );
    assert_eq!(code(b"\x1DkI\x05{B123"), (Symbology::Code128, b"{B123".to_vec(), 162, false));
    assert_eq!(code(b"\x1D(k\x07\x000P0abcd\x1D(k\x03\x000Q0").0, Symbology::Pdf417);
}

#[test]
fn pictures() {
    let dots = Bitmap::of_rows(8, 2, &[0xF0, 0x0F]);
    let picture = |job: &[u8]| match tape(job).items() {
        [Item::Picture { dots, .. }] => dots.clone(),
        other => panic!("{other:?}"),
    };
    use crate::escpos::Bitmap;
    assert_eq!(picture(b"\x1Dv0\x00\x01\x00\x02\x00\xF0\x0F"), dots);
    assert_eq!(picture(b"\x1D(L\x0C\x000p0\x01\x011\x08\x00\x02\x00\xF0\x0F\x1D(L\x02\x0002"), dots);
    assert_eq!(picture(b"\x1D8L\x0C\x00\x00\x000p0\x01\x011\x08\x00\x02\x00\xF0\x0F\x1D(L\x02\x0002"), dots);
    assert_eq!(picture(b"\x1Dv0\x03\x01\x00\x01\x00\xFF").height_dots(), 2);
    let line = tape(b"\x1B*\x21\x01\x00\xFF\xFF\xFF\n");
    assert!(matches!(line.items(), [Item::Line(line)] if line.width_dots == 1 && line.feed_dots == 30), "{line:?}");
}

/// What the printer answers to bytes, in a condition.
fn answers(condition: Condition, bytes: &[u8]) -> Vec<u8> {
    let mut printer = Interpreter::new(&profile());
    printer.set_condition(condition);
    printer.receive(bytes);
    printer.take_answers()
}

#[test]
fn questions_are_answered() {
    let well = Condition::default();
    let open = Condition { cover_open: true, ..well };
    assert_eq!(answers(well, b"\x10\x04\x01\x10\x04\x04"), [0x12, 0x12]);
    assert_eq!(answers(open, b"\x10\x04\x01\x10\x04\x02"), [0x1A, 0x16]);
    assert_eq!(answers(well, b"\x1Dr\x01\x1Dr1\x1Dr2"), [0x00, 0x00, 0x00]);
    assert_eq!(answers(Condition { paper: Paper::NearEnd, ..well }, b"\x1Dr\x01"), [0x03]);
    assert_eq!(answers(well, b"\x1D(H\x06\x0000AB12"), b"\x37\x22AB12\x00");
    assert_eq!(answers(well, b"\x1Da\x0F"), [0x10, 0, 0, 0x0F]);
    // What waits behind a job is answered when the printer is online again.
    assert_eq!(answers(open, b"\x1Dr\x01"), []);
    let mut printer = Interpreter::new(&profile());
    printer.set_condition(open);
    printer.receive(b"Hello\n\x1Dr\x01");
    assert!(printer.tape().is_empty());
    printer.set_condition(well);
    assert_eq!(printer.take_answers(), [0x00]);
    assert_eq!(printer.tape().items().len(), 1);
}

#[test]
fn paper_ends_in_the_middle_and_comes_again() {
    let mut printer = Interpreter::new(&profile());
    printer.receive(b"\x1Da\x0F");
    printer.load(PaperRoll { left_dots: 100, near_end_dots: 50 });
    let _ = printer.take_answers();
    printer.receive(b"1\n2\n3\n4\n5\n");
    assert_eq!(printer.condition().paper, Paper::Out);
    // Near end after the second line, out after the fourth.
    assert_eq!(printer.take_answers(), [0x10, 0, 0x03, 0x0F, 0x18, 0, 0x0F, 0x0F]);
    assert_eq!(printer.tape().items().len(), 4);
    printer.load(PaperRoll { left_dots: 100_000, near_end_dots: 50 });
    assert_eq!(printer.tape().items().len(), 5);
}

#[test]
fn a_printer_recovers_when_it_is_told_to() {
    let mut printer = Interpreter::new(&profile());
    printer.set_condition(Condition { failure: Some(Failure::Cutter), ..Condition::default() });
    printer.receive(b"Hello\n");
    assert!(printer.tape().is_empty());
    printer.receive(b"\x10\x05\x01");
    assert_eq!(printer.tape().items().len(), 1);
}

#[test]
fn a_buffer_that_is_full_loses_bytes_and_says_so() {
    let mut printer = Interpreter::new(&profile());
    printer.fill(&[b'x'; 5000]);
    assert_eq!((printer.overrun_bytes(), printer.waiting_bytes()), (904, 4096));
    assert_eq!(printer.run(100), 100);
    assert_eq!(printer.waiting_bytes(), 3996);
}

#[test]
fn a_long_command_is_skipped_and_nothing_is_kept_of_it() {
    let mut printer = Interpreter::new(&profile());
    // GS 8 L that claims 4 GiB, then GS ( L with 65535 bytes of nothing.
    printer.receive(b"\x1D8L\xFF\xFF\xFF\xFF");
    printer.receive(&vec![0; 1 << 16]);
    assert_eq!(printer.tape().items().len(), 1);
    printer.reset_line();
    printer.receive(b"after\n");
    assert_eq!(printer.tape().items().len(), 2);
}

/// A QR code that the printer draws is read back from the picture by a reader that shares nothing with us.
#[test]
fn a_drawn_code_says_what_it_was_given() {
    for (payload, dots) in
        [("https://example.com/?a=1", 6), ("_R1-AT0_demo_1_2026-11-29T10:00:00_1,20_0_0_0_0_x_y_z", 4)]
    {
        let length = u16::try_from(payload.len() + 3).unwrap().to_le_bytes();
        let job = [
            b"Top\n\x1Ba\x01\x1D(k\x03\x001C".as_slice(),
            &[dots],
            b"\x1D(k\x03\x001E1\x1D(k",
            &length,
            b"1P0",
            payload.as_bytes(),
            b"\x1D(k\x03\x001Q0Bottom\n",
        ]
        .concat();
        let picture = paint(tape(&job).items(), &profile()).unwrap();
        let (width, height) = (picture.width_dots(), picture.height_dots());
        let dark = |x: usize, y: usize| picture.is_black(u32::try_from(x).unwrap(), u32::try_from(y).unwrap());
        let (width, height) = (usize::try_from(width).unwrap(), usize::try_from(height).unwrap());
        let mut image = rqrr::PreparedImage::prepare_from_bitmap(width, height, dark);
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1);
        assert_eq!(grids[0].decode().unwrap().1, payload);
        assert!(png_of(&picture).unwrap().starts_with(b"\x89PNG"));
    }
}

#[test]
fn a_tape_is_bounded() {
    let mut printer = Interpreter::new(&profile());
    // Each of these is a picture of two million dots.
    let mut job = b"\x1Dv0\x00\x48\x00\xFF\x0F".to_vec();
    job.extend(vec![0x55; 72 * 4095]);
    for _ in 0..300 {
        printer.receive(&job);
    }
    assert!(printer.tape().lost > 0 && printer.tape().items().len() < 300);
}

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let opening = prop::sample::select(vec![0x10_u8, 0x1B, 0x1C, 0x1D, 0x0A, 0x20, 0x00]);
    prop::collection::vec(
        (opening, prop::collection::vec(any::<u8>(), 0..12)).prop_map(|(first, rest)| [vec![first], rest].concat()),
        0..60,
    )
    .prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_and_any_cut_is_the_same(bytes in pieces(), cut in any::<prop::sample::Index>()) {
        let whole = tape(&bytes);
        let mut printer = Interpreter::new(&profile());
        let at = if bytes.is_empty() { 0 } else { cut.index(bytes.len()) };
        printer.receive(&bytes[..at]);
        printer.receive(&bytes[at..]);
        prop_assert_eq!(printer.tape(), &whole);
        let _ = plain_text(whole.items(), &profile());
        if let Ok(picture) = paint(whole.items(), &profile()) {
            prop_assert!(picture.height_dots() <= PICTURE_ROWS_MAX);
        }
        // Cut into parts, they are the same bytes again.
        let joined: Vec<u8> = split(&bytes).flat_map(|part| match part {
            Part::Text(bytes) | Part::Command(bytes) | Part::Cut(bytes) => bytes.to_vec(),
        }).collect();
        prop_assert_eq!(joined, bytes);
    }
}
