//! How a printer stands, and the bytes in which it says so: `DLE EOT n`, `GS r n`, automatic status back (`GS a n`).
//!
//! The first byte of each answer tells its kind by bits 0, 1, 4 and 7: `0xx1xx10` answers `DLE EOT`, `0xx1xx00` begins the four bytes of
//! an automatic status, `0xx0xxxx` answers `GS r`.

/// The printer's paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Paper {
    /// Enough.
    #[default]
    Present,
    /// The roll ends soon. It is printed on.
    NearEnd,
    /// None: nothing is printed until there is a new roll.
    Out,
}

/// What keeps a printer from printing, beside paper and cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// Gone when its cause is removed and the printer told to recover (`DLE ENQ`).
    Recoverable,
    /// The cutter is blocked; gone as above.
    Cutter,
    /// Only a power cycle may help.
    Unrecoverable,
    /// Gone by itself, as when the head has cooled down.
    Passing,
}

/// How a printer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Condition {
    /// Its paper.
    pub paper: Paper,
    /// The cover is open.
    pub cover_open: bool,
    /// It was taken offline for another reason, as its feed button.
    pub offline: bool,
    /// Something is broken.
    pub failure: Option<Failure>,
    /// The drawer's sensor (pin 3 of its connector) is high.
    pub drawer_high: bool,
}

impl Condition {
    /// Whether it prints.
    #[must_use]
    pub const fn is_online(&self) -> bool {
        !matches!(self.paper, Paper::Out) && !self.cover_open && !self.offline && self.failure.is_none()
    }

    /// The state that a cashier is told: what has to be done first comes first.
    #[must_use]
    pub const fn state(&self) -> PrinterState {
        match self {
            Self { failure: Some(failure), .. } => PrinterState::Error(*failure),
            Self { cover_open: true, .. } => PrinterState::CoverOpen,
            Self { paper: Paper::Out, .. } => PrinterState::PaperOut,
            Self { offline: true, .. } => PrinterState::Offline,
            Self { paper: Paper::NearEnd, .. } => PrinterState::PaperNearEnd,
            Self { paper: Paper::Present, .. } => PrinterState::Ready,
        }
    }
}

/// How a printer stands, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PrinterState {
    /// It prints.
    Ready,
    /// It prints, and wants a new roll soon.
    PaperNearEnd,
    /// It has no paper.
    PaperOut,
    /// Its cover is open.
    CoverOpen,
    /// It was taken offline.
    Offline,
    /// Something is broken.
    Error(Failure),
    /// It does not answer.
    Hanging,
}

impl PrinterState {
    /// Whether a job may begin.
    #[must_use]
    pub const fn prints(self) -> bool {
        matches!(self, Self::Ready | Self::PaperNearEnd)
    }

    /// Its name, as in logs and for tills.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::PaperNearEnd => "paper near end",
            Self::PaperOut => "paper out",
            Self::CoverOpen => "cover open",
            Self::Offline => "offline",
            Self::Error(Failure::Cutter) => "cutter blocked",
            Self::Error(Failure::Unrecoverable) => "broken",
            Self::Error(Failure::Recoverable | Failure::Passing) => "error",
            Self::Hanging => "does not answer",
        }
    }
}

/// What `DLE EOT n` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Enquiry {
    /// n = 1: the printer.
    Printer,
    /// n = 2: why it is offline.
    Offline,
    /// n = 3: what is broken.
    Error,
    /// n = 4: the paper.
    Paper,
}

impl Enquiry {
    /// All, in the order in which they are asked.
    pub const ALL: [Self; 4] = [Self::Printer, Self::Offline, Self::Error, Self::Paper];

    /// Of the parameter `n`.
    #[must_use]
    pub const fn of(n: u8) -> Option<Self> {
        match n {
            1 => Some(Self::Printer),
            2 => Some(Self::Offline),
            3 => Some(Self::Error),
            4 => Some(Self::Paper),
            _ => None,
        }
    }

    /// The command.
    #[must_use]
    pub const fn command(self) -> [u8; 3] {
        let n = match self {
            Self::Printer => 1,
            Self::Offline => 2,
            Self::Error => 3,
            Self::Paper => 4,
        };
        [0x10, 0x04, n]
    }

