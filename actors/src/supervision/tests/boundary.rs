//! Where a panic ends, and what is left after it.

use super::*;

/// Breaks the first of two children `how`, and looks at what follows: `Closed` for the caller, a fresh value after
/// the pause, a neighbour that has noticed nothing.
fn check_break(flaw: Flaw, how: Break, last_error: &str) {
    paused(async {
        let log = Log::default();
        let (broken, sound) = (Probe::spec("broken", &log, flaw), Probe::spec("sound", &log, Flaw::None));
        let (broken_ref, sound_ref) = (broken.child_ref(), sound.child_ref());
        assert_eq!(&*broken_ref.get().unwrap_err().reason, "not started");
        let root = Supervisor::start(tree(Strategy::OneForOne).child(broken).child(sound), sources());
        let mut seen = root.watch();
        until(&mut seen, all_run).await;
        assert_eq!((count(&broken_ref).await, count(&broken_ref).await, count(&sound_ref).await), (1, 2, 1));

        let answer = broken_ref.get().unwrap().send(how).await;
        assert!(matches!(answer, Err(MailboxError::Closed) | Ok(())));
        until(&mut seen, |all| all[0].standing == Standing::Waiting).await;
        let down = broken_ref.get().unwrap_err();
        assert_eq!(&*down.reason, last_error);
        assert_eq!(down.next_try, Some(down.since + Duration::from_millis(10)));
        assert_eq!(down.retry_after(down.since), Some(Duration::from_millis(10)));

        lives(&mut seen, 0, 2).await;
        assert_eq!(count(&broken_ref).await, 1, "a fresh value");
        assert_eq!(count(&sound_ref).await, 2, "an untouched neighbour");
        let status = root.status();
        assert_eq!((status[0].restarts, status[1].restarts), (1, 0));
        assert_eq!(status[0].last_error.as_deref(), Some(last_error));
        assert_eq!(root.shutdown().await, Exit::Shutdown);
        assert!(broken_ref.get().is_err() && sound_ref.get().is_err());
        assert!(root.status().iter().all(|c| c.standing == Standing::Ended));
    });
}

#[test]
fn a_panic_in_a_handler() {
    check_break(Flaw::None, Break::Handler, "panic: planted in a handler");
}

#[test]
fn a_panic_in_a_future_that_holds_the_actor() {
    check_break(Flaw::None, Break::ActFuture, "panic: planted in a future");
}

#[test]
fn a_panic_after_which_stopping_would_panic_too_does_not_abort() {
    check_break(Flaw::Stopping, Break::Handler, "panic: planted in a handler");
}

#[test]
fn a_panic_after_which_stopped_would_panic_too_does_not_abort() {
    check_break(Flaw::Stopped, Break::ActFuture, "panic: planted in a future");
}

#[test]
fn a_panic_after_which_drop_panics_too_does_not_abort() {
    check_break(Flaw::Drop, Break::Handler, "panic: planted in a handler");
}

#[test]
fn a_first_panic_in_stopping_stopped_or_drop() {
    check_break(Flaw::Stopping, Break::Stop, "panic: planted in stopping");
    check_break(Flaw::Stopped, Break::Stop, "panic: planted in stopped");
    check_break(Flaw::Drop, Break::Stop, "panic: planted in drop");
}

#[test]
fn an_end_of_its_own_and_an_expected_failure_are_values() {
    check_break(Flaw::None, Break::Stop, "ended by itself");
    check_break(Flaw::None, Break::Fail("port unplugged"), "failed: port unplugged");
}

#[test]
fn a_failure_told_by_another_thread_ends_the_child() {
    real_time(async {
        let log = Log::default();
        let probe = Probe::spec("probe", &log, Flaw::None);
        let probe_ref = probe.child_ref();
        let root = Supervisor::start(tree(Strategy::OneForOne).child(probe), sources());
        let mut seen = root.watch();
        until(&mut seen, all_run).await;
        let _ = probe_ref.get().unwrap().send(Break::FailElsewhere("read: broken pipe")).await;
        lives(&mut seen, 0, 2).await;
        assert_eq!(root.status()[0].last_error.as_deref(), Some("failed: read: broken pipe"));
        assert_eq!(log.take(), "+probe -probe +probe");
    });
}

