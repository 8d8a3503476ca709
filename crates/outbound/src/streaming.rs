//! An answer that is read as it comes.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, RETRY_AFTER};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout, timeout_at};

use crate::answer::{CallFailure, Phase, RETRY_AFTER_BYTES_MAX};
use crate::dial::Stream;
use crate::exchange::with_causes;
use crate::policy::{HEADER_BYTES_MIN, Limits};

/// Longest `Content-Type` that is kept, in bytes.
const CONTENT_TYPE_BYTES_MAX: usize = 256;

/// Why a stream ended before its sender ended it. The texts are for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamFailure {
    /// Nothing came for the idle time.
    #[error("nothing came for {idle_ms} ms")]
    Idle {
        /// The idle time, in milliseconds.
        idle_ms: u128,
    },
    /// The connection broke, or what came is not HTTP.
    #[error("the connection broke: {0}")]
    Broken(String),
}

/// An answer whose body is still coming. The connection ends when it is dropped; no task outlives it.
pub struct Streaming {
    status: u16,
    content_type: Option<String>,
    retry_after: Option<String>,
    body: Incoming,
    /// Has to be driven for the body to come; `None` when it ended.
    connection: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    idle: Duration,
}

impl fmt::Debug for Streaming {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Streaming").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Streaming {
    pub(crate) async fn open(
        stream: Box<dyn Stream>,
        request: Request<Full<Bytes>>,
        limits: &Limits,
        until: Instant,
        idle: Duration,
    ) -> Result<Self, CallFailure> {
        let protocol = |error: hyper::Error| CallFailure::Protocol(with_causes(&error));
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(limits.header_bytes_max.max(HEADER_BYTES_MIN))
            .max_headers(limits.headers_max)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(protocol)?;
        // How it ends shows in the body.
        let mut connection: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async { drop(connection.await) });
        let mut ended = false;
        let answered = async {
            let mut sent = std::pin::pin!(sender.send_request(request));
            loop {
                tokio::select! {
                    () = &mut connection, if !ended => ended = true,
                    response = &mut sent => return response,
                }
            }
        };
        let response: Response<Incoming> =
            timeout_at(until, answered).await.map_err(|_| CallFailure::Timeout(Phase::Status))?.map_err(protocol)?;
        Ok(Self {
            status: response.status().as_u16(),
            content_type: kept(response.headers(), CONTENT_TYPE, CONTENT_TYPE_BYTES_MAX),
            retry_after: kept(response.headers(), RETRY_AFTER, RETRY_AFTER_BYTES_MAX),
            body: response.into_body(),
            connection: (!ended).then_some(connection),
            idle,
        })
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// `Content-Type` as it came, when it is text of a sensible length.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// `Retry-After` as it came, when it is text of a sensible length.
    #[must_use]
    pub fn retry_after(&self) -> Option<&str> {
        self.retry_after.as_deref()
    }

    /// The next piece of the body, as large as it came in; `None` when the sender ended it. May be dropped at any point without losing
    /// anything.
    ///
    /// # Errors
    /// [`StreamFailure`].
    pub async fn piece(&mut self) -> Result<Option<Bytes>, StreamFailure> {
        loop {
            let (body, connection) = (&mut self.body, &mut self.connection);
            let frame = async {
                loop {
                    match connection {
                        Some(driven) => tokio::select! {
                            () = driven => *connection = None,
                            frame = body.frame() => return frame,
                        },
                        None => return body.frame().await,
                    }
                }
            };
            match timeout(self.idle, frame).await {
                Err(_) => return Err(StreamFailure::Idle { idle_ms: self.idle.as_millis() }),
                Ok(None) => return Ok(None),
                Ok(Some(Err(error))) => return Err(StreamFailure::Broken(with_causes(&error))),
                // What is no data are trailers.
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// The body to its end, at most `bytes_max` of it, for a problem document; what cannot be read is left out.
    pub async fn text(&mut self, bytes_max: usize) -> String {
        let mut bytes = Vec::new();
        while let Ok(Some(piece)) = self.piece().await {
            let room = bytes_max.saturating_sub(bytes.len());
            bytes.extend_from_slice(piece.get(..piece.len().min(room)).unwrap_or_default());
            if bytes.len() >= bytes_max {
                break;
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn kept(headers: &HeaderMap, name: HeaderName, bytes_max: usize) -> Option<String> {
    let value = headers.get(name).filter(|value| value.len() <= bytes_max)?;
    value.to_str().ok().map(str::to_owned)
}
