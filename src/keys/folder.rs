//! The folder itself: what lies where, and the units that are open.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kassette_actors::UnitOutage;
use kassette_cashbox::UnitEntry;
use kassette_markets::{Market, MarketSecrets};
use kassette_model::{CashBoxId, Environment, UnitId};
use kassette_signing::{KeyFileError, SignatureUnit, UnitFault, UnitSpec};
use kassette_stdx::Entropy;
use parking_lot::Mutex;

use super::callback_secrets::CallbackSecrets;
use super::unit_file::{StoredUnit, entry};
use super::{Pepper, private_file};

/// Why something secret could not be used. No text of it holds key material.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file or folder could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which one.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The folder belongs to the other environment.
    #[error("the key folder {path} belongs to {found}, not to {wanted}")]
    OtherEnvironment {
        /// The folder.
        path: String,
        /// What it was made for.
        found: String,
        /// What it was opened for.
        wanted: &'static str,
    },
    /// A file does not hold what it should.
    #[error("{path} is damaged: {reason}")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// There is no such unit.
    #[error("there is no signature creation unit {0} in the key folder")]
    NoUnit(UnitId),
    /// A unit cannot be opened.
    #[error("signature creation unit {unit}: {error}")]
    Unit {
        /// Which unit.
        unit: UnitId,
        /// Why.
        error: KeyFileError,
    },
    /// The variable with the passphrase is not set.
    #[error("signature creation unit {unit}: the environment variable {name} with its passphrase is not set")]
    PassphraseEnv {
        /// Which unit.
        unit: UnitId,
        /// Name of the variable.
        name: String,
    },
    /// The name cannot be one of an environment variable.
    #[error("{0:?} is not a name for an environment variable: letters, digits and _ are accepted")]
    PassphraseEnvName(String),
    /// A sandbox unit in production.
    #[error("signature creation unit {0} is a sandbox unit; production does not use it")]
    SandboxUnit(UnitId),
    /// The unit in the key folder is not the one in the configuration.
    #[error("signature creation unit {0} in the key folder has another key than the one of the cash box")]
    OtherKey(UnitId),
    /// The test switch was refused.
    #[error("signature creation unit {unit}: {fault}")]
    Switch {
        /// Which unit.
        unit: UnitId,
        /// What the unit said.
        fault: UnitFault,
    },
    /// The secret of a cash box is missing.
    #[error("the key folder has no market secret of cash box {0}")]
    NoSecret(CashBoxId),
}

impl KeyError {
    pub(super) fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.display().to_string(), source }
    }
}

/// The opened key folder of one environment. Only one process uses it: the lock of the journal beside it sees to that.
pub struct KeyFolder {
    path: PathBuf,
    environment: Environment,
    pepper: Pepper,
    pepper_is_new: bool,
    /// One value per unit, however many cash boxes use it: the test switch then holds for all of them.
    open: Mutex<HashMap<UnitId, Arc<dyn SignatureUnit>>>,
    /// Units that could not be opened when their cash box asked last; a cash box without any is not in it.
    outages: Mutex<BTreeMap<CashBoxId, Vec<UnitOutage>>>,
    pub(super) callbacks: CallbackSecrets,
}

impl std::fmt::Debug for KeyFolder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyFolder({})", self.path.display())
    }
}

impl KeyFolder {
    /// Name of the folder in the data folder.
    pub const NAME: &'static str = "keys";

    /// Opens `<data_dir>/keys`, making it with a new pepper when it does not exist.
    ///
    /// # Errors
    /// When a file cannot be used, or the folder belongs to the other environment.
    pub fn open(data_dir: &Path, environment: Environment, entropy: &dyn Entropy) -> Result<Self, KeyError> {
        let path = data_dir.join(Self::NAME);
        for folder in [&path, &path.join("units"), &path.join("markets"), &path.join(CallbackSecrets::FOLDER)] {
            private_file::create_folder(folder).map_err(|error| KeyError::file(folder, error))?;
        }
        claim(&path, environment)?;
        let (pepper, pepper_is_new) = pepper(&path, entropy)?;
        Ok(Self {
            callbacks: CallbackSecrets::new(&path),
            path,
            environment,
            pepper,
            pepper_is_new,
            open: Mutex::new(HashMap::new()),
            outages: Mutex::new(BTreeMap::new()),
        })
    }

    /// The environment it belongs to.
    #[must_use]
    pub const fn environment(&self) -> Environment {
        self.environment
    }

