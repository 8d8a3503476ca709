//! What the terminal says to the register (PA00P015, chapter 3).

use super::answer::Answer;
use super::apdu::{Apdu, ApduError};
use super::bcd;
use super::charset::decode_text;
use super::completion::Completion;
use super::fields::Fields;
use super::intermediate::IntermediateCode;
use super::print::{PrintedLine, ReceiptKind, block_ends_receipt, block_lines, ends_receipt};
use super::result_code::ResultCode;
use super::tlv::{Container, Tag, encode_length, take_length};

/// Number of the bitmap that is the TLV container.
const TLV: u8 = 0x06;
/// How often a container is looked for behind a text; one look is enough unless somebody plays tricks.
const CONTAINERS_TRIED_MAX: usize = 16;

/// A message of the terminal, or its answer to a command of the register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// `80 00`, `84 xx`: the answer to a command.
    Answer(Answer),
    /// `04 FF`: what the terminal is doing, for the display.
    IntermediateStatus {
        /// What.
        code: IntermediateCode,
        /// A new T4, two decimal digits of minutes as they are sent.
        timeout_bcd: Option<u8>,
        /// TLV (06) with texts.
        fields: Fields,
    },
    /// `04 0F`: the result.
    StatusInformation {
        /// Result (27), amount (04), receipt number (87) .. in any order.
        fields: Fields,
    },
    /// `06 D1`: one line to print.
    PrintLine {
        /// How it looks.
        attribute: u8,
        /// What it says, as it is sent.
        text: Vec<u8>,
        /// TLV behind the text, with the kind of the receipt; some terminals send it.
        tlv: Container,
    },
    /// `06 D3`: many lines to print.
    PrintBlock {
        /// TLV (06).
        fields: Fields,
    },
    /// `06 0F`: the command is through; the register is the master again.
    Completion(Completion),
    /// `06 1E`: the command has ended without success; the register is the master again.
    Abort {
        /// Why.
        code: Option<ResultCode>,
        /// Mostly none.
        fields: Fields,
    },
    /// Any other, or one whose data are not what they should be.
    Other(Apdu),
}

impl Message {
    /// The message as bytes.
    ///
    /// # Errors
    /// [`ApduError::TooLong`] when the fields are.
    pub fn to_apdu(&self) -> Result<Apdu, ApduError> {
        let (class, instruction, data) = match self {
            Self::Answer(answer) => return answer.to_apdu(),
            Self::IntermediateStatus { code, timeout_bcd, fields } => {
                let mut data = vec![code.0];
                data.extend(timeout_bcd);
                data.extend(fields.encode());
                (0x04, 0xFF, data)
            }
            Self::StatusInformation { fields } => (0x04, 0x0F, fields.encode()),
            Self::PrintLine { attribute, text, tlv } => {
                let mut data = vec![*attribute];
                data.extend_from_slice(text);
                let content = tlv.encode();
                if !content.is_empty() {
                    data.push(TLV);
                    data.extend(encode_length(content.len()));
                    data.extend(content);
                }
                (0x06, 0xD1, data)
            }
            Self::PrintBlock { fields } => (0x06, 0xD3, fields.encode()),
            Self::Completion(completion) => (0x06, 0x0F, completion.encode()),
            Self::Abort { code, fields } => {
                let mut data: Vec<u8> = code.iter().map(|code| code.0).collect();
                data.extend(fields.encode());
                (0x06, 0x1E, data)
            }
            Self::Other(apdu) => return Ok(apdu.clone()),
        };
        Apdu::new(class, instruction, data)
    }

    /// What an APDU of the terminal says.
    #[must_use]
    pub fn decode(apdu: &Apdu) -> Self {
        Self::known(apdu).unwrap_or_else(|| Self::Other(apdu.clone()))
    }

