//! `POST /echo` (contract 4.1): health check, and reset of the caller's cash box.

use actix_web::HttpResponse;
use kassette_model::OperationKind;

use super::Call;
use crate::http::answer;
use crate::http::openapi::{Common, EchoRequest, EchoResponse, OperationHeaders, OperationProblems};

/// Gives the message back
///
/// Checks the credentials and the whole way through the cash box. With `Message` null or absent (or an empty body) the cash box
/// is reset first: it forgets what it has in memory and is restored from the journal; nothing is lost.
#[utoipa::path(
    post,
    path = "/echo",
    tag = "echo",
    operation_id = "echo",
    params(Common, OperationHeaders),
    request_body(content = EchoRequest, example = json!({"Message": "till-07 hello"})),
    responses(
        (status = 201, description = "Executed by this call",
            headers(
                ("Location" = String, description = "Path of the operation item"),
                ("x-operation-id" = String, description = "The accepted operation id"),
                ("x-operation-state" = String, description = "`done` or `failed`")),
            body = EchoResponse, content_type = "application/json",
            example = json!({"Message": "till-07 hello"})),
        (status = 200, description = "The stored answer of an earlier call under this operation id, byte for byte",
            body = EchoResponse, content_type = "application/json"),
        OperationProblems,
    ),
    security(("cashbox_id" = [], "access_token" = []))
)]
pub(crate) async fn echo(call: Call) -> HttpResponse {
    answer::operation(call, OperationKind::Echo).await
}
