//! The machine-readable code: twelve fields and a signature, in all its forms (RKSV §9, §10, Anlage).

use kassette_stdx::encoding::{base32, base64, base64_decode, base64url, base64url_decode};

use super::digits::{push_number, push_two};
use super::time;

/// Part 1 of every JWS of this algorithm: base64url of `{"alg":"ES256"}`.
pub(crate) const JWS_HEADER: &str = "eyJhbGciOiJFUzI1NiJ9";
/// Stands where the signature would when the unit has failed (RKSV §17), and must be legible on paper.
pub(crate) const OUTAGE_TEXT: &str = "Sicherheitseinrichtung ausgefallen";
/// Field 10 of a reversal, before base64.
pub(crate) const STO: &[u8] = b"STO";
/// Field 10 of a training receipt, before base64.
pub(crate) const TRA: &[u8] = b"TRA";

/// Room for an amount as it usually is.
const AMOUNT_CHARS_USUAL: usize = 12;
/// Room for a code without its names: five amounts, time, counter, chain, separators.
const CODE_CHARS_USUAL: usize = 128;

/// The five amounts of a code in cents, in the order of fields 5 to 9.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amounts {
    /// Betrag-Satz-Normal, 20 %.
    pub normal: i64,
    /// Betrag-Satz-Ermaessigt-1, 10 %.
    pub reduced_1: i64,
    /// Betrag-Satz-Ermaessigt-2, 13 %.
    pub reduced_2: i64,
    /// Betrag-Satz-Null.
    pub zero: i64,
    /// Betrag-Satz-Besonders, 19 % and every other rate.
    pub special: i64,
}

impl Amounts {
    /// In the order of the code.
    #[must_use]
    pub fn fields(&self) -> [i64; 5] {
        [self.normal, self.reduced_1, self.reduced_2, self.zero, self.special]
    }

    /// The sum in cents; `None` on overflow.
    #[must_use]
    pub fn total(&self) -> Option<i64> {
        self.fields().into_iter().try_fold(0_i64, i64::checked_add)
    }

    /// Whether all five are zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.fields() == [0; 5]
    }
}

/// Cents as in the code: decimal comma, two decimals, no thousands separator, never `-0,00`.
#[must_use]
pub(crate) fn amount_text(cents: i64) -> String {
    let mut text = String::with_capacity(AMOUNT_CHARS_USUAL);
    push_amount(&mut text, cents);
    text
}

fn push_amount(out: &mut String, cents: i64) {
    if cents < 0 {
        out.push('-');
    }
    let magnitude = cents.unsigned_abs();
    push_number(out, magnitude / 100);
    out.push(',');
    push_two(out, magnitude % 100);
}

/// Reads an amount; the thousands separators of the authority's demo register are read, too.
#[must_use]
pub(crate) fn amount_cents(text: &str) -> Option<i64> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, cents) = digits.split_once(',')?;
    if cents.len() != 2 || whole.is_empty() || !cents.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let grouped = whole.contains('.');
    let mut groups = whole.split('.');
    let first = groups.next()?;
    let well_formed = groups.all(|group| group.len() == 3)
        && (!grouped || (1..=3).contains(&first.len()))
        && (whole == "0" || !whole.starts_with('0'))
        && whole.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && !first.is_empty();
    if !well_formed {
        return None;
    }
    let whole: i64 = whole.replace('.', "").parse().ok()?;
    let cents = whole.checked_mul(100)?.checked_add(cents.parse::<i64>().ok()?)?;
    Some(if negative { -cents } else { cents })
}

/// Field 10 by its three meanings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CounterField {
    /// The encrypted counter.
    Encrypted(Vec<u8>),
    /// `STO`: the counter moved, but is not shown.
    Reversal,
    /// `TRA`: the counter stood still.
    Training,
}

impl CounterField {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Encrypted(bytes) => bytes,
            Self::Reversal => STO,
            Self::Training => TRA,
        }
    }

    fn of(bytes: Vec<u8>) -> Self {
        match bytes.as_slice() {
            STO => Self::Reversal,
            TRA => Self::Training,
            _ => Self::Encrypted(bytes),
        }
    }
}

