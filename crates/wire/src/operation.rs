//! Operation items and the state object of the asynchronous interface (contract 2.3, 3.2, 3.3).

use std::borrow::Cow;

use kassette_model::{FreeJson, Moment, OperationId, OperationState, PosSystemId, QueueId, QueueItemId};

use crate::json::write::{Object, array, string};

/// Headers that no operation item shows: they are the credentials.
pub const SECRET_HEADERS: [&str; 4] = ["x-cashbox-id", "x-cashbox-accesstoken", "cashboxid", "accesstoken"];

/// What is kept of an operation, as `GET /journal/OperationItem/{id}` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationItem<'a> {
    /// `cbOperationItemID`: the operation id.
    pub operation_id: OperationId,
    /// `ftQueueID`.
    pub queue_id: QueueId,
    /// `ftPosSystemID`, from the header.
    pub pos_system_id: Option<PosSystemId>,
    /// `cbTerminalID`, from the header.
    pub terminal_id: Option<Cow<'a, str>>,
    /// `Method`, upper-case.
    pub method: Cow<'a, str>,
    /// `Path`, as it was called.
    pub path: Cow<'a, str>,
    /// `RequestHeaders`; those of [`SECRET_HEADERS`] are not written.
    pub request_headers: Vec<(Cow<'a, str>, Vec<Cow<'a, str>>)>,
    /// `Request`: the raw body.
    pub request: Cow<'a, str>,
    /// `Response`: the raw answer, once there is one.
    pub response: Option<Cow<'a, str>>,
    /// `ResponseCode`: 201 for success, else the status of the problem.
    pub response_code: Option<u16>,
    /// `LastState`.
    pub last_state: OperationState,
    /// `TimeStamp`: the last change.
    pub time_stamp: Moment,
    /// `ftOperationItemMoment`: the creation.
    pub created: Moment,
}

/// Appends an operation item; what is `None` is left out.
pub fn write_operation_item(item: &OperationItem<'_>, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    object.uuid("cbOperationItemID", item.operation_id.uuid());
    object.uuid("ftQueueID", item.queue_id.uuid());
    if let Some(id) = item.pos_system_id {
        object.uuid("ftPosSystemID", id.uuid());
    }
    object.string_if("cbTerminalID", item.terminal_id.as_deref());
    object.string("Method", &item.method);
    object.string("Path", &item.path);
    write_headers(object.name("RequestHeaders"), &item.request_headers);
    object.string("Request", &item.request);
    object.string_if("Response", item.response.as_deref());
    if let Some(code) = item.response_code {
        object.unsigned("ResponseCode", u64::from(code));
    }
    object.string("LastState", item.last_state.name());
    object.moment("TimeStamp", item.time_stamp);
    object.moment("ftOperationItemMoment", item.created);
    object.end();
}

fn write_headers(out: &mut Vec<u8>, headers: &[(Cow<'_, str>, Vec<Cow<'_, str>>)]) {
    let mut object = Object::begin(out);
    for (name, values) in headers {
        if !SECRET_HEADERS.iter().any(|secret| name.eq_ignore_ascii_case(secret)) {
            array(object.foreign_name(name), values, |out, value| string(out, value));
        }
    }
    object.end();
}

/// The state of an operation, as the asynchronous interface and callbacks show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateObject {
    /// `OperationID`.
    pub operation_id: OperationId,
    /// `QueueID`.
    pub queue_id: QueueId,
    /// `QueueItemID`, once a receipt stands behind the operation.
    pub queue_item_id: Option<QueueItemId>,
    /// `State`.
    pub state: OperationState,
    /// `StateMessage`: for people.
    pub state_message: Option<String>,
    /// `StateData`: for programs.
    pub state_data: Option<FreeJson>,
    /// `TimeStamp`: when the state was reached.
    pub time_stamp: Moment,
    /// `Sequence`, from 1, in callbacks only.
    pub sequence: Option<u64>,
}

