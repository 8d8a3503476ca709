//! A DEP7 export of Austria.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use kassette_markets::at::dep::verify_dep;

use super::Finding;
use crate::admin::Failure;

/// How far into a file its first member name is looked for.
const HEAD_BYTES: u64 = 256;

/// Whether the file begins like a DEP7 export.
pub(super) fn is_dep(path: &Path) -> Result<bool, Failure> {
    let mut head = Vec::new();
    File::open(path)
        .and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut head))
        .map_err(|error| Failure::fault(format!("{}: {error}", path.display())))?;
    Ok(String::from_utf8_lossy(&head).contains("\"Belege-Gruppe\""))
}

pub(super) fn verify(path: &Path, crypto_material: Option<&Path>) -> Result<Finding, Failure> {
    let dep = read(path)?;
    let crypto_material = crypto_material.map(read).transpose()?;
    let checked = verify_dep(&dep, crypto_material.as_deref(), &kassette_signing::verify_p256);
    let finding = Finding { kind: "DEP7 export", cash_boxes: 1, ..Finding::default() };
    Ok(match checked {
        Ok(report) => {
            let receipts = u64::try_from(report.receipts).unwrap_or(u64::MAX);
            Finding { good: true, records: receipts, receipts, counters_checked: report.counter_checked, ..finding }
        }
        Err(findings) => Finding {
            bad_count: u64::try_from(findings.len()).unwrap_or(u64::MAX),
            bad: findings.iter().map(ToString::to_string).collect(),
            ..finding
        },
    })
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::fault(format!("{}: {error}", path.display())))
}
