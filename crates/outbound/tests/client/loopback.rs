//! The system's own look-up and TCP, against servers on loopback.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kassette_outbound::{Answer, BodyEnd, CallFailure, Client, Limits, Policy, Resolver as _, SystemResolver};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use crate::fixtures::{post, read_request, write_endlessly, write_slowly};
use crate::tls::Authority;

/// A sandbox that may call loopback, with short times: these tests run on the real clock.
fn policy(call_timeout_ms: u64) -> Policy {
    let limits = Limits { call_timeout_ms, ..Limits::default() };
    Policy { limits, ..Policy::sandbox(true) }
}

/// Serves one connection after another; gives the port and the number of connections so far.
async fn serve<F, S>(serve: S) -> (u16, Arc<AtomicUsize>)
where
    F: Future<Output = ()> + Send + 'static,
    S: Fn(TcpStream) -> F + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            serve(stream).await;
        }
    });
    (port, connections)
}

async fn call(port: u16, call_timeout_ms: u64) -> Result<Answer, CallFailure> {
    let client = Client::system(policy(call_timeout_ms), &[]).unwrap();
    post(&client, &format!("http://127.0.0.1:{port}/hook")).await
}

#[tokio::test]
async fn a_healthy_receiver() {
    let (port, connections) = serve(|mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    })
    .await;
    let client = Client::system(policy(5_000), &[]).unwrap();
    // The hosts file answers for localhost; nothing is asked of a name server.
    for host in ["127.0.0.1", "0x7f.1", "localhost", "[::ffff:127.0.0.1]"] {
        let answer = post(&client, &format!("http://{host}:{port}/hook")).await.unwrap();
        assert_eq!(answer, Answer { status: 200, retry_after: None, body_bytes: 2, body_end: BodyEnd::Complete });
    }
    assert_eq!(connections.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn loopback_is_refused_without_the_exception() {
    let (port, connections) = serve(|_| async {}).await;
    let client = Client::system(Policy::sandbox(false), &[]).unwrap();
    for host in ["127.0.0.1", "localhost", "0x7f.1"] {
        let failure = post(&client, &format!("http://{host}:{port}/hook")).await.unwrap_err();
        assert_eq!(failure.name(), "address_refused", "{host}");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_receiver_that_closes_at_once() {
    let (port, connections) = serve(|stream| async move { drop(stream) }).await;
    assert_eq!(call(port, 5_000).await.unwrap_err().name(), "protocol");
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_port_that_nobody_listens_on() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    assert_eq!(call(port, 5_000).await.unwrap_err().name(), "connect");
}

#[tokio::test]
async fn a_receiver_of_one_byte_per_step() {
    let (port, _) = serve(|mut stream| async move {
        read_request(&mut stream).await;
        write_slowly(&mut stream, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 20).await;
    })
    .await;
    // The phase is asserted on the paused clock; a busy machine may not even connect in this time.
    assert_eq!(call(port, 100).await.unwrap_err().name(), "timeout");
}

#[tokio::test]
async fn a_receiver_that_never_stops() {
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    let (port, _) = serve(move |mut stream| {
        let counted = Arc::clone(&counted);
        async move {
            read_request(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n").await.unwrap();
            write_endlessly(&mut stream, &[b'x'; 8192], &counted).await;
        }
    })
    .await;
    let answer = call(port, 5_000).await.unwrap();
    assert_eq!(answer, Answer { status: 200, retry_after: None, body_bytes: 65_536, body_end: BodyEnd::Capped });
    // The kernel's buffers hold the rest; 64 MiB is far above them and far below 10 GiB.
    assert!(taken.load(Ordering::SeqCst) < 64 * 1024 * 1024);
}

#[tokio::test]
async fn a_redirect_to_itself_is_not_followed() {
    let (port, connections) = serve(|mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 302 Found\r\nlocation: /hook\r\ncontent-length: 0\r\n\r\n").await;
    })
    .await;
    assert_eq!(call(port, 5_000).await.unwrap().status, 302);
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn tls_on_loopback() {
    let authority = Authority::new();
    let acceptor = authority.acceptor(&["127.0.0.1"], false);
    let (port, _) = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                read_request(&mut stream).await;
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
                let _ = stream.shutdown().await;
            }
        }
    })
    .await;
    let url = format!("https://127.0.0.1:{port}/hook");
    let trusting = Client::system(policy(5_000), std::slice::from_ref(&authority.root_der)).unwrap();
    assert_eq!(post(&trusting, &url).await.unwrap().status, 204);
    let wary = Client::system(policy(5_000), &[]).unwrap();
    assert_eq!(post(&wary, &url).await.unwrap_err().name(), "tls");
    let (plain, _) = serve(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    assert_eq!(post(&trusting, &format!("https://127.0.0.1:{plain}/")).await.unwrap_err().name(), "tls");
}

#[tokio::test]
async fn the_systems_look_up() {
    let resolver = SystemResolver::default();
    let found = resolver.resolve("127.0.0.1").await.unwrap();
    assert_eq!(found, ["127.0.0.1".parse::<std::net::IpAddr>().unwrap()]);
}
