//! `POST /sign` (contract 4.5, 6): signs a receipt by the rules of its country.

use actix_web::HttpResponse;
use kassette_model::OperationKind;

use super::Call;
use crate::http::answer;
use crate::http::openapi::{Common, OperationHeaders, OperationProblems, ReceiptRequest, ReceiptResponse, examples};

/// Signs a receipt
///
/// The receipt is signed, chained and durable before the answer leaves. A receipt that the law or the state of the queue forbids
/// is answered with 201 too: its `ftState` ends in `EEEE_EEEE` and its signatures say why.
#[utoipa::path(
    post,
    path = "/sign",
    tag = "sign",
    operation_id = "sign",
    params(Common, OperationHeaders),
    request_body(content = ReceiptRequest, examples(
        ("sale" = (summary = "A sale", value = json!(examples::sale()))),
        ("start" = (summary = "Start of the queue", value = json!(examples::start())))
    )),
    responses(
        (status = 201, description = "Signed by this call",
            headers(
                ("Location" = String, description = "Path of the operation item"),
                ("x-operation-id" = String, description = "The accepted operation id"),
                ("x-operation-state" = String, description = "`done` or `failed`")),
            body = ReceiptResponse, content_type = "application/json",
            example = json!(examples::signed())),
        (status = 200, description = "The stored answer of an earlier call under this operation id, byte for byte",
            body = ReceiptResponse, content_type = "application/json"),
        OperationProblems,
    ),
    security(("cashbox_id" = [], "access_token" = []))
)]
pub(crate) async fn sign(call: Call) -> HttpResponse {
    answer::operation(call, OperationKind::Sign).await
}
