//! The payment of the demo, at a simulated terminal on a real line and over HTTP like everybody's.

use std::time::Duration;

use kassette_actors::DeviceState;
use kassette_cashbox::TerminalEntry;
use kassette_model::CashBoxId;
use kassette_model::payment::TerminalAddress;
use kassette_payments::zvt::simulator::Script;
use serde_json::value::RawValue;

use super::credentials::Credentials;
use super::sale::{NotSold, post};
use crate::admin::{self, Context, Failure};
use crate::simulate::SimulatedTerminal;
use crate::startup::Served;

/// Name and `cbTerminalID` of the demo's terminal.
pub(super) const TERMINAL: &str = "sim-1";
/// What is paid; `{amount}` is put in.
const BODY: &str = r#"{
  "Action": "payment",
  "Protocol": "use_auto",
  "cbTerminalID": "sim-1",
  "cbPayItem": {"Description": "Karte", "Amount": {amount}}
}"#;
/// How long the terminal may take until it is connected and has answered.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// A terminal that approves everything, on a port of its own.
pub(super) fn switch_on() -> Result<SimulatedTerminal, Failure> {
    SimulatedTerminal::on_loopback(Script::approving()).map_err(|error| Failure::fault(error.to_string()))
}

/// Gives the cash box this terminal, in the place of that of the last demo, and waits until it is served.
pub(super) async fn connect(context: &Context, cash_box: CashBoxId, port: u16) -> Result<(), Failure> {
    let entry = TerminalEntry {
        name: TERMINAL.to_owned(),
        provider: TerminalEntry::PROVIDER_DEFAULT.to_owned(),
        address: TerminalAddress::Tcp { host: "127.0.0.1".to_owned(), port },
        terminal_id: Some(TERMINAL.to_owned()),
        password: 0,
    };
    admin::bring_terminals(context, cash_box, &[entry]).await?;
    context.gateway.wake(cash_box).await?;
    match context.gateway.probe_terminal(cash_box, TERMINAL, READY_WITHIN).await {
        Some(status) if status.state == DeviceState::Ready => Ok(()),
        Some(status) => Err(Failure::fault(format!(
            "the demo's terminal is {}: {}",
            status.state.name(),
            status.last_error.unwrap_or_default()
        ))),
        None => Err(Failure::fault("the demo's terminal is not served")),
    }
}

#[derive(serde::Deserialize)]
struct Paid<'a> {
    #[serde(borrow, rename = "ftPayItems")]
    items: &'a RawValue,
}

/// Pays at the terminal; gives `ftPayItems` as they came, for the receipt.
pub(super) fn pay(served: &Served, credentials: &Credentials, amount: &str) -> Result<String, NotSold> {
    let answer = post(served, credentials, "pay", BODY.replace("{amount}", amount).as_bytes())?;
    let paid: Paid<'_> = serde_json::from_slice(&answer).map_err(|error| NotSold::NotAReceipt(error.to_string()))?;
    Ok(paid.items.get().to_owned())
}
