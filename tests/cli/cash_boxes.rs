//! Cash boxes: made, listed, their tokens, switched off and on; with and without a server.

use crate::bench::{Bench, Till, string};

#[test]
fn a_cash_box_is_made_once_and_shown_without_its_token() {
    let bench = Bench::new();
    let till = bench.till("TILL-0001");
    assert!(till.token.starts_with("kst_test_"));
    let shown = bench.done(&["cashbox", "show", &till.id]);
    assert!(shown.contains("TILL-0001") && shown.contains("active"), "{shown}");
    let json = bench.json(&["cashbox", "show", &till.id]);
    assert_eq!((&json["phase"], &json["queue_row"]), (&"active".into(), &1.into()));
    assert!(!json.to_string().contains("kst_test_"));
    for line in [bench.done(&["cashbox", "list"]), bench.done(&["cashbox", "list", "--json"])] {
        assert!(line.contains(&till.id) && line.contains("TILL-0001"), "{line}");
    }
    bench.fails(4, &["cashbox", "create", "--market", "at", "--name", "T2", "--id", &till.id]);
    // Neither the token nor the key of the counter is anywhere in the journal.
    let mut open = vec![bench.data_dir().join("journal")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(till.token.len()).any(|part| part == till.token.as_bytes()), "{}", path.display());
        }
    }
}

#[test]
fn without_a_start_the_queue_is_out_of_operation_until_the_till_starts_it() {
    let bench = Bench::new();
    let created = bench.json(&["cashbox", "create", "--market", "at", "--name", "NEW-1", "--no-start"]);
    assert!(created["start_receipt"].is_null());
    let till = Till { id: string(&created["cash_box"]), token: string(&created["access_token"]) };
    let server = bench.serve();
    let (status, answer) = till.sell(&server);
    assert_eq!((status, answer["ftState"].as_u64().unwrap() & 0xFFFF_FFFF), (201, 1));
    let (status, answer) = till.sign(&server, 0x4001, serde_json::json!([]));
    assert_eq!((status, answer["ftState"].as_u64().unwrap() & 0xFFFF_FFFF), (201, 0));
    server.stop();
}

#[test]
fn production_makes_a_cash_box_without_unit_and_without_start() {
    let bench = Bench::new();
    let created = bench.json(&["cashbox", "create", "--market", "at", "--name", "REAL-1", "--production"]);
    assert!(string(&created["access_token"]).starts_with("kst_live_"));
    assert!(created["unit"].is_null() && created["start_receipt"].is_null());
    let id = string(&created["cash_box"]);
    bench.fails(4, &["scu", "add", &id, "--sandbox", "--production"]);
    // The folder is production's for ever.
    bench.fails(4, &["cashbox", "list"]);
}

#[test]
fn an_old_token_is_valid_until_the_second_rotation() {
    let bench = Bench::new();
    let first = bench.till("TILL-1");
    let server = bench.serve();
    let rotate = |revoke: bool| {
        let mut arguments = vec!["cashbox", "rotate-token", first.id.as_str()];
        arguments.extend(revoke.then_some("--revoke"));
        Till { id: first.id.clone(), token: string(&bench.json(&arguments)["access_token"]) }
    };
    let statuses = |tills: &[&Till]| tills.iter().map(|till| till.sell(&server).0).collect::<Vec<_>>();
    let second = rotate(false);
    assert_eq!(statuses(&[&first, &second]), [201, 201]);
    let third = rotate(false);
    assert_eq!(statuses(&[&first, &second, &third]), [401, 201, 201]);
    let fourth = rotate(true);
    assert_eq!(statuses(&[&second, &third, &fourth]), [401, 401, 201]);
    server.stop();
}

#[test]
fn a_disabled_cash_box_refuses_every_call_and_others_go_on() {
    let bench = Bench::new();
    let (till, other) = (bench.till("TILL-1"), bench.till("TILL-2"));
    let server = bench.serve();
    bench.done(&["cashbox", "disable", &till.id]);
    let disabled = kassette_wire::problem::Code::CashBoxDisabled.status();
    assert_eq!((till.sell(&server).0, other.sell(&server).0), (disabled, 201));
    assert_eq!(bench.json(&["cashbox", "show", &till.id])["disabled"], true);
    bench.done(&["cashbox", "enable", &till.id]);
    bench.done(&["cashbox", "resume", &till.id]);
    assert_eq!(till.sell(&server).0, 201);
    server.stop();
}

#[test]
fn cash_boxes_share_a_unit() {
    let bench = Bench::new();
    let created = bench.json(&["cashbox", "create", "--market", "at", "--name", "A"]);
    let unit = string(&created["unit"]);
    let shares = bench.json(&["cashbox", "create", "--market", "at", "--name", "B", "--unit", &unit]);
    assert_eq!(string(&shares["unit"]), unit);
    let units = std::fs::read_dir(bench.data_dir().join("keys/units")).unwrap().count();
    assert_eq!(units, 1);
}

#[test]
fn what_was_refused_leaves_no_keys_behind() {
    let bench = Bench::new();
    let refused = ["cashbox", "create", "--market", "at", "--name", "A", "--settings", r#"{"counter_bytes": 99}"#];
    bench.fails(4, &refused);
    for folder in ["units", "markets"] {
        assert_eq!(std::fs::read_dir(bench.data_dir().join("keys").join(folder)).unwrap().count(), 0, "{folder}");
    }
}

#[test]
fn a_name_is_given_once_in_a_company() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let again = ["cashbox", "create", "--market", "at", "--name", "TILL-1"];
    let refused = bench.fails(4, &again);
    assert!(refused.contains(&till.id) && refused.contains("--other-company"), "{refused}");
    let server = bench.serve();
    assert_eq!(till.sign(&server, 0x4002, serde_json::json!([])).0, 201);
    // Stopped, but its receipts and its name stand.
    bench.fails(4, &again);
    bench.done(&["cashbox", "create", "--market", "at", "--name", "TILL-1", "--other-company"]);
    bench.till("TILL-2");
    server.stop();
    assert_eq!(bench.json(&["cashbox", "list"])["cash_boxes"].as_array().unwrap().len(), 3);
}
