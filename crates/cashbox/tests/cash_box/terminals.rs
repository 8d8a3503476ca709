//! Terminals in the configuration: what is accepted, what a cancellation names, and that one with an open payment stays.

use kassette_cashbox::{Configuration, PaymentTold, Step, TerminalEntry};
use kassette_model::cases::PayMeans;
use kassette_model::payment::{Approval, PaymentOutcome, PaymentRefusal, ProviderExchange, RefusalKind};
use kassette_model::{Decimal, FreeJson, OperationId, OperationKind};
use kassette_record::SealedRecord;

use super::env::{TestEnv, configuration, request};

fn terminal(name: &str, address: &str) -> TerminalEntry {
    TerminalEntry {
        name: name.to_owned(),
        provider: "zvt".to_owned(),
        address: address.parse().unwrap(),
        terminal_id: Some(name.to_owned()),
        password: 123_456,
    }
}

fn with(terminals: Vec<TerminalEntry>) -> Configuration {
    Configuration { terminals, ..configuration() }
}

/// Where the configuration is refused; empty when it is not.
#[track_caller]
fn check(terminals: Vec<TerminalEntry>, pointer: &str) {
    let found = with(terminals).check().err().map_or_else(String::new, |error| error.pointer);
    assert_eq!(found, pointer);
}

#[test]
fn a_configuration_keeps_its_terminals() {
    let bar = terminal("bar", "tcp:10.0.0.7");
    let all =
        vec![bar.clone(), TerminalEntry { terminal_id: None, password: 0, ..terminal("hall", "serial:/dev/ttyS0") }];
    check(all.clone(), "");
    let json = with(all.clone()).to_json().unwrap();
    assert_eq!(Configuration::from_json(json.get().as_bytes()).unwrap().terminals, all);
    assert!(!configuration().to_json().unwrap().get().contains("terminals"), "nothing is written where there are none");
    assert_eq!(
        format!("{bar:?}"),
        r#"TerminalEntry(bar, zvt, tcp:10.0.0.7:20007, Some("bar"))"#,
        "without the password"
    );

    check(vec![terminal("Bar", "tcp:a")], "/terminals/0/name");
    check(vec![terminal("", "tcp:a")], "/terminals/0/name");
    check(vec![bar.clone(), terminal("bar", "tcp:b")], "/terminals/1/name");
    check(vec![bar.clone(), terminal("b", "tcp:10.0.0.7:20007")], "/terminals/1/address");
    check(vec![terminal("b", "app")], "/terminals/0/address");
    check(vec![TerminalEntry { provider: "test".to_owned(), ..bar.clone() }], "/terminals/0/provider");
    check(vec![TerminalEntry { provider: "none".to_owned(), ..bar.clone() }], "/terminals/0/provider");
    check(vec![TerminalEntry { terminal_id: Some(String::new()), ..bar.clone() }], "/terminals/0/terminal_id");
    check(vec![TerminalEntry { password: 1_000_000, ..bar }], "/terminals/0/password");
    let many = (0..=TerminalEntry::COUNT_MAX).map(|n| terminal(&format!("t{n}"), &format!("tcp:h{n}"))).collect();
    check(many, "/terminals");
}

/// A cash box with one terminal at which this payment has begun.
fn begun(body: &str) -> (TestEnv, SealedRecord) {
    let mut env = TestEnv::started_with(with(vec![terminal("bar", "tcp:10.0.0.7")]));
    let call = request(OperationKind::Pay, 1, body);
    let facts = env.facts();
    let accepted = env.core.accept(&call, &facts).unwrap();
    env.pending.push(accepted.record);
    let begun = match env.apply(&call) {
        Step::Begin(begun) => begun,
        Step::Commit(commit) => panic!("{}", String::from_utf8_lossy(&commit.answer.body)),
        other => panic!("{other:?}"),
    };
    let record = begun.record.unwrap();
    env.pending.push(record.clone());
    env.settle();
    (env, record)
}