    /// The answer of a printer that stands so.
    #[must_use]
    pub const fn answer(self, condition: &Condition) -> u8 {
        let bits = match self {
            Self::Printer => bit(2, condition.drawer_high) | bit(3, !condition.is_online()),
            Self::Offline => {
                bit(2, condition.cover_open)
                    | bit(3, condition.offline)
                    | bit(5, matches!(condition.paper, Paper::Out))
                    | bit(6, condition.failure.is_some())
            }
            Self::Error => {
                bit(2, matches!(condition.failure, Some(Failure::Recoverable)))
                    | bit(3, matches!(condition.failure, Some(Failure::Cutter)))
                    | bit(5, matches!(condition.failure, Some(Failure::Unrecoverable)))
                    | bit(6, matches!(condition.failure, Some(Failure::Passing)))
            }
            Self::Paper => {
                let (near, out) = (!matches!(condition.paper, Paper::Present), matches!(condition.paper, Paper::Out));
                bit(2, near) | bit(3, near) | bit(5, out) | bit(6, out)
            }
        };
        0x12 | bits
    }

    /// Takes an answer over.
    pub const fn apply(self, answer: u8, condition: &mut Condition) {
        match self {
            Self::Printer => {
                condition.drawer_high = has(answer, 2);
                // What it is offline for comes with the other answers.
                condition.offline = has(answer, 3);
            }
            Self::Offline => {
                condition.cover_open = has(answer, 2);
                // Paper, cover and errors have states of their own.
                let told = has(answer, 2) || has(answer, 5) || has(answer, 6);
                condition.offline = has(answer, 3) || condition.offline && !told;
                if has(answer, 5) {
                    condition.paper = Paper::Out;
                }
                if !has(answer, 6) {
                    condition.failure = None;
                } else if condition.failure.is_none() {
                    condition.failure = Some(Failure::Recoverable);
                }
            }
            Self::Error => {
                // Without a bit that answer adds nothing: whether there is an error stood in the one before.
                if let Some(failure) = failure(has(answer, 2), has(answer, 3), has(answer, 5), has(answer, 6)) {
                    condition.failure = Some(failure);
                }
            }
            Self::Paper => {
                condition.paper = paper(has(answer, 2) || has(answer, 3), has(answer, 5) || has(answer, 6));
            }
        }
    }
}

/// The mask of the bits that are the same in every answer of a kind.
const FIXED_MASK: u8 = 0x93;

/// Whether a byte answers `DLE EOT`.
#[must_use]
pub const fn answers_enquiry(byte: u8) -> bool {
    byte & FIXED_MASK == 0x12
}

/// Whether a byte begins an automatic status.
#[must_use]
pub const fn begins_automatic(byte: u8) -> bool {
    byte & FIXED_MASK == 0x10
}

/// Whether a byte may go on in an automatic status.
#[must_use]
pub const fn continues_automatic(byte: u8) -> bool {
    byte & 0x90 == 0
}

/// The four bytes of an automatic status (`GS a n`).
#[must_use]
pub const fn automatic(condition: &Condition) -> [u8; 4] {
    let first = 0x10
        | bit(2, condition.drawer_high)
        | bit(3, !condition.is_online())
        | bit(5, condition.cover_open)
        | bit(6, condition.offline);
    let second = bit(2, matches!(condition.failure, Some(Failure::Recoverable)))
        | bit(3, matches!(condition.failure, Some(Failure::Cutter)))
        | bit(5, matches!(condition.failure, Some(Failure::Unrecoverable)))
        | bit(6, matches!(condition.failure, Some(Failure::Passing)));
    [first, second, sensors(condition.paper), 0x0F]
}

/// Reads the four bytes of an automatic status.
#[must_use]
pub const fn of_automatic(bytes: [u8; 4]) -> Condition {
    let [first, second, third, _] = bytes;
    let failure = failure(has(second, 2), has(second, 3), has(second, 5), has(second, 6));
    let paper = paper(has(third, 0) || has(third, 1), has(third, 2) || has(third, 3));
    let cover_open = has(first, 5);
    let told = cover_open || matches!(paper, Paper::Out) || failure.is_some();
    Condition {
        paper,
        cover_open,
        offline: has(first, 6) || has(first, 3) && !told,
        failure,
        drawer_high: has(first, 2),
    }
}

/// The answer to `GS r 1`: the paper sensors, near end in bits 0 and 1, end in bits 2 and 3.
#[must_use]
pub const fn sensors(paper: Paper) -> u8 {
    match paper {
        Paper::Present => 0x00,
        Paper::NearEnd => 0x03,
        Paper::Out => 0x0F,
    }
}

