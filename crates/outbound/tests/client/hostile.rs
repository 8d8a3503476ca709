//! Receivers that are slow, endless, silent or talk nonsense. Time is tokio's paused clock, connections are in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kassette_outbound::{Answer, BodyEnd, CallFailure, Phase, Policy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use crate::fixtures::{
    Bench, PIPE_BYTES, PlannedResolver, RecordingConnector, read_request, receiver_name, write_endlessly, write_slowly,
};

const URL: &str = "http://receiver.example/hook";

/// A server that reads the request and then writes these bytes and closes.
fn answering(bytes: &'static [u8]) -> RecordingConnector {
    RecordingConnector::serving(move |mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(bytes).await;
    })
}

/// What became of the call, and how long it took in milliseconds.
async fn timed(bench: &Bench, url: &str) -> (Result<Answer, CallFailure>, u128) {
    let start = Instant::now();
    let ended = bench.post(url).await;
    (ended, start.elapsed().as_millis())
}

#[track_caller]
fn assert_about(found_ms: u128, expected_ms: u128) {
    assert!((expected_ms..expected_ms + 5).contains(&found_ms), "took {found_ms} ms instead of {expected_ms} ms");
}

#[tokio::test(start_paused = true)]
async fn a_status_that_comes_byte_by_byte_is_cut_at_the_calls_end() {
    let bench = Bench::receiver(RecordingConnector::serving(|mut stream| async move {
        read_request(&mut stream).await;
        write_slowly(&mut stream, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 1_000).await;
    }));
    let (ended, took_ms) = timed(&bench, URL).await;
    assert_eq!(ended, Err(CallFailure::Timeout(Phase::Status)));
    assert_about(took_ms, 5_000);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_comes_byte_by_byte_does_not_take_the_status_back() {
    let bench = Bench::receiver(RecordingConnector::serving(|mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 1000\r\n\r\n").await.unwrap();
        write_slowly(&mut stream, &[b'x'; 1_000], 1_000).await;
    }));
    let (ended, took_ms) = timed(&bench, URL).await;
    let expected = Answer { status: 202, retry_after: None, body_bytes: 5, body_end: BodyEnd::TimedOut };
    assert_eq!(ended, Ok(expected));
    assert_about(took_ms, 5_000);
}

/// How many bytes a server got rid of that never stops, and what became of the call.
async fn endless(head: &'static [u8], piece: &'static [u8]) -> (Result<Answer, CallFailure>, usize) {
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    let bench = Bench::receiver(RecordingConnector::serving(move |mut stream| {
        let counted = Arc::clone(&counted);
        async move {
            read_request(&mut stream).await;
            stream.write_all(head).await.unwrap();
            write_endlessly(&mut stream, piece, &counted).await;
        }
    }));
    let ended = bench.post(URL).await;
    tokio::task::yield_now().await;
    (ended, taken.load(Ordering::SeqCst))
}

#[tokio::test(start_paused = true)]
async fn an_endless_body_is_read_up_to_the_limit() {
    // What is read is the limit; what was taken may be more by what the pipe and one read hold.
    let slack = 2 * PIPE_BYTES + 32_768;
    for (head, piece) in [
        (&b"HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n"[..], &[b'x'; 4096][..]),
        (&b"HTTP/1.1 200 OK\r\n\r\n"[..], &[b'x'; 4096][..]),
        (&b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"[..], &b"400\r\n"[..]),
    ] {
        let chunk: &'static [u8] = if piece.len() == 5 {
            Box::leak([piece, &[b'x'; 0x400], b"\r\n"].concat().into_boxed_slice())
        } else {
            piece
        };
        let (ended, taken) = endless(head, chunk).await;
        let expected = Answer { status: 200, retry_after: None, body_bytes: 65_536, body_end: BodyEnd::Capped };
        assert_eq!(ended, Ok(expected));
        assert!(taken <= 65_536 + slack, "{taken} bytes were taken");
    }
}

#[tokio::test(start_paused = true)]
async fn an_endless_head_is_given_up() {
    for (head, piece) in [
        (&b"HTTP/1.1 200 OK\r\n"[..], &b"x-padding: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"[..]),
        (&b"HTTP/1.1 200 OK\r\nx-long: "[..], &[b'x'; 1024][..]),
        (&b"HTTP/1.1 200 "[..], &[b'x'; 1024][..]),
        (&b""[..], &[b'x'; 1024][..]),
        (
            &b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n"[..],
            &b"x-trailer: xxxxxxxxxxxxxxxxxxx\r\n"[..],
        ),
    ] {
        let (ended, taken) = endless(head, piece).await;
        match ended {
            Err(failure) => assert_eq!(failure.name(), "protocol", "{failure}"),
            // The trailer comes after the status, which counts.
            Ok(answer) => assert_eq!((answer.status, answer.body_end), (200, BodyEnd::Broken)),
        }
        assert!(taken <= 16_384 + 2 * PIPE_BYTES + 32_768, "{taken} bytes were taken");
    }
}

