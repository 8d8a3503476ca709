//! The receipt as a PNG picture, one bit for each dot.
//!
//! Purpose: a picture for screens, messages and printers without a language of their own.
//! Owns: [`FORMAT`], [`render`].
//! Invariants: black on white, no grey; 8 dots/mm, which the file says; written band by band.
//! Not here: what is drawn (`raster`).

use png::{BitDepth, ColorType, Compression, Encoder, Filter, PixelDimensions, Unit};

use crate::format::{Format, Options, RenderError};
use crate::raster::{Picture, Width};
use crate::receipt::Receipt;

/// Its registration.
pub const FORMAT: Format =
    Format { name: "png", media_type: "image/png", extension: "png", has_width: true, render: rendered };

/// Dots of a metre.
const DOTS_PER_M: u32 = 8_000;

fn rendered(receipt: &Receipt, options: &Options) -> Result<Vec<u8>, RenderError> {
    render(receipt, options.width)
}

/// Draws a receipt.
///
/// # Errors
/// When the picture would be too high.
pub fn render(receipt: &Receipt, width: Width) -> Result<Vec<u8>, RenderError> {
    let picture = Picture::new(receipt, width)?;
    let mut file = Vec::with_capacity(16 * 1024);
    let mut encoder = Encoder::new(&mut file, picture.width_dots(), picture.height_dots());
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::One);
    encoder.set_compression(Compression::Balanced);
    encoder.set_filter(Filter::NoFilter);
    encoder.set_pixel_dims(Some(PixelDimensions { xppu: DOTS_PER_M, yppu: DOTS_PER_M, unit: Unit::Meter }));
    let mut writer = encoder.write_header().map_err(RenderError::png)?;
    let mut stream = writer.stream_writer().map_err(RenderError::png)?;
    let mut white_on_black = Vec::new();
    for band in picture.bands() {
        white_on_black.clear();
        // In the file 1 is white.
        white_on_black.extend(band.rows().flatten().map(|byte| !byte));
        std::io::Write::write_all(&mut stream, &white_on_black).map_err(RenderError::png)?;
    }
    stream.finish().map_err(RenderError::png)?;
    writer.finish().map_err(RenderError::png)?;
    Ok(file)
}
