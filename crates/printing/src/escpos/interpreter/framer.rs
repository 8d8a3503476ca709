//! Cuts a stream into commands, byte by byte.

use super::extent::{COMMAND_BYTES_MAX, Extent, extent, opens};

/// First bytes that are kept of a command that is too long.
const KEPT_BYTES: usize = 16;

/// What a byte completes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Framed {
    /// Nothing: a command goes on.
    More,
    /// A byte that stands for itself: a character or a control byte.
    Single(u8),
    /// A command.
    Command(Vec<u8>),
    /// The beginning of a command that is too long to be kept; the rest is skipped.
    TooLong(Vec<u8>),
}

/// A begun command.
#[derive(Debug, Default)]
pub(super) struct Framer {
    begun: Vec<u8>,
    /// Bytes until its length, or its end, is known.
    needed: usize,
    /// Whether `needed` is its end.
    is_measured: bool,
    /// Bytes still to be skipped.
    skipped: u64,
}

impl Framer {
    /// The first byte of the command that was begun.
    pub(super) fn first(&self) -> Option<u8> {
        self.begun.first().copied()
    }

    pub(super) fn push(&mut self, byte: u8) -> Framed {
        if self.skipped > 0 {
            self.skipped -= 1;
            return Framed::More;
        }
        if self.begun.is_empty() && !opens(byte) {
            return Framed::Single(byte);
        }
        self.begun.push(byte);
        if self.begun.len() < self.needed {
            return Framed::More;
        }
        if !self.is_measured {
            match extent(&self.begun) {
                Extent::Need(bytes) if bytes <= COMMAND_BYTES_MAX => {
                    self.needed = bytes;
                    return Framed::More;
                }
                // Where even its length would need more bytes than are kept, what follows is read as it comes.
                Extent::Need(_) => return self.too_long(0),
                Extent::Whole(bytes) => match usize::try_from(bytes).ok().filter(|bytes| *bytes <= COMMAND_BYTES_MAX) {
                    Some(bytes) if bytes > self.begun.len() => {
                        (self.needed, self.is_measured) = (bytes, true);
                        return Framed::More;
                    }
                    Some(_) => {}
                    None => {
                        let have = u64::try_from(self.begun.len()).unwrap_or(u64::MAX);
                        return self.too_long(bytes.saturating_sub(have));
                    }
                },
            }
        }
        (self.needed, self.is_measured) = (0, false);
        Framed::Command(std::mem::take(&mut self.begun))
    }

    fn too_long(&mut self, rest: u64) -> Framed {
        let mut begun = std::mem::take(&mut self.begun);
        begun.truncate(KEPT_BYTES);
        *self = Self { skipped: rest, ..Self::default() };
        Framed::TooLong(begun)
    }
}
