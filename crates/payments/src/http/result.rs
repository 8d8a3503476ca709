//! What an app tells: a payment that was made, one that was not, or that it does not know.

use std::borrow::Cow;

use kassette_model::cases::PayMeans;
use kassette_model::payment::{Approval, PayAction, PaymentOutcome, PaymentRefusal, ProviderExchange, RefusalKind};
use kassette_model::{Decimal, FreeJson};
use kassette_wire::json::write::Object;
use kassette_wire::json::{self, Json, Limits};
use kassette_wire::pay::{RECEIPT_NUMBER, parse_response};
use kassette_wire::problem::{Code, Finding};
use kassette_wire::{Fields, Findings, Nullable, Reader};

use super::VERSION;

/// Decimal places of an amount.
const PLACES: u32 = 2;

/// Means of payment by the word that stands for each in `means`.
const MEANS: [(&str, PayMeans); 9] = [
    ("non-cash", PayMeans::NonCash),
    ("debit-card", PayMeans::DebitCard),
    ("credit-card", PayMeans::CreditCard),
    ("voucher", PayMeans::Voucher),
    ("online", PayMeans::Online),
    ("loyalty-card", PayMeans::LoyaltyCard),
    ("sepa-transfer", PayMeans::SepaTransfer),
    ("other-bank-transfer", PayMeans::OtherBankTransfer),
    ("ticket-restaurant", PayMeans::TicketRestaurant),
];

/// Why an app failed, by the word that stands for it in `reason`, with the title when the app gives none. The first when it says nothing.
const REASONS: [(&str, RefusalKind, &str); 3] = [
    ("declined", RefusalKind::Declined, "DECLINED"),
    ("cancelled", RefusalKind::Cancelled, "CANCELLED"),
    ("timed-out", RefusalKind::TimedOut, "TIMED OUT"),
];

/// What an app posts.
#[derive(Debug, Clone, PartialEq)]
pub struct AppTold {
    /// Which app says it: then it has to be the one that accepted the payment.
    pub app: Option<String>,
    /// What became of the payment.
    pub result: AppResult,
}

impl AppTold {
    /// Reads the body.
    ///
    /// # Errors
    /// When it is not JSON, passes a limit, lacks or misspells a member, or contradicts itself.
    pub fn parse(body: &[u8], limits: &Limits) -> Result<Self, Findings> {
        let value = json::parse(body, limits)?;
        let mut reader = Reader::new(limits);
        let told = reader.fields(&value).and_then(|mut fields| {
            let app = reader.text(&mut fields, "app");
            read(&mut reader, fields).map(|result| Self { app, result })
        });
        reader.finish(told)
    }
}

/// What became of a payment, in the words of its app.
#[derive(Debug, Clone, PartialEq)]
pub enum AppResult {
    /// The app does not know; it has to be asked again.
    Unknown {
        /// What it says about that.
        why: String,
    },
    /// Money has moved.
    Done(Done),
    /// It is certain that none has moved.
    Failed(Failed),
}

/// A payment that an app has made.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// In all, the tip included.
    pub paid: Decimal,
    /// The part of it that is a tip.
    pub tip: Decimal,
    /// What was paid with, when the app says a word that is known.
    pub means: PayMeans,
    /// Lines for the customer's receipt.
    pub lines: Vec<String>,
    /// What the payment is called where it was made; a cancellation of it gives that back to the app.
    pub reference: Option<String>,
}

/// A payment that moved no money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Why.
    pub kind: RefusalKind,
    /// `error`.
    pub title: String,
    /// `errorDetails`.
    pub detail: String,
}

impl AppResult {
    /// Most lines of a receipt.
    pub const RECEIPT_LINES_MAX: usize = 200;
    /// Most characters of a reference.
    pub const REFERENCE_CHARS_MAX: usize = 64;

