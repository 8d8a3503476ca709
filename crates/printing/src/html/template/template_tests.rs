#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]

use proptest::prelude::*;

use super::*;
use crate::receipt::Copy;
use crate::samples::SAMPLES;
use crate::testing;

fn rendered(source: &str, receipt: &Receipt) -> Result<String, TemplateError> {
    Template::compile(source)?.render(receipt, "bm9uY2U")
}

fn sample() -> Receipt {
    SAMPLES.first().unwrap().receipt(Copy::Original, None).unwrap()
}

#[track_caller]
fn check(source: &str, page: &str) {
    assert_eq!(rendered(source, &sample()).as_deref(), Ok(page));
}

#[track_caller]
fn check_refused(source: &str, line: usize, reason: &str) {
    match rendered(source, &sample()) {
        Err(TemplateError::Wrong { line: at, reason: why }) => {
            assert_eq!(at, line, "{why}");
            assert!(why.contains(reason), "{why}");
        }
        other => panic!("{source}: {other:?}"),
    }
}

#[test]
fn a_template_sees_texts() {
    check("{{ title }} {{ total }}", "Rechnung 23,30\u{a0}€");
    check("{% for item in items %}{{ item.amount }} {{ item.vat_letter }};{% endfor %}", "6,40 A;12,00 B;4,90 A;");
    check("{{ words.total }} {{ nonce }} {{ currency }} {{ language }}", "Summe bm9uY2U EUR de");
}

#[test]
fn the_example_renders_every_sample() {
    for sample in SAMPLES {
        let page = rendered(EXAMPLE, &sample.receipt(Copy::Copy, None).unwrap());
        let page = page.unwrap_or_else(|error| panic!("{}: {error}", sample.name));
        assert!(page.contains("<svg") && page.contains("</html>") && page.len() < 30_000, "{}", page.len());
    }
}

#[test]
fn values_are_always_escaped() {
    let receipt = testing::receipt(|request, _| request.reference = "<script>alert('x')</script>".to_owned());
    let page = rendered("{% for fact in facts %}{{ fact.value }}{% endfor %}", &receipt).unwrap();
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script>"), "{page}");
    assert_eq!(Template::compile("a\n{% autoescape false %}").err(), Some(TemplateError::Unescaped { line: 2 }));
    for source in ["{{ title | safe }}", "\n{{ (title ~ '<b>') | safe }}"] {
        assert!(matches!(rendered(source, &sample()), Err(TemplateError::Unescaped { .. })), "{source}");
    }
}

#[test]
fn an_error_names_its_line() {
    check_refused("a\n{{ nothing }}", 2, "undefined");
    check_refused("a\n\n{{ merchant.nothing.more }}", 3, "undefined");
    check_refused("{% for %}", 1, "syntax");
    check_refused("\n{% include 'other.html' %}", 2, "");
    check_refused("{{ items | nothing }}", 1, "filter");
}

#[test]
fn limits_end_what_runs_away() {
    let loops = "{% for a in range(9999) %}{% for b in range(9999) %}{{ b }}{% endfor %}{% endfor %}";
    assert!(matches!(rendered(loops, &sample()), Err(TemplateError::OutOfFuel { line: 1 })));
    let long = "{% for a in range(9999) %}{{ 'x' * 9999 }}{% endfor %}";
    assert_eq!(rendered(long, &sample()), Err(TemplateError::OutputTooLong));
    let source = "x".repeat(SOURCE_BYTES_MAX + 1);
    assert_eq!(Template::compile(&source).err(), Some(TemplateError::SourceTooLong { bytes: SOURCE_BYTES_MAX + 1 }));
    let calls = "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}";
    assert!(matches!(rendered(calls, &sample()), Err(TemplateError::Wrong { .. })));
}

#[test]
fn ten_thousand_items_are_within_the_limits() {
    let receipt = testing::receipt(|request, _| {
        let item = request.charge_items.first().unwrap().clone();
        request.charge_items = vec![item; 10_000];
    });
    assert!(rendered(EXAMPLE, &receipt).is_ok_and(|page| page.len() > 500_000));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn hostile_receipts_bring_no_tags(receipt in testing::hostile_receipt()) {
        let page = rendered(EXAMPLE, &receipt).unwrap();
        prop_assert!(!page.contains("<script") && !page.contains("<img"));
    }

    #[test]
    fn no_template_makes_it_panic(source in "(\\{\\{|\\{%|%\\}|\\}\\}| |for|in|if|items|x|\\||\\(|\\)|'|[0-9]|\\*|~|\n){0,40}") {
        drop(rendered(&source, &sample()));
    }
}
