//! Exports: the RKSV journal (DEP7), the register's status, and the crypto material beside them (contract 7.2).

use std::io;

use kassette_stdx::encoding::base64;
use serde_json::{Value, json};

use super::note::Note;
use super::state::State;
use crate::{
    ExportContext, ExportError, MarketSecrets, MarketSettings, MarketState, ReceiptExport, Signed, UnitMaterial,
};

/// What the authority's own tools read.
const JSON: &str = "application/json; charset=utf-8";

/// Opens an export: 0001 with version 0 and 0002 are DEP7, every other type is the status.
pub(super) fn open(
    journal_type: u16,
    version: u8,
    context: &ExportContext<'_>,
) -> Result<Box<dyn ReceiptExport>, ExportError> {
    let MarketState::At(state) = context.state;
    match (journal_type, version) {
        (0x0002, _) | (0x0001, 0) => Ok(Box::new(Dep::new(context, state))),
        _ => Ok(Box::new(Status { json: status(context, state).to_string() })),
    }
}

/// DEP7: one group with the certificate when a single unit signed; otherwise one group without a certificate, and after it
/// an empty group for each certificate.
struct Dep {
    kassen_id: String,
    certificate: String,
    chain: Vec<String>,
    more: Vec<String>,
    any: bool,
}

impl Dep {
    fn new(context: &ExportContext<'_>, state: &State) -> Self {
        let used = || state.keys.iter().filter_map(|key| context.units.iter().find(|unit| unit.facts.key_name == *key));
        let mut dep = Self {
            kassen_id: context.identification.to_owned(),
            certificate: String::new(),
            chain: Vec::new(),
            more: Vec::new(),
            any: false,
        };
        if state.keys.len() == 1 {
            if let Some((certificate, chain)) = used().next().and_then(certificates) {
                dep.certificate = certificate;
                dep.chain = chain;
            }
        } else {
            dep.more =
                used().filter_map(certificates).map(|(certificate, chain)| empty_group(&certificate, &chain)).collect();
        }
        dep
    }
}

/// Certificate and issuers of a unit in base64; `None` in a closed system.
fn certificates(unit: &UnitMaterial) -> Option<(String, Vec<String>)> {
    let certificate = unit.certificate_der.as_deref()?;
    Some((base64(certificate), unit.chain_der.iter().map(|der| base64(der)).collect()))
}

fn empty_group(certificate: &str, chain: &[String]) -> String {
    let (certificate, chain) = (json!(certificate), json!(chain));
    format!("{{\"Signaturzertifikat\":{certificate},\"Zertifizierungsstellen\":{chain},\"Belege-kompakt\":[]}}")
}

impl ReceiptExport for Dep {
    fn content_type(&self) -> &'static str {
        JSON
    }

    fn begin(&mut self, out: &mut dyn io::Write) -> Result<(), ExportError> {
        let (certificate, chain) = (json!(self.certificate), json!(self.chain));
        let kassen_id = json!(self.kassen_id);
        write!(
            out,
            "{{\"Belege-Gruppe\":[{{\"Signaturzertifikat\":{certificate},\"Zertifizierungsstellen\":{chain},\
             \"Kassen-ID\":{kassen_id},\"Belege-kompakt\":["
        )?;
        Ok(())
    }

    fn receipt(&mut self, signed: &Signed<'_>, out: &mut dyn io::Write) -> Result<(), ExportError> {
        let Some(note) = signed.note else { return Ok(()) };
        let note = Note::parse(note).map_err(|reason| ExportError::Record { row: signed.row, reason })?;
        let comma = if self.any { "," } else { "" };
        self.any = true;
        write!(out, "{comma}{}", json!(note.jws))?;
        Ok(())
    }

    fn end(&mut self, out: &mut dyn io::Write) -> Result<(), ExportError> {
        out.write_all(b"]}")?;
        for group in &self.more {
            write!(out, ",{group}")?;
        }
        out.write_all(b"]}")?;
        Ok(())
    }
}

/// The register now, without the key of its counter.
fn status(context: &ExportContext<'_>, state: &State) -> Value {
    let MarketSettings::At(settings) = context.settings;
    let cents = state.turnover_cents;
    json!({ "QueueATList": [{
        "CashBoxIdentification": context.identification,
        "SignAll": settings.sign_all,
        "ftCashNumerator": state.cash_numerator,
        "ftCashTotalizer": super::code::amount_text(cents).replace(',', "."),
        "CounterBytes": state.counter_bytes,
        "LastSettlement": state.settled.map(|day| day.to_string()),
        "LastSignatureHash": state.chain.map(super::chain::ChainValue::text),
        "LastSignatureZDA": state.unit.as_ref().map(|unit| unit.mark.as_str()),
        "LastSignatureCertificateSerialNumber": state.unit.as_ref().map(|unit| unit.key.as_str()),
        "SSCDFailed": state.failed.as_ref().map(|failed| json!({
            "Since": kassette_model::Moment::from_second(failed.since_s).ok().map(|since| since.to_string()),
            "From": failed.span.from,
            "To": failed.span.to,
        })),
    }]})
}

struct Status {
    json: String,
}

impl ReceiptExport for Status {
    fn content_type(&self) -> &'static str {
        JSON
    }

    fn begin(&mut self, out: &mut dyn io::Write) -> Result<(), ExportError> {
        out.write_all(self.json.as_bytes())?;
        Ok(())
    }

    fn receipt(&mut self, _signed: &Signed<'_>, _out: &mut dyn io::Write) -> Result<(), ExportError> {
        Ok(())
    }

    fn end(&mut self, _out: &mut dyn io::Write) -> Result<(), ExportError> {
        Ok(())
    }
}

/// The crypto material file that the authority's Prüftool reads beside a DEP7: the counter's key, and each certificate or
/// public key under the name in field 11. It is a secret. `None` when the context has no secrets.
#[must_use]
pub fn crypto_material(context: &ExportContext<'_>) -> Option<String> {
    let MarketSecrets::At(secrets) = context.secrets?;
    let keys: serde_json::Map<String, Value> = context
        .units
        .iter()
        .map(|unit| {
            let name = &unit.facts.key_name;
            let (kind, der) = match &unit.certificate_der {
                Some(certificate) => ("CERTIFICATE", certificate),
                None => ("PUBLIC_KEY", &unit.public_key_der),
            };
            let entry = json!({
                "id": name,
                "signatureDeviceType": kind,
                "signatureCertificateOrPublicKey": base64(der),
            });
            (name.clone(), entry)
        })
        .collect();
    Some(json!({ "base64AESKey": secrets.key_base64(), "certificateOrPublicKeyMap": keys }).to_string())
}