#[test]
fn a_cancellation_names_the_payment_that_it_takes_back() {
    let item = r#"{"Description":"Card","Amount":18.40,"ftPayItemCaseData":{"Provider":{"Protocol":"zvt","Terminal":"bar","ProtocolResponse":{"ReceiptNumber":"0042"}}}}"#;
    for (action, original) in [("cancel", Some("0042")), ("refund", None), ("payment", None)] {
        let body = format!(r#"{{"Action":"{action}","Protocol":"zvt","cbTerminalID":"bar","cbPayItem":{item}}}"#);
        let (env, record) = begun(&body);
        let payment = record.open().unwrap().0.details.payment.unwrap();
        assert_eq!((payment.provider.as_str(), payment.terminal.as_str()), ("zvt", "bar"));
        assert_eq!(payment.original.as_deref(), original, "{action}");
        assert!(env.core.has_devices() && record.unfinished);
    }
}

#[test]
fn only_the_terminal_that_made_a_payment_cancels_it() {
    for (protocol, terminal) in [("zvt", "hall"), ("zvt", ""), ("http", "bar")] {
        let mut env = TestEnv::started_with(with(vec![terminal_of_bar()]));
        let data = format!(
            r#"{{"Provider":{{"Protocol":"{protocol}","Terminal":"{terminal}","ProtocolResponse":{{"ReceiptNumber":"0042"}}}}}}"#
        );
        let item = format!(r#"{{"Description":"Card","Amount":18.40,"ftPayItemCaseData":{data}}}"#);
        let body = format!(r#"{{"Action":"cancel","Protocol":"zvt","cbTerminalID":"bar","cbPayItem":{item}}}"#);
        let Step::Commit(commit) = env.apply(&request(OperationKind::Pay, 1, body.as_str())) else {
            panic!("{protocol} {terminal}")
        };
        let problem = String::from_utf8(commit.answer.body).unwrap();
        assert!(commit.answer.status == 400 && problem.contains("/cbPayItem/ftPayItemCaseData"), "{problem}");
    }
}

#[test]
fn a_cancellation_may_name_the_operation_instead() {
    let pay = |terminal: &str| {
        format!(
            r#"{{"Protocol":"zvt","cbTerminalID":"{terminal}","cbPayItem":{{"Description":"Card","Amount":18.40}}}}"#
        )
    };
    let cancel = |named: &str| {
        let item = format!(r#"{{"Description":"Card","Amount":-18.40,"MoneyBarcode":"{named}"}}"#);
        format!(r#"{{"Action":"cancel","Protocol":"zvt","cbTerminalID":"bar","cbPayItem":{item}}}"#)
    };
    // Paid at a terminal, told with its number; or declined.
    let ended = |terminal: &str, outcome: PaymentOutcome| {
        let mut env = TestEnv::started_with(with(vec![terminal_of_bar(), self::terminal("hall", "tcp:10.0.0.8")]));
        let call = request(OperationKind::Pay, 1, pay(terminal).as_str());
        let facts = env.facts();
        env.pending.push(env.core.accept(&call, &facts).unwrap().record);
        let Step::Begin(_) = env.apply(&call) else { panic!("{terminal}") };
        for told in [
            PaymentTold::Sending { baseline: None },
            PaymentTold::Result { reason: String::new() },
            PaymentTold::Ended { outcome, reason: None },
        ] {
            let facts = env.facts();
            let record = match env.core.payment_told(&call, told, &facts) {
                Step::Progress(record) => *record,
                Step::Commit(commit) => commit.record,
                other => panic!("{other:?}"),
            };
            env.pending.push(record);
        }
        env.settle();
        (env, call.id)
    };
    let approved = || {
        let response = FreeJson(r#"{"ReceiptNumber":"0042"}"#.to_owned());
        PaymentOutcome::Approved(Approval {
            paid: "18.40".parse().unwrap(),
            tip: Decimal::ZERO,
            means: PayMeans::DebitCard,
            lines: Vec::new(),
            exchange: ProviderExchange { protocol_version: "1".into(), request: None, response: Some(response) },
        })
    };
    let declined = PaymentOutcome::Refused(PaymentRefusal {
        kind: RefusalKind::Declined,
        title: "DECLINED".into(),
        detail: "".into(),
    });
    let (mut env, paid) = ended("bar", approved());
    let again = |env: &mut TestEnv, paid: OperationId| {
        let call = request(OperationKind::Pay, 2, cancel(&paid.to_string()).as_str());
        let facts = env.facts();
        env.pending.push(env.core.accept(&call, &facts).unwrap().record);
        env.apply(&call)
    };
    let Step::Begin(begun) = again(&mut env, paid) else { panic!("it begins") };
    assert_eq!(begun.payment.original.as_deref(), Some("0042"));

    let check = |(mut env, paid): (TestEnv, OperationId), why: &str| {
        let Step::Commit(commit) = again(&mut env, paid) else { panic!("{why}") };
        let problem = String::from_utf8(commit.answer.body).unwrap();
        assert!(commit.answer.status == 400 && problem.contains("/cbPayItem/MoneyBarcode"), "{problem}");
        assert!(problem.contains(why), "{problem}");
    };
    check(ended("hall", approved()), "only the terminal that made it");
    check(ended("bar", declined), "charged nothing");
    let (env, _) = ended("bar", approved());
    check((env, OperationId::from_bytes([9; 16])), "no such operation");
    // A card's own bar code is no reference.
    let (_, record) = self::begun(&cancel("9120012345678"));
    assert_eq!(record.open().unwrap().0.details.payment.unwrap().original, None);
}

fn terminal_of_bar() -> TerminalEntry {
    terminal("bar", "tcp:10.0.0.7")
}

#[test]
fn a_terminal_with_a_payment_under_way_stays() {
    let (mut env, _) =
        begun(r#"{"Protocol":"zvt","cbTerminalID":"bar","cbPayItem":{"Description":"Card","Amount":18.40}}"#);
    let facts = env.facts();
    let error = env.core.configure(&with(Vec::new()), &facts).unwrap_err();
    assert_eq!(error.pointer, "/terminals");
    assert!(error.message.contains("\"bar\" and is intent"), "{error}");
    // Nor may its line change: another device would tell of payments of its own. Its id and its password may.
    let error = env.core.configure(&with(vec![terminal("bar", "tcp:10.0.0.8")]), &facts).unwrap_err();
    assert_eq!(error.pointer, "/terminals");
    let other_id = TerminalEntry { terminal_id: None, password: 7, ..terminal("bar", "tcp:10.0.0.7") };
    env.core.configure(&with(vec![other_id]), &facts).unwrap();
    let mut free = TestEnv::started_with(with(vec![terminal("bar", "tcp:10.0.0.7")]));
    let facts = free.facts();
    let record = free.core.configure(&with(Vec::new()), &facts).unwrap();
    assert!(!free.core.has_devices() && !record.unfinished);
}
