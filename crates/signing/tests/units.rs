//! Units from making or importing them to signing, through the public interface.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "a test may stop and say why")]

use std::sync::Arc;

use kassette_signing::{
    CertificateFacts, KeyFileError, SANDBOX_MARK, SecretText, SignatureUnit, UnitFault, UnitKind, UnitSpec,
    VerifyingKey, certificate_pem, create_sandbox, import_key_file, open, parse_certificate, public_key_pem,
    verify_p256,
};
use kassette_stdx::{SeededEntropy, SystemEntropy};

const PASSPHRASE: Option<&str> = Some("correct-horse");
/// 2026-01-01T00:00:00Z.
const NOT_BEFORE_UNIX_S: u64 = 1_767_225_600;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("fixtures/", $name)).as_slice()
    };
}

const CHAIN: &[u8] = fixture!("chain-high-bit-serial.pem");
const PLAIN: &[u8] = fixture!("key-plain.pem");

/// Signs, verifies with the certificate (or the public key) and expects a changed message to fail.
fn check_signs(unit: &Arc<dyn SignatureUnit>) {
    let identity = unit.identity();
    let signature = unit.sign(b"a receipt").unwrap();
    let key = identity.certificate_der.as_ref().unwrap_or(&identity.public_key_spki_der);
    assert!(verify_p256(key, b"a receipt", &signature));
    assert!(verify_p256(&identity.public_key_spki_der, b"a receipt", &signature));
    assert!(!verify_p256(key, b"another receipt", &signature));
    unit.probe().unwrap();
}

/// Imports and expects this refusal.
fn check_refused(key: &[u8], passphrase: Option<&str>, certificates: &[u8], mark: &str, expected: &KeyFileError) {
    match import_key_file(key, passphrase, certificates, mark, None) {
        Ok(_) => panic!("expected the refusal: {expected}"),
        Err(found) => assert_eq!(&found, expected),
    }
}

fn sandbox() -> UnitSpec {
    create_sandbox("till 1", NOT_BEFORE_UNIX_S, &SystemEntropy).unwrap()
}

#[test]
fn a_sandbox_unit_signs_and_says_what_it_is() {
    let unit = open(&sandbox(), None).unwrap();
    check_signs(&unit);
    let identity = unit.identity();
    assert_eq!(identity.algorithm_mark, SANDBOX_MARK);
    assert!(identity.kind.is_sandbox());
    assert_eq!((identity.key_id.as_ref(), identity.chain_der.len()), (None, 0));
    let facts = parse_certificate(identity.certificate_der.as_ref().unwrap()).unwrap();
    assert_eq!(facts.subject, "CN=Kassette SANDBOX till 1\\, not fiscally valid");
    assert_eq!(facts.issuer, facts.subject, "self-signed");
    assert_eq!(facts.not_before_unix_s, NOT_BEFORE_UNIX_S);
    assert_eq!(facts.not_after_unix_s, NOT_BEFORE_UNIX_S + 10 * 365 * 86_400);
    assert_eq!(facts.serial_hex, identity.certificate_serial_hex);
    assert_eq!(facts.spki_der, identity.public_key_spki_der);
    assert_eq!(facts.serial_hex.len(), 16);
}

#[test]
fn every_sandbox_unit_has_its_own_key_even_with_the_same_entropy() {
    let [first, second] = [7, 7].map(|seed| create_sandbox("a", NOT_BEFORE_UNIX_S, &SeededEntropy::new(seed)).unwrap());
    let [first, second] = [first, second].map(|spec| open(&spec, None).unwrap());
    assert_eq!(first.identity().certificate_serial_hex, second.identity().certificate_serial_hex);
    assert_ne!(first.identity().public_key_spki_der, second.identity().public_key_spki_der);
}

#[test]
fn a_sandbox_certificate_can_start_at_any_accepted_second() {
    for start in [0, NOT_BEFORE_UNIX_S, 2_524_607_999, 221_876_927_999] {
        let unit = open(&create_sandbox("a", start, &SystemEntropy).unwrap(), None).unwrap();
        let facts = parse_certificate(unit.identity().certificate_der.as_ref().unwrap()).unwrap();
        assert_eq!(facts.not_before_unix_s, start);
    }
    assert!(matches!(create_sandbox("a", u64::MAX, &SystemEntropy), Err(KeyFileError::Creation(_))));
}

