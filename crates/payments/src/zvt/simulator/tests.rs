//! Tests of the terminal that is played: what it says, and what it has charged then.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use super::super::{Answer, Command, Completion, Config, Fields, Message, PrintedLine, ReceiptKind, ResultCode};
use super::register_for_tests::{Bench, Way, controls, password};
use super::{EntryState, TransactionKind};

const RESULT: (u8, u8) = (0x04, 0x0F);
const ABORT: (u8, u8) = (0x06, 0x1E);
const DONE: (u8, u8) = (0x06, 0x0F);
const ACCEPTED: (u8, u8) = (0x80, 0x00);

fn result(told: &[Message]) -> Fields {
    let of = |message: &Message| match message {
        Message::StatusInformation { fields } => Some(fields.clone()),
        _ => None,
    };
    told.iter().find_map(of).unwrap()
}

fn states(bench: &Bench) -> Vec<EntryState> {
    bench.terminal.ledger().entries().iter().map(|entry| entry.state).collect()
}

/// One payment of 10 euros over both transports; the ends of what is said, and the state of the ledger.
fn check(script: &str, last: (u8, u8), states_then: &[EntryState], net_cents: i128) {
    for is_serial in [false, true] {
        let mut bench = Bench::registered(is_serial, script);
        let told = bench.pay(1_000);
        assert_eq!(controls(&told).last(), Some(&last), "{script} {told:?}");
        assert_eq!(states(&bench), states_then, "{script}");
        assert_eq!(bench.terminal.ledger().net_cents(), net_cents, "{script}");
        assert!(!bench.terminal.is_busy());
        // And the next one is paid as if nothing had been.
        assert_eq!(controls(&bench.pay(700)).last(), Some(&DONE), "{script}");
        assert_eq!(bench.terminal.ledger().charges_of(700), 1);
    }
}

/// Typed from the tables of PA00P015: registration, then ten euros, over TCP.
#[test]
fn the_bytes_of_a_normal_payment() {
    let mut bench = Bench::new(false, "");
    bench.say(&Command::registration(password(), Config::ALL).unwrap());
    bench.pay(1_000);
    let text = |text: &str| text.bytes().collect::<Vec<u8>>();
    let accepted = || (Way::ToTerminal, vec![0x80, 0, 0]);
    let receipt = |kind| {
        let lines = ["SIMULATED TERMINAL", "RECEIPT 0001 TRACE 000001", "EUR 10.00", "PAID"];
        let sized = lines.iter().flat_map(|line| [vec![0x07, u8::try_from(line.len()).unwrap()], text(line)].concat());
        let head = vec![0x06, 0xD3, 78, 0x06, 76, 0x1F, 0x07, 1, kind, 0x25, 70, 0x09, 1, 0x40];
        (Way::ToRegister, head.into_iter().chain(sized).chain([0x09, 1, 0x81]).collect())
    };
    #[rustfmt::skip]
    let wire = [
        (Way::ToTerminal, vec![6, 0, 14, 0, 0, 0, 0xBE, 9, 0x78, 6, 6, 0x26, 4, 0x0A, 2, 6, 0xD3]),
        (Way::ToRegister, vec![0x80, 0, 0, 6, 0x0F, 10, 0x19, 0, 0x29, 0x52, 0x50, 0, 1, 0x49, 9, 0x78]),
        accepted(),
        (Way::ToTerminal, vec![6, 1, 10, 4, 0, 0, 0, 0, 0x10, 0, 0x49, 9, 0x78]),
        (Way::ToRegister, [vec![0x80, 0, 0, 4, 0xFF, 26, 0x0A, 0, 6, 22, 0x24, 20, 7, 18], text("please insert card")].concat()),
        accepted(),
        (Way::ToRegister, [vec![4, 0xFF, 28, 4, 0, 6, 24, 0x24, 22, 7, 20], text("waiting for the host")].concat()),
        accepted(),
        (Way::ToRegister, [
            vec![4, 0x0F, 60, 0x27, 0, 4, 0, 0, 0, 0, 0x10, 0, 0x0B, 0, 0, 1, 0x0C, 0, 0, 0, 0x0D, 1, 1, 0x87, 0, 1],
            vec![0x29, 0x52, 0x50, 0, 1, 0x49, 9, 0x78, 0x19, 0x70],
            vec![0x22, 0xF1, 0xF0, 0x67, 0x25, 0x90, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0x12, 0x3F, 0x8A, 5, 0x8B, 0xF0, 0xF9],
            text("girocard"), vec![0],
        ].concat()),
        accepted(),
        receipt(1),
        accepted(),
        receipt(2),
        accepted(),
        (Way::ToRegister, vec![6, 0x0F, 0]),
        accepted(),
    ];
    assert_eq!(bench.wire, wire);
    assert_eq!(bench.terminal.display(), "EUR 10.00 approved");
}

