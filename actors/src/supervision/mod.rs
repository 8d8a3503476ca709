//! Supervision of actors: a tree that repairs itself, over actix's public interface.
//!
//! Purpose: start, watch, restart and stop actors and subtrees by strategy, intensity, back-off and deadline.
//! Owns: the pure rules ([`SupervisorState`]), the loop that acts on them ([`Supervisor`]), the boundary at which a
//! panic ends ([`Guarded`]), the handle that says "down" at once ([`ChildRef`]).
//! Invariants: a restarted child is a fresh value with an empty mailbox; an exit of an earlier life is ignored; a child
//! starts after those before it and stops before them; no wait is without a deadline; time and chance come from
//! [`Sources`].
//! Not here: what any actor does; memory of its own for each actor, or taking the processor from one that does not
//! give it back (Rust has neither: `docs/adr/0002-supervision-of-our-own-over-actix.md`).

#[cfg(not(panic = "unwind"))]
compile_error!("supervision needs panic = \"unwind\": with \"abort\" one broken actor would end the process");

mod blueprint;
mod child_ref;
mod child_spec;
mod event;
mod exit;
mod guarded;
mod housing;
mod intake;
pub mod intensity;
mod lease;
mod panic_hook;
mod policy;
mod roster;
mod rules;
mod status;
mod supervisor;
mod supervisor_spec;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod policy_laws;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests;

pub use blueprint::{Ping, PingRule, Sources};
pub use child_ref::{ChildRef, Down};
pub use child_spec::{ChildSpec, MAILBOX_MESSAGES_DEFAULT, SHUTDOWN_DEFAULT, START_WITHIN_DEFAULT};
pub use event::{ChildState, Decision, Event};
pub use exit::Exit;
pub use guarded::Guarded;
pub use housing::{ARBITERS_LEAKED_MAX, Placement};
pub use intensity::{Backoff, Intensity, RestartWindow, Verdict};
pub use lease::{ChildContext, ChildPath};
pub use panic_hook::{current_child, install_panic_hook};
pub use policy::{Child, SupervisorState};
pub use roster::{Roster, RosterKey};
pub use rules::{ChildRules, OnIntensity, Restart, Strategy, TreeRules};
pub use status::{ChildStatus, Standing};
pub use supervisor::{Supervisor, SupervisorHandle};
pub use supervisor_spec::{Subtree, SupervisorSpec};
