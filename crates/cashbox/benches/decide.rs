//! What one Austrian receipt costs a core: the decision with its record and hashes, and, measured apart, the signature.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a bench may stop")]

use std::hint::black_box;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use kassette_cashbox::{Ask, AskAnswer, CashBox, Commit, Configuration, Facts, Request, Step, UnitEntry};
use kassette_markets::UnitAnswer;
use kassette_model::cases::Country;
use kassette_model::{CashBoxId, Environment, Moment, OperationId, OperationKind, QueueId, UnitId};
use kassette_record::moment;
use serde_json::value::RawValue;

const NOW_NS: i64 = 1_772_619_334_000_000_000;

fn cash_box() -> CashBox {
    let configuration = Configuration {
        cash_box: CashBoxId::from_bytes([1; 16]),
        queue: QueueId::from_bytes([2; 16]),
        identification: "TILL-0007".to_owned(),
        market: Country::AT,
        environment: Environment::Sandbox,
        tokens: Vec::new(),
        disabled: false,
        units: vec![UnitEntry {
            id: UnitId::from_bytes([3; 16]),
            sandbox: true,
            algorithm_mark: "AT100".to_owned(),
            key_name: "1a2b3c4d5e6f".to_owned(),
            certificate_base64: None,
            chain_base64: Vec::new(),
            public_key_base64: "BgcI".to_owned(),
            retired: false,
        }],
        terminals: Vec::new(),
        market_settings: RawValue::from_string("{}".to_owned()).unwrap(),
        validation_fails: false,
        receipt_request_signs: false,
        created_ns: NOW_NS,
    };
    let market = kassette_markets::market(Country::AT).unwrap();
    let secrets = market.secrets(&market.new_secrets(&[7; 64])).unwrap();
    let mut core = CashBox::create(&configuration, secrets).unwrap();
    core.configure(&configuration, &facts(moment(NOW_NS))).unwrap();
    let start = r#"{"cbReceiptReference":"start","cbReceiptMoment":"2026-03-04T10:15:34Z","cbChargeItems":[],"cbPayItems":[],"ftReceiptCase":"0x4154200000004001"}"#;
    let first = request(0, start);
    sign(&mut core, &first, &mut facts(moment(NOW_NS)));
    core.settled(first.id, u64::MAX);
    core
}

fn facts(now: Moment) -> Facts {
    Facts { now, admitted: now, seed: [9; 32], answers: Vec::with_capacity(1), terminals: Vec::new() }
}

fn request(number: u128, body: &str) -> Request {
    Request {
        id: OperationId::from_uuid(uuid::Uuid::from_u128(number)),
        kind: OperationKind::Sign,
        method: "POST".to_owned(),
        path: "/v2/sign".to_owned(),
        headers: vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("user-agent".to_owned(), "till/1.0".to_owned()),
        ],
        pos_system: None,
        terminal: None,
        lifetime_ms: None,
        callback: None,
        body: body.as_bytes().to_vec(),
    }
}

/// The receipt of contract 4.5.
const SALE: &str = r#"{"cbTerminalID":"bar-2","cbReceiptReference":"R-2026-000815","cbReceiptMoment":"2026-03-04T10:15:34Z","ftReceiptCase":35184372088833,"cbChargeItems":[{"Quantity":2,"Description":"Espresso","Amount":6.40,"VATRate":20,"ftChargeItemCase":35184372088851},{"Quantity":1,"Description":"Strudel","Amount":12.00,"VATRate":10,"ftChargeItemCase":35184372088849}],"cbPayItems":[{"Description":"Card","Amount":18.40,"ftPayItemCase":35184397254661}]}"#;

/// Both steps of a receipt; the signature between them is a constant.
fn sign(core: &mut CashBox, request: &Request, facts: &mut Facts) -> Commit {
    loop {
        match core.step(request, facts) {
            Step::Ask(Ask::Signature { unit, .. }) => {
                facts.answers.push(AskAnswer::Signature(UnitAnswer { unit, result: Ok([0x5A; 64]) }));
            }
            Step::Commit(commit) => return *commit,
            other => panic!("{other:?}"),
        }
    }
}

fn decide(criterion: &mut Criterion) {
    let mut core = cash_box();
    let mut number = 0;
    criterion.bench_function("receipt without its signature", |bencher| {
        bencher.iter_batched(
            || {
                number += 1;
                (request(number, SALE), facts(moment(NOW_NS)))
            },
            |(request, mut facts)| {
                let commit = sign(&mut core, &request, &mut facts);
                core.settled(request.id, u64::MAX);
                black_box(commit)
            },
            BatchSize::SmallInput,
        );
    });
    criterion.bench_function("echo", |bencher| {
        bencher.iter_batched(
            || {
                number += 1;
                let echo = Request { kind: OperationKind::Echo, ..request(number, r#"{"Message":"hello"}"#) };
                (echo, facts(moment(NOW_NS)))
            },
            |(request, facts)| {
                let step = core.step(&request, &facts);
                core.settled(request.id, u64::MAX);
                black_box(step)
            },
            BatchSize::SmallInput,
        );
    });
}

fn signature(criterion: &mut Criterion) {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let random = SystemRandom::new();
    let message = [b'x'; 300];
    criterion.bench_function("its signature (P-256)", |bencher| {
        bencher.iter(|| key.sign(&random, black_box(&message)).expect("a signature"));
    });
}

criterion_group!(benches, decide, signature);
criterion_main!(benches);
