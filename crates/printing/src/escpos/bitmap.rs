//! A picture of black and white dots.

/// Dots in rows, each row in whole bytes, the leftmost dot in the highest bit; 1 is black.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Bitmap {
    width_dots: u32,
    height_dots: u32,
    rows: Vec<u8>,
}

impl Bitmap {
    /// A white one.
    #[must_use]
    pub fn white(width_dots: u32, height_dots: u32) -> Self {
        let bytes = u64::from(width_dots.div_ceil(8)).saturating_mul(u64::from(height_dots));
        Self { width_dots, height_dots, rows: vec![0; usize::try_from(bytes).unwrap_or(usize::MAX)] }
    }

    /// One of rows of whole bytes; what is missing is white, what is too much is left out.
    #[must_use]
    pub fn of_rows(width_dots: u32, height_dots: u32, bytes: &[u8]) -> Self {
        let mut bitmap = Self::white(width_dots, height_dots);
        for (to, from) in bitmap.rows.iter_mut().zip(bytes) {
            *to = *from;
        }
        bitmap
    }

    /// Dots from left to right.
    #[must_use]
    pub const fn width_dots(&self) -> u32 {
        self.width_dots
    }

    /// Dots from top to bottom.
    #[must_use]
    pub const fn height_dots(&self) -> u32 {
        self.height_dots
    }

    /// Bytes of one row.
    #[must_use]
    pub const fn row_bytes(&self) -> u32 {
        self.width_dots.div_ceil(8)
    }

    /// All rows, one after the other.
    #[must_use]
    pub fn rows(&self) -> &[u8] {
        &self.rows
    }

    fn place(&self, x: u32, y: u32) -> Option<usize> {
        if x >= self.width_dots || y >= self.height_dots {
            return None;
        }
        let at = u64::from(y) * u64::from(self.row_bytes()) + u64::from(x / 8);
        usize::try_from(at).ok()
    }

    /// Whether a dot is black; outside everything is white.
    #[must_use]
    pub fn is_black(&self, x: u32, y: u32) -> bool {
        self.place(x, y).and_then(|at| self.rows.get(at)).is_some_and(|byte| byte & (0x80 >> (x % 8)) != 0)
    }

    /// Makes a dot black or white; outside it does nothing.
    pub fn set(&mut self, x: u32, y: u32, black: bool) {
        if let Some(byte) = self.place(x, y).and_then(|at| self.rows.get_mut(at)) {
            let bit = 0x80 >> (x % 8);
            if black { *byte |= bit } else { *byte &= !bit }
        }
    }

    /// Makes the dots of a rectangle black or white.
    pub fn fill(&mut self, x: u32, y: u32, width_dots: u32, height_dots: u32, black: bool) {
        for row in y..y.saturating_add(height_dots).min(self.height_dots) {
            for column in x..x.saturating_add(width_dots).min(self.width_dots) {
                self.set(column, row, black);
            }
        }
    }

    /// Draws another one over it, every dot of it as a block; white dots leave what is there.
    pub fn draw(&mut self, other: &Self, x: u32, y: u32, scale_x: u32, scale_y: u32) {
        for row in 0..other.height_dots {
            let top = y.saturating_add(row.saturating_mul(scale_y));
            if top >= self.height_dots {
                return;
            }
            for column in 0..other.width_dots {
                if other.is_black(column, row) {
                    let left = x.saturating_add(column.saturating_mul(scale_x));
                    self.fill(left, top, scale_x, scale_y, true);
                }
            }
        }
    }

    /// Rows `from..to` as a picture of their own.
    #[must_use]
    pub fn band(&self, from: u32, to: u32) -> Self {
        let to = to.min(self.height_dots);
        let from = from.min(to);
        let row = usize::try_from(self.row_bytes()).unwrap_or(0);
        let at = |rows: u32| usize::try_from(rows).unwrap_or(0).saturating_mul(row);
        let rows = self.rows.get(at(from)..at(to)).unwrap_or(&[]);
        Self::of_rows(self.width_dots, to - from, rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_where_they_are_set() {
        let mut bitmap = Bitmap::white(10, 2);
        bitmap.set(0, 0, true);
        bitmap.set(9, 1, true);
        bitmap.set(10, 0, true);
        assert_eq!(bitmap.rows(), [0x80, 0x00, 0x00, 0x40]);
        assert!(bitmap.is_black(9, 1) && !bitmap.is_black(8, 1) && !bitmap.is_black(10, 0));
        assert_eq!(bitmap.band(1, 5), Bitmap::of_rows(10, 1, &[0x00, 0x40]));
        let mut double = Bitmap::white(20, 4);
        double.draw(&bitmap, 0, 0, 2, 2);
        assert!(double.is_black(1, 1) && double.is_black(19, 3) && !double.is_black(2, 0));
    }
}
