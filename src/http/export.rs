//! Long answers: made on a blocking thread, sent piece by piece as the client reads.
//!
//! The thread fills pieces and hands them over through a bounded channel, so that a slow client slows the thread and never fills
//! the memory. Nothing is sent before the first piece is whole (or the export ends): a failure until then is a problem document,
//! a later one breaks the connection off, which a client sees as an incomplete body.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use actix_web::http::header::{
    ACCEPT_ENCODING, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, VARY,
};
use actix_web::{HttpResponse, rt};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use kassette_journal::JournalError;
use kassette_markets::ExportError;
use kassette_record::RecordError;
use kassette_wire::problem::{Code, Problem};
use tokio::sync::mpsc::{self, Sender, error::TrySendError};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::edge::Edge;
use super::problem;

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The client went away or does not read.
    #[error("the client does not read: {0}")]
    Client(#[from] io::Error),
    /// A record cannot be read.
    #[error("{0}")]
    Record(#[from] RecordError),
    /// The journal cannot be read.
    #[error("{0}")]
    Journal(#[from] JournalError),
    /// The market cannot export.
    #[error("{0}")]
    Market(#[from] ExportError),
    /// Refused for a reason that the client is told.
    #[error("{}", .0.detail)]
    Refused(Box<Problem>),
}

impl Failure {
    /// As the client is told.
    pub(crate) fn into_problem(self) -> Problem {
        match self {
            Self::Refused(problem) => *problem,
            Self::Journal(error) => problem::journal_problem(&error),
            Self::Market(ExportError::UnknownType(number)) => Problem::new(
                Code::JournalTypeUnknown,
                format!("the market of this cash box has no journal type {number:04X}"),
            ),
            error => {
                tracing::error!(%error, "an export failed");
                problem::internal()
            }
        }
    }
}

/// Writes the body.
pub(crate) type Producer = Box<dyn FnOnce(&mut dyn Write) -> Result<(), Failure>>;

/// An export that is known to be possible.
pub(crate) struct Prepared {
    /// Of the plain body.
    pub(crate) content_type: &'static str,
    /// Name of the entry, when the body is to be one entry of a ZIP archive.
    pub(crate) zip_entry: Option<String>,
    /// Writes the plain body.
    pub(crate) produce: Producer,
}

enum Piece {
    Head { content_type: &'static str, gzip: bool, zip: Option<String> },
    Data(Bytes),
    Failed(Box<Problem>),
    Broken,
}

/// Prepares and sends an export.
pub(crate) async fn respond(
    edge: &Edge,
    headers: &HeaderMap,
    prepare: impl FnOnce() -> Result<Prepared, Failure> + Send + 'static,
) -> HttpResponse {
    let Ok(permit) = std::sync::Arc::clone(&edge.exports).try_acquire_owned() else {
        let refusal = Problem::new(Code::RateLimited, "as many exports as allowed are running; come back later");
        return problem::response_after(&refusal, 5);
    };
    let limits = &edge.limits;
    let size = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    let (sender, mut pieces) = mpsc::channel(size(limits.export_chunks_max));
    let chunk_bytes = size(limits.export_chunk_bytes);
    let stall = Duration::from_millis(limits.export_stall_ms);
    let gzip = accepts_gzip(headers);
    // The thread gives the permit back when it ends, also when nobody waits for it any more.
    drop(rt::task::spawn_blocking(move || {
        let _permit = permit;
        let pipe =
            Pipe { sender: sender.clone(), chunk: Vec::with_capacity(chunk_bytes), chunk_bytes, stall, head: None };
        let last = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(pipe, gzip, prepare)));
        let last = last.unwrap_or(Some(Failed { head_sent: true, failure: None }));
        if let Some(Failed { head_sent, failure }) = last {
            let piece = match failure {
                Some(failure) if !head_sent => Piece::Failed(Box::new(failure.into_problem().without_storing())),
                Some(failure) => {
                    tracing::warn!(%failure, "an export was broken off");
                    Piece::Broken
                }
                None => Piece::Broken,
            };
            drop(offer(&sender, piece, stall));
        }
    }));

    match pieces.recv().await {
        Some(Piece::Head { content_type, gzip, zip }) => {
            let mut response = HttpResponse::Ok();
            response.insert_header((VARY, HeaderValue::from_static("accept-encoding")));
            match zip {
                Some(name) => {
                    response.insert_header((CONTENT_TYPE, HeaderValue::from_static("application/zip")));
                    response.insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.zip\"")));
                }
                None => {
                    response.insert_header((CONTENT_TYPE, HeaderValue::from_static(content_type)));
                }
            }
            if gzip {
                response.insert_header((CONTENT_ENCODING, HeaderValue::from_static("gzip")));
            }
            response.streaming(futures_util::stream::poll_fn(move |context| {
                pieces.poll_recv(context).map(|piece| match piece {
                    None => None,
                    Some(Piece::Data(data)) => Some(Ok(data)),
                    Some(_) => Some(Err(io::Error::other("the export was broken off"))),
                })
            }))
        }
        Some(Piece::Failed(refusal)) => problem::response(&refusal),
        Some(Piece::Data(_) | Piece::Broken) | None => problem::response(&problem::internal()),
    }
}

