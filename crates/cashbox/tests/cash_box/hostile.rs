use kassette_cashbox::Step;
use kassette_model::OperationKind;
use proptest::prelude::*;

use super::env::{TestEnv, request, sale};

/// Every hostile body ends in a stored 400 with a place, or in a receipt; never in anything else.
#[test]
fn hostile_bodies_are_stored_400s() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let sale = sale("R");
    let bodies: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"null".to_vec(),
        b"[]".to_vec(),
        b"{}".to_vec(),
        b"NaN".to_vec(),
        b"\xFF\xFE{\x00}\x00".to_vec(),
        deep.clone().into_bytes(),
        sale.replace("\"R\"", &format!("\"R\",\"ftReceiptCaseData\":{deep}")).into_bytes(),
        sale.replace("\"R\"", "\"\\ud800\"").into_bytes(),
        sale.replace("\"R\"", "null").into_bytes(),
        sale.replace("\"R\"", "17").into_bytes(),
        sale.replace("\"R\"", "\"R\",\"CBRECEIPTREFERENCE\":\"S\"").into_bytes(),
        sale.replace("20.00", "1e999").into_bytes(),
        sale.replace("20.00", "NaN").into_bytes(),
        sale.replace("20.00", "99999999999999999999999999999999.99").into_bytes(),
        sale.replace("4707422694881099777", "18446744073709551616").into_bytes(),
        sale.replace("4707422694881099777", "-1").into_bytes(),
        sale.replace("\"Espresso\"", "null").into_bytes(),
        sale.as_bytes()[..sale.len() - 1].to_vec(),
    ];
    let mut env = TestEnv::started();
    for (index, body) in bodies.into_iter().enumerate() {
        let shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        let before = env.core.head().queue_row;
        let commit = env.commit(&request(OperationKind::Sign, index as u64, body));
        env.settle();
        assert_eq!(commit.answer.status, 400, "{shown}");
        let problem: serde_json::Value = serde_json::from_slice(&commit.answer.body).unwrap();
        assert_eq!(problem["stored"], true);
        assert!(problem["findings"][0]["pointer"].is_string());
        assert_eq!(env.core.head().queue_row, before);
    }
}

#[test]
fn numbers_at_the_edge_never_stop_a_rule() {
    let mut configuration = super::env::configuration();
    configuration.validation_fails = true;
    let mut env = TestEnv::started_with(configuration);
    let largest = "79228162514264337593543950335";
    for amount in
        [largest, "-79228162514264337593543950335", "0.0000000000000000000000000001", "7922816251426433759354395033.5"]
    {
        for member in ["Amount", "VATRate", "VATAmount", "Quantity"] {
            let item = format!(r#"{{"Description":"x","{member}":{amount}}}"#);
            let body = format!(
                r#"{{"cbReceiptReference":"e","cbReceiptMoment":"2026-03-04T10:15:34Z","ftReceiptCase":"0x4154200000000001","cbChargeItems":[{item},{item}],"cbPayItems":[{{"Description":"p","Amount":{amount}}}]}}"#
            );
            let (answer, _) = env.sign(&body);
            assert!(matches!(answer.status, 201 | 400), "{body}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Bytes of a sale replaced at random: always a commit, never a panic.
    #[test]
    fn damaged_sales_are_decided(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut env = TestEnv::started();
        let mut body = sale("R").into_bytes();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        let step = env.apply(&request(OperationKind::Sign, 1, body));
        match step {
            Step::Commit(commit) => prop_assert!(matches!(commit.answer.status, 201 | 400)),
            other => prop_assert!(false, "{other:?}"),
        }
    }
}
