//! A register for tests: keeps what the core keeps, asks real keys, and runs every step twice.

use std::sync::{Arc, LazyLock};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use kassette_markets::at::{Austria, State};
use kassette_markets::{
    Decision, ExportContext, Finding, Input, Market, MarketSecrets, MarketSettings, MarketState, Outcome, QueueFacts,
    Signed, UnitAnswer, UnitFacts, UnitMaterial,
};
use kassette_model::cases::{ChargeItemCase, PayItemCase, ReceiptCase};
use kassette_model::{
    CashBoxId, ChargeItem, Decimal, Environment, Moment, PayItem, PreviousReceipts, QueueId, QueueItemId,
    ReceiptRequest, SignatureItem, UnitId,
};
use kassette_record::{BoxHead, Details, MarketStamp, QueuePhase, SignFacts, unix_ns};
use serde_json::value::RawValue;

pub const V2: u64 = 0x4154_2000_0000_0000;
pub const SALE: u64 = V2 | 0x0001;
pub const ZERO: u64 = V2 | 0x2000;
pub const MONTH: u64 = V2 | 0x2012;
pub const YEAR: u64 = V2 | 0x2013;
pub const START: u64 = V2 | 0x4001;
pub const STOP: u64 = V2 | 0x4002;
pub const LATE: u64 = 0x0001_0000;
pub const TRAINING: u64 = 0x0002_0000;
pub const VOID: u64 = 0x0004_0000;
pub const HANDWRITTEN: u64 = 0x0008_0000;
pub const REFUND: u64 = 0x0100_0000;
pub const KASSEN_ID: &str = "TILL-0007";

/// A key with its certificate; generated once for all tests.
pub struct Key {
    pair: EcdsaKeyPair,
    certificate: Vec<u8>,
    public: Vec<u8>,
    serial: String,
}

static KEYS: LazyLock<Vec<Arc<Key>>> = LazyLock::new(|| {
    [0x0F_u8, 0xA1, 0xB2]
        .into_iter()
        .map(|serial| {
            let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
            let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
            params.serial_number = Some(rcgen::SerialNumber::from(vec![serial, 0x01]));
            let certificate = params.self_signed(&key).unwrap().der().to_vec();
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key.serialize_der()).unwrap();
            let public = pair.public_key().as_der().unwrap().as_ref().to_vec();
            Arc::new(Key { pair, certificate, public, serial: format!("{serial:x}01") })
        })
        .collect()
});

/// Checks ECDSA P-256 with SHA-256, as the signing crate does.
pub fn verify(spki: &[u8], message: &[u8], signature: &[u8; 64]) -> bool {
    let key = aws_lc_rs::signature::UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, spki);
    key.verify(message, signature).is_ok()
}

/// A signature unit that can be made to fail.
#[derive(Clone)]
pub struct Unit {
    pub facts: UnitFacts,
    pub works: bool,
    pub asked: usize,
    key: Arc<Key>,
    closed: bool,
}

pub fn unit(number: usize) -> Unit {
    let key = KEYS[number].clone();
    let facts = UnitFacts {
        id: UnitId::from_bytes([u8::try_from(number).unwrap() + 1; 16]),
        algorithm_mark: format!("AT{}", number + 1),
        key_name: key.serial.clone(),
    };
    Unit { facts, works: true, asked: 0, key, closed: false }
}

/// A unit of a closed system.
pub fn closed_unit(number: usize, key_name: &str) -> Unit {
    let mut unit = unit(number);
    unit.facts.algorithm_mark = "AT0".into();
    unit.facts.key_name = key_name.into();
    unit.closed = true;
    unit
}

/// A receipt as the core would store it.
#[derive(Clone)]
pub struct Stored {
    pub details: Details,
    pub note: Option<Box<RawValue>>,
}

#[derive(Clone)]
pub struct Register {
    pub settings: MarketSettings,
    pub secrets: MarketSecrets,
    pub state: MarketState,
    pub phase: QueuePhase,
    pub numerator: u64,
    pub kassen_id: String,
    pub units: Vec<Unit>,
    pub all_units: Vec<Unit>,
    pub now: Moment,
    pub stored: Vec<Stored>,
}

impl Register {
    /// A register that was never started, with the first unit.
    pub fn new(settings: &str) -> Self {
        Self::with_units(settings, vec![unit(0)])
    }

    pub fn with_units(settings: &str, units: Vec<Unit>) -> Self {
        let settings = Austria.settings(settings, Environment::Production).unwrap();
        let secrets = Austria.secrets(&Austria.new_secrets(&[42; 64])).unwrap();
        let state = Austria.initial_state(&settings);
        Self {
            settings,
            secrets,
            state,
            phase: QueuePhase::New,
            numerator: 0,
            kassen_id: KASSEN_ID.into(),
            all_units: units.clone(),
            units,
            now: "2026-03-04T10:15:34Z".parse().unwrap(),
            stored: vec![],
        }
    }

