//! Bodies, headers and paths that nobody sends by mistake: always 4xx with a place, never 5xx, nothing stored half.

use crate::client::send;
use crate::server::{A, Options, TestServer, fresh, over_every_store, receipt, sale};

/// A sale whose first charge item has this `Amount`, as text.
fn amount(text: &str) -> Vec<u8> {
    let items = format!(r#"[{{"Description":"x","Amount":{text},"VATRate":20}}]"#);
    receipt("hostile", 0x4154_2000_0000_0001, &items, "[]").into_bytes()
}

fn member(name: &str, text: &str) -> Vec<u8> {
    sale("hostile").replacen('{', &format!("{{\"{name}\":{text},"), 1).into_bytes()
}

fn replaced(from: &str, to: &str) -> Vec<u8> {
    let body = sale("hostile");
    assert!(body.contains(from));
    body.replacen(from, to, 1).into_bytes()
}

fn table() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let mut utf16 = vec![0xFF, 0xFE];
    utf16.extend(sale("hostile").encode_utf16().flat_map(u16::to_le_bytes));
    let mut invalid_utf8 = sale("hostile").into_bytes();
    let place = invalid_utf8.iter().position(|byte| *byte == b'E').unwrap();
    invalid_utf8[place] = 0xFF;
    vec![
        ("empty", Vec::new(), "json-malformed"),
        ("not JSON", b"cbReceiptReference=1".to_vec(), "json-malformed"),
        ("broken off", sale("hostile").into_bytes()[..40].to_vec(), "json-malformed"),
        ("more behind", [sale("hostile").as_bytes(), b"{}"].concat(), "json-malformed"),
        ("a string", b"\"sale\"".to_vec(), "body-invalid"),
        ("an array", b"[]".to_vec(), "body-invalid"),
        ("null", b"null".to_vec(), "body-invalid"),
        ("deep", member("cbUser", &deep(64)), "json-too-deep"),
        ("a million levels", "[".repeat(1_000_000).into_bytes(), "json-too-deep"),
        ("a long array", member("cbUser", &format!("[{}0]", "0,".repeat(10_000))), "json-too-many-items"),
        ("invalid UTF-8", invalid_utf8, "json-malformed"),
        ("UTF-16", utf16, "json-malformed"),
        ("a lone surrogate", member("cbUser", r#""\ud800""#), "json-malformed"),
        ("a surrogate pair the wrong way", member("cbUser", r#""\udc00\ud800""#), "json-malformed"),
        ("a control character", member("cbUser", "\"\u{1}\""), "json-malformed"),
        ("duplicate", member("cbReceiptReference", "\"x\""), "json-duplicate-name"),
        ("duplicate in two spellings", member("CBRECEIPTREFERENCE", "\"x\""), "json-duplicate-name"),
        ("duplicate in free JSON", member("cbUser", r#"{"a":1,"a":2}"#), "json-duplicate-name"),
        ("NaN", amount("NaN"), "json-malformed"),
        ("Infinity", amount("-Infinity"), "json-malformed"),
        ("a leading plus", amount("+1"), "json-malformed"),
        ("a leading zero", amount("01"), "json-malformed"),
        ("hexadecimal", amount("0x10"), "json-malformed"),
        ("too many digits", amount("1.23456789012345678901234567891"), "number-out-of-range"),
        ("an exponent out of range", amount("1e400"), "number-out-of-range"),
        ("a case beyond 64 bits", replaced("4707422694881099777", "18446744073709551616"), "number-out-of-range"),
        ("a negative case", replaced("4707422694881099777", "-1"), "number-out-of-range"),
        ("an amount that is a word", amount("\"ten\""), "body-invalid"),
        ("an amount that is an object", amount("{}"), "body-invalid"),
        ("items that are an object", replaced(r#""cbPayItems":["#, r#""cbPayItems":{},"x":["#), "body-invalid"),
        ("an item that is null", replaced(r#""cbPayItems":["#, r#""cbPayItems":[null,"#), "body-invalid"),
        ("a reference that is a number", replaced(r#""hostile""#, "1"), "body-invalid"),
        ("a description that is missing", replaced(r#""Description":"Espresso","#, ""), "body-invalid"),
        ("a date that does not exist", replaced("2026-03-04T", "2026-02-30T"), "body-invalid"),
        ("a long text", replaced("hostile", &"x".repeat(1_024)), "body-invalid"),
        ("a multiplier of 7", member("DecimalPrecisionMultiplier", "7"), "body-invalid"),
    ]
}

#[test]
fn hostile_bodies_are_refused_with_their_place() {
    over_every_store(|server| {
        let before = row(server, "before");
        for (name, body, code) in table() {
            let id = fresh();
            let call = server.call("POST", "/v2/sign").of(A).id(id).body(&body);
            let first = call.clone().send();
            assert!((400..500).contains(&first.status), "{name}: {}", first.text());
            let problem = first.problem(400, code);
            assert_eq!(problem["stored"], true, "{name}");
            let finding = &problem["findings"][0];
            assert!(finding["pointer"].is_string() && finding["message"].is_string(), "{name}: {problem}");
            let repeat = call.send();
            assert_eq!((repeat.status, repeat.body), (400, first.body), "{name}");
        }
        // Not one of them took a number.
        assert_eq!(row(server, "after"), before + 1);
    });
}

fn row(server: &TestServer, reference: &str) -> u64 {
    server.sale(A, reference)["ftQueueRow"].as_u64().unwrap()
}

#[test]
fn what_looks_hostile_but_is_fine_is_accepted() {
    over_every_store(|server| {
        let with_bom = [b"\xEF\xBB\xBF".as_slice(), sale("bom").as_bytes()].concat();
        for (name, body) in [
            ("a byte order mark", with_bom),
            ("28 digits", amount("1234567890123456789012345.678")),
            ("white space", format!("\r\n\t {} ", sale("white")).into_bytes()),
            ("an escaped pair", member("cbUser", r#""\ud83d\ude00""#)),
            ("deep but not too deep", member("cbUser", &format!("{}{}", "[".repeat(63), "]".repeat(63)))),
        ] {
            let reply = server.operation(A, "/v2/sign", body).send();
            assert_eq!(reply.status, 201, "{name}: {}", reply.text());
        }
    });
}

#[test]
fn sizes_are_limited_before_anything_is_stored() {
    over_every_store(|server| {
        let id = fresh();
        let call = server.call("POST", "/v2/sign").of(A).id(id);
        for bytes in [1_048_577, 64 * 1024 * 1024] {
            let problem = call.clone().body(vec![b' '; bytes]).send().problem(413, "body-too-large");
            assert_eq!(problem["stored"], false);
        }
        // Chunked, without a length to look at.
        let chunk = format!("{:x}\r\n{}\r\n", 65_536, " ".repeat(65_536));
        let chunked = format!("{}0\r\n\r\n", chunk.repeat(17));
        let headers = [
            ("x-cashbox-id".to_owned(), A.cash_box().to_string()),
            ("x-cashbox-accesstoken".to_owned(), A.token()),
            ("x-operation-id".to_owned(), id.to_string()),
            ("transfer-encoding".to_owned(), "chunked".to_owned()),
        ];
        let raw = raw(server, "/v2/sign", &headers, chunked.as_bytes());
        assert!(raw.starts_with("HTTP/1.1 413 "), "{raw}");

        call.clone().header("x-long", "x".repeat(20_000)).send().problem(431, "headers-too-large");
        call.clone().target(&format!("/v2/sign?x={}", "y".repeat(9_000))).send().problem(414, "uri-too-long");
        server.call("GET", &format!("/v2/{}", "y".repeat(9_000))).send().problem(414, "uri-too-long");
        // The id is still free.
        let body = sale("free");
        let padded = format!("{body}{}", " ".repeat(1_048_576 - body.len()));
        call.body(padded).send().ok(201);
    });
}

/// The answer as text, for requests that the client would not make.
fn raw(server: &TestServer, target: &str, headers: &[(String, String)], body: &[u8]) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(server.address).unwrap();
    let mut head = format!("POST {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_body_that_breaks_off_leaves_nothing() {
    over_every_store(|server| {
        use std::io::Write;
        let id = fresh();
        let body = sale("half");
        {
            let mut stream = std::net::TcpStream::connect(server.address).unwrap();
            let head = format!(
                "POST /v2/sign HTTP/1.1\r\nhost: x\r\nx-cashbox-id: {}\r\nx-cashbox-accesstoken: {}\r\nx-operation-id: {id}\r\n\
                 content-length: {}\r\n\r\n",
                A.cash_box(),
                A.token(),
                body.len()
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&body.as_bytes()[..20]).unwrap();
        }
        server.call("GET", &format!("/v2/journal/OperationItem/{id}")).of(A).send().problem(404, "not-found");
        server.call("POST", "/v2/sign").of(A).id(id).body(&body).send().ok(201);
    });
}

#[test]
fn a_body_that_never_ends_is_given_up() {
    let mut options = Options::default();
    options.settings.limits.body_deadline_ms = 100;
    let server = TestServer::in_memory(options);
    let headers = [
        ("x-cashbox-id".to_owned(), A.cash_box().to_string()),
        ("x-cashbox-accesstoken".to_owned(), A.token()),
        ("x-operation-id".to_owned(), fresh().to_string()),
        ("content-length".to_owned(), "100".to_owned()),
    ];
    let answer = raw(&server, "/v2/sign", &headers, b"{");
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("\"stored\":false"), "{answer}");
}

#[test]
fn nonsense_on_the_wire_is_a_client_error() {
    over_every_store(|server| {
        for target in [
            "/v2/journal/OperationItem/nonsense",
            "/v2/journal/OperationItem/%00",
            "/v2/%2e%2e/sign",
            "/docs/../Cargo.toml",
        ] {
            let reply = server.call("GET", target).of(A).send();
            assert!((400..500).contains(&reply.status), "{target}: {}", reply.status);
        }
        let reply = send(
            server.address,
            "GET",
            "/v2/journal?type=%zz",
            &[("x-cashbox-id".to_owned(), A.cash_box().to_string()), ("x-cashbox-accesstoken".to_owned(), A.token())],
            b"",
        );
        assert_eq!(reply.problem(400, "body-invalid")["stored"], false);
    });
}
