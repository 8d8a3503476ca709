//! Members of a contract object: names in any case, defaults for what is missing, a finding for what is wrong.

use std::fmt::Display;

use kassette_model::{Decimal, FreeJson, Moment};
use uuid::Uuid;

use crate::date;
use crate::json::{Json, Limits, Member, push_token};
use crate::number::{self, NumberError};
use crate::problem::{Code, Finding, Findings};

/// Reads objects of the contract and gathers findings, so that one answer names everything that is wrong.
pub struct Reader<'l> {
    limits: &'l Limits,
    /// JSON pointer to the object that is being read.
    path: String,
    code: Option<Code>,
    findings: Vec<Finding>,
}

/// The members of one object. What was not taken is unknown.
pub struct Fields<'j, 'a> {
    members: &'j [Member<'a>],
    /// One bit for each length of name that occurs: most members of the contract are absent, and a look here tells.
    lengths: u64,
    /// One bit for each of the first 64 members: no object of the contract has as many.
    taken: u64,
    /// Whether each further member was taken.
    taken_beyond: Vec<bool>,
}

impl<'j, 'a> Fields<'j, 'a> {
    /// The member of this name in any case; a second call does not find it again.
    fn take(&mut self, name: &str) -> Option<&'j Member<'a>> {
        if self.lengths & length_bit(name) == 0 {
            return None;
        }
        let mut bit = 1_u64;
        for member in self.members.iter().take(64) {
            if self.taken & bit == 0 && member.name.len() == name.len() && member.name.eq_ignore_ascii_case(name) {
                self.taken |= bit;
                return Some(member);
            }
            bit = bit.wrapping_shl(1);
        }
        for (member, taken) in self.members.iter().skip(64).zip(&mut self.taken_beyond) {
            if !*taken && member.name.eq_ignore_ascii_case(name) {
                *taken = true;
                return Some(member);
            }
        }
        None
    }

    /// What this version does not know, name and value, in its order.
    pub(crate) fn unknown(self) -> Vec<(String, FreeJson)> {
        let first = self.members.iter().take(64).enumerate().filter(|(index, _)| self.taken >> index & 1 == 0);
        let beyond = self.members.iter().skip(64).zip(&self.taken_beyond).filter(|(_, taken)| !**taken);
        first
            .map(|(_, member)| member)
            .chain(beyond.map(|(member, _)| member))
            .map(|member| (member.name.as_ref().to_owned(), FreeJson(member.raw.to_owned())))
            .collect()
    }
}

impl<'l> Reader<'l> {
    /// One without findings.
    #[must_use]
    pub fn new(limits: &'l Limits) -> Self {
        Self { limits, path: String::new(), code: None, findings: Vec::new() }
    }