#[test]
fn the_test_switch_makes_a_sandbox_unit_fail_and_recover() {
    let mut spec = sandbox();
    let unit = open(&spec, None).unwrap();
    let down = UnitFault::Unavailable("test switch".into());
    unit.set_failing(true).unwrap();
    assert_eq!(unit.sign(b"m"), Err(down.clone()));
    assert_eq!(unit.probe(), Err(down.clone()));
    unit.set_failing(false).unwrap();
    check_signs(&unit);

    spec.failing = true;
    let unit = open(&spec, None).unwrap();
    assert_eq!(unit.sign(b"m"), Err(down), "the stored switch counts when the unit is opened");
    unit.set_failing(false).unwrap();
    check_signs(&unit);
}

#[test]
fn a_real_unit_has_no_test_switch() {
    let mut spec = import_key_file(PLAIN, None, CHAIN, "AT1", None).unwrap();
    let unit = open(&spec, None).unwrap();
    assert!(matches!(unit.set_failing(true), Err(UnitFault::Refused(_))));
    check_signs(&unit);
    spec.failing = true;
    assert!(matches!(open(&spec, None).err(), Some(KeyFileError::SpecDamaged(_))));
}

#[test]
fn every_form_of_the_same_key_file_gives_the_same_unit() {
    for (file, passphrase, encrypted) in [
        (PLAIN, None, false),
        (PLAIN, PASSPHRASE, false),
        (fixture!("key-plain.der"), None, false),
        (fixture!("key-pbkdf2.pem"), PASSPHRASE, true),
        (fixture!("key-pbkdf2.der"), PASSPHRASE, true),
        (fixture!("key-scrypt.pem"), PASSPHRASE, true),
    ] {
        let spec = import_key_file(file, passphrase, CHAIN, "AT2", None).unwrap();
        assert_eq!((spec.kind, spec.encrypted), (UnitKind::KeyFile, encrypted));
        let unit = open(&UnitSpec::from_json(&spec.to_json().unwrap()).unwrap(), passphrase).unwrap();
        check_signs(&unit);
        let identity = unit.identity();
        assert_eq!(identity.algorithm_mark, "AT2");
        assert_eq!(identity.certificate_serial_hex, "8f00a1b2c3d4e5f6");
        assert_eq!(identity.chain_der.len(), 1);
        assert_eq!(public_key_pem(identity).as_bytes(), fixture!("public-key.pem"), "as OpenSSL prints it");
        assert!(std::str::from_utf8(CHAIN).unwrap().starts_with(&certificate_pem(identity).unwrap()));
    }
}

#[test]
fn an_encrypted_key_stays_encrypted_and_opens_only_with_its_passphrase() {
    let spec = import_key_file(fixture!("key-pbkdf2.der"), PASSPHRASE, CHAIN, "AT1", None).unwrap();
    let stored = kassette_stdx::encoding::base64(fixture!("key-pbkdf2.der"));
    let json = spec.to_json().unwrap();
    assert!(std::str::from_utf8(&json).unwrap().contains(&stored), "kept as it was given");
    assert_eq!(open(&spec, None).err(), Some(KeyFileError::PassphraseMissing));
    assert_eq!(open(&spec, Some("")).err(), Some(KeyFileError::WrongPassphrase));
    assert_eq!(open(&spec, Some("wrong")).err(), Some(KeyFileError::WrongPassphrase));
}

#[test]
fn no_wrong_passphrase_is_taken_for_something_else() {
    // About one in 256 decrypts to something with right padding: that has to read as a wrong passphrase too.
    for attempt in 0..600 {
        let error = import_key_file(fixture!("key-pbkdf2.der"), Some(&format!("no-{attempt}")), CHAIN, "AT1", None);
        assert_eq!(error.err(), Some(KeyFileError::WrongPassphrase), "attempt {attempt}");
    }
}

#[test]
fn a_key_file_that_is_not_usable_is_refused_with_its_reason() {
    let sec1 = KeyFileError::NotPkcs8 { label: "EC PRIVATE KEY".into() };
    check_refused(fixture!("key-sec1.pem"), None, CHAIN, "AT1", &sec1);
    check_refused(b"", None, CHAIN, "AT1", &KeyFileError::NoPrivateKey);
    check_refused(b"\x30\x80garbage", None, CHAIN, "AT1", &KeyFileError::NoPrivateKey);
    check_refused(CHAIN, None, CHAIN, "AT1", &KeyFileError::NoPrivateKey);
    let p384 = KeyFileError::NotP256 {
        what: "the private key",
        found: "algorithm 1.2.840.10045.2.1, curve 1.3.132.0.34".into(),
    };
    check_refused(fixture!("key-p384.pem"), None, fixture!("certificate-p384.pem"), "AT1", &p384);
    let too_large = KeyFileError::TooLarge { what: "the key file", found_bytes: 65_537, limit_bytes: 65_536 };
    check_refused(&[b' '; 65_537], None, CHAIN, "AT1", &too_large);
    let error = import_key_file(fixture!("key-pbkdf2-sha1.pem"), PASSPHRASE, CHAIN, "AT1", None).unwrap_err();
    assert!(matches!(error, KeyFileError::UnsupportedEncryption(_)), "{error}");
}

