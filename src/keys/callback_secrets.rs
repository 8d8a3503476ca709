//! The secrets under which callbacks of a cash box are signed (contract 3.3), at most two of them valid at the same time.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kassette_model::CashBoxId;
use kassette_stdx::Entropy;
use kassette_webhooks::Secret;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::folder::{KeyError, KeyFolder};
use super::private_file;

/// Version of the file that is written.
const VERSION: u32 = 1;
/// Secrets that are valid at the same time.
const SECRETS_MAX: usize = 2;
/// Room for a file with two secrets of the greatest length, so that no half-written copy of it stays in memory.
const FILE_BYTES: usize = 1_024;

/// A secret and when it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackSecret {
    /// The secret; its debug form shows nothing.
    pub secret: Secret,
    /// When it was made, nanoseconds since the Unix epoch.
    pub created_ns: i64,
}

/// The secrets of all cash boxes: files, and in memory what was read of them.
pub(super) struct CallbackSecrets {
    folder: PathBuf,
    known: Mutex<HashMap<CashBoxId, Arc<[CallbackSecret]>>>,
    /// Held while a file is read or written: of two callers that find none, one makes it. Apart from `known`, so that nobody who
    /// asks for what is in memory waits for the disk.
    files: Mutex<()>,
}

impl CallbackSecrets {
    /// Name of the folder in the key folder.
    pub(super) const FOLDER: &'static str = "callbacks";

    pub(super) fn new(key_folder: &Path) -> Self {
        Self { folder: key_folder.join(Self::FOLDER), known: Mutex::new(HashMap::new()), files: Mutex::new(()) }
    }

    fn get_or_make(
        &self,
        cash_box: CashBoxId,
        entropy: &dyn Entropy,
        now_ns: i64,
    ) -> Result<Arc<[CallbackSecret]>, KeyError> {
        if let Some(known) = self.known(cash_box) {
            return Ok(known);
        }
        let files = self.files.lock();
        match self.stored(cash_box)? {
            Some(stored) => Ok(stored),
            None => self.store(&files, cash_box, [made(entropy, now_ns)].into()),
        }
    }

    fn rotate(
        &self,
        cash_box: CashBoxId,
        revoke: bool,
        entropy: &dyn Entropy,
        now_ns: i64,
    ) -> Result<Arc<[CallbackSecret]>, KeyError> {
        let files = self.files.lock();
        let before = match self.stored(cash_box) {
            // Whoever revokes wants none of what was there, readable or not.
            Ok(_) | Err(KeyError::Damaged { .. }) if revoke => None,
            stored => stored?,
        };
        let kept = before.as_deref().and_then(<[_]>::first).cloned();
        self.store(&files, cash_box, std::iter::once(made(entropy, now_ns)).chain(kept).collect())
    }

    fn known(&self, cash_box: CashBoxId) -> Option<Arc<[CallbackSecret]>> {
        self.known.lock().get(&cash_box).map(Arc::clone)
    }

    /// What is in memory, else in the file.
    fn stored(&self, cash_box: CashBoxId) -> Result<Option<Arc<[CallbackSecret]>>, KeyError> {
        if let Some(known) = self.known(cash_box) {
            return Ok(Some(known));
        }
        let path = self.path(cash_box);
        let bytes = private_file::read(&path).map_err(|error| KeyError::file(&path, error))?.map(Zeroizing::new);
        let Some(bytes) = bytes else { return Ok(None) };
        let secrets = parse(&bytes).map_err(|reason| KeyError::Damaged { path: path.display().to_string(), reason })?;
        let secrets: Arc<[CallbackSecret]> = secrets.into();
        self.known.lock().insert(cash_box, Arc::clone(&secrets));
        Ok(Some(secrets))
    }

    /// Writes the file, then what is in memory: a message is never signed under a secret that a restart would not find.
    fn store(
        &self,
        _files: &parking_lot::MutexGuard<'_, ()>,
        cash_box: CashBoxId,
        secrets: Arc<[CallbackSecret]>,
    ) -> Result<Arc<[CallbackSecret]>, KeyError> {
        let path = self.path(cash_box);
        private_file::write(&path, &text(&secrets)).map_err(|error| KeyError::file(&path, error))?;
        self.known.lock().insert(cash_box, Arc::clone(&secrets));
        Ok(secrets)
    }

