//! The way of every request: limits, route, handler, and what every answer has.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use actix_web::http::Method;
use actix_web::http::header::{ALLOW, CONNECTION, HeaderName, HeaderValue, ORIGIN};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::FutureExt;
use kassette_wire::problem::{Code, Problem};

use super::connections::Place;
use super::edge::Edge;
use super::path::{Segments, Version, below, version};
use super::routes::{Call, Handler, Lookup, lookup};
use super::{cors, problem};

/// The environments of one listener.
pub(crate) struct Site {
    /// Longest base path first, so that the most particular one is found.
    edges: Vec<Arc<Edge>>,
}

impl Site {
    pub(crate) fn new(edges: Vec<Edge>) -> Self {
        let mut edges: Vec<Arc<Edge>> = edges.into_iter().map(Arc::new).collect();
        edges.sort_by_key(|edge| std::cmp::Reverse(edge.base_path.len()));
        Self { edges }
    }
}

/// Answers any request.
pub(crate) async fn entry(request: HttpRequest, payload: web::Payload, site: web::Data<Site>) -> HttpResponse {
    let from_browser = request.headers().contains_key(ORIGIN);
    let answering = AssertUnwindSafe(answer(request, payload, &site)).catch_unwind();
    let mut response = answering.await.unwrap_or_else(|_| {
        // The panic hook has logged where.
        tracing::error!("a handler panicked");
        problem::response(&problem::internal())
    });
    response
        .headers_mut()
        .insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    if from_browser {
        cors::expose(response.headers_mut());
    }
    response
}

async fn answer(request: HttpRequest, payload: web::Payload, site: &Site) -> HttpResponse {
    if request.conn_data::<Arc<Place>>().is_some_and(|place| !place.is_granted()) {
        let refusal = Problem::new(Code::RateLimited, "too many connections from this address");
        let mut response = problem::response_after(&refusal, 1);
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        return response;
    }
    if let Err(refusal) = uri_within_limits(&request, site) {
        return problem::response(&refusal);
    }
    let target = match find(&request, site) {
        Ok(target) => target,
        Err(response) => return *response,
    };
    if let Err(refusal) = headers_within_limits(&request, &target.edge) {
        return problem::response(&refusal);
    }
    match target.handler {
        Some(handler) => handler(Call { edge: target.edge, parameters: target.parameters, request, payload }).await,
        None => cors::preflight(&target.allow),
    }
}

struct Target {
    edge: Arc<Edge>,
    parameters: Vec<String>,
    /// `None` for `OPTIONS`.
    handler: Option<Handler>,
    allow: String,
}

fn find(request: &HttpRequest, site: &Site) -> Result<Target, Box<HttpResponse>> {
    let not_found = || {
        let detail = "nothing is served under this path; the interface lies under /v2 and is described at /docs";
        Box::new(problem::response(&Problem::new(Code::NotFound, detail)))
    };
    let segments = Segments::of(request.uri().path()).ok_or_else(not_found)?;
    let (edge, rest) = site
        .edges
        .iter()
        .find_map(|edge| Some((edge, below(segments.as_slice(), &edge.base_path)?)))
        .ok_or_else(not_found)?;
    let rest = match version(rest) {
        Version::Served(rest) => rest,
        Version::Other => {
            let detail = format!(
                "this version of the interface is not served; only {base}/v2 (also as {base}/v2.0 and {base}/v2.1) and paths \
                 without a version, which mean the newest, are",
                base = edge.base_path
            );
            return Err(Box::new(problem::response(&Problem::new(Code::VersionUnsupported, detail))));
        }
    };
    let edge = Arc::clone(edge);
    match lookup(request.method(), rest) {
        Lookup::Found { handler, parameters } => {
            Ok(Target { edge, parameters, handler: Some(handler), allow: String::new() })
        }
        Lookup::OtherMethod { allow } if request.method() == Method::OPTIONS => {
            Ok(Target { edge, parameters: Vec::new(), handler: None, allow })
        }
        Lookup::OtherMethod { allow } => {
            let refusal = Problem::new(Code::MethodNotAllowed, format!("this path takes {allow}"));
            let mut response = problem::response(&refusal);
            if let Ok(value) = HeaderValue::from_str(&allow) {
                response.headers_mut().insert(ALLOW, value);
            }
            Err(Box::new(response))
        }
        Lookup::NotFound => Err(not_found()),
    }
}

/// Before the path is looked at: the limit is the same for every environment of a listener.
fn uri_within_limits(request: &HttpRequest, site: &Site) -> Result<(), Problem> {
    let limit = site.edges.iter().map(|edge| edge.limits.uri_bytes_max).min().unwrap_or(u64::MAX);
    let uri = request.uri();
    let bytes = uri.path().len().saturating_add(uri.query().map_or(0, |query| query.len().saturating_add(1)));
    if over(bytes, limit) {
        return Err(Problem::new(Code::UriTooLong, format!("the URI is longer than {limit} bytes")));
    }
    Ok(())
}

fn headers_within_limits(request: &HttpRequest, edge: &Edge) -> Result<(), Problem> {
    let limits = &edge.limits;
    // As they stand in HTTP/1.1: name, colon, blank, value, end of line.
    let bytes = request
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len().saturating_add(value.len()).saturating_add(4))
        .fold(0, usize::saturating_add);
    if over(bytes, limits.header_bytes_max) {
        let detail = format!("the headers are longer than {} bytes", limits.header_bytes_max);
        return Err(Problem::new(Code::HeadersTooLarge, detail));
    }
    Ok(())
}

fn over(bytes: usize, limit: u64) -> bool {
    u64::try_from(bytes).is_ok_and(|bytes| bytes > limit)
}
