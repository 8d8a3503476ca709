//! One implementation of each command.

use std::future::{Future, pending};
use std::io;
use std::pin::Pin;

use super::command::Command;
use super::context::Context;
use super::failure::Failure;
use super::reply::{Quarantine, Reply, Status, UnitOutage};
use super::{callback_secrets, callbacks, cash_boxes, devices, export, operations, payments, terminals, units};

/// Where a command writes what is too long for a reply.
pub trait Output: Send {
    /// Takes the next bytes of an export.
    ///
    /// # Errors
    /// When they cannot be written; the command then ends.
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Hears how far the work is: `done` of `total` records.
    ///
    /// # Errors
    /// When nobody listens any more; the command then ends.
    fn progress(&mut self, done: u64, total: u64) -> io::Result<()>;

    /// Ends when nobody listens any more, for commands that wait without output; never where that cannot be known.
    fn gone(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(pending())
    }
}

/// Executes a command. Blocks on the disk for long ones, so that it is called on a thread that may wait; `runtime` carries the
/// calls to cash boxes and must be driven by another thread.
///
/// # Errors
/// [`Failure`]; then nothing was changed.
pub fn execute(
    context: &Context,
    runtime: &tokio::runtime::Handle,
    command: Command,
    output: &mut dyn Output,
) -> Result<Reply, Failure> {
    match command {
        Command::CashBoxCreate(wanted) => runtime.block_on(cash_boxes::create(context, wanted)),
        Command::CashBoxList => cash_boxes::list(context),
        Command::CashBoxShow { cash_box } => cash_boxes::show(context, cash_box),
        Command::TokenRotate { cash_box, revoke } => {
            runtime.block_on(cash_boxes::rotate_token(context, cash_box, revoke))
        }
        Command::CashBoxEnable { cash_box, enabled } => {
            runtime.block_on(cash_boxes::enable(context, cash_box, enabled))
        }
        Command::CashBoxResume { cash_box } => runtime.block_on(cash_boxes::resume(context, cash_box)),
        Command::UnitAdd { cash_box, source } => runtime.block_on(units::add(context, cash_box, source)),
        Command::UnitList { cash_box } => units::list(context, cash_box),
        Command::UnitFail { cash_box, unit, failing } => units::fail(context, cash_box, unit, failing),
        Command::TerminalAdd { cash_box, terminal } => runtime.block_on(terminals::add(context, cash_box, terminal)),
        Command::TerminalList { cash_box } => terminals::list(context, cash_box),
        Command::TerminalRemove { cash_box, name } => runtime.block_on(terminals::remove(context, cash_box, &name)),
        Command::Devices { cash_box } => runtime.block_on(devices::list(context, cash_box)),
        Command::TerminalTest { cash_box, name } => runtime.block_on(devices::test(context, cash_box, &name)),
        Command::CallbackSecretShow { cash_box } => callback_secrets::show(context, cash_box),
        Command::CallbackSecretRotate { cash_box, revoke } => callback_secrets::rotate(context, cash_box, revoke),
        Command::CallbackList { cash_box, state, limit } => callbacks::list(context, cash_box, &state, limit),
        Command::CallbackAttempts { cash_box, operation, whole_url } => {
            callbacks::attempts(context, cash_box, operation, whole_url)
        }
        Command::CallbackResend { cash_box, operation, sequence } => {
            callbacks::resend(context, cash_box, operation, sequence)
        }
        Command::PaymentList { cash_box } => payments::list(context, cash_box),
        Command::PaymentSettle { cash_box, operation, outcome, paid_amount, reason, by } => {
            let settlement = payments::settlement(&outcome, paid_amount.as_deref(), reason, by)?;
            runtime.block_on(payments::settle(context, cash_box, operation, settlement))
        }
        Command::OperationShow { cash_box, operation } => operations::show(context, cash_box, operation),
        Command::OperationList { cash_box, state, limit } => {
            operations::list(context, cash_box, state.as_deref(), limit, output)
        }
        Command::OperationWait { cash_box, operation, timeout_ms } => {
            runtime.block_on(operations::wait(context, cash_box, operation, timeout_ms, output.gone()))
        }
        Command::Export { cash_box, market, range, crypto_material } => {
            let what = export::What::of(market.as_deref(), crypto_material)?;
            export::export(context, cash_box, what, range, output).map(Reply::Exported)
        }
        Command::Status => Ok(Reply::Status(Box::new(status(context)))),
    }
}

fn status(context: &Context) -> Status {
    let node = context.gateway.status();
    let journal = context.gateway.journal().status();
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        environment: context.environment.name().to_owned(),
        data_dir: context.data_dir.display().to_string(),
        process: std::process::id(),
        active_cash_boxes: node.active_cash_boxes,
        restarts: node.restarts,
        quarantined: node.quarantined.into_iter().map(|(cash_box, reason)| Quarantine { cash_box, reason }).collect(),
        unit_outages: node
            .outages
            .into_iter()
            .map(|outage| UnitOutage { cash_box: outage.cash_box, unit: outage.unit, reason: outage.reason })
            .collect(),
        callbacks: callbacks::standing(context),
        records: journal.records,
        index_lag_records: journal.index_lag_records,
        index: journal.index,
        stopped: journal.stopped,
        no_space: journal.no_space,
        damages: journal.damages.iter().map(ToString::to_string).collect(),
        cut: journal.cut.map(|cut| cut.to_string()),
    }
}
