//! Each kind of receipt: what stands in its code and on it.

use kassette_markets::Market as _;
use kassette_markets::at::{Austria, jws_of_qr, qr_of_jws};

use crate::register::{
    HANDWRITTEN, LATE, REFUND, Register, SALE, TRAINING, V2, VOID, ZERO, captions, charge, fields, item, pay, request,
};

#[test]
fn a_sale_at_all_rates() {
    let mut register = Register::started();
    let charges = [("12.10", "20"), ("5", "10"), ("-1.30", "13"), ("0.07", "0"), ("3", "19")];
    let charges = charges.iter().map(|(amount, rate)| charge(amount, rate, 0)).collect();
    let outcome = register.sign(SALE, charges, vec![pay("18.87", V2 | 5)]).unwrap();
    let fields = fields(&outcome);
    assert_eq!(fields.len(), 14);
    assert_eq!(
        fields[1..10],
        ["R1-AT1", "TILL-0007", "ft1#2", "2026-03-04T11:15:35", "12,10", "5,00", "-1,30", "0,07", "3,00"]
    );
    assert_eq!(fields[11], "f01");
    assert_eq!(fields[13].len(), 88);
    assert_eq!(outcome.identification, "2");
    assert_eq!(outcome.state_bits, 0);
    let [code] = outcome.signatures.as_slice() else { panic!("{:?}", outcome.signatures) };
    assert_eq!((code.format.0, code.kind.0), (3, 4_707_422_694_881_099_777));
    assert_eq!(code.caption.as_deref(), Some("[compliance]"));
    assert_eq!(qr_of_jws(&jws_of_qr(&code.data).unwrap()).unwrap(), code.data);
    assert_eq!(register.state().turnover_cents(), 1887);
    register.verified();
}

/// The devkit's sale: version 0, no item cases, sums that do not match.
#[test]
fn the_devkits_sale() {
    let mut register = Register::started();
    let charges = vec![charge("20.0", "20", 0), charge("10.0", "10", 0)];
    let outcome = register.sign(0x4154_0000_0000_0001, charges, vec![pay("40.0", 0)]).unwrap();
    assert_eq!(fields(&outcome)[5..10], ["20,00", "10,00", "0,00", "0,00", "0,00"]);
    assert_eq!(outcome.state_bits, 0);
    register.verified();
}

#[test]
fn reversal_refund_and_training() {
    let mut register = Register::started();
    register.sale(SALE, "10");
    let void = register.sale(SALE | VOID, "-10");
    assert_eq!((fields(&void)[5].as_str(), fields(&void)[10].as_str()), ("-10,00", "U1RP"));
    assert_eq!(register.state().turnover_cents(), 0);
    let refund = register.sale(SALE | REFUND, "-2.50");
    assert_eq!(fields(&refund)[5], "-2,50");
    assert_eq!(fields(&refund)[10].len(), 12, "a refund shows the encrypted counter");
    assert_eq!(register.state().turnover_cents(), -250);
    for case in [SALE | TRAINING, SALE | TRAINING | VOID, ZERO | TRAINING, V2 | TRAINING | 0x0005] {
        let charges = if case & 0x2000 == 0x2000 { vec![] } else { vec![charge("99", "20", 0)] };
        let training = register.sign(case, charges, vec![]).unwrap();
        assert_eq!(fields(&training)[10], "VFJB", "{case:#x}");
        assert_eq!(register.state().turnover_cents(), -250);
    }
    let report = register.verified();
    assert_eq!((report.trainings, report.reversals, report.turnover_cents), (4, 1, -250));
}

#[test]
fn what_need_not_be_signed_has_no_code() {
    let mut register = Register::started();
    let cases = [
        (V2 | 0x0006, "0"),
        (V2 | 0x0007, "0"),
        (V2 | 0x3000, "0"),
        (V2 | 0x3003, "0"),
        (V2 | 0x3004, "0"),
        (0x4154_0000_0000_000D, "0"),
        (V2 | 0x1000, "B"),
        (V2 | 0x0001, "B"),
    ];
    let before = register.state.clone();
    for (case, paid) in cases {
        let paid = u64::from_str_radix(paid, 16).unwrap();
        let outcome = register.sign(case, vec![charge("5", "20", 0)], vec![pay("5", V2 | paid)]).unwrap();
        assert_eq!((outcome.identification.as_str(), outcome.note), ("", None), "{case:#x}");
        assert!(outcome.signatures.is_empty());
        assert_eq!(register.state, before);
    }
    assert_eq!(register.verified().receipts, 1);
}

