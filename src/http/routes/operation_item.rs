//! `GET /journal/OperationItem/{operationId}` (contract 2.3, 7.3).

use actix_web::HttpResponse;
use kassette_cashbox::reading::write_operation_item;
use kassette_model::OperationId;
use kassette_wire::problem::{Code, Problem};

use super::Call;
use crate::http::answer::{JSON, admit};
use crate::http::auth::Caller;
use crate::http::edge::Edge;
use crate::http::export::Failure;
use crate::http::headers::Headers;
use crate::http::openapi::{Common, OperationItem, ReadProblems, examples};
use crate::http::problem;

/// Reads what is kept of an operation
///
/// Only of the caller's own cash box; an operation of another one is as unknown as one that never was.
#[utoipa::path(
    get,
    path = "/journal/OperationItem/{operationId}",
    tag = "journal",
    operation_id = "getOperationItem",
    params(Common, ("operationId" = uuid::Uuid, Path, description = "`x-operation-id` of the operation")),
    responses(
        (status = 200, description = "The operation item", body = OperationItem, content_type = "application/json",
            example = json!(examples::operation_item())),
        ReadProblems,
    ),
    security(("cashbox_id" = [], "access_token" = []))
)]
pub(crate) async fn operation_item(call: Call) -> HttpResponse {
    match caller(&call) {
        Ok(caller) => item(&call.edge, &caller, call.parameter(0)),
        Err(response) => *response,
    }
}

/// Authenticates a read.
///
/// # Errors
/// The response to give instead.
pub(crate) fn caller(call: &Call) -> Result<Caller, Box<HttpResponse>> {
    let headers = Headers::of(call.request.headers());
    let credentials = headers.credentials().map_err(|refusal| Box::new(problem::response(&refusal)))?;
    admit(&call.edge, &call.request, &credentials)
}

/// The response with one operation item.
pub(super) fn item(edge: &Edge, caller: &Caller, id: &str) -> HttpResponse {
    let found = OperationId::parse(id).map(|id| edge.gateway.journal().operation(caller.cash_box(), id)).transpose();
    let mut body = Vec::new();
    let written = found.map_err(Failure::from).and_then(|record| match record.flatten() {
        Some(record) => Ok(write_operation_item(&record, caller.queue(), &mut body)?),
        None => Ok(false),
    });
    match written {
        Ok(true) => HttpResponse::Ok().content_type(JSON).body(body),
        Ok(false) => not_found(),
        Err(failure) => problem::response(&failure.into_problem()),
    }
}

/// The same for what is absent and for what belongs to somebody else.
pub(crate) fn not_found() -> HttpResponse {
    problem::response(&Problem::new(Code::NotFound, "nothing is known under this id"))
}
