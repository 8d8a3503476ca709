//! `webhook-signature`: HMAC-SHA256 over `id.timestamp.body` (Standard Webhooks 1.0, scheme `v1`).

use hmac::{Hmac, KeyInit as _, Mac as _};
use kassette_stdx::encoding;
use sha2::Sha256;

use crate::secret::Secret;

/// The symmetric scheme; entries of others in a header are passed over.
const SCHEME: &str = "v1,";
/// How far a timestamp may lie from the receiver's clock, in seconds: five minutes, as the reference libraries have it.
pub const TOLERANCE_S: u32 = 300;
/// Most entries of a `webhook-signature` header that are looked at.
pub const SIGNATURES_MAX: usize = 16;

/// Why a message is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// `webhook-timestamp` is not a whole number of seconds.
    #[error("webhook-timestamp is not a whole number of seconds")]
    TimestampUnreadable,
    /// The message is older than the tolerance.
    #[error("webhook-timestamp is too old")]
    TooOld,
    /// The message is from further in the future than the tolerance.
    #[error("webhook-timestamp is in the future")]
    TooNew,
    /// No `v1` entry of `webhook-signature` was made with a secret that is known here.
    #[error("no signature matches")]
    NoMatch,
}

/// The MAC over `id.timestamp.body`. The timestamp is signed as its text.
fn mac(secret: &Secret, id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC is defined for keys of every length (RFC 2104 §2)")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.key()).expect("HMAC takes keys of every length");
    mac.update(id.as_bytes());
    mac.update(b".");
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac
}

/// The value of `webhook-signature`: one `v1,<base64>` for each secret, separated by spaces. Two while a secret is rotated.
#[must_use]
pub fn sign(secrets: &[Secret], id: &str, timestamp_s: i64, body: &[u8]) -> String {
    let timestamp = timestamp_s.to_string();
    let mut value = String::new();
    for secret in secrets {
        if !value.is_empty() {
            value.push(' ');
        }
        value.push_str(SCHEME);
        value.push_str(&encoding::base64(&mac(secret, id, &timestamp, body).finalize().into_bytes()));
    }
    value
}

