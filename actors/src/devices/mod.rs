//! Devices at a line: each under a supervisor, so that what fails comes back.
//!
//! Purpose: keep every configured terminal served, say at once when one is not, and bring it back.
//! Owns: which terminals are served ([`Terminals`]), the tree of each (`terminal`), what operators see ([`DeviceStatus`]) and
//! others are told of ([`DeviceWatch`]), the limits ([`DeviceOptions`]).
//! Invariants: a device that fails takes no other along; nothing waits for one that is down; a terminal comes and goes with the
//! configuration, without a restart.
//! Not here: what is said to a device (`payments` crate), payments (`crate::payments`).

mod board;
mod options;
mod status;
mod terminal;
mod terminals;
mod watch;

pub use options::{BeforeDevice, DeviceOptions};
pub use status::{DeviceState, DeviceStatus};
pub(crate) use terminal::{Go, Next, NotNow, Take, Terminal, Work};
pub(crate) use terminals::Terminals;
pub use watch::DeviceWatch;
