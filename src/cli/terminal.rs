//! `kassette terminal`.

use clap::Subcommand;
use kassette_cashbox::TerminalEntry;
use kassette_model::CashBoxId;
use kassette_model::payment::TerminalAddress;

use super::session::Session;
use super::table::columns;
use crate::admin::{Command, DeviceDetails, Failure, NewTerminal, Reply, TerminalDetails, TerminalPassword};

/// Commands about the payment terminals of a cash box.
#[derive(Debug, Subcommand)]
pub(super) enum Terminal {
    /// Add a terminal; it is tried after those that are there
    Add(Add),
    /// List the terminals of a cash box, without their passwords
    List {
        /// Id of the cash box
        cashbox: CashBoxId,
    },
    /// Ask a terminal whether it is there; nothing is charged
    Test {
        /// Id of the cash box
        cashbox: CashBoxId,
        /// Name of the terminal
        #[arg(long)]
        name: String,
    },
    /// Remove a terminal; refused while a payment at it has not ended
    Remove {
        /// Id of the cash box
        cashbox: CashBoxId,
        /// Name of the terminal
        #[arg(long)]
        name: String,
    },
}

/// Arguments of `terminal add`.
#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// Id of the cash box
    cashbox: CashBoxId,
    /// Name within the cash box: a to z, digits and -
    #[arg(long)]
    name: String,
    /// Its line: tcp:HOST[:PORT] (port 20007) or serial:DEVICE[:BAUD] (9600 baud)
    #[arg(long)]
    address: TerminalAddress,
    /// Who speaks with it
    #[arg(long, default_value = TerminalEntry::PROVIDER_DEFAULT)]
    provider: String,
    /// cbTerminalID of the requests that are meant for it; without one it takes all
    #[arg(long, value_name = "ID")]
    terminal_id: Option<String>,
    /// Register password of the terminal, up to six digits, from its handbook
    #[arg(long, value_name = "DIGITS", default_value = "000000", hide_default_value = true)]
    password: TerminalPassword,
}

impl Terminal {
    pub(super) fn run(self, session: &Session) -> Result<(), Failure> {
        let command = match self {
            Self::Add(Add { cashbox, name, address, provider, terminal_id, password }) => Command::TerminalAdd {
                cash_box: cashbox,
                terminal: NewTerminal { name, provider, address: address.to_string(), terminal_id, password },
            },
            Self::List { cashbox } => Command::TerminalList { cash_box: cashbox },
            Self::Test { cashbox, name } => Command::TerminalTest { cash_box: cashbox, name },
            Self::Remove { cashbox, name } => Command::TerminalRemove { cash_box: cashbox, name },
        };
        let reply = session.ask(command)?;
        session.console.result(&reply, text);
        Ok(())
    }
}

fn text(reply: &Reply) -> String {
    match reply {
        Reply::Terminals { terminals, .. } => {
            let row = |one: &TerminalDetails| {
                let id = one.terminal_id.clone().unwrap_or_default();
                vec![one.name.clone(), one.provider.clone(), one.address.clone(), id]
            };
            columns(&["NAME", "PROVIDER", "ADDRESS", "TERMINAL ID"], &terminals.iter().map(row).collect::<Vec<_>>())
        }
        Reply::Devices { devices } => devices.iter().map(tested).collect(),
        Reply::Done { message } => format!("{message}\n"),
        _ => String::new(),
    }
}

fn tested(device: &DeviceDetails) -> String {
    let DeviceDetails { name, address, state, .. } = device;
    let told =
        device.last_told.as_ref().map(|told| format!("; it told last of {told} (receipt/trace)")).unwrap_or_default();
    format!("terminal {name} at {address} answers and is {state}{told}\n")
}
