//! The edge: everything that touches the outside world.
//!
//! Purpose: HTTP, command line, configuration, key folder, devices that are played, and the wiring of the crates below.
//! Owns: [`http`], [`cli`], [`admin`], [`config`], [`keys`], [`simulate`], [`startup`].
//! Invariants: secrets and tokens stay here and never enter the journal or the log; whatever changes a cash box goes through its
//! actor; nothing here knows a rule of a country.
//! Not here: actors (`actors`), cash boxes (`cashbox`), countries (`markets`), the log on disk (`journal`).

pub mod admin;
pub mod cli;
pub mod config;
pub mod http;
pub mod keys;
pub mod simulate;
pub mod startup;
