//! The job that is being printed: what of it went out, and what of that is confirmed.

use std::collections::VecDeque;

use super::options::Evidence;
use crate::escpos::profile::Confirmation;
use crate::escpos::render::{Job, PIECE_BYTES_MAX};

/// Zeros that end whatever command an earlier connection broke off: more than any piece has. In a picture they are white dots, behind a
/// command they are its smallest parameter, elsewhere a printer skips them.
pub const RESYNC_BYTES: usize = 2 * PIECE_BYTES_MAX + 128;

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The driver writes down that it begins.
    MayPrint,
    /// It may go out.
    Sending,
}

/// A question that stands behind bytes of the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) id: [u8; 4],
    /// Bytes since the mark before.
    bytes: usize,
}

/// Marks that wait for their answer.
#[derive(Debug)]
pub(super) struct Marks {
    waiting: VecDeque<Mark>,
    next: u16,
}

impl Marks {
    pub(super) const fn new(first: u16) -> Self {
        Self { waiting: VecDeque::new(), next: first }
    }

    /// Writes one behind so many bytes.
    pub(super) fn put(&mut self, confirmation: Confirmation, bytes: usize, out: &mut Vec<u8>) {
        let mut id = [b'0'; 4];
        for (digit, shift) in id.iter_mut().zip([12, 8, 4, 0]) {
            let value = u8::try_from(self.next >> shift & 0xF).unwrap_or(0);
            *digit = if value < 10 { b'0' + value } else { b'A' + value - 10 };
        }
        self.next = self.next.wrapping_add(1);
        match confirmation {
            Confirmation::ProcessId => {
                out.extend(b"\x1D(H\x06\x0000");
                out.extend(id);
            }
            Confirmation::Queued => out.extend(b"\x1Dr\x01"),
            Confirmation::RealTime | Confirmation::Silent => return,
        }
        self.waiting.push_back(Mark { id, bytes });
    }

    /// Takes an answer for the oldest one; tells whether there was one.
    pub(super) fn oldest_answered(&mut self) -> bool {
        self.waiting.pop_front().is_some()
    }

    /// Takes the answer of an id. Those before it are answered too: the printer does everything in its order.
    pub(super) fn answered(&mut self, id: [u8; 4]) -> bool {
        match self.waiting.iter().position(|mark| mark.id == id) {
            Some(at) => {
                self.waiting.drain(..=at);
                true
            }
            None => false,
        }
    }

    /// None of them is waited for any more.
    pub(super) fn forget(&mut self) {
        self.waiting.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Bytes that are not confirmed.
    pub(super) fn bytes(&self) -> usize {
        self.waiting.iter().map(|mark| mark.bytes).sum()
    }
}

/// A job under way.
#[derive(Debug)]
pub(super) struct Printing {
    job: Job,
    next_piece: usize,
    pub(super) stage: Stage,
    /// Bytes of it were handed to the line.
    pub(super) is_begun: bool,
    /// Bytes of it wait to be handed to the line.
    pub(super) is_queued: bool,
}

impl Printing {
    pub(super) const fn new(job: Job) -> Self {
        Self { job, next_piece: 0, stage: Stage::MayPrint, is_begun: false, is_queued: false }
    }

    pub(super) fn into_job(self) -> Job {
        self.job
    }

    pub(super) fn is_all_out(&self) -> bool {
        self.job.piece(self.next_piece).is_none()
    }

    /// Writes as many pieces as the printer has room for, at least one; tells how many bytes they have.
    pub(super) fn write(&mut self, room: usize, out: &mut Vec<u8>) -> usize {
        let mut written = 0;
        while let Some(piece) = self.job.piece(self.next_piece) {
            if written > 0 && written + piece.len() > room {
                break;
            }
            out.extend(piece);
            written += piece.len();
            self.next_piece += 1;
        }
        self.is_queued |= written > 0;
        written
    }

    /// Bytes of the next piece.
    pub(super) fn next_bytes(&self) -> usize {
        self.job.piece(self.next_piece).map_or(0, <[u8]>::len)
    }
}

/// What the end of a job proves on a printer of this kind.
pub(super) const fn evidence(confirmation: Confirmation) -> Evidence {
    match confirmation {
        Confirmation::ProcessId => Evidence::ProcessId,
        Confirmation::Queued => Evidence::Queued,
        Confirmation::RealTime => Evidence::RealTime,
        Confirmation::Silent => Evidence::Written,
    }
}
