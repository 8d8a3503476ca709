//! The open sled store, every call guarded: sled may fail, and it may panic. After a failure no further call is made.

use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

/// A sled store that is open until it fails or is closed; its errors are made from their text.
pub(crate) struct Handle<E> {
    /// Taken out only by [`Handle::release`].
    db: Option<sled::Db>,
    /// After a failure or a close every call is refused.
    refused: AtomicBool,
    failed: AtomicBool,
    error: PhantomData<fn() -> E>,
}

impl<E: From<String>> Handle<E> {
    pub(crate) const fn new(db: sled::Db) -> Self {
        Self { db: Some(db), refused: AtomicBool::new(false), failed: AtomicBool::new(false), error: PhantomData }
    }

    /// One guarded call.
    ///
    /// # Errors
    /// When it fails or panics, or an earlier one did.
    pub(crate) fn run<T>(&self, what: &str, call: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<T, E> {
        let db = self.db.as_ref().filter(|_| !self.refused.load(Ordering::Acquire));
        let db = db.ok_or_else(|| E::from("the store is closed or has failed".to_owned()))?;
        guarded(what, || call(db)).map_err(|reason| {
            self.mark_failed();
            E::from(reason)
        })
    }

    /// What was read cannot be right: the store has failed.
    pub(crate) fn fail(&self, reason: &str) -> E {
        self.mark_failed();
        E::from(reason.to_owned())
    }

    fn mark_failed(&self) {
        self.refused.store(true, Ordering::Release);
        self.failed.store(true, Ordering::Release);
    }

    /// Refuses every later call.
    pub(crate) fn refuse(&self) {
        self.refused.store(true, Ordering::Release);
    }

    /// Whether the store is closed or has failed.
    pub(crate) fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Acquire)
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }
}

impl<E> Handle<E> {
    /// Lets sled go, which flushes and syncs, and panics when it cannot.
    ///
    /// # Errors
    /// When it fails or panics.
    pub(crate) fn release(&mut self) -> Result<(), String> {
        let db = self.db.take();
        guarded("close", || {
            drop(db);
            Ok(())
        })
    }
}

impl<E> Drop for Handle<E> {
    fn drop(&mut self) {
        if self.db.is_some()
            && let Err(error) = self.release()
        {
            tracing::warn!(%error, "a sled store that is given up was not closed in order");
        }
    }
}

/// Runs a call of sled, which may panic.
pub(crate) fn guarded<T>(what: &str, call: impl FnOnce() -> sled::Result<T>) -> Result<T, String> {
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

pub(crate) fn failure(what: &str, error: &dyn std::fmt::Display) -> String {
    format!("could not {what}: {error}")
}
