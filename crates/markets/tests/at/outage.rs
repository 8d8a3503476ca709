//! Signature units that fail, and come back.

use crate::register::{MONTH, Register, SALE, START, STOP, TRAINING, VOID, YEAR, ZERO, captions, fields, item, unit};

const OUTAGE: &str = "Sicherheitseinrichtung ausgefallen";
const OUTAGE_BASE64: &str = "U2ljaGVyaGVpdHNlaW5yaWNodHVuZyBhdXNnZWZhbGxlbg==";
const BACKUP: u64 = 0x2_0000_0080;
const PERMANENT: u64 = 0x1_0000_0006;

#[test]
fn a_failed_unit_gives_the_outage_text_until_a_zero_receipt() {
    let mut register = Register::started();
    let first = register.works(0, false).sale(SALE, "5");
    assert_eq!(captions(&first), [OUTAGE]);
    let first_fields = fields(&first);
    assert_eq!((first_fields[1].as_str(), first_fields[11].as_str()), ("R1-AT1", "f01"));
    assert_eq!((first_fields[13].as_str(), first.state_bits), (OUTAGE_BASE64, 2));
    assert_eq!(first.signatures[0].kind.0, 0x4154_2000_0000_0001);
    assert_eq!(register.units[0].asked, 1);
    // the unit works again, but only a zero receipt asks it
    register.works(0, true);
    for case in [SALE, SALE | VOID, SALE | TRAINING] {
        let outcome = register.sale(case, "-1");
        assert_eq!((captions(&outcome), outcome.state_bits), (vec![OUTAGE], 2), "{case:#x}");
        assert_eq!(register.units[0].asked, 0);
    }
    assert_eq!(register.zero(ZERO | TRAINING).state_bits, 2, "training ends no outage");
    let zero = register.zero(ZERO);
    assert_eq!((captions(&zero), zero.state_bits), (vec!["[compliance]", "Sammelbeleg"], 0));
    assert_eq!(item(&zero, "Sammelbeleg").unwrap().data, "Von ft1#2 bis ft5#6");
    assert_eq!(captions(&register.sale(SALE, "1")), ["[compliance]"]);
    let report = register.verified();
    assert_eq!((report.outages, report.turnover_cents, report.outage_open), (5, 400, false));
}

#[test]
fn a_zero_receipt_that_fails_opens_or_prolongs_the_outage() {
    let mut register = Register::started();
    let zero = register.works(0, false).zero(ZERO);
    assert_eq!((captions(&zero), zero.state_bits), (vec![OUTAGE], 2));
    register.zero(ZERO);
    let month = register.at("2026-04-01T10:00:00Z").zero(MONTH);
    assert_eq!(captions(&month)[..2], [OUTAGE, "Monatsbeleg #3"]);
    assert!(register.verified().outage_open);
    for case in [YEAR, STOP] {
        assert_eq!(register.sign(case, vec![], vec![]).unwrap_err()[0].code, "SignatureUnitFailed");
    }
    let year = register.works(0, true).zero(YEAR);
    assert_eq!(item(&year, "Sammelbeleg").unwrap().data, "Von ft1#2 bis ft3#4");
    assert!(!register.verified().outage_open);
}

#[test]
fn each_signed_receipt_without_items_ends_the_outage() {
    for case in [ZERO, MONTH, YEAR, STOP, START] {
        let mut register = Register::started();
        register.works(0, false).sale(SALE, "5");
        let outcome = register.works(0, true).zero(case);
        assert_eq!(item(&outcome, "Sammelbeleg").unwrap().data, "Von ft1#2 bis ft1#2", "{case:#x}");
        assert_eq!(outcome.state_bits, 0);
        register.verified();
    }
}

#[test]
fn after_48_hours_the_outage_is_permanent_and_to_be_reported() {
    let mut register = Register::started();
    register.at("2026-03-05T08:00:00Z").works(0, false).sale(SALE, "5");
    let exactly = register.at("2026-03-07T08:00:00Z").sale(SALE, "5");
    assert_eq!((exactly.state_bits, exactly.actions.len()), (2, 0));
    let later = register.at("2026-03-07T08:00:01Z").sale(SALE, "5");
    assert_eq!(later.state_bits, PERMANENT);
    assert!(later.signatures.iter().any(|item| item.data.contains("-FonDeactivateSCU")));
    assert_eq!(later.actions[0].priority, -1);
    let again = register.sale(SALE, "5");
    assert_eq!((captions(&again), again.state_bits), (vec![OUTAGE], PERMANENT), "it is told once");
    let zero = register.works(0, true).zero(ZERO);
    assert_eq!(zero.state_bits, 0);
    assert!(zero.signatures.iter().any(|item| item.data.contains("-FonActivateSCU")));
    register.verified();
}

