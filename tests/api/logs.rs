//! Tokens never stand in the log: everything that this process logs, debug messages included, is searched for them.

use std::io::{self, Write};
use std::sync::{Mutex, Once};

use tracing_subscriber::filter::LevelFilter;

use crate::server::{A, DISABLED, Options, TestServer, fresh, sale};

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Captured;

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// From now on everything is logged into memory.
pub(crate) fn capture() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt().with_max_level(LevelFilter::DEBUG).with_ansi(false).with_writer(|| Captured).init();
    });
}

#[test]
fn tokens_are_never_logged() {
    let server = TestServer::in_memory(Options::default());
    server.sale(A, "logged");
    server.operation(DISABLED, "/v2/echo", "{}").send().problem(403, "cash-box-disabled");
    let wrong = server.call("POST", "/v2/sign").id(fresh()).header("x-cashbox-id", A.cash_box().to_string());
    let wrong = wrong.header("x-cashbox-accesstoken", "kst_test_canary").body(sale("x"));
    for _ in 0..31 {
        assert!(matches!(wrong.clone().send().status, 401 | 429));
    }
    let text = String::from_utf8_lossy(&LOG.lock().unwrap()).into_owned();
    assert!(text.contains("too many failed credentials"), "the log is captured");
    let found = text.lines().find(|line| line.contains("kst_test_"));
    assert_eq!(found, None);
}
