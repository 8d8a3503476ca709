//! `POST /pay` as a till sees it (contract 4.4, 5.10, 9.1, 9.2), and payments that are settled by hand.

use kassette_journal::Journal as _;
use kassette_model::OperationId;
use kassette_model::payment::PaymentState;
use serde_json::{Value, json};

use crate::doubt;
use crate::server::{A, B, Options, TestServer, fresh, journal_on_disk, over_every_store, secrets};

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

fn settlement(outcome: &str) -> String {
    json!({"outcome": outcome, "reason": "slip 0042", "by": "Anna Berger"}).to_string()
}

/// How a payment of A stands in the journal; `None` when it has ended or has not begun.
fn state(server: &TestServer, operation: OperationId) -> Option<PaymentState> {
    let stored = server.gateway.journal().head(A.cash_box()).unwrap().unwrap();
    let payments = kassette_record::v1::read_details(&stored.record.header).unwrap().head.payments;
    payments.as_slice().iter().find(|payment| payment.operation == operation).map(|payment| payment.state)
}

#[track_caller]
fn settle(server: &TestServer, id: uuid::Uuid, body: &str) -> crate::client::Reply {
    server.call("POST", &format!("/v2/payments/{id}/settle")).of(A).body(body).send()
}

#[test]
fn a_payment_in_doubt_is_settled_by_whoever_looked_at_the_slips() {
    let folder = tempfile::tempdir().unwrap();
    let (id, body) = (fresh(), card("30000.60"));
    let operation = OperationId::from_uuid(id);
    {
        let server = TestServer::on_disk(folder.path(), Options::default());
        server.call("POST", "/v2/PayRequest").of(A).id(id).body(&body).send().ok(202);
        while state(&server, operation) != Some(PaymentState::Sent) {
            std::thread::yield_now();
        }
        // It still goes its way.
        settle(&server, id, &settlement("paid")).problem(409, "payment-state-conflict");
    }
    let journal = journal_on_disk(folder.path(), &Options::default().settings);
    doubt::tell(&journal, A.cash_box(), operation, |one| secrets(one).unwrap(), doubt::doubt());
    journal.close();
    let server = TestServer::on_disk(folder.path(), Options::default());
    let state = || server.call("GET", &format!("/v2/operation/{id}/state")).of(A).send().ok(200)["State"].clone();
    assert_eq!(state(), "unknown");

    for (body, code, pointer) in [
        ("{}", "body-invalid", "/outcome"),
        (r#"{"outcome":"maybe","reason":"r","by":"b"}"#, "body-invalid", "/outcome"),
        (r#"{"outcome":"paid","by":"b"}"#, "body-invalid", "/reason"),
        (r#"{"outcome":"paid","reason":"r"}"#, "body-invalid", "/by"),
        (r#"{"outcome":"paid","reason":"r","by":" "}"#, "body-invalid", "/by"),
        (r#"{"outcome":"paid","reason":"r","by":"b","paidAmout":1}"#, "body-invalid", "/paidAmout"),
        (r#"{"outcome":"paid","reason":"r","by":"b","paidAmount":0}"#, "body-invalid", "/paidAmount"),
        (r#"{"outcome":"paid","reason":"r","by":"b","paidAmount":"much"}"#, "body-invalid", "/paidAmount"),
        (r#"{"outcome":"not-paid","reason":"r","by":"b","paidAmount":1}"#, "body-invalid", "/paidAmount"),
        ("{", "json-malformed", ""),
    ] {
        let problem = settle(&server, id, body).problem(400, code);
        assert_eq!(
            (&problem["findings"][0]["pointer"], &problem["stored"]),
            (&json!(pointer), &json!(false)),
            "{body}"
        );
    }
    settle(&server, id, &settlement("ask-again")).problem(409, "payment-state-conflict");
    // Another cash box does not know it, and nobody else may.
    let other = |till| server.call("POST", &format!("/v2/payments/{id}/settle")).of(till).body(settlement("paid"));
    other(B).send().problem(404, "not-found");
    let bare = server.call("POST", &format!("/v2/payments/{id}/settle")).body(settlement("paid"));
    bare.send().problem(400, "header-missing");
    assert_eq!(state(), "unknown");

    let settled =
        settle(&server, id, r#"{"outcome":"paid","paidAmount":29999.50,"reason":"slip 0042","by":"Anna Berger"}"#);
    assert_eq!((&settled.ok(200)["State"], settled.header("x-operation-state")), (&json!("done"), Some("done")));
    assert_eq!(settled.header("x-operation-id"), Some(id.to_string().as_str()));
    let repeat = server.call("POST", "/v2/pay").of(A).id(id).body(&body).send().ok(200);
    assert_eq!(repeat["ftPayItems"][0]["Amount"].as_f64(), Some(29_999.5));
    assert_eq!(repeat["ftPayItems"][0]["ftPayItemCaseData"]["Receipt"][0], "SETTLED BY HAND");
    settle(&server, id, &settlement("not-paid")).problem(409, "payment-state-conflict");

    let actions = server.call("POST", "/v2/journal").of(A).body(r#"{"ftJournalType":1}"#).send().ok(200);
    let found: Vec<&Value> =
        actions.as_array().unwrap().iter().filter(|one| one["Type"] == "PaymentSettledByHand").collect();
    assert_eq!(found.len(), 1);
    let message = found[0]["Message"].as_str().unwrap();
    assert!(message.starts_with("Anna Berger settled as paid") && message.ends_with("slip 0042"), "{message}");
}

#[test]
fn what_is_no_payment_under_way_is_not_settled() {
    over_every_store(|server| {
        let (paid, echoed) = (fresh(), fresh());
        server.call("POST", "/v2/pay").of(A).id(paid).body(card("5")).send().ok(201);
        server.call("POST", "/v2/echo").of(A).id(echoed).body(r#"{"Message":"x"}"#).send().ok(201);
        settle(server, paid, &settlement("paid")).problem(409, "payment-state-conflict");
        for id in [echoed, fresh()] {
            settle(server, id, &settlement("paid")).problem(404, "not-found");
        }
        server.call("POST", "/v2/payments/nonsense/settle").of(A).body("{}").send().problem(404, "not-found");
        server.call("GET", &format!("/v2/payments/{paid}/settle")).of(A).send().problem(405, "method-not-allowed");
    });
}
