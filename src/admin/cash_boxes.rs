//! Cash boxes: made, listed, shown, switched off and on.

use kassette_cashbox::{Configuration, TokenEntry, UnitEntry};
use kassette_journal::JournalError;
use kassette_model::cases::Country;
use kassette_model::{CashBoxId, Environment, Moment, QueueId, UnitId};
use kassette_record::{BoxHead, QueuePhase, moment};
use kassette_stdx::encoding::hex;
use serde_json::value::RawValue;

use super::command::CreateCashBox;
use super::context::Context;
use super::failure::Failure;
use super::reply::{CashBoxDetails, CashBoxSummary, Created, Reply, TokenSummary};
use super::{start, units};
use crate::keys::AccessToken;

/// Cash boxes asked for at a time while listing.
const LIST_PAGE: usize = 256;

/// The configuration in force.
pub(super) fn configuration(context: &Context, cash_box: CashBoxId) -> Result<Configuration, Failure> {
    context
        .gateway
        .configuration(cash_box)?
        .ok_or_else(|| Failure::not_found(format!("there is no cash box {cash_box} in {}", context.data_dir.display())))
}

/// The state after the last record, with its row and hash.
pub(super) fn head(context: &Context, cash_box: CashBoxId) -> Result<(BoxHead, u64, String), Failure> {
    let stored = context
        .gateway
        .journal()
        .head(cash_box)?
        .ok_or_else(|| Failure::not_found(format!("there is no cash box {cash_box}")))?;
    let details = kassette_record::v1::read_details(&stored.record.header)
        .map_err(|error| Failure::fault(format!("head of cash box {cash_box}: {error}")))?;
    Ok((details.head, stored.record.row, hex(&stored.record.hash.0)))
}

pub(super) async fn create(context: &Context, wanted: CreateCashBox) -> Result<Reply, Failure> {
    let country = Country::parse(&wanted.market)
        .ok_or_else(|| Failure::usage(format!("{:?} is not a country of two letters", wanted.market)))?;
    let market = kassette_markets::market(country)
        .ok_or_else(|| Failure::usage(format!("there is no market {country} in this version")))?;
    let cash_box = wanted.id.unwrap_or_else(|| CashBoxId::from_uuid(uuid::Uuid::new_v4()));
    let turn = context.configuring.lock().await;
    if context.gateway.profile(cash_box)?.is_some() {
        return Err(Failure::refused(format!("cash box {cash_box} exists already")));
    }
    if !wanted.other_company {
        name_is_free(context, country, &wanted.name)?;
    }
    let settings = wanted.settings.clone().unwrap_or_else(|| "{}".to_owned());
    let market_settings = RawValue::from_string(settings)
        .map_err(|error| Failure::usage(format!("the settings are not JSON: {error}")))?;

    let token = AccessToken::mint(context.environment, context.entropy.as_ref());
    let mut configuration = Configuration {
        cash_box,
        queue: QueueId::from_uuid(uuid::Uuid::new_v4()),
        identification: wanted.name.clone(),
        market: country,
        environment: context.environment,
        tokens: vec![entry_of(context, &token)],
        disabled: false,
        units: Vec::new(),
        terminals: Vec::new(),
        market_settings,
        validation_fails: false,
        receipt_request_signs: false,
        created_ns: context.clock.unix_ns(),
    };
    // Refused before anything is written to the key folder.
    configuration.check()?;

    let made = first_unit(context, &wanted)?;
    configuration.units.extend(made.entry.clone());
    let stored = match context.keys.ensure_secret(cash_box, market, context.entropy.as_ref()) {
        Ok(()) => context.gateway.configure(configuration.clone()).await.map_err(Failure::from),
        Err(error) => Err(error.into()),
    };
    if let Err(failure) = stored {
        take_back(context, cash_box, made.is_new.then_some(made.entry).flatten());
        return Err(failure);
    }
    drop(turn);
    tracing::info!(cash_box = %cash_box, market = %country, "cash box created");
    let unit = configuration.units.first().map(|entry| entry.id);
    let starts = context.environment == Environment::Sandbox && !wanted.no_start;
    let started = if starts { Some(start::start(context, cash_box, country).await) } else { None };
    let (start_receipt, start_problem) = match started {
        None => (None, None),
        Some(Ok(identification)) => (Some(identification), None),
        Some(Err(failure)) => (None, Some(failure.message)),
    };
    Ok(Reply::Created(Created {
        cash_box,
        queue: configuration.queue,
        identification: configuration.identification,
        market: country.to_string(),
        environment: context.environment.name().to_owned(),
        access_token: token.expose().to_owned(),
        unit,
        start_receipt,
        start_problem,
    }))
}