    fn known(apdu: &Apdu) -> Option<Self> {
        let data = apdu.data();
        Some(match apdu.control() {
            (0x04, 0xFF) => {
                let (code, rest) = data.split_first()?;
                let (timeout_bcd, fields) = timeout_and_fields(rest);
                Self::IntermediateStatus { code: IntermediateCode(*code), timeout_bcd, fields }
            }
            (0x04, 0x0F) => Self::StatusInformation { fields: Fields::decode(data) },
            (0x06, 0xD1) => {
                let (attribute, rest) = data.split_first()?;
                let (text, tlv) = text_and_tlv(rest);
                Self::PrintLine { attribute: *attribute, text: text.to_vec(), tlv }
            }
            (0x06, 0xD3) => Self::PrintBlock { fields: Fields::decode(data) },
            (0x06, 0x0F) => Self::Completion(Completion::decode(data)),
            (0x06, 0x1E) => match data.split_first() {
                Some((code, rest)) => Self::Abort { code: Some(ResultCode(*code)), fields: Fields::decode(rest) },
                None => Self::Abort { code: None, fields: Fields::new() },
            },
            _ => return Answer::of(apdu).map(Self::Answer),
        })
    }

    /// A new T4 in minutes, of an intermediate status; `None` when it tells none.
    #[must_use]
    pub fn timeout_min(&self) -> Option<u64> {
        match self {
            Self::IntermediateStatus { timeout_bcd: Some(timeout), .. } => bcd::number(&[*timeout]),
            _ => None,
        }
    }

    /// The texts for the display of an intermediate status (TLV 24); none when the code says it all.
    #[must_use]
    pub fn display_texts(&self) -> Vec<String> {
        let Self::IntermediateStatus { fields, .. } = self else { return Vec::new() };
        let Some(container) = fields.tlv() else { return Vec::new() };
        let texts = container.find(&[Tag::DISPLAY_TEXTS]).map_or(&[][..], |texts| texts.as_elements());
        let lines = texts.iter().filter(|element| element.tag() == Tag::TEXT);
        lines.filter_map(|element| Some(decode_text(element.as_bytes()?, container.charset()))).collect()
    }

    /// The lines that a print message brings; empty for every other message.
    #[must_use]
    pub fn printed_lines(&self) -> Vec<PrintedLine> {
        match self {
            Self::PrintLine { attribute: PrintedLine::LINE_FEEDS, text, .. } => {
                let lines = usize::from(text.first().copied().unwrap_or(0));
                vec![PrintedLine { attribute: 0, text: String::new() }; lines]
            }
            Self::PrintLine { attribute, text, tlv } => {
                vec![PrintedLine { attribute: *attribute, text: decode_text(text, tlv.charset()) }]
            }
            Self::PrintBlock { fields } => fields.tlv().map(|container| block_lines(&container)).unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// For whom a print message is; `None` when it does not say.
    #[must_use]
    pub fn receipt_kind(&self) -> Option<ReceiptKind> {
        match self {
            Self::PrintLine { tlv, .. } => ReceiptKind::of(tlv),
            Self::PrintBlock { fields } => ReceiptKind::of(&fields.tlv()?),
            _ => None,
        }
    }

    /// Whether a receipt ends with this print message.
    #[must_use]
    pub fn ends_receipt(&self) -> bool {
        match self {
            Self::PrintLine { attribute, .. } => *attribute != PrintedLine::LINE_FEEDS && ends_receipt(*attribute),
            Self::PrintBlock { fields } => fields.tlv().is_some_and(|container| block_ends_receipt(&container)),
            _ => false,
        }
    }
}

/// The byte behind the code is the timeout, which must be there when a TLV is; terminals that leave it out and send a
/// container all the same are understood where nothing else makes sense.
fn timeout_and_fields(rest: &[u8]) -> (Option<u8>, Fields) {
    let Some((timeout, behind)) = rest.split_first() else { return (None, Fields::new()) };
    let fields = Fields::decode(behind);
    if fields.undecoded_bytes() > 0 {
        let all = Fields::decode(rest);
        if all.undecoded_bytes() == 0 {
            return (None, all);
        }
    }
    (Some(*timeout), fields)
}

/// A text has no length of its own: a TLV container begins at the first `06` from where on the rest is exactly one.
fn text_and_tlv(rest: &[u8]) -> (&[u8], Container) {
    let begins = rest.iter().enumerate().filter(|(_, byte)| **byte == TLV);
    let exact = begins.filter_map(|(index, _)| {
        let (text, container) = rest.split_at_checked(index)?;
        let (length, content) = take_length(container.get(1..)?)?;
        (length > 0 && length == content.len()).then_some((text, content))
    });
    let mut tried = exact.take(CONTAINERS_TRIED_MAX).map(|(text, content)| (text, Container::decode(content)));
    tried.find(|(_, container)| container.undecoded_bytes() == 0).unwrap_or((rest, Container::default()))
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
