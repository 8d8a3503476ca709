//! Headers and query parameters that several endpoints share (contract 1.6, 7.1).
#![allow(dead_code, reason = "the fields are read by the derive only")]

use utoipa::IntoParams;

/// Of every endpoint that needs a cash box.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct Common {
    /// The cash box. `cashboxid` is an alias.
    #[param(rename = "x-cashbox-id", example = "0d0f6f0e-6a53-4a63-8f2b-1b7a0a0f7a10")]
    cash_box_id: uuid::Uuid,
    /// Its access token. `accesstoken` is an alias.
    #[param(rename = "x-cashbox-accesstoken", example = "kst_test_…")]
    access_token: String,
}

/// Of every operation.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct OperationHeaders {
    /// The operation: a repeat with the same id and the same body gets the same answer, whatever happened in between.
    /// `Idempotency-Key` is an alias.
    #[param(rename = "x-operation-id", example = "7b0c2e2a-6f4e-4a0e-9a56-0a3c7f6a9c11")]
    operation_id: uuid::Uuid,
    /// Which product the till is; one that cannot be read counts as absent, unless the server requires it.
    #[param(rename = "x-possystem-id", required = false)]
    pos_system_id: Option<uuid::Uuid>,
    /// The terminal, when the body has no `cbTerminalID`.
    #[param(rename = "x-terminal-id", required = false)]
    terminal_id: Option<String>,
    /// How long the operation may wait for its start, in ms (15000 when it is not sent); later it fails with 408 and is not executed.
    #[param(rename = "x-operation-lifetime", required = false)]
    lifetime: Option<u64>,
    /// Absolute http or https URL that is told of each change of the operation's state, by a signed POST. One that is not called from here
    /// is refused, and no operation is created.
    #[param(rename = "x-operation-callback-state", required = false)]
    callback: Option<String>,
    /// `wait=n`: how many seconds a repeat waits for the first call.
    #[param(rename = "Prefer", required = false)]
    prefer: Option<String>,
}

/// The query form of a journal request.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct JournalQuery {
    /// `ftJournalType`: number, or hexadecimal behind `0x`.
    #[param(rename = "type", required = false, example = "0x4154000000000001")]
    journal_type: Option<String>,
    /// .NET ticks or ISO 8601.
    #[param(required = false)]
    from: Option<String>,
    /// .NET ticks or ISO 8601; 0 for everything, below 0 for a count.
    #[param(required = false)]
    to: Option<String>,
}

/// Of the stream of events.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsQuery {
    /// Only these kinds, separated by commas: `operation`, `receipt`, `device`.
    #[param(required = false, example = "operation,receipt")]
    kind: Option<String>,
    /// Go on behind this event; `0.0` from the beginning. For clients that cannot send `Last-Event-ID`, which comes first.
    #[param(required = false, example = "17.2")]
    after: Option<String>,
}

/// Of a client that comes back to the stream of events.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct EventsHeaders {
    /// Go on behind this event.
    #[param(rename = "Last-Event-ID", required = false, example = "17.2")]
    last_event_id: Option<String>,
}
