//! The devices of this server: how they stand, and whether one answers.

use std::time::{Duration, Instant};

use kassette_actors::{DeviceState, DeviceStatus};
use kassette_model::CashBoxId;
use kassette_record::moment;

use super::cash_boxes::configuration;
use super::context::Context;
use super::failure::Failure;
use super::reply::{DeviceDetails, Reply};

/// How long a list waits for devices that are just being started.
const SETTLE_WITHIN: Duration = Duration::from_secs(3);
/// How often it looks meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long a test waits for the terminal.
const TEST_WITHIN: Duration = Duration::from_secs(15);

pub(super) async fn list(context: &Context, cash_box: Option<CashBoxId>) -> Result<Reply, Failure> {
    if let Some(cash_box) = cash_box {
        configuration(context, cash_box)?;
    }
    // A server has woken them at its start; a command without one does it here.
    context.gateway.go_on()?;
    let begun = Instant::now();
    loop {
        let mut all = context.gateway.devices();
        let is_settled = all.iter().all(|device| device.state != DeviceState::Starting);
        if is_settled && (!all.is_empty() || begun.elapsed() > LOOK_EVERY * 4) || begun.elapsed() > SETTLE_WITHIN {
            all.retain(|device| cash_box.is_none_or(|wanted| wanted == device.cash_box));
            return Ok(Reply::Devices { devices: all.into_iter().map(details).collect() });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

pub(super) async fn test(context: &Context, cash_box: CashBoxId, name: &str) -> Result<Reply, Failure> {
    let configuration = configuration(context, cash_box)?;
    let not_there = || Failure::not_found(format!("cash box {cash_box} has no terminal {name:?}"));
    let entry = configuration.terminals.iter().find(|terminal| terminal.name == name).ok_or_else(not_there)?;
    if entry.address == kassette_model::payment::TerminalAddress::App {
        return Err(Failure::refused(format!(
            "terminal {name:?} is a payment app, which comes to the server by itself"
        )));
    }
    context.gateway.wake(cash_box).await?;
    let status =
        context.gateway.probe_terminal(cash_box, name, TEST_WITHIN).await.ok_or_else(|| {
            Failure::fault(format!("terminal {name:?} is not served; the log of the server says why"))
        })?;
    match status.state {
        DeviceState::Ready | DeviceState::Busy => Ok(Reply::Devices { devices: vec![details(status)] }),
        state => {
            let why = status.last_error.unwrap_or_else(|| "it does not answer".to_owned());
            Err(Failure::fault(format!("terminal {name:?} at {} is {}: {why}", status.address, state.name())))
        }
    }
}

fn details(device: DeviceStatus) -> DeviceDetails {
    DeviceDetails {
        cash_box: device.cash_box,
        name: device.name,
        provider: device.provider,
        address: device.address,
        state: device.state.name().to_owned(),
        since: moment(device.since_unix_ns).to_string(),
        next_try: device.next_try_unix_ns.map(|ns| moment(ns).to_string()),
        restarts: device.restarts,
        last_error: device.last_error,
        last_told: device.last_told,
        operation: device.operation,
    }
}
