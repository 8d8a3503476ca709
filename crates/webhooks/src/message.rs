//! One callback message: what is sent for one transition of one operation (contract 3.3).

use kassette_model::{CashBoxId, OperationId, OperationState};
use kassette_wire::Limits;
use kassette_wire::json::{self, Json};
use kassette_wire::operation::{StateObject, write_state_object};

use crate::secret::Secret;
use crate::signature::sign;

/// One message. Its id and body are fixed when it is made, so every attempt and every resend carries the same bytes; only
/// the timestamp and the signature are of the attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    id: String,
    cash_box: CashBoxId,
    operation_id: OperationId,
    sequence: u64,
    state: &'static str,
    body: Vec<u8>,
}

/// Why a body is no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// It is no JSON.
    #[error("the body is no JSON: {0}")]
    Json(String),
    /// A member is missing or has no value that can be read.
    #[error("the body has no {0} that can be read")]
    Member(&'static str),
}

/// `webhook-id` of the message: `<operation id>_<sequence>`, the same for every attempt, so that a receiver can drop what
/// it has seen. There is no full stop in it, because that separates the signed parts.
///
/// An operation id is scoped by its cash box: a receiver of several cash boxes takes `x-cashbox-id` into its key.
#[must_use]
pub fn webhook_id(operation_id: OperationId, sequence: u64) -> String {
    format!("{operation_id}_{sequence}")
}

impl Message {
    /// The message for the transition that made `state`, the `sequence`-th of its operation, counted from 1.
    #[must_use]
    pub fn new(cash_box: CashBoxId, sequence: u64, state: StateObject) -> Self {
        let state = StateObject { sequence: Some(sequence), ..state };
        let mut body = Vec::with_capacity(320);
        write_state_object(&state, &mut body);
        Self {
            id: webhook_id(state.operation_id, sequence),
            cash_box,
            operation_id: state.operation_id,
            sequence,
            state: state.state.name(),
            body,
        }
    }

    /// The message whose body came by another way, as the stream of events sends it: the same bytes, so the same id and headers.
    ///
    /// # Errors
    /// [`MessageError`] when the body is no state object with a `Sequence`.
    pub fn of_body(cash_box: CashBoxId, body: Vec<u8>) -> Result<Self, MessageError> {
        let json = json::parse(&body, &Limits::default()).map_err(|error| MessageError::Json(format!("{error:?}")))?;
        let operation_id = json.get("OperationID").and_then(Json::as_str).and_then(OperationId::parse);
        let operation_id = operation_id.ok_or(MessageError::Member("OperationID"))?;
        let state = json.get("State").and_then(Json::as_str).and_then(OperationState::parse);
        let state = state.ok_or(MessageError::Member("State"))?;
        let sequence = match json.get("Sequence") {
            Some(Json::Number(text)) => text.parse().ok(),
            _ => None,
        };
        let sequence = sequence.ok_or(MessageError::Member("Sequence"))?;
        let id = webhook_id(operation_id, sequence);
        Ok(Self { id, cash_box, operation_id, sequence, state: state.name(), body })
    }

    /// `webhook-id`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The operation.
    #[must_use]
    pub fn operation_id(&self) -> OperationId {
        self.operation_id
    }

