//! `kassette callback`.

use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use kassette_model::{CashBoxId, OperationId};

use super::session::Session;
use super::table::{columns, facts};
use crate::admin::{
    AttemptShown, CALLBACK_STATES, CallbackDetails, CallbackSecretShown, CallbackSummary, Command, Failure, LIST_MAX,
    Reply,
};

/// Commands about callbacks.
#[derive(Debug, Subcommand)]
pub(super) enum Callback {
    /// List messages: the open ones first, newest first, then the ended ones, last ended first
    List {
        /// Only those of this cash box
        #[arg(long, value_name = "ID")]
        cashbox: Option<CashBoxId>,
        /// Which: open ones, dead letters (given up), or all
        #[arg(long, value_name = "STATE", default_value = "all", value_parser = PossibleValuesParser::new(CALLBACK_STATES))]
        state: String,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=LIST_MAX))]
        limit: u64,
    },
    /// Every message of an operation with its attempts
    Attempts {
        /// Id of the cash box
        cashbox: CashBoxId,
        /// x-operation-id
        operation: OperationId,
        /// Show the URL with its query, which may hold a secret of the receiver
        #[arg(long)]
        url: bool,
    },
    /// Send messages of an operation again now, whether they have ended or not
    Resend {
        /// Id of the cash box
        cashbox: CashBoxId,
        /// x-operation-id
        operation: OperationId,
        /// Only the message with this number; all of them without
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        sequence: Option<u32>,
    },
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
        let command = match self {
            Self::List { cashbox, state, limit } => Command::CallbackList { cash_box: cashbox, state, limit },
            Self::Attempts { cashbox, operation, url } => {
                Command::CallbackAttempts { cash_box: cashbox, operation, whole_url: url }
            }
            Self::Resend { cashbox, operation, sequence } => {
                Command::CallbackResend { cash_box: cashbox, operation, sequence }
            }
            Self::Secret(Secret::Show { cashbox }) => Command::CallbackSecretShow { cash_box: cashbox },
            Self::Secret(Secret::Rotate { cashbox, revoke }) => {
                Command::CallbackSecretRotate { cash_box: cashbox, revoke }
            }
        };
        let reply = session.ask(command)?;
        session.console.result(&reply, text);
        Ok(())
    }
}

fn text(reply: &Reply) -> String {
    match reply {
        Reply::CallbackSecrets { secrets, .. } => secrets_text(secrets),
        Reply::Callbacks { callbacks } => list_text(callbacks),
        Reply::CallbackAttempts { callbacks, .. } => callbacks.iter().map(attempts_text).collect::<Vec<_>>().join("\n"),
        Reply::CallbackResent { reopened, hurried, is_served } => resent_text(*reopened, *hurried, *is_served),
        _ => String::new(),
    }
}

fn secrets_text(secrets: &[CallbackSecretShown]) -> String {
    let row = |one: &CallbackSecretShown| vec![one.secret.expose().to_owned(), one.created.clone()];
    let mut out = columns(&["CALLBACK SECRET", "MADE"], &secrets.iter().map(row).collect::<Vec<_>>());
    if secrets.len() > 1 {
        out.push_str("Messages are signed under both until the next rotation.\n");
    }
    out
}

/// `rejected 503`, `timeout`, or nothing before the first attempt.
fn outcome(name: Option<&str>, status: Option<u16>) -> String {
    match (name, status) {
        (Some(name), Some(status)) => format!("{name} {status}"),
        (Some(name), None) => name.to_owned(),
        (None, _) => String::new(),
    }
}

fn list_text(callbacks: &[CallbackSummary]) -> String {
    let row = |one: &CallbackSummary| {
        vec![
            one.cash_box.to_string(),
            one.operation.to_string(),
            one.sequence.to_string(),
            one.state.clone(),
            one.attempt_count.to_string(),
            outcome(one.last_outcome.as_deref(), one.last_status),
            one.next_try.as_ref().or(one.ended.as_ref()).cloned().unwrap_or_default(),
        ]
    };
    let head = ["CASH BOX", "OPERATION", "NO", "STATE", "ATTEMPTS", "LAST", "NEXT TRY OR END"];
    columns(&head, &callbacks.iter().map(row).collect::<Vec<_>>())
}

fn attempts_text(details: &CallbackDetails) -> String {
    let summary = &details.summary;
    let mut rows = vec![("message", summary.sequence.to_string())];
    rows.extend(details.tells.iter().map(|state| ("tells", state.clone())));
    rows.extend(details.url.iter().map(|url| ("to", url.clone())));
    rows.extend(details.problem.iter().map(|text| ("problem", text.clone())));
    rows.push(("made", summary.made.clone()));
    rows.push(("state", summary.state.clone()));
    rows.extend(summary.next_try.iter().map(|at| ("next try", at.clone())));
    rows.extend(summary.ended.iter().map(|at| ("ended", at.clone())));
    rows.push(("journal row", details.journal_row.to_string()));
    let kept = u32::try_from(details.attempts.len()).unwrap_or(u32::MAX);
    let more = summary.attempt_count.saturating_sub(kept);
    let older = if more > 0 { format!(", of which the {more} oldest are not kept") } else { String::new() };
    rows.push(("attempts", format!("{}{older}", summary.attempt_count)));
    let mut out = facts(&rows);
    if !details.attempts.is_empty() {
        let row = |one: &AttemptShown| {
            vec![
                one.at.clone(),
                format!("{} ms", one.duration_ms),
                outcome(Some(&one.outcome), one.status),
                one.detail.clone().unwrap_or_default(),
            ]
        };
        out.push_str(&columns(
            &["ATTEMPT", "TOOK", "OUTCOME", "DETAIL"],
            &details.attempts.iter().map(row).collect::<Vec<_>>(),
        ));
    }
    out
}

fn resent_text(reopened: usize, hurried: usize, is_served: bool) -> String {
    let messages = match reopened.saturating_add(hurried) {
        1 => "1 message".to_owned(),
        more => format!("{more} messages"),
    };
    let who = if is_served { "sent again now" } else { "sent by the next server" };
    format!("{messages} will be {who}: {reopened} that had ended, {hurried} that waited.\n")
}