    /// The key of the token hashes.
    #[must_use]
    pub const fn pepper(&self) -> &Pepper {
        &self.pepper
    }

    /// Whether the pepper was made just now: every token of an older folder is void then.
    #[must_use]
    pub const fn pepper_is_new(&self) -> bool {
        self.pepper_is_new
    }

    /// Stores a new unit and opens it. `passphrase` opens an encrypted key now; later openings read it from the environment
    /// variable `passphrase_env`.
    ///
    /// # Errors
    /// When it cannot be opened or stored; nothing is kept then.
    pub fn add_unit(
        &self,
        id: UnitId,
        spec: UnitSpec,
        passphrase_env: Option<&str>,
        passphrase: Option<&str>,
    ) -> Result<UnitEntry, KeyError> {
        if self.environment == Environment::Production && spec.kind.is_sandbox() {
            return Err(KeyError::SandboxUnit(id));
        }
        let stored = StoredUnit { spec, passphrase_env: passphrase_env.map(str::to_owned) };
        let unit = stored.open(id, passphrase)?;
        stored.write(&self.units(), id)?;
        let made = entry(id, unit.identity());
        self.open.lock().insert(id, unit);
        Ok(made)
    }

    /// Takes back a unit that was added for a change that then failed.
    ///
    /// # Errors
    /// When its files cannot be removed.
    pub fn remove_unit(&self, id: UnitId) -> Result<(), KeyError> {
        self.open.lock().remove(&id);
        StoredUnit::remove(&self.units(), id)
    }

    /// The public side of a stored unit.
    ///
    /// # Errors
    /// As [`KeyFolder::unit`].
    pub fn unit_entry(&self, id: UnitId) -> Result<UnitEntry, KeyError> {
        Ok(entry(id, self.unit(id)?.identity()))
    }

    /// A unit, opened once and shared from then on.
    ///
    /// # Errors
    /// When there is none, its passphrase is not set, or production finds a sandbox unit.
    pub fn unit(&self, id: UnitId) -> Result<Arc<dyn SignatureUnit>, KeyError> {
        // The lock is held while opening: two cash boxes that become active together must not get two values.
        let mut open = self.open.lock();
        if let Some(unit) = open.get(&id) {
            return Ok(Arc::clone(unit));
        }
        let stored = StoredUnit::read(&self.units(), id)?;
        if self.environment == Environment::Production && stored.spec.kind.is_sandbox() {
            return Err(KeyError::SandboxUnit(id));
        }
        let unit = stored.open(id, None)?;
        open.insert(id, Arc::clone(&unit));
        Ok(unit)
    }

    /// Test switch: makes a sandbox unit fail or work again, now and after a restart.
    ///
    /// # Errors
    /// When it is not a sandbox unit, or the change cannot be stored; nothing changes then.
    pub fn set_failing(&self, id: UnitId, failing: bool) -> Result<(), KeyError> {
        let unit = self.unit(id)?;
        unit.set_failing(failing).map_err(|fault| KeyError::Switch { unit: id, fault })?;
        let stored = StoredUnit::read(&self.units(), id).and_then(|mut stored| {
            stored.spec.failing = failing;
            stored.write(&self.units(), id)
        });
        if stored.is_err() {
            // The disk says the opposite: what is in memory follows it. The unit took the switch a moment ago.
            drop(unit.set_failing(!failing));
        }
        stored
    }

    /// Whether the test switch of a unit is set.
    ///
    /// # Errors
    /// When the unit cannot be read.
    pub fn is_failing(&self, id: UnitId) -> Result<bool, KeyError> {
        Ok(StoredUnit::read(&self.units(), id)?.spec.failing)
    }

