//! Children that come and go while their supervisor runs.

use super::*;

/// A subtree of one probe.
fn device(id: &'static str, log: &Log) -> (Subtree, ChildRef<Probe>) {
    let probe = Probe::spec(id, log, Flaw::None);
    let child = probe.child_ref();
    (Subtree::new(SupervisorSpec::new(id, Strategy::RestForOne).child(probe)), child)
}

fn names(all: &[ChildStatus]) -> String {
    all.iter().map(|child| child.id.as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn children_come_and_go_beside_their_siblings() {
    paused(async {
        let log = Log::default();
        let spec = tree(Strategy::OneForOne);
        let roster = spec.roster();
        let (first, _) = device("a", &log);
        let a = roster.add(first);
        let root = Supervisor::start(spec, sources());
        let mut seen = root.watch();
        until(&mut seen, all_run).await;
        let (second, b_ref) = device("b", &log);
        let b = roster.add(second);
        until(&mut seen, |all| names(all) == "a b" && all_run(all)).await;
        assert_eq!(log.take(), "+a +b");
        roster.remove(a);
        until(&mut seen, |all| names(all) == "b").await;
        assert_eq!(log.take(), "-a");
        let (third, c_ref) = device("c", &log);
        roster.add(third);
        until(&mut seen, |all| names(all) == "c b" && all_run(all)).await;
        assert_eq!((count(&b_ref).await, count(&c_ref).await), (1, 1));
        assert_eq!(log.take(), "+c =b =c");
        roster.remove(b);
        roster.remove(b);
        until(&mut seen, |all| names(all) == "c").await;
        let down = b_ref.get().unwrap_err();
        assert_eq!((&*down.reason, down.next_try), ("taken out of the configuration", None));
        assert_eq!(root.shutdown().await, Exit::Shutdown);
        assert_eq!(log.take(), "-b -c");
        assert_eq!(names(&root.status()), "c");
    });
}

#[test]
fn what_stands_in_the_roster_outlives_its_supervisor() {
    paused(async {
        let log = Log::default();
        // One failure of a child of it is too many for the inner one, and the outer one starts it again.
        let inner = tree(Strategy::OneForOne).intensity(0, Duration::from_secs(10));
        let roster = inner.roster();
        let root = Supervisor::start(tree(Strategy::OneForOne).subtree(Subtree::new(inner)), sources());
        let probe = Probe::spec("late", &log, Flaw::None);
        let late = probe.child_ref();
        roster.add(Subtree::new(
            SupervisorSpec::new("device", Strategy::RestForOne).intensity(0, Duration::from_secs(10)).child(probe),
        ));
        while late.get().is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let _ = late.get().unwrap().send(Break::Stop).await;
        lives(&mut root.watch(), 0, 2).await;
        while late.get().is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!((count(&late).await, log.take().as_str()), (1, "+late -late +late =late"));
        root.shutdown().await;
    });
}

#[test]
fn a_restart_need_not_be_waited_for() {
    paused(async {
        let log = Log::default();
        let hour = Duration::from_secs(3_600);
        let probe = Probe::spec("a", &log, Flaw::None);
        let a = probe.child_ref();
        let spec = tree(Strategy::OneForOne)
            .backoff(Backoff { first: hour, factor: 1, max: hour, jitter_percent: 0 })
            .child(probe);
        let roster = spec.roster();
        let root = Supervisor::start(spec, sources());
        let mut seen = root.watch();
        until(&mut seen, all_run).await;
        let begun = tokio::time::Instant::now();
        let _ = a.get().unwrap().send(Break::Handler).await;
        until(&mut seen, |all| all[0].standing == Standing::Waiting).await;
        roster.try_now();
        lives(&mut seen, 0, 2).await;
        assert!(begun.elapsed() < hour);
        root.shutdown().await;
    });
}
