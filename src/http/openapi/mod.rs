//! OpenAPI 3.1, made from the handlers.
//!
//! Purpose: one document that says what the server does, served at `/openapi.json` and kept in `docs/api/openapi.json`.
//! Owns: [`document`], the schemas of the bodies as a reader sees them, the problems that every endpoint can give.
//! Invariants: every route of the registry is in the document, and nothing else is (a test compares).
//! Not here: reading or writing any body (`wire`).

pub(crate) mod examples;
mod parameters;
mod problems;
mod schemas;

use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, Server};
use utoipa::{Modify, OpenApi};

pub(crate) use parameters::{Common, EventsHeaders, EventsQuery, JournalQuery, OperationHeaders};
pub(crate) use problems::{
    AppProblems, AppWaitProblems, AsyncOperationProblems, EventsProblems, NotFoundProblem, NotReady, OperationProblems,
    PaymentProblems, ReadProblems, SettleProblems,
};
pub(crate) use schemas::{
    AppAcceptance, AppAccepted, AppRequest, AppResult, AppTaken, EchoRequest, EchoResponse, Health, JournalRequest,
    OperationItem, PayRequest, PayResponse, Readiness, ReceiptRequest, ReceiptResponse, Settlement, StateObject,
};

use super::routes;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Kassette",
        description = "Speaks the POS System API v2. Every path is served below `/v2` and without a version, which means the \
                       newest; letters in any case. Errors are problem documents (RFC 9457).",
        license(name = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "echo", description = "Health check and reset"),
        (name = "sign", description = "Receipts"),
        (name = "pay", description = "Payments"),
        (name = "payment-apps", description = "For apps that make the payments of a terminal"),
        (name = "asynchronous", description = "Operations whose callers do not wait"),
        (name = "events", description = "What happens, as it happens"),
        (name = "journal", description = "Exports and single items"),
        (name = "operation", description = "For whoever runs the server"),
        (name = "documentation", description = "This description and the error pages"),
    ),
    paths(
        routes::echo,
        routes::sign,
        routes::pay,
        routes::app_next,
        routes::app_accept,
        routes::app_result,
        routes::sign_request,
        routes::sign_state,
        routes::sign_body,
        routes::sign_response,
        routes::sign_block,
        routes::pay_request,
        routes::pay_state,
        routes::pay_body,
        routes::pay_response,
        routes::pay_block,
        routes::echo_request,
        routes::echo_state,
        routes::echo_body,
        routes::echo_response,
        routes::echo_block,
        routes::operation,
        routes::operation_state,
        routes::operation_request,
        routes::operation_response,
        routes::operation_wait,
        routes::settle_payment,
        routes::events,
        routes::journal,
        routes::journal_query,
        routes::operation_item,
        routes::peek_items,
        routes::peek_item,
        routes::healthz,
        routes::readyz,
        routes::openapi,
        routes::swagger,
        routes::swagger_file,
        routes::error_pages,
        routes::error_page,
    ),
    components(schemas(schemas::Problem, problems::ProblemCode)),
    modifiers(&Credentials)
)]
struct Api;

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut Document) {
        document.servers = Some(vec![Server::new("/v2"), Server::new("/")]);
        let components = document.components.get_or_insert_with(Default::default);
        for (name, header) in [("cashbox_id", "x-cashbox-id"), ("access_token", "x-cashbox-accesstoken")] {
            components.add_security_scheme(name, SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new(header))));
        }
    }
}

/// The document.
#[must_use]
pub fn document() -> Document {
    Api::openapi()
}

/// The document as it is served and kept: indented, with a line feed at its end.
#[must_use]
pub fn document_json() -> String {
    // Writing a document of our own cannot fail; an empty one would be seen by the golden test.
    document().to_pretty_json().map(|text| text + "\n").unwrap_or_default()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
