//! Connections between calls: when one is used again, and when never.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kassette_outbound::{KEPT_AGE_MS, KEPT_IDLE_MS, Policy};
use tokio::io::AsyncWriteExt as _;

use crate::fixtures::{Bench, PlannedResolver, RecordingConnector, read_request};

const URL: &str = "http://receiver.example/hook";
const EMPTY: &str = "HTTP/1.1 204 No Content\r\n\r\n";

/// A receiver that answers every request of a connection with `answer`, at most `requests_max` of them; counts all.
fn answering(answer: &'static str, requests_max: usize) -> (RecordingConnector, Arc<AtomicUsize>) {
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    let connector = RecordingConnector::serving(move |mut stream| {
        let counted = Arc::clone(&counted);
        async move {
            for _ in 0..requests_max {
                if read_request(&mut stream).await.is_empty() {
                    return;
                }
                counted.fetch_add(1, Ordering::SeqCst);
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    });
    (connector, requests)
}

/// Posts `calls` times with `pause_ms` between two; checks the status each time, and how many connections were opened for how many
/// requests.
async fn check(
    resolver: PlannedResolver,
    (connector, requests): (RecordingConnector, Arc<AtomicUsize>),
    calls: usize,
    pause_ms: u64,
    expected: (usize, usize),
) -> Bench {
    let bench = Bench::new(Policy::sandbox(false), resolver, connector);
    for call in 0..calls {
        if call > 0 {
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        }
        let answer = bench.post(URL).await.unwrap();
        assert!([200, 204].contains(&answer.status), "{answer:?}");
    }
    let found = (bench.connector.dialled().len(), requests.load(Ordering::SeqCst));
    assert_eq!(found, expected, "connections and requests of {calls} calls {pause_ms} ms apart");
    bench
}

fn named() -> PlannedResolver {
    PlannedResolver::default().plan("receiver.example", &[&["198.51.101.7"]])
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_used_again_until_it_is_idle_for_too_long_or_too_old() {
    check(named(), answering(EMPTY, 99), 5, 0, (1, 5)).await;
    check(named(), answering(EMPTY, 99), 3, KEPT_IDLE_MS - 100, (1, 3)).await;
    check(named(), answering(EMPTY, 99), 3, KEPT_IDLE_MS, (3, 3)).await;
    // Never idle, and closed once it is old all the same.
    let calls = usize::try_from(KEPT_AGE_MS / 3_000).unwrap() + 2;
    check(named(), answering(EMPTY, 99), calls, 3_000, (2, calls)).await;
}

#[tokio::test(start_paused = true)]
async fn every_call_looks_the_name_up_and_a_kept_connection_has_to_be_among_the_answers() {
    let moving = PlannedResolver::default().plan("receiver.example", &[&["198.51.101.7"], &["198.51.101.8"]]);
    let bench = check(moving, answering(EMPTY, 99), 3, 0, (2, 3)).await;
    assert_eq!(bench.connector.dialled(), ["198.51.101.7:80", "198.51.101.8:80"]);
    assert_eq!(bench.resolver.asked().len(), 3);

    // Rebound to a forbidden address: refused although a good connection is there.
    let rebound = PlannedResolver::default().plan("receiver.example", &[&["198.51.101.7"], &["169.254.169.254"]]);
    let (connector, requests) = answering(EMPTY, 99);
    let bench = Bench::new(Policy::sandbox(false), rebound, connector);
    assert_eq!(bench.post(URL).await.unwrap().status, 204);
    assert_eq!(bench.post(URL).await.unwrap_err().name(), "address_refused");
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_its_receiver_closed_meanwhile_costs_a_new_one_and_no_failure() {
    check(named(), answering(EMPTY, 1), 3, 1_000, (3, 3)).await;
    check(named(), answering(EMPTY, 2), 4, 1_000, (2, 4)).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_whole_or_says_close_ends_its_connection() {
    for answer in [
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
        // More than was announced: what is left over would be read as the answer to the next request.
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n",
    ] {
        check(named(), answering(answer, 99), 3, 0, (3, 3)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_kept_for_long_enough_is_closed_by_a_sweep() {
    let ended = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&ended);
    let connector = RecordingConnector::serving(move |mut stream| {
        let seen = Arc::clone(&seen);
        async move {
            read_request(&mut stream).await;
            stream.write_all(EMPTY.as_bytes()).await.unwrap();
            read_request(&mut stream).await;
            seen.fetch_add(1, Ordering::SeqCst);
        }
    });
    let bench = Bench::new(Policy::sandbox(false), named(), connector);
    bench.post(URL).await.unwrap();
    for (after_ms, closed) in [(KEPT_IDLE_MS - 1, 0), (1, 1)] {
        tokio::time::sleep(Duration::from_millis(after_ms)).await;
        bench.client.sweep();
        tokio::task::yield_now().await;
        assert_eq!(ended.load(Ordering::SeqCst), closed);
    }
}
