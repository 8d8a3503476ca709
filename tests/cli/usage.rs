//! Exit codes, help, completions, configuration, explanations.

use serde_json::Value;

use crate::bench::{Bench, text};

#[test]
fn exit_codes_are_the_documented_ones() {
    let bench = Bench::new();
    bench.fails(2, &["no-such-command"]);
    bench.fails(2, &["cashbox", "show", "not-a-guid"]);
    bench.fails(3, &["cashbox", "list"]);
    assert!(!bench.data_dir().exists(), "a question makes no folder");
    bench.till("TILL-1");
    bench.fails(3, &["cashbox", "show", "11111111-1111-1111-1111-111111111111"]);
    bench.fails(2, &["cashbox", "create", "--market", "xx", "--name", "TILL-2"]);
    // Underscores separate the fields of the Austrian code.
    bench.fails(4, &["cashbox", "create", "--market", "at", "--name", "TILL_2"]);
    bench.fails(4, &["cashbox", "list", "--production"]);
    std::fs::write(bench.data_dir().join("keys/pepper"), "damaged").unwrap();
    bench.fails(6, &["cashbox", "list"]);
    assert_eq!(bench.run(&["--help"]).status.code(), Some(0));
}

#[test]
fn a_failure_is_json_where_json_was_asked_for() {
    let bench = Bench::new();
    let output = bench.run(&["cashbox", "list", "--json"]);
    let failure: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(failure["failure"]["kind"], "not-found");
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn codes_are_explained_and_shells_completed() {
    let bench = Bench::new();
    for code in bench.done(&["explain"]).lines() {
        let page = bench.done(&["explain", code]);
        assert!(page.starts_with('#') && page.contains(code), "{code}: {page}");
    }
    bench.fails(3, &["explain", "no-such-code"]);
    for shell in ["bash", "zsh", "fish"] {
        assert!(bench.done(&["completions", shell]).contains("kassette"), "{shell}");
    }
}

#[test]
fn the_configuration_is_shown_with_its_origins_and_checked() {
    let bench = Bench::new();
    let file = bench.file("kassette.toml");
    std::fs::write(&file, "[node]\nshards = 3\n").unwrap();
    let path = file.to_str().unwrap();
    let shown = bench.json(&["config", "show", "--config", path]);
    let of = |key: &str| shown["settings"].as_array().unwrap().iter().find(|one| one["key"] == key).unwrap().clone();
    assert_eq!(of("node.shards")["value"], 3);
    assert_eq!(of("sandbox.data_dir")["value"], bench.data_dir().to_str().unwrap());
    bench.done(&["config", "check", "--config", path]);
    std::fs::write(&file, "[node]\nshards = \"many\"\nshrads = 1\n").unwrap();
    let problems = bench.fails(2, &["config", "check", "--config", path]);
    assert!(problems.contains("node.shards") && problems.contains("node.shrads"), "{problems}");
    std::fs::write(&file, bench.done(&["config", "default"])).unwrap();
    bench.done(&["config", "check", "--config", path]);
}
