//! Exports and their verifiers: ours, and the Python ones that share no code with us.

use std::path::Path;

use serde_json::json;

use crate::bench::{Bench, Till, python, text};

/// A cash box with a little history: sales, an outage and its end.
fn history(bench: &Bench) -> Till {
    let till = bench.till("TILL-1");
    let server = bench.serve();
    for _ in 0..5 {
        assert_eq!(till.sell(&server).0, 201);
    }
    bench.done(&["scu", "fail", &till.id]);
    assert_eq!(till.sell(&server).0, 201);
    bench.done(&["scu", "recover", &till.id]);
    assert_eq!(till.sign(&server, 0x2000, json!([])).0, 201);
    assert_eq!(till.sell(&server).0, 201);
    server.stop();
    till
}

#[test]
fn the_austrian_export_verifies_without_our_code() {
    let bench = Bench::new();
    let till = history(&bench);
    let (dep, crypto) = (bench.file("dep.json"), bench.file("crypto.json"));
    bench.done(&["export", "--cashbox", &till.id, "--market", "at", "--output", dep.to_str().unwrap()]);
    let material = ["export", "--cashbox", &till.id, "--market", "at", "--crypto-material", "--output"];
    bench.done(&[&material[..], &[crypto.to_str().unwrap()]].concat());
    let own = bench.json(&["verify", dep.to_str().unwrap(), "--crypto-material", crypto.to_str().unwrap()]);
    assert_eq!((&own["good"], &own["receipts"], &own["counters_checked"]), (&true.into(), &9.into(), &true.into()));
    let Some(checked) = python("verify_dep7.py", &[&dep, &crypto], "cryptography") else { return };
    assert!(checked.status.success(), "{}{}", text(&checked.stdout), text(&checked.stderr));

    // One changed character is refused.
    let changed =
        std::fs::read_to_string(&dep).unwrap().replacen("eyJhbGciOiJFUzI1NiJ9.X1", "eyJhbGciOiJFUzI1NiJ9.X2", 1);
    std::fs::write(&dep, changed).unwrap();
    bench.fails(1, &["verify", dep.to_str().unwrap()]);
    let refused = python("verify_dep7.py", &[&dep, &crypto], "cryptography").unwrap();
    assert_eq!(refused.status.code(), Some(1));
}

#[test]
fn the_journal_export_verifies_and_a_changed_one_is_refused_by_name() {
    let bench = Bench::new();
    let till = history(&bench);
    let file = bench.file("journal.ndjson");
    let path = file.to_str().unwrap();
    bench.done(&["export", "--cashbox", &till.id, "--output", path]);
    bench.done(&["verify", path]);
    let whole = std::fs::read_to_string(&file).unwrap();
    assert_eq!(whole.lines().count(), 1 + 10, "a header, the configuration, and nine receipts");

    // A line less, and two lines in the other order.
    let lines: Vec<&str> = whole.lines().collect();
    let mut without = lines.clone();
    without.remove(4);
    let mut swapped = lines;
    swapped.swap(5, 6);
    for (what, lines) in [("without", without), ("swapped", swapped)] {
        let damaged = bench.file(what);
        std::fs::write(&damaged, lines.join("\n") + "\n").unwrap();
        bench.fails(1, &["verify", damaged.to_str().unwrap()]);
        if let Some(refused) = python("verify_journal.py", &[&damaged], "hashlib") {
            assert_ne!(refused.status.code(), Some(0), "{what}");
        }
    }
    if let Some(checked) = python("verify_journal.py", &[Path::new(path)], "hashlib") {
        assert!(checked.status.success(), "{}{}", text(&checked.stdout), text(&checked.stderr));
    }
}

#[test]
fn an_export_is_the_same_through_a_running_server() {
    let bench = Bench::new();
    let till = history(&bench);
    let (alone, served) = (bench.file("alone"), bench.file("served"));
    for market in [&[][..], &["--market", "at"]] {
        let arguments = [&["export", "--cashbox", &till.id][..], market, &["--output"]].concat();
        drop((std::fs::remove_file(&alone), std::fs::remove_file(&served)));
        bench.done(&[&arguments[..], &[alone.to_str().unwrap()]].concat());
        let server = bench.serve();
        bench.done(&[&arguments[..], &[served.to_str().unwrap()]].concat());
        server.stop();
        let (alone, served) = (std::fs::read_to_string(&alone).unwrap(), std::fs::read_to_string(&served).unwrap());
        // The header line of a journal export tells when it was made.
        assert_eq!(
            alone.lines().skip(usize::from(market.is_empty())).collect::<Vec<_>>(),
            served.lines().skip(usize::from(market.is_empty())).collect::<Vec<_>>()
        );
    }
}

#[test]
fn an_export_keeps_what_is_there_and_leaves_nothing_half() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let file = bench.file("kept");
    std::fs::write(&file, "kept").unwrap();
    let path = file.to_str().unwrap();
    bench.fails(4, &["export", "--cashbox", &till.id, "--output", path]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "kept");
    std::fs::remove_file(&file).unwrap();
    bench.fails(3, &["export", "--cashbox", "11111111-1111-1111-1111-111111111111", "--output", path]);
    assert!(!file.exists());
    bench.fails(2, &["export", "--cashbox", &till.id, "--market", "xx", "--output", path]);
    bench.fails(2, &["export", "--cashbox", &till.id, "--crypto-material", "--output", path]);
    let part =
        bench.json(&["export", "--cashbox", &till.id, "--market", "at", "--from", "2100-01-01", "--output", path]);
    assert_eq!(part["records"], 0);
}

#[test]
fn damage_in_a_folder_is_named() {
    let bench = Bench::new();
    history(&bench);
    let folder = bench.data_dir();
    let good = bench.json(&["verify", folder.to_str().unwrap()]);
    assert_eq!((&good["receipts"], &good["counters_checked"]), (&9.into(), &true.into()), "{good}");
    assert_eq!(good["notes"].as_array().map(Vec::len), Some(0), "{good}");
    let segment = folder.join("journal/segment-00000001.kst");
    let mut bytes = std::fs::read(&segment).unwrap();
    // A byte in the middle of what is in use.
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[used / 2] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let found = bench.fails(1, &["verify", folder.to_str().unwrap()]);
    assert!(found.contains("segment 1") && found.contains("offset"), "{found}");
    bench.fails(3, &["verify", "/no/such/folder"]);
}

#[test]
fn the_index_is_made_again_and_the_answers_stay() {
    let bench = Bench::new();
    let till = history(&bench);
    let before = bench.json(&["cashbox", "show", &till.id]);
    let made = bench.json(&["reindex"]);
    assert_eq!(made["records"], 10);
    assert_eq!(bench.json(&["cashbox", "show", &till.id]), before);
    std::fs::remove_dir_all(bench.data_dir().join("journal/index")).unwrap();
    assert_eq!(bench.json(&["cashbox", "show", &till.id]), before);
    let server = bench.serve();
    bench.fails(4, &["reindex"]);
    server.stop();
}
