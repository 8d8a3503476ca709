//! ES256 itself: one private key that signs, and the public key that verifies.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, ParsedPublicKey,
};
use x509_cert::der::Decode;
use x509_cert::spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};

use crate::certificate;
use crate::error::KeyFileError;
use crate::unit::UnitFault;

/// Length of a signature in bytes: `r` and `s`, 32 bytes each.
pub const SIGNATURE_BYTES: usize = 64;

/// `id-ecPublicKey` (RFC 5480 §2.1.1).
pub(crate) const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// `secp256r1`, that is P-256 (RFC 5480 §2.1.1.1).
pub(crate) const P256_CURVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// A private key on P-256, held by the cryptographic library, which wipes it when dropped.
pub(crate) struct SigningKey {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl SigningKey {
    /// Reads an unencrypted PKCS#8 key. The library checks that private and public part belong together.
    pub(crate) fn from_pkcs8(der: &[u8]) -> Result<Self, KeyFileError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
            .map_err(|rejected| KeyFileError::KeyUnusable(rejected.to_string()))?;
        Ok(Self { pair, random: SystemRandom::new() })
    }

    /// Signs; see [`SignatureUnit::sign`](crate::SignatureUnit::sign).
    pub(crate) fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_BYTES], UnitFault> {
        self.pair
            .sign(&self.random, message)
            .ok()
            .and_then(|signature| signature.as_ref().try_into().ok())
            .ok_or_else(|| UnitFault::Refused("the cryptographic library did not sign".into()))
    }

    /// The public key as `SubjectPublicKeyInfo` with an uncompressed point.
    pub(crate) fn spki_der(&self) -> Result<Vec<u8>, KeyFileError> {
        let der: PublicKeyX509Der<'_> =
            self.pair.public_key().as_der().map_err(|_| KeyFileError::KeyUnusable("no public key".into()))?;
        Ok(der.as_ref().to_vec())
    }

    /// Whether a `SubjectPublicKeyInfo` holds the public key of this private key, in whichever form its point is written.
    pub(crate) fn matches(&self, spki_der: &[u8]) -> bool {
        let own = self.pair.public_key();
        match point_of(spki_der) {
            Some(point) if point.len() == own.as_ref().len() => point == own.as_ref(),
            Some(point) => compressed(own.as_ref()).is_some_and(|own| own == point),
            None => false,
        }
    }
}

/// The compressed form of an uncompressed point (SEC 1 §2.3.3): parity of `y`, then `x`.
fn compressed(uncompressed: &[u8]) -> Option<Vec<u8>> {
    let x = uncompressed.get(1..33)?;
    let parity = uncompressed.last()? & 1;
    let mut point = vec![2 | parity];
    point.extend_from_slice(x);
    Some(point)
}

/// The point of a `SubjectPublicKeyInfo` on P-256; `None` for every other key.
fn point_of(spki_der: &[u8]) -> Option<Vec<u8>> {
    let info = SubjectPublicKeyInfoRef::from_der(spki_der).ok()?;
    let curve = info.algorithm.parameters_oid().ok()?;
    if info.algorithm.oid != EC_PUBLIC_KEY || curve != P256_CURVE {
        return None;
    }
    info.subject_public_key.as_bytes().map(<[u8]>::to_vec)
}

/// A public key on P-256, parsed once for many signatures.
#[derive(Debug)]
pub struct VerifyingKey {
    parsed: ParsedPublicKey,
}

impl VerifyingKey {
    /// Takes the DER of a `SubjectPublicKeyInfo` or of an X.509 certificate; `None` when it is neither, or not of P-256.
    #[must_use]
    pub fn from_spki_or_certificate(der: &[u8]) -> Option<Self> {
        let point = match certificate::parse_certificate(der) {
            Ok(facts) => point_of(&facts.spki_der)?,
            Err(_) => point_of(der)?,
        };
        let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok()?;
        Some(Self { parsed })
    }

    /// Whether `signature` (`r || s`) is this key's signature of `message` with ES256.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        self.parsed.verify_sig(message, signature).is_ok()
    }
}

