//! What the records of a cash box look like to a client.
//!
//! Purpose: from stored records to operation items (contract 2.3, 7.3) and journal entries (7.2).
//! Owns: [`JournalArray`] and [`Entries`], [`Window`], [`write_operation_item`], [`state_object`], [`state_changes`], [`events`],
//! [`write_configuration`].
//! Invariants: nothing but the record and the configuration decides; erased bodies come out as null, without a hash that could
//! give them away.
//! Not here: reading the journal, streaming, market exports (`markets`).

mod configuration;
mod events;
mod journal;
mod operation_item;
mod state_object;
mod window;

pub use configuration::{write_assembly, write_configuration};
pub use events::events;
pub use journal::{Entries, JournalArray};
pub use operation_item::write_operation_item;
pub use state_object::{state_changes, state_object};
pub use window::{Verdict, Window};
