//! Known answers for the header rules of contract 1.5 and 1.6.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic, reason = "a test may stop")]

use actix_web::http::header::{HeaderName, HeaderValue};

use super::*;

const BOX: &str = "0d0f6f0e-6a53-4a63-8f2b-1b7a0a0f7a10";
const OPERATION: &str = "7b0c2e2a-6f4e-4a0e-9a56-0a3c7f6a9c11";

fn map(headers: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

fn base(extra: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let mut headers = vec![("x-cashbox-id", BOX), ("x-cashbox-accesstoken", "t"), ("x-operation-id", OPERATION)];
    headers.extend_from_slice(extra);
    headers
}

/// Code and a part of the detail for an operation with these headers.
#[track_caller]
fn check(headers: &[(&str, &str)], code: Code, detail: &str) {
    let map = map(headers);
    let problem = Headers::of(&map).operation(false, &Policy::sandbox(false)).unwrap_err();
    assert_eq!(problem.code, code, "{headers:?}: {}", problem.detail);
    assert!(problem.detail.contains(detail), "{headers:?}: {}", problem.detail);
    assert!(!problem.findings.is_empty());
}

#[test]
fn presence_comes_before_syntax() {
    check(&[], Code::HeaderMissing, "x-cashbox-id");
    check(&[], Code::HeaderMissing, "x-cashbox-accesstoken");
    check(&[("x-cashbox-id", "nonsense")], Code::HeaderMissing, "required header x-operation-id was not sent");
    check(&[("x-operation-id", "nonsense")], Code::HeaderMissing, "x-cashbox-id");
    check(&[("x-cashbox-id", ""), ("x-operation-id", OPERATION)], Code::HeaderMissing, "x-cashbox-id");
    check(&[("x-cashbox-id", "nonsense"), ("x-operation-id", OPERATION)], Code::HeaderInvalid, "x-cashbox-id");
    check(&[("x-cashbox-id", BOX), ("x-operation-id", "nonsense")], Code::HeaderInvalid, "x-operation-id");
}

#[test]
fn a_missing_token_is_left_to_authentication() {
    let map = map(&[("x-cashbox-id", BOX), ("x-operation-id", OPERATION)]);
    let (credentials, _) = Headers::of(&map).operation(false, &Policy::sandbox(false)).unwrap();
    assert_eq!(credentials.token, None);
}

#[test]
fn aliases_are_the_same_header() {
    for headers in [
        vec![("CashboxId", BOX), ("AccessToken", " t "), ("Idempotency-Key", OPERATION)],
        vec![("x-cashbox-id", BOX), ("cashboxid", BOX), ("accesstoken", "t"), ("x-operation-id", OPERATION)],
        base(&[("idempotency-key", "\"7B0C2E2A-6F4E-4A0E-9A56-0A3C7F6A9C11\"")]),
    ] {
        let map = map(&headers);
        let (credentials, operation) = Headers::of(&map).operation(false, &Policy::sandbox(false)).unwrap();
        assert_eq!(credentials.cash_box.to_string(), BOX);
        assert_eq!(credentials.token, Some(b"t".as_slice()));
        assert_eq!(operation.id.to_string(), OPERATION);
    }
}

#[test]
fn contradictions_are_named() {
    check(&base(&[("cashboxid", OPERATION)]), Code::HeaderConflict, "x-cashbox-id");
    check(&base(&[("accesstoken", "u")]), Code::HeaderConflict, "x-cashbox-accesstoken");
    check(&base(&[("idempotency-key", BOX)]), Code::HeaderConflict, "idempotency-key");
    check(&base(&[("x-operation-id", BOX)]), Code::HeaderConflict, "x-operation-id");
}

#[test]
fn a_pos_system_that_cannot_be_read_is_ignored_unless_required() {
    for (value, expected) in
        [(OPERATION, Some(OPERATION)), ("nonsense", None), ("00000000-0000-0000-0000-000000000000", None), ("", None)]
    {
        let map = map(&base(&[("x-possystem-id", value)]));
        let headers = Headers::of(&map);
        let (_, operation) = headers.operation(false, &Policy::sandbox(false)).unwrap();
        assert_eq!(operation.pos_system.map(|id| id.to_string()).as_deref(), expected);
        assert_eq!(headers.operation(true, &Policy::sandbox(false)).is_ok(), expected.is_some(), "{value}");
    }
}

const TERMINAL: HeaderName = HeaderName::from_static("x-terminal-id");

#[test]
fn lifetime_wait_and_encoding() {
    let headers = base(&[
        ("x-operation-lifetime", "15000"),
        ("x-operation-callback-state", "https://till.example/cb?x=1"),
        ("prefer", "respond-async, wait=10"),
        ("x-terminal-id", "bar-2"),
        ("content-encoding", "identity"),
    ]);
    let map = map(&headers);
    let (_, operation) = Headers::of(&map).operation(false, &Policy::sandbox(false)).unwrap();
    assert_eq!(operation.callback.map(|callback| callback.url), Some("https://till.example/cb?x=1"));
    assert_eq!(operation.lifetime_ms, Some(15_000));
    assert_eq!(operation.wait, Some(Duration::from_secs(10)));
    assert_eq!(operation.terminal, Some("bar-2"));
    let mut map = map.clone();
    map.insert(TERMINAL, HeaderValue::from_bytes("Bär – 2".as_bytes()).unwrap());
    assert_eq!(Headers::of(&map).operation(false, &Policy::sandbox(false)).unwrap().1.terminal, Some("Bär – 2"));
    map.insert(TERMINAL, HeaderValue::from_bytes(b"B\xe4r").unwrap());
    assert_eq!(Headers::of(&map).operation(false, &Policy::sandbox(false)).unwrap_err().code, Code::HeaderInvalid);
    for value in ["-1", "1.5", "soon", "99999999999999999999999"] {
        check(&base(&[("x-operation-lifetime", value)]), Code::HeaderInvalid, "x-operation-lifetime");
    }
    check(&base(&[("content-encoding", "gzip")]), Code::HeaderInvalid, "content-encoding");
    for prefer in ["wait", "wait=x", "handling=lenient", "wait=-1"] {
        assert_eq!(wait(prefer), None, "{prefer}");
    }
}

/// Why a callback URL is refused under a policy; `None` when it is accepted.
fn refused(url: &str, policy: &Policy) -> Option<String> {
    let mut map = map(&base(&[]));
    map.insert(HeaderName::from_static(CALLBACK), HeaderValue::from_bytes(url.as_bytes()).unwrap());
    let checked = Headers::of(&map).operation(false, policy).and_then(|(_, operation)| {
        let callback = operation.callback.expect("a callback");
        assert_eq!(callback.url, url);
        callback.check_address(policy)
    });
    let problem = checked.err()?;
    assert_eq!((problem.code, problem.status()), (Code::CallbackUrlInvalid, 400), "{url}");
    assert_eq!(
        problem.findings.iter().map(|finding| finding.pointer.as_str()).collect::<Vec<_>>(),
        [format!("/{CALLBACK}")]
    );
    assert!(problem.detail.starts_with("header x-operation-callback-state: "), "{}", problem.detail);
    Some(problem.detail)
}

/// What each environment says of a URL: a part of the reason, or `None` when it is accepted.
type Said = Option<&'static str>;

#[test]
fn callback_urls_in_both_environments() {
    const ABSOLUTE: Said = Some("not an absolute http or https URL");
    const HTTPS: Said = Some("only https is called here");
    const LOOPBACK: Said = Some("loopback");
    const PRIVATE: Said = Some("private (10.0.0.0/8)");
    let lan = |policy: Policy| Policy { allowed_networks: vec!["192.168.1.0/24".parse().unwrap()], ..policy };
    let policies = [
        ("production", lan(Policy::production())),
        ("public sandbox", lan(Policy::sandbox(false))),
        ("loopback sandbox", lan(Policy::sandbox(true))),
    ];
    let port = |number| match number {
        80 => Some("port 80 is not called from here"),
        _ => Some("port 9000 is not called from here"),
    };
    let cases: &[(&str, [Said; 3])] = &[
        ("https://till.example/state", [None; 3]),
        ("https://till.example:8443/state?x=1", [None; 3]),
        ("HTTPS://TILL.EXAMPLE/", [None; 3]),
        ("https://8.8.8.8/", [None; 3]),
        // Production calls only what it should.
        ("http://till.example/", [HTTPS, None, None]),
        ("http://till.example:443/", [HTTPS, None, None]),
        ("https://till.example:9000/", [port(9000), None, None]),
        ("https://till.example:80/", [port(80), None, None]),
        // Not a URL of ours.
        ("/relative", [ABSOLUTE; 3]),
        ("till.example/cb", [ABSOLUTE; 3]),
        ("//till.example/cb", [ABSOLUTE; 3]),
        ("ftp://till.example/", [ABSOLUTE; 3]),
        ("javascript:x", [ABSOLUTE; 3]),
        ("https://", [ABSOLUTE; 3]),
        ("https:///till.example", [ABSOLUTE; 3]),
        ("https://user:pass@till.example/", [Some("a user name or a password"); 3]),
        ("https://till.example@10.0.0.1/", [Some("a user name or a password"); 3]),
        ("https://till.example\\@10.0.0.1/", [Some("a backslash"); 3]),
        ("https://till.example/a b", [Some("white space"); 3]),
        ("https://till.example:99999/", [Some("port of the URL is not a number"); 3]),
        ("https://bär.example/", [Some("more than visible ASCII"); 3]),
        // Addresses in every spelling.
        ("https://10.1.2.3/", [PRIVATE; 3]),
        ("https://167837955/", [PRIVATE; 3]),
        ("https://012.01.02.03/", [PRIVATE; 3]),
        ("https://0x0a.0x1.0x2.0x3/", [PRIVATE; 3]),
        ("https://0x0a010203/", [PRIVATE; 3]),
        ("https://10.66051/", [PRIVATE; 3]),
        ("https://%31%30.1.2.3/", [PRIVATE; 3]),
        ("https://[::ffff:10.1.2.3]/", [PRIVATE; 3]),
        ("https://169.254.169.254/latest/meta-data/", [Some("link-local"); 3]),
        ("https://0.0.0.0/", [Some("this network"); 3]),
        ("https://[fd00::1]/", [Some("not called from here"); 3]),
        ("https://192.168.2.7/", [Some("private (192.168.0.0/16)"); 3]),
        // The operator's own network.
        ("https://192.168.1.7/", [None; 3]),
        ("http://192.168.1.7:9000/", [HTTPS, None, None]),
        // Loopback only from loopback.
        ("https://127.0.0.1/", [LOOPBACK, LOOPBACK, None]),
        ("http://127.0.0.1:9000/", [HTTPS, LOOPBACK, None]),
        ("https://2130706433/", [LOOPBACK, LOOPBACK, None]),
        ("https://[::1]/", [LOOPBACK, LOOPBACK, None]),
        // A name has no address before it is looked up.
        ("https://localhost/", [None; 3]),
    ];
    for (url, expected) in cases {
        for ((name, policy), expected) in policies.iter().zip(expected) {
            let said = refused(url, policy);
            match (&said, expected) {
                (None, None) => {}
                (Some(said), Some(part)) if said.contains(part) => {}
                _ => panic!("{name}: {url}: {said:?} instead of {expected:?}"),
            }
        }
    }
    let long = format!("https://till.example/{}", "a".repeat(kassette_outbound::URL_BYTES_MAX));
    assert!(refused(&long, &policies[0].1).unwrap().contains("longer than 2048 bytes"));
}

#[test]
fn what_lets_one_in_is_not_kept() {
    let map = map(&base(&[
        ("accept", "application/json"),
        ("content-type", "application/json"),
        ("user-agent", "till/1"),
        ("authorization", "Bearer x"),
        ("cookie", "x=y"),
        ("host", "h"),
        ("x-forwarded-for", "10.0.0.1"),
        ("x-real-ip", "10.0.0.1"),
        ("x-api-key", "k"),
        ("x-csrf-token", "k"),
        ("x-terminal-id", "bar-2"),
        ("x-operation-callback-state", "https://till.example/"),
        ("accesstoken", "t"),
        ("cashboxid", BOX),
    ]));
    let mut names: Vec<String> = kept(&map).into_iter().map(|(name, _)| name).collect();
    names.sort();
    assert_eq!(
        names,
        ["accept", "content-type", "user-agent", "x-operation-callback-state", "x-operation-id", "x-terminal-id"]
    );
}
