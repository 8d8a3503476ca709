//! Signature creation units: added, shown, failing and recovering.

use std::path::Path;

use serde_json::json;

use crate::bench::{Bench, Server, captions, string};

fn fixture(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/signing/tests/fixtures").join(name).to_str().unwrap().to_owned()
}

#[test]
fn a_failing_unit_gives_the_outage_text_and_a_zero_receipt_ends_it() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let server = bench.serve();
    let outage = "Sicherheitseinrichtung ausgefallen".to_owned();

    bench.done(&["scu", "fail", &till.id]);
    let (status, answer) = till.sell(&server);
    assert_eq!((status, answer["ftState"].as_u64().unwrap() & 2), (201, 2));
    assert!(captions(&answer).contains(&outage), "{answer}");

    bench.done(&["scu", "recover", &till.id]);
    // The mode stays: the unit is not tried again before a zero receipt.
    assert!(captions(&till.sell(&server).1).contains(&outage));
    let (_, answer) = till.sign(&server, 0x2000, json!([]));
    assert!(captions(&answer).contains(&"Sammelbeleg".to_owned()), "{answer}");
    assert_eq!(answer["ftState"].as_u64().unwrap() & 0xFFFF_FFFF, 0);
    assert!(!captions(&till.sell(&server).1).contains(&outage));
    server.stop();
}

#[test]
fn the_test_switch_stays_over_a_restart() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    bench.done(&["scu", "fail", &till.id, "--unit", "1"]);
    let server = bench.serve();
    assert!(string(&bench.json(&["scu", "list", &till.id])["units"][0]["state"]).contains("test switch"));
    assert_eq!(till.sell(&server).1["ftState"].as_u64().unwrap() & 2, 2);
    server.stop();
    bench.fails(3, &["scu", "fail", &till.id, "--unit", "2"]);
}

#[test]
fn a_second_sandbox_unit_takes_over() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    bench.done(&["scu", "add", &till.id, "--sandbox"]);
    assert_eq!(bench.json(&["scu", "list", &till.id])["units"].as_array().unwrap().len(), 2);
    bench.done(&["scu", "fail", &till.id, "--unit", "1"]);
    let server = bench.serve();
    let (_, answer) = till.sell(&server);
    assert!(!captions(&answer).contains(&"Sicherheitseinrichtung ausgefallen".to_owned()), "{answer}");
    server.stop();
}

#[test]
fn certificate_and_public_key_come_out_as_pem() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let certificate = bench.done(&["scu", "show", &till.id, "--certificate"]);
    assert!(certificate.starts_with("-----BEGIN CERTIFICATE-----\n"), "{certificate}");
    let public = bench.done(&["scu", "show", &till.id, "--unit", "1", "--public-key"]);
    assert!(public.starts_with("-----BEGIN PUBLIC KEY-----\n"), "{public}");
    bench.fails(3, &["scu", "show", &till.id, "--unit", "2"]);
    assert!(!bench.done(&["scu", "show", &till.id]).contains("PRIVATE"));
}