    /// A started register that signs what the table says.
    pub fn started() -> Self {
        let mut register = Self::new("{}");
        register.sign(START, vec![], vec![]).unwrap();
        register
    }

    pub fn at(&mut self, moment: &str) -> &mut Self {
        self.now = moment.parse().unwrap();
        self
    }

    pub fn works(&mut self, number: usize, works: bool) -> &mut Self {
        self.units[number].works = works;
        self
    }

    pub fn state(&self) -> &State {
        let MarketState::At(state) = &self.state;
        state
    }

    /// A sale of so many cents at 20 %, paid in cash.
    pub fn sale(&mut self, case: u64, amount: &str) -> Outcome {
        self.sign(case, vec![charge(amount, "20", 0)], vec![pay(amount, 0)]).unwrap()
    }

    pub fn zero(&mut self, case: u64) -> Outcome {
        self.sign(case, vec![], vec![]).unwrap()
    }

    pub fn sign(&mut self, case: u64, charges: Vec<ChargeItem>, pays: Vec<PayItem>) -> Result<Outcome, Vec<Finding>> {
        self.run(&request(case, self.now, charges, pays))
    }

    /// Runs a receipt through the market and keeps the outcome.
    pub fn run(&mut self, request: &ReceiptRequest) -> Result<Outcome, Vec<Finding>> {
        let stamp = Austria.stamp(request.moment);
        let mut answers: Vec<UnitAnswer> = vec![];
        for unit in &mut self.units {
            unit.asked = 0;
        }
        loop {
            let decision = self.decide(&stamp, request, &answers);
            assert_eq!(decision, self.decide(&stamp, request, &answers), "a step repeated gives the same");
            match decision {
                Decision::Ask { unit, message } => {
                    let unit = self.units.iter_mut().find(|known| known.facts.id == unit).unwrap();
                    unit.asked += 1;
                    assert_eq!(unit.asked, 1, "a unit is asked once per step");
                    let result = if unit.works {
                        let signature = unit.key.pair.sign(&SystemRandom::new(), &message).unwrap();
                        Ok(signature.as_ref().try_into().unwrap())
                    } else {
                        Err("planned outage".to_owned())
                    };
                    answers.push(UnitAnswer { unit: unit.facts.id, result });
                }
                Decision::Commit(outcome) => {
                    self.keep(request, &outcome);
                    return Ok(*outcome);
                }
                Decision::Refuse(findings) => return Err(findings),
            }
        }
    }

    fn decide(&self, stamp: &MarketStamp, request: &ReceiptRequest, answers: &[UnitAnswer]) -> Decision {
        let units: Vec<UnitFacts> = self.units.iter().map(|unit| unit.facts.clone()).collect();
        let queue = QueueFacts {
            cash_box: CashBoxId::from_bytes([1; 16]),
            queue: QueueId::from_bytes([2; 16]),
            identification: &self.kassen_id,
            environment: Environment::Production,
            phase: self.phase,
            numerator: self.numerator,
        };
        Austria.step(
            stamp,
            &Input {
                request,
                queue,
                settings: &self.settings,
                secrets: &self.secrets,
                state: &self.state,
                moment: self.now,
                units: &units,
                answers,
            },
        )
    }

    fn keep(&mut self, request: &ReceiptRequest, outcome: &Outcome) {
        // As the core does: through the written form.
        let written = Austria.write_state(&outcome.state);
        assert!(written.get().len() < 1024, "{written}");
        self.state = Austria.read_state(&written).unwrap();
        assert_eq!(self.state, outcome.state);
        self.phase = outcome.phase;
        let row = u64::try_from(self.stored.len()).unwrap() + 1;
        let details = Details {
            time_ns: unix_ns(self.now),
            operation: None,
            sign: Some(SignFacts {
                queue_row: row,
                queue_item: QueueItemId::for_row(row, [0; 10]),
                reference_key: 0,
                cb_receipt_moment_ns: unix_ns(request.moment),
                receipt_moment_ns: unix_ns(self.now),
                receipt_case: request.case.0,
                state: V2 | outcome.state_bits,
                identification: format!("ft{:X}#{}", self.numerator, outcome.identification),
                receipt_journal: None,
                market: None,
            }),
            configured: None,
            market: None,
            actions: vec![],
            promises: vec![],
            payment: None,
            head: BoxHead::new(),
        };
        let note = outcome.note.as_ref().map(|note| RawValue::from_string(note.to_string()).unwrap());
        self.stored.push(Stored { details, note });
        self.numerator += 1;
        self.now += jiff::SignedDuration::from_millis(1500);
    }

