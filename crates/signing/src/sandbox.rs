//! The sandbox unit: a key and a self-signed certificate made here, and a switch that makes it fail.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use kassette_stdx::Entropy;
use kassette_stdx::encoding::base64;
use rcgen::{CertificateParams, DistinguishedName, DnType, IsCa, KeyUsagePurpose, SerialNumber};

use crate::error::KeyFileError;
use crate::mark::SANDBOX_MARK;
use crate::p256::{SIGNATURE_BYTES, SigningKey};
use crate::spec::{SPEC_VERSION, SecretText, UnitSpec};
use crate::unit::{SignatureUnit, UnitFault, UnitIdentity, UnitKind};

/// How long a sandbox certificate is valid, in seconds: ten years of 365 days.
const VALIDITY_S: u64 = 10 * 365 * 24 * 3600;
/// Latest accepted start of validity, in seconds since the Unix epoch: the end of the year 9000, so that the end of
/// validity still fits the four digits of a `GeneralizedTime`.
const MAX_NOT_BEFORE_UNIX_S: u64 = 221_876_927_999;
/// Longest common name, in characters (RFC 5280, appendix A.1, `ub-common-name`).
const MAX_COMMON_NAME_CHARS: usize = 64;
/// Length of a sandbox certificate's serial number in bytes, as in the authority's own test data.
const SERIAL_BYTES: usize = 8;

/// How the common name of every sandbox certificate starts.
const SUBJECT_START: &str = "Kassette SANDBOX ";
/// How the common name of every sandbox certificate ends.
const SUBJECT_END: &str = ", not fiscally valid";

/// Whether a certificate with this subject (RFC 4514 text) was made for a sandbox unit.
pub(crate) fn is_sandbox_subject(subject: &str) -> bool {
    subject.strip_prefix("CN=").is_some_and(|name| name.starts_with(SUBJECT_START))
}

/// Signs like a real unit, for receipts without fiscal value.
pub struct SandboxUnit {
    key: SigningKey,
    identity: UnitIdentity,
    failing: AtomicBool,
}

impl SandboxUnit {
    pub(crate) fn new(key: SigningKey, identity: UnitIdentity, failing: bool) -> Self {
        Self { key, identity, failing: AtomicBool::new(failing) }
    }
}

impl SignatureUnit for SandboxUnit {
    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_BYTES], UnitFault> {
        self.probe()?;
        self.key.sign(message)
    }

    fn identity(&self) -> &UnitIdentity {
        &self.identity
    }

    fn probe(&self) -> Result<(), UnitFault> {
        if self.failing.load(Ordering::SeqCst) {
            return Err(UnitFault::Unavailable("test switch".into()));
        }
        Ok(())
    }

    fn set_failing(&self, failing: bool) -> Result<(), UnitFault> {
        self.failing.store(failing, Ordering::SeqCst);
        Ok(())
    }
}

/// Makes a sandbox unit: a fresh key on P-256 and a self-signed certificate whose subject says what it is. `name` appears
/// in that subject, cut to its limit. The serial number comes from `entropy`, the key always from the cryptographic
/// library's own generator.
///
/// # Errors
/// [`KeyFileError::Creation`] when `not_before_unix_s` is beyond the year 9000 or the library makes no key.
pub fn create_sandbox(name: &str, not_before_unix_s: u64, entropy: &dyn Entropy) -> Result<UnitSpec, KeyFileError> {
    if not_before_unix_s > MAX_NOT_BEFORE_UNIX_S {
        return Err(KeyFileError::Creation("the start of validity is beyond the year 9000".into()));
    }
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
        .map_err(|_| KeyFileError::Creation("no key could be made".into()))?;
    let issuer = SelfSigner::from_pkcs8(pkcs8.as_ref())?;

    let mut parameters = CertificateParams::default();
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    parameters.not_before = epoch + Duration::from_secs(not_before_unix_s);
    parameters.not_after = epoch + Duration::from_secs(not_before_unix_s.saturating_add(VALIDITY_S));
    parameters.serial_number = Some(SerialNumber::from_slice(&random_serial(entropy)));
    parameters.is_ca = IsCa::ExplicitNoCa;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, common_name(name));
    let certificate = parameters.self_signed(&issuer).map_err(|error| KeyFileError::Creation(error.to_string()))?;

    Ok(UnitSpec {
        version: SPEC_VERSION,
        kind: UnitKind::Sandbox,
        algorithm_mark: SANDBOX_MARK.to_owned(),
        key_id: None,
        encrypted: false,
        private_key: SecretText::new(base64(pkcs8.as_ref())),
        certificate: Some(base64(certificate.der())),
        chain: Vec::new(),
        failing: false,
    })
}

/// A positive serial number whose first hexadecimal digit is not zero: it reads the same as bytes and as a number.
fn random_serial(entropy: &dyn Entropy) -> [u8; SERIAL_BYTES] {
    let mut serial = [0; SERIAL_BYTES];
    entropy.fill(&mut serial);
    if let Some(first) = serial.first_mut() {
        *first = 0x10 | (*first & 0x7f);
    }
    serial
}

fn common_name(name: &str) -> String {
    let room = MAX_COMMON_NAME_CHARS.saturating_sub(SUBJECT_START.len()).saturating_sub(SUBJECT_END.len());
    let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).take(room).collect();
    format!("{SUBJECT_START}{name}{SUBJECT_END}")
}

/// The key as the certificate maker takes it; its own key type would keep a second copy that is never wiped.
struct SelfSigner(EcdsaKeyPair);

impl SelfSigner {
    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyFileError> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der)
            .map(Self)
            .map_err(|rejected| KeyFileError::Creation(rejected.to_string()))
    }
}

impl rcgen::PublicKeyData for SelfSigner {
    fn der_bytes(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for SelfSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature = self.0.sign(&SystemRandom::new(), message).map_err(|_| rcgen::Error::RemoteKeyError)?;
        Ok(signature.as_ref().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u8);

    impl Entropy for Fixed {
        fn fill(&self, target: &mut [u8]) {
            target.fill(self.0);
        }
    }

    #[test]
    fn a_serial_is_positive_and_has_no_leading_zero_digit_whatever_the_random_bytes() {
        for byte in 0..=u8::MAX {
            let serial = random_serial(&Fixed(byte));
            let first = serial.first().copied().unwrap_or_default();
            assert!((0x10..=0x7f).contains(&first), "{byte:02x} gives {first:02x}");
            assert!(serial.iter().skip(1).all(|b| *b == byte));
        }
    }

    #[test]
    fn a_common_name_is_cut_to_its_limit_and_has_no_control_characters() {
        assert_eq!(common_name("till 1"), "Kassette SANDBOX till 1, not fiscally valid");
        assert_eq!(common_name("a\nb"), "Kassette SANDBOX a b, not fiscally valid");
        assert_eq!(common_name(&"ü".repeat(100)).chars().count(), MAX_COMMON_NAME_CHARS);
    }
}
