//! Exit codes. They are part of the interface: documented in docs/operations.md, never renumbered.

use crate::admin::FailureKind;

/// Done.
pub const DONE: u8 = 0;
/// A check found something wrong.
pub const CHECK_FAILED: u8 = 1;
/// The command line or a value in it is wrong.
pub const USAGE: u8 = 2;
/// No such cash box, unit, folder, file or code.
pub const NOT_FOUND: u8 = 3;
/// Understood and refused.
pub const REFUSED: u8 = 4;
/// The folder is used by a process that does not answer.
pub const LOCKED: u8 = 5;
/// The disk, a key or the program failed.
pub const FAULT: u8 = 6;
/// What was waited for has not ended in time.
pub const STILL_RUNNING: u8 = 7;

/// The exit code of a failure.
#[must_use]
pub const fn code(kind: FailureKind) -> u8 {
    match kind {
        FailureKind::Usage => USAGE,
        FailureKind::NotFound => NOT_FOUND,
        FailureKind::Refused => REFUSED,
        FailureKind::Locked => LOCKED,
        FailureKind::Fault => FAULT,
    }
}