    pub fn materials(&self) -> Vec<UnitMaterial> {
        self.all_units
            .iter()
            .map(|unit| UnitMaterial {
                facts: unit.facts.clone(),
                certificate_der: (!unit.closed).then(|| unit.key.certificate.clone()),
                chain_der: vec![],
                public_key_der: unit.key.public.clone(),
            })
            .collect()
    }

    pub fn context<'a>(&'a self, units: &'a [UnitMaterial], with_secrets: bool) -> ExportContext<'a> {
        ExportContext {
            identification: &self.kassen_id,
            settings: &self.settings,
            secrets: with_secrets.then_some(&self.secrets),
            state: &self.state,
            units,
        }
    }

    pub fn export(&self, journal_type: u16, version: u8) -> String {
        let units = self.materials();
        let mut export = Austria.export(journal_type, version, &self.context(&units, false)).unwrap();
        let mut out = vec![];
        export.begin(&mut out).unwrap();
        for signed in self.signed() {
            export.receipt(&signed, &mut out).unwrap();
        }
        export.end(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    pub fn signed(&self) -> impl Iterator<Item = Signed<'_>> {
        (1..).zip(&self.stored).map(|(row, stored)| Signed {
            row,
            details: &stored.details,
            note: stored.note.as_deref(),
            request: None,
            response: None,
        })
    }

    pub fn crypto_material(&self) -> String {
        let units = self.materials();
        kassette_markets::at::crypto_material(&self.context(&units, true)).unwrap()
    }

    /// Verifies the stored receipts and the export made of them; gives the export's report.
    pub fn verified(&self) -> kassette_markets::at::dep::DepReport {
        for with_secrets in [false, true] {
            let units = self.materials();
            let mut verifier = Austria.verifier(&self.context(&units, with_secrets), &verify);
            for signed in self.signed() {
                verifier.receipt(&signed).unwrap();
            }
        }
        let crypto = self.crypto_material();
        kassette_markets::at::dep::verify_dep(&self.export(2, 2), Some(&crypto), &verify).unwrap()
    }
}

pub fn request(case: u64, moment: Moment, charges: Vec<ChargeItem>, pays: Vec<PayItem>) -> ReceiptRequest {
    ReceiptRequest {
        reference: "R-1".into(),
        moment,
        charge_items: charges,
        pay_items: pays,
        case: ReceiptCase(case),
        terminal_id: None,
        cash_box_id: None,
        pos_system_id: None,
        queue_id: None,
        previous: PreviousReceipts::None,
        receipt_amount: None,
        user: None,
        area: None,
        customer: None,
        settlement: None,
        case_data: None,
        currency: "EUR".into(),
        unknown: vec![],
    }
}

pub fn charge(amount: &str, rate: &str, case: u64) -> ChargeItem {
    ChargeItem {
        id: None,
        quantity: Decimal::ONE,
        description: "item".into(),
        amount: amount.parse().unwrap(),
        vat_rate: rate.parse().unwrap(),
        case: ChargeItemCase(case),
        case_data: None,
        vat_amount: None,
        moment: None,
        position: Decimal::ZERO,
        account_number: None,
        cost_center: None,
        product_group: None,
        product_number: None,
        product_barcode: None,
        unit: None,
        unit_quantity: None,
        unit_price: None,
        currency: "EUR".into(),
        unknown: vec![],
    }
}

pub fn pay(amount: &str, case: u64) -> PayItem {
    PayItem {
        id: None,
        quantity: Decimal::ONE,
        description: "payment".into(),
        amount: amount.parse().unwrap(),
        case: PayItemCase(case),
        case_data: None,
        moment: None,
        position: Decimal::ZERO,
        account_number: None,
        cost_center: None,
        money_group: None,
        money_number: None,
        money_barcode: None,
        currency: "EUR".into(),
        unknown: vec![],
    }
}

/// The QR code's fields, from field 1 on at index 1.
pub fn fields(outcome: &Outcome) -> Vec<String> {
    let code = outcome.signatures.iter().find(|item| item.format.0 == 3).unwrap();
    code.data.split('_').map(str::to_owned).collect()
}

/// Caption and content of an item by its caption.
pub fn item<'a>(outcome: &'a Outcome, caption: &str) -> Option<&'a SignatureItem> {
    outcome.signatures.iter().find(|item| item.caption.as_deref() == Some(caption))
}

pub fn captions(outcome: &Outcome) -> Vec<&str> {
    outcome.signatures.iter().filter_map(|item| item.caption.as_deref()).collect()
}
