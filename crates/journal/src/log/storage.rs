//! Where segments lie: a folder of files behind two small traits, so that a test can make the Nth operation fail.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of one direct write: a sync of the log waits for at most one of them.
const DIRECT_BYTES: usize = 128 * 1024;
/// What file systems want of place, length and memory of a direct write, at most.
const DIRECT_ALIGN_BYTES: usize = 4096;

/// One open file.
pub trait SegmentFile: Send + Sync + 'static {
    /// Reads at `offset` until `target` is full or the file ends; gives the number of bytes read.
    ///
    /// # Errors
    /// When the device fails.
    fn read_at(&self, target: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// When the device fails or has no space; a part may have been written.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes the content durable (fdatasync).
    ///
    /// # Errors
    /// When the device fails. Must never be retried: the system may have dropped what it could not write.
    fn sync_data(&self) -> io::Result<()>;

    /// Makes content and metadata durable (fsync).
    ///
    /// # Errors
    /// As [`SegmentFile::sync_data`].
    fn sync_all(&self) -> io::Result<()>;

    /// Length in bytes.
    ///
    /// # Errors
    /// When the device fails.
    fn bytes(&self) -> io::Result<u64>;
}

/// One folder of files.
pub trait Storage: Send + Sync + 'static {
    /// Creates an empty file for reading and writing, replacing one of that name.
    ///
    /// # Errors
    /// When the device fails or has no space.
    fn create(&self, name: &str) -> io::Result<Arc<dyn SegmentFile>>;

    /// Opens an existing file.
    ///
    /// # Errors
    /// When it does not exist or the device fails.
    fn open(&self, name: &str, writable: bool) -> io::Result<Arc<dyn SegmentFile>>;

    /// Gives a file another name.
    ///
    /// # Errors
    /// When the device fails.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// When the device fails.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Names of all files.
    ///
    /// # Errors
    /// When the device fails.
    fn names(&self) -> io::Result<Vec<String>>;

    /// Fills an existing file with zeros from its beginning to `bytes`, past the page cache: a copy less for each byte of the log.
    /// `Ok(false)` when the file system cannot; nothing is lost then, and the file is filled the usual way. After each write
    /// `pause` is told how long it took: syncs of the log wait behind it on the device.
    ///
    /// # Errors
    /// When the device fails or has no space.
    fn fill_directly(&self, name: &str, bytes: u64, pause: &dyn Fn(Duration)) -> io::Result<bool> {
        let _ = (name, bytes, pause);
        Ok(false)
    }

    /// Makes the names themselves durable (fsync of the folder).
    ///
    /// # Errors
    /// When the device fails.
    fn sync_names(&self) -> io::Result<()>;
}

/// A folder of the file system.
#[derive(Debug, Clone)]
pub struct FolderStorage {
    folder: PathBuf,
}

impl FolderStorage {
    /// An existing folder.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }
}

impl SegmentFile for File {
    fn read_at(&self, target: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while let Some(rest) = target.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match FileExt::read_at(self, rest, offset.saturating_add(done as u64)) {
                Ok(0) => break,
                Ok(count) => done = done.saturating_add(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        File::sync_data(self)
    }

    fn sync_all(&self) -> io::Result<()> {
        File::sync_all(self)
    }

    fn bytes(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

impl Storage for FolderStorage {
    fn create(&self, name: &str) -> io::Result<Arc<dyn SegmentFile>> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).open(self.folder.join(name))?;
        Ok(Arc::new(file))
    }

    fn open(&self, name: &str, writable: bool) -> io::Result<Arc<dyn SegmentFile>> {
        Ok(Arc::new(OpenOptions::new().read(true).write(writable).open(self.folder.join(name))?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.folder.join(from), self.folder.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.folder.join(name))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn fill_directly(&self, name: &str, bytes: u64, pause: &dyn Fn(Duration)) -> io::Result<bool> {
        let opened = open_directly(&self.folder.join(name));
        let file = match opened {
            Ok(file) if bytes.is_multiple_of(DIRECT_ALIGN_BYTES as u64) => file,
            _ => return Ok(false),
        };
        let block = vec![0_u8; DIRECT_BYTES + DIRECT_ALIGN_BYTES];
        // The kernel wants the memory aligned, too.
        let aligned = block.as_ptr().align_offset(DIRECT_ALIGN_BYTES);
        let Some(zeros) = block.get(aligned..aligned.saturating_add(DIRECT_BYTES)) else { return Ok(false) };
        let mut at = 0;
        while at < bytes {
            let length = usize::try_from(bytes.saturating_sub(at)).unwrap_or(DIRECT_BYTES).min(DIRECT_BYTES);
            let begun = Instant::now();
            match FileExt::write_all_at(&file, zeros.get(..length).unwrap_or(zeros), at) {
                Ok(()) => {
                    at = at.saturating_add(length as u64);
                    pause(begun.elapsed());
                }
                // Some file systems open so and refuse the write.
                Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EOPNOTSUPP)) => {
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn sync_names(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }
}

#[cfg(target_os = "linux")]
fn open_directly(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new().write(true).custom_flags(libc::O_DIRECT).open(path)
}

#[cfg(not(target_os = "linux"))]
fn open_directly(_: &Path) -> io::Result<File> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

/// Whether an error says that the device has no space (or the quota is used up).
#[must_use]
pub fn is_no_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
