//! `kassette status`.

use super::session::Session;
use super::table::facts;
use crate::admin::{self, Command, Failure, Reply};

/// Arguments of `status`.
#[derive(Debug, clap::Args)]
pub(super) struct Status {}

impl Status {
    pub(super) fn run(self, session: &Session) -> Result<(), Failure> {
        let reply = session.ask(Command::Status)?;
        session.console.result(&reply, text);
        Ok(())
    }
}

fn text(reply: &Reply) -> String {
    let Reply::Status(status) = reply else { return String::new() };
    let admin::Status { version, environment, data_dir, process, active_cash_boxes, restarts, .. } = &**status;
    let mut rows = vec![
        ("version", version.clone()),
        ("environment", environment.clone()),
        ("data folder", data_dir.clone()),
        ("process", process.to_string()),
        ("active cash boxes", active_cash_boxes.to_string()),
        ("restarts", restarts.to_string()),
        ("records", status.records.to_string()),
        ("not yet in the index", status.index_lag_records.to_string()),
    ];
    let callbacks = &status.callbacks;
    if callbacks.problem.is_none() {
        rows.push(("callbacks open", format!("{}, {} being sent", callbacks.open, callbacks.sending)));
        rows.push(("callbacks given up", callbacks.dead_letters.to_string()));
    }
    rows.extend(callbacks.problem.iter().map(|text| ("callbacks", text.clone())));
    rows.extend(status.quarantined.iter().map(|one| ("in quarantine", format!("{}: {}", one.cash_box, one.reason))));
    // The reason names the unit.
    rows.extend(status.unit_outages.iter().map(|one| ("unit not open", format!("{}: {}", one.cash_box, one.reason))));
    rows.extend(status.index.iter().map(|text| ("index", text.clone())));
    rows.extend(status.stopped.iter().map(|text| ("journal stopped", text.clone())));
    rows.extend(status.no_space.iter().map(|text| ("no space", text.clone())));
    rows.extend(status.damages.iter().map(|text| ("damage", text.clone())));
    rows.extend(status.cut.iter().map(|text| ("cut at opening", text.clone())));
    facts(&rows)
}