#[test]
fn what_a_script_says_happens() {
    use EntryState::{Charged, Declined, Reversed};
    for (script, last, states, net_cents) in [
        ("approve", DONE, &[Charged][..], 1_000),
        ("tip:200", DONE, &[Charged], 1_200),
        ("partial:300", DONE, &[Charged], 300),
        ("decline:05", ABORT, &[Declined], 0),
        ("slow:60000", DONE, &[Charged], 1_000),
        ("charge-silent", (0x04, 0xFF), &[Charged], 1_000),
        ("lose-answer", ABORT, &[Reversed], 0),
        ("lose-answer,flavour:austria", ABORT, &[Declined], 0),
        ("repeat", DONE, &[Charged], 1_000),
        ("bad-crc", DONE, &[Charged], 1_000),
        ("foreign", DONE, &[Charged], 1_000),
    ] {
        check(script, last, states, net_cents);
    }
}

#[test]
fn a_silent_terminal_charges_nothing() {
    for is_serial in [false, true] {
        let mut bench = Bench::registered(is_serial, "silent");
        assert_eq!(bench.pay(1_000), []);
        assert_eq!(states(&bench), []);
        assert_eq!(controls(&bench.pay(1_000)).last(), Some(&DONE));
    }
}

#[test]
fn results_tell_what_the_script_wants() {
    let mut bench = Bench::registered(false, "tip:200,partial:300,foreign,repeat,decline:05");
    let tipped = result(&bench.pay(1_000));
    assert_eq!((tipped.amount_cents(), tipped.result()), (Some(1_200), Some(ResultCode::OK)));
    assert_eq!(tipped.tlv().unwrap().encode(), [0x1F, 0x36, 6, 0, 0, 0, 0, 2, 0]);
    assert_eq!(bench.terminal.ledger().charges_of(1_000), 1);
    assert_eq!(result(&bench.pay(1_000)).amount_cents(), Some(300));
    let foreign = result(&bench.pay(1_000));
    assert_eq!((foreign.amount_cents(), foreign.receipt_number()), (Some(1_100), Some(8)));
    let ours = bench.last_result().unwrap();
    assert_eq!((ours.amount_cents(), ours.receipt_number()), (Some(1_000), Some(3)));
    let repeated = bench.pay(1_000);
    let results: Vec<_> = repeated.iter().filter(|one| matches!(one, Message::StatusInformation { .. })).collect();
    assert!(results.len() == 2 && results.first() == results.last());
    assert_eq!(result(&bench.pay(1_000)).result(), Some(ResultCode(5)));
    assert_eq!(bench.last_result().unwrap().result(), Some(ResultCode(5)));
}

#[test]
fn a_damaged_frame_is_sent_again() {
    let mut bench = Bench::registered(true, "bad-crc");
    bench.pay(1_000);
    let naks = bench.wire.iter().filter(|(way, bytes)| *way == Way::ToTerminal && *bytes == [0x15]).count();
    assert_eq!(naks, 1);
}

#[test]
fn noise_is_heard_between_frames() {
    let mut bench = Bench::registered(true, "noise:00ff4142");
    assert_eq!(controls(&bench.pay(1_000)).last(), Some(&DONE));
    let noisy = bench.wire.iter().filter(|(_, bytes)| bytes.windows(4).any(|four| four == [0, 0xFF, 0x41, 0x42]));
    assert!(noisy.count() > 4);
}

