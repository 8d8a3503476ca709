//! A small HTTP/1.1 client that sends exactly what it is told.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Checks the status and gives the body.
    #[track_caller]
    pub(crate) fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/json; charset=utf-8"));
        self.json()
    }

    /// Checks that this is a problem document of this code, with everything such a document has.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("/docs/errors/{code}"));
        assert!(!problem["title"].as_str().unwrap().is_empty() && !problem["detail"].as_str().unwrap().is_empty());
        let (stored, retry) = (problem["stored"].as_bool().unwrap(), problem["retry"].as_str().unwrap());
        let expected = match status {
            422 | 429 | 500 | 503 | 507 => "same-id",
            409 if code == "payment-state-conflict" => "never",
            409 => "new-id",
            _ if stored => "new-id",
            _ => "never",
        };
        assert_eq!(retry, expected, "{problem}");
        problem
    }
}

/// Sends one request on its own connection.
pub(crate) fn send(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> Reply {
    let mut stream = begin(address, method, target, headers, body);
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    let _ = stream.shutdown(Shutdown::Both);
    assert!(!bytes.is_empty(), "no answer: {read:?}");
    parse(&bytes, method == "HEAD")
}

/// Sends a request and does not wait for its answer.
pub(crate) fn begin(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> TcpStream {
    let mut head = format!("{method} {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !headers.iter().any(|(name, _)| name == "content-length") && (method == "POST" || !body.is_empty()) {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // In one piece where it is small, as clients do; of a large one the server may answer before it has read everything.
    let (with_head, rest) = body.split_at(body.len().min(65_536));
    stream.write_all(&[head.as_bytes(), with_head].concat()).unwrap();
    let _ = stream.write_all(rest);
    stream
}

fn parse(bytes: &[u8], head_only: bool) -> Reply {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a whole head");
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status: u16 = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(':').unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    // An interim answer comes before the real one.
    if status == 100 {
        return parse(&bytes[end + 4..], head_only);
    }
    let rest = &bytes[end + 4..];
    let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let body = if chunked { unchunked(rest) } else { rest.to_vec() };
    if let Some((_, length)) = headers.iter().find(|(name, _)| name == "content-length") {
        assert!(head_only || body.len() == length.parse::<usize>().unwrap(), "the body is not whole");
    }
    Reply { status, headers, body }
}

fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = bytes.windows(2).position(|window| window == b"\r\n").expect("a whole chunk");
        let length = usize::from_str_radix(std::str::from_utf8(&bytes[..line]).unwrap(), 16).unwrap();
        let start = line + 2;
        body.extend_from_slice(&bytes[start..start + length]);
        bytes = &bytes[start + length + 2..];
        if length == 0 {
            return body;
        }
    }
}
