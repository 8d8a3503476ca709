//! `POST /pay` (contract 4.4): lets a provider make a payment, once.

use actix_web::HttpResponse;
use kassette_model::OperationKind;

use super::Call;
use crate::http::answer;
use crate::http::openapi::{Common, OperationHeaders, PayRequest, PayResponse, PaymentProblems, examples};

/// Makes a payment, a refund or a cancellation
///
/// That it is about to be made is durable before the provider hears of it, so a payment is never made twice under one operation id,
/// whatever fails in between: a repeat waits for its end and gets the same answer. The pay items of the answer fit into `/sign` as they
/// are. A call that takes longer than its client waits goes on; ask again with the same id.
#[utoipa::path(
    post,
    path = "/pay",
    tag = "pay",
    operation_id = "pay",
    params(Common, OperationHeaders),
    request_body(content = PayRequest, example = json!(examples::payment())),
    responses(
        (status = 201, description = "Paid by this call; perhaps less than what was asked for, or with a tip as a second, negative item",
            headers(
                ("Location" = String, description = "Path of the operation item"),
                ("x-operation-id" = String, description = "The accepted operation id"),
                ("x-operation-state" = String, description = "`done` or `failed`")),
            body = PayResponse, content_type = "application/json",
            example = json!(examples::paid())),
        (status = 200, description = "The stored answer of an earlier call under this operation id, byte for byte",
            body = PayResponse, content_type = "application/json"),
        PaymentProblems,
    ),
    security(("cashbox_id" = [], "access_token" = []))
)]
pub(crate) async fn pay(call: Call) -> HttpResponse {
    answer::operation(call, OperationKind::Pay).await
}
