//! The open sled store, every call guarded: sled may fail, and it may panic. After a failure no further call is made.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use super::IndexError;

/// A sled store that is open until it fails or is closed.
pub(super) struct Handle {
    /// Taken out only by [`Handle::release`].
    db: Option<sled::Db>,
    /// After a failure or a close every call is refused.
    refused: AtomicBool,
    failed: AtomicBool,
}

impl Handle {
    pub(super) const fn new(db: sled::Db) -> Self {
        Self { db: Some(db), refused: AtomicBool::new(false), failed: AtomicBool::new(false) }
    }

    /// One guarded call.
    ///
    /// # Errors
    /// When it fails or panics, or an earlier one did.
    pub(super) fn run<T>(&self, what: &str, call: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<T, IndexError> {
        let db = self.db.as_ref().filter(|_| !self.refused.load(Ordering::Acquire));
        let db = db.ok_or_else(|| IndexError("the store is closed or has failed".to_owned()))?;
        guarded(what, || call(db)).inspect_err(|_| self.mark_failed())
    }

    /// What was read cannot be right: the store has failed.
    pub(super) fn fail(&self, reason: &str) -> IndexError {
        self.mark_failed();
        IndexError(reason.to_owned())
    }

    fn mark_failed(&self) {
        self.refused.store(true, Ordering::Release);
        self.failed.store(true, Ordering::Release);
    }

    /// Refuses every later call.
    pub(super) fn refuse(&self) {
        self.refused.store(true, Ordering::Release);
    }

    /// Whether the store is closed or has failed.
    pub(super) fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Acquire)
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Lets sled go, which flushes and syncs, and panics when it cannot.
    ///
    /// # Errors
    /// When it fails or panics.
    pub(super) fn release(&mut self) -> Result<(), IndexError> {
        let db = self.db.take();
        guarded("close", || {
            drop(db);
            Ok(())
        })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.db.is_some()
            && let Err(error) = self.release()
        {
            tracing::warn!(%error, "an index that is given up was not closed in order");
        }
    }
}

/// Runs a call of sled, which may panic.
pub(super) fn guarded<T>(what: &str, call: impl FnOnce() -> sled::Result<T>) -> Result<T, IndexError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(failure(what, &error)),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no text");
            Err(failure(what, &format_args!("sled panicked: {text}")))
        }
    }
}

pub(super) fn failure(what: &str, error: &dyn std::fmt::Display) -> IndexError {
    IndexError(format!("could not {what}: {error}"))
}