/// The twelve fields that are signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Code {
    /// Field 1: `R1-` and the provider mark.
    pub(crate) algorithm: String,
    /// Field 2: Kassen-ID.
    pub(crate) kassen_id: String,
    /// Field 3: Belegnummer.
    pub(crate) number: String,
    /// Field 4: local time.
    pub(crate) time: String,
    /// Fields 5 to 9.
    pub(crate) amounts: Amounts,
    /// Field 10.
    pub(crate) counter: CounterField,
    /// Field 11: certificate serial or key id.
    pub(crate) key: String,
    /// Field 12, as text.
    pub(crate) chain: String,
}

impl Code {
    /// The text to be signed: `_` and twelve fields.
    #[must_use]
    pub(crate) fn text(&self) -> String {
        let counter = base64(self.counter.bytes());
        let names = self.kassen_id.len() + self.number.len() + self.key.len();
        let mut text = String::with_capacity(names + CODE_CHARS_USUAL);
        for field in [&self.algorithm, &self.kassen_id, &self.number, &self.time] {
            text.push('_');
            text.push_str(field);
        }
        for cents in self.amounts.fields() {
            text.push('_');
            push_amount(&mut text, cents);
        }
        for field in [&counter, &self.key, &self.chain] {
            text.push('_');
            text.push_str(field);
        }
        text
    }

    /// `header.payload`: what the unit signs.
    #[must_use]
    pub(crate) fn signing_input(&self) -> String {
        signing_input(&self.text())
    }

    /// Reads the twelve fields, strictly.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split('_').collect();
        let [lead, algorithm, kassen_id, number, time, a1, a2, a3, a4, a5, counter, key, chain] = fields.as_slice()
        else {
            return Err(format!("the code has {} fields instead of 12", fields.len().saturating_sub(1)));
        };
        if !lead.is_empty() {
            return Err("the code does not begin with `_`".into());
        }
        if !is_algorithm(algorithm) {
            return Err(format!("field 1: {algorithm:?} is not an algorithm mark"));
        }
        for (place, name, field) in [(2, "Kassen-ID", kassen_id), (3, "Belegnummer", number), (11, "key", key)] {
            if field.is_empty() {
                return Err(format!("field {place}: the {name} is empty"));
            }
        }
        if !time::is_local_text(time) {
            return Err(format!("field 4: {time:?} is not a time"));
        }
        let amount = |place: usize, text: &str| {
            amount_cents(text).ok_or_else(|| format!("field {place}: {text:?} is not an amount"))
        };
        let counter = base64_decode(counter).ok_or_else(|| format!("field 10: {counter:?} is not base64"))?;
        if base64_decode(chain).is_none_or(|bytes| bytes.len() != 8) {
            return Err(format!("field 12: {chain:?} is not base64 of 8 bytes"));
        }
        Ok(Self {
            algorithm: (*algorithm).to_owned(),
            kassen_id: (*kassen_id).to_owned(),
            number: (*number).to_owned(),
            time: (*time).to_owned(),
            amounts: Amounts {
                normal: amount(5, a1)?,
                reduced_1: amount(6, a2)?,
                reduced_2: amount(7, a3)?,
                zero: amount(8, a4)?,
                special: amount(9, a5)?,
            },
            counter: CounterField::of(counter),
            key: (*key).to_owned(),
            chain: (*chain).to_owned(),
        })
    }

    /// The OCR form: fields 10, 12 and 13 in base32.
    #[must_use]
    pub(crate) fn ocr_text(&self, signature: &[u8]) -> String {
        let [normal, reduced_1, reduced_2, zero, special] = self.amounts.fields().map(amount_text);
        let chain = base64_decode(&self.chain).unwrap_or_default();
        format!(
            "_{}_{}_{}_{}_{normal}_{reduced_1}_{reduced_2}_{zero}_{special}_{}_{}_{}_{}",
            self.algorithm,
            self.kassen_id,
            self.number,
            self.time,
            base32(self.counter.bytes()),
            self.key,
            base32(&chain),
            base32(signature)
        )
    }
}

