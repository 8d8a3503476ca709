//! What goes well, and what is refused.

use kassette_actors::DeviceState;
use kassette_cashbox::TerminalEntry;
use kassette_payments::zvt::simulator::{EntryState, TransactionKind};
use serde_json::json;

use super::{Shop, address_of, amounts, card, entry, new_id, on_tcp, paid_cents, wait_for};
use crate::events::{Listener, json as body_of};
use crate::server::{A, B, sale};

#[test]
fn a_payment_is_made_at_the_terminal() {
    let shop = Shop::open("approve,tip:200,partial:1000,decline:05");
    let paid = shop.pay(new_id(), &card("18.40")).ok(201);
    assert_eq!((&paid["Protocol"], &paid["Action"]), (&json!("zvt"), &json!("payment")));
    assert_eq!(amounts(&paid), [18.4]);
    let data = &paid["ftPayItems"][0]["ftPayItemCaseData"];
    assert_eq!((&data["Provider"]["Protocol"], &data["Provider"]["Action"]), (&json!("zvt"), &json!("payment")));
    assert_eq!(data["Provider"]["ProtocolResponse"]["ReceiptNumber"], json!("0001"));
    assert!(!data["Receipt"].as_array().unwrap().is_empty(), "lines for the receipt");
    // It goes into a receipt as it is.
    let items = serde_json::to_string(&paid["ftPayItems"]).unwrap();
    let sold = r#"[{"Quantity":1,"Description":"Menu","Amount":18.4,"VATRate":10}]"#;
    let receipt = crate::server::receipt("r-1", 0x4154_2000_0000_0001, sold, &items);
    shop.server.operation(A, "/v2/sign", receipt).send().ok(201);

    let tipped = shop.pay(new_id(), &card("20.00")).ok(201);
    assert_eq!(amounts(&tipped), [22.0, -2.0]);
    let partly = shop.pay(new_id(), &card("25.00")).ok(201);
    assert_eq!(amounts(&partly), [10.0]);
    let declined = shop.pay(new_id(), &card("7.00"));
    declined.problem(400, "payment-declined");
    assert_eq!(shop.charged(), [1_840, 2_200, 1_000]);
}

#[test]
fn money_goes_back() {
    let shop = Shop::open("");
    let paid = shop.pay(new_id(), &card("18.40")).ok(201);
    let mut item = paid["ftPayItems"][0].clone();
    item["Amount"] = json!(-18.4);
    let back = |action: &str| {
        json!({"Action": action, "Protocol": "zvt", "cbTerminalID": "t-1", "cbPayItem": item}).to_string()
    };
    let cancelled = shop.pay(new_id(), &back("cancel")).ok(201);
    assert_eq!((amounts(&cancelled), &cancelled["Action"]), (vec![-18.4], &json!("cancel")));
    let ledger = shop.terminal.ledger();
    let states: Vec<_> = ledger.entries().iter().map(|entry| (entry.kind, entry.state)).collect();
    assert_eq!(states[0], (TransactionKind::Payment, EntryState::Reversed), "{ledger:?}");
    // A second cancellation of the same payment finds nothing.
    shop.pay(new_id(), &back("cancel")).problem(400, "payment-declined");
    let refunded = shop.pay(new_id(), &back("refund")).ok(201);
    assert_eq!(amounts(&refunded), [-18.4]);
    assert_eq!(shop.terminal.ledger().net_cents(), -1_840);
}

#[test]
fn a_payment_finds_its_terminal() {
    let shop = Shop::open("");
    let pay = |protocol: &str, id: &str| {
        let item = json!({"Description": "Card", "Amount": 5.0});
        let body = json!({"Action": "payment", "Protocol": protocol, "cbTerminalID": id, "cbPayItem": item});
        shop.pay(new_id(), &body.to_string())
    };
    // In a sandbox the dummy provider, unless the terminal is named.
    let provider = |reply: crate::client::Reply| {
        reply.ok(201)["ftPayItems"][0]["ftPayItemCaseData"]["Provider"]["Protocol"].as_str().unwrap().to_owned()
    };
    assert_eq!(provider(pay("use_auto", "elsewhere")), "test");
    assert_eq!(provider(pay("use_auto", "t-1")), "zvt");
    assert_eq!(provider(pay("use_first", "t-1")), "zvt");
    pay("zvt", "elsewhere").problem(400, "payment-provider-unknown");
    pay("hobexecr", "t-1").problem(400, "payment-provider-unknown");
    // Another cash box has none.
    shop.server.operation(B, "/v2/pay", card("5.00")).send().problem(400, "payment-provider-unknown");
    assert_eq!(shop.charged(), [500, 500]);
}