    /// 1, 2, 3 … per operation.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The JSON body: the state object with `Sequence`.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// All headers of an attempt made at `timestamp_s` (Unix seconds), signed with each of the valid secrets. Never the
    /// access token.
    #[must_use]
    pub fn headers(&self, secrets: &[Secret], timestamp_s: i64) -> Vec<(&'static str, String)> {
        vec![
            ("webhook-id", self.id.clone()),
            ("webhook-timestamp", timestamp_s.to_string()),
            ("webhook-signature", sign(secrets, &self.id, timestamp_s, &self.body)),
            ("content-type", "application/json".to_owned()),
            ("x-operation-id", self.operation_id.to_string()),
            ("x-operation-state", self.state.to_owned()),
            ("x-cashbox-id", self.cash_box.to_string()),
        ]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use kassette_model::{FreeJson, OperationState, QueueId, QueueItemId};

    use super::*;
    use crate::signature::{TOLERANCE_S, verify};

    fn state() -> StateObject {
        StateObject {
            operation_id: OperationId::parse("7b0c2e2a-6f4e-4a0e-9a56-0a3c7f6a9c11").unwrap(),
            queue_id: QueueId::parse("3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02").unwrap(),
            queue_item_id: QueueItemId::parse("c9a5b0de-2d55-4d0c-8f6e-7f6b1f1c3a44"),
            state: OperationState::Done,
            state_message: None,
            state_data: None,
            time_stamp: "2026-03-04T10:15:30.125Z".parse().unwrap(),
            sequence: None,
        }
    }

    fn message(state: StateObject) -> Message {
        Message::new(CashBoxId::parse("a37ce376-62be-42c6-b560-1aa0a6700211").unwrap(), 3, state)
    }

    #[test]
    fn the_whole_message_is_a_known_answer() {
        let message = message(state());
        let body = concat!(
            r#"{"OperationID":"7b0c2e2a-6f4e-4a0e-9a56-0a3c7f6a9c11","QueueID":"3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02","#,
            r#""QueueItemID":"c9a5b0de-2d55-4d0c-8f6e-7f6b1f1c3a44","State":"done","StateMessage":null,"#,
            r#""StateData":null,"TimeStamp":"2026-03-04T10:15:30.125Z","Sequence":3}"#
        );
        assert_eq!(std::str::from_utf8(message.body()).unwrap(), body);
        let secret = Secret::parse("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
        // The signature was computed with Python's hmac module.
        let expected = [
            ("webhook-id", "7b0c2e2a-6f4e-4a0e-9a56-0a3c7f6a9c11_3"),
            ("webhook-timestamp", "1772619331"),
            ("webhook-signature", "v1,Zzq473iCuCzbI7qDrWgSqUWZv16MJqjiXklLPYZn97Y="),
            ("content-type", "application/json"),
            ("x-operation-id", "7b0c2e2a-6f4e-4a0e-9a56-0a3c7f6a9c11"),
            ("x-operation-state", "done"),
            ("x-cashbox-id", "a37ce376-62be-42c6-b560-1aa0a6700211"),
        ];
        let headers = message.headers(&[secret], 1_772_619_331);
        let found: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(found, expected);
        assert_eq!((message.id(), message.sequence()), ("7b0c2e2a-6f4e-4a0e-9a56-0a3c7f6a9c11_3", 3));
        // The page for receivers shows this very message.
        let page = include_str!("../../../docs/api/callbacks.md");
        assert!(page.contains(body));
        for (name, value) in &headers {
            assert!(page.contains(&format!("{name}: {value}\n")), "{name}");
        }
    }

    #[test]
    fn a_body_that_came_by_another_way_makes_the_same_message() {
        let made = message(state());
        assert_eq!(Message::of_body(made.cash_box, made.body().to_vec()), Ok(made.clone()));
        for (body, expected) in [
            (r#"{"State":"done","Sequence":1}"#, "OperationID"),
            (r#"{"OperationID":"7b0c2e2a-6f4e-4a0e-9a56-0a3c7f6a9c11","State":"over","Sequence":1}"#, "State"),
            (r#"{"OperationID":"7b0c2e2a-6f4e-4a0e-9a56-0a3c7f6a9c11","State":"done","Sequence":-1}"#, "Sequence"),
            (r#"{"OperationID":"7b0c2e2a-6f4e-4a0e-9a56-0a3c7f6a9c11","State":"done"}"#, "Sequence"),
        ] {
            let found = Message::of_body(made.cash_box, body.as_bytes().to_vec());
            assert_eq!(found, Err(MessageError::Member(expected)), "{body}");
        }
        assert!(matches!(Message::of_body(made.cash_box, b"{".to_vec()), Err(MessageError::Json(_))));
    }

    #[test]
    fn a_retry_changes_the_timestamp_and_nothing_else_that_is_sent() {
        let state = StateObject {
            state_message: Some("Karte \"abgelehnt\"\n€".to_owned()),
            state_data: Some(FreeJson("{\"b\":1,\"a\":[2.50]}".to_owned())),
            queue_item_id: None,
            ..state()
        };
        let (first, again) = (message(state.clone()), message(state));
        assert_eq!(first, again);
        let parsed: serde_json::Value = serde_json::from_slice(first.body()).unwrap();
        assert_eq!(parsed.get("StateMessage").unwrap(), "Karte \"abgelehnt\"\n€");
        assert_eq!(parsed.get("Sequence").unwrap(), 3);
        let secrets = [Secret::from_bytes(&[1; 32]).unwrap(), Secret::from_bytes(&[2; 32]).unwrap()];
        let sent = |at: i64| first.headers(&secrets, at);
        for (early, late) in sent(1_772_619_331).into_iter().zip(sent(1_772_700_000)) {
            let of_the_attempt = matches!(early.0, "webhook-timestamp" | "webhook-signature");
            assert_eq!(early == late, !of_the_attempt, "{}", early.0);
            if early.0 == "webhook-signature" {
                for (value, at) in [(early.1, 1_772_619_331_i64), (late.1, 1_772_700_000)] {
                    let timestamp = at.to_string();
                    let one = secrets.get(1..).unwrap();
                    assert_eq!(verify(one, first.id(), &timestamp, &value, first.body(), at, TOLERANCE_S), Ok(()));
                }
            }
        }
    }
}
