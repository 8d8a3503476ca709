#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may stop")]

use kassette_model::FreeJson;
use kassette_model::cases::{SignaturePosition, SignatureType};

use super::*;
use crate::receipt::{Content, Medium, PaymentKind};
use crate::samples::{SAMPLES, Sample};

fn sample(name: &str) -> Sample {
    *SAMPLES.iter().find(|sample| sample.name == name).unwrap()
}

/// A sample, changed, composed for production or sandbox.
fn composed(name: &str, change: impl Fn(&mut ReceiptRequest, &mut ReceiptResponse, &mut Source<'_>)) -> Receipt {
    tried(name, change).unwrap()
}

fn tried(
    name: &str,
    change: impl Fn(&mut ReceiptRequest, &mut ReceiptResponse, &mut Source<'_>),
) -> Result<Receipt, ComposeError> {
    let sample = sample(name);
    let (mut request, mut response) = sample.pair();
    let merchant = sample.merchant();
    let (first_request, first_response) = (request.clone(), response.clone());
    let mut source = Source {
        request: &first_request,
        response: &first_response,
        market: sample.market,
        environment: Environment::Sandbox,
        merchant: &merchant,
        language: None,
        time_zone: None,
        copy: Copy::Original,
        document_url: None,
    };
    change(&mut request, &mut response, &mut source);
    compose(&Source { request: &request, response: &response, ..source })
}

fn flag(request: &mut ReceiptRequest, flag: ReceiptFlag) {
    request.case = request.case.with(flag);
}

fn marks(receipt: &Receipt) -> Vec<&str> {
    receipt.marks.iter().map(|mark| mark.text.as_str()).collect()
}

fn notices(receipt: &Receipt) -> Vec<&str> {
    receipt.notices.iter().map(|notice| notice.text.as_str()).collect()
}

fn facts(receipt: &Receipt) -> Vec<(&str, &str)> {
    receipt.facts.iter().map(|fact| (fact.label.as_str(), fact.value.as_str())).collect()
}

#[test]
fn an_austrian_receipt_has_what_the_law_names() {
    let receipt = composed("at", |_, _, _| {});
    assert_eq!(receipt.merchant.name.as_str(), "Café Kassette");
    assert_eq!(
        facts(&receipt),
        [
            ("Belegnummer", "ft10#17"),
            ("Referenz", "R-2026-000815"),
            ("Datum", "04.03.2026 11:15:34"),
            ("Kassen-ID", "TILL-0007"),
            ("Terminal", "bar-2"),
            ("Bediener", "Ada"),
            ("Tisch", "12"),
        ]
    );
    let rows: Vec<(char, String, String, String)> = receipt
        .vat
        .iter()
        .map(|row| (row.letter, row.net.to_string(), row.vat.to_string(), row.gross.to_string()))
        .collect();
    let row = |letter, net: &str, vat: &str, gross: &str| (letter, net.to_owned(), vat.to_owned(), gross.to_owned());
    assert_eq!(rows, [row('A', "9.42", "1.88", "11.3"), row('B', "10.91", "1.09", "12.0")]);
    assert_eq!(receipt.total, Some(Decimal::new(2330, 2)));
    assert_eq!((receipt.change(), receipt.tip()), (Decimal::new(2670, 2), Decimal::ZERO));
    assert_eq!((receipt.items[0].unit_price, receipt.items[1].unit_price), (Some(Decimal::new(32, 1)), None));
    assert_eq!(receipt.payments[0].label.as_str(), "Bar");
    assert_eq!(marks(&receipt), ["TESTBETRIEB - kein gültiger Beleg"]);
    assert_eq!(receipt.lines.len(), 2);
}

#[test]
fn a_message_to_the_authority_is_not_on_paper() {
    let receipt = composed("at", |_, response, _| {
        let mut message = response.signatures[0].clone();
        message.kind = kassette_model::cases::SignatureAt::FinanzOnline.kind();
        message.format.0 = 8;
        response.signatures.push(message);
    });
    let count = |medium| receipt.signatures_at(SignaturePosition::AfterPayItems, medium).count();
    assert_eq!((count(Medium::Paper), count(Medium::Screen)), (2, 3));
}

#[test]
fn marks_say_what_a_receipt_is() {
    let receipt = composed("at", |request, response, source| {
        flag(request, ReceiptFlag::TRAINING);
        flag(request, ReceiptFlag::VOID);
        response.state = response.state.error();
        source.copy = Copy::Numbered(2);
    });
    assert_eq!(
        marks(&receipt),
        [
            "TESTBETRIEB - kein gültiger Beleg",
            "NICHT SIGNIERT - kein gültiger Beleg",
            "TRAININGSBUCHUNG",
            "STORNOBUCHUNG",
            "KOPIE 2"
        ]
    );
    let french = composed("fr", |request, _, source| {
        flag(request, ReceiptFlag::TRAINING);
        source.copy = Copy::Numbered(3);
        source.language = Some(Language::En);
    });
    assert_eq!(marks(&french), ["SANDBOX - not a valid receipt", "T R A I N I N G - mode école", "DUPLICATA n° 3"]);
    let real = composed("at", |_, _, source| source.environment = Environment::Production);
    assert!(real.marks.is_empty());
}

#[test]
fn a_spanish_code_is_first_and_has_its_legend() {
    let receipt = composed("es", |_, _, _| {});
    let first = receipt.signatures_at(SignaturePosition::BeforeHeader, Medium::Paper).next().unwrap();
    assert_eq!((first.above[0].as_str(), first.below[0].as_str()), ("QR tributario:", "VERI*FACTU"));
    let Content::Code(code) = &first.content else { panic!("a code") };
    assert_eq!((code.width_mm_min, code.width_mm_max), (30, 40));
    assert_eq!(receipt.title.as_str(), "FACTURA SIMPLIFICADA");
    assert_eq!(facts(&receipt)[0], ("N.º de recibo", "A2026-123"));
    assert_eq!(receipt.tip(), Decimal::TWO);
    let unsent = composed("es", |_, response, _| {
        let code = &mut response.signatures[0].data;
        *code = code.replace("ValidarQR?", "ValidarQRNoVerifactu?");
    });
    let first = unsent.signatures_at(SignaturePosition::BeforeHeader, Medium::Paper).next().unwrap();
    assert!(first.below.is_empty());
}

#[test]
fn a_portuguese_sandbox_certifies_nothing_and_has_its_atcud_above_the_code() {
    let receipt = composed("pt", |_, _, _| {});
    let code = receipt.signatures.iter().find(|signature| matches!(signature.content, Content::Code(_))).unwrap();
    assert_eq!(code.above.last().unwrap().as_str(), "ATCUD:SBXK7T5HD-1");
    assert_eq!(notices(&receipt), ["SANDBOX - documento sem validade, programa não certificado"]);
    assert!(!format!("{receipt:?}").contains("Processado"));
    assert_eq!(receipt.customer[0].as_str(), "Consumidor final");
    assert_eq!(receipt.title.as_str(), "Fatura simplificada");

    let real = composed("pt", |_, _, source| source.environment = Environment::Production);
    assert!(format!("{real:?}").contains("AxAx-Processado por programa certificado n.º 9999/AT"));
    assert!(real.notices.is_empty());

    let bill = composed("pt", |request, _, _| request.case = request.case.with_low16(ReceiptName::TableCheck.bits()));
    assert!(notices(&bill).contains(&"Este documento não serve de fatura"));
}

#[test]
fn a_portuguese_credit_note_has_no_negative_amounts() {
    let receipt = composed("pt", |request, _, source| {
        flag(request, ReceiptFlag::REFUND);
        for item in &mut request.charge_items {
            item.amount = -item.amount;
            item.quantity = -item.quantity;
        }
        request.pay_items.truncate(1);
        request.pay_items[0].amount = Decimal::new(-2395, 2);
        source.copy = Copy::Numbered(1);
    });
    assert_eq!(receipt.title.as_str(), "Nota de crédito");
    assert_eq!(receipt.total, Some(Decimal::new(2395, 2)));
    assert!(receipt.items.iter().all(|item| item.amount.is_sign_positive() && item.quantity.is_sign_positive()));
    assert!(receipt.vat.iter().all(|row| row.gross.is_sign_positive()));
    assert_eq!(receipt.payments[0].amount, Decimal::new(2395, 2));
    assert!(marks(&receipt).contains(&"2.ª via"));
}

#[test]
fn a_french_bill_shows_no_tax() {
    let bill = composed("fr", |request, _, _| request.case = request.case.with_low16(ReceiptName::TableCheck.bits()));
    assert_eq!(notices(&bill), ["document provisoire"]);
    assert!(bill.vat.is_empty() && bill.items.iter().all(|item| item.vat_letter.is_none()));
}

#[test]
fn a_german_code_says_it_or_people_can_read_it() {
    let details = |receipt: &Receipt| {
        (receipt.signatures_at(SignaturePosition::AfterPayItems, Medium::Paper).count(), receipt.signatures.len())
    };
    assert_eq!(details(&composed("de", |_, _, _| {})), (2, 8));
    let ordered = composed("de", |_, response, _| {
        // Number 01F: when the first order was taken.
        response.signatures[1].kind.0 = 0x4445_2000_0010_001F;
    });
    assert_eq!(details(&ordered), (3, 8));
    let legible = composed("de", |_, response, _| {
        response.signatures.remove(0);
    });
    assert_eq!(details(&legible), (7, 7));
    let failed = composed("de", |_, response, _| {
        response.signatures.clear();
        response.state = response.state.with(kassette_model::cases::StateFlag::ScuTemporaryOutOfService);
    });
    assert_eq!(notices(&failed), ["Technische Sicherheitseinrichtung (TSE) ausgefallen"]);
    let slip: Vec<&str> = failed.payments[0].slip.iter().map(Printable::as_str).collect();
    assert_eq!(slip[0], "Terminal-ID 54321098");
    assert_eq!(failed.items[1].notes[0].as_str(), "zum Mitnehmen");
}

#[test]
fn what_a_signature_says_is_not_said_twice() {
    let text = "Steuerbefreiung für Kleinunternehmer (§ 19 UStG)";
    let small = composed("de", |request, _, _| flag(request, ReceiptFlag::ISSUER_IS_SMALL_BUSINESS));
    assert_eq!(notices(&small), [text]);
    let said = composed("de", |request, response, _| {
        flag(request, ReceiptFlag::ISSUER_IS_SMALL_BUSINESS);
        let item = &mut response.signatures[7];
        (item.caption, item.data, item.kind) = (None, text.to_owned(), SignatureType(0));
    });
    assert_eq!(notices(&said), [] as [&str; 0]);
}

#[test]
fn items_and_payments_can_change_sides_and_still_add_up() {
    let receipt = composed("at", |request, _, _| {
        let voucher = &mut request.charge_items[0];
        voucher.amount = Decimal::new(-500, 2);
        voucher.case = voucher.case.with(kassette_model::cases::ChargeFlag::SHOW_IN_PAYMENTS);
        let tip = &mut request.pay_items[1];
        tip.case = tip.case.with(kassette_model::cases::PayFlag::SHOW_IN_CHARGE_ITEMS);
        tip.amount = Decimal::new(-200, 2);
    });
    assert_eq!(receipt.items.iter().map(|item| item.amount).sum::<Decimal>(), receipt.total.unwrap());
    assert_eq!(receipt.items.last().unwrap().amount, Decimal::TWO);
    let voucher = receipt.payments.last().unwrap();
    assert_eq!((voucher.kind, voucher.amount), (PaymentKind::Payment, Decimal::new(5, 0)));
}

#[test]
fn items_that_only_answer_are_not_shown_twice() {
    let receipt = composed("at", |request, response, _| {
        request.charge_items[0].id = Some(uuid());
        let mut again = request.charge_items[0].clone();
        response.charge_items.push(again.clone());
        again.id = None;
        response.charge_items.push(again.clone());
        again.case = again.case.with(kassette_model::cases::ChargeFlag::IN_RESPONSE);
        response.charge_items.push(again);
    });
    assert_eq!(receipt.items.len(), 4);
}

fn uuid() -> uuid::Uuid {
    kassette_model::CashBoxId::from_bytes([7; 16]).uuid()
}

#[test]
fn old_cases_are_read_as_new_ones() {
    let receipt = composed("at", |request, _, _| {
        for item in &mut request.charge_items {
            item.case.0 = 0;
        }
        request.case.0 = 0;
        request.pay_items[1].case.0 = 0x12;
    });
    let letters: Vec<Option<char>> = receipt.items.iter().map(|item| item.vat_letter).collect();
    assert_eq!(letters, [Some('A'), Some('B'), Some('A')]);
    assert_eq!(receipt.payments[1].kind, PaymentKind::Change);
}

#[test]
fn what_cannot_be_shown_is_refused_with_its_reason() {
    let unnamed = tried("at", |_, _, source| {
        source.environment = Environment::Production;
        source.merchant = empty_merchant();
    });
    assert_eq!(unnamed.unwrap_err(), ComposeError::MerchantUnnamed);
    let named_by_answer = tried("at", |_, response, source| {
        source.environment = Environment::Production;
        source.merchant = empty_merchant();
        response.header.push("Café Kassette".to_owned());
    });
    assert!(named_by_answer.is_ok());
    let currency = tried("at", |request, _, _| request.currency = "EURO".to_owned());
    assert_eq!(currency.unwrap_err(), ComposeError::Currency("EURO".to_owned()));
    let large = tried("at", |request, _, _| {
        request.charge_items[0].amount = Decimal::MAX;
        request.charge_items[1].amount = Decimal::MAX;
    });
    assert_eq!(large.unwrap_err(), ComposeError::Overflow { what: "a sum of taxes" });
    let many = tried("at", |request, _, _| {
        let item = request.charge_items[0].clone();
        request.charge_items = vec![item; ITEMS_MAX + 1];
    });
    assert_eq!(many.unwrap_err(), ComposeError::TooManyItems { what: "charge items", count: 10_001 });
}

fn empty_merchant() -> &'static Merchant {
    static EMPTY: std::sync::LazyLock<Merchant> = std::sync::LazyLock::new(Merchant::default);
    &EMPTY
}

#[test]
fn hostile_text_is_shown_and_not_obeyed() {
    let hostile = "Tee\x1b@\x1dV\0 <script>\u{202e}evil";
    let receipt = composed("at", |request, response, _| {
        request.charge_items[0].description = hostile.to_owned();
        request.user = Some(FreeJson(r#"{"name":"\u001b[2J"}"#.to_owned()));
        response.header.push(hostile.to_owned());
        response.footer.push("\u{1b}[31m".to_owned());
    });
    assert_eq!(receipt.items[0].description.as_str(), "Tee@V <script>evil");
    assert_eq!(receipt.header[0].as_str(), "Tee@V <script>evil");
    assert_eq!(receipt.footer[0].as_str(), "[31m");
    assert!(facts(&receipt).contains(&("Bediener", "[2J")));
}
