//! `kassette verify`: reads only, needs no server and no lock.
//!
//! Purpose: say whether a folder or an export is what it was when it was written, and name the first place where it is not.
//! Owns: which kind of thing a path is, and how the finding is told.
//! Invariants: nothing is written, not even a lock; a finding is a result (exit code 1), not being able to look is a failure.
//! Not here: frames and chains (`journal`), the legal chain and its signatures (`markets`).

mod dep;
mod export;
mod folder;
mod receipts;

use std::path::PathBuf;

use serde::Serialize;

use super::session::Session;
use crate::admin::Failure;

/// Findings that are told as text; `--json` has all that were kept.
const TOLD_MAX: usize = 20;

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    /// A data folder, the journal folder in it, a journal export, or a DEP7 export
    path: PathBuf,
    /// With a DEP7 export: its crypto material, so that the turnover counter is checked as well
    #[arg(long, value_name = "FILE")]
    crypto_material: Option<PathBuf>,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
struct Finding {
    /// Whether nothing is wrong.
    good: bool,
    /// What was looked at.
    kind: &'static str,
    /// Records read.
    records: u64,
    /// Cash boxes met.
    cash_boxes: u64,
    /// Receipts checked by the rules of their market.
    receipts: u64,
    /// Whether turnover counters were decrypted and compared.
    counters_checked: bool,
    /// Records whose bodies were erased.
    erased: u64,
    /// Bad places, the first one first.
    bad: Vec<String>,
    /// Number of bad places.
    bad_count: u64,
    /// What is not wrong but should be known.
    notes: Vec<String>,
}

impl Verify {
    /// Gives whether nothing is wrong.
    pub(super) fn run(self, session: &Session) -> Result<bool, Failure> {
        let shown = self.path.display();
        let kind = std::fs::metadata(&self.path).map_err(|error| Failure::not_found(format!("{shown}: {error}")))?;
        let finding = if kind.is_dir() {
            folder::verify(&self.path, session.console)?
        } else if dep::is_dep(&self.path)? {
            dep::verify(&self.path, self.crypto_material.as_deref())?
        } else {
            export::verify(&self.path, session.console)?
        };
        session.console.result(&finding, text);
        Ok(finding.good)
    }
}

fn text(finding: &Finding) -> String {
    let mut out = String::new();
    for bad in finding.bad.iter().take(TOLD_MAX) {
        out.push_str(&format!("bad: {bad}\n"));
    }
    let told = u64::try_from(finding.bad.len().min(TOLD_MAX)).unwrap_or(u64::MAX);
    if finding.bad_count > told {
        out.push_str(&format!("and {} more\n", finding.bad_count.saturating_sub(told)));
    }
    for note in &finding.notes {
        out.push_str(&format!("note: {note}\n"));
    }
    let counters = if finding.counters_checked { ", with turnover counters" } else { "" };
    let verdict = if finding.good { "good" } else { "NOT GOOD" };
    out.push_str(&format!(
        "{verdict}: {} of {} cash boxes, {} records; {} receipts checked by the rules of their market{counters}; {} erased\n",
        finding.kind, finding.cash_boxes, finding.records, finding.receipts, finding.erased
    ));
    out
}
