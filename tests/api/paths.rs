//! Contract 1.1, 1.2, 1.7: paths, versions, methods, CORS, HTTP/2.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::server::{A, Options, TestServer, over_every_store};

#[test]
fn a_path_is_found_in_every_spelling() {
    over_every_store(|server| {
        for path in [
            "/v2/echo",
            "/echo",
            "/v2.0/echo",
            "/v2.1/Echo",
            "/V2/ECHO",
            "/v2//echo",
            "//v2/echo",
            "/v2/echo/",
            "/v2///echo//",
        ] {
            server.operation(A, path, r#"{"Message":"x"}"#).send().ok(201);
        }
    });
}

#[test]
fn other_versions_are_told_which_exist() {
    over_every_store(|server| {
        for path in [
            "/v0/sign",
            "/v1/echo",
            "/v3/echo",
            "/json/v0/sign",
            "/xml/v1/echo",
            "/json/echo",
            "/api/v0/sign",
            "/v2.2/echo",
        ] {
            let problem = server.operation(A, path, "{}").send().problem(400, "version-unsupported");
            assert!(problem["detail"].as_str().unwrap().contains("/v2"), "{problem}");
        }
    });
}

#[test]
fn unknown_paths_and_methods_are_problems() {
    over_every_store(|server| {
        for path in ["/", "/v2", "/v2/", "/v2/unknown", "/v2/sign/more", "/v2/echoes"] {
            server.operation(A, path, "{}").send().problem(404, "not-found");
        }
        for (method, path, allow) in [
            ("GET", "/v2/sign", "POST, OPTIONS"),
            ("DELETE", "/v2/echo", "POST, OPTIONS"),
            ("PUT", "/v2/journal", "POST, GET, OPTIONS"),
            ("POST", "/healthz", "GET, HEAD, OPTIONS"),
            ("BREW", "/v2/sign", "POST, OPTIONS"),
        ] {
            let reply = server.call(method, path).of(A).send();
            reply.problem(405, "method-not-allowed");
            assert_eq!(reply.header("allow"), Some(allow), "{method} {path}");
        }
    });
}

#[test]
fn a_base_path_stands_before_everything() {
    let mut options = Options::default();
    options.settings.sandbox.base_path = "/0f1e/Till".to_owned();
    let server = TestServer::in_memory(options);
    let reply = server.operation(A, "/0F1E/till//v2/echo", "{}").send();
    reply.ok(201);
    assert!(reply.header("location").unwrap().starts_with("/0f1e/Till/v2/journal/OperationItem/"));
    let item = server.call("GET", reply.header("location").unwrap()).of(A).send();
    assert_eq!(item.ok(200)["Path"], "/0F1E/till//v2/echo");
    server.operation(A, "/v2/echo", "{}").send().problem(404, "not-found");
    server.operation(A, "/0f1e/v2/echo", "{}").send().problem(404, "not-found");
    server.call("GET", "/0f1e/till/healthz").send().ok(200);
}

#[test]
fn two_environments_share_a_listener_by_base_path() {
    let server = TestServer::in_memory(Options { second_base_path: Some("/live"), ..Options::default() });
    for (path, environment) in [("/healthz", "sandbox"), ("/v2/healthz", "sandbox"), ("/live/healthz", "production")] {
        assert_eq!(server.call("GET", path).send().ok(200)["environment"], environment, "{path}");
    }
    let reply = server.operation(A, "/live/v2/echo", "{}").send();
    reply.ok(201);
    assert!(reply.header("location").unwrap().starts_with("/live/v2/"));
}

#[test]
fn a_browser_may_call_and_read() {
    over_every_store(|server| {
        let preflight = server
            .call("OPTIONS", "/v2/sign")
            .header("origin", "https://portal.example")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "x-cashbox-id")
            .send();
        assert_eq!((preflight.status, preflight.body.len()), (204, 0));
        assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
        assert!(preflight.header("access-control-allow-methods").unwrap().contains("POST"));
        let allowed = preflight.header("access-control-allow-headers").unwrap();
        for name in [
            "x-cashbox-id",
            "x-cashbox-accesstoken",
            "x-possystem-id",
            "x-operation-id",
            "x-operation-lifetime",
            "x-operation-callback-state",
            "x-terminal-id",
            "x-print-width",
            "content-type",
            "accept",
        ] {
            assert!(allowed.split(", ").any(|one| one == name), "{name}");
        }
        let echo = server.operation(A, "/v2/echo", "{}").header("origin", "https://portal.example").send();
        assert_eq!(echo.header("access-control-allow-origin"), Some("*"));
        for name in ["location", "x-operation-id", "x-operation-state", "x-print-width"] {
            assert!(echo.header("access-control-expose-headers").unwrap().contains(name));
        }
        let refused = server.call("POST", "/v2/echo").header("origin", "null").send();
        refused.problem(400, "header-missing");
        assert_eq!(refused.header("access-control-allow-origin"), Some("*"));
        assert_eq!(server.call("OPTIONS", "/v2/nothing").send().status, 404);
        assert_eq!(server.operation(A, "/v2/echo", "{}").send().header("access-control-allow-origin"), None);
    });
}

#[test]
fn http_2_is_spoken_to_who_begins_with_it() {
    let server = TestServer::in_memory(Options::default());
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    // Preface, then an empty SETTINGS frame (RFC 9113, 3.4).
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).unwrap();
    assert_eq!(frame[3], 4, "the server's SETTINGS frame");
}
