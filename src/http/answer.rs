//! Runs an operation: headers, credentials, body, one call of the cash box, and the answer (contract 1.5, 1.7, 1.8, 2.2).

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use kassette_actors::{Accepted, Executed, Rejected};
use kassette_cashbox::Request;
use kassette_model::{OperationId, OperationKind, OperationState};
use kassette_wire::problem::{Code, Problem};

use super::auth::{Caller, Denied, authenticate};
use super::headers::{Credentials, Headers, OperationHeaders, kept};
use super::problem::{OPERATION_ID, OPERATION_STATE};
use super::routes::Call;
use super::{address, asynchronous, body, edge, problem};
use crate::config::LimitsSection;

/// Content type of every JSON answer that is not a problem.
pub(crate) const JSON: &str = "application/json; charset=utf-8";

/// Executes an operation or replays its answer; with `Prefer: respond-async` the answer may be 202.
pub(crate) async fn operation(call: Call, kind: OperationKind) -> HttpResponse {
    let Received { edge, caller, request, wait, respond_async } = match receive(call, kind).await {
        Ok(received) => received,
        Err(response) => return *response,
    };
    let id = request.id;
    let response = match respond_async {
        None => match edge.gateway.execute(caller.cash_box(), request, wait).await {
            Ok(executed) => answered(executed, &edge, id),
            Err(Rejected::StillRunning) => asynchronous::still_running(&edge, &caller, id),
            Err(rejected) => refused(rejected),
        },
        Some(wait) => match edge.gateway.accept(caller.cash_box(), request, wait).await {
            Ok(Accepted::Ended(executed)) => answered(executed, &edge, id),
            Ok(Accepted::Running { .. }) => asynchronous::applied(&edge, &caller, id, kind),
            Err(rejected) => refused(rejected),
        },
    };
    with_id(response, id)
}

/// An operation as it came: headers, credentials and body are in order.
pub(crate) struct Received {
    pub(crate) edge: Arc<edge::Edge>,
    pub(crate) caller: Caller,
    pub(crate) request: Request,
    /// How long a repeat waits.
    pub(crate) wait: Duration,
    /// `Prefer: respond-async`: how long the call waits before it is answered with 202.
    pub(crate) respond_async: Option<Duration>,
}

/// Reads an operation.
///
/// # Errors
/// The response to give instead.
pub(crate) async fn receive(call: Call, kind: OperationKind) -> Result<Received, Box<HttpResponse>> {
    let Call { edge, request, payload, .. } = call;
    let (caller, prepared, wait, respond_async) = {
        let headers = Headers::of(request.headers());
        let (credentials, operation) = headers
            .operation(edge.possystem_id_required, &edge.callback_policy)
            .map_err(|refusal| Box::new(problem::response(&refusal)))?;
        let caller =
            admit(&edge, &request, &credentials).map_err(|response| Box::new(with_id(*response, operation.id)))?;
        if let Some(callback) = &operation.callback {
            callback
                .check_address(&edge.callback_policy)
                .map_err(|refusal| Box::new(with_id(problem::response(&refusal), operation.id)))?;
        }
        let most = Duration::from_millis(edge.limits.wait_max_ms);
        let respond_async = operation.respond_async.then(|| operation.wait.unwrap_or_default().min(most));
        let wait = wait(operation.wait, request.query_string(), &edge.limits);
        (caller, prepare(&request, &operation, kind), wait, respond_async)
    };
    let body = body::read(payload, announced(&request), &edge.limits)
        .await
        .map_err(|refusal| Box::new(with_id(problem::response(&refusal), prepared.id)))?;
    Ok(Received { edge, caller, request: Request { body, ..prepared }, wait, respond_async })
}

/// Checks the credentials of a request, and counts failures.
///
/// # Errors
/// The response to give instead.
pub(crate) fn admit(
    edge: &edge::Edge,
    request: &actix_web::HttpRequest,
    credentials: &Credentials<'_>,
) -> Result<Caller, Box<HttpResponse>> {
    authenticate(edge, credentials).map_err(|denied| Box::new(turned_away(edge, request, denied)))
}

fn turned_away(edge: &edge::Edge, request: &actix_web::HttpRequest, denied: Denied) -> HttpResponse {
    let refusal = match denied {
        Denied::Other(refusal) => return problem::response(&refusal),
        Denied::Credentials(refusal) => refusal,
    };
    let client = address::client(request, &edge.trusted_proxies);
    match edge.throttle.failed(client, edge.clock.monotonic()) {
        None => problem::response(&refusal),
        Some(seconds) => {
            tracing::warn!(%client, "too many failed credentials");
            let refusal = Problem::new(Code::RateLimited, "too many requests with wrong credentials from this address");
            problem::response_after(&refusal, seconds)
        }
    }
}

