//! Receipts by the rules of their market: the legal chain and its signatures, cash box by cash box.

use std::collections::HashMap;
use std::path::Path;

use kassette_cashbox::Configuration;
use kassette_markets::{MarketSecrets, ReceiptVerifier, VerifySignature};
use kassette_model::CashBoxId;
use kassette_record::{RecordError, SealedRecord};

use crate::http::market::{MarketContext, with_signed};
use crate::keys;

/// What is known of a cash box before its receipts are checked: its last configuration names every unit it ever had.
struct Known {
    configuration: Vec<u8>,
    last_row: u64,
}

/// First pass: configurations.
#[derive(Default)]
pub(super) struct Survey {
    known: HashMap<CashBoxId, Known>,
}

impl Survey {
    /// Takes note of a record.
    pub(super) fn record(&mut self, record: &SealedRecord) {
        if let Some((_, configuration)) = &record.configured {
            let known = Known { configuration: configuration.clone(), last_row: record.row };
            self.known.insert(record.cash_box, known);
        } else if let Some(known) = self.known.get_mut(&record.cash_box) {
            known.last_row = record.row;
        }
    }

    /// Opens what the second pass needs; with the secrets of `data_dir` when they can be read.
    pub(super) fn material(self, data_dir: Option<&Path>) -> Material {
        let mut material = Material::default();
        for (cash_box, known) in self.known {
            match open(cash_box, &known, data_dir) {
                Ok(register) => {
                    material.registers.insert(cash_box, register);
                }
                Err(reason) => material.notes.push(format!("cash box {cash_box}: receipts were not checked: {reason}")),
            }
        }
        material
    }
}

struct Register {
    context: MarketContext,
    secrets: Option<MarketSecrets>,
    last_row: u64,
}

fn open(cash_box: CashBoxId, known: &Known, data_dir: Option<&Path>) -> Result<Register, String> {
    let configuration = Configuration::from_json(&known.configuration).map_err(|error| error.to_string())?;
    let context = MarketContext::of_configuration(&configuration).map_err(|error| error.to_string())?;
    // Without the secret the signatures are checked all the same.
    let secrets = data_dir.and_then(|folder| keys::read_secrets(folder, cash_box, context.market).ok().flatten());
    Ok(Register { context, secrets, last_row: known.last_row })
}

/// What the second pass borrows.
#[derive(Default)]
pub(super) struct Material {
    registers: HashMap<CashBoxId, Register>,
    pub(super) notes: Vec<String>,
}

impl Material {
    /// Whether every turnover counter can be decrypted.
    pub(super) fn has_all_secrets(&self) -> bool {
        !self.registers.is_empty() && self.registers.values().all(|register| register.secrets.is_some())
    }

    /// Second pass: one verifier for each cash box.
    pub(super) fn checks<'a>(&'a self, verify: VerifySignature<'a>) -> Checks<'a> {
        let verifiers = self.registers.iter().map(|(cash_box, register)| {
            let context = register.context.export(register.secrets.as_ref());
            let verifier = register.context.market.verifier(&context, verify);
            (*cash_box, Check { verifier: Some(verifier), last_row: register.last_row })
        });
        Checks { checks: verifiers.collect(), receipts: 0 }
    }
}

struct Check<'a> {
    /// Gone after its first finding: what follows a broken chain proves nothing.
    verifier: Option<Box<dyn ReceiptVerifier + 'a>>,
    last_row: u64,
}

/// The verifiers at work.
pub(super) struct Checks<'a> {
    checks: HashMap<CashBoxId, Check<'a>>,
    pub(super) receipts: u64,
}

enum Wrong {
    Record(RecordError),
    Receipt(String),
}

impl From<RecordError> for Wrong {
    fn from(error: RecordError) -> Self {
        Self::Record(error)
    }
}

impl Checks<'_> {
    /// Checks a record, when it is a receipt.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn record(&mut self, record: &SealedRecord) -> Result<(), String> {
        let Some(check) = self.checks.get_mut(&record.cash_box) else { return Ok(()) };
        // Written since the first pass, perhaps with a unit that is not known here.
        if record.row > check.last_row {
            return Ok(());
        }
        let Some(verifier) = &mut check.verifier else { return Ok(()) };
        let receipts = &mut self.receipts;
        let checked = with_signed::<Wrong>(record, |signed| {
            *receipts = receipts.saturating_add(1);
            verifier.receipt(signed).map_err(|error| Wrong::Receipt(error.reason))
        });
        checked.map_err(|wrong| {
            check.verifier = None;
            match wrong {
                Wrong::Record(error) => error.to_string(),
                Wrong::Receipt(reason) => reason,
            }
        })
    }
}
