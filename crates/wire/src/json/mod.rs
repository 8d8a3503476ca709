//! JSON as a borrowed tree with every digit, and a writer without one.
//!
//! Purpose: read a body once, strictly, with the place of every error; write answers without an intermediate tree.
//! Owns: [`Json`], [`Member`], [`Limits`], [`parse`], and the writer in [`mod@write`].
//! Invariants: a number keeps the text it was sent with; no object has two members of exactly the same name; depth
//! and array length are bounded before anything is built on them; no input makes it panic.
//! Not here: names and types of the contract (`fields`), the any-case comparison of contract names (`fields`).

mod parse;
pub mod write;

use std::borrow::Cow;
use std::fmt;

pub use parse::parse;

use crate::problem::{Code, Finding, Findings};

/// Limits of a body. They are checked while it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most levels of arrays and objects inside each other; the outermost counts as one. Never more than 256.
    pub depth_max: usize,
    /// Most items of one array.
    pub array_items_max: usize,
    /// Most characters of a string member of the contract (free JSON is not bound by it).
    pub string_chars_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth_max: 64, array_items_max: 10_000, string_chars_max: 1023 }
    }
}

/// A JSON value that borrows from the text it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it was written.
    Number(&'a str),
    /// A string without its escapes.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Json<'a>>),
    /// An object, its members in the order of the text.
    Object(Vec<Member<'a>>),
}

impl<'a> Json<'a> {
    /// The member of exactly this name, when this is an object that has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json<'a>> {
        match self {
            Self::Object(members) => members.iter().find(|member| member.name == name).map(|member| &member.value),
            _ => None,
        }
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// What it is, for messages.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member<'a> {
    /// The name without its escapes.
    pub name: Cow<'a, str>,
    /// The value.
    pub value: Json<'a>,
    /// The text of the value, without white space around it.
    pub raw: &'a str,
}

/// Why a text is not accepted as JSON, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    /// Which limit or rule.
    pub code: Code,
    /// JSON pointer (RFC 6901) to the value that was being read.
    pub pointer: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in bytes, from 1.
    pub column: usize,
    /// Byte offset in the body, from 0, a byte order mark counted.
    pub offset: usize,
    /// What is wrong.
    pub reason: Cow<'static, str>,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at line {}, column {} (byte {})", self.reason, self.line, self.column, self.offset)
    }
}

impl std::error::Error for JsonError {}

impl From<JsonError> for Findings {
    fn from(error: JsonError) -> Self {
        let message = error.to_string();
        Self::one(error.code, Finding::new(error.code.code(), error.pointer, message))
    }
}

/// Appends one reference token to a JSON pointer, escaped after RFC 6901.
pub(crate) fn push_token(pointer: &mut String, token: &str) {
    pointer.push('/');
    if !token.contains(['~', '/']) {
        pointer.push_str(token);
        return;
    }
    for character in token.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}
