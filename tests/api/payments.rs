//! `POST /pay` as a till sees it (contract 4.4, 5.10, 9.1, 9.2).

use serde_json::{Value, json};

use crate::server::{A, B, TestServer, fresh, over_every_store};

fn card(amount: &str) -> String {
    format!(r#"{{"Action":"payment","Protocol":"use_auto","cbPayItem":{{"Description":"Card","Amount":{amount}}}}}"#)
}

#[track_caller]
fn pay(server: &TestServer, body: &str, status: u16) -> Value {
    server.operation(A, "/v2/pay", body).send().ok(status)
}

/// The devkit's own checks of a payment.
#[test]
fn a_payment_is_what_the_devkit_expects() {
    over_every_store(|server| {
        let paid = pay(server, &card("10.0"), 201);
        assert_eq!(paid["Protocol"], "use_auto");
        let items = paid["ftPayItems"].as_array().unwrap();
        assert_eq!((items.len(), items[0]["Amount"].as_f64()), (1, Some(10.0)));
        assert!(!items[0]["ftPayItemId"].as_str().unwrap().is_empty());
        assert!(items[0]["ftPayItemCase"].as_u64().unwrap() > 0);
        let data = &items[0]["ftPayItemCaseData"];
        assert_eq!((&data["Provider"]["Protocol"], &data["Provider"]["Action"]), (&json!("test"), &json!("payment")));
        assert!(!data["Receipt"].as_array().unwrap().is_empty());
        // Its refund: the whole item, with a negative amount.
        let mut item = items[0].clone();
        item["Amount"] = json!(-10.0);
        let refund = json!({"Action": "refund", "Protocol": "use_auto", "cbPayItem": item}).to_string();
        let refunded = pay(server, &refund, 201);
        assert_eq!(
            (refunded["ftPayItems"][0]["Amount"].as_f64(), &refunded["Action"]),
            (Some(-10.0), &json!("refund"))
        );
    });
}

#[test]
fn special_amounts_end_as_the_contract_says() {
    over_every_store(|server| {
        for (amount, title, code) in [
            ("30000.10", "DECLINED", "payment-declined"),
            ("30000.20", "TIMEOUT", "payment-timed-out"),
            ("30000.40", "CANCELLED BY USER", "payment-cancelled"),
        ] {
            let reply = server.operation(A, "/v2/pay", card(amount)).send();
            let problem = reply.problem(400, code);
            assert_eq!((&problem["title"], reply.header("x-operation-state")), (&json!(title), Some("failed")));
        }
        let tipped = pay(server, &card("30000.50"), 201);
        let amounts: Vec<f64> =
            tipped["ftPayItems"].as_array().unwrap().iter().map(|item| item["Amount"].as_f64().unwrap()).collect();
        assert_eq!(amounts, [30_002.5, -2.0]);
        assert_eq!(pay(server, &card("30000.90"), 201)["ftPayItems"][0]["Amount"].as_f64(), Some(15_000.5));
    });
}

#[test]
fn a_payment_is_replayed_and_never_made_twice() {
    over_every_store(|server| {
        let (id, body) = (fresh(), card("18.40"));
        let send = |body: &str| server.call("POST", "/v2/pay").of(A).id(id).body(body).send();
        let first = send(&body);
        first.ok(201);
        let again = send(&body);
        again.ok(200);
        assert_eq!(first.text(), again.text());
        send(&card("18.41")).problem(409, "operation-conflict");
        server.call("POST", "/v2/sign").of(A).id(id).body(&body).send().problem(409, "operation-kind-conflict");
        // Another cash box under the same id is another operation.
        server.call("POST", "/v2/pay").of(B).id(id).body(&body).send().ok(201);
        let item = server.call("GET", &format!("/v2/journal/OperationItem/{id}")).of(A).send().ok(200);
        assert_eq!(
            (&item["LastState"], &item["ResponseCode"], &item["Request"]),
            (&json!("done"), &json!(201), &json!(body))
        );
        let declined = fresh();
        let decline = || server.call("POST", "/v2/pay").of(A).id(declined).body(card("30000.10")).send();
        assert_eq!(decline().problem(400, "payment-declined"), decline().problem(400, "payment-declined"));
    });
}

#[test]
fn a_payment_can_be_started_one_way_and_finished_the_other() {
    over_every_store(|server| {
        let (id, body) = (fresh(), card("5"));
        server.call("POST", "/v2/PayRequest").of(A).id(id).body(&body).send().ok(202);
        let ended = server.call("GET", &format!("/v2/BlockPayRequest/{id}/WhileProcessing")).of(A).send().ok(200);
        assert_eq!(ended["State"], "done");
        let state = server.call("GET", &format!("/v2/PayRequest/{id}")).of(A).send();
        assert_eq!(state.ok(200)["State"], "done");
        assert!(state.header("location").is_some_and(|item| item.ends_with(&format!("/journal/OperationItem/{id}"))));
        let response = server.call("GET", &format!("/v2/PayResponse/{id}")).of(A).send();
        response.ok(200);
        let sync = server.call("POST", "/v2/pay").of(A).id(id).body(&body).send();
        sync.ok(200);
        assert_eq!(sync.text(), response.text());
        let request = server.call("GET", &format!("/v2/PayRequest/{id}/request")).of(A).send();
        assert_eq!(request.text(), body);
    });
}

#[test]
fn what_was_paid_is_signed_as_it_came() {
    over_every_store(|server| {
        let paid = pay(server, &card("18.40"), 201);
        let mut receipt: Value = serde_json::from_str(&crate::server::sale("PAID-1")).unwrap();
        receipt["cbChargeItems"] = json!([{"Description": "Menu", "Amount": 18.40, "VATRate": 10}]);
        receipt["cbPayItems"] = paid["ftPayItems"].clone();
        let signed = server.operation(A, "/v2/sign", receipt.to_string()).send().ok(201);
        assert_eq!(signed["ftState"].as_u64().unwrap() & 0xFFFF_FFFF, 0, "{signed}");
    });
}

#[test]
fn what_cannot_be_paid_is_a_stored_problem_with_its_place() {
    over_every_store(|server| {
        for (body, code, pointer) in [
            (card("0"), "body-invalid", "/cbPayItem/Amount"),
            (card("\"ten\""), "body-invalid", "/cbPayItem/Amount"),
            (card("1").replace("use_auto", "shift4"), "payment-provider-unknown", "/Protocol"),
            (card("1").replace("payment", "pre_authorization"), "body-invalid", "/Action"),
            ("{}".to_owned(), "body-invalid", "/cbPayItem"),
        ] {
            let problem = server.operation(A, "/v2/pay", &body).send().problem(400, code);
            assert_eq!(
                (&problem["findings"][0]["pointer"], &problem["stored"]),
                (&json!(pointer), &json!(true)),
                "{body}"
            );
        }
    });
}

/// Every record of a payment is one operation item.
#[test]
fn a_payment_is_one_item_in_the_list() {
    over_every_store(|server| {
        let paid: Vec<_> = (0..3).map(|_| fresh()).collect();
        for id in &paid {
            server.call("POST", "/v2/pay").of(A).id(*id).body(card("1")).send().ok(201);
        }
        let list = server.call("GET", &format!("/v2/PeekJournalItem/{}/OperationItem", A.queue())).of(A).send().ok(200);
        for id in paid {
            let id = id.to_string();
            let found = list.as_array().unwrap().iter().filter(|item| item["cbOperationItemID"] == json!(id));
            assert_eq!(found.count(), 1);
        }
    });
}
