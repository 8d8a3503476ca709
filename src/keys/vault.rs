//! The key folder as the cash boxes see it.

use kassette_actors::{Keys, Vault};
use kassette_cashbox::Configuration;
use kassette_model::Environment;
use kassette_stdx::encoding::base64;

use super::folder::{KeyError, KeyFolder};

impl KeyFolder {
    /// Everything secret of one cash box.
    fn keys(&self, configuration: &Configuration) -> Result<Keys, KeyError> {
        let market =
            kassette_markets::market(configuration.market).ok_or(KeyError::NoSecret(configuration.cash_box))?;
        let secrets = self.secrets(configuration.cash_box, market)?;
        let mut units = Vec::with_capacity(configuration.units.len());
        for entry in configuration.units.iter().filter(|entry| !entry.retired) {
            if self.environment() == Environment::Production && entry.sandbox {
                return Err(KeyError::SandboxUnit(entry.id));
            }
            let unit = self.unit(entry.id)?;
            // Receipts name the key of the configuration: another one under the same id must not sign.
            if base64(&unit.identity().public_key_spki_der) != entry.public_key_base64 {
                return Err(KeyError::OtherKey(entry.id));
            }
            units.push((entry.id, unit));
        }
        Ok(Keys { secrets, units })
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
}
