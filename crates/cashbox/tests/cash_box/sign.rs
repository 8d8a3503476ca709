use kassette_cashbox::Step;
use kassette_model::{Environment, OperationKind, OperationState, PosSystemId};
use kassette_record::QueuePhase;
use kassette_stdx::encoding::{base64, base64_decode};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::env::{
    CASH_BOX, QUEUE, START_NS, TestEnv, captions, check_chain, codes, configuration, done, low, receipt, sale, with,
};

const ERROR: u64 = 0xEEEE_EEEE;

/// Contract 9.1: what the devkit's TestSigningSimple sends and expects: version nibble 0, no item cases, unbalanced.
#[test]
fn the_devkits_simple_receipt_is_signed() {
    let mut env = TestEnv::started();
    let body = concat!(
        r#"{"cbTerminalID":null,"cbReceiptReference":"f0c2","cbReceiptMoment":"2026-03-04T10:15:34.1234567Z","#,
        r#""cbChargeItems":[{"Quantity":1,"Description":"A","Amount":20.0,"VATRate":20},"#,
        r#"{"Quantity":2,"Description":"B","Amount":10.0,"VATRate":10}],"#,
        r#""cbPayItems":[{"Description":"Cash","Amount":40.0}],"ftReceiptCase":4707387510509010945}"#
    );
    assert_eq!(4_707_387_510_509_010_945_u64, 0x4154_0000_0000_0001);
    let (answer, response) = env.sign(body);
    assert!(done(&answer));
    assert!(!response["ftSignatures"].as_array().unwrap().is_empty());
    assert_eq!(response["ftState"].as_u64().unwrap(), 0x4154_2000_0000_0000);
    assert_eq!(response["cbReceiptReference"], "f0c2");
    assert_eq!(response["ftQueueID"], QUEUE);
    assert_eq!(response["ftCashBoxID"], CASH_BOX);
    assert_eq!(response["ftCashBoxIdentification"], "TILL-0007");
    let code = response["ftSignatures"].as_array().unwrap().iter().find(|item| item["ftSignatureFormat"] == 3).unwrap();
    assert!(code["Data"].as_str().unwrap().starts_with("_R1-AT100_TILL-0007_ft1#2_"), "{code}");
}

#[test]
fn rows_are_dense_over_error_states_and_the_numerator_is_not_touched_by_them() {
    let mut env = TestEnv::started();
    let wrong_country = receipt("wrong", 0x4652_2000_0000_0001);
    let mut seen = Vec::new();
    for body in [sale("R-1"), wrong_country.clone(), "no json".to_owned(), wrong_country, sale("R-2")] {
        let (answer, response) = env.sign(&body);
        seen.push(match answer.status {
            201 => (
                response["ftQueueRow"].as_u64().unwrap(),
                response["ftReceiptIdentification"].as_str().unwrap().to_owned(),
            ),
            status => (u64::from(status), String::new()),
        });
    }
    let expected = [(2, "ft1#2"), (3, "ft2#"), (400, ""), (4, "ft2#"), (5, "ft2#3")];
    assert_eq!(seen, expected.map(|(row, text)| (row, text.to_owned())));
    assert_eq!(env.core.head().numerator, 3);
    check_chain(&env.journal);
    // The stored 400 took a journal row: configuration, start, five operations.
    assert_eq!(env.core.link().0, 7);
}

#[test]
fn a_new_queue_answers_out_of_operation_and_counts() {
    let mut env = TestEnv::new(configuration());
    let (answer, response) = env.sign(&sale("early"));
    assert!(done(&answer));
    assert_eq!(low(&response) & 1, 1);
    assert_eq!(response["ftReceiptIdentification"], "ft0#");
    assert_eq!(captions(&response), ["S A N D B O X"]);
    assert_eq!((env.core.head().numerator, env.core.phase()), (1, QueuePhase::New));
    let record = env.journal.last().unwrap().open().unwrap().0;
    assert!(!record.details.actions.is_empty(), "the action journal says that the queue is not active");
}

