//! The ledger as a file: what was really charged, for tests and operators that cannot ask the process.

use std::io;
use std::path::{Path, PathBuf};

use kassette_payments::zvt::simulator::Ledger;
use serde::Serialize;

use super::EntryShown;

/// A whole ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// What all cards together have paid and not got back.
    pub net_cents: i128,
    /// All transactions in their order.
    pub entries: Vec<EntryShown>,
}

impl From<&Ledger> for Judgement {
    fn from(ledger: &Ledger) -> Self {
        Self { net_cents: ledger.net_cents(), entries: ledger.entries().iter().map(EntryShown::from).collect() }
    }
}

impl Judgement {
    /// Writes it beside and renames: a reader finds the whole one before or the whole one after.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        std::fs::write(&beside, json)?;
        std::fs::rename(&beside, path)
    }
}
