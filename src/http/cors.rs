//! Calls from browsers (contract 1.7): any origin may call, because every call carries its own credentials and no cookie exists.

use actix_web::HttpResponse;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, HeaderMap, HeaderValue,
};

/// Request headers that a page may send.
const ALLOWED: &str = "x-cashbox-id, x-cashbox-accesstoken, x-possystem-id, x-operation-id, x-operation-lifetime, \
                       x-operation-callback-state, x-terminal-id, x-print-width, x-sandbox, cashboxid, accesstoken, \
                       idempotency-key, last-event-id, prefer, content-type, accept";
/// Response headers that a page may read.
const EXPOSED: &str = "location, preference-applied, x-operation-id, x-operation-state, x-print-width, retry-after";
/// How long a browser may remember the answer to a preflight request, in seconds.
const MAX_AGE_S: &str = "86400";

/// The answer to `OPTIONS`.
pub(crate) fn preflight(allow: &str) -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((ALLOW, allow))
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, allow))
        .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED))
        .insert_header((ACCESS_CONTROL_MAX_AGE, MAX_AGE_S))
        .finish()
}

/// Adds to any answer what a browser needs to show it to the page.
pub(crate) fn expose(headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
}
