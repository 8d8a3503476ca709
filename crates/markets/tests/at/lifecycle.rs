//! Start, stop, months and years (contract 6.3, 6.4).

use kassette_record::QueuePhase;

use crate::register::{
    MONTH, Register, SALE, START, STOP, V2, YEAR, ZERO, captions, charge, fields, item, pay, request, unit,
};

const MONTH_DUE: u64 = 0x210;
const YEAR_DUE: u64 = 0x420;

#[test]
fn a_queue_starts_with_a_signed_start_receipt() {
    for case in [START, 0x4154_0000_0000_0003, 0x4154_0000_0000_4001] {
        let mut register = Register::new("{}");
        let start = register.zero(case);
        assert_eq!(start.phase, QueuePhase::Active);
        assert_eq!(start.state_bits, 0);
        assert_eq!(fields(&start)[3..10], ["ft0#1", "2026-03-04T11:15:34", "0,00", "0,00", "0,00", "0,00", "0,00"]);
        let names = captions(&start);
        assert_eq!(names[..2], ["[compliance]", "Startbeleg"]);
        let finanz_online: Vec<_> = start.signatures.iter().filter(|item| item.format.0 == 8).collect();
        assert_eq!(finanz_online.len(), 2);
        assert!(finanz_online.iter().all(|item| item.kind.0 == 0x4154_2000_0000_0003));
        assert!(finanz_online[0].data.contains(r#""Type":"0x4154000000000003-FonActivateQueue""#));
        assert!(finanz_online[1].data.contains("-FonVerifySignature"));
        let key = kassette_stdx::encoding::base64(&[42; 32]);
        assert!(!format!("{start:?}").contains(&key), "the counter's key must not leave");
        assert_eq!(register.verified().receipts, 1);
    }
}

#[test]
fn finanz_online_items_can_be_left_out() {
    let mut register = Register::new(r#"{"finanz_online":false}"#);
    let start = register.zero(START);
    assert_eq!(captions(&start), ["[compliance]", "Startbeleg"]);
    assert_eq!(start.actions.iter().filter(|action| action.priority < 0).count(), 2, "the journal keeps them");
}

#[test]
fn before_the_start_nothing_is_signed() {
    let mut register = Register::new("{}");
    let before = register.state.clone();
    for case in [SALE, ZERO, STOP, MONTH, V2 | 0x0999] {
        let outcome = register.sign(case, vec![charge("1", "20", 0)], vec![]).unwrap();
        assert_eq!((outcome.state_bits, outcome.identification.as_str()), (1, ""), "{case:#x}");
        assert!(outcome.signatures.is_empty() && outcome.note.is_none());
        assert!(outcome.actions[0].message.contains("has not been activated yet"));
        assert_eq!((outcome.phase, &register.state), (QueuePhase::New, &before));
    }
    // the number goes on, so the start receipt is not number 0
    assert_eq!(fields(&register.zero(START))[3], "ft5#1");
    register.verified();
}

#[test]
fn a_start_that_cannot_be_signed_is_not_executed() {
    let mut register = Register::new("{}");
    register.works(0, false);
    assert_eq!(register.sign(START, vec![], vec![]).unwrap_err()[0].code, "SignatureUnitFailed");
    register.units.clear();
    assert_eq!(register.sign(START, vec![], vec![]).unwrap_err()[0].code, "SignatureUnitFailed");
    assert_eq!(register.phase, QueuePhase::New);
    let items = register.sign(START, vec![charge("1", "20", 0)], vec![]).unwrap_err();
    assert_eq!(items[0].code, "ZeroReceiptHasItems");
    register.units.push(unit(0));
    register.zero(START);
    register.verified();
}

#[test]
fn a_second_start_is_a_zero_receipt() {
    let mut register = Register::started();
    let again = register.zero(START);
    assert_eq!((again.phase, again.state_bits), (QueuePhase::Active, 0));
    assert_eq!(captions(&again), ["[compliance]"]);
    assert!(again.actions[0].message.contains("is already activated"));
    assert_eq!(register.verified().receipts, 2);
}

#[test]
fn a_stopped_queue_stays_stopped() {
    let mut register = Register::started();
    register.sale(SALE, "5");
    let stop = register.zero(STOP);
    assert_eq!((stop.phase, stop.state_bits), (QueuePhase::Stopped, 0));
    assert_eq!(captions(&stop)[..2], ["[compliance]", "Stopbeleg"]);
    assert!(stop.signatures.iter().any(|item| item.data.contains("-FonDeactivateQueue")));
    let before = register.state.clone();
    for case in [SALE, ZERO, MONTH, STOP] {
        let outcome = register.sign(case, vec![], vec![pay("1", 0)]).unwrap();
        assert_eq!((outcome.state_bits, outcome.identification.as_str()), (1, ""), "{case:#x}");
        assert!(outcome.actions[0].message.contains("has been disabled"));
        assert_eq!(register.state, before);
    }
    let start = register.zero(START);
    assert_eq!((start.phase, start.state_bits), (QueuePhase::Stopped, 0));
    assert_eq!(captions(&start), ["[compliance]"]);
    register.verified();
}

#[test]
fn a_stop_or_year_that_cannot_be_signed_is_not_executed() {
    let mut register = Register::started();
    register.works(0, false);
    let before = register.state.clone();
    for case in [STOP, YEAR] {
        assert_eq!(register.sign(case, vec![], vec![]).unwrap_err()[0].code, "SignatureUnitFailed", "{case:#x}");
        assert_eq!((register.phase, &register.state), (QueuePhase::Active, &before));
    }
}

#[test]
fn months_and_years_become_due_and_are_settled() {
    let mut register = Register::started();
    register.sale(SALE, "1234.56");
    assert_eq!(register.at("2026-03-31T21:59:59Z").sale(SALE, "1").state_bits, 0);
    assert_eq!(register.at("2026-03-31T22:00:00Z").sale(SALE, "1").state_bits, MONTH_DUE);
    let month = register.zero(MONTH);
    assert_eq!(month.state_bits, 0);
    assert_eq!(item(&month, "Monatsbeleg #3").unwrap().data, "1236,56");
    assert_eq!(item(&month, "Monatsbeleg #3").unwrap().format.0, 1);
    assert_eq!(register.at("2026-12-20T12:00:00Z").sale(SALE, "1").state_bits, MONTH_DUE);
    assert_eq!(register.zero(MONTH).state_bits, 0);
    assert_eq!(register.at("2027-02-01T12:00:00Z").sale(SALE, "1").state_bits, MONTH_DUE);
    let year = register.zero(YEAR);
    assert_eq!(year.state_bits, 0);
    assert_eq!(item(&year, "Jahresbeleg").unwrap().data, "1238,56");
    assert!(year.signatures.iter().any(|item| item.data.contains("-FonVerifySignature")));
    // a year that was missed is not settled by a monthly receipt
    assert_eq!(register.at("2028-01-10T12:00:00Z").sale(SALE, "1").state_bits, YEAR_DUE);
    assert_eq!(register.zero(MONTH).state_bits, YEAR_DUE);
    assert_eq!(register.zero(0x4154_0000_0000_0006).state_bits, 0);
    register.verified();
}

#[test]
fn the_length_of_the_counter_is_fixed_by_the_start() {
    let mut register = Register::new(r#"{"counter_bytes":6}"#);
    register.zero(START);
    register.settings = Register::new(r#"{"counter_bytes":16}"#).settings;
    assert_eq!(fields(&register.sale(SALE, "1"))[10].len(), 8);
    register.verified();
    for bytes in 5..=16 {
        let mut register = Register::new(&format!(r#"{{"counter_bytes":{bytes}}}"#));
        register.zero(START);
        register.sale(SALE, "-0.01");
        register.verified();
    }
}

/// A receipt without items by the till's clock, the server's standing at `now`.
fn by_till_clock(register: &mut Register, now: &str, case: u64, till: &str) -> kassette_markets::Outcome {
    register.at(now);
    register.run(&request(case, till.parse().unwrap(), vec![], vec![])).unwrap()
}

#[test]
fn a_till_clock_that_runs_ahead_settles_no_year_to_come() {
    let mut register = Register::started();
    by_till_clock(&mut register, "2026-03-31T10:00:00Z", MONTH, "2099-01-31T10:00:00Z");
    by_till_clock(&mut register, "2026-03-31T10:01:00Z", YEAR, "2026-03-31T10:01:00Z");
    assert_eq!(register.at("2026-04-30T10:00:00Z").sale(SALE, "1").state_bits, 0);
    assert_eq!(register.at("2028-06-01T10:00:00Z").sale(SALE, "1").state_bits, YEAR_DUE);
}

#[test]
fn a_till_clock_that_was_never_set_makes_nothing_due_after_the_start() {
    let mut register = Register::new("{}");
    by_till_clock(&mut register, "2026-03-04T10:00:00Z", START, "0001-01-01T00:00:00Z");
    assert_eq!(register.at("2026-03-05T10:00:00Z").sale(SALE, "1").state_bits, 0);
    // Nor does a settlement by such a clock undo a later one.
    by_till_clock(&mut register, "2026-03-31T10:00:00Z", MONTH, "2026-03-31T10:00:00Z");
    by_till_clock(&mut register, "2026-03-31T11:00:00Z", MONTH, "0001-01-01T00:00:00Z");
    assert_eq!(register.at("2026-04-30T10:00:00Z").sale(SALE, "1").state_bits, 0);
}
