//! The documentation that the server brings along: OpenAPI, its viewer, and a page per error. No network is needed.

use std::sync::{Arc, OnceLock};

use actix_web::HttpResponse;
use actix_web::http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION};
use bytes::Bytes;
use kassette_wire::problem::{Code, Problem};
use utoipa_swagger_ui::Config;

use super::Call;
use crate::http::answer::JSON;
use crate::http::openapi::{NotFoundProblem, document_json};
use crate::http::{errors, problem};

/// Gives this description of the interface
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "documentation",
    operation_id = "openapi",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json", body = Object,
        example = json!({"openapi": "3.1.0"})))
)]
pub(crate) async fn openapi(_call: Call) -> HttpResponse {
    static DOCUMENT: OnceLock<Bytes> = OnceLock::new();
    let document = DOCUMENT.get_or_init(|| Bytes::from(document_json())).clone();
    HttpResponse::Ok().content_type(JSON).body(document)
}

/// Shows this description in a browser
#[utoipa::path(
    get,
    path = "/docs",
    tag = "documentation",
    operation_id = "docs",
    responses(
        (status = 200, description = "The viewer", content_type = "text/html", body = String, example = "<!DOCTYPE html>"),
        (status = 307, description = "To the same path with a slash at its end"),
    )
)]
pub(crate) async fn swagger(call: Call) -> HttpResponse {
    // The viewer names its files relative to its own path, which therefore must end with a slash.
    let path = call.request.uri().path();
    if path.ends_with('/') {
        return file("index.html");
    }
    let last = path.rsplit('/').next().unwrap_or("docs");
    HttpResponse::TemporaryRedirect().insert_header((LOCATION, format!("{last}/"))).finish()
}

/// Gives a file of the viewer
#[utoipa::path(
    get,
    path = "/docs/{file}",
    tag = "documentation",
    operation_id = "docsFile",
    params(("file" = String, Path, description = "Name of the file", example = "swagger-ui.css")),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream", body = String, example = ""),
        NotFoundProblem,
    )
)]
pub(crate) async fn swagger_file(call: Call) -> HttpResponse {
    file(call.parameter(0))
}

fn file(name: &str) -> HttpResponse {
    static CONFIG: OnceLock<Arc<Config<'static>>> = OnceLock::new();
    let config = CONFIG.get_or_init(|| Arc::new(Config::new(["../openapi.json"]).try_it_out_enabled(true)));
    match utoipa_swagger_ui::serve(name, Arc::clone(config)) {
        Ok(Some(found)) => {
            let mut response = HttpResponse::Ok();
            if found.gzpipped {
                response.insert_header((CONTENT_ENCODING, HeaderValue::from_static("gzip")));
            }
            response
                .content_type(found.content_type)
                .insert_header((
                    CONTENT_SECURITY_POLICY,
                    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
                ))
                .body(found.bytes.into_owned())
        }
        Ok(None) => problem::response(&Problem::new(Code::NotFound, "the viewer has no such file")),
        Err(error) => {
            tracing::error!(%error, name, "a file of the viewer cannot be given");
            problem::response(&problem::internal())
        }
    }
}

/// Lists the error codes
#[utoipa::path(
    get,
    path = "/docs/errors",
    tag = "documentation",
    operation_id = "errorPages",
    responses((status = 200, description = "One line per code", content_type = "text/markdown", body = String,
        example = "- `not-found` (404)"))
)]
pub(crate) async fn error_pages(call: Call) -> HttpResponse {
    page(&call, &errors::list())
}

/// Explains an error code
#[utoipa::path(
    get,
    path = "/docs/errors/{code}",
    tag = "documentation",
    operation_id = "errorPage",
    params(("code" = String, Path, description = "`code` of a problem document", example = "operation-conflict")),
    responses(
        (status = 200, description = "Cause, what the cashier sees, what to do", content_type = "text/markdown", body = String,
            example = "# not-found"),
        NotFoundProblem,
    )
)]
pub(crate) async fn error_page(call: Call) -> HttpResponse {
    let code = call.parameter(0).to_ascii_lowercase();
    match errors::explain(&code) {
        Some(text) => page(&call, text),
        None => problem::response(&Problem::new(Code::NotFound, "there is no such error code; see /docs/errors")),
    }
}

/// Markdown; for a browser within a page of plain text.
fn page(call: &Call, markdown: &str) -> HttpResponse {
    let html = call
        .request
        .headers()
        .get_all(ACCEPT)
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.to_ascii_lowercase().contains("text/html"));
    if !html {
        let text = HeaderValue::from_static("text/markdown; charset=utf-8");
        return HttpResponse::Ok().insert_header((CONTENT_TYPE, text)).body(markdown.to_owned());
    }
    let text = markdown.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let title = text.lines().next().unwrap_or_default().trim_start_matches("# ").to_owned();
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"))
        .body(format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
             <style>pre{{white-space:pre-wrap;max-width:46rem;margin:2rem auto;font:1rem/1.5 system-ui}}</style>\
             <pre>{text}</pre></html>"
        ))
}
