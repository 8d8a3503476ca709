//! The key folder: everything of an environment that is secret.
//!
//! Purpose: keep the pepper of the access tokens, the signature creation units and the secrets of the markets, and open them
//! for the cash boxes.
//! Owns: [`KeyFolder`] (the only code that touches `<data folder>/keys`), [`AccessToken`], [`Pepper`].
//! Invariants: folders have mode 0700 and files 0600; a file is whole or absent (written beside, synced, renamed); an access
//! token and a passphrase are never written here; a folder belongs to one environment and is refused in the other;
//! production opens no sandbox unit; a unit that cannot be opened is given to its cash box as one that does not sign.
//! Not here: what a unit is (`signing`), what a market's secret means (`markets`), the tokens' hashes (the journal).

mod folder;
pub mod private_file;
mod token;
mod unavailable;
mod unit_file;
mod vault;

pub use folder::{KeyError, KeyFolder, read_secrets};
pub use token::{AccessToken, Pepper};
pub use unit_file::StoredUnit;
