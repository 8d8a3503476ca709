//! Why a key, a certificate or a stored unit is not taken.

/// A refusal while making, importing or opening a unit. No text of it ever holds key material or a passphrase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The file holds no private key at all.
    #[error("no private key in the key file; expected PKCS#8 as PEM or DER")]
    NoPrivateKey,
    /// The file holds a private key in another format.
    #[error("the key file holds `{label}`, not PKCS#8; convert it with `openssl pkcs8 -topk8 -v2 aes-256-cbc`")]
    NotPkcs8 {
        /// The label of the PEM block that was found.
        label: String,
    },
    /// A file is longer than anything that it could rightly be.
    #[error("{what} has {found_bytes} bytes, more than {limit_bytes}")]
    TooLarge {
        /// Which file.
        what: &'static str,
        /// Its length in bytes.
        found_bytes: usize,
        /// The limit in bytes.
        limit_bytes: usize,
    },
    /// The key is encrypted and no passphrase was given.
    #[error("the private key is encrypted and no passphrase was given")]
    PassphraseMissing,
    /// The passphrase does not decrypt the key. A damaged file looks the same.
    #[error("wrong passphrase for the private key (or the key file is damaged)")]
    WrongPassphrase,
    /// The key is encrypted in a way that is not read here, or one that costs too much to open.
    #[error(
        "the encryption of the private key is not supported ({0}); encrypt it again with `openssl pkcs8 -topk8 -v2 \
         aes-256-cbc -v2prf hmacWithSHA256`"
    )]
    UnsupportedEncryption(String),
    /// The private key, or the public key of a certificate, is on another curve or of another kind.
    #[error("{what} is not an elliptic-curve key on P-256 ({found})")]
    NotP256 {
        /// Which key.
        what: &'static str,
        /// What it is instead, as object identifiers.
        found: String,
    },
    /// The private key is damaged or inconsistent in itself.
    #[error("the private key is not usable: {0}")]
    KeyUnusable(String),
    /// No certificate was given, and the unit is not one of a closed system.
    #[error("no certificate given; expected the signer's certificate first, then its chain (PEM bundle or DER)")]
    NoCertificate,
    /// A certificate cannot be read.
    #[error("certificate {number} cannot be read: {why}")]
    CertificateUnreadable {
        /// Its place among the given certificates, from 1.
        number: usize,
        /// What is wrong with it.
        why: String,
    },
    /// The first certificate is of another key.
    #[error("the certificate does not match the private key: its public key is another one")]
    CertificateMismatch,
    /// The right certificate is there, but not first.
    #[error("certificate {number} is the one of the private key; it has to come first")]
    CertificateNotFirst {
        /// Its place among the given certificates, from 2.
        number: usize,
    },
    /// The algorithm mark is not of the form `([A-Z]{2}[1-9][0-9]*|AT0)`.
    #[error("`{0}` is not an algorithm mark; expected two capital letters and a number, such as `AT1`, or `AT0`")]
    AlgorithmMark(String),
    /// The mark of sandbox units on a real key, or a real mark on a sandbox unit.
    #[error("`{0}` is not allowed here: `AT100` marks sandbox units and only those")]
    SandboxMark(String),
    /// The certificate of a sandbox unit on a unit that is not one: its receipts would look real.
    #[error("the certificate is the one of a sandbox unit; it cannot be used as a key file")]
    SandboxCertificate,
    /// A closed system (`AT0`) has no key id.
    #[error("a closed system (AT0) needs the registered id of its key, such as `U:ATU12345678-K1`")]
    KeyIdMissing,
    /// A key id was given for an open system.
    #[error("a key id belongs to a closed system (AT0) only, not to `{0}`")]
    KeyIdNotExpected(String),
    /// The key id is not of the form that the closed system uses.
    #[error(
        "`{0}` is not a key id; expected `S:` and 9 digits, `U:` and a VAT id or `G:` and 13 digits, then `-` and \
         letters or digits"
    )]
    KeyId(String),
    /// The stored unit was written by a newer version.
    #[error("the stored unit has format version {found}; this version reads up to {readable}")]
    SpecVersion {
        /// The version in the file.
        found: u32,
        /// The newest version that is read here.
        readable: u32,
    },
    /// The stored unit is damaged or contradicts itself.
    #[error("the stored unit is not usable: {0}")]
    SpecDamaged(String),
    /// Key or certificate of a sandbox unit could not be made.
    #[error("the sandbox unit could not be made: {0}")]
    Creation(String),
}
