//! Whether the machine lost power under a store that does not wait for the device.
//!
//! sled's flush does not reach the device, so after a power loss any part of a store may be missing, silently, and no margin of
//! replay is surely long enough. What cannot be trusted is not asked: a store that was not closed in order before the machine
//! started anew is thrown away and made again from the log.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

const BOOT_FILE: &str = "boot";
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// A name of the present run of the machine. Where the system gives none, no two are alike as far as anybody can tell, and the
/// answer is `None`.
pub(crate) fn boot_id() -> Option<String> {
    fs::read_to_string(BOOT_ID).ok().map(|text| text.trim().to_owned())
}

/// Whether the folder was last opened in this same run of the machine.
pub(crate) fn is_same_boot(folder: &Path, now: Option<&str>) -> bool {
    let before = fs::read_to_string(folder.join(BOOT_FILE)).ok();
    now.is_some_and(|now| before.as_deref() == Some(now))
}

/// Notes, durably, in which run of the machine the folder is opened.
pub(crate) fn note_boot(folder: &Path, now: Option<&str>) -> io::Result<()> {
    let mut file = File::create(folder.join(BOOT_FILE))?;
    file.write_all(now.unwrap_or_default().as_bytes())?;
    file.sync_all()?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn only_the_noted_run_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_same_boot(folder.path(), Some("a")));
        note_boot(folder.path(), Some("a")).unwrap();
        assert!(is_same_boot(folder.path(), Some("a")));
        assert!(!is_same_boot(folder.path(), Some("b")));
        assert!(!is_same_boot(folder.path(), None));
        note_boot(folder.path(), None).unwrap();
        assert!(!is_same_boot(folder.path(), None), "what cannot be told is not trusted");
    }
}