/// Checks a message as a receiver does: the age first, then whether any `v1` signature fits any of the secrets. The
/// comparison takes constant time.
///
/// `timestamp` and `signature` are the header values as they came; `now_s` is in Unix seconds.
///
/// # Errors
/// [`VerifyError`].
pub fn verify(
    secrets: &[Secret],
    id: &str,
    timestamp: &str,
    signature: &str,
    body: &[u8],
    now_s: i64,
    tolerance_s: u32,
) -> Result<(), VerifyError> {
    let sent_s: i64 = timestamp.parse().map_err(|_| VerifyError::TimestampUnreadable)?;
    let age_s = now_s.saturating_sub(sent_s);
    if age_s > i64::from(tolerance_s) {
        return Err(VerifyError::TooOld);
    }
    if age_s < -i64::from(tolerance_s) {
        return Err(VerifyError::TooNew);
    }
    let given = signature
        .split(' ')
        .take(SIGNATURES_MAX)
        .filter_map(|entry| entry.strip_prefix(SCHEME))
        .filter_map(encoding::base64_decode);
    for candidate in given {
        for secret in secrets {
            if mac(secret, id, timestamp, body).verify_slice(&candidate).is_ok() {
                return Ok(());
            }
        }
    }
    Err(VerifyError::NoMatch)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    const PUBLISHED_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const PUBLISHED_ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const PUBLISHED_TIMESTAMP_S: i64 = 1_614_265_330;
    const PUBLISHED_BODY: &[u8] = br#"{"test": 2432232314}"#;
    const PUBLISHED_SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn secret(text: &str) -> Secret {
        Secret::parse(text).unwrap()
    }

    fn published(signature: &str, now_s: i64) -> Result<(), VerifyError> {
        let timestamp = PUBLISHED_TIMESTAMP_S.to_string();
        let secrets = [secret(PUBLISHED_SECRET)];
        verify(&secrets, PUBLISHED_ID, &timestamp, signature, PUBLISHED_BODY, now_s, TOLERANCE_S)
    }

    #[test]
    fn known_answers() {
        // The first and the last are examples that reference libraries publish; the others were computed with Python's hmac,
        // which also gives the published ones.
        for (key, id, timestamp_s, body, expected) in [
            (PUBLISHED_SECRET, PUBLISHED_ID, PUBLISHED_TIMESTAMP_S, PUBLISHED_BODY, PUBLISHED_SIGNATURE),
            (
                "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
                "7b0c2e2a-6f4e-4a0e-9a56-0a3c7f6a9c11_1",
                1_772_619_330,
                b"",
                "v1,183421jkpgAgIEC0OrArjjgzRDqdgiU2zfk3lb+ow9w=",
            ),
            (
                "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==",
                "7b0c2e2a-6f4e-4a0e-9a56-0a3c7f6a9c11_2",
                1_772_619_330,
                "{\"StateMessage\":\"Käse €\"}".as_bytes(),
                "v1,VN+99VNCADLEwk9uqUu3RS9mRTSBy4iLia/2z03bIE8=",
            ),
            (
                "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
                "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
                1_649_367_553,
                br#"{"email":"test@example.com","username":"test_user"}"#,
                "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
            ),
        ] {
            assert_eq!(sign(&[secret(key)], id, timestamp_s, body), expected, "{id}");
            let timestamp = timestamp_s.to_string();
            assert_eq!(verify(&[secret(key)], id, &timestamp, expected, body, timestamp_s, 0), Ok(()));
        }
    }

    #[test]
    fn rotation_signs_with_both_and_a_receiver_needs_one() {
        let (old, new) = (secret(PUBLISHED_SECRET), Secret::from_bytes(&[9; 32]).unwrap());
        let both = sign(&[new.clone(), old.clone()], PUBLISHED_ID, PUBLISHED_TIMESTAMP_S, PUBLISHED_BODY);
        assert_eq!(both.split(' ').count(), 2);
        assert!(both.ends_with(PUBLISHED_SIGNATURE));
        let timestamp = PUBLISHED_TIMESTAMP_S.to_string();
        let stranger = Secret::from_bytes(&[8; 32]).unwrap();
        for (secrets, expected) in [
            (vec![old.clone()], Ok(())),
            (vec![new.clone()], Ok(())),
            (vec![stranger.clone(), old], Ok(())),
            (vec![stranger], Err(VerifyError::NoMatch)),
            (vec![], Err(VerifyError::NoMatch)),
        ] {
            let found =
                verify(&secrets, PUBLISHED_ID, &timestamp, &both, PUBLISHED_BODY, PUBLISHED_TIMESTAMP_S, TOLERANCE_S);
            assert_eq!(found, expected);
        }
        assert_eq!(sign(&[], PUBLISHED_ID, PUBLISHED_TIMESTAMP_S, PUBLISHED_BODY), "");
    }

    #[test]
    fn the_tolerance_ends_on_the_second() {
        for (offset_s, expected) in [
            (0, Ok(())),
            (300, Ok(())),
            (301, Err(VerifyError::TooOld)),
            (-300, Ok(())),
            (-301, Err(VerifyError::TooNew)),
        ] {
            assert_eq!(published(PUBLISHED_SIGNATURE, PUBLISHED_TIMESTAMP_S + offset_s), expected, "{offset_s} s");
        }
        assert_eq!(published(PUBLISHED_SIGNATURE, i64::MIN), Err(VerifyError::TooNew));
        assert_eq!(published(PUBLISHED_SIGNATURE, i64::MAX), Err(VerifyError::TooOld));
    }

    #[test]
    fn other_schemes_are_passed_over_and_a_flood_of_entries_ends() {
        let digest = PUBLISHED_SIGNATURE.trim_start_matches(SCHEME);
        let flood = "v1,AAAA ".repeat(SIGNATURES_MAX);
        for (signature, expected) in [
            (format!("v1a,AAAA {PUBLISHED_SIGNATURE}"), Ok(())),
            (format!("v2,{digest}"), Err(VerifyError::NoMatch)),
            (digest.to_owned(), Err(VerifyError::NoMatch)),
            (String::new(), Err(VerifyError::NoMatch)),
            ("v1,".to_owned(), Err(VerifyError::NoMatch)),
            ("v1,g0hM".to_owned(), Err(VerifyError::NoMatch)),
            (format!("{flood}{PUBLISHED_SIGNATURE}"), Err(VerifyError::NoMatch)),
        ] {
            assert_eq!(published(&signature, PUBLISHED_TIMESTAMP_S), expected, "{signature}");
        }
    }

    #[test]
    fn every_signed_part_counts() {
        let secrets = [secret(PUBLISHED_SECRET)];
        let timestamp = PUBLISHED_TIMESTAMP_S.to_string();
        let check = |id: &str, timestamp: &str, body: &[u8]| {
            verify(&secrets, id, timestamp, PUBLISHED_SIGNATURE, body, PUBLISHED_TIMESTAMP_S, TOLERANCE_S)
        };
        assert_eq!(check(PUBLISHED_ID, &timestamp, PUBLISHED_BODY), Ok(()));
        assert_eq!(check("msg_other", &timestamp, PUBLISHED_BODY), Err(VerifyError::NoMatch));
        assert_eq!(check(PUBLISHED_ID, "1614265331", PUBLISHED_BODY), Err(VerifyError::NoMatch));
        assert_eq!(check(PUBLISHED_ID, "+1614265330", PUBLISHED_BODY), Err(VerifyError::NoMatch));
        assert_eq!(check(PUBLISHED_ID, &timestamp, br#"{"test":2432232314}"#), Err(VerifyError::NoMatch));
        assert_eq!(check(PUBLISHED_ID, "noon", PUBLISHED_BODY), Err(VerifyError::TimestampUnreadable));
        assert_eq!(check(PUBLISHED_ID, "", PUBLISHED_BODY), Err(VerifyError::TimestampUnreadable));
    }
}