struct Failed {
    head_sent: bool,
    failure: Option<Failure>,
}

/// Prepares and writes; `None` when all went well.
fn run(mut pipe: Pipe, gzip: bool, prepare: impl FnOnce() -> Result<Prepared, Failure>) -> Option<Failed> {
    let prepared = match prepare() {
        Ok(prepared) => prepared,
        Err(failure) => return Some(Failed { head_sent: false, failure: Some(failure) }),
    };
    // A ZIP archive is compressed already.
    let gzip = gzip && prepared.zip_entry.is_none();
    pipe.head = Some(Piece::Head { content_type: prepared.content_type, gzip, zip: prepared.zip_entry.clone() });
    let written = match prepared.zip_entry {
        Some(entry) => zipped(&mut pipe, &entry, prepared.produce),
        None if gzip => {
            let mut encoder = GzEncoder::new(&mut pipe, Compression::fast());
            let produced = (prepared.produce)(&mut encoder);
            produced.and_then(|()| Ok(encoder.finish().map(|_| ())?))
        }
        None => (prepared.produce)(&mut pipe),
    };
    match written.and_then(|()| Ok(pipe.finish()?)) {
        Ok(()) => None,
        Err(failure) => Some(Failed { head_sent: pipe.head.is_none(), failure: Some(failure) }),
    }
}

fn zipped(pipe: &mut Pipe, entry: &str, produce: Producer) -> Result<(), Failure> {
    let mut archive = ZipWriter::new_stream(pipe);
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).large_file(true);
    archive.start_file(entry, options).map_err(io::Error::other)?;
    produce(&mut archive)?;
    archive.finish().map_err(io::Error::other)?;
    Ok(())
}

/// The writer's end of the channel.
struct Pipe {
    sender: Sender<Piece>,
    chunk: Vec<u8>,
    chunk_bytes: usize,
    stall: Duration,
    /// Sent before the first piece; `None` once it was.
    head: Option<Piece>,
}

impl Pipe {
    fn send(&mut self) -> io::Result<()> {
        if let Some(head) = self.head.take() {
            offer(&self.sender, head, self.stall)?;
        }
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(self.chunk_bytes));
        offer(&self.sender, Piece::Data(Bytes::from(chunk)), self.stall)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.send()
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.chunk_bytes.saturating_sub(self.chunk.len());
        let part = bytes.get(..bytes.len().min(room)).unwrap_or_default();
        self.chunk.extend_from_slice(part);
        if self.chunk.len() >= self.chunk_bytes {
            self.send()?;
        }
        Ok(part.len())
    }

    /// Pieces leave when they are full: a flush of an encoder must not make small ones.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Hands a piece over, waiting for a slow client in steps that grow to a few milliseconds. This is a blocking thread.
fn offer(sender: &Sender<Piece>, piece: Piece, stall: Duration) -> io::Result<()> {
    let begin = Instant::now();
    let mut pause = Duration::from_micros(100);
    let mut piece = piece;
    loop {
        match sender.try_send(piece) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Closed(_)) => return Err(io::ErrorKind::BrokenPipe.into()),
            Err(TrySendError::Full(_)) if begin.elapsed() >= stall => return Err(io::ErrorKind::TimedOut.into()),
            Err(TrySendError::Full(back)) => piece = back,
        }
        std::thread::sleep(pause);
        pause = pause.saturating_mul(2).min(Duration::from_millis(10));
    }
}

