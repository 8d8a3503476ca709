//! `/payment-apps/{terminal}`: an app fetches the payments of its terminal and tells what became of them (contract 3.1, terminal-app
//! protocol). The app calls, because it cannot be called.

use actix_web::HttpResponse;
use kassette_actors::AppTerminal;
use kassette_model::{OperationId, QueueId};
use kassette_payments::http::{Acceptance, AppTold, write_accepted};
use kassette_wire::json::write::Object;

use super::operation_item::caller;
use super::{Call, not_found};
use crate::http::answer::{JSON, announced, refused, wait_by, with_id};
use crate::http::auth::Caller;
use crate::http::headers::Headers;
use crate::http::openapi::{
    AppAcceptance, AppAccepted, AppProblems, AppRequest, AppResult, AppTaken, AppWaitProblems, Common, examples,
};
use crate::http::{body, problem};

/// Waits for the next payment of a terminal
///
/// One that may be accepted, or, with `ask`, one that was accepted before and of which nobody told what became of it. Fetched again, it is
/// the same one, until it is accepted, told or over.
#[utoipa::path(
    get,
    path = "/payment-apps/{terminal}/next",
    tag = "payment-apps",
    operation_id = "nextAppPayment",
    params(
        Common,
        ("terminal" = String, Path, description = "Name of the terminal in the configuration of the cash box"),
        ("wait" = Option<u64>, Query, description = "Longest wait in ms; 60000 when it is not sent"),
    ),
    responses(
        (status = 200, description = "What is to be done", body = AppRequest, content_type = "application/json",
            example = json!(examples::app_request())),
        (status = 204, description = "The wait is over, or the server stops, and there is nothing to do"),
        AppWaitProblems,
    ),
    security(("cashbox_id" = [], "access_token" = []))
)]
pub(crate) async fn app_next(call: Call) -> HttpResponse {
    let found = match caller(&call) {
        Ok(found) => found,
        Err(response) => return *response,
    };
    let edge = &call.edge;
    let preferred = Headers::of(call.request.headers()).preferred_wait();
    let wait = wait_by("wait", preferred, call.request.query_string(), &edge.limits);
    let terminal = match edge.gateway.app_terminal(found.cash_box(), call.parameter(0)) {
        Ok(terminal) => terminal,
        Err(rejected) => return refused(rejected),
    };
    let next = tokio::select! {
        next = terminal.next(wait) => next,
        () = edge.readiness.stopped() => Ok(None),
    };
    let (request, remaining_ms) = match next {
        Ok(Some(next)) => next,
        Ok(None) => return HttpResponse::NoContent().finish(),
        Err(rejected) => return refused(rejected),
    };
    // It may have waited for long: the token must hold now.
    if let Err(response) = caller(&call) {
        return *response;
    }
    let mut body = Vec::with_capacity(384);
    request.write(found.queue(), remaining_ms, &mut body);
    with_id(HttpResponse::Ok().content_type(JSON).body(body), request.operation)
}

/// Accepts a payment for an app
///
/// Only when this is answered with 200 may the app charge: then it is durable that it will. It must be accepted within the time that
/// `remainingMs` tells; the same app may accept it again.
#[utoipa::path(
    post,
    path = "/payment-apps/{terminal}/{operationId}/accept",
    tag = "payment-apps",
    operation_id = "acceptAppPayment",
    params(
        Common,
        ("terminal" = String, Path, description = "Name of the terminal in the configuration of the cash box"),
        ("operationId" = uuid::Uuid, Path, description = "`operationId` of the payment"),
    ),
    request_body(content = AppAcceptance, example = json!(examples::app_acceptance())),
    responses(
        (status = 200, description = "The app may charge", body = AppAccepted, content_type = "application/json",
            example = json!(examples::app_accepted())),
        AppProblems,
    ),
    security(("cashbox_id" = [], "access_token" = []))
)]
pub(crate) async fn app_accept(call: Call) -> HttpResponse {
    let Said { caller, terminal, operation, body, limits } = match said(call).await {
        Ok(said) => said,
        Err(response) => return *response,
    };
    let acceptance = match Acceptance::parse(&body, &limits) {
        Ok(acceptance) => acceptance,
        Err(findings) => return problem::response(&findings.into_problem().without_storing()),
    };
    match terminal.accept(operation, acceptance).await {
        Ok(remaining_ms) => {
            let mut body = Vec::with_capacity(192);
            write_accepted(operation, caller.queue(), remaining_ms, &mut body);
            with_id(HttpResponse::Ok().content_type(JSON).body(body), operation)
        }
        Err(rejected) => with_id(refused(rejected), operation),
    }
}

