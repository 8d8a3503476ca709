//! Children that do not answer, and arbiters that are gone.

use std::sync::mpsc::{Sender, channel};

use super::*;

const PING: PingRule = PingRule { every: Duration::from_millis(5), deadline: Duration::from_millis(500) };

/// Blocks the child's thread until the sender is used or dropped.
fn block(child: &ChildRef<Probe>) -> (Sender<()>, Addr<Probe>) {
    let (release, blocked) = channel();
    let addr = child.get().unwrap();
    addr.try_send(Break::Block(blocked)).unwrap();
    (release, addr)
}

#[test]
fn a_child_that_blocks_is_replaced_on_a_new_arbiter() {
    real_time(async {
        let log = Log::default();
        let probe = Probe::spec("probe", &log, Flaw::None).own_arbiter(2).ping(PING);
        let probe_ref = probe.child_ref();
        let root = Supervisor::start(tree(Strategy::OneForOne).child(probe), sources());
        let mut seen = root.watch();
        lives(&mut seen, 0, 1).await;
        assert_eq!(count(&probe_ref).await, 1);

        let (release, old) = block(&probe_ref);
        let behind = actix::spawn(old.send(Count));
        lives(&mut seen, 0, 2).await;
        let status = root.status();
        assert_eq!(status[0].arbiters_leaked, 1);
        assert_eq!(status[0].last_error.as_deref(), Some("failed: no answer to a ping in time"));
        assert_eq!(count(&probe_ref).await, 1, "a fresh value on a free arbiter");

        // The blocked handler comes free at last: it can see that it is stale, what waited behind it is refused
        // (a payment behind a hang must not be made by a child that was replaced), and its thread ends.
        log.take();
        release.send(()).unwrap();
        assert_eq!(behind.await.unwrap(), Err(MailboxError::Closed));
        assert_eq!(old.send(Count).await, Err(MailboxError::Closed));
        while root.status()[0].arbiters_leaked > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(log.take(), "stale -probe");
        assert_eq!(count(&probe_ref).await, 2);
        assert_eq!(root.status()[0].generation, 2, "the old life's end is ignored");
    });
}

#[test]
fn after_too_many_leaks_a_start_is_refused() {
    real_time(async {
        let log = Log::default();
        let probe = Probe::spec("probe", &log, Flaw::None).own_arbiter(1).ping(PING);
        let probe_ref = probe.child_ref();
        let root = Supervisor::start(tree(Strategy::OneForOne).child(probe), sources());
        let mut seen = root.watch();
        let mut held = Vec::new();
        for generation in 1..=2 {
            lives(&mut seen, 0, generation).await;
            held.push(block(&probe_ref));
        }
        let exit = root.ended().await.to_string();
        assert!(exit.ends_with("(failed: start refused: 2 abandoned arbiters still hang)"), "{exit}");
        assert_eq!(root.status()[0].arbiters_leaked, 2);
    });
}

#[test]
fn a_child_whose_arbiter_stops_gets_a_new_one() {
    real_time(async {
        let log = Log::default();
        let probe = Probe::spec("probe", &log, Flaw::None).own_arbiter(2);
        let probe_ref = probe.child_ref();
        let root = Supervisor::start(tree(Strategy::OneForOne).child(probe), sources());
        let mut seen = root.watch();
        lives(&mut seen, 0, 1).await;
        let _ = probe_ref.get().unwrap().send(Break::StopArbiter).await;
        lives(&mut seen, 0, 2).await;
        assert_eq!(root.status()[0].last_error.as_deref(), Some("failed: dropped with its arbiter"));
        assert_eq!(count(&probe_ref).await, 1);
        assert_eq!(root.status()[0].arbiters_leaked, 0);
        assert_eq!(root.shutdown().await, Exit::Shutdown);
        assert_eq!(log.take(), "+probe -probe +probe =probe -probe");
    });
}

/// A whole device on its own arbiter: one child blocks it, so the subtree's loop cannot answer.
#[test]
fn a_subtree_that_hangs_is_replaced_as_a_whole() {
    real_time(async {
        let log = Log::default();
        let (port, session) = (Probe::spec("port", &log, Flaw::None), Probe::spec("session", &log, Flaw::None));
        let (port_ref, session_ref) = (port.child_ref(), session.child_ref());
        let device = SupervisorSpec::new("device", Strategy::RestForOne).child(port).child(session);
        let spec = tree(Strategy::OneForOne).subtree(Subtree::new(device).own_arbiter(2).ping(PING));
        let root = Supervisor::start(spec, sources());
        let mut seen = root.watch();
        lives(&mut seen, 0, 1).await;
        let old_session = session_ref.get().unwrap();
        let (release, _) = block(&port_ref);
        lives(&mut seen, 0, 2).await;
        assert_eq!(root.status()[0].arbiters_leaked, 1);
        assert_eq!((count(&port_ref).await, count(&session_ref).await), (1, 1));
        release.send(()).unwrap();
        assert_eq!(old_session.send(Count).await, Err(MailboxError::Closed));
        while root.status()[0].arbiters_leaked > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!((count(&port_ref).await, count(&session_ref).await), (2, 2), "the old life has no say");
        assert_eq!(root.status()[0].generation, 2);
        assert_eq!(root.shutdown().await, Exit::Shutdown);
    });
}

/// Its thread is free, but it takes no message any more; no arbiter is lost by that.
#[test]
fn a_child_that_waits_for_ever_is_found_by_its_ping() {
    paused(async {
        let log = Log::default();
        let probe = Probe::spec("probe", &log, Flaw::None).ping(PING);
        let probe_ref = probe.child_ref();
        let root = Supervisor::start(tree(Strategy::OneForOne).child(probe), sources());
        let mut seen = root.watch();
        lives(&mut seen, 0, 1).await;
        let addr = probe_ref.get().unwrap();
        addr.try_send(Break::WaitForEver).unwrap();
        lives(&mut seen, 0, 2).await;
        assert!(!addr.connected());
        assert_eq!(count(&probe_ref).await, 1);
        assert_eq!(root.status()[0].arbiters_leaked, 0);
        assert_eq!(log.take(), "+probe -probe +probe =probe");
    });
}
