//! Who goes with whom, in which order, and where it ends.

use super::*;

fn three(spec: SupervisorSpec, log: &Log) -> (SupervisorSpec, [ChildRef<Probe>; 3]) {
    let specs = ["a", "b", "c"].map(|id| Probe::spec(id, log, Flaw::None));
    let refs = [specs[0].child_ref(), specs[1].child_ref(), specs[2].child_ref()];
    (specs.into_iter().fold(spec, SupervisorSpec::child), refs)
}

/// Breaks the middle one of three; `expected` is what ends (`-`) and starts (`+`), in order.
fn check_strategy(strategy: Strategy, expected: &str) {
    paused(async {
        let log = Log::default();
        let (spec, refs) = three(tree(strategy), &log);
        let root = Supervisor::start(spec, sources());
        let mut seen = root.watch();
        until(&mut seen, all_run).await;
        assert_eq!(log.take(), "+a +b +c");
        let _ = refs[1].get().unwrap().send(Break::Handler).await;
        lives(&mut seen, 1, 2).await;
        until(&mut seen, all_run).await;
        assert_eq!(log.take(), expected);
        assert_eq!(root.shutdown().await, Exit::Shutdown);
        assert_eq!(log.take(), "-c -b -a");
    });
}

#[test]
fn one_for_one_restarts_the_failed_child_alone() {
    check_strategy(Strategy::OneForOne, "-b +b");
}

#[test]
fn rest_for_one_restarts_those_after_it_too() {
    check_strategy(Strategy::RestForOne, "-b -c +b +c");
}

#[test]
fn one_for_all_restarts_all() {
    check_strategy(Strategy::OneForAll, "-b -c -a +a +b +c");
}

#[test]
fn shutdown_abandons_who_does_not_stop_in_time() {
    paused(async {
        let log = Log::default();
        let spec = tree(Strategy::OneForOne)
            .child(Probe::spec("a", &log, Flaw::None))
            .child(Probe::spec("b", &log, Flaw::Stubborn).shutdown(Duration::from_secs(7)))
            .child(Probe::spec("c", &log, Flaw::None));
        let root = Supervisor::start(spec, sources());
        until(&mut root.watch(), all_run).await;
        log.take();
        let start = tokio::time::Instant::now();
        assert_eq!(root.shutdown().await, Exit::Shutdown);
        assert_eq!(start.elapsed().as_secs(), 7);
        assert_eq!(root.shutdown().await, Exit::Shutdown, "asking again changes nothing");
        tokio::task::yield_now().await;
        let order = log.take();
        assert!(order.starts_with("-c ") && order.contains("-a") && order.contains("-b"), "{order}");
    });
}

#[test]
fn a_subtree_that_fails_too_often_is_its_parents_failed_child() {
    paused(async {
        let log = Log::default();
        let (inner, refs) = three(tree(Strategy::RestForOne).intensity(1, Duration::from_secs(10)), &log);
        let mut inner_seen = inner.watch();
        let neighbour = Probe::spec("n", &log, Flaw::None);
        let neighbour_ref = neighbour.child_ref();
        let spec = tree(Strategy::OneForOne).child(neighbour).subtree(Subtree::new(inner));
        let root = Supervisor::start(spec, sources());
        let mut seen = root.watch();
        until(&mut seen, all_run).await;
        assert_eq!(log.take(), "+n +a +b +c");
        assert_eq!(root.status()[1].children.len(), 3);
        assert_eq!(count(&neighbour_ref).await, 1);

        let _ = refs[2].get().unwrap().send(Break::Handler).await;
        lives(&mut inner_seen, 2, 2).await;
        assert_eq!(root.status()[1].restarts, 0, "its own affair so far");
        let _ = refs[2].get().unwrap().send(Break::Handler).await;
        until(&mut seen, |all| all[1].standing == Standing::Waiting).await;
        for child in &refs {
            let down = child.get().unwrap_err();
            assert!(down.next_try.is_some() && down.reason.starts_with("failed: intensity"), "{down}");
        }
        lives(&mut seen, 1, 2).await;
        assert_eq!(log.take(), "=n -c +c -c -b -a +a +b +c");
        assert_eq!((count(&refs[0]).await, count(&neighbour_ref).await), (1, 2));
        assert_eq!(root.shutdown().await, Exit::Shutdown);
        assert_eq!(log.take(), "=a =n -c -b -a -n");
    });
}

