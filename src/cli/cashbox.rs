//! `kassette cashbox`.

use clap::Subcommand;
use kassette_model::{CashBoxId, UnitId};

use super::session::Session;
use super::table::{columns, facts};
use crate::admin::{CashBoxDetails, Command, CreateCashBox, Created, Failure, Reply, UnitDetails};

/// Commands about cash boxes.
#[derive(Debug, Subcommand)]
pub(super) enum Cashbox {
    /// Make a cash box; prints its id and its access token, which is shown this once
    Create(Create),
    /// List all cash boxes
    List,
    /// Everything about a cash box but its secrets
    Show {
        /// Id of the cash box
        cashbox: CashBoxId,
    },
    /// Make a new access token; the newest of the old ones stays valid until the next rotation
    RotateToken {
        /// Id of the cash box
        cashbox: CashBoxId,
        /// End all old tokens now
        #[arg(long)]
        revoke: bool,
    },
    /// Refuse every call of a cash box
    Disable {
        /// Id of the cash box
        cashbox: CashBoxId,
    },
    /// Let a disabled cash box answer again
    Enable {
        /// Id of the cash box
        cashbox: CashBoxId,
    },
    /// Lift the quarantine of a cash box that failed too often
    Resume {
        /// Id of the cash box
        cashbox: CashBoxId,
    },
}

/// Arguments of `cashbox create`.
#[derive(Debug, clap::Args)]
pub(super) struct Create {
    /// Country, two letters
    #[arg(long, value_name = "CC")]
    market: String,
    /// Name for people and law (ftCashBoxIdentification; in Austria the Kassen-ID), fixed once the queue has started
    #[arg(long)]
    name: String,
    /// Id of the cash box; a random one without
    #[arg(long, value_name = "GUID")]
    id: Option<CashBoxId>,
    /// Settings of the market, a JSON object
    #[arg(long, value_name = "JSON")]
    settings: Option<String>,
    /// A signature creation unit of another cash box to share; a sandbox makes a new one without
    #[arg(long, value_name = "GUID")]
    unit: Option<UnitId>,
    /// Leave the start receipt to the till; production always does
    #[arg(long)]
    no_start: bool,
    /// The name may be that of another cash box here: this one belongs to another company
    #[arg(long)]
    other_company: bool,
}

impl Cashbox {
    pub(super) fn run(self, session: &Session) -> Result<(), Failure> {
        let command = match self {
            Self::Create(Create { market, name, id, settings, unit, no_start, other_company }) => {
                Command::CashBoxCreate(CreateCashBox { market, name, id, settings, unit, no_start, other_company })
            }
            Self::List => Command::CashBoxList,
            Self::Show { cashbox } => Command::CashBoxShow { cash_box: cashbox },
            Self::RotateToken { cashbox, revoke } => Command::TokenRotate { cash_box: cashbox, revoke },
            Self::Disable { cashbox } => Command::CashBoxEnable { cash_box: cashbox, enabled: false },
            Self::Enable { cashbox } => Command::CashBoxEnable { cash_box: cashbox, enabled: true },
            Self::Resume { cashbox } => Command::CashBoxResume { cash_box: cashbox },
        };
        let reply = session.ask(command)?;
        session.console.result(&reply, text);
        match reply {
            // The cash box and its token exist and were shown; that it is not ready must not look like success.
            Reply::Created(Created { start_problem: Some(problem), cash_box, .. }) => {
                Err(Failure::fault(format!("cash box {cash_box} was made but could not be started: {problem}")))
            }
            _ => Ok(()),
        }
    }
}

