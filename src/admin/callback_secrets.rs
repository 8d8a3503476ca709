//! The secrets under which callbacks of a cash box are signed.

use kassette_model::CashBoxId;
use kassette_record::moment;

use super::cash_boxes::configuration;
use super::context::Context;
use super::failure::Failure;
use super::reply::{CallbackSecretShown, Reply, Shown};
use crate::keys::CallbackSecret;

pub(super) fn show(context: &Context, cash_box: CashBoxId) -> Result<Reply, Failure> {
    configuration(context, cash_box)?;
    let now_ns = context.clock.unix_ns();
    let secrets = context.keys.dated_callback_secrets(cash_box, context.entropy.as_ref(), now_ns)?;
    Ok(reply(cash_box, &secrets))
}

pub(super) fn rotate(context: &Context, cash_box: CashBoxId, revoke: bool) -> Result<Reply, Failure> {
    configuration(context, cash_box)?;
    let now_ns = context.clock.unix_ns();
    let secrets = context.keys.rotate_callback_secret(cash_box, revoke, context.entropy.as_ref(), now_ns)?;
    tracing::info!(cash_box = %cash_box, valid_secrets = secrets.len(), "callback secret rotated");
    Ok(reply(cash_box, &secrets))
}

fn reply(cash_box: CashBoxId, secrets: &[CallbackSecret]) -> Reply {
    let shown = |one: &CallbackSecret| CallbackSecretShown {
        secret: Shown::new(one.secret.reveal().to_string()),
        created: moment(one.created_ns).to_string(),
    };
    Reply::CallbackSecrets { cash_box, secrets: secrets.iter().map(shown).collect() }
}
