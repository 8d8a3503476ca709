#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]

use proptest::prelude::*;

use super::*;
use crate::printable::columns;
use crate::receipt::Copy;
use crate::samples::SAMPLES;
use crate::testing;

fn text(rows: &[Row<'_>]) -> String {
    let mut text = String::new();
    for row in rows {
        match row {
            Row::Text(line) => text.push_str(line.text.trim_end()),
            Row::Rule => text.push_str("---"),
            Row::Gap => {}
            Row::Logo(_) => text.push_str("(logo)"),
            Row::Code(code, _) => text.push_str(&format!("({})", code.symbology.name())),
        }
        text.push('\n');
    }
    text
}

#[track_caller]
fn check_widths(rows: &[Row<'_>], paper: usize) {
    for row in rows {
        if let Row::Text(line) = row {
            let cells = if line.size == Size::Double { 2 } else { 1 };
            assert!(columns(&line.text) * cells <= paper, "{line:?} on {paper} columns");
        }
    }
}

#[test]
fn an_austrian_receipt_at_thirty_two_columns() {
    let receipt = SAMPLES.first().unwrap().receipt(Copy::Original, None).unwrap();
    let rows = lay_out(&receipt, Paper::new(32, Medium::Paper, 192));
    let text = text(&rows);
    for line in [
        "Belegnummer              ft10#17",
        "Datum        04.03.2026 11:15:34",
        "Espresso                  6,40 A",
        "  2 x 3,20",
        "Vanillesauce             12,00 B",
        "  0,25 l x 19,60",
        "Summe EUR  23,30",
        "Bar                        50,00",
        "Rückgeld                  -26,70",
        "(QR)",
    ] {
        assert!(text.lines().any(|own| own.trim() == line.trim()), "{line}\n{text}");
    }
}

#[test]
fn every_sample_fits_every_paper() {
    for sample in SAMPLES {
        let receipt = sample.receipt(Copy::Numbered(1), None).unwrap();
        for paper in [0, 20, 32, 42, 48, 64, 1000] {
            let paper = Paper::new(paper, Medium::Screen, 200);
            check_widths(&lay_out(&receipt, paper), paper.columns());
        }
    }
}

#[test]
fn large_amounts_are_never_cut() {
    let receipt = testing::receipt(|request, _| {
        request.charge_items.truncate(1);
        for item in &mut request.charge_items {
            item.amount = "79228162514264337593543.95".parse().unwrap();
        }
    });
    let rows = lay_out(&receipt, Paper::new(20, Medium::Paper, 100));
    check_widths(&rows, 20);
    let joined: String = text(&rows).split_whitespace().collect();
    assert!(joined.contains("79.228.162.514.264.337.593.543,95"), "{joined}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn hostile_receipts_fit_every_paper(receipt in testing::hostile_receipt(), paper in 0_usize..80) {
        let paper = Paper::new(paper, Medium::Screen, 100);
        check_widths(&lay_out(&receipt, paper), paper.columns());
    }
}
