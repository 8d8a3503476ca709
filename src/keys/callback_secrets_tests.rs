#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

use std::sync::Barrier;

use kassette_model::Environment;
use kassette_stdx::SeededEntropy;

use super::*;

const BOX: CashBoxId = CashBoxId::from_bytes([1; 16]);
const OTHER: CashBoxId = CashBoxId::from_bytes([2; 16]);

struct Bench {
    outside: tempfile::TempDir,
    entropy: SeededEntropy,
}

impl Bench {
    fn new() -> Self {
        Self { outside: tempfile::tempdir().unwrap(), entropy: SeededEntropy::new(17) }
    }

    fn open(&self) -> KeyFolder {
        KeyFolder::open(self.outside.path(), Environment::Sandbox, &self.entropy).unwrap()
    }

    fn file(&self) -> PathBuf {
        self.outside.path().join(format!("keys/callbacks/{BOX}.json"))
    }
}

#[test]
fn the_first_secret_is_made_once_and_found_again() {
    let bench = Bench::new();
    let keys = bench.open();
    assert!(!bench.file().exists());
    let first = keys.callback_secrets(BOX, &bench.entropy, 5).unwrap();
    assert_eq!(first.len(), 1);
    assert_eq!(keys.callback_secrets(BOX, &bench.entropy, 6).unwrap(), first);
    assert_ne!(keys.callback_secrets(OTHER, &bench.entropy, 6).unwrap(), first, "each cash box has its own");

    let again = bench.open();
    let dated = again.dated_callback_secrets(BOX, &bench.entropy, 7).unwrap();
    assert_eq!(dated, [CallbackSecret { secret: first[0].clone(), created_ns: 5 }]);
}

#[test]
fn however_many_ask_at_the_same_time_get_the_same() {
    let bench = Bench::new();
    let keys = bench.open();
    let together = Barrier::new(4);
    let found: Vec<Vec<Secret>> = std::thread::scope(|scope| {
        let ask = |seed: u64| {
            let (keys, together) = (&keys, &together);
            scope.spawn(move || {
                let entropy = SeededEntropy::new(seed);
                together.wait();
                keys.callback_secrets(BOX, &entropy, 1).unwrap()
            })
        };
        let asked: Vec<_> = (0..4).map(ask).collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(found.iter().all(|one| one == &found[0]));
    assert_eq!(bench.open().callback_secrets(BOX, &bench.entropy, 2).unwrap(), found[0], "and it is the one on disk");
}

#[test]
fn an_old_secret_is_valid_until_the_second_rotation() {
    let bench = Bench::new();
    let keys = bench.open();
    let secrets = |dated: Vec<CallbackSecret>| dated.into_iter().map(|one| one.secret).collect::<Vec<_>>();
    let first = keys.callback_secrets(BOX, &bench.entropy, 1).unwrap().remove(0);
    let rotated = keys.rotate_callback_secret(BOX, false, &bench.entropy, 2).unwrap();
    assert_eq!(rotated.iter().map(|one| one.created_ns).collect::<Vec<_>>(), [2, 1]);
    let second = rotated[0].secret.clone();
    assert_eq!(secrets(rotated), [second.clone(), first.clone()]);
    let third = secrets(keys.rotate_callback_secret(BOX, false, &bench.entropy, 3).unwrap());
    assert_eq!((third.len(), &third[1]), (2, &second));
    let fourth = secrets(keys.rotate_callback_secret(BOX, true, &bench.entropy, 4).unwrap());
    assert_eq!(fourth.len(), 1);
    for old in [&first, &second, &third[0]] {
        assert_ne!(&fourth[0], old);
    }
    for keys in [&keys, &bench.open()] {
        assert_eq!(keys.callback_secrets(BOX, &bench.entropy, 5).unwrap(), fourth);
    }
    // Without one before it, a rotation makes the first.
    assert_eq!(keys.rotate_callback_secret(OTHER, false, &bench.entropy, 6).unwrap().len(), 1);
}

#[test]
fn a_rotation_that_cannot_be_stored_changes_nothing() {
    let bench = Bench::new();
    let keys = bench.open();
    let first = keys.callback_secrets(BOX, &bench.entropy, 1).unwrap();
    // A folder in the place of the file: nothing can be renamed over it, whoever runs the test.
    std::fs::remove_file(bench.file()).unwrap();
    std::fs::create_dir(bench.file()).unwrap();
    assert!(matches!(keys.rotate_callback_secret(BOX, false, &bench.entropy, 2), Err(KeyError::File { .. })));
    assert_eq!(keys.callback_secrets(BOX, &bench.entropy, 3).unwrap(), first);
    assert_eq!(std::fs::read_dir(bench.file().parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn a_damaged_file_is_named_without_its_content_and_not_replaced() {
    const GOOD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let one = format!(r#"{{"secret":"{GOOD}","created_ns":1}}"#);
    for (text, reason) in [
        (String::new(), "line 1, column 0"),
        (format!(r#"{{"version":1,"secrets":"{GOOD}"}}"#), "not a document"),
        (format!(r#"{{"version":2,"secrets":[{one}]}}"#), "version 2 is not known"),
        (r#"{"version":1,"secrets":[]}"#.to_owned(), "1 to 2 secrets are expected, there are 0"),
        (format!(r#"{{"version":1,"secrets":[{one},{one},{one}]}}"#), "there are 3"),
        (format!(r#"{{"version":1,"secrets":[{}]}}"#, one.replace("whsec_", "")), "begins with whsec_"),
        (format!(r#"{{"version":1,"secrets":[{}]}}"#, one.replace("Sw\"", "\"")), "base64"),
    ] {
        let bench = Bench::new();
        let keys = bench.open();
        std::fs::write(bench.file(), &text).unwrap();
        for error in [
            keys.callback_secrets(BOX, &bench.entropy, 2).map(|_| ()).unwrap_err(),
            keys.rotate_callback_secret(BOX, false, &bench.entropy, 2).map(|_| ()).unwrap_err(),
        ] {
            assert!(matches!(error, KeyError::Damaged { .. }), "{text}: {error}");
            let said = error.to_string();
            assert!(said.contains(&format!("{BOX}.json")) && said.contains(reason), "{text}: {said}");
            assert!(!said.contains("MfKQ"), "{said}");
        }
        assert_eq!(std::fs::read_to_string(bench.file()).unwrap(), text);
        // Whoever revokes wants nothing of it.
        assert_eq!(keys.rotate_callback_secret(BOX, true, &bench.entropy, 3).unwrap().len(), 1);
        assert_eq!(bench.open().callback_secrets(BOX, &bench.entropy, 4).unwrap().len(), 1);
    }
}

#[test]
fn no_debug_output_shows_a_secret() {
    let bench = Bench::new();
    let keys = bench.open();
    let dated = keys.dated_callback_secrets(BOX, &bench.entropy, 1).unwrap();
    let revealed = dated[0].secret.reveal();
    for shown in [format!("{dated:?}"), format!("{keys:?}")] {
        assert!(!shown.contains(&revealed[6..14]), "{shown}");
    }
    assert!(std::fs::read_to_string(bench.file()).unwrap().contains(revealed.as_str()));
}
