//! Credentials: HMAC-SHA256 of the token under the server's pepper, compared in constant time.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use kassette_actors::{Profile, TokenMac};
use kassette_model::{CashBoxId, QueueId};
use kassette_wire::problem::{Code, Problem};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use super::edge::Edge;
use super::headers::Credentials;
use super::problem::journal_problem;

/// The secret of a key folder under which the tokens of its cash boxes are stored.
#[derive(Clone)]
pub struct Pepper([u8; 32]);

impl Pepper {
    /// From the 32 bytes of the key folder.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn keyed(&self) -> Hmac<Sha256> {
        // HMAC takes keys of any length, so the other arm does not exist.
        Hmac::<Sha256>::new_from_slice(&self.0).unwrap_or_else(|_| Hmac::<Sha256>::new(&Default::default()))
    }
}

impl std::fmt::Debug for Pepper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pepper(..)")
    }
}

/// What is stored of a token; see `TokenEntry::hmac_hex` (there in hexadecimal).
#[must_use]
pub fn token_mac(pepper: &Pepper, token: &[u8]) -> [u8; 32] {
    mac(pepper.keyed(), token)
}

fn mac(mut keyed: Hmac<Sha256>, token: &[u8]) -> [u8; 32] {
    keyed.update(token);
    keyed.finalize().into_bytes().into()
}

/// The pepper, prepared once.
pub(crate) struct Authenticator {
    keyed: Hmac<Sha256>,
}

/// Compared with when there is no cash box, so that both cases do the same work. No token has this MAC.
const NOBODY: [TokenMac; 2] = [TokenMac { mac: [0; 32], not_after_ns: Some(i64::MIN) }; 2];

impl Authenticator {
    pub(crate) fn new(pepper: &Pepper) -> Self {
        Self { keyed: pepper.keyed() }
    }

    /// Whether the token is one of these and still valid at `now_ns`. Looks at all of them, whatever it finds.
    fn accepts(&self, token: &[u8], known: &[TokenMac], now_ns: i64) -> bool {
        is_among(&mac(self.keyed.clone(), token), known, now_ns)
    }
}

fn is_among(found: &[u8; 32], known: &[TokenMac], now_ns: i64) -> bool {
    let mut accepted = Choice::from(0);
    for entry in known {
        let valid = entry.not_after_ns.is_none_or(|end| end > now_ns);
        accepted |= entry.mac.ct_eq(found) & Choice::from(u8::from(valid));
    }
    accepted.into()
}

/// An authenticated cash box. Made only by [`authenticate`]; whatever is read or done is read or done for it.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    profile: Arc<Profile>,
}

impl Caller {
    /// Whose credentials they were.
    pub(crate) fn cash_box(&self) -> CashBoxId {
        self.profile.cash_box
    }

    /// Its queue.
    pub(crate) fn queue(&self) -> QueueId {
        self.profile.queue
    }
}

/// What lets one in, to be shown again later: the token itself is not kept.
pub(crate) struct Pass {
    cash_box: CashBoxId,
    mac: [u8; 32],
}

impl Pass {
    /// Of credentials that were accepted.
    pub(crate) fn of(edge: &Edge, credentials: &Credentials<'_>) -> Self {
        let token = credentials.token.unwrap_or_default();
        Self { cash_box: credentials.cash_box, mac: mac(edge.authenticator.keyed.clone(), token) }
    }

    /// Whether they would be accepted now. `true` while the journal cannot say so.
    pub(crate) fn holds(&self, edge: &Edge) -> bool {
        match edge.gateway.profile(self.cash_box) {
            Ok(Some(profile)) => !profile.disabled && is_among(&self.mac, &profile.tokens, edge.clock.unix_ns()),
            Ok(None) => false,
            Err(_) => true,
        }
    }
}

/// Why a request was not let in.
#[derive(Debug)]
pub(crate) enum Denied {
    /// 401, to be counted: unknown cash box, wrong, missing or expired token.
    Credentials(Box<Problem>),
    /// The cash box is disabled, or the journal cannot be read.
    Other(Box<Problem>),
}

/// Checks the credentials. An unknown cash box and a wrong token take the same path and give the same answer.
///
/// # Errors
/// [`Denied`].
pub(crate) fn authenticate(edge: &Edge, credentials: &Credentials<'_>) -> Result<Caller, Denied> {
    let profile =
        edge.gateway.profile(credentials.cash_box).map_err(|error| Denied::Other(Box::new(journal_problem(&error))))?;
    let known = profile.as_ref().map_or(NOBODY.as_slice(), |profile| &*profile.tokens);
    let accepted = edge.authenticator.accepts(credentials.token.unwrap_or_default(), known, edge.clock.unix_ns());
    match profile {
        Some(profile) if accepted && profile.disabled => {
            Err(Denied::Other(Box::new(Problem::new(Code::CashBoxDisabled, "the operator has disabled this cash box"))))
        }
        Some(profile) if accepted && credentials.token.is_some() => Ok(Caller { profile }),
        _ => Err(Denied::Credentials(Box::new(Problem::new(
            Code::Unauthorized,
            "the cash box is unknown or the access token in x-cashbox-accesstoken is not valid for it",
        )))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mac_is_hmac_sha256() {
        // RFC 4231, test case 2, with its short key padded by zeros as HMAC itself does.
        let mut key = [0; 32];
        for (to, from) in key.iter_mut().zip(b"Jefe") {
            *to = *from;
        }
        assert_eq!(
            kassette_stdx::encoding::hex(&token_mac(&Pepper::new(key), b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn any_valid_token_is_accepted_until_it_ends() {
        let pepper = Pepper::new([7; 32]);
        let authenticator = Authenticator::new(&pepper);
        let known = [
            TokenMac { mac: token_mac(&pepper, b"current"), not_after_ns: Some(1_000) },
            TokenMac { mac: token_mac(&pepper, b"next"), not_after_ns: None },
        ];
        for (token, now_ns, expected) in [
            (b"current".as_slice(), 999, true),
            (b"current", 1_000, false),
            (b"next", i64::MAX, true),
            (b"nex", 0, false),
            (b"", 0, false),
        ] {
            assert_eq!(authenticator.accepts(token, &known, now_ns), expected, "{token:?} at {now_ns}");
        }
        assert!(!authenticator.accepts(b"current", &NOBODY, 0));
    }
}
