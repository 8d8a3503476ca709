//! Random days: whatever happens, the export verifies and the counter is the sum of the printed cents.

use proptest::prelude::*;

use crate::register::{
    HANDWRITTEN, LATE, MONTH, REFUND, Register, SALE, START, TRAINING, V2, VOID, YEAR, ZERO, charge, fields, pay, unit,
};

#[derive(Debug, Clone)]
enum Event {
    Receipt { case: u64, cents: Vec<(i64, usize)>, paid: u64 },
    Zero(u64),
    Unit(usize, bool),
    Pause(i64),
}

fn event() -> impl Strategy<Value = Event> {
    let case = prop_oneof![
        6 => Just(SALE),
        1 => Just(SALE | VOID),
        1 => Just(SALE | REFUND),
        1 => Just(SALE | TRAINING),
        1 => Just(SALE | LATE),
        1 => Just(SALE | HANDWRITTEN),
        1 => Just(V2 | 0x1000),
        1 => Just(V2 | 0x0005),
        1 => Just(V2 | 0x3000),
        1 => Just(0x4154_0000_0000_0001),
    ];
    let cents = prop::collection::vec((-1_000_000_i64..1_000_000, 0_usize..6), 0..4);
    let paid = prop_oneof![Just(0x1_u64), Just(0x5), Just(0xB), Just(0x9)];
    prop_oneof![
        8 => (case, cents, paid).prop_map(|(case, cents, paid)| Event::Receipt { case, cents, paid }),
        1 => prop_oneof![Just(ZERO), Just(MONTH), Just(YEAR), Just(START), Just(ZERO | TRAINING)].prop_map(Event::Zero),
        2 => (0_usize..2, any::<bool>()).prop_map(|(number, works)| Event::Unit(number, works)),
        1 => (-7200_i64..400_000).prop_map(Event::Pause),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_day_verifies(sign_all in any::<bool>(), bytes in 5_u8..=16, events in prop::collection::vec(event(), 1..60)) {
        let settings = format!(r#"{{"sign_all":{sign_all},"counter_bytes":{bytes}}}"#);
        let mut register = Register::with_units(&settings, vec![unit(0), unit(1)]);
        register.zero(START);
        let mut turnover = 0_i64;
        for event in events {
            match event {
                Event::Unit(number, works) => drop(register.works(number, works)),
                Event::Pause(s) => register.now += jiff::SignedDuration::from_secs(s),
                Event::Zero(case) => {
                    let before = register.state.clone();
                    if register.sign(case, vec![], vec![]).is_err() {
                        prop_assert_eq!(&register.state, &before);
                    }
                }
                Event::Receipt { case, cents, paid } => {
                    let rates = ["20", "10", "13", "0", "19", "4.9"];
                    let charges = cents
                        .iter()
                        .map(|(cents, rate)| charge(&rust_decimal::Decimal::new(*cents, 2).to_string(), rates[*rate], 0))
                        .collect();
                    let before = register.state().turnover_cents();
                    let outcome = register.sign(case, charges, vec![pay("1", V2 | paid)]).unwrap();
                    if outcome.note.is_none() {
                        prop_assert_eq!(register.state().turnover_cents(), before);
                        continue;
                    }
                    let printed: i64 = fields(&outcome)[5..10]
                        .iter()
                        .map(|amount| amount.replace(',', "").parse::<i64>().unwrap())
                        .sum();
                    if fields(&outcome)[10] != "VFJB" {
                        turnover += printed;
                    }
                }
            }
            prop_assert_eq!(register.state().turnover_cents(), turnover);
        }
        let report = register.verified();
        prop_assert_eq!(report.turnover_cents, i128::from(turnover));
        prop_assert_eq!(report.receipts as u64, register.state().cash_numerator());
    }
}
