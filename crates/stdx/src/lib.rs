//! Small things without a domain.
//!
//! Purpose: time as a dependency, randomness as a dependency, text encodings.
//! Owns: [`Clock`] and its real and fake forms, [`Entropy`], base64, base64url, base32 and hex.
//! Invariants: nothing here knows a receipt, a cash box or a file.
//! Not here: calendars and time zones of a country (its market), hashing (record).

mod clock;
pub mod encoding;
mod entropy;

pub use clock::{Clock, FakeClock, SystemClock};
pub use entropy::{Entropy, SeededEntropy, SystemEntropy};
