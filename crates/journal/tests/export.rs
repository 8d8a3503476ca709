//! The journal export, our reader of it, and the verifier that shares no code with us.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a test may stop")]

use std::path::Path;
use std::process::Command;

use kassette_journal::contract::{Chain, append};
use kassette_journal::export::{ExportHeader, verify_export, write_export_header, write_export_record};
use kassette_journal::{Journal, MemoryJournal};
use kassette_record::{Hash, SealedRecord};

const ROWS: u64 = 12;
const ERASED: u64 = 5;

/// An export of twelve rows from `first`, row 5 erased.
fn export(first: u64) -> Vec<u8> {
    let journal = MemoryJournal::inline();
    let mut chain = Chain::new(1);
    for _ in 0..ROWS {
        append(&journal, chain.next()).unwrap();
    }
    let before = journal.row(chain.cash_box, first - 1).unwrap().map_or(Hash::ZERO, |record| record.hash);
    let header = ExportHeader {
        cash_box: chain.cash_box,
        first_row: first,
        first_previous: before,
        last_row: ROWS,
        last_hash: chain.hash,
        made_at_ns: 1_700_000_000_000_000_000,
    };
    let mut out = Vec::new();
    write_export_header(&header, &mut out).unwrap();
    for record in journal.stream(chain.cash_box, first).unwrap() {
        let record = record.unwrap();
        let bodies = if record.row == ERASED { vec![0; record.bodies.len()] } else { record.bodies.clone() };
        write_export_record(&SealedRecord { bodies, ..record }, &mut out).unwrap();
    }
    out
}

fn lines(export: &[u8]) -> Vec<String> {
    std::str::from_utf8(export).unwrap().lines().map(str::to_owned).collect()
}

fn joined(lines: &[String]) -> Vec<u8> {
    lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect()
}

/// Damaged exports with the row that must be named (0: none in particular).
fn damaged() -> Vec<(&'static str, u64, Vec<u8>)> {
    let good = lines(&export(1));
    let change = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines = good.clone();
        change(&mut lines);
        joined(&lines)
    };
    let replace = |row: usize, name: &str, with: &dyn Fn(&str) -> String| {
        let mut line: serde_json::Value = serde_json::from_str(&good[row]).unwrap();
        let old = line[name].as_str().unwrap().to_owned();
        line[name] = with(&old).into();
        change(&|lines| lines[row] = line.to_string())
    };
    let flip_first = |text: &str| {
        let first = if text.starts_with('A') { "B" } else { "A" };
        format!("{first}{}", &text[1..])
    };
    vec![
        ("a row is missing", 4, change(&|lines| drop(lines.remove(4)))),
        ("two rows are swapped", 4, change(&|lines| lines.swap(4, 5))),
        ("a row is repeated", 5, change(&|lines| lines.insert(5, lines[4].clone()))),
        ("the end is missing", 0, change(&|lines| drop(lines.pop()))),
        ("the first row is missing", 1, change(&|lines| drop(lines.remove(1)))),
        ("a header is changed", 7, replace(7, "header", &flip_first)),
        ("a request is changed", 8, replace(8, "request", &flip_first)),
        ("a response is changed", 9, replace(9, "response", &flip_first)),
        ("a salt is changed", 10, replace(10, "request_salt", &flip_first)),
        ("a hash is changed", 3, replace(3, "hash", &|_| "0".repeat(64))),
        ("a link is changed", 6, replace(6, "previous", &|_| "0".repeat(64))),
        ("a body hash is changed", 2, replace(2, "response_hash", &|_| "0".repeat(64))),
        ("a line is cut", 12, change(&|lines| lines[12].truncate(100))),
        ("a record of another cash box", 11, {
            let mut other = Chain::new(2);
            let strange = (0..11).map(|_| other.next()).last().unwrap();
            let mut line = Vec::new();
            write_export_record(&strange, &mut line).unwrap();
            let line = String::from_utf8(line).unwrap();
            change(&|lines| lines[11] = line.trim_end().to_owned())
        }),
    ]
}

#[test]
fn an_export_is_read_back() {
    for first in [1, 4] {
        let mut rows = Vec::new();
        let report = verify_export(&*export(first), &mut |record| {
            rows.push(record.row);
            Ok(())
        })
        .unwrap();
        assert!(report.is_good(), "{:?}", report.bad);
        assert_eq!(rows, (first..=ROWS).collect::<Vec<_>>());
        assert_eq!(report.erased, 1);
    }
}

#[test]
fn a_damaged_export_is_refused_with_its_first_bad_row() {
    for (name, row, export) in damaged() {
        let report = verify_export(&*export, &mut |_| Ok(())).unwrap();
        assert!(!report.is_good(), "{name}");
        if row > 0 {
            assert!(report.bad[0].row == row || report.bad[0].line == row + 1, "{name}: {}", report.bad[0]);
        }
    }
    assert!(verify_export(&b"{}"[..], &mut |_| Ok(())).is_err());
    assert!(verify_export(&b""[..], &mut |_| Ok(())).is_err());
}

#[test]
fn what_the_visitor_says_is_reported() {
    let report = verify_export(&*export(1), &mut |record| {
        if record.row == 6 { Err("its signature is wrong".to_owned()) } else { Ok(()) }
    })
    .unwrap();
    assert_eq!((report.bad_count, report.bad[0].row, report.bad[0].line), (1, 6, 7));
}

#[test]
fn the_independent_verifier_agrees() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/verify/verify_journal.py");
    let text = std::fs::read_to_string(&script).unwrap();
    assert!(text.lines().count() < 150, "the verifier must stay under 150 lines");
    if Command::new("python3").arg("--version").output().is_err() {
        assert!(std::env::var_os("KASSETTE_CI").is_none(), "python3 is needed with KASSETTE_CI");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let run = |export: &[u8]| {
        let path = folder.path().join("export.ndjson");
        std::fs::write(&path, export).unwrap();
        let output = Command::new("python3").arg("-I").arg(&script).arg(&path).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for first in [1, 4] {
        assert_eq!(run(&export(first)), (Some(0), String::new()));
    }
    for (name, row, export) in damaged() {
        let (code, said) = run(&export);
        assert_eq!(code, Some(1), "{name}: {said}");
        assert!(row == 0 || said.contains(&format!("row {row}")), "{name}: {said}");
    }
}
