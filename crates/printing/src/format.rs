//! The formats a receipt can be rendered in, one line each.

use crate::raster::{PictureError, Width};
use crate::receipt::Receipt;
use crate::{html, json, pdf, png, svg, text};

/// What a rendering may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Printable width; formats without a width of their own pay no attention.
    pub width: Width,
}

impl Default for Options {
    fn default() -> Self {
        Self { width: Width::USUAL }
    }
}

/// A format.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// Its name, as in `?format=`.
    pub name: &'static str,
    /// Its media type, without parameters.
    pub media_type: &'static str,
    /// End of the name of a file, without the dot.
    pub extension: &'static str,
    /// Whether [`Options::width`] changes anything.
    pub has_width: bool,
    /// Renders a receipt. The same receipt and options give the same bytes.
    pub render: fn(&Receipt, &Options) -> Result<Vec<u8>, RenderError>,
}

/// All formats.
pub const FORMATS: &[Format] = &[html::FORMAT, svg::FORMAT, png::FORMAT, pdf::FORMAT, text::FORMAT, json::FORMAT];

/// The format of a name.
#[must_use]
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

/// Why a receipt could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The picture would be too high.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The picture could not be written: a bug of ours or of the encoder, since it is written to memory.
    #[error("the picture cannot be written: {0}")]
    Png(String),
    /// The document could not be written: a bug of ours or of the encoder.
    #[error("the document cannot be written: {0}")]
    Pdf(String),
}

impl RenderError {
    pub(crate) fn png(error: impl std::fmt::Display) -> Self {
        Self::Png(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_media_types_are_not_shared() {
        for (index, one) in FORMATS.iter().enumerate() {
            assert_eq!(format(one.name).map(|found| found.media_type), Some(one.media_type));
            for other in FORMATS.iter().skip(index + 1) {
                assert!(
                    one.name != other.name && one.media_type != other.media_type && one.extension != other.extension
                );
            }
        }
        assert!(format("gif").is_none());
    }
}
