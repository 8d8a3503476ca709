//! Payment terminals: added, listed, removed, with and without a server.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::bench::{Bench, Server, string};

fn names(bench: &Bench, id: &str) -> Vec<String> {
    let listed = bench.json(&["terminal", "list", id]);
    listed["terminals"].as_array().unwrap().iter().map(|one| string(&one["name"])).collect()
}

#[test]
fn terminals_are_added_listed_and_removed() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let id = till.id.as_str();
    assert_eq!(names(&bench, id), [] as [&str; 0]);
    for (what, name, port) in [("without a server", "bar", 1), ("through the server", "hall", 2)] {
        let server = (what == "through the server").then(|| bench.serve());
        let address = format!("tcp:192.168.1.20:{port}");
        let add = [
            "terminal",
            "add",
            id,
            "--name",
            name,
            "--address",
            &address,
            "--terminal-id",
            "t",
            "--password",
            "987654",
        ];
        let added = bench.json(&add);
        let shown = json!([{"name": name, "provider": "zvt", "address": address, "terminal_id": "t"}]);
        assert_eq!(added["terminals"], shown, "{what}");
        let refused = bench.fails(4, &add);
        assert!(refused.contains("already") && refused.contains(name), "{refused}");
        if let Some(server) = server {
            server.stop();
        }
    }
    assert_eq!(names(&bench, id), ["bar", "hall"]);
    let text = bench.done(&["terminal", "list", id]);
    assert!(text.contains("tcp:192.168.1.20:2") && !text.contains("987654"), "{text}");

    bench.done(&["terminal", "add", id, "--name", "till-2", "--address", "serial:/dev/ttyUSB0"]);
    assert!(bench.done(&["terminal", "remove", id, "--name", "bar"]).contains("removed"));
    assert_eq!(names(&bench, id), ["hall", "till-2"]);
    bench.fails(3, &["terminal", "remove", id, "--name", "bar"]);
}

#[test]
fn a_terminal_that_cannot_be_is_refused_with_the_reason() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let id = till.id.as_str();
    let stranger = uuid::Uuid::new_v4().to_string();
    let add = |id: &str, name: &str, address: &str, more: &[&str], code: i32| {
        let mut arguments = vec!["terminal", "add", id, "--name", name, "--address", address];
        arguments.extend(more);
        bench.fails(code, &arguments)
    };
    add(&stranger, "bar", "tcp:10.0.0.7", &[], 3);
    bench.fails(3, &["terminal", "list", &stranger]);
    bench.fails(3, &["terminal", "remove", &stranger, "--name", "bar"]);
    for address in ["10.0.0.7", "tcp:", "serial:/dev/ttyUSB0:1", "usb:1"] {
        assert!(add(id, "bar", address, &[], 2).contains("tcp:host[:port]"), "{address}");
    }
    for password in ["1234567", "12a", ""] {
        assert!(add(id, "bar", "tcp:a", &["--password", password], 2).contains("1 to 6 digits"), "{password}");
    }
    assert!(add(id, "Bar", "tcp:a", &[], 4).contains("name: \"Bar\""));
    assert!(add(id, "bar", "tcp:a", &["--provider", "none"], 4).contains("provider: \"none\" is not one of zvt"));
    assert!(add(id, "bar", "app", &[], 4).contains("address: app"));
    bench.done(&["terminal", "add", id, "--name", "bar", "--address", "tcp:a"]);
    assert!(add(id, "hall", "tcp:a:20007", &[], 4).contains("line of another terminal"));
}

/// Each of them reads the configuration and writes it whole.
#[test]
fn changes_at_the_same_time_all_stay() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let server = bench.serve();
    let mut running: Vec<_> = (0..8)
        .map(|number| {
            let (name, address) = (format!("t{number}"), format!("tcp:host{number}"));
            let mut add = bench.command(&["terminal", "add", &till.id, "--name", &name, "--address", &address]);
            add.stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    let rotated = bench.json(&["cashbox", "rotate-token", &till.id]);
    assert!(running.iter_mut().all(|one| one.wait().unwrap().success()));
    let mut found = names(&bench, &till.id);
    found.sort();
    assert_eq!(found, (0..8).map(|number| format!("t{number}")).collect::<Vec<_>>());
    let shown: Value = bench.json(&["cashbox", "show", &till.id]);
    assert_eq!((rotated["valid_tokens"].as_u64(), shown["tokens"].as_array().map(Vec::len)), (Some(2), Some(2)));
    server.stop();
}

/// A server that reads this file; gives its log.
fn served_with(bench: &Bench, toml: &str, while_served: impl FnOnce()) -> String {
    let (file, log) = (bench.file("kassette.toml"), bench.file("log"));
    std::fs::write(&file, toml).unwrap();
    let serve = bench.command(&["serve", "--listen", "127.0.0.1:0", "--json", "--config", file.to_str().unwrap()]);
    let server = Server::start_with_log(serve, std::fs::File::create(&log).unwrap());
    while_served();
    server.stop();
    std::fs::read_to_string(log).unwrap()
}

#[test]
fn the_terminals_of_the_file_come_into_their_cash_boxes() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let id = till.id.as_str();
    let table = |id: &str, name: &str, address: &str| {
        format!(
            "[[terminal]]\ncash_box = \"{id}\"\nname = \"{name}\"\naddress = \"{address}\"\npassword = \"987654\"\n"
        )
    };
    bench.done(&["terminal", "add", id, "--name", "hall", "--address", "tcp:hall"]);
    bench.done(&["terminal", "add", id, "--name", "bar", "--address", "tcp:old"]);
    let toml = table(id, "bar", "tcp:new") + &table(id, "garden", "serial:/dev/ttyS0");
    let rows = || bench.json(&["cashbox", "show", id])["journal_row"].as_u64().unwrap();
    let log = served_with(&bench, &toml, || {
        let addresses: Vec<(String, String)> = bench.json(&["terminal", "list", id])["terminals"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (string(&one["name"]), string(&one["address"])))
            .collect();
        let expected = [("hall", "tcp:hall:20007"), ("bar", "tcp:new:20007"), ("garden", "serial:/dev/ttyS0:9600")];
        assert_eq!(addresses, expected.map(|(name, address)| (name.to_owned(), address.to_owned())));
    });
    assert!(!log.contains("987654"), "{log}");
    // Nothing is written again when nothing is different.
    let before = rows();
    served_with(&bench, &toml, || assert_eq!(rows(), before));

    let stranger = uuid::Uuid::new_v4().to_string();
    let log = served_with(&bench, &table(&stranger, "bar", "tcp:new"), || assert_eq!(rows(), before));
    assert!(log.contains("WARN") && log.contains(&stranger) && log.contains("not there"), "{log}");
    // The line is that of a terminal that was added by command: the cash box goes on with what it has.
    let log = served_with(&bench, &table(id, "terrace", "tcp:hall"), || assert_eq!(rows(), before));
    assert!(log.contains("ERROR") && log.contains("line of another terminal"), "{log}");
}

#[test]
fn a_wrong_terminal_in_the_file_stops_the_start() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let file = bench.file("kassette.toml");
    std::fs::write(&file, format!("[[terminal]]\ncash_box = \"{}\"\nname = \"bar\"\naddress = \"usb:1\"\n", till.id))
        .unwrap();
    let path = file.to_str().unwrap();
    for command in [&["serve", "--listen", "127.0.0.1:0", "--config", path][..], &["config", "check", "--config", path]]
    {
        let said = bench.fails(2, command);
        assert!(said.contains(path) && said.contains("terminal[0].address") && said.contains("usb:1"), "{said}");
    }
}