    /// Makes and stores the secret of a new cash box, unless it has one already.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn ensure_secret(
        &self,
        cash_box: CashBoxId,
        market: &dyn Market,
        entropy: &dyn Entropy,
    ) -> Result<(), KeyError> {
        let path = self.secret(cash_box);
        if private_file::read(&path).map_err(|error| KeyError::file(&path, error))?.is_some() {
            return Ok(());
        }
        let mut random = [0; 64];
        entropy.fill(&mut random);
        private_file::write(&path, market.new_secrets(&random).as_bytes()).map_err(|error| KeyError::file(&path, error))
    }

    /// Takes back the secret of a cash box that was not created after all.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn remove_secret(&self, cash_box: CashBoxId) -> Result<(), KeyError> {
        let path = self.secret(cash_box);
        private_file::remove(&path).map_err(|error| KeyError::file(&path, error))
    }

    /// The secret of a cash box.
    ///
    /// # Errors
    /// When there is none, or it is not of the market's form.
    pub fn secrets(&self, cash_box: CashBoxId, market: &dyn Market) -> Result<MarketSecrets, KeyError> {
        let data_dir = self.path.parent().unwrap_or(&self.path);
        read_secrets(data_dir, cash_box, market)?.ok_or(KeyError::NoSecret(cash_box))
    }

    /// Keeps which units of a cash box could not be opened; the log hears of it when it changes.
    pub(super) fn note_outages(&self, cash_box: CashBoxId, found: Vec<UnitOutage>) {
        let mut outages = self.outages.lock();
        let before = outages.get(&cash_box).map_or(&[][..], Vec::as_slice);
        if before == found.as_slice() {
            return;
        }
        if found.is_empty() {
            outages.remove(&cash_box);
            tracing::info!(cash_box = %cash_box, "every signature creation unit is open again");
        } else {
            let reasons = found.iter().map(|outage| outage.reason.as_str()).collect::<Vec<_>>().join("; ");
            tracing::warn!(cash_box = %cash_box, reasons, "signature creation units cannot be opened");
            outages.insert(cash_box, found);
        }
    }

    pub(super) fn known_outages(&self) -> Vec<UnitOutage> {
        self.outages.lock().values().flatten().cloned().collect()
    }

    fn units(&self) -> PathBuf {
        self.path.join("units")
    }

    fn secret(&self, cash_box: CashBoxId) -> PathBuf {
        secret_path(&self.path, cash_box)
    }
}

/// Reads the secret of a cash box without opening the folder, for checks that must not write; `None` when there is none.
///
/// # Errors
/// When it cannot be read or is not of the market's form.
pub fn read_secrets(
    data_dir: &Path,
    cash_box: CashBoxId,
    market: &dyn Market,
) -> Result<Option<MarketSecrets>, KeyError> {
    let path = secret_path(&data_dir.join(KeyFolder::NAME), cash_box);
    let Some(bytes) = private_file::read(&path).map_err(|error| KeyError::file(&path, error))? else { return Ok(None) };
    let damaged = |reason: String| KeyError::Damaged { path: path.display().to_string(), reason };
    let text = std::str::from_utf8(&bytes).map_err(|_| damaged("not text".into()))?;
    market.secrets(text).map(Some).map_err(|error| damaged(error.message))
}

fn secret_path(folder: &Path, cash_box: CashBoxId) -> PathBuf {
    folder.join("markets").join(format!("{cash_box}.json"))
}

/// Writes down for which environment the folder is, or checks it.
fn claim(folder: &Path, environment: Environment) -> Result<(), KeyError> {
    let path = folder.join("environment");
    match private_file::read(&path).map_err(|error| KeyError::file(&path, error))? {
        None => private_file::write(&path, format!("{}\n", environment.name()).as_bytes())
            .map_err(|error| KeyError::file(&path, error)),
        Some(bytes) => {
            let found = String::from_utf8_lossy(&bytes).trim().to_owned();
            if Environment::parse(&found) == Some(environment) {
                return Ok(());
            }
            let path = folder.display().to_string();
            Err(KeyError::OtherEnvironment { path, found, wanted: environment.name() })
        }
    }
}

fn pepper(folder: &Path, entropy: &dyn Entropy) -> Result<(Pepper, bool), KeyError> {
    let path = folder.join("pepper");
    match private_file::read(&path).map_err(|error| KeyError::file(&path, error))? {
        Some(bytes) => std::str::from_utf8(&bytes)
            .ok()
            .and_then(Pepper::from_hex)
            .map(|pepper| (pepper, false))
            // A damaged pepper is never replaced in silence: every token would be void.
            .ok_or_else(|| KeyError::Damaged {
                path: path.display().to_string(),
                reason: "64 hexadecimal digits are expected".into(),
            }),
        None => {
            let pepper = Pepper::generate(entropy);
            private_file::write(&path, format!("{}\n", pepper.to_hex()).as_bytes())
                .map_err(|error| KeyError::file(&path, error))?;
            Ok((pepper, true))
        }
    }
}

#[cfg(test)]
#[path = "folder_tests.rs"]
mod tests;
