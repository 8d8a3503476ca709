//! The document against the registry and against the kept copy.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

use std::collections::BTreeSet;
use std::path::Path;

use kassette_wire::problem::Code;

use super::*;
use crate::http::routes::{Access, ROUTES};

fn json() -> serde_json::Value {
    serde_json::from_str(&document_json()).unwrap()
}

#[test]
fn every_route_is_documented_and_nothing_else_is() {
    let json = json();
    let documented: BTreeSet<String> = json["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let served: BTreeSet<String> = ROUTES.iter().map(|route| format!("{} {}", route.method, route.template)).collect();
    assert_eq!(documented, served);
}

#[test]
fn what_needs_credentials_says_so_and_has_problems_and_an_example() {
    let json = json();
    for route in ROUTES {
        let operation = &json["paths"][route.template][route.method.to_lowercase()];
        assert_eq!(operation.get("security").is_some(), route.access == Access::CashBox, "{}", route.template);
        let responses = operation["responses"].as_object().unwrap();
        let first = match route.operation {
            true if route.template.ends_with("Request") => "202",
            true => "201",
            false => "200",
        };
        let content = responses[first]["content"].as_object().unwrap();
        assert!(content.values().all(|media| media.get("example").is_some()), "{}: no example", route.template);
        if route.access == Access::CashBox {
            for status in ["400", "401", "403", "429", "500", "503"] {
                let media = &responses[status]["content"]["application/problem+json"];
                assert_eq!(media["schema"]["$ref"], "#/components/schemas/Problem", "{} {status}", route.template);
            }
        }
        // An app, too, can tell what does not go with how things stand, and whoever settles a payment.
        let told = route.method == "POST" && route.template.starts_with("/payment-apps/");
        let conflicts = route.operation || told || route.template.ends_with("/settle");
        assert_eq!(responses.contains_key("409"), conflicts, "{}", route.template);
    }
}

#[test]
fn problem_codes_are_listed() {
    let json = json();
    let listed: Vec<&str> = json["components"]["schemas"]["ProblemCode"]["enum"]
        .as_array()
        .unwrap()
        .iter()
        .map(|code| code.as_str().unwrap())
        .collect();
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.code()).collect();
    assert_eq!(listed, codes);
}

#[test]
fn the_kept_copy_has_not_drifted() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/api/openapi.json");
    let made = document_json();
    assert!(made.contains("\"openapi\": \"3.1.0\""));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == made, "docs/api/openapi.json has drifted; run with UPDATE_GOLDEN=1");
}
