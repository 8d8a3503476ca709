//! Whatever a receipt holds survives reading and writing, digit by digit; no body makes the reader panic.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use kassette_model::cases::{
    ChargeItemCase, JournalType, PayItemCase, ReceiptCase, SignatureFormat, SignatureType, State,
};
use kassette_model::{
    CashBoxId, ChargeItem, Decimal, FreeJson, Moment, PayItem, PosSystemId, PreviousReceipts, QueueId, QueueItemId,
    ReceiptRequest, ReceiptResponse, SignatureItem,
};
use kassette_wire::journal::JournalRequest;
use kassette_wire::{Limits, date, echo, journal, json, sign};
use proptest::prelude::*;
use uuid::Uuid;

fn now() -> Moment {
    Moment::UNIX_EPOCH
}

/// Up to 28 digits with a point anywhere.
fn decimal() -> impl Strategy<Value = Decimal> {
    (-(10_i128.pow(28) - 1)..10_i128.pow(28), 0..=28_u32)
        .prop_map(|(mantissa, scale)| Decimal::try_from_i128_with_scale(mantissa, scale).unwrap())
}

/// Any moment of the wire: whole ticks from the year 1 to the year 9999.
fn moment() -> impl Strategy<Value = Moment> {
    (0..3_155_378_000_000_000_000_i64).prop_map(|ticks| date::from_ticks(ticks).unwrap())
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[ -~äöüß€😀\\\\\"\n]{0,40}"]
}

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_filter("nil is absent", |bits| *bits != 0).prop_map(Uuid::from_u128)
}

fn free() -> impl Strategy<Value = FreeJson> {
    prop_oneof![
        Just("{\"a\": [1.50, 1e400, \"\\u00e4\"], \"A\":null}".to_owned()),
        Just("[]".to_owned()),
        Just("false".to_owned()),
        decimal().prop_map(|value| value.to_string()),
        text().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ]
    .prop_map(FreeJson)
}

fn free_but_not_the_empty_string() -> impl Strategy<Value = FreeJson> {
    free().prop_filter("an empty string is ignored", |free| free.0 != "\"\"")
}

fn unknown() -> impl Strategy<Value = Vec<(String, FreeJson)>> {
    prop_oneof![
        3 => Just(Vec::new()),
        1 => (free(), free()).prop_map(|(a, b)| vec![("Zz New".to_owned(), a), ("yy/~".to_owned(), b)]),
    ]
}

fn currency() -> impl Strategy<Value = String> {
    prop_oneof![Just("EUR".to_owned()), "[A-Z]{3}"]
}

type Texts = (Option<String>, Option<String>, Option<String>, Option<String>);

fn texts() -> impl Strategy<Value = Texts> {
    let one = || proptest::option::of(text());
    (one(), one(), one(), one())
}

fn optional<T: std::fmt::Debug>(inner: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    proptest::option::of(inner)
}

prop_compose! {
    fn charge_item()(
        id in optional(uuid()), numbers in (decimal(), decimal(), decimal(), decimal()), description in text(),
        case in any::<u64>(), case_data in optional(free()), vat_amount in optional(decimal()), moment in optional(moment()),
        first in texts(), second in texts(), unit in (optional(decimal()), optional(decimal())), currency in currency(),
        unknown in unknown(),
    ) -> ChargeItem {
        let (quantity, amount, vat_rate, position) = numbers;
        let (account_number, cost_center, product_group, product_number) = first;
        let (product_barcode, unit_name, _, _) = second;
        ChargeItem {
            id, quantity, description, amount, vat_rate, case: ChargeItemCase(case), case_data, vat_amount, moment,
            position, account_number, cost_center, product_group, product_number, product_barcode, unit: unit_name,
            unit_quantity: unit.0, unit_price: unit.1, currency, unknown,
        }
    }
}

prop_compose! {
    fn pay_item()(
        id in optional(uuid()), numbers in (decimal(), decimal(), decimal()), description in text(), case in any::<u64>(),
        case_data in optional(free()), moment in optional(moment()), first in texts(), money_barcode in optional(text()),
        currency in currency(), unknown in unknown(),
    ) -> PayItem {
        let (quantity, amount, position) = numbers;
        let (account_number, cost_center, money_group, money_number) = first;
        PayItem {
            id, quantity, description, amount, case: PayItemCase(case), case_data, moment, position, account_number,
            cost_center, money_group, money_number, money_barcode, currency, unknown,
        }
    }
}

fn previous() -> impl Strategy<Value = PreviousReceipts> {
    prop_oneof![
        Just(PreviousReceipts::None),
        text().prop_filter("empty is none", |text| !text.is_empty()).prop_map(PreviousReceipts::One),
        proptest::collection::vec(text(), 1..4).prop_map(PreviousReceipts::Group),
    ]
}

