//! The dialogue with a printer: one job at a time, in pieces that it has room for, until it has said that it is printed.
//!
//! Purpose: print a job once, tell how the printer stands, and say after every fault whether anything of the job can be on paper.
//! Owns: [`Session`] (one connection: it finds out how the printer stands and prints one job after another), [`SessionEvent`],
//!   [`SessionOptions`] (its waits), [`JobEnd`].
//! Invariants: a job begins only after its driver said that this is durable; no byte of it goes out twice; while a job waits for paper or a
//!   closed cover nothing of its time passes; [`JobEnd::NotStarted`] means that no byte of it went out, [`JobEnd::InDoubt`] that some did
//!   and nobody knows how many were printed: it may be printed again with the copy mark only.
//! Not here: sockets, ports, clocks, spools, records (whoever drives it), when a lost connection is made again.

mod answer;
mod dialogue;
mod options;
mod printing;

pub use answer::{Answer, AnswerReader};
pub use dialogue::{JobEnd, Session, SessionEvent};
pub use options::{Evidence, SessionOptions};
pub use printing::RESYNC_BYTES;

#[cfg(test)]
mod bench_for_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_cuts;