/// Tells what became of a payment
///
/// `done` or `failed` ends it, also when it was in doubt; `unknown` leaves it in doubt, and its terminal takes no other payment until the
/// app is asked again and knows. Told again, it is the same; another result is refused, and so is one of another `app` than that which
/// accepted. It is durable when this is answered with 200.
#[utoipa::path(
    post,
    path = "/payment-apps/{terminal}/{operationId}/result",
    tag = "payment-apps",
    operation_id = "tellAppPayment",
    params(
        Common,
        ("terminal" = String, Path, description = "Name of the terminal in the configuration of the cash box"),
        ("operationId" = uuid::Uuid, Path, description = "`operationId` of the payment"),
    ),
    request_body(content = AppResult, example = json!(examples::app_result())),
    responses(
        (status = 200, description = "It was taken down, now or before", body = AppTaken, content_type = "application/json",
            example = json!(examples::app_taken())),
        AppProblems,
    ),
    security(("cashbox_id" = [], "access_token" = []))
)]
pub(crate) async fn app_result(call: Call) -> HttpResponse {
    let Said { caller, terminal, operation, body, limits } = match said(call).await {
        Ok(said) => said,
        Err(response) => return *response,
    };
    let told = match AppTold::parse(&body, &limits) {
        Ok(told) => told,
        Err(findings) => return problem::response(&findings.into_problem().without_storing()),
    };
    let state = told.result.state();
    match terminal.tell(operation, told).await {
        Ok(()) => {
            let body = taken(operation, caller.queue(), state);
            with_id(HttpResponse::Ok().content_type(JSON).body(body), operation)
        }
        Err(rejected) => with_id(refused(rejected), operation),
    }
}

fn taken(operation: OperationId, queue: QueueId, state: &str) -> Vec<u8> {
    let mut body = Vec::with_capacity(160);
    let mut object = Object::begin(&mut body);
    object.uuid("operationId", operation.uuid());
    object.uuid("queueId", queue.uuid());
    object.string("state", state);
    object.end();
    body
}

/// What an app says of a payment.
struct Said {
    caller: Caller,
    terminal: AppTerminal,
    operation: OperationId,
    body: Vec<u8>,
    limits: kassette_wire::Limits,
}

/// Credentials, path and body, in this order: what is not there is not there whatever the body says.
async fn said(call: Call) -> Result<Said, Box<HttpResponse>> {
    let caller = caller(&call)?;
    let refusal = |problem: Box<kassette_wire::problem::Problem>| Box::new(problem::response(&problem));
    Headers::of(call.request.headers()).plain_body().map_err(refusal)?;
    let operation = OperationId::parse(call.parameter(1)).ok_or_else(|| Box::new(not_found()))?;
    let terminal = call.edge.gateway.app_terminal(caller.cash_box(), call.parameter(0));
    let terminal = terminal.map_err(|rejected| Box::new(refused(rejected)))?;
    let Call { edge, request, payload, .. } = call;
    let body = body::read(payload, announced(&request), &edge.limits).await.map_err(refusal)?;
    Ok(Said { caller, terminal, operation, body, limits: edge.limits.json() })
}