prop_compose! {
    fn request()(
        reference in text(), moment in moment(), charge_items in proptest::collection::vec(charge_item(), 0..4),
        pay_items in proptest::collection::vec(pay_item(), 0..4), case in any::<u64>(),
        terminal_id in optional(text().prop_filter("empty is none", |text| !text.is_empty())),
        ids in (optional(uuid()), optional(uuid()), optional(uuid())), previous in previous(),
        receipt_amount in optional(decimal()), data in (optional(free()), optional(free()), optional(free()), optional(free())),
        case_data in optional(free_but_not_the_empty_string()), currency in currency(), unknown in unknown(),
    ) -> ReceiptRequest {
        let (user, area, customer, settlement) = data;
        ReceiptRequest {
            reference, moment, charge_items, pay_items, case: ReceiptCase(case), terminal_id,
            cash_box_id: ids.0.map(CashBoxId::from_uuid), pos_system_id: ids.1.map(PosSystemId::from_uuid),
            queue_id: ids.2.map(QueueId::from_uuid), previous, receipt_amount, user, area, customer, settlement, case_data,
            currency, unknown,
        }
    }
}

prop_compose! {
    fn signature()(
        id in optional(uuid()), format in any::<u64>(), kind in any::<u64>(), caption in optional(text()), data in text(),
    ) -> SignatureItem {
        SignatureItem { id, format: SignatureFormat(format), kind: SignatureType(kind), caption, data }
    }
}

prop_compose! {
    fn response()(
        ids in (uuid(), uuid(), uuid()), queue_row in any::<u64>(), names in (text(), text(), text()),
        terminal_id in optional(text()), receipt_moment in moment(),
        lines in proptest::collection::vec(proptest::collection::vec(text(), 0..3), 4),
        charge_items in proptest::collection::vec(charge_item(), 0..3),
        pay_items in proptest::collection::vec(pay_item(), 0..3),
        signatures in proptest::collection::vec(signature(), 0..3), state in any::<u64>(), state_data in optional(free()),
    ) -> ReceiptResponse {
        let mut lines = lines.into_iter();
        let mut next = || lines.next().unwrap_or_default();
        ReceiptResponse {
            queue_id: QueueId::from_uuid(ids.0), queue_item_id: QueueItemId::from_uuid(ids.1), queue_row,
            cash_box_identification: names.0, cash_box_id: CashBoxId::from_uuid(ids.2), terminal_id,
            receipt_reference: names.1, receipt_identification: names.2, receipt_moment, header: next(), charge_items,
            charge_lines: next(), pay_items, pay_lines: next(), signatures, footer: next(), state: State(state), state_data,
        }
    }
}

/// Equality that also sees trailing zeros, which equal decimals may differ in.
fn shown(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}")
}

