//! What a panic leaves in the log.

use std::fmt::{Debug, Write};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::*;

/// Keeps the events of one thread as text.
struct Capture(Log);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Capture {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().contains("supervision")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.add(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn a_panic_is_logged_once_with_its_child_its_place_and_a_backtrace() {
    install_panic_hook();
    install_panic_hook();
    let lines = Log::default();
    // With a single subscriber, tracing asks that of the thread which happens to reach an event first, and other tests
    // have none; with two it asks all of them.
    let _second = tracing::Dispatch::new(Capture(Log::default()));
    tracing::subscriber::with_default(Capture(lines.clone()), || {
        paused(async {
            let log = Log::default();
            let probe = Probe::spec("probe", &log, Flaw::None);
            let probe_ref = probe.child_ref();
            let root = Supervisor::start(tree(Strategy::OneForOne).child(probe), sources());
            let mut seen = root.watch();
            lives(&mut seen, 0, 1).await;
            let _ = probe_ref.get().unwrap().send(Break::Handler).await;
            lives(&mut seen, 0, 2).await;
        });
    });
    let lines = lines.0.lock().clone();
    let panics: Vec<_> = lines.iter().filter(|line| line.contains("panic in a child")).collect();
    assert_eq!(panics.len(), 1, "of {} lines", lines.len());
    let expected = ["ERROR", "child=root/probe", "panic=\"planted in a handler\"", "tests/mod.rs:", "backtrace="];
    for part in expected {
        assert!(panics[0].contains(part), "{part} in {}", panics[0]);
    }
    let ended = "INFO message=child ended child=root/probe generation=1 exit=panic: planted in a handler";
    assert!(lines.iter().any(|line| line == ended), "not among {} lines", lines.len());
}
