//! Contract 1.5, 1.6: credentials and headers.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::server::{A, B, Call, DISABLED, Options, TestServer, fresh, over_every_store};

const NIL: &str = "00000000-0000-0000-0000-000000000000";

#[test]
fn every_combination_of_credentials() {
    over_every_store(|server| {
        let own = A.cash_box().to_string();
        let unknown = fresh().to_string();
        let token = A.token();
        for (id, token, status, code) in [
            (None, None, 400, "header-missing"),
            (None, Some(token.as_str()), 400, "header-missing"),
            (Some(""), Some(&token), 400, "header-missing"),
            (Some("nonsense"), Some(&token), 400, "header-invalid"),
            (Some("nonsense"), None, 400, "header-invalid"),
            (Some(own.as_str()), None, 401, "unauthorized"),
            (Some(&own), Some(""), 401, "unauthorized"),
            (Some(&own), Some("kst_test_wrong"), 401, "unauthorized"),
            (Some(&unknown), Some(&token), 401, "unauthorized"),
            (Some(&unknown), None, 401, "unauthorized"),
            (Some(NIL), Some(&token), 401, "unauthorized"),
        ] {
            let with = |mut call: Call<'_>| -> crate::client::Reply {
                if let Some(id) = id {
                    call = call.header("x-cashbox-id", id);
                }
                if let Some(token) = token {
                    call = call.header("x-cashbox-accesstoken", token);
                }
                call.send()
            };
            let replies = [
                with(server.call("POST", "/v2/echo").id(fresh()).body("{}")),
                with(server.call("POST", "/v2/sign").id(fresh()).body("nonsense")),
                with(server.call("GET", &format!("/v2/journal/OperationItem/{}", fresh()))),
                with(server.call("POST", "/v2/journal").body("{}")),
            ];
            for reply in replies {
                let problem = reply.problem(status, code);
                assert_eq!(problem["stored"], false);
                if status == 400 {
                    assert!(problem["errors"].get("x-cashbox-id").is_some(), "{problem}");
                }
            }
            // Not a burst of failures.
            server.clock.advance(Duration::from_secs(600));
        }
    });
}

#[test]
fn an_unknown_cash_box_and_a_wrong_token_cannot_be_told_apart() {
    over_every_store(|server| {
        let id = fresh();
        let call = server.call("POST", "/v2/echo").id(id).body("{}");
        let unknown =
            call.clone().header("x-cashbox-id", fresh().to_string()).header("x-cashbox-accesstoken", A.token()).send();
        let wrong = call
            .clone()
            .header("x-cashbox-id", A.cash_box().to_string())
            .header("x-cashbox-accesstoken", B.token())
            .send();
        assert_eq!(unknown.status, 401);
        assert_eq!(unknown.body, wrong.body);
        let names =
            |reply: &crate::client::Reply| reply.headers.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>();
        assert_eq!(names(&unknown), names(&wrong));
    });
}

#[test]
fn aliases_and_a_token_that_ends() {
    over_every_store(|server| {
        let call = |token: &str| {
            let call = server.call("POST", "/v2/echo").id(fresh()).body("{}");
            call.header("CashBoxId", A.cash_box().to_string().to_uppercase()).header("AccessToken", token).send()
        };
        call(&A.token()).ok(201);
        call("kst_test_old").ok(201);
        server.clock.advance(Duration::from_secs(60));
        call("kst_test_old").problem(401, "unauthorized");
        call(&A.token()).ok(201);
    });
}

#[test]
fn a_disabled_cash_box_is_told_only_to_who_knows_its_token() {
    over_every_store(|server| {
        server.operation(DISABLED, "/v2/echo", "{}").send().problem(403, "cash-box-disabled");
        let call = server.call("POST", "/v2/echo").id(fresh()).body("{}");
        let call = call.header("x-cashbox-id", DISABLED.cash_box().to_string());
        call.header("x-cashbox-accesstoken", "kst_test_wrong").send().problem(401, "unauthorized");
    });
}

