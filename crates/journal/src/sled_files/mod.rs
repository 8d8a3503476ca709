//! A folder with a store of sled 0.34 in it, for whoever keeps one.
//!
//! Purpose: use sled without believing it: look at its files before it does, guard every call, and never ask a store that may have
//! lost something without a trace.
//! Owns: [`StoreFolder`] (which store of a folder is in use, the mark of an orderly close), [`Handle`] (guarded calls), the check of
//! sled's files, the note of the run of the machine.
//! Invariants: after a failure no further call is made; a store that was open when the machine lost power is never opened again.
//! Not here: what is in a store (`index`, `callbacks`).

mod boot;
mod check;
mod folder;
mod handle;

pub(crate) use boot::boot_id;
pub(crate) use folder::StoreFolder;
#[cfg(test)]
pub(crate) use folder::open_when_free;
pub(crate) use handle::Handle;
