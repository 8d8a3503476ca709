//! `kassette config`.

use clap::Subcommand;
use kassette_cashbox::TerminalEntry;
use serde_json::{Value as Json, json};

use super::session::Session;
use crate::admin::Failure;
use crate::config::{self, ConfiguredTerminal, Shown, Value};

/// Commands about the configuration.
#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Every setting in force, and where it comes from
    Show,
    /// Read the configuration and say what is wrong with it
    Check,
    /// The documented default file
    Default,
}

impl Config {
    pub(super) fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Default => session.console.text(config::DEFAULT_FILE),
            Self::Show => {
                let loaded = session.configuration(Vec::new())?;
                let settings: Vec<Json> = loaded.shown.iter().map(as_json).collect();
                let terminals: Vec<Json> = loaded.settings.terminals.iter().map(terminal).collect();
                session
                    .console
                    .result(&json!({ "settings": settings, "terminals": terminals }), |_| config::shown(&loaded));
            }
            Self::Check => {
                session.configuration(Vec::new())?;
                session.console.result(&json!({ "good": true }), |_| "the configuration is good\n".to_owned());
            }
        }
        Ok(())
    }
}

/// Without its password.
fn terminal(terminal: &ConfiguredTerminal) -> Json {
    let TerminalEntry { name, provider, address, terminal_id, .. } = &terminal.entry;
    json!({
        "cash_box": terminal.cash_box.to_string(),
        "name": name,
        "provider": provider,
        "address": address.to_string(),
        "terminal_id": terminal_id,
    })
}

fn as_json(shown: &Shown) -> Json {
    let value = match &shown.value {
        Value::Integer(number) => json!(number),
        Value::Bool(flag) => json!(flag),
        Value::Text(text) => json!(text),
        Value::List(texts) => json!(texts),
    };
    json!({ "key": shown.key, "value": value, "unit": shown.unit, "origin": shown.origin.to_string() })
}