#[test]
fn a_terminal_that_is_down_is_said_to_be_down_at_once_and_comes_back() {
    let shop = Shop::open("");
    shop.terminal.pull().unwrap();
    shop.until(DeviceState::Restarting);
    let id = new_id();
    let refused = shop.send(id, &card("18.40"));
    refused.problem(502, "terminal-unreachable");
    // It is out, but for the moments in which it is tried again.
    wait_for(
        || shop.server.call("GET", "/readyz").send().ok(200)["warnings"].to_string(),
        |warnings| warnings.contains("terminal bar is restarting") || warnings.contains("terminal bar is down"),
    );
    shop.terminal.put().unwrap();
    shop.until(DeviceState::Ready);
    // It is stored: the terminal's return changes nothing about this one.
    let again = shop.send(id, &card("18.40"));
    assert_eq!((again.status, again.text()), (502, refused.text()));
    let paid = shop.pay(new_id(), &card("18.40"));
    assert_eq!(paid_cents(&paid), Some(1_840));
    assert_eq!(shop.charged(), [1_840]);
    assert!(shop.device().restarts >= 1 && shop.device().last_error.is_some());
}

fn configure(shop: &Shop, terminals: Vec<TerminalEntry>) {
    let mut configuration = shop.server.gateway.configuration(A.cash_box()).unwrap().unwrap();
    configuration.terminals = terminals;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(shop.server.gateway.configure(configuration)).unwrap();
}

#[test]
fn whoever_follows_the_events_sees_how_terminals_stand() {
    let shop = Shop::open("slow:700");
    let mut events = Listener::open(&shop.server, A, "?kind=device", None);
    let mut until = |name: &str, state: &str| loop {
        let event = events.next();
        assert_eq!((event.kind.as_str(), event.id.as_str()), ("device", ""), "it is no event to come back to");
        let body = body_of(&event);
        assert_eq!(body["Device"], "terminal");
        if (&body["Name"], &body["State"]) == (&name.into(), &state.into()) {
            return body;
        }
    };
    assert!(until("bar", "ready")["Message"].is_null(), "first of all as it stands");
    let id = new_id();
    shop.pay(id, &card("18.40")).ok(201);
    assert_eq!(until("bar", "busy")["OperationID"], id.to_string());
    assert!(until("bar", "ready")["OperationID"].is_null());
    shop.terminal.pull().unwrap();
    assert!(until("bar", "restarting")["Message"].is_string());
    shop.terminal.put().unwrap();
    until("bar", "ready");
    let second = on_tcp("");
    let bar = entry("bar", Some("t-1"), address_of(&shop.terminal));
    configure(&shop, vec![bar, entry("hall", Some("t-2"), address_of(&second))]);
    until("hall", "ready");
    let mut others = Listener::open(&shop.server, B, "", None);
    shop.server.operation(B, "/v2/sign", sale("R1")).send().ok(201);
    assert_ne!(others.next().kind, "device", "nobody sees the terminals of others");
}

#[test]
fn terminals_come_and_go_without_a_restart() {
    let shop = Shop::open("");
    let second = on_tcp("");
    let bar = entry("bar", Some("t-1"), address_of(&shop.terminal));
    configure(&shop, vec![bar, entry("hall", Some("t-2"), address_of(&second))]);
    wait_for(
        || shop.server.gateway.devices(),
        |all| all.len() == 2 && all.iter().all(|device| device.state == DeviceState::Ready),
    );
    let before = shop.device();
    let hall = card("6.00").replace("t-1", "t-2");
    assert_eq!(paid_cents(&shop.pay(new_id(), &hall)), Some(600));
    configure(&shop, vec![entry("hall", Some("t-2"), address_of(&second))]);
    wait_for(|| shop.server.gateway.devices(), |all| all.len() == 1);
    assert_eq!(before.restarts, 0, "the other one was not touched");
    shop.pay(new_id(), &card("6.00")).problem(400, "payment-provider-unknown");
    assert_eq!(paid_cents(&shop.pay(new_id(), &hall)), Some(600));
    assert_eq!((shop.charged(), second.ledger().net_cents()), (vec![], 1_200));
}

#[test]
fn one_payment_at_a_time() {
    let shop = Shop::open("slow:1500");
    let (first, second) = (new_id(), new_id());
    let begun = shop.server.call("POST", "/v2/pay").of(A).id(first).body(card("18.40")).begin();
    shop.until(DeviceState::Busy);
    let refused = shop.send(second, &card("9.00"));
    assert!(matches!(refused.status, 400 | 502), "{}", refused.text());
    drop(begun);
    // The till that went away finds its payment made.
    assert_eq!(paid_cents(&shop.pay(first, &card("18.40"))), Some(1_840));
    assert_eq!(shop.charged(), [1_840]);
}
