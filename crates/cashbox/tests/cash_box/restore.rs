use kassette_model::OperationKind;
use proptest::prelude::*;

use super::env::{START_RECEIPT, TestEnv, check_chain, configuration, receipt, sale, with};

/// One operation of a random sequence.
#[derive(Debug, Clone)]
enum Act {
    Echo(bool),
    Start,
    Sale(u8),
    Void(u8),
    Zero,
    Training,
    Ask(u8),
    Refer(u8),
    WrongCountry,
    Malformed,
    UnitFails(bool),
    ClockBack,
    Configure(bool),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        1 => any::<bool>().prop_map(Act::Echo),
        1 => Just(Act::Start),
        6 => (0..4_u8).prop_map(Act::Sale),
        1 => (0..4_u8).prop_map(Act::Void),
        1 => Just(Act::Zero),
        1 => Just(Act::Training),
        1 => (0..4_u8).prop_map(Act::Ask),
        1 => (0..4_u8).prop_map(Act::Refer),
        1 => Just(Act::WrongCountry),
        1 => Just(Act::Malformed),
        1 => any::<bool>().prop_map(Act::UnitFails),
        1 => Just(Act::ClockBack),
        1 => any::<bool>().prop_map(Act::Configure),
    ]
}

fn perform(env: &mut TestEnv, number: u64, act: &Act) {
    let body = match act {
        Act::Echo(true) => return echo(env, number, r#"{"Message":"x"}"#),
        Act::Echo(false) => return echo(env, number, "{}"),
        Act::UnitFails(fails) => {
            env.unit_works = !fails;
            return;
        }
        Act::ClockBack => {
            env.now_ns -= 60_000_000_000;
            return;
        }
        Act::Configure(fails) => {
            let mut new = env.configuration.clone();
            new.validation_fails = *fails;
            let facts = env.facts();
            let record = env.core.configure(&new, &facts).unwrap();
            env.configuration = new;
            env.journal.push(record);
            return;
        }
        Act::Start => receipt("start", START_RECEIPT),
        Act::Sale(n) => sale(&format!("S-{n}")),
        Act::Void(n) => with(&receipt("V", 0x4154_2000_0004_0001), &format!(r#""cbPreviousReceiptReference":"S-{n}""#)),
        Act::Zero => receipt("zero", 0x4154_2000_0000_2000),
        Act::Training => receipt("T", 0x4154_2000_0002_0001),
        Act::Ask(n) => receipt(&format!("S-{n}"), 0x4154_2000_8000_0001),
        Act::Refer(n) => with(&sale("next"), &format!(r#""cbPreviousReceiptReference":["S-{n}"]"#)),
        Act::WrongCountry => receipt("F", 0x4652_2000_0000_0001),
        Act::Malformed => "{\"cbReceiptReference\":".to_owned(),
    };
    env.commit(&super::env::request(OperationKind::Sign, number, body));
    env.settle();
}

fn echo(env: &mut TestEnv, number: u64, body: &str) {
    env.commit(&super::env::request(OperationKind::Echo, number, body));
    env.settle();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// A cash box restored from any record goes on exactly like the one that was never stopped.
    #[test]
    fn restored_equals_live(acts in prop::collection::vec(act(), 1..24), at in any::<prop::sample::Index>()) {
        let at = at.index(acts.len());
        let mut live = TestEnv::new(configuration());
        let mut stopped = TestEnv::new(configuration());
        for (number, act) in acts.iter().enumerate() {
            if number == at {
                stopped.core = stopped.restored();
            }
            perform(&mut live, number as u64, act);
            perform(&mut stopped, number as u64, act);
            let (a, b) = (live.journal.last().unwrap(), stopped.journal.last().unwrap());
            prop_assert_eq!(a.hash, b.hash);
            prop_assert_eq!(&a.bodies, &b.bodies);
        }
        check_chain(&live.journal);
        // Queue rows are dense, the numerator counts what ended well, and the last head is what the core says.
        let (mut row, mut numerator) = (0, 0);
        for sealed in &live.journal {
            let details = sealed.open().unwrap().0.details;
            if let Some(sign) = &details.sign {
                row += 1;
                prop_assert_eq!(sign.queue_row, row);
                prop_assert_eq!(sign.receipt_journal.is_none(), sign.state & 0xFFFF_FFFF == 0xEEEE_EEEE);
                numerator += u64::from(sign.receipt_journal.is_some());
            }
            prop_assert_eq!((details.head.queue_row, details.head.numerator), (row, numerator));
        }
        let (core, last) = (live.core.head(), live.journal.last().unwrap().open().unwrap().0.details.head);
        prop_assert_eq!(serde_json::to_string(&core).unwrap(), serde_json::to_string(&last).unwrap());
    }
}

/// Part of the budget of an idle cash box (2 KiB): the rest is its actor, and the heap behind the market's state. The actor keeps it
/// with three words of its own in one allocation; above 512 bytes allocators give 640.
#[test]
fn an_idle_cash_box_is_small() {
    let size_bytes = std::mem::size_of::<kassette_cashbox::CashBox>();
    assert!(size_bytes <= 488, "{size_bytes}");
}
