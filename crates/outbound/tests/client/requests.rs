//! What is sent, and what is kept of the answer.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use kassette_outbound::{Answer, BodyEnd, Client, Policy, RETRY_AFTER_BYTES_MAX, Target};
use tokio::io::AsyncWriteExt as _;

use crate::fixtures::{BODY, Bench, RecordingConnector, read_request};

/// A receiver that keeps the request it read.
fn listening(answer: String) -> (Bench, Arc<Mutex<String>>) {
    let seen = Arc::new(Mutex::new(String::new()));
    let kept = Arc::clone(&seen);
    let bench = Bench::receiver(RecordingConnector::serving(move |mut stream| {
        let (kept, answer) = (Arc::clone(&kept), answer.clone());
        async move {
            let request = read_request(&mut stream).await;
            *kept.lock().unwrap() = request;
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    }));
    (bench, seen)
}

async fn post(client: &Client, url: &str, headers: &[(&'static str, &str)]) -> Result<Answer, String> {
    let target = Target::parse(url, &Policy::sandbox(false)).unwrap();
    client.post(&target, headers, Bytes::from_static(BODY)).await.map_err(|failure| failure.name().to_owned())
}

#[tokio::test]
async fn the_request_is_a_known_answer() {
    for (url, line, host) in [
        ("http://receiver.example", "POST / HTTP/1.1", "receiver.example"),
        ("http://RECEIVER.example.:8080/a/b?c=d#e", "POST /a/b?c=d HTTP/1.1", "receiver.example:8080"),
        ("http://198.51.101.9/ä b".trim_end_matches(" b"), "POST /%C3%A4 HTTP/1.1", "198.51.101.9"),
        ("http://[2003:0::9]:81/", "POST / HTTP/1.1", "[2003::9]:81"),
    ] {
        let (bench, seen) = listening("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_owned());
        let answer = post(&bench.client, url, &[("webhook-id", "x_1"), ("content-type", "application/json")]).await;
        assert_eq!(answer, Ok(Answer { status: 200, retry_after: None, body_bytes: 2, body_end: BodyEnd::Complete }));
        let request = seen.lock().unwrap().clone();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let mut lines = head.split("\r\n");
        assert_eq!(lines.next(), Some(line));
        let mut headers: Vec<&str> = lines.collect();
        headers.sort_unstable();
        let host = format!("host: {host}");
        let expected = ["content-length: 14", "content-type: application/json", &host, "webhook-id: x_1"];
        assert_eq!(headers, expected);
        assert_eq!(body.as_bytes(), BODY);
    }
}

#[tokio::test]
async fn no_header_of_a_caller_changes_the_frame() {
    let (bench, seen) = listening("HTTP/1.1 204 No Content\r\n\r\n".to_owned());
    let odd = [
        ("host", "elsewhere.example"),
        ("content-length", "3"),
        ("transfer-encoding", "chunked"),
        ("connection", "upgrade"),
    ];
    post(&bench.client, "http://receiver.example/", &odd).await.unwrap();
    let request = seen.lock().unwrap().clone();
    for line in ["host: receiver.example\r\n", "content-length: 14\r\n"] {
        assert!(request.contains(line), "{request}");
    }
    for word in ["elsewhere", "connection", "chunked", "upgrade", "content-length: 3"] {
        assert!(!request.contains(word), "{request}");
    }
}

#[tokio::test]
async fn a_header_that_would_split_the_request_is_not_sent() {
    for value in ["a\r\nx-evil: 1", "a\nb", "a\0b", "\u{7f}"] {
        let (bench, _) = listening("HTTP/1.1 204 No Content\r\n\r\n".to_owned());
        let ended = post(&bench.client, "http://receiver.example/", &[("x-operation-state", value)]).await;
        assert_eq!(ended, Err("protocol".to_owned()), "{value:?}");
        assert!(bench.connector.dialled().is_empty());
    }
}

#[tokio::test]
async fn retry_after_is_kept_as_it_came_when_it_is_short_text() {
    let longest = "1".repeat(RETRY_AFTER_BYTES_MAX);
    let longer = "1".repeat(RETRY_AFTER_BYTES_MAX + 1);
    for (value, kept) in [
        ("120", Some("120")),
        ("Wed, 04 Mar 2026 10:16:30 GMT", Some("Wed, 04 Mar 2026 10:16:30 GMT")),
        (longest.as_str(), Some(longest.as_str())),
        (longer.as_str(), None),
        ("später", None),
    ] {
        let answer = format!("HTTP/1.1 503 Busy\r\nretry-after: {value}\r\ncontent-length: 0\r\n\r\n");
        let (bench, _) = listening(answer);
        let answer = post(&bench.client, "http://receiver.example/", &[]).await.unwrap();
        assert_eq!((answer.status, answer.retry_after.as_deref()), (503, kept));
    }
}
