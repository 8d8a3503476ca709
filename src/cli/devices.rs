//! `kassette devices`.

use kassette_model::CashBoxId;

use super::session::Session;
use super::table::columns;
use crate::admin::{Command, DeviceDetails, Failure, Reply};

/// Arguments of `devices`.
#[derive(Debug, clap::Args)]
pub(super) struct Devices {
    /// Those of this cash box only
    cashbox: Option<CashBoxId>,
}

impl Devices {
    pub(super) fn run(self, session: &Session) -> Result<(), Failure> {
        let reply = session.ask(Command::Devices { cash_box: self.cashbox })?;
        session.console.result(&reply, text);
        Ok(())
    }
}

/// Devices as a table.
pub(super) fn text(reply: &Reply) -> String {
    let Reply::Devices { devices } = reply else { return String::new() };
    let row = |one: &DeviceDetails| {
        let work = one.operation.map(|operation| format!("works on {operation}"));
        let next = one.next_try.as_ref().map(|at| format!("tried again {at}"));
        let note = [work, next, one.last_error.clone()].into_iter().flatten().collect::<Vec<_>>().join("; ");
        vec![
            one.cash_box.to_string(),
            one.name.clone(),
            one.provider.clone(),
            one.address.clone(),
            one.state.clone(),
            one.since.clone(),
            one.restarts.to_string(),
            note,
        ]
    };
    columns(
        &["CASH BOX", "NAME", "PROVIDER", "ADDRESS", "STATE", "SINCE", "RESTARTS", "NOTE"],
        &devices.iter().map(row).collect::<Vec<_>>(),
    )
}
