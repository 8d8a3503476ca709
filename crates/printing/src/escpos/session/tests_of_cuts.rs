//! The line breaks behind every single byte, both ways: every job is printed once, or once more as a copy. The printer's tape is the judge.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

use super::bench_for_tests::{Bench, KINDS, Way, job_of, profile};
use super::*;
use crate::escpos::interpreter::{Interpreter, Item, plain_text};
use crate::escpos::profile::{Features, Profile};
use crate::escpos::render::Job;

/// A printer, a job and its copy, what both look like on paper, and whether the printer forgets what it has not printed when the line
/// breaks.
struct Case {
    profile: Profile,
    original: (Job, Vec<Item>),
    copy: (Job, Vec<Item>),
    forgets: bool,
}

impl Case {
    fn new(profile: Profile, lines: usize, forgets: bool) -> Self {
        let whole = |name: &str| {
            let job = job_of(&profile, name, lines);
            let mut printer = Interpreter::new(&profile);
            printer.receive(job.bytes());
            (job, printer.take_tape().items().to_vec())
        };
        Self { original: whole("Original"), copy: whole("Kopie"), profile, forgets }
    }
}

/// How often the items of a job stand on the paper, one after the other and without a gap.
fn count(paper: &[Item], job: &[Item]) -> usize {
    paper.windows(job.len()).filter(|window| *window == job).count()
}

/// What came of one cut.
struct Outcome {
    end: Option<JobEnd>,
    originals: usize,
    copies: usize,
}

/// Prints a job over a line that breaks, and what is to be done by the way it ended over a new one.
fn check(case: &Case, cut: (Way, usize)) -> Outcome {
    let about = format!("{:?}, forgets {}, cut {cut:?}", case.profile.confirmation, case.forgets);
    let mut bench = Bench::with(case.profile.clone());
    bench.forgets = case.forgets;
    bench.connect(false, 0);
    (bench.arrived, bench.cut) = ([0; 2], Some(cut));
    let end = bench.print(case.original.0.clone());
    bench.drop_line();
    let end = end.or_else(|| bench.end());
    let before = bench.printer.tape().items().to_vec();
    // The printer is reached again; what is printed now depends on how the job ended, and on nothing else.
    bench.events.clear();
    bench.connect(true, 0x100);
    assert!(bench.session.as_ref().is_some_and(Session::is_ready), "{about}: {:?}", bench.events);
    let again = match &end {
        Some(JobEnd::Printed(_)) => None,
        Some(JobEnd::NotStarted(_)) => Some(&case.original.0),
        Some(JobEnd::InDoubt(_)) => Some(&case.copy.0),
        None => panic!("{about}: the job did not end"),
    };
    if let Some(job) = again {
        let end = bench.print(job.clone());
        assert!(matches!(end, Some(JobEnd::Printed(_))), "{about}: {:?}", bench.events);
    }
    let paper = bench.printer.take_tape();
    let (originals, copies) = (count(paper.items(), &case.original.1), count(paper.items(), &case.copy.1));
    let shown = || plain_text(paper.items(), &bench.profile);
    match &end {
        Some(JobEnd::Printed(_)) => assert_eq!((originals, copies), (1, 0), "{about}\n{}", shown()),
        Some(JobEnd::NotStarted(_)) => {
            assert!(before.is_empty(), "{about}: something was printed\n{}", shown());
            assert_eq!((originals, copies), (1, 0), "{about}\n{}", shown());
        }
        _ => {
            assert!(originals <= 1, "{about}\n{}", shown());
            assert_eq!(copies, 1, "{about}\n{}", shown());
        }
    }
    Outcome { end, originals, copies }
}

/// Bytes of the whole dialogue of the job, each way.
fn dialogue_bytes(case: &Case) -> [usize; 2] {
    let mut bench = Bench::with(case.profile.clone());
    bench.connect(false, 0);
    bench.arrived = [0; 2];
    assert!(matches!(bench.print(case.original.0.clone()), Some(JobEnd::Printed(_))));
    bench.arrived
}

fn check_all(case: &Case, step: usize) {
    let bytes = dialogue_bytes(case);
    let (mut printed, mut in_doubt, mut twice) = (0, 0, 0);
    for way in [Way::ToPrinter, Way::ToUs] {
        for at in (0..=bytes[way as usize]).step_by(step) {
            let outcome = check(case, (way, at));
            match outcome.end {
                Some(JobEnd::Printed(_)) => printed += 1,
                // The line broke behind bytes of the job, so it cannot be known that there are none of them.
                Some(JobEnd::NotStarted(_)) => panic!("bytes of the job had been handed over"),
                _ => in_doubt += 1,
            }
            twice += usize::from(outcome.originals == 1 && outcome.copies == 1);
        }
    }
    assert!(in_doubt > 10, "{printed} printed, {in_doubt} in doubt, {twice} twice on paper");
    // A copy beside a whole original is rare: behind its last byte, and when an answer to its last mark is lost.
    assert!(twice * 4 < in_doubt, "{printed} printed, {in_doubt} in doubt, {twice} twice on paper");
}

#[test]
fn cut_behind_every_byte() {
    for kind in KINDS {
        for forgets in [false, true] {
            check_all(&Case::new(profile(kind), 0, forgets), 1);
        }
    }
}

/// Jobs of many pieces, with codes as pictures in rows or in columns; the steps are primes, so that cuts fall everywhere in a piece.
#[test]
fn cut_in_long_jobs() {
    let rows = Features { raster: true, full_cut: true, ..Features::default() };
    let columns = Features { columns: true, full_cut: true, ..Features::default() };
    for kind in KINDS {
        for (features, step) in [(rows, 37), (columns, 61)] {
            for forgets in [false, true] {
                let profile = Profile { features, ..profile(kind) };
                check_all(&Case::new(profile, 100, forgets), step);
            }
        }
    }
}

/// The line breaks while the two get to know each other: no byte of the job went out.
#[test]
fn cut_before_the_job() {
    for kind in KINDS {
        let mut whole = Bench::new(kind);
        whole.connect(false, 0);
        for way in [Way::ToPrinter, Way::ToUs] {
            for at in 0..=whole.arrived[way as usize] {
                let mut bench = Bench::new(kind);
                bench.cut = Some((way, at));
                bench.connect(false, 0);
                assert!(bench.events.iter().all(|event| !matches!(event, SessionEvent::Ended(_))));
                bench.drop_line();
                bench.connect(true, 0x100);
                let job = job_of(&bench.profile, "Original", 0);
                assert!(
                    matches!(bench.print(job), Some(JobEnd::Printed(_))),
                    "{kind:?} {way:?} {at}: {:?}",
                    bench.events
                );
                assert_eq!(bench.printer.take_tape().receipts().count(), 1, "{kind:?} {way:?} {at}");
            }
        }
    }
}
