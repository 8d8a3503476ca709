//! Public keys by the name that stands in field 11: a certificate's serial number, or the key id of a closed system.

use std::collections::HashMap;

use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};

use crate::UnitMaterial;

/// Keys that signatures may be checked with.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    by_name: HashMap<String, Vec<u8>>,
}

impl Keys {
    /// Adds a key under its name.
    pub(crate) fn add_public_key(&mut self, name: &str, spki_der: Vec<u8>) {
        self.by_name.insert(normal(name), spki_der);
    }

    /// Adds a certificate under its serial number, hexadecimal and decimal.
    pub(crate) fn add_certificate(&mut self, der: &[u8]) -> Result<(), String> {
        let (serial, spki) = serial_and_key(der)?;
        self.add_public_key(&decimal(&serial), spki.clone());
        self.add_public_key(&kassette_stdx::encoding::hex(&serial), spki);
        Ok(())
    }

    /// Adds a unit of a cash box; the certificate's own key counts where there is one.
    pub(crate) fn add_unit(&mut self, unit: &UnitMaterial) {
        let certified = unit.certificate_der.as_deref().and_then(|der| serial_and_key(der).ok()).map(|(_, key)| key);
        self.add_public_key(&unit.facts.key_name, certified.unwrap_or_else(|| unit.public_key_der.clone()));
    }

    /// The key that field 11 names, SubjectPublicKeyInfo DER.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.by_name.get(&normal(name)).map(Vec::as_slice)
    }
}

/// Serial numbers are written with and without leading zeros, in either case.
fn normal(name: &str) -> String {
    if name.bytes().all(|b| b.is_ascii_hexdigit()) {
        name.trim_start_matches('0').to_ascii_lowercase()
    } else {
        name.to_owned()
    }
}

/// Serial number (big-endian) and SubjectPublicKeyInfo of a certificate.
pub(crate) fn serial_and_key(der: &[u8]) -> Result<(Vec<u8>, Vec<u8>), String> {
    let certificate = Certificate::from_der(der).map_err(|e| format!("a certificate cannot be read: {e}"))?;
    let body = certificate.tbs_certificate();
    let spki =
        body.subject_public_key_info().to_der().map_err(|e| format!("a certificate's key cannot be read: {e}"))?;
    Ok((body.serial_number().as_bytes().to_vec(), spki))
}

/// A big-endian number in decimal.
fn decimal(bytes: &[u8]) -> String {
    let mut digits: Vec<u8> = vec![0];
    for byte in bytes {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            carry += u32::from(*digit) << 8;
            *digit = u8::try_from(carry % 10).unwrap_or_default();
            carry /= 10;
        }
        while carry > 0 {
            digits.push(u8::try_from(carry % 10).unwrap_or_default());
            carry /= 10;
        }
    }
    digits.iter().rev().map(|digit| char::from(b'0' + digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_every_spelling() {
        let mut keys = Keys::default();
        keys.add_public_key("07e63e50b2ab0f05", vec![1]);
        keys.add_public_key("U:ATU12345678-K0", vec![2]);
        for name in ["7e63e50b2ab0f05", "07E63E50B2AB0F05"] {
            assert_eq!(keys.get(name), Some(&[1][..]));
        }
        assert_eq!(keys.get("U:ATU12345678-K0"), Some(&[2][..]));
        assert_eq!(keys.get("u:atu12345678-k0"), None);
    }

    #[test]
    fn big_numbers_in_decimal() {
        assert_eq!(decimal(&[]), "0");
        assert_eq!(decimal(&[0, 255]), "255");
        assert_eq!(decimal(&[1, 0, 0, 0, 0, 0, 0, 0, 0]), "18446744073709551616");
    }
}