#[test]
fn identifications_are_upper_case_hexadecimal() {
    let mut env = TestEnv::started();
    for _ in 0..15 {
        env.sign(&sale("R"));
    }
    let (_, response) = env.sign(&sale("R"));
    assert_eq!(response["ftReceiptIdentification"], "ft10#17");
    for _ in 0..9 {
        env.sign(&sale("R"));
    }
    assert_eq!(env.sign(&sale("R")).1["ftReceiptIdentification"], "ft1A#27");
}

#[test]
fn an_error_state_replaces_flags_and_signatures() {
    let mut env = TestEnv::started();
    let (answer, response) = env.sign(&receipt("x", 0x4652_3000_0000_0001));
    assert!(done(&answer), "a fiscal refusal is 201");
    assert_eq!(response["ftState"].as_u64().unwrap(), 0x4154_2000_EEEE_EEEE);
    assert_eq!(codes(&response), ["ReceiptCaseCountryMismatch", "ReceiptCaseVersionNotSupported"]);
    assert_eq!(
        captions(&response),
        ["[Error] ReceiptCaseCountryMismatch", "[Error] ReceiptCaseVersionNotSupported", "S A N D B O X"]
    );
    let failure = &response["ftSignatures"][0];
    assert_eq!(failure["ftSignatureType"].as_u64().unwrap(), 0x4154_2000_0000_3000);
    assert_eq!(failure["ftSignatureFormat"], 1);
    let finding = &response["ftStateData"]["Findings"][0];
    assert_eq!(finding["pointer"], "/ftReceiptCase");
    assert_eq!(finding["message"], failure["Data"]);
}

#[test]
fn versions_0_2_and_8_are_read() {
    for version in 0..16_u64 {
        let mut env = TestEnv::started();
        let (_, response) = env.sign(&receipt("v", 0x4154_0000_0000_0001 | version << 44));
        match version {
            0 | 2 => assert_eq!(low(&response), 0, "{version}"),
            // The receipt request of the version before; nothing is stored under this reference.
            8 => assert_eq!(low(&response), 0xFFFF_FFFF),
            _ => assert_eq!((low(&response), codes(&response)), (ERROR, vec!["ReceiptCaseVersionNotSupported"])),
        }
    }
}

#[test]
fn the_market_refuses_with_findings() {
    let mut env = TestEnv::started();
    let before = env.core.head();
    // A zero receipt with items (contract 6.4).
    let (answer, response) =
        env.sign(&sale("z").replace("4707422694881099777", &0x4154_2000_0000_2000_u64.to_string()));
    assert!(done(&answer));
    assert_eq!(low(&response), ERROR);
    assert!(!codes(&response).is_empty());
    let after = env.core.head();
    assert_eq!((after.queue_row, after.numerator), (before.queue_row + 1, before.numerator));
    assert_eq!(after.market.unwrap().get(), before.market.unwrap().get());
    assert_eq!(after.queue_hash, before.queue_hash);
}

#[test]
fn the_sandbox_marker_stands_on_every_copy_and_on_none_in_production() {
    let marker = |response: &Value| {
        let found: Vec<Value> = response["ftSignatures"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|i| i["Caption"] == "S A N D B O X")
            .cloned()
            .collect();
        found
    };
    let mut sandbox = TestEnv::started();
    for body in [sale("a"), receipt("b", 0x4652_2000_0000_0001), receipt("c", 0x4154_2000_0000_2000)] {
        let found = marker(&sandbox.sign(&body).1);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (&found[0]["Data"], &found[0]["ftSignatureFormat"], &found[0]["ftSignatureType"]),
            (&QUEUE.into(), &1.into(), &0.into())
        );
    }
    // The stored answer that a receipt request gives out again carries it too.
    let (_, again) = sandbox.sign(&receipt("a", 0x4154_2000_8000_0001));
    assert_eq!(low(&again), 0);
    assert_eq!(marker(&again).len(), 1);

    let mut real = configuration();
    real.environment = Environment::Production;
    real.units[0].sandbox = false;
    real.units[0].algorithm_mark = "AT1".to_owned();
    let mut production = TestEnv::started_with(real);
    for body in [sale("a"), receipt("b", 0x4652_2000_0000_0001)] {
        assert!(marker(&production.sign(&body).1).is_empty());
    }
}