#[test]
fn a_key_file_that_would_take_minutes_to_open_is_refused() {
    // The rounds stand as `02 02 08 00` (2,048) in the file; a number of four bytes takes their place.
    let file = fixture!("key-pbkdf2.der");
    let place = file.windows(4).position(|bytes| bytes == [2, 2, 8, 0]).unwrap();
    let mut costly = [&file[..place], &[2, 4, 0x7f, 0xff, 0xff, 0xff], &file[place + 4..]].concat();
    // Every sequence around the number grows by two bytes.
    assert_eq!(&costly[..2], [0x30, 0x81]);
    for length_at in sequences_around(&costly, place) {
        costly[length_at] += 2;
    }
    let error = import_key_file(&costly, PASSPHRASE, CHAIN, "AT1", None).unwrap_err();
    assert_eq!(error, KeyFileError::UnsupportedEncryption("its key derivation costs too much".into()));
}

/// Where the lengths of the sequences stand that enclose `place` (DER, lengths under 256).
fn sequences_around(der: &[u8], place: usize) -> Vec<usize> {
    let (mut at, mut found) = (0, Vec::new());
    while at < place {
        let (length_at, content_at) = if der[at + 1] == 0x81 { (at + 2, at + 3) } else { (at + 1, at + 2) };
        let end = content_at + usize::from(der[length_at]);
        if der[at] == 0x30 && end > place {
            found.push(length_at);
            at = content_at;
        } else {
            at = end;
        }
    }
    found
}

#[test]
fn certificates_that_do_not_fit_are_refused_with_their_reason() {
    check_refused(PLAIN, None, b"", "AT1", &KeyFileError::NoCertificate);
    check_refused(PLAIN, None, PLAIN, "AT1", &KeyFileError::NoCertificate);
    check_refused(PLAIN, None, fixture!("certificate-stranger.pem"), "AT1", &KeyFileError::CertificateMismatch);
    let p384 = KeyFileError::NotP256 { what: "the key of the certificate", found: "CN=Kassette test P-384".into() };
    check_refused(PLAIN, None, fixture!("certificate-p384.pem"), "AT1", &p384);
    let turned = [fixture!("certificate-stranger.pem"), CHAIN].concat();
    check_refused(PLAIN, None, &turned, "AT1", &KeyFileError::CertificateNotFirst { number: 2 });
    let damaged = [CHAIN, b"-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n"].concat();
    let error = import_key_file(PLAIN, None, &damaged, "AT1", None).unwrap_err();
    assert!(matches!(error, KeyFileError::CertificateUnreadable { number: 3, .. }), "{error}");
}

#[test]
fn a_serial_with_a_leading_zero_digit_is_written_as_a_number() {
    let spec = import_key_file(PLAIN, None, fixture!("certificate-serial-leading-zero.der"), "AT1", None).unwrap();
    assert_eq!(open(&spec, None).unwrap().identity().certificate_serial_hex, "700a1b2");
}

#[test]
fn marks_and_key_ids_are_checked_on_import_and_again_on_opening() {
    check_refused(PLAIN, None, CHAIN, "R1-AT1", &KeyFileError::AlgorithmMark("R1-AT1".into()));
    check_refused(PLAIN, None, CHAIN, "AT100", &KeyFileError::SandboxMark("AT100".into()));
    check_refused(PLAIN, None, CHAIN, "AT0", &KeyFileError::KeyIdMissing);
    let mut spec = import_key_file(PLAIN, None, CHAIN, "AT1", None).unwrap();
    spec.algorithm_mark = "AT100".into();
    assert_eq!(open(&spec, None).err(), Some(KeyFileError::SandboxMark("AT100".into())));
    let mut spec = sandbox();
    spec.algorithm_mark = "AT1".into();
    assert_eq!(open(&spec, None).err(), Some(KeyFileError::SandboxMark("AT1".into())));
    spec.kind = UnitKind::KeyFile;
    assert_eq!(open(&spec, None).err(), Some(KeyFileError::SandboxCertificate));
}

#[test]
fn a_closed_system_needs_no_certificate_but_a_key_id() {
    let id = "U:ATU12345678-K1";
    let unit = open(&import_key_file(PLAIN, None, b"", "AT0", Some(id)).unwrap(), None).unwrap();
    check_signs(&unit);
    let identity = unit.identity();
    assert_eq!(identity.key_id.as_deref(), Some(id));
    assert_eq!((identity.certificate_serial_hex.as_str(), &identity.certificate_der), ("", &None));
    assert_eq!(certificate_pem(identity), None);
    assert_eq!(public_key_pem(identity).as_bytes(), fixture!("public-key.pem"));
}

