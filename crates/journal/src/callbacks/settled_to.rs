//! The place before which everything is settled, in a small file beside the store: should the store be lost, only what lies behind
//! is delivered twice.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use super::bytes::{Fields, put_position, seal, unseal};
use crate::Position;

const FILE: &str = "settled-to";
const UNFINISHED_FILE: &str = "settled-to.new";

/// Reads the place. A file that is missing or damaged says nothing, which is always right.
pub(super) fn read(folder: &Path) -> Option<Position> {
    let bytes = fs::read(folder.join(FILE)).ok()?;
    let mut fields = Fields(unseal(FILE.as_bytes(), &bytes)?);
    let position = fields.position()?;
    fields.0.is_empty().then_some(position)
}

/// Writes the place, durable when it returns.
///
/// # Errors
/// When the device fails; the old place may be there still.
pub(super) fn write(folder: &Path, position: Position) -> io::Result<()> {
    let mut value = Vec::new();
    put_position(position, &mut value);
    let unfinished = folder.join(UNFINISHED_FILE);
    let mut file = File::create(&unfinished)?;
    file.write_all(&seal(FILE.as_bytes(), value))?;
    file.sync_all()?;
    fs::rename(unfinished, folder.join(FILE))?;
    File::open(folder)?.sync_all()
}
