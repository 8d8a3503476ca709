//! What the edge needs of a cash box before it may talk to it: who may, and whether. No more of its configuration is kept, because
//! certificates alone would be more than everything else that an idle cash box has in memory.

use std::collections::HashMap;
use std::sync::Arc;

use kassette_cashbox::Configuration;
use kassette_journal::{Journal, JournalError};
use kassette_model::{CashBoxId, QueueId};
use parking_lot::RwLock;

/// HMAC of a valid token, decoded once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenMac {
    /// HMAC-SHA256 of the token under the server's pepper.
    pub mac: [u8; 32],
    /// Until when it is valid, nanoseconds since the Unix epoch.
    pub not_after_ns: Option<i64>,
}

/// The public side of a cash box, from the configuration in force.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The cash box.
    pub cash_box: CashBoxId,
    /// Its queue.
    pub queue: QueueId,
    /// Whether every call with a right token is to be refused.
    pub disabled: bool,
    /// Its tokens.
    pub tokens: Box<[TokenMac]>,
}

impl Profile {
    /// Reads the tokens of a configuration. A token entry that is not 32 bytes of hexadecimal never matches.
    #[must_use]
    pub fn of(configuration: &Configuration) -> Self {
        let tokens = configuration
            .tokens
            .iter()
            .filter_map(|entry| {
                let mac = kassette_stdx::encoding::hex_decode(&entry.hmac_hex)?.try_into().ok()?;
                Some(TokenMac { mac, not_after_ns: entry.not_after_ns })
            })
            .collect();
        Self { cash_box: configuration.cash_box, queue: configuration.queue, disabled: configuration.disabled, tokens }
    }
}

/// The configuration in force, read from the journal.
pub(crate) fn configuration(journal: &dyn Journal, cash_box: CashBoxId) -> Result<Option<Configuration>, JournalError> {
    let Some(json) = journal.configuration(cash_box)? else { return Ok(None) };
    Configuration::from_json(&json)
        .map(Some)
        .map_err(|error| JournalError::Format(format!("configuration of {cash_box}: {error}")))
}

const CACHE_PARTS: usize = 16;

/// Profiles of cash boxes that were asked for lately. Bounded: a part that is full is emptied and fills again.
pub(crate) struct ProfileCache {
    parts: Vec<RwLock<HashMap<CashBoxId, Arc<Profile>>>>,
    part_entries_max: usize,
}

impl ProfileCache {
    pub(crate) fn new(entries_max: usize) -> Self {
        Self {
            parts: (0..CACHE_PARTS).map(|_| RwLock::new(HashMap::new())).collect(),
            part_entries_max: (entries_max / CACHE_PARTS).max(1),
        }
    }

    fn part(&self, cash_box: CashBoxId) -> Option<&RwLock<HashMap<CashBoxId, Arc<Profile>>>> {
        let [.., last] = cash_box.bytes();
        self.parts.get(usize::from(last) % CACHE_PARTS)
    }

    /// The profile, read from the journal when it is not kept.
    pub(crate) fn get(&self, journal: &dyn Journal, cash_box: CashBoxId) -> Result<Option<Arc<Profile>>, JournalError> {
        let Some(part) = self.part(cash_box) else { return Ok(None) };
        if let Some(profile) = part.read().get(&cash_box) {
            return Ok(Some(Arc::clone(profile)));
        }
        // The write lock is held while reading, so that an older configuration cannot overwrite a newer one.
        let mut entries = part.write();
        if let Some(profile) = entries.get(&cash_box) {
            return Ok(Some(Arc::clone(profile)));
        }
        let Some(configuration) = configuration(journal, cash_box)? else { return Ok(None) };
        let profile = Arc::new(Profile::of(&configuration));
        if entries.len() >= self.part_entries_max {
            entries.clear();
        }
        entries.insert(cash_box, Arc::clone(&profile));
        Ok(Some(profile))
    }

    /// Drops what is kept of a cash box; the next call reads the journal.
    pub(crate) fn forget(&self, cash_box: CashBoxId) {
        if let Some(part) = self.part(cash_box) {
            part.write().remove(&cash_box);
        }
    }
}