    /// Its state, as it stands in the body.
    #[must_use]
    pub const fn state(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "unknown",
            Self::Done(_) => "done",
            Self::Failed(_) => "failed",
        }
    }

    /// Whether it goes with what was asked for: not more than that, and money back without a tip.
    ///
    /// # Errors
    /// With the member that does not.
    pub fn check(&self, action: PayAction, asked: Decimal) -> Result<(), Findings> {
        let Self::Done(done) = self else { return Ok(()) };
        let refuse = |member: &str, message: String| {
            Err(Findings::one(Code::BodyInvalid, Finding::new("value-out-of-range", format!("/{member}"), message)))
        };
        if action != PayAction::Payment && !done.tip.is_zero() {
            return refuse("tip", format!("a {action} has no tip"));
        }
        let most = asked.checked_add(done.tip);
        if most.is_none_or(|most| done.paid > most) {
            return refuse("paid", format!("{} is more than the {asked} that was asked for and the tip", done.paid));
        }
        Ok(())
    }

    /// How the payment ends by it; `None` when that is not known.
    #[must_use]
    pub fn outcome(&self) -> Option<PaymentOutcome> {
        match self {
            Self::Unknown { .. } => None,
            Self::Done(done) => Some(PaymentOutcome::Approved(Approval {
                paid: done.paid,
                tip: done.tip,
                means: done.means,
                lines: done.lines.clone(),
                exchange: ProviderExchange {
                    protocol_version: Cow::Borrowed(VERSION),
                    request: None,
                    response: Some(done.kept()),
                },
            })),
            Self::Failed(failed) => Some(PaymentOutcome::Refused(PaymentRefusal {
                kind: failed.kind,
                title: Cow::Owned(failed.title.clone()),
                detail: Cow::Owned(failed.detail.clone()),
            })),
        }
    }

    /// What it says, for a record.
    #[must_use]
    pub fn summary(&self) -> String {
        match self {
            Self::Unknown { why } if why.is_empty() => "the app does not know".to_owned(),
            Self::Unknown { why } => format!("the app does not know: {why}"),
            Self::Done(done) => format!("the app: {} paid, {} of it a tip", done.paid, done.tip),
            Self::Failed(failed) => format!("the app: {}, {}", failed.kind.name(), failed.title),
        }
    }
}

impl Done {
    /// What the answer of a payment that was made says of its result; `None` when it is none of this provider.
    #[must_use]
    pub fn of_answer(body: &[u8]) -> Option<Self> {
        // Stored by us: the limits of then do not matter any more.
        let limits = Limits { string_chars_max: usize::MAX, array_items_max: usize::MAX, ..Limits::default() };
        let answer = parse_response(body, &limits).ok()?;
        let text = &answer.items.first()?.case_data.as_ref()?.0;
        let data = json::parse(text.as_bytes(), &limits).ok()?;
        let Json::Object(members) = data.get("Provider")? else { return None };
        let kept = members.iter().find(|member| member.name == "ProtocolResponse")?;
        let Ok(AppTold { result: AppResult::Done(done), .. }) = AppTold::parse(kept.raw.as_bytes(), &limits) else {
            return None;
        };
        let Json::Array(lines) = data.get("Receipt")? else { return None };
        let lines = lines.iter().filter_map(Json::as_str).map(str::to_owned).collect();
        Some(Self { lines, ..done })
    }

    /// As it is kept in the answer to the till, without the lines, which stand beside it.
    fn kept(&self) -> FreeJson {
        let mut out = Vec::with_capacity(96);
        let mut object = Object::begin(&mut out);
        object.string("state", "done");
        object.decimal("paid", self.paid);
        object.decimal("tip", self.tip);
        let means = MEANS.iter().find(|(_, means)| *means == self.means);
        object.string_if("means", means.map(|(word, _)| *word));
        object.string_if(RECEIPT_NUMBER, self.reference.as_deref());
        object.end();
        FreeJson(String::from_utf8_lossy(&out).into_owned())
    }
}

