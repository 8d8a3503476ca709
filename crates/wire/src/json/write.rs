//! Writes JSON straight into a buffer: no tree, no float, no escaping of what is not ASCII (contract 4.0).

use std::fmt;
use std::io::Write as _;

use kassette_model::{Decimal, FreeJson, Moment};

use crate::date;

/// What `u8` bytes below 0x20 become when they have no short form.
const HEX: [u8; 16] = *b"0123456789abcdef";

/// Appends `text` as a JSON string: only `"`, `\` and control characters are escaped.
pub fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    escaped(out, text);
    out.push(b'"');
}

/// Appends `text` escaped, without the quotes.
fn escaped(out: &mut Vec<u8>, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain.as_bytes());
        let mut chars = tail.chars();
        match chars.next() {
            Some('"') => out.extend_from_slice(b"\\\""),
            Some('\\') => out.extend_from_slice(b"\\\\"),
            Some('\n') => out.extend_from_slice(b"\\n"),
            Some('\r') => out.extend_from_slice(b"\\r"),
            Some('\t') => out.extend_from_slice(b"\\t"),
            Some(control) => {
                let code = control as usize;
                let high = HEX.get(code >> 4 & 0xF).copied().unwrap_or(b'0');
                let low = HEX.get(code & 0xF).copied().unwrap_or(b'0');
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
            }
            None => {}
        }
        rest = chars.as_str();
    }
    out.extend_from_slice(rest.as_bytes());
}

/// Appends anything that displays itself. Writing into a `Vec` cannot fail.
pub(crate) fn display(out: &mut Vec<u8>, value: impl fmt::Display) {
    let written = write!(out, "{value}");
    debug_assert!(written.is_ok(), "a Vec takes every write");
}

/// Appends an unsigned number: all 64 bits, never a string.
pub fn unsigned(out: &mut Vec<u8>, value: u64) {
    let mut digits = [0_u8; 20];
    let mut rest = value;
    let mut used = 0;
    for slot in digits.iter_mut().rev() {
        *slot = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        used += 1;
        if rest == 0 {
            break;
        }
    }
    let start = digits.len() - used;
    out.extend_from_slice(digits.get(start..).unwrap_or_default());
}

/// Appends a number to text.
pub(crate) fn push_number(text: &mut String, value: usize) {
    use fmt::Write as _;
    let written = write!(text, "{value}");
    debug_assert!(written.is_ok(), "a String takes every write");
}

/// Appends a signed number.
pub fn signed(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    unsigned(out, value.unsigned_abs());
}

/// Appends a decimal with all its digits and without an exponent.
pub fn decimal(out: &mut Vec<u8>, value: Decimal) {
    let mantissa = value.mantissa();
    let scale = usize::try_from(value.scale()).unwrap_or(0);
    if mantissa < 0 {
        out.push(b'-');
    }
    let mut digits = [b'0'; 40];
    let mut rest = mantissa.unsigned_abs();
    let mut used = 0;
    for slot in digits.iter_mut().rev() {
        // One digit stands before the point even when the value is below 1.
        if rest == 0 && used > scale {
            break;
        }
        *slot = match u64::try_from(rest) {
            // 64-bit division is many times faster, and nearly every amount fits.
            Ok(small) => {
                rest = u128::from(small / 10);
                b'0' + u8::try_from(small % 10).unwrap_or(0)
            }
            Err(_) => {
                let digit = u8::try_from(rest % 10).unwrap_or(0);
                rest /= 10;
                b'0' + digit
            }
        };
        used += 1;
    }
    let point = digits.len().saturating_sub(scale);
    let start = digits.len().saturating_sub(used);
    out.extend_from_slice(digits.get(start..point).unwrap_or_default());
    if scale > 0 {
        out.push(b'.');
        out.extend_from_slice(digits.get(point..).unwrap_or_default());
    }
}

/// Appends a moment as a JSON string, UTC with `Z` and up to seven digits of fraction.
pub fn moment(out: &mut Vec<u8>, value: Moment) {
    out.push(b'"');
    date::write(out, value);
    out.push(b'"');
}

