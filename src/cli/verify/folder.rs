//! A folder: every frame of every segment, then every receipt.

use std::path::Path;

use kassette_journal::verify::verify_folder;

use super::Finding;
use super::receipts::Survey;
use crate::admin::Failure;
use crate::cli::console::{Console, Unit};
use crate::startup::JOURNAL_FOLDER;

pub(super) fn verify(path: &Path, console: Console) -> Result<Finding, Failure> {
    let inside = path.join(JOURNAL_FOLDER);
    let (journal, data_dir) = if inside.is_dir() { (inside.as_path(), Some(path)) } else { (path, path.parent()) };
    let bar = console.bar("reading", Unit::Bytes);
    let mut survey = Survey::default();
    let mut note = |record: &_, _| {
        survey.record(record);
        Ok(())
    };
    verify_folder(journal, &mut note, &mut |done, total| bar.at(done, total)).map_err(not_there)?;

    bar.doing("checking");
    let material = survey.material(data_dir);
    let mut checks = material.checks(&kassette_signing::verify_p256);
    let mut check = |record: &_, _| checks.record(record);
    let report = verify_folder(journal, &mut check, &mut |done, total| bar.at(done, total)).map_err(not_there)?;
    drop(bar);

    let mut notes = material.notes.clone();
    notes.extend(report.tail.iter().map(ToString::to_string));
    if !report.sealed && report.tail.is_none() {
        notes.push("the log is not sealed: a server has it open, or did not stop in order".to_owned());
    }
    Ok(Finding {
        good: report.is_good(),
        kind: "folder",
        records: report.records,
        cash_boxes: report.cash_boxes,
        receipts: checks.receipts,
        counters_checked: material.has_all_secrets(),
        erased: report.erased,
        bad: report.bad.iter().map(ToString::to_string).collect(),
        bad_count: report.bad_count,
        notes,
    })
}

fn not_there(error: kassette_journal::JournalError) -> Failure {
    match &error {
        kassette_journal::JournalError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            Failure::not_found(error.to_string())
        }
        _ => error.into(),
    }
}
