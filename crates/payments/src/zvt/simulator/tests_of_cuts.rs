//! The line breaks behind every single byte, both ways: the ledger has one charge or none, and the terminal tells which.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use proptest::prelude::*;

use super::super::ResultCode;
use super::register_for_tests::{Bench, Way, link};
use super::{Script, Terminal};

/// Longer than the terminal waits for a decision.
const ALL_MS: u64 = 120_000;

/// The line breaks; later it is there again, and the register asks. How many charges there are then.
fn check(bench: &mut Bench, about: &str) -> usize {
    bench.pay(1_000);
    bench.drop_line();
    bench.play(ALL_MS);
    assert!(!bench.terminal.is_busy(), "{about}");
    let charges = bench.terminal.ledger().charges_of(1_000);
    assert!(charges <= 1 && bench.terminal.ledger().entries().len() <= 1, "{about}");
    assert_eq!(bench.terminal.ledger().net_cents(), i128::try_from(charges * 1_000).unwrap(), "{about}");
    bench.wire_before_question = bench.bytes(Way::ToTerminal);
    bench.reconnect();
    let told = bench.last_result();
    assert_eq!(told.and_then(|fields| fields.result()) == Some(ResultCode::OK), charges == 1, "{about}");
    charges
}

#[test]
fn cut_behind_every_byte() {
    for is_serial in [false, true] {
        for script in ["", "flavour:austria", "on-drop:stops", "on-drop:stops,flavour:austria"] {
            let mut whole = Bench::registered(is_serial, script);
            whole.pay(1_000);
            let decided_at = whole.decided_at.unwrap();
            for way in [Way::ToTerminal, Way::ToRegister] {
                for at in 0..=whole.bytes(way) {
                    let mut bench = Bench::registered(is_serial, script);
                    bench.cut = Some((way, at));
                    let about = format!("{script} {way:?} {at}, serial {is_serial}");
                    let charges = check(&mut bench, &about);
                    // Whether the decision arrived whole decides, and nothing else does.
                    assert_eq!(charges == 1, bench.wire_before_question >= decided_at, "{about}");
                }
            }
        }
    }
}

/// The same breaks, made by the script.
#[test]
fn drops_of_the_script() {
    for is_serial in [false, true] {
        let mut whole = Bench::registered(is_serial, "");
        whole.pay(1_000);
        for (word, way) in [("drop-received", Way::ToTerminal), ("drop-sent", Way::ToRegister)] {
            let (mut charged, mut not_charged) = (0, 0);
            for at in 0..whole.bytes(way) {
                let mut bench = Bench::registered(is_serial, &format!("{word}:{at}"));
                let charges = check(&mut bench, &format!("{word}:{at}, serial {is_serial}"));
                if charges == 1 { charged += 1 } else { not_charged += 1 }
            }
            assert!(charged > 0 && not_charged > 0, "{word}");
        }
    }
}

#[test]
fn a_drop_comes_after_so_many_bytes() {
    // The command takes 13 bytes: behind 8 of them it has not come.
    for (script, sent, entries) in
        [("drop-sent:12", 12, 1), ("drop-sent:0", 0, 1), ("drop-received:8", 0, 0), ("drop-received:13", 0, 1)]
    {
        let mut bench = Bench::registered(false, script);
        bench.pay(1_000);
        assert_eq!(bench.bytes(Way::ToRegister), sent, "{script}");
        assert_eq!(bench.terminal.ledger().entries().len(), entries, "{script}");
        bench.reconnect();
        bench.pay(700);
        assert_eq!(bench.terminal.ledger().charges_of(700), 1, "{script}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..20),
        is_serial in any::<bool>(),
        seed in any::<u64>()
    ) {
        let mut terminal = Terminal::new(link(is_serial), Script::parse("default:random", seed).unwrap());
        let mut now = std::time::Duration::ZERO;
        for part in parts {
            terminal.receive(&[&[6, 1, 10, 4, 0, 0, 0, 0, 0x10, 0, 0x49, 9, 0x78][..], &part].concat(), now);
            let _ = terminal.take_output();
            if let Some(next) = terminal.next_deadline() {
                now = now.max(next);
            }
            terminal.tick(now);
            if terminal.wants_to_drop() {
                terminal.line_up(link(is_serial), now);
            }
        }
    }

    #[test]
    fn a_seed_gives_the_same_ledger(seed in any::<u64>(), is_serial in any::<bool>()) {
        let play = || {
            let mut bench = Bench::registered(is_serial, "");
            bench.terminal = Terminal::new(link(is_serial), Script::parse("default:random", seed).unwrap());
            for payment in 1..8 {
                bench.pay(payment * 100);
                bench.drop_line();
                bench.play(ALL_MS);
                bench.reconnect();
            }
            (bench.terminal.ledger().clone(), bench.wire)
        };
        let (ledger, wire) = play();
        prop_assert!((ledger.clone(), wire) == play());
        prop_assert!(ledger.entries().len() <= 7);
    }
}
