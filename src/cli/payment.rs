//! `kassette payment`.

use clap::Subcommand;
use kassette_model::payment::SettledAs;
use kassette_model::{CashBoxId, Decimal, OperationId};

use super::session::Session;
use super::table::columns;
use super::user;
use crate::admin::{Command, Failure, PaymentSummary, Reply, UnreadableCashBox};

/// Commands about the payments of a cash box.
#[derive(Debug, Subcommand)]
pub(super) enum Payment {
    /// List the payments that have begun and not ended
    List {
        /// Only those of this cash box
        cashbox: Option<CashBoxId>,
    },
    /// Settle a payment of which nobody knows whether it was charged: one that is unknown or needs-operator
    Settle(Settle),
}

/// Arguments of `payment settle`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("outcome").required(true).args(["paid", "not_paid", "ask_again"]))]
pub(super) struct Settle {
    /// Id of the cash box
    cashbox: CashBoxId,
    /// x-operation-id of the payment
    operation: OperationId,
    /// It was charged
    #[arg(long)]
    paid: bool,
    /// It was not charged
    #[arg(long)]
    not_paid: bool,
    /// Ask the terminal again; only for one that is needs-operator
    #[arg(long)]
    ask_again: bool,
    /// What was charged in all, when that is not what was asked for; what is above it is a tip
    #[arg(long, value_name = "AMOUNT", requires = "paid")]
    paid_amount: Option<Decimal>,
    /// Why: what was looked at, for the journal
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who says so, for the journal; the user of the operating system without
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl Settle {
    fn outcome(&self) -> SettledAs {
        if self.paid {
            SettledAs::Paid { amount: self.paid_amount }
        } else if self.not_paid {
            SettledAs::NotPaid
        } else {
            SettledAs::AskAgain
        }
    }
}

impl Payment {
    pub(super) fn run(self, session: &Session) -> Result<(), Failure> {
        let command = match self {
            Self::List { cashbox } => Command::PaymentList { cash_box: cashbox },
            Self::Settle(settle) => Command::PaymentSettle {
                outcome: settle.outcome().name().to_owned(),
                cash_box: settle.cashbox,
                operation: settle.operation,
                paid_amount: settle.paid_amount.map(|amount| amount.to_string()),
                reason: settle.reason,
                by: settle.by.unwrap_or_else(user::name),
            },
        };
        let reply = session.ask(command)?;
        session.console.result(&reply, text);
        Ok(())
    }
}

fn text(reply: &Reply) -> String {
    match reply {
        Reply::Payments { payments, unreadable } => list_text(payments, unreadable),
        Reply::PaymentSettled { operation, outcome, state, .. } => match SettledAs::parse(outcome) {
            Some(SettledAs::AskAgain) => {
                format!("the terminal of operation {operation} is asked again; it is {state}\n")
            }
            _ => format!("operation {operation} is settled as {outcome}; it is {state}\n"),
        },
        _ => String::new(),
    }
}

fn list_text(payments: &[PaymentSummary], unreadable: &[UnreadableCashBox]) -> String {
    let row = |one: &PaymentSummary| {
        let terminal = one.terminal.as_ref().map_or_else(String::new, |name| format!(" {name}"));
        vec![
            one.cash_box.to_string(),
            one.operation.to_string(),
            one.state.clone(),
            format!("{}{terminal}", one.provider),
            format!("{} {} {}", one.action, one.amount, one.currency),
            one.began.clone(),
            one.reason.clone().unwrap_or_default(),
        ]
    };
    let head = ["CASH BOX", "OPERATION", "STATE", "TERMINAL", "WHAT", "SINCE", "WHY"];
    let mut out = columns(&head, &payments.iter().map(row).collect::<Vec<_>>());
    for UnreadableCashBox { cash_box, problem } in unreadable {
        out.push_str(&format!("cash box {cash_box} cannot be looked at: {problem}\n"));
    }
    out
}