#[test]
fn an_encrypted_key_file_signs_in_production_and_needs_its_variable_at_each_start() {
    let bench = Bench::new();
    let created = bench.json(&["cashbox", "create", "--market", "at", "--name", "REAL-1", "--production"]);
    let id = string(&created["cash_box"]);
    let till = crate::bench::Till { id: id.clone(), token: string(&created["access_token"]) };
    let (key, chain) = (fixture("key-pbkdf2.pem"), fixture("chain-high-bit-serial.pem"));
    let add = [
        "scu",
        "add",
        &id,
        "--key-file",
        &key,
        "--certificates",
        &chain,
        "--algorithm",
        "AT1",
        "--passphrase-env",
        "TEST_UNIT_PASSPHRASE",
        "--production",
    ];
    bench.fails(2, &add);
    let wrong = bench.command(&add).env("TEST_UNIT_PASSPHRASE", "wrong").output().unwrap();
    assert_eq!(wrong.status.code(), Some(4));
    let added = bench.command(&add).env("TEST_UNIT_PASSPHRASE", "correct-horse").output().unwrap();
    assert!(added.status.success(), "{}", crate::bench::text(&added.stderr));

    let serve = |passphrase: Option<&str>| {
        let mut command = bench.command(&["serve", "--production", "--listen", "127.0.0.1:0", "--json"]);
        passphrase.map(|text| command.env("TEST_UNIT_PASSPHRASE", text));
        Server::start(command)
    };
    let server = serve(Some("correct-horse"));
    let (status, answer) = till.sign(&server, 0x4001, json!([]));
    assert_eq!((status, answer["ftState"].as_u64().unwrap() & 0xFFFF_FFFF), (201, 0), "{answer}");
    let code = string(&answer["ftSignatures"][0]["Data"]);
    assert!(code.starts_with("_R1-AT1_REAL-1_") && code.contains("_8f00a1b2c3d4e5f6_"), "{code}");
    assert!(!captions(&answer).contains(&"S A N D B O X".to_owned()));
    server.stop();

    // Without the passphrase nothing is signed, and the register goes on as the law wants it when a unit fails.
    let outage = "Sicherheitseinrichtung ausgefallen".to_owned();
    let server = serve(None);
    let (status, answer) = till.sell(&server);
    assert_eq!((status, answer["ftState"].as_u64().unwrap() & 2), (201, 2), "{answer}");
    assert!(captions(&answer).contains(&outage), "{answer}");
    let status = bench.json(&["status", "--production"]);
    let reason = string(&status["unit_outages"][0]["reason"]);
    assert!(reason.contains("TEST_UNIT_PASSPHRASE"), "{reason}");
    assert!(bench.done(&["status", "--production"]).contains("unit not open"));
    let rotated = bench.json(&["cashbox", "rotate-token", &id, "--revoke", "--production"]);
    let till = crate::bench::Till { id: id.clone(), token: string(&rotated["access_token"]) };
    assert_eq!(till.sell(&server).0, 201);
    bench.done(&["cashbox", "disable", &id, "--production"]);
    bench.done(&["cashbox", "enable", &id, "--production"]);
    server.stop();

    let server = serve(Some("correct-horse"));
    let (_, answer) = till.sign(&server, 0x2000, json!([]));
    assert_eq!(answer["ftState"].as_u64().unwrap() & 0xFFFF_FFFF, 0, "{answer}");
    assert!(!captions(&till.sell(&server).1).contains(&outage));
    server.stop();
}

#[test]
fn a_unit_that_cannot_be_opened_leaves_the_cash_box_to_the_next_one() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    bench.done(&["scu", "add", &till.id, "--sandbox"]);
    let units = bench.json(&["scu", "list", &till.id])["units"].clone();
    let file = bench.data_dir().join("keys/units").join(format!("{}.json", string(&units[0]["unit"])));
    std::fs::rename(&file, bench.file("away.json")).unwrap();
    let server = bench.serve();
    let (status, answer) = till.sell(&server);
    assert_eq!(status, 201);
    assert!(!captions(&answer).contains(&"Sicherheitseinrichtung ausgefallen".to_owned()), "{answer}");
    let (status, ready) = server.get("/readyz");
    assert_eq!((status, &ready["ready"]), (200, &true.into()));
    assert_eq!(ready["warnings"], json!(["signature creation units of 1 cash boxes cannot be opened"]));
    let rotated = bench.json(&["cashbox", "rotate-token", &till.id, "--revoke"]);
    let till = crate::bench::Till { id: till.id, token: string(&rotated["access_token"]) };
    bench.done(&["cashbox", "disable", &till.id]);
    assert_eq!(till.sell(&server).0, 403);
    bench.done(&["cashbox", "enable", &till.id]);
    assert_eq!(till.sell(&server).0, 201);

    // It is tried again when the cash box reads its journal again: an echo without a message asks for that.
    std::fs::rename(bench.file("away.json"), &file).unwrap();
    assert_eq!(server.post("/v2/echo", &till.headers(), b"{}").0, 201);
    assert_eq!(till.sell(&server).0, 201);
    assert_eq!(server.get("/readyz").1["warnings"], json!([]));
    server.stop();
}

#[test]
fn a_key_that_does_not_fit_is_refused_and_nothing_is_kept() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let (key, stranger) = (fixture("key-plain.pem"), fixture("certificate-stranger.pem"));
    let refused = bench
        .fails(4, &["scu", "add", &till.id, "--key-file", &key, "--certificates", &stranger, "--algorithm", "AT1"]);
    assert!(refused.contains("does not match"), "{refused}");
    bench.fails(2, &["scu", "add", &till.id]);
    bench.fails(3, &["scu", "add", &till.id, "--key-file", "/no/such/file", "--algorithm", "AT1"]);
    assert_eq!(std::fs::read_dir(bench.data_dir().join("keys/units")).unwrap().count(), 1);
}
