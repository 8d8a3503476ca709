//! What the terminal says, built from its ledger.

use super::super::bcd;
use super::super::{
    Answer, Command, Completion, Config, Container, FieldError, Fields, IntermediateCode, Message, ResultCode, Tag, Tlv,
};
use super::ledger::{Entry, EntryState, Ledger, TransactionKind, cents};

/// Terminal id (BMP 29).
const TERMINAL_ID: u64 = 52_500_001;
/// ISO 4217 number of the euro.
pub(super) const EURO: u16 = 978;
/// Card number (BMP 22), the middle masked with `E`, filled with `F`.
const PAN: [u8; 10] = [0x67, 0x25, 0x90, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0x12, 0x3F];
/// Card name (BMP 8B), ended with a zero.
const CARD_NAME: &[u8] = b"girocard\0";
/// Card type (BMP 8A).
const GIROCARD: u8 = 5;
/// Payment type (BMP 19): by chip and PIN at the host.
const CHIP_AND_PIN: u8 = 0x70;
/// Kinds of cards in the totals (BMP 60), each a count and a sum; the first is the one that everybody here has.
const KINDS_OF_CARDS: usize = 7;
/// Last line of a receipt (attribute).
const LAST_LINE: u8 = 0x81;
/// A line in the middle (attribute).
const CENTRED: u8 = 0x40;
/// By how much the amount of a foreign transaction is higher.
const FOREIGN_CENTS: u64 = 100;
/// By how much its receipt number is.
const FOREIGN_RECEIPTS: u16 = 5;
/// Highest receipt number.
pub(super) const RECEIPT_NUMBER_MAX: u16 = 9_999;
/// Highest amount that twelve digits hold.
pub(super) const AMOUNT_CENTS_MAX: u64 = 999_999_999_999;

/// How receipts reach the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Receipts {
    /// Not as text.
    None,
    /// Line by line, `06 D1`.
    Lines,
    /// In blocks, `06 D3`.
    Blocks,
}

impl Receipts {
    /// What a registration asks for.
    pub(super) fn of(config: Config, fields: &Fields) -> Self {
        if !config.contains(Config::RECEIPTS_AS_TEXT | Config::PRINTS_PAYMENTS) {
            return Self::None;
        }
        let container = fields.tlv().unwrap_or_default();
        let permitted = container.find(&[Tag::PERMITTED_COMMANDS]).map_or(&[][..], |permitted| permitted.as_elements());
        let takes_blocks = permitted.iter().any(|one| one.tag() == Tag::COMMAND && one.as_bytes() == Some(&[6, 0xD3]));
        if takes_blocks { Self::Blocks } else { Self::Lines }
    }
}

/// `80 00`.
pub(super) fn accepted() -> Message {
    Message::Answer(Answer::accepted())
}

/// `84 xx`.
pub(super) fn refused(code: ResultCode) -> Message {
    Message::Answer(Answer::refused(code.0))
}

/// `06 1E`.
pub(super) fn abort(code: ResultCode) -> Message {
    Message::Abort { code: Some(code), fields: Fields::new() }
}

/// `06 0F` with nothing.
pub(super) fn completion() -> Message {
    Message::Completion(Completion::Fields(Fields::new()))
}

/// `04 FF` with its words as text for the display.
pub(super) fn intermediate(code: IntermediateCode) -> Message {
    let line = Tlv::bytes(Tag::TEXT, code.english().into_owned().into_bytes());
    let container = Container::new(vec![Tlv::elements(Tag::DISPLAY_TEXTS, vec![line])]);
    let fields = Fields::new().with_tlv(&container).unwrap_or_default();
    Message::IntermediateStatus { code, timeout_bcd: Some(0), fields }
}

/// `06 0F` of a registration.
pub(super) fn registered() -> Message {
    let status = || Fields::new().with(0x19, vec![0])?.with_number(0x29, TERMINAL_ID)?.with_currency(EURO);
    Message::Completion(Completion::Fields(status().unwrap_or_default()))
}

/// `06 0F` of a status enquiry.
pub(super) fn status() -> Message {
    Message::Completion(Completion::Status { software: Some(b"SIM 1.0".to_vec()), status: 0, fields: Fields::new() })
}

/// `04 0F` without a transaction.
pub(super) fn only_result(code: ResultCode) -> Message {
    Message::StatusInformation { fields: Fields::new().with(0x27, vec![code.0]).unwrap_or_default() }
}

/// `04 0F` of a transaction, as it stands in the ledger now.
pub(super) fn result_of(entry: &Entry) -> Message {
    Message::StatusInformation { fields: result_fields(entry).unwrap_or_default() }
}

/// `04 0F` that tells of somebody else's transaction.
pub(super) fn foreign_result(entry: &Entry) -> Message {
    let receipt_number = (entry.receipt_number + FOREIGN_RECEIPTS - 1) % RECEIPT_NUMBER_MAX + 1;
    let amount_cents = (entry.amount_cents + FOREIGN_CENTS).min(AMOUNT_CENTS_MAX);
    result_of(&Entry { receipt_number, amount_cents, trace: entry.trace + 1, ..*entry })
}

