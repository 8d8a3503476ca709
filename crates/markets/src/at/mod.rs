//! Austria: the cash register security ordinance (Registrierkassensicherheitsverordnung, RKSV).
//!
//! Purpose: signed, chained and counted receipts as BAO §131b and RKSV demand; see `README.md` in this folder.
//! Owns: the machine-readable code, the turnover counter, the chain, which receipts are signed, the life of a register,
//! the DEP7 export and its verification.
//! Invariants: the counter moves by exactly the printed cents; a Belegnummer is used once; local time never goes back; a
//! refused receipt changes nothing; the counter's key stands in no state, note, export or message.
//! Not here: making signatures and keeping keys (`signing`), numbering of receipts (`cashbox`), printing.

mod chain;
mod checker;
mod code;
mod counter;
pub mod dep;
mod digits;
mod export;
mod keys;
mod kinds;
mod market;
mod note;
mod rates;
mod relevance;
mod secrets;
mod settings;
mod signatures;
mod state;
mod step;
#[cfg(test)]
mod testing;
mod time;
mod verifier;

pub use code::{Amounts, jws_of_qr, qr_of_jws};
pub use export::crypto_material;
pub use market::Austria;
pub use secrets::Secrets;
pub use settings::Settings;
pub use state::State;
