//! What a printer can do.
//!
//! Purpose: know a printer by a name, so that a job for it has only bytes that it understands.
//! Owns: [`Profile`] and [`Features`]; [`built_in`] (the printer database); [`Profiles`] (those and the operator's own); [`Repertoire`]
//!   (text in characters that a printer has, and its bytes).
//! Invariants: text of a repertoire encodes without loss, and to no control byte.
//! Not here: which printer stands where (configuration).

mod custom;
mod database;
mod features;
mod model;
mod repertoire;

pub use custom::{COLUMNS_MAX, COLUMNS_MIN, CustomProfile, DOTS_MAX, ProfileError, Profiles};
pub use database::built_in;
pub use features::Features;
pub use model::{Confirmation, Profile, REPLACEMENT_PROFILE};
pub use repertoire::{Repertoire, TextEncoder};
