//! A resolver with planned answers, a connector that records, and servers over any stream.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use kassette_outbound::{Answer, CallFailure, Client, Connector, Pending, Policy, Resolver, Roots, Stream, Target};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Bytes that an in-memory connection holds in one direction.
pub(crate) const PIPE_BYTES: usize = 16 * 1024;

/// The body that the tests post.
pub(crate) const BODY: &[u8] = b"{\"Sequence\":1}";

/// Answers in the planned order; the last one stays. A name without a plan is not found.
#[derive(Default)]
pub(crate) struct PlannedResolver {
    plans: Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>,
    asked: Mutex<Vec<String>>,
    silent: bool,
}

impl PlannedResolver {
    /// A name server that never answers.
    pub(crate) fn silent() -> Self {
        Self { silent: true, ..Self::default() }
    }

    pub(crate) fn plan(self, name: &str, answers: &[&[&str]]) -> Self {
        let parsed = answers.iter().map(|one| one.iter().map(|address| address.parse().unwrap()).collect()).collect();
        self.plans.lock().unwrap().insert(name.to_owned(), parsed);
        self
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Resolver for PlannedResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> Pending<'a, io::Result<Vec<IpAddr>>> {
        self.asked.lock().unwrap().push(name.to_owned());
        if self.silent {
            return Box::pin(std::future::pending());
        }
        let mut plans = self.plans.lock().unwrap();
        let answer = match plans.get_mut(name) {
            None => Err(io::Error::new(io::ErrorKind::NotFound, "no such name")),
            Some(plan) if plan.len() > 1 => Ok(plan.pop_front().unwrap()),
            Some(plan) => Ok(plan.front().cloned().unwrap_or_default()),
        };
        Box::pin(async move { answer })
    }
}

type Serve = dyn Fn(Box<dyn Stream>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

/// Records what it was asked to dial; connects in memory to the server, or to nothing.
pub(crate) struct RecordingConnector {
    dialled: Mutex<Vec<SocketAddr>>,
    /// Addresses that swallow packets.
    swallowing: Vec<IpAddr>,
    serve: Option<Box<Serve>>,
}

impl RecordingConnector {
    /// Every connection is refused.
    pub(crate) fn refusing() -> Self {
        Self { dialled: Mutex::default(), swallowing: Vec::new(), serve: None }
    }

    /// Every connection reaches `serve`.
    pub(crate) fn serving<F, S>(serve: S) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
        S: Fn(Box<dyn Stream>) -> F + Send + Sync + 'static,
    {
        let serve = move |stream: Box<dyn Stream>| Box::pin(serve(stream)) as Pin<Box<dyn Future<Output = ()> + Send>>;
        Self { serve: Some(Box::new(serve)), ..Self::refusing() }
    }

    pub(crate) fn swallowing(mut self, addresses: &[&str]) -> Self {
        self.swallowing = addresses.iter().map(|address| address.parse().unwrap()).collect();
        self
    }

    pub(crate) fn dialled(&self) -> Vec<String> {
        self.dialled.lock().unwrap().iter().map(ToString::to_string).collect()
    }
}

impl Connector for RecordingConnector {
    fn connect(&self, address: SocketAddr) -> Pending<'_, io::Result<Box<dyn Stream>>> {
        self.dialled.lock().unwrap().push(address);
        if self.swallowing.contains(&address.ip()) {
            return Box::pin(std::future::pending());
        }
        let connected = match &self.serve {
            None => Err(io::Error::from(io::ErrorKind::ConnectionRefused)),
            Some(serve) => {
                let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
                tokio::spawn(serve(Box::new(theirs)));
                Ok(Box::new(ours) as Box<dyn Stream>)
            }
        };
        Box::pin(async move { connected })
    }
}

/// A client, its resolver and its connector.
pub(crate) struct Bench {
    pub(crate) client: Client,
    pub(crate) resolver: Arc<PlannedResolver>,
    pub(crate) connector: Arc<RecordingConnector>,
}

impl Bench {
    pub(crate) fn new(policy: Policy, resolver: PlannedResolver, connector: RecordingConnector) -> Self {
        Self::trusting(policy, resolver, connector, &[])
    }

    pub(crate) fn trusting(
        policy: Policy,
        resolver: PlannedResolver,
        connector: RecordingConnector,
        roots: &[Vec<u8>],
    ) -> Self {
        let (resolver, connector) = (Arc::new(resolver), Arc::new(connector));
        let roots = Roots::with_extra(roots).unwrap();
        let client = Client::new(
            policy,
            Arc::clone(&resolver) as Arc<dyn Resolver>,
            Arc::clone(&connector) as Arc<dyn Connector>,
            roots,
        );
        Self { client, resolver, connector }
    }

    /// One receiver at 198.51.101.7 (no real address is ever dialled) behind the name `receiver.example`.
    pub(crate) fn receiver(connector: RecordingConnector) -> Self {
        Self::new(Policy::sandbox(false), receiver_name(), connector)
    }

    pub(crate) async fn post(&self, url: &str) -> Result<Answer, CallFailure> {
        post(&self.client, url).await
    }
}

pub(crate) fn receiver_name() -> PlannedResolver {
    PlannedResolver::default().plan("receiver.example", &[&["198.51.101.7"]])
}

pub(crate) async fn post(client: &Client, url: &str) -> Result<Answer, CallFailure> {
    let target = Target::parse(url, client.policy()).unwrap_or_else(|error| panic!("{url}: {error}"));
    client.post(&target, &[("content-type", "application/json")], Bytes::from_static(BODY)).await
}

/// Reads one request: its head and its body, as they came.
pub(crate) async fn read_request(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut received = Vec::new();
    let mut chunk = [0; 1024];
    loop {
        let count = stream.read(&mut chunk).await.unwrap_or(0);
        received.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&received).into_owned();
        let complete = text.split_once("\r\n\r\n").is_some_and(|(_, body)| body.len() >= BODY.len());
        if complete || count == 0 {
            return text;
        }
    }
}

/// Writes the same bytes for ever; counts what was taken.
pub(crate) async fn write_endlessly(
    stream: &mut (impl tokio::io::AsyncWrite + Unpin),
    piece: &[u8],
    taken: &AtomicUsize,
) {
    while stream.write_all(piece).await.is_ok() {
        taken.fetch_add(piece.len(), Ordering::SeqCst);
    }
}

/// Writes one byte every `step_ms`.
pub(crate) async fn write_slowly(stream: &mut (impl tokio::io::AsyncWrite + Unpin), bytes: &[u8], step_ms: u64) {
    let mut step = tokio::time::interval(std::time::Duration::from_millis(step_ms));
    for byte in bytes {
        step.tick().await;
        if stream.write_all(&[*byte]).await.is_err() {
            return;
        }
    }
}
