//! A receipt as a job.

use thiserror::Error;

use super::job::{JOB_BYTES_MAX, Job};
use super::layout::lay_out;
use super::writer::JobWriter;
use crate::Receipt;
use crate::escpos::profile::Profile;

/// What a job does beside printing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RenderOptions {
    /// Cuts the paper at the end.
    pub cut: bool,
    /// Opens the drawer first.
    pub open_drawer: bool,
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self { cut: true, open_drawer: false }
    }
}

/// Why a receipt cannot be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum RenderError {
    /// The job would be too long.
    #[error("the receipt has more than {JOB_BYTES_MAX} bytes on paper")]
    TooLong,
}

/// Writes a receipt for a printer.
///
/// # Errors
/// [`RenderError::TooLong`].
pub fn render(receipt: &Receipt, profile: &Profile, options: RenderOptions) -> Result<Job, RenderError> {
    let mut writer = JobWriter::new(profile);
    if options.open_drawer {
        writer.open_drawer();
    }
    lay_out(receipt, &mut writer);
    if options.cut {
        writer.cut();
    }
    writer.finish().ok_or(RenderError::TooLong)
}
