//! What a market's export needs of a cash box, read from its configuration and its last record.

use kassette_cashbox::{Configuration, UnitEntry};
use kassette_journal::{Journal, JournalError};
use kassette_markets::{
    ExportContext, Market, MarketSecrets, MarketSettings, MarketState, Signed, UnitFacts, UnitMaterial,
};
use kassette_record::{Erasable, SealedRecord};
use kassette_stdx::encoding::base64_decode;

/// Owns what [`ExportContext`] borrows.
pub struct MarketContext {
    /// The market.
    pub market: &'static dyn Market,
    identification: String,
    settings: MarketSettings,
    state: MarketState,
    units: Vec<UnitMaterial>,
}

/// Why a market's export cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum MarketContextError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// What stands in the journal is not what this program writes.
    #[error("{0}")]
    Stored(String),
}

impl MarketContext {
    /// Reads it.
    ///
    /// # Errors
    /// When the journal cannot be read or does not hold what it should.
    pub fn read(journal: &dyn Journal, configuration: &Configuration) -> Result<Self, MarketContextError> {
        let stored = |what: &str, error: &dyn std::fmt::Display| MarketContextError::Stored(format!("{what}: {error}"));
        let (market, settings) = configuration.check().map_err(|error| stored("configuration", &error))?;
        let state = match journal.head(configuration.cash_box)? {
            None => None,
            Some(head) => head.record.open().map_err(|error| stored("head", &error))?.0.details.head.market,
        };
        let state = match state {
            Some(json) => market.read_state(&json).map_err(|error| stored("state", &error))?,
            None => market.initial_state(&settings),
        };
        let units = configuration.units.iter().map(material).collect::<Result<_, _>>()?;
        Ok(Self { market, identification: configuration.identification.clone(), settings, state, units })
    }

    /// The same without a journal, with the state of a register before its first receipt: for checks, which need no state.
    ///
    /// # Errors
    /// When the configuration is not one that this program writes.
    pub fn of_configuration(configuration: &Configuration) -> Result<Self, MarketContextError> {
        let (market, settings) =
            configuration.check().map_err(|error| MarketContextError::Stored(format!("configuration: {error}")))?;
        let state = market.initial_state(&settings);
        let units = configuration.units.iter().map(material).collect::<Result<_, _>>()?;
        Ok(Self { market, identification: configuration.identification.clone(), settings, state, units })
    }

    /// As the market takes it.
    #[must_use]
    pub fn export<'a>(&'a self, secrets: Option<&'a MarketSecrets>) -> ExportContext<'a> {
        ExportContext {
            identification: &self.identification,
            settings: &self.settings,
            secrets,
            state: &self.state,
            units: &self.units,
        }
    }
}

fn material(unit: &UnitEntry) -> Result<UnitMaterial, MarketContextError> {
    let der = |text: &str| {
        base64_decode(text).ok_or_else(|| MarketContextError::Stored(format!("unit {}: not base64", unit.id)))
    };
    Ok(UnitMaterial {
        facts: UnitFacts { id: unit.id, algorithm_mark: unit.algorithm_mark.clone(), key_name: unit.key_name.clone() },
        certificate_der: unit.certificate_base64.as_deref().map(der).transpose()?,
        chain_der: unit.chain_base64.iter().map(|text| der(text)).collect::<Result<_, _>>()?,
        public_key_der: der(&unit.public_key_base64)?,
    })
}

/// Shows a sign record to `visit` as a market sees it; does nothing with another record.
///
/// # Errors
/// When the record cannot be read, or what `visit` gives.
pub fn with_signed<E: From<kassette_record::RecordError>>(
    record: &SealedRecord,
    visit: impl FnOnce(&Signed<'_>) -> Result<(), E>,
) -> Result<(), E> {
    if record.reference_key.is_none() {
        return Ok(());
    }
    let (opened, bodies): (_, Erasable) = record.open()?;
    let details = opened.details;
    let Some(sign) = &details.sign else { return Ok(()) };
    visit(&Signed {
        row: record.row,
        details: &details,
        note: sign.market.as_deref(),
        request: bodies.request(),
        response: bodies.response(),
    })
}
