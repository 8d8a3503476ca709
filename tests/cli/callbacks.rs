//! Callback secrets: made once, rotated, nowhere in the log.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::bench::{Bench, Server, string};

fn secrets(shown: &Value) -> Vec<String> {
    shown["secrets"].as_array().unwrap().iter().map(|one| string(&one["secret"])).collect()
}

#[test]
fn a_callback_secret_is_made_once_and_rotated_with_two_valid_ones() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    let show = || secrets(&bench.json(&["callback", "secret", "show", &till.id]));
    let rotate = |more: &[&str]| {
        let arguments = [&["callback", "secret", "rotate", till.id.as_str()], more].concat();
        secrets(&bench.json(&arguments))
    };
    let first = show();
    assert!(first.len() == 1 && first[0].starts_with("whsec_"), "{first:?}");
    let file = bench.data_dir().join(format!("keys/callbacks/{}.json", till.id));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    let log = bench.file("log");
    let mut command = bench.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    command.env("KASSETTE_LOG__FILTER", "trace");
    let server = Server::start_with_log(command, std::fs::File::create(&log).unwrap());
    assert_eq!(show(), first, "the server has the same");
    let second = rotate(&[]);
    assert_eq!((second.len(), &second[1]), (2, &first[0]));
    let third = rotate(&[]);
    assert_eq!((third.len(), &third[1]), (2, &second[0]));
    let fourth = rotate(&["--revoke"]);
    assert_eq!(fourth.len(), 1);
    server.stop();
    assert_eq!(show(), fourth);

    let text = bench.done(&["callback", "secret", "show", &till.id]);
    assert!(text.contains(&fourth[0]) && !text.contains("both"), "{text}");
    assert!(bench.done(&["callback", "secret", "rotate", &till.id]).contains("both until the next rotation"));
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("callback secret rotated"), "{log}");
    for secret in [&first[0], &second[0], &third[0], &fourth[0]] {
        assert!(!log.contains(secret.trim_start_matches("whsec_")), "a secret stands in the log");
    }
    let stranger = uuid::Uuid::new_v4().to_string();
    for verb in ["show", "rotate"] {
        bench.fails(3, &["callback", "secret", verb, &stranger]);
    }
    assert_eq!(std::fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "nothing was made for a stranger");
}

#[test]
fn a_damaged_secret_is_named_and_replaced_only_when_it_is_revoked() {
    let bench = Bench::new();
    let till = bench.till("TILL-1");
    bench.done(&["callback", "secret", "show", &till.id]);
    let file = bench.data_dir().join(format!("keys/callbacks/{}.json", till.id));
    std::fs::write(&file, "{}").unwrap();
    for verb in ["show", "rotate"] {
        let said = bench.fails(6, &["callback", "secret", verb, &till.id]);
        assert!(said.contains("is damaged") && said.contains(&till.id), "{said}");
    }
    bench.done(&["callback", "secret", "rotate", &till.id, "--revoke"]);
    assert_eq!(secrets(&bench.json(&["callback", "secret", "show", &till.id])).len(), 1);
}
