//! Receivers of callbacks in memory: nothing is dialled, every request is kept.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use kassette_outbound::{Client, Connector, Pending, Policy, Resolver, Roots, Stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) host: String,
    pub(crate) path: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// `State` and `Sequence` of the body, as `done3`.
    pub(crate) fn change(&self) -> String {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        format!("{}{}", body["State"].as_str().unwrap(), body["Sequence"])
    }
}

/// What a receiver does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    Answers(u16),
    /// 503 with `Retry-After`, in seconds.
    AsksFor(u32),
    /// Takes the request and says nothing.
    Nothing,
}

type Script = dyn Fn(&Received, usize) -> Does + Send + Sync;

/// All receivers: what they got, and what they do with the n-th request (from 0) of a `webhook-id`.
pub(crate) struct Receivers {
    received: Arc<Mutex<Vec<Received>>>,
    script: Mutex<Arc<Script>>,
    refusing: Mutex<bool>,
}

impl Receivers {
    pub(crate) fn new(script: impl Fn(&Received, usize) -> Does + Send + Sync + 'static) -> Arc<Self> {
        let script: Arc<Script> = Arc::new(script);
        Arc::new(Self { received: Arc::default(), script: Mutex::new(script), refusing: Mutex::new(false) })
    }

    pub(crate) fn refuse(&self, refusing: bool) {
        *self.refusing.lock().unwrap() = refusing;
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// What came for one path, as `pending1 processing2 …`.
    pub(crate) fn changes(&self, path: &str) -> String {
        let of_path = self.received().into_iter().filter(|one| one.path == path);
        of_path.map(|one| one.change()).collect::<Vec<_>>().join(" ")
    }

    /// A client that reaches nothing but these.
    pub(crate) fn client(self: &Arc<Self>) -> Client {
        let (names, here) = (Arc::new(Names), Arc::new(Here(Arc::clone(self))));
        Client::new(Policy::sandbox(false), names, here, Roots::with_extra(&[]).unwrap())
    }
}

/// Every name has one address; no real one is ever dialled.
struct Names;

impl Resolver for Names {
    fn resolve<'a>(&'a self, _: &'a str) -> Pending<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async { Ok(vec!["198.51.101.7".parse().unwrap()]) })
    }
}

struct Here(Arc<Receivers>);

impl Connector for Here {
    fn connect(&self, _: SocketAddr) -> Pending<'_, io::Result<Box<dyn Stream>>> {
        if *self.0.refusing.lock().unwrap() {
            return Box::pin(async { Err(io::Error::from(io::ErrorKind::ConnectionRefused)) });
        }
        let (ours, theirs) = tokio::io::duplex(16_384);
        let receivers = Arc::clone(&self.0);
        tokio::spawn(async move { serve(theirs, &receivers).await });
        Box::pin(async move { Ok(Box::new(ours) as Box<dyn Stream>) })
    }
}

async fn serve(mut stream: tokio::io::DuplexStream, receivers: &Receivers) {
    let Some(request) = read(&mut stream).await else { return };
    let script = Arc::clone(&receivers.script.lock().unwrap());
    let does = {
        let mut received = receivers.received.lock().unwrap();
        let id = request.header("webhook-id");
        let before = received.iter().filter(|one| one.header("webhook-id") == id && one.path == request.path).count();
        let does = script(&request, before);
        received.push(request);
        does
    };
    let answer = match does {
        Does::Answers(status) => format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n"),
        Does::AsksFor(seconds) => {
            format!("HTTP/1.1 503 x\r\nretry-after: {seconds}\r\ncontent-length: 0\r\n\r\n")
        }
        Does::Nothing => return std::future::pending().await,
    };
    drop(stream.write_all(answer.as_bytes()).await);
}

/// A request; `None` when the server went away before it was whole.
async fn read(stream: &mut tokio::io::DuplexStream) -> Option<Received> {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 1024]);
    loop {
        let count = stream.read(&mut chunk).await.unwrap_or(0);
        bytes.extend_from_slice(&chunk[..count]);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            if count == 0 {
                return None;
            }
            continue;
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.split("\r\n");
        let path = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let value = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let length: usize = value("content-length").unwrap().parse().unwrap();
        if let Some(body) = bytes.get(end + 4..end + 4 + length) {
            let (host, body) = (value("host").unwrap(), body.to_vec());
            return Some(Received { host, path, headers, body });
        }
    }
}
