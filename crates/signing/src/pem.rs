//! PEM text (RFC 7468), read leniently and written strictly.
//!
//! Providers hand out bundles with headings, attributes, Windows line ends and lines of any length; a reader that is as
//! strict as RFC 7468 §3 would refuse files that every other tool takes.

use kassette_stdx::encoding::{base64, base64_decode};
use zeroize::Zeroizing;

use crate::unit::UnitIdentity;

/// Characters of base64 on one line (RFC 7468 §2).
const LINE_CHARS: usize = 64;
const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// One block of a PEM text. The content may be a private key and is wiped when dropped.
pub(crate) struct Block<'a> {
    pub(crate) label: &'a str,
    /// `None` when the base64 is damaged or the block does not end.
    pub(crate) content: Option<Zeroizing<Vec<u8>>>,
}

/// Whether these bytes are PEM text rather than DER.
pub(crate) fn is_pem(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| text.contains(BEGIN))
}

/// The blocks of a PEM text in their order; everything between blocks is left out.
pub(crate) fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after_begin)) = rest.split_once(BEGIN) {
        let Some((label, after_label)) = after_begin.split_once(DASHES) else { break };
        let Some((body, after_body)) = after_label.split_once(END) else {
            found.push(Block { label, content: None });
            break;
        };
        let (end_label, after_end) = after_body.split_once(DASHES).unwrap_or((after_body, ""));
        let content = if end_label == label { decode(body) } else { None };
        found.push(Block { label, content });
        rest = after_end;
    }
    found
}

fn decode(body: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut packed = Zeroizing::new(String::with_capacity(body.len()));
    packed.extend(body.chars().filter(|c| !c.is_ascii_whitespace()));
    base64_decode(&packed).map(Zeroizing::new)
}

/// One block as text, lines of 64 characters, with a newline at its end.
fn encode(label: &str, der: &[u8]) -> String {
    let body = base64(der);
    let mut text = format!("{BEGIN}{label}{DASHES}\n");
    for (place, character) in body.chars().enumerate() {
        if place > 0 && place.is_multiple_of(LINE_CHARS) {
            text.push('\n');
        }
        text.push(character);
    }
    text.push_str(&format!("\n{END}{label}{DASHES}\n"));
    text
}

/// The unit's own certificate as PEM; `None` when a closed system has none.
#[must_use]
pub fn certificate_pem(identity: &UnitIdentity) -> Option<String> {
    identity.certificate_der.as_deref().map(|der| encode("CERTIFICATE", der))
}

/// The unit's public key (`SubjectPublicKeyInfo`) as PEM.
#[must_use]
pub fn public_key_pem(identity: &UnitIdentity) -> String {
    encode("PUBLIC KEY", &identity.public_key_spki_der)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_at_every_length_around_a_line() {
        for length in [0_usize, 1, 2, 3, 47, 48, 49, 95, 96, 97, 1000] {
            let der: Vec<u8> = (0..length).map(|i| u8::try_from(i % 251).unwrap()).collect();
            let text = encode("CERTIFICATE", &der);
            assert!(text.lines().all(|line| line.len() <= LINE_CHARS), "{length} bytes");
            let read = blocks(&text);
            assert_eq!(read.len(), 1);
            assert_eq!(read[0].label, "CERTIFICATE");
            assert_eq!(read[0].content.as_deref(), Some(&der), "{length} bytes");
        }
    }

    #[test]
    fn headings_windows_lines_and_several_blocks_are_read() {
        let text = "Bag Attributes\r\n  x: y\r\n-----BEGIN A B-----\r\nAQ\r\nID\r\n-----END A B-----\r\nsubject=z\n\
                    -----BEGIN C-----\nBAU=\n-----END C-----";
        let read = blocks(text);
        let facts: Vec<_> = read.iter().map(|b| (b.label, b.content.as_deref().cloned())).collect();
        assert_eq!(facts, [("A B", Some(vec![1, 2, 3])), ("C", Some(vec![4, 5]))]);
    }

    #[test]
    fn a_damaged_block_is_found_without_content() {
        for text in [
            "-----BEGIN A-----\nAQID",
            "-----BEGIN A-----\nA*ID\n-----END A-----",
            "-----BEGIN A-----\nAQID\n-----END B-----",
            "-----BEGIN A-----\nAQI\n-----END A-----",
        ] {
            let read = blocks(text);
            assert_eq!(read.len(), 1, "{text}");
            assert!(read[0].content.is_none(), "{text}");
        }
        assert!(blocks("nothing here").is_empty());
        assert!(blocks("-----BEGIN half").is_empty());
    }
}
