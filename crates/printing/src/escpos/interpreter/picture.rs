//! A tape as a picture, as the paper would look.

use thiserror::Error;

use super::paint::Painter;
use super::tape::Item;
use crate::escpos::bitmap::Bitmap;
use crate::escpos::profile::Profile;

/// Most rows of dots of a picture: 25 metres of paper.
pub const PICTURE_ROWS_MAX: u32 = 200_000;

/// Why there is no picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum PictureError {
    /// More paper than a picture may have.
    #[error("the paper is longer than {PICTURE_ROWS_MAX} rows of dots")]
    TooLong,
    /// The encoder refused it.
    #[error("the picture could not be written")]
    Encoder,
}

/// Draws what is on the paper.
///
/// # Errors
/// [`PictureError::TooLong`].
pub fn paint(items: &[Item], profile: &Profile) -> Result<Bitmap, PictureError> {
    let height_dots = Painter::measure(items, profile);
    if height_dots > PICTURE_ROWS_MAX {
        return Err(PictureError::TooLong);
    }
    Ok(Painter::draw(items, profile, height_dots))
}

/// A picture as a PNG of one bit for each dot.
///
/// # Errors
/// [`PictureError::Encoder`].
pub fn png_of(dots: &Bitmap) -> Result<Vec<u8>, PictureError> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, dots.width_dots().max(1), dots.height_dots().max(1));
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header().map_err(|_| PictureError::Encoder)?;
    // In a PNG 0 is black.
    let mut rows: Vec<u8> = dots.rows().iter().map(|byte| !byte).collect();
    if rows.is_empty() {
        rows.push(0xFF);
    }
    writer.write_image_data(&rows).map_err(|_| PictureError::Encoder)?;
    writer.finish().map_err(|_| PictureError::Encoder)?;
    Ok(out)
}
