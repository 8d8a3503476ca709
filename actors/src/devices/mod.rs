//! Devices at a line: each under a supervisor, so that what fails comes back.
//!
//! Purpose: keep every configured terminal served, say at once when one is not, and bring it back.
//! Owns: what operators see ([`DeviceStatus`]).
//! Invariants: a device that fails takes no other along.
//! Not here: what is said to a device (`payments` crate), payments (`crate::payments`).

mod status;

pub use status::{DeviceState, DeviceStatus};
