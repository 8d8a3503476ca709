//! The endpoints, one file each.
//!
//! Purpose: what is served under which path and method.
//! Owns: [`ROUTES`], the only registry: a line here is served, documented and tested.
//! Invariants: a route that needs a cash box goes through authentication before anything else; an answer about an operation or
//! a receipt is given only to the cash box that owns it.
//! Not here: limits, panics, CORS (`entry`), idempotency (below the gateway).

mod asynchronous;
mod docs;
mod echo;
mod events;
mod health;
mod journal;
mod operation_item;
mod pay;
mod payment_apps;
mod peek;
mod settle;
mod sign;

use std::sync::Arc;

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::future::LocalBoxFuture;

use super::edge::Edge;
use super::path::{matches, parameters};

pub(crate) use asynchronous::*;
pub(crate) use docs::*;
pub(crate) use echo::*;
pub(crate) use events::*;
pub(crate) use health::*;
pub(crate) use journal::*;
pub(crate) use operation_item::*;
pub(crate) use pay::*;
pub(crate) use payment_apps::*;
pub(crate) use peek::*;
pub(crate) use settle::*;
pub(crate) use sign::*;

/// What a handler is given.
pub struct Call {
    pub(super) edge: Arc<Edge>,
    /// Segments of the path where the template has names, in order.
    pub(super) parameters: Vec<String>,
    pub(super) request: HttpRequest,
    pub(super) payload: web::Payload,
}

impl Call {
    pub(super) fn parameter(&self, index: usize) -> &str {
        self.parameters.get(index).map_or("", String::as_str)
    }
}

/// Answers a call.
pub type Handler = fn(Call) -> LocalBoxFuture<'static, HttpResponse>;

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody: nothing of a cash box is in the answer.
    Open,
    /// A cash box with its token.
    CashBox,
}

/// A line of the registry.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Path without version; a segment in braces takes any value.
    pub template: &'static str,
    /// Who may call.
    pub access: Access,
    /// Whether `x-operation-id` is required and the call is idempotent by it.
    pub operation: bool,
    handler: Handler,
}

const fn open(method: &'static str, template: &'static str, handler: Handler) -> Route {
    Route { method, template, access: Access::Open, operation: false, handler }
}

const fn read(method: &'static str, template: &'static str, handler: Handler) -> Route {
    Route { method, template, access: Access::CashBox, operation: false, handler }
}

const fn operation(template: &'static str, handler: Handler) -> Route {
    Route { method: "POST", template, access: Access::CashBox, operation: true, handler }
}