    fn path(&self, cash_box: CashBoxId) -> PathBuf {
        self.folder.join(format!("{cash_box}.json"))
    }
}

impl KeyFolder {
    /// The valid callback secrets of a cash box, newest first. One that has none gets its first one, which is durable before
    /// this returns; however many ask at the same time get the same. Kept in memory once read; the first call waits for the
    /// disk.
    ///
    /// # Errors
    /// When the file cannot be read or written, or does not hold secrets.
    pub fn callback_secrets(
        &self,
        cash_box: CashBoxId,
        entropy: &dyn Entropy,
        now_ns: i64,
    ) -> Result<Vec<Secret>, KeyError> {
        let secrets = self.callbacks.get_or_make(cash_box, entropy, now_ns)?;
        Ok(secrets.iter().map(|one| one.secret.clone()).collect())
    }

    /// As [`KeyFolder::callback_secrets`], with the time at which each was made.
    ///
    /// # Errors
    /// As [`KeyFolder::callback_secrets`].
    pub fn dated_callback_secrets(
        &self,
        cash_box: CashBoxId,
        entropy: &dyn Entropy,
        now_ns: i64,
    ) -> Result<Vec<CallbackSecret>, KeyError> {
        self.callbacks.get_or_make(cash_box, entropy, now_ns).map(|secrets| secrets.to_vec())
    }

    /// Makes a new callback secret and gives what is valid from then on, newest first. The newest of the old ones stays valid
    /// beside it until the next rotation, so that the receiver can be changed over in its own time; with `revoke` none does.
    ///
    /// # Errors
    /// When the file cannot be read or written; nothing changes then. With `revoke` a damaged file is replaced.
    pub fn rotate_callback_secret(
        &self,
        cash_box: CashBoxId,
        revoke: bool,
        entropy: &dyn Entropy,
        now_ns: i64,
    ) -> Result<Vec<CallbackSecret>, KeyError> {
        self.callbacks.rotate(cash_box, revoke, entropy, now_ns).map(|secrets| secrets.to_vec())
    }
}

fn made(entropy: &dyn Entropy, now_ns: i64) -> CallbackSecret {
    CallbackSecret { secret: Secret::generate(entropy), created_ns: now_ns }
}

/// The file.
#[derive(Serialize, Deserialize)]
struct Document<'a> {
    version: u32,
    /// Newest first.
    #[serde(borrow)]
    secrets: Vec<Entry<'a>>,
}

#[derive(Serialize, Deserialize)]
struct Entry<'a> {
    /// Borrowed, so that it is wiped with the bytes that it stands in.
    #[serde(borrow)]
    secret: Cow<'a, str>,
    created_ns: i64,
}

/// Never quotes what it reads.
fn parse(bytes: &[u8]) -> Result<Vec<CallbackSecret>, String> {
    let document: Document<'_> = serde_json::from_slice(bytes).map_err(|error| {
        format!("line {}, column {}: not a document with version and secrets", error.line(), error.column())
    })?;
    if document.version != VERSION {
        return Err(format!("version {} is not known to this program", document.version));
    }
    if !(1..=SECRETS_MAX).contains(&document.secrets.len()) {
        let (found, most) = (document.secrets.len(), SECRETS_MAX);
        return Err(format!("1 to {most} secrets are expected, there are {found}"));
    }
    let read = |entry: &Entry<'_>| {
        let secret = Secret::parse(&entry.secret).map_err(|error| error.to_string())?;
        Ok(CallbackSecret { secret, created_ns: entry.created_ns })
    };
    document.secrets.iter().map(read).collect()
}

fn text(secrets: &[CallbackSecret]) -> Zeroizing<Vec<u8>> {
    let revealed: Vec<_> = secrets.iter().map(|one| (one.secret.reveal(), one.created_ns)).collect();
    let entries =
        revealed.iter().map(|(secret, created_ns)| Entry { secret: Cow::Borrowed(secret), created_ns: *created_ns });
    let document = Document { version: VERSION, secrets: entries.collect() };
    let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_BYTES));
    let written = serde_json::to_writer(&mut *bytes, &document);
    debug_assert!(written.is_ok(), "numbers and texts in memory can be written");
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
#[path = "callback_secrets_tests.rs"]
mod tests;
