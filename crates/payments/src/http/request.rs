//! What an app fetches, and how it takes it.

use kassette_model::payment::PayAction;
use kassette_model::{Decimal, OperationId, QueueId};
use kassette_wire::json::write::Object;
use kassette_wire::json::{self, Limits};
use kassette_wire::problem::Code;
use kassette_wire::{Findings, Reader};

use super::VERSION;

/// What an app is to do: make a payment, or tell what became of one.
#[derive(Debug, Clone, PartialEq)]
pub struct AppRequest {
    /// The operation of the payment; the app keeps it with whatever it does.
    pub operation: OperationId,
    /// What is to be done.
    pub action: PayAction,
    /// Never negative.
    pub amount: Decimal,
    /// Of the amount.
    pub currency: String,
    /// What the till calls the pay item.
    pub description: String,
    /// What the till asked for.
    pub protocol: String,
    /// `cbTerminalID` of the till's request.
    pub terminal_id: Option<String>,
    /// For a cancellation: the reference of the payment that is taken back, when the till knows it.
    pub reference: Option<String>,
    /// Only tell what became of it: nothing may be charged any more.
    pub ask: bool,
    /// Which app had accepted it.
    pub accepted_by: Option<String>,
}

impl AppRequest {
    /// Appends the body; `remaining_ms` is how long it may still be accepted, without a meaning for one that is only asked about.
    pub fn write(&self, queue: QueueId, remaining_ms: u64, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        object.uuid("operationId", self.operation.uuid());
        object.uuid("queueId", queue.uuid());
        object.boolean("ask", self.ask);
        object.string("action", self.action.name());
        object.decimal("amount", self.amount);
        object.string("currency", &self.currency);
        object.string("description", &self.description);
        object.string("protocol", &self.protocol);
        object.string("protocolVersion", VERSION);
        object.string_if("terminalId", self.terminal_id.as_deref());
        object.string_if("reference", self.reference.as_deref());
        if self.ask {
            object.string_if("acceptedBy", self.accepted_by.as_deref());
        } else {
            object.unsigned("remainingMs", remaining_ms);
        }
        object.end();
    }
}

/// Appends the answer to an acceptance; `remaining_ms` is how long a result is waited for before the payment is in doubt.
pub fn write_accepted(operation: OperationId, queue: QueueId, remaining_ms: u64, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    object.uuid("operationId", operation.uuid());
    object.uuid("queueId", queue.uuid());
    object.string("state", "accepted");
    object.unsigned("remainingMs", remaining_ms);
    object.end();
}

/// An app takes a payment for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// Which app: a name that it chose once and keeps. Two apps at one terminal are told apart by it.
    pub app: String,
}

impl Acceptance {
    /// Most characters of the name of an app.
    pub const APP_CHARS_MAX: usize = 64;

    /// Reads the body.
    ///
    /// # Errors
    /// When it is not JSON, passes a limit or names no app.
    pub fn parse(body: &[u8], limits: &Limits) -> Result<Self, Findings> {
        let value = json::parse(body, limits)?;
        let mut reader = Reader::new(limits);
        let acceptance = reader.fields(&value).and_then(|mut fields| {
            let app = reader.text(&mut fields, "app").unwrap_or_default();
            let plain = !app.trim().is_empty() && !app.chars().any(char::is_control);
            if !plain || app.chars().count() > Self::APP_CHARS_MAX {
                let max = Self::APP_CHARS_MAX;
                let message = format!("must be the name of the app, 1 to {max} characters without control characters");
                reader.report(Code::BodyInvalid, "value-format", Some("app"), message);
                return None;
            }
            Some(Self { app })
        });
        reader.finish(acceptance)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_what_is_to_be_done_and_how_long_it_may_be_accepted() {
        let mut request = AppRequest {
            operation: OperationId::from_bytes([1; 16]),
            action: PayAction::Cancel,
            amount: "18.40".parse().unwrap(),
            currency: "EUR".to_owned(),
            description: "Table \"7\"".to_owned(),
            protocol: "use_auto".to_owned(),
            terminal_id: None,
            reference: Some("77".to_owned()),
            ask: false,
            accepted_by: Some("phone".to_owned()),
        };
        let text = |request: &AppRequest| {
            let mut out = Vec::new();
            request.write(QueueId::from_bytes([2; 16]), 9_400, &mut out);
            String::from_utf8(out).unwrap()
        };
        let ids =
            r#"{"operationId":"01010101-0101-0101-0101-010101010101","queueId":"02020202-0202-0202-0202-020202020202""#;
        let middle = r#""action":"cancel","amount":18.40,"currency":"EUR","description":"Table \"7\"","protocol":"use_auto","protocolVersion":"1.0.0","reference":"77""#;
        assert_eq!(text(&request), format!(r#"{ids},"ask":false,{middle},"remainingMs":9400}}"#));
        request.ask = true;
        assert_eq!(text(&request), format!(r#"{ids},"ask":true,{middle},"acceptedBy":"phone"}}"#));
    }

    #[test]
    fn an_acceptance_names_its_app() {
        let read = |body: &str| Acceptance::parse(body.as_bytes(), &Limits::default());
        assert_eq!(read(r#"{"App":"phone-3","extra":1}"#).unwrap().app, "phone-3");
        let long = format!(r#"{{"app":"{}"}}"#, "x".repeat(65));
        for body in ["", "[]", "{}", r#"{"app":null}"#, r#"{"app":" "}"#, r#"{"app":7}"#, r#"{"app":"a\nb"}"#, &long] {
            assert!(read(body).is_err(), "{body}");
        }
    }
}