/// actix closes the mailbox with the actor; nothing that waited in it reaches the next life.
#[test]
fn what_waited_in_the_mailbox_is_gone() {
    paused(async {
        let log = Log::default();
        let probe = Probe::spec("probe", &log, Flaw::None);
        let probe_ref = probe.child_ref();
        let root = Supervisor::start(tree(Strategy::OneForOne).child(probe), sources());
        let mut seen = root.watch();
        until(&mut seen, all_run).await;
        for how in [Break::Handler, Break::Fail("port unplugged")] {
            let addr = probe_ref.get().unwrap();
            log.take();
            let (broken, queued, also) = tokio::join!(addr.send(how), addr.send(Count), addr.send(Count));
            assert!(broken.is_err() && queued == Err(MailboxError::Closed) && also == Err(MailboxError::Closed));
            assert!(!addr.connected(), "an address belongs to one life");
            until(&mut seen, |all| all[0].standing == Standing::Waiting).await;
            until(&mut seen, all_run).await;
            assert_eq!(log.take(), "-probe +probe", "nothing was counted");
        }
        assert_eq!(count(&probe_ref).await, 1);
    });
}

/// actix spawns such a future apart from the actor: only its caller notices, the actor lives on.
#[test]
fn a_panic_in_a_future_apart_from_the_actor_is_the_callers_alone() {
    paused(async {
        let log = Log::default();
        let probe = Probe::spec("probe", &log, Flaw::None);
        let probe_ref = probe.child_ref();
        let root = Supervisor::start(tree(Strategy::OneForOne).child(probe), sources());
        let mut seen = root.watch();
        until(&mut seen, all_run).await;
        assert_eq!(count(&probe_ref).await, 1);
        assert_eq!(probe_ref.get().unwrap().send(BreakApart).await, Err(MailboxError::Closed));
        assert_eq!(count(&probe_ref).await, 2);
        assert_eq!(root.status()[0].restarts, 0);
    });
}

#[test]
fn a_panic_in_started_is_tried_again_and_then_too_much() {
    paused(async {
        let log = Log::default();
        let (sound, broken) = (Probe::spec("a", &log, Flaw::None), Probe::spec("b", &log, Flaw::Started));
        let (sound_ref, broken_ref) = (sound.child_ref(), broken.child_ref());
        let start = tokio::time::Instant::now();
        let root = Supervisor::start(tree(Strategy::OneForOne).child(sound).child(broken), sources());
        let exit = root.ended().await;
        assert_eq!(
            exit.to_string(),
            "failed: intensity: more than 3 restarts in 10s, last b (panic: planted in started)"
        );
        // Pauses of 10, 20 and 40 ms; each timer may round up by a millisecond.
        let took = start.elapsed().as_millis();
        assert!((70..=75).contains(&took), "{took} ms");
        assert_eq!(log.take(), "+a +b -b +b -b +b -b +b -b -a");
        assert!(sound_ref.get().is_err() && broken_ref.get().is_err(), "never up");
    });
}

#[test]
fn a_panic_in_the_factory_is_an_exit_too() {
    paused(async {
        let log = Log::default();
        let inner = log.clone();
        let spec = ChildSpec::new("probe", move |child: ChildContext| {
            assert!(child.generation() > 2, "planted in the factory");
            Probe { child, log: inner.clone(), flaw: Flaw::None, count: 0 }
        });
        let probe_ref = spec.child_ref();
        let root = Supervisor::start(tree(Strategy::OneForOne).child(spec), sources());
        lives(&mut root.watch(), 0, 3).await;
        assert_eq!(count(&probe_ref).await, 1);
        assert_eq!(root.status()[0].last_error.as_deref(), Some("panic: planted in the factory"));
        assert_eq!(log.take(), "+probe =probe");
    });
}

#[test]
fn the_current_child_is_known_inside_it_and_only_there() {
    paused(async {
        let named = Arc::new(Mutex::new(None));
        let (log, inside) = (Log::default(), Arc::clone(&named));
        let spec = ChildSpec::new("probe", move |child| {
            *inside.lock() = current_child();
            Probe { child, log: log.clone(), flaw: Flaw::None, count: 0 }
        });
        let root = Supervisor::start(tree(Strategy::OneForOne).child(spec), sources());
        until(&mut root.watch(), all_run).await;
        assert_eq!(named.lock().as_ref().map(ToString::to_string).as_deref(), Some("root/probe"));
        assert_eq!(current_child(), None);
    });
}

/// On actix 0.13.5 a context that is terminated with a cancelled future spins for ever, and its arbiter with it.
#[test]
fn a_failure_in_a_message_that_cancels_a_future_ends_the_child() {
    paused(async {
        let log = Log::default();
        let probe = Probe::spec("probe", &log, Flaw::None);
        let probe_ref = probe.child_ref();
        let root = Supervisor::start(tree(Strategy::OneForOne).child(probe), sources());
        let mut seen = root.watch();
        until(&mut seen, all_run).await;
        let _ = probe_ref.get().unwrap().send(Break::CancelAndFail("the talk has ended")).await;
        lives(&mut seen, 0, 2).await;
        assert_eq!(root.status()[0].last_error.as_deref(), Some("failed: the talk has ended"));
    });
}
