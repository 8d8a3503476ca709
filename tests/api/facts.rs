//! Contract 9.1: what the published client's integration tests assert.

use serde_json::Value;

use crate::server::{A, over_every_store, receipt};

#[test]
fn a_ping_without_anything_is_told_which_header_is_missing() {
    over_every_store(|server| {
        let reply = server.call("POST", "/v2/echo").send();
        reply.problem(400, "header-missing");
        assert!(reply.text().contains("x-cashbox-id"));
    });
}

#[test]
fn an_echo_gives_the_message_back_unchanged() {
    over_every_store(|server| {
        for message in ["Hello from 2026-03-04T10:15:34.1234567+01:00", "", "Grüße \u{1F600} \"quoted\" \\ /"] {
            let body = serde_json::json!({ "Message": message }).to_string();
            let reply = server
                .operation(A, "/v2/echo", body)
                .header("x-possystem-id", "00000000-0000-0000-0000-000000000000")
                .send();
            assert_eq!(reply.ok(201)["Message"], message);
            assert_eq!(reply.header("x-operation-state"), Some("done"));
        }
    });
}

#[test]
fn an_echo_without_a_message_resets_and_answers_null() {
    over_every_store(|server| {
        let before = server.sale(A, "before")["ftQueueRow"].as_u64().unwrap();
        for body in ["{}", "", r#"{"message":null}"#] {
            assert_eq!(server.operation(A, "/v2/echo", body).send().ok(201)["Message"], Value::Null, "{body}");
        }
        assert_eq!(server.sale(A, "after")["ftQueueRow"].as_u64().unwrap(), before + 1);
    });
}

#[test]
fn a_simple_sale_is_signed_although_it_does_not_balance() {
    over_every_store(|server| {
        // Nibble 0, no item cases, no moment on the pay item, quantity 2 of the second item, 30 charged and 40 paid.
        let body = receipt(
            "simple",
            0x4154_0000_0000_0001,
            r#"[{"Quantity":1.0,"Description":"Food","Amount":20.0,"VATRate":20.0},{"Quantity":2.0,"Description":"Drink","Amount":10.0,"VATRate":10.0}]"#,
            r#"[{"Description":"Cash","Amount":40.0}]"#,
        );
        let reply = server.operation(A, "/v2/sign", body).send();
        let answer = reply.ok(201);
        assert!(!answer["ftSignatures"].as_array().unwrap().is_empty());
        let low = answer["ftState"].as_u64().unwrap() & 0xFFFF_FFFF;
        assert!(low != 0xEEEE_EEEE && low != 0xFFFF_FFFF, "{answer}");
        assert_eq!(answer["ftCashBoxID"], A.cash_box().to_string());
        assert_eq!(answer["ftQueueID"], A.queue().to_string());
        assert_eq!(answer["ftQueueRow"], 2);
    });
}

#[test]
fn a_sandbox_receipt_says_so() {
    over_every_store(|server| {
        let answer = server.sale(A, "marked");
        let marked = answer["ftSignatures"].as_array().unwrap().iter().any(|item| item["Caption"] == "S A N D B O X");
        assert!(marked, "{answer}");
    });
}

#[test]
fn the_examples_of_the_description_work() {
    over_every_store(|server| {
        let document = server.call("GET", "/openapi.json").send().ok(200);
        let content = &document["paths"]["/sign"]["post"]["requestBody"]["content"]["application/json"];
        let sale = &content["examples"]["sale"]["value"];
        let answer = server.operation(A, "/v2/sign", sale.to_string()).send().ok(201);
        assert_eq!(answer["ftState"].as_u64().unwrap() & 0xFFFF_FFFF, 0, "{answer}");
        let echo = &document["paths"]["/echo"]["post"]["requestBody"]["content"]["application/json"]["example"];
        server.operation(A, "/v2/echo", echo.to_string()).send().ok(201);
        let journal = &document["paths"]["/journal"]["post"]["requestBody"]["content"]["application/json"]["example"];
        let reply = server.call("POST", "/v2/journal").of(A).body(journal.to_string()).send();
        assert!(reply.ok(200).get("Belege-Gruppe").is_some());
    });
}
