//! Dots of a part of a picture.

use crate::font::Glyph;

/// A rectangle of dots, eight a byte, the leftmost in the highest bit, 1 is black; rows are padded to a byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Band {
    width_dots: u32,
    row_bytes: usize,
    bits: Vec<u8>,
}

impl Band {
    /// White dots.
    #[must_use]
    pub fn new(width_dots: u32, height_dots: u32) -> Self {
        let row_bytes = width_dots.div_ceil(8) as usize;
        Self { width_dots, row_bytes, bits: vec![0; row_bytes * height_dots as usize] }
    }

    /// Dots across.
    #[must_use]
    pub const fn width_dots(&self) -> u32 {
        self.width_dots
    }

    /// Dots down.
    #[must_use]
    pub fn height_dots(&self) -> u32 {
        u32::try_from(self.bits.len() / self.row_bytes.max(1)).unwrap_or(0)
    }

    /// Rows from the top.
    pub fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.bits.chunks_exact(self.row_bytes.max(1))
    }

    /// Blackens a rectangle; what lies outside of the band is left out.
    pub fn fill(&mut self, x: u32, y: u32, width: u32, height: u32) {
        let (left, right) = (x.min(self.width_dots), x.saturating_add(width).min(self.width_dots));
        if left == right {
            return;
        }
        let rows = self.bits.chunks_exact_mut(self.row_bytes.max(1));
        for row in rows.skip(y as usize).take(height as usize) {
            let (first, last) = ((left / 8) as usize, ((right - 1) / 8) as usize);
            let (head, tail) = (0xFF_u8 >> (left % 8), 0xFF_u8 << (7 - (right - 1) % 8));
            for (index, byte) in row.iter_mut().enumerate().take(last + 1).skip(first) {
                let mut mask = 0xFF;
                if index == first {
                    mask &= head;
                }
                if index == last {
                    mask &= tail;
                }
                *byte |= mask;
            }
        }
    }

    /// Draws a glyph with its upper left corner at a place, each of its dots `across` wide and `down` high.
    pub(super) fn glyph(&mut self, glyph: &Glyph, x: u32, y: u32, across: u32, down: u32) {
        for (row, dots) in (0_u32..).zip(glyph) {
            let mut rest = *dots;
            // Runs of black dots, from the left: the highest of twelve bits is the first.
            while rest != 0 {
                let begin = rest.leading_zeros() - 4;
                let run = (rest << (begin + 4)).leading_ones();
                self.fill(x + begin * across, y + row * down, run * across, down);
                rest &= (0xFFF_u16).checked_shr(begin + run).unwrap_or(0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(band: &Band) -> Vec<String> {
        let row = |row: &[u8]| {
            let dot = |x: u32| row.get((x / 8) as usize).is_some_and(|byte| byte & (0x80 >> (x % 8)) != 0);
            (0..band.width_dots()).map(|x| if dot(x) { '#' } else { '.' }).collect()
        };
        band.rows().map(row).collect()
    }

    #[test]
    fn rectangles_are_filled_and_cut_at_the_edges() {
        let mut band = Band::new(20, 3);
        band.fill(6, 0, 3, 1);
        band.fill(1, 1, 1, 1);
        band.fill(15, 1, 100, 100);
        band.fill(30, 0, 5, 5);
        band.fill(0, 9, 5, 5);
        assert_eq!(picture(&band), ["......###...........", ".#.............#####", "...............#####"]);
        assert_eq!(band.height_dots(), 3);
    }

    #[test]
    fn a_glyph_is_drawn_run_by_run() {
        let mut glyph = [0_u16; 24];
        for (row, bits) in
            glyph.iter_mut().zip([0b1000_0000_0001, 0b0111_1111_1110, 0b1111_1111_1111, 0b1010_0000_0100])
        {
            *row = bits;
        }
        let mut band = Band::new(26, 4);
        band.glyph(&glyph, 1, 0, 1, 1);
        assert_eq!(
            picture(&band),
            [
                ".#..........#.............",
                "..##########..............",
                ".############.............",
                ".#.#......#...............",
            ]
        );
        let mut large = Band::new(26, 2);
        large.glyph(&glyph, 0, 0, 2, 2);
        assert_eq!(picture(&large), ["##....................##..", "##....................##.."]);
    }
}
