//! Payments at a terminal, over HTTP on one side and a real line with a simulated terminal on the other. The terminal's own ledger is the
//! judge: what it charged is what the answers say, whatever failed in between.

mod failing;
mod paying;

use std::sync::Arc;
use std::time::{Duration, Instant};

use kassette::simulate::{Place, Settings, SimulatedTerminal};
use kassette_actors::{BeforeDevice, DeviceOptions, DeviceState, DeviceStatus};
use kassette_cashbox::TerminalEntry;
use kassette_model::Decimal;
use kassette_model::payment::TerminalAddress;
use kassette_payments::zvt::simulator::{EntryState, Script, TransactionKind};
use serde_json::Value;
use uuid::Uuid;

use crate::client::Reply;
use crate::server::{A, Options, TestServer, fresh};

/// Longer than everything here takes, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits of a terminal that does not make a test long.
pub(super) fn quick() -> DeviceOptions {
    DeviceOptions {
        answer_timeout_ms: 1_500,
        completion_timeout_ms: 2_500,
        probe_confirm_ms: 100,
        ..DeviceOptions::default()
    }
}

/// A till with one terminal.
pub(super) struct Shop {
    pub(super) server: TestServer,
    pub(super) terminal: SimulatedTerminal,
}

pub(super) fn entry(name: &str, id: Option<&str>, address: TerminalAddress) -> TerminalEntry {
    TerminalEntry {
        name: name.to_owned(),
        provider: "zvt".to_owned(),
        address,
        terminal_id: id.map(str::to_owned),
        password: 0,
    }
}

pub(super) fn address_of(terminal: &SimulatedTerminal) -> TerminalAddress {
    match terminal.port() {
        Some(port) => TerminalAddress::Tcp { host: "127.0.0.1".to_owned(), port },
        None => TerminalAddress::Serial { path: terminal.path().unwrap().display().to_string(), baud: 115_200 },
    }
}

pub(super) fn on_tcp(script: &str) -> SimulatedTerminal {
    SimulatedTerminal::on_loopback(Script::parse(script, 1).unwrap()).unwrap()
}

impl Shop {
    pub(super) fn open(script: &str) -> Self {
        Self::with(on_tcp(script), quick(), Arc::default())
    }

    /// With the terminal behind the device file of a pseudo terminal, which a link follows.
    pub(super) fn open_serial(script: &str, folder: &std::path::Path) -> Self {
        let place = Place::Pty { link: Some(folder.join("terminal")) };
        let script = Script::parse(script, 1).unwrap();
        let terminal = SimulatedTerminal::start(Settings::new(place, script)).unwrap();
        Self::with(terminal, quick(), Arc::default())
    }

    pub(super) fn with(terminal: SimulatedTerminal, devices: DeviceOptions, before_device: Arc<BeforeDevice>) -> Self {
        let terminals = vec![entry("bar", Some("t-1"), address_of(&terminal))];
        let options = Options { terminals, devices, before_device, ..Options::default() };
        let shop = Self { server: TestServer::in_memory(options), terminal };
        shop.until(DeviceState::Ready);
        shop
    }

    pub(super) fn device(&self) -> DeviceStatus {
        self.server.gateway.devices().into_iter().next().unwrap()
    }

    /// Waits until the terminal stands so.
    #[track_caller]
    pub(super) fn until(&self, state: DeviceState) -> DeviceStatus {
        wait_for(|| self.device(), |device| device.state == state)
    }

    pub(super) fn send(&self, id: Uuid, body: &str) -> Reply {
        self.server.call("POST", "/v2/pay").of(A).id(id).body(body).send()
    }

    /// Pays, and gives the end: an answer in doubt is asked for again under the same id, as a till would.
    #[track_caller]
    pub(super) fn pay(&self, id: Uuid, body: &str) -> Reply {
        wait_for(|| self.send(id, body), |reply| reply.status != 422)
    }

    /// What the terminal has charged and not given back, payment by payment.
    pub(super) fn charged(&self) -> Vec<u64> {
        let ledger = self.terminal.ledger();
        let charged = ledger.entries().iter().filter(|entry| entry.state == EntryState::Charged);
        charged.filter(|entry| entry.kind == TransactionKind::Payment).map(|entry| entry.amount_cents).collect()
    }

    /// The answer and the ledger say the same of one payment, the only one of its amount.
    #[track_caller]
    pub(super) fn agrees(&self, reply: &Reply, amount_cents: u64) {
        let said = paid_cents(reply).unwrap_or(0);
        let charges: u64 = self.charged().iter().filter(|cents| **cents == amount_cents).sum();
        assert_eq!(said, charges, "{}\n{:?}", reply.text(), self.terminal.ledger());
    }
}

/// Asks until the answer is as it should be. Each question waits by itself, for a terminal or for the next look.
#[track_caller]
pub(super) fn wait_for<T: std::fmt::Debug>(ask: impl Fn() -> T, wanted: impl Fn(&T) -> bool) -> T {
    let begun = Instant::now();
    loop {
        let answer = ask();
        if wanted(&answer) {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "{answer:?}");
        std::thread::yield_now();
    }
}

/// What the first item of an answer says was paid.
pub(super) fn paid_cents(reply: &Reply) -> Option<u64> {
    if !matches!(reply.status, 200 | 201) {
        return None;
    }
    let amount: Decimal = reply.json()["ftPayItems"][0]["Amount"].to_string().parse().unwrap();
    Some(u64::try_from(amount * Decimal::ONE_HUNDRED).unwrap())
}

pub(super) fn amounts(body: &Value) -> Vec<f64> {
    body["ftPayItems"].as_array().unwrap().iter().map(|item| item["Amount"].as_f64().unwrap()).collect()
}

/// A payment at the terminal of the shop.
pub(super) fn card(amount: &str) -> String {
    format!(
        r#"{{"Action":"payment","Protocol":"zvt","cbTerminalID":"t-1","cbPayItem":{{"Description":"Card","Amount":{amount}}}}}"#
    )
}

pub(super) fn new_id() -> Uuid {
    fresh()
}
