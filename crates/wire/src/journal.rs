//! `POST /journal`, and its query form (contract 7.1).

use std::borrow::Cow;

use kassette_model::cases::JournalType;

use crate::date;
use crate::echo::is_blank;
use crate::fields::Reader;
use crate::json::write::Object;
use crate::json::{self, Json, Limits};
use crate::number;
use crate::problem::{Code, Finding, Findings};

pub use crate::date::{from_ticks, ticks};

/// Which entries of which journal are asked for.
///
/// Invariant: `from` and `to` are .NET ticks (100 ns since 0001-01-01 UTC), except `to` below 0, which is a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JournalRequest {
    /// `ftJournalType`; 0 when missing.
    pub journal_type: JournalType,
    /// `From`: ticks of the first entry; 0 when missing.
    pub from: i64,
    /// `To`: 0 for everything, ticks of the last entry, or below 0 for the first `-To` entries.
    pub to: i64,
}

impl JournalRequest {
    /// What `To` means.
    #[must_use]
    pub const fn end(&self) -> JournalEnd {
        match self.to {
            0 => JournalEnd::Open,
            ticks @ 1.. => JournalEnd::Ticks(ticks),
            count => JournalEnd::Count(count.unsigned_abs()),
        }
    }
}

/// Where a journal read ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JournalEnd {
    /// Everything from `From` on.
    Open,
    /// Up to and with these ticks.
    Ticks(i64),
    /// This many entries from `From` on.
    Count(u64),
}

/// Reads the body of `POST /journal`. An empty body is an empty object.
///
/// # Errors
/// When the body is not JSON, passes a limit, or has a member of the wrong form.
pub fn parse_request(body: &[u8], limits: &Limits) -> Result<JournalRequest, Findings> {
    if is_blank(body) {
        return Ok(JournalRequest::default());
    }
    let value = json::parse(body, limits)?;
    let mut reader = Reader::new(limits);
    let request = reader.fields(&value).map(|mut fields| JournalRequest {
        journal_type: JournalType(reader.case(&mut fields, "ftJournalType")),
        from: bound(&mut reader, &mut fields, "From"),
        to: bound(&mut reader, &mut fields, "To"),
    });
    reader.finish(request)
}

fn bound(reader: &mut Reader<'_>, fields: &mut crate::fields::Fields<'_, '_>, name: &str) -> i64 {
    let Some(member) = reader.any(fields, name) else { return 0 };
    let read = match &member.value {
        Json::Number(text) => read_bound(text),
        Json::String(text) => read_bound(text),
        _ => Err(BOUND_EXPECTED),
    };
    read.unwrap_or_else(|message| {
        reader.report(Code::BodyInvalid, "value-format", Some(&member.name), message);
        0
    })
}

const BOUND_EXPECTED: &str = "must be .NET ticks in 64 bits or an ISO 8601 date and time";

fn read_bound(text: &str) -> Result<i64, &'static str> {
    let text = text.trim();
    number::signed(text).ok().or_else(|| date::parse(text).map(date::ticks)).ok_or(BOUND_EXPECTED)
}

/// Reads the query form `type=&from=&to=`, with or without the `?`. Names in any case; others are ignored. A `+`
/// stays a plus, so that a date may have an offset.
///
/// # Errors
/// When a value cannot be read, is not UTF-8, or a name occurs twice; the pointer is the name as in the body.
pub fn parse_query(query: &str) -> Result<JournalRequest, Findings> {
    let mut request = JournalRequest::default();
    let mut seen = [false; 3];
    for pair in query.strip_prefix('?').unwrap_or(query).split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = name.to_ascii_lowercase();
        let (slot, pointer) = match name.as_str() {
            "type" | "ftjournaltype" => (0, "/ftJournalType"),
            "from" => (1, "/From"),
            "to" => (2, "/To"),
            _ => continue,
        };
        let refuse = |code: Code, kind: &'static str, message: &'static str| {
            Err(Findings::one(code, Finding::new(kind, pointer, message)))
        };
        if seen.get_mut(slot).is_some_and(|seen| std::mem::replace(seen, true)) {
            return refuse(Code::BodyInvalid, "value-duplicate", "occurs twice in the query");
        }
        let Some(value) = percent_decoded(value) else {
            return refuse(
                Code::BodyInvalid,
                "value-format",
                "has a percent sign without two hexadecimal digits, or is not UTF-8",
            );
        };
        if value.is_empty() {
            continue;
        }
        match slot {
            0 => match number::case_word(&value) {
                Ok(word) => request.journal_type = JournalType(word),
                Err(_) => {
                    return refuse(
                        Code::BodyInvalid,
                        "value-format",
                        "must be a whole number of 64 bits, decimal or hexadecimal behind 0x",
                    );
                }
            },
            slot => match read_bound(&value) {
                Ok(ticks) if slot == 1 => request.from = ticks,
                Ok(ticks) => request.to = ticks,
                Err(message) => return refuse(Code::BodyInvalid, "value-format", message),
            },
        }
    }
    Ok(request)
}

