#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

use std::os::unix::fs::PermissionsExt;

use kassette_actors::Vault;
use kassette_cashbox::{Configuration, UnitEntry};
use kassette_model::QueueId;
use kassette_model::cases::Country;
use kassette_stdx::SeededEntropy;

use super::*;

const AUSTRIA: Country = Country::AT;

struct Bench {
    outside: tempfile::TempDir,
    entropy: SeededEntropy,
}

impl Bench {
    fn new() -> Self {
        Self { outside: tempfile::tempdir().unwrap(), entropy: SeededEntropy::new(11) }
    }

    fn open(&self, environment: Environment) -> Result<KeyFolder, KeyError> {
        KeyFolder::open(self.outside.path(), environment, &self.entropy)
    }

    fn sandbox_unit(&self) -> UnitSpec {
        kassette_signing::create_sandbox("till", 1_700_000_000, &self.entropy).unwrap()
    }
}

fn unit_id(number: u8) -> UnitId {
    UnitId::from_bytes([number; 16])
}

fn configuration(environment: Environment, units: Vec<UnitEntry>) -> Configuration {
    Configuration {
        cash_box: CashBoxId::from_bytes([1; 16]),
        queue: QueueId::from_bytes([2; 16]),
        identification: "TILL-1".into(),
        market: AUSTRIA,
        environment,
        tokens: Vec::new(),
        disabled: false,
        units,
        terminals: Vec::new(),
        market_settings: serde_json::value::RawValue::from_string("{}".into()).unwrap(),
        validation_fails: false,
        receipt_request_signs: false,
        created_ns: 0,
    }
}

#[test]
fn everything_in_the_folder_is_private_and_found_again() {
    let bench = Bench::new();
    let keys = bench.open(Environment::Sandbox).unwrap();
    assert!(keys.pepper_is_new());
    let market = kassette_markets::market(AUSTRIA).unwrap();
    keys.ensure_secret(CashBoxId::from_bytes([1; 16]), market, &bench.entropy).unwrap();
    keys.add_unit(unit_id(1), bench.sandbox_unit(), None, None).unwrap();
    keys.callback_secrets(CashBoxId::from_bytes([1; 16]), &bench.entropy, 1).unwrap();

    let mut open = vec![bench.outside.path().join("keys")];
    let mut seen = 0;
    while let Some(path) = open.pop() {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        if path.is_dir() {
            assert_eq!(mode, 0o700, "{}", path.display());
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            assert_eq!(mode, 0o600, "{}", path.display());
            seen += 1;
        }
    }
    assert_eq!(seen, 5, "environment, pepper, one secret, one unit, one callback secret");

    let again = bench.open(Environment::Sandbox).unwrap();
    assert!(!again.pepper_is_new());
    assert_eq!(again.pepper().mac("token"), keys.pepper().mac("token"));
}

#[test]
fn a_folder_belongs_to_one_environment() {
    let bench = Bench::new();
    bench.open(Environment::Sandbox).unwrap();
    assert!(matches!(bench.open(Environment::Production), Err(KeyError::OtherEnvironment { .. })));
}

#[test]
fn a_damaged_pepper_is_named_and_not_replaced() {
    let bench = Bench::new();
    bench.open(Environment::Sandbox).unwrap();
    let pepper = bench.outside.path().join("keys/pepper");
    std::fs::write(&pepper, "short").unwrap();
    assert!(matches!(bench.open(Environment::Sandbox), Err(KeyError::Damaged { .. })));
    assert_eq!(std::fs::read(&pepper).unwrap(), b"short");
}

#[test]
fn two_cash_boxes_get_the_same_unit_and_its_switch_survives_a_restart() {
    let bench = Bench::new();
    let keys = bench.open(Environment::Sandbox).unwrap();
    keys.add_unit(unit_id(1), bench.sandbox_unit(), None, None).unwrap();
    let (one, other) = (keys.unit(unit_id(1)).unwrap(), keys.unit(unit_id(1)).unwrap());
    assert!(Arc::ptr_eq(&one, &other));
    keys.set_failing(unit_id(1), true).unwrap();
    assert!(one.probe().is_err() && other.probe().is_err());

    let again = bench.open(Environment::Sandbox).unwrap();
    assert!(again.unit(unit_id(1)).unwrap().probe().is_err());
    again.set_failing(unit_id(1), false).unwrap();
    assert!(!again.is_failing(unit_id(1)).unwrap());
    assert!(again.unit(unit_id(1)).unwrap().probe().is_ok());
}

#[test]
fn production_takes_no_sandbox_unit() {
    let bench = Bench::new();
    let keys = bench.open(Environment::Production).unwrap();
    assert!(matches!(keys.add_unit(unit_id(1), bench.sandbox_unit(), None, None), Err(KeyError::SandboxUnit(_))));
    // One that was put there by hand does not open either.
    let stored = StoredUnit { spec: bench.sandbox_unit(), passphrase_env: None };
    stored.write(&keys.units(), unit_id(1)).unwrap();
    assert!(matches!(keys.unit(unit_id(1)), Err(KeyError::SandboxUnit(_))));
}