/// `header.payload` of a code's text.
fn signing_input(text: &str) -> String {
    [JWS_HEADER, ".", &base64url(text.as_bytes())].concat()
}

/// `R1-` and either `AT0` (closed system) or a country with a number from 1.
pub(crate) fn is_algorithm(text: &str) -> bool {
    text.split_once('-')
        .is_some_and(|(suite, mark)| suite.strip_prefix('R').is_some_and(is_number_from_one) && is_mark(mark))
}

/// A provider mark: `AT1`, `AT100`, `DE2`, or `AT0` for a closed system.
pub(crate) fn is_mark(mark: &str) -> bool {
    let (country, number) = mark.split_at_checked(2).unwrap_or_default();
    mark == "AT0"
        || (country.bytes().all(|b| b.is_ascii_uppercase()) && !country.is_empty() && is_number_from_one(number))
}

fn is_number_from_one(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit())
}

/// A receipt as the export keeps it: `header.payload.signature`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Jws {
    /// `header.payload`.
    pub(crate) signing_input: String,
    /// The text that is signed.
    pub(crate) text: String,
    /// 64 bytes r ‖ s, or the outage text.
    pub(crate) signature: Vec<u8>,
}

impl Jws {
    /// Takes a compact form apart, strictly: three parts, the known header, base64url without padding.
    pub(crate) fn parse(compact: &str) -> Result<Self, String> {
        let mut parts = compact.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err("the JWS has not three parts".into());
        };
        if header != JWS_HEADER {
            return Err("the JWS header is not {\"alg\":\"ES256\"}".into());
        }
        let text = base64url_decode(payload).ok_or("the JWS payload is not base64url without padding")?;
        let text = String::from_utf8(text).map_err(|_| "the code is not UTF-8")?;
        let signature = base64url_decode(signature).ok_or("the JWS signature is not base64url without padding")?;
        Ok(Self { signing_input: format!("{header}.{payload}"), text, signature })
    }

    /// From a code text and its signature.
    pub(crate) fn of(text: String, signature: Vec<u8>) -> Self {
        Self { signing_input: signing_input(&text), text, signature }
    }

    /// The compact form.
    #[must_use]
    pub(crate) fn compact(&self) -> String {
        [self.signing_input.as_str(), ".", &base64url(&self.signature)].concat()
    }

    /// The QR form: the code and field 13 in standard base64.
    #[must_use]
    pub(crate) fn qr_text(&self) -> String {
        [self.text.as_str(), "_", &base64(&self.signature)].concat()
    }

    /// Whether the outage text stands where the signature would.
    #[must_use]
    pub(crate) fn is_outage(&self) -> bool {
        self.signature == OUTAGE_TEXT.as_bytes()
    }
}

/// The JWS of a printed QR code, and the reverse of what [`qr_of_jws`] does.
///
/// # Errors
/// When the text has no 13th field in base64 or is not a code.
pub fn jws_of_qr(qr: &str) -> Result<String, String> {
    let (text, signature) = qr.rsplit_once('_').ok_or("the code has no fields")?;
    let signature = base64_decode(signature).ok_or("field 13 is not base64")?;
    Code::parse(text)?;
    Ok(Jws::of(text.to_owned(), signature).compact())
}