/// As for devices: ten in a minute, then down and tried every half minute, for ever; the root never notices.
#[test]
fn a_device_that_keeps_failing_is_down_and_tried_again() {
    paused(async {
        let log = Log::default();
        let broken = Probe::spec("broken", &log, Flaw::Started);
        let sound = Probe::spec("sound", &log, Flaw::None);
        let (broken_ref, sound_ref) = (broken.child_ref(), sound.child_ref());
        let devices = SupervisorSpec::new("devices", Strategy::OneForOne)
            .intensity(10, Duration::from_secs(60))
            .on_intensity(OnIntensity::MarkDown { retry_every: Duration::from_secs(30) })
            .child(broken)
            .child(sound);
        let mut seen = devices.watch();
        let root = Supervisor::start(tree(Strategy::OneForOne).subtree(Subtree::new(devices)), sources());
        let mut last = None;
        for _ in 0..5 {
            // One attempt between two times of being down is over too soon to be seen.
            let newly = |c: &ChildStatus| c.standing == Standing::Down && c.next_try_unix_ns > last;
            until(&mut seen, |all| all.first().is_some_and(newly)).await;
            last = seen.borrow()[0].next_try_unix_ns;
            let down = broken_ref.get().unwrap_err();
            assert_eq!(down.next_try, Some(down.since + Duration::from_secs(30)));
            assert!(sound_ref.get().is_ok());
        }
        let status = root.status();
        assert!(status[0].children[0].restarts > 10);
        assert_eq!((status[0].restarts, status[0].children[1].restarts), (0, 0));
        assert_eq!(root.shutdown().await, Exit::Shutdown);
    });
}

#[test]
fn transient_and_temporary_children_may_end() {
    paused(async {
        let log = Log::default();
        let specs = [
            Probe::spec("transient", &log, Flaw::None).restart(Restart::Transient),
            Probe::spec("temporary", &log, Flaw::None).restart(Restart::Temporary),
        ];
        let refs = [specs[0].child_ref(), specs[1].child_ref()];
        let root =
            Supervisor::start(specs.into_iter().fold(tree(Strategy::OneForOne), SupervisorSpec::child), sources());
        let mut seen = root.watch();
        until(&mut seen, all_run).await;
        let _ = refs[0].get().unwrap().send(Break::Stop).await;
        let _ = refs[1].get().unwrap().send(Break::Handler).await;
        until(&mut seen, |all| all.iter().all(|c| c.standing == Standing::Ended)).await;
        assert_eq!(&*refs[0].get().unwrap_err().reason, "ended by itself");
        assert_eq!(refs[1].get().unwrap_err().next_try, None);
        assert_eq!(root.shutdown().await, Exit::Shutdown);
    });
}

#[test]
fn a_tree_on_another_arbiter_and_on_a_dead_one() {
    real_time(async {
        let log = Log::default();
        let arbiter = Arbiter::new();
        let probe = Probe::spec("probe", &log, Flaw::None);
        let probe_ref = probe.child_ref();
        let root = Supervisor::start_in(&arbiter.handle(), tree(Strategy::OneForOne).child(probe), sources());
        until(&mut root.watch(), all_run).await;
        assert_eq!(count(&probe_ref).await, 1);
        arbiter.stop();
        arbiter.join().unwrap();
        assert_eq!(root.ended().await, Exit::Failed("dropped with its arbiter".to_owned()));
        assert_eq!(log.take(), "+probe =probe -probe");

        let dead = Arbiter::new();
        let handle = dead.handle();
        dead.stop();
        dead.join().unwrap();
        let none = Supervisor::start_in(&handle, tree(Strategy::OneForOne), sources());
        assert_eq!(none.ended().await, Exit::Failed("dropped with its arbiter".to_owned()));
    });
}