proptest! {
    #[test]
    fn a_decimal_of_28_digits_survives(value in decimal(), quoted in any::<bool>()) {
        let text = if quoted { format!("\"{value}\"") } else { value.to_string() };
        let body = format!(
            r#"{{"cbReceiptReference":"R","cbChargeItems":[],"cbPayItems":[{{"Description":"x","Amount":{text}}}]}}"#
        );
        let first = sign::parse_request(body.as_bytes(), &Limits::default(), now()).unwrap();
        let mut out = Vec::new();
        sign::write_request(&first, &mut out);
        let second = sign::parse_request(&out, &Limits::default(), now()).unwrap();
        let amounts: Vec<String> = [&first, &second].iter().flat_map(|r| &r.pay_items).map(|i| i.amount.to_string()).collect();
        // A negative zero is written as zero.
        let expected = if value.is_zero() { value.abs().to_string() } else { value.to_string() };
        prop_assert_eq!(amounts, vec![expected.clone(), expected]);
    }

    #[test]
    fn any_word_of_64_bits_survives(word in any::<u64>(), form in 0..3) {
        let text = match form {
            0 => word.to_string(),
            1 => format!("\"{word}\""),
            _ => format!("\"0x{word:X}\""),
        };
        let body = format!(r#"{{"cbReceiptReference":"R","cbChargeItems":[],"cbPayItems":[],"ftReceiptCase":{text}}}"#);
        let request = sign::parse_request(body.as_bytes(), &Limits::default(), now()).unwrap();
        prop_assert_eq!(request.case.0, word);
        let mut out = Vec::new();
        sign::write_request(&request, &mut out);
        let expected = format!("\"ftReceiptCase\":{word}");
        prop_assert!(String::from_utf8(out).unwrap().contains(&expected));
    }

    #[test]
    fn a_receipt_survives(request in request()) {
        let mut out = Vec::new();
        sign::write_request(&request, &mut out);
        let again = sign::parse_request(&out, &Limits::default(), now()).unwrap();
        // Left out when zero or one, so that trailing zeros of those are not kept.
        let mut expected = request;
        for item in &mut expected.charge_items {
            item.position = if item.position.is_zero() { Decimal::ZERO } else { item.position };
        }
        for item in &mut expected.pay_items {
            item.position = if item.position.is_zero() { Decimal::ZERO } else { item.position };
            item.quantity = if item.quantity == Decimal::ONE { Decimal::ONE } else { item.quantity };
        }
        prop_assert_eq!(shown(&again), shown(&expected));
    }

    #[test]
    fn an_answer_survives(response in response()) {
        let mut out = Vec::new();
        sign::write_response(&response, &mut out);
        let again = sign::parse_response(&out, &Limits::default()).unwrap();
        prop_assert_eq!(&again, &response);
        let mut twice = Vec::new();
        sign::write_response(&again, &mut twice);
        prop_assert_eq!(out, twice);
    }

    #[test]
    fn what_we_write_is_json(request in request(), response in response()) {
        let mut out = Vec::new();
        // The free JSON of these receipts has a number that other readers refuse; it is not ours to judge.
        sign::write_request(&request, &mut out);
        let text = String::from_utf8(out).unwrap().replace("1e400", "1");
        prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        let mut out = Vec::new();
        sign::write_response(&response, &mut out);
        let text = String::from_utf8(out).unwrap().replace("1e400", "1");
        prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
    }

    #[test]
    fn a_moment_survives(moment in moment()) {
        prop_assert_eq!(date::parse(&date::format(moment)), Some(moment));
        prop_assert_eq!(date::from_ticks(date::ticks(moment)), Some(moment));
    }

    #[test]
    fn a_journal_request_survives(word in any::<u64>(), from in any::<i64>(), to in any::<i64>()) {
        let request = JournalRequest { journal_type: JournalType(word), from, to };
        let mut out = Vec::new();
        journal::write_request(&request, &mut out);
        prop_assert_eq!(journal::parse_request(&out, &Limits::default()), Ok(request));
        prop_assert_eq!(journal::parse_query(&format!("type=0x{word:x}&from={from}&to={to}")), Ok(request));
    }

    #[test]
    fn a_body_with_a_damaged_byte_is_read_or_refused(request in request(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut out = Vec::new();
        sign::write_request(&request, &mut out);
        let at = at.index(out.len());
        *out.get_mut(at).unwrap() = byte;
        if let Err(refused) = sign::parse_request(&out, &Limits::default(), now()) {
            prop_assert!(!refused.findings.is_empty());
            prop_assert!(refused.findings.iter().all(|finding| finding.pointer.is_empty() || finding.pointer.starts_with('/')));
        }
        let _ = echo::parse_request(&out, &Limits::default());
        let _ = journal::parse_request(&out, &Limits::default());
        let _ = sign::parse_response(&out, &Limits::default());
    }

    #[test]
    fn no_text_makes_a_date_or_query_panic(text in any::<String>()) {
        let _ = date::parse(&text);
        let _ = journal::parse_query(&text);
    }
}

#[test]
#[ignore = "a measurement, not a check: run it by hand, in release, with --nocapture"]
fn time_of_a_receipt_of_two_kilobytes() {
    let item = r#"{"Quantity":2,"Description":"Großer Brauner","Amount":6.40,"VATRate":20,"ftChargeItemCase":35184372088851,"ProductNumber":"4711","Moment":"2026-03-04T10:15:34Z"}"#;
    let items = [item; 11].join(",");
    let body = format!(
        r#"{{"cbTerminalID":"bar-2","cbReceiptReference":"R-2026-000815","cbReceiptMoment":"2026-03-04T10:15:34Z","ftReceiptCase":35184372088833,"cbChargeItems":[{items}],"cbPayItems":[{{"Description":"Card","Amount":70.40,"ftPayItemCase":35184397254661}}],"cbUser":{{"Name":"Ada"}}}}"#
    );
    let limits = Limits::default();
    let tree = json::parse(body.as_bytes(), &limits).unwrap();
    let request = sign::parse_request(body.as_bytes(), &limits, now()).unwrap();
    let mut out = Vec::with_capacity(4096);
    let figures = [
        ("json", measured(|| drop(json::parse(body.as_bytes(), &limits)))),
        ("typed", measured(|| drop(sign::request_from_json(&tree, &limits, now())))),
        (
            "written",
            measured(|| {
                out.clear();
                sign::write_request(&request, &mut out);
            }),
        ),
    ];
    #[allow(clippy::print_stderr, reason = "the figures are the point")]
    {
        eprintln!("{} bytes: {figures:?}", body.len());
    }
}

/// The best of five means, because other work on the machine only ever adds time.
fn measured(mut work: impl FnMut()) -> std::time::Duration {
    const ROUNDS: u32 = 10_000;
    let mean = |_| {
        let start = std::time::Instant::now();
        (0..ROUNDS).for_each(|_| work());
        start.elapsed() / ROUNDS
    };
    (0..5).map(mean).min().unwrap()
}
