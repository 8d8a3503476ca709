//! Who waits for a change of the devices of one cash box.
//!
//! A device tells how it stands and not how it came there: who looks late sees the newest standing of each, and nothing is kept for them.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;

use futures_util::future::select_all;
use kassette_model::{CashBoxId, OperationId};
use tokio::sync::watch::Receiver;

use super::board::Standing;
use super::status::{DeviceState, DeviceStatus};
use super::terminal::Terminal;
use crate::node::Shared;
use crate::supervision::ChildStatus;

/// A terminal, and what tells that it may stand otherwise.
struct Watched {
    terminal: Arc<Terminal>,
    board: Receiver<Standing>,
    children: Receiver<Vec<ChildStatus>>,
}

impl Watched {
    fn new(terminal: Arc<Terminal>) -> Self {
        Self { board: terminal.board.watch(), children: terminal.children.clone(), terminal }
    }

    /// How it stands now; what changes from here on is told.
    fn status(&mut self) -> DeviceStatus {
        self.board.mark_unchanged();
        self.children.mark_unchanged();
        self.terminal.status()
    }

    async fn changed(&mut self) {
        tokio::select! {
            () = heard(&mut self.board) => {}
            () = heard(&mut self.children) => {}
        }
    }
}

/// Waits for the next change; for ever when nobody tells any more: a device that was taken out is told of by the configuration.
async fn heard<T>(receiver: &mut Receiver<T>) {
    if receiver.changed().await.is_err() {
        pending::<()>().await;
    }
}

/// State, what it works on, failure.
type Told = (DeviceState, Option<OperationId>, Option<String>);

/// The devices of one cash box, seen by one who is told of each change.
pub struct DeviceWatch {
    shared: Arc<Shared>,
    cash_box: CashBoxId,
    followed: Receiver<()>,
    watched: Vec<Watched>,
    /// As last told, by name.
    told: BTreeMap<String, Told>,
}

impl DeviceWatch {
    pub(crate) fn new(shared: Arc<Shared>, cash_box: CashBoxId) -> Self {
        let followed = shared.terminals.followed();
        Self { shared, cash_box, followed, watched: Vec::new(), told: BTreeMap::new() }
    }

    /// Those devices that stand otherwise than when this was called last: at first all of them. Takes up those that came with the
    /// configuration, and forgets those that went.
    pub fn news(&mut self) -> Vec<DeviceStatus> {
        self.followed.mark_unchanged();
        let mut before = std::mem::take(&mut self.watched);
        for terminal in self.shared.terminals.of(self.cash_box) {
            let known = before.iter().position(|watched| Arc::ptr_eq(&watched.terminal, &terminal));
            self.watched.push(match known {
                Some(place) => before.swap_remove(place),
                None => Watched::new(terminal),
            });
        }
        let all: Vec<DeviceStatus> = self.watched.iter_mut().map(Watched::status).collect();
        self.told.retain(|name, _| all.iter().any(|status| status.name == *name));
        let told = &mut self.told;
        let is_news = |status: &DeviceStatus| {
            let now = (status.state, status.operation, status.failure().map(str::to_owned));
            told.insert(status.name.clone(), now.clone()) != Some(now)
        };
        all.into_iter().filter(is_news).collect()
    }

    /// Waits until one of the devices of the last [`DeviceWatch::news`] may stand otherwise. May be dropped at any point: what changed is
    /// news all the same.
    pub async fn changed(&mut self) {
        let devices = async {
            if self.watched.is_empty() {
                return pending().await;
            }
            drop(select_all(self.watched.iter_mut().map(|watched| Box::pin(watched.changed()))).await);
        };
        tokio::select! {
            () = heard(&mut self.followed) => {}
            () = devices => {}
        }
    }
}