/// Appends a state object. Members without a value are `null`, except `Sequence`, which is left out.
pub fn write_state_object(state: &StateObject, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    object.uuid("OperationID", state.operation_id.uuid());
    object.uuid("QueueID", state.queue_id.uuid());
    match state.queue_item_id {
        Some(id) => object.uuid("QueueItemID", id.uuid()),
        None => object.null("QueueItemID"),
    }
    object.string("State", state.state.name());
    object.string_or_null("StateMessage", state.state_message.as_deref());
    match &state.state_data {
        Some(data) => object.free("StateData", data),
        None => object.null("StateData"),
    }
    object.moment("TimeStamp", state.time_stamp);
    if let Some(sequence) = state.sequence {
        object.unsigned("Sequence", sequence);
    }
    object.end();
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;
    use crate::date;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_operation_item_hides_the_credentials() {
        let item = OperationItem {
            operation_id: OperationId::parse("7b0c2e2a-6f4e-4a0e-9a56-0a3c7f6a9c11").unwrap(),
            queue_id: QueueId::parse("3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02").unwrap(),
            pos_system_id: None,
            terminal_id: Some("bar-2".into()),
            method: "POST".into(),
            path: "/v2/sign".into(),
            request_headers: vec![
                ("X-CashBox-AccessToken".into(), vec!["secret".into()]),
                ("accept".into(), vec!["a".into(), "b".into()]),
                ("CashboxId".into(), vec!["secret".into()]),
            ],
            request: "{\"a\":1}".into(),
            response: None,
            response_code: None,
            last_state: OperationState::Processing,
            time_stamp: date::parse("2026-03-04T10:15:30.120Z").unwrap(),
            created: date::parse("2026-03-04T10:15:30Z").unwrap(),
        };
        assert_eq!(
            written(|out| write_operation_item(&item, out)),
            concat!(
                r#"{"cbOperationItemID":"7b0c2e2a-6f4e-4a0e-9a56-0a3c7f6a9c11","ftQueueID":"3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02","#,
                r#""cbTerminalID":"bar-2","Method":"POST","Path":"/v2/sign","RequestHeaders":{"accept":["a","b"]},"#,
                r#""Request":"{\"a\":1}","LastState":"processing","TimeStamp":"2026-03-04T10:15:30.12Z","#,
                r#""ftOperationItemMoment":"2026-03-04T10:15:30Z"}"#
            )
        );
        let done = OperationItem { response: Some("{}".into()), response_code: Some(201), ..item };
        assert!(written(|out| write_operation_item(&done, out)).contains(r#""Response":"{}","ResponseCode":201,"#));
    }

    #[test]
    fn a_state_object_shows_its_nulls() {
        let state = StateObject {
            operation_id: OperationId::parse("7b0c2e2a-6f4e-4a0e-9a56-0a3c7f6a9c11").unwrap(),
            queue_id: QueueId::parse("3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02").unwrap(),
            queue_item_id: QueueItemId::parse("c9a5b0de-2d55-4d0c-8f6e-7f6b1f1c3a44"),
            state: OperationState::Processing,
            state_message: None,
            state_data: None,
            time_stamp: date::parse("2026-03-04T10:15:30.125Z").unwrap(),
            sequence: None,
        };
        assert_eq!(
            written(|out| write_state_object(&state, out)),
            concat!(
                r#"{"OperationID":"7b0c2e2a-6f4e-4a0e-9a56-0a3c7f6a9c11","QueueID":"3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02","#,
                r#""QueueItemID":"c9a5b0de-2d55-4d0c-8f6e-7f6b1f1c3a44","State":"processing","StateMessage":null,"#,
                r#""StateData":null,"TimeStamp":"2026-03-04T10:15:30.125Z"}"#
            )
        );
        let called = StateObject {
            queue_item_id: None,
            state_data: Some(FreeJson("[1]".to_owned())),
            sequence: Some(2),
            ..state
        };
        let text = written(|out| write_state_object(&called, out));
        assert!(text.contains(r#""QueueItemID":null"#) && text.contains(r#""StateData":[1]"#));
        assert!(text.ends_with(r#","Sequence":2}"#));
    }
}
