#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

use proptest::prelude::*;

use super::*;

fn read(body: &[u8]) -> Result<Json<'_>, JsonError> {
    parse(body, &Limits::default())
}

#[track_caller]
fn check_refused(body: &[u8], code: Code, pointer: &str, offset: usize) {
    let error = read(body).unwrap_err();
    let shown = String::from_utf8_lossy(body);
    assert_eq!((error.code, error.pointer.as_str(), error.offset), (code, pointer, offset), "{shown}: {error}");
}

#[test]
fn a_value_keeps_its_text() {
    let tree = read(b" { \"a\" : [ 1.50 , true,null ] , \"b\\u0041\" : \"x\\ny\" } ").unwrap();
    let Json::Object(members) = &tree else { panic!("an object") };
    assert_eq!(members[0].raw, "[ 1.50 , true,null ]");
    assert_eq!(members[0].value, Json::Array(vec![Json::Number("1.50"), Json::Bool(true), Json::Null]));
    assert_eq!(tree.get("bA").and_then(Json::as_str), Some("x\ny"));
    assert_eq!(tree.get("A"), None);
}

#[test]
fn a_byte_order_mark_is_accepted_and_counted() {
    assert_eq!(read(b"\xEF\xBB\xBF[]").unwrap(), Json::Array(Vec::new()));
    check_refused(b"\xEF\xBB\xBF[x", Code::JsonMalformed, "/0", 4);
}

#[test]
fn every_error_has_a_place() {
    let error = read(b"{\n  \"a\": [1,\n    nul]\n}").unwrap_err();
    assert_eq!((error.line, error.column, error.offset), (3, 8, 20));
    assert_eq!(error.pointer, "/a/1");
    assert_eq!(error.to_string(), "a JSON value was expected at line 3, column 8 (byte 20)");
    let findings = crate::Findings::from(error);
    assert_eq!((findings.code, findings.findings[0].pointer.as_str()), (Code::JsonMalformed, "/a/1"));
}

#[test]
fn hostile_texts_are_refused() {
    for (body, pointer, offset) in [
        (&b""[..], "", 0),
        (b"   ", "", 3),
        (b"{", "", 1),
        (b"{\"a\"", "/a", 4),
        (b"{\"a\":", "/a", 5),
        (b"{\"a\":1", "", 6),
        (b"{\"a\":1,}", "", 7),
        (b"{a:1}", "", 1),
        (b"{'a':1}", "", 1),
        (b"[1,]", "/1", 3),
        (b"[1 2]", "", 3),
        (b"[]]", "", 2),
        (b"NaN", "", 0),
        (b"{\"a\":NaN}", "/a", 5),
        (b"{\"a\":Infinity}", "/a", 5),
        (b"{\"a\":-Infinity}", "/a", 6),
        (b"[01]", "/0", 2),
        (b"[1.]", "/0", 3),
        (b"[.5]", "/0", 1),
        (b"[+1]", "/0", 1),
        (b"[1e]", "/0", 3),
        (b"[0x10]", "", 2),
        (b"tru", "", 3),
        (b"[\"\\x\"]", "/0", 2),
        (b"[\"\\ud800\"]", "/0", 2),
        (b"[\"\\udc00\"]", "/0", 2),
        (b"[\"\\ud800\\u0041\"]", "/0", 2),
        (b"[\"\\u12\"]", "/0", 6),
        (b"[\"a\nb\"]", "/0", 3),
        (b"[\"a\0\"]", "/0", 3),
        (b"{\"a\":\"\xff\"}", "/a", 6),
        (b"{\"a\":\"\xed\xa0\x80\"}", "/a", 6),
        (b"[1]\xff", "", 3),
        (b"[1}\xff", "", 2),
        (b"// x\n1", "", 0),
    ] {
        check_refused(body, Code::JsonMalformed, pointer, offset);
    }
}