#[test]
fn contradictions_between_body_and_headers_are_stored_400s() {
    let other = "11111111-2222-4333-8444-555555555555";
    for (member, code, pointer) in [
        (format!(r#""ftCashBoxID":"{other}""#), "cash-box-mismatch", "/ftCashBoxID"),
        (format!(r#""ftPosSystemId":"{other}""#), "pos-system-mismatch", "/ftPosSystemId"),
        (format!(r#""ftQueueID":"{other}""#), "queue-mismatch", "/ftQueueID"),
    ] {
        let mut env = TestEnv::started();
        let before = env.core.head();
        let mut request = env.fresh(OperationKind::Sign, &with(&sale("m"), &member));
        request.pos_system = PosSystemId::parse("99999999-2222-4333-8444-555555555555");
        let (answer, body) = env.sign_request(&request);
        assert_eq!((answer.status, answer.state), (400, OperationState::Failed));
        assert_eq!((body["code"].as_str().unwrap(), body["findings"][0]["pointer"].as_str().unwrap()), (code, pointer));
        assert_eq!(env.core.head().queue_row, before.queue_row);
        assert!(env.journal.last().unwrap().open().unwrap().0.details.sign.is_none());
    }
    let mut env = TestEnv::started();
    let mut request = env.fresh(OperationKind::Sign, &sale("m"));
    request.terminal = Some("bar-3".to_owned());
    let (answer, body) = env.sign_request(&request);
    assert_eq!((answer.status, body["code"].as_str().unwrap()), (400, "terminal-mismatch"));
}

#[test]
fn ids_that_agree_or_are_nil_pass_and_missing_ones_come_from_the_headers() {
    let nil = "00000000-0000-0000-0000-000000000000";
    let pos = "99999999-2222-4333-8444-555555555555";
    for members in [
        format!(r#""ftCashBoxID":"{CASH_BOX}","ftQueueID":"{QUEUE}","ftPosSystemId":"{pos}""#),
        format!(r#""ftCashBoxID":"{nil}","ftQueueID":"{nil}","ftPosSystemId":"{nil}""#),
    ] {
        let mut env = TestEnv::started();
        let mut request = env.fresh(OperationKind::Sign, &with(&sale("m"), &members));
        request.pos_system = PosSystemId::parse(pos);
        request.terminal = Some("bar-2".to_owned());
        assert!(done(&env.sign_request(&request).0));
    }
    let mut env = TestEnv::started();
    let mut request = env.fresh(OperationKind::Sign, &sale("m").replace(r#""cbTerminalID":"bar-2","#, ""));
    request.terminal = Some("bar-9".to_owned());
    assert_eq!(env.sign_request(&request).1["cbTerminalID"], "bar-9");
}

#[test]
fn cases_without_a_country_get_that_of_the_queue() {
    let mut env = TestEnv::started();
    // A documented sample sends the receipt case as hexadecimal text without country and version.
    let body = sale("c").replace("4707422694881099777", r#""0x0000000000000001""#);
    let (_, response) = env.sign(&body);
    assert_eq!(low(&response), 0);
    let record = env.journal.last().unwrap().open().unwrap().0;
    assert_eq!(record.details.sign.unwrap().receipt_case, 0x4154_0000_0000_0001);
}

#[test]
fn the_receipt_moment_never_goes_back_and_is_whole_ticks() {
    let mut env = TestEnv::started();
    env.now_ns = START_NS + 5_000_000_123;
    let (_, first) = env.sign(&sale("a"));
    assert_eq!(first["ftReceiptMoment"], "2026-03-04T10:15:39.0000001Z");
    env.now_ns = START_NS - 3_600_000_000_000;
    let (_, second) = env.sign(&sale("b"));
    assert_eq!(second["ftReceiptMoment"], first["ftReceiptMoment"]);
    let record = env.journal.last().unwrap().open().unwrap().0;
    assert_eq!(record.details.time_ns, START_NS - 3_600_000_000_000, "the record says when it was made");
    assert_eq!(record.details.sign.unwrap().receipt_moment_ns, START_NS + 5_000_000_100);
}

/// The recipe of contract 6.2, written down once more here.
#[test]
fn the_queue_chain_can_be_computed_from_the_stored_bodies() {
    let mut env = TestEnv::started();
    env.sign(&sale("a"));
    env.sign(&receipt("b", 0x4652_2000_0000_0001));
    env.sign(&sale("c"));
    let (mut previous, mut number) = (Vec::new(), 0_i64);
    for sealed in &env.journal {
        let (record, _) = sealed.open().unwrap();
        let Some(sign) = record.details.sign else { continue };
        let Some(entry) = sign.receipt_journal else { continue };
        number += 1;
        let mut bytes = previous.clone();
        bytes.extend(entry.id.to_bytes_le());
        bytes.extend((621_355_968_000_000_000 + sign.receipt_moment_ns / 100).to_le_bytes());
        bytes.extend(number.to_le_bytes());
        bytes.extend(Sha256::digest(record.bodies.request.unwrap()));
        bytes.extend(Sha256::digest(record.bodies.response.unwrap()));
        assert_eq!(entry.hash, base64(&Sha256::digest(&bytes)));
        assert_eq!(entry.number, u64::try_from(number).unwrap());
        previous = base64_decode(&entry.hash).unwrap();
    }
    assert_eq!(number, 3, "start and two sales; the error state has no entry");
    assert_eq!(env.core.head().queue_hash.unwrap().0.as_slice(), previous);
}

#[test]
fn the_record_tells_all() {
    let mut env = TestEnv::started();
    let body = with(&sale("R-7"), r#""cbReceiptAmount":30.5"#);
    let (_, response) = env.sign(&body);
    let sealed = env.journal.last().unwrap();
    let (record, bodies) = sealed.open().unwrap();
    assert_eq!(bodies.request().unwrap(), body.as_bytes());
    let sign = record.details.sign.unwrap();
    assert_eq!(response["ftQueueItemID"], sign.queue_item.to_string());
    assert_eq!(sign.queue_item.journal_row(), Some(sealed.row));
    assert_eq!(response["ftQueueRow"], sign.queue_row);
    assert_eq!(response["ftReceiptIdentification"], sign.identification);
    assert_eq!(sign.receipt_journal.unwrap().total, "30.5");
    assert!(sign.market.is_some(), "what the exports need");
    let market = record.details.market.unwrap();
    assert_eq!(market.country, "AT");
    let operation = record.details.operation.unwrap();
    assert_eq!((operation.status, operation.state), (201, OperationState::Done));
    assert_ne!(record.bodies.request_salt, record.bodies.response_salt);
}

#[test]
fn a_failed_unit_gives_a_receipt_with_its_state() {
    let mut env = TestEnv::started();
    env.unit_works = false;
    let (answer, response) = env.sign(&sale("f"));
    assert!(done(&answer));
    assert_eq!(low(&response) & 2, 2);
    env.unit_works = true;
    let (_, zero) = env.sign(&receipt("z", 0x4154_2000_0000_2000));
    assert_eq!(low(&zero), 0, "{zero}");
}

#[test]
fn kinds_that_are_not_served_are_refused_without_a_record() {
    let mut env = TestEnv::started();
    for kind in [OperationKind::Cart, OperationKind::Order, OperationKind::Issue] {
        let request = env.fresh(kind, "{}");
        match env.apply(&request) {
            Step::Refuse(problem) => assert_eq!((problem.status(), problem.stored), (404, false)),
            other => panic!("{other:?}"),
        }
    }
}