/// Whether `signature` (`r || s`) is the ES256 signature of `message` by the key in `spki_or_certificate_der`; `false` also
/// when that is not a key on P-256. Parses the key each time: use [`VerifyingKey`] for many.
#[must_use]
pub fn verify_p256(spki_or_certificate_der: &[u8], message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
    VerifyingKey::from_spki_or_certificate(spki_or_certificate_der).is_some_and(|key| key.verifies(message, signature))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests {
    use super::*;
    use kassette_stdx::encoding::{base64url_decode, hex_decode};

    /// RFC 7515, appendix A.3: the example for ES256.
    const RFC_7515_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    const RFC_7515_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
    const RFC_7515_D: &str = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";
    const RFC_7515_SIGNING_INPUT: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA\
                                          6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const RFC_7515_SIGNATURE: &str =
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

    /// The DER of `SubjectPublicKeyInfo` on P-256 up to the point (RFC 5480 §2).
    fn spki(point: &[u8]) -> Vec<u8> {
        let algorithm = hex_decode("301306072a8648ce3d020106082a8648ce3d030107").unwrap();
        let bits = [&[3, u8::try_from(point.len() + 1).unwrap(), 0][..], point].concat();
        let head = [0x30, u8::try_from(algorithm.len() + bits.len()).unwrap()];
        [&head[..], &algorithm, &bits].concat()
    }

    /// PKCS#8 with an `ECPrivateKey` (RFC 5915 §3) that names its public key.
    fn pkcs8(d: &[u8], point: &[u8]) -> Vec<u8> {
        let length = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap();
        let public = [&[3, length(point) + 1, 0][..], point].concat();
        let inner = [&[2, 1, 1, 4, 32][..], d, &[0xa1, length(&public)], &public].concat();
        let key = [&[0x30, length(&inner)][..], &inner].concat();
        let algorithm = hex_decode("301306072a8648ce3d020106082a8648ce3d030107").unwrap();
        let body = [&[2, 1, 0][..], &algorithm, &[4, length(&key)], &key].concat();
        [&[0x30, 0x81, length(&body)][..], &body].concat()
    }

    fn rfc_point() -> Vec<u8> {
        [vec![4], base64url_decode(RFC_7515_X).unwrap(), base64url_decode(RFC_7515_Y).unwrap()].concat()
    }

    #[test]
    fn the_rfc_7515_example_verifies_and_a_changed_one_does_not() {
        let key = spki(&rfc_point());
        let signature: [u8; 64] = base64url_decode(RFC_7515_SIGNATURE).unwrap().try_into().unwrap();
        assert!(verify_p256(&key, RFC_7515_SIGNING_INPUT.as_bytes(), &signature));
        assert!(!verify_p256(&key, &RFC_7515_SIGNING_INPUT.as_bytes()[1..], &signature));
        for byte in 0..64 {
            let mut changed = signature;
            changed[byte] ^= 1;
            assert!(!verify_p256(&key, RFC_7515_SIGNING_INPUT.as_bytes(), &changed), "byte {byte}");
        }
    }

    #[test]
    fn the_rfc_7515_key_signs_for_its_own_public_key() {
        let d = base64url_decode(RFC_7515_D).unwrap();
        let key = SigningKey::from_pkcs8(&pkcs8(&d, &rfc_point())).unwrap();
        assert_eq!(key.spki_der().unwrap(), spki(&rfc_point()));
        for message in [&b""[..], b"a", &[0xff; 5000]] {
            let signature = key.sign(message).unwrap();
            assert!(verify_p256(&spki(&rfc_point()), message, &signature), "{} bytes", message.len());
        }
    }

    #[test]
    fn a_compressed_point_is_the_same_key() {
        let d = base64url_decode(RFC_7515_D).unwrap();
        let key = SigningKey::from_pkcs8(&pkcs8(&d, &rfc_point())).unwrap();
        let short = compressed(&rfc_point()).unwrap();
        assert!(key.matches(&spki(&rfc_point())));
        assert!(key.matches(&spki(&short)));
        let other_parity = [&[short[0] ^ 1][..], &short[1..]].concat();
        assert!(!key.matches(&spki(&other_parity)));
        assert!(verify_p256(&spki(&short), b"m", &key.sign(b"m").unwrap()));
    }

    #[test]
    fn a_private_key_with_the_public_key_of_another_is_refused() {
        let mut d = base64url_decode(RFC_7515_D).unwrap();
        d[31] ^= 1;
        assert!(matches!(SigningKey::from_pkcs8(&pkcs8(&d, &rfc_point())), Err(KeyFileError::KeyUnusable(_))));
    }

    #[test]
    fn bytes_that_are_no_key_on_p256_never_verify() {
        let signature = [1; 64];
        assert!(VerifyingKey::from_spki_or_certificate(b"").is_none());
        assert!(VerifyingKey::from_spki_or_certificate(&[0x30; 91]).is_none());
        assert!(!verify_p256(b"no key", b"", &signature));
        let mut off_curve = rfc_point();
        off_curve[64] ^= 1;
        assert!(VerifyingKey::from_spki_or_certificate(&spki(&off_curve)).is_none());
    }
}
