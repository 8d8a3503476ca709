use kassette_model::OperationKind;

use super::env::{TestEnv, captions, configuration, done, low, receipt, sale, with};

const FLAG: u64 = 0x8000_0000;
const SALE: u64 = 0x4154_2000_0000_0001;
const FAIL: u64 = 0xFFFF_FFFF;

#[test]
fn the_stored_answer_comes_back_byte_for_byte() {
    let mut env = TestEnv::started();
    let (first, _) = env.sign(&sale("R-1"));
    env.sign(&sale("R-2"));
    let before = env.core.head();
    let request = env.fresh(OperationKind::Sign, &receipt("R-1", SALE | FLAG));
    let (again, _) = env.sign_request(&request);
    assert_eq!(again, first);
    let after = env.core.head();
    assert_eq!((after.queue_row, after.numerator), (before.queue_row, before.numerator));
    // The operation itself is kept and replayed like every other; it is no receipt, but a note in the action journal.
    let record = env.stored(request.id).unwrap().open().unwrap().0;
    assert!(record.details.sign.is_none());
    assert_eq!(record.details.actions[0].kind, "ReceiptRequest");
    assert_eq!(env.admit(&request), kassette_cashbox::Admission::Done(again));
}

#[test]
fn the_newest_match_wins_and_running_ones_count() {
    let mut env = TestEnv::started();
    env.sign(&sale("R"));
    let second = env.fresh(OperationKind::Sign, &sale("R"));
    let second = env.commit(&second).answer;
    let request = env.fresh(OperationKind::Sign, &receipt("R", SALE | FLAG));
    assert_eq!(env.commit(&request).answer, second);
}

#[test]
fn items_and_terminal_must_match() {
    let mut env = TestEnv::started();
    env.sign(&sale("R"));
    let asked = receipt("R", SALE | FLAG);
    for (body, found) in [
        (asked.clone(), true),
        (asked.replace(r#""cbTerminalID":"bar-2","#, ""), true),
        // The same amounts and cases, written in another way.
        (asked.replace("20.00", "\"20\"").replace("35184372088851", "\"0x4154200000000013\""), true),
        (asked.replace("Espresso", "Coffee"), true),
        (asked.replace("bar-2", "bar-3"), false),
        (asked.replace("20.00", "20.01"), false),
        (asked.replace("35184372088851", "35184372088849"), false),
        (asked.replace(r#""Amount":30.00"#, r#""Amount":30.00,"Moment":"2026-03-04T10:15:34Z""#), false),
        (asked.replace("\"R\"", "\"Q\""), false),
        (
            receipt("R", SALE | FLAG).replace(
                r#""cbPayItems":[{"Description":"Cash","Amount":30.00,"ftPayItemCase":35184372088833}]"#,
                r#""cbPayItems":[]"#,
            ),
            false,
        ),
    ] {
        let (_, response) = env.sign(&body);
        assert_eq!(low(&response) == 0, found, "{body}");
    }
}

/// Contract 10.4.
#[test]
fn nothing_found_is_no_receipt() {
    let mut env = TestEnv::started();
    let before = env.core.head();
    let (answer, response) = env.sign(&receipt("never", SALE | FLAG));
    assert!(done(&answer));
    assert_eq!(response["ftState"].as_u64().unwrap(), 0x4154_2000_FFFF_FFFF);
    assert_eq!(response["ftQueueItemID"], "00000000-0000-0000-0000-000000000000");
    assert_eq!(response["ftQueueRow"], 0);
    assert_eq!(captions(&response), ["[Error] ReceiptNotFound"]);
    assert_eq!(env.core.head().queue_row, before.queue_row);
    assert_eq!(env.core.head().numerator, before.numerator);
}

#[test]
fn mode_1_signs_a_new_receipt_without_the_flag() {
    let mut configuration = configuration();
    configuration.receipt_request_signs = true;
    let mut env = TestEnv::started_with(configuration);
    for (reference, case, kept) in [("a", SALE | FLAG, SALE), ("b", 0x4154_8000_0000_0001, 0x4154_0000_0000_0001)] {
        let row = env.core.head().queue_row;
        let (first, response) = env.sign(&receipt(reference, case));
        assert_eq!((low(&response), &response["ftQueueRow"]), (0, &(row + 1).into()), "{response}");
        let record = env.journal.last().unwrap().open().unwrap().0;
        assert_eq!(record.details.sign.unwrap().receipt_case, kept);
        let (second, _) = env.sign(&receipt(reference, case));
        assert_eq!(second, first, "now there is one");
    }
}

#[test]
fn an_error_state_is_found_by_version_2_only() {
    let mut env = TestEnv::started();
    // A zero receipt with items is refused by the market.
    let items = sale("E");
    let (first, refused) = env.sign(&items.replace(&SALE.to_string(), &0x4154_2000_0000_2000_u64.to_string()));
    assert_eq!(low(&refused), 0xEEEE_EEEE);
    assert_eq!(env.sign(&items.replace(&SALE.to_string(), &(SALE | FLAG).to_string())).0, first);
    let v0 = items.replace(&SALE.to_string(), &0x4154_8000_0000_0001_u64.to_string());
    assert_eq!(low(&env.sign(&v0).1), FAIL);
}

/// Contract 10.19.
#[test]
fn on_a_zero_receipt_the_flag_may_mean_the_unit() {
    let zero = receipt("Z", 0x4154_2000_8000_2000);
    let mut env = TestEnv::started();
    assert_eq!(low(&env.sign(&zero).1), FAIL, "a receipt request");
    let direct = r#""ftReceiptCaseData":{"eu.fiskaltrust.Middleware.SCU.AT.Test":{}}"#;
    let as_text = r#""ftReceiptCaseData":"{\"eu.fiskaltrust.Middleware.SCU.AT.Test\":{}}""#;
    for data in [direct, as_text] {
        assert_ne!(low(&env.sign(&with(&zero, data)).1), FAIL, "{data}");
    }
    assert_eq!(low(&env.sign(&with(&zero, r#""ftReceiptCaseData":{"AT":"x"}"#)).1), 0, "matches the receipts above");
}
