//! Imports go strictly down: the table of docs/ARCHITECTURE.md, held against `cargo metadata`.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// Layer of each crate. A crate may use crates of lower layers only, never a sibling.
const LAYERS: &[(&str, u8)] = &[
    ("kassette-stdx", 0),
    ("kassette-model", 1),
    ("kassette-record", 2),
    ("kassette-wire", 2),
    ("kassette-journal", 3),
    ("kassette-markets", 3),
    ("kassette-outbound", 3),
    ("kassette-payments", 3),
    ("kassette-printing", 3),
    ("kassette-signing", 3),
    ("kassette-webhooks", 3),
    ("kassette-cashbox", 4),
    ("kassette-actors", 5),
    ("kassette", 6),
];

/// Crates that may be used in one layer only, and why.
const ONLY_IN: &[(&str, &[&str], &str)] = &[
    ("actix", &["kassette-actors"], "the runtime must be exchangeable in one crate"),
    ("actix-web", &["kassette"], "HTTP is the edge's"),
    ("sled", &["kassette-journal"], "only the journal writes to a disk"),
    ("aws-lc-rs", &["kassette-signing"], "one place for keys"),
    ("hyper", &["kassette-outbound"], "every call to the outside goes through one address guard"),
    ("tokio", &["kassette-actors", "kassette-outbound", "kassette"], "the core has no runtime"),
];

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Package → names of its normal dependencies.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let normal =
                package["dependencies"].as_array().unwrap().iter().filter(|dependency| dependency["kind"].is_null());
            let names = normal.map(|dependency| dependency["name"].as_str().unwrap().to_owned()).collect();
            (package["name"].as_str().unwrap().to_owned(), names)
        })
        .collect()
}

#[test]
fn every_crate_has_a_layer_and_imports_only_lower_ones() {
    let layers: BTreeMap<&str, u8> = LAYERS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (package, uses) in dependencies() {
        let Some(layer) = layers.get(package.as_str()) else {
            wrong.push(format!("{package} has no layer: add it to LAYERS and to docs/ARCHITECTURE.md"));
            continue;
        };
        for used in uses.iter().filter(|used| used.starts_with("kassette")) {
            let lower = layers.get(used.as_str()).is_some_and(|other| other < layer);
            if !lower {
                wrong.push(format!("{package} (layer {layer}) must not use {used}: imports go strictly down"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn some_crates_are_used_in_one_place_only() {
    let mut wrong = Vec::new();
    for (package, uses) in dependencies() {
        for (guarded, homes, reason) in ONLY_IN {
            if uses.iter().any(|used| used == guarded) && !homes.contains(&package.as_str()) {
                wrong.push(format!("{package} must not use {guarded}: {reason}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
