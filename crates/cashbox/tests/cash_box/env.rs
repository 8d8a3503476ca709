//! A cash box with a clock, a journal and a signer of its own: feed a request, look at the step.

use kassette_cashbox::{
    Admission, Answer, Ask, AskAnswer, CashBox, Commit, Configuration, Facts, Request, Step, StoredReceipt, TokenEntry,
    UnitEntry,
};
use kassette_markets::{MarketSecrets, UnitAnswer};
use kassette_model::cases::Country;
use kassette_model::{CashBoxId, Environment, OperationId, OperationKind, OperationState, QueueId, UnitId};
use kassette_record::{Hash, SealedRecord, moment};
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

pub(crate) const CASH_BOX: &str = "0d0f6f0e-6a53-4a63-8f2b-1b7a0a0f7a10";
pub(crate) const QUEUE: &str = "3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02";
/// 2026-03-04T10:15:34Z.
pub(crate) const START_NS: i64 = 1_772_619_334_000_000_000;
pub(crate) const START_RECEIPT: u64 = 0x4154_2000_0000_4001;

pub(crate) fn configuration() -> Configuration {
    Configuration {
        cash_box: CashBoxId::parse(CASH_BOX).unwrap(),
        queue: QueueId::parse(QUEUE).unwrap(),
        identification: "TILL-0007".to_owned(),
        market: Country::AT,
        environment: Environment::Sandbox,
        tokens: vec![TokenEntry { hmac_hex: "ab".repeat(32), created_ns: 1, not_after_ns: None }],
        disabled: false,
        units: vec![UnitEntry {
            id: UnitId::from_bytes([5; 16]),
            sandbox: true,
            algorithm_mark: "AT100".to_owned(),
            key_name: "1a2b3c".to_owned(),
            certificate_base64: Some("AAEC".to_owned()),
            chain_base64: vec!["AwQF".to_owned()],
            public_key_base64: "BgcI".to_owned(),
            retired: false,
        }],
        terminals: Vec::new(),
        market_settings: RawValue::from_string("{}".to_owned()).unwrap(),
        validation_fails: false,
        receipt_request_signs: false,
        created_ns: START_NS,
    }
}

pub(crate) fn secrets() -> MarketSecrets {
    let market = kassette_markets::market(Country::AT).unwrap();
    market.secrets(&market.new_secrets(&[7; 64])).unwrap()
}

/// The `number`-th operation id.
pub(crate) fn id(number: u64) -> OperationId {
    OperationId::from_uuid(uuid::Uuid::from_u128(0x7b0c_2e2a_6f4e_4a0e_0000_0000_0000_0000 + u128::from(number)))
}

pub(crate) fn request(kind: OperationKind, number: u64, body: impl Into<Vec<u8>>) -> Request {
    Request {
        id: id(number),
        kind,
        method: "POST".to_owned(),
        path: format!("/v2/{kind}"),
        headers: vec![("accept".to_owned(), "*/*".to_owned())],
        pos_system: None,
        terminal: None,
        lifetime_ms: None,
        callback: None,
        body: body.into(),
    }
}

/// A receipt body: reference, case and, unless it is a special receipt, 20.00 at 20 % and 10.00 at 10 %, paid in cash.
pub(crate) fn receipt(reference: &str, case: u64) -> String {
    let items = if case & 0xF000 >= 0x2000 {
        r#""cbChargeItems":[],"cbPayItems":[]"#
    } else {
        concat!(
            r#""cbChargeItems":[{"Quantity":2,"Description":"Espresso","Amount":20.00,"VATRate":20,"ftChargeItemCase":35184372088851},"#,
            r#"{"Quantity":1,"Description":"Strudel","Amount":10.00,"VATRate":10,"ftChargeItemCase":35184372088849}],"#,
            r#""cbPayItems":[{"Description":"Cash","Amount":30.00,"ftPayItemCase":35184372088833}]"#
        )
    };
    format!(
        r#"{{"cbTerminalID":"bar-2","cbReceiptReference":"{reference}","cbReceiptMoment":"2026-03-04T10:15:34Z","ftReceiptCase":{case},{items}}}"#
    )
}

pub(crate) fn sale(reference: &str) -> String {
    receipt(reference, 0x4154_2000_0000_0001)
}

/// Puts `member` first into a body.
pub(crate) fn with(body: &str, member: &str) -> String {
    body.replacen('{', &format!("{{{member},"), 1)
}

/// Deterministic stand-in for a signature: nothing here verifies it.
pub(crate) fn fake_signature(message: &[u8]) -> [u8; 64] {
    let first = Sha256::digest(message);
    let second = Sha256::digest(first);
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&first);
    signature[32..].copy_from_slice(&second);
    signature
}

pub(crate) struct TestEnv {
    pub(crate) core: CashBox,
    pub(crate) configuration: Configuration,
    pub(crate) now_ns: i64,
    /// Durable records.
    pub(crate) journal: Vec<SealedRecord>,
    /// Records that are made but not durable.
    pub(crate) pending: Vec<SealedRecord>,
    pub(crate) unit_works: bool,
    /// Reference keys asked for.
    pub(crate) asked: Vec<u64>,
    next: u64,
}

impl TestEnv {
    /// A configured cash box whose queue is new.
    pub(crate) fn new(configuration: Configuration) -> Self {
        let core = CashBox::create(&configuration, secrets()).unwrap();
        let mut env = Self {
            core,
            configuration,
            now_ns: START_NS,
            journal: Vec::new(),
            pending: Vec::new(),
            unit_works: true,
            asked: Vec::new(),
            next: 1_000_000,
        };
        let facts = env.facts();
        let first = env.core.configure(&env.configuration, &facts).unwrap();
        env.journal.push(first);
        env
    }