/// The QR text of a JWS in an export.
///
/// # Errors
/// When the JWS is malformed or does not hold a code.
pub fn qr_of_jws(compact: &str) -> Result<String, String> {
    let jws = Jws::parse(compact)?;
    Code::parse(&jws.text)?;
    Ok(jws.qr_text())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests {
    use super::*;

    fn code() -> Code {
        Code {
            algorithm: "R1-AT100".into(),
            kassen_id: "TILL-0007".into(),
            number: "ft10#17".into(),
            time: "2026-03-04T11:15:34".into(),
            amounts: Amounts { normal: 123_456, reduced_1: -5, reduced_2: 0, zero: 100, special: -123 },
            counter: CounterField::Encrypted(vec![1, 2, 3, 4, 5, 6, 7, 8]),
            key: "1f".into(),
            chain: "cg8hNU5ihto=".into(),
        }
    }

    #[test]
    fn twelve_fields() {
        let text = "_R1-AT100_TILL-0007_ft10#17_2026-03-04T11:15:34_1234,56_-0,05_0,00_1,00_-1,23_AQIDBAUGBwg=_1f_cg8hNU5ihto=";
        assert_eq!(code().text(), text);
        assert_eq!(Code::parse(text).unwrap(), code());
    }

    #[test]
    fn amounts_as_printed() {
        for (cents, text) in
            [(0, "0,00"), (1, "0,01"), (-1, "-0,01"), (123_456, "1234,56"), (i64::MIN, "-92233720368547758,08")]
        {
            assert_eq!(amount_text(cents), text);
        }
        for (text, cents) in [("1.234,56", 123_456), ("0,00", 0), ("-0,00", 0), ("1.234.567,00", 123_456_700)] {
            assert_eq!(amount_cents(text), Some(cents), "{text}");
        }
        for text in
            ["", "1", "1,0", "01,00", ",00", "1234.567,00", "1.23,00", "+1,00", "1,000", "0.123,00", "--1,00", "1.,00"]
        {
            assert_eq!(amount_cents(text), None, "{text}");
        }
    }

    #[test]
    fn qr_and_jws_are_one() {
        for signature in [vec![0xAB; 64], OUTAGE_TEXT.as_bytes().to_vec()] {
            let jws = Jws::of(code().text(), signature);
            let compact = jws.compact();
            assert_eq!(Jws::parse(&compact).unwrap(), jws);
            assert_eq!(qr_of_jws(&compact).unwrap(), jws.qr_text());
            assert_eq!(jws_of_qr(&jws.qr_text()).unwrap(), compact);
        }
    }

    /// Known answers of `turnover-kat.json`.
    #[test]
    fn constants() {
        assert_eq!(base64url(br#"{"alg":"ES256"}"#), JWS_HEADER);
        assert_eq!(base64(STO), "U1RP");
        assert_eq!(base64(TRA), "VFJB");
        assert_eq!(base64url(OUTAGE_TEXT.as_bytes()), "U2ljaGVyaGVpdHNlaW5yaWNodHVuZyBhdXNnZWZhbGxlbg");
        let outage = Jws::of(code().text(), OUTAGE_TEXT.as_bytes().to_vec());
        assert!(outage.is_outage());
        assert!(outage.qr_text().ends_with("_U2ljaGVyaGVpdHNlaW5yaWNodHVuZyBhdXNnZWZhbGxlbg=="));
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let good = code().text();
        for (from, to) in [
            ("_R1-AT100", "_R1-AT00"),
            ("_R1-AT100", "_R0-AT1"),
            ("_R1-AT100", "R1-AT100"),
            ("TILL-0007", ""),
            ("TILL-0007", "TILL_0007"),
            ("ft10#17", ""),
            ("T11:15", " 11:15"),
            ("0,00", "0.00"),
            ("AQIDBAUGBwg=", "AQIDBAUGBwg"),
            ("cg8hNU5ihto=", "cg8hNU5ihg=="),
            ("_1f_", "__"),
        ] {
            assert!(Code::parse(&good.replacen(from, to, 1)).is_err(), "{from} -> {to}");
        }
        let jws = Jws::of(good, vec![1; 64]).compact();
        for bad in [format!("{jws}=="), format!("{jws}.x"), jws.replacen("eyJ", "eyK", 1), "a.b".into()] {
            assert!(Jws::parse(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn marks() {
        for good in ["R1-AT1", "R1-AT100", "R1-AT0", "R2-DE7"] {
            assert!(is_algorithm(good), "{good}");
        }
        for bad in ["R1-DE0", "R1-AT", "R1AT1", "R1-at1", "R1-AT01", "R1-ATé1", "-AT1", "R1-"] {
            assert!(!is_algorithm(bad), "{bad}");
        }
    }

    #[test]
    fn the_ocr_form_is_base32() {
        let text = code().ocr_text(&[0; 64]);
        let fields: Vec<&str> = text.split('_').collect();
        assert_eq!(fields[10], "AEBAGBAFAYDQQ===");
        assert_eq!(fields[12], "OIHSCNKOMKDNU===");
        assert_eq!(fields[13].len(), 104);
    }
}
