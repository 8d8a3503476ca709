//! Which terminals there are, and their way into the tree.

use std::collections::HashMap;
use std::sync::Arc;

use kassette_cashbox::TerminalEntry;
use kassette_model::CashBoxId;
use kassette_payments::zvt;
use kassette_stdx::Clock;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::terminal::{Terminal, terminal};
use super::{BeforeDevice, DeviceOptions, DeviceStatus};
use crate::supervision::{Roster, RosterKey};

/// The terminals of a cash box, each with its place in the tree.
type Served = Vec<(RosterKey, Arc<Terminal>)>;

/// See the module. What stands here follows the configurations in force.
pub(crate) struct Terminals {
    roster: Roster,
    clock: Arc<dyn Clock>,
    options: DeviceOptions,
    before: Arc<BeforeDevice>,
    served: Mutex<HashMap<CashBoxId, Served>>,
    /// Told whenever a terminal comes or goes.
    followed: watch::Sender<()>,
}

impl Terminals {
    pub(crate) fn new(
        roster: Roster,
        clock: Arc<dyn Clock>,
        options: DeviceOptions,
        before: Arc<BeforeDevice>,
    ) -> Self {
        Self { roster, clock, options, before, served: Mutex::default(), followed: watch::Sender::new(()) }
    }

    /// These are the terminals of a cash box from now on. Those that are served as they stand here go on undisturbed.
    pub(crate) fn follow(&self, cash_box: CashBoxId, entries: &[TerminalEntry]) {
        let at_a_line = |entry: &&TerminalEntry| entry.provider == zvt::PROVIDER.name;
        let mut served = self.served.lock();
        let mut before = served.remove(&cash_box).unwrap_or_default();
        let mut now = Vec::new();
        for entry in entries.iter().filter(at_a_line) {
            if let Some(place) = before.iter().position(|(_, terminal)| terminal.entry == *entry) {
                now.push(before.swap_remove(place));
            }
        }
        let mut is_other = !before.is_empty();
        for (key, terminal) in before {
            tracing::info!(%cash_box, terminal = terminal.entry.name, "terminal taken out");
            self.roster.remove(key);
        }
        let mut count = served.values().map(Vec::len).sum::<usize>().saturating_add(now.len());
        for entry in entries.iter().filter(at_a_line) {
            if now.iter().any(|(_, terminal)| terminal.entry == *entry) {
                continue;
            }
            if count >= self.options.terminals_max {
                let max = self.options.terminals_max;
                tracing::error!(%cash_box, terminal = entry.name, max, "too many terminals on this server: it is not served");
                continue;
            }
            let taken =
                served.iter().find(|(_, all)| all.iter().any(|(_, other)| other.entry.address == entry.address));
            if let Some((owner, _)) = taken {
                // Two who pay at one terminal would take the payment of the other for their own.
                tracing::error!(%cash_box, terminal = entry.name, address = %entry.address, %owner,
                    "the line of this terminal is that of another cash box: it is not served");
                continue;
            }
            count = count.saturating_add(1);
            is_other = true;
            tracing::info!(%cash_box, terminal = entry.name, address = %entry.address, "terminal put in");
            let (terminal, subtree) = terminal(cash_box, entry, &self.clock, &self.options, &self.before);
            now.push((self.roster.add(subtree), Arc::new(terminal)));
        }
        if !entries.is_empty() {
            served.insert(cash_box, now);
        }
        if is_other {
            self.followed.send_replace(());
        }
    }

    /// Tells when other terminals may be served than before.
    pub(crate) fn followed(&self) -> watch::Receiver<()> {
        self.followed.subscribe()
    }

    /// Whether it has heard of the terminals of this cash box.
    pub(crate) fn knows(&self, cash_box: CashBoxId) -> bool {
        self.served.lock().contains_key(&cash_box)
    }

    /// Those of a cash box that are served.
    pub(crate) fn of(&self, cash_box: CashBoxId) -> Vec<Arc<Terminal>> {
        let served = self.served.lock();
        served.get(&cash_box).into_iter().flatten().map(|(_, terminal)| Arc::clone(terminal)).collect()
    }

    /// A terminal that is served.
    pub(crate) fn get(&self, cash_box: CashBoxId, name: &str) -> Option<Arc<Terminal>> {
        self.of(cash_box).into_iter().find(|terminal| terminal.entry.name == name)
    }

    /// How all of them stand, by cash box and name.
    pub(crate) fn status(&self) -> Vec<DeviceStatus> {
        let all: Vec<Arc<Terminal>> =
            self.served.lock().values().flatten().map(|(_, terminal)| Arc::clone(terminal)).collect();
        let mut all: Vec<DeviceStatus> = all.iter().map(|terminal| terminal.status()).collect();
        all.sort_by(|a, b| (a.cash_box, &a.name).cmp(&(b.cash_box, &b.name)));
        all
    }
}