#[test]
fn sign_all_signs_ordinary_receipts_and_never_protocols() {
    let mut register = Register::new(r#"{"sign_all":true,"ocr":true}"#);
    register.zero(V2 | 0x4001);
    let mut turnover = 0;
    for case in [0x0000, 0x0001, 0x0002, 0x0003, 0x0004, 0x0005, 0x1000, 0x1001, 0x1002, 0x1003] {
        let outcome = register.sign(V2 | case, vec![charge("5", "20", 0)], vec![pay("5", V2 | 0xB)]).unwrap();
        turnover += 500;
        assert_eq!(register.state().turnover_cents(), turnover, "{case:#x}");
        let ocr = outcome.signatures.iter().find(|item| item.format.0 == 5).unwrap();
        assert_eq!(ocr.data.split('_').count(), 14);
    }
    for case in [0x0006, 0x0007, 0x3000, 0x3003, 0x3010] {
        let outcome = register.sign(V2 | case, vec![charge("5", "20", 0)], vec![pay("5", 0)]).unwrap();
        assert!(outcome.signatures.is_empty(), "{case:#x}");
    }
    assert_eq!(register.verified().turnover_cents, i128::from(turnover));
}

#[test]
fn late_and_handwritten_receipts_stay_open_until_a_zero_receipt() {
    let mut register = Register::started();
    assert_eq!(register.sale(SALE | LATE, "1").state_bits, 8);
    assert_eq!(register.sale(SALE | LATE | HANDWRITTEN, "2").state_bits, 8);
    assert_eq!(register.sale(SALE, "3").state_bits, 8);
    register.sale(SALE | HANDWRITTEN, "4");
    let zero = register.zero(ZERO);
    assert_eq!(zero.state_bits, 0);
    assert_eq!(item(&zero, "Ausfall-Nacherfassung").unwrap().data, "Von ft1#2 bis ft2#3");
    assert_eq!(item(&zero, "Mobil-Nacherfassung").unwrap().data, "Von ft2#3 bis ft4#5");
    assert_eq!(item(&zero, "Mobil-Nacherfassung").unwrap().kind.0, 0x4154_2000_0000_0002);
    assert_eq!(captions(&register.zero(ZERO)), ["[compliance]"]);
    // one without a code opens the mode, too
    let charges = vec![charge("5", "20", 0)];
    let invoice = register.sign(V2 | LATE | 0x1000, charges, vec![pay("5", V2 | 0xB)]).unwrap();
    assert_eq!((invoice.identification.as_str(), invoice.state_bits), ("", 8));
    assert_eq!(item(&register.zero(ZERO), "Ausfall-Nacherfassung").unwrap().data, "Von ft7# bis ft7#");
    register.verified();
}

#[test]
fn local_time_never_goes_back() {
    let mut register = Register::started();
    let times: Vec<String> = [
        "2026-10-25T00:59:59Z", // 02:59:59 summer time
        "2026-10-25T01:10:00Z", // 02:10:00 winter time
        "2026-10-25T01:59:58Z", // 02:59:58
        "2026-10-25T02:00:01Z", // 03:00:01
        "2026-10-25T01:00:00Z", // a clock set back
    ]
    .into_iter()
    .map(|moment| fields(&register.at(moment).sale(SALE, "1"))[4].clone())
    .collect();
    let expected =
        ["02:59:59", "02:59:59", "02:59:59", "03:00:01", "03:00:01"].map(|time| format!("2026-10-25T{time}"));
    assert_eq!(times, expected);
    register.verified();
}

/// The rules version follows `cbReceiptMoment`; the code carries the moment of signing.
#[test]
fn four_point_nine_percent_by_the_tills_moment() {
    let mut register = Register::started();
    register.at("2026-07-02T08:00:00Z");
    for (moment, name, reduced_1, special) in
        [("2026-06-30T21:59:59Z", "2017-04", "5,00", "0,00"), ("2026-06-30T22:00:00Z", "2026-07", "0,00", "5,00")]
    {
        let moment = moment.parse().unwrap();
        assert_eq!(Austria.stamp(moment).rules, name);
        let request = request(SALE, moment, vec![charge("5", "4.9", V2 | 1)], vec![pay("5", V2 | 1)]);
        let fields = fields(&register.run(&request).unwrap());
        assert_eq!((fields[6].as_str(), fields[9].as_str()), (reduced_1, special));
        assert!(fields[4].starts_with("2026-07-02T10:00:0"));
    }
    register.verified();
}

#[test]
fn what_cannot_be_right_is_refused_and_changes_nothing() {
    let mut register = Register::new(r#"{"counter_bytes":5}"#);
    register.zero(V2 | 0x4001);
    let before = register.state.clone();
    let sale = |amount: &str| (vec![charge(amount, "20", 0)], vec![pay("1", 0)]);
    let huge = (vec![charge("92233720368547758.08", "20", 0)], vec![pay("1", 0)]);
    let mut dollars = sale("1");
    dollars.0[0].currency = "USD".into();
    for (case, (charges, pays), code) in [
        (V2 | 0x0008, sale("1"), "ReceiptCaseNotSupported"),
        (0x4154_5000_0000_0001, sale("1"), "ReceiptCaseVersionNotSupported"),
        (0x4445_2000_0000_0001, sale("1"), "ReceiptCaseCountryMismatch"),
        (SALE, sale("5497558138.88"), "TurnoverCounterOverflow"),
        (SALE, huge, "AmountOutOfRange"),
        (SALE, dollars, "OnlyEuroCurrencySupported"),
        (ZERO, sale("1"), "ZeroReceiptHasItems"),
        (V2 | 0x2012, sale("1"), "ZeroReceiptHasItems"),
        (V2 | 0x4001, sale("1"), "ZeroReceiptHasItems"),
        (V2 | 0x4002, sale("1"), "ZeroReceiptHasItems"),
        (V2 | TRAINING | 0x2012, (vec![], vec![]), "TrainingNotAllowed"),
        (V2 | TRAINING | 0x2013, (vec![], vec![]), "TrainingNotAllowed"),
        (V2 | TRAINING | 0x4001, (vec![], vec![]), "TrainingNotAllowed"),
        (V2 | TRAINING | 0x4002, (vec![], vec![]), "TrainingNotAllowed"),
    ] {
        let findings = register.sign(case, charges, pays).unwrap_err();
        assert_eq!(findings[0].code, code, "{case:#x}: {findings:?}");
        assert_eq!(register.state, before);
    }
    register.sale(SALE, "5497558138.87");
    assert_eq!(register.state().turnover_cents(), (1 << 39) - 1);
    register.verified();
}

#[test]
fn a_name_that_cannot_stand_in_a_code_is_refused() {
    for name in ["", "TILL_7", "a\nb"] {
        let mut register = Register::new("{}");
        register.kassen_id = name.into();
        assert_eq!(register.sign(V2 | 0x4001, vec![], vec![]).unwrap_err()[0].code, "KassenIdNotUsable");
    }
}
