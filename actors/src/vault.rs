//! Where secrets and signature creation units of a cash box come from.

use std::sync::Arc;

use kassette_cashbox::Configuration;
use kassette_markets::MarketSecrets;
use kassette_model::{CashBoxId, UnitId};
use kassette_signing::SignatureUnit;

/// What a cash box needs and must never write down.
pub struct Keys {
    /// Secrets of its market.
    pub secrets: MarketSecrets,
    /// Opened units that are in use, in the order of the configuration. A unit may be shared by many cash boxes.
    pub units: Vec<(UnitId, Arc<dyn SignatureUnit>)>,
}

/// A unit that could not be opened when its cash box asked last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitOutage {
    /// Whose.
    pub cash_box: CashBoxId,
    /// Which unit.
    pub unit: UnitId,
    /// Why, for the operator.
    pub reason: String,
}

/// The key folder, seen from below the edge.
pub trait Vault: Send + Sync + 'static {
    /// Opens what the configuration names. Called when a cash box becomes active or is configured; may read files. A unit that
    /// cannot be opened is given as one that does not sign.
    ///
    /// # Errors
    /// Why the cash box cannot work: its secret is missing, a unit of the sandbox in production.
    fn open(&self, configuration: &Configuration) -> Result<Keys, String>;

    /// Units that could not be opened, for operators.
    fn outages(&self) -> Vec<UnitOutage> {
        Vec::new()
    }
}
