//! The two texts that name a signer on an Austrian receipt: algorithm mark and key id.
//!
//! Source: RKSV Detailspezifikation, Z 2 (Registrierkassenalgorithmuskennzeichen) and the field
//! Zertifikat-Seriennummer, which holds the key id in a closed system.

use crate::error::KeyFileError;
use crate::unit::UnitKind;

/// The mark of every sandbox unit and of no other; no provider has it.
pub const SANDBOX_MARK: &str = "AT100";
/// The mark of a closed system, which has no provider.
const CLOSED_SYSTEM_MARK: &str = "AT0";
/// Longest accepted mark, in characters.
const MAX_MARK_CHARS: usize = 12;
/// Longest accepted key id, in characters.
const MAX_KEY_ID_CHARS: usize = 64;

/// Whether the mark names a closed system.
pub(crate) fn is_closed_system(mark: &str) -> bool {
    mark == CLOSED_SYSTEM_MARK
}

/// Checks that mark and key id are well formed, belong together, and belong to this kind of unit.
pub(crate) fn check(kind: UnitKind, mark: &str, key_id: Option<&str>) -> Result<(), KeyFileError> {
    if !is_mark(mark) {
        return Err(KeyFileError::AlgorithmMark(mark.to_owned()));
    }
    if kind.is_sandbox() != (mark == SANDBOX_MARK) {
        return Err(KeyFileError::SandboxMark(mark.to_owned()));
    }
    match (is_closed_system(mark), key_id) {
        (true, None) => Err(KeyFileError::KeyIdMissing),
        (true, Some(id)) if !is_key_id(id) => Err(KeyFileError::KeyId(id.to_owned())),
        (false, Some(_)) => Err(KeyFileError::KeyIdNotExpected(mark.to_owned())),
        (true, Some(_)) | (false, None) => Ok(()),
    }
}

/// `[A-Z]{2}[1-9][0-9]*` or `AT0`.
fn is_mark(text: &str) -> bool {
    if is_closed_system(text) {
        return true;
    }
    let mut bytes = text.bytes();
    text.len() <= MAX_MARK_CHARS
        && bytes.next().is_some_and(|b| b.is_ascii_uppercase())
        && bytes.next().is_some_and(|b| b.is_ascii_uppercase())
        && bytes.next().is_some_and(|b| (b'1'..=b'9').contains(&b))
        && bytes.all(|b| b.is_ascii_digit())
}

/// `<Ordnungsbegriff>-<key id>`, where the Ordnungsbegriff is `S:` and 9 digits (tax number), `U:` and a VAT id, or `G:`
/// and 13 digits (GLN).
fn is_key_id(text: &str) -> bool {
    let Some((owner, key)) = text.split_once('-') else { return false };
    let owner_is_right = match owner.split_once(':') {
        Some(("S", number)) => is_digits(number, 9),
        Some(("G", number)) => is_digits(number, 13),
        Some(("U", number)) => is_vat_id(number),
        _ => false,
    };
    text.len() <= MAX_KEY_ID_CHARS
        && owner_is_right
        && !key.is_empty()
        && key.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|b| b.is_ascii_digit())
}

/// Two capital letters and 2 to 12 capital letters or digits (Council Directive 2006/112/EC, Article 215, and VIES).
fn is_vat_id(text: &str) -> bool {
    let mut bytes = text.bytes();
    (4..=14).contains(&text.len())
        && bytes.by_ref().take(2).all(|b| b.is_ascii_uppercase())
        && bytes.all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_follow_the_pattern_of_a_strict_verifier() {
        for good in ["AT0", "AT1", "AT2", "AT10", "DE7", "AT100"] {
            assert!(is_mark(good), "{good}");
        }
        for bad in ["", "AT", "A1", "AT01", "AT00", "DE0", "at1", "AT1x", "R1-AT1", "AT1 ", "ÄT1", "AT12345678901"] {
            assert!(!is_mark(bad), "{bad}");
        }
    }

    #[test]
    fn key_ids_name_their_owner_in_one_of_three_ways() {
        for good in ["U:ATU12345678-K0", "S:123456789-key1", "G:1234567890123-A", "U:DE123456789-9"] {
            assert!(is_key_id(good), "{good}");
        }
        for bad in [
            "",
            "K0",
            "U:ATU12345678",
            "U:ATU12345678-",
            "U:ATU12345678-K-1",
            "U:atu12345678-K1",
            "U:A-K1",
            "S:12345678-K1",
            "S:1234567890-K1",
            "G:123456789012-K1",
            "X:123456789-K1",
            "S:12345678a-K1",
            "U:ATU12345678-K_1",
        ] {
            assert!(!is_key_id(bad), "{bad}");
        }
        assert!(!is_key_id(&format!("S:123456789-{}", "k".repeat(MAX_KEY_ID_CHARS))), "over the limit");
    }

    #[test]
    fn the_sandbox_mark_stays_on_sandbox_units() {
        assert_eq!(check(UnitKind::Sandbox, "AT100", None), Ok(()));
        assert_eq!(check(UnitKind::KeyFile, "AT1", None), Ok(()));
        assert_eq!(check(UnitKind::KeyFile, "AT100", None), Err(KeyFileError::SandboxMark("AT100".into())));
        assert_eq!(check(UnitKind::Sandbox, "AT1", None), Err(KeyFileError::SandboxMark("AT1".into())));
    }

    #[test]
    fn a_key_id_belongs_to_a_closed_system_and_only_there() {
        let id = Some("U:ATU12345678-K1");
        assert_eq!(check(UnitKind::KeyFile, "AT0", id), Ok(()));
        assert_eq!(check(UnitKind::KeyFile, "AT0", None), Err(KeyFileError::KeyIdMissing));
        assert_eq!(check(UnitKind::KeyFile, "AT0", Some("K1")), Err(KeyFileError::KeyId("K1".into())));
        assert_eq!(check(UnitKind::KeyFile, "AT1", id), Err(KeyFileError::KeyIdNotExpected("AT1".into())));
    }
}
