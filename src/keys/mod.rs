//! The key folder: everything of an environment that is secret.
//!
//! Purpose: keep the pepper of the access tokens, the signature creation units, the secrets of the markets and those of the
//! callbacks, and open them for the cash boxes.
//! Owns: [`KeyFolder`] (the only code that touches `<data folder>/keys`), [`AccessToken`], [`Pepper`], [`CallbackSecret`].
//! Invariants: folders have mode 0700 and files 0600; a file is whole or absent (written beside, synced, renamed); an access
//! token and a passphrase are never written here; a folder belongs to one environment and is refused in the other;
//! production opens no sandbox unit; a unit that cannot be opened is given to its cash box as one that does not sign; a callback
//! secret is durable before anything is signed under it.
//! Not here: what a unit is (`signing`), what a market's secret means (`markets`), how a callback is signed (`webhooks`), the
//! tokens' hashes (the journal).

mod callback_secrets;
mod folder;
pub mod private_file;
mod token;
mod unavailable;
mod unit_file;
mod vault;

pub use callback_secrets::CallbackSecret;
pub use folder::{KeyError, KeyFolder, read_secrets};
pub use token::{AccessToken, Pepper};
pub use unit_file::StoredUnit;
