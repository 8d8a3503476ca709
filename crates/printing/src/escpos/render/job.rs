//! The bytes of a job.

/// Most bytes of a job: a receipt of ten thousand items has about a million.
pub const JOB_BYTES_MAX: usize = 4 << 20;
/// Most bytes of a piece, but for a code whose payload is longer: so much is always taken before a driver looks whether there is room.
pub const PIECE_BYTES_MAX: usize = 1024;

/// A print job.
///
/// It is cut into pieces: between two of them no command is under way, so that a driver may pause there, and may ask the printer
/// something.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Job {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Job {
    /// A job from elsewhere: whole commands and text are gathered into pieces.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        use crate::escpos::interpreter::{Part, split};
        let mut job = Self::default();
        let mut begun = 0;
        for part in split(bytes) {
            let (Part::Text(part) | Part::Command(part) | Part::Cut(part)) = part;
            if begun > 0 && begun + part.len() > PIECE_BYTES_MAX {
                job.end_piece();
                begun = 0;
            }
            // Text may be cut anywhere.
            for chunk in if matches!(part.first(), Some(0x20..)) {
                part.chunks(PIECE_BYTES_MAX)
            } else {
                part.chunks(usize::MAX)
            } {
                job.bytes.extend(chunk);
                begun += chunk.len();
                if begun >= PIECE_BYTES_MAX {
                    job.end_piece();
                    begun = 0;
                }
            }
        }
        job.end_piece();
        job
    }

    /// All bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether there is nothing to print.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The pieces, in their order.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.ends.len()).filter_map(|at| self.piece(at))
    }

    /// A piece.
    #[must_use]
    pub fn piece(&self, at: usize) -> Option<&[u8]> {
        let from = match at.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.bytes.get(from..*self.ends.get(at)?)
    }

    pub(super) const fn out(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Ends the piece that was begun, if there is one.
    pub(super) fn end_piece(&mut self) {
        if self.bytes.len() > self.ends.last().copied().unwrap_or(0) {
            self.ends.push(self.bytes.len());
        }
    }

    /// Bytes of the piece that was begun.
    pub(super) fn begun_bytes(&self) -> usize {
        self.bytes.len() - self.ends.last().copied().unwrap_or(0)
    }
}
