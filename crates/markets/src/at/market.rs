//! Austria as a market.

use kassette_model::cases::Country;
use kassette_model::{Environment, Moment};
use kassette_record::MarketStamp;
use serde_json::value::RawValue;

use super::rates::Rules;
use super::{Secrets, Settings, State, step};
use crate::{
    Decision, ExportContext, ExportError, Input, Market, MarketSecrets, MarketSettings, MarketState, ReceiptExport,
    ReceiptVerifier, SettingsError, VerifySignature,
};

/// Austria.
#[derive(Debug, Clone, Copy)]
pub struct Austria;

impl Market for Austria {
    fn country(&self) -> Country {
        Country::AT
    }

    fn stamp(&self, moment: Moment) -> MarketStamp {
        MarketStamp { country: Country::AT.to_string(), rules: Rules::at(moment).name.to_owned() }
    }

    fn settings(&self, json: &str, environment: Environment) -> Result<MarketSettings, SettingsError> {
        Settings::parse(json, environment).map(MarketSettings::At)
    }

    fn check_identification(&self, identification: &str) -> Result<(), SettingsError> {
        if identification.contains('_') {
            let message =
                "an underscore separates the fields of the machine-readable code and may not stand in the Kassen-ID";
            return Err(SettingsError { pointer: String::new(), message: message.to_owned() });
        }
        Ok(())
    }

    fn check_change(&self, old: &MarketSettings, new: &MarketSettings) -> Result<(), SettingsError> {
        let (MarketSettings::At(old), MarketSettings::At(new)) = (old, new);
        if old.counter_bytes != new.counter_bytes {
            let message =
                format!("the turnover counter has {} bytes since the register was started", old.counter_bytes);
            return Err(SettingsError { pointer: "/counter_bytes".to_owned(), message });
        }
        Ok(())
    }

    fn secrets(&self, stored: &str) -> Result<MarketSecrets, SettingsError> {
        Secrets::parse(stored).map(MarketSecrets::At)
    }

    fn new_secrets(&self, random: &[u8; 64]) -> String {
        Secrets::stored_from_random(random)
    }

    fn initial_state(&self, _settings: &MarketSettings) -> MarketState {
        MarketState::At(State::new())
    }

    fn read_state(&self, json: &RawValue) -> Result<MarketState, SettingsError> {
        State::parse(json.get()).map(MarketState::At)
    }

    fn write_state(&self, state: &MarketState) -> Box<RawValue> {
        let MarketState::At(state) = state;
        state.write()
    }

    fn step(&self, stamp: &MarketStamp, input: &Input<'_>) -> Decision {
        step::decide(stamp, input)
    }

    fn export(
        &self,
        journal_type: u16,
        version: u8,
        context: &ExportContext<'_>,
    ) -> Result<Box<dyn ReceiptExport>, ExportError> {
        super::export::open(journal_type, version, context)
    }

    fn verifier<'a>(&self, context: &ExportContext<'a>, verify: VerifySignature<'a>) -> Box<dyn ReceiptVerifier + 'a> {
        super::verifier::open(context, verify)
    }
}