/// Whether `Accept-Encoding` takes gzip (RFC 9110, 12.5.3).
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let mut any = None;
    let mut gzip = None;
    for value in headers.get_all(ACCEPT_ENCODING).filter_map(|value| value.to_str().ok()) {
        for range in value.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let coding = parts.next().unwrap_or_default();
            // A weight is 0, 0.0 and so on, or greater; a weight that cannot be read is taken as greater.
            let refused = parts.any(|parameter| {
                let weight = parameter.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
                weight.is_some_and(|(_, text)| text.trim().bytes().all(|byte| byte == b'0' || byte == b'.'))
            });
            match coding.to_ascii_lowercase().as_str() {
                "gzip" | "x-gzip" => gzip = Some(!refused),
                "*" => any = Some(!refused),
                _ => {}
            }
        }
    }
    gzip.or(any).unwrap_or(false)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn gzip_only_when_it_is_accepted() {
        for (value, expected) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("*", true),
            ("identity", false),
            ("gzip;q=0", false),
            ("gzip; q=0.000, *", false),
            ("*;q=0", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_str(value).unwrap());
            assert_eq!(accepts_gzip(&headers), expected, "{value}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    fn pipe(chunk_bytes: usize) -> (Pipe, mpsc::Receiver<Piece>) {
        let (sender, receiver) = mpsc::channel(1_000);
        let stall = Duration::from_millis(1);
        (Pipe { sender, chunk: Vec::new(), chunk_bytes, stall, head: None }, receiver)
    }

    fn prepared(zip_entry: Option<&str>, produce: Producer) -> Result<Prepared, Failure> {
        Ok(Prepared { content_type: "text/plain", zip_entry: zip_entry.map(str::to_owned), produce })
    }

    fn collected(mut pieces: mpsc::Receiver<Piece>) -> (bool, Vec<u8>) {
        let (mut head, mut bytes) = (false, Vec::new());
        while let Ok(piece) = pieces.try_recv() {
            match piece {
                Piece::Head { .. } => head = true,
                Piece::Data(data) => bytes.extend_from_slice(&data),
                Piece::Failed(_) | Piece::Broken => unreachable!("run reports failures to its caller"),
            }
        }
        (head, bytes)
    }

    #[test]
    fn a_body_comes_out_as_it_went_in() {
        let text = "journal ".repeat(1_000);
        for (gzip, zip) in [(false, None), (true, None), (true, Some("a.json"))] {
            let (pipe, pieces) = pipe(100);
            let body = text.clone();
            let produce: Producer = Box::new(move |out| Ok(out.write_all(body.as_bytes())?));
            assert!(run(pipe, gzip, || prepared(zip, produce)).is_none());
            let (head, bytes) = collected(pieces);
            assert!(head);
            let plain = if zip.is_some() {
                let mut archive = zip::ZipArchive::new(io::Cursor::new(bytes)).unwrap();
                let mut out = String::new();
                archive.by_name("a.json").unwrap().read_to_string(&mut out).unwrap();
                out
            } else if gzip {
                let mut out = String::new();
                flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut out).unwrap();
                out
            } else {
                String::from_utf8(bytes).unwrap()
            };
            assert_eq!(plain, text);
        }
    }

    #[test]
    fn a_failure_before_the_first_piece_sends_nothing() {
        for (written, head_sent) in [(50, false), (150, true)] {
            let (pipe, pieces) = pipe(100);
            let produce: Producer = Box::new(move |out| {
                out.write_all(&vec![b'x'; written])?;
                Err(Failure::Journal(JournalError::Closed))
            });
            let failed = run(pipe, false, || prepared(None, produce)).unwrap();
            assert_eq!(failed.head_sent, head_sent);
            assert_eq!(collected(pieces).0, head_sent);
        }
    }

    #[test]
    fn a_client_that_went_away_or_does_not_read_ends_the_export() {
        let (mut gone, pieces) = pipe(1);
        drop(pieces);
        assert_eq!(gone.write_all(b"xy").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        let (sender, _pieces) = mpsc::channel(1);
        let mut slow = Pipe { sender, chunk: Vec::new(), chunk_bytes: 1, stall: Duration::ZERO, head: None };
        assert_eq!(slow.write_all(b"xy").unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
