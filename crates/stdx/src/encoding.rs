//! Text forms of bytes: base64 (standard, padded), base64url (no padding), base32 (padded), hex.

use data_encoding::{BASE32, BASE64, BASE64URL_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};

/// Standard alphabet with padding (RFC 4648 §4).
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// Reads standard base64 with padding; `None` when a character, the padding or the length is wrong.
#[must_use]
pub fn base64_decode(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text.as_bytes()).ok()
}

/// URL alphabet without padding (RFC 4648 §5), as in JWS.
#[must_use]
pub fn base64url(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

/// Reads base64url without padding; a `=` is an error.
#[must_use]
pub fn base64url_decode(text: &str) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(text.as_bytes()).ok()
}

/// Base32 with padding (RFC 4648 §6).
#[must_use]
pub fn base32(bytes: &[u8]) -> String {
    BASE32.encode(bytes)
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// Reads hexadecimal in either case.
#[must_use]
pub fn hex_decode(text: &str) -> Option<Vec<u8>> {
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rfc_4648_examples() {
        assert_eq!(base64(b"foob"), "Zm9vYg==");
        assert_eq!(base64url(b"\xfb\xff"), "-_8");
        assert_eq!(base32(b"foob"), "MZXW6YQ=");
        assert_eq!(hex(b"\x00\xab"), "00ab");
        assert_eq!(base64_decode("Zm9vYg=="), Some(b"foob".to_vec()));
        assert_eq!(base64url_decode("Zm9vYg=="), None);
        assert_eq!(hex_decode("00AB"), Some(vec![0, 0xab]));
    }
}
