//! The parts of a receipt, in the order in which they are read.

use kassette_model::cases::{Country, PayMeans, SignaturePosition, SignatureType};
use kassette_model::{Decimal, Moment, QueueId, QueueItemId};

use super::{Code, Merchant};
use crate::{Language, Printable};

/// A receipt as it is read: from the top to the bottom, every text in its language and already laid down.
///
/// Order: signatures and notices before the header; marks; merchant; header lines; title, facts, customer; signatures and notices after
/// the header; items and their lines; signatures after the items; total, table of taxes; signatures after the total; payments and their
/// lines; signatures after the payments; lines of the till, footer; signatures after the footer; marks again.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt {
    /// Whose law it follows.
    pub market: Country,
    /// The language of labels, amounts and dates.
    pub language: Language,
    /// The currency of every amount that names no other.
    pub currency: Currency,
    /// What must be seen at first sight: sandbox, training, void, copy. Shown large at the top and again at the end.
    pub marks: Vec<MarkLine>,
    /// Who issues it.
    pub merchant: Merchant,
    /// Header lines that the answer brought (`ftReceiptHeader`).
    pub header: Vec<Printable>,
    /// What kind of document it is, such as `Rechnung`.
    pub title: Printable,
    /// Number, date and time, register, cashier and the like.
    pub facts: Vec<Fact>,
    /// The buyer, line by line; empty when unknown.
    pub customer: Vec<Printable>,
    /// What was sold.
    pub items: Vec<Item>,
    /// Lines below the items (`ftChargeLines`).
    pub item_lines: Vec<Printable>,
    /// What is to be paid; `None` on documents that state no amount (a start receipt, a protocol).
    pub total: Option<Decimal>,
    /// One row for each rate.
    pub vat: Vec<VatRow>,
    /// How it was paid.
    pub payments: Vec<Payment>,
    /// Lines below the payments (`ftPayLines`).
    pub pay_lines: Vec<Printable>,
    /// What was signed, with the place of each.
    pub signatures: Vec<Signature>,
    /// What the law wants to be said, with the place of each.
    pub notices: Vec<Notice>,
    /// Lines of the till (`cbReceiptLines`).
    pub lines: Vec<Printable>,
    /// Footer lines that the answer brought (`ftReceiptFooter`).
    pub footer: Vec<Printable>,
    /// Where the receipt stands on the web; `None` when nowhere.
    pub document_url: Option<Printable>,
    /// `ftQueueID`.
    pub queue_id: QueueId,
    /// `ftQueueItemID`.
    pub queue_item_id: QueueItemId,
    /// When it was signed (`ftReceiptMoment`).
    pub moment: Moment,
}

impl Receipt {
    /// The signatures of one place that this medium shows, in their order.
    pub fn signatures_at(&self, place: SignaturePosition, medium: Medium) -> impl Iterator<Item = &Signature> {
        self.signatures.iter().filter(move |signature| signature.place == place && signature.shown.on(medium))
    }

    /// The notices of one place, in their order.
    pub fn notices_at(&self, place: SignaturePosition) -> impl Iterator<Item = &Notice> {
        self.notices.iter().filter(move |notice| notice.place == place)
    }

    /// Sum of the tips among the payments, as what the guest gave beyond the total; zero when there is none.
    #[must_use]
    pub fn tip(&self) -> Decimal {
        self.sum(PaymentKind::Tip)
    }

    /// Sum of the change among the payments, as what the guest got back; zero when there is none.
    #[must_use]
    pub fn change(&self) -> Decimal {
        self.sum(PaymentKind::Change)
    }

    fn sum(&self, kind: PaymentKind) -> Decimal {
        let amounts = self.payments.iter().filter(|payment| payment.kind == kind).map(|payment| payment.amount);
        let sum = amounts.fold(Decimal::ZERO, |sum, amount| sum.checked_add(amount).unwrap_or(sum));
        // Both are sent as negative payments (contract 5.4).
        if sum.is_zero() { Decimal::ZERO } else { -sum }
    }
}

/// A currency: its code, and how many decimals its amounts have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency {
    code: [u8; 3],
}

impl Currency {
    /// The euro.
    pub const EUR: Self = Self { code: *b"EUR" };

    /// Three upper-case letters (ISO 4217).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.as_bytes() {
            [a, b, c] if [a, b, c].iter().all(|letter| letter.is_ascii_uppercase()) => {
                Some(Self { code: [*a, *b, *c] })
            }
            _ => None,
        }
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.code).unwrap_or_default()
    }

    /// Decimals of an amount (ISO 4217).
    #[must_use]
    pub const fn decimals(self) -> u32 {
        match &self.code {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG" | b"RWF" | b"UGX"
            | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            _ => 2,
        }
    }

    /// The sign that people write, where a currency of this region has one of its own.
    #[must_use]
    pub const fn sign(self) -> Option<&'static str> {
        match &self.code {
            b"EUR" => Some("€"),
            b"GBP" => Some("£"),
            _ => None,
        }
    }
}

