//! What a browser may do with the page.

use std::sync::LazyLock;

use kassette_stdx::encoding::base64;
use sha2::{Digest, Sha256};

use super::STYLE;

static HASH: LazyLock<String> = LazyLock::new(|| format!("'sha256-{}'", base64(&Sha256::digest(STYLE))));

/// The hash of our style as a policy names it, such as `'sha256-…'`.
#[must_use]
pub fn style_hash() -> &'static str {
    &HASH
}

/// The value of `Content-Security-Policy` for our page: its own style and nothing else.
#[must_use]
pub fn content_security_policy() -> String {
    policy(style_hash())
}

/// The value of `Content-Security-Policy` for a page that a merchant's template made: styles that carry the nonce, and nothing else. The
/// nonce is fresh random text for each answer, in base64url.
#[must_use]
pub fn content_security_policy_with_nonce(nonce: &str) -> String {
    policy(&format!("'nonce-{nonce}'"))
}

fn policy(style: &str) -> String {
    format!("default-src 'none'; style-src {style}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
}
