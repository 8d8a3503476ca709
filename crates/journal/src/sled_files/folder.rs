//! Which store of a folder is in use: `sled-<n>` holds a store, the highest `n` is the one in use; `clean` is written after an
//! orderly close and says what the store held then; `boot` names the run of the machine in which the folder was opened last.
//! Everything may be deleted at any time while the server is stopped.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::boot::{is_same_boot, note_boot};
use super::check;
use super::handle::{failure, guarded};

const CLEAN_FILE: &str = "clean";
const FOLDER_PREFIX: &str = "sled-";

/// How often, and with what pause, a locked store is looked at again: two seconds in all.
const LOCK_TRIES: u32 = 400;
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// What sled's error says when the lock is held; its kind is the one of any other.
const LOCKED: &str = "could not acquire lock";

/// The store of a folder that is in use. One process at a time (the journal's lock).
#[derive(Debug)]
pub(crate) struct StoreFolder {
    folder: PathBuf,
    store: PathBuf,
    clean: Option<Vec<u8>>,
}

impl StoreFolder {
    /// The store that is there, or the place of a first one.
    ///
    /// # Errors
    /// When a store is there that may have lost something when the machine stopped; it is deleted. When the device fails.
    pub(crate) fn find(folder: &Path, boot_id: Option<&str>) -> Result<Self, String> {
        fs::create_dir_all(folder).map_err(|error| failure("make the folder", &error))?;
        let clean = take_clean_mark(folder).map_err(|error| failure("read the mark of an orderly close", &error))?;
        let found = generations(folder).map_err(|error| failure("list the folder", &error))?;
        let trusted = clean.is_some() || is_same_boot(folder, boot_id);
        // An untrusted store goes before the note of this run is made: a crash in between must not make it look trusted.
        found.iter().rev().skip(usize::from(trusted)).for_each(|old| delete(&store_folder(folder, *old)));
        note_boot(folder, boot_id).map_err(|error| failure("note the run of the machine", &error))?;
        if !trusted && !found.is_empty() {
            return Err("the machine was started anew without an orderly close; made again from the log".to_owned());
        }
        let newest = found.last().copied().unwrap_or(1);
        Ok(Self { folder: folder.to_path_buf(), store: store_folder(folder, newest), clean })
    }

    /// The place of an empty store; any other in `folder` is deleted. One that was given up may still be open meanwhile.
    ///
    /// # Errors
    /// When the device fails.
    pub(crate) fn fresh(folder: &Path, boot_id: Option<&str>) -> Result<Self, String> {
        fs::create_dir_all(folder).map_err(|error| failure("make the folder", &error))?;
        take_clean_mark(folder).map_err(|error| failure("remove the mark of an orderly close", &error))?;
        note_boot(folder, boot_id).map_err(|error| failure("note the run of the machine", &error))?;
        let found = generations(folder).map_err(|error| failure("list the folder", &error))?;
        found.iter().for_each(|old| delete(&store_folder(folder, *old)));
        let next = found.last().map_or(1, |newest| newest.saturating_add(1));
        Ok(Self { folder: folder.to_path_buf(), store: store_folder(folder, next), clean: None })
    }

    /// What the store held when it was closed in order; `None` when it was not.
    pub(crate) fn clean(&self) -> Option<&[u8]> {
        self.clean.as_deref()
    }

    /// Opens the store after a look at its files.
    ///
    /// # Errors
    /// When it is damaged, locked or cannot be opened.
    pub(crate) fn open(&self, config: sled::Config) -> Result<sled::Db, String> {
        wait_for_lock(&self.store);
        if let Some(place) = check::damage(&self.store).map_err(|error| failure("check the files", &error))? {
            return Err(format!("sled's files are damaged: {place}"));
        }
        guarded("open", || open_when_free(&config.path(&self.store)))
    }

    /// After an orderly close, when sled has let go: opens it once more, because only then sled writes a snapshot. With it the next
    /// opening is ten times faster, and damage at rest is noticed when it is read. `mark` says what the store holds.
    ///
    /// # Errors
    /// When it fails: the store then counts as not closed in order.
    pub(crate) fn seal(&self, config: sled::Config, mark: Option<&[u8]>) -> Result<(), String> {
        guarded("write a snapshot", || open_when_free(&config.path(&self.store)).map(drop))?;
        wait_for_lock(&self.store);
        let written = || {
            // sled's own flush does not wait for the device.
            File::open(self.store.join("db"))?.sync_all()?;
            File::open(&self.store)?.sync_all()?;
            mark.map_or(Ok(()), |mark| write_clean_mark(&self.folder, mark))
        };
        written().map_err(|error: io::Error| failure("mark the orderly close", &error))
    }

    /// Deletes the store, which has failed and must not be opened again.
    pub(crate) fn delete(&self) {
        delete(&self.store);
    }
}

/// sled's own threads may hold the lock of a store for some milliseconds after it was dropped, so a reopening in the same process
/// looks a few times. When it stays locked, sled says so.
fn wait_for_lock(store: &Path) {
    let Ok(file) = File::open(store.join("db")) else { return };
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Err(fs::TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            // Released again when the file is closed.
            _ => return,
        }
    }
}

/// Opens a store whose lock may be held for a moment by sled's own threads, or by a child process that was forked and does not run its
/// own program yet.
pub(crate) fn open_when_free(config: &sled::Config) -> sled::Result<sled::Db> {
    for _ in 1..LOCK_TRIES {
        match config.open() {
            Err(sled::Error::Io(error)) if error.to_string().contains(LOCKED) => std::thread::sleep(LOCK_PAUSE),
            opened => return opened,
        }
    }
    config.open()
}

/// Deletes a store that must not be opened again. When that fails it only takes space: a newer one has a higher number.
fn delete(store: &Path) {
    match fs::remove_dir_all(store) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, store = %store.display(), "a sled store that is given up could not be deleted");
        }
        _ => {}
    }
}

fn store_folder(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("{FOLDER_PREFIX}{generation}"))
}

/// Numbers of the stores in the folder, ascending.
fn generations(folder: &Path) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number: Option<u64> =
            name.to_str().and_then(|name| name.strip_prefix(FOLDER_PREFIX)).and_then(|n| n.parse().ok());
        found.extend(number);
    }
    found.sort_unstable();
    Ok(found)
}

/// Reads and removes the mark, so that only an orderly close makes one again.
fn take_clean_mark(folder: &Path) -> io::Result<Option<Vec<u8>>> {
    let path = folder.join(CLEAN_FILE);
    let mark = match fs::read(&path) {
        Ok(mark) => mark,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    fs::remove_file(&path)?;
    File::open(folder)?.sync_all()?;
    Ok(Some(mark))
}

fn write_clean_mark(folder: &Path, mark: &[u8]) -> io::Result<()> {
    let mut file = File::create(folder.join(CLEAN_FILE))?;
    file.write_all(mark)?;
    file.sync_all()?;
    File::open(folder)?.sync_all()
}