/// The result code that a transaction has now.
pub(super) fn code_of(entry: &Entry) -> ResultCode {
    match entry.state {
        EntryState::Charged => ResultCode::OK,
        EntryState::Declined if entry.declined_with > 0 => ResultCode(entry.declined_with),
        // A payment that was reversed by command was good when it was made; what is asked for then is the reversal.
        EntryState::Declined | EntryState::Reversed => ResultCode::ABORTED,
    }
}

fn result_fields(entry: &Entry) -> Result<Fields, FieldError> {
    let seconds = entry.time.as_secs();
    let clock = (seconds / 3_600 % 24) * 10_000 + (seconds / 60 % 60) * 100 + seconds % 60;
    // The terminal's calendar has one month.
    let day = 101 + seconds / 86_400 % 28;
    let fields = Fields::new()
        .with(0x27, vec![code_of(entry).0])?
        .with_amount_cents(entry.amount_cents)?
        .with_number(0x0B, u64::from(entry.trace))?
        .with_number(0x0C, clock)?
        .with_number(0x0D, day)?
        .with_receipt_number(entry.receipt_number)?
        .with_number(0x29, TERMINAL_ID)?
        .with_currency(EURO)?
        .with(0x19, vec![CHIP_AND_PIN])?
        .with(0x22, PAN.to_vec())?
        .with(0x8A, vec![GIROCARD])?
        .with(0x8B, CARD_NAME.to_vec())?;
    if entry.tip_cents == 0 {
        return Ok(fields);
    }
    let tip = bcd::digits(entry.tip_cents, 6).unwrap_or_default();
    fields.with_tlv(&Container::new(vec![Tlv::bytes(Tag::TIP, tip)]))
}

/// `04 0F` of an end of day: first and last receipt, then a count and a sum for each kind of card.
pub(super) fn totals(ledger: &Ledger, from: usize) -> Message {
    let today: Vec<&Entry> = ledger.entries().iter().skip(from).collect();
    let number = |entry: Option<&&Entry>| entry.map_or(0, |entry| u64::from(entry.receipt_number));
    let paid =
        today.iter().filter(|entry| entry.kind == TransactionKind::Payment && entry.state == EntryState::Charged);
    let sum: u64 = paid.clone().map(|entry| entry.amount_cents).sum();
    let mut value = Vec::new();
    value.extend(bcd::digits(number(today.first()), 2).unwrap_or_default());
    value.extend(bcd::digits(number(today.last()), 2).unwrap_or_default());
    value.push(u8::try_from(paid.count()).unwrap_or(u8::MAX));
    value.extend(bcd::digits(sum.min(AMOUNT_CENTS_MAX), 6).unwrap_or_default());
    value.extend(vec![0; 7 * (KINDS_OF_CARDS - 1)]);
    let fields = || Fields::new().with(0x27, vec![0])?.with_amount_cents(sum.min(AMOUNT_CENTS_MAX))?.with(0x60, value);
    Message::StatusInformation { fields: fields().unwrap_or_default() }
}

/// The receipts of a transaction: the merchant's, the customer's; of a declined one only the customer's.
pub(super) fn receipts(form: Receipts, entry: &Entry) -> Vec<Message> {
    let outcome = match code_of(entry) {
        ResultCode::OK => "PAID".to_owned(),
        code => format!("NOT PAID {:02X}", code.0),
    };
    let lines = [
        "SIMULATED TERMINAL".to_owned(),
        format!("RECEIPT {:04} TRACE {:06}", entry.receipt_number, entry.trace),
        format!("EUR {}", cents(entry.amount_cents)),
        outcome,
    ];
    let kinds: &[u8] = if code_of(entry) == ResultCode::OK { &[1, 2] } else { &[2] };
    let kind_of = |kind: u8| Tlv::bytes(Tag::RECEIPT_KIND, vec![kind]);
    kinds
        .iter()
        .flat_map(|kind| match form {
            Receipts::None => Vec::new(),
            Receipts::Lines => {
                let tlv = Container::new(vec![kind_of(*kind)]);
                let line = |attribute: u8, text: &str| Message::PrintLine {
                    attribute,
                    text: text.as_bytes().to_vec(),
                    tlv: tlv.clone(),
                };
                let last = line(LAST_LINE, "");
                lines.iter().map(|text| line(CENTRED, text)).chain([last]).collect()
            }
            Receipts::Blocks => {
                let mut texts = vec![Tlv::bytes(Tag::ATTRIBUTE, vec![CENTRED])];
                texts.extend(lines.iter().map(|text| Tlv::bytes(Tag::TEXT, text.as_bytes().to_vec())));
                texts.push(Tlv::bytes(Tag::ATTRIBUTE, vec![LAST_LINE]));
                let container = Container::new(vec![kind_of(*kind), Tlv::elements(Tag::PRINT_TEXTS, texts)]);
                vec![Message::PrintBlock { fields: Fields::new().with_tlv(&container).unwrap_or_default() }]
            }
        })
        .collect()
}

/// Whether a command's currency is the euro, or none.
pub(super) fn is_euro(fields: &Fields) -> bool {
    fields.currency().is_none_or(|currency| currency == EURO)
}

/// Whether a registration's currency is.
pub(super) fn registers_euro(currency: Option<[u8; 2]>) -> bool {
    currency.is_none_or(|currency| currency == Command::EURO)
}
