use kassette_cashbox::{CashBox, Configuration, TokenEntry};
use kassette_model::cases::Country;
use kassette_model::{CashBoxId, Environment, QueueId, UnitId};
use kassette_record::RecordKind;
use serde_json::value::RawValue;

use super::env::{START_NS, TestEnv, configuration, sale, secrets};

#[track_caller]
fn refused(change: impl FnOnce(&mut Configuration)) -> String {
    let mut changed = configuration();
    change(&mut changed);
    CashBox::create(&changed, secrets()).unwrap_err().pointer
}

#[test]
fn what_cannot_be_used_is_named() {
    assert_eq!(refused(|c| c.market = Country(*b"XX")), "/market");
    assert_eq!(refused(|c| c.identification = String::new()), "/identification");
    assert_eq!(refused(|c| c.identification = "a\nb".to_owned()), "/identification");
    assert_eq!(refused(|c| c.identification = "x".repeat(65)), "/identification");
    assert_eq!(refused(|c| c.queue = QueueId::from_bytes([0; 16])), "/queue");
    assert_eq!(refused(|c| c.tokens[0].hmac_hex = "AB".repeat(32)), "/tokens/0/hmac_hex");
    assert_eq!(refused(|c| c.units.push(c.units[0].clone())), "/units/1/id");
    assert_eq!(refused(|c| c.units[0].public_key_base64 = "*".to_owned()), "/units/0/public_key_base64");
    assert_eq!(refused(|c| c.units[0].chain_base64 = vec![String::new()]), "/units/0/chain_base64/0");
    let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
    assert_eq!(refused(|c| c.market_settings = raw(r#"{"counter_bytes":3}"#)), "/market_settings/counter_bytes");
    let error = {
        let mut changed = configuration();
        changed.environment = Environment::Production;
        CashBox::create(&changed, secrets()).unwrap_err()
    };
    assert_eq!(error.pointer, "/units/0/sandbox");
    assert!(error.message.contains("production"), "{error}");
}

#[test]
fn an_austrian_identification_has_no_underscore() {
    assert_eq!(refused(|c| c.identification = "TILL_7".to_owned()), "/identification");
}

#[test]
fn at_most_two_tokens_are_valid_at_once() {
    let mut env = TestEnv::started();
    let token = |digit: &str, not_after_ns| TokenEntry { hmac_hex: digit.repeat(64), created_ns: 1, not_after_ns };
    let mut new = env.configuration.clone();
    new.tokens = vec![token("1", None), token("2", Some(START_NS + 3_600_000_000_000)), token("3", Some(START_NS - 1))];
    let facts = env.facts();
    env.core.configure(&new, &facts).unwrap();
    new.tokens.push(token("4", None));
    let before = env.core.link();
    assert_eq!(env.core.configure(&new, &facts).unwrap_err().pointer, "/tokens");
    assert_eq!(env.core.link(), before);
}

#[test]
fn what_is_fixed_stays() {
    #[track_caller]
    fn check(env: &mut TestEnv, pointer: Option<&str>, change: impl FnOnce(&mut Configuration)) {
        let mut new = env.configuration.clone();
        change(&mut new);
        let facts = env.facts();
        match (env.core.configure(&new, &facts), pointer) {
            (Err(error), Some(pointer)) => assert_eq!(error.pointer, pointer),
            (Ok(record), None) => {
                env.configuration = new;
                env.journal.push(record);
            }
            (result, _) => panic!("{result:?}"),
        }
    }
    let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
    let mut env = TestEnv::new(configuration());
    // Before the start the register has no history.
    check(&mut env, None, |c| c.identification = "TILL-8".to_owned());
    check(&mut env, None, |c| c.market_settings = raw(r#"{"counter_bytes":5}"#));
    check(&mut env, Some("/cash_box"), |c| c.cash_box = CashBoxId::from_bytes([1; 16]));
    check(&mut env, Some("/queue"), |c| c.queue = QueueId::from_bytes([1; 16]));
    check(&mut env, Some("/environment"), |c| {
        c.environment = Environment::Production;
        c.units[0].sandbox = false;
    });
    env.sign(&super::env::receipt("start", super::env::START_RECEIPT));
    check(&mut env, Some("/identification"), |c| c.identification = "TILL-9".to_owned());
    check(&mut env, Some("/market_settings/counter_bytes"), |c| c.market_settings = raw(r#"{"counter_bytes":8}"#));
    check(&mut env, None, |c| c.disabled = true);
    assert!(env.core.identity().disabled);
    check(&mut env, None, |c| {
        c.units[0].retired = true;
        let mut unit = c.units[0].clone();
        (unit.id, unit.retired) = (UnitId::from_bytes([6; 16]), false);
        c.units.push(unit);
    });
    assert_eq!(env.core.units().len(), 1);
    assert_eq!(env.core.units()[0].id, UnitId::from_bytes([6; 16]));
    let (_, response) = env.sign(&sale("after"));
    assert_eq!(super::env::low(&response) & 0xF, 0, "{response}");
}

#[test]
fn the_first_record_sets_the_configuration() {
    let env = TestEnv::new(configuration());
    let sealed = &env.journal[0];
    assert_eq!(sealed.row, 1);
    let (queue, json) = sealed.configured.clone().unwrap();
    assert_eq!(queue, env.configuration.queue);
    let record = sealed.open().unwrap().0;
    assert_eq!(record.kind, RecordKind::Configured);
    assert_eq!(record.details.head.configuration_row, 1);
    let read = Configuration::from_json(&json).unwrap();
    assert_eq!(read.to_json().unwrap().get().as_bytes(), json);
    assert_eq!(read.units, env.configuration.units);
    assert_eq!(read.tokens, env.configuration.tokens);
}

/// What stands in a journal must be readable for ever: this text may be added to, never changed.
#[test]
fn version_1_as_it_is_on_disk() {
    let written = configuration().to_json().unwrap();
    let fixture = include_str!("configuration_v1.json").trim_end();
    assert_eq!(written.get(), fixture);
    assert!(Configuration::from_json(fixture.as_bytes()).is_ok());
}

#[test]
fn unknown_versions_and_members_are_refused() {
    let json = configuration().to_json().unwrap();
    for (changed, pointer) in [
        (json.get().replace("\"v\":1", "\"v\":2"), "/v"),
        (json.get().replace("\"v\":1,", ""), "/v"),
        (json.get().replace("\"v\":1", "\"v\":1,\"new\":true"), ""),
        (json.get().replace("\"sandbox\",", "\"test\","), "/environment"),
        (json.get().replace("\"AT\"", "\"Austria\""), "/market"),
        ("[]".to_owned(), ""),
    ] {
        assert_eq!(Configuration::from_json(changed.as_bytes()).unwrap_err().pointer, pointer, "{changed}");
    }
}