fn text(reply: &Reply) -> String {
    match reply {
        Reply::Created(created) => created_text(created),
        Reply::CashBoxes { cash_boxes } => {
            let rows: Vec<Vec<String>> = cash_boxes
                .iter()
                .map(|one| {
                    let state = match (&one.problem, one.disabled) {
                        (Some(problem), _) => problem.clone(),
                        (None, true) => "disabled".to_owned(),
                        (None, false) => one.phase.clone(),
                    };
                    let id = one.cash_box.to_string();
                    vec![id, one.market.clone(), one.identification.clone(), one.queue_row.to_string(), state]
                })
                .collect();
            columns(&["CASH BOX", "MARKET", "NAME", "RECEIPTS", "STATE"], &rows)
        }
        Reply::CashBox(details) => details_text(details),
        Reply::Token { access_token, valid_tokens, .. } => {
            let rest = match valid_tokens {
                1 => "no other token is valid",
                _ => "the one before it stays valid until the next rotation",
            };
            format!("access token  {access_token}\n{rest}; this one is shown once and stored nowhere\n")
        }
        Reply::Done { message } => format!("{message}\n"),
        Reply::Units { .. }
        | Reply::Terminals { .. }
        | Reply::Devices { .. }
        | Reply::CallbackSecrets { .. }
        | Reply::Payments { .. }
        | Reply::PaymentSettled { .. }
        | Reply::Operation(_)
        | Reply::Operations { .. }
        | Reply::Exported(_)
        | Reply::Callbacks { .. }
        | Reply::CallbackAttempts { .. }
        | Reply::CallbackResent { .. }
        | Reply::Status(_) => String::new(),
    }
}

fn created_text(created: &Created) -> String {
    let mut rows = vec![
        ("cash box", created.cash_box.to_string()),
        ("access token", created.access_token.clone()),
        ("queue", created.queue.to_string()),
        ("name", created.identification.clone()),
        ("market", created.market.clone()),
        ("environment", created.environment.clone()),
    ];
    rows.extend(created.unit.iter().map(|unit| ("signature creation unit", unit.to_string())));
    rows.extend(created.start_receipt.iter().map(|receipt| ("started with receipt", receipt.clone())));
    let mut out = facts(&rows);
    out.push_str("The access token is shown once and stored nowhere.\n");
    if created.unit.is_none() {
        out.push_str(
            "It has no signature creation unit yet: add one with `kassette scu add`, then sign the start receipt.\n",
        );
    }
    out
}

fn details_text(details: &CashBoxDetails) -> String {
    let summary = &details.summary;
    let mut rows = vec![
        ("cash box", summary.cash_box.to_string()),
        ("queue", details.queue.to_string()),
        ("name", summary.identification.clone()),
        ("market", summary.market.clone()),
        ("environment", details.environment.clone()),
        ("phase", summary.phase.clone()),
        ("disabled", if summary.disabled { "yes" } else { "no" }.to_owned()),
        ("created", details.created.clone()),
        ("sign requests", summary.queue_row.to_string()),
        ("receipts", details.numerator.to_string()),
        ("journal row", details.journal_row.to_string()),
        ("journal hash", details.journal_hash.clone()),
        ("settings", details.market_settings.to_string()),
    ];
    for token in &details.tokens {
        let end = token.not_after.as_ref().map_or_else(String::new, |end| format!(", valid until {end}"));
        rows.push(("access token", format!("made {}{end}", token.created)));
    }
    rows.extend(summary.problem.iter().map(|problem| ("problem", problem.clone())));
    let units = if details.units.is_empty() { String::new() } else { format!("\n{}", units_text(&details.units)) };
    facts(&rows) + &units
}

/// Units as a table.
pub(super) fn units_text(units: &[UnitDetails]) -> String {
    let rows: Vec<Vec<String>> = units
        .iter()
        .map(|unit| {
            let kind = if unit.sandbox { "sandbox" } else { "key file" };
            vec![
                unit.number.to_string(),
                unit.unit.to_string(),
                kind.to_owned(),
                format!("R1-{}", unit.algorithm_mark),
                unit.key_name.clone(),
                unit.state.clone(),
            ]
        })
        .collect();
    columns(&["N", "UNIT", "KIND", "MARK", "KEY", "STATE"], &rows)
}
