//! Signature creation units of a cash box.

use kassette_cashbox::{Configuration, UnitEntry};
use kassette_model::{CashBoxId, UnitId};
use kassette_stdx::encoding::base64_decode;

use super::cash_boxes::{add_unit, configuration};
use super::command::{Passphrase, UnitSource};
use super::context::Context;
use super::failure::Failure;
use super::reply::{Reply, UnitDetails};

/// Makes a sandbox unit in the key folder; `name` stands in its certificate.
pub(super) fn new_sandbox_unit(context: &Context, name: &str) -> Result<UnitEntry, Failure> {
    let now_s = context.clock.unix_ns().div_euclid(1_000_000_000);
    let spec = kassette_signing::create_sandbox(name, u64::try_from(now_s).unwrap_or(0), context.entropy.as_ref())
        .map_err(|error| Failure::fault(error.to_string()))?;
    let unit = UnitId::from_uuid(uuid::Uuid::new_v4());
    Ok(context.keys.add_unit(unit, spec, None, None)?)
}

pub(super) async fn add(context: &Context, cash_box: CashBoxId, source: UnitSource) -> Result<Reply, Failure> {
    let configuration = &configuration(context, cash_box)?;
    let (entry, is_new) = match source {
        UnitSource::Shared { unit } => (context.keys.unit_entry(unit)?, false),
        UnitSource::Sandbox => {
            if context.environment == kassette_model::Environment::Production {
                return Err(Failure::refused("production does not use a sandbox unit"));
            }
            (new_sandbox_unit(context, &configuration.identification)?, true)
        }
        UnitSource::KeyFile { key_base64, certificates_base64, algorithm, key_id, passphrase_env, passphrase } => {
            let key = decoded("key file", &key_base64)?;
            let certificates = decoded("certificates", &certificates_base64)?;
            let passphrase = passphrase.as_ref().map(Passphrase::expose);
            let spec =
                kassette_signing::import_key_file(&key, passphrase, &certificates, &algorithm, key_id.as_deref())
                    .map_err(|error| Failure::refused(error.to_string()))?;
            if spec.encrypted && passphrase_env.is_none() {
                return Err(Failure::usage(
                    "the key is encrypted: --passphrase-env names the variable in which the server finds its passphrase",
                ));
            }
            let unit = UnitId::from_uuid(uuid::Uuid::new_v4());
            (context.keys.add_unit(unit, spec, passphrase_env.as_deref(), passphrase)?, true)
        }
    };
    let id = entry.id;
    match add_unit(context, cash_box, entry).await {
        Ok((_, number)) => {
            let configuration = super::cash_boxes::configuration(context, cash_box)?;
            let added: Vec<UnitDetails> =
                details(context, &configuration).into_iter().filter(|unit| unit.number == number).collect();
            Ok(Reply::Units { cash_box, units: added })
        }
        Err(failure) => {
            if is_new && let Err(error) = context.keys.remove_unit(id) {
                tracing::warn!(unit = %id, %error, "a unit that was not added stays in the key folder");
            }
            Err(failure)
        }
    }
}

fn decoded(what: &str, base64: &str) -> Result<Vec<u8>, Failure> {
    base64_decode(base64).ok_or_else(|| Failure::usage(format!("the {what} did not arrive as base64")))
}

pub(super) fn list(context: &Context, cash_box: CashBoxId) -> Result<Reply, Failure> {
    let configuration = configuration(context, cash_box)?;
    Ok(Reply::Units { cash_box, units: details(context, &configuration) })
}

/// Units with their numbers, as an operator sees them.
pub(super) fn details(context: &Context, configuration: &Configuration) -> Vec<UnitDetails> {
    (1_usize..).zip(&configuration.units).map(|(number, entry)| unit_details(context, number, entry)).collect()
}

fn unit_details(context: &Context, number: usize, entry: &UnitEntry) -> UnitDetails {
    let opened = context.keys.unit(entry.id);
    let (state, public_key_pem, certificate_pem) = match &opened {
        _ if entry.retired => ("retired".to_owned(), None, None),
        Err(error) => (error.to_string(), None, None),
        Ok(unit) => {
            let state = unit.probe().err().map_or_else(|| "ready".to_owned(), |fault| fault.to_string());
            let identity = unit.identity();
            let public = kassette_signing::public_key_pem(identity);
            (state, Some(public), kassette_signing::certificate_pem(identity))
        }
    };
    UnitDetails {
        number,
        unit: entry.id,
        sandbox: entry.sandbox,
        algorithm_mark: entry.algorithm_mark.clone(),
        key_name: entry.key_name.clone(),
        retired: entry.retired,
        state,
        public_key_pem,
        certificate_pem,
    }
}

pub(super) fn fail(
    context: &Context,
    cash_box: CashBoxId,
    unit: Option<usize>,
    failing: bool,
) -> Result<Reply, Failure> {
    let configuration = configuration(context, cash_box)?;
    let chosen: Vec<(usize, &UnitEntry)> = (1_usize..)
        .zip(&configuration.units)
        .filter(|(number, entry)| unit.map_or(!entry.retired, |wanted| wanted == *number))
        .collect();
    if chosen.is_empty() {
        let what = unit.map_or_else(|| "no unit".to_owned(), |number| format!("no unit {number}"));
        return Err(Failure::not_found(format!("cash box {cash_box} has {what}")));
    }
    for (_, entry) in &chosen {
        if !entry.sandbox {
            return Err(Failure::refused(format!("unit {} is not a sandbox unit and has no test switch", entry.id)));
        }
    }
    for (_, entry) in &chosen {
        context.keys.set_failing(entry.id, failing)?;
        tracing::info!(cash_box = %cash_box, unit = %entry.id, failing, "test switch of a sandbox unit");
    }
    let word = if failing { "fails" } else { "works" };
    let numbers: Vec<String> = chosen.iter().map(|(number, _)| number.to_string()).collect();
    let hint = if failing { "" } else { "; a zero receipt ends the failed mode of the cash box" };
    Ok(Reply::Done { message: format!("unit {} of cash box {cash_box} {word}{hint}", numbers.join(", ")) })
}
