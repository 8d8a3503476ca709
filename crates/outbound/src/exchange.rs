//! One request and one answer over a connection (HTTP/1.1), in bounded memory.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout, timeout_at};

use crate::answer::{Answer, BodyEnd, CallFailure, Phase, RETRY_AFTER_BYTES_MAX};
use crate::dial::Stream;
use crate::kept::Open;
use crate::policy::{HEADER_BYTES_MIN, Limits};
use crate::target::Target;

/// How long it may take after an answer until its connection can take another request. It can at once, or something more came.
const READY_WAIT: Duration = Duration::from_millis(10);

/// The request: ours are the line, `Host`, `Content-Length` and `Connection`; the rest comes from `headers`.
pub(crate) fn request(
    target: &Target,
    method: Method,
    is_last: bool,
    mut headers: HeaderMap,
    body: Bytes,
) -> Result<Request<Full<Bytes>>, CallFailure> {
    let host = HeaderValue::from_str(target.authority()).map_err(|error| CallFailure::Protocol(error.to_string()))?;
    headers.insert(HOST, host);
    headers.remove(CONNECTION);
    if is_last {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = target.path().clone();
    *request.headers_mut() = headers;
    Ok(request)
}

/// Makes a connection ready for requests.
pub(crate) async fn open(stream: Box<dyn Stream>, limits: &Limits) -> Result<Open, CallFailure> {
    let (sender, driver) = http1::Builder::new()
        .max_buf_size(limits.header_bytes_max.max(HEADER_BYTES_MIN))
        .max_headers(limits.headers_max)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| CallFailure::Protocol(with_causes(&error)))?;
    Ok(Open { sender, driver, opened_at: Instant::now() })
}

/// Sends the request and reads the answer until it ends, the limit is reached or the time is over. After a status has come, the
/// call is no failure any more. Gives the connection back when it can take another request.
pub(crate) async fn exchange(
    connection: Open,
    request: Request<Full<Bytes>>,
    limits: &Limits,
    until: Instant,
) -> Result<(Answer, Option<Open>), CallFailure> {
    let Open { mut sender, mut driver, opened_at } = connection;
    let answered = async {
        let response = timeout_at(until, sender.send_request(request))
            .await
            .map_err(|_| CallFailure::Timeout(Phase::Status))?
            .map_err(|error| CallFailure::Protocol(with_causes(&error)))?;
        Ok(drain(response, limits.body_bytes_max, until).await)
    };
    let (answer, has_ended) = beside(&mut driver, answered).await;
    let answer = answer?;
    let is_whole = answer.body_end == BodyEnd::Complete;
    let is_ready = is_whole
        && !has_ended
        && tokio::select! {
            _ = &mut driver => false,
            ready = timeout(READY_WAIT, sender.ready()) => matches!(ready, Ok(Ok(()))),
        };
    Ok((answer, is_ready.then_some(Open { sender, driver, opened_at })))
}

/// Runs `main` to its end while `side` is driven along, and says whether `side` has ended; what becomes of it shows in `main`. No task
/// outlives the call.
async fn beside<T>(mut side: impl Future + Unpin, main: impl Future<Output = T>) -> (T, bool) {
    let mut main = pin!(main);
    tokio::select! {
        _ = &mut side => (main.await, true),
        ended = &mut main => (ended, false),
    }
}

/// Counts the body away.
async fn drain(response: Response<Incoming>, body_bytes_max: usize, until: Instant) -> Answer {
    let status = response.status().as_u16();
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .filter(|value| value.len() <= RETRY_AFTER_BYTES_MAX)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let mut body = response.into_body();
    let mut body_bytes = 0_usize;
    let body_end = loop {
        match timeout_at(until, body.frame()).await {
            Err(_) => break BodyEnd::TimedOut,
            Ok(None) => break BodyEnd::Complete,
            Ok(Some(Err(_))) => break BodyEnd::Broken,
            Ok(Some(Ok(frame))) => {
                body_bytes = body_bytes.saturating_add(frame.data_ref().map_or(0, Bytes::len));
                if body_bytes > body_bytes_max {
                    body_bytes = body_bytes_max;
                    break BodyEnd::Capped;
                }
            }
        }
    };
    Answer { status, retry_after, body_bytes, body_end }
}

/// An error with what it came from: the outermost text alone says little.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
