//! Codes are read back from the finished pictures, by a decoder that shares no code with the encoder, to the payload that was signed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a test may stop")]

use kassette_printing::raster::Width;
use kassette_printing::receipt::{Content, Copy};
use kassette_printing::samples::SAMPLES;
use kassette_printing::{Receipt, png, text};

/// The payload of the only code.
fn payload(receipt: &Receipt) -> &str {
    let mut codes = receipt.signatures.iter().filter_map(|signature| match &signature.content {
        Content::Code(code) => Some(code.payload.as_str()),
        _ => None,
    });
    codes.next().unwrap()
}

/// Every QR code in a picture of grey dots.
fn read(width: usize, height: usize, is_dark: impl Fn(usize, usize) -> bool) -> Vec<String> {
    let grey = |x, y| if is_dark(x, y) { 0 } else { 255 };
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, grey);
    image.detect_grids().iter().map(|grid| grid.decode().unwrap().1).collect()
}

#[test]
fn a_picture_of_any_width_has_its_code() {
    for sample in SAMPLES {
        let receipt = sample.receipt(Copy::Original, None).unwrap();
        for mm in [48, 58, 72, 80, 210] {
            let file = png::render(&receipt, Width::from_mm(mm)).unwrap();
            let mut reader = ::png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
            let mut dots = vec![0; reader.output_buffer_size().unwrap()];
            let frame = reader.next_frame(&mut dots).unwrap();
            assert_eq!(frame.width, u32::from(mm) * 8);
            let is_dark = |x: usize, y: usize| dots[y * frame.line_size + x / 8] & (0x80 >> (x % 8)) == 0;
            let found = read(frame.width as usize, frame.height as usize, is_dark);
            assert_eq!(found, [payload(&receipt)], "{} at {mm} mm", sample.name);
        }
    }
}

#[test]
fn half_blocks_of_a_terminal_have_their_code() {
    for sample in SAMPLES {
        let receipt = sample.receipt(Copy::Original, None).unwrap();
        let page = text::render(&receipt, 48, 120, text::Style::Plain);
        let lines: Vec<Vec<char>> = page.lines().map(|line| line.chars().collect()).collect();
        let is_dark = |x: usize, y: usize| {
            let character = lines.get(y / 2).and_then(|line| line.get(x)).copied().unwrap_or(' ');
            character == '█' || character == if y.is_multiple_of(2) { '▀' } else { '▄' }
        };
        // Four dots for each module, and room around the lines.
        let (width, height) = (140 * 4, (lines.len() * 2 + 16) * 4);
        let is_dark = |x: usize, y: usize| y / 4 >= 8 && x / 4 >= 8 && is_dark(x / 4 - 8, y / 4 - 8);
        assert_eq!(read(width, height, is_dark), [payload(&receipt)], "{}", sample.name);
    }
}

#[test]
fn ten_thousand_items_are_a_picture() {
    let mut receipt = SAMPLES[0].receipt(Copy::Original, None).unwrap();
    receipt.items = vec![receipt.items[0].clone(); 10_000];
    let file = png::render(&receipt, Width::USUAL).unwrap();
    let reader = ::png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
    assert!(reader.info().height > 500_000);
    receipt.items = vec![receipt.items[0].clone(); 20_000];
    assert!(png::render(&receipt, Width::USUAL).is_err());
}
