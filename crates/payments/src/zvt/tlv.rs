//! The TLV container of BMP 06: BER tags and lengths (PA00P015, chapter on TLV).

use std::fmt;

use super::apdu::DATA_BYTES_MAX;
use super::charset::{Charset, decode_text};

/// Deepest nesting that is taken apart; what lies deeper stays bytes.
pub const DEPTH_MAX: usize = 8;
/// Most bytes of a tag.
const TAG_BYTES_MAX: usize = 4;
/// A tag continues while this bit of its later bytes is set.
const MORE: u8 = 0x80;
/// All five low bits of a tag's first byte: more bytes follow.
const LONG_TAG: u8 = 0x1F;
/// This bit of a tag's first byte says that the value is made of elements.
const CONSTRUCTED: u8 = 0x20;

/// A BER tag: its bytes, the first one highest. `1F07` is `Tag(0x1F07)`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u32);

impl Tag {
    /// One line of text.
    pub const TEXT: Self = Self(0x07);
    /// Receipt id in the answer to a transaction; the short form of [`Tag::SYNC_ID`].
    pub const RECEIPT_ID: Self = Self(0x08);
    /// Attribute of the following lines.
    pub const ATTRIBUTE: Self = Self(0x09);
    /// A command that the register takes, in [`Tag::PERMITTED_COMMANDS`].
    pub const COMMAND: Self = Self(0x0A);
    /// Characters per line of the register's printer.
    pub const LINE_CHARS: Self = Self(0x12);
    /// Character set of the texts.
    pub const CHARSET: Self = Self(0x14);
    /// Texts for the display.
    pub const DISPLAY_TEXTS: Self = Self(0x24);
    /// Texts for the printer.
    pub const PRINT_TEXTS: Self = Self(0x25);
    /// The commands that the register takes.
    pub const PERMITTED_COMMANDS: Self = Self(0x26);
    /// How the payment was made.
    pub const PAYMENT_DETAILS: Self = Self(0x2F);
    /// Card type.
    pub const CARD_TYPE: Self = Self(0x41);
    /// Application identifier of the card.
    pub const AID: Self = Self(0x43);
    /// An application of the card.
    pub const APPLICATION: Self = Self(0x60);
    /// Kind of a receipt: merchant, customer, administration.
    pub const RECEIPT_KIND: Self = Self(0x1F07);
    /// Cardholder authentication.
    pub const CARDHOLDER_AUTHENTICATION: Self = Self(0x1F10);
    /// How the card was read.
    pub const TECHNOLOGY: Self = Self(0x1F12);
    /// Extended error code.
    pub const ERROR_CODE: Self = Self(0x1F16);
    /// Extended error text.
    pub const ERROR_TEXT: Self = Self(0x1F17);
    /// Id by which both sides see whether they agree on the last transaction.
    pub const SYNC_ID: Self = Self(0x1F1F);
    /// A trace number that does not fit BMP 0B.
    pub const LONG_TRACE: Self = Self(0x1F2B);
    /// Tip.
    pub const TIP: Self = Self(0x1F36);
    /// What a receipt is for.
    pub const RECEIPT_INFORMATION: Self = Self(0x1F37);
    /// Running number of a message.
    pub const MESSAGE_SEQUENCE_ID: Self = Self(0x1F73);

    /// Whether the value is a track of the card: `1F08`, `1F09`, `1F0A`.
    #[must_use]
    pub fn is_track(self) -> bool {
        matches!(self.0, 0x1F08..=0x1F0A)
    }

    fn bytes(self) -> Vec<u8> {
        let bytes = self.0.to_be_bytes();
        let leading = bytes.iter().take_while(|byte| **byte == 0).count().min(TAG_BYTES_MAX - 1);
        bytes.into_iter().skip(leading).collect()
    }

    fn is_constructed(self) -> bool {
        self.bytes().first().is_some_and(|first| first & CONSTRUCTED != 0)
    }

