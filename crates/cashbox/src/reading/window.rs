//! `From` and `To` of a journal request (contract 7.1).

use kassette_wire::journal::{JournalEnd, JournalRequest};

/// What a [`Window`] says of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It belongs to the answer.
    Take,
    /// It does not, but a later one may.
    Skip,
    /// It does not, and none after it.
    Stop,
}

/// Which entries of a journal are asked for, fed with them in the order of their rows.
///
/// Bounds are .NET ticks. `To` = 0: everything from `From` on; above 0: up to and with `To`; below 0: the first `-To` entries
/// from `From` on.
#[derive(Debug, Clone)]
pub struct Window {
    from: i64,
    end: JournalEnd,
}

impl Window {
    /// The window of a request.
    #[must_use]
    pub const fn new(request: &JournalRequest) -> Self {
        Self { from: request.from, end: request.end() }
    }

    /// Whether an entry with this time stamp is taken. A wall clock may have been set back, so that a later entry can be
    /// earlier again: only a full count stops.
    pub fn judge(&mut self, ticks: i64) -> Verdict {
        if self.is_full() {
            return Verdict::Stop;
        }
        if ticks < self.from {
            return Verdict::Skip;
        }
        match &mut self.end {
            JournalEnd::Open => Verdict::Take,
            JournalEnd::Ticks(last) if ticks <= *last => Verdict::Take,
            JournalEnd::Ticks(_) => Verdict::Skip,
            JournalEnd::Count(left) => {
                *left = left.saturating_sub(1);
                Verdict::Take
            }
        }
    }

    /// Whether no further entry can be taken.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        matches!(self.end, JournalEnd::Count(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(from: i64, to: i64, expected: &[i64]) {
        let mut window = Window::new(&JournalRequest { from, to, ..JournalRequest::default() });
        let taken: Vec<i64> =
            [10, 20, 15, 30, 40].into_iter().filter(|ticks| window.judge(*ticks) == Verdict::Take).collect();
        assert_eq!(taken, expected, "from {from} to {to}");
    }

    #[test]
    fn open_bounded_and_counted() {
        check(0, 0, &[10, 20, 15, 30, 40]);
        check(15, 0, &[20, 15, 30, 40]);
        check(15, 30, &[20, 15, 30]);
        check(16, 19, &[]);
        check(0, -2, &[10, 20]);
        check(15, -2, &[20, 15]);
        check(15, i64::MIN, &[20, 15, 30, 40]);
        check(i64::MAX, 0, &[]);
    }

    #[test]
    fn a_full_count_stops() {
        let mut window = Window::new(&JournalRequest { to: -1, ..JournalRequest::default() });
        assert_eq!(window.judge(1), Verdict::Take);
        assert!(window.is_full());
        assert_eq!(window.judge(2), Verdict::Stop);
    }
}
