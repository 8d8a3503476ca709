//! Problem documents (RFC 9457): the answer of every request that failed.
//!
//! Purpose: one shape and one list of codes for all failures that are not fiscal (contract 1.9, 2.2.8, 6.1).
//! Owns: [`Code`], [`Retry`], [`Problem`], [`Finding`], [`Findings`].
//! Invariants: member names are lower-case; nothing that is null is written; a code keeps its status for ever.
//! Not here: the text of the documentation pages, HTTP headers such as `Retry-After`, fiscal refusals (they are
//! receipts with `ftState` EEEE).

mod code;

use std::borrow::Cow;

pub use code::{Code, Retry};

use crate::json::write::{Object, array};

/// One thing that is wrong with a body, and where (contract 6.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing: a [`Code`] as text, `value-…`, or the name of a rule.
    pub code: Cow<'static, str>,
    /// Where: a JSON pointer (RFC 6901) into the body; empty for the whole body.
    pub pointer: String,
    /// What is wrong, for people.
    pub message: String,
    /// The law or rule behind it, if there is one.
    pub source: Option<Cow<'static, str>>,
}

impl Finding {
    /// A finding without a source.
    pub fn new(code: impl Into<Cow<'static, str>>, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), pointer: pointer.into(), message: message.into(), source: None }
    }

    /// The same finding with the law or rule behind it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Cow<'static, str>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The pointer as a field name for `errors`: `/cbChargeItems/0/Amount` is `cbChargeItems[0].Amount`, the whole
    /// body is `$`.
    #[must_use]
    pub fn field(&self) -> String {
        let mut field = String::new();
        for token in self.pointer.split('/').skip(1) {
            if !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit()) {
                field.push('[');
                field.push_str(token);
                field.push(']');
            } else {
                if !field.is_empty() {
                    field.push('.');
                }
                field.push_str(&token.replace("~1", "/").replace("~0", "~"));
            }
        }
        if field.is_empty() { "$".to_owned() } else { field }
    }

    /// Appends the finding as an object `{code, pointer, message, source}`.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        object.string("code", &self.code);
        object.string("pointer", &self.pointer);
        object.string("message", &self.message);
        object.string_if("source", self.source.as_deref());
        object.end();
    }
}

/// Why a body was refused: never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {}", .findings.first().map_or("", |finding| finding.message.as_str()))]
pub struct Findings {
    /// The code of the whole problem.
    pub code: Code,
    /// What was found, in the order of the body; at most [`Findings::MAX`].
    pub findings: Vec<Finding>,
}

impl Findings {
    /// Most findings that one answer lists; a body can have thousands of faults.
    pub const MAX: usize = 100;

    /// A refusal for one reason.
    #[must_use]
    pub fn one(code: Code, finding: Finding) -> Self {
        Self { code, findings: vec![finding] }
    }

    /// The problem document for it.
    #[must_use]
    pub fn into_problem(self) -> Problem {
        let detail = match self.findings.as_slice() {
            [] => self.code.title().to_owned(),
            [one] => format!("{}: {}", one.field(), one.message),
            [first, rest @ ..] => format!("{}: {} (and {} more)", first.field(), first.message, rest.len()),
        };
        Problem::new(self.code, detail).with_findings(self.findings)
    }
}

/// A problem document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which problem; gives `type`, `status` and `code`.
    pub code: Code,
    /// `title`: the code's own, except where the text of a device or provider stands.
    pub title: Cow<'static, str>,
    /// `detail`: this occurrence, for people.
    pub detail: String,
    /// `instance`: the path of the operation, if it has one.
    pub instance: Option<String>,
    /// `stored`: whether this answer is kept and will be replayed. The code's own unless set.
    pub stored: bool,
    /// `retry`: what the client may do. The code's own unless set.
    pub retry: Retry,
    /// `findings`; `errors` is made from them.
    pub findings: Vec<Finding>,
}

impl Problem {
    /// Media type of a problem document.
    pub const CONTENT_TYPE: &'static str = "application/problem+json";