/// What must be seen at first sight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mark {
    /// Made in a sandbox: not valid.
    Sandbox,
    /// Not signed: the answer is an error.
    Failed,
    /// Training: no turnover.
    Training,
    /// Takes back an earlier receipt.
    Void,
    /// Gives money back.
    Refund,
    /// Not the original.
    Copy,
}

/// A mark with its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkLine {
    /// Which mark.
    pub mark: Mark,
    /// What is shown.
    pub text: Printable,
}

/// Whether this is the original or a copy of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Copy {
    /// The original.
    #[default]
    Original,
    /// A copy whose number nobody counts.
    Copy,
    /// The n-th copy, from 1.
    Numbered(u32),
}

/// A label and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Such as `Belegnummer`.
    pub label: Printable,
    /// Such as `ft10#17`.
    pub value: Printable,
}

/// A line of goods or services.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Customary name.
    pub description: Printable,
    /// How much of it.
    pub quantity: Decimal,
    /// Unit of the quantity, such as `kg`; `None` for pieces.
    pub unit: Option<Printable>,
    /// Gross price of one; `None` when it says no more than the amount.
    pub unit_price: Option<Decimal>,
    /// Gross amount of the line.
    pub amount: Decimal,
    /// Letter of its row in the table of taxes; `None` where no tax may be shown.
    pub vat_letter: Option<char>,
    /// 0, or 1 for what belongs to the line above it (flag "group by position").
    pub level: u8,
    /// More about it, line by line: void, return, discount, down-payment, deposit, take-away.
    pub notes: Vec<Printable>,
}

/// A row of the table of taxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VatRow {
    /// The letter that the items carry. No letter stands for two rates.
    pub letter: char,
    /// Rate in percent.
    pub rate: Decimal,
    /// Net amount.
    pub net: Decimal,
    /// Tax.
    pub vat: Decimal,
    /// Gross amount: net and tax.
    pub gross: Decimal,
}

/// What a payment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PaymentKind {
    /// Money or money's worth that was given.
    Payment,
    /// Money that was given back (a negative amount).
    Change,
    /// Tip out of what was given (a negative amount).
    Tip,
}

/// How something was paid.
#[derive(Debug, Clone, PartialEq)]
pub struct Payment {
    /// What is shown for it.
    pub label: Printable,
    /// Amount in the currency of the receipt.
    pub amount: Decimal,
    /// What it is.
    pub kind: PaymentKind,
    /// Means of payment.
    pub means: PayMeans,
    /// Symbol and amount in another currency, when it was paid in one.
    pub foreign: Option<(Printable, Decimal)>,
    /// The slip of the terminal, line by line.
    pub slip: Vec<Printable>,
}

/// What a signature item shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Text, line by line.
    Text(Vec<Printable>),
    /// A text that a machine may read by its letters (OCR-A); never broken at blanks.
    Ocr(Printable),
    /// An address of the web. It is shown; only `http` and `https` may be followed.
    Link(Printable),
    /// A code.
    Code(Code),
}

/// Where something is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Medium {
    /// On paper: also a picture or page that is meant to be printed.
    Paper,
    /// On a screen.
    Screen,
}

/// Where a signature is shown (contract 5.6, flags 0010, 0040 and 0080).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shown {
    /// Everywhere.
    Everywhere,
    /// It need not be shown: a screen has it among the details, paper leaves it out.
    Details,
    /// On paper only.
    PaperOnly,
    /// On screens only.
    ScreenOnly,
}

impl Shown {
    /// Whether the medium shows it; details only on a screen.
    #[must_use]
    pub const fn on(self, medium: Medium) -> bool {
        match self {
            Self::Everywhere => true,
            Self::PaperOnly => matches!(medium, Medium::Paper),
            Self::Details | Self::ScreenOnly => matches!(medium, Medium::Screen),
        }
    }
}

/// A signature item as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// What it means (`ftSignatureType`).
    pub kind: SignatureType,
    /// Where it stands.
    pub place: SignaturePosition,
    /// On which medium.
    pub shown: Shown,
    /// Lines directly above it: its caption, and what a law wants there (ES: `QR tributario:`; PT: the ATCUD).
    pub above: Vec<Printable>,
    /// What it is.
    pub content: Content,
    /// Lines directly below it (ES: `VERI*FACTU`).
    pub below: Vec<Printable>,
}

/// A text that the law of a market wants on the receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Where it stands.
    pub place: SignaturePosition,
    /// What it says, in the language of the law.
    pub text: Printable,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_has_its_own_decimals() {
        let decimals = |code| Currency::parse(code).map(Currency::decimals);
        assert_eq!((decimals("EUR"), decimals("JPY"), decimals("KWD")), (Some(2), Some(0), Some(3)));
        assert_eq!((decimals("eur"), decimals("EURO"), decimals("")), (None, None, None));
        assert_eq!(Currency::EUR.code(), "EUR");
    }

    #[test]
    fn each_medium_has_its_signatures() {
        let on = |shown: Shown| (shown.on(Medium::Paper), shown.on(Medium::Screen));
        assert_eq!(on(Shown::Everywhere), (true, true));
        assert_eq!(on(Shown::Details), (false, true));
        assert_eq!(on(Shown::PaperOnly), (true, false));
        assert_eq!(on(Shown::ScreenOnly), (false, true));
    }
}