/// Every route: under `/v2` (also `/v2.0`, `/v2.1`) and without a version. The first that fits is taken.
pub const ROUTES: &[Route] = &[
    operation("/sign", |call| Box::pin(sign::sign(call))),
    operation("/pay", |call| Box::pin(pay::pay(call))),
    operation("/echo", |call| Box::pin(echo::echo(call))),
    read("GET", "/payment-apps/{terminal}/next", |call| Box::pin(payment_apps::app_next(call))),
    read("POST", "/payment-apps/{terminal}/{operationId}/accept", |call| Box::pin(payment_apps::app_accept(call))),
    read("POST", "/payment-apps/{terminal}/{operationId}/result", |call| Box::pin(payment_apps::app_result(call))),
    operation("/SignRequest", |call| Box::pin(asynchronous::sign_request(call))),
    read("GET", "/SignRequest/{operationId}", |call| Box::pin(asynchronous::sign_state(call))),
    read("GET", "/SignRequest/{operationId}/request", |call| Box::pin(asynchronous::sign_body(call))),
    read("GET", "/SignResponse/{operationId}", |call| Box::pin(asynchronous::sign_response(call))),
    read("GET", "/BlockSignRequest/{operationId}/WhileProcessing", |call| Box::pin(asynchronous::sign_block(call))),
    operation("/PayRequest", |call| Box::pin(asynchronous::pay_request(call))),
    read("GET", "/PayRequest/{operationId}", |call| Box::pin(asynchronous::pay_state(call))),
    read("GET", "/PayRequest/{operationId}/request", |call| Box::pin(asynchronous::pay_body(call))),
    read("GET", "/PayResponse/{operationId}", |call| Box::pin(asynchronous::pay_response(call))),
    read("GET", "/BlockPayRequest/{operationId}/WhileProcessing", |call| Box::pin(asynchronous::pay_block(call))),
    operation("/EchoRequest", |call| Box::pin(asynchronous::echo_request(call))),
    read("GET", "/EchoRequest/{operationId}", |call| Box::pin(asynchronous::echo_state(call))),
    read("GET", "/EchoRequest/{operationId}/request", |call| Box::pin(asynchronous::echo_body(call))),
    read("GET", "/EchoResponse/{operationId}", |call| Box::pin(asynchronous::echo_response(call))),
    read("GET", "/BlockEchoRequest/{operationId}/WhileProcessing", |call| Box::pin(asynchronous::echo_block(call))),
    read("GET", "/operation/{operationId}", |call| Box::pin(asynchronous::operation(call))),
    read("GET", "/operation/{operationId}/state", |call| Box::pin(asynchronous::operation_state(call))),
    read("GET", "/operation/{operationId}/request", |call| Box::pin(asynchronous::operation_request(call))),
    read("GET", "/operation/{operationId}/response", |call| Box::pin(asynchronous::operation_response(call))),
    read("GET", "/operation/{operationId}/wait", |call| Box::pin(asynchronous::operation_wait(call))),
    read("POST", "/payments/{operationId}/settle", |call| Box::pin(settle::settle_payment(call))),
    read("GET", "/events", |call| Box::pin(events::events(call))),
    read("POST", "/journal", |call| Box::pin(journal::journal(call))),
    read("GET", "/journal", |call| Box::pin(journal::journal_query(call))),
    read("GET", "/journal/OperationItem/{operationId}", |call| Box::pin(operation_item::operation_item(call))),
    read("GET", "/PeekJournalItem/{queueId}/{storageType}", |call| Box::pin(peek::peek_items(call))),
    read("GET", "/PeekJournalItem/{queueId}/{storageType}/{id}", |call| Box::pin(peek::peek_item(call))),
    open("GET", "/healthz", |call| Box::pin(health::healthz(call))),
    open("GET", "/readyz", |call| Box::pin(health::readyz(call))),
    open("GET", "/openapi.json", |call| Box::pin(docs::openapi(call))),
    open("GET", "/docs", |call| Box::pin(docs::swagger(call))),
    open("GET", "/docs/errors", |call| Box::pin(docs::error_pages(call))),
    open("GET", "/docs/errors/{code}", |call| Box::pin(docs::error_page(call))),
    open("GET", "/docs/{file}", |call| Box::pin(docs::swagger_file(call))),
];

/// What was found for a path.
pub(super) enum Lookup {
    Found {
        handler: Handler,
        parameters: Vec<String>,
    },
    /// The path exists; these methods do.
    OtherMethod {
        allow: String,
    },
    NotFound,
}

/// Finds the route of a path without base path and version.
pub(super) fn lookup(method: &Method, path: &[&str]) -> Lookup {
    let mut allow: Vec<&str> = Vec::new();
    for route in ROUTES.iter().filter(|route| matches(route.template, path)) {
        let head = method == Method::HEAD && route.method == "GET" && route.access == Access::Open;
        if head || method.as_str() == route.method {
            return Lookup::Found { handler: route.handler, parameters: parameters(route.template, path) };
        }
        let methods: &[&str] =
            if route.access == Access::Open { &["GET", "HEAD"] } else { std::slice::from_ref(&route.method) };
        allow.extend(methods.iter().filter(|method| !allow.contains(method)).copied().collect::<Vec<_>>());
    }
    if allow.is_empty() {
        return Lookup::NotFound;
    }
    allow.push("OPTIONS");
    Lookup::OtherMethod { allow: allow.join(", ") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_by_method_and_letters_do_not_matter() {
        let allow = |method: Method, path: &[&str]| match lookup(&method, path) {
            Lookup::Found { parameters, .. } => parameters.join(","),
            Lookup::OtherMethod { allow } => allow,
            Lookup::NotFound => "404".to_owned(),
        };
        assert_eq!(allow(Method::POST, &["SIGN"]), "");
        assert_eq!(allow(Method::GET, &["sign"]), "POST, OPTIONS");
        assert_eq!(allow(Method::DELETE, &["journal"]), "POST, GET, OPTIONS");
        assert_eq!(allow(Method::GET, &["Journal", "operationitem", "Ab"]), "Ab");
        assert_eq!(allow(Method::GET, &["peekjournalitem", "q", "OperationItem", "x"]), "q,OperationItem,x");
        assert_eq!(allow(Method::HEAD, &["healthz"]), "");
        assert_eq!(allow(Method::HEAD, &["journal"]), "POST, GET, OPTIONS");
        assert_eq!(allow(Method::POST, &["docs", "errors", "x"]), "GET, HEAD, OPTIONS");
        assert_eq!(allow(Method::GET, &["docs", "errors"]), "");
        assert_eq!(allow(Method::GET, &["cart"]), "404");
        assert_eq!(allow(Method::GET, &[]), "404");
    }
}
