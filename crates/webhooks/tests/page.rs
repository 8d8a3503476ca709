//! What docs/api/callbacks.md tells receivers is what this crate does.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]

use kassette_webhooks::{RetryOptions, Secret, TOLERANCE_S, VerifyError, sign, verify};

const PAGE: &str = include_str!("../../../docs/api/callbacks.md");

/// The cells behind the first one of a row of a table.
fn row(name: &str) -> Vec<&'static str> {
    let begin = format!("| {name} | ");
    let line = PAGE.lines().find_map(|line| line.strip_prefix(&begin)).unwrap_or_else(|| panic!("no row {name}"));
    line.trim_end_matches(" |").split(" | ").collect()
}

/// The message that the page shows: its head and its body.
fn shown() -> (&'static str, &'static str) {
    let (_, begins) = PAGE.split_once("```http\n").unwrap();
    let (message, _) = begins.split_once("\n```\n").unwrap();
    message.split_once("\n\n").unwrap()
}

/// A header of that message.
fn header(name: &str) -> &'static str {
    let value = shown().0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    value.unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn the_known_answer_of_the_page_is_what_is_signed() {
    // The secret stands whole only where it is told.
    let (_, begins) = PAGE.split_once("\n`whsec_").unwrap();
    let (secret, _) = begins.split_once('`').unwrap();
    let secrets = [Secret::parse(&format!("whsec_{secret}")).unwrap()];
    let (id, timestamp, body) = (header("webhook-id"), header("webhook-timestamp"), shown().1);
    let timestamp_s: i64 = timestamp.parse().unwrap();
    let signature = header("webhook-signature");
    assert_eq!(sign(&secrets, id, timestamp_s, body.as_bytes()), signature);
    let check = |now_s, body: &str| verify(&secrets, id, timestamp, signature, body.as_bytes(), now_s, TOLERANCE_S);
    assert_eq!(check(timestamp_s, body), Ok(()));
    assert_eq!(check(timestamp_s, &body.replace("done", "failed")), Err(VerifyError::NoMatch));
    // The functions of the page have the same tolerance.
    assert_eq!((check(timestamp_s + 300, body), check(timestamp_s + 301, body)), (Ok(()), Err(VerifyError::TooOld)));
    assert_eq!(PAGE.matches(" > 300").count(), 4);
}

#[test]
fn the_waits_of_the_page_are_those_of_the_plan() {
    let waits = row("it waits").into_iter().map(|cell| {
        let (number, unit) = cell.split_once(' ').unwrap();
        let unit_ms = match unit {
            "s" => 1_000,
            "min" => 60_000,
            "h" => 3_600_000,
            other => panic!("{other}"),
        };
        number.parse::<u64>().unwrap() * unit_ms
    });
    let options = RetryOptions::default();
    let expected = options.first_delays_ms.iter().copied().chain([options.steady_delay_ms]);
    assert_eq!(waits.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    let attempts: Vec<String> = (1..=options.first_delays_ms.len()).map(|attempt| attempt.to_string()).collect();
    assert_eq!(row("after attempt"), [attempts, vec!["later".to_owned()]].concat());
    assert_eq!(options.jitter_permille, 200, "a fifth to either side");
    assert_eq!((options.give_up_after_ms, options.retry_after_max_ms), (3 * 86_400_000, 86_400_000));
}