/// The answer to the result is the decision: wait, no, only a part of it, none at all.
#[test]
fn the_register_decides() {
    use EntryState::{Charged, Declined, Reversed};
    let partial = Answer::Refused { code: Answer::PARTIAL, fields: Fields::new().with_amount_cents(400).unwrap() };
    for (script, answers, state, net_cents, results) in [
        ("", vec![Some(Answer::refused(Answer::NOT_YET)); 3], Charged, 1_000, 4),
        ("", vec![Some(Answer::refused(0))], Charged, 1_000, 1),
        ("", vec![Some(Answer::refused(Answer::GOODS_FAILED))], Reversed, 0, 1),
        ("flavour:austria", vec![Some(Answer::refused(Answer::GOODS_FAILED))], Reversed, 0, 1),
        ("", vec![Some(partial)], Charged, 400, 1),
        ("", vec![None], Reversed, 0, 1),
        ("flavour:austria", vec![None], Declined, 0, 1),
    ] {
        for is_serial in [false, true] {
            let mut bench = Bench::registered(is_serial, script);
            bench.answers = answers.clone().into();
            let told = bench.pay(1_000);
            assert_eq!(states(&bench), [state], "{answers:?}");
            assert_eq!(bench.terminal.ledger().net_cents(), net_cents);
            assert_eq!(controls(&told).iter().filter(|one| **one == RESULT).count(), results);
            let stored = bench.last_result().unwrap();
            assert_eq!(stored.result() == Some(ResultCode::OK), state == Charged);
        }
    }
}

#[test]
fn receipts_come_as_registered() {
    let blocks = Command::registration(password(), Config::ALL).unwrap();
    let lines = |config| Command::Registration {
        password: password(),
        config: Config(config),
        currency: Some(Command::EURO),
        fields: Fields::new(),
    };
    for (registration, control, messages) in
        [(blocks, (6, 0xD3), 2), (lines(0xBE), (6, 0xD1), 10), (lines(0x3E), (6, 0xD1), 0)]
    {
        let mut bench = Bench::new(true, "");
        bench.say(&registration);
        let told = bench.pay(1_000);
        assert_eq!(controls(&told).iter().filter(|one| **one == control).count(), messages);
        let customers: Vec<PrintedLine> = told
            .iter()
            .filter(|one| one.receipt_kind() == Some(ReceiptKind::Customer))
            .flat_map(Message::printed_lines)
            .collect();
        assert_eq!(customers.iter().any(|line| line.text == "PAID"), messages > 0);
        assert_eq!(told.iter().filter(|one| one.ends_receipt()).count(), messages.min(2));
    }
}

