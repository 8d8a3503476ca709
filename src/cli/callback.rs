//! `kassette callback`.

use clap::Subcommand;
use kassette_model::CashBoxId;

use super::session::Session;
use super::table::columns;
use crate::admin::{CallbackSecretShown, Command, Failure, Reply};

/// Commands about callbacks.
#[derive(Debug, Subcommand)]
pub(super) enum Callback {
    /// The secrets under which the callbacks of a cash box are signed
    #[command(subcommand)]
    Secret(Secret),
}

/// Commands about callback secrets.
#[derive(Debug, Subcommand)]
pub(super) enum Secret {
    /// Show the valid secrets, newest first; the first one is made when there is none
    Show {
        /// Id of the cash box
        cashbox: CashBoxId,
    },
    /// Make a new secret; the newest of the old ones stays valid until the next rotation
    Rotate {
        /// Id of the cash box
        cashbox: CashBoxId,
        /// End all old secrets now
        #[arg(long)]
        revoke: bool,
    },
}

impl Callback {
    pub(super) fn run(self, session: &Session) -> Result<(), Failure> {
        let Self::Secret(secret) = self;
        let command = match secret {
            Secret::Show { cashbox } => Command::CallbackSecretShow { cash_box: cashbox },
            Secret::Rotate { cashbox, revoke } => Command::CallbackSecretRotate { cash_box: cashbox, revoke },
        };
        let reply = session.ask(command)?;
        session.console.result(&reply, text);
        Ok(())
    }
}

fn text(reply: &Reply) -> String {
    let Reply::CallbackSecrets { secrets, .. } = reply else { return String::new() };
    let row = |one: &CallbackSecretShown| vec![one.secret.expose().to_owned(), one.created.clone()];
    let mut out = columns(&["CALLBACK SECRET", "MADE"], &secrets.iter().map(row).collect::<Vec<_>>());
    if secrets.len() > 1 {
        out.push_str("Messages are signed under both until the next rotation.\n");
    }
    out
}
