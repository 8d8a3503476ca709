//! The reader: one pass over the bytes, strict after RFC 8259, with a place for every error.

use std::borrow::Cow;

use super::{Json, JsonError, Limits, Member, push_token};
use crate::problem::Code;

/// Deepest nesting that any configuration can allow: the reader recurses, and its stack is finite.
const DEPTH_CEILING: usize = 256;

/// Up to this many members, names are compared pair by pair; beyond, they are sorted.
const PAIRWISE_MEMBERS_MAX: usize = 16;

/// Reads one JSON text. A byte order mark in front is accepted.
///
/// # Errors
/// When the bytes are not UTF-8 or not JSON, when an object has a name twice, or when a limit is passed.
pub fn parse<'a>(body: &'a [u8], limits: &Limits) -> Result<Json<'a>, JsonError> {
    let mark = if body.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    let bytes = body.get(mark..).unwrap_or_default();
    let (text, cut) = match std::str::from_utf8(bytes) {
        Ok(text) => (text, false),
        // The valid part is read first: an earlier fault comes first, and its end gives the pointer.
        Err(error) => (
            bytes.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok()).unwrap_or_default(),
            true,
        ),
    };
    let mut parser = Parser { text, bytes: text.as_bytes(), at: 0, depth: 0, limits: *limits };
    let fault = match parser.document() {
        Ok(value) if !cut => return Ok(value),
        Ok(_) => Fault { code: Code::JsonMalformed, at: text.len(), reason: INVALID_UTF8, steps: Vec::new() },
        Err(fault) if cut && fault.at == text.len() => {
            Fault { code: Code::JsonMalformed, reason: INVALID_UTF8, ..*fault }
        }
        Err(fault) => *fault,
    };
    Err(fault.locate(body, mark))
}

const INVALID_UTF8: &str = "invalid UTF-8";

/// One step from a value to the place inside it.
enum Step {
    Name(String),
    Index(usize),
}

/// An error on its way out; every level adds its step, so that nothing is kept while all goes well.
struct Fault {
    code: Code,
    at: usize,
    reason: &'static str,
    /// Innermost first.
    steps: Vec<Step>,
}

impl Fault {
    fn locate(self, body: &[u8], mark: usize) -> JsonError {
        let mut pointer = String::new();
        for step in self.steps.iter().rev() {
            match step {
                Step::Name(name) => push_token(&mut pointer, name),
                Step::Index(index) => push_token(&mut pointer, &index.to_string()),
            }
        }
        let offset = self.at.saturating_add(mark).min(body.len());
        let before = body.get(mark.min(offset)..offset).unwrap_or_default();
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = before.len() - line_start + 1;
        JsonError { code: self.code, pointer, line, column, offset, reason: Cow::Borrowed(self.reason) }
    }
}

/// Boxed: the happy path moves one word less for each value.
type Outcome<T> = Result<T, Box<Fault>>;

#[cold]
fn fault_at<T>(code: Code, at: usize, reason: &'static str) -> Outcome<T> {
    Err(Box::new(Fault { code, at, reason, steps: Vec::new() }))
}

#[cold]
fn lone_surrogate(at: usize) -> Outcome<char> {
    fault_at(Code::JsonMalformed, at, "half of a surrogate pair")
}

#[cold]
fn duplicate<T>(name: &str, at: usize) -> Outcome<T> {
    let steps = vec![Step::Name(name.to_owned())];
    Err(Box::new(Fault { code: Code::JsonDuplicateName, at, reason: "the member occurs twice", steps }))
}

/// The lowest set bit lies in the first byte (from the low end) that is a quote, a backslash or below 0x20; 0 when there is none.
/// Eight bytes at a time, because most of a receipt is text of strings.
const fn special_bytes(word: u64) -> u64 {
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    below(word, 0x20) | below(quote, 1) | below(backslash, 1)
}

const ONES: u64 = 0x0101_0101_0101_0101;

/// The high bits of the bytes below `limit`, which is at most 0x80; the borrow of such a byte can only set further bits above it.
const fn below(word: u64, limit: u64) -> u64 {
    word.wrapping_sub(ONES * limit) & !word & (ONES << 7)
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    limits: Limits,
}

