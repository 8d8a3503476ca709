//! The demo: a receipt, the credentials, the same cash box again.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::Value;

use crate::bench::{Bench, Till, string, text};

fn exported<'a>(shown: &'a str, name: &str) -> &'a str {
    shown
        .lines()
        .find_map(|line| line.strip_prefix(&format!("export {name}=")))
        .unwrap_or_else(|| panic!("{name}\n{shown}"))
}

#[test]
fn the_demo_prints_a_receipt_and_the_same_credentials_each_time() {
    let bench = Bench::new();
    let first = bench.done(&["demo", "--no-serve", "--listen", "127.0.0.1:0"]);
    for part in ["SANDBOX - not fiscally valid", "Belegnummer", "ft1#2", "Summe EUR", "19,30", "S A N D B O X", "▀▀▀▀▀"]
    {
        assert!(first.contains(part), "{part}\n{first}");
    }
    assert!(exported(&first, "KASSETTE_URL").ends_with("/v2"));
    assert!(first.contains("curl -s"));

    let second = bench.done(&["demo", "--no-serve", "--listen", "127.0.0.1:0"]);
    assert!(exported(&first, "KASSETTE_CALLBACK_SECRET").starts_with("whsec_"));
    for name in ["KASSETTE_CASHBOX_ID", "KASSETTE_ACCESS_TOKEN", "KASSETTE_CALLBACK_SECRET"] {
        assert_eq!(exported(&first, name), exported(&second, name), "{name}");
    }
    assert!(second.contains("ft2#3"), "one receipt more\n{second}");
    let file = bench.data_dir().join("demo.env");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let kept = std::fs::read_to_string(file).unwrap();
    for name in ["KASSETTE_ACCESS_TOKEN", "KASSETTE_CALLBACK_SECRET"] {
        assert_eq!(exported(&kept, name), exported(&first, name), "{name}");
    }
    bench.done(&["verify", bench.data_dir().to_str().unwrap()]);
}

#[test]
fn a_rotated_token_is_replaced() {
    let bench = Bench::new();
    let first = bench.done(&["demo", "--no-serve", "--listen", "127.0.0.1:0"]);
    let cash_box = exported(&first, "KASSETTE_CASHBOX_ID").to_owned();
    bench.done(&["cashbox", "rotate-token", &cash_box, "--revoke"]);
    let second = bench.done(&["demo", "--no-serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(exported(&second, "KASSETTE_CASHBOX_ID"), cash_box);
    assert_ne!(exported(&second, "KASSETTE_ACCESS_TOKEN"), exported(&first, "KASSETTE_ACCESS_TOKEN"));
    // So is a rotated callback secret, in what is shown.
    let rotated = bench.json(&["callback", "secret", "rotate", &cash_box]);
    let third = bench.done(&["demo", "--no-serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(exported(&third, "KASSETTE_CALLBACK_SECRET"), string(&rotated["secrets"][0]["secret"]));
}

#[test]
fn without_a_folder_it_takes_one_of_the_users() {
    let bench = Bench::new();
    let output = Command::new(env!("CARGO_BIN_EXE_kassette"))
        .args(["demo", "--no-serve", "--listen", "127.0.0.1:0", "--json"])
        .env("XDG_DATA_HOME", bench.file("xdg"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(string(&shown["receipt"]["ftCashBoxIdentification"]), "DEMO-0001");
    assert!(string(&shown["callback_secret"]).starts_with("whsec_"));
    assert!(bench.file("xdg/kassette/demo/journal").is_dir());
}

#[test]
fn the_demo_refuses_what_it_is_not() {
    let bench = Bench::new();
    bench.fails(2, &["demo", "--production"]);
    bench.fails(2, &["demo", "--market", "xx"]);
}

#[test]
fn a_stopped_queue_is_no_receipt() {
    let bench = Bench::new();
    let shown = bench.done(&["demo", "--no-serve", "--listen", "127.0.0.1:0"]);
    let till = Till {
        id: exported(&shown, "KASSETTE_CASHBOX_ID").to_owned(),
        token: exported(&shown, "KASSETTE_ACCESS_TOKEN").to_owned(),
    };
    let server = bench.serve();
    assert_eq!(till.sign(&server, 0x4002, serde_json::json!([])).0, 201);
    server.stop();
    let said = bench.fails(4, &["demo", "--no-serve", "--listen", "127.0.0.1:0"]);
    assert!(said.contains("out of operation") && said.contains("demo.env"), "{said}");
    std::fs::remove_file(bench.data_dir().join("demo.env")).unwrap();
    assert!(bench.done(&["demo", "--no-serve", "--listen", "127.0.0.1:0"]).contains("ft1#2"));
}
