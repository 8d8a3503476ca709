use kassette_model::OperationKind;
use kassette_wire::sign::parse_request;

use super::env::{TestEnv, codes, low, receipt, sale, with};

const ERROR: u64 = 0xEEEE_EEEE;
const VOID: u64 = 0x4154_2000_0004_0001;
const REFUND: u64 = 0x4154_2000_0100_0001;

fn refer(body: &str, reference: &str) -> String {
    with(body, &format!(r#""cbPreviousReceiptReference":{reference}"#))
}

#[test]
fn the_referenced_pair_comes_back_without_its_own_state_data() {
    let mut env = TestEnv::started();
    env.sign(&sale("first"));
    let (_, second) = env.sign(&refer(&sale("second"), r#""first""#));
    let pairs = second["ftStateData"]["ftPreviousReceiptReference"].as_array().unwrap();
    assert_eq!(pairs.len(), 1);
    assert_eq!(pairs[0]["ReceiptRequest"]["cbReceiptReference"], "first");
    assert_eq!(pairs[0]["ReceiptRequest"]["ftCashBoxID"], super::env::CASH_BOX);
    assert_eq!(pairs[0]["ReceiptResponse"]["ftReceiptIdentification"], "ft1#2");
    let text = serde_json::to_vec(&pairs[0]["ReceiptRequest"]).unwrap();
    assert!(parse_request(&text, &kassette_wire::Limits::default(), env.facts().now).is_ok());

    let (_, third) = env.sign(&refer(&sale("third"), r#""second""#));
    let pair = &third["ftStateData"]["ftPreviousReceiptReference"][0];
    assert_eq!(pair["ReceiptResponse"]["cbReceiptReference"], "second");
    assert!(pair["ReceiptResponse"].get("ftStateData").is_none(), "nesting would grow without end");
}

#[test]
fn exactly_one_finished_receipt_must_match() {
    let mut env = TestEnv::started();
    env.sign(&receipt("bad", 0x4652_2000_0000_0001));
    env.sign(&sale("twice"));
    env.sign(&sale("twice"));
    // An error state under the same reference does not count.
    env.sign(&receipt("once", 0x4652_2000_0000_0001));
    env.sign(&sale("once"));
    for (reference, state, expected) in [
        (r#""nothing""#, ERROR, vec!["PreviousReceiptNotFound"]),
        (r#""bad""#, ERROR, vec!["PreviousReceiptNotFound"]),
        (r#""twice""#, ERROR, vec!["PreviousReceiptAmbiguous"]),
        (r#"["once","nothing","twice"]"#, ERROR, vec!["PreviousReceiptNotFound", "PreviousReceiptAmbiguous"]),
        (r#""once""#, 0, vec![]),
        (r#"["once"]"#, 0, vec![]),
        (r#""""#, 0, vec![]),
        ("null", 0, vec![]),
    ] {
        let (answer, response) = env.sign(&refer(&sale("R"), reference));
        assert_eq!((answer.status, low(&response), codes(&response)), (201, state, expected), "{reference}");
    }
    let (_, response) = env.sign(&refer(&sale("R"), r#"["once","nothing"]"#));
    assert_eq!(response["ftStateData"]["Findings"][0]["pointer"], "/cbPreviousReceiptReference/1");
}

#[test]
fn a_group_has_its_pairs_in_order() {
    let mut env = TestEnv::started();
    env.sign(&sale("a"));
    env.sign(&sale("b"));
    let (_, response) = env.sign(&refer(&sale("R"), r#"["b","a"]"#));
    let pairs = response["ftStateData"]["ftPreviousReceiptReference"].as_array().unwrap();
    let names: Vec<_> = pairs.iter().map(|pair| pair["ReceiptResponse"]["cbReceiptReference"].clone()).collect();
    assert_eq!(names, ["b", "a"]);
}

#[test]
fn void_refund_and_partial_refund_refer_to_one_receipt() {
    let mut env = TestEnv::started();
    env.sign(&sale("a"));
    let partial = sale("p").replace("35184372088851", &0x2000_0002_0013_u64.to_string());
    for (body, code) in [
        (receipt("v", VOID), "VoidGroupReferenceNotSupported"),
        (receipt("r", REFUND), "RefundGroupReferenceNotSupported"),
        (partial, "PartialRefundGroupReferenceNotSupported"),
    ] {
        let (_, refused) = env.sign(&refer(&body, r#"["a"]"#));
        assert_eq!((low(&refused), codes(&refused)), (ERROR, vec![code]));
        let (_, accepted) = env.sign(&refer(&body, r#""a""#));
        assert_eq!(low(&accepted), 0, "{code}: {accepted}");
    }
    let many: Vec<String> = (0..101).map(|number| format!("\"{number}\"")).collect();
    let (_, refused) = env.sign(&refer(&sale("m"), &format!("[{}]", many.join(","))));
    assert_eq!(codes(&refused), ["PreviousReceiptReferencesTooMany"]);
}

#[test]
fn a_receipt_that_is_not_durable_yet_can_be_referred_to() {
    let mut env = TestEnv::started();
    let first = env.fresh(OperationKind::Sign, &sale("flying"));
    env.commit(&first);
    let second = env.fresh(OperationKind::Sign, &refer(&sale("next"), r#""flying""#));
    let answer = env.commit(&second).answer;
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(low(&body), 0);
    assert_eq!(body["ftStateData"]["ftPreviousReceiptReference"][0]["ReceiptResponse"]["cbReceiptReference"], "flying");
}

/// The journal is asked before the receipt is durable, and answers after it has settled: neither has it.
#[test]
fn a_receipt_that_settles_between_ask_and_answer_is_not_lost() {
    use kassette_cashbox::{Ask, AskAnswer, Step};
    let mut env = TestEnv::started();
    let first = env.fresh(OperationKind::Sign, &sale("flying"));
    env.commit(&first);
    let second = env.fresh(OperationKind::Sign, &refer(&sale("next"), r#""flying""#));
    let mut facts = env.facts();
    assert!(matches!(env.core.step(&second, &facts), Step::Ask(Ask::Receipts { .. })));
    env.settle();
    facts.answers.push(AskAnswer::Receipts(Vec::new()));
    match env.core.step(&second, &facts) {
        Step::Ask(Ask::Signature { .. }) => {}
        other => panic!("the receipt was not found: {other:?}"),
    }
}

#[test]
fn an_erased_receipt_still_counts() {
    let mut env = TestEnv::started();
    env.sign(&sale("old"));
    let record = env.journal.last_mut().unwrap();
    record.bodies.fill(0);
    let (_, response) = env.sign(&refer(&sale("R"), r#""old""#));
    assert_eq!(low(&response), 0);
    assert!(response["ftStateData"]["ftPreviousReceiptReference"][0]["ReceiptRequest"].is_null());
}