/// Refuses a name that another cash box of the market has, stopped ones included. In Austria the Kassen-ID is unique within a
/// company, and with the company's key it gives the key stream of the turnover counter (RKSV, annex, Z 8 and 9): two registers
/// of one name would share it.
fn name_is_free(context: &Context, market: Country, name: &str) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let page = context.gateway.journal().cash_boxes(after, LIST_PAGE)?;
        let Some(last) = page.last().copied() else { return Ok(()) };
        after = Some(last);
        for cash_box in page {
            let stored = match context.gateway.journal().configuration(cash_box) {
                Ok(stored) => stored.and_then(|json| Configuration::from_json(&json).ok()),
                // Its name is unknown; the others must not be held up by it.
                Err(JournalError::Damaged(_)) => None,
                Err(error) => return Err(error.into()),
            };
            let Some(other) = stored else { continue };
            if other.market == market && other.identification == name {
                return Err(Failure::refused(format!(
                    "cash box {cash_box} is called {name:?} already, and a name is given once within a company; \
                     --other-company says that this one belongs to another company"
                )));
            }
        }
    }
}

struct FirstUnit {
    entry: Option<UnitEntry>,
    is_new: bool,
}

/// The shared unit that was asked for; else a new one in a sandbox; else none yet.
fn first_unit(context: &Context, wanted: &CreateCashBox) -> Result<FirstUnit, Failure> {
    match (wanted.unit, context.environment) {
        (Some(unit), _) => Ok(FirstUnit { entry: Some(context.keys.unit_entry(unit)?), is_new: false }),
        (None, Environment::Sandbox) => {
            let entry = units::new_sandbox_unit(context, &wanted.name)?;
            Ok(FirstUnit { entry: Some(entry), is_new: true })
        }
        (None, Environment::Production) => Ok(FirstUnit { entry: None, is_new: false }),
    }
}

/// Removes keys of a cash box that does not exist. When it does after all (the answer was lost), they stay.
fn take_back(context: &Context, cash_box: CashBoxId, unit: Option<UnitEntry>) {
    if !matches!(context.gateway.journal().configuration(cash_box), Ok(None)) {
        return;
    }
    let secret = context.keys.remove_secret(cash_box);
    let unit = unit.map_or(Ok(()), |entry| context.keys.remove_unit(entry.id));
    for error in [secret.err(), unit.err()].into_iter().flatten() {
        tracing::warn!(cash_box = %cash_box, %error, "keys of a cash box that was not created stay behind");
    }
}

/// A token as the configuration keeps it.
fn entry_of(context: &Context, token: &AccessToken) -> TokenEntry {
    TokenEntry {
        hmac_hex: hex(&context.keys.pepper().mac(token.expose())),
        created_ns: context.clock.unix_ns(),
        not_after_ns: None,
    }
}

pub(super) fn list(context: &Context) -> Result<Reply, Failure> {
    let mut cash_boxes = Vec::new();
    let mut after = None;
    loop {
        let page = context.gateway.journal().cash_boxes(after, LIST_PAGE)?;
        let Some(last) = page.last().copied() else { return Ok(Reply::CashBoxes { cash_boxes }) };
        after = Some(last);
        for cash_box in page {
            cash_boxes.push(summary(context, cash_box)?);
        }
    }
}

fn summary(context: &Context, cash_box: CashBoxId) -> Result<CashBoxSummary, Failure> {
    let configuration = configuration(context, cash_box)?;
    // A damaged cash box is listed with its damage; the others must be seen as well.
    let (head, damage) = match head(context, cash_box) {
        Ok((head, _, _)) => (Some(head), None),
        Err(failure) => (None, Some(failure.message)),
    };
    let quarantine = context
        .gateway
        .status()
        .quarantined
        .into_iter()
        .find(|(id, _)| *id == cash_box)
        .map(|(_, reason)| format!("in quarantine: {reason}"));
    Ok(CashBoxSummary {
        cash_box,
        identification: configuration.identification,
        market: configuration.market.to_string(),
        phase: head.as_ref().map_or("unknown", |head| phase_name(head.phase)).to_owned(),
        queue_row: head.map_or(0, |head| head.queue_row),
        disabled: configuration.disabled,
        problem: damage.or(quarantine),
    })
}

