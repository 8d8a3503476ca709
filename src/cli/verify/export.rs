//! A journal export: its chain, then its receipts when it has them from the first one on.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use kassette_journal::export::{ExportError, read_export, verify_export};

use super::Finding;
use super::receipts::{Material, Survey};
use crate::admin::Failure;
use crate::cli::console::{Console, Unit};

/// Records between two steps of the progress bar.
const BAR_EVERY_RECORDS: u64 = 256;

pub(super) fn verify(path: &Path, console: Console) -> Result<Finding, Failure> {
    let bar = console.bar("reading", Unit::Records);
    let mut survey = Survey::default();
    let (header, records) = read_export(open(path)?).map_err(|error| unreadable(path, &error))?;
    for record in records {
        if let Ok(record) = record.map_err(|error| unreadable(path, &error))? {
            survey.record(&record);
        }
    }
    let total = header.last_row.saturating_add(1).saturating_sub(header.first_row);
    let mut notes = Vec::new();
    let material = if header.first_row == 1 {
        survey.material(None)
    } else {
        notes.push("the export does not begin with the first record, so that receipts were not checked".to_owned());
        Material::default()
    };
    notes.extend(material.notes.iter().cloned());

    bar.doing("checking");
    let mut checks = material.checks(&kassette_signing::verify_p256);
    let mut done = 0_u64;
    let report = verify_export(open(path)?, &mut |record| {
        done = done.saturating_add(1);
        if done.is_multiple_of(BAR_EVERY_RECORDS) {
            bar.at(done, total);
        }
        checks.record(record)
    })
    .map_err(|error| unreadable(path, &error))?;
    drop(bar);
    Ok(Finding {
        good: report.is_good(),
        kind: "journal export",
        records: report.records,
        cash_boxes: 1,
        receipts: checks.receipts,
        counters_checked: false,
        erased: report.erased,
        bad: report.bad.iter().map(|bad| format!("cash box {}, {bad}", report.header.cash_box)).collect(),
        bad_count: report.bad_count,
        notes,
    })
}

fn open(path: &Path) -> Result<BufReader<File>, Failure> {
    File::open(path).map(BufReader::new).map_err(|error| Failure::fault(format!("{}: {error}", path.display())))
}

fn unreadable(path: &Path, error: &ExportError) -> Failure {
    match error {
        ExportError::Header(_) => Failure::usage(format!("{} is not an export: {error}", path.display())),
        ExportError::Io(_) => Failure::fault(format!("{}: {error}", path.display())),
    }
}
