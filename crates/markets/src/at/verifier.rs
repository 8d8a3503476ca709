//! Checks the stored receipts of a cash box: the legal chain beside the journal's own.

use super::checker::Checker;
use super::keys::Keys;
use super::note::Note;
use crate::{ExportContext, MarketSecrets, ReceiptVerifier, Signed, VerifyError, VerifySignature};

/// Opens a verifier for the receipts of one cash box from the first one on.
pub(super) fn open<'a>(context: &ExportContext<'a>, verify: VerifySignature<'a>) -> Box<dyn ReceiptVerifier + 'a> {
    let counter_key = context.secrets.map(|MarketSecrets::At(secrets)| *secrets.key());
    let mut keys = Keys::default();
    for unit in context.units {
        keys.add_unit(unit);
    }
    let identification = context.identification.to_owned();
    Box::new(Verifier { checker: Checker::new(verify, counter_key), keys, identification, numerator: None })
}

struct Verifier<'a> {
    checker: Checker<'a>,
    keys: Keys,
    identification: String,
    /// Numerator of the last receipt with a code; a later one is higher, so that no number occurs twice.
    numerator: Option<u64>,
}

impl Verifier<'_> {
    fn check(&mut self, signed: &Signed<'_>) -> Result<(), String> {
        let Some(facts) = &signed.details.sign else { return Ok(()) };
        let (numerator, cash_numerator) =
            facts.identification.split_once('#').ok_or("ftReceiptIdentification has no `#`")?;
        let Some(note) = signed.note else {
            // Without a code the part after `#` is empty (contract 6.2), so a lost note is seen.
            return if cash_numerator.is_empty() { Ok(()) } else { Err("the code of this receipt is missing".into()) };
        };
        let note = Note::parse(note)?;
        let checked = self.checker.receipt(&note.jws, &self.keys)?;
        if checked.code.number != facts.identification {
            return Err(format!("Belegnummer {:?} is not {:?}", checked.code.number, facts.identification));
        }
        if checked.code.key != note.key || checked.outage != note.unit.is_none() {
            return Err("key or unit of the note do not match the code".into());
        }
        if checked.code.kassen_id != self.identification {
            return Err(format!("Kassen-ID {:?} is not {:?}", checked.code.kassen_id, self.identification));
        }
        let numerator = numerator.strip_prefix("ft").and_then(|hex| u64::from_str_radix(hex, 16).ok());
        let numerator = numerator.ok_or("ftReceiptIdentification does not begin with a number")?;
        if self.numerator.is_some_and(|before| numerator <= before) {
            return Err("the receipt number does not rise".into());
        }
        self.numerator = Some(numerator);
        Ok(())
    }
}

impl ReceiptVerifier for Verifier<'_> {
    fn receipt(&mut self, signed: &Signed<'_>) -> Result<(), VerifyError> {
        self.check(signed).map_err(|reason| VerifyError { row: signed.row, reason })
    }
}
