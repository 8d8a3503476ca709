//! `kassette simulate`.

mod terminal;
mod words;

use clap::Subcommand;

use super::session::Session;
use crate::admin::Failure;

/// Devices that are played.
#[derive(Debug, Subcommand)]
pub(super) enum Simulate {
    /// A payment terminal that speaks ZVT and charges nobody
    Terminal(terminal::Terminal),
}

impl Simulate {
    pub(super) fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Terminal(terminal) => terminal.run(session),
        }
    }
}
