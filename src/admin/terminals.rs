//! Payment terminals of a cash box.

use kassette_cashbox::{Configuration, ConfigurationError, TerminalEntry};
use kassette_model::CashBoxId;
use kassette_model::payment::NoTerminalAddress;

use super::cash_boxes::configuration;
use super::command::NewTerminal;
use super::context::Context;
use super::failure::Failure;
use super::reply::{Reply, TerminalDetails};

pub(super) async fn add(context: &Context, cash_box: CashBoxId, terminal: NewTerminal) -> Result<Reply, Failure> {
    let NewTerminal { name, provider, address, terminal_id, password } = terminal;
    let address = address.parse().map_err(|error: NoTerminalAddress| Failure::usage(error.to_string()))?;
    let _turn = context.configuring.lock().await;
    let mut configuration = configuration(context, cash_box)?;
    if configuration.terminals.iter().any(|known| known.name == name) {
        return Err(Failure::refused(format!("cash box {cash_box} has a terminal {name:?} already")));
    }
    let entry = TerminalEntry { name, provider, address, terminal_id, password: password.0 };
    configuration.terminals.push(entry);
    configuration.check().map_err(refused)?;
    let terminals: Vec<TerminalDetails> = details(&configuration).into_iter().rev().take(1).collect();
    context.gateway.configure(configuration).await?;
    tracing::info!(cash_box = %cash_box, terminal = ?terminals, "payment terminal added");
    Ok(Reply::Terminals { cash_box, terminals })
}

/// What is wrong with a terminal, without the place that it has in the configuration: whoever adds one does not see that.
fn refused(error: ConfigurationError) -> Failure {
    let place = error.pointer.strip_prefix("/terminals/").and_then(|rest| rest.split_once('/'));
    Failure::refused(match place {
        Some((_, member)) => format!("{member}: {}", error.message),
        None => error.to_string(),
    })
}

pub(super) fn list(context: &Context, cash_box: CashBoxId) -> Result<Reply, Failure> {
    Ok(Reply::Terminals { cash_box, terminals: details(&configuration(context, cash_box)?) })
}

pub(super) async fn remove(context: &Context, cash_box: CashBoxId, name: &str) -> Result<Reply, Failure> {
    let _turn = context.configuring.lock().await;
    let mut configuration = configuration(context, cash_box)?;
    let before = configuration.terminals.len();
    configuration.terminals.retain(|terminal| terminal.name != name);
    if configuration.terminals.len() == before {
        return Err(Failure::not_found(format!("cash box {cash_box} has no terminal {name:?}")));
    }
    // Refused while a payment at it has not ended.
    context.gateway.configure(configuration).await?;
    tracing::info!(cash_box = %cash_box, terminal = name, "payment terminal removed");
    Ok(Reply::Done { message: format!("terminal {name:?} of cash box {cash_box} is removed") })
}

/// Brings terminals of the configuration file into a cash box, by name; others stay. Gives whether something changed; `None` when there is
/// no such cash box.
///
/// # Errors
/// When the cash box cannot be read or does not take them; nothing has changed then.
pub async fn bring_terminals(
    context: &Context,
    cash_box: CashBoxId,
    wanted: &[TerminalEntry],
) -> Result<Option<bool>, Failure> {
    let _turn = context.configuring.lock().await;
    let Some(mut configuration) = context.gateway.configuration(cash_box)? else { return Ok(None) };
    let before = configuration.terminals.clone();
    for entry in wanted {
        match configuration.terminals.iter_mut().find(|known| known.name == entry.name) {
            Some(known) => known.clone_from(entry),
            None => configuration.terminals.push(entry.clone()),
        }
    }
    let changed = configuration.terminals != before;
    if changed {
        context.gateway.configure(configuration).await?;
    }
    Ok(Some(changed))
}

fn details(configuration: &Configuration) -> Vec<TerminalDetails> {
    let shown = |terminal: &TerminalEntry| TerminalDetails {
        name: terminal.name.clone(),
        provider: terminal.provider.clone(),
        address: terminal.address.to_string(),
        terminal_id: terminal.terminal_id.clone(),
    };
    configuration.terminals.iter().map(shown).collect()
}