#[test]
fn a_stored_unit_of_version_1_stays_readable() {
    let spec = UnitSpec::from_json(fixture!("unit-spec-v1.json")).unwrap();
    check_signs(&open(&spec, PASSPHRASE).unwrap());
    assert_eq!(spec.to_json().unwrap().as_slice(), fixture!("unit-spec-v1.json"), "and is written the same");
}

#[test]
fn a_damaged_or_newer_document_is_refused_without_quoting_it() {
    let text = String::from_utf8(fixture!("unit-spec-v1.json").to_vec()).unwrap();
    let newer = text.replace("\"version\": 1", "\"version\": 2").replace("\"encrypted\"", "\"sealed\"");
    let error = UnitSpec::from_json(newer.as_bytes()).unwrap_err();
    assert_eq!(error, KeyFileError::SpecVersion { found: 2, readable: 1 });
    for (from, to) in [
        ("\"version\": 1", "\"version\": 0"),
        ("key-file", "pkcs-99"),
        ("\"failing\"", "\"secret-word\""),
        ("true", "\"secret-word\""),
        ("}", ""),
    ] {
        let error = UnitSpec::from_json(text.replace(from, to).as_bytes()).unwrap_err();
        assert!(matches!(error, KeyFileError::SpecDamaged(_)), "{from}: {error}");
        assert!(!error.to_string().contains("secret-word"), "{error}");
    }
    let not_base64 = text.replace("\"private_key\": \"", "\"private_key\": \"*");
    let error = open(&UnitSpec::from_json(not_base64.as_bytes()).unwrap(), PASSPHRASE).err();
    assert_eq!(error, Some(KeyFileError::SpecDamaged("`private_key` is not base64".into())));
}

#[test]
fn a_private_key_is_never_in_debug_output() {
    let spec = sandbox();
    let json: serde_json::Value = serde_json::from_slice(&spec.to_json().unwrap()).unwrap();
    let key = json["private_key"].as_str().unwrap();
    assert!(key.len() > 100);
    let shown = format!("{spec:?}");
    assert!(!shown.contains(&key[..16]) && shown.contains("[redacted]"), "{shown}");
    let secret: SecretText = serde_json::from_str("\"abc\"").unwrap();
    assert_eq!(format!("{secret:?}"), "[redacted]");
}

#[test]
fn a_signature_by_openssl_verifies() {
    // `signature-asn1.der` is SEQUENCE { INTEGER r, INTEGER s } with 32 bytes each (no sign byte in this one).
    let der = fixture!("signature-asn1.der");
    assert_eq!((der.len(), &der[2..4], &der[36..38]), (70, &[2, 32][..], &[2, 32][..]));
    let fixed: [u8; 64] = [&der[4..36], &der[38..70]].concat().try_into().unwrap();
    let leaf = parse_certificate(fixture!("certificate-serial-leading-zero.der")).unwrap();
    assert_eq!(leaf.subject, "CN=Kassette test unit,C=AT");
    assert!(verify_p256(fixture!("certificate-serial-leading-zero.der"), fixture!("message.txt"), &fixed));
    assert!(!verify_p256(&leaf.spki_der, b"another", &fixed));
}

#[test]
fn one_unit_signs_for_many_threads() {
    let unit = open(&sandbox(), None).unwrap();
    let key = VerifyingKey::from_spki_or_certificate(&unit.identity().public_key_spki_der).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let (unit, key) = (Arc::clone(&unit), &key);
            scope.spawn(move || {
                for round in 0..50_u8 {
                    let message = [thread, round];
                    assert!(key.verifies(&message, &unit.sign(&message).unwrap()), "thread {thread}, round {round}");
                }
            });
        }
    });
}

#[test]
fn the_facts_of_a_certificate_are_those_that_openssl_prints() {
    let found = parse_certificate(fixture!("certificate-serial-leading-zero.der")).unwrap();
    let CertificateFacts { serial_hex, subject, issuer, not_before_unix_s, not_after_unix_s, spki_der } = found;
    assert_eq!(serial_hex, "700a1b2");
    assert_eq!(subject, "CN=Kassette test unit,C=AT");
    assert_eq!(issuer, "CN=Kassette test CA,O=Kassette tests,C=AT");
    assert_eq!(not_after_unix_s - not_before_unix_s, 36_500 * 86_400);
    assert_eq!(spki_der.len(), 91);
}
