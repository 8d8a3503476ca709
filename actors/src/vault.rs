//! Where secrets and signature creation units of a cash box come from.

use std::sync::Arc;

use kassette_cashbox::Configuration;
use kassette_markets::MarketSecrets;
use kassette_model::UnitId;
use kassette_signing::SignatureUnit;

/// What a cash box needs and must never write down.
pub struct Keys {
    /// Secrets of its market.
    pub secrets: MarketSecrets,
    /// Opened units that are in use, in the order of the configuration. A unit may be shared by many cash boxes.
    pub units: Vec<(UnitId, Arc<dyn SignatureUnit>)>,
}

/// The key folder, seen from below the edge.
pub trait Vault: Send + Sync + 'static {
    /// Opens what the configuration names. Called when a cash box becomes active; may read files.
    ///
    /// # Errors
    /// Why the cash box cannot work: a key is missing, a passphrase is wrong.
    fn open(&self, configuration: &Configuration) -> Result<Keys, String>;
}
