//! Every actor, and the tree that keeps them running.
//!
//! Purpose: one actor per cash box, one per operation that outlives its call, directories that start, park and restart cash boxes,
//! supervision of our own over actix.
//! Owns: [`Node`] (the tree), [`Gateway`] (the edge's handle), [`Subscription`] (to new records), [`AppTerminal`] (an
//! app's), [`Vault`] (where keys come
//! from), [`supervision`].
//! Invariants: nobody outside keeps an actor's address; no actor waits for the disk; an answer leaves only after its record is
//! durable; a failed actor is replaced by a fresh value; one failing cash box never stops another.
//! Not here: HTTP and JSON (the edge), rules (`cashbox`, `markets`), files (`journal`).

pub mod callbacks;
mod cash_box;
mod devices;
mod directory;
mod events;
mod gateway;
mod node;
mod operation;
mod outcome;
mod payments;
mod profile;
pub mod supervision;
mod vault;

pub use devices::{BeforeDevice, DeviceOptions, DeviceState, DeviceStatus, DeviceWatch};
pub use events::Subscription;
pub use gateway::Gateway;
pub use node::{BeforeExecute, Node, NodeOptions, NodeStatus};
pub use outcome::{Accepted, Executed, Rejected};
pub use payments::AppTerminal;
pub use profile::{Profile, TokenMac};
pub use vault::{Keys, UnitOutage, Vault};