    /// A cash box whose queue is started.
    pub(crate) fn started() -> Self {
        Self::started_with(configuration())
    }

    pub(crate) fn started_with(configuration: Configuration) -> Self {
        let mut env = Self::new(configuration);
        let (answer, body) = env.sign(&receipt("start", START_RECEIPT));
        assert_eq!((answer.status, low(&body)), (201, 0), "{body}");
        env
    }

    pub(crate) fn facts(&self) -> Facts {
        let now = moment(self.now_ns);
        let seed = Sha256::digest(self.core.link().0.to_le_bytes()).into();
        Facts { now, admitted: now, seed, answers: Vec::new(), terminals: self.configuration.terminals.clone() }
    }

    /// Steps until the request is decided; the record, if any, waits in `pending`.
    pub(crate) fn apply(&mut self, request: &Request) -> Step {
        let mut facts = self.facts();
        for _ in 0..1000 {
            let before = self.core.link();
            let ask = match self.core.step(request, &facts) {
                Step::Ask(ask) => ask,
                Step::Commit(commit) => {
                    commit.record.follows(before.0, before.1).unwrap();
                    assert_eq!(self.core.link(), (commit.record.row, commit.record.hash));
                    self.pending.push(commit.record.clone());
                    self.now_ns += 1_000_000_000;
                    return Step::Commit(commit);
                }
                Step::Begin(begun) => {
                    self.pending.extend(begun.record.clone());
                    self.now_ns += 1_000_000_000;
                    return Step::Begin(begun);
                }
                Step::Progress(_) => panic!("only a provider makes progress"),
                refused @ Step::Refuse(_) => {
                    assert_eq!(self.core.link(), before, "a refusal changes nothing");
                    return refused;
                }
            };
            assert_eq!(self.core.link(), before, "an ask changes nothing");
            assert_eq!(self.core.admit(request, None), Admission::Running);
            facts.answers.push(self.answer(&ask));
        }
        panic!("the step asks without end");
    }

    fn answer(&mut self, ask: &Ask) -> AskAnswer {
        match ask {
            Ask::Signature { unit, message } => AskAnswer::Signature(UnitAnswer {
                unit: *unit,
                result: if self.unit_works { Ok(fake_signature(message)) } else { Err("unplugged".to_owned()) },
            }),
            Ask::Operation(operation) => AskAnswer::Operation(self.stored(*operation).cloned().map(Box::new)),
            Ask::Receipts { reference_key, limit } => {
                self.asked.push(*reference_key);
                let found = self.journal.iter().rev().filter(|record| record.reference_key == Some(*reference_key));
                AskAnswer::Receipts(found.take(*limit).map(|record| StoredReceipt { record: record.clone() }).collect())
            }
        }
    }

    /// Applies and gives the commit.
    #[track_caller]
    pub(crate) fn commit(&mut self, request: &Request) -> Commit {
        match self.apply(request) {
            Step::Commit(commit) => *commit,
            other => panic!("no commit: {other:?}"),
        }
    }

    /// Makes everything durable.
    pub(crate) fn settle(&mut self) {
        for record in self.pending.drain(..) {
            if let Some(operation) = record.operation {
                self.core.settled(operation, record.row);
            }
            self.journal.push(record);
        }
    }

    pub(crate) fn fresh(&mut self, kind: OperationKind, body: &str) -> Request {
        self.next += 1;
        request(kind, self.next, body)
    }

    /// Signs with a fresh operation id and settles: answer, and its body as JSON.
    #[track_caller]
    pub(crate) fn sign(&mut self, body: &str) -> (Answer, Value) {
        let request = self.fresh(OperationKind::Sign, body);
        self.sign_request(&request)
    }

    #[track_caller]
    pub(crate) fn sign_request(&mut self, request: &Request) -> (Answer, Value) {
        let answer = self.commit(request).answer;
        self.settle();
        let value = serde_json::from_slice(&answer.body).unwrap();
        (answer, value)
    }

    pub(crate) fn stored(&self, operation: OperationId) -> Option<&SealedRecord> {
        self.journal.iter().rev().find(|record| record.operation == Some(operation))
    }

    pub(crate) fn admit(&self, request: &Request) -> Admission {
        self.core.admit(request, self.stored(request.id))
    }

    /// The cash box as another process would restore it from the last durable record.
    pub(crate) fn restored(&self) -> CashBox {
        let last = self.journal.last().unwrap();
        let json = self.journal.iter().rev().find_map(|record| record.configured.as_ref()).unwrap();
        let configuration = Configuration::from_json(&json.1).unwrap();
        let (record, _) = last.open().unwrap();
        CashBox::restore(&configuration, secrets(), record.details.head, last.row, last.hash).unwrap()
    }
}

pub(crate) fn low(body: &Value) -> u64 {
    body["ftState"].as_u64().unwrap() & 0xFFFF_FFFF
}

pub(crate) fn captions(body: &Value) -> Vec<&str> {
    body["ftSignatures"].as_array().unwrap().iter().filter_map(|item| item["Caption"].as_str()).collect()
}

/// The codes of the findings of an error state.
pub(crate) fn codes(body: &Value) -> Vec<&str> {
    let findings = body["ftStateData"]["Findings"].as_array();
    findings.map_or_else(Vec::new, |findings| findings.iter().filter_map(|finding| finding["code"].as_str()).collect())
}

/// The chain over all records holds.
pub(crate) fn check_chain(records: &[SealedRecord]) {
    let (mut row, mut hash) = (0, Hash::ZERO);
    for record in records {
        record.follows(row, hash).unwrap();
        (row, hash) = (record.row, record.hash);
    }
}

pub(crate) fn done(answer: &Answer) -> bool {
    answer.state == OperationState::Done && answer.status == 201
}
