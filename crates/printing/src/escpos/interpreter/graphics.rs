//! Pictures in commands.

use crate::escpos::bitmap::Bitmap;

/// Most dots of a picture, so that a few bytes that claim a large one do not take memory.
const DOTS_MAX: u64 = 1 << 25;

fn bounded(width_dots: u32, height_dots: u32) -> (u32, u32) {
    let room = DOTS_MAX / u64::from(width_dots.max(1));
    (width_dots, height_dots.min(u32::try_from(room).unwrap_or(u32::MAX)))
}

/// Rows of whole bytes, as in `GS v 0`.
pub(super) fn picture_in_rows(width_dots: u32, height_dots: u32, data: &[u8]) -> Bitmap {
    let (width_dots, height_dots) = bounded(width_dots, height_dots);
    Bitmap::of_rows(width_dots, height_dots, data)
}

/// Columns of whole bytes, the highest dot in the highest bit, as in `GS *`.
pub(super) fn picture_in_columns(width_dots: u32, height_dots: u32, data: &[u8]) -> Bitmap {
    let (width_dots, height_dots) = bounded(width_dots, height_dots);
    let mut bitmap = Bitmap::white(width_dots, height_dots);
    let column_bytes = usize::try_from(height_dots.div_ceil(8)).unwrap_or(usize::MAX).max(1);
    for (x, column) in (0..width_dots).zip(data.chunks(column_bytes)) {
        for (byte, top) in column.iter().zip((0..height_dots).step_by(8)) {
            for bit in (0..8).filter(|bit| byte & (0x80 >> bit) != 0) {
                bitmap.set(x, top + bit, true);
            }
        }
    }
    bitmap
}

/// `ESC *`: columns of 8 or 24 dots, in modes 0 and 32 with half as many columns on the same paper.
pub(super) fn column_picture(mode: u8, columns: u32, data: &[u8]) -> Bitmap {
    let height_dots = if matches!(mode, 32 | 33) { 24 } else { 8 };
    let dots = picture_in_columns(columns, height_dots, data);
    scaled(&dots, if matches!(mode, 0 | 32) { 2 } else { 1 }, 24 / height_dots)
}

/// Every dot as a block.
pub(super) fn scaled(dots: &Bitmap, across: u32, down: u32) -> Bitmap {
    if (across, down) == (1, 1) {
        return dots.clone();
    }
    let (width_dots, height_dots) =
        bounded(dots.width_dots().saturating_mul(across), dots.height_dots().saturating_mul(down));
    let mut bitmap = Bitmap::white(width_dots, height_dots);
    bitmap.draw(dots, 0, 0, across, down);
    bitmap
}

/// The picture that `GS ( L` and `GS 8 L` keep until it is printed.
#[derive(Debug, Default)]
pub(super) struct StoredPicture {
    dots: Option<Bitmap>,
}

impl StoredPicture {
    /// Does a function; tells the picture that it prints.
    pub(super) fn function(&mut self, data: &[u8]) -> Option<Bitmap> {
        match data {
            [48, 112, _, across, down, _, x_low, x_high, y_low, y_high, dots @ ..] => {
                let picture = picture_in_rows(number(*x_low, *x_high), number(*y_low, *y_high), dots);
                self.dots = Some(scaled(&picture, times(*across), times(*down)));
                None
            }
            [48, 113, _, across, down, _, x_low, x_high, y_low, y_high, dots @ ..] => {
                let picture = picture_in_columns(number(*x_low, *x_high), number(*y_low, *y_high), dots);
                self.dots = Some(scaled(&picture, times(*across), times(*down)));
                None
            }
            [48, 2 | 50] => self.dots.take(),
            _ => None,
        }
    }
}

fn times(n: u8) -> u32 {
    if n == 2 { 2 } else { 1 }
}

fn number(low: u8, high: u8) -> u32 {
    u32::from(u16::from_le_bytes([low, high]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_rows_of_the_same_picture() {
        // A diagonal of eight dots.
        let rows = [0x80, 0x40, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01];
        let picture = picture_in_rows(8, 8, &rows);
        assert_eq!(picture_in_columns(8, 8, &rows), picture);
        assert_eq!(column_picture(1, 8, &rows), scaled(&picture, 1, 3));
        let doubled = scaled(&picture, 2, 2);
        assert!(doubled.is_black(1, 1) && doubled.is_black(15, 15) && !doubled.is_black(2, 1));
    }

    #[test]
    fn a_claim_takes_no_memory() {
        assert!(picture_in_rows(u32::from(u16::MAX), u32::from(u16::MAX), &[]).height_dots() < 1000);
        assert!(picture_in_rows(0, u32::from(u16::MAX), &[]).rows().is_empty());
    }
}