fn prepare(request: &actix_web::HttpRequest, operation: &OperationHeaders<'_>, kind: OperationKind) -> Request {
    Request {
        id: operation.id,
        kind,
        method: request.method().as_str().to_owned(),
        path: request.uri().path().to_owned(),
        headers: kept(request.headers()),
        pos_system: operation.pos_system,
        terminal: operation.terminal.map(str::to_owned),
        lifetime_ms: operation.lifetime_ms,
        callback: operation.callback.as_ref().map(|callback| callback.url.to_owned()),
        body: Vec::new(),
    }
}

/// `Content-Length`, when there is one that can be read.
pub(crate) fn announced(request: &actix_web::HttpRequest) -> Option<u64> {
    request.headers().get(actix_web::http::header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// How long a repeat waits (contract 2.2.6): `?timeout` in ms, else `Prefer: wait` in s, else the default; never above the limit.
pub(crate) fn wait(preferred: Option<Duration>, query: &str, limits: &LimitsSection) -> Duration {
    wait_by("timeout", preferred, query, limits)
}

/// The same, with another name in the query.
pub(crate) fn wait_by(member: &str, preferred: Option<Duration>, query: &str, limits: &LimitsSection) -> Duration {
    let asked = query.split('&').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.eq_ignore_ascii_case(member).then(|| value.parse().ok().map(Duration::from_millis)).flatten()
    });
    asked
        .or(preferred)
        .unwrap_or(Duration::from_millis(limits.wait_default_ms))
        .min(Duration::from_millis(limits.wait_max_ms))
}

fn answered(executed: Executed, edge: &edge::Edge, id: OperationId) -> HttpResponse {
    let Executed { answer, first } = executed;
    let failed = answer.status >= 400;
    let status = match StatusCode::from_u16(answer.status) {
        Ok(_) if !failed && !first => StatusCode::OK,
        Ok(status) => status,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let content_type = if failed { Problem::CONTENT_TYPE } else { JSON };
    let mut response = HttpResponse::build(status);
    response.insert_header((CONTENT_TYPE, HeaderValue::from_static(content_type)));
    response.insert_header((OPERATION_STATE, state(answer.state)));
    response.insert_header((LOCATION, location(edge, id)));
    response.body(answer.body)
}

/// Where the operation item of an ended operation is read.
pub(crate) fn location(edge: &edge::Edge, id: OperationId) -> String {
    format!("{}/v2/journal/OperationItem/{id}", edge.base_path)
}

pub(crate) fn refused(rejected: Rejected) -> HttpResponse {
    let running = matches!(rejected, Rejected::StillRunning);
    let (refusal, retry_after_s) = problem::rejected(rejected);
    let mut response = match retry_after_s {
        Some(seconds) => problem::response_after(&refusal, u64::from(seconds)),
        None => problem::response(&refusal),
    };
    if running {
        response.headers_mut().insert(OPERATION_STATE, state(OperationState::Processing));
    }
    response
}

fn state(state: OperationState) -> HeaderValue {
    HeaderValue::from_static(state.name())
}

pub(crate) fn with_id(mut response: HttpResponse, id: OperationId) -> HttpResponse {
    let mut buffer = uuid::Uuid::encode_buffer();
    if let Ok(value) = HeaderValue::from_str(id.uuid().as_hyphenated().encode_lower(&mut buffer)) {
        response.headers_mut().insert(OPERATION_ID, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_what_is_asked_for_up_to_the_limit() {
        let limits = LimitsSection { wait_default_ms: 60_000, wait_max_ms: 300_000, ..LimitsSection::default() };
        for (asked, query, expected_ms) in [
            (None, "", 60_000),
            (Some(Duration::from_secs(5)), "", 5_000),
            (Some(Duration::from_secs(5)), "timeout=0", 0),
            (Some(Duration::from_secs(u64::MAX)), "x=1", 300_000),
            (None, "a=b&Timeout=1500", 1_500),
            (None, "timeout=soon", 60_000),
        ] {
            assert_eq!(wait(asked, query, &limits), Duration::from_millis(expected_ms), "{asked:?} {query}");
        }
    }
}
