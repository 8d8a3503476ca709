//! From a stored unit to one that signs. Every rule about a unit is checked here, whether it is new or read again.

use std::sync::Arc;

use kassette_stdx::encoding::base64_decode;
use zeroize::Zeroizing;

use crate::certificate::{parse_certificate, parse_numbered};
use crate::error::KeyFileError;
use crate::key_file::KeyFileUnit;
use crate::mark;
use crate::p256::{SigningKey, VerifyingKey};
use crate::private_key::{self, Pkcs8};
use crate::sandbox::{SandboxUnit, is_sandbox_subject};
use crate::spec::{UnitSpec, check_version};
use crate::unit::{SignatureUnit, UnitIdentity, UnitKind};

/// Opens a stored unit. An encrypted key takes its passphrase; deriving the key from it can take a second of one core, so
/// this is not for the hot path.
///
/// # Errors
/// As [`import_key_file`](crate::import_key_file), and [`KeyFileError::SpecVersion`] or [`KeyFileError::SpecDamaged`]
/// for a document that is newer, damaged or contradicts itself.
pub fn open(spec: &UnitSpec, passphrase: Option<&str>) -> Result<Arc<dyn SignatureUnit>, KeyFileError> {
    check_version(spec.version)?;
    mark::check(spec.kind, &spec.algorithm_mark, spec.key_id.as_deref())?;
    if spec.failing && !spec.kind.is_sandbox() {
        return Err(KeyFileError::SpecDamaged("the test switch is set on a unit that is not a sandbox unit".into()));
    }
    let certificate_der = spec.certificate.as_deref().map(|text| decode("certificate", text)).transpose()?;
    let chain_der = spec.chain.iter().map(|text| decode("chain", text)).collect::<Result<Vec<_>, _>>()?;
    for (place, der) in chain_der.iter().enumerate() {
        parse_numbered(place.saturating_add(2), der)?;
    }
    // The certificate is missed before the passphrase is tried: it costs nothing to look.
    if certificate_der.is_none() && !mark::is_closed_system(&spec.algorithm_mark) {
        return Err(KeyFileError::NoCertificate);
    }
    let der = Zeroizing::new(decode("private_key", spec.private_key.expose())?);
    let key = private_key::load(&Pkcs8 { der, encrypted: spec.encrypted }, passphrase)?;
    let certificate_serial_hex = match &certificate_der {
        Some(leaf) => check_leaf(&key, spec.kind, leaf, &chain_der)?,
        None => String::new(),
    };
    let identity = UnitIdentity {
        kind: spec.kind,
        algorithm_mark: spec.algorithm_mark.clone(),
        certificate_serial_hex,
        key_id: spec.key_id.clone(),
        certificate_der,
        chain_der,
        public_key_spki_der: key.spki_der()?,
    };
    Ok(match spec.kind {
        UnitKind::Sandbox => Arc::new(SandboxUnit::new(key, identity, spec.failing)),
        UnitKind::KeyFile => Arc::new(KeyFileUnit::new(key, identity)),
    })
}

fn decode(field: &str, text: &str) -> Result<Vec<u8>, KeyFileError> {
    base64_decode(text).ok_or_else(|| KeyFileError::SpecDamaged(format!("`{field}` is not base64")))
}

/// The leaf has to be the certificate of this key; gives its serial number.
fn check_leaf(key: &SigningKey, kind: UnitKind, leaf: &[u8], chain: &[Vec<u8>]) -> Result<String, KeyFileError> {
    let facts = parse_certificate(leaf)?;
    if !kind.is_sandbox() && is_sandbox_subject(&facts.subject) {
        return Err(KeyFileError::SandboxCertificate);
    }
    if key.matches(&facts.spki_der) {
        return Ok(facts.serial_hex);
    }
    let of_this_key = |der: &Vec<u8>| parse_certificate(der).is_ok_and(|facts| key.matches(&facts.spki_der));
    if let Some(place) = chain.iter().position(of_this_key) {
        return Err(KeyFileError::CertificateNotFirst { number: place.saturating_add(2) });
    }
    if VerifyingKey::from_spki_or_certificate(leaf).is_none() {
        return Err(KeyFileError::NotP256 { what: "the key of the certificate", found: facts.subject });
    }
    Err(KeyFileError::CertificateMismatch)
}
