//! Operations whose callers do not wait (contract 3.2): accepted with 202, read, and waited for.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use kassette_actors::{Accepted, Rejected};
use kassette_cashbox::reading::state_object;
use kassette_model::{OperationId, OperationKind, OperationState};
use kassette_record::{Erasable, SealedRecord};
use kassette_wire::operation::{StateObject, write_state_object};
use kassette_wire::problem::{Code, Problem};

use super::answer::{self, JSON};
use super::auth::Caller;
use super::edge::Edge;
use super::export::Failure;
use super::headers::Headers;
use super::problem::{self, OPERATION_STATE};
use super::routes::{Call, caller, not_found};

/// Told with a 202 that was asked for by `Prefer` (RFC 7240 §3).
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// How often an operation is looked at whose execution cannot begin now; others are waited for without looking.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// `POST /{X}Request`: accepts an operation, or tells how it stands.
pub(crate) async fn request(call: Call, kind: OperationKind) -> HttpResponse {
    let received = match answer::receive(call, kind).await {
        Ok(received) => received,
        Err(response) => return *response,
    };
    let answer::Received { edge, caller, request, .. } = received;
    let id = request.id;
    let response = match edge.gateway.accept(caller.cash_box(), request, Duration::ZERO).await {
        Ok(Accepted::Ended(executed)) if !executed.first => told(&edge, &caller, id, kind, StatusCode::OK),
        Ok(_) => told(&edge, &caller, id, kind, StatusCode::ACCEPTED),
        Err(rejected) => answer::refused(rejected),
    };
    answer::with_id(response, id)
}

/// The answer to an endpoint that was called with `Prefer: respond-async`, when the operation has not ended in time.
pub(crate) fn applied(edge: &Edge, caller: &Caller, id: OperationId, kind: OperationKind) -> HttpResponse {
    let mut response = told(edge, caller, id, kind, StatusCode::ACCEPTED);
    if response.status() == StatusCode::ACCEPTED {
        response.headers_mut().insert(PREFERENCE_APPLIED, HeaderValue::from_static("respond-async"));
    }
    response
}

/// 422: the wait is over and the operation has not ended; how it stands is in the header.
pub(crate) fn still_running(edge: &Edge, caller: &Caller, id: OperationId) -> HttpResponse {
    let mut response = answer::refused(Rejected::StillRunning);
    // One that has ended just now is found by the repeat.
    if let Ok(Some((_, state))) = stored(edge, caller, id, None)
        && !state.state.is_final()
    {
        response.headers_mut().insert(OPERATION_STATE, HeaderValue::from_static(state.state.name()));
    }
    response
}

/// The state object of an operation with `status`.
fn told(edge: &Edge, caller: &Caller, id: OperationId, kind: OperationKind, status: StatusCode) -> HttpResponse {
    match stored(edge, caller, id, Some(kind)) {
        Ok(Some((_, state))) => {
            let mut response = state_response(&state, status);
            let location = format!("{}/v2/{}Request/{id}", edge.base_path, title(kind));
            if let Ok(location) = HeaderValue::from_str(&location) {
                response.headers_mut().insert(LOCATION, location);
            }
            response
        }
        // Known but not durable yet: nothing may be told.
        Ok(None) => answer::refused(Rejected::StillRunning),
        Err(failure) => problem::response(&failure.into_problem()),
    }
}

/// The kind as it stands in paths.
fn title(kind: OperationKind) -> String {
    let name = kind.name();
    let (first, rest) = name.split_at_checked(1).unwrap_or((name, ""));
    format!("{}{rest}", first.to_ascii_uppercase())
}

fn state_response(state: &StateObject, status: StatusCode) -> HttpResponse {
    let mut body = Vec::with_capacity(256);
    write_state_object(state, &mut body);
    let mut response = HttpResponse::build(status);
    response.insert_header((OPERATION_STATE, HeaderValue::from_static(state.state.name())));
    response.content_type(JSON).body(body)
}

/// The newest durable record of an operation of the caller, and what it says; `None` when there is none of that kind.
fn stored(
    edge: &Edge,
    caller: &Caller,
    id: OperationId,
    kind: Option<OperationKind>,
) -> Result<Option<(SealedRecord, StateObject)>, Failure> {
    let Some(record) = edge.gateway.journal().operation(caller.cash_box(), id)? else { return Ok(None) };
    if let Some(kind) = kind {
        let details = kassette_record::v1::read_details(&record.header)?;
        if details.operation.is_none_or(|operation| operation.kind != kind) {
            return Ok(None);
        }
    }
    let state = state_object(&record, caller.queue())?;
    Ok(state.map(|state| (record, state)))
}

/// Whether the caller has a durable operation of this kind under this id.
pub(crate) fn has_operation(
    edge: &Edge,
    caller: &Caller,
    id: OperationId,
    kind: OperationKind,
) -> Result<bool, Failure> {
    stored(edge, caller, id, Some(kind)).map(|found| found.is_some())
}

/// How an operation of the caller stands.
pub(crate) fn standing(edge: &Edge, caller: &Caller, id: OperationId) -> HttpResponse {
    match stored(edge, caller, id, None) {
        Ok(Some((_, state))) => located(edge, id, &state, state_response(&state, StatusCode::OK)),
        Ok(None) => not_found(),
        Err(failure) => problem::response(&failure.into_problem()),
    }
}