#[test]
fn a_second_unit_takes_over_in_the_middle_of_the_chain() {
    let mut register = Register::with_units("{}", vec![unit(0), unit(1), unit(2)]);
    register.zero(START);
    let over = register.works(0, false).sale(SALE, "1");
    assert_eq!((fields(&over)[1].as_str(), fields(&over)[11].as_str()), ("R1-AT2", "a101"));
    assert_eq!((captions(&over), over.state_bits), (vec!["[compliance]"], BACKUP));
    // the next one goes on with the second unit and does not wait for the first
    let next = register.sale(SALE, "1");
    assert_eq!((fields(&next)[1].as_str(), register.units[0].asked), ("R1-AT2", 0));
    let third = register.works(1, false).sale(SALE, "1");
    assert_eq!(fields(&third)[1], "R1-AT3");
    // a zero receipt looks for the first one
    let back = register.works(0, true).zero(ZERO);
    assert_eq!((fields(&back)[1].as_str(), back.state_bits), ("R1-AT1", 0));
    register.works(0, false).works(1, false).works(2, false);
    let failed = register.sale(SALE, "1");
    assert_eq!((fields(&failed)[1].as_str(), captions(&failed), failed.state_bits), ("R1-AT1", vec![OUTAGE], 2));
    assert!(register.units.iter().all(|unit| unit.asked == 1));
    let zero = register.works(2, true).zero(ZERO);
    assert_eq!((fields(&zero)[1].as_str(), zero.state_bits), ("R1-AT3", BACKUP));
    register.verified();
}

#[test]
fn a_unit_whose_name_cannot_stand_in_a_code_is_passed_over() {
    let mut bad = unit(0);
    bad.facts.key_name = "a_b".into();
    let mut register = Register::with_units("{}", vec![bad, unit(1)]);
    assert_eq!(fields(&register.zero(START))[1], "R1-AT2");
}

/// Entries of the action journal by kind and message.
fn actions(outcome: &kassette_markets::Outcome) -> Vec<(&str, &str)> {
    outcome.actions.iter().map(|action| (action.kind.as_str(), action.message.as_str())).collect()
}

#[test]
fn each_change_of_the_unit_is_kept_with_its_reason() {
    let mut register = Register::with_units("{}", vec![unit(0), unit(1)]);
    assert!(actions(&register.zero(START)).iter().all(|(kind, _)| *kind != "SignatureUnitSwitched"));
    let [first, second] = [unit(0).facts.id, unit(1).facts.id];
    let change = |from, to| format!("Signaturerstellungseinheit gewechselt von {from} auf {to}: ");

    let over = register.works(0, false).sale(SALE, "1");
    let message = format!("{}unit {first}: planned outage", change(first, second));
    assert_eq!(actions(&over), [("SignatureUnitSwitched", message.as_str())]);
    assert_eq!(actions(&register.sale(SALE, "1")), [], "it is told once");

    let back = register.works(0, true).zero(ZERO);
    let message = format!("{}a unit that comes before it works again", change(second, first));
    assert_eq!(actions(&back), [("SignatureUnitSwitched", message.as_str())]);

    register.units.remove(0);
    let message = format!("{}it is not in use any more", change(first, second));
    assert_eq!(actions(&register.sale(SALE, "1")), [("SignatureUnitSwitched", message.as_str())]);
    register.verified();
}

#[test]
fn the_end_of_an_outage_is_kept() {
    let mut register = Register::started();
    let failed = register.works(0, false).sale(SALE, "1");
    assert_eq!(actions(&failed).iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), ["SignatureUnitFailed"]);
    let message = "Signaturerstellungseinheit signiert wieder; Ausfall von ft1#2 bis ft1#2";
    assert_eq!(actions(&register.works(0, true).zero(ZERO)), [("SignatureUnitBack", message)]);
}