#[test]
fn failures_are_throttled_and_a_right_token_never_is() {
    let server = TestServer::in_memory(Options::default());
    let wrong = server.call("GET", "/v2/journal").header("x-cashbox-id", A.cash_box().to_string());
    let wrong = wrong.header("x-cashbox-accesstoken", "kst_test_wrong");
    for _ in 0..30 {
        wrong.clone().send().problem(401, "unauthorized");
    }
    let refused = wrong.clone().send();
    refused.problem(429, "rate-limited");
    assert_eq!(refused.header("retry-after"), Some("1"));
    server.operation(A, "/v2/echo", "{}").send().ok(201);
    server.clock.advance(Duration::from_secs(1));
    wrong.clone().send().problem(401, "unauthorized");
    wrong.send().problem(429, "rate-limited");
}

#[test]
fn headers_are_checked_before_credentials_and_credentials_before_the_body() {
    over_every_store(|server| {
        let without_id = server.call("POST", "/v2/sign").of(A).body("nonsense").send();
        let problem = without_id.problem(400, "header-missing");
        assert!(problem["detail"].as_str().unwrap().contains("required header x-operation-id was not sent"));
        // Presence of all comes before the syntax of any.
        let reply = server.call("POST", "/v2/sign").header("x-cashbox-id", "nonsense").body("nonsense").send();
        assert!(reply.problem(400, "header-missing")["errors"].get("x-operation-id").is_some());
        // Syntax before authentication.
        let reply = server.call("POST", "/v2/sign").header("x-cashbox-id", A.cash_box().to_string());
        let reply = reply.header("x-cashbox-accesstoken", "wrong").header("x-operation-id", "nonsense").send();
        reply.problem(400, "header-invalid");
        // Authentication before the body.
        let reply = server.call("POST", "/v2/sign").header("x-cashbox-id", A.cash_box().to_string()).id(fresh());
        reply.header("x-cashbox-accesstoken", "wrong").body("nonsense").send().problem(401, "unauthorized");
    });
}

