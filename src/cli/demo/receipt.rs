//! A receipt on the terminal: what a till would print, from request and answer alone.
//!
//! BAO §132a(3) and RKSV §11 say what stands on it: company, number, date and time, quantity and description, amount, Kassen-ID,
//! amounts by rate, and the machine-readable code.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use kassette_model::cases::{SignatureFlag, SignatureForm};
use kassette_model::{Decimal, ReceiptRequest, ReceiptResponse, SignatureItem};
use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};
use rust_decimal::RoundingStrategy;

/// Characters of a line: what a printer for 80 mm paper has.
const WIDTH: usize = 48;
/// Characters of the amount at the end of a line.
const AMOUNT_WIDTH: usize = 12;
/// Black on white whatever the colours of the terminal: a scanner needs it so.
const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
const PLAIN: &str = "\x1b[0m";

/// Why a receipt cannot be shown.
#[derive(Debug, thiserror::Error)]
pub(super) enum PictureError {
    /// The code does not fit a QR code.
    #[error("the machine-readable code: {0}")]
    Code(#[from] qrcode::types::QrError),
    /// The time zone is missing from this build.
    #[error("the time zone: {0}")]
    Zone(#[from] jiff::Error),
}

/// The receipt as text, with its QR code in half blocks. `colour` paints the code black on white.
pub(super) fn picture(
    request: &ReceiptRequest,
    answer: &ReceiptResponse,
    colour: bool,
) -> Result<String, PictureError> {
    let mut page = Page(String::new());
    page.centred("Café Kassette");
    page.centred("SANDBOX - not fiscally valid");
    page.rule();
    let local = answer.receipt_moment.to_zoned(TimeZone::get("Europe/Vienna")?);
    page.pair("Datum", &local.strftime("%d.%m.%Y %H:%M:%S").to_string());
    page.pair("Kassen-ID", &answer.cash_box_identification);
    page.pair("Belegnummer", &answer.receipt_identification);
    page.rule();
    for item in &request.charge_items {
        let text = format!("{} x {}", item.quantity.normalize(), item.description);
        page.pair(&text, &format!("{} {}", amount(item.amount), letter(item.vat_rate)));
    }
    page.rule();
    page.pair("Summe EUR", &format!("{}  ", amount(request.total())));
    for item in &request.pay_items {
        page.pair(&item.description, &format!("{}  ", amount(item.amount)));
    }
    page.line("");
    page.rates(request);
    page.rule();
    for line in answer.header.iter().chain(&answer.footer) {
        page.line(line);
    }
    for item in answer.signatures.iter().filter(|item| is_shown(item)) {
        page.signature(item, colour)?;
    }
    page.line("");
    Ok(page.0)
}

/// Text and QR codes stand on paper; messages for authorities and what is marked as hidden do not.
fn is_shown(item: &SignatureItem) -> bool {
    let form = item.format.form();
    !item.kind.has(SignatureFlag::DO_NOT_VISUALISE)
        && matches!(form, Some(SignatureForm::Text | SignatureForm::QrCode | SignatureForm::Link))
}

struct Page(String);

impl Page {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    fn rule(&mut self) {
        self.line(&"-".repeat(WIDTH));
    }

    fn centred(&mut self, text: &str) {
        self.line(format!("{text:^WIDTH$}").trim_end());
    }

    /// A text and, at the end of the line, a value.
    fn pair(&mut self, text: &str, value: &str) {
        let room = WIDTH.saturating_sub(value.chars().count()).saturating_sub(1);
        let text: String = text.chars().take(room).collect();
        self.line(format!("{text:<room$} {value}").trim_end());
    }

    /// Gross, net and tax of every rate.
    fn rates(&mut self, request: &ReceiptRequest) {
        let mut sums: BTreeMap<Decimal, Decimal> = BTreeMap::new();
        for item in &request.charge_items {
            let sum = sums.entry(item.vat_rate.normalize()).or_default();
            *sum = sum.checked_add(item.amount).unwrap_or(*sum);
        }
        let cells = |rate: &str, net: &str, tax: &str, gross: &str| {
            format!("{rate:<AMOUNT_WIDTH$}{net:>AMOUNT_WIDTH$}{tax:>AMOUNT_WIDTH$}{gross:>AMOUNT_WIDTH$}")
        };
        self.line(&cells("Satz", "Netto", "USt", "Brutto"));
        for (rate, gross) in sums.iter().rev() {
            let tax = tax(*gross, *rate);
            let net = gross.checked_sub(tax).unwrap_or_default();
            let name = format!("{} {} %", letter(*rate), rate.to_string().replace('.', ","));
            self.line(&cells(&name, &amount(net), &amount(tax), &amount(*gross)));
        }
    }

    fn signature(&mut self, item: &SignatureItem, colour: bool) -> Result<(), PictureError> {
        let caption = item.caption.as_deref().unwrap_or_default();
        if item.format.form() == Some(SignatureForm::QrCode) {
            // A caption in brackets is for programs; a sentence, like the one of an outage, must be legible.
            if !caption.is_empty() && !caption.starts_with('[') {
                self.centred(caption);
            }
            self.0.push_str(&qr(&item.data, colour)?);
            return Ok(());
        }
        match (caption, item.data.as_str()) {
            (caption, data) if caption.is_empty() || caption == data => self.line(data),
            (caption, data) => self.line(&format!("{caption}: {data}")),
        }
        Ok(())
    }
}

/// Tax contained in a gross sum, rounded half away from zero to cents.
fn tax(gross: Decimal, rate: Decimal) -> Decimal {
    let whole = Decimal::ONE_HUNDRED.checked_add(rate);
    whole
        .filter(|whole| !whole.is_zero())
        .and_then(|whole| gross.checked_mul(rate)?.checked_div(whole))
        .unwrap_or_default()
        .round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

/// Two decimals and a comma.
fn amount(value: Decimal) -> String {
    let rounded = value.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    format!("{rounded:.2}").replace('.', ",")
}

/// The letter that ties a line to its rate.
fn letter(rate: Decimal) -> char {
    match rate.normalize().to_string().as_str() {
        "20" => 'A',
        "10" => 'B',
        "13" => 'C',
        "0" => 'Z',
        _ => 'D',
    }
}

/// Two rows of modules to a line of text, with the quiet zone that scanners need. Error correction M, as on paper.
fn qr(data: &str, colour: bool) -> Result<String, qrcode::types::QrError> {
    let code = QrCode::with_error_correction_level(data.as_bytes(), EcLevel::M)?;
    let picture = code.render::<Dense1x2>().quiet_zone(true).build();
    let painted = picture
        .lines()
        .map(|line| if colour { format!("{BLACK_ON_WHITE}{line}{PLAIN}\n") } else { format!("{}\n", line.trim_end()) });
    Ok(painted.collect())
}

#[cfg(test)]
#[path = "receipt_tests.rs"]
mod tests;
