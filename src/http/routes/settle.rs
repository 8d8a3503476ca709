//! `POST /payments/{operationId}/settle`: the word of an operator about a payment in doubt.

use actix_web::HttpResponse;
use kassette_model::{OperationId, OperationKind};
use kassette_wire::pay::parse_settlement;

use super::Call;
use super::operation_item::{caller, not_found};
use crate::http::answer::{announced, refused, with_id};
use crate::http::headers::Headers;
use crate::http::openapi::{Common, SettleProblems, Settlement, StateObject, examples};
use crate::http::{asynchronous, body, problem};

/// Settles a payment of which nobody knows whether it was charged
///
/// For one whose operation is `unknown`, by the word of somebody who has looked at the slips of the terminal. Who says so and why is kept
/// in the action journal. `paid` and `not-paid` end the payment, and whoever waits for it gets that end; `ask-again` has the terminal asked
/// again, when what it said contradicts the journal. A payment that has ended is not settled again.
#[utoipa::path(
    post,
    path = "/payments/{operationId}/settle",
    tag = "pay",
    operation_id = "settlePayment",
    params(Common, ("operationId" = uuid::Uuid, Path, description = "`x-operation-id` of the payment")),
    request_body(content = Settlement, example = json!(examples::settlement())),
    responses(
        (status = 200, description = "How the operation stands now",
            headers(
                ("x-operation-id" = String, description = "The operation id"),
                ("x-operation-state" = String, description = "`done`, `failed`, or `unknown` while the terminal is asked again")),
            body = StateObject, content_type = "application/json", example = json!(examples::settled())),
        SettleProblems,
    ),
    security(("cashbox_id" = [], "access_token" = []))
)]
pub(crate) async fn settle_payment(call: Call) -> HttpResponse {
    let caller = match caller(&call) {
        Ok(caller) => caller,
        Err(response) => return *response,
    };
    let Some(id) = OperationId::parse(call.parameter(0)) else { return not_found() };
    let Call { edge, request, payload, .. } = call;
    // Before the body: whose it is not learns nothing.
    match asynchronous::has_operation(&edge, &caller, id, OperationKind::Pay) {
        Ok(true) => {}
        Ok(false) => return not_found(),
        Err(failure) => return problem::response(&failure.into_problem()),
    }
    if let Err(refusal) = Headers::of(request.headers()).plain_body() {
        return problem::response(&refusal);
    }
    let body = match body::read(payload, announced(&request), &edge.limits).await {
        Ok(body) => body,
        Err(refusal) => return problem::response(&refusal),
    };
    let settlement = match parse_settlement(&body, &edge.limits.json()) {
        Ok(settlement) => settlement,
        Err(findings) => return problem::response(&findings.into_problem().without_storing()),
    };
    let response = match edge.gateway.settle_payment(caller.cash_box(), id, settlement).await {
        Ok(()) => asynchronous::standing(&edge, &caller, id),
        Err(rejected) => refused(rejected),
    };
    with_id(response, id)
}
