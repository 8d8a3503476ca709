//! `POST /echo`: health check, and reset when no message is given (contract 4.1).

use crate::fields::Reader;
use crate::json::write::{Object, string};
use crate::json::{self, Json, Limits};
use crate::problem::Findings;

/// The body of `POST /echo`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EchoRequest {
    /// `Message`; `None` (null, missing, or no body at all) asks for a reset of the cash box.
    pub message: Option<String>,
}

impl EchoRequest {
    /// Whether the cash box is to be reset before the answer.
    #[must_use]
    pub const fn is_reset(&self) -> bool {
        self.message.is_none()
    }
}

/// The answer to `POST /echo`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EchoResponse {
    /// `Message`, exactly as it was sent; null after a reset.
    pub message: Option<String>,
    /// `Version` of the server, left out when `None`.
    pub version: Option<String>,
    /// `Capabilities`: names of optional parts, left out when there are none.
    pub capabilities: Vec<String>,
}

/// Reads the body of `POST /echo`; an empty body is an empty object.
///
/// # Errors
/// When the body is not JSON, passes a limit, or `Message` is not a string.
pub fn parse_request(body: &[u8], limits: &Limits) -> Result<EchoRequest, Findings> {
    if is_blank(body) {
        return Ok(EchoRequest::default());
    }
    // The message is only given back: it may be as long as the body.
    let limits = Limits { string_chars_max: usize::MAX, ..*limits };
    let value: Json<'_> = json::parse(body, &limits)?;
    let mut reader = Reader::new(&limits);
    let request = reader.fields(&value).map(|mut fields| EchoRequest { message: reader.text(&mut fields, "Message") });
    reader.finish(request)
}

/// Whether a body has nothing but white space and perhaps a byte order mark.
pub(crate) fn is_blank(body: &[u8]) -> bool {
    body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body).iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

/// Appends the answer. `Message` is always there, `null` after a reset.
pub fn write_response(response: &EchoResponse, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    object.string_or_null("Message", response.message.as_deref());
    object.string_if("Version", response.version.as_deref());
    if !response.capabilities.is_empty() {
        object.array("Capabilities", &response.capabilities, |out, name| string(out, name));
    }
    object.end();
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests {
    use super::*;
    use crate::problem::Code;

    fn check(body: &str, message: Option<&str>) {
        let request = parse_request(body.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(request.message.as_deref(), message, "{body:?}");
        assert_eq!(request.is_reset(), message.is_none());
    }

    #[test]
    fn a_message_comes_back_as_it_was() {
        check(r#"{"Message":"till-07 hello"}"#, Some("till-07 hello"));
        check(r#"{"message":"lower case"}"#, Some("lower case"));
        check(r#"{"Message":""}"#, Some(""));
        // Looks like a date, and must not be re-formatted.
        check(
            r#"{"Message":"Hello from 2026-03-04T10:15:34.0000000+01:00"}"#,
            Some("Hello from 2026-03-04T10:15:34.0000000+01:00"),
        );
        let long = "x".repeat(5000);
        check(&format!(r#"{{"Message":"{long}"}}"#), Some(&long));
    }

    #[test]
    fn no_message_is_a_reset() {
        for body in ["", " \r\n", "\u{feff}", "{}", r#"{"Message":null}"#, r#"{"Other":1}"#] {
            check(body, None);
        }
    }

    #[test]
    fn what_is_no_echo_is_refused_with_its_place() {
        for (body, code, pointer) in [
            ("[]", Code::BodyInvalid, ""),
            ("null", Code::BodyInvalid, ""),
            (r#"{"Message":1}"#, Code::BodyInvalid, "/Message"),
            (r#"{"Message":"a","message":"b"}"#, Code::JsonDuplicateName, "/message"),
            (r#"{"Message":"a"#, Code::JsonMalformed, "/Message"),
        ] {
            let refused = parse_request(body.as_bytes(), &Limits::default()).unwrap_err();
            assert_eq!((refused.code, refused.findings[0].pointer.as_str()), (code, pointer), "{body}");
        }
    }

    #[test]
    fn the_answer_has_only_what_is_set() {
        let written = |response: &EchoResponse| {
            let mut out = Vec::new();
            write_response(response, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(&EchoResponse::default()), r#"{"Message":null}"#);
        let full = EchoResponse {
            message: Some("Grüße \"x\"".to_owned()),
            version: Some("0.1.0".to_owned()),
            capabilities: vec!["sign".to_owned()],
        };
        assert_eq!(written(&full), r#"{"Message":"Grüße \"x\"","Version":"0.1.0","Capabilities":["sign"]}"#);
    }
}