    /// The result, when nothing was found wrong.
    ///
    /// # Errors
    /// The findings.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Findings> {
        match (self.code, value) {
            (None, Some(value)) => Ok(value),
            (code, _) => Err(Findings { code: code.unwrap_or(Code::BodyInvalid), findings: self.findings }),
        }
    }

    /// How many findings there are so far.
    pub(crate) fn count(&self) -> usize {
        self.findings.len()
    }

    /// Notes that the member `name` of the current object is wrong; without a name, the object itself.
    #[cold]
    pub fn report(&mut self, code: Code, kind: &'static str, name: Option<&str>, message: impl Display) {
        self.code.get_or_insert(code);
        if self.findings.len() < Findings::MAX {
            let mut pointer = self.path.clone();
            if let Some(name) = name {
                push_token(&mut pointer, name);
            }
            self.findings.push(Finding::new(kind, pointer, message.to_string()));
        }
    }

    #[cold]
    fn wrong_type(&mut self, member: &Member<'_>, expected: &str) {
        let found = member.value.type_name();
        self.report(
            Code::BodyInvalid,
            "value-type",
            Some(&member.name),
            format_args!("must be {expected}, not {found}"),
        );
    }

    #[cold]
    fn null(&mut self, name: &str) {
        self.report(Code::BodyInvalid, "value-null", Some(name), "must not be null");
    }

    #[cold]
    fn number_error(&mut self, name: &str, error: NumberError, expected: &str) {
        match error {
            NumberError::NotANumber => {
                self.report(Code::BodyInvalid, "value-format", Some(name), format_args!("must be {expected}"));
            }
            NumberError::OutOfRange(reason) => {
                self.report(Code::NumberOutOfRange, Code::NumberOutOfRange.code(), Some(name), reason);
            }
        }
    }

    /// Runs `read` one level deeper in the path.
    pub fn inside<T>(&mut self, token: &dyn Display, read: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        push_token(&mut self.path, &token.to_string());
        let value = read(self);
        self.path.truncate(length);
        value
    }

    /// The members of the current value, which must be an object without two spellings of one name.
    pub fn fields<'j, 'a>(&mut self, value: &'j Json<'a>) -> Option<Fields<'j, 'a>> {
        let Json::Object(members) = value else {
            let (kind, found) = (if *value == Json::Null { "value-null" } else { "value-type" }, value.type_name());
            self.report(Code::BodyInvalid, kind, None, format_args!("must be an object, not {found}"));
            return None;
        };
        if let Some(name) = second_spelling(members) {
            self.report(
                Code::JsonDuplicateName,
                Code::JsonDuplicateName.code(),
                Some(name),
                "the member occurs twice, in two spellings",
            );
        }
        let lengths = members.iter().fold(0, |lengths, member| lengths | length_bit(&member.name));
        Some(Fields { members, lengths, taken: 0, taken_beyond: vec![false; members.len().saturating_sub(64)] })
    }

    /// A string, or `None` when it is missing or null.
    pub fn text(&mut self, fields: &mut Fields<'_, '_>, name: &str) -> Option<String> {
        let member = fields.take(name)?;
        match &member.value {
            Json::Null => None,
            Json::String(text) => Some(self.limited(&member.name, text)),
            _ => {
                self.wrong_type(member, "a string");
                None
            }
        }
    }

    /// A string that must be there.
    pub(crate) fn required_text(&mut self, fields: &mut Fields<'_, '_>, name: &str) -> String {
        match fields.take(name) {
            None => self.report(Code::BodyInvalid, "value-missing", Some(name), "must not be missing"),
            Some(member) => match &member.value {
                Json::String(text) => return self.limited(&member.name, text),
                Json::Null => self.null(&member.name),
                _ => self.wrong_type(member, "a string"),
            },
        }
        String::new()
    }

    /// A list of strings; missing or null is the empty list.
    pub fn texts(&mut self, fields: &mut Fields<'_, '_>, name: &str) -> Vec<String> {
        let Some(member) = fields.take(name) else { return Vec::new() };
        match &member.value {
            Json::Null => Vec::new(),
            Json::Array(items) => self.text_items(&member.name, items),
            _ => {
                self.wrong_type(member, "an array of strings");
                Vec::new()
            }
        }
    }

    pub(crate) fn text_items(&mut self, name: &str, items: &[Json<'_>]) -> Vec<String> {
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            if let Json::String(text) = item {
                texts.push(self.limited_at(name, Some(index), text));
            } else {
                let found = item.type_name();
                self.inside(&name, |reader| {
                    let message = format_args!("must be a string, not {found}");
                    reader.report(Code::BodyInvalid, "value-type", Some(&index.to_string()), message);
                });
            }
        }
        texts
    }

    fn limited(&mut self, name: &str, text: &str) -> String {
        self.limited_at(name, None, text)
    }

    fn limited_at(&mut self, name: &str, index: Option<usize>, text: &str) -> String {
        let most = self.limits.string_chars_max;
        // Bytes are never fewer than characters: most strings pass without being counted.
        if text.len() > most && text.chars().count() > most {
            let message = format!("must not be longer than {most} characters");
            match index {
                None => self.report(Code::BodyInvalid, "value-too-long", Some(name), message),
                Some(index) => self.inside(&name, |reader| {
                    reader.report(Code::BodyInvalid, "value-too-long", Some(&index.to_string()), &message);
                }),
            }
            return String::new();
        }
        text.to_owned()
    }

    /// The member of this name with its value, when it is there and not null; for members of more than one type.
    pub fn any<'j, 'a>(&mut self, fields: &mut Fields<'j, 'a>, name: &str) -> Option<&'j Member<'a>> {
        fields.take(name).filter(|member| member.value != Json::Null)
    }

    /// Any JSON value; null counts as missing.
    pub(crate) fn free(&mut self, fields: &mut Fields<'_, '_>, name: &str) -> Option<FreeJson> {
        self.any(fields, name).map(|member| FreeJson(member.raw.to_owned()))
    }

    /// A decimal divided by `10^places`; `None` when missing. Null is refused unless `nullable`.
    pub fn decimal(
        &mut self,
        fields: &mut Fields<'_, '_>,
        name: &str,
        places: u32,
        nullable: Nullable,
    ) -> Option<Decimal> {
        let member = fields.take(name)?;
        let text = match &member.value {
            Json::Number(text) => text,
            Json::String(text) => text.trim(),
            Json::Null if nullable == Nullable::Yes => return None,
            Json::Null => {
                self.null(&member.name);
                return None;
            }
            _ => {
                self.wrong_type(member, "a decimal number");
                return None;
            }
        };
        let value = number::decimal(text)
            .and_then(|value| if places == 0 { Ok(value) } else { number::divided(value, places) });
        value.map_err(|error| self.number_error(&member.name, error, "a decimal number")).ok()
    }

    /// A case: a number, a decimal string or a hexadecimal string; 0 when missing.
    pub(crate) fn case(&mut self, fields: &mut Fields<'_, '_>, name: &str) -> u64 {
        let Some(member) = fields.take(name) else { return 0 };
        let value = match &member.value {
            Json::Number(text) => number::unsigned(text),
            Json::String(text) => number::case_word(text),
            Json::Null => {
                self.null(&member.name);
                return 0;
            }
            _ => {
                self.wrong_type(member, "a whole number or a string with one");
                return 0;
            }
        };
        value.unwrap_or_else(|error| {
            self.number_error(&member.name, error, "a whole number, decimal or hexadecimal behind 0x");
            0
        })
    }

    /// A whole number that may also stand in a string; `None` when missing.
    pub(crate) fn signed(&mut self, fields: &mut Fields<'_, '_>, name: &str) -> Option<i64> {
        let member = fields.take(name)?;
        let value = match &member.value {
            Json::Number(text) => number::signed(text),
            Json::String(text) => number::signed(text.trim()),
            Json::Null => {
                self.null(&member.name);
                return None;
            }
            _ => {
                self.wrong_type(member, "a whole number");
                return None;
            }
        };
        value.map_err(|error| self.number_error(&member.name, error, "a whole number")).ok()
    }

    /// A moment; `None` when missing. Null is refused unless `nullable`.
    pub(crate) fn moment(&mut self, fields: &mut Fields<'_, '_>, name: &str, nullable: Nullable) -> Option<Moment> {
        let member = fields.take(name)?;
        match &member.value {
            Json::String(text) => {
                let moment = date::parse(text);
                if moment.is_none() {
                    let message = "must be a date and time such as 2026-03-04T10:15:34Z";
                    self.report(Code::BodyInvalid, "value-format", Some(&member.name), message);
                }
                return moment;
            }
            Json::Null if nullable == Nullable::Yes => {}
            Json::Null => self.null(&member.name),
            _ => self.wrong_type(member, "a date and time in a string"),
        }
        None
    }

    /// A GUID in any standard form; `None` when missing, null or the empty string.
    pub(crate) fn guid(&mut self, fields: &mut Fields<'_, '_>, name: &str) -> Option<Uuid> {
        let member = fields.take(name)?;
        match &member.value {
            Json::Null => None,
            Json::String(text) if text.trim().is_empty() => None,
            Json::String(text) => {
                let text = text.trim();
                let inside = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).unwrap_or(text);
                let guid = Uuid::try_parse(inside).ok();
                if guid.is_none() {
                    self.report(Code::BodyInvalid, "value-format", Some(&member.name), "must be a GUID");
                }
                guid
            }
            _ => {
                self.wrong_type(member, "a GUID in a string");
                None
            }
        }
    }

    /// A currency as an upper-case code: three letters in any case, or ordinal 0; `EUR` when missing.
    pub(crate) fn currency(&mut self, fields: &mut Fields<'_, '_>) -> String {
        let Some(member) = fields.take("Currency") else { return EUR.to_owned() };
        match &member.value {
            Json::String(text) if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
                return text.to_ascii_uppercase();
            }
            Json::Number("0") => {}
            Json::Null => self.null(&member.name),
            Json::String(_) | Json::Number(_) => {
                let message = "must be a currency code of three letters";
                self.report(Code::BodyInvalid, "value-format", Some(&member.name), message);
            }
            _ => self.wrong_type(member, "a currency code of three letters"),
        }
        EUR.to_owned()
    }

    /// `DecimalPrecisionMultiplier` as a number of decimal places: 0 for 1, 0 and missing.
    pub(crate) fn multiplier_places(&mut self, fields: &mut Fields<'_, '_>) -> u32 {
        const NAME: &str = "DecimalPrecisionMultiplier";
        match self.signed(fields, NAME) {
            None | Some(0 | 1) => 0,
            Some(100) => 2,
            Some(10_000) => 4,
            Some(1_000_000) => 6,
            Some(100_000_000) => 8,
            Some(_) => {
                let message = "must be 1, 100, 10000, 1000000 or 100000000";
                self.report(Code::BodyInvalid, "value-out-of-range", Some(NAME), message);
                0
            }
        }
    }

    /// The items of an array of objects. Missing or null is a finding when `required`, else the empty list.
    pub(crate) fn items<T>(
        &mut self,
        fields: &mut Fields<'_, '_>,
        name: &str,
        required: bool,
        mut read: impl FnMut(&mut Self, Fields<'_, '_>) -> T,
    ) -> Vec<T> {
        let Some(member) = fields.take(name) else {
            if required {
                self.report(Code::BodyInvalid, "value-missing", Some(name), "must not be missing");
            }
            return Vec::new();
        };
        match &member.value {
            Json::Array(items) => {
                let mut result = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    self.in_item(&member.name, index, |reader| {
                        if let Some(fields) = reader.fields(item) {
                            result.push(read(reader, fields));
                        }
                    });
                }
                return result;
            }
            Json::Null if !required => {}
            Json::Null => self.null(&member.name),
            _ => self.wrong_type(member, "an array"),
        }
        Vec::new()
    }

    fn in_item(&mut self, name: &str, index: usize, read: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        push_token(&mut self.path, name);
        self.path.push('/');
        crate::json::write::push_number(&mut self.path, index);
        read(self);
        self.path.truncate(length);
    }
}