#[test]
fn no_name_occurs_twice() {
    check_refused(br#"{"a":1,"b":{"x":1,"x":2}}"#, Code::JsonDuplicateName, "/b/x", 18);
    check_refused(br#"{"a":1,"\u0061":2}"#, Code::JsonDuplicateName, "/a", 7);
    // Other letter case is another name in free JSON.
    assert!(read(br#"{"a":1,"A":2}"#).is_ok());
    let many = |last: &str| {
        let members: Vec<String> = (0..5000).map(|index| format!("\"m{index}\":0")).collect();
        format!("{{{},\"{last}\":0}}", members.join(","))
    };
    assert!(read(many("n").as_bytes()).is_ok());
    let error = read(many("m4321").as_bytes()).unwrap_err();
    assert_eq!((error.code, error.pointer.as_str()), (Code::JsonDuplicateName, "/m4321"));
}

#[test]
fn depth_and_length_are_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(read(nested(64).as_bytes()).is_ok());
    let error = read(nested(65).as_bytes()).unwrap_err();
    assert_eq!((error.code, error.offset), (Code::JsonTooDeep, 64));
    assert_eq!(error.pointer, "/0".repeat(64));
    check_refused("[".repeat(1_000_000).as_bytes(), Code::JsonTooDeep, &"/0".repeat(64), 64);
    // No configuration can make the stack overflow.
    let unlimited = Limits { depth_max: usize::MAX, ..Limits::default() };
    assert_eq!(parse("[".repeat(1_000_000).as_bytes(), &unlimited).unwrap_err().code, Code::JsonTooDeep);
    let mixed = "{\"a\":[".repeat(40);
    assert_eq!(read(mixed.as_bytes()).unwrap_err().code, Code::JsonTooDeep);
    let items = |count: usize| format!("[{}]", vec!["1"; count].join(","));
    assert!(read(items(10_000).as_bytes()).is_ok());
    let error = read(items(10_001).as_bytes()).unwrap_err();
    assert_eq!((error.code, error.pointer.as_str()), (Code::JsonTooManyItems, ""));
}

/// The same tree as another reader makes, numbers as text.
fn same(ours: &Json<'_>, theirs: &serde_json::Value) -> bool {
    match (ours, theirs) {
        (Json::Null, serde_json::Value::Null) => true,
        (Json::Bool(a), serde_json::Value::Bool(b)) => a == b,
        (Json::Number(a), serde_json::Value::Number(b)) => a.parse::<serde_json::Number>().is_ok_and(|a| a == *b),
        (Json::String(a), serde_json::Value::String(b)) => a == b,
        (Json::Array(a), serde_json::Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Json::Object(a), serde_json::Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|member| b.get(&*member.name).is_some_and(|b| same(&member.value, b)))
        }
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn we_accept_what_another_strict_reader_accepts(body in json_like()) {
        let ours = read(body.as_bytes());
        let theirs = serde_json::from_str::<serde_json::Value>(&body);
        match (&ours, &theirs) {
            (Ok(ours), Ok(theirs)) => prop_assert!(same(ours, theirs), "{body}"),
            // It keeps the last of two members, and refuses numbers beyond a float.
            (Err(error), Ok(_)) => prop_assert_eq!(error.code, Code::JsonDuplicateName, "{}", body),
            (Ok(_), Err(error)) => prop_assert!(error.to_string().contains("out of range"), "{body}: {error}"),
            (Err(ours), Err(_)) => prop_assert!(ours.offset <= body.len()),
        }
    }

    #[test]
    fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Err(error) = read(&body) {
            prop_assert!(error.offset <= body.len());
        }
    }
}

/// Texts that are JSON, or nearly.
fn json_like() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"b\"",
        "\"\\u0061\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"é\"",
        "\"",
        "\\",
        "0",
        "-1",
        "1.5e3",
        "1E+2",
        "-0.0",
        "18446744073709551615",
        "1e400",
        "01",
        "true",
        "false",
        "null",
        " ",
        "\n",
        "\u{1}",
    ]);
    let noise = proptest::collection::vec(token, 0..12).prop_map(|tokens| tokens.concat());
    let leaf = prop::sample::select(vec![
        "null",
        "true",
        "0",
        "-1.25",
        "12345678901234567890",
        "\"x\"",
        "\"\\n\"",
        "{}",
        "[]",
    ])
    .prop_map(str::to_owned);
    let tree = leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(" , "))),
            proptest::collection::vec(("[a-d]", inner), 0..5).prop_map(|members| {
                let members: Vec<String> =
                    members.into_iter().map(|(name, value)| format!("\"{name}\" :{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    });
    prop_oneof![noise, tree]
}