/// Text without percent escapes (RFC 3986).
pub(crate) fn percent_decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high << 4 | low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

/// Appends a request; `From` and `To` are left out when 0.
pub fn write_request(request: &JournalRequest, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    object.unsigned("ftJournalType", request.journal_type.0);
    if request.from != 0 {
        object.signed("From", request.from);
    }
    if request.to != 0 {
        object.signed("To", request.to);
    }
    object.end();
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests {
    use super::*;

    const AT_RKSV: u64 = 0x4154_0000_0000_0001;

    fn request(journal_type: u64, from: i64, to: i64) -> JournalRequest {
        JournalRequest { journal_type: JournalType(journal_type), from, to }
    }

    #[test]
    fn a_body_reads_in_every_spelling() {
        for (body, expected) in [
            (r#"{"ftJournalType":4707387510509010945,"From":0,"To":-5}"#, request(AT_RKSV, 0, -5)),
            (r#"{"FTJOURNALTYPE":"0x4154_0000_0000_0001"}"#, request(AT_RKSV, 0, 0)),
            (r#"{"ftjournaltype":"3","from":"12","to":null}"#, request(3, 12, 0)),
            (
                r#"{"From":"2000-01-01T00:00:00Z","To":"2000-01-01T01:00:00+01:00"}"#,
                request(0, 630_822_816_000_000_000, 630_822_816_000_000_000),
            ),
            ("", request(0, 0, 0)),
        ] {
            assert_eq!(parse_request(body.as_bytes(), &Limits::default()).unwrap(), expected, "{body}");
        }
    }

    #[test]
    fn a_query_reads_like_a_body() {
        for (query, expected) in [
            ("type=4707387510509010945&from=1&to=2", request(AT_RKSV, 1, 2)),
            (
                "?Type=0x4154000000000001&From=2000-01-01T01%3A00%3A00%2B01%3A00",
                request(AT_RKSV, 630_822_816_000_000_000, 0),
            ),
            ("type=1&from=2000-01-01T01:00:00+01:00&x=y&to=", request(1, 630_822_816_000_000_000, 0)),
            ("", request(0, 0, 0)),
        ] {
            assert_eq!(parse_query(query).unwrap(), expected, "{query}");
        }
        for (query, pointer) in [
            ("type=rksv", "/ftJournalType"),
            ("type=1&type=2", "/ftJournalType"),
            ("from=9223372036854775808", "/From"),
            ("to=%zz", "/To"),
            ("to=%ff", "/To"),
            ("to=%2", "/To"),
        ] {
            assert_eq!(parse_query(query).unwrap_err().findings[0].pointer, pointer, "{query}");
        }
    }

    #[test]
    fn to_has_three_meanings() {
        assert_eq!(request(0, 0, 0).end(), JournalEnd::Open);
        assert_eq!(request(0, 0, 7).end(), JournalEnd::Ticks(7));
        assert_eq!(request(0, 0, i64::MIN).end(), JournalEnd::Count(1 << 63));
    }

    #[test]
    fn what_is_written_reads_again() {
        for one in [request(AT_RKSV, i64::MAX, i64::MIN), request(u64::MAX, 0, 0)] {
            let mut out = Vec::new();
            write_request(&one, &mut out);
            assert_eq!(parse_request(&out, &Limits::default()).unwrap(), one);
        }
    }
}