#[test]
fn the_other_commands() {
    let mut bench = Bench::new(false, "");
    let last = Command::last_result(password()).unwrap();
    assert_eq!(controls(&bench.say(&last)), [ACCEPTED, ABORT]);
    let pay = Command::authorisation(500, 840).unwrap();
    assert_eq!(controls(&bench.say(&pay)), [(0x84, 0x6F)]);
    assert_eq!(controls(&bench.say(&Command::authorisation(0, 978).unwrap())), [(0x84, 0xC8)]);
    let enquiry = bench.say(&Command::StatusEnquiry { password: None, fields: Fields::new() });
    let [_, Message::Completion(completion)] = &enquiry[..] else { unreachable!("{enquiry:?}") };
    assert_eq!((completion.terminal_status(), completion.software().as_deref()), (Some(0), Some("SIM 1.0")));
    assert!(matches!(completion, Completion::Status { .. }));
    assert_eq!(controls(&bench.say(&Command::Diagnosis { fields: Fields::new() })), [ACCEPTED, DONE]);
    assert_eq!(controls(&bench.say(&Command::Abort { fields: Fields::new() })), [(0x84, 0x83)]);

    bench.pay(1_000);
    assert_eq!(controls(&bench.say(&last)), [ACCEPTED, RESULT, DONE]);
    bench.say(&Command::refund(password(), 300, 978).unwrap());
    assert_eq!(bench.terminal.ledger().net_cents(), 700);
    let reversal = Command::reversal(password(), 1, 1_000, 978).unwrap();
    assert_eq!(result(&bench.say(&reversal)).result(), Some(ResultCode::OK));
    assert_eq!(result(&bench.say(&reversal)).result(), Some(ResultCode::ALREADY_REVERSED));
    let unknown = Command::reversal(password(), 77, 1_000, 978).unwrap();
    assert_eq!(result(&bench.say(&unknown)).result(), Some(ResultCode::REVERSAL_NOT_POSSIBLE));
    let entries = bench.terminal.ledger().entries().iter().map(|entry| (entry.kind, entry.state)).collect::<Vec<_>>();
    assert_eq!(
        entries,
        [
            (TransactionKind::Payment, EntryState::Reversed),
            (TransactionKind::Refund, EntryState::Charged),
            (TransactionKind::Reversal, EntryState::Charged)
        ]
    );

    bench.pay(2_000);
    let day = bench.say(&Command::EndOfDay { password: password(), fields: Fields::new() });
    assert_eq!(result(&day).get(0x60).unwrap().get(..11), Some(&[0, 1, 0, 4, 1, 0, 0, 0, 0, 0x20, 0][..]));
    let yesterday = Command::reversal(password(), 4, 2_000, 978).unwrap();
    assert_eq!(result(&bench.say(&yesterday)).result(), Some(ResultCode::REVERSAL_NOT_POSSIBLE));
    assert_eq!(controls(&bench.say(&Command::LogOff)), [ACCEPTED]);
    assert_eq!(bench.terminal.ledger().net_cents(), 1_700);
}

#[test]
fn an_abort_comes_in_time_or_too_late() {
    let abort = Command::Abort { fields: Fields::new() };
    for (at_ms, answer, net_cents) in [(2_000, ACCEPTED, 0), (5_150, (0x84, 0x83), 1_000)] {
        for is_serial in [false, true] {
            let mut bench = Bench::registered(is_serial, "slow:5000");
            bench.begin(&Command::authorisation(1_000, 978).unwrap());
            bench.play(at_ms);
            bench.now = std::time::Duration::from_millis(at_ms);
            assert!(bench.terminal.is_busy());
            let told = bench.say(&abort);
            assert_eq!(controls(&told).first(), Some(&answer), "{at_ms}");
            assert_eq!(bench.terminal.ledger().net_cents(), net_cents);
        }
    }
}

#[test]
fn a_power_cut_takes_back_what_is_not_decided() {
    use EntryState::{Declined, Reversed};
    for (script, state) in [("", Reversed), ("flavour:austria", Declined)] {
        let mut bench = Bench::registered(false, script);
        bench.answers = [None].into();
        bench.begin(&Command::authorisation(1_000, 978).unwrap());
        bench.play(1_000);
        assert_eq!(bench.terminal.ledger().net_cents(), 1_000);
        bench.terminal.power_cycle(bench.now);
        bench.reconnect();
        assert_eq!(states(&bench), [state]);
        assert_eq!(bench.last_result().unwrap().result(), Some(ResultCode::ABORTED));
        assert_eq!(controls(&bench.pay(1_000)).last(), Some(&DONE));
    }
}

/// While a terminal goes on with a payment after the line broke, it takes no other command.
#[test]
fn a_terminal_that_goes_on_is_busy() {
    for (script, answer, entries) in [("slow:60000", (0x84, 0x9C), 1), ("slow:60000,on-drop:stops", ACCEPTED, 0)] {
        let mut bench = Bench::registered(false, script);
        bench.begin(&Command::authorisation(1_000, 978).unwrap());
        bench.play(1_000);
        bench.drop_line();
        bench.reconnect();
        bench.begin(&Command::last_result(password()).unwrap());
        let told = bench.play(1_000);
        assert_eq!(controls(&told).first(), Some(&answer), "{script}");
        bench.play(100_000);
        assert_eq!(bench.terminal.ledger().entries().len(), entries);
        assert_eq!(bench.terminal.ledger().net_cents(), 0);
    }
}