/// Reads an answer to `GS r 1`; none when no printer says so. Both bits of a sensor are the same: that keeps noise from passing for an
/// answer. A printer without paper does not come to answer, so that it is not among them.
#[must_use]
pub const fn of_sensors(byte: u8) -> Option<Paper> {
    match byte {
        0x00 => Some(Paper::Present),
        0x03 => Some(Paper::NearEnd),
        _ => None,
    }
}

const fn bit(number: u8, set: bool) -> u8 {
    if set { 1 << number } else { 0 }
}

const fn has(byte: u8, number: u8) -> bool {
    byte & (1 << number) != 0
}

const fn paper(near_end: bool, out: bool) -> Paper {
    match (near_end, out) {
        (_, true) => Paper::Out,
        (true, false) => Paper::NearEnd,
        (false, false) => Paper::Present,
    }
}

const fn failure(recoverable: bool, cutter: bool, unrecoverable: bool, passing: bool) -> Option<Failure> {
    match (unrecoverable, cutter, recoverable, passing) {
        (true, _, _, _) => Some(Failure::Unrecoverable),
        (false, true, _, _) => Some(Failure::Cutter),
        (false, false, true, _) => Some(Failure::Recoverable),
        (false, false, false, true) => Some(Failure::Passing),
        (false, false, false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every condition that differs in one thing from a printer that is well.
    fn conditions() -> Vec<(Condition, PrinterState)> {
        let well = Condition::default();
        vec![
            (well, PrinterState::Ready),
            (Condition { drawer_high: true, ..well }, PrinterState::Ready),
            (Condition { paper: Paper::NearEnd, ..well }, PrinterState::PaperNearEnd),
            (Condition { paper: Paper::Out, ..well }, PrinterState::PaperOut),
            (Condition { cover_open: true, ..well }, PrinterState::CoverOpen),
            (Condition { offline: true, ..well }, PrinterState::Offline),
            (Condition { failure: Some(Failure::Recoverable), ..well }, PrinterState::Error(Failure::Recoverable)),
            (Condition { failure: Some(Failure::Cutter), ..well }, PrinterState::Error(Failure::Cutter)),
            (Condition { failure: Some(Failure::Unrecoverable), ..well }, PrinterState::Error(Failure::Unrecoverable)),
            (Condition { failure: Some(Failure::Passing), ..well }, PrinterState::Error(Failure::Passing)),
            (Condition { paper: Paper::Out, cover_open: true, ..well }, PrinterState::CoverOpen),
        ]
    }

    /// Bytes as the makers' references write them.
    #[test]
    fn known_answers() {
        let well = Condition::default();
        assert_eq!(Enquiry::ALL.map(|enquiry| enquiry.answer(&well)), [0x12; 4]);
        assert_eq!(automatic(&well), [0x10, 0x00, 0x00, 0x0F]);
        let out = Condition { paper: Paper::Out, ..well };
        assert_eq!(Enquiry::ALL.map(|enquiry| enquiry.answer(&out)), [0x1A, 0x32, 0x12, 0x7E]);
        assert_eq!(automatic(&out), [0x18, 0x00, 0x0F, 0x0F]);
        let open = Condition { cover_open: true, ..well };
        assert_eq!(Enquiry::ALL.map(|enquiry| enquiry.answer(&open)), [0x1A, 0x16, 0x12, 0x12]);
        assert_eq!(automatic(&open), [0x38, 0x00, 0x00, 0x0F]);
        let cutter = Condition { failure: Some(Failure::Cutter), ..well };
        assert_eq!(Enquiry::ALL.map(|enquiry| enquiry.answer(&cutter)), [0x1A, 0x52, 0x1A, 0x12]);
    }

    #[test]
    fn what_is_told_is_what_is_read() {
        for (condition, state) in conditions() {
            assert_eq!(condition.state(), state);
            assert_eq!(state.prints(), condition.is_online(), "{condition:?}");
            assert_eq!(of_automatic(automatic(&condition)), condition);
            // Whatever was known before, the four answers say all.
            for (before, _) in conditions() {
                let mut read = before;
                for enquiry in Enquiry::ALL {
                    let answer = enquiry.answer(&condition);
                    assert!(answers_enquiry(answer) && !begins_automatic(answer), "{answer:02X}");
                    enquiry.apply(answer, &mut read);
                }
                assert_eq!(read, condition, "before {before:?}");
            }
            let [first, rest @ ..] = automatic(&condition);
            assert!(begins_automatic(first) && rest.into_iter().all(continues_automatic), "{condition:?}");
        }
    }
}
