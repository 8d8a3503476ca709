//! Reading X.509 certificates (RFC 5280).

use std::fmt::Write as _;

use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};

use crate::error::KeyFileError;
use crate::pem;

/// Largest accepted certificate file, in bytes.
const MAX_CERTIFICATES_BYTES: usize = 256 * 1024;

/// What offline checks need of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// The serial number in lower-case hexadecimal, as a number: no `0x`, no sign byte, no leading zero digit, so that
    /// the DER bytes `07 e6` read `7e6`. This is the form in which the authority's own exports name a certificate.
    pub serial_hex: String,
    /// The public key as `SubjectPublicKeyInfo` (DER).
    pub spki_der: Vec<u8>,
    /// The subject's name (RFC 4514 text).
    pub subject: String,
    /// The issuer's name (RFC 4514 text).
    pub issuer: String,
    /// First second of validity, in seconds since the Unix epoch.
    pub not_before_unix_s: u64,
    /// Last second of validity, in seconds since the Unix epoch.
    pub not_after_unix_s: u64,
}

/// Reads one certificate from DER. Neither its signature nor its validity is judged.
///
/// # Errors
/// [`KeyFileError::CertificateUnreadable`] when this is not a certificate.
pub fn parse_certificate(der: &[u8]) -> Result<CertificateFacts, KeyFileError> {
    parse_numbered(1, der)
}

/// As [`parse_certificate`], for the certificate at place `number` (from 1) among several.
pub(crate) fn parse_numbered(number: usize, der: &[u8]) -> Result<CertificateFacts, KeyFileError> {
    let unreadable =
        |error: x509_cert::der::Error| KeyFileError::CertificateUnreadable { number, why: error.to_string() };
    let certificate = Certificate::from_der(der).map_err(unreadable)?;
    let body = certificate.tbs_certificate();
    Ok(CertificateFacts {
        serial_hex: serial_hex(body.serial_number().as_bytes()),
        spki_der: body.subject_public_key_info().to_der().map_err(unreadable)?,
        subject: body.subject().to_string(),
        issuer: body.issuer().to_string(),
        not_before_unix_s: body.validity().not_before.to_unix_duration().as_secs(),
        not_after_unix_s: body.validity().not_after.to_unix_duration().as_secs(),
    })
}

/// A serial number from the content bytes of its DER integer; see [`CertificateFacts::serial_hex`]. A negative number,
/// which RFC 5280 §4.1.2.2 forbids, reads as its two's complement bytes.
fn serial_hex(integer: &[u8]) -> String {
    let mut text = String::with_capacity(integer.len().saturating_mul(2));
    for byte in integer {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    match text.trim_start_matches('0') {
        "" => "0".to_owned(),
        digits => digits.to_owned(),
    }
}

/// The certificates of a file in their order: a PEM bundle (blocks of other kinds are left out) or one DER certificate.
/// Every one of them is readable. Empty input gives none.
pub(crate) fn read_bundle(bytes: &[u8]) -> Result<Vec<(Vec<u8>, CertificateFacts)>, KeyFileError> {
    if bytes.len() > MAX_CERTIFICATES_BYTES {
        return Err(KeyFileError::TooLarge {
            what: "the certificate file",
            found_bytes: bytes.len(),
            limit_bytes: MAX_CERTIFICATES_BYTES,
        });
    }
    let mut found = Vec::new();
    match std::str::from_utf8(bytes) {
        Ok(text) if text.trim().is_empty() => {}
        Ok(text) if pem::is_pem(bytes) => {
            for block in pem::blocks(text).into_iter().filter(|block| block.label == "CERTIFICATE") {
                let number = found.len().saturating_add(1);
                let Some(der) = block.content else {
                    return Err(KeyFileError::CertificateUnreadable { number, why: "damaged PEM block".into() });
                };
                found.push((der.to_vec(), parse_numbered(number, &der)?));
            }
        }
        _ => found.push((bytes.to_vec(), parse_numbered(1, bytes)?)),
    }
    Ok(found)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn a_serial_is_written_as_a_number() {
        let cases: [(&[u8], &str); 7] = [
            (&[0x33, 0xa2], "33a2"),
            (&[0x00, 0x8f, 0x00, 0xa1], "8f00a1"),
            (&[0x07, 0xe6, 0x3e], "7e63e"),
            (&[0x10], "10"),
            (&[0x01], "1"),
            (&[0x00], "0"),
            (&[], "0"),
        ];
        for (bytes, text) in cases {
            assert_eq!(serial_hex(bytes), text, "{bytes:02x?}");
        }
    }

    #[test]
    fn bytes_that_are_no_certificate_are_refused() {
        for bytes in
            [&b"\x30\x03\x02\x01\x01"[..], b"text", b"-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n"]
        {
            let error = read_bundle(bytes).unwrap_err();
            assert!(matches!(error, KeyFileError::CertificateUnreadable { number: 1, .. }), "{error}");
        }
        let long = vec![b'a'; MAX_CERTIFICATES_BYTES + 1];
        assert!(matches!(read_bundle(&long).unwrap_err(), KeyFileError::TooLarge { .. }));
        assert!(read_bundle(b" \n").unwrap().is_empty());
    }
}