impl<'a> Parser<'a> {
    #[cold]
    fn fault<T>(&self, reason: &'static str) -> Outcome<T> {
        fault_at(Code::JsonMalformed, self.at, reason)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn slice(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or_default()
    }

    fn document(&mut self) -> Outcome<Json<'a>> {
        self.skip_space();
        let value = self.value()?;
        self.skip_space();
        if self.at < self.bytes.len() { self.fault("unexpected text behind the value") } else { Ok(value) }
    }

    fn value(&mut self) -> Outcome<Json<'a>> {
        match self.peek() {
            Some(b'"') => Ok(Json::String(self.string()?)),
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'-' | b'0'..=b'9') => Ok(Json::Number(self.number()?)),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(_) => self.fault("a JSON value was expected"),
            None => self.fault("the text ends too early"),
        }
    }

    fn word(&mut self, word: &'static str, value: Json<'a>) -> Outcome<Json<'a>> {
        for expected in word.bytes() {
            match self.peek() {
                Some(byte) if byte == expected => self.at += 1,
                Some(_) => return self.fault("a JSON value was expected"),
                None => return self.fault("the text ends too early"),
            }
        }
        Ok(value)
    }

    fn nested(&mut self, read: fn(&mut Self) -> Outcome<Json<'a>>) -> Outcome<Json<'a>> {
        if self.depth >= self.limits.depth_max.min(DEPTH_CEILING) {
            return fault_at(Code::JsonTooDeep, self.at, "more levels of nesting than allowed");
        }
        self.depth += 1;
        self.at += 1;
        self.skip_space();
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn array(&mut self) -> Outcome<Json<'a>> {
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Json::Array(items));
        }
        loop {
            let index = items.len();
            if index >= self.limits.array_items_max {
                return fault_at(Code::JsonTooManyItems, self.at, "more items than an array may have");
            }
            match self.value() {
                Ok(item) => items.push(item),
                Err(mut fault) => {
                    fault.steps.push(Step::Index(index));
                    return Err(fault);
                }
            }
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Json::Array(items));
                }
                Some(_) => return self.fault("`,` or `]` was expected"),
                None => return self.fault("the text ends inside an array"),
            }
            self.skip_space();
        }
    }

    fn object(&mut self) -> Outcome<Json<'a>> {
        let mut members: Vec<Member<'a>> = Vec::with_capacity(8);
        let mut lengths = 0_u64;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Json::Object(Vec::new()));
        }
        loop {
            match self.peek() {
                Some(b'"') => {}
                Some(_) => return self.fault("a member name in quotes was expected"),
                None => return self.fault("the text ends inside an object"),
            }
            let name_at = self.at;
            let name = self.string()?;
            // Only a name whose length occurred before can be one that occurred before.
            let length_bit = 1_u64 << name.len().min(63);
            let length_is_new = lengths & length_bit == 0;
            lengths |= length_bit;
            if !length_is_new
                && members.len() < PAIRWISE_MEMBERS_MAX
                && members.iter().any(|member| member.name == name)
            {
                return duplicate(&name, name_at);
            }
            match self.member_value() {
                Ok((value, raw)) => members.push(Member { name, value, raw }),
                Err(mut fault) => {
                    fault.steps.push(Step::Name(name.into_owned()));
                    return Err(fault);
                }
            }
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    break;
                }
                Some(_) => return self.fault("`,` or `}` was expected"),
                None => return self.fault("the text ends inside an object"),
            }
            self.skip_space();
        }
        if members.len() > PAIRWISE_MEMBERS_MAX {
            let mut names: Vec<&str> = members.iter().map(|member| member.name.as_ref()).collect();
            names.sort_unstable();
            let twice = names.windows(2).find_map(|pair| match pair {
                [one, other] if one == other => Some(*one),
                _ => None,
            });
            if let Some(name) = twice {
                let last = members.iter().rev().find(|member| member.name == name);
                let at = last.map_or(self.at, |member| self.offset_of(member.raw));
                return duplicate(name, at);
            }
        }
        Ok(Json::Object(members))
    }

    /// Where a piece of the text starts; the piece is borrowed from the text.
    fn offset_of(&self, piece: &str) -> usize {
        (piece.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize)
    }

    fn member_value(&mut self) -> Outcome<(Json<'a>, &'a str)> {
        self.skip_space();
        match self.peek() {
            Some(b':') => self.at += 1,
            Some(_) => return self.fault("`:` was expected"),
            None => return self.fault("the text ends inside an object"),
        }
        self.skip_space();
        let from = self.at;
        let value = self.value()?;
        Ok((value, self.slice(from, self.at)))
    }

    fn number(&mut self) -> Outcome<&'a str> {
        let from = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => {
                self.at += 1;
                if let Some(b'0'..=b'9') = self.peek() {
                    return self.fault("a number may not start with 0");
                }
            }
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(self.slice(from, self.at))
    }

    fn digits(&mut self) -> Outcome<()> {
        let from = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at > from { Ok(()) } else { self.fault("a digit was expected") }
    }

    /// Reads a string; borrows when it has no escapes.
    fn string(&mut self) -> Outcome<Cow<'a, str>> {
        self.at += 1;
        let from = self.at;
        self.skip_plain();
        match self.peek() {
            Some(b'"') => {
                let text = self.slice(from, self.at);
                self.at += 1;
                Ok(Cow::Borrowed(text))
            }
            Some(b'\\') => self.escaped_string(from),
            Some(_) => self.fault("a control character must be escaped"),
            None => self.fault("the text ends inside a string"),
        }
    }

    /// Goes on to the next byte that cannot stand in a string as it is: a quote, a backslash, a control character.
    fn skip_plain(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let (words, tail) = rest.as_chunks::<8>();
        let mut plain = 0;
        for word in words {
            let found = special_bytes(u64::from_le_bytes(*word));
            if found != 0 {
                self.at += plain + found.trailing_zeros() as usize / 8;
                return;
            }
            plain += word.len();
        }
        let in_tail = tail.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1F)).unwrap_or(tail.len());
        self.at += plain + in_tail;
    }

    /// The rest of a string from its first escape on.
    fn escaped_string(&mut self, from: usize) -> Outcome<Cow<'a, str>> {
        let mut text = self.slice(from, self.at).to_owned();
        loop {
            let plain_from = self.at;
            self.skip_plain();
            text.push_str(self.slice(plain_from, self.at));
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(text));
                }
                Some(b'\\') => text.push(self.escape()?),
                Some(_) => return self.fault("a control character must be escaped"),
                None => return self.fault("the text ends inside a string"),
            }
        }
    }

    fn escape(&mut self) -> Outcome<char> {
        let from = self.at;
        self.at += 1;
        let character = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode_escape(from);
            }
            Some(_) => return fault_at(Code::JsonMalformed, from, "unknown escape"),
            None => return self.fault("the text ends inside a string"),
        };
        self.at += 1;
        Ok(character)
    }

    fn unicode_escape(&mut self, from: usize) -> Outcome<char> {
        let first = self.four_hex_digits()?;
        let code = match first {
            0xD800..=0xDBFF => {
                if self.peek() != Some(b'\\') || self.bytes.get(self.at + 1) != Some(&b'u') {
                    return lone_surrogate(from);
                }
                self.at += 2;
                let second = self.four_hex_digits()?;
                if !(0xDC00..=0xDFFF).contains(&second) {
                    return lone_surrogate(from);
                }
                0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)
            }
            other => other,
        };
        match char::from_u32(code) {
            Some(character) => Ok(character),
            None => lone_surrogate(from),
        }
    }

    fn four_hex_digits(&mut self) -> Outcome<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = match self.peek() {
                Some(byte @ b'0'..=b'9') => byte - b'0',
                Some(byte @ b'a'..=b'f') => byte - b'a' + 10,
                Some(byte @ b'A'..=b'F') => byte - b'A' + 10,
                Some(_) => return self.fault("four hexadecimal digits were expected"),
                None => return self.fault("the text ends inside a string"),
            };
            code = code << 4 | u32::from(digit);
            self.at += 1;
        }
        Ok(code)
    }
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