    fn take(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (first, mut rest) = bytes.split_first()?;
        let mut tag = u32::from(*first);
        if first & LONG_TAG == LONG_TAG {
            for taken in 1.. {
                if taken == TAG_BYTES_MAX {
                    return None;
                }
                let (byte, later) = rest.split_first()?;
                tag = (tag << 8) | u32::from(*byte);
                rest = later;
                if byte & MORE == 0 {
                    break;
                }
            }
        }
        Some((Self(tag), rest))
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:02X}", self.0)
    }
}

/// The value of an element.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// Bytes.
    Bytes(Vec<u8>),
    /// Elements.
    Elements(Vec<Tlv>),
}

/// One element: a tag with a value. `Debug` shows no track.
#[derive(Clone, PartialEq, Eq)]
pub struct Tlv {
    tag: Tag,
    value: Value,
}

impl Tlv {
    /// An element of bytes. Those of a track are replaced by zeros.
    #[must_use]
    pub fn bytes(tag: Tag, mut value: Vec<u8>) -> Self {
        if tag.is_track() {
            value.fill(0);
        }
        Self { tag, value: Value::Bytes(value) }
    }

    /// An element of elements; its tag should be a constructed one, such as `25`.
    #[must_use]
    pub fn elements(tag: Tag, elements: Vec<Self>) -> Self {
        Self { tag, value: Value::Elements(elements) }
    }

    /// The tag.
    #[must_use]
    pub fn tag(&self) -> Tag {
        self.tag
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The bytes of the value, when it is not made of elements.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match &self.value {
            Value::Bytes(bytes) => Some(bytes),
            Value::Elements(_) => None,
        }
    }

    /// The elements of the value; none when it is bytes.
    #[must_use]
    pub fn as_elements(&self) -> &[Self] {
        match &self.value {
            Value::Bytes(_) => &[],
            Value::Elements(elements) => elements,
        }
    }

    fn encode_into(&self, out: &mut Vec<u8>) {
        out.extend(self.tag.bytes());
        match &self.value {
            Value::Bytes(bytes) => {
                out.extend(encode_length(bytes.len()));
                out.extend_from_slice(bytes);
            }
            Value::Elements(elements) => {
                let inner = encode_all(elements);
                out.extend(encode_length(inner.len()));
                out.extend(inner);
            }
        }
    }

    fn take(bytes: &[u8], depth: usize) -> Option<(Self, &[u8])> {
        let (tag, rest) = Tag::take(bytes)?;
        let (length, rest) = take_length(rest)?;
        let (value, rest) = rest.split_at_checked(length)?;
        // Some terminals set the bit on a value that is bytes: it stays what it is.
        if tag.is_constructed() && depth < DEPTH_MAX {
            let (elements, undecoded) = decode_all(value, depth + 1);
            if undecoded.is_empty() {
                return Some((Self::elements(tag, elements), rest));
            }
        }
        Some((Self::bytes(tag, value.to_vec()), rest))
    }
}

impl fmt::Debug for Tlv {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}=", self.tag)?;
        match &self.value {
            Value::Bytes(bytes) if self.tag.is_track() => write!(formatter, "[{} bytes]", bytes.len()),
            // Bytes under a constructed tag are elements that are damaged: a track may be among them.
            Value::Bytes(bytes) if self.tag.is_constructed() => write!(formatter, "[{} bytes]", bytes.len()),
            Value::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(formatter, "{byte:02X}")),
            Value::Elements(elements) => formatter.debug_list().entries(elements).finish(),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(formatter, "[{} bytes]", bytes.len()),
            Self::Elements(elements) => formatter.debug_list().entries(elements).finish(),
        }
    }
}

/// The elements of a container, and what could not be read behind them. `Debug` shows no track.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Container {
    elements: Vec<Tlv>,
    undecoded: Vec<u8>,
}

impl Container {
    /// A container of these elements.
    #[must_use]
    pub fn new(elements: Vec<Tlv>) -> Self {
        Self { elements, undecoded: Vec::new() }
    }

