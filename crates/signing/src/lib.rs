//! Signature creation units: ECDSA over P-256 with SHA-256 (ES256, RFC 7518 §3.4).
//!
//! Purpose: make, import, open and use the key that signs receipts; read certificates; verify signatures.
//! Owns: [`SignatureUnit`] and its two kinds (sandbox, key file), [`UnitSpec`] (what is stored of a unit), the reading of
//!   PKCS#8 keys and X.509 certificates, [`VerifyingKey`].
//! Invariants: a private key is never in a `Debug` output or an error text; a unit that opens signs with the key of its
//!   certificate; an encrypted key stays encrypted in its spec; a sandbox unit is marked `AT100` and nothing else is.
//! Not here: files and their modes (edge), which unit signs when and whether production takes it (cashbox, edge), what a
//!   receipt's signature covers (markets).
//!
//! A PKCS#11 token joins as a third [`UnitKind`] with a module beside `key_file`: its spec names the module, slot and key
//! label in place of a private key, and its unit reports a token that does not answer as [`UnitFault::Unavailable`].

mod certificate;
mod error;
mod key_file;
mod mark;
mod open;
mod p256;
mod pem;
mod private_key;
mod sandbox;
mod spec;
mod unit;

pub use certificate::{CertificateFacts, parse_certificate};
pub use error::KeyFileError;
pub use key_file::{KeyFileUnit, import_key_file};
pub use mark::SANDBOX_MARK;
pub use open::open;
pub use p256::{SIGNATURE_BYTES, VerifyingKey, verify_p256};
pub use pem::{certificate_pem, public_key_pem};
pub use sandbox::{SandboxUnit, create_sandbox};
pub use spec::{SPEC_VERSION, SecretText, UnitSpec};
pub use unit::{SignatureUnit, UnitFault, UnitIdentity, UnitKind};
