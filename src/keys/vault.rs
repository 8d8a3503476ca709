//! The key folder as the cash boxes see it.

use std::sync::Arc;

use kassette_actors::{Keys, UnitOutage, Vault};
use kassette_cashbox::{Configuration, UnitEntry};
use kassette_model::Environment;
use kassette_signing::SignatureUnit;
use kassette_stdx::encoding::base64;

use super::folder::{KeyError, KeyFolder};
use super::unavailable::UnavailableUnit;

impl KeyFolder {
    /// Everything secret of one cash box. A unit that cannot be opened is no failure of the cash box: it is given as one that
    /// does not sign, and tried again when the cash box asks for its keys the next time.
    fn keys(&self, configuration: &Configuration) -> Result<Keys, KeyError> {
        let market =
            kassette_markets::market(configuration.market).ok_or(KeyError::NoSecret(configuration.cash_box))?;
        let secrets = self.secrets(configuration.cash_box, market)?;
        let mut units: Vec<(_, Arc<dyn SignatureUnit>)> = Vec::with_capacity(configuration.units.len());
        let mut outages = Vec::new();
        for entry in configuration.units.iter().filter(|entry| !entry.retired) {
            match self.configured_unit(entry) {
                Ok(unit) => units.push((entry.id, unit)),
                // Not an outage but a mistake that would make receipts without value.
                Err(error @ KeyError::SandboxUnit(_)) => return Err(error),
                Err(error) => {
                    let reason = error.to_string();
                    units.push((entry.id, Arc::new(UnavailableUnit::new(entry, reason.clone()))));
                    outages.push(UnitOutage { cash_box: configuration.cash_box, unit: entry.id, reason });
                }
            }
        }
        self.note_outages(configuration.cash_box, outages);
        Ok(Keys { secrets, units })
    }

    fn configured_unit(&self, entry: &UnitEntry) -> Result<Arc<dyn SignatureUnit>, KeyError> {
        if self.environment() == Environment::Production && entry.sandbox {
            return Err(KeyError::SandboxUnit(entry.id));
        }
        let unit = self.unit(entry.id)?;
        // Receipts name the key of the configuration: another one under the same id must not sign.
        if base64(&unit.identity().public_key_spki_der) != entry.public_key_base64 {
            return Err(KeyError::OtherKey(entry.id));
        }
        Ok(unit)
    }
}

impl Vault for KeyFolder {
    fn open(&self, configuration: &Configuration) -> Result<Keys, String> {
        if configuration.environment != self.environment() {
            let (found, wanted) = (configuration.environment.name(), self.environment().name());
            return Err(format!("the cash box belongs to {found}, the key folder to {wanted}"));
        }
        self.keys(configuration).map_err(|error| error.to_string())
    }

    fn outages(&self) -> Vec<UnitOutage> {
        self.known_outages()
    }
}