    /// Reads the content of a container. What is not BER-TLV, and all behind it, is kept as bytes.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        let (elements, undecoded) = decode_all(bytes.get(..DATA_BYTES_MAX).unwrap_or(bytes), 0);
        Self { elements, undecoded: undecoded.to_vec() }
    }

    /// The content of the container as bytes, with the shortest form of every length.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = encode_all(&self.elements);
        bytes.extend_from_slice(&self.undecoded);
        bytes
    }

    /// The elements in their order.
    #[must_use]
    pub fn elements(&self) -> &[Tlv] {
        &self.elements
    }

    /// How many bytes at the end could not be read.
    #[must_use]
    pub fn undecoded_bytes(&self) -> usize {
        self.undecoded.len()
    }

    /// The first element on this path, from the outermost tag inward.
    #[must_use]
    pub fn find(&self, path: &[Tag]) -> Option<&Tlv> {
        find(&self.elements, path)
    }

    /// The bytes of the first element on this path.
    #[must_use]
    pub fn bytes(&self, path: &[Tag]) -> Option<&[u8]> {
        self.find(path)?.as_bytes()
    }

    /// The text of the first element on this path, in the container's character set (tag `14`).
    #[must_use]
    pub fn text(&self, path: &[Tag]) -> Option<String> {
        Some(decode_text(self.bytes(path)?, self.charset()))
    }

    /// Whether an element is a track: its bytes are zeros here, but may not be where the container was read from.
    pub(super) fn holds_track(&self) -> bool {
        fn among(elements: &[Tlv]) -> bool {
            elements.iter().any(|element| element.tag.is_track() || among(element.as_elements()))
        }
        among(&self.elements)
    }

    /// The character set that tag `14` announces; `None` without it.
    #[must_use]
    pub fn charset(&self) -> Option<Charset> {
        self.bytes(&[Tag::CHARSET])?.first().copied().map(Charset::from_code)
    }
}

impl fmt::Debug for Container {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(&self.elements).finish()?;
        match self.undecoded.len() {
            0 => Ok(()),
            bytes => write!(formatter, " and {bytes} bytes undecoded"),
        }
    }
}

fn find<'a>(elements: &'a [Tlv], path: &[Tag]) -> Option<&'a Tlv> {
    let (tag, inner) = path.split_first()?;
    let mut found = elements.iter().filter(|element| element.tag == *tag);
    if inner.is_empty() { found.next() } else { found.find_map(|element| find(element.as_elements(), inner)) }
}

fn decode_all(mut bytes: &[u8], depth: usize) -> (Vec<Tlv>, &[u8]) {
    let mut elements = Vec::new();
    while let Some((element, rest)) = Tlv::take(bytes, depth) {
        elements.push(element);
        bytes = rest;
    }
    (elements, bytes)
}

fn encode_all(elements: &[Tlv]) -> Vec<u8> {
    let mut out = Vec::new();
    elements.iter().for_each(|element| element.encode_into(&mut out));
    out
}

/// The length in its shortest form. A value too long for it cannot leave: no APDU would hold it.
pub(super) fn encode_length(bytes: usize) -> Vec<u8> {
    match (u8::try_from(bytes), u16::try_from(bytes)) {
        (Ok(short), _) if short < 0x80 => vec![short],
        (Ok(short), _) => vec![0x81, short],
        (_, Ok(long)) => [&[0x82][..], &long.to_be_bytes()].concat(),
        _ => vec![0x82, 0xFF, 0xFF],
    }
}

/// A length `00` to `7F`, `81 n` or `82 hi lo`, big endian unlike that of an APDU.
pub(super) fn take_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    match first {
        0..=0x7F => Some((usize::from(*first), rest)),
        0x81 => rest.split_first().map(|(short, rest)| (usize::from(*short), rest)),
        0x82 => rest.split_first_chunk().map(|(long, rest)| (usize::from(u16::from_be_bytes(*long)), rest)),
        _ => None,
    }
}

#[cfg(test)]
#[path = "tlv_tests.rs"]
mod tests;
