//! A profile.

use super::features::Features;
use crate::escpos::CodePage;

/// The profile of a printer of which nothing is known: what nearly all have.
pub const REPLACEMENT_PROFILE: &str = "default";
/// Dots of a character of font A, across.
pub(crate) const CELL_DOTS: u16 = 12;

/// How a printer tells that it has printed all that came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Confirmation {
    /// `GS ( H`: it answers with an id that we chose. The surest; only newer printers have it, and others may print its bytes.
    ProcessId,
    /// `GS r 1`: the question waits behind all that came before, so that its answer proves that this was printed.
    #[default]
    Queued,
    /// `DLE EOT`: it is answered at once, whatever waits. It proves only that the printer is well after the job.
    RealTime,
    /// The printer never answers: what the line took counts as printed.
    Silent,
}

impl Confirmation {
    /// Whether the printer says how it stands.
    #[must_use]
    pub const fn answers(self) -> bool {
        !matches!(self, Self::Silent)
    }
}

/// What a printer can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Its id, as in the configuration.
    pub id: String,
    /// Maker and model, for people.
    pub name: String,
    /// Characters of font A in a line.
    pub columns: u16,
    /// Dots across the paper, for pictures; a character of font A has 12.
    pub dots: u16,
    /// Commands that it has.
    pub features: Features,
    /// Its code pages by their number for `ESC t`; the first one is its own after a reset.
    pub code_pages: Vec<(u8, &'static CodePage)>,
    /// How it confirms a job.
    pub confirmation: Confirmation,
    /// Bytes that it takes before it has printed any of them.
    pub buffer_bytes: u32,
}

impl Profile {
    /// A code page by its number for `ESC t`.
    #[must_use]
    pub fn code_page(&self, number: u8) -> Option<&'static CodePage> {
        self.code_pages.iter().find(|(known, _)| *known == number).map(|(_, page)| *page)
    }

    /// Dots of a line of text.
    #[must_use]
    pub fn text_dots(&self) -> u16 {
        self.columns.saturating_mul(CELL_DOTS)
    }
}