#[test]
fn operation_headers() {
    over_every_store(|server| {
        for (name, value, code) in [
            ("x-operation-lifetime", "soon", Some("header-invalid")),
            ("x-operation-lifetime", "-1", Some("header-invalid")),
            ("x-operation-lifetime", "15000", None),
            ("x-operation-callback-state", "till", Some("callback-url-invalid")),
            ("x-operation-callback-state", "/state", Some("callback-url-invalid")),
            ("x-operation-callback-state", "ftp://till.example/", Some("callback-url-invalid")),
            ("x-operation-callback-state", "https://till.example/state", None),
            ("x-possystem-id", "nonsense", None),
            ("x-possystem-id", NIL, None),
            ("x-sandbox", "true", None),
            ("content-encoding", "gzip", Some("header-invalid")),
            ("content-type", "text/plain", None),
            // With a wait: without one it is a matter of moments whether it has ended (201) or not (202).
            ("prefer", "respond-async, wait=30", None),
        ] {
            let reply = server.operation(A, "/v2/echo", r#"{"Message":"x"}"#).header(name, value).send();
            match code {
                Some(code) => {
                    let problem = reply.problem(400, code);
                    assert_eq!(problem["stored"], false);
                    assert!(problem["errors"].get(name).is_some(), "{problem}");
                }
                None => assert_eq!(reply.status, 201, "{name}: {value}: {}", reply.text()),
            }
        }
    });
}

#[test]
fn a_callback_url_that_is_not_called_from_here_leaves_nothing_behind() {
    const HEADER: &str = "x-operation-callback-state";
    let mut options = Options { second_base_path: Some("/production"), ..Options::default() };
    options.settings.callbacks.allowed_networks = vec!["192.168.1.0/24".to_owned()];
    let server = TestServer::in_memory(options);
    for (url, sandbox, production) in [
        ("https://till.example/state", None, None),
        ("https://192.168.1.7/", None, None),
        ("http://127.0.0.1:9000/", None, Some("only https")),
        ("https://[::1]/", None, Some("loopback")),
        ("https://0xa9fea9fe/", Some("link-local"), Some("link-local")),
        ("https://10.0.0.1/", Some("private"), Some("private")),
    ] {
        for (path, reason) in [("/v2/echo", sandbox), ("/production/v2/echo", production)] {
            let id = fresh();
            let call = server.call("POST", path).of(A).id(id).body("{}");
            let reply = call.clone().header(HEADER, url).send();
            let Some(reason) = reason else {
                reply.ok(201);
                continue;
            };
            let problem = reply.problem(400, "callback-url-invalid");
            assert!(problem["detail"].as_str().unwrap().contains(reason), "{path} {url}: {problem}");
            assert!(problem["errors"].get(HEADER).is_some() && problem["stored"] == false, "{problem}");
            assert_eq!(reply.header("x-operation-id").is_some(), reason != "only https", "{path} {url}");
            // The id is free.
            call.send().ok(201);
        }
    }
    // A stranger learns nothing of the networks that are open.
    let stranger = server.call("POST", "/v2/echo").header("x-cashbox-id", A.cash_box().to_string()).id(fresh());
    for url in ["https://192.168.1.7/", "https://10.0.0.1/"] {
        let stranger = stranger.clone().header("x-cashbox-accesstoken", "kst_test_wrong").header(HEADER, url);
        stranger.body("{}").send().problem(401, "unauthorized");
    }
}

#[test]
fn a_sandbox_that_others_reach_calls_no_loopback() {
    let mut options = Options::default();
    options.settings.sandbox.listen = "0.0.0.0:1200".to_owned();
    let server = TestServer::in_memory(options);
    let call = server.operation(A, "/v2/echo", "{}").header("x-operation-callback-state", "http://127.0.0.1:9000/");
    call.send().problem(400, "callback-url-invalid");
}

#[test]
fn what_the_receipt_says_must_fit_the_headers() {
    over_every_store(|server| {
        let other = fresh().to_string();
        for (member, value, header, code) in [
            ("ftCashBoxID", B.cash_box().to_string(), None, "cash-box-mismatch"),
            ("ftQueueID", B.queue().to_string(), None, "queue-mismatch"),
            ("cbTerminalID", "one".to_owned(), Some(("x-terminal-id", "two")), "terminal-mismatch"),
            ("ftPosSystemId", fresh().to_string(), Some(("x-possystem-id", other.as_str())), "pos-system-mismatch"),
        ] {
            let body = crate::server::sale("x").replacen('{', &format!("{{\"{member}\":\"{value}\","), 1);
            let mut call = server.operation(A, "/v2/sign", body);
            if let Some((name, value)) = header {
                call = call.header(name, value);
            }
            let problem = call.send().problem(400, code);
            assert_eq!(problem["findings"][0]["pointer"], format!("/{member}"), "{problem}");
        }
        let reply = server.operation(A, "/v2/sign", crate::server::sale("t")).header("x-terminal-id", "bar-2").send();
        assert_eq!(reply.ok(201)["cbTerminalID"], "bar-2");
    });
}

#[test]
fn a_pos_system_can_be_required() {
    let mut options = Options::default();
    options.settings.sandbox.possystem_id_required = true;
    let server = TestServer::in_memory(options);
    server.operation(A, "/v2/echo", "{}").send().problem(400, "header-missing");
    for value in [NIL, "nonsense"] {
        server.operation(A, "/v2/echo", "{}").header("x-possystem-id", value).send().problem(400, "header-invalid");
    }
    server.operation(A, "/v2/echo", "{}").header("x-possystem-id", fresh().to_string()).send().ok(201);
}