fn phase_name(phase: QueuePhase) -> &'static str {
    match phase {
        QueuePhase::New => "new",
        QueuePhase::Active => "active",
        QueuePhase::Stopped => "stopped",
    }
}

pub(super) fn show(context: &Context, cash_box: CashBoxId) -> Result<Reply, Failure> {
    let configuration = &configuration(context, cash_box)?;
    let (head, journal_row, journal_hash) = head(context, cash_box)?;
    let now_ns = context.clock.unix_ns();
    let tokens = valid_tokens(configuration, now_ns)
        .map(|token| TokenSummary { created: text(token.created_ns), not_after: token.not_after_ns.map(text) })
        .collect();
    Ok(Reply::CashBox(Box::new(CashBoxDetails {
        summary: summary(context, cash_box)?,
        queue: configuration.queue,
        environment: configuration.environment.name().to_owned(),
        numerator: head.numerator,
        journal_row,
        journal_hash,
        created: text(configuration.created_ns),
        market_settings: serde_json::from_str(configuration.market_settings.get()).unwrap_or_default(),
        tokens,
        units: units::details(context, configuration),
    })))
}

fn text(ns: i64) -> String {
    let moment: Moment = moment(ns);
    moment.to_string()
}

fn valid_tokens(configuration: &Configuration, now_ns: i64) -> impl Iterator<Item = &TokenEntry> {
    configuration.tokens.iter().filter(move |token| token.not_after_ns.is_none_or(|end_ns| end_ns > now_ns))
}

pub(super) async fn rotate_token(context: &Context, cash_box: CashBoxId, revoke: bool) -> Result<Reply, Failure> {
    let _turn = context.configuring.lock().await;
    let mut configuration = configuration(context, cash_box)?;
    let token = AccessToken::mint(context.environment, context.entropy.as_ref());
    let now_ns = context.clock.unix_ns();
    // The newest of the old ones stays, so that the till can be changed over in its own time; the one before it ends.
    let mut kept: Vec<TokenEntry> =
        if revoke { Vec::new() } else { valid_tokens(&configuration, now_ns).cloned().collect() };
    let surplus = kept.len().saturating_sub(Configuration::TOKENS_VALID_MAX.saturating_sub(1));
    kept.drain(..surplus);
    kept.push(entry_of(context, &token));
    let valid_tokens = kept.len();
    configuration.tokens = kept;
    context.gateway.configure(configuration).await?;
    tracing::info!(cash_box = %cash_box, valid_tokens, "access token rotated");
    Ok(Reply::Token { cash_box, access_token: token.expose().to_owned(), valid_tokens })
}

pub(super) async fn enable(context: &Context, cash_box: CashBoxId, enabled: bool) -> Result<Reply, Failure> {
    let _turn = context.configuring.lock().await;
    let mut configuration = configuration(context, cash_box)?;
    let word = if enabled { "enabled" } else { "disabled" };
    if configuration.disabled == enabled {
        configuration.disabled = !enabled;
        context.gateway.configure(configuration).await?;
        tracing::info!(cash_box = %cash_box, enabled, "cash box switched");
        return Ok(Reply::Done { message: format!("cash box {cash_box} is {word}") });
    }
    Ok(Reply::Done { message: format!("cash box {cash_box} was {word} already") })
}

pub(super) async fn resume(context: &Context, cash_box: CashBoxId) -> Result<Reply, Failure> {
    configuration(context, cash_box)?;
    context.gateway.resume(cash_box).await?;
    tracing::info!(cash_box = %cash_box, "quarantine lifted");
    Ok(Reply::Done { message: format!("cash box {cash_box} is not in quarantine") })
}

/// Adds a unit to a cash box and gives the number it has from then on.
pub(super) async fn add_unit(
    context: &Context,
    cash_box: CashBoxId,
    entry: UnitEntry,
) -> Result<(UnitId, usize), Failure> {
    let _turn = context.configuring.lock().await;
    let mut configuration = configuration(context, cash_box)?;
    let unit = entry.id;
    configuration.units.push(entry);
    let number = configuration.units.len();
    context.gateway.configure(configuration).await?;
    tracing::info!(cash_box = %cash_box, unit = %unit, "signature creation unit added");
    Ok((unit, number))
}
