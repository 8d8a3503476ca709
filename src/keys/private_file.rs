//! Files that only their owner may read, written whole or not at all.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Mode of a folder with secrets.
pub const FOLDER_MODE: u32 = 0o700;
/// Mode of a file with secrets.
pub const FILE_MODE: u32 = 0o600;

/// Makes a folder with mode 0700, with the folders above it. One that exists and that others may enter is closed to them.
///
/// # Errors
/// When it cannot be made, or is not a folder.
pub fn create_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path)?;
    let mode = std::fs::metadata(path)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        tracing::warn!(folder = %path.display(), mode = format!("{mode:o}"), "folder was open to others; now it is not");
        std::fs::set_permissions(path, Permissions::from_mode(FOLDER_MODE))?;
    }
    Ok(())
}

/// Writes `bytes` to `path` with mode 0600: to a file beside it, synced, renamed over it, and the folder synced. After a crash
/// the file holds either what it held before or `bytes`.
///
/// # Errors
/// When any of these steps fails; the old content then stands.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (folder, name) = place(path)?;
    let beside = folder.join(format!(".{name}.{}.new", uuid::Uuid::new_v4().simple()));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)?;
        File::open(folder)?.sync_all()
    })();
    if written.is_err() {
        // Best effort: the error above is the one that matters.
        drop(std::fs::remove_file(&beside));
    }
    written
}

/// Removes a file and syncs its folder; one that does not exist is no error.
///
/// # Errors
/// When it cannot be removed.
pub fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Ok(()) => File::open(place(path)?.0)?.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Reads a file; `None` when it does not exist.
///
/// # Errors
/// When it exists and cannot be read.
pub fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn place(path: &Path) -> io::Result<(&Path, &str)> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let name = path.file_name().and_then(|name| name.to_str());
    name.map(|name| (folder, name)).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not a file name"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn folders_and_files_are_for_their_owner_only() {
        let outside = tempfile::tempdir().unwrap();
        let folder = outside.path().join("a/b");
        create_folder(&folder).unwrap();
        let file = folder.join("secret");
        write(&file, b"one").unwrap();
        assert_eq!((mode(&folder), mode(&file)), (FOLDER_MODE, FILE_MODE));

        std::fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        create_folder(&folder).unwrap();
        assert_eq!(mode(&folder), FOLDER_MODE);
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        assert_eq!(read(&file).unwrap(), None);
        write(&file, b"a longer first content").unwrap();
        write(&file, b"second").unwrap();
        assert_eq!(read(&file).unwrap().as_deref(), Some(&b"second"[..]));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        remove(&file).unwrap();
        remove(&file).unwrap();
        assert_eq!(read(&file).unwrap(), None);
    }
}
