//! Request bodies: read whole, under a limit and a deadline.

use std::time::{Duration, Instant};

use actix_web::web;
use futures_util::{FutureExt, StreamExt};
use kassette_wire::problem::{Code, Problem};

use crate::config::LimitsSection;

/// Reads a body. `announced` is `Content-Length`, when there is one.
///
/// A body that is too large is read on and thrown away, within bounds, so that a client that writes before it reads gets the
/// answer instead of a broken connection.
///
/// # Errors
/// 413 when it is too large, 400 when it ends early or takes too long: both before the operation exists, so never stored.
pub(crate) async fn read(
    mut payload: web::Payload,
    announced: Option<u64>,
    limits: &LimitsSection,
) -> Result<Vec<u8>, Box<Problem>> {
    let limit = usize::try_from(limits.body_bytes_max).unwrap_or(usize::MAX);
    let deadline = Instant::now() + Duration::from_millis(limits.body_deadline_ms);
    let too_large = || {
        Box::new(Problem::new(Code::BodyTooLarge, format!("the body is larger than {} bytes", limits.body_bytes_max)))
    };
    if announced.is_some_and(|bytes| bytes > limits.body_bytes_max) {
        drain(&mut payload, 0, deadline, limits).await;
        return Err(too_large());
    }
    let expected = announced.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(0);
    let mut body = Vec::with_capacity(expected.min(limit));
    while let Some(piece) = next(&mut payload, deadline).await? {
        if body.len().saturating_add(piece.len()) > limit {
            drain(&mut payload, body.len().saturating_add(piece.len()), deadline, limits).await;
            return Err(too_large());
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

async fn next(payload: &mut web::Payload, deadline: Instant) -> Result<Option<bytes::Bytes>, Box<Problem>> {
    // Most bodies are there with their headers: no timer is made for them.
    let piece = match payload.next().now_or_never() {
        Some(piece) => piece,
        None => match tokio::time::timeout_at(deadline.into(), payload.next()).await {
            Ok(piece) => piece,
            Err(_) => return Err(incomplete("the body did not arrive in time")),
        },
    };
    match piece {
        None => Ok(None),
        Some(Ok(piece)) => Ok(Some(piece)),
        Some(Err(error)) => Err(incomplete(&format!("the body could not be read: {error}"))),
    }
}

fn incomplete(detail: &str) -> Box<Problem> {
    Box::new(Problem::new(Code::JsonMalformed, detail).without_storing())
}

async fn drain(payload: &mut web::Payload, read: usize, deadline: Instant, limits: &LimitsSection) {
    let mut read = u64::try_from(read).unwrap_or(u64::MAX);
    while read < limits.body_drain_bytes_max {
        match next(payload, deadline).await {
            Ok(Some(piece)) => read = read.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX)),
            Ok(None) | Err(_) => return,
        }
    }
}
