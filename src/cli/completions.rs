//! `kassette completions`.

use clap::CommandFactory;
use clap_complete::Shell;

use super::Arguments;
use super::session::Session;
use crate::admin::Failure;

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub(super) struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self, session: &Session) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "kassette", &mut script);
        session.console.text(&String::from_utf8_lossy(&script));
        Ok(())
    }
}