/// The currency that is meant when none is named.
pub(crate) const EUR: &str = "EUR";

/// Whether `null` stands for "missing" (a reference type of the contract) or is refused (a value type).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nullable {
    /// It counts as missing.
    Yes,
    /// It is a finding.
    No,
}

/// A name that occurs a second time when letter case is ignored.
fn second_spelling<'m>(members: &'m [Member<'_>]) -> Option<&'m str> {
    const PAIRWISE_MAX: usize = 32;
    if members.len() > PAIRWISE_MAX {
        let mut names: Vec<(String, &str)> =
            members.iter().map(|member| (member.name.to_ascii_lowercase(), member.name.as_ref())).collect();
        names.sort_by(|one, other| one.0.cmp(&other.0));
        return names.windows(2).find_map(|pair| match pair {
            [one, other] if one.0 == other.0 => Some(other.1),
            _ => None,
        });
    }
    let mut lengths = 0;
    members.iter().enumerate().find_map(|(index, member)| {
        let bit = length_bit(&member.name);
        let length_is_new = lengths & bit == 0;
        lengths |= bit;
        let mut earlier = members.iter().take(index);
        (!length_is_new && earlier.any(|other| other.name.eq_ignore_ascii_case(&member.name)))
            .then_some(member.name.as_ref())
    })
}

/// The bit of a name's length; all from 63 on share one.
fn length_bit(name: &str) -> u64 {
    1 << name.len().min(63)
}