#[tokio::test(start_paused = true)]
async fn an_endless_run_of_interim_answers_ends_with_the_call() {
    let bench = Bench::receiver(RecordingConnector::serving(|mut stream| async move {
        read_request(&mut stream).await;
        let mut step = tokio::time::interval(std::time::Duration::from_millis(10));
        while stream.write_all(b"HTTP/1.1 103 Early Hints\r\n\r\n").await.is_ok() {
            step.tick().await;
        }
    }));
    let (ended, took_ms) = timed(&bench, URL).await;
    assert_eq!(ended, Err(CallFailure::Timeout(Phase::Status)));
    assert_about(took_ms, 5_000);
}

#[tokio::test(start_paused = true)]
async fn silence_ends_each_phase() {
    let silent = || {
        RecordingConnector::serving(|mut stream| async move {
            read_request(&mut stream).await;
            std::future::pending::<()>().await;
        })
    };
    let swallowing = RecordingConnector::refusing().swallowing(&["198.51.101.7"]);
    let deaf = PlannedResolver::silent();
    for (resolver, connector, url, phase, expected_ms) in [
        (deaf, silent(), URL, Phase::Resolve, 2_000),
        (receiver_name(), swallowing, URL, Phase::Connect, 2_000),
        (receiver_name(), silent(), "https://receiver.example/", Phase::Tls, 5_000),
        (receiver_name(), silent(), URL, Phase::Status, 5_000),
    ] {
        let bench = Bench::new(Policy::sandbox(false), resolver, connector);
        let (ended, took_ms) = timed(&bench, url).await;
        assert_eq!(ended, Err(CallFailure::Timeout(phase)));
        assert_eq!(ended.unwrap_err().name(), "timeout");
        assert_about(took_ms, expected_ms);
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_that_swallows_packets_does_not_hide_the_next() {
    let resolver = PlannedResolver::default().plan("two.example", &[&["2003::1", "198.51.101.7"]]);
    let connector = answering(b"HTTP/1.1 204 No Content\r\n\r\n").swallowing(&["2003::1"]);
    let bench = Bench::new(Policy::sandbox(false), resolver, connector);
    let (ended, took_ms) = timed(&bench, "http://two.example/").await;
    assert_eq!(ended.unwrap().status, 204);
    assert_eq!(bench.connector.dialled(), ["[2003::1]:80", "198.51.101.7:80"]);
    assert_about(took_ms, 1_000);
}

#[tokio::test(start_paused = true)]
async fn redirects_are_answers() {
    for (bytes, status) in [
        (&b"HTTP/1.1 301 Moved\r\nlocation: http://receiver.example/hook\r\ncontent-length: 0\r\n\r\n"[..], 301),
        (&b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n"[..], 302),
        (&b"HTTP/1.1 307 Temporary\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n"[..], 307),
        (&b"HTTP/1.1 308 Permanent\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"[..], 308),
    ] {
        let bench = Bench::receiver(answering(bytes));
        let answer = bench.post(URL).await.unwrap();
        assert_eq!((answer.status, answer.body_end), (status, BodyEnd::Complete));
        assert_eq!(bench.connector.dialled(), ["198.51.101.7:80"]);
        assert_eq!(bench.resolver.asked(), ["receiver.example"]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_http_is_a_protocol_failure() {
    for bytes in [
        &b""[..],
        b"\0",
        b"HTTP",
        b"hello, who are you?\r\n\r\n",
        b"HTTP/1.1 2\r\n\r\n",
        b"HTTP/1.1 20x OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"220 mail.example ESMTP\r\n",
        b"<html>",
    ] {
        let failure = Bench::receiver(answering(bytes)).post(URL).await.unwrap_err();
        assert_eq!(failure.name(), "protocol", "{:?}: {failure}", String::from_utf8_lossy(bytes));
    }
    let closing = Bench::receiver(RecordingConnector::serving(|stream| async move { drop(stream) }));
    assert_eq!(closing.post(URL).await.unwrap_err().name(), "protocol");
    let refusing = Bench::receiver(RecordingConnector::refusing());
    assert_eq!(refusing.post(URL).await.unwrap_err().name(), "connect");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_does_not_take_the_status_back() {
    for (bytes, body_bytes) in [
        (&b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"[..], 3),
        (&b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"[..], 0),
        (&b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"[..], 3),
    ] {
        let answer = Bench::receiver(answering(bytes)).post(URL).await.unwrap();
        assert_eq!(answer, Answer { status: 200, retry_after: None, body_bytes, body_end: BodyEnd::Broken });
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_before_the_request_was_read_counts() {
    let bench = Bench::receiver(RecordingConnector::serving(|mut stream| async move {
        stream.read_u8().await.unwrap();
        stream.write_all(b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    }));
    assert_eq!(bench.post(URL).await.unwrap().status, 410);
}
