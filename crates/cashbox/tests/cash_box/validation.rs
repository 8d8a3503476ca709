use super::env::{TestEnv, codes, configuration, low, receipt, sale, with};

#[track_caller]
fn check(body: &str, expected: &[&str]) {
    let mut off = TestEnv::started();
    off.sign(&sale("known"));
    let (_, response) = off.sign(body);
    let general = codes(&response).iter().any(|code| expected.contains(code));
    assert!(!general, "the general rules are off: {response}");

    let mut configuration = configuration();
    configuration.validation_fails = true;
    let mut on = TestEnv::started_with(configuration);
    on.sign(&sale("known"));
    let (answer, response) = on.sign(body);
    assert_eq!((answer.status, codes(&response)), (201, expected.to_vec()), "{body}");
    assert_eq!(low(&response) == 0xEEEE_EEEE, !expected.is_empty());
}

/// Contract 6.1: the codes, each with a receipt that has it.
#[test]
fn the_general_rules() {
    let sale = sale("R");
    let case = |case: u64| receipt("R", case);
    check(&sale, &[]);
    check(&sale.replace(r#""Amount":30.00"#, r#""Amount":40.00"#), &["ReceiptNotBalanced"]);
    let pay = r#"[{"Description":"Cash","Amount":30.00,"ftPayItemCase":35184372088833}]"#;
    check(&sale.replace(pay, "[]"), &["PayItemsMissing"]);
    let start = sale.find("\"cbChargeItems\":[").unwrap();
    let end = sale.find("],\"cbPayItems\"").unwrap();
    let without = format!("{}\"cbChargeItems\":[{}", &sale[..start], &sale[end..]);
    check(&without, &["ChargeItemsMissing", "ReceiptNotBalanced"]);
    check(&sale.replace(r#""VATRate":20"#, r#""VATRate":20,"VATAmount":3.33"#), &[]);
    check(&sale.replace(r#""VATRate":20"#, r#""VATRate":20,"VATAmount":3.35"#), &["VatAmountMismatch"]);
    check(&sale.replace(r#""Quantity":2"#, r#""Quantity":-2"#), &["NegativeQuantityNotAllowed"]);
    let negative = sale.replace("20.00", "-20.00").replace("30.00", "-10.00");
    check(&negative, &["NegativeAmountNotAllowed", "NegativeAmountNotAllowed"]);
    check(&sale.replace(r#""VATRate":20"#, r#""VATRate":0"#), &["ZeroVatRateMissingNature"]);
    let foreign_item = sale.replace("35184372088851", &0x4445_2000_0000_0013_u64.to_string());
    check(&foreign_item, &["ChargeItemCaseCountryMismatch"]);
    let foreign_pay = sale.replace("35184372088833", &0x4445_2000_0000_0001_u64.to_string());
    check(&foreign_pay, &["PayItemCaseCountryMismatch"]);
    check(&case(0x4154_2000_0100_0001), &["RefundMissingPreviousReceiptReference"]);
    check(&with(&case(0x4154_2000_0100_0001), r#""cbPreviousReceiptReference":"known""#), &[]);
    check(&case(0x4154_2000_0000_0002), &["PaymentTransferMissingPreviousReceiptReference"]);
    check(&case(0x4154_2000_0000_1002), &["CustomerRequiredForInvoice"]);
    check(&with(&case(0x4154_2000_0000_1002), r#""cbCustomer":{"CustomerName":"x"}"#), &[]);
    check(&case(0x4154_2000_0000_2000), &[]);
    check(&case(0x4154_0000_0000_0001), &[]);
}

/// Austria refuses other currencies of a receipt by itself; the general rule also looks at the items.
#[test]
fn only_euro_is_supported() {
    let mut configuration = configuration();
    configuration.validation_fails = true;
    let mut env = TestEnv::started_with(configuration);
    let whole = with(&sale("R"), r#""Currency":"CHF""#);
    let item = sale("R").replace(r#""VATRate":20"#, r#""VATRate":20,"Currency":"CHF""#);
    for (body, pointer) in [(whole, "/Currency"), (item, "/cbChargeItems/0/Currency")] {
        let (_, response) = env.sign(&body);
        let finding = &response["ftStateData"]["Findings"][0];
        assert_eq!((&finding["code"], &finding["pointer"]), (&"OnlyEuroCurrencySupported".into(), &pointer.into()));
        assert_eq!(finding["source"], "general receipt rules");
    }
}