fn read(reader: &mut Reader<'_>, mut fields: Fields<'_, '_>) -> Option<AppResult> {
    let f = &mut fields;
    let state = reader.text(f, "state").unwrap_or_default();
    let (paid, tip) =
        (reader.decimal(f, "paid", 0, Nullable::Yes), reader.decimal(f, "tip", 0, Nullable::Yes).unwrap_or_default());
    let (error, details) = (reader.text(f, "error"), reader.text(f, "errorDetails"));
    let (means, reason) = (reader.text(f, "means"), reader.text(f, "reason"));
    let lines = reader.texts(f, "receipt");
    // Under its second name in what is kept.
    let reference = reader.text(f, "reference").or_else(|| reader.text(f, RECEIPT_NUMBER));
    let moved = paid.is_some_and(|paid| !paid.is_zero()) || !tip.is_zero();
    match state.trim().to_ascii_lowercase().as_str() {
        "unknown" => {
            let why = [error, details].into_iter().flatten().filter(|text| !text.is_empty()).collect::<Vec<_>>();
            Some(AppResult::Unknown { why: why.join(": ") })
        }
        "failed" if moved => {
            let message = "a payment that failed has moved no money: leave it out, or tell that it is done";
            reader.report(Code::BodyInvalid, "value-out-of-range", Some("paid"), message);
            None
        }
        "failed" => {
            let said = reason.unwrap_or_default();
            let known = REASONS.iter().find(|(word, ..)| word.eq_ignore_ascii_case(said.trim()));
            let (_, kind, title) = known.copied().unwrap_or(REASONS[0]);
            let title = error.filter(|title| !title.trim().is_empty()).unwrap_or_else(|| title.to_owned());
            let detail = details.filter(|text| !text.trim().is_empty());
            let detail = detail.unwrap_or_else(|| "the payment app says no more about it".to_owned());
            Some(AppResult::Failed(Failed { kind, title, detail }))
        }
        "done" => done(reader, paid, tip, means.as_deref(), lines, reference).map(AppResult::Done),
        _ => {
            reader.report(Code::BodyInvalid, "value-unknown", Some("state"), "must be one of unknown, done, failed");
            None
        }
    }
}

fn done(
    reader: &mut Reader<'_>,
    paid: Option<Decimal>,
    tip: Decimal,
    means: Option<&str>,
    lines: Vec<String>,
    reference: Option<String>,
) -> Option<Done> {
    let mut refuse = |kind: &'static str, member: &str, message: String| {
        reader.report(Code::BodyInvalid, kind, Some(member), message);
    };
    let Some(paid) = paid.and_then(in_cents) else {
        refuse("value-out-of-range", "paid", "must be the amount that was paid, with at most two places".to_owned());
        return None;
    };
    let Some(tip) = in_cents(tip).filter(|tip| !tip.is_sign_negative()) else {
        refuse("value-out-of-range", "tip", "must not be negative and have at most two places".to_owned());
        return None;
    };
    if paid <= tip {
        refuse("value-out-of-range", "paid", format!("{paid} leaves nothing when the tip of {tip} is taken out"));
        return None;
    }
    if lines.len() > AppResult::RECEIPT_LINES_MAX {
        let max = AppResult::RECEIPT_LINES_MAX;
        refuse("value-too-long", "receipt", format!("has {} lines, at most {max} are accepted", lines.len()));
        return None;
    }
    let reference = reference.filter(|reference| !reference.is_empty());
    if reference.as_ref().is_some_and(|text| text.chars().count() > AppResult::REFERENCE_CHARS_MAX) {
        let max = AppResult::REFERENCE_CHARS_MAX;
        refuse("value-too-long", "reference", format!("must not be longer than {max} characters"));
        return None;
    }
    // Money has moved: a word that is not known must not keep that from being told.
    let known = means.and_then(|said| MEANS.iter().find(|(word, _)| word.eq_ignore_ascii_case(said.trim())));
    let means = known.map_or(PayMeans::Unknown, |(_, means)| *means);
    Some(Done { paid, tip, means, lines, reference })
}

/// As it was written, unless it was written with more places than there are; `None` when there are more.
fn in_cents(amount: Decimal) -> Option<Decimal> {
    let amount = if amount.scale() > PLACES { amount.normalize() } else { amount };
    (amount.scale() <= PLACES).then_some(amount)
}

#[cfg(test)]
#[path = "result_tests.rs"]
mod tests;
