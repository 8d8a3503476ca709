//! `kassette operation`.

use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use kassette_model::{CashBoxId, OperationId, OperationState};

use super::exit;
use super::session::Session;
use super::table::{columns, facts};
use crate::admin::{Command, Failure, LIST_MAX, OperationDetails, OperationSummary, Reply, WAIT_MAX_MS};

/// Commands about the operations of a cash box.
#[derive(Debug, Subcommand)]
pub(super) enum Operation {
    /// How an operation stands, without its bodies
    Show {
        /// Id of the cash box
        cashbox: CashBoxId,
        /// x-operation-id
        operation: OperationId,
    },
    /// List operations, newest first
    List {
        /// Id of the cash box
        cashbox: CashBoxId,
        /// Only those in this state; the whole journal may have to be read for it
        #[arg(long, value_name = "STATE", value_parser = PossibleValuesParser::new(OperationState::ALL.map(OperationState::name)))]
        state: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=LIST_MAX))]
        limit: u64,
    },
    /// Wait for the end of an operation; exit code 7 when it has not ended in time
    Wait {
        /// Id of the cash box
        cashbox: CashBoxId,
        /// x-operation-id
        operation: OperationId,
        /// How long at most
        #[arg(long, value_name = "MS", default_value_t = 60_000, value_parser = clap::value_parser!(u64).range(0..=WAIT_MAX_MS))]
        timeout_ms: u64,
    },
}

impl Operation {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        let waits = matches!(self, Self::Wait { .. });
        let command = match self {
            Self::Show { cashbox, operation } => Command::OperationShow { cash_box: cashbox, operation },
            Self::List { cashbox, state, limit } => Command::OperationList { cash_box: cashbox, state, limit },
            Self::Wait { cashbox, operation, timeout_ms } => {
                Command::OperationWait { cash_box: cashbox, operation, timeout_ms }
            }
        };
        let reply = session.ask(command)?;
        session.console.result(&reply, text);
        Ok(if waits { waited(&reply) } else { exit::DONE })
    }
}

/// The exit code of a wait: how the operation ended is in the result.
fn waited(reply: &Reply) -> u8 {
    match reply {
        Reply::Operation(details) if !details.summary.is_over() => exit::STILL_RUNNING,
        _ => exit::DONE,
    }
}

fn text(reply: &Reply) -> String {
    match reply {
        Reply::Operation(details) => details_text(details),
        Reply::Operations { operations, .. } => {
            let row = |one: &OperationSummary| {
                let status = one.status.map_or_else(String::new, |status| status.to_string());
                vec![one.operation.to_string(), one.kind.clone(), one.state.clone(), status, one.time.clone()]
            };
            columns(&["OPERATION", "KIND", "STATE", "STATUS", "TIME"], &operations.iter().map(row).collect::<Vec<_>>())
        }
        _ => String::new(),
    }
}

fn details_text(details: &OperationDetails) -> String {
    let summary = &details.summary;
    let mut rows = vec![
        ("operation", summary.operation.to_string()),
        ("cash box", details.cash_box.to_string()),
        ("kind", summary.kind.clone()),
        ("state", summary.state.clone()),
    ];
    rows.extend(summary.status.map(|status| ("status", status.to_string())));
    rows.extend(details.message.iter().map(|text| ("message", text.clone())));
    rows.extend([
        ("since", summary.time.clone()),
        ("admitted", details.admitted.clone()),
        ("request", format!("{} {}", details.method, details.path)),
    ]);
    rows.extend(details.lifetime_ms.map(|ms| ("lifetime", format!("{ms} ms"))));
    rows.extend(details.pos_system.iter().map(|id| ("POS system", id.clone())));
    rows.extend(details.terminal.iter().map(|id| ("terminal", id.clone())));
    rows.extend(details.queue_item.iter().map(|id| ("queue item", id.clone())));
    rows.extend(details.receipt.iter().map(|id| ("receipt", id.clone())));
    rows.push(("journal row", summary.journal_row.to_string()));
    facts(&rows)
}

#[cfg(test)]
mod tests {
    use kassette_model::QueueId;

    use super::*;

    #[test]
    fn a_wait_tells_by_its_exit_code_whether_the_operation_goes_on() {
        for (state, expected) in OperationState::ALL.into_iter().zip([7, 7, 0, 0, 0, 0]) {
            let summary = OperationSummary {
                operation: OperationId::from_bytes([1; 16]),
                kind: "sign".into(),
                state: state.name().into(),
                status: None,
                time: "2026-03-04T10:15:34Z".into(),
                journal_row: 2,
            };
            let details = OperationDetails {
                summary,
                cash_box: CashBoxId::from_bytes([2; 16]),
                queue: QueueId::from_bytes([3; 16]),
                method: "POST".into(),
                path: "/v2/sign".into(),
                admitted: "2026-03-04T10:15:33Z".into(),
                lifetime_ms: Some(15_000),
                pos_system: None,
                terminal: Some("bar-2".into()),
                queue_item: None,
                receipt: None,
                message: None,
            };
            let reply = Reply::Operation(Box::new(details));
            assert_eq!(waited(&reply), expected, "{state}");
            let text = text(&reply);
            assert!(text.contains("bar-2") && text.contains("15000 ms") && !text.contains("message"), "{text}");
        }
    }
}
