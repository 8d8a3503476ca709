//! `kassette reindex`.

use kassette_journal::OpenProgress;
use serde_json::json;

use super::console::Unit;
use super::session::Session;
use crate::admin::{Failure, FailureKind};
use crate::startup::JOURNAL_FOLDER;

/// Arguments of `reindex`.
#[derive(Debug, clap::Args)]
pub(super) struct Reindex {}

impl Reindex {
    pub(super) fn run(self, session: &Session) -> Result<(), Failure> {
        let loaded = session.configuration(Vec::new())?;
        let data_dir = session.data_dir(&loaded)?;
        let journal = data_dir.join(JOURNAL_FOLDER);
        if !journal.is_dir() {
            return Err(Failure::not_found(format!("there is no journal in {}", data_dir.display())));
        }
        let bar = session.console.bar("reading the log", Unit::Bytes);
        let mut filling = None;
        let made =
            kassette_journal::reindex(&journal, loaded.settings.journal.options(), &mut |progress| match progress {
                OpenProgress::Log { done_bytes, total_bytes } => bar.at(done_bytes, total_bytes),
                OpenProgress::Index { done, total } => {
                    filling
                        .get_or_insert_with(|| session.console.bar("filling the index", Unit::Records))
                        .at(done, total);
                }
            });
        drop(filling);
        drop(bar);
        let records = made.map_err(|error| {
            let failure = Failure::from(error);
            match failure.kind {
                // A running server keeps its index in order itself.
                FailureKind::Locked => Failure::refused(format!("{}; stop it first", failure.message)),
                _ => failure,
            }
        })?;
        session.console.result(&json!({ "records": records }), |_| format!("the index of {records} records is new\n"));
        Ok(())
    }
}