    /// A problem with the code's own title, stored and retry.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            title: Cow::Borrowed(code.title()),
            detail: detail.into(),
            instance: None,
            stored: code.stored(),
            retry: code.retry(),
            findings: Vec::new(),
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.code.status()
    }

    /// The same problem with `instance`.
    #[must_use]
    pub fn with_instance(mut self, instance: impl Into<String>) -> Self {
        self.instance = Some(instance.into());
        self
    }

    /// The same problem with findings.
    #[must_use]
    pub fn with_findings(mut self, findings: Vec<Finding>) -> Self {
        self.findings = findings;
        self
    }

    /// The same problem outside the operation store (a journal read, a dry run): not stored, so that a stored
    /// failure's `new-id` becomes `never`.
    #[must_use]
    pub fn without_storing(mut self) -> Self {
        if self.stored && self.retry == Retry::NewId {
            self.retry = Retry::Never;
        }
        self.stored = false;
        self
    }

    /// Appends the document.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        object.string("type", self.code.type_uri());
        object.string("title", &self.title);
        object.unsigned("status", u64::from(self.status()));
        object.string("detail", &self.detail);
        if !self.findings.is_empty() {
            write_errors(object.name("errors"), &self.findings);
        }
        object.string("code", self.code.code());
        object.string_if("instance", self.instance.as_deref());
        object.boolean("stored", self.stored);
        object.string("retry", self.retry.name());
        if !self.findings.is_empty() {
            object.array("findings", &self.findings, |out, finding| finding.write(out));
        }
        object.end();
    }

    /// The document as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        self.write(&mut out);
        out
    }
}

/// `errors`: field → messages, each field once, in the order of its first finding.
fn write_errors(out: &mut Vec<u8>, findings: &[Finding]) {
    let mut fields: Vec<(String, Vec<&str>)> = Vec::new();
    for finding in findings {
        let field = finding.field();
        match fields.iter_mut().find(|(known, _)| *known == field) {
            Some((_, messages)) => messages.push(&finding.message),
            None => fields.push((field, vec![&finding.message])),
        }
    }
    let mut object = Object::begin(out);
    for (field, messages) in fields {
        array(object.foreign_name(&field), messages, crate::json::write::string);
    }
    object.end();
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn the_table_follows_the_contract() {
        for code in Code::ALL {
            let status = code.status();
            // Contract 2.2.8: what is stored, and what may be sent again.
            let expected = match status {
                422 | 429 | 500 | 503 | 507 => Retry::SameId,
                // A settlement is no operation: it has no id of its own.
                409 if *code == Code::PaymentStateConflict => Retry::Never,
                409 => Retry::NewId,
                _ if code.stored() => Retry::NewId,
                _ => Retry::Never,
            };
            assert_eq!(code.retry(), expected, "{code}");
            assert!(!code.stored() || [400, 408, 502].contains(&status), "{code}");
            assert!(code.code().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{code}");
            assert_eq!(Code::parse(code.code()), Some(*code));
            assert_eq!(code.type_uri(), format!("/docs/errors/{code}"));
        }
    }

    #[test]
    fn a_validation_problem_has_fields_and_pointers() {
        let findings = Findings {
            code: Code::BodyInvalid,
            findings: vec![
                Finding::new("value-null", "/cbReceiptReference", "must not be null"),
                Finding::new("value-null", "/cbChargeItems/0/Description", "must not be null")
                    .with_source("contract 4.5"),
            ],
        };
        let bytes = findings.into_problem().with_instance("/v2/journal/OperationItem/x").to_bytes();
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            concat!(
                r#"{"type":"/docs/errors/body-invalid","title":"Validation error","status":400,"#,
                r#""detail":"cbReceiptReference: must not be null (and 1 more)","#,
                r#""errors":{"cbReceiptReference":["must not be null"],"cbChargeItems[0].Description":["must not be null"]},"#,
                r#""code":"body-invalid","instance":"/v2/journal/OperationItem/x","stored":true,"retry":"new-id","findings":["#,
                r#"{"code":"value-null","pointer":"/cbReceiptReference","message":"must not be null"},"#,
                r#"{"code":"value-null","pointer":"/cbChargeItems/0/Description","message":"must not be null","source":"contract 4.5"}]}"#
            )
        );
    }

    #[test]
    fn what_is_empty_is_left_out() {
        let problem = Problem::new(Code::HeaderMissing, "required header x-cashbox-id was not sent");
        let value: serde_json::Value = serde_json::from_slice(&problem.to_bytes()).unwrap();
        assert_eq!(value["status"], 400);
        assert_eq!(value["stored"], false);
        for name in ["errors", "findings", "instance"] {
            assert!(value.get(name).is_none(), "{name}");
        }
    }
}