#[test]
fn an_encrypted_key_needs_its_variable_again_after_a_restart() {
    let fixtures = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/crates/signing/tests/fixtures"));
    let key = std::fs::read(fixtures.join("key-pbkdf2.pem")).unwrap();
    let chain = std::fs::read(fixtures.join("chain-high-bit-serial.pem")).unwrap();
    let spec = kassette_signing::import_key_file(&key, Some("correct-horse"), &chain, "AT1", None).unwrap();
    let bench = Bench::new();
    let keys = bench.open(Environment::Production).unwrap();
    let variable = "KASSETTE_TEST_VARIABLE_THAT_IS_NOT_SET";
    let entry = keys.add_unit(unit_id(1), spec, Some(variable), Some("correct-horse")).unwrap();
    assert_eq!((entry.algorithm_mark.as_str(), entry.key_name.as_str()), ("AT1", "8f00a1b2c3d4e5f6"));
    assert!(keys.unit(unit_id(1)).is_ok());

    let again = bench.open(Environment::Production).unwrap();
    match again.unit(unit_id(1)) {
        Err(KeyError::PassphraseEnv { name, .. }) => assert_eq!(name, variable),
        other => panic!("{:?}", other.err()),
    }
    for file in std::fs::read_dir(bench.outside.path().join("keys/units")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.contains("correct-horse"));
    }
}

#[test]
fn the_vault_gives_what_the_configuration_names_and_checks_it() {
    let bench = Bench::new();
    let keys = bench.open(Environment::Sandbox).unwrap();
    let market = kassette_markets::market(AUSTRIA).unwrap();
    keys.ensure_secret(CashBoxId::from_bytes([1; 16]), market, &bench.entropy).unwrap();
    let first = keys.add_unit(unit_id(1), bench.sandbox_unit(), None, None).unwrap();
    let second = keys.add_unit(unit_id(2), bench.sandbox_unit(), None, None).unwrap();
    let retired = UnitEntry { retired: true, id: unit_id(3), ..first.clone() };

    let given = Vault::open(&keys, &configuration(Environment::Sandbox, vec![second.clone(), first.clone(), retired]));
    let ids: Vec<_> = given.unwrap().units.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [unit_id(2), unit_id(1)]);

    let refused = Vault::open(&keys, &configuration(Environment::Production, vec![])).err().unwrap();
    assert!(refused.contains("production"), "{refused}");
    let mut stranger = configuration(Environment::Sandbox, vec![first]);
    stranger.cash_box = CashBoxId::from_bytes([9; 16]);
    assert!(Vault::open(&keys, &stranger).is_err());
}

#[test]
fn a_unit_that_cannot_be_opened_is_given_as_one_that_does_not_sign_and_tried_again() {
    let bench = Bench::new();
    let keys = bench.open(Environment::Sandbox).unwrap();
    let market = kassette_markets::market(AUSTRIA).unwrap();
    keys.ensure_secret(CashBoxId::from_bytes([1; 16]), market, &bench.entropy).unwrap();
    let first = keys.add_unit(unit_id(1), bench.sandbox_unit(), None, None).unwrap();
    let second = keys.add_unit(unit_id(2), bench.sandbox_unit(), None, None).unwrap();
    let missing = UnitEntry { id: unit_id(3), ..second.clone() };
    let swapped = UnitEntry { id: unit_id(2), ..first.clone() };
    let given = Vault::open(&keys, &configuration(Environment::Sandbox, vec![swapped, missing, first.clone()]));
    let units = given.unwrap().units;
    assert_eq!(units.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [unit_id(2), unit_id(3), unit_id(1)]);
    for ((_, unit), reason) in units.iter().zip(["another key", "no signature creation unit"]) {
        for answer in [unit.sign(b"text").map(|_| ()), unit.probe()] {
            let fault = answer.unwrap_err();
            assert!(matches!(&fault, UnitFault::Unavailable(text) if text.contains(reason)), "{fault}");
        }
    }
    assert!(units[2].1.sign(b"text").is_ok());
    let outages: Vec<_> = Vault::outages(&keys).iter().map(|outage| outage.unit).collect();
    assert_eq!(outages, [unit_id(2), unit_id(3)]);

    // Nothing of it was kept: with the right entry the unit is there.
    let given = Vault::open(&keys, &configuration(Environment::Sandbox, vec![second, first])).unwrap();
    assert!(given.units[0].1.sign(b"text").is_ok());
    assert!(Vault::outages(&keys).is_empty());
}

#[test]
fn a_sandbox_unit_in_production_stops_the_cash_box() {
    let bench = Bench::new();
    let keys = bench.open(Environment::Production).unwrap();
    let market = kassette_markets::market(AUSTRIA).unwrap();
    keys.ensure_secret(CashBoxId::from_bytes([1; 16]), market, &bench.entropy).unwrap();
    let stored = StoredUnit { spec: bench.sandbox_unit(), passphrase_env: None };
    let sandbox = entry(unit_id(1), stored.open(unit_id(1), None).unwrap().identity());
    for claimed in [true, false] {
        stored.write(&keys.units(), unit_id(1)).unwrap();
        let units = vec![UnitEntry { sandbox: claimed, ..sandbox.clone() }];
        let refused = Vault::open(&keys, &configuration(Environment::Production, units)).err().unwrap();
        assert!(refused.contains("sandbox unit"), "{refused}");
    }
}
