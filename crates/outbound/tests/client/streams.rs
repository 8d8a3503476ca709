//! Answers that go on.

use kassette_outbound::{Client, Limits, Policy, StreamFailure, Target};
use tokio::io::AsyncWriteExt as _;

use crate::fixtures::{Bench, RecordingConnector, read_request, receiver_name};

const IDLE_MS: u64 = 30_000;
const URL: &str = "http://receiver.example/events?kind=receipt";

async fn get(client: &Client) -> Result<kassette_outbound::Streaming, kassette_outbound::CallFailure> {
    let target = Target::parse(URL, client.policy()).unwrap();
    client.get(&target, &[("last-event-id", "17.2"), ("content-length", "9")], IDLE_MS).await
}

#[tokio::test(start_paused = true)]
async fn a_stream_outlives_the_time_of_a_call_and_ends_with_its_sender() {
    let bench = Bench::receiver(RecordingConnector::serving(|mut stream| async move {
        let request = read_head(&mut stream).await;
        assert!(request.starts_with("GET /events?kind=receipt HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("last-event-id: 17.2\r\n") && !request.contains("content-length"), "{request}");
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head).await.unwrap();
        for _ in 0..5 {
            tokio::time::sleep(std::time::Duration::from_millis(IDLE_MS - 1)).await;
            stream.write_all(b"3\r\nabc\r\n").await.unwrap();
        }
        stream.write_all(b"0\r\n\r\n").await.unwrap();
    }));
    let mut stream = get(&bench.client).await.unwrap();
    assert_eq!((stream.status(), stream.content_type(), stream.retry_after()), (200, Some("text/event-stream"), None));
    assert_eq!(stream.text(1_000).await, "abcabcabcabcabc");
    assert_eq!(stream.piece().await, Ok(None));
}

async fn read_head(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    use tokio::io::AsyncReadExt as _;
    let mut text = String::new();
    while !text.ends_with("\r\n\r\n") {
        text.push(char::from(stream.read_u8().await.unwrap()));
    }
    text
}

#[tokio::test(start_paused = true)]
async fn silence_breaks_and_refusals_are_told_apart() {
    let silent = Bench::receiver(RecordingConnector::serving(|mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n").await.unwrap();
        std::future::pending::<()>().await;
    }));
    let mut stream = get(&silent.client).await.unwrap();
    assert_eq!(stream.piece().await.unwrap().unwrap().as_ref(), b"a");
    assert_eq!(stream.piece().await, Err(StreamFailure::Idle { idle_ms: u128::from(IDLE_MS) }));

    let broken = Bench::receiver(RecordingConnector::serving(|mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n").await.unwrap();
    }));
    let mut stream = get(&broken.client).await.unwrap();
    assert!(stream.piece().await.unwrap().is_some());
    assert!(matches!(stream.piece().await, Err(StreamFailure::Broken(_))));

    let refusing = Bench::receiver(RecordingConnector::serving(|mut stream| async move {
        read_head(&mut stream).await;
        let answer = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 5\r\ncontent-length: 6\r\n\r\nbusy!!";
        stream.write_all(answer).await.unwrap();
    }));
    let mut stream = get(&refusing.client).await.unwrap();
    assert_eq!((stream.status(), stream.retry_after()), (429, Some("5")));
    assert_eq!(stream.text(4).await, "busy", "no more than is asked for");

    let mute = Bench::receiver(RecordingConnector::serving(|mut stream| async move {
        read_request(&mut stream).await;
    }));
    assert_eq!(get(&mute.client).await.unwrap_err().name(), "timeout");
}

#[tokio::test]
async fn the_guard_holds_for_streams_and_an_operator_passes_it() {
    let inside = receiver_name().plan("receiver.example", &[&["10.0.0.7"]]);
    let bench = Bench::new(Policy::sandbox(false), inside, RecordingConnector::refusing());
    assert_eq!(get(&bench.client).await.unwrap_err().name(), "address_refused");
    assert!(bench.connector.dialled().is_empty());
    let inside = receiver_name().plan("receiver.example", &[&["10.0.0.7"]]);
    let policy = Policy { limits: Limits::default(), ..Policy::operator() };
    let bench = Bench::new(policy, inside, RecordingConnector::refusing());
    assert_eq!(get(&bench.client).await.unwrap_err().name(), "connect");
    assert_eq!(bench.connector.dialled(), ["10.0.0.7:80"]);
}