/// What a read asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// How it stands.
    State,
    /// The request body.
    Request,
    /// The answer, once there is one.
    Response,
    /// How it stands when it has ended, or when the wait is over.
    End,
}

/// A read of the operation that the path names; `kind` when the path is that of one kind.
pub(crate) async fn read(call: Call, kind: Option<OperationKind>, asked: Asked) -> HttpResponse {
    let caller = match caller(&call) {
        Ok(caller) => caller,
        Err(response) => return *response,
    };
    let Some(id) = OperationId::parse(call.parameter(0)) else { return not_found() };
    let deadline = tokio::time::Instant::now() + longest_wait(&call);
    let mut found = stored(&call.edge, &caller, id, kind);
    if let (Ok(None), Asked::End) = (&found, asked) {
        // One that was just begun may not be durable yet.
        let wait = deadline.saturating_duration_since(tokio::time::Instant::now());
        drop(call.edge.gateway.watch(caller.cash_box(), id, wait).await);
        found = stored(&call.edge, &caller, id, kind);
    }
    let (record, state) = match found {
        Ok(Some(found)) => found,
        Ok(None) => return not_found(),
        Err(failure) => return problem::response(&failure.into_problem()),
    };
    let response = match asked {
        Asked::State => located(&call.edge, id, &state, state_response(&state, StatusCode::OK)),
        Asked::Request => stored_body(&record, false),
        Asked::Response if state.state.is_final() => {
            let mut response = stored_body(&record, true);
            if let Ok(location) = HeaderValue::from_str(&answer::location(&call.edge, id)) {
                response.headers_mut().insert(LOCATION, location);
            }
            response
        }
        Asked::Response => not_yet(state.state),
        Asked::End => {
            // Whoever waits keeps no copy of the request.
            drop(record);
            // In a box of its own: every other read would carry its size.
            Box::pin(end(&call, &caller, id, state, deadline)).await
        }
    };
    answer::with_id(response, id)
}

/// 204: not ended yet.
fn not_yet(state: OperationState) -> HttpResponse {
    HttpResponse::NoContent().insert_header((OPERATION_STATE, HeaderValue::from_static(state.name()))).finish()
}

fn stored_body(record: &SealedRecord, response: bool) -> HttpResponse {
    let (opened, bodies) = match record.open() {
        Ok(read) => read,
        Err(error) => return problem::response(&Failure::from(error).into_problem()),
    };
    let Erasable::Kept(bodies) = bodies else {
        let detail = "its bodies were erased at the end of their retention";
        return problem::response(&Problem::new(Code::OperationErased, detail));
    };
    if !response {
        return HttpResponse::Ok().content_type(JSON).body(bodies.request.unwrap_or_default());
    }
    let status = opened.details.operation.map_or(500, |operation| operation.status);
    let state = if status >= 400 { OperationState::Failed } else { OperationState::Done };
    // As a repeat of the synchronous call would be answered.
    let (status, content_type) = match StatusCode::from_u16(status) {
        Ok(status) if status.as_u16() >= 400 => (status, Problem::CONTENT_TYPE),
        _ => (StatusCode::OK, JSON),
    };
    HttpResponse::build(status)
        .insert_header((OPERATION_STATE, HeaderValue::from_static(state.name())))
        .insert_header((CONTENT_TYPE, HeaderValue::from_static(content_type)))
        .body(bodies.response.unwrap_or_default())
}

/// How long a read that waits may wait: as long as a repeat of the operation would.
fn longest_wait(call: &Call) -> Duration {
    let preferred = Headers::of(call.request.headers()).preferred_wait();
    answer::wait(preferred, call.request.query_string(), &call.edge.limits)
}

/// Names the operation item of an operation that has ended (contract 1.7).
fn located(edge: &Edge, id: OperationId, state: &StateObject, mut response: HttpResponse) -> HttpResponse {
    if state.state.is_final()
        && let Ok(location) = HeaderValue::from_str(&answer::location(edge, id))
    {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// Parks the caller until the operation has ended, the wait is over, or the server stops.
async fn end(
    call: &Call,
    caller: &Caller,
    id: OperationId,
    mut state: StateObject,
    deadline: tokio::time::Instant,
) -> HttpResponse {
    let edge = &call.edge;
    loop {
        if state.state.is_final() || state.state == OperationState::Unknown {
            return located(edge, id, &state, state_response(&state, StatusCode::OK));
        }
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        if left.is_zero() {
            return not_yet(state.state);
        }
        let watched = tokio::select! {
            watched = edge.gateway.watch(caller.cash_box(), id, left) => watched,
            // What is executed goes on; who waits is told how it stands, and comes back.
            () = edge.readiness.stopped() => return not_yet(state.state),
        };
        match watched {
            // Its cash box may be starting anew.
            Ok(()) | Err(Rejected::Busy { .. }) => {}
            Err(rejected) => return answer::refused(rejected),
        }
        state = match stored(edge, caller, id, None) {
            Ok(Some((_, state))) => state,
            Ok(None) => return not_found(),
            Err(failure) => return problem::response(&failure.into_problem()),
        };
        if !state.state.is_final() {
            tokio::time::sleep_until(deadline.min(tokio::time::Instant::now() + LOOK_AGAIN)).await;
        }
    }
}