/// An object being written, member by member. Call [`Object::end`] to close it.
#[derive(Debug)]
pub struct Object<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl<'o> Object<'o> {
    /// Opens an object at the end of `out`.
    pub fn begin(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    /// Writes a name of ours, which needs no escaping, and gives the buffer for the value.
    pub fn name(&mut self, name: &'static str) -> &mut Vec<u8> {
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// Writes a name from outside, and gives the buffer for the value.
    pub fn foreign_name(&mut self, name: &str) -> &mut Vec<u8> {
        self.separate();
        string(self.out, name);
        self.out.push(b':');
        self.out
    }

    fn separate(&mut self) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
    }

    /// A string member.
    pub fn string(&mut self, name: &'static str, value: &str) {
        string(self.name(name), value);
    }

    /// A string member, left out when `None`.
    pub fn string_if(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.string(name, value);
        }
    }

    /// A string member, `null` when `None`.
    pub fn string_or_null(&mut self, name: &'static str, value: Option<&str>) {
        match value {
            Some(value) => self.string(name, value),
            None => self.null(name),
        }
    }

    /// A member that is `null`.
    pub fn null(&mut self, name: &'static str) {
        self.name(name).extend_from_slice(b"null");
    }

    /// A boolean member.
    pub fn boolean(&mut self, name: &'static str, value: bool) {
        self.name(name).extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// A member whose text needs no escaping: an id, a fixed word.
    pub fn text(&mut self, name: &'static str, value: impl fmt::Display) {
        let out = self.name(name);
        out.push(b'"');
        display(out, value);
        out.push(b'"');
    }

    /// An unsigned 64-bit number.
    pub fn unsigned(&mut self, name: &'static str, value: u64) {
        unsigned(self.name(name), value);
    }

    /// A signed 64-bit number.
    pub fn signed(&mut self, name: &'static str, value: i64) {
        signed(self.name(name), value);
    }

    /// A decimal number.
    pub fn decimal(&mut self, name: &'static str, value: Decimal) {
        decimal(self.name(name), value);
    }

    /// A moment.
    pub fn moment(&mut self, name: &'static str, value: Moment) {
        moment(self.name(name), value);
    }

    /// A UUID, lower-case with hyphens.
    pub fn uuid(&mut self, name: &'static str, value: uuid::Uuid) {
        let mut buffer = uuid::Uuid::encode_buffer();
        let text = value.as_hyphenated().encode_lower(&mut buffer).as_bytes();
        let out = self.name(name);
        out.push(b'"');
        out.extend_from_slice(text);
        out.push(b'"');
    }

    /// Free JSON, as its text stands.
    pub fn free(&mut self, name: &'static str, value: &FreeJson) {
        self.name(name).extend_from_slice(value.0.as_bytes());
    }

    /// An array of anything.
    pub fn array<T>(
        &mut self,
        name: &'static str,
        items: impl IntoIterator<Item = T>,
        write: impl FnMut(&mut Vec<u8>, T),
    ) {
        array(self.name(name), items, write);
    }

    /// Closes the object.
    pub fn end(self) {
        self.out.push(b'}');
    }
}

/// Appends an array.
pub fn array<T>(out: &mut Vec<u8>, items: impl IntoIterator<Item = T>, mut write: impl FnMut(&mut Vec<u8>, T)) {
    out.push(b'[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_what_json_demands_is_escaped() {
        let text = "Käse \"x\" \\ / \u{0} \u{1f} \n\r\t \u{8}\u{c} \u{7f} \u{2028} 😀";
        let ours = written(|out| string(out, text));
        assert_eq!(serde_json::from_str::<String>(&ours).unwrap(), text);
        assert!(ours.contains("Käse") && ours.contains('😀') && ours.contains("\\u0000") && ours.contains("\\u001f"));
    }

    #[test]
    fn decimals_have_all_digits_and_no_exponent() {
        for text in [
            "0",
            "0.00",
            "18.40",
            "-0.05",
            "1",
            "-1",
            "79228162514264337593543950335",
            "0.0000000000000000000000000001",
        ] {
            let value: Decimal = text.parse().unwrap();
            assert_eq!(written(|out| decimal(out, value)), text);
        }
    }

    #[test]
    fn whole_numbers_reach_both_ends() {
        assert_eq!(written(|out| unsigned(out, u64::MAX)), "18446744073709551615");
        assert_eq!(written(|out| unsigned(out, 0)), "0");
        assert_eq!(written(|out| signed(out, i64::MIN)), "-9223372036854775808");
    }
}
